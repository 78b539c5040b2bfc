//! The page of messages: whom the studio told of what, how each attempt went, and a button that sends one again.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use url::{Url, form_urlencoded};

use super::frame::Frame;
use super::{shown, sign_in};
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::Params;
use crate::http::messages::{self, Wanted};
use crate::http::openapi::{answers, bodies};
use crate::http::words::Words;
use crate::job::{JobId, Visitor};
use plantain_whatsapp::Number;

use crate::messages::message::{Channel, MessageId, MessageState};
use crate::messages::store::MessageFilter;
use crate::messages::view::{AttemptView, Eyes, MessagePage, MessageView, ReceiptView};

/// Messages on a page, each with its attempts.
const MESSAGES_A_PAGE: usize = 24;

/// Attempts that are shown of one: the newest.
const ATTEMPTS_SHOWN: usize = 12;

#[derive(Template)]
#[template(path = "messages.html")]
struct MessagesPage {
    frame: Frame,
    rows: Vec<Row>,
    /// As they were asked for; empty where nothing was.
    job: String,
    state: String,
    states: Vec<(&'static str, String)>,
    next: Option<String>,
}

impl MessagesPage {
    /// Something was asked for, so that nothing found doesn't mean that there is nothing.
    fn is_searched(&self) -> bool {
        !self.job.is_empty() || !self.state.is_empty()
    }

    /// There is something to be found.
    fn has_any(&self) -> bool {
        self.is_searched() || !self.rows.is_empty()
    }
}

/// A message in the list.
struct Row {
    id: String,
    state: &'static str,
    state_word: String,
    event: String,
    /// The host, since addresses are long and may hold secrets.
    to: String,
    /// How a message by WhatsApp fares.
    receipt: Option<String>,
    job: Option<String>,
    made_at: String,
    made_on: String,
    attempts: Vec<(String, String)>,
}

/// `GET /messages`.
#[utoipa::path(
    get,
    path = "/messages",
    operation_id = "openMessages",
    tag = "Pages",
    summary = "Messages of whoever asks",
    params(Wanted),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 401, description = "The sign-in form.", body = String, content_type = "text/html"),
        (status = 422, description = "What was asked for can't be used.", body = bodies::Refusal),
        answers::Queried, answers::Reads
    )
)]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Params(wanted): Params<Wanted>,
) -> Result<Response, ApiError> {
    if app.admit(&headers).is_err() {
        return sign_in(&app, &headers, false);
    }
    let (visitor, filter) = (app.visitor(&headers), messages::filter(wanted)?);
    let state = filter.state.map(MessageState::as_str).unwrap_or_default().to_owned();
    let job = filter.job.as_ref().map(ToString::to_string).unwrap_or_default();
    let (messages, next) = theirs(&app, &visitor, filter).await?;
    let frame = Frame::new(&app, &headers);
    let words = frame.words;
    let page = MessagesPage {
        rows: messages.iter().map(|message| Row::new(message, words)).collect(),
        states: MessageState::ALL.map(|state| (state.as_str(), state_word(state, words))).into(),
        next: next.map(|cursor| next_page(&job, &state, cursor.as_str())),
        job,
        state,
        frame,
    };
    shown(StatusCode::OK, &page)
}

/// Whoever has never been here was told of nothing yet.
async fn theirs(
    app: &App,
    visitor: &Visitor,
    filter: MessageFilter,
) -> Result<(Vec<MessageView>, Option<MessageId>), ApiError> {
    if *visitor == Visitor::Anybody {
        return Ok((Vec::new(), None));
    }
    let (owner, eyes) = (visitor.owner().cloned(), Eyes::of(visitor));
    let wanted = MessageFilter { owner, eyes, limit: MESSAGES_A_PAGE, ..filter };
    let MessagePage { messages, next } = app.studio.messages_with_attempts(wanted).await?;
    Ok((messages, next))
}

/// What a job's page says of its messages; nothing where there are none.
pub async fn of_job(app: &App, id: &JobId, visitor: &Visitor, words: &Words) -> Result<Option<String>, ApiError> {
    let fate = Fate::of(app, id, visitor).await?;
    Ok(fate.map(|fate| match fate {
        Fate::Pending => words.get("messages.of_job.pending").to_owned(),
        Fate::Delivered(count) => words.many("messages.of_job.sent", count, &[]),
        Fate::Failing(count) => words.many("messages.of_job.failing", count, &[]),
        Fate::Dead(count) => words.many("messages.of_job.dead", count, &[]),
    }))
}

/// The same in a list, where there is room for two or three words.
pub struct Short {
    pub state: &'static str,
    pub word: String,
}

impl Short {
    pub async fn of_job(app: &App, id: &JobId, visitor: &Visitor, words: &Words) -> Result<Option<Short>, ApiError> {
        let state = Fate::of(app, id, visitor).await?.map(|fate| fate.as_str());
        Ok(state.map(|state| Short { state, word: words.get(&format!("messages.short.{state}")).to_owned() }))
    }
}

/// What became of the messages about a job: the worst of it, and of how many.
enum Fate {
    Pending,
    Delivered(usize),
    Failing(usize),
    Dead(usize),
}

impl Fate {
    async fn of(app: &App, id: &JobId, visitor: &Visitor) -> Result<Option<Fate>, ApiError> {
        let (job, eyes) = (Some(id.clone()), Eyes::of(visitor));
        let filter = MessageFilter { job, eyes, limit: MESSAGES_A_PAGE, ..MessageFilter::default() };
        Ok(Fate::worst(&app.studio.messages(filter).await?.messages))
    }

    fn worst(messages: &[MessageView]) -> Option<Fate> {
        let count = |is: &dyn Fn(&MessageView) -> bool| messages.iter().filter(|message| is(message)).count();
        let dead = count(&|message| message.state == MessageState::Dead);
        let failing = count(&MessageView::is_failing);
        let delivered = count(&|message| message.state == MessageState::Delivered);
        match (dead, failing, delivered) {
            (0, 0, 0) if messages.is_empty() => None,
            (0, 0, 0) => Some(Fate::Pending),
            (0, 0, delivered) => Some(Fate::Delivered(delivered)),
            (0, failing, _) => Some(Fate::Failing(failing)),
            (dead, _, _) => Some(Fate::Dead(dead)),
        }
    }

    fn as_str(&self) -> &'static str {
        match self {
            Fate::Pending => "pending",
            Fate::Delivered(_) => "delivered",
            Fate::Failing(_) => "failing",
            Fate::Dead(_) => "dead",
        }
    }
}

impl Row {
    fn new(message: &MessageView, words: &Words) -> Row {
        let log = message.log.as_deref().unwrap_or_default();
        let newest = &log[log.len().saturating_sub(ATTEMPTS_SHOWN)..];
        let state = if message.is_failing() { "failing" } else { message.state.as_str() };
        let event = message.event.as_str();
        Row {
            id: message.message_id.to_string(),
            state,
            state_word: words.get(&format!("messages.state.{state}")).to_owned(),
            event: words.named("messages.event", &event.replace('.', "_"), event).to_owned(),
            to: addressee(message),
            receipt: message.receipt.as_ref().map(|receipt| fares(receipt, words)),
            job: message.job_id.as_ref().map(ToString::to_string),
            made_at: message.created_at.to_string(),
            made_on: moment(message.created_at, words),
            attempts: newest.iter().map(|attempt| told(attempt, words)).collect(),
        }
    }
}

/// Of an address the host, of a number its end.
fn addressee(message: &MessageView) -> String {
    let host = || Url::parse(&message.target).ok().and_then(|url| url.host_str().map(str::to_owned));
    match message.channel {
        Channel::Whatsapp => Number::parse(&message.target).map(|number| format!("WhatsApp {}", number.shown())).ok(),
        Channel::Webhook | Channel::Mail => host(),
    }
    .unwrap_or_else(|| message.target.clone())
}

/// What is told of a message that left, and why it failed.
fn fares(receipt: &ReceiptView, words: &Words) -> String {
    let standing = words.named("messages.receipt", &receipt.status, &receipt.status).to_owned();
    let why = receipt.why.as_deref().map(|why| words.told(why).into_owned());
    [Some(standing), why].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// When an attempt was made, and what came of it.
fn told(attempt: &AttemptView, words: &Words) -> (String, String) {
    let answered = attempt.status.map(|status| {
        let (status, latency) = (status.to_string(), attempt.latency_ms.to_string());
        words.fill("messages.attempt.answered", &[("status", &status), ("ms", &latency)])
    });
    let why = attempt.why.as_deref().map(|why| words.told(why).into_owned());
    let parts = [answered, why, Some(attempt.answer.clone()).filter(|text| !text.trim().is_empty())];
    (moment(attempt.at, words), parts.into_iter().flatten().collect::<Vec<_>>().join(" · "))
}

/// Day and time by UTC.
fn moment(at: Timestamp, words: &Words) -> String {
    let zoned = at.to_zoned(jiff::tz::TimeZone::UTC);
    format!("{}, {:02}:{:02}:{:02} UTC", words.day(zoned.date()), zoned.hour(), zoned.minute(), zoned.second())
}

fn state_word(state: MessageState, words: &Words) -> String {
    words.get(&format!("messages.state.{}", state.as_str())).to_owned()
}

fn next_page(job: &str, state: &str, cursor: &str) -> String {
    let asked = [("job", job), ("state", state), ("cursor", cursor)].into_iter().filter(|(_, value)| !value.is_empty());
    format!("/messages?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(asked).finish())
}
