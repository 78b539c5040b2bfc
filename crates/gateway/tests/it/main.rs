//! The whole gateway in process: real engine, real SQLite file, real listener; asked by the real client and by raw HTTP.

mod asking;
mod bad_input;
mod catalogue;
mod client;
mod console;
mod crowding;
mod faces;
mod files;
mod keys;
mod lives;
mod multipart;
mod panicking;
mod proxying;
mod running;
mod streaming;
mod submitting;
mod system;
mod tokens;
mod uploading;
