//! `GET /api/inbox?state=rejected`: webhooks that were refused, and why, for the operator alone.

use axum::Json;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use plantain_inbox::step::Step;
use plantain_inbox::store::RejectedEvent;

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::{self, Params};
use crate::http::guard;
use crate::http::openapi::{answers, bodies};

/// The longest list: each event has up to 16 KB of a body.
const EVENTS_MAX: usize = 200;

const EVENTS_USUAL: usize = 50;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only `rejected`; what was accepted is shown with its job.
    #[param(example = "rejected")]
    state: Option<String>,
    /// How many, usually 50.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, example = 20)]
    limit: Option<String>,
    /// The `next` of the page before.
    #[param(value_type = Option<u64>)]
    cursor: Option<String>,
}

/// Newest first. Always with the token: senders put into their webhooks what is nobody else's business.
#[utoipa::path(
    get,
    path = "/api/inbox",
    operation_id = "listRefusedWebhooks",
    tag = "Webhooks",
    summary = "Webhooks that were refused",
    description = "Newest first, with the step of the verification that each failed at. For the operator alone, also on an open studio.",
    params(Wanted),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "A page. `next` is null on the last one.", body = bodies::RefusedWebhooks),
        (status = 422, description = "`bad_state`, `bad_limit` or `bad_cursor`.", body = bodies::Refusal),
        answers::Queried, answers::Closed, answers::Reads
    )
)]
pub async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Params(wanted): Params<Wanted>,
) -> Result<Json<Value>, ApiError> {
    if !app.config.admin_token.admits(&headers) {
        return Err(guard::operator_needed());
    }
    let page = app.studio.rejected(before(&wanted)?, limit(&wanted)?).await?;
    Ok(Json(json!({ "events": page.events.iter().map(as_json).collect::<Vec<_>>(), "next": page.next })))
}

fn before(wanted: &Wanted) -> Result<Option<u64>, ApiError> {
    wanted.cursor.as_deref().map(str::parse).transpose().map_err(|_| extract::bad_cursor())
}

fn limit(wanted: &Wanted) -> Result<usize, ApiError> {
    if wanted.state.as_deref().is_some_and(|state| state != "rejected") {
        return Err(ApiError::unprocessable("bad_state", "There is no such list.", "Ask for state=rejected."));
    }
    Ok(extract::limit(wanted.limit.as_deref(), EVENTS_MAX)?.unwrap_or(EVENTS_USUAL))
}

/// The body as text where it is text, else in base64: `plantain verify` reads both.
fn as_json(event: &RejectedEvent) -> Value {
    let mut shown = json!({
        "receivedAt": event.received_at,
        "state": "rejected",
        "step": Step::of_code(&event.code).map(Step::as_str),
        "code": event.code,
        "explanation": event.explanation,
        "headers": event.headers,
        "bodyBytes": event.body_bytes,
        "bodyTruncated": (event.body.len() as u64) < event.body_bytes,
    });
    match std::str::from_utf8(&event.body) {
        Ok(text) => shown["body"] = text.into(),
        Err(_) => shown["bodyBase64"] = STANDARD.encode(&event.body).into(),
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_bounded_and_says_what_it_has() {
        let asked = |state: Option<&str>, count: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            limit(&Wanted { state: own(state), limit: own(count), cursor: None }).map_err(|error| error.code)
        };
        assert_eq!(asked(None, None), Ok(50));
        assert_eq!(asked(Some("rejected"), Some("200")), Ok(200));
        assert_eq!(asked(Some("applied"), None), Err("bad_state"));
        for count in ["0", "201", "-1", "x"] {
            assert_eq!(asked(None, Some(count)), Err("bad_limit"), "{count}");
        }
    }

    #[test]
    fn a_body_that_is_no_text_is_shown_all_the_same() {
        let event = RejectedEvent {
            received_at: jiff::Timestamp::UNIX_EPOCH,
            code: "no_key_fits".into(),
            explanation: "Because.".into(),
            headers: vec![("a".into(), "b".into())],
            body: bytes::Bytes::from_static(b"\xff"),
            body_bytes: 9,
        };
        let shown = as_json(&event);
        assert_eq!((&shown["bodyBase64"], &shown["bodyTruncated"]), (&json!("/w=="), &json!(true)));
        assert_eq!((&shown["step"], &shown["headers"]), (&json!("signature"), &json!([["a", "b"]])));
    }
}
