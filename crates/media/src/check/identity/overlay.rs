//! The picture that shows a person where the product strays.

use super::grid::Grid;
use crate::picture::Picture;

/// Heat below this is what two pictures of one product differ by anyway.
const FAINT: f32 = 0.45;
const LITTLE: [f32; 3] = [255.0, 205.0, 40.0];
const MUCH: [f32; 3] = [220.0, 20.0, 30.0];
/// Light grey, so that the colours stand out: lightness 0 to 100 becomes these levels.
const GREYS: (f32, f32) = (40.0, 245.0);

pub(super) fn drawn(shown: &Grid, heat: &[f32]) -> Picture {
    let mut rgb = Vec::with_capacity(heat.len() * 3);
    for ((lab, cover), heat) in shown.lab.iter().zip(&shown.cover).zip(heat) {
        let grey = GREYS.0 + (GREYS.1 - GREYS.0) * (lab[0] / 100.0).clamp(0.0, 1.0);
        let grey = 255.0 + (grey - 255.0) * cover;
        let far = ((heat - FAINT) / (1.0 - FAINT)).clamp(0.0, 1.0);
        let strength = if *heat > FAINT { 0.35 + 0.45 * far } else { 0.0 };
        for (little, much) in LITTLE.iter().zip(MUCH) {
            let colour = little + (much - little) * far;
            rgb.push((grey + (colour - grey) * strength + 0.5) as u8);
        }
    }
    Picture::new(shown.side as u32, shown.side as u32, rgb)
}
