//! JPEG inside TIFF: strips or tiles that are JPEG files without their tables, or the older form of one whole JPEG file.
//!
//! Each is put together and read by the decoder of JPEG, so it is as strict here as there.

use std::io::Cursor;

use tiff::decoder::Decoder;
use tiff::tags::Tag;

use super::super::jpeg;
use super::super::orient::Turn;
use super::super::samples::{Raw, Samples};
use super::{DAMAGED, FLAVOR, PictureError, judged, number};

type Tiff<'a> = Decoder<Cursor<&'a [u8]>>;

const OLD: u16 = 6;
const MODERN: u16 = 7;
/// Where the older form says that its file begins.
const INTERCHANGE: u16 = 513;
/// Samples that are red, green and blue as they are, and those that JPEG's usual colours stand for.
const RGB: u16 = 2;
const YCBCR: u16 = 6;
/// What one tile may have where the picture is smaller.
const CHUNK_PIXELS: u64 = 1 << 20;

/// `None`: it is not compressed in this way.
pub(super) fn read(decoder: &mut Tiff<'_>, bytes: &[u8]) -> Result<Option<Raw>, PictureError> {
    let compression = number(decoder, Tag::Compression)?.unwrap_or(1);
    if !matches!(compression, OLD | MODERN) {
        return Ok(None);
    }
    let size = decoder.dimensions().map_err(judged)?;
    let samples = if compression == OLD { whole(decoder, bytes, size)? } else { assembled(decoder, bytes, size)? };
    let turn: u16 = number(decoder, Tag::Orientation)?.unwrap_or(1);
    Ok(Some(Raw {
        samples,
        profile: decoder.get_tag_u8_vec(Tag::IccProfile).ok(),
        turn: Turn::from_number(turn),
        animated: decoder.more_images(),
        toned: false,
    }))
}

fn whole(decoder: &mut Tiff<'_>, bytes: &[u8], size: (u32, u32)) -> Result<Samples, PictureError> {
    let at: Option<u32> = decoder.find_tag_unsigned(Tag::from_u16_exhaustive(INTERCHANGE)).map_err(judged)?;
    let file = at.and_then(|at| bytes.get(at as usize..)).filter(|file| file.starts_with(b"\xff\xd8")).ok_or(FLAVOR)?;
    if jpeg::size(file).map_err(inside)? != size { Err(DAMAGED) } else { Ok(jpeg::read(file).map_err(inside)?.samples) }
}

/// How strips and tiles lie: a strip is as wide as the picture.
struct Chunks {
    size: (u32, u32),
    across: usize,
    offsets: Vec<u64>,
    lengths: Vec<u64>,
}

fn chunks(decoder: &mut Tiff<'_>, (width, height): (u32, u32)) -> Result<Chunks, PictureError> {
    let tile: Option<u32> = decoder.find_tag_unsigned(Tag::TileWidth).map_err(judged)?;
    let (rows, offsets, lengths) = match tile {
        Some(_) => (Tag::TileLength, Tag::TileOffsets, Tag::TileByteCounts),
        None => (Tag::RowsPerStrip, Tag::StripOffsets, Tag::StripByteCounts),
    };
    let rows: u32 = decoder.find_tag_unsigned(rows).map_err(judged)?.unwrap_or(height);
    let size = (tile.unwrap_or(width), if tile.is_some() { rows } else { rows.min(height) });
    let mut list = |tag| decoder.find_tag_unsigned_vec::<u64>(tag).map_err(judged)?.ok_or(DAMAGED);
    let (offsets, lengths) = (list(offsets)?, list(lengths)?);
    if size.0 == 0 || size.1 == 0 {
        return Err(DAMAGED);
    }
    let across = width.div_ceil(size.0) as usize;
    let count = across * height.div_ceil(size.1) as usize;
    let fits = offsets.len() == count && lengths.len() == count;
    if fits { Ok(Chunks { size, across, offsets, lengths }) } else { Err(DAMAGED) }
}

fn assembled(decoder: &mut Tiff<'_>, bytes: &[u8], size: (u32, u32)) -> Result<Samples, PictureError> {
    let chunks = chunks(decoder, size)?;
    let channels: u16 = number(decoder, Tag::SamplesPerPixel)?.unwrap_or(1);
    let planes: u16 = number(decoder, Tag::PlanarConfiguration)?.unwrap_or(1);
    let colors: u16 = number(decoder, Tag::PhotometricInterpretation)?.unwrap_or_default();
    // Of four channels the fourth may be opacity, which JPEG takes for black ink.
    if !matches!((channels, colors), (1, _) | (3, RGB | YCBCR)) || (planes != 1 && channels != 1) {
        return Err(FLAVOR);
    }
    let tables = decoder.get_tag_u8_vec(Tag::JPEGTables).unwrap_or_default();
    let head = head(&tables, channels, colors);
    let channels = usize::from(channels);
    let (width, height) = (size.0 as usize, size.1 as usize);
    let mut whole = vec![0; width.checked_mul(height).and_then(|pixels| pixels.checked_mul(channels)).ok_or(DAMAGED)?];
    let most = (u64::from(size.0) * u64::from(size.1)).max(CHUNK_PIXELS);
    for (at, (offset, length)) in chunks.offsets.iter().zip(&chunks.lengths).enumerate() {
        let piece = piece(bytes, *offset, *length)?;
        let file = [&head[..], piece.strip_prefix(b"\xff\xd8").ok_or(DAMAGED)?].concat();
        let (x, y) = (at % chunks.across * chunks.size.0 as usize, at / chunks.across * chunks.size.1 as usize);
        let found = jpeg::size(&file).map_err(inside)?;
        let needed = (chunks.size.1 as usize).min(height - y);
        let too_small = found.0 != chunks.size.0 || (found.1 as usize) < needed;
        if too_small || u64::from(found.0) * u64::from(found.1) > most {
            return Err(DAMAGED);
        }
        let (samples, per_pixel) = match jpeg::read(&file).map_err(inside)?.samples {
            Samples::Grey(samples) => (samples, 1),
            Samples::Rgb(samples) => (samples, 3),
            _ => return Err(FLAVOR),
        };
        if per_pixel != channels {
            return Err(DAMAGED);
        }
        let taken = (found.0 as usize).min(width - x) * channels;
        let rows = whole.chunks_mut(width * channels).skip(y).take(needed);
        for (row, samples) in rows.zip(samples.chunks(found.0 as usize * channels)) {
            row[x * channels..][..taken].copy_from_slice(&samples[..taken]);
        }
    }
    Ok(if channels == 1 { Samples::Grey(whole) } else { Samples::Rgb(whole) })
}

fn piece(bytes: &[u8], offset: u64, length: u64) -> Result<&[u8], PictureError> {
    let end = offset.checked_add(length).ok_or(DAMAGED)?;
    let (start, end) = (usize::try_from(offset).map_err(|_| DAMAGED)?, usize::try_from(end).map_err(|_| DAMAGED)?);
    bytes.get(start..end).ok_or(PictureError::Truncated { format: super::Format::Tiff })
}

/// What stands before each piece: the tables that all share, and which colours the samples are, which TIFF says and JPEG would
/// have to guess.
fn head(tables: &[u8], channels: u16, colors: u16) -> Vec<u8> {
    let mut head = b"\xff\xd8".to_vec();
    if channels == 3 {
        head.extend(b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0");
        head.push(u8::from(colors == YCBCR));
    }
    let tables = tables.strip_prefix(b"\xff\xd8").unwrap_or_default();
    head.extend(tables.strip_suffix(b"\xff\xd9").unwrap_or(tables));
    head
}

/// The file that was sent is a TIFF.
fn inside(error: PictureError) -> PictureError {
    match error {
        PictureError::Truncated { .. } => PictureError::Truncated { format: super::Format::Tiff },
        PictureError::UnsupportedFlavor { .. } => FLAVOR,
        _ => DAMAGED,
    }
}
