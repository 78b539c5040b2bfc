//! Descriptions that several models share: files, pictures, sizes.

use super::schema::{Field, Kind, Object};

/// The longest prompt, in characters. fal publishes no limit for most models; this one keeps a request's memory bounded.
pub const PROMPT_CHARS_MAX: usize = 50_000;

/// The most input pictures. fal publishes no limit; this one keeps a request's memory bounded.
pub const IMAGE_URLS_MAX: usize = 16;

/// The longest side of a picture that fal's image models take, in pixels.
const SIDE_MAX: i128 = 14_142;

/// A produced picture. Live replies usually have all fields, examples only the address.
pub(super) const IMAGE: Object = Object::new(
    "Image",
    &[
        Field::required("url", Kind::Address, "The address of the file, or a data URI."),
        Field::optional("content_type", Kind::text(usize::MAX), "The media type of the file."),
        Field::optional("file_name", Kind::text(usize::MAX), "The name of the file."),
        Field::optional("file_size", Kind::ANY_INTEGER, "The size of the file in bytes."),
        Field::optional("width", Kind::ANY_INTEGER, "The width of the image in pixels."),
        Field::optional("height", Kind::ANY_INTEGER, "The height of the image in pixels."),
    ],
);

/// Any other produced file.
pub(super) const FILE: Object = Object::new(
    "File",
    &[
        Field::required("url", Kind::Address, "The address of the file."),
        Field::optional("content_type", Kind::text(usize::MAX), "The media type of the file."),
        Field::optional("file_name", Kind::text(usize::MAX), "The name of the file."),
        Field::optional("file_size", Kind::ANY_INTEGER, "The size of the file in bytes."),
    ],
);

pub(super) const IMAGE_SIZE: Object = Object::new(
    "ImageSize",
    &[
        Field::or("width", Kind::integer(1, SIDE_MAX), "512", "The width of the generated image in pixels."),
        Field::or("height", Kind::integer(1, SIDE_MAX), "512", "The height of the generated image in pixels."),
    ],
);

/// How long a run took.
pub(super) const TIMINGS: Object = Object::new(
    "Timings",
    &[Field::optional(
        "inference",
        Kind::Number { least: None, most: None },
        "How long the model itself took, in seconds.",
    )],
);

pub(super) const IMAGES: Field = Field::required("images", Kind::list(&Kind::Object(&IMAGE)), "The generated images.");

pub(super) const SEED: Field = Field::optional(
    "seed",
    Kind::ANY_INTEGER,
    "The same seed and the same prompt given to the same version of a model give the same image.",
);

pub(super) const SYNC_MODE: Field = Field::or(
    "sync_mode",
    Kind::Flag,
    "false",
    "Whether images come back as data URIs inside the output instead of addresses.",
);

pub(super) const SAFETY_CHECKER: Field =
    Field::or("enable_safety_checker", Kind::Flag, "true", "Whether outputs are checked for unsafe content.");

pub(super) const fn prompt(description: &'static str) -> Field {
    Field::required("prompt", Kind::text(PROMPT_CHARS_MAX), description)
}

pub(super) const fn num_images(description: &'static str) -> Field {
    Field::or("num_images", Kind::integer(1, 4), "1", description)
}

pub(super) const fn acceleration(default: &'static str) -> Field {
    let words = Kind::Word(&["none", "regular", "high"]);
    Field::or("acceleration", words, default, "How much quality may be given up for speed.")
}

pub(super) const JPEG_OR_PNG: Field =
    Field::or("output_format", Kind::Word(&["jpeg", "png"]), "\"jpeg\"", "The file format of the generated images.");
