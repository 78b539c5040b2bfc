//! The network that finds products: loaded on first use, shared by everybody in the process.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::anyhow;
use plantain_media::cutout::{CutoutError, OnnxRuntime, Segmenter};
use sha2::{Digest, Sha256};

use crate::config::storage::{ModelFile, Storage};

/// The largest network of its family has 176 MB; a file beyond this is none.
const MODEL_BYTES_MAX: u64 = 1 << 30;

/// Why somebody's own network is not loaded.
#[derive(Debug, thiserror::Error)]
enum ModelError {
    #[error("{} can't be read: {source}", .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{} is larger than a network of 1 GB", .path.display())]
    TooLarge { path: PathBuf },
    #[error("{} has the SHA-256 {found}, which is not PLANTAIN_MODEL_SHA256: if you trust the file, write this number there", .path.display())]
    AnotherFile { path: PathBuf, found: String },
}

/// Gives the same loaded network to whoever asks. A start is not held up by it, and a system that has rested for a while
/// does not keep it in memory: it lives as long as somebody holds it, and loading it takes some milliseconds.
#[derive(Clone)]
pub struct SharedSegmenter {
    loaded: Arc<Mutex<Weak<Segmenter>>>,
    /// Where it is not the built-in one.
    model: Option<ModelFile>,
    /// Where it is not the built-in one.
    runtime: Option<OnnxRuntime>,
}

impl SharedSegmenter {
    /// Opens the runtime that is configured and looks at the network's file, so that what is wrong with them is told at the
    /// start and not with the first photo.
    pub fn of(storage: &Storage) -> anyhow::Result<SharedSegmenter> {
        let opened = storage.onnxruntime.as_deref().map(OnnxRuntime::open).transpose();
        let runtime = opened.map_err(|error| anyhow!("PLANTAIN_ONNXRUNTIME: {error}. {}", error.hint()))?;
        let model = storage.model.clone();
        model.as_ref().map(trusted).transpose().map_err(|error| anyhow!("PLANTAIN_MODEL: {error}"))?;
        Ok(SharedSegmenter { loaded: Arc::default(), model, runtime })
    }

    pub fn get(&self) -> Result<Arc<Segmenter>, CutoutError> {
        // Loading happens under the lock, so that it happens once. A panic in it leaves no half-loaded network behind.
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(segmenter) = loaded.upgrade() {
            return Ok(segmenter);
        }
        let segmenter = Arc::new(self.load()?);
        *loaded = Arc::downgrade(&segmenter);
        Ok(segmenter)
    }

    fn load(&self) -> Result<Segmenter, CutoutError> {
        let weights = self.model.as_ref().map(trusted).transpose().map_err(|error| CutoutError::Model(error.into()))?;
        match (weights, &self.runtime) {
            (None, None) => Segmenter::embedded(),
            (None, Some(runtime)) => Segmenter::embedded_on(runtime),
            (Some(weights), None) => Segmenter::from_onnx(weights),
            (Some(weights), Some(runtime)) => Segmenter::from_onnx_on(runtime, &weights),
        }
    }
}

/// The file's bytes, if they are those that were named.
fn trusted(model: &ModelFile) -> Result<Vec<u8>, ModelError> {
    let path = || model.path.clone();
    let unreadable = |source| ModelError::Unreadable { path: path(), source };
    let mut weights = Vec::new();
    let file = File::open(&model.path).map_err(unreadable)?;
    file.take(MODEL_BYTES_MAX + 1).read_to_end(&mut weights).map_err(unreadable)?;
    if weights.len() as u64 > MODEL_BYTES_MAX {
        return Err(ModelError::TooLarge { path: path() });
    }
    let found: [u8; 32] = Sha256::digest(&weights).into();
    if found != model.sha256 {
        return Err(ModelError::AnotherFile { path: path(), found: hex::encode(found) });
    }
    Ok(weights)
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
    fn a_network_of_ones_own_is_loaded_by_its_checksum_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.onnx");
        std::fs::write(&path, Segmenter::embedded_weights()).unwrap();
        let sum = hex::encode(Sha256::digest(Segmenter::embedded_weights()));
        let named = |path: &str, sum: &str| storage(&[("PLANTAIN_MODEL", path), ("PLANTAIN_MODEL_SHA256", sum)]);
        let path = path.to_str().unwrap();
        let shared = SharedSegmenter::of(&named(path, &sum)).unwrap();
        shared.get().unwrap();
        for (path, sum, told) in
            [(path, &"0f".repeat(32), &sum), ("/nowhere/u2net.onnx", &sum, &"can't be read".to_owned())]
        {
            let Err(said) = SharedSegmenter::of(&named(path, sum)) else { panic!("{path} is not what was named") };
            assert!(said.to_string().starts_with("PLANTAIN_MODEL: ") && said.to_string().contains(told), "{said}");
        }
        std::fs::write(path, "another file").unwrap();
        assert!(matches!(shared.get(), Err(CutoutError::Model(_))), "it is looked at whenever it is loaded");
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
