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
    let source = TypedImageRef::new(from.0, from.1, &pixels).expect("the samples fill the size");
    let mut made = vec![F32::default(); to.0 as usize * to.1 as usize];
    let target = TypedImage::from_pixels_slice(to.0, to.1, &mut made).expect("it was made at this size");
    // In one piece: of floats the library loses rows where a band begins on a source row's middle and the filter is 0 at whole
    // distances, as Catmull and Rom's is.
    resize(&source, target, options);
    made.into_iter().map(|pixel| pixel.0).collect()
}

/// Four wide channels a pixel, the last one coverage. Colours are to be weighed by coverage before. For Lanczos' filter alone, since
/// bands meet what [`floats`] says of others.
pub fn wide(pixels: &[U16x4], from: Size, to: Size, options: &ResizeOptions) -> Vec<U16x4> {
    let source = TypedImageRef::new(from.0, from.1, pixels).expect("the samples fill the size");
    in_bands(&source, 1, from, to, options, |band, (width, height)| {
        TypedImage::from_pixels_slice(width, height, band).expect("the band has this size")
    })
}

/// Pixels of single bytes are written where they stay.
fn resized_bytes<P: PixelTrait>(samples: &[u8], from: Size, to: Size, options: &ResizeOptions) -> Vec<u8> {
    let source = TypedImageRef::<P>::from_buffer(from.0, from.1, samples).expect("the samples fill the size");
    in_bands(&source, size_of::<P>(), from, to, options, |band, (width, height)| {
        TypedImage::from_buffer(width, height, band).expect("the band has this size")
    })
}

/// Source and target pixels that make a band: fewer are sooner done than handed to another thread.
const BAND: f64 = 512.0 * 1024.0;
/// The most bands: beyond a few, the rows that neighbours both read outweigh what another thread saves.
const BANDS: u32 = 4;

/// Makes the target in bands of whole rows, at the same time where it is large. Their number depends on sizes alone, never on
/// the machine, so that a picture has the same bytes everywhere. A pixel is `each` of the target's elements, which `view` shows as pixels.
fn in_bands<P: PixelTrait, T: Clone + Default + Send>(
    source: &TypedImageRef<P>,
    each: usize,
    from: Size,
    to: Size,
    options: &ResizeOptions,
    view: impl Fn(&mut [T], Size) -> TypedImage<'_, P> + Sync,
) -> Vec<T> {
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
    let row = to.0 as usize * each;
    let mut made = vec![T::default(); row * to.1 as usize];
    made.par_chunks_mut((row * rows as usize).max(1)).enumerate().for_each(|(band, pixels)| {
        let first = band as u32 * rows;
        let size = (to.0, rows.min(to.1 - first));
        let top = crop.top + f64::from(first) * step;
        // Rounding must not carry the last band beyond the source.
        let height = (f64::from(size.1) * step).min(f64::from(from.1) - top);
        resize(source, view(pixels, size), &options.crop(crop.left, top, crop.width, height));
    });
    made
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

    const FROM: Size = (700, 1501);
    const SAMPLES: usize = FROM.0 as usize * FROM.1 as usize;

    fn noise(at: usize) -> u32 {
        (at as u32).wrapping_mul(2_654_435_761) >> 16
    }

    /// Sizes that take several bands, and how they are made.
    fn in_several_bands() -> Vec<(Size, ResizeOptions)> {
        let by = |filter| ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
        let whole = by(FilterType::Lanczos3);
        vec![
            ((300, 701), whole),
            ((900, 1999), by(FilterType::CatmullRom)),
            // Its bands begin on a source row's middle.
            ((700, 4503), by(FilterType::CatmullRom)),
            ((350, 750), by(FilterType::Box).crop(0.0, 0.0, 700.0, 1500.0)),
            ((611, 997), whole.crop(3.3, 10.7, 690.1, 1490.2)),
            ((1640, 900), whole.fit_into_destination(Some((0.5, 0.3)))),
            ((64, 3), whole),
        ]
    }

    fn in_one_piece<P: PixelTrait>(pixels: &[P], to: Size, options: &ResizeOptions) -> Vec<P> {
        let mut whole = TypedImage::new(to.0, to.1);
        let source = TypedImageRef::new(FROM.0, FROM.1, pixels).unwrap();
        Resizer::new().resize_typed(&source, &mut whole, options).unwrap();
        whole.pixels().to_vec()
    }

    #[test]
    fn bands_meet_without_a_seam() {
        let samples: Vec<u8> = (0..SAMPLES).map(|at| noise(at) as u8).collect();
        let wide_samples: Vec<U16x4> = (0..SAMPLES).map(|at| U16x4::new([noise(at) as u16; 4])).collect();
        let single: Vec<U8> = samples.iter().map(|sample| U8::new(*sample)).collect();
        for (to, options) in in_several_bands() {
            let made = bytes(&samples, FROM, to, &options);
            let whole = in_one_piece(&single, to, &options);
            let off = made.iter().zip(&whole).map(|(a, b)| a.abs_diff(b.0)).max();
            assert!(off <= Some(1), "bytes at {to:?} differ by {off:?}");
            let made = wide(&wide_samples, FROM, to, &options);
            let whole = in_one_piece(&wide_samples, to, &options);
            let off = made.iter().zip(&whole).map(|(a, b)| a.0[0].abs_diff(b.0[0])).max();
            assert!(off <= Some(1) || !lanczos(&options), "wide pixels at {to:?} differ by {off:?}");
        }
    }

    /// Wide pixels are only ever resized by it, and other filters meet the library's loss of rows.
    fn lanczos(options: &ResizeOptions) -> bool {
        options.algorithm == ResizeAlg::Convolution(FilterType::Lanczos3)
    }

    #[test]
    fn floats_lose_no_row() {
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
        let made = floats(&vec![1.0; 600 * 401], (600, 401), (1800, 1203), &options);
        assert!(made.iter().all(|value| (value - 1.0).abs() < 1e-4));
    }

    #[test]
    fn the_last_band_ends_where_the_source_does() {
        for part in 0..60u32 {
            let from = (1 + part % 7, 3000 + part * 13 % 997);
            let top = f64::from(part) * 0.317;
            let crop = ResizeOptions::new().crop(0.0, top, f64::from(from.0), f64::from(from.1) - top);
            let to = (2801, 700 + part * 31 % 211);
            let made = bytes(&vec![77; (from.0 * from.1) as usize], from, to, &crop);
            assert!(made.iter().all(|value| *value == 77), "{from:?} from {top} to {to:?}");
        }
    }
}
