//! `GET /api/jobs/{id}/media/{n}`: a file that a model's answer named, in a way that runs nothing here.
//!
//! The type is told by the bytes alone, everything but pictures, films and sounds is only saved, and parts can be asked for, which
//! players do.

use std::ops::Range;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, RANGE,
};
use http::{HeaderMap, HeaderName, StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{KEPT, disposition, not_modified};
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::{Params, Segments};
use crate::http::openapi::{answers, bodies, values};
use crate::job::JobId;
use crate::job::medium::Kind;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Manner {
    /// Given, with any value: to be saved rather than shown.
    download: Option<String>,
}

#[utoipa::path(
    get,
    path = "/api/jobs/{id}/media/{n}",
    operation_id = "showMedium",
    tag = "Pictures",
    summary = "A file that the answer named",
    description = "A picture, film or sound is shown, anything else saved (`media` of a job). `Range` asks for a part.",
    params(values::OfNumber, Manner, values::Known),
    responses(
        (status = 200, description = "All of it. It never changes under this address.", content(
            (values::File = "image/jpeg"), (values::File = "image/png"), (values::File = "image/webp"), (values::File = "image/gif"),
            (values::File = "image/avif"), (values::File = "image/heic"), (values::File = "image/tiff"),
            (values::File = "video/mp4"), (values::File = "video/webm"), (values::File = "video/quicktime"), (values::File = "audio/mpeg"),
            (values::File = "audio/mp4"), (values::File = "audio/wav"), (values::File = "audio/ogg"), (values::File = "audio/flac"),
            (values::File = "application/octet-stream"))),
        (status = 206, description = "The part that `Range` named.", body = values::File, content_type = "video/mp4"),
        (status = 304, description = "The asker's copy, named by `If-None-Match`, is this file."),
        (status = 416, description = "`no_such_part`: it is shorter than that.", body = bodies::Refusal),
        answers::Queried, answers::OfJob
    )
)]
pub async fn medium(
    State(app): State<App>,
    Segments((id, n)): Segments<(String, String)>,
    Params(manner): Params<Manner>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (Some(id), Ok(n)) = (JobId::parse(&id), n.parse::<usize>()) else { return Err(ApiError::no_picture()) };
    let medium = app.studio.medium(&id, n).await?.ok_or_else(ApiError::no_picture)?;
    if let Some(known) = not_modified(&medium.blob, KEPT, &headers) {
        return Ok(known);
    }
    let part = match headers.get(RANGE).and_then(|range| range.to_str().ok()).and_then(|text| part(text, medium.bytes))
    {
        Some(Err(())) => return Err(too_far(medium.bytes)),
        Some(Ok(part)) => Some(part),
        None => None,
    };
    let range = part.clone().unwrap_or(0..medium.bytes);
    let length = range.end - range.start;
    let opened = app.studio.open_part(&medium, range.clone()).await?.ok_or_else(ApiError::no_picture)?;
    let save = manner.download.is_some() || medium.kind == Kind::File;
    let head: [(HeaderName, String); 6] = [
        (CONTENT_TYPE, medium.content_type.clone()),
        (CONTENT_DISPOSITION, disposition(&medium.file_name, save)),
        (ETAG, format!("\"{}\"", medium.blob)),
        (CACHE_CONTROL, KEPT.to_owned()),
        (ACCEPT_RANGES, "bytes".to_owned()),
        (CONTENT_LENGTH, length.to_string()),
    ];
    let body = Body::from_stream(opened.stream);
    Ok(match part {
        None => (head, body).into_response(),
        Some(part) => {
            let told = format!("bytes {}-{}/{}", part.start, part.end - 1, medium.bytes);
            (StatusCode::PARTIAL_CONTENT, head, [(CONTENT_RANGE, told)], body).into_response()
        }
    })
}

/// One part, as `bytes=0-99`, `bytes=100-` or `bytes=-50` name it. `None`: all of it, which is also the answer to several parts.
fn part(text: &str, size: u64) -> Option<Result<Range<u64>, ()>> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    if first.is_empty() {
        let count = last.parse::<u64>().ok()?.min(size);
        return Some(if count == 0 { Err(()) } else { Ok(size - count..size) });
    }
    let first: u64 = first.parse().ok()?;
    let last =
        if last.is_empty() { size.saturating_sub(1) } else { last.parse::<u64>().ok()?.min(size.saturating_sub(1)) };
    Some(if first > last || first >= size { Err(()) } else { Ok(first..last + 1) })
}

fn too_far(size: u64) -> ApiError {
    ApiError::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "no_such_part",
        format!("The file has {size} bytes."),
        "Ask for a part that begins before its end, or for all of it.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_named_by_its_ends() {
        for (text, size, range) in [
            ("bytes=0-99", 1000, Some(Ok(0..100))),
            ("bytes=900-", 1000, Some(Ok(900..1000))),
            ("bytes=-50", 1000, Some(Ok(950..1000))),
            ("bytes=-5000", 1000, Some(Ok(0..1000))),
            ("bytes=500-99999", 1000, Some(Ok(500..1000))),
            ("bytes=1000-", 1000, Some(Err(()))),
            ("bytes=5-1", 1000, Some(Err(()))),
            ("bytes=-0", 1000, Some(Err(()))),
            ("bytes=0-", 0, Some(Err(()))),
            ("bytes=0-1,5-9", 1000, None),
            ("lines=0-1", 1000, None),
            ("bytes=x-", 1000, None),
        ] {
            assert_eq!(part(text, size), range, "{text} of {size}");
        }
    }
}
