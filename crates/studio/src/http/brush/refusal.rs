//! Why a cut-out isn't corrected, in words for whoever tried.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use plantain_media::cutout::{PAINTED_TIMES_ALL_MAX, STROKE_POINTS_MAX, STROKES_MAX};

use crate::correcting::CorrectionError;
use crate::error::StudioError;
use crate::http::error::ApiError;

/// The answer, with a revision where there is one to tell.
pub fn answer(told: ApiError, revision: Option<u64>) -> Response {
    let body = json!({"error": {"code": told.code, "message": told.message, "hint": told.hint}, "revision": revision});
    let mut answer = told.into_response();
    if revision.is_some() {
        *answer.body_mut() = Body::from(body.to_string());
    }
    answer
}

/// Why, in words; `None` where there is no such job.
pub fn of(error: CorrectionError) -> Option<ApiError> {
    let (status, code, message, hint) = match error {
        CorrectionError::NotFound => return None,
        CorrectionError::Studio(error) => return Some(ApiError::from(error)),
        CorrectionError::Busy => return Some(ApiError::busy()),
        CorrectionError::Internal => return Some(ApiError::from(StudioError::Internal)),
        CorrectionError::NotFinished => (
            StatusCode::CONFLICT,
            "not_finished",
            "The job has no pictures, so there is no cut-out to correct.".to_owned(),
            "Wait until it has succeeded.",
        ),
        CorrectionError::NoMatte => (
            StatusCode::CONFLICT,
            "no_matte",
            "This job's pictures were not made of a cut-out that is kept here: a model generated them, or the photo was given by address."
                .to_owned(),
            "Upload the photo and have the pictures made by the local engine; those can be corrected.",
        ),
        CorrectionError::Gone => (
            StatusCode::GONE,
            "photo_gone",
            "The photo or its cut-out is not kept any more.".to_owned(),
            "Start the job again with the photo.",
        ),
        CorrectionError::SceneElsewhere => (
            StatusCode::CONFLICT,
            "scene_gone",
            "A scene of this job can't be laid out again: its backdrop or its preset is not kept here.".to_owned(),
            "Start the job again with the backdrop uploaded beside the photo.",
        ),
        CorrectionError::Conflict(revision) => (
            StatusCode::CONFLICT,
            "strokes_changed",
            format!("The strokes have changed since; their revision is {revision} now."),
            "GET /api/jobs/{id}/strokes tells them. Yours may be among them; add only what is missing, with their revision.",
        ),
        CorrectionError::TooMany { given } => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "too_many_strokes",
            format!("{given} strokes are too many, or have too many points: a job has {STROKES_MAX} strokes with {STROKE_POINTS_MAX} points together."),
            "Use a broader brush, or send fewer points on the way.",
        ),
        CorrectionError::Refused(_) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "stroke_too_long",
            "A stroke is too broad for its length.".to_owned(),
            "Lift the brush now and then, or send fewer points on the way.",
        ),
        CorrectionError::TooBroad => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "strokes_too_broad",
            format!("The strokes go over the photo more often than {PAINTED_TIMES_ALL_MAX} times together."),
            "Use a narrower brush, send fewer points on the way, or leave out strokes that later ones cover.",
        ),
        CorrectionError::NothingLeft => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "nothing_left",
            "The strokes leave nothing of the product.".to_owned(),
            "Undo the last stroke, or draw over the product to keep it.",
        ),
        CorrectionError::TooSmall(enlargement) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "picture_too_small",
            format!(
                "What is left of the product is {} x {} px, and at least {} px are needed on its longer side.",
                enlargement.in_photo.0,
                enlargement.in_photo.1,
                enlargement.least()
            ),
            "Keep more of it, or send a larger photo.",
        ),
        CorrectionError::TooLarge { smallest, limit } => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "file_too_large",
            format!("A picture needs {smallest} bytes at the lowest quality that may be used, and its preset takes {limit}."),
            "Keep less of the photo, or start the job again with another preset.",
        ),
        CorrectionError::Stroke => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "stroke_outside_photo",
            "A stroke has no point, no breadth, or a point outside the photo.".to_owned(),
            "Count pixels from the upper left corner of the photo held upright; the radius is 1 or more.",
        ),
    };
    Some(ApiError::new(status, code, message, hint))
}
