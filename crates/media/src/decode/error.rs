//! Why a photo can't be used, in words for the person who sent it. Variants say what that person can do.

use super::sniff::Foreign;

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Jpeg,
    Png,
    Webp,
    Heic,
    Avif,
    Tiff,
    Gif,
}

impl Format {
    pub fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "JPEG",
            Format::Png => "PNG",
            Format::Webp => "WebP",
            Format::Heic => "HEIC",
            Format::Avif => "AVIF",
            Format::Tiff => "TIFF",
            Format::Gif => "GIF",
        }
    }

    /// As it is named in headers.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Jpeg => "image/jpeg",
            Format::Png => "image/png",
            Format::Webp => "image/webp",
            Format::Heic => "image/heic",
            Format::Avif => "image/avif",
            Format::Tiff => "image/tiff",
            Format::Gif => "image/gif",
        }
    }

    /// Whether every browser shows it and every model takes it.
    pub fn is_common(self) -> bool {
        matches!(self, Format::Jpeg | Format::Png | Format::Webp)
    }
}

/// A photo that can't be used. All are faults of the input (a 4xx); none is worth a retry with the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub enum PictureError {
    /// Zero bytes.
    Empty,
    FileTooLarge {
        bytes: usize,
        limit: usize,
    },
    NotAPicture,
    /// Every pixel is transparent: there is nothing to see.
    Transparent,
    /// A picture (or what people take for one) of a kind that is not read.
    Unsupported(Foreign),
    /// The right format in a flavour that hardly any program writes (lossless or arithmetic JPEG, 12 bits).
    UnsupportedFlavor {
        format: Format,
    },
    /// The end of the file is missing.
    Truncated {
        format: Format,
    },
    Damaged {
        format: Format,
    },
    TooManyPixels {
        width: u32,
        height: u32,
        limit: u64,
    },
    SideTooLong {
        width: u32,
        height: u32,
        limit: u32,
    },
    TooSmall {
        width: u32,
        height: u32,
        min_side: u32,
    },
    TooElongated {
        width: u32,
        height: u32,
        max_aspect: u32,
    },
}

impl PictureError {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            PictureError::Empty => "picture_empty",
            PictureError::FileTooLarge { .. } => "file_too_large",
            PictureError::NotAPicture => "not_a_picture",
            PictureError::Transparent => "picture_transparent",
            PictureError::Unsupported(_) => "format_not_supported",
            PictureError::UnsupportedFlavor { .. } => "format_flavor_not_supported",
            PictureError::Truncated { .. } => "picture_truncated",
            PictureError::Damaged { .. } => "picture_damaged",
            PictureError::TooManyPixels { .. } => "too_many_pixels",
            PictureError::SideTooLong { .. } => "picture_side_too_long",
            PictureError::TooSmall { .. } => "picture_too_small",
            PictureError::TooElongated { .. } => "picture_too_elongated",
        }
    }

    /// What is wrong, with the measured value.
    pub fn message(&self) -> String {
        match *self {
            PictureError::Empty => "The file is empty.".to_owned(),
            PictureError::FileTooLarge { bytes, limit } => {
                format!("The file has {} MB; the limit is {} MB.", megabytes(bytes), limit / MIB)
            }
            PictureError::NotAPicture => "The file is not a picture.".to_owned(),
            PictureError::Transparent => "The picture is fully transparent: it shows nothing.".to_owned(),
            PictureError::Unsupported(foreign) => format!("{} can't be read.", foreign.name()),
            PictureError::UnsupportedFlavor { format } => {
                format!("This {} is stored in an unusual way that can't be read.", format.name())
            }
            PictureError::Truncated { format } => {
                format!("The {} file is incomplete: its end is missing.", format.name())
            }
            PictureError::Damaged { format } => format!("The {} file is damaged.", format.name()),
            PictureError::TooManyPixels { width, height, limit } => {
                format!("The picture has {width} x {height} pixels; the limit is {} megapixels.", limit / 1_000_000)
            }
            PictureError::SideTooLong { width, height, limit } => {
                format!("The picture has {width} x {height} pixels; no side may be longer than {limit}.")
            }
            PictureError::TooSmall { width, height, min_side } => format!(
                "The picture has only {width} x {height} pixels; each side needs at least {min_side}, and 1000 or more look good."
            ),
            PictureError::TooElongated { width, height, max_aspect } => format!(
                "The picture of {width} x {height} pixels is a strip: its long side is over {max_aspect} times the short one."
            ),
        }
    }

    /// What the seller can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            PictureError::Empty => "Choose the photo again; the upload or the copy went wrong.",
            PictureError::FileTooLarge { .. } => "Save the photo as JPEG with quality 90, or make it smaller.",
            PictureError::NotAPicture => "Send a photo of the product as JPEG, PNG, WebP, HEIC, AVIF, TIFF or GIF.",
            PictureError::Transparent => {
                "Export it again with the product's layer visible, or send the photo from which it was cut out."
            }
            PictureError::Unsupported(foreign) => foreign.hint(),
            PictureError::UnsupportedFlavor { .. } => {
                "Open the picture in any program and save it again as JPEG or PNG."
            }
            PictureError::Truncated { .. } => "Copy the photo from the camera or phone again, then send it once more.",
            PictureError::Damaged { .. } => {
                "Open the photo to see whether it is whole, save it again as JPEG or PNG, or take it anew."
            }
            PictureError::TooManyPixels { .. } | PictureError::SideTooLong { .. } => {
                "Make the photo smaller; 4000 pixels on the long side are plenty."
            }
            PictureError::TooSmall { .. } => "Send the original photo, not a thumbnail.",
            PictureError::TooElongated { .. } => "Crop the photo so that the product fills it.",
        }
    }
}

const MIB: usize = 1024 * 1024;

/// One decimal, rounded up, so that a file just over the limit never reads as the limit.
fn megabytes(bytes: usize) -> f64 {
    (bytes as f64 / MIB as f64 * 10.0).ceil() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_a_byte_over_the_limit_does_not_read_as_the_limit() {
        let error = PictureError::FileTooLarge { bytes: 12 * MIB + 1, limit: 12 * MIB };
        assert_eq!(error.message(), "The file has 12.1 MB; the limit is 12 MB.");
        assert_eq!(error.code(), "file_too_large");
    }

    #[test]
    fn messages_name_the_measured_size() {
        let error = PictureError::TooElongated { width: 20_000, height: 10, max_aspect: 12 };
        assert!(error.message().contains("20000 x 10"), "{}", error.message());
        assert_eq!(error.to_string(), error.message());
    }
}
