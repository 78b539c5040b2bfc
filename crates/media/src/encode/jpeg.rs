//! JPEG through jpeg-encoder.

use jpeg_encoder::{ColorType, Encoder, PixelDensity, PixelDensityUnit, SamplingFactor};

use crate::encode::quality::{Chroma, Setting};
use crate::encode::{EncodeError, profile};
use crate::picture::Picture;

/// What XMP in an APP1 segment begins with.
const XMP_HEADER: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

pub(super) fn write(
    picture: &Picture,
    setting: Setting,
    dpi: Option<u16>,
    xmp: Option<&[u8]>,
) -> Result<Vec<u8>, EncodeError> {
    let (width, height) = (picture.width(), picture.height());
    let too_many = |_| EncodeError::TooManyPixels { width, height };
    let (across, down) = (u16::try_from(width).map_err(too_many)?, u16::try_from(height).map_err(too_many)?);
    // White compresses to almost nothing; an eighth of the pixels holds nearly every catalog picture.
    let mut bytes = Vec::with_capacity(picture.rgb().len() / 24);
    let mut encoder = Encoder::new(&mut bytes, setting.quality);
    encoder.set_sampling_factor(match setting.chroma {
        Chroma::Full => SamplingFactor::F_1_1,
        Chroma::Halved => SamplingFactor::F_2_2,
    });
    if let Some(dpi) = dpi {
        encoder.set_density(PixelDensity { density: (dpi, dpi), unit: PixelDensityUnit::Inches });
    }
    const FITS: &str = "profile and packet are far smaller than a segment, and the buffer was made for this size";
    encoder.add_icc_profile(profile::srgb()).expect(FITS);
    if let Some(xmp) = xmp {
        encoder.add_app_segment(1, [XMP_HEADER, xmp].concat()).expect(FITS);
    }
    encoder.encode(picture.rgb(), across, down, ColorType::Rgb).expect(FITS);
    Ok(bytes)
}
