//! The network that finds products: loaded on first use, shared by everybody in the process.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::anyhow;
use plantain_media::cutout::{CutoutError, OnnxRuntime, Segmenter};

use crate::config::storage::Storage;

/// Gives the same loaded network to whoever asks. A start is not held up by it, and a system that has rested for a while
/// does not keep it in memory: it lives as long as somebody holds it, and loading it takes some milliseconds.
#[derive(Clone)]
pub struct SharedSegmenter {
    loaded: Arc<Mutex<Weak<Segmenter>>>,
    /// Where it is not the built-in one.
    runtime: Option<OnnxRuntime>,
}

impl SharedSegmenter {
    /// Opens the runtime that is configured, so that a wrong path is told at the start and not with the first photo.
    pub fn of(storage: &Storage) -> anyhow::Result<SharedSegmenter> {
        let opened = storage.onnxruntime.as_deref().map(OnnxRuntime::open).transpose();
        let runtime = opened.map_err(|error| anyhow!("PLANTAIN_ONNXRUNTIME: {error}. {}", error.hint()))?;
        Ok(SharedSegmenter { loaded: Arc::default(), runtime })
    }

    pub fn get(&self) -> Result<Arc<Segmenter>, CutoutError> {
        // Loading happens under the lock, so that it happens once. A panic in it leaves no half-loaded network behind.
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(segmenter) = loaded.upgrade() {
            return Ok(segmenter);
        }
        let segmenter = Arc::new(match &self.runtime {
            None => Segmenter::embedded()?,
            Some(runtime) => Segmenter::embedded_on(runtime)?,
        });
        *loaded = Arc::downgrade(&segmenter);
        Ok(segmenter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn storage(settings: &[(&'static str, &str)]) -> Storage {
        let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
        Storage::parse(&Sources::of(settings).unwrap()).unwrap()
    }

    #[test]
    fn everybody_who_asks_at_the_same_time_gets_the_same_network() {
        let shared = SharedSegmenter::of(&storage(&[])).unwrap();
        let first = shared.get().unwrap();
        assert!(Arc::ptr_eq(&first, &shared.clone().get().unwrap()));
    }

    #[test]
    fn a_runtime_that_cannot_be_opened_is_told_at_once_with_what_to_do() {
        let wrong = storage(&[("PLANTAIN_ONNXRUNTIME", "/nowhere/libonnxruntime.so.1")]);
        let Err(said) = SharedSegmenter::of(&wrong) else { panic!("nothing is there to be opened") };
        let said = said.to_string();
        let advice = if cfg!(feature = "onnxruntime") { "pip install onnxruntime" } else { "--features onnxruntime" };
        assert!(said.starts_with("PLANTAIN_ONNXRUNTIME: ") && said.contains(advice), "{said}");
    }
}
