//! HEIC, as phones save it: single pictures and grids of tiles, 8 and 10 bits, with transparency; of a sequence the first picture.
//!
//! The container's own rotation, mirroring and cropping count; an orientation in EXIF says the same once more and is left
//! alone. Pictures without a profile may still say that their colours are Display P3.

mod coded;
pub(super) mod frame;

use heic_decoder::bitreader::strip_emulation_prevention;
use heic_decoder::hevc::nal::{NAL_SPS, parse_nal_header};
use heic_decoder::hevc::params::{Sps, parse_sps};
use heic_decoder::isobmff::{self, ParsedHeif, ResolvedImage, Transform};
use heic_decoder::{ColorInfo, HeifError, ImageInfo};
use moxcms::ColorProfile;

use self::frame::Frame;
use super::boxes::is_tame;
use super::error::{Format, PictureError};
use super::hdr::ToneMap;
use super::orient::Turn;
use super::planes::Planes;
use super::samples::{Raw, Samples};

const DAMAGED: PictureError = PictureError::Damaged { format: Format::Heic };

/// Display P3, in the numbers of ITU-T H.273.
const P3_PRIMARIES: u16 = 12;

/// As shown: the file's own turns are part of it.
pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    if !is_tame(bytes) {
        return Err(DAMAGED);
    }
    let ImageInfo { width, height, .. } = heic_decoder::probe(bytes).map_err(judged)?;
    Ok((u32::try_from(width).unwrap_or(u32::MAX), u32::try_from(height).unwrap_or(u32::MAX)))
}

/// Refuses what would decode to many more pixels than it shows: the container's and the stream's own cropping, tiles and
/// transparency hide from [`size`] how large that is.
pub(super) fn bound(bytes: &[u8], max_pixels: u64) -> Result<(), PictureError> {
    let parsed = isobmff::parse(bytes).map_err(judged)?;
    bound_image(&parsed, max_pixels)?;
    parsed.alpha.map_or(Ok(()), |alpha| bound_image(&alpha.image, max_pixels))
}

fn bound_image(parsed: &ParsedHeif, max_pixels: u64) -> Result<(), PictureError> {
    /// Streams are padded to whole blocks, and the last tiles of a grid reach beyond the picture.
    const PADDED: u64 = 1 << 20;
    let most = max_pixels.saturating_add(max_pixels / 8).saturating_add(PADDED);
    let mut pixels = 0u64;
    for image in parsed.images.iter().chain(&parsed.reference_image) {
        let sps = parameters(image).map_err(judged)?;
        let (width, height) = (sps.pic_width_in_luma_samples, sps.pic_height_in_luma_samples);
        pixels = pixels.saturating_add(u64::from(width) * u64::from(height));
        if pixels > most {
            return Err(PictureError::TooManyPixels { width, height, limit: max_pixels });
        }
    }
    match parsed.grid {
        Some(grid) if u64::from(grid.output_width) * u64::from(grid.output_height) > most => {
            let (width, height) = (grid.output_width, grid.output_height);
            Err(PictureError::TooManyPixels { width, height, limit: max_pixels })
        }
        _ => Ok(()),
    }
}

/// The sizes that a coded picture states.
fn parameters(image: &ResolvedImage) -> Result<Sps, HeifError> {
    for unit in image.hevc_config.nalus_of_type(NAL_SPS) {
        let (header, payload) = parse_nal_header(unit)?;
        if header.nal_unit_type == NAL_SPS && header.nuh_layer_id == 0 {
            return parse_sps(&strip_emulation_prevention(payload));
        }
    }
    Err(HeifError::MalformedHevc("no sequence parameters"))
}

pub(super) fn read(bytes: &[u8]) -> Result<Raw, PictureError> {
    let shown = size(bytes)?;
    let mut parsed = isobmff::parse(bytes).map_err(judged)?;
    let (planes, alpha) = coded::decoded(bytes, &parsed).map_err(judged)?;
    let color = planes.coding.color;
    let tone_map = ToneMap::of(color);
    let seen = seen(planes, &parsed.transforms, tone_map.as_ref()).map_err(judged)?;
    if seen.size != (shown.0 as usize, shown.1 as usize) {
        return Err(DAMAGED);
    }
    let samples = match parsed.alpha.take().zip(alpha) {
        None => Samples::Rgb(seen.pixels),
        Some((about, planes)) => {
            let frame = Frame::new(planes.luma.width, planes.luma.height, &about.image.transforms).map_err(judged)?;
            if frame.shown() != seen.size {
                return Err(PictureError::UnsupportedFlavor { format: Format::Heic });
            }
            let opacity = frame.shown_of::<1>(planes.opacity(), planes.luma.width);
            Samples::Rgba(with_opacity(&seen.pixels, &opacity, about.premultiplied))
        }
    };
    let profile = parsed.metadata.icc_profile.take().or_else(|| named(color));
    // What was toned down is sRGB, whatever the file says of its light.
    let profile = profile.filter(|_| tone_map.is_none());
    Ok(Raw { samples, profile, turn: Turn::None, animated: is_sequence(bytes), toned: tone_map.is_some() })
}

/// Three bytes a pixel of what the container shows.
pub(super) struct Seen {
    pub size: (usize, usize),
    pub pixels: Vec<u8>,
}

pub(super) fn seen(planes: Planes, transforms: &[Transform], tone_map: Option<&ToneMap>) -> Result<Seen, HeifError> {
    let frame = Frame::new(planes.luma.width, planes.luma.height, transforms)?;
    let rgb = planes.rgb(tone_map)?;
    let stored_width = planes.luma.width;
    drop(planes);
    Ok(Seen { size: frame.shown(), pixels: frame.shown_of::<3>(rgb, stored_width) })
}

pub(super) fn with_opacity(rgb: &[u8], opacity: &[u8], premultiplied: bool) -> Vec<u8> {
    let pixels = rgb.as_chunks::<3>().0.iter().zip(opacity);
    let mut rgba: Vec<u8> = pixels.flat_map(|([r, g, b], alpha)| [*r, *g, *b, *alpha]).collect();
    if premultiplied {
        straighten(&mut rgba);
    }
    rgba
}

/// Colour that was multiplied by its opacity gets its own strength back.
pub(super) fn straighten(rgba: &mut [u8]) {
    for [r, g, b, alpha] in rgba.as_chunks_mut::<4>().0 {
        [r, g, b].into_iter().for_each(|sample| *sample = own_strength(*sample, *alpha));
    }
}

/// The same with grey and opacity.
pub(super) fn straighten_pairs(pairs: &mut [u8]) {
    for [grey, alpha] in pairs.as_chunks_mut::<2>().0 {
        *grey = own_strength(*grey, *alpha);
    }
}

fn own_strength(sample: u8, alpha: u8) -> u8 {
    let alpha = u32::from(alpha);
    let strength = (u32::from(sample) * 255 + alpha / 2).checked_div(alpha);
    strength.map_or(sample, |strength| strength.min(255) as u8)
}

/// The profile that a picture names by number instead of carrying it.
pub(super) fn named(color: Option<ColorInfo>) -> Option<Vec<u8>> {
    (color?.color_primaries == P3_PRIMARIES).then(|| ColorProfile::new_display_p3().encode().ok())?
}

/// Brands of files that hold a track of pictures.
fn is_sequence(bytes: &[u8]) -> bool {
    matches!(bytes.get(8..12), Some(b"msf1" | b"hevc" | b"hevx" | b"hevm" | b"hevs"))
}

fn judged(error: HeifError) -> PictureError {
    match error {
        HeifError::Truncated { .. } => PictureError::Truncated { format: Format::Heic },
        HeifError::Unsupported(_) => PictureError::UnsupportedFlavor { format: Format::Heic },
        _ => DAMAGED,
    }
}
