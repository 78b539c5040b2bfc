//! What the picture engine promises, tested from outside.

mod check_bad;
mod check_files;
mod compose;
mod cutout;
mod decode;
mod finish;
mod preset;
mod score;
