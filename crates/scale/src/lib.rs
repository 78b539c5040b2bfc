//! Pixels at another size: the one door to the resizing library.
//!
//! A crate of its own for one reason: the library's generic code is compiled where it is used and takes a minute, so it stands
//! apart from the picture engine, which changes often. Only its typed call is used, one instance a pixel type; the untyped
//! one would be compiled for every pair of pixel types at each place that calls it.

use fast_image_resize::images::{TypedImage, TypedImageRef};
pub use fast_image_resize::pixels::U16x4;
use fast_image_resize::pixels::{F32, U8, U8x3};
pub use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions};
use fast_image_resize::{PixelTrait, Resizer};

/// Width and height in pixels.
pub type Size = (u32, u32);

/// Interleaved colours, three bytes a pixel.
pub fn colors(samples: &[u8], from: Size, to: Size, options: &ResizeOptions) -> Vec<u8> {
    let source = TypedImageRef::<U8x3>::from_buffer(from.0, from.1, samples).expect("the samples fill the size");
    resize(&source, to, options).pixels().iter().flat_map(|pixel| pixel.0).collect()
}

/// One byte a pixel.
pub fn bytes(samples: &[u8], from: Size, to: Size, options: &ResizeOptions) -> Vec<u8> {
    let source = TypedImageRef::<U8>::from_buffer(from.0, from.1, samples).expect("the samples fill the size");
    resize(&source, to, options).pixels().iter().map(|pixel| pixel.0).collect()
}

/// One float a pixel. A filter with negative lobes may overshoot.
pub fn floats(samples: &[f32], from: Size, to: Size, options: &ResizeOptions) -> Vec<f32> {
    let pixels: Vec<F32> = samples.iter().map(|sample| F32::new(*sample)).collect();
    let source = TypedImageRef::new(from.0, from.1, &pixels).expect("the samples fill the size");
    resize(&source, to, options).pixels().iter().map(|pixel| pixel.0).collect()
}

/// Four wide channels a pixel, the last one coverage. Colours are to be weighed by coverage before.
pub fn wide(pixels: &[U16x4], from: Size, to: Size, options: &ResizeOptions) -> Vec<U16x4> {
    let source = TypedImageRef::new(from.0, from.1, pixels).expect("the samples fill the size");
    resize(&source, to, options).pixels().to_vec()
}

/// A crop in `options` lies within the source.
fn resize<P: PixelTrait>(source: &TypedImageRef<P>, to: Size, options: &ResizeOptions) -> TypedImage<'static, P> {
    let mut target = TypedImage::new(to.0, to.1);
    Resizer::new().resize_typed(source, &mut target, options).expect("the crop lies within the source");
    target
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
}
