//! Between pictures and the network: its exact preprocessing, and what its answer means.

use super::plane::{Plane, resized_picture};
use super::runtime::{Input, SIDE};
use crate::picture::{Picture, Rect};

/// Mean and deviation of ImageNet's channels, with which the network was trained.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// The network's view of one part of the photo: squeezed to a square, divided by its own brightest value.
pub(super) fn input_of(photo: &Picture, area: Rect) -> Input {
    let square = resized_picture(photo, area, SIDE, SIDE);
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
