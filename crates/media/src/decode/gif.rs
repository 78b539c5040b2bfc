//! GIF: of an animation the first frame, on nothing where it does not fill the picture.

use std::io::ErrorKind;

use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, Frame, MemoryLimit};

use super::error::{Format, PictureError};
use super::orient::Turn;
use super::samples::{Raw, Samples};

const DAMAGED: PictureError = PictureError::Damaged { format: Format::Gif };
/// Red, green, blue and opacity.
const PIXEL: usize = 4;

pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let decoder = opened(bytes)?;
    Ok((u32::from(decoder.width()), u32::from(decoder.height())))
}

pub(super) fn read(bytes: &[u8]) -> Result<Raw, PictureError> {
    let mut decoder = opened(bytes)?;
    let (width, height) = (usize::from(decoder.width()), usize::from(decoder.height()));
    let place = Place::of(decoder.next_frame_info().map_err(judged)?.ok_or(DAMAGED)?);
    let mut frame = vec![0; place.width * place.height * PIXEL];
    decoder.read_into_buffer(&mut frame).map_err(judged)?;
    let whole = (place.width, place.height) == (width, height);
    let rgba = if whole { frame } else { place.on_nothing(&frame, width, height) };
    let profile = decoder.icc_profile().map(<[u8]>::to_vec);
    // What comes after the first frame is not shown, so that damage in it hurts nobody.
    let animated = matches!(decoder.next_frame_info(), Ok(Some(_)));
    Ok(Raw { samples: Samples::Rgba(rgba), profile, turn: Turn::None, animated, toned: false })
}

fn opened(bytes: &[u8]) -> Result<Decoder<&[u8]>, PictureError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    // No frame is larger than the picture, whose size was held against the limits.
    options.check_frame_consistency(true);
    options.set_memory_limit(MemoryLimit::Unlimited);
    options.read_info(bytes).map_err(judged)
}

struct Place {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Place {
    fn of(frame: &Frame<'_>) -> Place {
        let [left, top, width, height] = [frame.left, frame.top, frame.width, frame.height].map(usize::from);
        Place { left, top, width, height }
    }

    fn on_nothing(&self, frame: &[u8], width: usize, height: usize) -> Vec<u8> {
        let mut rgba = vec![0; width * height * PIXEL];
        let rows = rgba.chunks_exact_mut((width * PIXEL).max(1)).skip(self.top);
        for (row, line) in rows.zip(frame.chunks_exact((self.width * PIXEL).max(1))) {
            row[self.left * PIXEL..][..line.len()].copy_from_slice(line);
        }
        rgba
    }
}

fn judged(error: DecodingError) -> PictureError {
    let truncated = PictureError::Truncated { format: Format::Gif };
    match error {
        DecodingError::UnexpectedEof => truncated,
        DecodingError::Io(error) if error.kind() == ErrorKind::UnexpectedEof => truncated,
        _ => DAMAGED,
    }
}
