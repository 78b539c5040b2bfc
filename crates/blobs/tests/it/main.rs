//! What every place for blobs promises, and what only a folder or only a bucket does.

mod bucket;
mod conformance;
mod folder;
mod places;
