//! Google's image API as nano-banana: text to image, and pictures with text to image.
//!
//! Each wanted picture is one call, a few at a time. What comes back is kept on our own CDN. The key goes in a
//! header, never into an address, and Google's words about a refused key stay in the server's log. Invariant: what Google blocked
//! is said to be blocked; no empty output is handed out.

mod ask;
mod picture;
mod reply;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use plantain_outbound::transport::{self, SetupError};
use plantain_queue::runner::{Answer, AnswerHeaders, RunFailure, RunTask, Runner};
use plantain_wire::error::{Detail, ErrorType};
use plantain_wire::models::nano_banana::{EditInput, Settings, TextInput};
use plantain_wire::models::{Image, ImagesOutput};
use plantain_work::{Clock, Cpu};
use url::Url;

use crate::http::{REQUEST_TIMEOUT, call_failed, incomplete};
use crate::local::Stopped;
use crate::source::Source;
use reply::{Made, NoPicture};

/// Google's public host.
pub const BASE: &str = "https://generativelanguage.googleapis.com";

/// The model that fal calls nano-banana.
pub const MODEL: &str = "gemini-2.5-flash-image";

/// Calls of one request that run at the same time.
const AT_ONCE: usize = 2;

/// How long one call may take; a picture usually takes ten seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(180);

/// The largest answer: a few pictures of some megabytes in base64.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What the runner works with. Cheap to clone.
#[derive(Clone)]
pub struct GeminiSettings {
    pub base: Url,
    pub model: ModelName,
    /// Marked as sensitive.
    pub key: HeaderValue,
    /// Where input pictures come from and outputs go.
    pub source: Source,
    pub cpu: Cpu,
    pub request_timeout: Duration,
}

impl GeminiSettings {
    /// Google's own host, the usual model and the usual patience.
    pub fn new(key: HeaderValue, source: Source, cpu: Cpu) -> GeminiSettings {
        GeminiSettings {
            base: Url::parse(BASE).expect("a constant that a test parses"),
            model: ModelName(MODEL.to_owned()),
            key,
            source,
            cpu,
            request_timeout: REQUEST_TIMEOUT,
        }
    }
}

/// The name of a Google model: letters, digits, `-`, `.` and `_`, so that it can stand in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelName(String);

impl ModelName {
    pub fn parse(text: &str) -> Option<ModelName> {
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let usable = (1..=100).contains(&text.len()) && text.bytes().all(safe) && !text.starts_with('.');
        usable.then(|| ModelName(text.to_owned()))
    }
}

/// Runs requests at Google. Cheap to clone.
#[derive(Clone)]
pub struct Gemini {
    settings: GeminiSettings,
    client: reqwest::Client,
    clock: Clock,
}

/// What a request wants of Google.
struct Wanted {
    prompt: String,
    pictures: Vec<Bytes>,
    settings: Settings,
}

impl Gemini {
    pub fn new(settings: GeminiSettings, clock: Clock) -> Result<Gemini, SetupError> {
        let client = transport::builder()?.build().map_err(SetupError::new)?;
        Ok(Gemini { settings, client, clock })
    }

    async fn make(&self, task: &RunTask) -> Result<Answer, Stopped> {
        let wanted = self.wanted(task).await?;
        let count = wanted.settings.num_images;
        task.logs.info(format!("Asking Google for {count} {}", if count == 1 { "picture" } else { "pictures" }));
        let calls = (0..count).map(|index| self.call(&wanted, index));
        let ended: Vec<_> = stream::iter(calls).buffered(AT_ONCE).collect().await;
        let (made, failed): (Vec<_>, Vec<_>) = ended.into_iter().partition(Result::is_ok);
        let made: Vec<Made> = made.into_iter().flatten().collect();
        if let (true, Some(Err(why))) = (made.is_empty(), failed.into_iter().next()) {
            return why.told();
        }
        if made.len() < usize::from(count) {
            task.logs.info(format!("Google made {} of {count}", made.len()));
        }
        self.hand_out(task, made, &wanted.settings).await
    }

    async fn wanted(&self, task: &RunTask) -> Result<Wanted, Stopped> {
        if task.endpoint.path().is_some_and(|path| path.ends_with("edit")) {
            let EditInput { prompt, image_urls, settings, .. } = EditInput::parse(&task.input)?;
            task.logs.info("Fetching the pictures");
            let source = self.settings.source.clone();
            let files = source.files.on_behalf_of(task);
            let pictures = Source { files, ..source }.fetch_all(&image_urls).await?;
            return Ok(Wanted { prompt, pictures, settings });
        }
        let TextInput { prompt, settings } = TextInput::parse(&task.input)?;
        Ok(Wanted { prompt, pictures: Vec::new(), settings })
    }

    async fn call(&self, wanted: &Wanted, index: u8) -> Result<Made, NoPicture> {
        let body = ask::body(&wanted.prompt, &wanted.pictures, &wanted.settings, index)?;
        let mut url = self.settings.base.clone();
        let path =
            format!("{}/v1beta/models/{}:generateContent", url.path().trim_end_matches('/'), self.settings.model.0);
        url.set_path(&path);
        let request = self.client.post(url).header(KEY, self.settings.key.clone());
        let sending = async {
            let sent = request.header(CONTENT_TYPE, "application/json").body(body).send().await;
            let response = sent.map_err(|error| call_failed(&transport::failure(&error)))?;
            let status = response.status().as_u16();
            let body = transport::read_whole(response, ANSWER_BYTES_MAX).await.map_err(|_| incomplete())?;
            Ok::<_, RunFailure>((status, body))
        };
        let sent = self.clock.timeout(CALL_TIMEOUT, sending).await;
        let (status, body) = sent.unwrap_or_else(|| Err(crate::too_slow(CALL_TIMEOUT))).map_err(NoPicture::Failed)?;
        reply::read(status, &body, wanted.settings.limit_generations)
    }

    async fn hand_out(&self, task: &RunTask, made: Vec<Made>, settings: &Settings) -> Result<Answer, Stopped> {
        let texts: Vec<String> =
            made.iter().filter(|made| !made.text.is_empty()).map(|made| made.text.clone()).collect();
        let files = self.settings.source.files.on_behalf_of(task);
        let mut images: Vec<Image> = Vec::new();
        for bytes in made.into_iter().flat_map(|made| made.pictures) {
            let format = settings.output_format;
            let finished = self.settings.cpu.run(move || picture::finish(bytes, format)).await??;
            let name = format!("nano-banana-{}.{}", images.len() + 1, finished.extension);
            images.push(finished.hand_out(&files, &name, settings.sync_mode).await?);
        }
        let headers = AnswerHeaders { billable_units: Some(images.len().to_string()), ..AnswerHeaders::default() };
        let output = ImagesOutput { images, description: texts.join("\n") };
        Ok(Answer { headers, ..Answer::new(200, output.to_json()) })
    }
}

/// Carries the key.
const KEY: &str = "x-goog-api-key";

impl NoPicture {
    fn told(self) -> Result<Answer, Stopped> {
        match self {
            NoPicture::Refused(details) => Err(details.into()),
            NoPicture::Failed(failure) => Err(Stopped::Failed(failure)),
            NoPicture::Unavailable(details) => {
                let refusal = crate::refusal(details);
                let headers = AnswerHeaders { needs_retry: Some(true), ..refusal.headers };
                Ok(Answer { headers, ..refusal })
            }
        }
    }
}

impl From<Vec<Detail>> for NoPicture {
    fn from(details: Vec<Detail>) -> NoPicture {
        NoPicture::Refused(details)
    }
}

#[async_trait]
impl Runner for Gemini {
    async fn run(&self, task: RunTask) -> Result<Answer, RunFailure> {
        let limit = self.settings.request_timeout;
        tokio::select! {
            biased;
            () = task.cancel.cancelled() => Err(crate::cancelled()),
            ended = self.clock.timeout(limit, self.make(&task)) => match ended {
                Some(ended) => ended.or_else(Stopped::told),
                None => Err(crate::too_slow(limit)),
            },
        }
    }
}

/// An answer that can't be what was asked for.
fn unreadable() -> RunFailure {
    crate::failure(ErrorType::RunnerServerError, "Google's answer can't be read.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_stays_in_its_place() {
        for good in [MODEL, "gemini-3-pro-image-preview", "a.b_c"] {
            assert!(ModelName::parse(good).is_some(), "{good}");
        }
        for bad in ["", "a/b", "a:b", "..", "a b", "a?b", &"x".repeat(101)] {
            assert!(ModelName::parse(bad).is_none(), "{bad}");
        }
        assert!(Url::parse(BASE).is_ok());
    }
}
