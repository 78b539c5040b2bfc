//! What a file says of itself outside its pixels: kind, channels, profile, density, metadata.
//!
//! Read here from the bytes and not through the decoder, so that the check does not believe what it is to check. Every
//! walk is bounded by the file's length; garbage ends a walk and is never an error.

mod exif;
mod jpeg;
mod png;
mod png_text;
mod webp;

pub(crate) use exif::ExifFacts;

/// What the bytes are, by their first ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Jpeg,
    Png,
    Webp,
    Gif,
    Tiff,
    Bmp,
    Avif,
    Heic,
    Unknown,
}

impl Kind {
    pub(crate) fn of(bytes: &[u8]) -> Kind {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Kind::Jpeg,
            [0x89, b'P', b'N', b'G', ..] => Kind::Png,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Kind::Webp,
            [b'G', b'I', b'F', b'8', ..] => Kind::Gif,
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Kind::Tiff,
            [b'B', b'M', ..] => Kind::Bmp,
            [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', ..] => Kind::Avif,
            [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', ..] => Kind::Heic,
            _ => Kind::Unknown,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Jpeg => "JPEG",
            Kind::Png => "PNG",
            Kind::Webp => "WebP",
            Kind::Gif => "GIF",
            Kind::Tiff => "TIFF",
            Kind::Bmp => "BMP",
            Kind::Avif => "AVIF",
            Kind::Heic => "HEIC",
            Kind::Unknown => "no known picture format",
        }
    }

    pub(crate) fn extensions(self) -> &'static [&'static str] {
        match self {
            Kind::Jpeg => &["jpg", "jpeg"],
            Kind::Png => &["png"],
            Kind::Webp => &["webp"],
            Kind::Gif => &["gif"],
            Kind::Tiff => &["tif", "tiff"],
            Kind::Bmp => &["bmp"],
            Kind::Avif => &["avif"],
            Kind::Heic => &["heic", "heif"],
            Kind::Unknown => &[],
        }
    }
}

/// How colour is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Channels {
    #[default]
    Rgb,
    Grey,
    Cmyk,
}

/// Facts of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Container {
    pub channels: Channels,
    /// Bits a channel; 8 where the format knows no other.
    pub bits: u8,
    pub alpha: bool,
    pub animated: bool,
    pub icc: Option<Vec<u8>>,
    pub exif: ExifFacts,
    /// All packets, one behind the other.
    pub xmp: Option<Vec<u8>>,
    /// There is metadata that can't be read, or more than is read.
    pub sealed: bool,
    /// Dots per inch across.
    pub dpi: Option<u16>,
    /// As the quantisation table suggests, 1 to 100.
    pub jpeg_quality: Option<u8>,
}

impl Container {
    pub(crate) fn read(kind: Kind, bytes: &[u8]) -> Container {
        let mut found = Container { bits: 8, ..Container::default() };
        match kind {
            Kind::Jpeg => jpeg::read(bytes, &mut found),
            Kind::Png => png::read(bytes, &mut found),
            Kind::Webp => webp::read(bytes, &mut found),
            _ => {}
        }
        found
    }

    fn add_exif(&mut self, tiff: &[u8]) {
        self.exif = self.exif.or(ExifFacts::read(tiff));
    }

    fn add_xmp(&mut self, xmp: &[u8]) {
        self.xmp.get_or_insert_default().extend(xmp);
    }
}

/// What stands before a TIFF header, and before an XMP packet, in a JPEG.
const EXIF_HEADER: &[u8] = b"Exif\0\0";
const XMP_HEADER: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// Big-endian number at `at`, where the bytes reach that far.
fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]]))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_their_first_bytes() {
        let table: [(&[u8], Kind); 9] = [
            (b"\xff\xd8\xff\xe0", Kind::Jpeg),
            (b"\x89PNG\r\n\x1a\n", Kind::Png),
            (b"RIFF\0\0\0\0WEBPVP8 ", Kind::Webp),
            (b"GIF89a", Kind::Gif),
            (b"II\x2a\0", Kind::Tiff),
            (b"\0\0\0\x1cftypavif", Kind::Avif),
            (b"\0\0\0\x1cftypheic", Kind::Heic),
            (b"<html>", Kind::Unknown),
            (b"", Kind::Unknown),
        ];
        for (bytes, kind) in table {
            assert_eq!(Kind::of(bytes), kind);
        }
    }

    #[test]
    fn any_cut_of_any_bytes_is_survived() {
        let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\x01\x01\x2c\x01\x2c\0\0\xff\xe1\xff\xffExif\0\0II*\0\xff\xff\xff\xff";
        let png = b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";
        let webp = b"RIFF\xff\xff\xff\xffWEBPVP8X\xff\xff\xff\x7f\x02\0\0\0";
        for whole in [&jpeg[..], png, webp] {
            for length in 0..=whole.len() {
                Container::read(Kind::of(whole), &whole[..length]);
            }
        }
    }
}
