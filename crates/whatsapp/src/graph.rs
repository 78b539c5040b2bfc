//! The requests that a message takes: its picture is uploaded, then the template is sent.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use url::Url;

use plantain_outbound::send::{FetchError, Fetched};
use plantain_outbound::transport::SetupError;
use plantain_outbound::{Bounds, Outbound, Policy};
use plantain_work::random;

use crate::number::Number;
use crate::secret::Secret;
use crate::template::Template;
use crate::trouble::{self, Next};

/// Bytes of a picture that the API takes.
pub const PICTURE_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Bytes of an answer that are kept for people to look at.
const SHOWN_BYTES_MAX: usize = 1024;

/// How long the upload of a picture may take: 5 MB through a line of 1 Mbit a second.
const UPLOAD_TIME_MAX: Duration = Duration::from_secs(60);

/// How long sending the message itself may take.
const SEND_TIME_MAX: Duration = Duration::from_secs(30);

/// How long both may take together.
pub const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(UPLOAD_TIME_MAX.as_secs() + SEND_TIME_MAX.as_secs());

/// Names a picture that was uploaded; the API keeps it for 30 days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaId(String);

impl MediaId {
    pub fn new(id: impl Into<String>) -> MediaId {
        MediaId(id.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A picture in one of the two forms that the API takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub bytes: Bytes,
    pub form: Form,
}

/// What a picture may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Jpeg,
    Png,
}

impl Form {
    pub fn content_type(self) -> &'static str {
        match self {
            Form::Jpeg => "image/jpeg",
            Form::Png => "image/png",
        }
    }

    fn file_name(self) -> &'static str {
        match self {
            Form::Jpeg => "picture.jpg",
            Form::Png => "picture.png",
        }
    }
}

/// The API accepted a message; whether it arrives is told by notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The API's name of the message.
    pub wamid: String,
    pub status: u16,
    pub answer: Bytes,
}

/// A request that led to no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub what: What,
    /// Of the answer, where there was one.
    pub status: Option<u16>,
    /// How it began.
    pub answer: Bytes,
    /// In plain words.
    pub why: String,
}

/// What a failure means for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Nothing was sent.
    Refused(Next),
    /// Perhaps it was sent, and the answer got lost.
    Unknown,
}

/// One sender's door to the API. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Graph {
    outbound: Outbound,
    base: Url,
    sender: String,
    token: Secret,
}

impl Graph {
    /// `base`: with the version, such as `https://graph.facebook.com/v25.0`; `sender`: the phone number's id. The operator named
    /// the server, so that it may lie wherever they like; the policy holds for everything else.
    pub fn new(policy: &Policy, base: Url, sender: String, token: Secret) -> Result<Graph, SetupError> {
        let outbound = Outbound::new(policy.clone().and_configured(&base))?;
        Ok(Graph { outbound, base, sender, token })
    }

    /// The sender's id, by which notices say whom they are for.
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// Where requests go.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Uploads a picture for later use. Nobody sees it yet, so a repetition does no harm.
    pub async fn upload(&self, picture: &Picture) -> Result<MediaId, Failed> {
        #[derive(Deserialize)]
        struct Uploaded {
            id: String,
        }
        let (kind, body) = form(picture);
        let fetched = self.post("media", &kind, body, UPLOAD_TIME_MAX).await.map_err(|error| {
            let what = if error.transient() { What::Refused(Next::Later(Duration::ZERO)) } else { never() };
            unanswered(&error, what)
        })?;
        match serde_json::from_slice::<Uploaded>(&fetched.body) {
            Ok(uploaded) if is_success(&fetched) => Ok(MediaId(uploaded.id)),
            _ => Err(refused(&fetched, What::Refused(Next::Later(Duration::ZERO)))),
        }
    }

    /// Sends a message. `about` comes back with each notice of it.
    pub async fn send(&self, to: &Number, template: &Template, about: &str) -> Result<Accepted, Failed> {
        let body = template.message(to, about).to_string().into();
        let fetched = self.post("messages", "application/json", body, SEND_TIME_MAX).await.map_err(|error| {
            let what = match &error {
                FetchError::Unreachable(_) => What::Refused(Next::Later(Duration::ZERO)),
                FetchError::Refused(_) | FetchError::Unsendable => never(),
                FetchError::TimedOut { .. } | FetchError::Broken | FetchError::TooLarge { .. } => What::Unknown,
            };
            unanswered(&error, what)
        })?;
        match wamid(&fetched.body).filter(|_| is_success(&fetched)) {
            Some(wamid) => Ok(Accepted { wamid, status: fetched.status, answer: shown(&fetched.body) }),
            None => Err(refused(&fetched, What::Unknown)),
        }
    }

    async fn post(&self, what: &str, kind: &str, body: Bytes, deadline: Duration) -> Result<Fetched, FetchError> {
        let path = format!("{}/{}/{what}", self.base.as_str().trim_end_matches('/'), self.sender);
        let url = Url::parse(&path).map_err(|_| FetchError::Unsendable)?;
        let mut headers = HeaderMap::new();
        let mut token =
            HeaderValue::try_from(format!("Bearer {}", self.token.reveal())).map_err(|_| FetchError::Unsendable)?;
        token.set_sensitive(true);
        headers.insert(AUTHORIZATION, token);
        headers.insert(CONTENT_TYPE, HeaderValue::try_from(kind).map_err(|_| FetchError::Unsendable)?);
        self.outbound.ask(&url, headers, body, Bounds { max_bytes: ANSWER_BYTES_MAX, deadline }).await
    }
}

fn never() -> What {
    What::Refused(Next::Never)
}

fn is_success(fetched: &Fetched) -> bool {
    (200..300).contains(&fetched.status)
}

fn wamid(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Taken {
        messages: Vec<Named>,
    }
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    let taken: Taken = serde_json::from_slice(body).ok()?;
    taken.messages.into_iter().map(|named| named.id).find(|id| !id.is_empty())
}

/// An answer that names no message. A success or a server's fault without a word of why is `otherwise`.
fn refused(fetched: &Fetched, otherwise: What) -> Failed {
    let error = trouble::read(&fetched.body);
    let unclear = error.is_none() && (is_success(fetched) || fetched.status >= 500);
    let why = match &error {
        Some(error) => format!("{} ({})", trouble::explained(error.code), error.code),
        None if unclear => "WhatsApp's answer can't be understood.".to_owned(),
        None => "WhatsApp refused the request without a reason: look at WHATSAPP_GRAPH_URL.".to_owned(),
    };
    let what = if unclear { otherwise } else { What::Refused(trouble::judged(fetched.status, error.as_ref())) };
    Failed { what, status: Some(fetched.status), answer: shown(&fetched.body), why }
}

fn unanswered(error: &FetchError, what: What) -> Failed {
    Failed { what, status: None, answer: Bytes::new(), why: format!("WhatsApp did not answer: {error}.") }
}

fn shown(body: &Bytes) -> Bytes {
    body.slice(..body.len().min(SHOWN_BYTES_MAX))
}

/// The upload's form, and its content type.
fn form(picture: &Picture) -> (String, Bytes) {
    let boundary = format!("plantain-{}", hex::encode(random::bytes::<16>()));
    let (kind, name) = (picture.form.content_type(), picture.form.file_name());
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"messaging_product\"\r\n\r\nwhatsapp\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\n{kind}\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n"
    );
    let body = [head.as_bytes(), &picture.bytes, format!("\r\n--{boundary}--\r\n").as_bytes()].concat();
    (format!("multipart/form-data; boundary={boundary}"), body.into())
}
