//! WebP: lossy, lossless, with alpha; of an animation the first frame.

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::{ColorType, ImageDecoder, ImageError};

use super::error::{Format, PictureError};
use super::orient::Turn;
use super::samples::{Raw, Samples};

const DAMAGED: PictureError = PictureError::Damaged { format: Format::Webp };

pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    Ok(opened(bytes)?.dimensions())
}

pub(super) fn read(bytes: &[u8]) -> Result<Raw, PictureError> {
    let mut decoder = opened(bytes)?;
    let profile = decoder.icc_profile().unwrap_or_default();
    let exif = decoder.exif_metadata().unwrap_or_default();
    let animated = decoder.has_animation();
    let color = decoder.color_type();
    let size = usize::try_from(decoder.total_bytes()).map_err(|_| DAMAGED)?;
    let mut pixels = vec![0; size];
    decoder.read_image(&mut pixels).map_err(judged)?;
    let samples = match color {
        ColorType::Rgb8 => Samples::Rgb(pixels),
        ColorType::Rgba8 => Samples::Rgba(pixels),
        _ => return Err(DAMAGED),
    };
    Ok(Raw { samples, profile, turn: exif.as_deref().map_or(Turn::None, Turn::from_exif), animated, toned: false })
}

fn opened(bytes: &[u8]) -> Result<WebPDecoder<Cursor<&[u8]>>, PictureError> {
    whole(bytes)?;
    WebPDecoder::new(Cursor::new(bytes)).map_err(judged)
}

/// The container names its own length, which a broken upload falls short of.
fn whole(bytes: &[u8]) -> Result<(), PictureError> {
    let Some(length) = bytes.get(4..8).and_then(|field| field.try_into().ok()).map(u32::from_le_bytes) else {
        return Err(PictureError::Truncated { format: Format::Webp });
    };
    if (bytes.len() as u64) < u64::from(length) + 8 {
        return Err(PictureError::Truncated { format: Format::Webp });
    }
    Ok(())
}

fn judged(error: ImageError) -> PictureError {
    match error {
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            PictureError::Truncated { format: Format::Webp }
        }
        _ => DAMAGED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_shorter_than_it_says_is_truncated() {
        let cut = Err(PictureError::Truncated { format: Format::Webp });
        assert_eq!(whole(b"RIFF\x04\0\0\0WEBP"), Ok(()));
        assert_eq!(whole(b"RIFF\x05\0\0\0WEBP"), cut);
        assert_eq!(whole(b"RIFF\xff\xff\xff\xffWEBP"), cut);
        assert_eq!(whole(b"RIFF"), cut);
    }
}
