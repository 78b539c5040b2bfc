//! Everything of the studio that speaks HTTP: the API, the pages, the receiver of webhooks.
//!
//! A handler extracts, makes one call of [`Studio`] and renders; [`router`] lists every route. Invariants: the page has no
//! private door, so whatever it shows or does is a route of the API; bad input is never a 5xx; nothing waits without a
//! bound; what came from outside is never HTML.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};

use plantain_work::rate::Rates;
use plantain_work::{Clock, Cpu, Shutdown};

use crate::hourly::Hourly;
use crate::http::cors::Cors;
use crate::http::error::ApiError;
use crate::http::guard::AdminToken;
use crate::http::households::Households;
use crate::http::letters::Writers;
use crate::http::limits::Limits;
use crate::http::upload::{Bounds, Room};
use crate::service::Studio;

mod accounts;
mod address;
mod again;
mod any;
mod assets;
mod batches;
mod brush;
pub mod cors;
mod error;
mod events;
mod extract;
mod generate;
pub mod guard;
mod headers;
mod health;
mod history;
mod hooks;
mod households;
mod inbox;
mod jobs;
mod keys;
mod language;
pub mod letters;
pub mod limits;
mod messages;
mod once;
mod openapi;
mod page;
mod pictures;
mod presets;
mod price;
mod reuse;
mod session;
mod share;
mod tiers;
mod told;
mod unsubscribing;
mod upload;
mod usage;
mod visitor;
mod waiting;
mod webhook;
mod whatsapp;
pub(crate) mod words;

pub use crate::http::openapi::printed as openapi_document;
pub use crate::http::upload::pace::Pace;

/// How the studio is offered.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Opens everything where the studio is not open.
    pub admin_token: AdminToken,
    /// Anybody may generate. Where false, generating, cancelling and listing need the token.
    pub open: bool,
    /// The listener is on loopback: only known names are answered, and whoever reaches it may list all jobs.
    pub loopback: bool,
    /// Ends event streams, which would otherwise outlive the server's last request.
    pub shutdown: Shutdown,
    pub clock: Clock,
    /// For previews of pictures.
    pub cpu: Cpu,
    /// What uploads have to keep to.
    pub pace: Pace,
    /// Whose pages may call the API.
    pub cors: Cors,
    /// How often strangers, sellers and keys may call.
    pub limits: Limits,
    /// Whose jobs may be told by letter.
    pub writers: Writers,
}

impl HttpConfig {
    /// Open, on loopback, on the system's clock.
    pub fn local(admin_token: AdminToken, shutdown: Shutdown, cpu: Cpu) -> HttpConfig {
        let (clock, pace) = (Clock::system(), Pace::default());
        let (cors, limits, writers) = (Cors::Nobody, Limits::default(), Writers::default());
        HttpConfig { admin_token, open: true, loopback: true, shutdown, clock, cpu, pace, cors, limits, writers }
    }
}

/// Event streams at once; each costs a few kilobytes and a look at the store a second.
const STREAMS_MAX: usize = 4_096;

/// Archives that are received at once.
const ARCHIVES_MAX: usize = 4;

/// How long a route that only looks something up may take.
const ANSWER_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(30);

/// What handlers work with. Cheap to clone.
#[derive(Clone)]
struct App(Arc<AppParts>);

struct AppParts {
    studio: Studio,
    config: HttpConfig,
    bounds: Bounds,
    streams: Arc<Semaphore>,
    /// Archives that are received at once: each may fill gigabytes of the disk until it is unpacked.
    archives: Arc<Semaphore>,
    previews: pictures::Previews,
    under_way: once::UnderWay,
    rates: Rates,
    /// Who asked for links from where.
    households: Households,
    /// Whom strangers have had told.
    named: Hourly,
}

impl std::ops::Deref for App {
    type Target = AppParts;

    fn deref(&self) -> &AppParts {
        &self.0
    }
}

impl App {
    fn new(studio: Studio, config: HttpConfig) -> App {
        let bounds = Bounds {
            photo_bytes_max: studio.config().photo_limits.max_bytes,
            pace: config.pace,
            clock: config.clock.clone(),
            room: Room::for_photos(studio.config().photo_limits.max_bytes),
        };
        let rates = Rates::new(config.clock.clone());
        let streams = Arc::new(Semaphore::new(STREAMS_MAX));
        let archives = Arc::new(Semaphore::new(ARCHIVES_MAX));
        App(Arc::new(AppParts {
            studio,
            config,
            bounds,
            streams,
            archives,
            previews: pictures::Previews::default(),
            under_way: once::UnderWay::default(),
            rates,
            households: Households::default(),
            named: Hourly::default(),
        }))
    }

    /// Refuses whoever may not generate, cancel or list here.
    fn admit(&self, headers: &http::HeaderMap) -> Result<(), ApiError> {
        if self.config.open || self.config.admin_token.admits(headers) || self.key(headers).is_some() {
            return Ok(());
        }
        Err(guard::token_needed())
    }
}

/// All of the studio's HTTP.
pub fn router(studio: Studio, config: HttpConfig) -> Router {
    let app = App::new(studio, config);
    // Bodies that arrive at their own pace and streams that last bound their time themselves.
    let slow = Router::new()
        .route("/sign-in", post(session::sign_in))
        .route("/sign-out", post(session::sign_out))
        .route("/api/sign-in-link", post(accounts::ask))
        .route("/api/account", get(accounts::show).post(accounts::change).delete(accounts::close))
        .route("/api/account/close", post(accounts::close_by_form))
        .route("/api/events", get(events::several::events))
        .route("/api/generate", post(generate::generate))
        .route("/api/jobs", post(any::ask))
        .route("/api/fal/webhook", post(webhook::receive))
        .route("/api/whatsapp/webhook", get(whatsapp::set_up).post(whatsapp::receive))
        .route("/api/accounts/tier", post(tiers::set))
        .route("/api/keys", get(keys::list).post(keys::create))
        .route("/api/hooks", get(hooks::list).post(hooks::create))
        .route("/keys", get(page::keys::show).post(page::keys::make))
        .layer(DefaultBodyLimit::disable());
    let quick = Router::new()
        .route("/", get(page::first))
        .route("/history", get(page::history::show))
        .route("/messages", get(page::messages::show))
        .route("/account", get(page::account::show))
        .route("/sign-in/{token}", get(accounts::look).post(accounts::follow))
        .route("/unsubscribe/{token}", get(unsubscribing::look).post(unsubscribing::stop))
        .route("/assets/{edition}/{name}", get(assets::serve))
        .route("/favicon.ico", get(assets::favicon))
        .route("/worker.js", get(assets::worker))
        .route("/api/jobs", get(jobs::list))
        .route("/api/inbox", get(inbox::list))
        .route("/api/usage", get(usage::show))
        .route("/api/usage.csv", get(usage::table))
        .route("/usage", get(page::usage::show))
        .route("/api/accounts", get(tiers::list))
        .route("/api/keys/{key}", delete(keys::revoke))
        .route("/api/hooks/{hook}", delete(hooks::remove))
        .route("/api/hooks/{hook}/test", post(hooks::test))
        .route("/api/messages", get(messages::list))
        .route("/api/messages/{message}", get(messages::show))
        .route("/api/messages/{message}/redeliver", post(messages::redeliver))
        .route("/keys/{key}/revoke", post(page::keys::revoke))
        .route("/share/{id}/{token}", get(share::follow))
        .route("/api/openapi.json", get(openapi::describe))
        .route("/docs", get(openapi::reader::read))
        .route("/api/price", get(price::show))
        .route("/api/presets", get(presets::list))
        .route("/api/presets/{id}", get(presets::show))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route_layer(from_fn_with_state(app.clone(), in_time));
    let router = quick
        .merge(slow)
        .merge(of_a_job(&app))
        .merge(batches::routes(&app))
        .fallback(|| async { ApiError::no_route() })
        .method_not_allowed_fallback(|| async { ApiError::wrong_method() })
        .layer(from_fn_with_state(app.clone(), guarded))
        .layer(from_fn(page::errors_as_pages))
        .layer(from_fn(told::tell))
        .layer(from_fn_with_state(app.clone(), language::settle))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(map_response(headers::secure))
        .layer(CompressionLayer::new().compress_when(worth_packing()));
    // Preflights are answered before anything else is asked of them.
    let router = match app.config.cors.layer() {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router.with_state(app)
}

/// Pages, scripts and JSON, which a phone's network carries in a quarter of their bytes; not pictures, archives and streams, nor
/// films and sounds, of which parts are asked for.
fn worth_packing() -> impl Predicate {
    let not = NotForContentType::const_new;
    let media = not("video/").and(not("audio/")).and(not("application/octet-stream"));
    DefaultPredicate::new().and(NotForContentType::new("application/zip")).and(media)
}

/// Everything about one job, behind its door.
fn of_a_job(app: &App) -> Router<App> {
    let slow = Router::new()
        .route("/api/jobs/{id}/events", get(events::events))
        .route("/api/jobs/{id}/again", post(again::again))
        .route("/api/jobs/{id}/presets", post(reuse::for_preset))
        .route("/api/jobs/{id}/use", post(history::choose))
        .route("/api/jobs/{id}/share", post(share::make))
        .route("/api/jobs/{id}/zip", get(history::zip))
        .layer(DefaultBodyLimit::disable());
    Router::new()
        .route("/jobs/{id}", get(page::job))
        .route("/api/jobs/{id}", get(jobs::show).delete(jobs::cancel))
        .route("/api/history/{id}", delete(history::forget).post(history::forget_by_form))
        .route("/api/jobs/{id}/images/{n}", get(pictures::image))
        .route("/api/jobs/{id}/raw/{n}", get(pictures::raw))
        .route("/api/jobs/{id}/media/{n}", get(pictures::media::medium))
        .route("/api/jobs/{id}/result", get(any::result))
        .route("/api/jobs/{id}/diff/{n}", get(pictures::diff))
        .route("/api/jobs/{id}/matte/{n}", get(pictures::matte))
        .route("/api/jobs/{id}/sheet", get(pictures::sheet::sheet))
        .route("/api/jobs/{id}/source", get(pictures::first_source))
        .route("/api/jobs/{id}/source/{n}", get(pictures::source))
        .merge(brush::routes())
        .route_layer(from_fn_with_state(app.clone(), in_time))
        .merge(slow)
        .route_layer(from_fn_with_state(app.clone(), visitor::door))
}

/// Answered whoever asks: probes, what pages are made of, links that prove themselves.
fn is_for_anybody(path: &str) -> bool {
    const PATHS: [&str; 4] = ["/healthz", "/readyz", "/favicon.ico", "/worker.js"];
    proves_itself(path) || PATHS.contains(&path) || ["/assets/", "/share/"].iter().any(|below| path.starts_with(below))
}

/// A webhook proves itself by its signature and a mailbox's wish by its address, whoever carries them.
fn proves_itself(path: &str) -> bool {
    webhook::PATHS.contains(&path) || path.starts_with(unsubscribing::PATH)
}

async fn guarded(State(app): State<App>, request: Request, next: Next) -> Response {
    let called = app.config.cors.admits(request.uri().path(), request.headers());
    let foreign = called && guard::is_foreign(request.headers(), &app.studio.config().public_url);
    let request = if foreign { cors::without_cookies(request) } else { request };
    if let Err(refusal) = check(&app, &request) {
        return refusal.into_response();
    }
    let request = match visitor::of_open_accounts(&app, request).await {
        Ok(request) => request,
        Err(refusal) => return refusal.into_response(),
    };
    match app.count(&request) {
        Ok(told) => told.on(next.run(request).await),
        Err(refusal) => *refusal,
    }
}

fn check(app: &App, request: &Request) -> Result<(), ApiError> {
    let (headers, public) = (request.headers(), &app.studio.config().public_url);
    if app.config.loopback {
        guard::check_host(&guard::host_of(headers, request.uri()), public)?;
    }
    let path = request.uri().path();
    if !is_for_anybody(path) && app.is_mistaken(headers) {
        return Err(guard::secret_unknown());
    }
    // A site that the operator named is not foreign.
    if proves_itself(path) || app.config.cors.admits(path, headers) {
        return Ok(());
    }
    guard::check_origin(request.method(), headers, public, &app.config.admin_token)
}

async fn in_time(State(app): State<App>, request: Request, next: Next) -> Response {
    let answer = app.config.clock.timeout(ANSWER_TIME_MAX, next.run(request)).await;
    answer.unwrap_or_else(|| ApiError::timed_out().into_response())
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("http.panicked: a bug; the request was answered with 500");
    ApiError::internal().into_response()
}
