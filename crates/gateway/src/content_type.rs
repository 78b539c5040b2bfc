//! What a file is served as. Invariant: never as something that a browser would run.
//!
//! Pictures, films and sounds are what their first bytes say; everything else is what its uploader says, if that is on the
//! list of inert types, and is handed over as a download.

/// How many of a file's first bytes are looked at.
pub(crate) const HEAD_BYTES: usize = 64;

/// The type of a file that nothing is known about.
pub(crate) const UNKNOWN: &str = "application/octet-stream";

/// The longest media type, in bytes; registered ones have at most 127 and a parameter or two.
const DECLARED_BYTES_MAX: usize = 200;

/// Whether an uploader's word for the type can be kept at all: visible, and of some length.
pub(crate) fn is_sayable(declared: &str) -> bool {
    (1..=DECLARED_BYTES_MAX).contains(&declared.len()) && declared.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Types that browsers show and never run.
const SHOWN: [&str; 13] = [
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/gif",
    "image/avif",
    "image/heic",
    "video/mp4",
    "video/quicktime",
    "video/webm",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "audio/wav",
];

/// Types without a signature in their first bytes, or that browsers open with more power than we would give them.
const DOWNLOADED: [&str; 6] =
    ["text/plain", "text/csv", "application/json", "application/zip", "application/pdf", "model/gltf-binary"];

/// What to call bytes that begin with `head` and were declared as `declared`.
pub(crate) fn of(declared: &str, head: &[u8]) -> &'static str {
    recognised(head).unwrap_or_else(|| {
        let declared = declared.split(';').next().unwrap_or_default().trim();
        known(&DOWNLOADED, declared).unwrap_or(UNKNOWN)
    })
}

/// The type to send with a file whose record says `recorded`, and whether a browser may show it.
pub(crate) fn served(recorded: &str) -> (&'static str, Shown) {
    match known(&SHOWN, recorded) {
        Some(shown) => (shown, Shown::Inline),
        None => (known(&DOWNLOADED, recorded).unwrap_or(UNKNOWN), Shown::AsDownload),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Inline,
    AsDownload,
}

fn known(list: &'static [&'static str], word: &str) -> Option<&'static str> {
    list.iter().copied().find(|known| known.eq_ignore_ascii_case(word))
}

fn recognised(head: &[u8]) -> Option<&'static str> {
    let starts = |magic: &[u8]| head.starts_with(magic);
    let at = |from: usize, to: usize| head.get(from..to).unwrap_or_default();
    Some(match head {
        _ if starts(b"\x89PNG\r\n\x1a\n") => "image/png",
        _ if starts(b"\xff\xd8\xff") => "image/jpeg",
        _ if starts(b"GIF87a") || starts(b"GIF89a") => "image/gif",
        _ if starts(b"RIFF") && at(8, 12) == b"WEBP" => "image/webp",
        _ if starts(b"RIFF") && at(8, 12) == b"WAVE" => "audio/wav",
        _ if starts(b"OggS") => "audio/ogg",
        _ if starts(b"ID3") || starts(b"\xff\xfb") || starts(b"\xff\xf3") => "audio/mpeg",
        _ if starts(b"\x1a\x45\xdf\xa3") => "video/webm",
        _ if at(4, 8) == b"ftyp" => of_brand(at(8, 12)),
        _ => return None,
    })
}

/// Films, sounds and newer pictures share one container; the brand tells them apart.
fn of_brand(brand: &[u8]) -> &'static str {
    match brand {
        b"avif" | b"avis" => "image/avif",
        b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1" => "image/heic",
        b"qt  " => "video/quicktime",
        b"M4A " => "audio/mp4",
        _ => "video/mp4",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(declared: &str, head: &[u8], expected: &str) {
        assert_eq!(of(declared, head), expected, "{declared} {head:?}");
    }

    #[test]
    fn media_are_what_their_bytes_say() {
        is("image/jpeg", b"\x89PNG\r\n\x1a\n....", "image/png");
        is("", b"\xff\xd8\xff\xe0", "image/jpeg");
        is("text/html", b"GIF89a<script>", "image/gif");
        is("image/webp", b"RIFF....WEBPVP8 ", "image/webp");
        is("audio/x", b"RIFF....WAVEfmt ", "audio/wav");
        is("video/mp4", b"....ftypisom", "video/mp4");
        is("video/mp4", b"....ftypavif", "image/avif");
        is("x", b"....ftypM4A ", "audio/mp4");
        is("x", b"....ftypqt  ", "video/quicktime");
        is("x", b"....ftypheic", "image/heic");
        is("x", b"\x1a\x45\xdf\xa3", "video/webm");
        is("x", b"OggS", "audio/ogg");
        is("x", b"ID3", "audio/mpeg");
    }

    #[test]
    fn the_rest_is_what_it_is_declared_as_if_that_is_harmless() {
        is("text/plain; charset=utf-8", b"hello", "text/plain");
        is("Application/JSON", b"{}", "application/json");
        for declared in ["text/html", "image/svg+xml", "text/javascript", "application/xhtml+xml", "image/png", "", "x"]
        {
            is(declared, b"<script>alert(1)</script>", UNKNOWN);
        }
        is("image/png", b"", UNKNOWN);
    }

    #[test]
    fn nothing_that_a_browser_runs_is_ever_served() {
        assert_eq!(served("image/png"), ("image/png", Shown::Inline));
        assert_eq!(served("application/pdf"), ("application/pdf", Shown::AsDownload));
        assert_eq!(served("text/html"), (UNKNOWN, Shown::AsDownload));
        assert_eq!(served("image/svg+xml"), (UNKNOWN, Shown::AsDownload));
        for kind in SHOWN.into_iter().chain(DOWNLOADED) {
            let runs = ["html", "xml", "svg", "script", "wasm"];
            assert!(!runs.iter().any(|word| kind.contains(word)), "{kind}");
        }
    }
}
