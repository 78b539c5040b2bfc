//! The body that is delivered when a request has ended.
//!
//! Written as a live delivery of fal was captured: keys in alphabetical order, a space after each colon and comma, and
//! `"error": null` on success. The model's output inside it is kept byte for byte, in both directions.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::ErrorBody;
use crate::id::{GatewayRequestId, RequestId};

/// How the request ended. Not the words of the queue status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookStatus {
    Ok,
    Error,
}

impl WebhookStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            WebhookStatus::Ok => "OK",
            WebhookStatus::Error => "ERROR",
        }
    }

    /// Also the words that hand-written senders use.
    fn read(word: &str) -> Option<WebhookStatus> {
        match word.to_ascii_uppercase().as_str() {
            "OK" | "COMPLETED" | "SUCCEEDED" => Some(WebhookStatus::Ok),
            "ERROR" | "FAILED" | "CANCELED" | "CANCELLED" => Some(WebhookStatus::Error),
            _ => None,
        }
    }
}

/// A delivery's body. `'a` is the buffer that holds the payload.
#[derive(Clone, Debug)]
pub struct WebhookBody<'a> {
    pub request_id: RequestId,
    /// Of the last attempt.
    pub gateway_request_id: GatewayRequestId,
    pub status: WebhookStatus,
    /// What the result call returns, also for errors. `None` when the sender wrote `null` or nothing.
    pub payload: Option<&'a RawValue>,
    /// Present on errors only.
    pub error: Option<Cow<'a, str>>,
    /// Why an output could not be put into the body; the result call may still have it.
    pub payload_error: Option<Cow<'a, str>>,
}

/// Why a body is no webhook.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    #[error("the body is not the JSON of a webhook: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("the status is neither OK nor ERROR")]
    UnknownStatus,
}

impl<'a> WebhookBody<'a> {
    pub fn ok(request_id: RequestId, gateway_request_id: GatewayRequestId, payload: &'a RawValue) -> WebhookBody<'a> {
        let payload = Some(payload);
        let status = WebhookStatus::Ok;
        WebhookBody { request_id, gateway_request_id, status, payload, error: None, payload_error: None }
    }

    /// `http_status` is what the result call answers, and `payload` its body where that is JSON.
    pub fn failed(
        request_id: RequestId,
        gateway_request_id: GatewayRequestId,
        http_status: u16,
        payload: Option<&'a RawValue>,
    ) -> WebhookBody<'a> {
        let error = Some(Cow::Owned(format!("Invalid status code: {http_status}")));
        let status = WebhookStatus::Error;
        WebhookBody { request_id, gateway_request_id, status, payload, error, payload_error: None }
    }

    /// The exact bytes to send and to sign.
    pub fn to_json(&self) -> String {
        let text = |text: Option<&str>| crate::json::written(&text);
        let payload = self.payload.map_or("null", RawValue::get);
        let mut json = String::with_capacity(payload.len() + 512);
        json.push_str("{\"error\": ");
        json.push_str(&text(self.error.as_deref()));
        json.push_str(", \"gateway_request_id\": \"");
        json.push_str(self.gateway_request_id.as_str());
        json.push_str("\", \"payload\": ");
        json.push_str(payload);
        if let Some(error) = &self.payload_error {
            json.push_str(", \"payload_error\": ");
            json.push_str(&text(Some(error)));
        }
        json.push_str(", \"request_id\": \"");
        json.push_str(self.request_id.as_str());
        json.push_str("\", \"status\": \"");
        json.push_str(self.status.as_str());
        json.push_str("\"}");
        json
    }

    /// The body of [`WebhookBody::to_json`] with `COMPLETED` and `FAILED` for `OK` and `ERROR`; every other byte as it is.
    /// `None` where it was written by somebody else.
    pub fn with_completed_words(body: &[u8]) -> Option<Vec<u8>> {
        let ends = |status: WebhookStatus| format!(", \"status\": \"{}\"}}", status.as_str());
        let words = [(WebhookStatus::Ok, "COMPLETED"), (WebhookStatus::Error, "FAILED")];
        words.into_iter().find_map(|(status, word)| {
            let rest = body.strip_suffix(ends(status).as_bytes())?;
            Some([rest, format!(", \"status\": \"{word}\"}}").as_bytes()].concat())
        })
    }

    /// Reads a delivery of any sender. The signature must have been checked over the same bytes before.
    pub fn parse(body: &'a [u8]) -> Result<WebhookBody<'a>, WebhookError> {
        let read: Read<'a> = serde_json::from_slice(body)?;
        let status = WebhookStatus::read(&read.status).ok_or(WebhookError::UnknownStatus)?;
        let first = GatewayRequestId::from(&read.request_id);
        Ok(WebhookBody {
            gateway_request_id: read.gateway_request_id.unwrap_or(first),
            request_id: read.request_id,
            status,
            payload: read.payload.filter(|payload| payload.get() != "null"),
            error: read.error.and_then(text_of),
            payload_error: read.payload_error.and_then(text_of),
        })
    }

    /// For a failed request: the model's own words where it gave any, else the sender's.
    pub fn failure(&self) -> Option<String> {
        if self.status == WebhookStatus::Ok {
            return None;
        }
        let said = self.payload.and_then(|payload| ErrorBody::parse(payload.get().as_bytes()));
        let said = said.map(|body| body.summary()).filter(|summary| !summary.is_empty());
        Some(
            said.or_else(|| self.error.as_deref().map(str::to_owned))
                .unwrap_or_else(|| "The request failed.".to_owned()),
        )
    }
}

/// A string's content, any other value's JSON, nothing for `null`.
fn text_of(value: &RawValue) -> Option<Cow<'_, str>> {
    match value.get() {
        "null" => None,
        json => Some(serde_json::from_str::<String>(json).map_or(Cow::Borrowed(json), Cow::Owned)),
    }
}

#[derive(Deserialize)]
struct Read<'a> {
    request_id: RequestId,
    gateway_request_id: Option<GatewayRequestId>,
    status: String,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    payload_error: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_words_change_nothing_else_and_are_read_back() {
        let (id, payload) = (RequestId::parse("r").unwrap(), r#"{"a": ", \"status\": \"OK\"}", "b": 1.10}"#);
        let payload: &RawValue = serde_json::from_str(payload).unwrap();
        let gateway = GatewayRequestId::from(&id);
        let ok = WebhookBody::ok(id.clone(), gateway.clone(), payload).to_json();
        let failed = WebhookBody::failed(id, gateway, 422, Some(payload)).to_json();
        for (body, word, status) in [(ok, "COMPLETED", WebhookStatus::Ok), (failed, "FAILED", WebhookStatus::Error)] {
            let mapped = WebhookBody::with_completed_words(body.as_bytes()).unwrap();
            let read = WebhookBody::parse(&mapped).unwrap();
            assert_eq!((read.status, read.payload.unwrap().get()), (status, payload.get()));
            let text = String::from_utf8(mapped).unwrap();
            assert_eq!(text.replace(word, status.as_str()), body);
        }
        assert_eq!(WebhookBody::with_completed_words(br#"{"status":"OK"}"#), None);
    }
}
