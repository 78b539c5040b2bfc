//! The pages for many photos at once: handing them in, and one batch as it goes on.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::frame::Frame;
use super::rule::{self, Group};
use super::{MessagePage, PICTURES_A_PHOTO, RuleLine, price, shown, sign_in};
use crate::bulk::archive::{ARCHIVE_BYTES_MAX, PHOTOS_MAX};
use crate::bulk::batch::{BatchId, Counts, ItemState};
use crate::bulk::store::{BatchFilter, ItemFilter};
use crate::bulk::view::{BatchPage as Batches, BatchView, ItemView};
use crate::http::App;
use crate::http::batches::{self, Paged, Wanted};
use crate::http::error::ApiError;
use crate::http::extract::{Params, Segments};
use crate::http::openapi::{answers, bodies, values};
use crate::http::words::Words;
use crate::job::Visitor;

/// Photos of a page: few enough for a phone, whatever the batch has.
const ITEMS_A_PAGE: usize = 48;

/// Batches below the form.
const BATCHES_A_PAGE: usize = 24;

#[derive(Template)]
#[template(path = "bulk.html")]
struct BulkPage {
    frame: Frame,
    groups: Vec<Group>,
    rule: RuleLine,
    /// What may be wished for, as an example.
    example: String,
    /// How many pictures of each photo one may ask for.
    pictures: u8,
    /// US cents for a picture, and for a photo with one picture in words.
    cents: f64,
    price: String,
    /// A number may be given for a message by WhatsApp.
    tells_whatsapp: bool,
    photo_bytes_max: usize,
    archive_bytes_max: u64,
    photos_max: usize,
    /// Whoever looks may wish for a letter.
    letters: bool,
    rows: Vec<Row>,
    /// The address of the next page of them.
    next: Option<String>,
}

/// A batch in the list.
struct Row {
    page: String,
    title: String,
    state: &'static str,
    state_word: String,
    /// For programs, and as people read it.
    made_at: String,
    made_on: String,
    sum: String,
}

#[derive(Template)]
#[template(path = "batch.html")]
struct BatchPage {
    frame: Frame,
    batch: BatchView,
    row: Row,
    about: String,
    /// Photos that have come to an end.
    ended: u64,
    counts: Vec<Count>,
    /// As the API is asked for this page of photos.
    query: String,
    items: Vec<Tile>,
    first: Option<String>,
    next: Option<String>,
    blank: Tile,
}

/// How many photos are in a state, which is a way to them.
struct Count {
    state: &'static str,
    word: String,
    count: u64,
    href: String,
    chosen: bool,
}

/// One photo.
#[derive(Default)]
struct Tile {
    number: u32,
    name: String,
    state: &'static str,
    state_word: String,
    thumb: Option<String>,
    page: Option<String>,
    note: String,
    hint: String,
}

/// `GET /bulk`.
#[utoipa::path(
    get,
    path = "/bulk",
    operation_id = "openBulk",
    tag = "Pages",
    summary = "Where many photos are handed in",
    params(Paged),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 401, description = "The sign-in form.", body = String, content_type = "text/html"),
        (status = 422, description = "`bad_limit` or `bad_cursor`.", body = bodies::Refusal),
        answers::Queried, answers::Reads
    )
)]
pub async fn all(
    State(app): State<App>,
    headers: HeaderMap,
    Params(paged): Params<Paged>,
) -> Result<Response, ApiError> {
    if app.admit(&headers).is_err() {
        return sign_in(&app, &headers, false);
    }
    let visitor = app.visitor(&headers);
    let filter = BatchFilter { owner: visitor.owner().cloned(), limit: BATCHES_A_PAGE, ..paged.filter()? };
    // Whoever has never been here has no batches yet.
    let Batches { batches, next } = match visitor {
        Visitor::Anybody => Batches { batches: Vec::new(), next: None },
        Visitor::Operator | Visitor::Seller(_) => app.studio.batches(filter).await?,
    };
    let frame = Frame::new(&app, &headers);
    let words = frame.words;
    let maker = app.studio.config().usual_maker();
    let groups = rule::groups(app.studio.presets(), &maker, words);
    let usual = rule::usual(&groups);
    let page = BulkPage {
        example: usual.map(|option| option.example.clone()).unwrap_or_default(),
        cents: maker.cents_per_image,
        price: price(&maker, 1, "bulk.price.each", words),
        rule: usual.map(|option| option.rule.clone()).unwrap_or_default(),
        pictures: app.tier(&headers).await?.pictures_max().unwrap_or(PICTURES_A_PHOTO),
        tells_whatsapp: app.studio.config().whatsapp.is_some(),
        photo_bytes_max: app.bounds.photo_bytes_max,
        archive_bytes_max: ARCHIVE_BYTES_MAX,
        photos_max: PHOTOS_MAX,
        letters: app.offers_letters(&headers),
        rows: batches.iter().map(|batch| Row::new(batch, words)).collect(),
        next: next.map(|cursor| format!("/bulk?cursor={cursor}")),
        groups,
        frame,
    };
    Ok(app.remembering(&headers, shown(StatusCode::OK, &page)?))
}

/// `GET /bulk/{id}`. Behind the door of batches.
#[utoipa::path(
    get,
    path = "/bulk/{id}",
    operation_id = "openBatch",
    tag = "Pages",
    summary = "A batch's own page",
    params(values::OfBatch, Wanted),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 422, description = "`bad_cursor`, `bad_limit` or `bad_status`.", body = bodies::Refusal),
        answers::Queried, answers::OfJob
    )
)]
pub async fn batch(
    State(app): State<App>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
    Params(wanted): Params<Wanted>,
) -> Result<Response, ApiError> {
    let filter = ItemFilter { limit: ITEMS_A_PAGE, ..batches::filter(&wanted)? };
    let Some(id) = BatchId::parse(&id) else { return no_batch(&app, &headers) };
    let (Some(batch), Some(items)) = (app.studio.batch(&id).await?, app.studio.items(&id, filter).await?) else {
        return no_batch(&app, &headers);
    };
    let frame = Frame::new(&app, &headers);
    let words = frame.words;
    let preset = app.studio.presets().get(&batch.preset);
    let preset = preset.map_or_else(|_| batch.preset.clone(), |preset| rule::title(preset, words));
    let here = |cursor: u32| format!("{}?{}", batch.page_url, query(filter.state, cursor));
    let page = BatchPage {
        row: Row::new(&batch, words),
        about: about(&batch, &preset, words),
        ended: ended(&batch.counts),
        counts: counts(&batch, filter.state, words),
        query: format!("limit={ITEMS_A_PAGE}&{}", query(filter.state, filter.after)),
        first: (filter.after > 0).then(|| here(0)),
        next: items.next.map(here),
        items: items.items.into_iter().map(|item| Tile::new(item, words)).collect(),
        blank: Tile::default(),
        frame,
        batch,
    };
    shown(StatusCode::OK, &page)
}

/// There is no such batch, or it is somebody else's.
pub fn no_batch(app: &App, headers: &HeaderMap) -> Result<Response, ApiError> {
    let frame = Frame::new(app, headers);
    let (title, text) = (frame.t("bulk.missing").to_owned(), frame.t("bulk.missing.text").to_owned());
    shown(StatusCode::NOT_FOUND, &MessagePage { frame, title, text })
}

impl BatchPage {
    fn is_over(&self) -> bool {
        self.batch.status.is_over()
    }

    fn is(&self, state: &str) -> bool {
        self.batch.status.as_str() == state
    }

    fn may_be_retried(&self) -> bool {
        self.batch.retryable > 0
    }

    /// What is said of failed photos that can't be tried again; empty where there are none.
    fn unfit(&self) -> String {
        match self.batch.counts.failed.saturating_sub(self.batch.retryable) {
            0 => String::new(),
            _ if self.is("CANCELED") => String::new(),
            unfit => self.frame.words.many("bulk.unfit", unfit as usize, &[]),
        }
    }
}

impl Row {
    fn new(batch: &BatchView, words: &Words) -> Row {
        let counts = &batch.counts;
        let number = |count: u64| count.to_string();
        let (total, made) = (number(batch.total), number(counts.succeeded));
        Row {
            page: batch.page_url.clone(),
            title: batch.file_name.clone().unwrap_or_else(|| words.get("bulk.untitled").to_owned()),
            state: batch.status.as_str(),
            state_word: words.get(&format!("bulk.state.{}", batch.status.as_str().to_lowercase())).to_owned(),
            made_at: batch.created_at.to_string(),
            made_on: words.day(batch.created_at.to_zoned(jiff::tz::TimeZone::UTC).date()),
            sum: words.fill("bulk.sum", &[("made", &made), ("total", &total)]),
        }
    }
}

impl Tile {
    fn new(item: ItemView, words: &Words) -> Tile {
        let note = match (&item.error, item.passed) {
            (Some(error), _) => words.told(&error.message).into_owned(),
            (None, Some(true)) => words.get("bulk.passed").to_owned(),
            (None, Some(false)) => words.get("bulk.missed").to_owned(),
            (None, None) => String::new(),
        };
        Tile {
            number: item.number,
            state: item.status.as_str(),
            state_word: item_word(item.status, words),
            thumb: item.thumb_url,
            page: item.page_url,
            hint: item.error.map(|error| words.told(&error.hint).into_owned()).unwrap_or_default(),
            name: item.name,
            note,
        }
    }
}

fn item_word(state: ItemState, words: &Words) -> String {
    words.get(&format!("bulk.item.{}", state.as_str())).to_owned()
}

fn about(batch: &BatchView, preset: &str, words: &Words) -> String {
    let pictures = words.many("bulk.each", usize::from(batch.num_images), &[]);
    [Some(preset), Some(pictures.as_str()), batch.prompt.as_deref()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · ")
}

/// Photos that nothing more becomes of by itself.
fn ended(counts: &Counts) -> u64 {
    counts.total() - counts.waiting - counts.running
}

fn counts(batch: &BatchView, chosen: Option<ItemState>, words: &Words) -> Vec<Count> {
    let mut counts = batch.counts;
    let all = Count {
        state: "all",
        word: words.get("bulk.item.all").to_owned(),
        count: batch.total,
        href: batch.page_url.clone(),
        chosen: chosen.is_none(),
    };
    let of = ItemState::ALL.map(|state| Count {
        state: state.as_str(),
        word: item_word(state, words),
        count: *counts.of(state),
        href: format!("{}?{}", batch.page_url, query(Some(state), 0)),
        chosen: chosen == Some(state),
    });
    std::iter::once(all).chain(of).collect()
}

fn query(state: Option<ItemState>, cursor: u32) -> String {
    match state {
        Some(state) => format!("status={}&cursor={cursor}", state.as_str()),
        None => format!("cursor={cursor}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulk::batch::BatchState;

    #[test]
    fn what_has_ended_is_neither_waiting_nor_running() {
        let counts = Counts { waiting: 5, running: 2, succeeded: 4, failed: 3, skipped: 2, canceled: 1 };
        assert_eq!(ended(&counts), 10);
        assert_eq!(query(Some(ItemState::Failed), 7), "status=failed&cursor=7");
        assert_eq!(query(None, 0), "cursor=0");
    }

    #[test]
    fn every_state_has_a_word() {
        for words in Words::all() {
            assert!(ItemState::ALL.iter().all(|state| !item_word(*state, words).starts_with("bulk.")));
            for state in BatchState::ALL {
                assert!(words.has(&format!("bulk.state.{}", state.as_str().to_lowercase())), "{state:?}");
            }
        }
    }
}
