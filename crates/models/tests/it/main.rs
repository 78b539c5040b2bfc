//! The runners as the queue runs them: real photos, real files, a real database.

mod bench;
mod local;
mod refused;
mod simulated;
