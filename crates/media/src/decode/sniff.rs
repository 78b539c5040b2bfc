//! What a file is, told from its first bytes alone. A wrong extension or declared type changes nothing.

use super::error::{Format, PictureError};

/// Kinds that are recognised in order to be refused with a hint that helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Foreign {
    /// Where nobody decodes AV1.
    Avif,
    JpegXl,
    Jpeg2000,
    Raw,
    Bmp,
    Svg,
    Psd,
    Pdf,
    Html,
    Zip,
    Video,
}

impl Foreign {
    /// As it stands at the start of a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Foreign::Avif => "AVIF",
            Foreign::JpegXl => "JPEG XL",
            Foreign::Jpeg2000 => "JPEG 2000",
            Foreign::Raw => "A camera's raw file",
            Foreign::Bmp => "BMP",
            Foreign::Svg => "SVG",
            Foreign::Psd => "A Photoshop document",
            Foreign::Pdf => "A PDF",
            Foreign::Html => "A web page",
            Foreign::Zip => "A ZIP archive",
            Foreign::Video => "A video",
        }
    }

    pub fn hint(self) -> &'static str {
        match self {
            Foreign::Raw => "Export the photo as JPEG from the camera or its program.",
            Foreign::Html => "Save the picture itself, not the page that shows it.",
            Foreign::Zip => "Unpack the archive and send the photos in it.",
            Foreign::Video => "Send a photo, or a still picture of the video.",
            Foreign::Pdf | Foreign::Psd | Foreign::Svg => {
                "Export it as JPEG or PNG, with the product as large as possible."
            }
            Foreign::Avif | Foreign::JpegXl | Foreign::Jpeg2000 | Foreign::Bmp => {
                "Save the photo as JPEG, PNG or WebP."
            }
        }
    }
}

/// How much of a text is searched for a tag: a prologue of comments may come first.
const TEXT_WINDOW: usize = 1024;

pub(super) fn format_of(bytes: &[u8]) -> Result<Format, PictureError> {
    match bytes {
        [] => Err(PictureError::Empty),
        [0xff, 0xd8, 0xff, ..] => Ok(Format::Jpeg),
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Ok(Format::Png),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Format::Webp),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(Format::Gif),
        [_, _, _, _, b'f', b't', b'y', b'p', b0, b1, b2, b3, ..] => media([*b0, *b1, *b2, *b3], bytes),
        _ if foreign(bytes).is_none() && is_tiff(bytes) => Ok(Format::Tiff),
        _ => Err(foreign(bytes).map_or(PictureError::NotAPicture, PictureError::Unsupported)),
    }
}

fn foreign(bytes: &[u8]) -> Option<Foreign> {
    match bytes {
        [0xff, 0x0a, ..] | [0, 0, 0, 0x0c, b'J', b'X', b'L', b' ', ..] => Some(Foreign::JpegXl),
        [0, 0, 0, 0x0c, b'j', b'P', b' ', b' ', ..] | [0xff, 0x4f, 0xff, 0x51, ..] => Some(Foreign::Jpeg2000),
        // Canon, Olympus, Panasonic and Fujifilm mark their raw files; others are TIFF as far as their first bytes go.
        [b'I', b'I', b'*', 0, _, _, _, _, b'C', b'R', ..] => Some(Foreign::Raw),
        [b'I', b'I', b'R', b'O' | b'S', ..] | [b'I', b'I', b'U', 0, ..] => Some(Foreign::Raw),
        [b'F', b'U', b'J', b'I', b'F', b'I', b'L', b'M', ..] => Some(Foreign::Raw),
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Some(Foreign::Bmp),
        [b'8', b'B', b'P', b'S', ..] => Some(Foreign::Psd),
        [b'%', b'P', b'D', b'F', ..] => Some(Foreign::Pdf),
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Some(Foreign::Zip),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Some(Foreign::Video),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', b' ', ..] => Some(Foreign::Video),
        _ if holds_raw(bytes) => Some(Foreign::Raw),
        _ => markup(bytes),
    }
}

/// Files of the ISO media family: the brand says which, or one of the compatible brands after it does.
fn media(brand: [u8; 4], bytes: &[u8]) -> Result<Format, PictureError> {
    let refused = |foreign| Err(PictureError::Unsupported(foreign));
    match &brand {
        b"avif" | b"avis" => Ok(Format::Avif),
        b"crx " => refused(Foreign::Raw),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" => Ok(Format::Heic),
        b"mif1" | b"msf1" => {
            let compatible = bytes.get(16..64.min(bytes.len())).unwrap_or_default();
            let avif = compatible.chunks_exact(4).any(|brand| brand == b"avif");
            Ok(if avif { Format::Avif } else { Format::Heic })
        }
        _ => refused(Foreign::Video),
    }
}

/// Little-endian, big-endian, and the form with addresses of 64 bits.
fn is_tiff(bytes: &[u8]) -> bool {
    matches!(bytes, [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..])
}

/// Whether a TIFF's first directory is a raw file's: DNG says so, samples of a colour filter do, and Nikon's and Sony's begin with a small
/// preview that has the real picture below it.
fn holds_raw(bytes: &[u8]) -> bool {
    const SUBFILE: u16 = 254;
    const PHOTOMETRIC: u16 = 262;
    const BELOW: u16 = 330;
    const DNG_VERSION: u16 = 50_706;
    const FILTERED: [u32; 2] = [32_803, 34_892];
    /// More than any first directory has.
    const ENTRIES_MAX: usize = 512;
    if !is_tiff(bytes) {
        return false;
    }
    let short = |at: &[u8]| -> u16 {
        let two = [at[0], at[1]];
        if bytes[0] == b'I' { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) }
    };
    let long = |at: &[u8]| -> u32 {
        let four = [at[0], at[1], at[2], at[3]];
        if bytes[0] == b'I' { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) }
    };
    let directory = bytes.get(4..8).and_then(|at| bytes.get(usize::try_from(long(at)).ok()?..));
    let Some((count, entries)) = directory.and_then(|directory| directory.split_at_checked(2)) else { return false };
    let entries = entries.as_chunks::<12>().0.iter().take(usize::from(short(count)).min(ENTRIES_MAX));
    let (mut preview, mut below) = (false, false);
    for entry in entries {
        let value = if short(&entry[2..]) == 3 { u32::from(short(&entry[8..])) } else { long(&entry[8..]) };
        match short(entry) {
            DNG_VERSION => return true,
            PHOTOMETRIC if FILTERED.contains(&value) => return true,
            SUBFILE => preview = value & 1 == 1,
            BELOW => below = true,
            _ => {}
        }
    }
    preview && below
}

fn markup(bytes: &[u8]) -> Option<Foreign> {
    let window = &bytes[..bytes.len().min(TEXT_WINDOW)];
    let text = String::from_utf8_lossy(window).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    if !text.starts_with('<') {
        return None;
    }
    let svg = text.find("<svg");
    let html = [text.find("<html"), text.find("<!doctype html")].into_iter().flatten().min();
    match (svg, html) {
        (Some(svg), Some(html)) if html < svg => Some(Foreign::Html),
        (Some(_), _) => Some(Foreign::Svg),
        (None, Some(_)) => Some(Foreign::Html),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(bytes: &[u8], expected: Foreign) {
        assert_eq!(format_of(bytes), Err(PictureError::Unsupported(expected)));
    }

    #[test]
    fn content_decides() {
        assert_eq!(format_of(b"\xff\xd8\xff\xe0"), Ok(Format::Jpeg));
        assert_eq!(format_of(b"\x89PNG\r\n\x1a\n"), Ok(Format::Png));
        assert_eq!(format_of(b"RIFF\0\0\0\0WEBPVP8 "), Ok(Format::Webp));
        assert_eq!(format_of(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"), Ok(Format::Heic));
        assert_eq!(format_of(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"), Ok(Format::Heic));
        assert_eq!(format_of(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf"), Ok(Format::Avif));
        assert_eq!(format_of(b"\0\0\0\x1cftypavif\0\0\0\0"), Ok(Format::Avif));
        assert_eq!(format_of(b"II*\0\x08\0\0\0"), Ok(Format::Tiff));
        assert_eq!(format_of(b"GIF89a"), Ok(Format::Gif));
        assert_eq!(format_of(b"MM\0*\0\0\0\x08"), Ok(Format::Tiff));
        assert_eq!(format_of(b""), Err(PictureError::Empty));
        assert_eq!(format_of(b"hello, this is no picture"), Err(PictureError::NotAPicture));
        assert_eq!(format_of(b"\x89PNG"), Err(PictureError::NotAPicture));
        assert_eq!(format_of(b"<note>no</note>"), Err(PictureError::NotAPicture));
    }

    #[test]
    fn foreign_kinds_are_named() {
        refused(b"\0\0\0\x18ftypcrx \0\0\0\x01", Foreign::Raw);
        refused(b"\0\0\0\x18ftypisom\0\0\0\x01", Foreign::Video);
        refused(b"II*\0\x10\0\0\0CR\x02\0", Foreign::Raw);
        refused(b"BM\x36\0\0\0\0\0\0\0", Foreign::Bmp);
        refused(b"%PDF-1.7", Foreign::Pdf);
        refused(b"PK\x03\x04", Foreign::Zip);
        refused(b"\xff\x0a", Foreign::JpegXl);
    }

    /// A TIFF whose first directory has these entries: tag, type, value.
    fn tiff(little: bool, entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let short = |value: u16| if little { value.to_le_bytes() } else { value.to_be_bytes() };
        let long = |value: u32| if little { value.to_le_bytes() } else { value.to_be_bytes() };
        let mut bytes = if little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
        bytes.extend(long(8));
        bytes.extend(short(entries.len() as u16));
        for (tag, kind, value) in entries {
            bytes.extend(short(*tag).into_iter().chain(short(*kind)).chain(long(1)));
            // Shorter values stand at the beginning of their four bytes.
            bytes.extend(if *kind == 3 { [short(*value as u16), [0; 2]].concat() } else { long(*value).to_vec() });
        }
        bytes.extend(long(0));
        bytes
    }

    #[test]
    fn raw_files_in_a_tiffs_dress_are_told_from_tiffs() {
        for little in [true, false] {
            refused(&tiff(little, &[(256, 3, 160), (50_706, 1, 0x0104)]), Foreign::Raw);
            refused(&tiff(little, &[(254, 4, 1), (256, 3, 160), (330, 4, 900)]), Foreign::Raw);
            refused(&tiff(little, &[(256, 4, 4000), (262, 3, 32_803)]), Foreign::Raw);
            for plain in
                [&[(254, 4, 0), (256, 3, 4000), (262, 3, 2), (330, 4, 900)][..], &[(254, 4, 1), (256, 3, 160)], &[]]
            {
                assert_eq!(format_of(&tiff(little, plain)), Ok(Format::Tiff), "{plain:?}");
            }
        }
        for odd in [&b"II*\0"[..], b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0", b"II*\0\x08\0\0\0\xff\xff\xfe\0"] {
            assert_eq!(format_of(odd), Ok(Format::Tiff), "{odd:?}");
        }
    }

    #[test]
    fn markup_is_told_apart() {
        refused(b"<?xml version='1.0'?><!-- drawn --><svg xmlns=''/>", Foreign::Svg);
        refused(b"\xef\xbb\xbf  <SVG/>", Foreign::Svg);
        refused(b"<!DOCTYPE html><html><body><svg/></body>", Foreign::Html);
        refused(b"\n<html lang=en>", Foreign::Html);
    }
}
