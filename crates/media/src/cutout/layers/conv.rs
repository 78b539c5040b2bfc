//! Convolutions of 3 x 3, straight from the input's rows.
//!
//! The usual way, which unrolls the input into a matrix of nine times its size, is slow where there are few channels: the
//! network has 16 to 64, and unrolling costs more than multiplying. Here a tile of eight output channels and one or two
//! vectors of pixels stays in registers while all that goes into it passes by once.

use rten_simd::ops::{BitOps, NumOps};
use rten_simd::{Isa, SimdOp};

use super::map::{MARGIN, Map, TILE};

/// Output channels of a tile.
const BLOCK: usize = 8;
const TAPS: usize = 3;

/// One layer: weights, bias and, for most, nothing below zero.
pub(in crate::cutout) struct Conv {
    inputs: usize,
    outputs: usize,
    dilation: usize,
    rectified: bool,
    /// By block of output channels, then row of the kernel, input channel and column of the kernel; a value for each
    /// channel of the block.
    weights: Vec<f32>,
    bias: Vec<f32>,
    block: usize,
}

/// A layer's numbers as they are stored: `weights` is outputs x inputs x side x side.
pub(in crate::cutout) struct Numbers {
    pub outputs: usize,
    pub inputs: usize,
    pub side: usize,
    pub weights: Vec<f32>,
    pub bias: Vec<f32>,
}

impl Conv {
    pub(in crate::cutout) fn new(numbers: &Numbers, dilation: usize, rectified: bool) -> Conv {
        let &Numbers { outputs, inputs, side, .. } = numbers;
        let block = if outputs == 1 { 1 } else { BLOCK };
        let blocks = outputs.div_ceil(block);
        // A kernel of one is the middle of one of three.
        let first = (TAPS - side) / 2;
        let mut weights = vec![0.0; blocks * block * inputs * TAPS * TAPS];
        for (at, value) in numbers.weights.iter().enumerate() {
            let (column, rest) = (at % side + first, at / side);
            let (row, rest) = (rest % side + first, rest / side);
            let (input, output) = (rest % inputs, rest / inputs);
            let place = ((output / block * TAPS + row) * inputs + input) * TAPS + column;
            weights[place * block + output % block] = *value;
        }
        let mut bias = numbers.bias.clone();
        bias.resize(blocks * block, 0.0);
        Conv { inputs, outputs, dilation: dilation.min(MARGIN), rectified, weights, bias, block }
    }

    /// The layer on all channels of `sources`, which have the same size, with `add` added to what comes out.
    pub(in crate::cutout) fn of(&self, sources: &[&Map], add: Option<&Map>) -> Map {
        let (width, height) = (sources[0].width, sources[0].height);
        Map::of_rows((self.outputs, width, height), |y, out| {
            let add = add.map(|map| &map.rows_from(y + MARGIN)[..out.len()]);
            Row { conv: self, sources, y, out, add }.dispatch();
        })
    }

    pub(in crate::cutout) fn outputs(&self) -> usize {
        self.outputs
    }
}

/// One row of all output channels.
struct Row<'a> {
    conv: &'a Conv,
    sources: &'a [&'a Map],
    y: usize,
    out: &'a mut [f32],
    add: Option<&'a [f32]>,
}

impl SimdOp for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        // Two vectors a tile where there are registers for them.
        match (self.conv.block, isa.f32().len() * 2 >= TILE) {
            (BLOCK, true) => self.tiles::<I, BLOCK, 2>(isa),
            (BLOCK, false) => self.tiles::<I, BLOCK, 1>(isa),
            (_, true) => self.tiles::<I, 1, 2>(isa),
            (_, false) => self.tiles::<I, 1, 1>(isa),
        }
    }
}

impl Row<'_> {
    /// All tiles of the row. Plain counting loops: they are unrolled, and all sums stay in registers.
    #[inline(always)]
    #[expect(clippy::needless_range_loop, reason = "iterators over the sums put them on the stack, at half the speed")]
    fn tiles<I: Isa, const B: usize, const V: usize>(self, isa: I) {
        let ops = isa.f32();
        let Row { conv, sources, y, out, add } = self;
        let (width, stride) = (sources[0].width, sources[0].stride);
        let weights = conv.weights.as_chunks::<B>().0;
        let blocks = weights.chunks_exact(TAPS * conv.inputs * TAPS).zip(conv.bias.as_chunks::<B>().0);
        for x in (0..width).step_by(V * ops.len()) {
            for (block, (weights, bias)) in blocks.clone().enumerate() {
                let sums = conv.tile::<I, B, V>(isa, sources, (x, y), weights, bias);
                for channel in 0..B {
                    let start = (block * B + channel) * stride + MARGIN + x;
                    for n in 0..V {
                        let at = start + n * ops.len();
                        if at < out.len() {
                            let sum = sums[channel][n];
                            let sum = if conv.rectified { ops.max(sum, ops.zero()) } else { sum };
                            let sum = add.map_or(sum, |add| ops.add(sum, ops.load(&add[at..])));
                            ops.store(sum, &mut out[at..]);
                        }
                    }
                }
            }
        }
    }
}

impl Conv {
    /// `B` channels of `V` vectors of pixels from `x` on.
    #[inline(always)]
    fn tile<I: Isa, const B: usize, const V: usize>(
        &self,
        isa: I,
        sources: &[&Map],
        (x, y): (usize, usize),
        weights: &[[f32; B]],
        bias: &[f32; B],
    ) -> [[I::F32; V]; B] {
        let ops = isa.f32();
        let dilation = self.dilation;
        let mut sums: [[I::F32; V]; B] = std::array::from_fn(|channel| [ops.splat(bias[channel]); V]);
        let mut weights = weights.as_chunks::<TAPS>().0.iter();
        for tap in 0..TAPS {
            for source in sources {
                let rows = source.rows_from(y + MARGIN + tap * dilation - dilation);
                let lines = rows.chunks_exact(source.stride).take(source.channels);
                for (line, weights) in lines.zip(&mut weights) {
                    let line = &line[MARGIN + x - dilation..][..V * ops.len() + 2 * dilation];
                    // By hand: a loop here is unrolled too late.
                    step::<I, B, V>(isa, &mut sums, line, &weights[0]);
                    step::<I, B, V>(isa, &mut sums, &line[dilation..], &weights[1]);
                    step::<I, B, V>(isa, &mut sums, &line[2 * dilation..], &weights[2]);
                }
            }
        }
        sums
    }
}

/// Adds what one tap of one input channel gives.
#[inline(always)]
fn step<I: Isa, const B: usize, const V: usize>(isa: I, sums: &mut [[I::F32; V]; B], line: &[f32], weights: &[f32; B]) {
    let ops = isa.f32();
    let pixels = ops.load_many::<V>(line);
    for channel in 0..B {
        let weight = ops.splat(weights[channel]);
        for n in 0..V {
            sums[channel][n] = ops.mul_add(pixels[n], weight, sums[channel][n]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers between -1 and 1 that look like chance.
    fn noise(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|at| ((at * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0).collect()
    }

    /// The definition, one sum at a time.
    fn defined(numbers: &Numbers, planes: &[f32], width: usize, height: usize, dilation: usize) -> Vec<f32> {
        let reach = (numbers.side / 2 * dilation) as isize;
        let pixel = |input: usize, x: isize, y: isize| {
            let inside = x >= 0 && y >= 0 && x < width as isize && y < height as isize;
            if inside { planes[(input * height + y as usize) * width + x as usize] } else { 0.0 }
        };
        let mut out = Vec::new();
        for (output, bias) in numbers.bias.iter().enumerate() {
            for (y, x) in (0..height as isize).flat_map(|y| (0..width as isize).map(move |x| (y, x))) {
                let mut sum = *bias;
                for at in 0..numbers.inputs * numbers.side * numbers.side {
                    let (column, row) = (at % numbers.side, at / numbers.side % numbers.side);
                    let (column, row) = ((column * dilation) as isize, (row * dilation) as isize);
                    let weight = numbers.weights[output * numbers.inputs * numbers.side * numbers.side + at];
                    let input = at / (numbers.side * numbers.side);
                    sum += weight * pixel(input, x + column - reach, y + row - reach);
                }
                out.push(sum);
            }
        }
        out
    }

    #[test]
    fn a_layer_is_what_its_definition_says() {
        for (outputs, inputs, side, dilation, width, height) in [
            (16, 3, 3, 1, 40, 9),
            (16, 16, 3, 2, 33, 17),
            (8, 4, 3, 8, 10, 10),
            (11, 2, 3, 4, 1, 1),
            (1, 6, 1, 1, 65, 3),
            (1, 5, 3, 1, 31, 2),
        ] {
            let weights = noise(outputs * inputs * side * side, 1);
            let numbers = Numbers { outputs, inputs, side, weights, bias: noise(outputs, 2) };
            let planes = noise(inputs * width * height, 3);
            let expected = defined(&numbers, &planes, width, height, dilation);
            let split = (inputs / 2) * width * height;
            let [first, second] = [&planes[..split], &planes[split..]].map(|part| Map::of_planes(part, width, height));
            let added = noise(outputs * width * height, 4);
            let add = Map::of_planes(&added, width, height);
            let plain = Conv::new(&numbers, dilation, false).of(&[&first, &second], None);
            let rectified = Conv::new(&numbers, dilation, true).of(&[&first, &second], Some(&add));
            // As on a machine with the narrowest vectors.
            let conv = Conv::new(&numbers, dilation, false);
            let narrow = Map::of_rows((outputs, width, height), |y, out| {
                let row = Row { conv: &conv, sources: &[&first, &second], y, out, add: None };
                row.eval(rten_simd::isa::GenericIsa::new());
            });
            for (at, expected) in expected.iter().enumerate() {
                let (channel, y, x) = (at / (width * height), at / width % height, at % width);
                let near = |found: f32, expected: f32| (found - expected).abs() < 1e-4;
                assert!(near(plain.line(y, channel)[x], *expected), "{outputs} of {inputs} at {at}");
                assert!(near(narrow.line(y, channel)[x], *expected), "{outputs} of {inputs} at {at}, narrow");
                assert!(near(rectified.line(y, channel)[x], expected.max(0.0) + added[at]), "{inputs} at {at}");
            }
        }
    }
}
