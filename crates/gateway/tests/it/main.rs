//! The whole gateway in process: real engine, real SQLite file, real listener; asked by the real client and by raw HTTP.

mod asking;
mod bad_input;
mod client;
mod faces;
mod files;
mod lives;
mod multipart;
mod panicking;
mod streaming;
mod submitting;
mod system;
mod uploading;
