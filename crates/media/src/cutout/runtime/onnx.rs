//! ONNX Runtime, opened from a library that the operator named.
//!
//! The library is foreign code of 30 MB, so it is no part of the build: it is opened when a program asks, and whatever is
//! wrong with it is an answer, never a panic. One process has one library; it stays open until the process ends.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use ort::value::Tensor;

use super::{Input, SIDE, failed};
use crate::cutout::error::CutoutError;

/// ONNX Runtime, opened. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OnnxRuntime {
    library: PathBuf,
    environment: Environment,
}

/// The library allows one environment a process, even after it was closed, so it is kept here.
static OPENED: Mutex<Option<OnnxRuntime>> = Mutex::new(None);

#[derive(Debug, thiserror::Error)]
#[error("this process already runs the one in {}", .0.display())]
struct AnotherIsOpen(PathBuf);

impl OnnxRuntime {
    /// Opens the shared library of ONNX Runtime 1.17 or later; takes some 20 ms the first time.
    ///
    /// # Errors
    /// [`CutoutError::Runtime`] where there is no such file, it is no such library, it is too old, or another one is open.
    pub fn open(library: &Path) -> Result<OnnxRuntime, CutoutError> {
        let library = std::path::absolute(library).map_err(|error| unusable(library, error))?;
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        match &*opened {
            Some(runtime) if runtime.library == library => Ok(runtime.clone()),
            Some(runtime) => Err(unusable(&library, AnotherIsOpen(runtime.library.clone()))),
            None => Ok(opened.insert(OnnxRuntime::new(library)?).clone()),
        }
    }

    fn new(library: PathBuf) -> Result<OnnxRuntime, CutoutError> {
        // Asked first, since the loader's own words for a missing file are hard to read.
        std::fs::metadata(&library).map_err(|error| unusable(&library, error))?;
        let environment = ort::init_from(&library).map_err(|error| unusable(&library, error))?;
        // Errors come back as values; its warnings about the machine's devices are nobody's business here.
        let silent = Arc::new(|_: ort::logging::LogLevel, _: &str, _: &str, _: &str, _: &str| {});
        let environment = environment.with_name("plantain").with_telemetry(false).with_logger(silent).build();
        Ok(OnnxRuntime { environment: environment.map_err(|error| unusable(&library, error))?, library })
    }

    pub(super) fn network(&self, weights: &[u8], threads: usize) -> Result<Network, CutoutError> {
        let session = self.session(weights, threads).map_err(failed)?;
        if session.inputs().is_empty() || session.outputs().is_empty() {
            return Err(CutoutError::ForeignModel);
        }
        Ok(Network(Mutex::new(session)))
    }

    fn session(&self, weights: &[u8], threads: usize) -> ort::Result<Session> {
        let builder: SessionBuilder = Session::builder(&self.environment)?.with_intra_threads(threads)?;
        // Spinning saves a little between layers and burns the cores that other work of the process could use.
        let builder = builder.with_intra_op_spinning(false)?;
        // Planning memory ahead saves no time with this network and keeps 200 MB more.
        builder.with_memory_pattern(false)?.commit_from_memory(weights)
    }
}

fn unusable(library: &Path, error: impl std::error::Error + Send + Sync + 'static) -> CutoutError {
    CutoutError::Runtime { library: library.to_owned(), source: Box::new(error) }
}

/// One set of weights, ready to run. A run takes all its threads, so runs are made one after the other.
pub(in crate::cutout) struct Network(Mutex<Session>);

impl Network {
    pub(super) fn run(&self, input: Input) -> Result<Vec<f32>, CutoutError> {
        let tensor = Tensor::from_array(([1, 3, SIDE, SIDE], input)).map_err(failed)?;
        // A panic in a run leaves nothing half-done in the session: its memory is the library's.
        let mut session = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run(ort::inputs![tensor]).map_err(failed)?;
        let (shape, saliency) = outputs[0].try_extract_tensor::<f32>().map_err(failed)?;
        if **shape != [1, 1, SIDE as i64, SIDE as i64] {
            return Err(CutoutError::ForeignModel);
        }
        Ok(saliency.to_vec())
    }

    pub(super) fn run_two(&self, [first, second]: [Input; 2]) -> Result<[Vec<f32>; 2], CutoutError> {
        Ok([self.run(first)?, self.run(second)?])
    }
}
