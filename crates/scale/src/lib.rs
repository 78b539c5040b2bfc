//! Pixels at another size: the one door to the resizing library.
//!
//! A crate of its own for one reason: the library's generic code is compiled where it is used and takes a minute, so it stands
//! apart from the picture engine, which changes often. Only its typed call is used, one instance a pixel type; the untyped
//! one would be compiled for every pair of pixel types at each place that calls it.

use fast_image_resize::images::{TypedImage, TypedImageRef};
pub use fast_image_resize::pixels::U16x4;
use fast_image_resize::pixels::{F32, U8, U8x3};
use fast_image_resize::{CropBox, PixelTrait, Resizer, SrcCropping};
pub use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions};
use rayon::prelude::*;

/// Width and height in pixels.
pub type Size = (u32, u32);

/// Interleaved colours, three bytes a pixel.
pub fn colors(samples: &[u8], from: Size, to: Size, options: &ResizeOptions) -> Vec<u8> {
    resized_bytes::<U8x3>(samples, from, to, options)
}

/// One byte a pixel.
pub fn bytes(samples: &[u8], from: Size, to: Size, options: &ResizeOptions) -> Vec<u8> {
    resized_bytes::<U8>(samples, from, to, options)
}

/// One float a pixel. A filter with negative lobes may overshoot.
pub fn floats(samples: &[f32], from: Size, to: Size, options: &ResizeOptions) -> Vec<f32> {
    let pixels: Vec<F32> = samples.iter().map(|sample| F32::new(*sample)).collect();
    resized(&pixels, from, to, options).into_iter().map(|pixel| pixel.0).collect()
}

/// Four wide channels a pixel, the last one coverage. Colours are to be weighed by coverage before.
pub fn wide(pixels: &[U16x4], from: Size, to: Size, options: &ResizeOptions) -> Vec<U16x4> {
    resized(pixels, from, to, options)
}

fn resized<P: PixelTrait>(pixels: &[P], from: Size, to: Size, options: &ResizeOptions) -> Vec<P> {
    let source = TypedImageRef::new(from.0, from.1, pixels).expect("the samples fill the size");
    let mut made = vec![P::default(); to.0 as usize * to.1 as usize];
    in_bands(&mut made, to.0 as usize, from, to, options, |band, size, options| {
        let target = TypedImage::from_pixels_slice(size.0, size.1, band).expect("the band has this size");
        resize(&source, target, options);
    });
    made
}

/// Pixels of single bytes are written where they stay.
fn resized_bytes<P: PixelTrait>(samples: &[u8], from: Size, to: Size, options: &ResizeOptions) -> Vec<u8> {
    let source = TypedImageRef::<P>::from_buffer(from.0, from.1, samples).expect("the samples fill the size");
    let row = to.0 as usize * size_of::<P>();
    let mut made = vec![0; row * to.1 as usize];
    in_bands(&mut made, row, from, to, options, |band, size, options| {
        let target = TypedImage::from_buffer(size.0, size.1, band).expect("the band has this size");
        resize(&source, target, options);
    });
    made
}

/// Source and target pixels that make a band: fewer are sooner done than handed to another thread.
const BAND: f64 = 512.0 * 1024.0;
/// The most bands: beyond a few, the rows that neighbours both read outweigh what another thread saves.
const BANDS: u32 = 4;

/// Makes the target in bands of whole rows, at the same time where it is large. Their number depends on sizes alone, never on
/// the machine, so that a picture has the same bytes everywhere.
fn in_bands<T: Send>(
    made: &mut [T],
    row: usize,
    from: Size,
    to: Size,
    options: &ResizeOptions,
    make: impl Fn(&mut [T], Size, &ResizeOptions) + Sync,
) {
    let crop = match options.cropping {
        SrcCropping::Crop(crop) => crop,
        SrcCropping::FitIntoDestination(middle) => {
            CropBox::fit_src_into_dst_size(from.0, from.1, to.0, to.1, Some(middle))
        }
        _ => CropBox { left: 0.0, top: 0.0, width: f64::from(from.0), height: f64::from(from.1) },
    };
    let work = crop.width * crop.height + f64::from(to.0) * f64::from(to.1);
    let bands = ((work / BAND) as u32).clamp(1, BANDS);
    let rows = to.1.div_ceil(bands).max(1);
    let step = crop.height / f64::from(to.1);
    made.par_chunks_mut((row * rows as usize).max(1)).enumerate().for_each(|(band, pixels)| {
        let first = band as u32 * rows;
        let size = (to.0, rows.min(to.1 - first));
        let top = crop.top + f64::from(first) * step;
        // Rounding must not carry the last band beyond the source.
        let height = (f64::from(size.1) * step).min(f64::from(from.1) - top);
        make(pixels, size, &options.crop(crop.left, top, crop.width, height));
    });
}

/// A crop in `options` lies within the source.
fn resize<P: PixelTrait>(source: &TypedImageRef<P>, mut target: TypedImage<P>, options: &ResizeOptions) {
    Resizer::new().resize_typed(source, &mut target, options).expect("the crop lies within the source");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_surface_stays_flat_at_any_size() {
        let options = ResizeOptions::new();
        assert_eq!(colors(&[9, 8, 7].repeat(12), (4, 3), (7, 2), &options), [9, 8, 7].repeat(14));
        assert_eq!(bytes(&[200; 12], (4, 3), (2, 2), &options), [200; 4]);
        let flat = floats(&[0.5; 12], (4, 3), (8, 6), &options);
        assert!(flat.len() == 48 && flat.iter().all(|value| (value - 0.5).abs() < 1e-5));
    }

    #[test]
    fn bands_meet_without_a_seam() {
        let from = (700, 1501);
        let samples: Vec<u8> =
            (0..from.0 * from.1).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for (to, options) in [
            ((300, 701), ResizeOptions::new()),
            ((900, 1999), ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))),
            (
                (350, 750),
                ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Box)).crop(0.0, 0.0, 700.0, 1500.0),
            ),
            ((611, 997), ResizeOptions::new().crop(3.3, 10.7, 690.1, 1490.2)),
            ((640, 300), ResizeOptions::new().fit_into_destination(Some((0.5, 0.3)))),
            ((64, 3), ResizeOptions::new()),
        ] {
            let made = bytes(&samples, from, to, &options);
            let source = TypedImageRef::<U8>::from_buffer(from.0, from.1, &samples).unwrap();
            let mut whole = TypedImage::new(to.0, to.1);
            Resizer::new().resize_typed(&source, &mut whole, &options).unwrap();
            let off = made.iter().zip(whole.pixels()).map(|(a, b)| a.abs_diff(b.0)).max();
            assert!(off <= Some(1), "at {to:?} they differ by {off:?}");
        }
    }

    #[test]
    fn the_last_band_ends_where_the_source_does() {
        for part in 0..60u32 {
            let from = (1 + part % 7, 3000 + part * 13 % 997);
            let top = f64::from(part) * 0.317;
            let crop = ResizeOptions::new().crop(0.0, top, f64::from(from.0), f64::from(from.1) - top);
            let to = (701, 700 + part * 31 % 211);
            let made = bytes(&vec![77; (from.0 * from.1) as usize], from, to, &crop);
            assert!(made.iter().all(|value| *value == 77), "{from:?} from {top} to {to:?}");
        }
    }
}
