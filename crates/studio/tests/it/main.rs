//! The studio as others meet it.

mod http;
mod service;
