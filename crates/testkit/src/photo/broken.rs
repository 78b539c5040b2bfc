//! Files that are no photo, or that mean harm.

use super::jpeg::jpeg;
use super::png::png_of_size;

pub fn empty() -> Vec<u8> {
    Vec::new()
}

/// A web page, as one gets it by saving the wrong link.
pub fn not_a_picture() -> Vec<u8> {
    b"<!doctype html><title>Not a picture</title>".repeat(20)
}

/// The first half of a photo.
pub fn truncated() -> Vec<u8> {
    let mut file = jpeg();
    file.truncate(file.len() / 2);
    file
}

/// 400 megapixels in some kilobytes: decoded to RGB it would take 1.2 GB.
pub fn bomb() -> Vec<u8> {
    png_of_size(20_000, 20_000)
}
