//! The calls of a queue: submit once, then ask as often as you like.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use plantain_outbound::transport::{self, SetupError};
use plantain_wire::cancel::CancelReply;
use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::{ErrorBody, ErrorType};
use plantain_wire::header;
use plantain_wire::id::RequestId;
use plantain_wire::status::{StatusBody, Urls};
use plantain_wire::submit::SubmitReply;
use reqwest::{Method, RequestBuilder};
use url::Url;

use crate::call::{ANSWER_BYTES_MAX, CALL_DEADLINE, once, safely};
use crate::endpoints::{ApiKey, Endpoints, join};
use crate::error::{ClientError, Fault};
use crate::upload::CdnToken;

/// The largest result: a few pictures inside the JSON as `data:` URIs.
pub const RESULT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long the transfer of a result may take.
const RESULT_DEADLINE: Duration = Duration::from_secs(120);

/// A client of one queue. Cheap to clone.
#[derive(Clone, Debug)]
pub struct QueueClient {
    pub(crate) endpoints: Endpoints,
    key: Option<ApiKey>,
    pub(crate) http: reqwest::Client,
    /// Shared by clones, so that they all upload with one.
    pub(crate) token: Arc<Mutex<CdnToken>>,
}

/// Which place a request gets among those of its endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    #[default]
    Normal,
    /// Behind all normal ones.
    Low,
}

/// Shall a status carry the log?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logs {
    With,
    Without,
}

/// What may be said beside the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubmitOptions {
    /// Where the result is delivered.
    pub webhook: Option<Url>,
    /// A second submit with the same key returns the first one's request, where the queue knows this extension.
    pub idempotency_key: Option<String>,
    pub priority: Priority,
    /// Give up if no attempt has started by then.
    pub start_timeout: Option<Duration>,
}

/// What became of a request, exactly as the model said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultReply {
    /// The model's own, or that of the infrastructure error.
    pub http_status: u16,
    pub body: Bytes,
    /// Of an infrastructure error, from the header or the body.
    pub error_type: Option<ErrorType>,
}

impl ResultReply {
    /// Did the model produce an output?
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.http_status)
    }

    /// Was the question asked too early? fal answers 400 then, as a model might for reasons of its own.
    pub fn still_running(&self) -> bool {
        let too_early = plantain_wire::error::in_progress();
        self.http_status == 400
            && ErrorBody::parse(&self.body).is_some_and(|body| body.summary() == too_early.summary())
    }
}

impl QueueClient {
    /// Without a key no Authorization header is sent.
    pub fn new(endpoints: Endpoints, key: Option<ApiKey>) -> Result<QueueClient, SetupError> {
        let http = transport::builder()?.build().map_err(SetupError::new)?;
        Ok(QueueClient { endpoints, key, http, token: Arc::default() })
    }

    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.key {
            Some(key) => request.header(header::AUTHORIZATION, key.header()),
            None => request,
        }
    }

    /// Hands in a request, exactly once. `input` is the model's bare input object and is sent byte for byte.
    ///
    /// After [`ClientError::may_have_arrived`] don't submit again without an idempotency key that the queue honours: the
    /// request may be running, and billed.
    pub async fn submit(
        &self,
        endpoint: &EndpointId,
        input: impl Into<Bytes>,
        options: &SubmitOptions,
    ) -> Result<SubmitReply, ClientError> {
        self.submit_with(endpoint, input, options, &[]).await
    }

    /// As [`QueueClient::submit`], with further headers of the protocol, such as the life of the files that are produced.
    pub async fn submit_with(
        &self,
        endpoint: &EndpointId,
        input: impl Into<Bytes>,
        options: &SubmitOptions,
        headers: &[(&'static str, String)],
    ) -> Result<SubmitReply, ClientError> {
        let mut url = join(&self.endpoints.queue, endpoint.as_str());
        if let Some(webhook) = &options.webhook {
            url.query_pairs_mut().append_pair("fal_webhook", webhook.as_str());
        }
        let mut request = self.request(Method::POST, url).header(CONTENT_TYPE, "application/json").body(input.into());
        if let Some(key) = &options.idempotency_key {
            request = request.header(header::IDEMPOTENCY_KEY, key);
        }
        if options.priority == Priority::Low {
            request = request.header(header::QUEUE_PRIORITY, "low");
        }
        if let Some(timeout) = options.start_timeout {
            // Both names: released servers know the old one, and the new one wins where both are known.
            let seconds = timeout.as_secs_f64().to_string();
            request = request.header(header::REQUEST_TIMEOUT, &seconds).header(header::REQUEST_START_TIMEOUT, &seconds);
        }
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        let answer = once(request, CALL_DEADLINE, ANSWER_BYTES_MAX).await?.success()?;
        SubmitReply::parse(&answer.body).map_err(|_| ClientError::Protocol(Fault::Unreadable))
    }

    /// Where a request stands. Repeated a few times on passing troubles.
    pub async fn status(&self, endpoint: &EndpointId, id: &RequestId, logs: Logs) -> Result<StatusBody, ClientError> {
        let url = asking_for(logs, Urls::new(&self.endpoints.queue, endpoint, id).status_url);
        let answer = safely(async || {
            let request = self.request(Method::GET, url.clone());
            once(request, CALL_DEADLINE, ANSWER_BYTES_MAX).await?.success()
        });
        StatusBody::parse_about(id, &answer.await?.body).map_err(|_| ClientError::Protocol(Fault::Unreadable))
    }

    /// What became of a completed request; the model's errors are replies, not errors. Repeated a few times on passing
    /// troubles. An unknown or expired request is [`ClientError::Rejected`] with status 404.
    pub async fn result(&self, endpoint: &EndpointId, id: &RequestId) -> Result<ResultReply, ClientError> {
        self.result_and_headers(endpoint, id).await.map(|(reply, _)| reply)
    }

    /// As [`QueueClient::result`], with the reply's headers that begin with `x-fal-`, their names in lower case.
    pub async fn result_and_headers(
        &self,
        endpoint: &EndpointId,
        id: &RequestId,
    ) -> Result<(ResultReply, Vec<(String, String)>), ClientError> {
        let url = Urls::new(&self.endpoints.queue, endpoint, id).response_url;
        safely(async || {
            let request = self.request(Method::GET, url.clone());
            let answer = once(request, RESULT_DEADLINE, RESULT_BYTES_MAX).await?;
            if !answer.is_a_result() {
                return Err(answer.into_error());
            }
            let error_type = answer.error_type.or_else(|| error_type_in(&answer.body, answer.status));
            let reply = ResultReply { http_status: answer.status, body: answer.body, error_type };
            Ok((reply, answer.fal_headers))
        })
        .await
    }

    /// Asks to stop a request. That it has ended already, or isn't known, is an answer and not an error.
    pub async fn cancel(&self, endpoint: &EndpointId, id: &RequestId) -> Result<CancelReply, ClientError> {
        let url = Urls::new(&self.endpoints.queue, endpoint, id).cancel_url;
        let answer = once(self.request(Method::PUT, url), CALL_DEADLINE, ANSWER_BYTES_MAX).await?;
        match CancelReply::parse(answer.status, &answer.body) {
            Some(reply) => Ok(reply),
            None => Err(answer.into_error()),
        }
    }
}

pub(crate) fn asking_for(logs: Logs, mut url: Url) -> Url {
    url.set_query(Some(if logs == Logs::With { "logs=1" } else { "logs=0" }));
    url
}

fn error_type_in(body: &[u8], status: u16) -> Option<ErrorType> {
    match ErrorBody::parse(body) {
        Some(ErrorBody::Request { error_type, .. }) if status >= 400 => error_type,
        _ => None,
    }
}
