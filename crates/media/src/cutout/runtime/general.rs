//! The runtime for networks that somebody brings: `rten`, part of every build and in Rust alone.

use std::sync::Arc;

use rten::{Model, NodeId, RunOptions, ThreadPool};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use super::{Input, SIDE, cores, failed};
use crate::cutout::error::CutoutError;

pub(in crate::cutout) struct Rten {
    model: Model,
    input: NodeId,
    output: NodeId,
    wide: Arc<ThreadPool>,
    halves: [Arc<ThreadPool>; 2],
}

impl Rten {
    pub(super) fn from_onnx(weights: Vec<u8>) -> Result<Rten, CutoutError> {
        Rten::new(Model::load(weights).map_err(failed)?)
    }

    fn new(model: Model) -> Result<Rten, CutoutError> {
        let (Some(&input), Some(&output)) = (model.input_ids().first(), model.output_ids().first()) else {
            return Err(CutoutError::ForeignModel);
        };
        let cores = cores();
        let pool = |threads: usize| Arc::new(ThreadPool::with_num_threads(threads.max(1)));
        Ok(Rten { model, input, output, wide: pool(cores), halves: [pool(cores / 2), pool(cores / 2)] })
    }

    pub(super) fn run(&self, input: Input) -> Result<Vec<f32>, CutoutError> {
        self.run_on(&self.wide, input)
    }

    /// Both at once, each on its half of the cores: less waiting between layers than one after the other.
    pub(super) fn run_two(&self, [first, second]: [Input; 2]) -> Result<[Vec<f32>; 2], CutoutError> {
        let (first, second) =
            rayon::join(|| self.run_on(&self.halves[0], first), || self.run_on(&self.halves[1], second));
        Ok([first?, second?])
    }

    fn run_on(&self, pool: &Arc<ThreadPool>, input: Input) -> Result<Vec<f32>, CutoutError> {
        let tensor = NdTensor::from_data([1, 3, SIDE, SIDE], input);
        let options = RunOptions::default().with_thread_pool(Some(pool.clone()));
        let mut outputs =
            self.model.run(vec![(self.input, tensor.into())], &[self.output], Some(options)).map_err(failed)?;
        let saliency: NdTensor<f32, 4> =
            outputs.pop().and_then(|value| value.try_into().ok()).ok_or(CutoutError::ForeignModel)?;
        if saliency.shape() != [1, 1, SIDE, SIDE] {
            return Err(CutoutError::ForeignModel);
        }
        Ok(saliency.to_vec())
    }
}
