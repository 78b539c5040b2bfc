//! A photo in a form that every browser shows and every model takes.
//!
//! HEIC and TIFF come from phones and studios, and stop there: most models and browsers read neither. They are written anew,
//! upright and in sRGB, as JPEG of high quality, or as PNG where they have transparency.

use crate::decode::Decoded;
use crate::encode::{self, EncodeError, EncodeOptions, Provenance};
use crate::preset::Format;

/// A file of one of the common formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommonForm {
    pub bytes: Vec<u8>,
    pub content_type: &'static str,
    pub extension: &'static str,
}

/// Writes the photo anew within `max_bytes`. Nothing but its pixels is kept.
pub fn common_form(photo: &Decoded, max_bytes: usize) -> Result<CommonForm, EncodeError> {
    let (format, bytes) = match &photo.alpha {
        Some(alpha) => (Format::Png, encode::with_alpha(&photo.picture, alpha)?),
        None => {
            let options = EncodeOptions::plain(Format::Jpeg, max_bytes as u64, Provenance::Photographed);
            (Format::Jpeg, encode::encode(&photo.picture, &options)?.bytes)
        }
    };
    if bytes.len() > max_bytes {
        return Err(EncodeError::TooLarge { smallest: bytes.len() as u64, limit: max_bytes as u64 });
    }
    Ok(CommonForm { bytes, content_type: format.content_type(), extension: format.extension() })
}
