//! The console's page: one shell without any secret in it, and its scripts and styles, embedded in the binary.
//!
//! Assets are served under `assets/{edition}/{name}`, where the edition is a digest of them all: a file never changes under
//! its address, so it is cached for good. All addresses are relative, since a proxy may put a folder before the console.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Redirect, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use crate::path::Path;
use crate::refusal::Refusal;

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const DRAWING: &str = "image/svg+xml";

/// A year, the longest that caches honour.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Own files only, nothing inline, pictures of our own CDN, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const GUARDS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_FRAME_OPTIONS, "DENY"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

const SHELL: &str = include_str!("../../assets/console/index.html");

struct Asset {
    name: &'static str,
    content_type: &'static str,
    body: &'static str,
}

macro_rules! embedded {
    ($name:literal, $kind:expr) => {
        Asset { name: $name, content_type: $kind, body: include_str!(concat!("../../assets/console/", $name)) }
    };
}

const ASSETS: [Asset; 21] = [
    embedded!("console.css", STYLE),
    embedded!("mark.svg", DRAWING),
    embedded!("api.js", SCRIPT),
    embedded!("app.js", SCRIPT),
    embedded!("curl.js", SCRIPT),
    embedded!("deliveries.js", SCRIPT),
    embedded!("dom.js", SCRIPT),
    embedded!("filters.js", SCRIPT),
    embedded!("format.js", SCRIPT),
    embedded!("json.js", SCRIPT),
    embedded!("keys.js", SCRIPT),
    embedded!("links.js", SCRIPT),
    embedded!("list.js", SCRIPT),
    embedded!("live.js", SCRIPT),
    embedded!("login.js", SCRIPT),
    embedded!("mailbag.js", SCRIPT),
    embedded!("logs.js", SCRIPT),
    embedded!("payload.js", SCRIPT),
    embedded!("request.js", SCRIPT),
    embedded!("state.js", SCRIPT),
    embedded!("timeline.js", SCRIPT),
];

const WORDS: Asset = embedded!("words.js", SCRIPT);

fn assets() -> impl Iterator<Item = &'static Asset> {
    ASSETS.iter().chain([&WORDS])
}

static EDITION: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for asset in assets() {
        digest.update(asset.name.as_bytes());
        digest.update(asset.body.as_bytes());
    }
    hex::encode(&digest.finalize()[..8])
});

/// `GET /console`: the list.
pub(super) async fn list() -> Response {
    shell("console/")
}

/// `GET /console/deliveries`
pub(super) async fn deliveries() -> Response {
    shell("")
}

/// `GET /console/keys`
pub(super) async fn keys() -> Response {
    shell("")
}

/// `GET /console/requests/{id}`: the same shell for every id, known or not; the API says which exist.
pub(super) async fn request() -> Response {
    shell("../")
}

/// `GET /console/`
pub(crate) async fn with_slash() -> Redirect {
    Redirect::permanent("../console")
}

/// `console` leads from the page's own address to the console's folder.
fn shell(console: &str) -> Response {
    let html = SHELL.replace("{assets}", &format!("{console}assets/{}/", *EDITION));
    let kind = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
    guarded((kind, html).into_response())
}

/// `GET /console/assets/{edition}/{name}`. A page of an older binary finds nothing, rather than a script that doesn't fit it.
pub(super) async fn asset(Path((edition, name)): Path<(String, String)>) -> Result<Response, Refusal> {
    let found = assets().find(|asset| asset.name == name && edition == *EDITION);
    let asset = found.ok_or(Refusal::UnknownFile)?;
    let kind = [(CONTENT_TYPE, asset.content_type), (CACHE_CONTROL, IMMUTABLE)];
    Ok(guarded((kind, asset.body).into_response()))
}

fn guarded(mut response: Response) -> Response {
    for (name, value) in GUARDS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_import_is_embedded() {
        let names: Vec<&str> = assets().map(|asset| asset.name).collect();
        for asset in assets().filter(|asset| asset.content_type == SCRIPT) {
            for import in asset.body.split(" from './").skip(1).filter_map(|rest| rest.split('\'').next()) {
                assert!(names.contains(&import), "{} imports {import}", asset.name);
            }
        }
        for named in SHELL.split("{assets}").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(names.contains(&named), "the shell names {named}");
        }
    }

    #[test]
    fn the_page_is_small_and_names_no_foreign_host() {
        let bytes: usize = assets().map(|asset| asset.body.len()).sum();
        assert!(bytes < 120_000, "{bytes}");
        for asset in assets() {
            let body = asset.body.replace("http://www.w3.org/2000/svg", "");
            assert!(!body.contains("http://") && !body.contains("https://"), "{}", asset.name);
        }
    }

    #[test]
    fn text_from_outside_can_only_become_text() {
        let ways = [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "DOMParser",
            "srcdoc",
            "localStorage",
        ];
        for asset in assets() {
            let found: Vec<_> = ways.iter().filter(|way| asset.body.contains(**way)).collect();
            assert!(found.is_empty(), "{} uses {found:?}", asset.name);
        }
    }

    #[test]
    fn every_word_that_is_said_exists() {
        for asset in assets().filter(|asset| asset.content_type == SCRIPT && asset.name != "words.js") {
            for key in asset
                .body
                .split(" t('")
                .chain(asset.body.split("(t('"))
                .skip(1)
                .filter_map(|rest| rest.split('\'').next())
            {
                let is_key =
                    key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'.' || byte.is_ascii_uppercase());
                let known = WORDS.body.contains(&format!("'{key}': '"));
                assert!(!is_key || known || key.is_empty(), "{} says {key}", asset.name);
            }
        }
    }
}
