//! `GET /api/jobs/{id}/sheet`: the photo and its pictures on one sheet; with `picture=N` before and after, side by side.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CACHE_CONTROL;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

use plantain_media::decode::{self, Limits};
use plantain_media::preset::Format;
use plantain_media::sheet::{self, Mark, Tile};
use plantain_media::thumbnail;

use super::preview::{Key, Preview};
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::{Params, Segments};
use crate::http::openapi::{answers, values};
use crate::http::words::Words;
use crate::job::JobId;
use crate::service::PictureFile;
use crate::view::{ImageView, JobView, Which};

/// The sheet is drawn from what its job has now, so a copy is asked about each time; where nothing changed it is not sent.
const ASKED_ABOUT: &str = "private, no-cache";

/// Raised when sheets are drawn in another way.
const EDITION: &str = "1";

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Manner {
    /// Given, with any value: to be saved rather than shown.
    download: Option<String>,
    /// Only this picture, beside the photo. Counted from 1.
    #[param(minimum = 1, example = 1)]
    picture: Option<usize>,
}

/// One place on a sheet before its pixels are known.
#[derive(Debug, PartialEq)]
struct Place {
    which: Which,
    title: String,
    mark: Mark,
    note: String,
}

#[utoipa::path(
    get,
    path = "/api/jobs/{id}/sheet",
    operation_id = "showSheet",
    tag = "Pictures",
    summary = "The photo and its pictures on one sheet",
    description = "Drawn from what the job has now; with `picture` before and after, side by side.",
    params(values::OfJobId, Manner, values::Known),
    responses(
        (status = 200, description = "A JPEG.", body = values::File, content_type = "image/jpeg", headers(("ETag" = String, description = "Names what the sheet shows."))),
        (status = 304, description = "The asker's copy, named by `If-None-Match`, is this sheet."),
        answers::Queried, answers::OfJob
    )
)]
pub async fn sheet(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Params(manner): Params<Manner>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = JobId::parse(&id).ok_or_else(ApiError::no_picture)?;
    let job = app.studio.job(&id).await?.ok_or_else(ApiError::no_picture)?;
    let places = places(&job, manner.picture).ok_or_else(ApiError::no_picture)?;
    let heading = heading(&job);
    let mut files = Vec::with_capacity(places.len());
    for place in places {
        // What has gone leaves its place free for the others.
        files.extend(app.studio.picture(&id, place.which).await?.map(|file| (place, file)));
    }
    let key = Key { digest: digest(&heading, &files), width: 0, webp: false };
    if let Some(known) = super::not_modified(&key.etag(), ASKED_ABOUT, &headers) {
        return Ok(known);
    }
    let bytes = match app.previews.get(&key) {
        Some(kept) => kept.bytes,
        None => draw(&app, &key, heading, files).await?,
    };
    let mut head = super::head("image/jpeg", &file_name(&job, manner.picture), &key.etag(), manner.download.is_some());
    head.iter_mut().filter(|(name, _)| name == CACHE_CONTROL).for_each(|(_, value)| *value = ASKED_ABOUT.to_owned());
    Ok((head, bytes).into_response())
}

async fn draw(app: &App, key: &Key, heading: String, files: Vec<(Place, PictureFile)>) -> Result<Bytes, ApiError> {
    let mut tiles = Vec::with_capacity(files.len());
    for (place, file) in files {
        let Some(bytes) = app.studio.bytes(&file).await? else { continue };
        let limits = app.studio.config().result_limits;
        // One after the other: memory for one decode at a time.
        tiles.extend(app.config.cpu.run(move || tile(&bytes, place, &limits)).await.ok().flatten());
    }
    let drawn = app.config.cpu.run(move || thumbnail::file(&sheet::draw(&heading, &tiles), false)).await;
    let bytes: Bytes = drawn.ok().flatten().ok_or_else(ApiError::internal)?.bytes.into();
    app.previews.keep(key, Preview { bytes: bytes.clone(), format: Format::Jpeg });
    Ok(bytes)
}

fn tile(bytes: &[u8], place: Place, limits: &Limits) -> Option<Tile> {
    let picture = decode::decode(bytes, limits).ok()?.picture;
    Some(Tile::new(&picture, place.title, place.mark, place.note))
}

/// `None` where there are no pictures, or not the one that was asked for.
fn places(job: &JobView, only: Option<usize>) -> Option<Vec<Place>> {
    let numbered = (1..).zip(&job.images).filter(|(n, _)| only.is_none_or(|only| only == *n));
    let which = |n| job.corrected.map_or(Which::Result(n), |revision| Which::Corrected(revision, n));
    let pictures: Vec<Place> = numbered.map(|(n, image)| place(which(n), image)).collect();
    let photo = Place {
        which: Which::Source(1),
        title: job.source_name.clone().unwrap_or_else(|| "photo".to_owned()),
        mark: Mark::None,
        note: Words::english().get("sheet.photo").to_owned(),
    };
    (!pictures.is_empty()).then(|| std::iter::once(photo).chain(pictures).collect())
}

fn place(which: Which, image: &ImageView) -> Place {
    let outcomes = image.report.results();
    let count = |outcome: &str| outcomes.iter().filter(|rule| rule["outcome"] == outcome).count();
    let (met, remarks, missed) = (count("pass"), count("warn"), count("fail"));
    let total = met + remarks + missed;
    let (mark, key) = match (image.passed, remarks) {
        (true, 0) => (Mark::Passed, "sheet.passes"),
        (true, _) => (Mark::Remarked, "sheet.remarked"),
        (false, _) => (Mark::Failed, "sheet.misses"),
    };
    let [met, remarks, missed, total] = [met, remarks, missed, total].map(|count| count.to_string());
    let counts = [("met", met), ("remarks", remarks), ("missed", missed), ("total", total)];
    let note = Words::english().fill(key, &counts.each_ref().map(|(name, count)| (*name, count.as_str())));
    let title = image.file_name.rsplit('/').next().unwrap_or_default().to_owned();
    Place { which, title, mark, note }
}

fn heading(job: &JobView) -> String {
    let day = job.finished_at.unwrap_or(job.created_at).strftime("%Y-%m-%d");
    format!("{} · {} · {day}", job.source_name.as_deref().unwrap_or("photo"), job.preset)
}

/// Names everything that the sheet shows.
fn digest(heading: &str, files: &[(Place, PictureFile)]) -> String {
    let mut digest = Sha256::new_with_prefix(EDITION);
    digest.update(heading);
    for (place, file) in files {
        for part in [file.etag(), &place.title, &place.note] {
            digest.update([0]);
            digest.update(part);
        }
    }
    format!("sheet-{}", hex::encode(&digest.finalize()[..16]))
}

fn file_name(job: &JobView, only: Option<usize>) -> String {
    let name = job.source_name.as_deref().unwrap_or("photo");
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    match only {
        Some(n) => format!("{stem}-before-after-{n}.jpg"),
        None => format!("{stem}-contact-sheet.jpg"),
    }
}
