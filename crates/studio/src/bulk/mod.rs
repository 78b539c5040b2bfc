//! Many photos at once: a ZIP, and a list that says more about them, become a batch of items, one job each.
//!
//! What came is judged entry by entry, so that one bad file costs nobody the others; only what makes the whole unreadable is
//! refused. The judgements are pure; bytes are read through bounds, whatever the archive says of itself.

pub mod archive;
pub mod batch;
pub mod error;
mod leaving;
mod making;
pub mod name;
pub mod plan;
pub mod receiving;
pub(crate) mod results;
pub mod store;
pub mod table;
pub mod view;
pub mod why;
