//! Smaller copies of pictures, for pages on phones. Made when first asked for, kept in memory while there is room.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use plantain_media::decode::{self, Limits};
use plantain_media::encode::{self, EncodeOptions, Provenance};
use plantain_media::picture::Picture;
use plantain_media::preset::Format;

/// The longer sides that previews have, in pixels. Few, so that few are made and kept.
const SIDES: [u32; 3] = [160, 400, 800];

/// Bytes of one preview: eight kilobytes and a third of a byte a pixel, which a good JPEG of this size stays below.
fn bytes_max(side: u32) -> u64 {
    8 * 1024 + u64::from(side) * u64::from(side) / 3
}

/// Bytes of all previews that are kept.
const KEPT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The longer side of the preview that serves a place of `wanted` pixels; `None` where only the picture itself does.
pub fn side_for(wanted: u32) -> Option<u32> {
    SIDES.into_iter().find(|side| *side >= wanted)
}

/// A JPEG of the picture whose longer side is `side`, or `None` where the picture is smaller or can't be read. Takes a
/// full decode and belongs on `work::Cpu`.
pub fn make(bytes: &[u8], side: u32, limits: &Limits) -> Option<Bytes> {
    let picture = decode::decode(bytes, limits).ok()?.picture;
    let small = shrink(&picture, side)?;
    let options = EncodeOptions::plain(Format::Jpeg, bytes_max(side), Provenance::Photographed);
    encode::encode(&small, &options).ok().map(|encoded| encoded.bytes.into())
}

/// Each pixel is the mean of those that it stands for.
fn shrink(picture: &Picture, side: u32) -> Option<Picture> {
    let (width, height) = (picture.width(), picture.height());
    let longer = width.max(height);
    if longer <= side {
        return None;
    }
    let scaled = |length: u32| (u64::from(length) * u64::from(side) / u64::from(longer)).max(1) as u32;
    let (small_width, small_height) = (scaled(width), scaled(height));
    let mut rgb = Vec::with_capacity(small_width as usize * small_height as usize * 3);
    for y in 0..small_height {
        let rows = span(y, small_height, height);
        for x in 0..small_width {
            rgb.extend(mean(picture, span(x, small_width, width), rows.clone()));
        }
    }
    Some(Picture::new(small_width, small_height, rgb))
}

/// The pixels of the large line that pixel `at` of the small one stands for.
fn span(at: u32, small: u32, large: u32) -> std::ops::Range<usize> {
    let edge = |at: u32| (u64::from(at) * u64::from(large) / u64::from(small)) as usize;
    edge(at)..edge(at + 1).max(edge(at) + 1)
}

fn mean(picture: &Picture, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> [u8; 3] {
    let count = (columns.len() * rows.len()) as u32;
    let mut sums = [0_u32; 3];
    for y in rows {
        let line = y * picture.width() as usize;
        for pixel in picture.rgb()[(line + columns.start) * 3..(line + columns.end) * 3].chunks_exact(3) {
            sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(*value));
        }
    }
    sums.map(|sum| ((sum + count / 2) / count) as u8)
}

/// Previews by the picture's digest and side. The oldest go first.
#[derive(Debug, Default)]
pub struct Previews(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_key: HashMap<(String, u32), Bytes>,
    oldest_first: VecDeque<(String, u32)>,
    bytes: usize,
}

impl Previews {
    pub fn get(&self, digest: &str, side: u32) -> Option<Bytes> {
        self.lock().by_key.get(&(digest.to_owned(), side)).cloned()
    }

    pub fn keep(&self, digest: &str, side: u32, preview: Bytes) {
        let key = (digest.to_owned(), side);
        let mut kept = self.lock();
        if kept.by_key.contains_key(&key) {
            return;
        }
        kept.bytes += preview.len();
        kept.by_key.insert(key.clone(), preview);
        kept.oldest_first.push_back(key);
        while kept.bytes > KEPT_BYTES_MAX {
            let Some(oldest) = kept.oldest_first.pop_front() else { return };
            let gone = kept.by_key.remove(&oldest).map_or(0, |preview| preview.len());
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
    fn a_place_gets_the_smallest_preview_that_fills_it() {
        for (wanted, side) in [(0, Some(160)), (160, Some(160)), (161, Some(400)), (800, Some(800)), (801, None)] {
            assert_eq!(side_for(wanted), side, "{wanted}");
        }
    }

    #[test]
    fn shrinking_keeps_shape_and_mean() {
        let mut wide = Picture::filled(1000, 10, [0, 100, 255]);
        wide.rgb_mut()[..3].copy_from_slice(&[255, 100, 0]);
        let small = shrink(&wide, 160).unwrap();
        assert_eq!((small.width(), small.height()), (160, 1));
        assert_eq!(small.pixel(100, 0), [0, 100, 255]);
        assert!(small.pixel(0, 0)[0] > 0);
        assert!(shrink(&Picture::filled(160, 90, [0; 3]), 160).is_none());
    }

    #[test]
    fn room_for_previews_is_bounded_and_the_oldest_go() {
        let previews = Previews::default();
        let half = Bytes::from(vec![0; KEPT_BYTES_MAX / 2]);
        for name in ["a", "b", "b", "c"] {
            previews.keep(name, 160, half.clone());
        }
        let kept = ["a", "b", "c"].map(|name| previews.get(name, 160).is_some());
        assert_eq!(kept, [false, true, true]);
    }
}
