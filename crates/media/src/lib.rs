//! The picture engine: bytes in, bytes and facts out.
//!
//! A photo is decoded ([`decode`]), its product cut out ([`cutout`]), laid on scenes ([`compose`]), finished to a
//! marketplace's rules ([`finish`]) and measured against them ([`check`]). Nothing here is async, reads a clock, a file or
//! the network, or knows of jobs and queues; a panic is a bug, never an answer to a hostile file.

mod bitmap;
pub mod check;
pub mod color;
pub mod common_form;
pub mod compose;
pub mod cutout;
pub mod decode;
pub mod encode;
pub mod finish;
pub mod outline;
pub mod picture;
pub mod preset;
pub mod sheet;
pub mod slip;
mod tasks;
pub mod thumbnail;
