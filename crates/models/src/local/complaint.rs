//! What was wrong with a photo, in the words of fal's model errors.

use plantain_media::cutout::CutoutError;
use plantain_media::decode::PictureError;
use plantain_wire::error::{Detail, Loc, ModelErrorType};
use serde_json::json;

/// The place of an input picture.
pub(super) fn at(index: usize) -> Vec<Loc> {
    vec!["body".into(), "image_urls".into(), Loc::Index(index as u64)]
}

pub(super) fn no_photo() -> Detail {
    Detail::model(ModelErrorType::SequenceTooShort, vec!["body".into(), "image_urls".into()], "A photo is needed")
}

pub(super) fn of_picture(index: usize, error: PictureError) -> Detail {
    let detail = Detail::model(kind(&error), at(index), format!("{} {}", error.message(), error.hint()));
    match error {
        PictureError::FileTooLarge { limit, .. } => detail.with_ctx(&json!({ "max_size": limit })),
        PictureError::TooManyPixels { limit, .. } => detail.with_ctx(&json!({ "max_pixels": limit })),
        PictureError::SideTooLong { limit, .. } => detail.with_ctx(&json!({ "max_side": limit })),
        PictureError::TooSmall { min_side, .. } => detail.with_ctx(&json!({ "min_side": min_side })),
        _ => detail,
    }
}

fn kind(error: &PictureError) -> ModelErrorType {
    match error {
        PictureError::Unsupported(_) | PictureError::UnsupportedFlavor { .. } => ModelErrorType::UnsupportedImageFormat,
        PictureError::FileTooLarge { .. } => ModelErrorType::FileTooLarge,
        PictureError::TooManyPixels { .. } | PictureError::SideTooLong { .. } => ModelErrorType::ImageTooLarge,
        PictureError::TooSmall { .. } | PictureError::TooElongated { .. } => ModelErrorType::ImageTooSmall,
        PictureError::Empty
        | PictureError::NotAPicture
        | PictureError::Truncated { .. }
        | PictureError::Damaged { .. } => ModelErrorType::ImageLoadError,
    }
}

/// Says that nothing was made, instead of handing out an empty white square.
pub(super) fn of_cutout(error: &CutoutError) -> Detail {
    Detail::model(ModelErrorType::NoMediaGenerated, at(0), format!("{} {}", error.message(), error.hint()))
}

/// A file that could not be had.
pub(super) fn of_download(index: usize, why: &str) -> Detail {
    Detail::model(ModelErrorType::FileDownloadError, at(index), format!("The picture could not be fetched: {why}."))
}

pub(super) fn too_large(index: usize, limit: usize) -> Detail {
    let msg = format!(
        "The file is larger than {} MB. Save the photo as JPEG with quality 90, or make it smaller.",
        limit / MIB
    );
    Detail::model(ModelErrorType::FileTooLarge, at(index), msg).with_ctx(&json!({ "max_size": limit }))
}

const MIB: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use plantain_media::decode::Format;

    use super::*;

    #[track_caller]
    fn says(error: PictureError, kind: &str) {
        let detail = of_picture(1, error);
        assert_eq!((detail.kind.as_ref(), detail.http_status()), (kind, 422), "{error:?}");
        assert!(detail.summary().starts_with("image_urls[1]: "), "{}", detail.summary());
        assert!(detail.msg.ends_with('.'), "{}", detail.msg);
    }

    #[test]
    fn every_fault_of_a_photo_has_its_type_and_advice() {
        says(PictureError::Empty, "image_load_error");
        says(PictureError::NotAPicture, "image_load_error");
        says(PictureError::Truncated { format: Format::Jpeg }, "image_load_error");
        says(PictureError::UnsupportedFlavor { format: Format::Jpeg }, "unsupported_image_format");
        says(PictureError::FileTooLarge { bytes: 13 * MIB, limit: 12 * MIB }, "file_too_large");
        says(PictureError::TooManyPixels { width: 1, height: 1, limit: 1 }, "image_too_large");
        says(PictureError::SideTooLong { width: 1, height: 1, limit: 1 }, "image_too_large");
        says(PictureError::TooSmall { width: 1, height: 1, min_side: 64 }, "image_too_small");
        says(PictureError::TooElongated { width: 1, height: 1, max_aspect: 12 }, "image_too_small");
        let none = of_cutout(&CutoutError::NoProduct);
        assert_eq!((none.kind.as_ref(), none.loc), ("no_media_generated", at(0)));
        assert!(none.msg.starts_with("No product"), "{}", none.msg);
    }

    #[test]
    fn limits_are_in_the_context() {
        let detail = too_large(0, 12 * MIB);
        assert_eq!(detail.ctx.unwrap().get(), r#"{"max_size":12582912}"#);
        assert!(detail.msg.contains("12 MB"));
    }
}
