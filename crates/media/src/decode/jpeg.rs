//! JPEG: baseline and progressive, grey, YCbCr, RGB, and the print colours CMYK and YCCK.
//!
//! Headers are read leniently, since phones and editors write odd ones; the picture data strictly, so that a file
//! whose end is missing is an error and never a photo with grey rows.

mod cut;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::error::{Format, PictureError};
use super::orient::Turn;
use super::samples::{Raw, Samples};

/// The format's own bound; [`super::Limits`] are applied to what the header says.
const FORMAT_MAX_SIDE: usize = 65_535;
/// Progressive files have ten scans or so; each scan costs a walk over the whole picture.
const MAX_SCANS: usize = 64;

type Decoder<'a> = JpegDecoder<ZCursor<&'a [u8]>>;

pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let decoder = headers(bytes)?;
    let info = decoder.info().ok_or(PictureError::Damaged { format: Format::Jpeg })?;
    Ok((u32::from(info.width), u32::from(info.height)))
}

pub(super) fn read(bytes: &[u8]) -> Result<Raw, PictureError> {
    all_rows_of(bytes, pixels)
}

/// What `work` makes of the file, where no row of it is missing.
fn all_rows_of<T>(bytes: &[u8], work: fn(&[u8]) -> Result<T, PictureError>) -> Result<T, PictureError> {
    const CUT: PictureError = PictureError::Truncated { format: Format::Jpeg };
    if cut::lacks_parts(bytes) {
        return Err(CUT);
    }
    let Some(guarded) = cut::guarded(bytes) else { return work(bytes) };
    // What is wrong with the guarded file alone is that rows are missing; other faults are the file's own.
    work(&guarded).or_else(|_| work(bytes).and(Err(CUT)))
}

fn pixels(bytes: &[u8]) -> Result<Raw, PictureError> {
    let mut decoder = held(bytes)?;
    let colors = decoder.input_colorspace().ok_or(PictureError::Damaged { format: Format::Jpeg })?;
    let wanted = match colors {
        ColorSpace::Luma => ColorSpace::Luma,
        ColorSpace::YCbCr | ColorSpace::RGB => ColorSpace::RGB,
        ColorSpace::CMYK | ColorSpace::YCCK => ColorSpace::CMYK,
        _ => return Err(PictureError::UnsupportedFlavor { format: Format::Jpeg }),
    };
    decoder.set_options(options().set_strict_mode(true).jpeg_set_out_colorspace(wanted));
    let pixels = decoder.decode().map_err(judged)?;
    let samples = match wanted {
        ColorSpace::Luma => Samples::Grey(pixels),
        ColorSpace::CMYK => Samples::Cmyk(ink(pixels, bytes)),
        _ => Samples::Rgb(pixels),
    };
    let turn = decoder.exif().map_or(Turn::None, |exif| Turn::from_exif(exif));
    Ok(Raw { samples, profile: decoder.icc_profile(), turn, animated: false, toned: false })
}

/// What [`read`] would find, from the brightness alone, which takes two thirds of the time. `None`: the colours matter.
pub(super) fn look(bytes: &[u8]) -> Result<Option<Turn>, PictureError> {
    all_rows_of(bytes, brightness)
}

fn brightness(bytes: &[u8]) -> Result<Option<Turn>, PictureError> {
    let mut decoder = held(bytes)?;
    if decoder.icc_profile().is_some() || decoder.input_colorspace() != Some(ColorSpace::YCbCr) {
        return Ok(None);
    }
    decoder.set_options(options().set_strict_mode(true).jpeg_set_out_colorspace(ColorSpace::Luma));
    decoder.decode().map_err(judged)?;
    Ok(Some(decoder.exif().map_or(Turn::None, |exif| Turn::from_exif(exif))))
}

/// The headers of a file that can hold what they promise.
fn held(bytes: &[u8]) -> Result<Decoder<'_>, PictureError> {
    let decoder = headers(bytes)?;
    let pixels = decoder.info().map_or(0, |info| u64::from(info.width) * u64::from(info.height));
    let holds = can_hold(pixels, bytes.len() as u64);
    if holds { Ok(decoder) } else { Err(PictureError::Truncated { format: Format::Jpeg }) }
}

fn options() -> DecoderOptions {
    DecoderOptions::default()
        .set_max_width(FORMAT_MAX_SIDE)
        .set_max_height(FORMAT_MAX_SIDE)
        .jpeg_set_max_scans(MAX_SCANS)
}

fn headers(bytes: &[u8]) -> Result<Decoder<'_>, PictureError> {
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options());
    decoder.decode_headers().map_err(judged)?;
    let size = decoder.info().map(|info| (info.width, info.height));
    // A height of zero announces itself only after the first scan; then no limit could be checked beforehand.
    match size {
        Some((width, height)) if width > 0 && height > 0 => Ok(decoder),
        _ => Err(PictureError::UnsupportedFlavor { format: Format::Jpeg }),
    }
}

/// Whether so many bytes can hold so many pixels: each block of 64 takes a bit at least, its brightness. A file of which more
/// is missing ends like a whole one where somebody put the end mark behind it.
fn can_hold(pixels: u64, bytes: u64) -> bool {
    pixels.div_ceil(64) <= bytes.saturating_mul(8)
}

fn judged(error: DecodeErrors) -> PictureError {
    let format = Format::Jpeg;
    match error {
        _ if error.is_recoverable_eof() => PictureError::Truncated { format },
        DecodeErrors::Unsupported(_) => PictureError::UnsupportedFlavor { format },
        _ => PictureError::Damaged { format },
    }
}

/// Photoshop stores ink inverted and marks its files with an "Adobe" segment; files without it hold ink as it is.
fn ink(mut pixels: Vec<u8>, bytes: &[u8]) -> Vec<u8> {
    if has_adobe_segment(bytes) {
        pixels.iter_mut().for_each(|sample| *sample = 255 - *sample);
    }
    pixels
}

fn has_adobe_segment(bytes: &[u8]) -> bool {
    const APP14: u8 = 0xee;
    const START_OF_SCAN: u8 = 0xda;
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let [0xff, marker, tail @ ..] = rest {
        let (0x01 | 0xd0..=0xd9 | 0xff) = *marker else {
            let [high, low, ..] = tail else { return false };
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            if *marker == START_OF_SCAN {
                return false;
            }
            if *marker == APP14 && tail.get(2..7) == Some(b"Adobe") {
                return true;
            }
            rest = tail.get(length..).unwrap_or_default();
            continue;
        };
        // Markers without a body, and fill bytes before a marker.
        rest = if *marker == 0xff { &rest[1..] } else { tail };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_takes_a_bit() {
        for (pixels, bytes, holds) in [(64 * 800, 100, true), (64 * 800 + 1, 100, false), (1, 1, true), (1, 0, false)] {
            assert_eq!(can_hold(pixels, bytes), holds, "{pixels} pixels in {bytes} bytes");
        }
    }

    #[test]
    fn the_adobe_segment_is_found_behind_others_and_never_in_the_scan() {
        let jfif = b"\xff\xe0\x00\x04ab";
        let adobe = b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0\0";
        let scan = b"\xff\xda\x00\x02";
        assert!(has_adobe_segment(&[b"\xff\xd8", &jfif[..], adobe, scan].concat()));
        assert!(has_adobe_segment(&[b"\xff\xd8\xff", &adobe[..]].concat()));
        assert!(!has_adobe_segment(&[b"\xff\xd8", &jfif[..], scan, adobe].concat()));
        assert!(!has_adobe_segment(b"\xff\xd8\xff\xee\xff"));
        assert!(!has_adobe_segment(b""));
    }
}
