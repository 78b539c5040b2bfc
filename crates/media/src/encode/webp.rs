//! Lossless WebP: the lossy kind can't keep white exact.

use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::encode::{EncodeError, profile};
use crate::picture::Picture;

/// In the extended header's flags: the file holds XMP.
const XMP_FLAG: u8 = 0x04;
/// Where the flags stand: RIFF header, then the extended header's name and length.
const FLAGS_AT: usize = 20;

pub(super) fn write(picture: &Picture, xmp: Option<&[u8]>) -> Result<Vec<u8>, EncodeError> {
    let (width, height) = (picture.width(), picture.height());
    let mut bytes = Vec::new();
    let mut encoder = WebPEncoder::new_lossless(&mut bytes);
    let too_many = EncodeError::TooManyPixels { width, height };
    // Memory takes every write, so what is left to fail is a size that the format can't hold.
    encoder.set_icc_profile(profile::srgb().to_vec()).map_err(|_| too_many)?;
    encoder.write_image(picture.rgb(), width, height, ExtendedColorType::Rgb8).map_err(|_| too_many)?;
    if let Some(xmp) = xmp {
        append_xmp(&mut bytes, xmp);
    }
    Ok(bytes)
}

/// Adds the chunk at the end, where the format wants it. The profile has made the header an extended one.
fn append_xmp(bytes: &mut Vec<u8>, xmp: &[u8]) {
    debug_assert_eq!(&bytes[12..16], b"VP8X");
    bytes[FLAGS_AT] |= XMP_FLAG;
    bytes.extend(b"XMP ");
    bytes.extend((xmp.len() as u32).to_le_bytes());
    bytes.extend(xmp);
    if xmp.len() % 2 == 1 {
        bytes.push(0);
    }
    let riff = (bytes.len() - 8) as u32;
    bytes[4..8].copy_from_slice(&riff.to_le_bytes());
}
