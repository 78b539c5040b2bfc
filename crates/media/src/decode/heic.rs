//! HEIC, as phones save it: single pictures and grids of tiles, 8 and 10 bits, with transparency; of a sequence the first picture.
//!
//! The container's own rotation, mirroring and cropping count; an orientation in EXIF says the same once more and is left
//! alone. Pictures without a profile may still say that their colours are Display P3.

use heic_decoder::bitreader::strip_emulation_prevention;
use heic_decoder::hevc::nal::{NAL_SPS, parse_nal_header};
use heic_decoder::hevc::params::{Sps, parse_sps};
use heic_decoder::isobmff::{self, ParsedHeif, ResolvedImage};
use heic_decoder::{ColorInfo, DecodedImage, HeifError, ImageInfo};
use moxcms::ColorProfile;

use super::error::{Format, PictureError};
use super::orient::Turn;
use super::samples::{Raw, Samples};

const DAMAGED: PictureError = PictureError::Damaged { format: Format::Heic };

/// Display P3, in the numbers of ITU-T H.273.
const P3_PRIMARIES: u16 = 12;

/// As shown: the file's own turns are part of it.
pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
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
        let sps = parameters(image)?;
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
fn parameters(image: &ResolvedImage) -> Result<Sps, PictureError> {
    for unit in image.hevc_config.nalus_of_type(NAL_SPS) {
        let (header, payload) = parse_nal_header(unit).map_err(judged)?;
        if header.nal_unit_type == NAL_SPS && header.nuh_layer_id == 0 {
            return parse_sps(&strip_emulation_prevention(payload)).map_err(judged);
        }
    }
    Err(DAMAGED)
}

pub(super) fn read(bytes: &[u8]) -> Result<Raw, PictureError> {
    let shown = size(bytes)?;
    let mut image = heic_decoder::decode(bytes).map_err(judged)?;
    if (image.width as u64, image.height as u64) != (u64::from(shown.0), u64::from(shown.1)) {
        return Err(DAMAGED);
    }
    let profile = image.metadata.icc_profile.take().or_else(|| named(image.color_info));
    Ok(Raw { samples: samples(&image)?, profile, turn: Turn::None, animated: is_sequence(bytes) })
}

fn samples(image: &DecodedImage) -> Result<Samples, PictureError> {
    if image.alpha.is_none() {
        return Ok(Samples::Rgb(image.to_rgb8().map_err(judged)?.data));
    }
    let mut rgba = image.to_rgba8().map_err(judged)?;
    if rgba.premultiplied {
        straighten(&mut rgba.data);
    }
    Ok(Samples::Rgba(rgba.data))
}

/// Colour that was multiplied by its opacity gets its own strength back.
pub(super) fn straighten(rgba: &mut [u8]) {
    for [r, g, b, alpha] in rgba.as_chunks_mut::<4>().0 {
        let alpha = u32::from(*alpha);
        for sample in [r, g, b] {
            let strength = (u32::from(*sample) * 255 + alpha / 2).checked_div(alpha);
            *sample = strength.map_or(*sample, |strength| strength.min(255) as u8);
        }
    }
}

/// The profile that a picture names by number instead of carrying it.
fn named(color: Option<ColorInfo>) -> Option<Vec<u8>> {
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
