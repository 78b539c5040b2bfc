//! Why a request was not served, and the bodies that fal's clients read.
//!
//! Status codes are given in one place, as the last step. 409 is never among them: the Python client takes it for a reason
//! to try again.

use std::any::Any;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{HeaderValue, RETRY_AFTER};
use plantain_blobs::BlobError;
use plantain_queue::engine::SubmitError;
use plantain_queue::store::StoreError;
use plantain_wire::error::{self, ErrorBody, ErrorType};
use plantain_wire::options::OptionsError;

use crate::json::JsonFault;
use crate::keys::KeyError;
use crate::part_list::PartFault;
use crate::proxy::ProxyFault;
use crate::reply;
use crate::tokens::TokenFault;
use crate::webhook_url::WebhookFault;

#[derive(Debug)]
pub(crate) enum Refusal {
    Key(KeyError),
    /// A temporary token that does not open this.
    Token(TokenFault),
    /// The key makes work faster than it may.
    TooFast {
        wait: Duration,
    },
    /// The key is good, but not for this.
    NotOperator,
    UnknownKey {
        id: String,
    },
    /// The key can't be ended here.
    ConfiguredKey,
    /// Nothing comes under it any more, so that nothing of it can be changed.
    RevokedKey,
    /// The Host header is missing, is there twice or is none.
    Host,
    HeadersTooLarge {
        limit_bytes: usize,
    },
    /// A proxied call whose target can't be meant.
    Proxy(ProxyFault),
    UnknownPath {
        path: String,
    },
    Method,
    UnknownApplication {
        app: String,
    },
    /// No such request, or not this account's.
    UnknownRequest,
    UnknownFile,
    /// As [`Refusal::UnknownRequest`], in the console's form.
    NoSuchRequest,
    NoSuchDelivery,
    /// What has not ended is delivered on its schedule.
    StillOwed,
    /// An input or output that was not to be kept, or is not there yet.
    NotKept,
    /// There is nothing left to cancel.
    HasEnded,
    /// It can't be tried again while it is being tried.
    HasNotEnded,
    /// Its input is gone.
    NothingToRepeat,
    NotJson(JsonFault),
    MediaType,
    BodyTooLarge {
        limit_bytes: u64,
    },
    /// The body stood still for too long.
    BodyTooSlow,
    /// The connection ended before the body did.
    BodyBroken,
    /// A header or a field says what can't be.
    Unreadable {
        name: &'static str,
        expected: &'static str,
    },
    Webhook(WebhookFault),
    /// A header that must be right is wrong.
    Options(OptionsError),
    /// More requests wait than the caller wants to stand behind.
    QueueFull,
    /// An idempotency key that came before with another request.
    KeyReused,
    /// The signature of an upload address is missing or wrong.
    Ticket,
    TicketExpired,
    /// The upload address was used before, for other bytes.
    UploadTaken,
    /// A token for the CDN that opens nothing, or nothing any more.
    CdnToken,
    /// An upload in parts of somebody else.
    UnknownUpload,
    /// An upload in parts that is complete.
    UploadFinished,
    Parts(PartFault),
    /// The file's list does not let this reader in.
    FileForbidden,
    TookTooLong,
    /// Other calls hold as much as all may together.
    NoRoom,
    Store(StoreError),
    Blobs(BlobError),
    Panic,
}

impl From<KeyError> for Refusal {
    fn from(error: KeyError) -> Refusal {
        match error {
            KeyError::Store(error) => Refusal::Store(error),
            error => Refusal::Key(error),
        }
    }
}

impl From<TokenFault> for Refusal {
    fn from(fault: TokenFault) -> Refusal {
        Refusal::Token(fault)
    }
}

impl From<ProxyFault> for Refusal {
    fn from(fault: ProxyFault) -> Refusal {
        Refusal::Proxy(fault)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        Refusal::Store(error)
    }
}

impl From<BlobError> for Refusal {
    fn from(error: BlobError) -> Refusal {
        Refusal::Blobs(error)
    }
}

impl From<WebhookFault> for Refusal {
    fn from(fault: WebhookFault) -> Refusal {
        Refusal::Webhook(fault)
    }
}

impl From<OptionsError> for Refusal {
    fn from(error: OptionsError) -> Refusal {
        Refusal::Options(error)
    }
}

impl Refusal {
    pub(crate) fn of_submit(error: SubmitError, app: &str) -> Refusal {
        match error {
            SubmitError::UnknownEndpoint => Refusal::UnknownApplication { app: app.to_owned() },
            SubmitError::KeyReused => Refusal::KeyReused,
            SubmitError::QueueFull => Refusal::QueueFull,
            SubmitError::Store(error) => Refusal::Store(error),
        }
    }

    fn http_status(&self) -> u16 {
        match self {
            Refusal::Key(_) | Refusal::Token(_) | Refusal::CdnToken => 401,
            Refusal::FileForbidden => 403,
            Refusal::UnknownUpload => 404,
            Refusal::UploadFinished | Refusal::Parts(_) | Refusal::RevokedKey => 400,
            Refusal::Ticket | Refusal::TicketExpired | Refusal::NotOperator => 403,
            Refusal::UnknownPath { .. } | Refusal::UnknownApplication { .. } => 404,
            Refusal::UnknownRequest | Refusal::UnknownFile | Refusal::UnknownKey { .. } => 404,
            Refusal::NoSuchRequest | Refusal::NoSuchDelivery | Refusal::NotKept => 404,
            Refusal::HasEnded | Refusal::HasNotEnded | Refusal::NothingToRepeat | Refusal::StillOwed => 400,
            Refusal::Method => 405,
            Refusal::BodyTooSlow => 408,
            Refusal::Proxy(ProxyFault::Elsewhere) => 412,
            Refusal::BodyTooLarge { .. } => 413,
            Refusal::HeadersTooLarge { .. } => 431,
            Refusal::Proxy(_) => 400,
            Refusal::MediaType => 415,
            Refusal::Host | Refusal::NotJson(_) | Refusal::BodyBroken => 400,
            Refusal::Unreadable { .. } | Refusal::Options(_) | Refusal::Webhook(_) | Refusal::UploadTaken => 400,
            Refusal::KeyReused | Refusal::ConfiguredKey => 422,
            Refusal::TooFast { .. } | Refusal::QueueFull => 429,
            Refusal::Store(StoreError::Corrupt { .. }) | Refusal::Panic => 500,
            Refusal::Store(_) | Refusal::Blobs(_) | Refusal::NoRoom => 503,
            Refusal::TookTooLong => 504,
        }
    }

    fn error_type(&self) -> Option<ErrorType> {
        match self.http_status() {
            400 => Some(ErrorType::BadRequest),
            500 | 503 => Some(ErrorType::InternalError),
            504 => Some(ErrorType::RequestTimeout),
            _ => None,
        }
    }

    fn detail(&self) -> String {
        match self {
            Refusal::Key(KeyError::Missing) => {
                "No credentials were sent. Send the header 'Authorization: Key <key_id>:<key_secret>'.".into()
            }
            Refusal::Key(KeyError::Form) => error::invalid_key_header().summary(),
            Refusal::Key(KeyError::Unknown | KeyError::Store(_)) => error::unknown_key().summary(),
            Refusal::TooFast { wait } => {
                format!("This key makes requests too fast. Try again in {} s.", seconds(*wait))
            }
            Refusal::NotOperator => "This key may not do that. Send the admin token, or a key of scope ADMIN.".into(),
            Refusal::UnknownKey { id } => format!("There is no key '{id}'."),
            Refusal::ConfiguredKey => {
                "This key is given by PLANTAIN_KEYS, or is the queue's own from the file api-key in its data folder; \
                 it can only be changed there."
                    .into()
            }
            Refusal::RevokedKey => "This key is revoked; nothing of it can be changed.".into(),
            Refusal::Token(fault) => format!("{fault}. Ask for another one at /tokens/."),
            Refusal::Host => "The Host header is missing or malformed.".into(),
            Refusal::HeadersTooLarge { limit_bytes } => format!("The headers are larger than {limit_bytes} bytes."),
            Refusal::Proxy(fault) => format!("This call can't be proxied: {fault}."),
            Refusal::UnknownPath { path } => error::path_not_found(path).summary(),
            Refusal::Method => "Method Not Allowed".into(),
            Refusal::UnknownApplication { app } => error::application_not_found(app).summary(),
            Refusal::UnknownRequest => "Request not found".into(),
            Refusal::UnknownFile => "File not found".into(),
            Refusal::NoSuchRequest => "There is no such request, or it has expired.".into(),
            Refusal::NoSuchDelivery => "There is no such delivery, or it has expired.".into(),
            Refusal::StillOwed => "The delivery has not ended; it is tried again on its schedule.".into(),
            Refusal::NotKept => "It is not there: it was not to be kept, or there is none yet.".into(),
            Refusal::HasEnded => "The request has ended; there is nothing to cancel.".into(),
            Refusal::HasNotEnded => "The request has not ended; cancel it first.".into(),
            Refusal::NothingToRepeat => "The request's input is not kept, so it can't be run again.".into(),
            Refusal::NotJson(fault) => json_detail(*fault),
            Refusal::MediaType => "Send the input as application/json; files are uploaded on their own.".into(),
            Refusal::BodyTooLarge { limit_bytes } => format!("The body is larger than {limit_bytes} bytes."),
            Refusal::BodyTooSlow => "The body did not arrive in time.".into(),
            Refusal::BodyBroken => "The body broke off.".into(),
            Refusal::Unreadable { name, expected } => format!("'{name}' must be {expected}."),
            Refusal::Webhook(fault) => fault.to_string(),
            Refusal::Options(error) => format!("{error}."),
            Refusal::QueueFull => "More requests wait in this queue than 'fal_max_queue_length' allows.".into(),
            Refusal::KeyReused => "This Idempotency-Key was used before for another request.".into(),
            Refusal::Ticket => {
                "This upload address was not made here. Ask for one with /storage/upload/initiate.".into()
            }
            Refusal::TicketExpired => "This upload address has expired. Ask for another one.".into(),
            Refusal::UploadTaken => "This upload address was used before for another file. Ask for another one.".into(),
            Refusal::CdnToken => {
                "This token has expired, went with its key, or was not made here. Ask for one at /storage/auth/token."
                    .into()
            }
            Refusal::UnknownUpload => "Upload not found".into(),
            Refusal::UploadFinished => "This upload is complete and takes no more parts.".into(),
            Refusal::Parts(fault) => format!("The upload can't be completed: {fault}."),
            Refusal::FileForbidden => "This file may not be read by you.".into(),
            Refusal::TookTooLong => "Request timed out".into(),
            Refusal::NoRoom => "The server holds as many payloads as it has room for. Try again in a moment.".into(),
            Refusal::Store(StoreError::Full(_)) | Refusal::Blobs(BlobError::Full(_)) => {
                "The server's disk is full. Its operator must make room.".into()
            }
            Refusal::Store(StoreError::Unavailable(_)) | Refusal::Blobs(BlobError::Unavailable(_)) => {
                "The server can't reach its storage. Try again in a moment.".into()
            }
            Refusal::Store(StoreError::Corrupt { .. }) | Refusal::Panic => "Internal server error".into(),
        }
    }

    /// May the same request work in a moment?
    fn transient(&self) -> bool {
        matches!(
            self,
            Refusal::Store(StoreError::Unavailable(_))
                | Refusal::Blobs(BlobError::Unavailable(_))
                | Refusal::TooFast { .. }
                | Refusal::QueueFull
                | Refusal::TookTooLong
                | Refusal::NoRoom
                | Refusal::BodyTooSlow
                | Refusal::BodyBroken
        )
    }

    /// Logged here, once; what the caller did wrong is the caller's to know.
    fn log(&self) {
        match self {
            Refusal::Store(error) => tracing::error!(error = error as &dyn std::error::Error, "gateway.store_failed"),
            Refusal::Blobs(error) => tracing::error!(error = error as &dyn std::error::Error, "gateway.blobs_failed"),
            Refusal::TookTooLong => tracing::error!("gateway.call_took_too_long"),
            _ => {}
        }
    }
}

fn json_detail(fault: JsonFault) -> String {
    match fault {
        JsonFault::NotUtf8 => "The body is not UTF-8.".into(),
        JsonFault::Malformed { line, column } => {
            format!("The body is not valid JSON (line {line}, column {column}).")
        }
        JsonFault::TooDeep { limit } => format!("The body is nested more than {limit} levels deep."),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.log();
        let status = self.http_status();
        let body = match &self {
            Refusal::UnknownRequest => error::not_found().to_owned(),
            refusal => ErrorBody::Request { detail: refusal.detail(), error_type: refusal.error_type() }.to_json(),
        };
        let mut response = reply::json(status, body);
        reply::explain(&mut response, self.error_type(), self.transient());
        match self {
            Refusal::TooFast { wait } => drop(response.headers_mut().insert(RETRY_AFTER, seconds(wait).into())),
            refusal if refusal.transient() && status == 503 => {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

/// Whole seconds, rounded up: who comes back earlier is refused again.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// A panic is our bug; the caller learns that it was not theirs.
pub(crate) fn after_panic(_panic: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("gateway.panicked: a bug");
    Refusal::Panic.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn answers(refusal: Refusal, status: u16, kind: Option<ErrorType>, transient: bool) {
        let shown = format!("{refusal:?}");
        assert_eq!(
            (refusal.http_status(), refusal.error_type(), refusal.transient()),
            (status, kind, transient),
            "{shown}"
        );
        assert!(!refusal.detail().is_empty(), "{shown}");
    }

    #[test]
    fn every_refusal_says_whether_to_try_again() {
        let broken = || Box::<dyn std::error::Error + Send + Sync>::from("the disk");
        answers(Refusal::Key(KeyError::Missing), 401, None, false);
        answers(Refusal::TooFast { wait: Duration::from_millis(1500) }, 429, None, true);
        answers(Refusal::QueueFull, 429, None, true);
        answers(Refusal::NotOperator, 403, None, false);
        answers(Refusal::Token(TokenFault::Expired), 401, None, false);
        answers(Refusal::Proxy(ProxyFault::Missing), 400, Some(ErrorType::BadRequest), false);
        answers(Refusal::Proxy(ProxyFault::Elsewhere), 412, None, false);
        answers(Refusal::HeadersTooLarge { limit_bytes: 1 }, 431, None, false);
        answers(Refusal::Method, 405, None, false);
        answers(Refusal::MediaType, 415, None, false);
        answers(Refusal::BodyTooLarge { limit_bytes: 1 }, 413, None, false);
        answers(Refusal::KeyReused, 422, None, false);
        answers(Refusal::Ticket, 403, None, false);
        answers(Refusal::NoRoom, 503, Some(ErrorType::InternalError), true);
        answers(Refusal::TookTooLong, 504, Some(ErrorType::RequestTimeout), true);
        answers(Refusal::Panic, 500, Some(ErrorType::InternalError), false);
        answers(Refusal::Store(StoreError::Unavailable(broken())), 503, Some(ErrorType::InternalError), true);
        answers(Refusal::Store(StoreError::Full(broken())), 503, Some(ErrorType::InternalError), false);
        let corrupt = StoreError::Corrupt { table: "request", column: "state", row: "r".into() };
        answers(Refusal::Store(corrupt), 500, Some(ErrorType::InternalError), false);
    }

    #[test]
    fn what_went_wrong_inside_stays_inside() {
        let error = StoreError::Unavailable("password=hunter2".into());
        assert!(!Refusal::Store(error).detail().contains("hunter2"));
        let corrupt = StoreError::Corrupt { table: "request", column: "state", row: "secret-row".into() };
        assert!(!Refusal::Store(corrupt).detail().contains("secret-row"));
    }
}
