//! Files that a model's answer names: what they are by their own bytes, and whether the studio keeps them. Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use plantain_media::decode::{self, Format};

/// A file that an answer names, in the order of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Medium {
    /// Where it stands in the answer: a JSON pointer.
    pub at: String,
    /// Where the model put it; empty where it was written into the answer itself.
    pub url: String,
    /// `None`: it is only linked, and goes when whoever keeps it lets it go.
    pub kept: Option<KeptMedium>,
    /// Why it isn't kept, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The bytes of such a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptMedium {
    /// Key in the blob store.
    pub blob: String,
    pub kind: Kind,
    pub content_type: String,
    pub file_name: String,
    pub bytes: u64,
    /// In pixels; of pictures alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<(u32, u32)>,
}

/// How a page shows a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Image,
    Video,
    Audio,
    /// To be saved, never to be opened here.
    File,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Image => "image",
            Kind::Video => "video",
            Kind::Audio => "audio",
            Kind::File => "file",
        }
    }
}

/// What the bytes are, whatever their sender called them: kind, type, ending, and the size of a picture.
pub fn sniff(bytes: &[u8]) -> (Kind, &'static str, &'static str, Option<(u32, u32)>) {
    if let Ok(probe) = decode::probe(bytes) {
        let (kind, ending) = of_format(probe.format);
        return (kind, probe.format.content_type(), ending, Some((probe.width, probe.height)));
    }
    let (kind, content_type, ending) = of_magic(bytes);
    (kind, content_type, ending, None)
}

/// A picture where all browsers show it, else a file.
fn of_format(format: Format) -> (Kind, &'static str) {
    match format {
        Format::Jpeg => (Kind::Image, "jpg"),
        Format::Png => (Kind::Image, "png"),
        Format::Webp => (Kind::Image, "webp"),
        Format::Gif => (Kind::Image, "gif"),
        Format::Avif => (Kind::Image, "avif"),
        Format::Heic => (Kind::File, "heic"),
        Format::Tiff => (Kind::File, "tif"),
    }
}

fn of_magic(bytes: &[u8]) -> (Kind, &'static str, &'static str) {
    let at = |from: usize, magic: &[u8]| bytes.get(from..from + magic.len()) == Some(magic);
    match () {
        () if at(4, b"ftypM4A") => (Kind::Audio, "audio/mp4", "m4a"),
        () if at(4, b"ftypqt") => (Kind::Video, "video/quicktime", "mov"),
        () if at(4, b"ftyp") => (Kind::Video, "video/mp4", "mp4"),
        () if at(0, b"\x1a\x45\xdf\xa3") => (Kind::Video, "video/webm", "webm"),
        () if at(0, b"RIFF") && at(8, b"WAVE") => (Kind::Audio, "audio/wav", "wav"),
        () if at(0, b"OggS") => (Kind::Audio, "audio/ogg", "ogg"),
        () if at(0, b"fLaC") => (Kind::Audio, "audio/flac", "flac"),
        () if at(0, b"ID3") || at(0, b"\xff\xfb") || at(0, b"\xff\xf3") => (Kind::Audio, "audio/mpeg", "mp3"),
        () => (Kind::File, "application/octet-stream", "bin"),
    }
}

/// What is told of a file that nobody could look into.
pub fn unknown() -> (Kind, &'static str, &'static str, Option<(u32, u32)>) {
    (Kind::File, "application/octet-stream", "bin", None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_say_what_a_file_is() {
        for (bytes, kind, content_type) in [
            (plantain_testkit::photo::jpeg().as_slice(), Kind::Image, "image/jpeg"),
            (plantain_testkit::photo::png().as_slice(), Kind::Image, "image/png"),
            (include_bytes!("../../../media/tests/data/420.avif"), Kind::Image, "image/avif"),
            (include_bytes!("../../../media/tests/data/plain.heic"), Kind::File, "image/heic"),
            (b"\0\0\0\x20ftypisom\0\0", Kind::Video, "video/mp4"),
            (b"\0\0\0\x20ftypM4A \0\0", Kind::Audio, "audio/mp4"),
            (b"\x1a\x45\xdf\xa3....", Kind::Video, "video/webm"),
            (b"RIFF....WAVEfmt ", Kind::Audio, "audio/wav"),
            (b"ID3\x04...", Kind::Audio, "audio/mpeg"),
            (b"<!doctype html><script>alert(1)</script>", Kind::File, "application/octet-stream"),
            (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", Kind::File, "application/octet-stream"),
            (b"\x89PNG\r\n\x1a\n", Kind::File, "application/octet-stream"),
            (b"", Kind::File, "application/octet-stream"),
        ] {
            let (told, told_type, _, size) = sniff(bytes);
            assert_eq!((told, told_type), (kind, content_type), "{:?}", &bytes[..bytes.len().min(12)]);
            assert_eq!(size.is_some(), content_type.starts_with("image/"));
        }
    }
}
