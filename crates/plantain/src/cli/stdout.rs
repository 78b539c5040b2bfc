//! The one way to stdout. Whoever reads may have gone and the disk may be full: both are errors of the command, not panics.

use std::fmt::Display;
use std::io::{self, Write};

/// Why an answer could not be given.
#[derive(Debug, thiserror::Error)]
pub enum Unsaid {
    /// Whoever read has heard enough, such as `head`.
    #[error("nobody reads standard output any more")]
    Gone,
    #[error("standard output can't be written: {0}; make room, or send it elsewhere")]
    Unwritable(io::Error),
}

/// As it is.
pub fn print(text: impl Display) -> Result<(), Unsaid> {
    said(&mut io::stdout().lock(), format_args!("{text}"))
}

/// With a line break.
pub fn line(text: impl Display) -> Result<(), Unsaid> {
    said(&mut io::stdout().lock(), format_args!("{text}\n"))
}

/// To the end: what is left in a buffer is lost without a word.
fn said(to: &mut impl Write, text: std::fmt::Arguments<'_>) -> Result<(), Unsaid> {
    to.write_fmt(text).and_then(|()| to.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Unsaid::Gone,
        _ => Unsaid::Unwritable(error),
    })
}
