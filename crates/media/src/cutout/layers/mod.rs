//! What networks are made of: convolutions, the maps that flow between them, and their numbers in a file.

mod conv;
mod map;
mod weights;

pub(super) use conv::Conv;
pub(super) use map::Map;
pub(super) use weights::Layers;
