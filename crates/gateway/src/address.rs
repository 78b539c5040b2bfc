//! The many forms in which clients write the address of a request, made one.
//!
//! After submit, official clients drop the path of an endpoint id, published schemas keep it, one documentation page adds
//! `/response`, and one client ends its paths with a slash and follows no redirect. All are understood here, so that the
//! routes and handlers know one form each.

use plantain_wire::endpoint::EndpointId;
use plantain_wire::id::RequestId;

/// What a path on the queue's face means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Submit(EndpointId),
    Request { request: RequestAddress, call: Call },
}

/// A submitted request, as the caller names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestAddress {
    /// With or without the path of the endpoint.
    pub(crate) endpoint: EndpointId,
    pub(crate) id: RequestId,
}

/// What is asked of a submitted request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Result,
    Status,
    Stream,
    Cancel,
}

impl Address {
    /// `path` begins with a slash. `None` where it is no address of the queue.
    pub(crate) fn parse(path: &str) -> Option<Address> {
        let path = path.strip_prefix('/')?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let Some((endpoint, rest)) = path.split_once("/requests/") else {
            return EndpointId::parse(path).ok().map(Address::Submit);
        };
        let (id, call) = rest.split_once('/').unwrap_or((rest, ""));
        let call = match call {
            "" | "response" => Call::Result,
            "status" => Call::Status,
            "status/stream" => Call::Stream,
            "cancel" => Call::Cancel,
            _ => return None,
        };
        let request = RequestAddress { endpoint: EndpointId::parse(endpoint).ok()?, id: RequestId::parse(id).ok()? };
        Some(Address::Request { request, call })
    }

    /// The path of the route that answers.
    pub(crate) fn route(&self) -> &'static str {
        match self {
            Address::Submit(_) => "/submit",
            Address::Request { call: Call::Result, .. } => "/result",
            Address::Request { call: Call::Status, .. } => "/status",
            Address::Request { call: Call::Stream, .. } => "/stream",
            Address::Request { call: Call::Cancel, .. } => "/cancel",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn asks(path: &str, endpoint: &str, call: Call) {
        let request =
            RequestAddress { endpoint: EndpointId::parse(endpoint).unwrap(), id: RequestId::parse("r-1").unwrap() };
        assert_eq!(Address::parse(path), Some(Address::Request { request, call }), "{path}");
    }

    #[track_caller]
    fn submits(path: &str, endpoint: &str) {
        assert_eq!(Address::parse(path), Some(Address::Submit(EndpointId::parse(endpoint).unwrap())), "{path}");
    }

    #[test]
    fn every_form_of_a_call_is_understood() {
        asks("/fal-ai/nano-banana/requests/r-1", "fal-ai/nano-banana", Call::Result);
        asks("/fal-ai/nano-banana/requests/r-1/", "fal-ai/nano-banana", Call::Result);
        asks("/fal-ai/nano-banana/requests/r-1/response", "fal-ai/nano-banana", Call::Result);
        asks("/fal-ai/nano-banana/edit/requests/r-1/response/", "fal-ai/nano-banana/edit", Call::Result);
        asks("/fal-ai/nano-banana/requests/r-1/status", "fal-ai/nano-banana", Call::Status);
        asks("/fal-ai/nano-banana/requests/r-1/status/", "fal-ai/nano-banana", Call::Status);
        asks("/fal-ai/kling-video/v3/pro/t/requests/r-1/status", "fal-ai/kling-video/v3/pro/t", Call::Status);
        asks("/fal-ai/nano-banana/requests/r-1/status/stream", "fal-ai/nano-banana", Call::Stream);
        asks("/workflows/me/flow/requests/r-1/cancel", "workflows/me/flow", Call::Cancel);
        asks("/comfy/me/flow/run/requests/r-1/cancel/", "comfy/me/flow/run", Call::Cancel);
        asks("/123-app/requests/r-1", "123/app", Call::Result);
    }

    #[test]
    fn everything_else_with_two_segments_is_a_submit() {
        submits("/fal-ai/nano-banana", "fal-ai/nano-banana");
        submits("/fal-ai/nano-banana/edit/", "fal-ai/nano-banana/edit");
        submits("/workflows/me/flow", "workflows/me/flow");
    }

    #[test]
    fn what_means_nothing_is_no_address() {
        for path in [
            "",
            "/",
            "//",
            "/a",
            "/a/b//",
            "/a/../b",
            "/a/b%2fc",
            "/a/b/requests",
            "/a/b/requests/",
            "/a/b/requests/..",
            "/a/b/requests/r-1/logs",
            "/a/b/requests/r-1/status/x",
            "/a/b/requests/r-1/requests/r-2",
            "/a/requests/r-1",
            "/workflows/me/requests/r-1",
            "/a/b/requests/r%201",
        ] {
            assert_eq!(Address::parse(path), None, "{path}");
        }
    }
}
