//! The protocol, byte for byte: golden exchanges, the published signature vector, and parsers that never panic.

mod golden;
mod lenient;
mod nano_banana;
mod never_panics;
mod rules;
mod schemas;
mod signatures;
