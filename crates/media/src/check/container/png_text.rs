//! Metadata that a PNG carries as text: XMP, and EXIF or XMP written as hexadecimal digits, any of them deflated.

use std::io::Read;

use super::{Container, EXIF_HEADER, XMP_HEADER};

/// Bytes that the texts of a file are inflated to in all; a bomb inflates to gigabytes.
const MAX_INFLATED: usize = 1 << 20;
const XMP: &[u8] = b"XML:com.adobe.xmp";
/// Names under which converters hand a JPEG's segments on.
const RAW_PROFILES: [&[u8]; 3] = [b"Raw profile type exif", b"Raw profile type APP1", b"Raw profile type xmp"];

/// The texts of one file.
pub(super) struct Texts {
    left: usize,
}

impl Default for Texts {
    fn default() -> Texts {
        Texts { left: MAX_INFLATED }
    }
}

impl Texts {
    /// Adds what a text chunk of the given kind says; other texts than metadata are passed over.
    pub(super) fn read(&mut self, kind: &[u8; 4], data: &[u8], found: &mut Container) {
        let Some((keyword, rest)) = cut(data) else { return };
        let is_raw = RAW_PROFILES.contains(&keyword);
        if keyword != XMP && !is_raw {
            return;
        }
        let Some(text) = self.text(kind, rest) else {
            found.sealed = true;
            return;
        };
        if !is_raw {
            found.add_xmp(&text);
            return;
        }
        match digits(&text) {
            Some(profile) => add_profile(&profile, found),
            None => found.sealed = true,
        }
    }

    /// The text behind the keyword.
    fn text(&mut self, kind: &[u8; 4], rest: &[u8]) -> Option<Vec<u8>> {
        match kind {
            b"tEXt" => Some(rest.to_vec()),
            b"zTXt" => self.inflated(rest.strip_prefix(&[0])?),
            _ => {
                let (is_deflated, rest) = (*rest.first()? != 0, rest.get(2..)?);
                let (_language, rest) = cut(rest)?;
                let (_translated, rest) = cut(rest)?;
                if is_deflated { self.inflated(rest) } else { Some(rest.to_vec()) }
            }
        }
    }

    /// `None` where it is broken or larger than what is left to inflate.
    fn inflated(&mut self, deflated: &[u8]) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        let read = flate2::read::ZlibDecoder::new(deflated).take(self.left as u64 + 1).read_to_end(&mut text);
        let fits = text.len() <= self.left;
        self.left = self.left.saturating_sub(text.len());
        (read.is_ok() && fits).then_some(text)
    }
}

/// What stands before the first zero, and behind it.
fn cut(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// The bytes of a profile: its name, its length and its hexadecimal digits, each on lines of their own.
fn digits(text: &[u8]) -> Option<Vec<u8>> {
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (_name, _length) = (words.next()?, words.next()?);
    let digits: Vec<u8> =
        words.flatten().map(|digit| (*digit as char).to_digit(16).map(|v| v as u8)).collect::<Option<_>>()?;
    Some(digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect())
}

fn add_profile(profile: &[u8], found: &mut Container) {
    match (profile.strip_prefix(EXIF_HEADER), profile.strip_prefix(XMP_HEADER)) {
        (Some(tiff), _) => found.add_exif(tiff),
        (None, Some(xmp)) => found.add_xmp(xmp),
        // Some write the TIFF header or the packet alone.
        (None, None) if profile.starts_with(b"II*") || profile.starts_with(b"MM\0*") => found.add_exif(profile),
        (None, None) => found.add_xmp(profile),
    }
}
