//! Smaller copies of pictures, for pages. Made when first asked for, kept in memory while there is room.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::HeaderMap;
use http::header::ACCEPT;

use plantain_media::decode::{self, Limits};
use plantain_media::preset::Format;
use plantain_media::thumbnail;

use crate::http::error::ApiError;

/// The widths in which pictures are offered, in pixels. Few, so that few are made and kept.
pub const WIDTHS: [u32; 5] = [160, 320, 640, 960, 1280];

/// Bytes of all previews that are kept.
const KEPT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// One of the widths that are offered, or what is offered instead.
pub fn width(asked: u32) -> Result<u32, ApiError> {
    WIDTHS.into_iter().find(|width| *width == asked).ok_or_else(|| {
        let offered: Vec<String> = WIDTHS.iter().map(ToString::to_string).collect();
        ApiError::unprocessable(
            "width_not_offered",
            format!("Pictures are not offered at a width of {asked} pixels."),
            format!("Ask for w={}, or leave it out for the picture itself.", offered.join(", ")),
        )
    })
}

/// The addresses of all widths, as an image's `srcset` has them.
pub fn srcset(url: &str, own_width: u32) -> String {
    let smaller =
        WIDTHS.into_iter().filter(|width| *width < own_width).map(|width| format!("{url}?w={width} {width}w"));
    smaller.chain([format!("{url} {own_width}w")]).collect::<Vec<_>>().join(", ")
}

/// Whether the asker shows WebP, as all newer browsers say.
pub fn takes_webp(headers: &HeaderMap) -> bool {
    let told = headers.get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    told.flat_map(|accept| accept.split(',')).any(|kind| {
        let mut parts = kind.split(';').map(str::trim);
        let webp = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("image/webp"));
        webp && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// Which preview: of which bytes, how wide, for whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub digest: String,
    pub width: u32,
    pub webp: bool,
}

impl Key {
    /// Known before the preview is made, so that a cached copy costs nothing.
    pub fn etag(&self) -> String {
        format!("{}-{}{}", self.digest, self.width, if self.webp { "-webp" } else { "" })
    }
}

/// The bytes of a preview and what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    pub bytes: Bytes,
    pub format: Format,
}

/// The picture at this width, or `None` where it is no wider or can't be read. Takes a full decode and belongs on
/// `work::Cpu`.
pub fn make(bytes: &[u8], width: u32, webp: bool, limits: &Limits) -> Option<Preview> {
    let picture = decode::decode(bytes, limits).ok()?.picture;
    let small = thumbnail::of_width(&picture, width)?;
    let file = thumbnail::file(&small, webp)?;
    Some(Preview { bytes: file.bytes.into(), format: file.format })
}

/// Previews by their key. The oldest go first.
#[derive(Debug, Default)]
pub struct Previews(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_key: HashMap<Key, Preview>,
    oldest_first: VecDeque<Key>,
    bytes: usize,
}

impl Previews {
    pub fn get(&self, key: &Key) -> Option<Preview> {
        self.lock().by_key.get(key).cloned()
    }

    pub fn keep(&self, key: &Key, preview: Preview) {
        let mut kept = self.lock();
        if kept.by_key.contains_key(key) {
            return;
        }
        kept.bytes += preview.bytes.len();
        kept.by_key.insert(key.clone(), preview);
        kept.oldest_first.push_back(key.clone());
        while kept.bytes > KEPT_BYTES_MAX {
            let Some(oldest) = kept.oldest_first.pop_front() else { return };
            let gone = kept.by_key.remove(&oldest).map_or(0, |preview| preview.bytes.len());
            kept.bytes -= gone;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Nothing that can fail happens under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_widths_are_offered() {
        for (asked, offered) in [(160, true), (1280, true), (0, false), (161, false), (100_000, false)] {
            assert_eq!(width(asked).is_ok(), offered, "{asked}");
        }
        assert_eq!(width(400).unwrap_err().code, "width_not_offered");
    }

    #[test]
    fn a_browser_chooses_among_what_is_smaller_and_the_picture_itself() {
        assert_eq!(srcset("/p", 640), "/p?w=160 160w, /p?w=320 320w, /p 640w");
        assert_eq!(srcset("/p", 100), "/p 100w");
    }

    #[test]
    fn webp_goes_to_whoever_names_it() {
        for (accept, takes) in [
            ("image/avif,image/webp,image/apng,*/*;q=0.8", true),
            ("image/webp;q=0.5", true),
            ("IMAGE/WEBP", true),
            ("image/webp;q=0", false),
            ("image/*", false),
            ("*/*", false),
            ("text/html", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(takes_webp(&headers), takes, "{accept}");
        }
        assert!(!takes_webp(&HeaderMap::new()));
    }

    #[test]
    fn room_for_previews_is_bounded_and_the_oldest_go() {
        let previews = Previews::default();
        let key = |name: &str| Key { digest: name.to_owned(), width: 160, webp: false };
        let half = Preview { bytes: Bytes::from(vec![0; KEPT_BYTES_MAX / 2]), format: Format::Jpeg };
        for name in ["a", "b", "b", "c"] {
            previews.keep(&key(name), half.clone());
        }
        let kept = ["a", "b", "c"].map(|name| previews.get(&key(name)).is_some());
        assert_eq!(kept, [false, true, true]);
    }
}
