//! The durable media-job queue: requests, attempts and deliveries as states, pure decisions about them, and the engine
//! that carries the decisions out.
//!
//! It knows neither SQL nor HTTP routes: storage is behind [`store::QueueStore`], models behind [`runner::Runner`].
//! Invariants kept here: every accepted request ends in exactly one terminal state; a settle is fenced by its lease; the
//! result and the deliveries it owes are one store call.

mod busy;
pub mod dead_letters;
pub mod decide;
pub mod engine;
pub mod files;
pub mod history;
pub mod hosts;
pub mod key_ring;
pub mod keys;
pub mod model;
pub mod notice;
pub mod places;
pub mod runner;
mod signer;
pub mod store;
pub mod turns;

pub use crate::signer::Signer;
