//! WhatsApp messages by Meta's Cloud API: numbers, pictures and templates on their way out, and what is told of them on the
//! way back.
//!
//! [`graph::Graph`] makes the two requests that a message takes; [`trouble`] says what a refusal means, and [`notice`] reads what
//! Meta posts to us. It knows no database and no web server, and neither who is written to nor when. Invariants: an accepted
//! message is not yet a delivered one, which only a notice tells; no token and no number is in a log or an error.

pub mod graph;
pub mod notice;
pub mod number;
pub mod secret;
pub mod template;
pub mod trouble;

pub use graph::Graph;
pub use number::Number;
pub use secret::Secret;
