//! PNG: every colour type and depth, reduced to 8 bits; of an animation the still image that all viewers show.

use std::io::{Cursor, ErrorKind};

use png::{ColorType, Decoder, DecodingError, Limits, Reader, Transformations};

use super::error::{Format, PictureError};
use super::orient::Turn;
use super::samples::{Raw, Samples};

/// What metadata and profile may take once unpacked, in bytes; a compressed profile can claim anything.
const MAX_METADATA: usize = 32 * 1024 * 1024;

const DAMAGED: PictureError = PictureError::Damaged { format: Format::Png };

pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: MAX_METADATA });
    let info = decoder.read_header_info().map_err(judged)?;
    Ok((info.width, info.height))
}

pub(super) fn read(bytes: &[u8]) -> Result<Raw, PictureError> {
    let mut reader = opened(bytes)?;
    let size = reader.output_buffer_size().ok_or(DAMAGED)?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(judged)?;
    let (width, height) = (reader.info().width, reader.info().height);
    if (frame.width, frame.height) != (width, height) {
        return Err(DAMAGED);
    }
    pixels.truncate(frame.buffer_size());
    let samples = match frame.color_type {
        ColorType::Grayscale => Samples::Grey(pixels),
        ColorType::GrayscaleAlpha => Samples::GreyAlpha(pixels),
        ColorType::Rgb => Samples::Rgb(pixels),
        ColorType::Rgba => Samples::Rgba(pixels),
        ColorType::Indexed => return Err(DAMAGED),
    };
    let info = reader.info();
    Ok(Raw {
        samples,
        profile: info.icc_profile.as_deref().map(<[u8]>::to_vec),
        turn: info.exif_metadata.as_deref().map_or(Turn::None, Turn::from_exif),
        animated: info.animation_control.is_some_and(|animation| animation.num_frames > 1),
        toned: false,
    })
}

fn opened(bytes: &[u8]) -> Result<Reader<Cursor<&[u8]>>, PictureError> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: MAX_METADATA });
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    decoder.set_ignore_text_chunk(true);
    decoder.read_info().map_err(judged)
}

fn judged(error: DecodingError) -> PictureError {
    match error {
        DecodingError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            PictureError::Truncated { format: Format::Png }
        }
        _ => DAMAGED,
    }
}
