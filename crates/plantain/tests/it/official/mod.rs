//! fal's own clients, newest and unpatched, against the real binary; and the commands of fal's guides, run by curl.
//!
//! The cases are programs beside this file, written as an application's author would write them. They print a report, which
//! is judged here. `cargo xtask test` installs the clients; without them these tests fail.

mod clients;
mod commands;
mod names;
pub mod program;
mod receipts;
