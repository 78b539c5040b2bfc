//! One resampling from the crop to the canvas, in linear light.
//!
//! Colour is multiplied by coverage first, so that pixels outside the product never bleed into its edge.

use plantain_scale::U16x4;
use plantain_scale::{FilterType, ResizeAlg, ResizeOptions};
use rayon::prelude::*;

use crate::compose::linear::Curve;
use crate::compose::placement::{Placement, Window};
use crate::picture::{Matte, Picture, Rect};
use crate::tasks;

/// Reductions stronger than this lose the acutance that a camera's own reduction would keep. What is enlarged is left as the filter
/// makes it: the sample photos made smaller by 1.25 to 3 and enlarged again came at most 0.07 dB nearer to themselves by sharpening
/// before or after, and up to 0.4 dB less near at the least strength that can be seen.
const SHARPEN_BELOW: f64 = 0.75;
/// Strength of the sharpening at a reduction to a third and beyond; stronger draws light seams.
const SHARPEN_MAX: f64 = 0.35;

/// Linear RGB and coverage, 16 bits each, of the canvas area that the source covers.
pub(crate) struct Layer {
    pub area: Rect,
    pub pixels: Vec<U16x4>,
}

/// Whether colour is weighed by coverage.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weigh {
    /// A cut-out: premultiplied, transparent outside.
    ByCoverage,
    /// A whole picture whose coverage travels along as a fourth channel.
    Whole,
}

impl Layer {
    /// `None` where the source misses the canvas.
    pub(crate) fn resample(
        (color, matte): (&Picture, &Matte),
        weigh: Weigh,
        curves: [&Curve; 3],
        placement: Placement,
        canvas: (u32, u32),
    ) -> Option<Layer> {
        let window = placement.window((color.width(), color.height()), canvas)?;
        let pad = placement.overhang();
        let source = padded(color, matte, weigh, curves, pad);
        let size = (color.width() + 2 * pad, color.height() + 2 * pad);
        let mut pixels = resize(&source, size, &window, pad);
        sharpen(&mut pixels, window.canvas.width as usize, sharpening(placement.scale));
        Some(Layer { area: window.canvas, pixels })
    }

    pub(crate) fn row(&self, y: u32) -> Option<&[U16x4]> {
        let row = y.checked_sub(self.area.y).filter(|row| *row < self.area.height)? as usize;
        let width = self.area.width as usize;
        Some(&self.pixels[row * width..(row + 1) * width])
    }

    /// Coverage on the whole canvas, 8 bits.
    pub(crate) fn matte(&self, canvas: (u32, u32)) -> Matte {
        let mut alpha = vec![0; canvas.0 as usize * canvas.1 as usize];
        let left = self.area.x as usize;
        let rows = alpha.par_chunks_exact_mut(canvas.0 as usize).enumerate();
        rows.with_min_len(tasks::pieces(canvas.0 as usize)).for_each(|(y, row)| {
            let Some(from) = self.row(y as u32) else { return };
            for (to, pixel) in row[left..].iter_mut().zip(from) {
                *to = eight_bits(pixel.0[3]);
            }
        });
        Matte::new(canvas.0, canvas.1, alpha)
    }
}

pub(crate) fn eight_bits(value: u16) -> u8 {
    ((u32::from(value) + 128) / 257) as u8
}

/// The source in linear light with `pad` empty (or, for whole pictures, repeated) pixels around it.
fn padded(color: &Picture, matte: &Matte, weigh: Weigh, curves: [&Curve; 3], pad: u32) -> Vec<U16x4> {
    let (width, height) = (color.width() as usize, color.height() as usize);
    let (pad, stride) = (pad as usize, width + 2 * pad as usize);
    let mut pixels = vec![U16x4::default(); stride * (height + 2 * pad)];
    let rows = pixels.par_chunks_exact_mut(stride).enumerate().with_min_len(tasks::pieces(stride));
    rows.for_each(|(row, out)| {
        let y = row.saturating_sub(pad).min(height - 1);
        if weigh == Weigh::ByCoverage && row.wrapping_sub(pad) >= height {
            return;
        }
        let rgb = color.rgb()[y * width * 3..(y + 1) * width * 3].as_chunks::<3>().0;
        let alpha = &matte.alpha()[y * width..(y + 1) * width];
        for ((out, rgb), alpha) in out[pad..].iter_mut().zip(rgb).zip(alpha) {
            *out = pixel(*rgb, *alpha, weigh, curves);
        }
        if weigh == Weigh::Whole {
            let (first, last) = (out[pad], out[pad + width - 1]);
            out[..pad].fill(first);
            out[pad + width..].fill(last);
        }
    });
    pixels
}

#[inline]
fn pixel(rgb: [u8; 3], alpha: u8, weigh: Weigh, curves: [&Curve; 3]) -> U16x4 {
    let light = [0, 1, 2].map(|c| curves[c][usize::from(rgb[c])]);
    let coverage = u16::from(alpha) * 257;
    let [r, g, b] = match (weigh, alpha) {
        (Weigh::Whole, _) | (_, 255) => light,
        (_, 0) => [0; 3],
        _ => light.map(|v| ((u32::from(v) * u32::from(alpha) + 127) / 255) as u16),
    };
    U16x4::new([r, g, b, coverage])
}

fn resize(source: &[U16x4], size: (u32, u32), window: &Window, pad: u32) -> Vec<U16x4> {
    let (x, y, width, height) = window.source;
    let (x, y) = ((x + f64::from(pad)).max(0.0), (y + f64::from(pad)).max(0.0));
    let (width, height) = (width.min(f64::from(size.0) - x), height.min(f64::from(size.1) - y));
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .crop(x, y, width, height)
        .use_alpha(false);
    plantain_scale::wide(source, size, (window.canvas.width, window.canvas.height), &options)
}

/// How much to sharpen after a reduction by `scale`: nothing near full size, most at a third and beyond.
fn sharpening(scale: f64) -> f64 {
    ((SHARPEN_BELOW - scale) / (SHARPEN_BELOW - 1.0 / 3.0)).clamp(0.0, 1.0) * SHARPEN_MAX
}

/// Adds the difference to the four neighbours, only where all of them are wholly product: an edge is never outlined.
fn sharpen(pixels: &mut [U16x4], width: usize, amount: f64) {
    if amount == 0.0 || width < 3 {
        return;
    }
    let before = pixels.to_vec();
    let weight = (amount * 256.0 / 4.0) as i64;
    let height = pixels.len() / width;
    let inner = pixels.par_chunks_exact_mut(width).enumerate().skip(1).take(height.saturating_sub(2));
    inner.with_min_len(tasks::pieces(width)).for_each(|(y, row)| {
        for (x, pixel) in row.iter_mut().enumerate().skip(1).take(width - 2) {
            let at = y * width + x;
            let around = [before[at - 1], before[at + 1], before[at - width], before[at + width]];
            if pixel.0[3] == u16::MAX && around.iter().all(|p| p.0[3] == u16::MAX) {
                sharpen_pixel(pixel, &around, weight);
            }
        }
    });
}

#[inline]
fn sharpen_pixel(pixel: &mut U16x4, around: &[U16x4; 4], weight: i64) {
    for channel in 0..3 {
        let centre = i64::from(pixel.0[channel]);
        let sum: i64 = around.iter().map(|p| i64::from(p.0[channel])).sum();
        pixel.0[channel] = (centre + (4 * centre - sum) * weight / 256).clamp(0, 65535) as u16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::linear::{plain_curve, srgb_table};
    use crate::compose::placement::place;

    /// A red square on green, which the matte says is not product.
    fn red_square(side: u32) -> (Picture, Matte) {
        let mut picture = Picture::filled(side, side, [0, 200, 0]);
        let mut matte = Matte::new(side, side, vec![0; (side * side) as usize]);
        for y in side / 4..3 * side / 4 {
            for x in side / 4..3 * side / 4 {
                let at = (y * side + x) as usize;
                picture.rgb_mut()[at * 3..at * 3 + 3].copy_from_slice(&[200, 30, 30]);
                matte.alpha_mut()[at] = 255;
            }
        }
        (picture, matte)
    }

    #[test]
    fn the_old_background_never_bleeds_into_the_edge() {
        let (picture, matte) = red_square(120);
        let product = matte.bounds(128).unwrap();
        for fill in [0.3, 0.88] {
            let placed = place(product, (100, 100), fill);
            let layer =
                Layer::resample((&picture, &matte), Weigh::ByCoverage, [plain_curve(); 3], placed, (100, 100)).unwrap();
            for pixel in layer.pixels.iter().filter(|p| p.0[3] > 2000) {
                let [r, g, _, a] = pixel.0.map(u64::from);
                let green = srgb_table()[(g * 65535 / a).min(65535) as usize];
                assert!(green < 60, "green {green} of {r} at coverage {a}");
            }
        }
    }

    #[test]
    fn same_size_in_the_same_place_keeps_every_byte() {
        let (picture, matte) = red_square(40);
        let placed = Placement { scale: 1.0, left: 0.0, top: 0.0 };
        let layer = Layer::resample((&picture, &matte), Weigh::Whole, [plain_curve(); 3], placed, (40, 40)).unwrap();
        let bytes: Vec<u8> =
            layer.pixels.iter().flat_map(|p| [0, 1, 2].map(|c| srgb_table()[usize::from(p.0[c])])).collect();
        assert_eq!(bytes, picture.rgb());
        assert_eq!(layer.matte((40, 40)), matte);
    }

    #[test]
    fn the_product_of_a_whole_picture_is_sharpened_like_a_cut_out() {
        let (mut picture, matte) = red_square(300);
        for (at, value) in picture.rgb_mut().iter_mut().enumerate() {
            *value = value.saturating_add((at as u64 * 2_654_435_761 % 97) as u8 / 2);
        }
        let placed = Placement { scale: 0.4, left: 0.0, top: 0.0 };
        let [whole, cut] = [Weigh::Whole, Weigh::ByCoverage]
            .map(|weigh| Layer::resample((&picture, &matte), weigh, [plain_curve(); 3], placed, (120, 120)).unwrap());
        let inside = (36..84).flat_map(|y| (36..84).map(move |x| y * 120 + x));
        for at in inside {
            assert_eq!(whole.pixels[at].0, cut.pixels[at].0, "pixel {at}");
        }
    }

    #[test]
    fn sharpening_grows_with_the_reduction() {
        for (scale, amount) in [(2.0, 0.0), (1.0, 0.0), (0.75, 0.0), (1.0 / 3.0, 0.35), (0.1, 0.35)] {
            assert!((sharpening(scale) - amount).abs() < 1e-9, "{scale}");
        }
        assert!(sharpening(0.5) > 0.1 && sharpening(0.5) < 0.35);
    }
}
