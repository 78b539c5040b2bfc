//! Plantain as one program: command line, configuration, wiring, lifecycle.
//!
//! The only reader of environment, arguments and signals. It decides nothing about pictures, requests or jobs: it builds
//! the [`system`] out of the other crates and talks to it as everybody else does, over HTTP.

pub mod av1;
pub mod cli;
pub mod client;
pub mod config;
pub mod data;
pub mod system;
