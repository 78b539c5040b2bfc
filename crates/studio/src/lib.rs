//! The studio: a seller's photo becomes a job, the job a request to a queue, its result finished catalog pictures.
//!
//! Start at [`service::Studio`], whose methods are everything that pages, API and command line can do. A job
//! ([`job::Job`]) moves forward only; every decision about it is a pure function in [`job`], every change one call of
//! [`store::StudioStore`]. The crate knows its queue only through the wire, and no SQL.

pub mod accounts;
mod answering;
pub mod asking;
pub mod bulk;
mod cancelling;
mod collecting;
pub mod config;
pub mod correcting;
pub mod error;
mod fetching;
pub mod finishing;
mod following;
mod generating;
pub mod history;
mod hourly;
pub mod http;
pub mod job;
mod keys;
pub mod link;
pub mod messages;
pub mod money;
mod output;
mod pace;
mod packing;
mod paging;
pub mod photo;
pub mod prompt;
pub mod receiving;
mod reusing;
mod roles;
mod saving;
pub mod service;
pub mod spending;
pub mod store;
mod submitting;
pub mod view;
pub mod watch;
mod working;
