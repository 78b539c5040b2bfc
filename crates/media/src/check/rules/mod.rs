//! The rules, a file for each kind of question.

pub(super) mod background;
pub(super) mod content;
pub(super) mod file;
pub(super) mod framing;
pub(super) mod size;
