//! What runs the network. It knows tensors and threads, and nothing of pictures.
//!
//! The runtime is one private enum, so that a faster one can take its place beside the built-in without a change
//! anywhere else.

use std::sync::Arc;

use rten::{Model, NodeId, RunOptions, ThreadPool};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use super::error::CutoutError;

/// Sides of the square that the network was trained on; larger inputs give worse mattes, not better ones.
pub(super) const SIDE: usize = 320;

/// Normalised pixels, channel by channel: `3 * SIDE * SIDE` values.
pub(super) type Input = Vec<f32>;

pub(super) enum Runtime {
    Rten(Rten),
}

impl Runtime {
    pub(super) fn embedded(weights: &'static [u8]) -> Result<Runtime, CutoutError> {
        let model = Model::load_static_slice(weights).map_err(|error| CutoutError::Model(Box::new(error)))?;
        Rten::new(model).map(Runtime::Rten)
    }

    pub(super) fn from_onnx(weights: Vec<u8>) -> Result<Runtime, CutoutError> {
        let model = Model::load(weights).map_err(|error| CutoutError::Model(Box::new(error)))?;
        Rten::new(model).map(Runtime::Rten)
    }

    /// Saliency of one input, `SIDE * SIDE` values from 0 to 1.
    pub(super) fn run(&self, input: Input) -> Result<Vec<f32>, CutoutError> {
        match self {
            Runtime::Rten(rten) => rten.run(input, &rten.wide),
        }
    }

    /// Two inputs at once, each on its half of the cores: less waiting between layers than one after the other.
    pub(super) fn run_two(&self, inputs: [Input; 2]) -> Result<[Vec<f32>; 2], CutoutError> {
        let Runtime::Rten(rten) = self;
        let [first, second] = inputs;
        let (first, second) = rayon::join(|| rten.run(first, &rten.halves[0]), || rten.run(second, &rten.halves[1]));
        Ok([first?, second?])
    }
}

pub(super) struct Rten {
    model: Model,
    input: NodeId,
    output: NodeId,
    wide: Arc<ThreadPool>,
    halves: [Arc<ThreadPool>; 2],
}

impl Rten {
    fn new(model: Model) -> Result<Rten, CutoutError> {
        let (Some(&input), Some(&output)) = (model.input_ids().first(), model.output_ids().first()) else {
            return Err(CutoutError::ForeignModel);
        };
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let pool = |threads: usize| Arc::new(ThreadPool::with_num_threads(threads.max(1)));
        Ok(Rten { model, input, output, wide: pool(cores), halves: [pool(cores / 2), pool(cores / 2)] })
    }

    fn run(&self, input: Input, pool: &Arc<ThreadPool>) -> Result<Vec<f32>, CutoutError> {
        let tensor = NdTensor::from_data([1, 3, SIDE, SIDE], input);
        let options = RunOptions::default().with_thread_pool(Some(pool.clone()));
        let mut outputs = self
            .model
            .run(vec![(self.input, tensor.into())], &[self.output], Some(options))
            .map_err(|error| CutoutError::Model(Box::new(error)))?;
        let saliency: NdTensor<f32, 4> =
            outputs.pop().and_then(|value| value.try_into().ok()).ok_or(CutoutError::ForeignModel)?;
        if saliency.shape() != [1, 1, SIDE, SIDE] {
            return Err(CutoutError::ForeignModel);
        }
        Ok(saliency.to_vec())
    }
}
