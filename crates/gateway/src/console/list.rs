//! `GET /console/api/requests` and `GET /console/api/summary`: many requests at a glance.

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use plantain_queue::history::{Cursor, Summary};
use plantain_wire::endpoint::EndpointId;
use plantain_wire::id::{RequestId, UserId};
use serde::Serialize;

use super::{answer, filter};
use crate::Gateway;
use crate::account::Operator;
use crate::refusal::Refusal;

/// Over which time endings are counted.
const RECENT: SignedDuration = SignedDuration::from_hours(1);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageView {
    now: Timestamp,
    requests: Vec<SummaryView>,
    /// To be handed back as `before`; null: there are no more.
    next: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SummaryView {
    request_id: RequestId,
    endpoint: EndpointId,
    key_id: String,
    user_id: UserId,
    state: &'static str,
    origin: &'static str,
    attempts: u32,
    failures: u32,
    labels: BTreeMap<String, String>,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    retry_of: Option<RequestId>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CountsView {
    now: Timestamp,
    counts: States,
    /// Receivers' hosts that have failed for long, as the process that is asked knows them.
    failing_hosts: usize,
    /// Since when endings are counted.
    since: Timestamp,
}

#[derive(Serialize)]
struct States {
    waiting: u64,
    running: u64,
    succeeded: u64,
    refused: u64,
    failed: u64,
    cancelled: u64,
}

pub(super) async fn requests(
    State(gateway): State<Gateway>,
    _operator: Operator,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let filter = filter::read(query.as_deref())?;
    let page = gateway.engine.store().list(&filter).await?;
    let requests = page.requests.into_iter().map(shown).collect();
    let next = page.next.map(|Cursor(next)| next.to_string());
    Ok(answer(200, &PageView { now: gateway.clock.now(), requests, next }))
}

pub(super) async fn summary(State(gateway): State<Gateway>, _operator: Operator) -> Result<Response, Refusal> {
    let now = gateway.clock.now();
    let since = now.checked_sub(RECENT).unwrap_or(Timestamp::MIN);
    let counts = gateway.engine.store().counts(since).await?;
    let counts = States {
        waiting: counts.waiting,
        running: counts.running,
        succeeded: counts.succeeded,
        refused: counts.refused,
        failed: counts.failed,
        cancelled: counts.cancelled,
    };
    Ok(answer(200, &CountsView { now, counts, failing_hosts: gateway.engine.reported_hosts(), since }))
}

fn shown(summary: Summary) -> SummaryView {
    SummaryView {
        labels: summary.labels.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        request_id: summary.id,
        endpoint: summary.endpoint,
        key_id: summary.caller.key_id,
        user_id: summary.caller.user_id,
        state: summary.stage.as_str(),
        origin: summary.origin.as_str(),
        attempts: summary.attempts,
        failures: summary.failures,
        created_at: summary.created_at,
        started_at: summary.started_at,
        finished_at: summary.finished_at,
        retry_of: summary.retry_of,
    }
}
