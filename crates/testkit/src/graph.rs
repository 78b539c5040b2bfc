//! A server that stands in for WhatsApp's Cloud API: real HTTP on a free port, the same checks, and answers that the test chooses.
//!
//! It takes pictures and messages as Meta does and refuses what Meta refuses: another token, a picture that is too large or of a
//! kind it doesn't know, a template that nobody approved. What Meta would post back is made and signed here, and posted by the test.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{DefaultBodyLimit, Multipart, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use plantain_wire::hmac;
use serde_json::{Value, json};
use tokio::sync::watch;
use url::Url;

use crate::serving::{Serving, arrived};

/// The sender's id, which is a part of every address.
pub const SENDER: &str = "106540352242922";
/// Opens the server.
pub const TOKEN: &str = "graph-token-of-the-test";
/// Signs what Meta posts.
pub const APP_SECRET: &str = "app-secret-of-the-test";
/// Whatever a webhook is set up with.
pub const VERIFY_TOKEN: &str = "verify-token-of-the-test";
/// Templates that are approved, in each language of [`LANGUAGES`].
pub const TEMPLATES: [&str; 2] = ["pictures_ready", "batch_ready"];
pub const LANGUAGES: [&str; 2] = ["en", "hi"];

const PICTURE_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Stops when dropped.
#[derive(Debug)]
pub struct Graph {
    serving: Serving,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    answers: Mutex<VecDeque<Answer>>,
    pictures: Mutex<HashMap<String, Uploaded>>,
    sent: watch::Sender<Vec<Sent>>,
}

/// What the next message is told; usually it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A status, and Meta's number of an error.
    Error(u16, u32),
    /// A status without a word.
    Bare(u16),
    /// It is accepted, and the answer never comes.
    Silence,
}

/// A picture, as it was uploaded.
#[derive(Clone, Debug)]
pub struct Uploaded {
    pub content_type: String,
    pub bytes: Bytes,
}

/// A message that was accepted.
#[derive(Clone, Debug)]
pub struct Sent {
    pub wamid: String,
    /// The request's body.
    pub body: Value,
    /// The picture of its header.
    pub picture: Option<Uploaded>,
}

impl Sent {
    /// What comes back with each notice.
    fn about(&self) -> &Value {
        &self.body["biz_opaque_callback_data"]
    }

    /// The words that fill the template's body.
    pub fn words(&self) -> Vec<String> {
        let parameters = self.component("body").map(|component| component["parameters"].clone());
        let words = parameters.iter().flat_map(|all| all.as_array().into_iter().flatten());
        words.map(|word| word["text"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// What follows the fixed part of the button's address.
    pub fn button(&self) -> String {
        let suffix = self.component("button").map(|component| component["parameters"][0]["text"].clone());
        suffix.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn component(&self, kind: &str) -> Option<&Value> {
        let all = self.body["template"]["components"].as_array()?;
        all.iter().find(|component| component["type"] == kind)
    }
}

impl Graph {
    pub async fn start() -> Graph {
        let shared = Arc::new(Shared {
            answers: Mutex::default(),
            pictures: Mutex::default(),
            sent: watch::Sender::new(Vec::new()),
        });
        let router = Router::new()
            .route("/v25.0/{sender}/media", post(upload))
            .route("/v25.0/{sender}/messages", post(send))
            .layer(DefaultBodyLimit::max(64 << 20))
            .with_state(shared.clone());
        Graph { serving: Serving::start("graph", router).await, shared }
    }

    /// With the version.
    pub fn base(&self) -> Url {
        self.serving.url("/v25.0")
    }

    /// The next message without an answer of its own gets this one.
    pub fn answer(&self, answer: Answer) {
        lock(&self.shared.answers).push_back(answer);
    }

    /// Messages that were accepted so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.shared.sent.borrow().clone()
    }

    /// All of them, once there are at least `count`.
    pub async fn wait_for(&self, count: usize) -> Vec<Sent> {
        arrived(&self.shared.sent, count, "messages").await
    }
}

/// What Meta posts: the body, and the signature's header.
pub fn notice(value: Value) -> (String, String) {
    let mut value = value;
    value["messaging_product"] = json!("whatsapp");
    if value["metadata"].is_null() {
        value["metadata"] = json!({"display_phone_number": "15550783881", "phone_number_id": SENDER});
    }
    let change = json!({"field": "messages", "value": value});
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}).to_string();
    let signature = signature(&body);
    (body, signature)
}

/// The signature of a body, as its header has it.
pub fn signature(body: &str) -> String {
    format!("sha256={}", hmac::sign(APP_SECRET.as_bytes(), body.as_bytes()))
}

/// How a message fares: `sent`, `delivered`, `read`, or `failed` with the number of an error.
pub fn status(sent: &Sent, word: &str, code: Option<u32>) -> (String, String) {
    let errors: Vec<Value> = code.map(|code| json!({"code": code, "title": "a title"})).into_iter().collect();
    let status = json!({
        "id": sent.wamid, "status": word, "timestamp": "1795176000", "recipient_id": sent.body["to"],
        "biz_opaque_callback_data": sent.about(), "errors": errors,
    });
    notice(json!({"statuses": [status]}))
}

/// Somebody wrote a text.
pub fn text(from: &str, body: &str, at: i64) -> (String, String) {
    let message =
        json!({"from": from, "id": "wamid.in", "timestamp": at.to_string(), "type": "text", "text": {"body": body}});
    notice(json!({"messages": [message]}))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn error(status: u16, code: u32) -> Response {
    let status = StatusCode::from_u16(status).expect("the test gave a status");
    let body = json!({"error": {"message": format!("(#{code}) as the test wants it"), "type": "OAuthException", "code": code, "fbtrace_id": "A"}});
    (status, Json(body)).into_response()
}

fn is_open(headers: &HeaderMap, sender: &str) -> bool {
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok());
    bearer == Some(&format!("Bearer {TOKEN}")) && sender == SENDER
}

async fn upload(
    State(shared): State<Arc<Shared>>,
    Path(sender): Path<String>,
    headers: HeaderMap,
    mut form: Multipart,
) -> Response {
    if !is_open(&headers, &sender) {
        return error(401, 190);
    }
    let (mut product, mut kind, mut picture) = (None, None, None);
    while let Ok(Some(field)) = form.next_field().await {
        let (name, content_type) =
            (field.name().unwrap_or_default().to_owned(), field.content_type().map(str::to_owned));
        let Ok(bytes) = field.bytes().await else { return error(400, 100) };
        match name.as_str() {
            "messaging_product" => product = Some(bytes),
            "type" => kind = Some(bytes),
            "file" => picture = Some(Uploaded { content_type: content_type.unwrap_or_default(), bytes }),
            _ => return error(400, 100),
        }
    }
    let Some(picture) = picture.filter(|_| product.as_deref() == Some(&b"whatsapp"[..])) else {
        return error(400, 100);
    };
    let magic: &[u8] = match picture.content_type.as_str() {
        "image/jpeg" => b"\xff\xd8\xff",
        "image/png" => b"\x89PNG",
        _ => return error(400, 131_053),
    };
    let fits = picture.bytes.starts_with(magic) && picture.bytes.len() <= PICTURE_BYTES_MAX;
    if !fits || kind.as_deref() != Some(picture.content_type.as_bytes()) {
        return error(400, 131_053);
    }
    let mut pictures = lock(&shared.pictures);
    let id = format!("{}", 4_711 + pictures.len());
    pictures.insert(id.clone(), picture);
    Json(json!({"id": id})).into_response()
}

async fn send(
    State(shared): State<Arc<Shared>>,
    Path(sender): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    if !is_open(&headers, &sender) {
        return error(401, 190);
    }
    let answer = lock(&shared.answers).pop_front();
    match answer {
        Some(Answer::Error(status, code)) => return error(status, code),
        Some(Answer::Bare(status)) => return StatusCode::from_u16(status).expect("a status").into_response(),
        Some(Answer::Silence) | None => {}
    }
    let template = &body["template"];
    let named = |known: &[&str], word: &Value| known.iter().any(|one| word == one);
    if !named(&TEMPLATES, &template["name"]) || !named(&LANGUAGES, &template["language"]["code"]) {
        return error(404, 132_001);
    }
    let whole = body["messaging_product"] == "whatsapp" && body["type"] == "template";
    let digits = body["to"].as_str().is_some_and(|to| to.bytes().all(|b| b.is_ascii_digit()));
    if !whole || !digits {
        return error(400, 100);
    }
    let picture = template["components"].as_array().and_then(|all| {
        let id = all.iter().find(|one| one["type"] == "header")?["parameters"][0]["image"]["id"].as_str()?.to_owned();
        lock(&shared.pictures).get(&id).cloned()
    });
    if (template["name"] == TEMPLATES[0]) != picture.is_some() {
        return error(400, 132_012);
    }
    let mut wamid = String::new();
    let to = body["to"].clone();
    shared.sent.send_modify(|all| {
        wamid = format!("wamid.{}", all.len() + 1);
        all.push(Sent { wamid: wamid.clone(), body, picture });
    });
    if answer == Some(Answer::Silence) {
        return std::future::pending().await;
    }
    Json(json!({
        "messaging_product": "whatsapp",
        "contacts": [{"input": to, "wa_id": to}],
        "messages": [{"id": wamid, "message_status": "accepted"}],
    }))
    .into_response()
}
