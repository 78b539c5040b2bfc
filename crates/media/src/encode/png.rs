//! PNG, 8 bits RGB or RGBA.

use std::borrow::Cow;

use png::{ColorType, Compression, Encoder, Info, PixelDimensions, Unit};

use crate::encode::{EncodeError, profile};
use crate::picture::{Matte, Picture};

const XMP_KEYWORD: &str = "XML:com.adobe.xmp";
const INCHES_PER_METRE: f64 = 39.3701;

/// Fast first; thoroughly, which takes ten times as long, only where the fast file is too large.
pub(super) fn write(
    picture: &Picture,
    dpi: Option<u16>,
    xmp: Option<&[u8]>,
    max_bytes: u64,
) -> Result<Vec<u8>, EncodeError> {
    let fast = write_with(picture, dpi, xmp, Compression::Fast)?;
    if fast.len() as u64 <= max_bytes { Ok(fast) } else { write_with(picture, dpi, xmp, Compression::High) }
}

/// Straight colour beside its transparency.
pub(super) fn write_rgba(picture: &Picture, alpha: &Matte) -> Result<Vec<u8>, EncodeError> {
    let (width, height) = (picture.width(), picture.height());
    let mut info = Info::with_size(width, height);
    info.color_type = ColorType::Rgba;
    info.icc_profile = Some(Cow::Borrowed(profile::srgb()));
    let colors = picture.rgb().as_chunks::<3>().0;
    let rgba: Vec<u8> = colors.iter().zip(alpha.alpha()).flat_map(|([r, g, b], a)| [*r, *g, *b, *a]).collect();
    let mut bytes = Vec::new();
    let written = (|| {
        let mut encoder = Encoder::with_info(&mut bytes, info)?;
        encoder.set_compression(Compression::Fast);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&rgba)?;
        writer.finish()
    })();
    written.map(|()| bytes).map_err(|_| EncodeError::TooManyPixels { width, height })
}

/// Mattes are mostly flat, which the fast way makes small as well.
pub(super) fn write_grey(matte: &Matte) -> Result<Vec<u8>, EncodeError> {
    let (width, height) = (matte.width(), matte.height());
    let mut bytes = Vec::new();
    let written = (|| {
        let mut encoder = Encoder::new(&mut bytes, width, height);
        encoder.set_color(ColorType::Grayscale);
        encoder.set_compression(Compression::Fast);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(matte.alpha())?;
        writer.finish()
    })();
    written.map(|()| bytes).map_err(|_| EncodeError::TooManyPixels { width, height })
}

fn write_with(
    picture: &Picture,
    dpi: Option<u16>,
    xmp: Option<&[u8]>,
    compression: Compression,
) -> Result<Vec<u8>, EncodeError> {
    let (width, height) = (picture.width(), picture.height());
    let mut info = Info::with_size(width, height);
    info.color_type = ColorType::Rgb;
    info.icc_profile = Some(Cow::Borrowed(profile::srgb()));
    info.pixel_dims = dpi.map(|dpi| {
        let per_metre = (f64::from(dpi) * INCHES_PER_METRE).round() as u32;
        PixelDimensions { xppu: per_metre, yppu: per_metre, unit: Unit::Meter }
    });
    let mut bytes = Vec::new();
    // Memory takes every write, so what is left to fail is a size that the format can't hold.
    let written = (|| {
        let mut encoder = Encoder::with_info(&mut bytes, info)?;
        encoder.set_compression(compression);
        if let Some(xmp) = xmp {
            encoder.add_itxt_chunk(XMP_KEYWORD.into(), String::from_utf8_lossy(xmp).into_owned())?;
        }
        let mut writer = encoder.write_header()?;
        writer.write_image_data(picture.rgb())?;
        writer.finish()
    })();
    match written {
        Ok(()) => Ok(bytes),
        Err(_) => Err(EncodeError::TooManyPixels { width, height }),
    }
}
