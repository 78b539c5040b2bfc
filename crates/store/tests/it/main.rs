//! The adapters against real databases: a SQLite file in a folder of its own, a Postgres schema of its own.

mod postgres;
mod postgres_queue;
mod postgres_tls;
mod queue_conformance;
mod queue_ending;
mod releasing;
mod simulation;
mod sqlite;
mod sqlite_queue;
mod studio_conformance;
mod unreadable;
