//! The console: what an operator sees and does of the whole queue, as an API under `/console/api/` and a page under `/console`.
//!
//! The page has no private door: it asks the API, with the operator's token, like anybody else.

mod bounded;
mod deliveries;
mod detail;
mod filter;
mod keys;
mod list;
mod page;
mod request;
mod webhooks;

use axum::Router;
use axum::response::Response;
use axum::routing::{delete, get, post};
use serde::Serialize;

pub(crate) use self::page::with_slash;

use crate::{Gateway, reply};

/// In whose share the bodies of operators are counted.
const OPERATOR: &str = "operator";

pub(crate) fn routes() -> Router<Gateway> {
    Router::new()
        .route("/", get(page::list))
        .route("/deliveries", get(page::deliveries))
        .route("/keys", get(page::keys))
        .route("/requests/{id}", get(page::request))
        .route("/assets/{edition}/{name}", get(page::asset))
        .route("/api/deliveries", get(deliveries::list))
        .route("/api/deliveries/redeliver", post(deliveries::redeliver_dead))
        .route("/api/deliveries/{id}", get(deliveries::one))
        .route("/api/deliveries/{id}/redeliver", post(deliveries::redeliver))
        .route("/api/hosts", get(deliveries::hosts))
        .route("/api/keys", get(keys::list).post(keys::create))
        .route("/api/keys/{id}", delete(keys::revoke).patch(keys::change))
        .route("/api/summary", get(list::summary))
        .route("/api/requests", get(list::requests))
        .route("/api/requests/{id}", get(request::one))
        .route("/api/requests/{id}/input", get(request::input))
        .route("/api/requests/{id}/output", get(request::output))
        .route("/api/requests/{id}/cancel", post(request::cancel))
        .route("/api/requests/{id}/retry", post(request::retry))
}

fn answer(status: u16, said: &impl Serialize) -> Response {
    reply::json(status, serde_json::to_string(said).expect("strings, numbers and times always serialise"))
}
