//! TIFF: grey, RGB and CMYK of 8 and 16 bits, with transparency, and palettes of 256 colours, and JPEG inside; of several pages the first.
//!
//! Most cameras' raw files are TIFF inside. They are told by their tags and refused: what they show without development is a
//! thumbnail.

mod jpeg;

use std::io::{Cursor, ErrorKind};

use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

use super::error::{Format, PictureError};
use super::heic::{straighten, straighten_pairs};
use super::orient::Turn;
use super::samples::{Raw, Samples};
use super::sniff::Foreign;

const DAMAGED: PictureError = PictureError::Damaged { format: Format::Tiff };
const FLAVOR: PictureError = PictureError::UnsupportedFlavor { format: Format::Tiff };

/// Profiles of printers have half a megabyte.
const MAX_TAG_BYTES: usize = 8 * 1024 * 1024;
/// The most that a pixel may take: four samples of 16 bits.
const MAX_PIXEL_BYTES: usize = 8;

/// What one tile or strip may take where the picture is smaller; tiles have 512 pixels a side in most programs, 1,024 in some.
const MIN_CHUNK_BYTES: usize = 1024 * 1024 * MAX_PIXEL_BYTES;

const PHOTOMETRIC: u16 = 262;
/// Samples that are grey, and those that number the colours of a palette.
const BLACK_IS_ZERO: u16 = 1;
const PALETTE: u16 = 3;
/// An extra sample by which the colours were multiplied already.
const PREMULTIPLIED: u16 = 1;
const MAKE: u16 = 271;
const SUB_IFDS: u16 = 330;
const DNG_VERSION: u16 = 50_706;
/// A directory's field, and how many are looked at.
const FIELD_BYTES: usize = 12;
const FIELDS_MAX: u16 = 512;
/// Sensor values behind a colour filter, and those of DNG.
const SENSOR: [u16; 2] = [32_803, 34_892];

pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    opened(bytes)?.dimensions().map_err(judged)
}

pub(super) fn read(bytes: &[u8]) -> Result<Raw, PictureError> {
    if let Some(raw) = jpeg::read(&mut opened(bytes)?, bytes)? {
        return Ok(raw);
    }
    let Some(grey) = numbered(bytes) else { return read_plain(bytes) };
    let colors: Vec<u16> = opened(bytes)?.get_tag_u16_vec(Tag::ColorMap).map_err(judged)?;
    let raw = read_plain(&grey)?;
    let Samples::Grey(numbers) = raw.samples else { return Err(FLAVOR) };
    Ok(Raw { samples: painted(&numbers, &colors)?, ..raw })
}

/// The decoder leaves palettes alone. A file of theirs that calls itself grey gives the numbers of its colours.
fn numbered(bytes: &[u8]) -> Option<Vec<u8>> {
    let at = fields(bytes)?.into_iter().find(|field| field.tag == PHOTOMETRIC && field.value == PALETTE)?.value_at;
    let grey = if bytes.starts_with(b"II") { BLACK_IS_ZERO.to_le_bytes() } else { BLACK_IS_ZERO.to_be_bytes() };
    let mut named_grey = bytes.to_vec();
    named_grey.get_mut(at..at + grey.len())?.copy_from_slice(&grey);
    Some(named_grey)
}

/// All reds of the palette come first, then all greens, then all blues, 16 bits each.
fn painted(numbers: &[u8], colors: &[u16]) -> Result<Samples, PictureError> {
    let Ok([red, green, blue]) = <[&[u16]; 3]>::try_from(colors.chunks(256).collect::<Vec<_>>()) else {
        return Err(FLAVOR);
    };
    if blue.len() < 256 {
        return Err(FLAVOR);
    }
    let color = |number: &u8| [red, green, blue].map(|channel| (channel[usize::from(*number)] >> 8) as u8);
    Ok(Samples::Rgb(numbers.iter().flat_map(color).collect()))
}

fn read_plain(bytes: &[u8]) -> Result<Raw, PictureError> {
    let mut decoder = opened(bytes)?;
    let (width, height) = decoder.dimensions().map_err(judged)?;
    let color = decoder.colortype().map_err(judged)?;
    let planes: u16 = number(&mut decoder, Tag::PlanarConfiguration)?.unwrap_or(1);
    if planes != 1 && !matches!(color, ColorType::Gray(_)) {
        return Err(FLAVOR);
    }
    let pixels = usize::try_from(u64::from(width) * u64::from(height)).map_err(|_| DAMAGED)?;
    let room = pixels.saturating_mul(MAX_PIXEL_BYTES);
    decoder = decoder.with_limits(with_room(Limits::default(), room));
    let read = bytes_of(decoder.read_image().map_err(judged)?)?;
    let samples = samples(&mut decoder, color, read, pixels)?;
    let turn: u16 = number(&mut decoder, Tag::Orientation)?.unwrap_or(1);
    Ok(Raw {
        samples,
        profile: decoder.get_tag_u8_vec(Tag::IccProfile).ok(),
        turn: Turn::from_number(turn),
        animated: decoder.more_images(),
        toned: false,
    })
}

fn opened(bytes: &[u8]) -> Result<Decoder<Cursor<&[u8]>>, PictureError> {
    if is_raw(bytes) {
        return Err(PictureError::Unsupported(Foreign::Raw));
    }
    let decoder = Decoder::new(Cursor::new(bytes)).map_err(judged)?;
    Ok(decoder.with_limits(with_room(Limits::default(), MAX_TAG_BYTES)))
}

fn with_room(mut limits: Limits, room: usize) -> Limits {
    limits.decoding_buffer_size = room;
    limits.intermediate_buffer_size = room.max(MIN_CHUNK_BYTES);
    limits.ifd_value_size = MAX_TAG_BYTES;
    limits
}

/// A camera's maker and further pictures below the first one, a sensor's values, or DNG's own mark. Read by hand, for the
/// decoder gives up at the first directory that it can't decode, and has no word for why.
fn is_raw(bytes: &[u8]) -> bool {
    let fields = fields(bytes).unwrap_or_default();
    let find = |wanted: u16| fields.iter().find(|field| field.tag == wanted);
    let sensor = find(PHOTOMETRIC).is_some_and(|field| SENSOR.contains(&field.value));
    sensor || find(DNG_VERSION).is_some() || (find(MAKE).is_some() && find(SUB_IFDS).is_some())
}

/// An entry of the first directory, with the number that stands in its place where a short number does.
struct Field {
    tag: u16,
    value: u16,
    value_at: usize,
}

fn fields(bytes: &[u8]) -> Option<Vec<Field>> {
    let little = bytes.starts_with(b"II");
    let two = |at: usize| {
        let two: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    };
    let four: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
    let directory = if little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) };
    let directory = usize::try_from(directory).ok()?;
    let field = |number: u16| {
        let at = directory.checked_add(2)?.checked_add(usize::from(number) * FIELD_BYTES)?;
        let value_at = at.checked_add(8)?;
        Some(Field { tag: two(at)?, value: two(value_at)?, value_at })
    };
    (0..two(directory)?.min(FIELDS_MAX)).map(field).collect()
}

fn number(decoder: &mut Decoder<Cursor<&[u8]>>, tag: Tag) -> Result<Option<u16>, PictureError> {
    decoder.find_tag_unsigned(tag).map_err(judged)
}

/// Eight bits a sample.
fn bytes_of(read: DecodingResult) -> Result<Vec<u8>, PictureError> {
    match read {
        DecodingResult::U8(samples) => Ok(samples),
        DecodingResult::U16(samples) => Ok(samples.into_iter().map(|sample| (sample >> 8) as u8).collect()),
        _ => Err(FLAVOR),
    }
}

fn samples(
    decoder: &mut Decoder<Cursor<&[u8]>>,
    color: ColorType,
    mut read: Vec<u8>,
    pixels: usize,
) -> Result<Samples, PictureError> {
    let channels = match color {
        ColorType::Gray(8 | 16) => 1,
        // What the decoder calls grey with opacity.
        ColorType::Multiband { bit_depth: 8 | 16, num_samples: 2 } => 2,
        ColorType::RGB(8 | 16) => 3,
        ColorType::RGBA(8 | 16) | ColorType::CMYK(8 | 16) => 4,
        _ => return Err(FLAVOR),
    };
    if Some(read.len()) != pixels.checked_mul(channels) {
        return Err(DAMAGED);
    }
    Ok(match color {
        ColorType::Gray(_) => Samples::Grey(read),
        ColorType::Multiband { .. } => {
            if is_premultiplied(decoder)? {
                straighten_pairs(&mut read);
            }
            Samples::GreyAlpha(read)
        }
        ColorType::RGB(_) => Samples::Rgb(read),
        ColorType::CMYK(_) => Samples::Cmyk(read),
        _ => {
            if is_premultiplied(decoder)? {
                straighten(&mut read);
            }
            Samples::Rgba(read)
        }
    })
}

fn is_premultiplied(decoder: &mut Decoder<Cursor<&[u8]>>) -> Result<bool, PictureError> {
    let extra: Option<Vec<u16>> = decoder.find_tag_unsigned_vec(Tag::ExtraSamples).map_err(judged)?;
    Ok(extra.is_some_and(|extra| extra.first() == Some(&PREMULTIPLIED)))
}

fn judged(error: TiffError) -> PictureError {
    match error {
        TiffError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            PictureError::Truncated { format: Format::Tiff }
        }
        TiffError::UnsupportedError(_) => FLAVOR,
        _ => DAMAGED,
    }
}
