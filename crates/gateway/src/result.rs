//! `GET …/requests/{id}`: what became of a request.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use plantain_queue::history::Payload;
use plantain_queue::model::Outcome;
use plantain_wire::error::{self, ErrorBody, ErrorType};
use plantain_wire::header;

use crate::account::Authenticated;
use crate::address::RequestAddress;
use crate::refusal::Refusal;
use crate::{Gateway, lookup, reply};

/// The model's own status and body, untouched; or why there is none.
pub(crate) async fn result(
    State(gateway): State<Gateway>,
    Authenticated(account): Authenticated,
    Extension(asked): Extension<RequestAddress>,
) -> Result<Response, Refusal> {
    // Until what was read is counted, so that there are only a few of them.
    let _reading = gateway.memory.reading().await?;
    let found = lookup::find(&gateway, &account, &asked).await?;
    if found.payload == Payload::Dropped {
        return Err(Refusal::UnknownRequest);
    }
    let mut outcome = found.outcome;
    if let Some(Outcome::Answered { body, .. }) = &mut outcome {
        *body = gateway.memory.hold(account.user_id.as_str(), std::mem::take(body)).await?;
    }
    Ok(reply::about(&asked.id, render(outcome)))
}

fn render(outcome: Option<Outcome>) -> Response {
    let users_deadline = outcome.as_ref().is_some_and(Outcome::is_start_deadline);
    let mut response = match outcome {
        None => reply::json(400, error::in_progress().to_json()),
        Some(Outcome::Answered { http_status, body, headers, .. }) => reply::answer(http_status, body, &headers),
        Some(Outcome::Failed { error_type, detail }) => failed(error_type, detail),
    };
    if users_deadline {
        let name = HeaderName::from_static(header::REQUEST_TIMEOUT_TYPE);
        response.headers_mut().insert(name, HeaderValue::from_static("user"));
    }
    response
}

fn failed(error_type: ErrorType, detail: String) -> Response {
    let mut response = reply::json(error_type.http_status(), ErrorBody::request(error_type, detail).to_json());
    // Clients retry on this hint by asking for the result again, and this one is final.
    reply::explain(&mut response, Some(error_type), false);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_callers_own_deadline_is_called_the_callers() {
        let slow = Outcome::Failed { error_type: ErrorType::RequestTimeout, detail: "It took too long.".to_owned() };
        for (outcome, expected) in [(Outcome::start_deadline_passed(), true), (slow, false)] {
            let response = render(Some(outcome));
            assert_eq!(response.status(), 504);
            assert_eq!(response.headers().contains_key(header::REQUEST_TIMEOUT_TYPE), expected);
        }
    }
}
