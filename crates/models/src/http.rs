//! A model behind HTTP: the input is posted to a server that the operator configured, and its answer is the model's.
//!
//! The server answers as a fal app does (the bare output), as a Cog container, or with a stream of partial outputs. The address
//! comes from the configuration and redirects are not followed, so no address policy is needed. Every call has a connection
//! of its own, so that closing it is heard as a cancellation and none can turn out to be dead when it is used again.

mod answer;
mod cog;
mod failures;
mod template;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use plantain_client::sse::Reader;
use plantain_outbound::transport::{self, SetupError};
use plantain_queue::runner::{Answer, RunFailure, RunTask, Runner};
use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::ErrorType;
use plantain_wire::header;
use plantain_work::Clock;
use url::Url;

use answer::Head;
pub(crate) use failures::{incomplete, of_call as call_failed};
pub use template::{Template, TemplateError};

/// The largest answer where nothing else is configured: a few pictures inside the JSON as `data:` URIs.
pub const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// How long one attempt may take where nothing else is configured. fal's own default is an hour.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// How the server takes inputs and gives answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// The bare input, the bare output: fal apps, and wrappers around ComfyUI and the like.
    #[default]
    Fal,
    /// Cog's `{"input": …}` and `{"status": …, "output": …}`.
    Cog,
}

/// What the operator configured.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    pub url: Template,
    /// Where partial outputs are asked for, when somebody listens.
    pub stream_url: Option<Template>,
    pub style: Style,
    /// Sent with every call. Mark secrets as sensitive.
    pub headers: HeaderMap,
    /// From the first step to the last byte.
    pub request_timeout: Duration,
    pub answer_bytes_max: usize,
}

impl HttpSettings {
    /// fal's style and the usual bounds.
    pub fn new(url: Template) -> HttpSettings {
        HttpSettings {
            url,
            stream_url: None,
            style: Style::Fal,
            headers: HeaderMap::new(),
            request_timeout: REQUEST_TIMEOUT,
            answer_bytes_max: ANSWER_BYTES,
        }
    }
}

/// Runs requests at one server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpRunner {
    settings: HttpSettings,
    client: reqwest::Client,
    clock: Clock,
}

impl HttpRunner {
    pub fn new(settings: HttpSettings, clock: Clock) -> Result<HttpRunner, SetupError> {
        let client = transport::builder()?.pool_max_idle_per_host(0).build().map_err(SetupError::new)?;
        Ok(HttpRunner { settings, client, clock })
    }

    async fn call(&self, task: &RunTask) -> Result<Answer, RunFailure> {
        let response = self.request(task).send().await;
        let response = response.map_err(|error| failures::of_call(&transport::failure(&error)))?;
        let head = Head::read(response.status().as_u16(), response.headers());
        for line in &head.log {
            task.logs.info(line);
        }
        if head.is_stream() {
            return follow(response, head, task).await;
        }
        let bytes_max = self.settings.answer_bytes_max;
        let body = transport::read_whole(response, bytes_max).await;
        let body = body.map_err(|error| failures::of_body(&error, bytes_max))?;
        match self.settings.style {
            Style::Fal => head.with_body(body),
            Style::Cog => cog::answer(head, body, &task.logs),
        }
    }

    fn request(&self, task: &RunTask) -> reqwest::RequestBuilder {
        let stream_url = self.settings.stream_url.as_ref().filter(|_| task.partials.are_heard());
        let (url, accept) = match stream_url {
            Some(template) => (template.fill(&task.endpoint), "text/event-stream"),
            None => (self.url(&task.endpoint), "application/json"),
        };
        let body = match self.settings.style {
            Style::Cog if stream_url.is_none() => cog::request(&task.input),
            _ => task.input.clone(),
        };
        let mut request = self.client.post(url).header(CONTENT_TYPE, "application/json").header(ACCEPT, accept);
        for (name, value) in told(task) {
            request = request.header(name, value);
        }
        // Last, so that the operator has the last word.
        request.headers(self.settings.headers.clone()).body(body)
    }

    fn url(&self, endpoint: &EndpointId) -> Url {
        let url = self.settings.url.fill(endpoint);
        match self.settings.style {
            Style::Cog => cog::predictions(url),
            Style::Fal => url,
        }
    }
}

/// What a server may want to know beside the input.
fn told(task: &RunTask) -> Vec<(&'static str, String)> {
    let options = &task.options;
    let mut told = vec![
        (header::REQUEST_ID, task.request_id.to_string()),
        (GATEWAY_REQUEST_ID, task.gateway_request_id.to_string()),
    ];
    told.extend(options.runner_hint.clone().map(|hint| (header::RUNNER_HINT, hint)));
    let lifecycle = options.lifecycle.as_ref().map(|lifecycle| lifecycle.to_json());
    told.extend(lifecycle.map(|json| (header::OBJECT_LIFECYCLE_PREFERENCE, json)));
    told
}

/// Names the attempt.
const GATEWAY_REQUEST_ID: &str = "x-fal-gateway-request-id";

#[async_trait]
impl Runner for HttpRunner {
    async fn run(&self, task: RunTask) -> Result<Answer, RunFailure> {
        let limit = self.settings.request_timeout;
        tokio::select! {
            biased;
            // What is dropped closes its connection.
            () = task.cancel.cancelled() => Err(crate::cancelled()),
            ended = self.clock.timeout(limit, self.call(&task)) => ended.unwrap_or_else(|| Err(crate::too_slow(limit))),
        }
    }

    fn streams(&self, _: &EndpointId) -> bool {
        self.settings.stream_url.is_some()
    }
}

/// Passes partial outputs on as they come. The last one is the output.
async fn follow(mut response: reqwest::Response, head: Head, task: &RunTask) -> Result<Answer, RunFailure> {
    let mut reader = Reader::default();
    let mut last: Option<Bytes> = None;
    loop {
        let chunk = response.chunk().await.map_err(|_| failures::incomplete())?;
        let Some(chunk) = chunk else { break };
        let events = reader.feed(&chunk).map_err(|_| {
            crate::failure(ErrorType::RunnerServerError, "The model sent a partial output beyond every bound.")
        })?;
        // Closing words such as `[DONE]` are no outputs.
        for event in events.into_iter().filter(|event| answer::is_json(event)) {
            let event = Bytes::from(event);
            task.partials.send(event.clone());
            last = Some(event);
        }
    }
    last.map(|body| head.with_output(body)).ok_or_else(failures::incomplete)
}
