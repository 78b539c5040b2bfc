//! The pages: what the API says, as HTML that means something before any script runs.

use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use http::header::{ACCEPT, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};

use plantain_wire::models::nano_banana::NUM_IMAGES_MAX;

use crate::config::Maker;
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::Segments;
use crate::http::language;
use crate::http::openapi::{answers, values};
use crate::http::visitor::Guest;
use crate::http::words::Words;
use crate::job::JobId;
use crate::job::key::Tier;
use crate::money;

pub mod account;
pub mod bulk;
mod card;
mod frame;
pub mod history;
pub mod keys;
pub mod messages;
mod result;
mod rule;
mod starter;
pub mod usage;

use card::JobCard;
pub use frame::Frame;
use result::{ResultCard, RuleRow};
use rule::{Group, PresetOption, RuleLine};
use starter::Starter;

#[derive(Template)]
#[template(path = "studio.html")]
struct StudioPage {
    frame: Frame,
    /// The job of a job's own page; none on the first page.
    cards: Vec<JobCard>,
    /// Whether others were told of the job.
    told: Option<String>,
    /// The page has news to come, and a browser without scripts has to ask for them.
    refresh: bool,
    groups: Vec<Group>,
    starters: Vec<Chip>,
    rule: RuleLine,
    /// What may be wished for, as an example.
    example: String,
    /// Pictures that a photo becomes, and that in words.
    pictures: u8,
    /// How many there may be instead.
    counts: Vec<u8>,
    /// US cents for a picture, and for a photo's pictures in words.
    cents: f64,
    price: String,
    /// The same of words alone, where that costs something else.
    of_words: Option<OfWords>,
    usual_hint: String,
    photo_bytes_max: usize,
    /// What may be sent, in words.
    limits: String,
    photos_max: usize,
    /// What makes the pictures lays products on scenes.
    takes_scenes: bool,
    /// A number may be given for a message by WhatsApp.
    tells_whatsapp: bool,
    /// What makes the pictures can do so of words alone.
    words_will_do: bool,
    /// Whoever looks may ask any endpoint.
    asks: bool,
    /// Whoever looks may wish for a letter.
    letters: bool,
    blank_card: JobCard,
    blank_result: ResultCard,
    blank_rule: RuleRow,
}

impl StudioPage {
    fn presets(&self) -> impl Iterator<Item = &PresetOption> {
        self.groups.iter().flat_map(|group| &group.presets)
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    frame: Frame,
    title: String,
    text: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    wrong: bool,
    /// The page to go on to.
    to: &'static str,
}

/// Words to begin with, as a chip.
struct Chip {
    starter: &'static Starter,
    label: &'static str,
    /// For the preset that is chosen before anybody chooses.
    is_usual: bool,
}

/// What pictures cost that are made without a photo.
struct OfWords {
    /// US cents for a picture.
    cents: f64,
    price: String,
}

/// Photos that are taken from one drop: each becomes a job of its own.
const PHOTOS_A_DROP_MAX: usize = 24;

/// What a catalog page shows of one product.
const PICTURES_A_PHOTO: u8 = 3;

/// `GET /`.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "openStudio",
    tag = "Pages",
    summary = "The studio's first page",
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html", headers(("Set-Cookie" = String, description = "Makes a seller of a browser on a studio that others reach."))),
        (status = 401, description = "The sign-in form, where the studio is not open.", body = String, content_type = "text/html")
    )
)]
pub async fn first(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    if app.admit(&headers).is_err() {
        return sign_in(&app, &headers, false);
    }
    let page = shown(StatusCode::OK, &studio_page(&app, &headers, Vec::new()).await?)?;
    Ok(app.remembering(&headers, page))
}

/// `GET /jobs/{id}`: open to whoever knows the id, like the job itself.
#[utoipa::path(
    get,
    path = "/jobs/{id}",
    operation_id = "openJob",
    tag = "Pages",
    summary = "A job's own page",
    params(values::OfJobId),
    responses((status = 200, description = "The page.", body = String, content_type = "text/html"), answers::OfJob)
)]
pub async fn job(
    State(app): State<App>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
    guest: Option<Extension<Guest>>,
) -> Result<Response, ApiError> {
    let job = match JobId::parse(&id) {
        Some(id) => app.studio.job(&id).await?,
        None => None,
    };
    let Some(job) = job else { return no_job(&app, &headers) };
    let preset = app.studio.presets().get(&job.preset).ok();
    let card = JobCard::new(&job, preset, Frame::new(&app, &headers).words);
    let mut page = studio_page(&app, &headers, vec![card]).await?;
    page.frame.guest = guest.is_some();
    if guest.is_none() {
        page.told = messages::of_job(&app, &job.job_id, &app.visitor(&headers), page.frame.words).await?;
    }
    shown(StatusCode::OK, &page)
}

/// There is no such job, or it is somebody else's.
pub fn no_job(app: &App, headers: &HeaderMap) -> Result<Response, ApiError> {
    let frame = Frame::new(app, headers);
    message(frame, StatusCode::NOT_FOUND, "missing", &[])
}

/// A shared link has ended, or is none.
pub fn no_link(app: &App, headers: &HeaderMap) -> Result<Response, ApiError> {
    message(Frame::new(app, headers), StatusCode::NOT_FOUND, "missing.link", &[])
}

pub fn sign_in(app: &App, headers: &HeaderMap, wrong: bool) -> Result<Response, ApiError> {
    let here = if wrong { "/" } else { "" };
    let frame = Frame { here, ..Frame::new(app, headers) };
    shown(StatusCode::UNAUTHORIZED, &SignInPage { frame, wrong, to: "/" })
}

/// The same before a page that only the operator sees.
pub fn sign_in_for(app: &App, headers: &HeaderMap, to: &'static str) -> Result<Response, ApiError> {
    shown(StatusCode::UNAUTHORIZED, &SignInPage { frame: Frame::new(app, headers), wrong: false, to })
}

async fn studio_page(app: &App, headers: &HeaderMap, cards: Vec<JobCard>) -> Result<StudioPage, ApiError> {
    let frame = Frame::new(app, headers);
    let most = app.tier(headers).await?.pictures_max().unwrap_or(NUM_IMAGES_MAX);
    let pictures = PICTURES_A_PHOTO.min(most);
    let (maker, of_words) = (app.studio.config().usual_maker(), of_words(app, pictures, frame.words));
    let groups = rule::groups(app.studio.presets(), &maker, frame.words);
    let usual = rule::usual(&groups);
    Ok(StudioPage {
        rule: usual.map(|option| option.rule.clone()).unwrap_or_default(),
        example: usual.map(|option| option.example.clone()).unwrap_or_default(),
        starters: starter::all(&maker).iter().map(|starter| Chip::new(starter, usual, frame.words)).collect(),
        told: None,
        refresh: cards.iter().any(|card| card.is_open),
        pictures,
        counts: (1..=most).collect(),
        cents: maker.cents_per_image,
        price: price(&maker, pictures, "make.price", frame.words),
        of_words,
        usual_hint: frame.words.many("make.hint", usize::from(pictures), &[]),
        photo_bytes_max: app.bounds.photo_bytes_max,
        limits: frame.words.fill("make.drop.limits", &[("mb", &(app.bounds.photo_bytes_max >> 20).to_string())]),
        photos_max: PHOTOS_A_DROP_MAX,
        words_will_do: app.studio.config().words_endpoint().is_some(),
        asks: app.key_tier(headers) == Tier::Paid,
        letters: app.offers_letters(headers),
        tells_whatsapp: app.studio.config().whatsapp.is_some(),
        takes_scenes: maker.is_local(),
        blank_card: JobCard::default(),
        blank_result: ResultCard::waiting(0, (1000, 1000), frame.words),
        blank_rule: RuleRow::default(),
        groups,
        frame,
        cards,
    })
}

impl Chip {
    fn new(starter: &'static Starter, usual: Option<&PresetOption>, words: &'static Words) -> Chip {
        let is_usual = usual.is_some_and(|option| option.starters.split(' ').any(|name| name == starter.name));
        Chip { starter, label: words.named("make.starter", starter.name, starter.words), is_usual }
    }
}

/// What pictures cost, said before anybody asks for them.
fn price(maker: &Maker, pictures: u8, sentence: &str, words: &Words) -> String {
    match maker.micro_usd_per_image() * u64::from(pictures) {
        0 => words.get("make.price.free").to_owned(),
        micro_usd => words.fill(sentence, &[("price", &money::at_most(micro_usd))]),
    }
}

/// `None` where words alone cost what a photo costs, or make nothing.
fn of_words(app: &App, pictures: u8, words: &Words) -> Option<OfWords> {
    let config = app.studio.config();
    let maker = config.makers.of(&config.words_endpoint()?);
    let differs = maker.micro_usd_per_image() != config.usual_maker().micro_usd_per_image();
    differs.then(|| OfWords { cents: maker.cents_per_image, price: price(&maker, pictures, "make.price", words) })
}

/// A few words, the title and the text of a key, and the way back.
pub fn message(frame: Frame, status: StatusCode, key: &str, values: &[(&str, &str)]) -> Result<Response, ApiError> {
    let title = frame.words.get(&format!("{key}.title")).to_owned();
    let text = frame.words.fill(&format!("{key}.text"), values);
    shown(status, &MessagePage { frame, title, text })
}

pub fn shown(status: StatusCode, page: &impl Template) -> Result<Response, ApiError> {
    let html = page.render().map_err(|error| {
        tracing::error!(%error, "page.unrendered: a bug in a template");
        ApiError::internal()
    })?;
    Ok((status, Html(html)).into_response())
}

/// A browser that opens an address or posts a form by itself asks for HTML first; scripts and programs don't, though some would take
/// it after JSON.
pub fn wants_html(headers: &HeaderMap) -> bool {
    let Some(accept) = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()) else { return false };
    match (accept.find("text/html"), accept.find("application/json")) {
        (Some(html), Some(json)) => html < json,
        (html, _) => html.is_some(),
    }
}

/// Says a refusal as a page where a person looks at it.
pub async fn errors_as_pages(request: Request, next: Next) -> Response {
    let person = wants_html(request.headers());
    let words = language::of(request.headers());
    let data = request.uri().path().starts_with("/api/") && request.method() != Method::POST;
    let answer = next.run(request).await;
    match answer.extensions().get::<ApiError>() {
        Some(error) if person && !data => as_page(error.clone(), words, answer),
        _ => answer,
    }
}

fn as_page(error: ApiError, words: &'static Words, answer: Response) -> Response {
    let frame = Frame { here: "/", ..Frame::plain(words) };
    let (title, text) = match error.code {
        "no_such_route" => (words.get("missing.page.title").into(), words.get("missing.page.text").into()),
        _ => (words.told(&error.message), words.told(&error.hint)),
    };
    let (title, text) = (title.into_owned(), text.into_owned());
    match shown(error.status, &MessagePage { frame, title, text }) {
        Ok(mut page) => {
            if let Some(when) = answer.headers().get(RETRY_AFTER) {
                page.headers_mut().insert(RETRY_AFTER, when.clone());
            }
            page
        }
        Err(_) => answer,
    }
}
