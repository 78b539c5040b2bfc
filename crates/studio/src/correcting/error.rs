//! Why a cut-out can't be corrected, in words for whoever tried.

use plantain_blobs::BlobError;
use plantain_inbox::store::StoreError;
use plantain_media::check::enlargement::Enlargement;
use plantain_media::cutout::CutoutError;

use crate::error::StudioError;

/// Variants answer what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum CorrectionError {
    #[error("there is no such job")]
    NotFound,
    #[error("the job has no pictures")]
    NotFinished,
    /// Its model told no cut-out: one that generates, or one of an older version.
    #[error("the job's pictures have no cut-out")]
    NoMatte,
    /// The photo or its matte is not kept any more, or can't be read.
    #[error("the photo or its matte is gone")]
    Gone,
    /// A scene that can't be laid out again, because what lies behind the product is not kept here.
    #[error("a scene can't be laid out again")]
    SceneElsewhere,
    /// The strokes have changed since the caller looked; this is their revision now.
    #[error("the strokes have changed")]
    Conflict(u64),
    #[error("{given} strokes or their points are too many")]
    TooMany { given: usize },
    /// They go over the photo too often, so that heeding them would take long.
    #[error("the strokes are too broad together")]
    TooBroad,
    #[error("a stroke can't be used")]
    Stroke,
    #[error(transparent)]
    Refused(CutoutError),
    #[error("nothing is left of the product")]
    NothingLeft,
    #[error("what is left of the product is too small")]
    TooSmall(Enlargement),
    /// At no quality that may be used does the file fit: bytes that it needs, bytes that are allowed.
    #[error("a picture needs {smallest} bytes of {limit}")]
    TooLarge { smallest: u64, limit: u64 },
    #[error("too many strokes wait")]
    Busy,
    #[error("a correction failed inside")]
    Internal,
    #[error(transparent)]
    Studio(#[from] StudioError),
}

impl From<StoreError> for CorrectionError {
    fn from(error: StoreError) -> CorrectionError {
        CorrectionError::Studio(error.into())
    }
}

impl From<BlobError> for CorrectionError {
    fn from(error: BlobError) -> CorrectionError {
        CorrectionError::Studio(error.into())
    }
}
