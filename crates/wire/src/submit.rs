//! The queue's answer to a submit.
//!
//! Written with exactly the keys that fal sends, plus `gateway_request_id`, which one of fal's pages documents. Read leniently:
//! only the request id is needed.

use serde::{Deserialize, Serialize};

use crate::id::{GatewayRequestId, RequestId};
use crate::status::Urls;

/// A request was accepted. fal's clients follow the three URLs, so they must be absolute and reachable by the caller.
#[derive(Clone, Debug, PartialEq)]
pub struct SubmitReply {
    pub request_id: RequestId,
    /// Of the first attempt.
    pub gateway_request_id: GatewayRequestId,
    /// `None` where another server left one out.
    pub urls: Option<Urls>,
    /// How many requests are ahead.
    pub queue_position: u64,
}

/// The body is no submit reply.
#[derive(Debug, thiserror::Error)]
#[error("this is no reply to a submit: {0}")]
pub struct SubmitError(#[from] serde_json::Error);

impl SubmitReply {
    pub fn new(request_id: RequestId, urls: Urls, queue_position: u64) -> SubmitReply {
        let gateway_request_id = GatewayRequestId::from(&request_id);
        SubmitReply { request_id, gateway_request_id, urls: Some(urls), queue_position }
    }

    pub fn to_json(&self) -> String {
        crate::json::written(self)
    }

    pub fn parse(body: &[u8]) -> Result<SubmitReply, SubmitError> {
        let read: Read = serde_json::from_slice(body)?;
        let first = GatewayRequestId::from(&read.request_id);
        Ok(SubmitReply {
            gateway_request_id: read.gateway_request_id.unwrap_or(first),
            request_id: read.request_id,
            urls: Urls::from_parts(read.response_url, read.status_url, read.cancel_url),
            queue_position: read.queue_position.unwrap_or(0),
        })
    }
}

impl Serialize for SubmitReply {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written::of(self).serialize(serializer)
    }
}

#[derive(Serialize)]
struct Written<'a> {
    status: &'static str,
    request_id: &'a RequestId,
    response_url: Option<&'a str>,
    status_url: Option<&'a str>,
    cancel_url: Option<&'a str>,
    logs: (),
    metrics: Empty,
    queue_position: u64,
    gateway_request_id: &'a GatewayRequestId,
}

#[derive(Serialize)]
struct Empty {}

impl Written<'_> {
    fn of(reply: &SubmitReply) -> Written<'_> {
        let urls = reply.urls.as_ref();
        Written {
            status: "IN_QUEUE",
            request_id: &reply.request_id,
            response_url: urls.map(|urls| urls.response_url.as_str()),
            status_url: urls.map(|urls| urls.status_url.as_str()),
            cancel_url: urls.map(|urls| urls.cancel_url.as_str()),
            logs: (),
            metrics: Empty {},
            queue_position: reply.queue_position,
            gateway_request_id: &reply.gateway_request_id,
        }
    }
}

#[derive(Deserialize)]
struct Read {
    request_id: RequestId,
    gateway_request_id: Option<GatewayRequestId>,
    response_url: Option<String>,
    status_url: Option<String>,
    cancel_url: Option<String>,
    queue_position: Option<u64>,
}
