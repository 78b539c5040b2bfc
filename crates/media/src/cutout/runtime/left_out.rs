//! Stands where ONNX Runtime would, in a program that was built without it: it can't be opened, and the types say so.

use std::convert::Infallible;
use std::path::Path;

use super::Input;
use crate::cutout::error::CutoutError;

/// ONNX Runtime, opened. This program was built without it, so there is never one.
#[derive(Clone, Debug)]
pub struct OnnxRuntime(Infallible);

pub(in crate::cutout) struct Network(Infallible);

impl OnnxRuntime {
    /// Always [`CutoutError::RuntimeLeftOut`].
    pub fn open(_library: &Path) -> Result<OnnxRuntime, CutoutError> {
        Err(CutoutError::RuntimeLeftOut)
    }

    pub(super) fn network(&self, _weights: &[u8], _threads: usize) -> Result<Network, CutoutError> {
        match self.0 {}
    }
}

impl Network {
    pub(super) fn run(&self, _input: Input) -> Result<Vec<f32>, CutoutError> {
        match self.0 {}
    }

    pub(super) fn run_two(&self, _inputs: [Input; 2]) -> Result<[Vec<f32>; 2], CutoutError> {
        match self.0 {}
    }
}
