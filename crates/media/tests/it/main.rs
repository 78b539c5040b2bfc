//! What the picture engine promises, tested from outside.

mod alone;
mod check_bad;
mod check_files;
mod choosing;
mod compose;
mod composite;
mod cutout;
mod decode;
mod finish;
mod generated;
mod identity;
mod independent;
mod limits;
mod on_the_floor;
#[cfg(feature = "onnxruntime")]
mod onnxruntime;
mod outline;
mod photos;
mod preset;
mod repair;
mod rules;
mod scenes;
mod score;
mod shot;
mod stranger;
