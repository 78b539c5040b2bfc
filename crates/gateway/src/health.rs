//! `GET /healthz` and `GET /readyz`: is the process up, and can it work?

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::refusal::Refusal;
use crate::{Gateway, reply};

/// An id that no file has, since ids are hexadecimal.
const NO_FILE: &str = "readyz";

pub(crate) async fn alive() -> Response {
    reply::json(200, r#"{"status":"ok"}"#)
}

/// Asks the database one question, and the engine whether it works.
pub(crate) async fn ready(State(gateway): State<Gateway>) -> Response {
    if !gateway.engine.is_working() {
        return reply::json(503, r#"{"status":"a part of the queue stands still"}"#);
    }
    match gateway.engine.file(NO_FILE).await {
        Ok(_) if gateway.shutdown.has_begun() => reply::json(503, r#"{"status":"stopping"}"#),
        // No reason to send calls elsewhere: it is the receivers that fail.
        Ok(_) => match gateway.engine.reported_hosts() {
            0 => reply::json(200, r#"{"status":"ok"}"#),
            failing => reply::json(200, format!(r#"{{"status":"ok","failingWebhookHosts":{failing}}}"#)),
        },
        Err(error) => Refusal::Store(error).into_response(),
    }
}
