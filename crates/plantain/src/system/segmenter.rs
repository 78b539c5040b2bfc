//! The network that finds products: loaded on first use, shared by everybody in the process.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use plantain_media::cutout::{CutoutError, Segmenter};

/// Gives the same loaded network to whoever asks. A start is not held up by it, and a system that has rested for a while
/// does not keep it in memory: it lives as long as somebody holds it, and loading it takes some milliseconds.
#[derive(Clone, Default)]
pub struct SharedSegmenter(Arc<Mutex<Weak<Segmenter>>>);

impl SharedSegmenter {
    pub fn get(&self) -> Result<Arc<Segmenter>, CutoutError> {
        // Loading happens under the lock, so that it happens once. A panic in it leaves no half-loaded network behind.
        let mut loaded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(segmenter) = loaded.upgrade() {
            return Ok(segmenter);
        }
        let segmenter = Arc::new(Segmenter::embedded()?);
        *loaded = Arc::downgrade(&segmenter);
        Ok(segmenter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_who_asks_at_the_same_time_gets_the_same_network() {
        let shared = SharedSegmenter::default();
        let first = shared.get().unwrap();
        assert!(Arc::ptr_eq(&first, &shared.clone().get().unwrap()));
    }
}
