//! Stylesheet, scripts and signs, embedded in the binary.
//!
//! They are served under `/assets/{edition}/{name}`, where the edition is a digest of them all: a file never changes under
//! its address, so it is cached for good, and modules import each other by plain relative names.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Redirect, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use sha2::{Digest, Sha256};

use crate::http::error::ApiError;
use crate::http::extract::Segments;
use crate::http::openapi::{bodies, values};
use crate::http::words::Words;

mod spoken;

use spoken::Spoken;

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const TABLE: &str = "text/csv; charset=utf-8";
const DRAWING: &str = "image/svg+xml";

/// What may be kept for good.
pub const FOREVER: &str = "public, max-age=31536000, immutable";

struct Asset {
    name: &'static str,
    content_type: &'static str,
    body: String,
    /// The only language that it is for.
    lang: Option<&'static str>,
}

impl Asset {
    fn speaks(&self, lang: &str) -> bool {
        self.lang.is_none_or(|only| only == lang)
    }
}

macro_rules! embedded {
    ($name:literal, $kind:expr) => {
        Asset {
            name: $name,
            content_type: $kind,
            body: include_str!(concat!("../../assets/", $name)).to_owned(),
            lang: None,
        }
    };
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let all = [
        embedded!("studio.css", STYLE),
        embedded!("scene.css", STYLE),
        embedded!("views.css", STYLE),
        embedded!("history.css", STYLE),
        embedded!("bulk.css", STYLE),
        embedded!("photos.csv", TABLE),
        embedded!("money.css", STYLE),
        embedded!("mark.svg", DRAWING),
        embedded!("app.js", SCRIPT),
        embedded!("easel.css", STYLE),
        embedded!("docs.css", STYLE),
        embedded!("along.js", SCRIPT),
        embedded!("anything.js", SCRIPT),
        embedded!("api.js", SCRIPT),
        embedded!("batch.js", SCRIPT),
        embedded!("batches.js", SCRIPT),
        embedded!("bulk.js", SCRIPT),
        embedded!("brush.js", SCRIPT),
        embedded!("folder.js", SCRIPT),
        embedded!("zip.js", SCRIPT),
        embedded!("card.js", SCRIPT),
        embedded!("choice.js", SCRIPT),
        embedded!("choose.js", SCRIPT),
        embedded!("chosen.js", SCRIPT),
        embedded!("compare.js", SCRIPT),
        embedded!("composer.js", SCRIPT),
        embedded!("dom.js", SCRIPT),
        embedded!("easel.js", SCRIPT),
        embedded!("elsewhere.js", SCRIPT),
        embedded!("history.js", SCRIPT),
        embedded!("keeping.js", SCRIPT),
        embedded!("lens.js", SCRIPT),
        embedded!("live.js", SCRIPT),
        embedded!("media.js", SCRIPT),
        embedded!("notify.js", SCRIPT),
        embedded!("preset.js", SCRIPT),
        embedded!("recent.js", SCRIPT),
        embedded!("result.js", SCRIPT),
        embedded!("scene.js", SCRIPT),
        embedded!("strokes.js", SCRIPT),
        embedded!("views.js", SCRIPT),
        embedded!("wishes.js", SCRIPT),
        embedded!("words.js", SCRIPT),
        embedded!("worker.js", SCRIPT),
    ];
    let spoken = Spoken::by(all.iter().filter(|asset| asset.content_type == SCRIPT).map(|asset| asset.body.as_str()));
    let text = |words: &'static Words| Asset {
        name: "text.js",
        content_type: SCRIPT,
        body: words.module(|key| spoken.has(key)),
        lang: Some(words.lang),
    };
    let texts: Vec<Asset> = Words::all().iter().map(text).collect();
    all.into_iter().chain(texts).collect()
});

/// Scripts of other pages, or that a page asks for when there is something to draw on, and not before.
const LATER: [&str; 20] = [
    "along.js",
    "anything.js",
    "batch.js",
    "batches.js",
    "brush.js",
    "bulk.js",
    "choose.js",
    "chosen.js",
    "compare.js",
    "easel.js",
    "elsewhere.js",
    "folder.js",
    "history.js",
    "keeping.js",
    "lens.js",
    "media.js",
    "strokes.js",
    "views.js",
    "worker.js",
    "zip.js",
];

static EDITION: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for asset in ASSETS.iter() {
        digest.update(asset.name.as_bytes());
        digest.update(asset.body.as_bytes());
    }
    hex::encode(&digest.finalize()[..8])
});

/// Where a page in a language finds an asset. All are under one folder a language, so that scripts import the words that are
/// spoken by a plain relative name.
pub fn address(name: &str, lang: &str) -> String {
    format!("/assets/{}-{lang}/{name}", *EDITION)
}

/// The addresses of the first page's scripts, so that it can ask for them at once instead of one import after the other.
pub fn modules(lang: &str) -> impl Iterator<Item = String> {
    let of_it = |asset: &&Asset| asset.content_type == SCRIPT && !LATER.contains(&asset.name);
    ASSETS.iter().filter(of_it).filter(move |asset| asset.speaks(lang)).map(move |asset| address(asset.name, lang))
}

/// `GET /assets/{edition}/{name}`. A page of an older binary finds nothing, rather than a script that doesn't fit it.
#[utoipa::path(
    get,
    path = "/assets/{edition}/{name}",
    operation_id = "openAsset",
    tag = "Pages",
    summary = "A file of the pages",
    description = "It never changes under its address.",
    security(()),
    params(values::OfAsset),
    responses(
        (status = 200, description = "The file.", content((String = "text/css"), (String = "text/javascript"), (String = "image/svg+xml"), (String = "text/csv"))),
        (status = 404, description = "`no_such_route`: this edition has no such file.", body = bodies::Refusal)
    )
)]
pub async fn serve(Segments((edition, name)): Segments<(String, String)>) -> Result<Response, ApiError> {
    let lang = edition.strip_prefix(EDITION.as_str()).and_then(|rest| rest.strip_prefix('-')).and_then(Words::of);
    let found = lang.and_then(|words| ASSETS.iter().find(|asset| asset.name == name && asset.speaks(words.lang)));
    let asset = found.ok_or_else(ApiError::no_route)?;
    Ok(([(CONTENT_TYPE, asset.content_type), (CACHE_CONTROL, FOREVER)], asset.body.as_str()).into_response())
}

/// For the worker, which loads nothing: of what pages may do it needs only to run, and a sandbox would take it its origin.
const WORKER_POLICY: &str = "default-src 'none'";

/// `GET /worker.js`. Browsers look for a newer one under the address that they know, so it has no edition.
#[utoipa::path(
    get,
    path = "/worker.js",
    operation_id = "openWorker",
    tag = "Pages",
    summary = "The pages' worker",
    description = "Shows that pictures are ready, for whoever asked to be told by the browser. It answers no request and has no page in its charge.",
    security(()),
    responses((status = 200, description = "The script.", body = String, content_type = "text/javascript"))
)]
pub async fn worker() -> Result<Response, ApiError> {
    let asset = ASSETS.iter().find(|asset| asset.name == "worker.js").ok_or_else(ApiError::no_route)?;
    let headers =
        [(CONTENT_TYPE, asset.content_type), (CACHE_CONTROL, "no-cache"), (CONTENT_SECURITY_POLICY, WORKER_POLICY)];
    Ok((headers, asset.body.as_str()).into_response())
}

/// Browsers ask for it by themselves where a page names no sign, as an answer in JSON doesn't.
#[utoipa::path(
    get,
    path = "/favicon.ico",
    operation_id = "openSign",
    tag = "Pages",
    summary = "The sign of the pages",
    security(()),
    responses((status = 307, description = "To the sign.", headers(("Location" = String, description = "Its address."))))
)]
pub async fn favicon() -> Redirect {
    Redirect::temporary(&address("mark.svg", Words::english().lang))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_import_is_embedded() {
        let names: Vec<&str> = ASSETS.iter().map(|asset| asset.name).collect();
        for asset in ASSETS.iter().filter(|asset| asset.content_type == SCRIPT) {
            let at_once = asset.body.split(" from './").skip(1);
            let once_needed =
                ["import('./", "later('", "surely('"].into_iter().flat_map(|call| asset.body.split(call).skip(1));
            for import in at_once.clone().chain(once_needed).filter_map(|rest| rest.split('\'').next()) {
                assert!(names.contains(&import), "{} imports {import}", asset.name);
            }
            let mut first = at_once.filter_map(|rest| rest.split('\'').next());
            let waits = LATER.contains(&asset.name);
            assert!(
                waits || first.all(|import| !LATER.contains(&import)),
                "{} needs at once what comes later",
                asset.name
            );
        }
    }

    #[test]
    fn no_asset_names_a_foreign_host() {
        for asset in ASSETS.iter() {
            let foreign = asset.body.replace("http://www.w3.org/2000/svg", "");
            assert!(!foreign.contains("http://") && !foreign.contains("https://"), "{}", asset.name);
        }
    }
}
