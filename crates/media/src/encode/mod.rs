//! Pixels to files: JPEG, PNG, lossless WebP, each with an sRGB profile and nothing else that was not asked for.
//!
//! No EXIF is ever written, so no place, no serial number and no orientation can survive. The bytes depend on pixels and
//! options alone.

mod jpeg;
mod png;
pub(crate) mod profile;
mod provenance;
mod quality;
mod webp;

pub use provenance::Provenance;
pub use quality::Chroma;
pub(crate) use quality::USUAL_QUALITY;

use crate::picture::{Matte, Picture};
use crate::preset::Format;
use quality::{Bounds, Setting};

/// Written where a marketplace wants a density tag and gives only a minimum.
const DENSITY_DPI: u16 = 300;

/// How a picture is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeOptions {
    pub format: Format,
    /// Never exceeded.
    pub max_bytes: u64,
    /// Reached where a higher JPEG quality can.
    pub min_bytes: Option<u64>,
    pub min_jpeg_quality: Option<u8>,
    /// The finest sampling of colour that is tried.
    pub chroma: Chroma,
    /// Whether a density tag is written: 300 dpi, or the minimum where that is higher.
    pub min_dpi: Option<u16>,
    pub provenance: Provenance,
}

impl EncodeOptions {
    /// No wishes but the format and an upper bound: all of the colour, and no density tag.
    pub fn plain(format: Format, max_bytes: u64, provenance: Provenance) -> EncodeOptions {
        let (min_bytes, min_jpeg_quality, min_dpi) = (None, None, None);
        EncodeOptions { format, max_bytes, min_bytes, min_jpeg_quality, chroma: Chroma::Full, min_dpi, provenance }
    }
}

/// A written picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    pub bytes: Vec<u8>,
    pub format: Format,
    /// JPEG only.
    pub quality: Option<u8>,
    /// JPEG only.
    pub chroma: Option<Chroma>,
}

/// The picture can't be written as asked. Larger limits, another format or a smaller canvas help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error(
        "the picture needs {smallest} bytes at the lowest quality that may be used, and {limit} are allowed; use a smaller canvas"
    )]
    TooLarge { smallest: u64, limit: u64 },
    #[error("{width} x {height} is more than this format can hold; use a smaller canvas")]
    TooManyPixels { width: u32, height: u32 },
}

/// Writes a picture with its transparency as PNG.
pub fn with_alpha(picture: &Picture, alpha: &Matte) -> Result<Vec<u8>, EncodeError> {
    png::write_rgba(picture, alpha)
}

/// Writes a matte as a grey PNG: white is product. The green of any decoder gives it back.
pub fn matte(matte: &Matte) -> Result<Vec<u8>, EncodeError> {
    png::write_grey(matte)
}

/// The quality of copies that are looked at, never handed in: half of the usual file, and on a screen the same picture.
const SCREEN: Setting = Setting { quality: 82, chroma: Chroma::Halved };

/// Writes a copy for screens as JPEG, without a provenance tag, which belongs to the original.
pub fn for_screens(picture: &Picture) -> Result<Vec<u8>, EncodeError> {
    jpeg::write(picture, SCREEN, None, None)
}

/// Writes the picture at the highest quality that fits.
pub fn encode(picture: &Picture, options: &EncodeOptions) -> Result<Encoded, EncodeError> {
    let dpi = options.min_dpi.map(|least| least.max(DENSITY_DPI));
    let xmp = options.provenance.packet();
    let (bytes, setting) = match options.format {
        Format::Jpeg => {
            let write = |setting: Setting| jpeg::write(picture, setting, dpi, xmp.as_deref());
            let (bytes, setting) = quality::search(&Bounds::of(options), write)?;
            (bytes, Some(setting))
        }
        Format::Png => (png::write(picture, dpi, xmp.as_deref(), options.max_bytes)?, None),
        Format::Webp => (webp::write(picture, xmp.as_deref())?, None),
    };
    if bytes.len() as u64 > options.max_bytes {
        return Err(EncodeError::TooLarge { smallest: bytes.len() as u64, limit: options.max_bytes });
    }
    Ok(Encoded {
        bytes,
        format: options.format,
        quality: setting.map(|s| s.quality),
        chroma: setting.map(|s| s.chroma),
    })
}
