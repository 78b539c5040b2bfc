//! From a result that is accepted to its webhook's arrival: committed durably, claimed, signed, posted to a sink on this
//! machine, and recorded durably as delivered. The sink runs in the same process, so that its CPU time is counted too.
//!
//! `delivery ADDRESS` measures on a SQLite file or a `postgres://` server: first 100 results a second, then as many as it
//! takes. Each round is made without webhooks too, so that what their requests cost is not counted. Prints for each a line
//! `rate p50 p99 cpu`, in messages a second, milliseconds and microseconds a message. CPU time of a Postgres server is not in
//! it. `cargo xtask bench delivery` runs it beside its limits.

use std::collections::HashMap;
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
use tokio::sync::mpsc;
use url::Url;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ENDPOINT: &str = "bench/quick";

/// Results a second in the first round, and how many.
const RATE: u32 = 100;
const PACED: usize = 1_500;

/// Submitters in the second round, and how many results.
const SUBMITTERS: usize = 64;
const FLOOD: usize = 6_400;

/// Like a live answer of the model that is named in the examples.
const RESULT: &str = r#"{"images": [{"url": "https://queue.example/files/b/x/y.png", "content_type": "image/png", "file_name": "y.png", "file_size": 1423052, "width": 1024, "height": 1024}], "description": "A mug on a white background, seen from the front, with a soft shadow below it.", "seed": 17454220438242315174}"#;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [address] = &arguments[..] else { return eprintln!("usage: delivery ADDRESS") };
    tokio::runtime::Runtime::new().expect("a runtime").block_on(measure(address));
}

/// Answers at once.
struct Quick(Arc<Times>);

#[async_trait]
impl Runner for Quick {
    async fn run(&self, task: RunTask) -> Result<Answer, RunFailure> {
        self.0.accepted(&task.request_id);
        Ok(Answer::new(200, RESULT))
    }
}

/// When results were accepted, and how long it took until their webhooks arrived.
struct Times {
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
        }
    }
}

struct Bench {
    engine: Engine,
    clock: Clock,
    sink: Url,
}

async fn measure(address: &str) {
    let (took, mut arrived) = mpsc::unbounded_channel();
    let times = Arc::new(Times { accepted: Mutex::default(), took });
    let sink = sink(times.clone()).await;
    let runners = Runners::default().with(ENDPOINT, Arc::new(Quick(times)));
    let clock = Clock::system();
    let config = EngineConfig { slots: SUBMITTERS, key_concurrency: 1_000, ..EngineConfig::default() };
    let store = open_queue(address).await.expect("a database");
    let signer = Signer::new(SigningKey::from_seed([7; 32]));
    let outbound = Outbound::new(Policy::loopback()).expect("a client");
    let engine = Engine::new(store, runners, signer, outbound, clock.clone(), config);
    let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
    engine.start(&tasks, &shutdown);
    let bench = Arc::new(Bench { engine, clock, sink });
    for (submitters, count, pace) in [(1, PACED, Duration::from_secs(1) / RATE), (SUBMITTERS, FLOOD, Duration::ZERO)] {
        let alone = bench.round(submitters, count, pace, None).await;
        bench.round(submitters, count, pace, Some((&mut arrived, alone))).await;
    }
    shutdown.begin();
    tasks.wait().await;
}

impl Bench {
    /// Gives the CPU time of the round. With webhooks, prints what it comes to; the time of the same round without them is
    /// taken off.
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
    async fn round(
        self: &Arc<Bench>,
        submitters: usize,
        count: usize,
        pace: Duration,
        webhooks: Option<(&mut mpsc::UnboundedReceiver<Duration>, Duration)>,
    ) -> Duration {
        let (began, cpu) = (Instant::now(), cpu());
        let with_webhook = webhooks.is_some();
        let submitting = (0..submitters).map(|submitter| {
            let bench = self.clone();
            tokio::spawn(async move {
                for _ in 0..count / submitters {
                    bench.clock.sleep(pace).await;
                    bench.submit(submitter, with_webhook).await;
                }
            })
        });
        let submitting: Vec<_> = submitting.collect();
        for submitter in submitting {
            submitter.await.expect("no panic");
        }
        let Some((arrived, alone)) = webhooks else {
            // The last ones end.
            self.clock.sleep(Duration::from_secs(1)).await;
            return self::cpu() - cpu;
        };
        let mut times = Vec::with_capacity(count);
        while times.len() < count {
            times.push(arrived.recv().await.expect("the sink lives"));
        }
        let (took, cpu) = (began.elapsed(), self::cpu() - cpu);
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        let each = cpu.saturating_sub(alone).as_secs_f64() * 1e6 / count as f64;
        println!("{:.0} {:.2} {:.2} {each:.0}", count as f64 / took.as_secs_f64(), at(0.5), at(0.99));
        cpu
    }

    async fn submit(&self, submitter: usize, with_webhook: bool) {
        let now = self.clock.now();
        let key_id = format!("key_{}", submitter % 8);
        let request = NewRequest {
            id: RequestId::from_uuid(random::id(now)),
            endpoint: ENDPOINT.parse().expect("an endpoint"),
            caller: Caller { user_id: UserId::parse("user_bench").expect("an id"), key_id },
            input: Bytes::from_static(br#"{"prompt":"a chair"}"#),
            webhook: with_webhook.then(|| self.sink.clone()),
            priority: Priority::Normal,
            start_by: None,
            idempotency: None,
            options: RequestOptions::default(),
            max_queue_length: None,
            retry_of: None,
            created_at: now,
        };
        self.engine.submit(request).await.expect("the queue accepts");
    }
}

/// User and system time of this process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit(')').next().expect("a name in brackets");
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("ticks")).sum();
    Duration::from_millis(ticks * 10)
}

#[expect(clippy::disallowed_methods, reason = "a receiver beside what is measured, which ends with the process")]
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
