//! A studio on its own SQLite file, listening on a free port, in front of a queue that the test leads.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::net::TcpListener;
use url::Url;

use plantain_blobs::Blobs;
use plantain_client::{Endpoints, QueueClient};
use plantain_inbox::jwks::JwksCache;
use plantain_inbox::receiver::{Account, Receiver};
use plantain_media::cutout::Segmenter;
use plantain_media::preset::Presets;
use plantain_outbound::{Bounds, Outbound, Policy, Schedule};
use plantain_store::studio::{SqliteStudio, StudioStores, open_studio};
use plantain_studio::config::StudioConfig;
use plantain_studio::finishing::SegmenterSource;
use plantain_studio::http::guard::AdminToken;
use plantain_studio::http::{HttpConfig, router};
use plantain_studio::job::key::Tier;
use plantain_studio::job::{JobId, JobState};
use plantain_studio::messages::Outgoing;
use plantain_studio::photo::{NewJob, Photo};
use plantain_studio::service::{Studio, StudioParts};
use plantain_studio::view::JobView;
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::signature::{SigningKey, sign_webhook};
use plantain_work::{Clock, Cpu, Shutdown, Tasks};

use crate::service::backend::{Backend, Standing, Submission};

/// The queue's secret.
pub const KEY: [u8; 32] = [7; 32];

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Bench {
    pub backend: Backend,
    pub studio: Studio,
    pub stores: StudioStores,
    pub outbound: Outbound,
    pub clock: Clock,
    folder: tempfile::TempDir,
    config: StudioConfig,
    process: Process,
}

/// What ends with a restart.
struct Process {
    tasks: Tasks,
    shutdown: Shutdown,
}

pub fn user() -> UserId {
    UserId::parse("us").unwrap()
}

/// The test's own settings: short pauses, otherwise as shipped.
pub fn config() -> StudioConfig {
    StudioConfig {
        look_after: Duration::from_millis(50),
        grace: Duration::from_millis(50),
        submit_wait: Duration::from_secs(5),
        ..StudioConfig::default()
    }
}

impl Bench {
    pub async fn start() -> Bench {
        Bench::with(config()).await
    }

    pub async fn with(mut config: StudioConfig) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        config.public_url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let backend = Backend::start().await;
        let outbound = Outbound::new(Policy::loopback()).unwrap();
        let (studio, stores, process) = begin(&folder, &backend, &outbound, config.clone(), Some(listener)).await;
        Bench { backend, studio, stores, outbound, clock: Clock::system(), folder, config, process }
    }

    /// Stops the studio in the middle of whatever it does, and starts it again over the same files. Its address stays dead:
    /// webhooks are handed to [`Bench::deliver`], which doesn't need one.
    pub async fn restart(&mut self) {
        self.process.shutdown.abort();
        self.process.tasks.wait().await;
        let (studio, stores, process) =
            begin(&self.folder, &self.backend, &self.outbound, self.config.clone(), None).await;
        (self.studio, self.stores, self.process) = (studio, stores, process);
    }

    /// Runs SQL on the studio's file, beside the studio.
    pub async fn database(&self, sql: &str) {
        let (beside, sql) = (SqliteStudio::open(&self.folder.path().join("studio.db")).await.unwrap(), sql.to_owned());
        beside.database().write(move |tx| Ok(tx.execute_batch(&sql)?)).await.unwrap();
    }

    /// A job with a real photo, which has reached the queue.
    pub async fn submitted(&self) -> (JobId, Submission) {
        let before = self.backend.submissions();
        let view = self.studio.generate(new_job()).await.unwrap();
        let submission = self.backend.submitted(before + 1).await.pop().unwrap();
        assert_eq!(view.request_id.as_deref(), Some(submission.request_id.as_str()));
        (view.job_id, submission)
    }

    /// Waits until the job is in a state like this.
    pub async fn until(&self, id: &JobId, what: &str, is: impl Fn(&JobView) -> bool) -> JobView {
        let mut watch = self.studio.watch(id);
        let waiting = async {
            loop {
                let view = self.studio.job(id).await.unwrap().expect("the job exists");
                if is(&view) {
                    return view;
                }
                assert!(!view.status.is_final(), "waiting for {what}, the job ended: {view:?}");
                watch.changed().await;
            }
        };
        self.clock.timeout(PATIENCE, waiting).await.unwrap_or_else(|| panic!("{what} never came"))
    }

    pub async fn ended(&self, id: &JobId) -> JobView {
        self.until(id, "an end", |view| view.status.is_final()).await
    }

    pub async fn fails(&self, id: &JobId, code: &str) {
        let view = self.ended(id).await;
        let error = view.error.as_ref().expect("a failed job says why");
        assert_eq!((view.status, error.code.as_str()), (JobState::Failed, code));
        assert!(!error.message.is_empty() && !error.hint.is_empty());
    }

    pub async fn succeeds(&self, id: &JobId) -> JobView {
        let view = self.ended(id).await;
        assert_eq!((view.status, &view.error), (JobState::Succeeded, &None));
        view
    }

    /// An output with one picture of a product, which lies on the queue's CDN.
    pub fn output(&self) -> String {
        let picture = self.backend.file("out.png", plantain_testkit::photo::png());
        let mask = self.backend.file("mask.png", mask());
        format!(
            r#"{{"images":[{{"url":"{picture}","mask":{{"url":"{mask}"}},"variant":"Pure white"}}],"description":"done"}}"#
        )
    }

    pub fn completes(&self, request: &RequestId) {
        self.backend.stands(request, Standing::Completed(200, self.output()));
    }

    /// Sends a webhook over HTTP, signed now by the queue for `user`, and returns the status of the answer.
    pub async fn posts(&self, target: &Url, request: &RequestId, user: &UserId, body: String) -> u16 {
        let headers = signed(request, user, self.clock.now().as_second(), body.as_bytes());
        self.posts_with(target, headers, body.into()).await
    }

    pub async fn posts_with(&self, target: &Url, headers: HeaderMap, body: Bytes) -> u16 {
        let bounds = Bounds::answer_within(PATIENCE);
        self.outbound.post(target, headers, body, bounds).await.expect("the studio answers").status
    }

    /// Hands a webhook to the studio without a network between.
    pub async fn deliver(&self, target: &Url, request: &RequestId, body: String) -> u16 {
        let headers = signed(request, &user(), self.clock.now().as_second(), body.as_bytes());
        self.studio.webhook(&headers, target.query(), body.into()).await.status
    }

    /// The codes of the webhooks that were refused, newest first.
    pub async fn refused(&self) -> Vec<String> {
        let events = self.stores.inbox.recent_rejected(100).await.unwrap();
        events.into_iter().map(|event| event.code).collect()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.process.shutdown.abort();
    }
}

async fn begin(
    folder: &tempfile::TempDir,
    backend: &Backend,
    outbound: &Outbound,
    config: StudioConfig,
    listener: Option<TcpListener>,
) -> (Studio, StudioStores, Process) {
    let stores = open_studio(folder.path().join("studio.db").to_str().unwrap()).await.unwrap();
    let (clock, cpu) = (Clock::system(), Cpu::new(2));
    let keys = JwksCache::new(vec![backend.jwks()], outbound.clone(), clock.clone());
    let studio = Studio::new(StudioParts {
        store: stores.jobs.clone(),
        receiver: Receiver::new(keys, Account::Known(user()), None, stores.inbox.clone(), clock.clone()),
        client: QueueClient::new(Endpoints::under(backend.base()), None).unwrap(),
        outbound: outbound.clone(),
        blobs: Blobs::folder(folder.path().join("blobs")).await.unwrap(),
        segmenter: segmenter(),
        presets: Arc::new(Presets::builtin()),
        cpu: cpu.clone(),
        clock,
        config,
        messages: Outgoing {
            schedule: Schedule::Custom(vec![Duration::from_millis(50); 3]),
            ..Outgoing::new(outbound.clone(), AdminToken::new("a-token-for-tests").link_key())
        },
    });
    let process = Process { tasks: Tasks::new(), shutdown: Shutdown::new() };
    studio.start(&process.tasks, &process.shutdown);
    if let Some(listener) = listener {
        let token = AdminToken::new("a-token-for-tests");
        let router = router(studio.clone(), HttpConfig::local(token, process.shutdown.clone(), cpu));
        let stop = process.shutdown.clone();
        process.tasks.spawn("http", async move {
            tokio::select! {
                served = async { axum::serve(listener, router).await } => served.unwrap(),
                () = stop.begun() => {}
            }
        });
    }
    (studio, stores, process)
}

/// Loading the network takes a while, and one is enough for all tests.
pub fn segmenter() -> SegmenterSource {
    static LOADED: OnceLock<Arc<Segmenter>> = OnceLock::new();
    Arc::new(|| Ok(LOADED.get_or_init(|| Arc::new(Segmenter::embedded().unwrap())).clone()))
}

pub fn new_job() -> NewJob {
    let photo = Photo {
        bytes: plantain_testkit::photo::jpeg_with_gps().into(),
        file_name: Some("jar.jpg".into()),
        content_type: Some("image/jpeg".into()),
    };
    NewJob {
        photos: vec![photo],
        image_urls: Vec::new(),
        prompt: Some("on white".into()),
        preset: "amazon_main".into(),
        num_images: 1,
        identifier: None,
        products: None,
        whatsapp: None,
        staging: Default::default(),
        endpoint: None,
        choice: Default::default(),
        owner: None,
        tier: Tier::Paid,
        allowance: None,
        callback: None,
        notify: None,
    }
}

/// White where the jar of the fixture is.
fn mask() -> Vec<u8> {
    let (width, height) = (plantain_testkit::photo::WIDTH, plantain_testkit::photo::HEIGHT);
    let inside = |x: u32, y: u32| (100..208).contains(&x) && (40..196).contains(&y);
    let pixels: Vec<u8> =
        (0..height).flat_map(|y| (0..width).map(move |x| if inside(x, y) { 255 } else { 0 })).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    bytes
}

pub fn signed(request: &RequestId, user: &UserId, at: i64, body: &[u8]) -> HeaderMap {
    let headers = sign_webhook(&SigningKey::from_seed(KEY), request, user, at, body);
    let header =
        |(name, value): (&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    headers.iter().map(header).collect()
}

pub fn ok(request: &RequestId, payload: &str) -> String {
    format!(
        r#"{{"error": null, "gateway_request_id": "{request}", "payload": {payload}, "request_id": "{request}", "status": "OK"}}"#
    )
}

pub fn error(request: &RequestId, payload: &str) -> String {
    format!(
        r#"{{"error": "Invalid status code: 422", "payload": {payload}, "request_id": "{request}", "status": "ERROR"}}"#
    )
}
