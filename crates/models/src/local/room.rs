//! How many pixels of photos are in memory at once, whatever number of requests runs.
//!
//! A decoded photo, its transparency and its cut-out take their pixels many times over, so requests wait for each other by
//! megapixels: some ordinary photos go side by side, one of the largest goes alone.

use std::sync::Arc;

use bytes::Bytes;
use plantain_media::decode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Megapixels of all photos that are decoded or worked on at once: more than the largest photo, so that each gets in.
pub const MEGAPIXELS_MAX: u32 = 64;

/// Cheap to clone; clones share the bound.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Room {
        Room(Arc::new(Semaphore::new(MEGAPIXELS_MAX as usize)))
    }
}

impl Room {
    /// Waits until these photos fit in beside the others; they do as long as the place is kept. First come, first served,
    /// so that a large photo is not held up for ever by small ones.
    pub(super) async fn place(&self, photos: &[Bytes]) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed; if it were, there would be no bound to keep.
        self.0.clone().acquire_many_owned(megapixels(photos)).await.ok()
    }
}

/// By their headers. What has none is refused before it takes any memory.
fn megapixels(photos: &[Bytes]) -> u32 {
    let pixels =
        |bytes: &Bytes| decode::probe(bytes).map_or(0, |found| u64::from(found.width) * u64::from(found.height));
    let all = photos.iter().map(pixels).fold(0, u64::saturating_add).div_ceil(1_000_000);
    u32::try_from(all).unwrap_or(u32::MAX).clamp(1, MEGAPIXELS_MAX)
}

#[cfg(test)]
mod tests {
    use plantain_testkit::photo;

    use super::*;

    fn photo(width: u32, height: u32) -> Bytes {
        photo::png_of_size(width, height).into()
    }

    #[test]
    fn photos_weigh_their_megapixels() {
        for (photos, weight) in [
            (vec![], 1),
            (vec![Bytes::from_static(b"no picture")], 1),
            (vec![photo(300, 200)], 1),
            (vec![photo(2001, 1000), photo(1000, 1000)], 4),
            (vec![photo(8000, 6000), photo(8000, 6000)], MEGAPIXELS_MAX),
        ] {
            assert_eq!(megapixels(&photos), weight);
        }
    }

    #[tokio::test]
    async fn two_of_the_largest_photos_are_never_in_memory_together() {
        let room = Room::default();
        let (large, small) = ([photo(8000, 6000)], [photo(2000, 2000)]);
        let first = room.place(&large).await;
        let beside = room.place(&small).await;
        let second = room.place(&large);
        tokio::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending());
        drop((first, beside));
        assert!(second.await.is_some());
    }
}
