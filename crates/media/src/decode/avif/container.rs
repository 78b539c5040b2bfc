//! Which AV1 streams make the picture of a file, how they lie, and how it is shown.

use std::collections::BTreeSet;

use heic_decoder::ColorInfo;
use heic_decoder::isobmff::{CleanAperture, Transform};

use super::super::boxes::{Overlong, Reader, boxes};
use super::super::error::{Format, PictureError};
use super::meta::{Meta, Missing};
use super::{DAMAGED, FLAVOR};

/// All streams of a file together: tiles that are alike may be written once, so this can be more than the file.
const CODED_MAX: usize = 64 << 20;

/// Pieces of all tiles of a picture together: a tile may be named again and again, and its pieces with it.
const PIECES_MAX: usize = 65_536;

/// Names of the auxiliary picture that is opacity.
const ALPHA: [&[u8]; 2] = [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1"];

pub(super) struct Avif<'a> {
    pub image: Image<'a>,
    pub alpha: Option<Image<'a>>,
    /// The colour is multiplied by the opacity.
    pub premultiplied: bool,
    pub color: Option<ColorInfo>,
    pub profile: Option<&'a [u8]>,
}

/// A picture as stored, in one piece or in tiles.
pub(super) struct Image<'a> {
    pub size: (u32, u32),
    /// Row by row.
    pub tiles: Vec<Tile<'a>>,
    /// How many lie side by side; `None`: it is no grid.
    pub columns: Option<usize>,
    pub transforms: Vec<Transform>,
}

pub(super) struct Tile<'a> {
    pub size: (u32, u32),
    /// Of its stream.
    pub pieces: Vec<&'a [u8]>,
}

pub(super) fn parse(file: &[u8]) -> Result<Avif<'_>, PictureError> {
    let meta = Meta::read(meta_of(file)?, file.len()).ok_or(DAMAGED)?;
    let primary = meta.primary.ok_or(DAMAGED)?;
    let image = image(&meta, file, primary)?;
    let aside = meta.references.iter().filter(|reference| reference.kind == b"auxl" && reference.to.contains(&primary));
    // Each is looked at once, however often the file names it.
    let aside: BTreeSet<u32> = aside.map(|reference| reference.from).collect();
    let alpha = aside.into_iter().find(|item| *item != primary && is_alpha(&meta, *item));
    let avif = Avif {
        premultiplied: alpha.is_some_and(|alpha| meta.referred(b"prem", primary).contains(&alpha)),
        alpha: alpha.map(|alpha| self::image(&meta, file, alpha)).transpose()?,
        color: described(&meta, primary, nclx),
        profile: described(&meta, primary, icc),
        image,
    };
    let tiles = avif.image.tiles.iter().chain(avif.alpha.iter().flat_map(|alpha| &alpha.tiles));
    let coded: usize = tiles.flat_map(|tile| &tile.pieces).map(|piece| piece.len()).fold(0, usize::saturating_add);
    if coded > CODED_MAX { Err(DAMAGED) } else { Ok(avif) }
}

fn meta_of(file: &[u8]) -> Result<&[u8], PictureError> {
    for found in boxes(file) {
        match found {
            Ok((b"meta", body)) => return Ok(body),
            Ok((b"moov", _)) => return Err(FLAVOR),
            Ok(_) => {}
            Err(Overlong) => return Err(PictureError::Truncated { format: Format::Avif }),
        }
    }
    Err(PictureError::Truncated { format: Format::Avif })
}

fn image<'a>(meta: &Meta<'a>, file: &'a [u8], item: u32) -> Result<Image<'a>, PictureError> {
    let transforms = transforms(meta, item).ok_or(DAMAGED)?;
    match meta.kinds.get(&item).copied() {
        Some(b"av01") => {
            let tile = tile(meta, file, item)?;
            Ok(Image { size: tile.size, tiles: vec![tile], columns: None, transforms })
        }
        Some(b"grid") => {
            let (rows, columns, size) = grid(&pieces(meta, file, item)?.concat()).ok_or(DAMAGED)?;
            let named = meta.referred(b"dimg", item);
            if named.len() != rows * columns || meta.pieces_of(named) > PIECES_MAX {
                return Err(DAMAGED);
            }
            let tiles = named.iter().map(|tile| {
                let plain = meta.kinds.get(tile) == Some(&b"av01");
                if plain { self::tile(meta, file, *tile) } else { Err(FLAVOR) }
            });
            let tiles = tiles.collect::<Result<Vec<_>, _>>()?;
            let cell = tiles.first().ok_or(DAMAGED)?.size;
            let covers = |cell: u32, count: usize, whole: u32| u64::from(cell) * count as u64 >= u64::from(whole);
            if !covers(cell.0, columns, size.0) || !covers(cell.1, rows, size.1) {
                return Err(DAMAGED);
            }
            Ok(Image { size, tiles, columns: Some(columns), transforms })
        }
        Some(_) => Err(FLAVOR),
        None => Err(DAMAGED),
    }
}

fn pieces<'a>(meta: &Meta<'a>, file: &'a [u8], item: u32) -> Result<Vec<&'a [u8]>, PictureError> {
    meta.pieces(file, item).map_err(|missing| match missing {
        Missing::Beyond => PictureError::Truncated { format: Format::Avif },
        Missing::Malformed => DAMAGED,
    })
}

fn tile<'a>(meta: &Meta<'a>, file: &'a [u8], item: u32) -> Result<Tile<'a>, PictureError> {
    let size = meta.properties(item).find_map(|(kind, body)| if kind == b"ispe" { extent(body) } else { None });
    let size = size.filter(|(width, height)| *width > 0 && *height > 0).ok_or(DAMAGED)?;
    Ok(Tile { size, pieces: pieces(meta, file, item)? })
}

fn extent(body: &[u8]) -> Option<(u32, u32)> {
    let mut reader = Reader(body);
    reader.version()?;
    Some((reader.u32()?, reader.u32()?))
}

/// Rows, columns and the size of the whole.
fn grid(body: &[u8]) -> Option<(usize, usize, (u32, u32))> {
    let mut reader = Reader(body);
    reader.u8()?;
    let wide = reader.u8()? & 1 == 1;
    let (rows, columns) = (usize::from(reader.u8()?) + 1, usize::from(reader.u8()?) + 1);
    let size = (reader.id(wide)?, reader.id(wide)?);
    (size.0 > 0 && size.1 > 0).then_some((rows, columns, size))
}

fn is_alpha(meta: &Meta<'_>, item: u32) -> bool {
    let says = |body: &[u8], name: &[u8]| {
        body.get(4..)
            .and_then(|body| body.strip_prefix(name))
            .is_some_and(|rest| rest.first().is_none_or(|end| *end == 0))
    };
    meta.properties(item).any(|(kind, body)| kind == b"auxC" && ALPHA.iter().any(|name| says(body, name)))
}

/// What `colr` says of the picture, or of its first tile where nothing is said of the whole.
fn described<'a, T>(meta: &Meta<'a>, item: u32, read: impl Fn(&'a [u8]) -> Option<T>) -> Option<T> {
    let items = std::iter::once(&item).chain(meta.referred(b"dimg", item).first());
    let mut said = items.flat_map(|item| meta.properties(*item)).filter(|(kind, _)| *kind == b"colr");
    said.find_map(|(_, body)| read(body))
}

fn nclx(body: &[u8]) -> Option<ColorInfo> {
    let mut reader = Reader(body.strip_prefix(b"nclx")?);
    Some(ColorInfo {
        color_primaries: reader.u16()?,
        transfer_characteristics: reader.u16()?,
        matrix_coefficients: reader.u16()?,
        full_range: reader.u8()? & 0x80 != 0,
    })
}

fn icc(body: &[u8]) -> Option<&[u8]> {
    body.strip_prefix(b"prof").or_else(|| body.strip_prefix(b"rICC"))
}

/// In the order in which they are listed.
fn transforms(meta: &Meta<'_>, item: u32) -> Option<Vec<Transform>> {
    let turn = |(kind, body): (&[u8; 4], &[u8])| match (kind, body) {
        (b"clap", body) => Some(aperture(body).map(Transform::CleanAperture)),
        (b"irot", body) => Some(body.first().map(|angle| Transform::Rotate90Ccw(angle & 3))),
        (b"imir", body) => Some(body.first().map(|axis| match axis & 1 {
            0 => Transform::MirrorVertical,
            _ => Transform::MirrorHorizontal,
        })),
        _ => None,
    };
    meta.properties(item).filter_map(turn).collect()
}

fn aperture(body: &[u8]) -> Option<CleanAperture> {
    let mut reader = Reader(body);
    Some(CleanAperture {
        width: (reader.u32()?, reader.u32()?),
        height: (reader.u32()?, reader.u32()?),
        horizontal_offset: (reader.u32()? as i32, reader.u32()?),
        vertical_offset: (reader.u32()? as i32, reader.u32()?),
    })
}
