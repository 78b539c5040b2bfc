//! All SQL: SQLite and Postgres adapters for the stores that the other crates name, and the migrations of both.
//!
//! [`sqlite::Database`] and [`postgres::Database`] are the ground that every adapter stands on: one group-committing writer
//! beside readers that never wait for it, or a pool of connections with bounded waits. Rows are parsed once, here. The crate
//! decides nothing about requests or jobs and serves no HTTP.
//! Invariant: a writing call that returned `Ok` is on the disk.

pub mod error;
pub mod migrations;
pub mod postgres;
pub mod queue;
pub mod sqlite;
pub mod studio;
pub mod time;

pub use error::{DatabaseError, OpenError};
