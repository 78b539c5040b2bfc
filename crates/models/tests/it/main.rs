//! The runners as the queue runs them: real photos, real files, a real database, real servers on this machine.

mod bench;
mod fal;
mod gemini;
mod http;
mod local;
mod raw;
mod refused;
mod simulated;
