//! Why no product could be cut out.

use std::path::PathBuf;

/// Variants say what the caller can do: send another photo, or repair the model.
#[derive(Debug, thiserror::Error)]
pub enum CutoutError {
    /// Nothing in the photo stands out from the rest: an empty table, a wall, a pattern, noise. A fault of the photo.
    #[error("no product was found in the photo")]
    NoProduct,
    /// The box that was to hold the product lies outside the photo or is a speck. A fault of the request.
    #[error("the box does not lie in the photo")]
    BoxOutside,
    /// A point on or beside the product lies outside the photo. A fault of the request.
    #[error("a point does not lie in the photo")]
    PointOutside,
    /// More points than are taken. A fault of the request.
    #[error("too many points")]
    TooManyPoints,
    /// More strokes, or longer ones, than are taken at once. A fault of the request.
    #[error("too many strokes")]
    TooManyStrokes,
    /// The transparency does not belong to this picture. A bug of the caller.
    #[error("picture and transparency differ in size")]
    SizeMismatch,
    /// The weights could not be loaded or run. A fault of the installation.
    #[error("the cut-out model can't be run")]
    Model(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The file is a network, but not one that maps a 320-pixel picture to one matte.
    #[error("the cut-out model has an unexpected shape")]
    ForeignModel,
    /// ONNX Runtime was asked for and can't be opened. A fault of the installation.
    #[error("ONNX Runtime can't be opened from {}: {source}", .library.display())]
    Runtime { library: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    /// ONNX Runtime was asked for, and this program was built without it. A fault of the installation.
    #[error("this program was built without ONNX Runtime")]
    RuntimeLeftOut,
}

impl CutoutError {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            CutoutError::NoProduct => "no_product_found",
            CutoutError::BoxOutside => "box_outside_photo",
            CutoutError::PointOutside => "point_outside_photo",
            CutoutError::TooManyPoints => "too_many_points",
            CutoutError::TooManyStrokes => "too_many_strokes",
            CutoutError::SizeMismatch => "alpha_size_mismatch",
            CutoutError::Model(_) | CutoutError::ForeignModel => "cutout_model_failed",
            CutoutError::Runtime { .. } | CutoutError::RuntimeLeftOut => "cutout_runtime_unavailable",
        }
    }

    /// True where another photo or box helps; false where the installation is at fault.
    pub fn is_input_fault(&self) -> bool {
        match self {
            CutoutError::NoProduct
            | CutoutError::BoxOutside
            | CutoutError::PointOutside
            | CutoutError::TooManyPoints
            | CutoutError::TooManyStrokes
            | CutoutError::SizeMismatch => true,
            CutoutError::Model(_)
            | CutoutError::ForeignModel
            | CutoutError::Runtime { .. }
            | CutoutError::RuntimeLeftOut => false,
        }
    }

    pub fn message(&self) -> String {
        match self {
            CutoutError::NoProduct => "No product stands out in this photo.",
            CutoutError::BoxOutside => {
                "The box around the product does not lie in the photo, or less than 16 pixels of it do, across or down."
            }
            CutoutError::PointOutside => "A point does not lie in the photo.",
            CutoutError::TooManyPoints => "There are more points than the 32 that are taken.",
            CutoutError::TooManyStrokes => "There are more strokes than can be taken at once.",
            CutoutError::SizeMismatch => "The transparency does not have the size of the picture.",
            CutoutError::Model(_) => "The cut-out model could not be run.",
            CutoutError::ForeignModel => "The cut-out model does not take a 320-pixel picture and give one matte.",
            // Where the library was looked for is the operator's to know; this may be read by anybody.
            CutoutError::Runtime { .. } => "ONNX Runtime could not be opened.",
            CutoutError::RuntimeLeftOut => "This program was built without ONNX Runtime.",
        }
        .to_owned()
    }

    /// What the seller (or, for the model, the operator) can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            CutoutError::NoProduct => {
                "Take the photo with the whole product in the middle, on a plain background of another color, in good light."
            }
            CutoutError::BoxOutside => "Draw the box around the whole product, inside the photo.",
            CutoutError::PointOutside => "Set the points on the product and beside it, inside the photo.",
            CutoutError::TooManyPoints => "One or two on the product, and one on each thing beside it, are enough.",
            CutoutError::TooManyStrokes => "Send the newest strokes alone, on the matte that the earlier ones gave.",
            CutoutError::SizeMismatch => "Send the picture again.",
            CutoutError::Model(_) | CutoutError::ForeignModel => {
                "Use the embedded model, or an ONNX file of the U2-Net family with a 320 x 320 input."
            }
            CutoutError::Runtime { .. } => {
                "Run `pip install onnxruntime` and name the file onnxruntime/capi/libonnxruntime.so.1.x.y that it installs, or take the setting out: the built-in runtime needs no library."
            }
            CutoutError::RuntimeLeftOut => {
                "Build with `--features onnxruntime`, or take the setting out: the built-in runtime needs no library."
            }
        }
    }
}
