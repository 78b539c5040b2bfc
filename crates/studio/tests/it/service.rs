//! The whole studio in motion: real SQLite, real HTTP on both sides, and a queue that the test leads.

mod asking;
mod backend;
mod batches;
mod bench;
mod cancelling;
mod damage;
mod flow;
mod hindi;
mod lies;
mod messages;
mod orders;
mod reconciler;
mod restarts;
mod reusing;
mod trust;
mod whatsapp;
mod whole;
