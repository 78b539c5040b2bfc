//! A photo in a form that every browser shows and every model takes.
//!
//! HEIC and TIFF come from phones and studios, and stop there: most models and browsers read neither, and few models GIF or AVIF. They are written anew,
//! upright and in sRGB, as JPEG of high quality, or as PNG where they have transparency. PNG loses nothing and is therefore
//! large; where it would be too large, the picture is made smaller.

use plantain_scale::{self as scale, FilterType, ResizeAlg, ResizeOptions};

use crate::decode::Decoded;
use crate::encode::{self, EncodeError, EncodeOptions, Provenance};
use crate::picture::{Matte, Picture};
use crate::preset::Format;

/// A file of one of the common formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommonForm {
    pub bytes: Vec<u8>,
    pub content_type: &'static str,
    pub extension: &'static str,
    /// In pixels; less than the photo's where it had to be made smaller.
    pub width: u32,
    pub height: u32,
}

/// Writes the photo anew within `max_bytes`. Nothing but its pixels is kept.
pub fn common_form(photo: &Decoded, max_bytes: usize) -> Result<CommonForm, EncodeError> {
    let (width, height) = (photo.picture.width(), photo.picture.height());
    let Some(alpha) = &photo.alpha else {
        let options = EncodeOptions::plain(Format::Jpeg, max_bytes as u64, Provenance::Photographed);
        return Ok(form(Format::Jpeg, encode::encode(&photo.picture, &options)?.bytes, (width, height)));
    };
    /// Each round aims at what the last one weighed; two are enough for most pictures.
    const ROUNDS: usize = 4;
    let mut size = (width, height);
    let mut bytes = encode::with_alpha(&photo.picture, alpha)?;
    for _ in 0..ROUNDS {
        if bytes.len() <= max_bytes {
            return Ok(form(Format::Png, bytes, size));
        }
        size = smaller(size, max_bytes as f64 / bytes.len() as f64);
        let (picture, alpha) = shrunk(&photo.picture, alpha, size);
        bytes = encode::with_alpha(&picture, &alpha)?;
    }
    Err(EncodeError::TooLarge { smallest: bytes.len() as u64, limit: max_bytes as u64 })
}

fn form(format: Format, bytes: Vec<u8>, (width, height): (u32, u32)) -> CommonForm {
    CommonForm { bytes, content_type: format.content_type(), extension: format.extension(), width, height }
}

/// The size at which a file would be `share` as large, and a little less.
fn smaller((width, height): (u32, u32), share: f64) -> (u32, u32) {
    let factor = share.sqrt() * 0.95;
    let side = |side: u32| ((f64::from(side) * factor) as u32).max(1);
    (side(width), side(height))
}

/// Colours are weighed by coverage, so that what lies under transparent pixels never shows.
fn shrunk(picture: &Picture, alpha: &Matte, to: (u32, u32)) -> (Picture, Matte) {
    let from = (picture.width(), picture.height());
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
    let pixels = picture.rgb().as_chunks::<3>().0.iter().zip(alpha.alpha());
    let weighed: Vec<f32> =
        pixels.flat_map(|(rgb, cover)| rgb.map(|value| f32::from(value) * f32::from(*cover) / 255.0)).collect();
    let channel = |at: usize| -> Vec<f32> {
        let one: Vec<f32> = weighed.iter().skip(at).step_by(3).copied().collect();
        scale::floats(&one, from, to, &options)
    };
    let cover: Vec<f32> = alpha.alpha().iter().map(|cover| f32::from(*cover) / 255.0).collect();
    let cover = scale::floats(&cover, from, to, &options);
    let channels = [channel(0), channel(1), channel(2)];
    let rgb = (0..cover.len())
        .flat_map(|at| [0, 1, 2].map(|c| (channels[c][at] / cover[at].max(1e-3) + 0.5).clamp(0.0, 255.0) as u8));
    let picture = Picture::new(to.0, to.1, rgb.collect());
    (picture, Matte::new(to.0, to.1, cover.iter().map(|cover| (cover * 255.0 + 0.5).clamp(0.0, 255.0) as u8).collect()))
}
