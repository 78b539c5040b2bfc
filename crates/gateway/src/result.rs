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
    let found = lookup::find(&gateway, &account, &asked).await?;
    if found.payload == Payload::Dropped {
        return Err(Refusal::UnknownRequest);
    }
    Ok(reply::about(&asked.id, render(found.outcome)))
}

fn render(outcome: Option<Outcome>) -> Response {
    match outcome {
        None => reply::json(400, error::in_progress().to_json()),
        Some(Outcome::Answered { http_status, body, headers, .. }) => reply::answer(http_status, body, &headers),
        Some(Outcome::Failed { error_type, detail }) => failed(error_type, detail),
    }
}

pub(crate) fn failed(error_type: ErrorType, detail: String) -> Response {
    let mut response = reply::json(error_type.http_status(), ErrorBody::request(error_type, detail).to_json());
    // Clients retry on this hint by asking for the result again, and this one is final.
    reply::explain(&mut response, Some(error_type), false);
    // Attempts that took too long are repeated, so what ends with this type is the caller's own start deadline.
    if error_type == ErrorType::RequestTimeout {
        let name = HeaderName::from_static(header::REQUEST_TIMEOUT_TYPE);
        response.headers_mut().insert(name, HeaderValue::from_static("user"));
    }
    response
}
