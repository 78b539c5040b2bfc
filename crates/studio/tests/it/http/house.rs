//! A studio to ask: its router, its store, and a clock that only tests move.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use plantain_blobs::Blobs;
use plantain_client::{Endpoints, QueueClient};
use plantain_inbox::jwks::JwksCache;
use plantain_inbox::receiver::{Account, Receiver};
use plantain_mail::Mailer;
use plantain_mail::address::Sender;
use plantain_media::preset::Presets;
use plantain_outbound::{Outbound, Policy};
use plantain_store::studio::{SqliteStudio, StudioStores, open_studio};
use plantain_studio::accounts::Post;
use plantain_studio::config::{Maker, Makers, StudioConfig};
use plantain_studio::http::guard::AdminToken;
use plantain_studio::http::letters::Writers;
use plantain_studio::http::{HttpConfig, Pace, router};
use plantain_studio::job::{
    CallbackToken, Finished, FinishedPicture, Job, JobId, JobSpec, Outcome, Phase, RawJson, Source,
};
use plantain_studio::messages::Outgoing;
use plantain_studio::messages::whatsapp::Whatsapp;
use plantain_studio::service::{Studio, StudioParts};
use plantain_studio::store::StudioStore;
use plantain_testkit::graph;
use plantain_testkit::mail::MailServer;
use plantain_whatsapp::{Graph, Secret};
use plantain_wire::models::nano_banana::AspectRatio;
use plantain_work::{Clock, Cpu, Shutdown};

pub const TOKEN: &str = "s3cret-admin-token";

pub struct House {
    pub router: Router,
    pub store: Arc<dyn StudioStore>,
    pub studio: Studio,
    pub blobs: Blobs,
    pub clock: Clock,
    pub shutdown: Shutdown,
    folder: TempDir,
}

/// Open, on loopback.
pub async fn house() -> House {
    house_with(|_| {}).await
}

pub async fn house_with(change: impl FnOnce(&mut HttpConfig)) -> House {
    let folder = tempfile::tempdir().unwrap();
    let stores = open_studio(folder.path().join("studio.db").to_str().unwrap()).await.unwrap();
    house_over(stores, folder, change).await
}

/// Open, on loopback; its pictures are made by somebody else than the local engine.
pub async fn house_made_by(maker: Maker) -> House {
    house_of(Makers::only(maker)).await
}

/// The same where endpoints have makers of their own.
pub async fn house_of(makers: Makers) -> House {
    let folder = tempfile::tempdir().unwrap();
    let stores = open_studio(folder.path().join("studio.db").to_str().unwrap()).await.unwrap();
    built(stores, folder, StudioConfig { makers, ..StudioConfig::default() }, |_| {}).await
}

/// Open to everybody, reached from elsewhere under a name of its own, with letters that go to this server.
/// With settings of the studio's own.
pub async fn house_that(config: StudioConfig) -> House {
    let folder = tempfile::tempdir().unwrap();
    let stores = open_studio(folder.path().join("studio.db").to_str().unwrap()).await.unwrap();
    built(stores, folder, config, |_| {}).await
}

pub async fn house_with_post(server: &MailServer, writers: Writers) -> House {
    let folder = tempfile::tempdir().unwrap();
    let stores = open_studio(folder.path().join("studio.db").to_str().unwrap()).await.unwrap();
    let named = plantain_mail::server::MailServer::parse(&server.url(""), None).unwrap();
    let from = Sender::parse("Studio <photos@studio.example>").unwrap();
    let post = Some(Post::new(Mailer::new(named, from), TOKEN));
    let public_url = "https://studio.example/".parse().unwrap();
    let config = StudioConfig { post, public_url, ..StudioConfig::default() };
    let change = |config: &mut HttpConfig| (config.loopback, config.writers) = (false, writers);
    built(stores, folder, config, change).await
}

/// Open, on loopback, with messages by WhatsApp that nobody takes.
pub async fn house_with_whatsapp() -> House {
    let folder = tempfile::tempdir().unwrap();
    let stores = open_studio(folder.path().join("studio.db").to_str().unwrap()).await.unwrap();
    let nowhere = "http://127.0.0.1:1/v25.0".parse().unwrap();
    let token = Secret::new(graph::TOKEN);
    let whatsapp = Whatsapp {
        graph: Graph::new(&Policy::public(), nowhere, graph::SENDER.to_owned(), token).unwrap(),
        app_secret: Secret::new(graph::APP_SECRET),
        verify_token: Secret::new(graph::VERIFY_TOKEN),
        templates: Default::default(),
        patience: Default::default(),
    };
    let config = StudioConfig { whatsapp: Some(whatsapp), ..StudioConfig::default() };
    built(stores, folder, config, |_| {}).await
}

pub async fn house_over(stores: StudioStores, folder: TempDir, change: impl FnOnce(&mut HttpConfig)) -> House {
    built(stores, folder, StudioConfig::default(), change).await
}

async fn built(
    stores: StudioStores,
    folder: TempDir,
    config: StudioConfig,
    change: impl FnOnce(&mut HttpConfig),
) -> House {
    let blobs = Blobs::folder(folder.path().join("blobs")).await.unwrap();
    let clock = Clock::manual("2026-11-21T12:00:00Z".parse().unwrap());
    let shutdown = Shutdown::new();
    let studio = Studio::new(parts(&stores, blobs.clone(), clock.clone(), config));
    let mut config = HttpConfig {
        admin_token: AdminToken::new(TOKEN),
        open: true,
        loopback: true,
        shutdown: shutdown.clone(),
        clock: clock.clone(),
        cpu: Cpu::new(1),
        pace: Pace::default(),
        cors: Default::default(),
        limits: Default::default(),
        writers: Default::default(),
    };
    change(&mut config);
    House { router: router(studio.clone(), config), store: stores.jobs, studio, blobs, clock, shutdown, folder }
}

fn parts(stores: &StudioStores, blobs: Blobs, clock: Clock, config: StudioConfig) -> StudioParts {
    let outbound = || Outbound::new(Policy::loopback()).unwrap();
    // Nothing listens there; no test of this surface needs a queue.
    let nowhere = "http://127.0.0.1:1".parse().unwrap();
    let keys = JwksCache::new(Vec::new(), outbound(), clock.clone());
    StudioParts {
        receiver: Receiver::new(keys, Account::Unknown, None, stores.inbox.clone(), clock.clone()),
        store: stores.jobs.clone(),
        client: QueueClient::new(Endpoints::under(&nowhere), None).unwrap(),
        outbound: outbound(),
        blobs,
        segmenter: Arc::new(|| unreachable!("nothing is finished here")),
        presets: Arc::new(Presets::builtin()),
        cpu: Cpu::new(1),
        clock,
        config: StudioConfig { submit_wait: Duration::ZERO, ..config },
        messages: Outgoing::new(outbound(), AdminToken::new(TOKEN).link_key()),
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The code of the error that every refusal has, with words and a hint.
    #[track_caller]
    pub fn code(&self) -> String {
        let body = self.json();
        let part = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
        assert!(!part("message").is_empty() && !part("hint").is_empty(), "{body}");
        part("code")
    }

    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers)).to_str().unwrap()
    }
}

impl House {
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Runs SQL on the studio's file, beside the studio.
    pub async fn database(&self, sql: &str) {
        let file = self.folder.path().join("studio.db");
        let (beside, sql) = (SqliteStudio::open(&file).await.unwrap(), sql.to_owned());
        beside.database().write(move |tx| Ok(tx.execute_batch(&sql)?)).await.unwrap();
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(ask(Method::GET, path, &[])).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(ask(Method::GET, path, headers)).await
    }

    /// A job that was made from a real photo through the API.
    pub async fn generate(&self) -> JobId {
        let answer = self.post_form(&[file("image", "mug.jpg", photo())], &[]).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        JobId::parse(answer.json()["jobId"].as_str().unwrap()).unwrap()
    }

    pub async fn post_form(&self, parts: &[Part], headers: &[(&str, &str)]) -> Answer {
        self.send(form_request(form_body(parts), headers)).await
    }

    /// A job that has succeeded with `count` pictures.
    pub async fn succeeded(&self, count: usize, report: Value) -> JobId {
        let bytes = photo();
        let blob = self.blobs.put(bytes.clone()).await.unwrap().as_str().to_owned();
        let matte = self.blobs.put(matte()).await.unwrap().as_str().to_owned();
        let picture = |n: usize| FinishedPicture {
            blob: blob.clone(),
            raw_blob: blob.clone(),
            diff_blob: None,
            matte_blob: Some(matte.clone()),
            raw_content_type: "image/png".into(),
            file_name: format!("amazon_main/B0TEST1234.PT{n:02}.jpg"),
            content_type: "image/jpeg".into(),
            bytes: bytes.len() as u64,
            bytes_beside: 7,
            width: 2000,
            height: 2000,
            variant: Some("Pure white".into()),
            passed: true,
            quality: Some(95),
            repairs: RawJson::default(),
            report: RawJson::of(&report),
        };
        let pictures = (1..=count).map(picture).collect();
        let mut job = self.job("mug.jpg", &blob);
        job.phase = Phase::Done;
        job.finished_at = Some(self.clock.now());
        job.outcome = Some(Outcome::Succeeded(Finished {
            pictures,
            media: Vec::new(),
            description: None,
            notices: Vec::new(),
            cutout: None,
            tilt_degrees: None,
        }));
        self.store.insert(&job).await.unwrap();
        job.id
    }

    /// A job that nobody works on, with a photo of this name.
    pub fn job(&self, file_name: &str, blob: &str) -> Job {
        let now = self.clock.now();
        let source = Source {
            blob: blob.to_owned(),
            file_name: Some(file_name.to_owned()),
            content_type: "image/jpeg".into(),
            bytes: 1,
            width: 100,
            height: 100,
            notices: Vec::new(),
        };
        let spec = JobSpec {
            preset: "amazon_main".into(),
            user_prompt: None,
            prompt: "white".into(),
            aspect_ratio: AspectRatio::R1x1,
            endpoint: "fal-ai/nano-banana/edit".parse().unwrap(),
            num_images: 3,
            identifier: None,
            products: None,
            whatsapp: None,
            sources: vec![source],
            image_urls: Vec::new(),
            choice: Default::default(),
            notices: Vec::new(),
            staging: Default::default(),
            making: Default::default(),
            callback: None,
            notify: None,
            in_batch: false,
        };
        Job::new(JobId::new(now), CallbackToken::random(), spec, now)
    }
}

pub fn ask(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    request(method, path, headers, Body::empty())
}

pub fn request(method: Method, path: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        builder = builder.header("host", "127.0.0.1:8787");
    }
    headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).body(body).unwrap()
}

/// One part of a form: its header lines and its bytes.
pub struct Part(String, Vec<u8>);

pub fn text(name: &str, value: impl AsRef<[u8]>) -> Part {
    Part(format!("Content-Disposition: form-data; name=\"{name}\""), value.as_ref().to_vec())
}

pub fn file(name: &str, file_name: &str, bytes: impl AsRef<[u8]>) -> Part {
    let head = format!(
        "Content-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Type: image/jpeg"
    );
    Part(head, bytes.as_ref().to_vec())
}

pub const BOUNDARY: &str = "plantain-test-boundary";

pub fn form_body(parts: &[Part]) -> Vec<u8> {
    let mut body = Vec::new();
    for Part(head, bytes) in parts {
        body.extend(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").bytes());
        body.extend(bytes);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    body
}

pub fn form_request(body: impl Into<Body>, headers: &[(&str, &str)]) -> Request<Body> {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let all: Vec<(&str, &str)> = headers.iter().copied().chain([("content-type", kind.as_str())]).collect();
    request(Method::POST, "/api/generate", &all, body.into())
}

/// A small photo that can be decoded.
pub fn photo() -> Bytes {
    plantain_testkit::photo::jpeg().into()
}

/// A square product in the middle.
fn matte() -> Bytes {
    let mut matte = plantain_media::picture::Matte::new(400, 400, vec![0; 400 * 400]);
    matte.alpha_mut().chunks_exact_mut(400).skip(100).take(200).for_each(|row| row[100..300].fill(255));
    plantain_media::encode::matte(&matte).unwrap().into()
}

/// A report as the check writes it.
pub fn report(title: &str) -> Value {
    json!({"preset": "amazon_main", "file": "amazon_main/a.jpg", "width": 2000, "height": 2000, "bytes": 1, "mask": "given", "passed": true, "results": [
        {"rule": "size", "title": title, "required": "1,000 px", "measured": "2,000 px", "outcome": "pass", "fix": "", "source": ""},
    ]})
}

/// Moves the clock until `answer` is there.
pub async fn in_the_end<T>(clock: &Clock, answer: impl Future<Output = T>) -> T {
    tokio::pin!(answer);
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = tokio::task::yield_now() => clock.advance(Duration::from_millis(250)),
        }
    }
}
