//! From the bytes of an upload to upright sRGB pixels, or to a sentence that a seller can act on.
//!
//! It owns the limits, the recognition of formats by content and the facts about the source. It never looks at a
//! file name or a declared type, and it keeps one invariant: no pixel is decoded before the file's own header has been
//! held against [`Limits`], so memory stays below 17 bytes a pixel of `max_pixels`: 850 MB at the default 50 megapixels,
//! which only a progressive CMYK JPEG reaches; an ordinary photo takes 3 bytes a pixel, or 6 while it is turned upright.
//! Metadata, GPS positions among it, ends here: nothing but pixels and [`SourceFacts`] leaves this module.

mod av1;
mod avif;
mod boxes;
mod error;
mod gif;
mod hdr;
mod heic;
mod jpeg;
mod orient;
mod planes;
mod png;
pub(crate) mod samples;
mod sniff;
mod tiff;
mod webp;

pub use av1::{Av1Color, Av1Decoder, Av1Fault, Av1Frame, Av1Layout, Av1Siting, Av1Stream};
pub use error::{Format, PictureError};
pub use orient::Turn;
pub use sniff::Foreign;

use crate::color::{self, ProfileUse};
use crate::picture::{Matte, Picture};
use samples::Raw;

/// The shortest side of which a catalog picture can be made, in pixels.
pub const MIN_SIDE: u32 = 64;
/// What covers less than this can't be seen on any background.
const VISIBLE: u8 = 8;
/// A strip longer than this many times its width holds no product that a square canvas could show.
pub const MAX_ASPECT: u32 = 12;

/// What a file may cost. Checked before any pixel is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of the file, in bytes.
    pub max_bytes: usize,
    /// Width times height. The memory that decoding may take grows with it: 17 bytes a pixel at worst.
    pub max_pixels: u64,
    /// The longer side, in pixels.
    pub max_side: u32,
    /// Who decodes AV1; `None`: AVIF is refused with advice.
    pub av1: Option<Av1Decoder>,
}

impl Limits {
    /// The most megabytes that any bound on a file's size may be: what a process that decodes AV1 is sent at most, and more than
    /// any photo for a catalog has.
    pub const MB_MAX: usize = 64;
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { max_bytes: 12 * 1024 * 1024, max_pixels: 50_000_000, max_side: 20_000, av1: None }
    }
}

/// What the header says, before any pixel is decoded. Width and height are as stored, before orientation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    pub format: Format,
    pub width: u32,
    pub height: u32,
}

/// A photo ready for work: upright, sRGB, 8 bits a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Straight colour: transparent pixels keep the colour that the file gave them.
    pub picture: Picture,
    /// The file's own transparency; `None` where every pixel is opaque.
    pub alpha: Option<Matte>,
    pub facts: SourceFacts,
}

/// A picture of which less is transparent is no cut-out: a stray transparent colour of a palette, rounded corners.
const CUT_OUT: f64 = 0.05;

impl Decoded {
    /// The matte of a picture that came cut out. `None` where hardly anything of it is transparent, so that its product has to
    /// be found like in any photo.
    pub fn own_matte(&self) -> Option<&Matte> {
        let seen_through = |alpha: &Matte| alpha.alpha().iter().filter(|cover| **cover < 128).count();
        self.alpha.as_ref().filter(|alpha| seen_through(alpha) as f64 >= CUT_OUT * alpha.alpha().len() as f64)
    }
}

/// What was found in the file and what was done about it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SourceFacts {
    pub format: Format,
    /// Width and height as stored, before orientation; of HEIC and AVIF as shown.
    pub stored: (u32, u32),
    pub turn: Turn,
    pub profile: ProfileUse,
    /// True where the file holds several frames, of which the first was taken.
    pub animated: bool,
}

/// Something a person should know about a photo that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    FirstFrameOnly,
    ProfileUnreadable,
    ConvertedFromCmyk,
    TonedDown,
}

impl Notice {
    /// One sentence for the seller.
    pub fn message(self) -> &'static str {
        match self {
            Notice::FirstFrameOnly => "The file holds several frames or pages; the first one was used.",
            Notice::ProfileUnreadable => {
                "The color profile in the file could not be read, so colors were taken as sRGB; compare them with the product."
            }
            Notice::ConvertedFromCmyk => {
                "The file holds print colors (CMYK); they were converted to screen colors and may look a little different."
            }
            Notice::TonedDown => {
                "The photo holds more light than a page can show (HDR); bright parts were toned down, so compare it with the product."
            }
        }
    }
}

impl SourceFacts {
    /// What to tell the seller, in the order of importance.
    pub fn notices(&self) -> Vec<Notice> {
        let profile = match self.profile {
            ProfileUse::Unreadable => Some(Notice::ProfileUnreadable),
            ProfileUse::PlainCmyk | ProfileUse::ConvertedCmyk => Some(Notice::ConvertedFromCmyk),
            ProfileUse::TonedDown => Some(Notice::TonedDown),
            ProfileUse::None | ProfileUse::Srgb | ProfileUse::Converted => None,
        };
        profile.into_iter().chain(self.animated.then_some(Notice::FirstFrameOnly)).collect()
    }
}

/// Recognises the format by content and reads the size from the header; decodes no pixel.
pub fn probe(bytes: &[u8]) -> Result<Probe, PictureError> {
    let format = sniff::format_of(bytes)?;
    let (width, height) = guarded(format, || match format {
        Format::Jpeg => jpeg::size(bytes),
        Format::Png => png::size(bytes),
        Format::Webp => webp::size(bytes),
        Format::Heic => heic::size(bytes),
        Format::Avif => avif::size(bytes),
        Format::Tiff => tiff::size(bytes),
        Format::Gif => gif::size(bytes),
    })?;
    Ok(Probe { format, width, height })
}

/// A photo that was looked at to its end, without its pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// Upright, in pixels.
    pub width: u32,
    pub height: u32,
    pub facts: SourceFacts,
}

/// Whether [`decode`] can read a photo, and what it would say of it; as strict, and faster where nobody needs the pixels.
pub fn examine(bytes: &[u8], limits: &Limits) -> Result<Examined, PictureError> {
    let found = admitted(bytes, limits)?;
    let looked = match found.format {
        Format::Jpeg => guarded(found.format, || jpeg::look(bytes))?,
        Format::Png | Format::Webp | Format::Heic | Format::Avif | Format::Tiff | Format::Gif => None,
    };
    if let Some(turn) = looked {
        let (width, height) = turn.size(found.width, found.height);
        let stored = (found.width, found.height);
        let facts = SourceFacts { format: found.format, stored, turn, profile: ProfileUse::None, animated: false };
        return Ok(Examined { width, height, facts });
    }
    let Decoded { picture, facts, .. } = decode(bytes, limits)?;
    Ok(Examined { width: picture.width(), height: picture.height(), facts })
}

/// What is said of a file of more than `limit` bytes, of which `start` was read. Where its first bytes show a kind that is not read, that is
/// what its owner has to know: the same in fewer bytes would be no use either.
pub fn too_large(start: &[u8], bytes: usize, limit: usize) -> PictureError {
    match sniff::format_of(start) {
        Err(foreign @ PictureError::Unsupported(_)) => foreign,
        _ => PictureError::FileTooLarge { bytes, limit },
    }
}

fn admitted(bytes: &[u8], limits: &Limits) -> Result<Probe, PictureError> {
    if bytes.len() > limits.max_bytes {
        return Err(too_large(bytes, bytes.len(), limits.max_bytes));
    }
    let found = probe(bytes)?;
    admit(found, limits)?;
    match found.format {
        Format::Heic => guarded(found.format, || heic::bound(bytes, limits.max_pixels))?,
        Format::Avif => guarded(found.format, || avif::bound(bytes, limits.max_pixels))?,
        Format::Jpeg | Format::Png | Format::Webp | Format::Tiff | Format::Gif => {}
    }
    Ok(found)
}

/// Decodes a photo within `limits`. Every failure is a fault of the file that its owner can be told about.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, PictureError> {
    let found = admitted(bytes, limits)?;
    let raw = guarded(found.format, || match found.format {
        Format::Jpeg => jpeg::read(bytes),
        Format::Png => png::read(bytes),
        Format::Webp => webp::read(bytes),
        Format::Heic => heic::read(bytes),
        Format::Avif => avif::read(bytes, limits.av1),
        Format::Tiff => tiff::read(bytes),
        Format::Gif => gif::read(bytes),
    })?;
    let decoded = finish(found, raw);
    match &decoded.alpha {
        Some(alpha) if alpha.alpha().iter().all(|cover| *cover < VISIBLE) => Err(PictureError::Transparent),
        _ => Ok(decoded),
    }
}

/// Whether a picture of this size may be decoded at all.
fn admit(found: Probe, limits: &Limits) -> Result<(), PictureError> {
    let Probe { width, height, .. } = found;
    let (short, long) = (width.min(height), width.max(height));
    if u64::from(width) * u64::from(height) > limits.max_pixels {
        return Err(PictureError::TooManyPixels { width, height, limit: limits.max_pixels });
    }
    if short == 0 || (short < MIN_SIDE && long < MIN_SIDE * MAX_ASPECT) {
        return Err(PictureError::TooSmall { width, height, min_side: MIN_SIDE });
    }
    if u64::from(long) > u64::from(short) * u64::from(MAX_ASPECT) {
        return Err(PictureError::TooElongated { width, height, max_aspect: MAX_ASPECT });
    }
    if short < MIN_SIDE {
        return Err(PictureError::TooSmall { width, height, min_side: MIN_SIDE });
    }
    if long > limits.max_side {
        return Err(PictureError::SideTooLong { width, height, limit: limits.max_side });
    }
    Ok(())
}

fn finish(found: Probe, raw: Raw) -> Decoded {
    let Raw { samples, profile, turn, animated, toned } = raw;
    let (rgb, alpha, profile) = color::to_srgb(samples, profile.as_deref());
    let profile = if toned { ProfileUse::TonedDown } else { profile };
    let (width, height) = (found.width, found.height);
    let picture = orient::upright::<3>(rgb, width, height, turn);
    let alpha = alpha.map(|alpha| orient::upright::<1>(alpha, width, height, turn));
    let (upright_width, upright_height) = turn.size(width, height);
    Decoded {
        picture: Picture::new(upright_width, upright_height, picture),
        alpha: alpha.map(|alpha| Matte::new(upright_width, upright_height, alpha)),
        facts: SourceFacts { format: found.format, stored: (width, height), turn, profile, animated },
    }
}

/// The decoders are other people's code and the files are anybody's: a panic in one is a damaged file, not an outage.
fn guarded<T>(format: Format, work: impl FnOnce() -> Result<T, PictureError>) -> Result<T, PictureError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(Err(PictureError::Damaged { format }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn code_for(width: u32, height: u32) -> &'static str {
        let found = Probe { format: Format::Jpeg, width, height };
        admit(found, &Limits::default()).map_or_else(|error| error.code(), |()| "ok")
    }

    #[test]
    fn sizes_are_judged_before_decoding() {
        assert_eq!(code_for(1, 1), "picture_too_small");
        assert_eq!(code_for(63, 63), "picture_too_small");
        assert_eq!(code_for(0, 500), "picture_too_small");
        assert_eq!(code_for(64, 64), "ok");
        assert_eq!(code_for(63, 600), "picture_too_small");
        assert_eq!(code_for(20_000, 10), "picture_too_elongated");
        assert_eq!(code_for(10, 20_000), "picture_too_elongated");
        assert_eq!(code_for(1200, 100), "ok");
        assert_eq!(code_for(1201, 100), "picture_too_elongated");
        assert_eq!(code_for(10_000, 5000), "ok");
        assert_eq!(code_for(10_000, 5001), "too_many_pixels");
        assert_eq!(code_for(65_500, 65_500), "too_many_pixels");
        assert_eq!(code_for(20_001, 2000), "picture_side_too_long");
        assert_eq!(code_for(u32::MAX, u32::MAX), "too_many_pixels");
    }

    #[test]
    fn a_kind_that_is_not_read_is_told_before_its_size() {
        let tight = Limits { max_bytes: 64, ..Limits::default() };
        for (start, code) in [
            (&b"II*\0\x10\0\0\0CR\x02\0"[..], "format_not_supported"),
            (b"FUJIFILMCCD-RAW", "format_not_supported"),
            (b"%PDF-1.7", "format_not_supported"),
            (b"\xff\xd8\xff\xe0", "file_too_large"),
            (b"II*\0\x08\0\0\0", "file_too_large"),
            (b"nothing that is known", "file_too_large"),
        ] {
            let file = [start, &[0; 64]].concat();
            let told = examine(&file, &tight).unwrap_err();
            assert_eq!((told.code(), too_large(start, file.len(), 64).code()), (code, code), "{start:?}");
            assert_eq!(decode(&file, &tight), Err(told));
        }
    }

    #[test]
    fn a_panicking_decoder_is_a_damaged_file() {
        let result: Result<(), _> = guarded(Format::Webp, || {
            let empty: [u8; 0] = std::hint::black_box([]);
            std::hint::black_box(empty[empty.len()..][0]);
            Ok(())
        });
        assert_eq!(result, Err(PictureError::Damaged { format: Format::Webp }));
    }
}
