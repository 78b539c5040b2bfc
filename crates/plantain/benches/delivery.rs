//! From a result that is accepted to its webhook's arrival: committed durably, claimed, signed, posted to a sink on this
//! machine, and recorded durably as delivered. The sink runs in the same process, so that its CPU time is counted too.
//!
//! `delivery ADDRESS` measures on a SQLite file or a `postgres://` server: first 100 results a second, then as many as it
//! takes. Prints for each a line `rate p50 p99 cpu`, in messages a second, milliseconds and microseconds a message. CPU time of
//! a Postgres server is not in it. `cargo xtask bench delivery` runs it beside its limits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use plantain_outbound::{Outbound, Policy};
use plantain_queue::Signer;
use plantain_queue::engine::{Engine, EngineConfig};
use plantain_queue::model::{Caller, NewRequest, Priority};
use plantain_queue::runner::{Answer, RunFailure, RunTask, Runner, Runners};
use plantain_store::queue::open_queue;
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::options::RequestOptions;
use plantain_wire::signature::SigningKey;
use plantain_work::{Clock, Shutdown, Tasks, random};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use url::Url;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ENDPOINT: &str = "bench/held";

/// Results a second in the first round, and how many.
const RATE: u32 = 100;
const PACED: usize = 1_500;

/// Results at once in the second round, and how many.
const AT_ONCE: usize = 256;
const FLOOD: usize = 10_000;

/// Like a live answer of the model that is named in the examples.
const RESULT: &str = r#"{"images": [{"url": "https://queue.example/files/b/x/y.png", "content_type": "image/png", "file_name": "y.png", "file_size": 1423052, "width": 1024, "height": 1024}], "description": "A mug on a white background, seen from the front, with a soft shadow below it.", "seed": 17454220438242315174}"#;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [address] = &arguments[..] else { return eprintln!("usage: delivery ADDRESS") };
    tokio::runtime::Runtime::new().expect("a runtime").block_on(measure(address));
}

/// Answers when the benchmark lets it.
struct Held {
    gate: Arc<Semaphore>,
    times: Arc<Times>,
}

#[async_trait]
impl Runner for Held {
    async fn run(&self, task: RunTask) -> Result<Answer, RunFailure> {
        self.gate.acquire().await.expect("the gate stays").forget();
        self.times.accepted(&task.request_id);
        Ok(Answer::new(200, RESULT))
    }
}

/// When results were accepted, and how long it took until their webhooks arrived.
struct Times {
    gate: Arc<Semaphore>,
    /// For each webhook that arrives, the next result is accepted.
    refills: AtomicBool,
    accepted: Mutex<HashMap<String, Instant>>,
    took: mpsc::UnboundedSender<Duration>,
}

impl Times {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
    fn accepted(&self, id: &RequestId) {
        self.accepted.lock().expect("no panic").insert(id.to_string(), Instant::now());
    }

    fn arrived(&self, id: &str) {
        if let Some(accepted) = self.accepted.lock().expect("no panic").remove(id) {
            self.took.send(accepted.elapsed()).ok();
            self.gate.add_permits(usize::from(self.refills.load(Ordering::Relaxed)));
        }
    }
}

async fn measure(address: &str) {
    let (took, mut arrived) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let refills = AtomicBool::new(false);
    let times = Arc::new(Times { gate: gate.clone(), refills, accepted: Mutex::default(), took });
    let sink = sink(times.clone()).await;
    let held = Held { gate: gate.clone(), times: times.clone() };
    let runners = Runners::default().with(ENDPOINT, Arc::new(held));
    let clock = Clock::system();
    let config = EngineConfig {
        slots: FLOOD,
        key_concurrency: FLOOD,
        // Nothing is measured of requests but their end.
        lease: Duration::from_secs(3600),
        attempt_timeout: Duration::from_secs(3000),
        ..EngineConfig::default()
    };
    let store = open_queue(address).await.expect("a database");
    let signer = Signer::new(SigningKey::from_seed([7; 32]));
    let outbound = Outbound::new(Policy::loopback()).expect("a client");
    let engine = Engine::new(store, runners, signer, outbound, clock.clone(), config);
    let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
    engine.start(&tasks, &shutdown);

    submit(&engine, &clock, &sink, PACED).await;
    let pace = Duration::from_secs(1) / RATE;
    let (opened, clock_of_pace) = (gate.clone(), clock.clone());
    let paced = async move {
        for _ in 0..PACED {
            clock_of_pace.sleep(pace).await;
            opened.add_permits(1);
        }
    };
    round(&mut arrived, PACED, paced).await;
    submit(&engine, &clock, &sink, FLOOD).await;
    times.refills.store(true, Ordering::Relaxed);
    round(&mut arrived, FLOOD, async move { gate.add_permits(AT_ONCE) }).await;
    shutdown.begin();
    tasks.wait().await;
}

/// Prints what a round of `count` results comes to.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
async fn round(
    arrived: &mut mpsc::UnboundedReceiver<Duration>,
    count: usize,
    release: impl Future<Output = ()> + Send + 'static,
) {
    let (began, cpu) = (Instant::now(), cpu());
    let releasing = tokio::spawn(release);
    let mut times = Vec::with_capacity(count);
    while times.len() < count {
        times.push(arrived.recv().await.expect("the sink lives"));
    }
    releasing.await.expect("no panic");
    let (took, cpu) = (began.elapsed(), self::cpu() - cpu);
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let each = cpu.as_secs_f64() * 1e6 / count as f64;
    println!("{:.0} {:.2} {:.2} {each:.0}", count as f64 / took.as_secs_f64(), at(0.5), at(0.99));
}

/// Requests that wait for their results, each under a key of its own account.
async fn submit(engine: &Engine, clock: &Clock, sink: &Url, count: usize) {
    for number in 0..count {
        let now = clock.now();
        let caller =
            Caller { user_id: UserId::parse("user_bench").expect("an id"), key_id: format!("key_{}", number % 8) };
        let request = NewRequest {
            id: RequestId::from_uuid(random::id(now)),
            endpoint: ENDPOINT.parse().expect("an endpoint"),
            caller,
            input: Bytes::from_static(br#"{"prompt":"a chair"}"#),
            webhook: Some(sink.clone()),
            priority: Priority::Normal,
            start_by: None,
            idempotency: None,
            options: RequestOptions::default(),
            max_queue_length: None,
            retry_of: None,
            created_at: now,
        };
        engine.submit(request).await.expect("the queue accepts");
    }
    // All of them run, and hang at the gate.
    clock.sleep(Duration::from_secs(3)).await;
}

/// User and system time of this process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit(')').next().expect("a name in brackets");
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("ticks")).sum();
    Duration::from_millis(ticks * 10)
}

async fn sink(times: Arc<Times>) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(take(connection, times.clone()));
        }
    });
    Url::parse(&format!("http://{address}/hook")).expect("a URL")
}

/// Reads requests and answers them, on one connection, until it is closed.
async fn take(mut connection: TcpStream, times: Arc<Times>) {
    connection.set_nodelay(true).expect("a socket");
    let mut read = Vec::with_capacity(16 * 1024);
    loop {
        while let Some((id, length)) = whole(&read) {
            times.arrived(&id);
            read.drain(..length);
            if connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
                return;
            }
        }
        match connection.read_buf(&mut read).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// The request id of the first request, and how long it is in all; `None` where it has not come whole.
fn whole(read: &[u8]) -> Option<(String, usize)> {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&read[..end]).expect("headers are text");
    let value = |name: &str| {
        let line = head.lines().find(|line| line.len() > name.len() && line[..name.len()].eq_ignore_ascii_case(name));
        line.map(|line| line[name.len()..].trim_start_matches(':').trim().to_owned())
    };
    let length: usize = value("content-length")?.parse().expect("a length");
    (read.len() >= end + length).then(|| (value("x-fal-webhook-request-id").expect("it is signed"), end + length))
}
