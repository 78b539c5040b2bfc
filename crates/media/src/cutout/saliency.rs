//! Between pictures and the network: its exact preprocessing, and what its answer means.

use super::plane::{Plane, resized_picture};
use super::runtime::{Input, SIDE};
use crate::picture::{Picture, Rect};

/// Mean and deviation of ImageNet's channels, with which the network was trained.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// One part of the photo squeezed to the network's square.
pub(super) fn square_of(photo: &Picture, area: Rect) -> Picture {
    resized_picture(photo, area, SIDE, SIDE)
}

/// Levels by which a plain wall differs from itself.
const PLAIN_SPREAD: u8 = 6;

/// Whether the square is one plain colour: nothing is in it, and the network need not be asked.
pub(super) fn is_plain(square: &Picture) -> bool {
    (0..3).all(|channel| {
        let samples = || square.rgb()[channel..].iter().step_by(3).copied();
        samples().max().unwrap_or(0) - samples().min().unwrap_or(0) <= PLAIN_SPREAD
    })
}

/// The network's view of a square: divided by its own brightest value and normalised, channel by channel.
pub(super) fn input_of(square: &Picture) -> Input {
    let brightest = f32::from(square.rgb().iter().copied().max().unwrap_or(0).max(1));
    let mut input = vec![0.0; 3 * SIDE * SIDE];
    for (channel, plane) in input.chunks_exact_mut(SIDE * SIDE).enumerate() {
        let samples = square.rgb()[channel..].iter().step_by(3);
        for (value, sample) in plane.iter_mut().zip(samples) {
            *value = (f32::from(*sample) / brightest - MEAN[channel]) / DEVIATION[channel];
        }
    }
    input
}

/// What the network answered, before it is stretched to the full range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contrast {
    pub least: f32,
    pub most: f32,
}

/// Stretches the answer so that its least is 0 and its most is 1.
pub(super) fn normalised(mut saliency: Vec<f32>) -> (Plane, Contrast) {
    let least = saliency.iter().copied().fold(f32::INFINITY, f32::min);
    let most = saliency.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let span = (most - least).max(1e-6);
    saliency.iter_mut().for_each(|value| *value = (*value - least) / span);
    (Plane::new(SIDE, SIDE, saliency), Contrast { least, most })
}

impl Contrast {
    /// Whether anything stood out at all. Stretching makes a product of the faintest unevenness, so this is asked of
    /// the answer as it came.
    pub(super) fn shows_something(self) -> bool {
        self.most >= LEAST_PEAK && self.most - self.least >= LEAST_SPAN
    }
}

/// Real products reach .9 and more.
const LEAST_PEAK: f32 = 0.5;
const LEAST_SPAN: f32 = 0.3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_is_plain_and_a_speck_on_it_is_not() {
        let mut wall = Picture::filled(SIDE as u32, SIDE as u32, [200, 190, 180]);
        wall.rgb_mut()[30] += PLAIN_SPREAD;
        assert!(is_plain(&wall));
        wall.rgb_mut()[600] -= 1;
        assert!(!is_plain(&wall));
    }

    #[test]
    fn input_is_divided_by_the_brightest_value_and_normalised() {
        let mut square = Picture::filled(SIDE as u32, SIDE as u32, [100, 50, 0]);
        square.rgb_mut()[0] = 200;
        let input = input_of(&square);
        let near = |value: f32, expected: f32| (value - expected).abs() < 1e-5;
        assert!(near(input[0], (1.0 - 0.485) / 0.229) && near(input[1], (0.5 - 0.485) / 0.229));
        assert!(near(input[SIDE * SIDE], (0.25 - 0.456) / 0.224) && near(input[2 * SIDE * SIDE], -0.406 / 0.225));
    }

    #[test]
    fn faint_unevenness_shows_nothing() {
        let shows = |least, most| Contrast { least, most }.shows_something();
        assert!(shows(0.0, 0.9) && shows(0.1, 0.5));
        assert!(!shows(0.0, 0.49) && !shows(0.6, 0.8));
        let (plane, contrast) = normalised(vec![0.2, 0.6, 0.4].into_iter().cycle().take(SIDE * SIDE).collect());
        assert_eq!((contrast.least, contrast.most), (0.2, 0.6));
        assert_eq!((plane.values[0], plane.values[1]), (0.0, 1.0));
    }
}
