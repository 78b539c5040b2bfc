//! `/api/messages`: what others were told, how each attempt went, and sending one again.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::{self, Params, Segments};
use crate::http::guard;
use crate::http::letters::Wisher;
use crate::http::openapi::{answers, bodies, values};
use crate::http::page::wants_html;
use crate::job::{JobId, Visitor};
use crate::messages::message::{MessageId, MessageState};
use crate::messages::store::{MESSAGES_A_PAGE_MAX, MessageFilter, SentAgain};
use crate::messages::view::{Eyes, MessagePage, MessageView};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only those about this job.
    #[param(value_type = Option<JobId>)]
    pub job: Option<String>,
    /// Only those in this state.
    #[param(value_type = Option<MessageState>)]
    pub state: Option<String>,
    /// The `next` of the page before.
    #[param(value_type = Option<MessageId>)]
    pub cursor: Option<String>,
    /// How many messages a page has, usually 50.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, example = 20)]
    pub limit: Option<String>,
}

/// `GET /api/messages`: newest first; the asker's own, for the operator all.
#[utoipa::path(
    get,
    path = "/api/messages",
    operation_id = "listMessages",
    tag = "Messages",
    summary = "Messages, newest first",
    description = "A page of the asker's own messages; all of them for the operator. Those about a `job` for whoever may see the job.",
    params(Wanted),
    responses(
        (status = 200, description = "A page. `next` is null on the last one.", body = MessagePage),
        (status = 422, description = "`bad_job`, `bad_state`, `bad_cursor` or `bad_limit`.", body = bodies::Refusal),
        answers::Queried, answers::Closed, answers::Reads
    )
)]
pub async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Params(wanted): Params<Wanted>,
) -> Result<Json<MessagePage>, ApiError> {
    app.admit(&headers)?;
    let (visitor, filter) = (app.visitor(&headers), filter(wanted)?);
    let owner = match &filter.job {
        Some(job) if app.studio.may_see(&visitor, job).await? => None,
        _ if visitor == Visitor::Anybody => return Err(guard::name_needed()),
        _ => visitor.owner().cloned(),
    };
    let eyes = Eyes::of(&visitor);
    Ok(Json(app.studio.messages(MessageFilter { owner, eyes, ..filter }).await?))
}

/// What a query asks for.
pub fn filter(wanted: Wanted) -> Result<MessageFilter, ApiError> {
    let usual = MessageFilter::default();
    let said = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let bad = |code, message, hint: &str| ApiError::unprocessable(code, message, hint);
    let job = said(wanted.job).map(|text| {
        JobId::parse(&text).ok_or_else(|| bad("bad_job", "The job's id can't be read.", "Give it as jobId tells it."))
    });
    let state = said(wanted.state).map(|word| {
        let hint = "Ask for pending, delivered or dead.";
        MessageState::parse(&word).ok_or_else(|| bad("bad_state", "No message has such a state.", hint))
    });
    let before = wanted.cursor.map(|text| MessageId::parse(&text).ok_or_else(extract::bad_cursor));
    Ok(MessageFilter {
        owner: None,
        job: job.transpose()?,
        state: state.transpose()?,
        before: before.transpose()?,
        eyes: usual.eyes,
        limit: extract::limit(wanted.limit.as_deref(), MESSAGES_A_PAGE_MAX)?.unwrap_or(usual.limit),
    })
}

/// `GET /api/messages/{message}`: with each attempt.
#[utoipa::path(
    get,
    path = "/api/messages/{message}",
    operation_id = "showMessage",
    tag = "Messages",
    summary = "One message with its attempts",
    params(values::OfMessage),
    responses(
        (status = 200, description = "The message.", body = MessageView),
        (status = 404, description = "`no_such_message`: not for whoever asks.", body = bodies::Refusal),
        answers::Closed, answers::Reads
    )
)]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(id): Segments<String>,
) -> Result<Json<MessageView>, ApiError> {
    app.admit(&headers)?;
    let id = MessageId::parse(&id).ok_or_else(no_message)?;
    let message = app.studio.message(&id, &app.visitor(&headers)).await?;
    message.map(Json).ok_or_else(no_message)
}

/// `POST /api/messages/{message}/redeliver`: 202, and its schedule begins anew; a browser is led back to the list.
#[utoipa::path(
    post,
    path = "/api/messages/{message}/redeliver",
    operation_id = "redeliverMessage",
    tag = "Messages",
    summary = "Send a message again",
    description = "At once, whether it was delivered, given up or waits for its next attempt. It keeps its id and its attempts; its schedule begins anew.",
    params(values::OfMessage),
    responses(
        (status = 202, description = "The message, which is on its way.", body = MessageView),
        (status = 303, description = "For a browser that posted the form itself (`Accept: text/html`): back to the list."),
        (status = 404, description = "`no_such_message`: not for whoever asks.", body = bodies::Refusal),
        (status = 429, description = "`too_many_messages`: too many go to whoever was named.", body = bodies::Refusal),
        (status = 409, description = "`being_sent`: somebody is sending it right now.", body = bodies::Refusal),
        answers::Closed, answers::Writes
    )
)]
pub async fn redeliver(
    State(app): State<App>,
    Segments(id): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let headers = request.headers();
    app.admit(headers)?;
    let (id, visitor) = (MessageId::parse(&id).ok_or_else(no_message)?, app.visitor(headers));
    // Whoever may not have it sent often may not have it sent again often.
    let named = app.studio.named_receiver(&id, &visitor).await?;
    let naming = named.map(|named| app.naming_again(&Wisher::of(&app, &request), &named)).unwrap_or_default();
    let counted = naming.count(app.config.clock.now()).map_err(|_| too_often())?;
    let again = app.studio.redeliver(&id, &visitor).await?;
    if again == SentAgain::Owed {
        counted.keep();
    }
    match again {
        SentAgain::Owed if wants_html(headers) => Ok(Redirect::to("/messages").into_response()),
        SentAgain::Owed => {
            let message = app.studio.message(&id, &visitor).await?.ok_or_else(no_message)?;
            Ok((StatusCode::ACCEPTED, Json(message)).into_response())
        }
        SentAgain::InHand => Err(ApiError::new(
            StatusCode::CONFLICT,
            "being_sent",
            "The message is being sent right now.",
            "Look again in a minute; GET /api/messages/{message} tells how the attempt went.",
        )),
        SentAgain::NotFound => Err(no_message()),
    }
}

fn too_often() -> ApiError {
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_messages",
        "Too many messages were sent to it within an hour.",
        "Try again in an hour.",
    )
}

fn no_message() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "no_such_message",
        "There is no such message.",
        "GET /api/messages lists yours with their ids; settled ones are kept for 30 days.",
    )
}
