//! What was wrong with a photo, in the words of fal's model errors.

use plantain_media::cutout::CutoutError;
use plantain_media::decode::{self, PictureError};
use plantain_wire::error::{Detail, Loc, ModelErrorType};
use serde_json::{Value, json};

use super::size::TooSmall;

/// The place of an input picture.
pub(super) fn at(index: usize) -> Vec<Loc> {
    vec!["body".into(), "image_urls".into(), Loc::Index(index as u64)]
}

pub(super) fn no_photo() -> Detail {
    Detail::model(ModelErrorType::SequenceTooShort, vec!["body".into(), "image_urls".into()], "A photo is needed")
}

/// A complaint with advice at its end. The advice stands in the context, too, so that who shows both can tell them apart.
fn advised(kind: ModelErrorType, index: usize, message: &str, hint: &str, mut ctx: Value) -> Detail {
    ctx["hint"] = hint.into();
    Detail::model(kind, at(index), format!("{message} {hint}")).with_ctx(&ctx)
}

pub(crate) fn of_picture(index: usize, error: PictureError) -> Detail {
    let ctx = match error {
        PictureError::FileTooLarge { limit, .. } => json!({ "max_size": limit }),
        PictureError::TooManyPixels { limit, .. } => json!({ "max_pixels": limit }),
        PictureError::SideTooLong { limit, .. } => json!({ "max_side": limit }),
        PictureError::TooSmall { min_side, .. } => json!({ "min_side": min_side }),
        _ => json!({}),
    };
    advised(kind(&error), index, &error.message(), error.hint(), ctx)
}

/// The photo is whole, but its product is too small for any catalog picture.
pub(super) fn of_size(small: &TooSmall) -> Detail {
    let TooSmall { product: (width, height), canvas, least } = small;
    let message = format!(
        "The product has only {width} x {height} pixels in this photo, too few for a picture of {} x {}.",
        canvas.0, canvas.1
    );
    let hint = format!(
        "Send the original photo, not a thumbnail, or go closer: at least {least} pixels on the product's longer side are needed, and 1200 look sharp."
    );
    advised(ModelErrorType::ImageTooSmall, 0, &message, &hint, json!({ "min_product_side": least }))
}

fn kind(error: &PictureError) -> ModelErrorType {
    match error {
        PictureError::Unsupported(_) | PictureError::UnsupportedFlavor { .. } => ModelErrorType::UnsupportedImageFormat,
        PictureError::FileTooLarge { .. } => ModelErrorType::FileTooLarge,
        PictureError::TooManyPixels { .. } | PictureError::SideTooLong { .. } => ModelErrorType::ImageTooLarge,
        PictureError::TooSmall { .. } | PictureError::TooElongated { .. } => ModelErrorType::ImageTooSmall,
        PictureError::Empty
        | PictureError::Transparent
        | PictureError::NotAPicture
        | PictureError::Truncated { .. }
        | PictureError::Damaged { .. } => ModelErrorType::ImageLoadError,
    }
}

/// Says that nothing was made, instead of handing out an empty white square.
pub(super) fn of_cutout(error: &CutoutError) -> Detail {
    let field = match error {
        CutoutError::BoxOutside => "box_prompts",
        CutoutError::PointOutside => "point_prompts",
        _ => return advised(ModelErrorType::NoMediaGenerated, 0, &error.message(), error.hint(), json!({})),
    };
    let message = format!("{} {}", error.message(), error.hint());
    Detail::new("value_error", vec!["body".into(), field.into()], message).with_ctx(&json!({ "hint": error.hint() }))
}

/// A file that could not be had.
pub(crate) fn of_download(index: usize, why: &str) -> Detail {
    Detail::model(ModelErrorType::FileDownloadError, at(index), format!("The picture could not be fetched: {why}."))
}

/// A file of more than `limit` bytes that begins like this.
pub(crate) fn too_large(index: usize, start: &[u8], limit: usize) -> Detail {
    if let foreign @ PictureError::Unsupported(_) = decode::too_large(start, limit + 1, limit) {
        return of_picture(index, foreign);
    }
    let message = format!("The file is larger than {} MB.", limit / MIB);
    let hint = "Save the photo as JPEG with quality 90, or make it smaller.";
    advised(ModelErrorType::FileTooLarge, index, &message, hint, json!({ "max_size": limit }))
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
        says(PictureError::Transparent, "image_load_error");
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
        for (error, place) in
            [(CutoutError::BoxOutside, "box_prompts: "), (CutoutError::PointOutside, "point_prompts: ")]
        {
            assert!(of_cutout(&error).summary().starts_with(place), "{error}");
        }
    }

    #[test]
    fn limits_are_in_the_context() {
        let detail = too_large(0, b"\xff\xd8\xff", 12 * MIB);
        let ctx: Value = serde_json::from_str(detail.ctx.unwrap().get()).unwrap();
        assert_eq!(ctx["max_size"], 12 * MIB);
        assert!(detail.msg.ends_with(ctx["hint"].as_str().unwrap()), "the advice can be told apart: {}", detail.msg);
        assert!(detail.msg.contains("12 MB"));
    }
}
