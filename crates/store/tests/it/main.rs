//! The adapters against real databases: a SQLite file in a folder of its own, a Postgres schema of its own.

mod postgres;
mod queue_conformance;
mod sqlite;
mod sqlite_queue;
mod studio_conformance;
