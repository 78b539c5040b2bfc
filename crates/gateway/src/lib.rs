//! The fal-compatible HTTP surface of a queue: submit, status, status stream, result, cancel, uploads, files, keys.
//!
//! Handlers read a request, make values of it, call the engine once and render what it says. No SQL, no spawned task, no
//! decision about a request's fate is here. Invariants: a 2xx is answered after the engine's commit, never before; what
//! belongs to another account looks as if it did not exist; a model's output leaves byte for byte as it came; every error,
//! a panic included, has the body that fal's clients read.
//!
//! fal has four hosts. One listener serves all of them and tells them apart as [`face`] says; each face has its own table
//! of routes in [`router`].

pub mod face;
pub mod keys;

mod account;
mod address;
mod bases;
mod body;
mod cancel;
mod cdn;
mod cdn_token;
pub mod collecting;
mod console;
mod content_type;
mod cors;
mod enter;
mod file_name;
#[cfg(test)]
mod fuzzed;
mod health;
mod json;
mod jwks;
mod lookup;
pub mod memory;
mod metadata;
mod multipart;
mod openapi;
mod part_list;
mod path;
mod place;
mod proxy;
mod query_input;
mod range;
mod refusal;
mod reply;
mod result;
mod run;
mod secret;
mod status;
mod storage;
mod stream;
mod submit;
mod ticket;
mod tokens;
mod upload;
mod upload_id;
mod view;
mod webhook_url;

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use plantain_blobs::Blobs;
use plantain_queue::engine::Engine;
use plantain_work::{Clock, Shutdown};
use tower_http::catch_panic::CatchPanicLayer;
use url::Url;

pub use crate::enter::Encrypted;
pub use crate::proxy::Keyless;
pub use crate::secret::CdnSecret;

use crate::enter::Faces;
use crate::keys::Keys;
use crate::memory::Memory;
use crate::refusal::Refusal;

/// Everything that the handlers need. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    pub engine: Engine,
    /// Where uploads go and files come from.
    pub blobs: Blobs,
    pub keys: Keys,
    /// Signs the addresses that uploads go to.
    pub cdn_secret: CdnSecret,
    /// Base of the addresses that are handed out; `None`: they begin like the request's own address.
    pub public_url: Option<Url>,
    pub proxy: Proxy,
    /// Of calls that come by the route for `@fal-ai/client`'s `proxyUrl`.
    pub keyless: Keyless,
    pub clock: Clock,
    /// Status streams end when it begins, since a server can't stop while somebody listens.
    pub shutdown: Shutdown,
    pub limits: Limits,
    /// What all calls together may hold of bodies and results.
    pub memory: Memory,
}

/// Of payloads in memory, all calls together: some dozens of the largest inputs, and a small part of any machine.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Whether a proxy stands in front that sets `X-Forwarded-Proto` and `X-Forwarded-Host` and strips those of strangers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    #[default]
    None,
    Trusted,
}

/// What one request may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of a JSON body. fal takes pictures as addresses, so 10 MB are some `data:` URIs more than anybody should send.
    pub json_bytes: usize,
    /// Brackets within brackets. Every JSON reader behind this gate must bear it; serde_json's own limit is 127.
    pub json_depth: usize,
    /// Of an uploaded file.
    pub upload_bytes: u64,
    /// How long an upload address can be used.
    pub upload_valid: Duration,
    /// Of a file that is uploaded in parts, all together.
    pub multipart_bytes: u64,
    /// How long such an upload may take; then its parts go.
    pub multipart_valid: Duration,
    /// How long a token for the CDN can be used.
    pub cdn_token_valid: Duration,
    /// How long a body may stand still while it is read.
    pub body_idle: Duration,
    /// How long a JSON body may take in all. Less than `call`, so that a slow sender is told that it is the slow one.
    pub body: Duration,
    /// How long a call that moves no file may take in all.
    pub call: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            json_bytes: 10 * 1024 * 1024,
            json_depth: 100,
            upload_bytes: 100 * 1024 * 1024,
            upload_valid: Duration::from_secs(60 * 60),
            multipart_bytes: 5 * 1000 * 1000 * 1000,
            multipart_valid: Duration::from_secs(24 * 60 * 60),
            cdn_token_valid: Duration::from_secs(60 * 60),
            body_idle: Duration::from_secs(30),
            body: Duration::from_secs(50),
            call: Duration::from_secs(60),
        }
    }
}

/// All routes of all faces.
pub fn router(gateway: Gateway) -> Router {
    let faces = Faces {
        queue: finish(queue_routes(), &gateway),
        run: run_routes(&gateway),
        rest: finish(rest_routes(), &gateway),
        cdn: cdn_routes()
            .fallback(no_such_path)
            .method_not_allowed_fallback(no_such_method)
            .with_state(gateway.clone()),
        site: finish(site_routes(), &gateway),
        public_url: gateway.public_url.clone(),
        proxy: gateway.proxy,
        keyless: gateway.keyless,
    };
    let console = finish(console::routes(), &gateway);
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/console/", get(console::with_slash))
        .with_state(gateway)
        .nest("/console", console)
        .fallback_service(Router::new().fallback(enter::enter).with_state(faces))
        .layer(CatchPanicLayer::custom(refusal::after_panic))
        .layer(cors::layer())
}

/// For a process that only executes models: it takes nothing in, but says whether it lives and can work.
pub fn health_router(gateway: Gateway) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .with_state(gateway)
        .layer(CatchPanicLayer::custom(refusal::after_panic))
}

/// The paths are those that [`address`] makes out of the many forms in which clients write them.
fn queue_routes() -> Router<Gateway> {
    Router::new()
        .route("/submit", post(submit::submit).get(submit::by_query).head(no_such_method))
        .route("/status", get(status::status))
        .route("/stream", get(stream::stream))
        .route("/result", get(result::result))
        .route("/cancel", put(cancel::cancel))
}

/// No limit in time for the whole of a call here: models may take long, and their endpoints have limits of their own.
fn run_routes(gateway: &Gateway) -> Router {
    Router::new()
        .route("/run", post(run::run))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .with_state(gateway.clone())
}

fn rest_routes() -> Router<Gateway> {
    Router::new()
        .route("/storage/upload/initiate", post(storage::initiate))
        .route("/storage/upload/initiate-multipart", post(storage::initiate_multipart))
        .route("/storage/auth/token", post(cdn_token::mint))
        .route("/tokens", post(tokens::mint))
        .route("/.well-known/jwks.json", get(jwks::jwks))
}

/// What programs read of fal's site. Public, so no key is asked for.
fn site_routes() -> Router<Gateway> {
    Router::new()
        .route("/api/openapi/queue/openapi.json", get(openapi::of_endpoint))
        .route("/v1/models", get(metadata::models))
        .route("/v1/meta", get(metadata::meta))
        .route("/models/{*page}", get(metadata::about))
}

/// No limit in time for the whole of a call here: files may be large and lines slow. Standing still is limited instead.
fn cdn_routes() -> Router<Gateway> {
    Router::new()
        .route("/files/upload", post(upload::direct))
        .route("/files/upload/multipart", post(multipart::begin))
        .route("/files/b/{id}/{name}", get(cdn::file).put(upload::to_address))
        .route("/files/b/{id}/{name}/multipart/{upload}/complete", post(multipart::complete))
        .route("/files/b/{id}/{name}/multipart/{upload}/{number}", put(multipart::part))
}

fn finish(routes: Router<Gateway>, gateway: &Gateway) -> Router {
    routes
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(gateway.clone(), in_time))
        .with_state(gateway.clone())
}

async fn in_time(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let answer = gateway.clock.timeout(gateway.limits.call, next.run(request)).await;
    answer.unwrap_or_else(|| Refusal::TookTooLong.into_response())
}

async fn no_such_path(request: Request) -> Refusal {
    Refusal::UnknownPath { path: request.uri().path().to_owned() }
}

async fn no_such_method() -> Refusal {
    Refusal::Method
}
