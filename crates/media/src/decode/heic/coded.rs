//! The coded pictures of a file, single or in tiles, to planes. Each tile is packed as soon as it is decoded, for the decoder's own
//! samples and notes take more than five times as much.

use heic_decoder::hevc::ctu::Plane as Wide;
use heic_decoder::hevc::params::Sps;
use heic_decoder::isobmff::{GridInfo, ParsedHeif, ResolvedImage};
use heic_decoder::{DecodeOptions, DecodedImage, HeifError, decode_one_image, decode_with};
use rayon::prelude::*;

use super::parameters;
use crate::decode::planes::{Coding, Plane, Planes, sampling};

/// The picture, and its opacity where the file has one; as stored.
pub(super) fn decoded(bytes: &[u8], parsed: &ParsedHeif) -> Result<(Planes, Option<Planes>), HeifError> {
    let alpha = parsed.alpha.as_ref().map(|alpha| &*alpha.image);
    // Only the decoder's own door leads to pictures that are predicted from another one.
    if parsed.reference_image.is_some() || alpha.is_some_and(|alpha| alpha.reference_image.is_some()) {
        return predicted(bytes);
    }
    let color = Planes { coding: parsed_coding(parsed)?, ..picture(parsed)? };
    Ok((color, alpha.map(picture).transpose()?))
}

fn parsed_coding(parsed: &ParsedHeif) -> Result<Coding, HeifError> {
    let coding = coding(&parameters(first(parsed)?)?);
    Ok(Coding { color: parsed.metadata.color_info.or(coding.color), ..coding })
}

fn first(parsed: &ParsedHeif) -> Result<&ResolvedImage, HeifError> {
    parsed.images.first().ok_or(HeifError::MalformedBox("no image to decode"))
}

fn picture(parsed: &ParsedHeif) -> Result<Planes, HeifError> {
    match parsed.grid {
        Some(grid) => tiled(&parsed.images, grid),
        None => single(first(parsed)?),
    }
}

fn coding(sps: &Sps) -> Coding {
    Coding {
        chroma_format: sps.chroma_format_idc,
        luma_bits: sps.bit_depth_luma,
        chroma_bits: sps.bit_depth_chroma,
        sampling: sampling(sps.chroma_format_idc, sps.chroma_location),
        color: sps.color_info,
    }
}

/// What of the coded picture is shown: streams are padded to whole blocks.
struct Window {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

fn window(sps: &Sps) -> Result<Window, HeifError> {
    let [left, right, top, bottom] = sps.conformance_window.map(|side| side as usize);
    let rest = |full: u32, one: usize, other: usize| {
        (full as usize).checked_sub(one.checked_add(other)?).filter(|rest| *rest > 0)
    };
    let width = rest(sps.pic_width_in_luma_samples, left, right);
    let height = rest(sps.pic_height_in_luma_samples, top, bottom);
    match (width, height) {
        (Some(width), Some(height)) => Ok(Window { left, top, width, height }),
        _ => Err(HeifError::MalformedHevc("SPS: conformance window exceeds picture")),
    }
}

fn single(image: &ResolvedImage) -> Result<Planes, HeifError> {
    let (sps, picture) = decode_one_image(image)?;
    let (coding, Window { left, top, width, height }) = (coding(&sps), window(&sps)?);
    let (chroma_width, chroma_height) = coding.chroma_size(width, height);
    let (sub_x, sub_y) = (coding.sampling.sub_x as usize, coding.sampling.sub_y as usize);
    let chroma = Window { left: left / sub_x, top: top / sub_y, width: chroma_width, height: chroma_height };
    Ok(Planes {
        luma: packed(picture.y, &Window { left, top, width, height })?,
        chroma: [packed(picture.cb, &chroma)?, packed(picture.cr, &chroma)?],
        coding,
    })
}

fn packed(plane: Wide, window: &Window) -> Result<Plane, HeifError> {
    let stride = plane.width;
    part(&plane.into_samples(), stride, window)
}

fn part(samples: &[i32], stride: usize, window: &Window) -> Result<Plane, HeifError> {
    let mut packed = Vec::with_capacity(window.width * window.height);
    for y in window.top..window.top + window.height {
        let start = y * stride + window.left;
        let row = samples.get(start..start + window.width);
        let row = row.ok_or(HeifError::MalformedHevc("plane smaller than its picture"))?;
        // What no depth can hold stays so, and is found when colours are made of it.
        packed.extend(row.iter().map(|sample| u16::try_from(*sample).unwrap_or(u16::MAX)));
    }
    Ok(Plane { width: window.width, height: window.height, samples: packed })
}

fn predicted(bytes: &[u8]) -> Result<(Planes, Option<Planes>), HeifError> {
    let mut whole = decode_with(bytes, &DecodeOptions { apply_transforms: false })?;
    let alpha = whole.alpha.take();
    let color = whole.color_info;
    let coding = Coding {
        chroma_format: whole.chroma_format_idc,
        luma_bits: whole.bit_depth_luma,
        chroma_bits: whole.bit_depth_chroma,
        sampling: whole.chroma_sampling,
        color,
    };
    let DecodedImage { width, height, cb_width, cb_height, .. } = whole;
    let all = |samples: Vec<i32>, width, height| part(&samples, width, &Window { left: 0, top: 0, width, height });
    let alpha = alpha.map(|alpha| {
        let coding = Coding { chroma_format: 0, luma_bits: alpha.bit_depth, sampling: sampling(0, None), ..coding };
        Ok(Planes { coding, luma: all(alpha.samples, width, height)?, chroma: Default::default() })
    });
    let chroma = [all(whole.cb, cb_width, cb_height)?, all(whole.cr, cb_width, cb_height)?];
    Ok((Planes { coding, luma: all(whole.y, width, height)?, chroma }, alpha.transpose()?))
}

/// Tiles lie side by side; those at the right and the lower edge may reach beyond the picture.
fn tiled(images: &[ResolvedImage], grid: GridInfo) -> Result<Planes, HeifError> {
    let (rows, columns) = (grid.rows as usize, grid.columns as usize);
    if images.len() != rows * columns {
        return Err(HeifError::MalformedBox("grid image count does not match rows*columns"));
    }
    let sps = parameters(&images[0])?;
    let (coding, cell) = (coding(&sps), window(&sps)?);
    let (sub_x, sub_y) = (coding.sampling.sub_x as usize, coding.sampling.sub_y as usize);
    let (width, height) = (grid.output_width as usize, grid.output_height as usize);
    if cell.width * columns < width || cell.height * rows < height {
        return Err(HeifError::MalformedBox("grid: tiles do not cover the picture"));
    }
    if (columns > 1 && cell.width % sub_x != 0) || (rows > 1 && cell.height % sub_y != 0) {
        return Err(HeifError::Unsupported("grid: tiles share chroma samples"));
    }
    let (chroma_width, chroma_height) = coding.chroma_size(width, height);
    let mut luma = Plane::black(width, height);
    let [mut cb, mut cr] = [Plane::black(chroma_width, chroma_height), Plane::black(chroma_width, chroma_height)];
    let chroma_rows = (cell.height.div_ceil(sub_y) * chroma_width).max(1);
    let bands = luma.samples.chunks_mut(cell.height * width);
    // A grey picture has no chroma, and as many bands of it all the same.
    let none = || std::iter::repeat_with(Default::default);
    let mut cb_bands = cb.samples.chunks_mut(chroma_rows).chain(none());
    let mut cr_bands = cr.samples.chunks_mut(chroma_rows).chain(none());
    let bands: Vec<_> = bands.map(|luma| [Some(luma), cb_bands.next(), cr_bands.next()]).collect();
    bands.into_par_iter().zip(images.par_chunks(columns)).try_for_each(|(band, images)| {
        let tiles =
            images.par_iter().map(|image| alike(single(image)?, &coding, &cell)).collect::<Result<Vec<_>, _>>()?;
        let widths = [width, chroma_width, chroma_width];
        for (index, (band, width)) in band.into_iter().zip(widths).enumerate() {
            side_by_side(band.unwrap_or_default(), width, tiles.iter().map(|tile| plane(tile, index)));
        }
        Ok::<_, HeifError>(())
    })?;
    Ok(Planes { coding, luma, chroma: [cb, cr] })
}

fn alike(tile: Planes, coding: &Coding, cell: &Window) -> Result<Planes, HeifError> {
    let same_size = (tile.luma.width, tile.luma.height) == (cell.width, cell.height);
    let depths = |coding: &Coding| (coding.chroma_format, coding.luma_bits, coding.chroma_bits);
    if !same_size || depths(&tile.coding) != depths(coding) {
        return Err(HeifError::Unsupported("grid: tiles differ in size or coding"));
    }
    Ok(tile)
}

fn plane(tile: &Planes, index: usize) -> &Plane {
    match index {
        0 => &tile.luma,
        1 => &tile.chroma[0],
        _ => &tile.chroma[1],
    }
}

fn side_by_side<'a>(band: &mut [u16], width: usize, tiles: impl Iterator<Item = &'a Plane>) {
    let mut left = 0;
    for tile in tiles.take_while(|tile| tile.width > 0) {
        let taken = tile.width.min(width.saturating_sub(left));
        for (row, tile) in band.chunks_mut(width).zip(tile.samples.chunks(tile.width)) {
            row[left..left + taken].copy_from_slice(&tile[..taken]);
        }
        left += taken;
    }
}
