//! The network that looks for gaps: a U of five sizes, at half the size of what it judges.

use crate::cutout::error::CutoutError;
use crate::cutout::layers::{Conv, Layers, Map};

/// What it is shown: four pixels of three colours, coverage, the ground's three colours.
pub(super) const CHANNELS: usize = 16;
/// Sizes on the way down, each with two layers.
const SIZES: usize = 4;
/// How far the last layer of the bottom looks.
const REACH: usize = 2;
/// What it says for each place: the four pixels in it.
const SAID: usize = 4;

pub(super) struct Network {
    down: Vec<[Conv; 2]>,
    bottom: [Conv; 2],
    up: Vec<Conv>,
    out: [Conv; 2],
}

impl Network {
    /// Any file whose convolutions, in their order, fit this shape.
    pub(super) fn from_onnx(file: &[u8]) -> Result<Network, CutoutError> {
        let mut layers = Layers::of(file)?;
        let mut down: Vec<[Conv; 2]> = Vec::new();
        for _ in 0..SIZES {
            let first = layers.next(down.last().map_or(CHANNELS, outputs), 1, true)?;
            let second = layers.next(first.outputs(), 1, true)?;
            down.push([first, second]);
        }
        let first = layers.next(down.last().map_or(CHANNELS, outputs), 1, true)?;
        let second = layers.next(first.outputs(), REACH, true)?;
        let bottom = [first, second];
        let mut up: Vec<Conv> = Vec::new();
        for beside in down.iter().rev() {
            let below = up.last().unwrap_or(&bottom[1]).outputs();
            up.push(layers.next(below + outputs(beside), 1, true)?);
        }
        let first = layers.next(up.last().unwrap_or(&bottom[1]).outputs(), 1, true)?;
        let last = layers.next(first.outputs(), 1, false)?;
        layers.end()?;
        if last.outputs() != SAID {
            return Err(CutoutError::ForeignModel);
        }
        Ok(Network { down, bottom, up, out: [first, last] })
    }

    /// How surely each pixel is ground, from 0 to 1, at twice the size of the planes.
    pub(super) fn run(&self, planes: &[f32], width: usize, height: usize) -> Vec<f32> {
        let mut map = Map::of_planes(planes, width, height);
        let mut seen: Vec<Map> = Vec::new();
        for pair in &self.down {
            let above = both(pair, &map);
            map = above.pooled();
            seen.push(above);
        }
        map = both(&self.bottom, &map);
        for layer in &self.up {
            let Some(beside) = seen.pop() else { break };
            map = layer.of(&[&map.enlarged(beside.width, beside.height), &beside], None);
        }
        let said = both(&self.out, &map);
        let pixel = |y: usize, x: usize| {
            let value = said.line(y / 2, y % 2 * 2 + x % 2)[x / 2];
            1.0 / (1.0 + (-value).exp())
        };
        (0..2 * height).flat_map(|y| (0..2 * width).map(move |x| (y, x))).map(|(y, x)| pixel(y, x)).collect()
    }
}

fn both([first, second]: &[Conv; 2], map: &Map) -> Map {
    second.of(&[&first.of(&[map], None)], None)
}

fn outputs(pair: &[Conv; 2]) -> usize {
    pair[1].outputs()
}

#[cfg(test)]
mod tests {
    use rten_tensor::NdTensor;
    use rten_tensor::prelude::*;

    use super::*;
    use crate::cutout::GAPS;

    #[test]
    fn it_says_what_its_file_says_on_a_general_runtime() {
        let network = Network::from_onnx(GAPS).unwrap();
        let general = rten::Model::load_static_slice(GAPS).unwrap();
        // Sizes that halve evenly, and one that does not.
        for (width, height) in [(32, 16), (45, 37)] {
            let planes: Vec<f32> =
                (0..CHANNELS * width * height).map(|at| (at * 7919 % 997) as f32 / 997.0 - 0.5).collect();
            let own = network.run(&planes, width, height);
            let shown = NdTensor::from_data([1, CHANNELS, height, width], planes);
            let said = general.run_one(shown.view().into(), None).unwrap();
            let said: NdTensor<f32, 4> = said.try_into().unwrap();
            assert_eq!(said.shape(), [1, 1, 2 * height, 2 * width]);
            let most = own.iter().zip(said.to_vec()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(most < 1e-3, "they differ by {most}");
            assert!(own.iter().any(|sure| (sure - own[0]).abs() > 1e-3), "it says the same everywhere");
        }
    }

    #[test]
    fn another_networks_file_is_refused() {
        for file in [crate::cutout::WEIGHTS, &GAPS[..GAPS.len() / 2], b""] {
            assert!(Network::from_onnx(file).is_err());
        }
    }
}
