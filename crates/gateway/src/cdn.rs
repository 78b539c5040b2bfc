//! `GET /files/b/{id}/{name}`: hands out a file. Whoever knows the unguessable id may read it, as on fal's CDN, unless the
//! file's list says otherwise.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use plantain_blobs::BlobKey;
use plantain_queue::model::FileRecord;
use plantain_wire::options::Access;
use plantain_work::clock;

use crate::Gateway;
use crate::cdn_token::Reader;
use crate::content_type::{self, Shown};
use crate::path::Path;
use crate::range::{self, Asked};
use crate::refusal::Refusal;

/// An address never gets other bytes, so they may be kept for a year, the longest that caches honour.
const YEAR: Duration = Duration::from_secs(31_536_000);

/// How long caches may keep a file: not beyond its end, and not at all where it is not for everybody.
fn caching(file: &FileRecord, now: Timestamp) -> String {
    if file.access.is_some() {
        return "private, no-store".into();
    }
    let left = file.expires_at.map_or(YEAR, |end| clock::until(now, end).min(YEAR));
    format!("public, max-age={}, immutable", left.as_secs())
}

pub(crate) async fn file(
    State(gateway): State<Gateway>,
    Path((id, name)): Path<(String, String)>,
    Reader(reader): Reader,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let now = gateway.clock.now();
    let alive = |file: &FileRecord| file.name == name && file.is_alive(now);
    let file = gateway.engine.file(&id).await?.filter(alive).ok_or(Refusal::UnknownFile)?;
    match file.decide(reader.as_ref()) {
        Access::Allow => {}
        Access::Forbid => return Err(Refusal::FileForbidden),
        Access::Hide => return Err(Refusal::UnknownFile),
    }
    let kept = caching(&file, now);
    let etag = format!("\"{}\"", file.blob);
    if lists(&headers, IF_NONE_MATCH, &etag) {
        return Ok(described(&file, &etag, &kept, StatusCode::NOT_MODIFIED.into_response()));
    }
    let fresh = !headers.contains_key(IF_RANGE) || lists(&headers, IF_RANGE, &etag);
    let wanted = headers.get(RANGE).filter(|_| fresh).and_then(|value| value.to_str().ok());
    let response = match range::read(wanted, file.size) {
        Asked::Whole => sent(&gateway, &file, 0..file.size, StatusCode::OK).await?,
        Asked::Part(part) => {
            let place = format!("bytes {}-{}/{}", part.start, part.end - 1, file.size);
            let response = sent(&gateway, &file, part, StatusCode::PARTIAL_CONTENT).await?;
            ([(CONTENT_RANGE, place)], response).into_response()
        }
        Asked::Nothing => {
            let place = format!("bytes */{}", file.size);
            (StatusCode::RANGE_NOT_SATISFIABLE, [(CONTENT_RANGE, place)]).into_response()
        }
    };
    Ok(described(&file, &etag, &kept, response))
}

async fn sent(
    gateway: &Gateway,
    file: &FileRecord,
    part: std::ops::Range<u64>,
    status: StatusCode,
) -> Result<Response, Refusal> {
    let key = BlobKey::parse(&file.blob).ok_or(Refusal::UnknownFile)?;
    let length = part.end - part.start;
    let Some(opened) = gateway.blobs.open_range(&key, part).await? else {
        tracing::error!(file = file.id, "cdn.bytes_are_gone");
        return Err(Refusal::UnknownFile);
    };
    Ok((status, [(CONTENT_LENGTH, length)], Body::from_stream(opened.stream)).into_response())
}

/// What every answer about a file says, and what keeps a browser from running it.
fn described(file: &FileRecord, etag: &str, kept: &str, mut response: Response) -> Response {
    let (content_type, shown) = content_type::served(&file.content_type);
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        // Names and types are plain ASCII; what were not could not be sent and is left out.
        HeaderValue::from_str(value).map(|value| headers.insert(name, value)).ok();
    };
    set(CONTENT_TYPE, content_type);
    set(ETAG, etag);
    set(ACCEPT_RANGES, "bytes");
    set(CACHE_CONTROL, kept);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
    if shown == Shown::AsDownload {
        set(CONTENT_DISPOSITION, &format!("attachment; filename=\"{}\"", file.name.replace(['"', '\\'], "_")));
    }
    response
}

fn lists(headers: &HeaderMap, name: HeaderName, etag: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == etag
    })
}
