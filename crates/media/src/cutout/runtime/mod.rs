//! What runs the network. It knows tensors and threads, and nothing of pictures.
//!
//! Three give the same answer to within rounding: layers of our own, made for the embedded network; `rten`, which runs
//! whatever network somebody brings; and ONNX Runtime, a library that is opened where the program was built for it and
//! told where it is. Which of them runs is seen nowhere else.

mod general;
#[cfg_attr(not(feature = "onnxruntime"), path = "left_out.rs")]
mod onnx;

pub use onnx::OnnxRuntime;

use general::Rten;

use super::error::CutoutError;
use super::unet::UNet;

/// Sides of the square that the network was trained on; larger inputs give worse mattes, not better ones.
pub(super) const SIDE: usize = 320;

/// Normalised pixels, channel by channel: `3 * SIDE * SIDE` values.
pub(super) type Input = Vec<f32>;

pub(super) enum Runtime {
    Own(Box<UNet>),
    Rten(Box<Rten>),
    Onnx(onnx::Network),
}

impl Runtime {
    pub(super) fn embedded(weights: &[u8]) -> Result<Runtime, CutoutError> {
        UNet::from_onnx(weights).map(Box::new).map(Runtime::Own)
    }

    pub(super) fn from_onnx(weights: Vec<u8>) -> Result<Runtime, CutoutError> {
        Rten::from_onnx(weights).map(Box::new).map(Runtime::Rten)
    }

    pub(super) fn on(library: &OnnxRuntime, weights: &[u8]) -> Result<Runtime, CutoutError> {
        library.network(weights, cores()).map(Runtime::Onnx)
    }

    /// Saliency of one input, `SIDE * SIDE` values from 0 to 1.
    pub(super) fn run(&self, input: Input) -> Result<Vec<f32>, CutoutError> {
        match self {
            Runtime::Own(network) => Ok(network.run(&input, SIDE)),
            Runtime::Rten(rten) => rten.run(input),
            Runtime::Onnx(network) => network.run(input),
        }
    }

    /// Saliency of two inputs, in whichever way the runtime is soonest done with both.
    pub(super) fn run_two(&self, inputs: [Input; 2]) -> Result<[Vec<f32>; 2], CutoutError> {
        match self {
            Runtime::Own(network) => Ok(both(inputs, |input| network.run(&input, SIDE))),
            Runtime::Rten(rten) => rten.run_two(inputs),
            Runtime::Onnx(network) => network.run_two(inputs),
        }
    }
}

/// The same of two things at the same time.
fn both<T: Send, U: Send>([first, second]: [T; 2], of: impl Fn(T) -> U + Sync) -> [U; 2] {
    let (first, second) = rayon::join(|| of(first), || of(second));
    [first, second]
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get())
}

/// A fault of the weights or of the machine, not of the photo.
fn failed(error: impl std::error::Error + Send + Sync + 'static) -> CutoutError {
    CutoutError::Model(Box::new(error))
}
