//! The studio: a seller's photo becomes a job, the job a request to a queue, its result finished catalog pictures.
//!
//! Start at [`service::Studio`], whose methods are everything that pages, API and command line can do. A job
//! ([`job::Job`]) moves forward only; every decision about it is a pure function in [`job`], every change one call of
//! [`store::StudioStore`]. The crate knows its queue only through the wire, and no SQL.

pub mod config;
pub mod error;
mod generating;
pub mod job;
mod pace;
pub mod photo;
pub mod prompt;
pub mod service;
pub mod store;
pub mod view;
pub mod watch;
