//! A local engine with a store of its own, and what a run of it comes to.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use plantain_blobs::Blobs;
use plantain_media::cutout::Segmenter;
use plantain_media::decode::{self, Decoded, Limits};
use plantain_models::{Files, LocalEngine, LocalParts, SegmenterSource};
use plantain_outbound::{Outbound, Policy};
use plantain_queue::model::Caller;
use plantain_queue::runner::{Answer, LogSink, Memory, Partials, RunFailure, RunTask, Runner};
use plantain_store::queue::open_queue;
use plantain_wire::endpoint::EndpointId;
use plantain_wire::id::{GatewayRequestId, RequestId, UserId};
use plantain_wire::options::RequestOptions;
use plantain_wire::status::LogLevel;
use plantain_work::{Clock, Cpu};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

pub const EDIT: &str = "fal-ai/nano-banana/edit";
pub const PUMP: &[u8] = include_bytes!("../../../media/tests/photos/pump.jpg");

pub struct Bench {
    pub engine: LocalEngine,
    pub files: Files,
    _folder: tempfile::TempDir,
}

/// What one run left behind.
pub struct Run {
    pub ended: Result<Answer, RunFailure>,
    pub logs: Vec<String>,
}

pub async fn bench() -> Bench {
    bench_with(Policy::loopback(), Limits::default()).await
}

pub async fn bench_with(policy: Policy, limits: Limits) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let store = open_queue(folder.path().join("queue.db").to_str().unwrap()).await.unwrap();
    let blobs = Blobs::folder(folder.path().join("blobs")).await.unwrap();
    let base = "http://127.0.0.1:8788/cdn".parse().unwrap();
    let files = Files::new(blobs, store, base, Clock::system());
    let loaded: OnceLock<Arc<Segmenter>> = OnceLock::new();
    let segmenter: SegmenterSource = Arc::new(move || match loaded.get() {
        Some(segmenter) => Ok(segmenter.clone()),
        None => Segmenter::embedded().map(|segmenter| loaded.get_or_init(|| Arc::new(segmenter)).clone()),
    });
    let outbound = Outbound::new(policy).unwrap();
    let engine = LocalEngine::new(LocalParts { files: files.clone(), outbound, segmenter, cpu: Cpu::new(2), limits });
    Bench { engine, files, _folder: folder }
}

/// Runs one attempt to its end.
pub async fn run(runner: &dyn Runner, endpoint: &str, input: &str) -> Run {
    run_until(runner, endpoint, input, CancellationToken::new()).await
}

pub async fn run_until(runner: &dyn Runner, endpoint: &str, input: &str, cancel: CancellationToken) -> Run {
    let (task, lines) = task(endpoint, input);
    run_task(runner, RunTask { cancel, ..task }, lines).await
}

/// An attempt that nobody listens to, and its log.
pub fn task(endpoint: &str, input: &str) -> (RunTask, Lines) {
    let (logs, lines) = LogSink::channel(100);
    let id = RequestId::parse("r1").unwrap();
    let task = RunTask {
        gateway_request_id: GatewayRequestId::from(&id),
        request_id: id,
        endpoint: EndpointId::parse(endpoint).unwrap(),
        caller: Caller { user_id: UserId::parse("u").unwrap(), key_id: "k".to_owned() },
        options: RequestOptions::default(),
        input: Bytes::copy_from_slice(input.as_bytes()),
        logs,
        partials: Partials::unheard(),
        memory: Memory::none(),
        cancel: CancellationToken::new(),
    };
    (task, lines)
}

pub type Lines = mpsc::Receiver<(LogLevel, String)>;

pub async fn run_task(runner: &dyn Runner, task: RunTask, mut lines: Lines) -> Run {
    let ended = runner.run(task).await;
    let mut logs = Vec::new();
    while let Some((_, line)) = lines.recv().await {
        logs.push(line);
    }
    Run { ended, logs }
}

impl Bench {
    pub async fn edit(&self, input: Value) -> Run {
        run(&self.engine, EDIT, &input.to_string()).await
    }

    /// Keeps a photo on the CDN and says its address.
    pub async fn keep(&self, bytes: &[u8]) -> Url {
        self.files.write("photo.jpg", "image/jpeg", Bytes::copy_from_slice(bytes)).await.unwrap()
    }

    /// The picture under an address of the CDN.
    pub async fn read(&self, url: &Value) -> Decoded {
        let url = url.as_str().unwrap().parse().unwrap();
        match self.files.read(&url, u64::MAX).await.unwrap() {
            plantain_models::files::Found::Bytes(bytes) => decode::decode(&bytes, &Limits::default()).unwrap(),
            other => panic!("{url}: {other:?}"),
        }
    }
}

impl Run {
    #[track_caller]
    pub fn output(&self) -> Value {
        let answer = self.ended.as_ref().unwrap();
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.http_status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The infrastructure error that it ended with.
    #[track_caller]
    pub fn failed(&self) -> &'static str {
        self.ended.as_ref().expect_err("it should have failed").error_type.as_str()
    }

    /// Checks that the model refused with one complaint of this type about this field.
    #[track_caller]
    pub fn refuses(&self, kind: &str, field: &str, words: &str) {
        let answer = self.ended.as_ref().unwrap();
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let body: Value = serde_json::from_str(&text).unwrap();
        let detail = &body["detail"][0];
        assert_eq!((answer.http_status, detail["type"].as_str()), (422, Some(kind)), "{text}");
        let place: Vec<String> = detail["loc"].as_array().unwrap().iter().map(|step| step.to_string()).collect();
        assert_eq!(place.join(".").replace('"', ""), field, "{text}");
        assert!(detail["msg"].as_str().unwrap().contains(words), "{words:?} is not in {text}");
    }
}
