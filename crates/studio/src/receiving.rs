//! The webhook about a job: verified, parsed, judged and durable before it is answered.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::json;
use url::form_urlencoded;

use plantain_inbox::capture;
use plantain_inbox::receiver::{Authentic, Raw};
use plantain_inbox::refusal::{Refusal, Remedy};
use plantain_inbox::store::{RejectedEvent, StoreError};
use plantain_wire::id::UserId;
use plantain_wire::webhook::{WebhookBody, WebhookStatus};

use crate::error::StudioError;
use crate::job::arrival::{Arrival, Arrived, Callback, NotOurs, WebhookFacts};
use crate::job::{Ended, JobId, JobResult, ResultSource};
use crate::paging;
use crate::service::Studio;

/// The largest webhook, in bytes: a few pictures inside the JSON as `data:` URIs.
pub const WEBHOOK_BYTES_MAX: usize = 8 * 1024 * 1024;

/// When a sender is asked to come again after an outage of ours, in seconds.
const RETRY_AFTER_SECONDS: u32 = 10;

/// What the sender of a webhook is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookAnswer {
    pub status: u16,
    /// For a `Retry-After` header.
    pub retry_after_seconds: Option<u32>,
    /// JSON.
    pub body: String,
}

/// Webhooks that were refused, newest first.
#[derive(Debug)]
pub struct RejectedPage {
    pub events: Vec<RejectedEvent>,
    /// Ask for those before this one to get the next page; `None` on the last.
    pub next: Option<u64>,
}

impl Studio {
    /// Takes a webhook: the headers and the raw body as they came, and the query of the address. A 2xx means durable.
    pub async fn webhook(&self, headers: &HeaderMap, query: Option<&str>, body: Bytes) -> WebhookAnswer {
        if body.len() > WEBHOOK_BYTES_MAX {
            return self.webhook_too_large(headers, Some(body.len() as u64)).await;
        }
        let headers = pairs(headers);
        let raw = Raw { headers: &headers, body: &body };
        let authentic = match self.0.receiver.verify(raw).await {
            Ok(authentic) => authentic,
            Err(refusal) => return of_refusal(&refusal),
        };
        let arrival = match read(&authentic, raw, callback(query)) {
            Ok(arrival) => arrival,
            Err(why) => {
                self.0.receiver.record(raw, why.code(), &why.to_string()).await;
                return refused(400, why.code(), &why.to_string());
            }
        };
        match self.0.store.result_arrived(&arrival, self.0.clock.now()).await {
            Ok(arrived) => self.answer(raw, &arrived).await,
            Err(error) => unavailable(&error),
        }
    }

    /// A webhook whose body was not read to its end, since it has more than [`WEBHOOK_BYTES_MAX`] bytes: so many, if that is
    /// known, and at least one more.
    pub async fn webhook_too_large(&self, headers: &HeaderMap, body_bytes: Option<u64>) -> WebhookAnswer {
        let words =
            format!("A webhook may have {WEBHOOK_BYTES_MAX} bytes; this one has more and was not read to its end.");
        let (code, headers) = ("webhook_too_large", pairs(headers));
        let body_bytes = body_bytes.unwrap_or(0).max(WEBHOOK_BYTES_MAX as u64 + 1);
        self.0.receiver.record_unread(&headers, body_bytes, code, &words).await;
        refused(413, code, &words)
    }

    /// The webhooks that were refused lately, newest first.
    pub async fn rejected(&self, before: Option<u64>, limit: usize) -> Result<RejectedPage, StudioError> {
        let mut events = self.0.receiver.rejected(before, limit + 1).await?;
        let next = paging::cut(&mut events, limit, |(number, _)| *number);
        Ok(RejectedPage { events: events.into_iter().map(|(_, event)| event).collect(), next })
    }

    async fn answer(&self, raw: Raw<'_>, arrived: &Arrived) -> WebhookAnswer {
        match arrived {
            Arrived::Applied(job) => {
                tracing::info!(%job, "webhook.accepted {job}");
                self.0.announce_result(job);
                accepted()
            }
            Arrived::Noted(job) => {
                tracing::info!(%job, "webhook.accepted {job}");
                self.0.announce(job);
                accepted()
            }
            Arrived::Duplicate(job) => {
                tracing::debug!(%job, "webhook.duplicate {job}");
                accepted()
            }
            Arrived::UnknownRequest => {
                let words = "No job here has this request, or not yet. The sender should try again later.";
                self.0.receiver.record(raw, "unknown_request", words).await;
                refused(404, "unknown_request", words)
            }
            Arrived::NotOurs(why) => {
                self.0.receiver.record(raw, code_of(*why), &why.to_string()).await;
                refused(401, code_of(*why), &why.to_string())
            }
        }
    }
}

fn pairs(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

/// Why an authentic body can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Unreadable {
    #[error("The signature is right, but the body is not the JSON of a webhook.")]
    Malformed,
    #[error("The signature is right, but the body is about another request than its headers.")]
    RequestsDiffer,
}

impl Unreadable {
    fn code(self) -> &'static str {
        match self {
            Unreadable::Malformed => "webhook_malformed",
            Unreadable::RequestsDiffer => "request_ids_differ",
        }
    }
}

fn read(authentic: &Authentic, raw: Raw<'_>, callback: Callback) -> Result<Arrival, Unreadable> {
    let body = WebhookBody::parse(raw.body).map_err(|_| Unreadable::Malformed)?;
    let user_id: Option<UserId> = match authentic {
        Authentic::Signed { request_id, .. } if *request_id != body.request_id => {
            return Err(Unreadable::RequestsDiffer);
        }
        Authentic::Signed { unchecked, .. } => unchecked.clone(),
        Authentic::Hmac => None,
    };
    let payload = body.payload.map(|payload| raw.body.slice_ref(payload.get().as_bytes()));
    let ended = match (body.status, payload) {
        (WebhookStatus::Ok, Some(output)) => Some(Ended::Output(output)),
        (WebhookStatus::Ok, None) => None,
        (WebhookStatus::Error, body_of_error) => {
            Some(Ended::Error { body: body_of_error, said: body.error.as_deref().map(str::to_owned) })
        }
    };
    let webhook = WebhookFacts {
        user_id,
        callback,
        headers: capture::headers(raw.headers.iter().copied()),
        body: raw.body.clone(),
        body_sha256: capture::sha256(raw.body),
    };
    Ok(Arrival {
        request_id: body.request_id,
        result: ended.map(|ended| JobResult { source: ResultSource::Webhook, ended }),
        webhook: Some(webhook),
    })
}

/// What our own submit wrote into the callback address; of repeated names the first counts.
fn callback(query: Option<&str>) -> Callback {
    let mut callback = Callback::default();
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            "jobId" if callback.job.is_none() => callback.job = JobId::parse(&value),
            "token" if callback.token.is_none() => callback.token = Some(value.into_owned()),
            _ => {}
        }
    }
    callback
}

fn code_of(why: NotOurs) -> &'static str {
    match why {
        NotOurs::OtherAccount => "other_account",
        NotOurs::OtherJob => "other_job",
        NotOurs::WrongToken => "wrong_token",
    }
}

fn accepted() -> WebhookAnswer {
    WebhookAnswer { status: 200, retry_after_seconds: None, body: r#"{"ok":true}"#.to_owned() }
}

fn of_refusal(refusal: &Refusal) -> WebhookAnswer {
    match refusal.remedy() {
        Remedy::None => refused(401, refusal.code(), &refusal.explain()),
        Remedy::Later => later(refusal.code(), &refusal.explain()),
    }
}

fn unavailable(error: &StoreError) -> WebhookAnswer {
    tracing::error!(%error, "webhook.not_stored");
    later("storage_unavailable", "The webhook could not be stored.")
}

fn later(code: &str, message: &str) -> WebhookAnswer {
    WebhookAnswer { retry_after_seconds: Some(RETRY_AFTER_SECONDS), ..refused(503, code, message) }
}

fn refused(status: u16, code: &str, message: &str) -> WebhookAnswer {
    let hint = match status {
        401 => "Compare the sender's account, key, clock and address with this studio's settings.",
        404 | 503 => "Send the same again later.",
        _ => "Send what the queue's protocol describes.",
    };
    let body = json!({ "error": { "code": code, "message": message, "hint": hint } });
    WebhookAnswer { status, retry_after_seconds: None, body: body.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "019d9e0b-6eb0-7920-827a-868d042ec76e";

    fn arrival(json: &str) -> Result<Arrival, Unreadable> {
        let authentic = Authentic::Signed { request_id: ID.parse().unwrap(), unchecked: None };
        let body = Bytes::copy_from_slice(json.as_bytes());
        read(&authentic, Raw { headers: &[], body: &body }, Callback::default())
    }

    #[test]
    fn what_a_body_says_is_kept_byte_for_byte() {
        let seed = "17454220438242315174000000000000000000000000000000000000";
        let json = format!(r#"{{"request_id":"{ID}","status":"OK","payload":{{"seed" : {seed}}}}}"#);
        let result = arrival(&json).unwrap().result.unwrap();
        assert_eq!(result.ended, Ended::Output(Bytes::from(format!(r#"{{"seed" : {seed}}}"#))));
    }

    #[test]
    fn an_ok_without_a_payload_is_no_result() {
        let json = format!(r#"{{"request_id":"{ID}","status":"OK","payload":null,"payload_error":"too big"}}"#);
        assert_eq!(arrival(&json).unwrap().result, None);
    }

    #[test]
    fn an_error_keeps_the_models_words() {
        let json = format!(
            r#"{{"request_id":"{ID}","status":"ERROR","error":"Invalid status code: 422","payload":{{"detail":"x"}}}}"#
        );
        let ended = arrival(&json).unwrap().result.unwrap().ended;
        let said = Some("Invalid status code: 422".to_owned());
        assert_eq!(ended, Ended::Error { body: Some(Bytes::from_static(b"{\"detail\":\"x\"}")), said });
    }

    #[test]
    fn garbage_under_a_right_signature_is_malformed() {
        for bad in ["", "{}", "[]", "null", r#"{"request_id":"a","status":"MAYBE"}"#] {
            assert_eq!(arrival(bad), Err(Unreadable::Malformed), "{bad}");
        }
        let other = r#"{"request_id":"another","status":"OK","payload":{}}"#;
        assert_eq!(arrival(other), Err(Unreadable::RequestsDiffer));
    }

    #[test]
    fn the_callback_is_read_leniently_and_only_once() {
        let job = JobId::new(jiff::Timestamp::UNIX_EPOCH);
        let read = callback(Some(&format!("jobId={job}&token=a&token=b&jobId=x")));
        assert_eq!(read, Callback { job: Some(job), token: Some("a".into()) });
        for query in [None, Some(""), Some("jobId=123"), Some("&&&==")] {
            assert_eq!(callback(query), Callback::default(), "{query:?}");
        }
    }
}
