//! The studio in front of the real queue: gateway, engine and the local picture engine, over HTTP and real signatures.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use url::Url;

use plantain_blobs::Blobs;
use plantain_client::{ApiKey, Endpoints, QueueClient};
use plantain_gateway::keys::{KeySettings, Keys, configured};
use plantain_gateway::memory::Memory;
use plantain_gateway::{CdnSecret, Gateway, Limits, PAYLOAD_BYTES_MAX, Proxy};
use plantain_inbox::jwks::JwksCache;
use plantain_inbox::receiver::{Account, Receiver};
use plantain_media::cutout::{Stroke, StrokeKind};
use plantain_media::decode;
use plantain_media::preset::Presets;
use plantain_models::{Files, LocalEngine, LocalParts};
use plantain_outbound::{Outbound, Policy};
use plantain_queue::Signer;
use plantain_queue::engine::{Engine, EngineConfig};
use plantain_queue::keys::Scope;
use plantain_queue::runner::Runners;
use plantain_store::queue::open_queue;
use plantain_store::studio::{StudioStores, open_studio};
use plantain_studio::config::StudioConfig;
use plantain_studio::correcting::Change;
use plantain_studio::http::guard::AdminToken;
use plantain_studio::http::{HttpConfig, router};
use plantain_studio::job::{JobId, JobState};
use plantain_studio::messages::Outgoing;
use plantain_studio::photo::{NewJob, Photo};
use plantain_studio::service::{Studio, StudioParts};
use plantain_studio::view::{JobView, Which};
use plantain_wire::id::RequestId;
use plantain_wire::models::nano_banana::EDIT_ENDPOINT;
use plantain_wire::signature::SigningKey;
use plantain_work::{Clock, Cpu, Shutdown, Tasks};

use crate::service::bench::{new_job, segmenter, user};

const API_KEY: &str = "studio:s3cret";

/// Three cut-outs on a busy machine without optimisation.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Whole {
    pub studio: Studio,
    pub stores: StudioStores,
    tasks: Tasks,
    shutdown: Shutdown,
    _folder: tempfile::TempDir,
}

async fn listener() -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    (listener, url)
}

impl Whole {
    pub async fn start() -> Whole {
        let folder = tempfile::tempdir().unwrap();
        let (tasks, shutdown, clock, cpu) = (Tasks::new(), Shutdown::new(), Clock::system(), Cpu::new(2));
        let outbound = Outbound::new(Policy::loopback()).unwrap();
        let gateway_url = queue(&folder, &tasks, &shutdown, &outbound, &cpu).await;
        let (listening, public_url) = listener().await;
        let stores = open_studio(folder.path().join("studio.db").to_str().unwrap()).await.unwrap();
        let jwks = gateway_url.join("rest/.well-known/jwks.json").unwrap();
        let keys = JwksCache::new(vec![jwks], outbound.clone(), clock.clone());
        let studio = Studio::new(StudioParts {
            store: stores.jobs.clone(),
            receiver: Receiver::new(keys, Account::Known(user()), None, stores.inbox.clone(), clock.clone()),
            client: QueueClient::new(Endpoints::under(&gateway_url), Some(ApiKey::new(API_KEY).unwrap())).unwrap(),
            outbound: outbound.clone(),
            blobs: Blobs::folder(folder.path().join("pictures")).await.unwrap(),
            segmenter: segmenter(),
            presets: Arc::new(Presets::builtin()),
            cpu: cpu.clone(),
            clock,
            // So long that a result which comes in time came by webhook.
            config: StudioConfig { grace: PATIENCE, ..StudioConfig::embedded(public_url) },
            messages: Outgoing::new(outbound, AdminToken::new("a-token-for-tests").link_key()),
        });
        studio.start(&tasks, &shutdown);
        let http = HttpConfig::local(AdminToken::new("a-token-for-tests"), shutdown.clone(), cpu);
        serve(&tasks, &shutdown, listening, router(studio.clone(), http));
        Whole { studio, stores, tasks, shutdown, _folder: folder }
    }

    pub async fn ended(&self, new: NewJob) -> JobView {
        let accepted = self.studio.generate(new).await.unwrap();
        assert!(accepted.request_id.is_some(), "{accepted:?}");
        self.end_of(&accepted.job_id).await
    }

    pub async fn end_of(&self, id: &JobId) -> JobView {
        let mut watch = self.studio.watch(id);
        let waiting = async {
            loop {
                let view = self.studio.job(id).await.unwrap().unwrap();
                if view.status.is_final() {
                    return view;
                }
                watch.changed().await;
            }
        };
        Clock::system().timeout(PATIENCE, waiting).await.expect("the job ends")
    }

    pub async fn stop(self) {
        self.shutdown.abort();
        self.tasks.wait().await;
    }
}

async fn queue(folder: &tempfile::TempDir, tasks: &Tasks, shutdown: &Shutdown, outbound: &Outbound, cpu: &Cpu) -> Url {
    let (listening, url) = listener().await;
    let clock = Clock::system();
    let store = open_queue(folder.path().join("queue.db").to_str().unwrap()).await.unwrap();
    let blobs = Blobs::folder(folder.path().join("files")).await.unwrap();
    let local = LocalEngine::new(LocalParts {
        files: Files::new(blobs.clone(), store.clone(), url.join("cdn").unwrap(), clock.clone()),
        outbound: outbound.clone(),
        segmenter: segmenter(),
        cpu: cpu.clone(),
        limits: decode::Limits::default(),
    });
    let runners = Runners::default().with(EDIT_ENDPOINT, Arc::new(local));
    let signer = Signer::new(SigningKey::from_seed([7; 32]));
    let settings =
        KeySettings { keys: vec![configured(API_KEY, user(), Scope::Api).unwrap()], ..KeySettings::default() };
    let keys = Keys::new(settings, store.clone(), clock.clone());
    let engine = Engine::new(store, runners, signer, outbound.clone(), clock.clone(), EngineConfig::default());
    engine.start(tasks, shutdown);
    let gateway = Gateway {
        engine,
        blobs,
        keys,
        cdn_secret: CdnSecret::new(&[9; 32]),
        public_url: Some(url.clone()),
        proxy: Proxy::None,
        keyless: plantain_gateway::Keyless::Refused,
        memory: Memory::new(PAYLOAD_BYTES_MAX, clock.clone()),
        clock,
        shutdown: shutdown.clone(),
        limits: Limits::default(),
    };
    serve(tasks, shutdown, listening, plantain_gateway::router(gateway));
    url
}

fn serve(tasks: &Tasks, shutdown: &Shutdown, listener: TcpListener, router: axum::Router) {
    let stop = shutdown.clone();
    tasks.spawn("http", async move {
        tokio::select! {
            served = async { axum::serve(listener, router).await } => served.unwrap(),
            () = stop.begun() => {}
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_pictures_come_back_over_the_real_wire() {
    let whole = Whole::start().await;
    let view = whole.ended(NewJob { num_images: 3, ..new_job() }).await;
    assert_eq!((view.status, &view.error, view.images.len()), (JobState::Succeeded, &None, 3));
    for image in &view.images {
        assert_eq!((image.width, image.height), (2000, 2000));
        assert!(image.passed, "{}: {}", image.file_name, image.report.as_str());
        assert!(image.variant.is_some());
    }
    assert!(view.description.is_some_and(|words| !words.is_empty()));
    assert!(view.timings.running_ms.is_some() && view.timings.total_ms.is_some(), "{:?}", view.timings);
    let first = whole.studio.picture(&view.job_id, Which::Result(1)).await.unwrap().unwrap();
    let first = whole.studio.bytes(&first).await.unwrap().unwrap();
    assert_eq!(first.len() as u64, view.images[0].bytes);
    assert!(!first.windows(4).any(|word| word == b"Exif"));
    // It came by a verified webhook, once.
    let request = RequestId::parse(&view.request_id.unwrap()).unwrap();
    let events = whole.stores.jobs.events(&request).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].state.as_str(), events[0].job_id.clone()), ("applied", view.job_id));
    assert_eq!(whole.stores.inbox.recent_rejected(9).await.unwrap(), []);
    whole.stop().await;
}

/// The mean difference of two pictures' bytes.
fn difference(one: &[u8], other: &[u8]) -> f64 {
    let [one, other] = [one, other].map(|bytes| decode::decode(bytes, &decode::Limits::default()).unwrap().picture);
    assert_eq!((one.width(), one.height()), (other.width(), other.height()));
    let all: u64 = one.rgb().iter().zip(other.rgb()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    all as f64 / one.rgb().len() as f64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_out_of_the_engine_is_corrected_without_asking_it_again() {
    let whole = Whole::start().await;
    let view = whole.ended(NewJob { num_images: 2, ..new_job() }).await;
    let id = view.job_id.clone();
    assert!(view.matte_url.is_some(), "{view:?}");
    let picture = async |which| {
        let file = whole.studio.picture(&id, which).await.unwrap().expect("a picture");
        whole.studio.bytes(&file).await.unwrap().unwrap()
    };
    // The same scenes of the same matte are the same pictures, but for the second encoding.
    let again = whole.studio.remake(&id, 0).await.unwrap();
    assert_eq!((again.corrected, again.images.len()), (Some(0), 2));
    for n in 1..=2 {
        let apart = difference(&picture(Which::Result(n)).await, &picture(Which::Corrected(0, n)).await);
        assert!(apart < 1.0, "picture {n}: {apart}");
    }
    let (_, (width, height)) = whole.studio.strokes(&id).await.unwrap();
    let path = vec![(width * 2 / 5, height / 2), (width * 3 / 5, height / 2)];
    let erased = Stroke { kind: StrokeKind::Erase, path, radius: height / 20 };
    let change = Change { seen: 0, strokes: vec![erased], instead: false };
    let stroked = whole.studio.correct(&id, change, 512).await.unwrap();
    assert_eq!((stroked.revision, stroked.photo), (1, (width, height)));
    let corrected = whole.studio.remake(&id, 1).await.unwrap();
    assert_eq!((corrected.request_id, corrected.cost_cents), (view.request_id.clone(), view.cost_cents));
    assert!(difference(&picture(Which::Result(1)).await, &picture(Which::Corrected(1, 1)).await) > 1.0);
    let request = RequestId::parse(&view.request_id.unwrap()).unwrap();
    assert_eq!(whole.stores.jobs.events(&request).await.unwrap().len(), 1, "the queue heard nothing of it");
    whole.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_without_a_product_says_so() {
    let whole = Whole::start().await;
    let blank =
        Photo { bytes: plantain_testkit::photo::png_of_size(600, 600).into(), file_name: None, content_type: None };
    let view = whole.ended(NewJob { photos: vec![blank], ..new_job() }).await;
    assert_eq!(view.status, JobState::Failed);
    assert_eq!(view.error.unwrap().code, "no_product_found");
    whole.stop().await;
}
