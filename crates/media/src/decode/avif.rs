//! AVIF: single pictures and grids of tiles, 8 to 12 bits, with transparency; of an animation the still picture that stands for it.
//!
//! The container is read here; the AV1 streams in it go to the decoder that was handed in. Rotation, mirroring and cropping are
//! the container's own, as in HEIC; an orientation in EXIF says the same once more.

mod container;
mod meta;

use heic_decoder::{ColorInfo, HeifError};

use self::container::{Avif, Image};
use super::av1::{Av1Decoder, Av1Fault, Av1Stream};
use super::error::{Format, PictureError};
use super::hdr::ToneMap;
use super::heic::frame::Frame;
use super::heic::{named, seen, with_opacity};
use super::orient::Turn;
use super::planes::{Plane, Planes};
use super::samples::{Raw, Samples};
use super::sniff::Foreign;

const DAMAGED: PictureError = PictureError::Damaged { format: Format::Avif };
const FLAVOR: PictureError = PictureError::UnsupportedFlavor { format: Format::Avif };

/// As shown: the file's own turns are part of it.
pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let (width, height) = frame(&container::parse(bytes)?.image)?.shown();
    Ok((u32::try_from(width).unwrap_or(u32::MAX), u32::try_from(height).unwrap_or(u32::MAX)))
}

/// Refuses what would decode to many more pixels than it shows: cropping, tiles and transparency hide from [`size`] how
/// large that is.
pub(super) fn bound(bytes: &[u8], max_pixels: u64) -> Result<(), PictureError> {
    /// The last tiles of a grid reach beyond the picture.
    const BEYOND: u64 = 1 << 20;
    let most = max_pixels.saturating_add(max_pixels / 8).saturating_add(BEYOND);
    let avif = container::parse(bytes)?;
    for image in std::iter::once(&avif.image).chain(&avif.alpha) {
        let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
        let tiles = image.tiles.iter().map(|tile| area(tile.size)).fold(0, u64::saturating_add);
        if tiles.max(area(image.size)) > most {
            let (width, height) = image.size;
            return Err(PictureError::TooManyPixels { width, height, limit: max_pixels });
        }
    }
    Ok(())
}

pub(super) fn read(bytes: &[u8], decoder: Option<Av1Decoder>) -> Result<Raw, PictureError> {
    let decoder = decoder.ok_or(PictureError::Unsupported(Foreign::Avif))?;
    let avif = container::parse(bytes)?;
    let (planes, alpha) = decoded(&avif, decoder)?;
    let color = avif.color.or(planes.coding.color).map(said);
    let planes = Planes { coding: super::planes::Coding { color, ..planes.coding }, ..planes };
    let tone_map = ToneMap::of(color);
    let seen = seen(planes, &avif.image.transforms, tone_map.as_ref()).map_err(judged)?;
    let samples = match avif.alpha.as_ref().zip(alpha) {
        None => Samples::Rgb(seen.pixels),
        Some((image, planes)) => {
            let frame = frame(image)?;
            if frame.shown() != seen.size {
                return Err(FLAVOR);
            }
            let opacity = frame.shown_of::<1>(planes.opacity(), planes.luma.width);
            drop(planes);
            Samples::Rgba(with_opacity(&seen.pixels, &opacity, avif.premultiplied))
        }
    };
    let profile = avif.profile.map(<[u8]>::to_vec).or_else(|| named(color));
    // What was toned down is sRGB, whatever the file says of its light.
    let profile = profile.filter(|_| tone_map.is_none());
    let animated = bytes.get(8..12) == Some(b"avis");
    Ok(Raw { samples, profile, turn: Turn::None, animated, toned: tone_map.is_some() })
}

fn frame(image: &Image<'_>) -> Result<Frame, PictureError> {
    Frame::new(image.size.0 as usize, image.size.1 as usize, &image.transforms).map_err(judged)
}

/// An unsaid matrix is that of BT.601, by MIAF.
fn said(color: ColorInfo) -> ColorInfo {
    const UNSAID: u16 = 2;
    const BT601: u16 = 6;
    let matrix = color.matrix_coefficients;
    ColorInfo { matrix_coefficients: if matrix == UNSAID { BT601 } else { matrix }, ..color }
}

/// The picture, and its opacity where the file has one; as stored.
fn decoded(avif: &Avif<'_>, decoder: Av1Decoder) -> Result<(Planes, Option<Planes>), PictureError> {
    let tiles = avif.image.tiles.iter().chain(avif.alpha.iter().flat_map(|alpha| &alpha.tiles));
    let streams: Vec<Av1Stream> =
        tiles.map(|tile| Av1Stream { units: tile.pieces.concat(), width: tile.size.0, height: tile.size.1 }).collect();
    let mut tiles = decoder.decode(&streams).map_err(|fault| match fault {
        Av1Fault::Damaged => DAMAGED,
        Av1Fault::Unavailable => PictureError::Unsupported(Foreign::Avif),
    })?;
    let opacity = tiles.split_off(avif.image.tiles.len());
    let picture = assembled(tiles, &avif.image)?;
    Ok((picture, avif.alpha.as_ref().map(|image| assembled(opacity, image)).transpose()?))
}

/// Tiles lie side by side; those at the right and the lower edge may reach beyond the picture.
fn assembled(mut tiles: Vec<Planes>, image: &Image<'_>) -> Result<Planes, PictureError> {
    let Some(columns) = image.columns else { return tiles.pop().ok_or(DAMAGED) };
    let first = tiles.first().ok_or(DAMAGED)?;
    let coding = first.coding;
    let (width, height) = (image.size.0 as usize, image.size.1 as usize);
    let (chroma_width, chroma_height) = coding.chroma_size(width, height);
    let cell = (first.luma.width, first.luma.height);
    let (sub_x, sub_y) = (coding.sampling.sub_x as usize, coding.sampling.sub_y as usize);
    let rows = tiles.len() / columns.max(1);
    if (columns > 1 && cell.0 % sub_x != 0) || (rows > 1 && cell.1 % sub_y != 0) {
        return Err(FLAVOR);
    }
    let chroma = || Plane::black(chroma_width, chroma_height);
    let mut whole = Planes { coding, luma: Plane::black(width, height), chroma: [chroma(), chroma()] };
    for (at, tile) in tiles.into_iter().enumerate() {
        let depths = |coding: &super::planes::Coding| (coding.chroma_format, coding.luma_bits);
        if (tile.luma.width, tile.luma.height) != cell || depths(&tile.coding) != depths(&coding) {
            return Err(FLAVOR);
        }
        let (x, y) = (at % columns * cell.0, at / columns * cell.1);
        lay(&mut whole.luma, &tile.luma, x, y);
        for (plane, tile) in whole.chroma.iter_mut().zip(&tile.chroma) {
            lay(plane, tile, x / sub_x, y / sub_y);
        }
    }
    Ok(whole)
}

fn lay(plane: &mut Plane, tile: &Plane, x: usize, y: usize) {
    let taken = tile.width.min(plane.width.saturating_sub(x));
    if taken == 0 {
        return;
    }
    let rows = plane.samples.chunks_mut(plane.width).skip(y).zip(tile.samples.chunks(tile.width));
    rows.for_each(|(row, tile)| row[x..x + taken].copy_from_slice(&tile[..taken]));
}

fn judged(error: HeifError) -> PictureError {
    match error {
        HeifError::Unsupported(_) => FLAVOR,
        _ => DAMAGED,
    }
}
