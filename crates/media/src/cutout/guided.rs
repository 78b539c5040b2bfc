//! The colour guided filter: the matte that is, around each pixel, the best linear function of the photo's colours.
//!
//! He, Sun and Tang's filter in its fast form: the local functions are fitted on a smaller grid and applied at full
//! resolution, where they follow the photo's own edges.

use rayon::prelude::*;

use super::plane::Plane;
use crate::picture::Picture;
use crate::tasks;

/// How many pixels of cheap work it takes as long as to blur a pixel, and to solve for its function.
const BLURRING: usize = 4;
const SOLVING: usize = 8;

/// The local functions on their grid.
pub(super) struct Fit {
    width: usize,
    height: usize,
    functions: Vec<Function>,
}

/// Coverage = red * r + green * g + blue * b + offset, colours from 0 to 1.
type Function = [f32; 4];

/// What a local function makes of a pixel.
pub(super) fn value(function: Function, pixel: [u8; 3]) -> f32 {
    let [red, green, blue] = pixel.map(|channel| f32::from(channel) / 255.0);
    function[0] * red + function[1] * green + function[2] * blue + function[3]
}

impl Fit {
    /// The function at one pixel of the grid itself.
    pub(super) fn at(&self, at: usize) -> Function {
        self.functions[at]
    }

    /// The functions along row `y` of a picture `height` high.
    pub(super) fn line(&self, y: usize, height: usize) -> Line<'_> {
        let (above, below, down) = between(y, height, self.height);
        let row = |at: usize| &self.functions[at * self.width..][..self.width];
        Line { above: row(above), below: row(below), down }
    }
}

/// A row of functions between two rows of the grid.
pub(super) struct Line<'a> {
    above: &'a [Function],
    below: &'a [Function],
    down: f32,
}

impl Line<'_> {
    /// The function at column `x` of a picture `width` wide, bilinear between the grid's.
    pub(super) fn at(&self, x: usize, width: usize) -> Function {
        let (left, right, across) = between(x, width, self.above.len());
        std::array::from_fn(|part| {
            let above = self.above[left][part] * (1.0 - across) + self.above[right][part] * across;
            let below = self.below[left][part] * (1.0 - across) + self.below[right][part] * across;
            above * (1.0 - self.down) + below * self.down
        })
    }
}

/// The two grid positions around a pixel, and how far it lies towards the second.
pub(super) fn between(at: usize, fine: usize, coarse: usize) -> (usize, usize, f32) {
    let position = ((at as f32 + 0.5) * coarse as f32 / fine as f32 - 0.5).max(0.0);
    let first = (position as usize).min(coarse - 1);
    (first, (first + 1).min(coarse - 1), position - first as f32)
}

/// Fits `coverage` to the colours of `guide` (of the same size) in windows of `radius`. A larger `epsilon` trusts the
/// colours less.
pub(super) fn fit(guide: &Picture, coverage: &Plane, radius: usize, epsilon: f32) -> Fit {
    let (width, height) = (coverage.width, coverage.height);
    let whole = tasks::pieces(width * height * BLURRING);
    let color =
        [0, 1, 2].map(|at| guide.rgb()[at..].iter().step_by(3).map(|value| f32::from(*value) / 255.0).collect());
    let sums = sums(&color, &coverage.values, whole, |plane| blur(plane, width, height, radius));
    let mut solved: Vec<Function> = vec![[0.0; 4]; width * height];
    solved.par_iter_mut().enumerate().with_min_len(tasks::pieces(SOLVING)).for_each(|(at, fit)| {
        let mean = [sums[10][at], sums[11][at], sums[12][at]];
        let mut variance: [f32; 6] = std::array::from_fn(|k| sums[k][at] - mean[PAIRS[k].0] * mean[PAIRS[k].1]);
        for diagonal in [0, 3, 5] {
            variance[diagonal] += epsilon;
        }
        let towards = std::array::from_fn(|k| sums[6 + k][at] - mean[k] * sums[9][at]);
        let slope = solve(variance, towards);
        *fit = [slope[0], slope[1], slope[2], sums[9][at] - (0..3).map(|k| slope[k] * mean[k]).sum::<f32>()];
    });
    drop(sums);
    let parts = [0, 1, 2, 3].into_par_iter().with_min_len(whole).map(|part| {
        let mut plane: Vec<f32> = solved.iter().map(|fit| fit[part]).collect();
        blur(&mut plane, width, height, radius);
        plane
    });
    let planes: Vec<Vec<f32>> = parts.collect();
    let fits = solved.par_iter_mut().enumerate().with_min_len(tasks::PIXELS);
    fits.for_each(|(at, fit)| *fit = std::array::from_fn(|part| planes[part][at]));
    Fit { width, height, functions: solved }
}

/// Planes of what a fit is solved from, each blurred: products of two channels, of a channel and the coverage, the coverage,
/// the channels.
fn sums(color: &[Vec<f32>; 3], coverage: &[f32], whole: usize, blur: impl Fn(&mut [f32]) + Sync) -> Vec<Vec<f32>> {
    let product = |a: &[f32], b: &[f32]| -> Vec<f32> { a.iter().zip(b).map(|(a, b)| a * b).collect() };
    let planes = (0..13).into_par_iter().with_min_len(whole).map(|plane| {
        let mut plane = match plane {
            0..6 => product(&color[PAIRS[plane].0], &color[PAIRS[plane].1]),
            6..9 => product(&color[plane - 6], coverage),
            9 => coverage.to_vec(),
            _ => color[plane - 10].clone(),
        };
        blur(&mut plane);
        plane
    });
    planes.collect()
}

/// Channel pairs of a symmetric 3 x 3 matrix, row by row.
const PAIRS: [(usize, usize); 6] = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)];

/// Solves the symmetric system by its adjugate; `epsilon` on the diagonal keeps it regular.
fn solve([a, b, c, d, e, f]: [f32; 6], [x, y, z]: [f32; 3]) -> [f32; 3] {
    let first = [d * f - e * e, c * e - b * f, b * e - c * d];
    let determinant = a * first[0] + b * first[1] + c * first[2];
    if determinant <= f32::MIN_POSITIVE {
        return [0.0; 3];
    }
    let (second, third) = ([a * f - c * c, b * c - a * e], a * d - b * b);
    [
        (first[0] * x + first[1] * y + first[2] * z) / determinant,
        (first[1] * x + second[0] * y + second[1] * z) / determinant,
        (first[2] * x + second[1] * y + third * z) / determinant,
    ]
}

/// The mean over a square window of this radius, cut at the borders.
fn blur(values: &mut [f32], width: usize, height: usize, radius: usize) {
    let mut line = vec![0.0; width];
    for row in values.chunks_exact_mut(width) {
        line.copy_from_slice(row);
        let mut sum: f64 = line[..radius.min(width)].iter().map(|value| f64::from(*value)).sum();
        for x in 0..width {
            if x + radius < width {
                sum += f64::from(line[x + radius]);
            }
            if x > radius {
                sum -= f64::from(line[x - radius - 1]);
            }
            let count = (x + radius).min(width - 1) - x.saturating_sub(radius) + 1;
            row[x] = (sum / count as f64) as f32;
        }
    }
    let source = values.to_vec();
    let mut sums = vec![0.0f64; width];
    for row in source.chunks_exact(width).take(radius) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    for y in 0..height {
        if y + radius < height {
            let row = &source[(y + radius) * width..][..width];
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        if y > radius {
            let row = &source[(y - radius - 1) * width..][..width];
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum -= f64::from(*value));
        }
        let count = ((y + radius).min(height - 1) - y.saturating_sub(radius) + 1) as f64;
        let row = &mut values[y * width..][..width];
        row.iter_mut().zip(&sums).for_each(|(value, sum)| *value = (sum / count) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_follows_an_edge_that_the_soft_shape_only_hints_at() {
        let (width, height, edge) = (60, 40, 33);
        let rgb = (0..width * height).flat_map(|at| if at % width < edge { [30, 60, 90] } else { [220, 180, 60] });
        let guide = Picture::new(width as u32, height as u32, rgb.collect());
        let soft = (0..width * height).map(|at| ((at % width) as f32 / width as f32).clamp(0.0, 1.0)).collect();
        let fit = fit(&guide, &Plane::new(width, height, soft), 8, 1e-4);
        let coverage = |x: usize| value(fit.line(20, height).at(x, width), guide.pixel(x as u32, 20));
        let step = coverage(edge) - coverage(edge - 1);
        assert!(step > 0.1, "the ramp of 1/60 a pixel became a step of {step}");
        assert!((coverage(edge + 1) - coverage(edge)).abs() < 0.03);
    }

    #[test]
    fn plain_colour_keeps_the_local_mean() {
        let guide = Picture::filled(20, 20, [100, 100, 100]);
        let fit = fit(&guide, &Plane::new(20, 20, vec![0.4; 400]), 3, 1e-4);
        assert!((value(fit.at(210), [100, 100, 100]) - 0.4).abs() < 1e-4);
    }

    #[test]
    fn blur_is_the_mean_of_the_window_also_at_the_borders() {
        let mut values = vec![0.0, 3.0, 6.0, 9.0];
        blur(&mut values, 4, 1, 1);
        assert_eq!(values, [1.5, 3.0, 6.0, 7.5]);
        let mut column = vec![0.0, 3.0, 6.0, 9.0];
        blur(&mut column, 1, 4, 9);
        assert_eq!(column, [4.5; 4]);
    }
}
