//! Reads bodies within their bounds in size and time.

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use plantain_work::Clock;

use crate::memory::Room;
use crate::refusal::Refusal;
use crate::{Gateway, json};

/// What a missing body means.
const EMPTY_INPUT: &[u8] = b"{}";

/// A model's input as it came, in the share of an account. Any JSON is taken, since judging it is the model's part, as it is at fal.
pub(crate) async fn json_input(
    gateway: &Gateway,
    account: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes, Refusal> {
    if !may_be_json(headers) {
        return Err(Refusal::MediaType);
    }
    let bytes = all_of(gateway, account, headers, body).await?;
    if bytes.trim_ascii().is_empty() {
        return Ok(Bytes::from_static(EMPTY_INPUT));
    }
    json::check(&bytes, gateway.limits.json_depth).map_err(Refusal::NotJson)?;
    Ok(bytes)
}

/// Clients are lenient about the type, so only what can't be meant as JSON is refused unread.
fn may_be_json(headers: &HeaderMap) -> bool {
    let encoded = headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let files = ["multipart/", "image/", "video/", "audio/"];
    !encoded
        && !files.iter().any(|kind| declared.get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind)))
}

/// Bytes that keep trickling never stand still, so there is a bound for the whole as well.
async fn all_of(gateway: &Gateway, account: &str, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let limit = gateway.limits.json_bytes;
    admit(headers, limit as u64)?;
    let room = gateway.memory.room(account);
    let all = gathered(gateway, room, body, declared_length(headers), limit);
    let all = gateway.clock.timeout(gateway.limits.body, all).await;
    all.unwrap_or(Err(Refusal::BodyTooSlow))
}

/// What was not sent yet takes up no room.
async fn gathered(
    gateway: &Gateway,
    mut room: Room,
    body: Body,
    declared: Option<u64>,
    limit: usize,
) -> Result<Bytes, Refusal> {
    let most = declared.and_then(|length| usize::try_from(length).ok()).unwrap_or(limit).min(limit);
    let mut all = Vec::new();
    let mut stream = std::pin::pin!(unstalled(body, gateway));
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        if all.len() + chunk.len() > limit {
            return Err(Refusal::BodyTooLarge { limit_bytes: limit as u64 });
        }
        let needed = all.len() + chunk.len();
        if needed > all.capacity() {
            // In steps that grow, so that little is copied; never beyond what can come.
            let wider = needed.max((all.capacity() * 3 / 2).min(most));
            room.widen(wider).await?;
            all.reserve_exact(wider - all.len());
        }
        all.extend_from_slice(&chunk);
    }
    Ok(room.keep(all.into()))
}

/// Refuses what says that it is too large before any of it is read.
pub(crate) fn admit(headers: &HeaderMap, limit_bytes: u64) -> Result<(), Refusal> {
    match declared_length(headers) {
        Some(length) if length > limit_bytes => Err(Refusal::BodyTooLarge { limit_bytes }),
        _ => Ok(()),
    }
}

pub(crate) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The body's chunks; an error where none comes for too long.
pub(crate) fn unstalled(body: Body, gateway: &Gateway) -> impl Stream<Item = Result<Bytes, Refusal>> + Send + use<> {
    let (clock, idle) = (gateway.clock.clone(), gateway.limits.body_idle);
    futures_util::stream::unfold(Some(body.into_data_stream()), move |stream| {
        let clock = clock.clone();
        async move {
            let mut stream = stream?;
            let chunk = next_within(&clock, idle, &mut stream).await?;
            let rest = chunk.is_ok().then_some(stream);
            Some((chunk, rest))
        }
    })
}

async fn next_within(
    clock: &Clock,
    idle: std::time::Duration,
    stream: &mut BodyDataStream,
) -> Option<Result<Bytes, Refusal>> {
    match clock.timeout(idle, stream.next()).await {
        Some(chunk) => chunk.map(|chunk| chunk.map_err(|_| Refusal::BodyBroken)),
        None => Some(Err(Refusal::BodyTooSlow)),
    }
}
