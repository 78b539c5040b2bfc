//! The webhook that a finished request owes: its fixed body, built from the outcome alone.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::value::RawValue;
use url::Url;

use plantain_wire::error::ErrorBody;
use plantain_wire::id::{GatewayRequestId, RequestId, UserId};
use plantain_wire::json::depth;
use plantain_wire::webhook::WebhookBody;

use crate::model::{NewDelivery, Outcome};

/// Said in place of an output that is no JSON; the result call still has it.
const NOT_JSON: &str = "Response payload is not JSON serializable. Fetch it from the result URL.";
const TOO_DEEP: &str = "Response payload is nested too deep for a webhook. Fetch it from the result URL.";
const TOO_LARGE: &str = "Response payload is too large for a webhook. Fetch it from the result URL.";

/// Brackets within brackets of a payload. Usual readers give up between 64 and 1,000, some of them by ending their process.
const PAYLOAD_DEPTH_MAX: usize = 60;

/// Larger ones are refused by receivers as a whole, and then the word is lost with the payload. A little below 8 MiB, to which
/// careful receivers read.
const PAYLOAD_BYTES_MAX: usize = 8 * 1024 * 1024 - 4096;

/// Whom a finished request is announced to.
pub struct Announced<'a> {
    pub request_id: &'a RequestId,
    pub gateway_request_id: &'a GatewayRequestId,
    pub user_id: &'a UserId,
    pub webhook: Option<&'a Url>,
}

/// The deliveries that the outcome owes: one where a webhook was asked for, else none. `id` names it.
pub fn owed(announced: &Announced<'_>, outcome: &Outcome, id: String, now: Timestamp) -> Vec<NewDelivery> {
    let Some(target) = announced.webhook else { return Vec::new() };
    vec![NewDelivery {
        id,
        request_id: announced.request_id.clone(),
        user_id: announced.user_id.clone(),
        target: target.clone(),
        body: body(announced, outcome),
        due_at: now,
    }]
}

fn body(announced: &Announced<'_>, outcome: &Outcome) -> Bytes {
    let (id, gateway_id) = (announced.request_id.clone(), announced.gateway_request_id.clone());
    match outcome {
        Outcome::Answered { http_status, body, .. } => {
            let payload = payload(body);
            let mut said = match http_status {
                200..=299 => WebhookBody::ok(id, gateway_id, payload.unwrap_or(RawValue::NULL)),
                status => WebhookBody::failed(id, gateway_id, *status, payload.ok()),
            };
            said.payload_error = payload.err().map(Into::into);
            said.to_json().into()
        }
        Outcome::Failed { error_type, detail } => {
            let payload = ErrorBody::request(*error_type, detail.clone()).to_json();
            let payload = serde_json::from_str::<&RawValue>(&payload).ok();
            WebhookBody::failed(id, gateway_id, error_type.http_status(), payload).to_json().into()
        }
    }
}

/// What is put into the body, or why it is not: receivers must be able to read the rest.
fn payload(body: &[u8]) -> Result<&RawValue, &'static str> {
    if body.len() > PAYLOAD_BYTES_MAX {
        return Err(TOO_LARGE);
    }
    if depth(body) > PAYLOAD_DEPTH_MAX {
        return Err(TOO_DEEP);
    }
    serde_json::from_slice(body).map_err(|_| NOT_JSON)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plantain_wire::error::ErrorType;
    use plantain_wire::webhook::WebhookStatus;

    use super::*;
    use crate::runner::AnswerHeaders;

    fn announced(outcome: &Outcome) -> Bytes {
        let request_id = RequestId::parse("r").unwrap();
        let gateway = GatewayRequestId::parse("g").unwrap();
        let user = UserId::parse("u").unwrap();
        let target: Url = "https://shop.example/hook".parse().unwrap();
        let whom =
            Announced { request_id: &request_id, gateway_request_id: &gateway, user_id: &user, webhook: Some(&target) };
        let mut owed = owed(&whom, outcome, "d".into(), Timestamp::UNIX_EPOCH);
        assert_eq!((owed.len(), owed[0].target.as_str()), (1, target.as_str()));
        owed.remove(0).body
    }

    fn answered(http_status: u16, body: impl Into<Bytes>) -> Outcome {
        Outcome::Answered {
            http_status,
            body: body.into(),
            headers: AnswerHeaders::default(),
            inference: Duration::ZERO,
        }
    }

    #[test]
    fn the_output_is_carried_byte_for_byte() {
        let body = announced(&answered(200, r#"{"seed":17454220438242315174, "b":1.10}"#));
        let read = WebhookBody::parse(&body).unwrap();
        assert_eq!(read.status, WebhookStatus::Ok);
        assert_eq!(read.payload.unwrap().get(), r#"{"seed":17454220438242315174, "b":1.10}"#);
        assert_eq!((read.request_id.as_str(), read.gateway_request_id.as_str()), ("r", "g"));
    }

    #[test]
    fn the_models_error_and_ours_are_both_errors_with_a_payload() {
        let refused = announced(&answered(422, r#"{"detail":[]}"#));
        let read = WebhookBody::parse(&refused).unwrap();
        assert_eq!((read.status, read.error.as_deref()), (WebhookStatus::Error, Some("Invalid status code: 422")));
        let late = announced(&Outcome::Failed { error_type: ErrorType::RequestTimeout, detail: "late".into() });
        let read = WebhookBody::parse(&late).unwrap();
        assert_eq!(read.error.as_deref(), Some("Invalid status code: 504"));
        assert_eq!(read.payload.unwrap().get(), r#"{"detail":"late","error_type":"request_timeout"}"#);
    }

    #[test]
    fn an_output_that_is_no_json_is_said_to_be_fetched() {
        let body = announced(&answered(200, "<html>"));
        let read = WebhookBody::parse(&body).unwrap();
        assert_eq!(read.status, WebhookStatus::Ok);
        assert!(read.payload.is_none() && read.payload_error.is_some());
    }

    #[test]
    fn an_output_that_receivers_could_not_bear_is_said_to_be_fetched() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let long = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
        for (output, error) in [
            (nested(PAYLOAD_DEPTH_MAX), None),
            (nested(PAYLOAD_DEPTH_MAX + 1), Some(TOO_DEEP)),
            (nested(1_000_000), Some(TOO_DEEP)),
            (long(PAYLOAD_BYTES_MAX), None),
            (long(PAYLOAD_BYTES_MAX + 1), Some(TOO_LARGE)),
        ] {
            for status in [200, 422] {
                let body = announced(&answered(status, output.clone()));
                let read = WebhookBody::parse(&body).unwrap();
                assert_eq!((read.payload.is_none(), read.payload_error.as_deref()), (error.is_some(), error));
                assert_eq!(read.status == WebhookStatus::Ok, status == 200);
            }
        }
    }

    #[test]
    fn nothing_is_owed_where_no_webhook_was_asked_for() {
        let request_id = RequestId::parse("r").unwrap();
        let gateway = GatewayRequestId::parse("g").unwrap();
        let user = UserId::parse("u").unwrap();
        let whom = Announced { request_id: &request_id, gateway_request_id: &gateway, user_id: &user, webhook: None };
        assert!(owed(&whom, &answered(200, "{}"), "d".into(), Timestamp::UNIX_EPOCH).is_empty());
    }
}
