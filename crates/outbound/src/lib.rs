//! Requests to addresses that users gave: webhook targets, image URLs of jobs, result downloads, replays.
//!
//! Owns the address policy, the only transport set-up of the project, bounds in time and size, what an answer means for a
//! delivery, and when to try again. Invariant: no request leaves for an address that the [`policy::Policy`] refuses, whatever
//! a name resolves to at the moment of connecting; redirects and proxies are never followed. It knows no database, no job and
//! no web framework.

pub mod address;
pub mod delivery;
pub mod explain;
pub mod policy;
mod resolve;
pub mod retry_after;
pub mod schedule;
pub mod send;
pub mod transport;

pub use delivery::classify;
pub use policy::Policy;
pub use schedule::Schedule;
pub use send::{Bounds, Outbound};
