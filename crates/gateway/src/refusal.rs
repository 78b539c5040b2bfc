//! Why a request was not served, and the bodies that fal's clients read.
//!
//! Status codes are given in one place, as the last step. 409 is never among them: the Python client takes it for a reason
//! to try again.

use std::any::Any;

use axum::response::{IntoResponse, Response};
use http::header::{HeaderValue, RETRY_AFTER};
use plantain_blobs::BlobError;
use plantain_queue::engine::SubmitError;
use plantain_queue::store::StoreError;
use plantain_wire::error::{self, ErrorBody, ErrorType};

use crate::json::JsonFault;
use crate::keys::KeyError;
use crate::part_list::PartFault;
use crate::reply;
use crate::webhook_url::WebhookFault;

#[derive(Debug)]
pub(crate) enum Refusal {
    Key(KeyError),
    /// The Host header is missing or is none.
    Host,
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
    Store(StoreError),
    Blobs(BlobError),
    Panic,
}

impl From<KeyError> for Refusal {
    fn from(error: KeyError) -> Refusal {
        Refusal::Key(error)
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

impl Refusal {
    pub(crate) fn of_submit(error: SubmitError, app: &str) -> Refusal {
        match error {
            SubmitError::UnknownEndpoint => Refusal::UnknownApplication { app: app.to_owned() },
            SubmitError::KeyReused => Refusal::KeyReused,
            SubmitError::Store(error) => Refusal::Store(error),
        }
    }

    fn http_status(&self) -> u16 {
        match self {
            Refusal::Key(_) | Refusal::CdnToken => 401,
            Refusal::FileForbidden => 403,
            Refusal::UnknownUpload => 404,
            Refusal::UploadFinished | Refusal::Parts(_) => 400,
            Refusal::Ticket | Refusal::TicketExpired => 403,
            Refusal::UnknownPath { .. } | Refusal::UnknownApplication { .. } => 404,
            Refusal::UnknownRequest | Refusal::UnknownFile => 404,
            Refusal::Method => 405,
            Refusal::BodyTooSlow => 408,
            Refusal::BodyTooLarge { .. } => 413,
            Refusal::MediaType => 415,
            Refusal::Host | Refusal::NotJson(_) | Refusal::BodyBroken => 400,
            Refusal::Unreadable { .. } | Refusal::Webhook(_) | Refusal::UploadTaken => 400,
            Refusal::KeyReused => 422,
            Refusal::Store(StoreError::Corrupt { .. }) | Refusal::Panic => 500,
            Refusal::Store(_) | Refusal::Blobs(_) => 503,
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
            Refusal::Key(KeyError::Unknown) => error::unknown_key().summary(),
            Refusal::Host => "The Host header is missing or malformed.".into(),
            Refusal::UnknownPath { path } => error::path_not_found(path).summary(),
            Refusal::Method => "Method Not Allowed".into(),
            Refusal::UnknownApplication { app } => error::application_not_found(app).summary(),
            Refusal::UnknownRequest => "Request not found".into(),
            Refusal::UnknownFile => "File not found".into(),
            Refusal::NotJson(fault) => json_detail(*fault),
            Refusal::MediaType => "Send the input as application/json; files are uploaded on their own.".into(),
            Refusal::BodyTooLarge { limit_bytes } => format!("The body is larger than {limit_bytes} bytes."),
            Refusal::BodyTooSlow => "The body did not arrive in time.".into(),
            Refusal::BodyBroken => "The body broke off.".into(),
            Refusal::Unreadable { name, expected } => format!("'{name}' must be {expected}."),
            Refusal::Webhook(fault) => fault.to_string(),
            Refusal::KeyReused => "This Idempotency-Key was used before for another request.".into(),
            Refusal::Ticket => {
                "This upload address was not made here. Ask for one with /storage/upload/initiate.".into()
            }
            Refusal::TicketExpired => "This upload address has expired. Ask for another one.".into(),
            Refusal::UploadTaken => "This upload address was used before for another file. Ask for another one.".into(),
            Refusal::CdnToken => {
                "This token has expired or was not made here. Ask for one at /storage/auth/token.".into()
            }
            Refusal::UnknownUpload => "Upload not found".into(),
            Refusal::UploadFinished => "This upload is complete and takes no more parts.".into(),
            Refusal::Parts(fault) => format!("The upload can't be completed: {fault}."),
            Refusal::FileForbidden => "This file may not be read by you.".into(),
            Refusal::TookTooLong => "Request timed out".into(),
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
                | Refusal::TookTooLong
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
        if self.transient() && status == 503 {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
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
        answers(Refusal::Method, 405, None, false);
        answers(Refusal::MediaType, 415, None, false);
        answers(Refusal::BodyTooLarge { limit_bytes: 1 }, 413, None, false);
        answers(Refusal::KeyReused, 422, None, false);
        answers(Refusal::Ticket, 403, None, false);
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
