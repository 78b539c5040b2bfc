//! Deliveries of all requests: listed, and delivered once more, one by one or all that were given up.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::HeaderMap;
use jiff::Timestamp;
use plantain_queue::dead_letters::{DeadFilter, DeliveryFilter, DeliverySummary, Redelivered};
use plantain_queue::history::Cursor;
use plantain_queue::model::DeliveryState;
use plantain_wire::id::RequestId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::form_urlencoded;

use super::filter::{PAGE_USUAL, cursor, host, limit, moment, unreadable};
use super::{OPERATOR, answer, detail};
use crate::account::Operator;
use crate::path::Path;
use crate::refusal::Refusal;
use crate::{Gateway, body};

const QUERY: &str = "made of state, host, from, to, before and limit, each at most once";

#[derive(Serialize)]
struct PageView {
    now: Timestamp,
    deliveries: Vec<SummaryView>,
    /// To be handed back as `before`; null: there are no more.
    next: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SummaryView {
    id: String,
    request_id: RequestId,
    target: String,
    host: String,
    state: &'static str,
    created_at: Timestamp,
    next_at: Option<Timestamp>,
    attempts: u32,
    http_status: Option<u16>,
    reason: String,
    /// `theirs` or `ours`, where the latest attempt failed.
    fault: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OneView {
    now: Timestamp,
    request_id: RequestId,
    host: String,
    #[serde(flatten)]
    delivery: detail::DeliveryShown,
}

#[derive(Serialize)]
struct HostsView {
    now: Timestamp,
    hosts: Vec<HostView>,
}

/// A host to which nothing was delivered since an attempt failed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HostView {
    host: String,
    failing_since: Option<Timestamp>,
    /// In a row, of the host itself.
    failures: u32,
    delivered_at: Option<Timestamp>,
    /// No attempt before.
    rests_until: Option<Timestamp>,
    /// One attempt at a time.
    broken: bool,
    reason: String,
    /// The operator was told.
    reported: bool,
}

/// What is left out doesn't matter.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wish {
    host: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

pub(super) async fn list(
    State(gateway): State<Gateway>,
    _operator: Operator,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let page = gateway.engine.store().list_deliveries(&asked(query.as_deref())?).await?;
    let deliveries = page.deliveries.into_iter().map(shown).collect();
    let next = page.next.map(|Cursor(next)| next.to_string());
    Ok(answer(200, &PageView { now: gateway.clock.now(), deliveries, next }))
}

pub(super) async fn one(
    State(gateway): State<Gateway>,
    _operator: Operator,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let view = gateway.engine.store().delivery(&id).await?.ok_or(Refusal::NoSuchDelivery)?;
    let (request_id, host) = (view.delivery.request_id.clone(), view.delivery.host());
    Ok(answer(200, &OneView { now: gateway.clock.now(), request_id, host, delivery: detail::delivery(view) }))
}

/// As the process that is asked knows them.
pub(super) async fn hosts(State(gateway): State<Gateway>, _operator: Operator) -> Response {
    let hosts = gateway.engine.failing_hosts().into_iter().map(|(host, health, reported)| HostView {
        host,
        failing_since: health.failing_since,
        failures: health.failures,
        delivered_at: health.delivered_at,
        rests_until: health.rests_until,
        broken: health.is_broken(),
        reason: health.reason,
        reported,
    });
    answer(200, &HostsView { now: gateway.clock.now(), hosts: hosts.collect() })
}

pub(super) async fn redeliver(
    State(gateway): State<Gateway>,
    _operator: Operator,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    match gateway.engine.redeliver(&id).await? {
        Redelivered::Owed => Ok(answer(202, &json!({ "redelivered": 1 }))),
        Redelivered::Pending => Err(Refusal::StillOwed),
        Redelivered::Unknown => Err(Refusal::NoSuchDelivery),
    }
}

pub(super) async fn redeliver_dead(
    State(gateway): State<Gateway>,
    _operator: Operator,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let which = wished(&body::json_input(&gateway, OPERATOR, &headers, body).await?)?;
    let count = gateway.engine.redeliver_dead(&which).await?;
    Ok(answer(202, &json!({ "redelivered": count })))
}

fn wished(body: &[u8]) -> Result<DeadFilter, Refusal> {
    let expected = "an object with perhaps 'host', as host:port, and times 'from' and 'to'";
    let wish: Wish = serde_json::from_slice(body).map_err(|_| unreadable("body", expected))?;
    let host = wish.host.map(|wished| host(&wished)).transpose()?;
    in_order(wish.from, wish.to)?;
    Ok(DeadFilter { host, from: wish.from, to: wish.to })
}

fn in_order(from: Option<Timestamp>, to: Option<Timestamp>) -> Result<(), Refusal> {
    match (from, to) {
        (Some(from), Some(to)) if from >= to => Err(unreadable("to", "later than 'from'")),
        _ => Ok(()),
    }
}

fn asked(query: Option<&str>) -> Result<DeliveryFilter, Refusal> {
    let mut filter = DeliveryFilter { limit: PAGE_USUAL, ..DeliveryFilter::default() };
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if seen.iter().any(|earlier| *earlier == name) {
            return Err(unreadable("query", QUERY));
        }
        seen.push(name.clone().into_owned());
        if !value.is_empty() {
            set(&mut filter, &name, &value)?;
        }
    }
    in_order(filter.from, filter.to)?;
    Ok(filter)
}

fn set(filter: &mut DeliveryFilter, name: &str, value: &str) -> Result<(), Refusal> {
    match name {
        "state" => {
            let state = DeliveryState::parse(value).ok_or(unreadable("state", "pending, delivered or dead"))?;
            filter.state = Some(state);
        }
        "host" => filter.host = Some(host(value)?),
        "from" => filter.from = Some(moment("from", value)?),
        "to" => filter.to = Some(moment("to", value)?),
        "before" => filter.before = Some(cursor(value)?),
        "limit" => filter.limit = limit(value)?,
        _ => return Err(unreadable("query", QUERY)),
    }
    Ok(())
}

fn shown(summary: DeliverySummary) -> SummaryView {
    SummaryView {
        id: summary.id,
        request_id: summary.request_id,
        target: detail::address(&summary.target),
        host: summary.host,
        state: summary.state.as_str(),
        created_at: summary.created_at,
        next_at: summary.next_at,
        attempts: summary.attempts,
        http_status: summary.http_status,
        reason: summary.reason,
        fault: summary.fault.map(detail::fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_never_means_everything() {
        for none in ["", "shop.example", ":443", "shop.example:", "shop.example:https", "shop.example:65536"] {
            assert!(host(none).is_err(), "{none:?}");
        }
        assert_eq!(host("Shop.example:443").unwrap(), "shop.example:443");
        assert_eq!(host("[::1]:80").unwrap(), "[::1]:80");
        for bad in ["state=DEAD", "state=dead&state=dead", "hots=a", "from=now", "limit=0", "before=x", "host=a%0Ab:1"]
        {
            assert!(matches!(asked(Some(bad)), Err(Refusal::Unreadable { .. })), "{bad}");
        }
        let late = r#"{"from": "2026-02-17T11:00:00Z", "to": "2026-02-17T10:00:00Z"}"#;
        for bad in ["", "[1]", r#"{"hots": "a"}"#, r#"{"from": "now"}"#, late, r#"{"host": "shop.example"}"#] {
            assert!(matches!(wished(bad.as_bytes()), Err(Refusal::Unreadable { .. })), "{bad}");
        }
        assert_eq!(wished(b"{}").unwrap(), DeadFilter::default());
        let filter = asked(Some("state=dead&host=shop.example:443&before=7&limit=2&from=")).unwrap();
        assert_eq!((filter.state, filter.host.as_deref()), (Some(DeliveryState::Dead), Some("shop.example:443")));
        assert_eq!((filter.before, filter.limit, filter.from), (Some(Cursor(7)), 2, None));
    }
}
