//! The studio through its router: a real studio over SQLite, no queue behind it.

mod accounts;
mod again;
mod applying;
mod batches;
mod brush;
mod bulk;
mod cors;
mod events;
mod generate;
mod guard;
mod history;
mod house;
mod jobs;
mod keys;
mod limits;
mod messages;
mod n8n;
mod once;
mod openapi;
mod pages;
mod panicking;
mod pictures;
mod reuse;
mod sellers;
mod upload;
mod webhook;
