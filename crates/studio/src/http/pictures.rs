//! The pictures of a job: finished ones, the model's own, and the photo. They never change under their address.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::{Params, Segments};
use crate::http::openapi::{answers, values};
use crate::job::JobId;
use crate::service::PictureFile;
use crate::view::Which;

pub mod media;
pub mod preview;
pub mod sheet;

pub use preview::Previews;
use preview::{Key, Preview};

/// Kept by browsers for good, but not by caches that others share: the address is all that guards the picture.
const KEPT: &str = "private, max-age=31536000, immutable";

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Manner {
    /// Given, with any value: to be saved under its marketplace name rather than shown. The original, at any width.
    download: Option<String>,
    /// Width of a smaller copy in pixels: 160, 320, 640, 960 or 1280. WebP where it is smaller and `Accept` names it.
    #[param(example = 320)]
    w: Option<u32>,
}

#[utoipa::path(
    get,
    path = "/api/jobs/{id}/images/{n}",
    operation_id = "showPicture",
    tag = "Pictures",
    summary = "A finished picture",
    description = "As the marketplace wants it. An image of a job names this address as `url`.",
    params(values::OfNumber, Manner, values::Linked, values::Known),
    responses(answers::OfPicture, answers::OfJob)
)]
pub async fn image(
    State(app): State<App>,
    path: Segments<(String, String)>,
    manner: Params<Manner>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    serve(&app, path, Which::Result, manner, &headers).await
}

#[utoipa::path(
    get,
    path = "/api/jobs/{id}/raw/{n}",
    operation_id = "showRaw",
    tag = "Pictures",
    summary = "The model's own picture",
    description = "As the model made it, before it was finished.",
    params(values::OfNumber, Manner, values::Known),
    responses(answers::OfPicture, answers::OfJob)
)]
pub async fn raw(
    State(app): State<App>,
    path: Segments<(String, String)>,
    manner: Params<Manner>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    serve(&app, path, Which::Raw, manner, &headers).await
}

#[utoipa::path(
    get,
    path = "/api/jobs/{id}/diff/{n}",
    operation_id = "showDifferences",
    tag = "Pictures",
    summary = "Where the product strays from the photo",
    description = "The model's product with every place marked, where that was measured (`diffUrl`).",
    params(values::OfNumber, Manner, values::Known),
    responses(answers::OfPicture, answers::OfJob)
)]
pub async fn diff(
    State(app): State<App>,
    path: Segments<(String, String)>,
    manner: Params<Manner>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    serve(&app, path, Which::Diff, manner, &headers).await
}

#[utoipa::path(
    get,
    path = "/api/jobs/{id}/matte/{n}",
    operation_id = "showPictureMatte",
    tag = "Pictures",
    summary = "Which pixels of a picture are product",
    description = "A grey picture, white where the product is (`matteUrl` of an image).",
    params(values::OfNumber, Manner, values::Known),
    responses(answers::OfPicture, answers::OfJob)
)]
pub async fn matte(
    State(app): State<App>,
    path: Segments<(String, String)>,
    manner: Params<Manner>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    serve(&app, path, Which::Matte, manner, &headers).await
}

#[utoipa::path(
    get,
    path = "/api/jobs/{id}/source/{n}",
    operation_id = "showSource",
    tag = "Pictures",
    summary = "A photo that was uploaded",
    description = "As it was kept. The first one is the product, a second one the backdrop.",
    params(values::OfNumber, Manner, values::Known),
    responses(answers::OfPicture, answers::OfJob)
)]
pub async fn source(
    State(app): State<App>,
    path: Segments<(String, String)>,
    manner: Params<Manner>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    serve(&app, path, Which::Source, manner, &headers).await
}

#[utoipa::path(
    get,
    path = "/api/jobs/{id}/source",
    operation_id = "showFirstSource",
    tag = "Pictures",
    summary = "The photo of the product",
    description = "The first photo that was uploaded.",
    params(values::OfJobId, Manner, values::Known),
    responses(answers::OfPicture, answers::OfJob)
)]
pub async fn first_source(
    State(app): State<App>,
    Segments(id): Segments<String>,
    manner: Params<Manner>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    serve(&app, Segments((id, "1".to_owned())), Which::Source, manner, &headers).await
}

/// A finished picture of a corrected cut-out; where it was corrected again since, there is none any more.
#[utoipa::path(
    get,
    path = "/api/jobs/{id}/corrected/{revision}/{n}",
    operation_id = "showCorrected",
    tag = "Pictures",
    summary = "A finished picture of a corrected cut-out",
    params(values::OfRevision, Manner, values::Linked, values::Known),
    responses(answers::OfPicture, answers::OfJob)
)]
pub async fn corrected(
    State(app): State<App>,
    Segments((id, revision, n)): Segments<(String, String, String)>,
    manner: Params<Manner>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let revision = revision.parse().map_err(|_| ApiError::no_picture())?;
    serve(&app, Segments((id, n)), |n| Which::Corrected(revision, n), manner, &headers).await
}

/// The cut-out of such a picture.
#[utoipa::path(
    get,
    path = "/api/jobs/{id}/corrected/{revision}/{n}/matte",
    operation_id = "showCorrectedMatte",
    tag = "Pictures",
    summary = "Which pixels of a corrected picture are product",
    params(values::OfRevision, Manner, values::Known),
    responses(answers::OfPicture, answers::OfJob)
)]
pub async fn corrected_matte(
    State(app): State<App>,
    Segments((id, revision, n)): Segments<(String, String, String)>,
    manner: Params<Manner>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let revision = revision.parse().map_err(|_| ApiError::no_picture())?;
    serve(&app, Segments((id, n)), |n| Which::CorrectedMatte(revision, n), manner, &headers).await
}

async fn serve(
    app: &App,
    Segments((id, n)): Segments<(String, String)>,
    which: impl Fn(usize) -> Which,
    Params(manner): Params<Manner>,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let (Some(id), Ok(n)) = (JobId::parse(&id), n.parse()) else { return Err(ApiError::no_picture()) };
    let picture = app.studio.picture(&id, which(n)).await?.ok_or_else(ApiError::no_picture)?;
    let download = manner.download.is_some();
    // Whether a picture is wider is mostly known; otherwise its pixels tell.
    let is_smaller = |width: &u32| picture.width.is_none_or(|own| *width < own);
    if let Some(width) = manner.w.map(preview::width).transpose()?.filter(|_| !download).filter(is_smaller)
        && let Some(small) = smaller(app, &picture, width, headers).await?
    {
        return Ok(small);
    }
    if let Some(known) = not_modified(picture.etag(), KEPT, headers) {
        return Ok(known);
    }
    let opened = app.studio.open(&picture).await?.ok_or_else(ApiError::no_picture)?;
    let length = [(CONTENT_LENGTH, opened.size)];
    let head = head(&picture.content_type, &picture.file_name, picture.etag(), download);
    Ok((head, length, Body::from_stream(opened.stream)).into_response())
}

/// The answer with the preview; `None` where none can be made and the picture itself serves.
async fn smaller(
    app: &App,
    picture: &PictureFile,
    width: u32,
    headers: &HeaderMap,
) -> Result<Option<Response>, ApiError> {
    let key = Key { digest: picture.etag().to_owned(), width, webp: preview::takes_webp(headers) };
    if let Some(known) = not_modified(&key.etag(), KEPT, headers) {
        return Ok(Some(known));
    }
    let made = match app.previews.get(&key) {
        Some(kept) => Some(kept),
        None => make(app, picture, &key).await?,
    };
    Ok(made.map(|made| {
        let stem = picture.file_name.rsplit_once('.').map_or(picture.file_name.as_str(), |(stem, _)| stem);
        let name = format!("{stem}-{width}.{}", made.format.extension());
        (head(made.format.content_type(), &name, &key.etag(), false), made.bytes).into_response()
    }))
}

async fn make(app: &App, picture: &PictureFile, key: &Key) -> Result<Option<Preview>, ApiError> {
    let full = app.studio.bytes(picture).await?.ok_or_else(ApiError::no_picture)?;
    let (limits, width, webp) = (app.studio.config().result_limits, key.width, key.webp);
    let made = app.config.cpu.run(move || preview::make(&full, width, webp, &limits)).await.ok().flatten();
    Ok(made.inspect(|made| app.previews.keep(key, made.clone())))
}

/// Where the asker has this very picture already.
fn not_modified(etag: &str, kept: &str, asked: &HeaderMap) -> Option<Response> {
    let etag = format!("\"{etag}\"");
    let known = asked.get(IF_NONE_MATCH).is_some_and(|known| names(known.as_bytes(), &etag));
    let head = || [(ETAG, etag), (CACHE_CONTROL, kept.to_owned()), (VARY, "accept".to_owned())];
    known.then(|| (StatusCode::NOT_MODIFIED, head()).into_response())
}

fn head(content_type: &str, file_name: &str, etag: &str, download: bool) -> [(HeaderName, String); 5] {
    let (content_type, safe) = safe_type(content_type);
    [
        (CONTENT_TYPE, content_type.to_owned()),
        (CONTENT_DISPOSITION, disposition(file_name, download || !safe)),
        (ETAG, format!("\"{etag}\"")),
        (CACHE_CONTROL, KEPT.to_owned()),
        (VARY, "accept".to_owned()),
    ]
}

fn names(list: &[u8], etag: &str) -> bool {
    let list = String::from_utf8_lossy(list);
    list.trim() == "*" || list.split(',').any(|one| one.trim().trim_start_matches("W/") == etag)
}

/// What a browser may show. Anything else is only saved.
fn safe_type(content_type: &str) -> (&'static str, bool) {
    match content_type {
        "image/jpeg" => ("image/jpeg", true),
        "image/png" => ("image/png", true),
        "image/webp" => ("image/webp", true),
        _ => ("application/octet-stream", false),
    }
}

/// A ZIP that is made while it is sent.
pub fn archive<S>(file_name: &str, stream: S) -> Response
where
    S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
{
    let head = [(CONTENT_TYPE, "application/zip".to_owned()), (CONTENT_DISPOSITION, disposition(file_name, true))];
    (head, Body::from_stream(stream)).into_response()
}

/// How a file is offered that browsers save under this name.
pub fn attachment(file_name: &str) -> String {
    disposition(file_name, true)
}

/// RFC 6266: a plain name for everybody, and the real one, percent-encoded, for those who know how.
fn disposition(name: &str, download: bool) -> String {
    let kind = if download { "attachment" } else { "inline" };
    let tame = |c: char| if c.is_ascii_alphanumeric() || ".-_ ()".contains(c) { c } else { '_' };
    let plain: String = name.chars().map(tame).collect();
    if plain == name {
        return format!("{kind}; filename=\"{plain}\"");
    }
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", percent_encoded(name))
}

fn percent_encoded(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_can_not_break_out_of_its_header() {
        for (name, header) in [
            ("B0TEST.MAIN.jpg", "attachment; filename=\"B0TEST.MAIN.jpg\""),
            ("a b.jpg", "attachment; filename=\"a b.jpg\""),
            (
                "a\"; x=\"\r\nSet-Cookie: y.jpg",
                "attachment; filename=\"a__ x____Set-Cookie_ y.jpg\"; filename*=UTF-8''a%22%3B%20x%3D%22%0D%0ASet-Cookie%3A%20y.jpg",
            ),
            ("कप.jpg", "attachment; filename=\"__.jpg\"; filename*=UTF-8''%E0%A4%95%E0%A4%AA.jpg"),
        ] {
            assert_eq!(disposition(name, true), header, "{name}");
        }
        assert!(disposition("a.jpg", false).starts_with("inline"));
    }

    #[test]
    fn only_pictures_that_run_nothing_are_shown() {
        for (kind, shown) in
            [("image/png", true), ("image/svg+xml", false), ("text/html", false), ("image/jpeg; x", false)]
        {
            assert_eq!(safe_type(kind).1, shown, "{kind}");
        }
    }

    #[test]
    fn a_cached_copy_is_recognised() {
        for (list, known) in
            [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false), ("a", false)]
        {
            assert_eq!(names(list.as_bytes(), "\"a\""), known, "{list}");
        }
    }
}
