//! What the queue does in a second: requests from submit to completed, with a runner that does nothing and every step
//! durable, on an empty database and on one that holds a million requests; and status calls over HTTP.
//!
//! `queue jobs ADDRESS` measures on a SQLite file or a `postgres://` server, `queue polls` a whole system. `cargo xtask bench
//! queue` runs both, beside what the database does by itself.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use plantain::config::{Config, Sources};
use plantain::system::{Place, Role, System};
use plantain_client::{ApiKey, Endpoints, QueueClient, SubmitOptions};
use plantain_models::simulated;
use plantain_outbound::{Outbound, Policy};
use plantain_queue::Signer;
use plantain_queue::engine::{Engine, EngineConfig, Logs};
use plantain_queue::model::{Caller, NewRequest, Priority};
use plantain_queue::runner::{Answer, RunFailure, RunTask, Runner, Runners};
use plantain_queue::store::QueueStore;
use plantain_store::queue::{PostgresQueue, SqliteQueue};
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::options::RequestOptions;
use plantain_wire::signature::SigningKey;
use plantain_wire::status::QueueStatus;
use plantain_work::{Clock, Shutdown, Tasks, random};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ENDPOINT: &str = "bench/nothing";

/// Callers at once; each submits its next request when it has seen the end of the last.
const SUBMITTERS: usize = 128;

const ROUND: Duration = Duration::from_secs(8);

/// Requests that are on record before the second round.
const STORED: u64 = 1_000_000;

/// Connections that ask for a status, each as fast as it is answered.
const POLLERS: usize = 32;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["jobs", address] => runtime.block_on(jobs(address, STORED)),
        ["jobs", address, "empty"] => runtime.block_on(jobs(address, 0)),
        ["polls"] => runtime.block_on(polls()),
        _ => eprintln!("usage: queue jobs ADDRESS [empty] | queue polls"),
    }
}

enum Database {
    Sqlite(SqliteQueue),
    Postgres(PostgresQueue),
}

impl Database {
    async fn open(address: &str) -> Database {
        match address.starts_with("postgres") {
            true => Database::Postgres(PostgresQueue::connect(address).await.expect("a server")),
            false => Database::Sqlite(SqliteQueue::open(Path::new(address)).await.expect("a file")),
        }
    }

    fn store(&self) -> Arc<dyn QueueStore> {
        match self {
            Database::Sqlite(queue) => Arc::new(queue.clone()),
            Database::Postgres(queue) => Arc::new(queue.clone()),
        }
    }

    /// Puts completed requests on record, as if they had been served last month.
    async fn fill(&self, count: u64) {
        const COLUMNS: &str =
            "(id, endpoint, app, user_id, key_id, gateway_request_id, priority, state, attempt, ending,
             created_at, started_at, finished_at)";
        const VALUES: &str = "'bench/nothing', 'bench/nothing', 'user_bench', 'key_' || (n % 50), 'stored-' || n, 0,
             'completed', 1, 'succeeded', n, n, n";
        let outcomes = "INSERT INTO queue_outcomes (request, http_status, inference, body)
             SELECT seq, 200, 1, input FROM queue_inputs WHERE seq NOT IN (SELECT request FROM queue_outcomes)";
        match self {
            Database::Sqlite(queue) => {
                let step = 100_000;
                for begin in (0..count).step_by(step) {
                    let sql = format!(
                        "WITH RECURSIVE numbers (n) AS (SELECT {begin} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {})
                         INSERT INTO queue_requests {COLUMNS} SELECT 'stored-' || n, {VALUES} FROM numbers",
                        begin + step as u64
                    );
                    queue.database().write(move |tx| Ok(tx.execute_batch(&sql)?)).await.expect("rows");
                }
                let inputs = "INSERT INTO queue_inputs SELECT seq, CAST('{\"prompt\":\"a chair\"}' AS BLOB)
                     FROM queue_requests WHERE id LIKE 'stored-%'";
                let outcomes = outcomes.replace("seq", "queue_inputs.request");
                let all = format!("{inputs}; {outcomes}");
                queue.database().write(move |tx| Ok(tx.execute_batch(&all)?)).await.expect("rows");
            }
            Database::Postgres(queue) => {
                let client = queue.database().client().await.expect("a connection");
                let outcomes = outcomes.replace("seq", "queue_inputs.request");
                let sql = format!(
                    "SET statement_timeout = 0; INSERT INTO queue_requests {COLUMNS}
                     SELECT 'stored-' || n, {VALUES} FROM generate_series(1, {count}) AS n;
                     INSERT INTO queue_inputs SELECT seq, '{{\"prompt\":\"a chair\"}}' FROM queue_requests
                     WHERE id LIKE 'stored-%'; {outcomes}; RESET statement_timeout"
                );
                client.batch_execute(&sql).await.expect("rows");
                client.batch_execute("VACUUM ANALYZE").await.ok();
            }
        }
    }
}

struct Nothing;

#[async_trait]
impl Runner for Nothing {
    async fn run(&self, _: RunTask) -> Result<Answer, RunFailure> {
        Ok(Answer::new(200, r#"{"images":[]}"#))
    }
}

async fn jobs(address: &str, stored: u64) {
    let database = Database::open(address).await;
    round(&database, "nothing on record").await;
    if stored > 0 {
        database.fill(stored).await;
        round(&database, "a million on record").await;
    }
}

async fn round(database: &Database, what: &str) {
    let clock = Clock::system();
    let signer = Signer::with(SigningKey::from_seed([7; 32]), Vec::new(), None);
    let outbound = Outbound::new(Policy::loopback()).expect("a client");
    let config = EngineConfig { slots: 64, key_concurrency: 1000, ..EngineConfig::default() };
    let runners = Runners::default().with(ENDPOINT, Arc::new(Nothing));
    let engine = Engine::new(database.store(), runners, signer, outbound, clock.clone(), config);
    let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
    engine.start(&tasks, &shutdown);
    let mut times = submitters(&engine, &clock).await;
    shutdown.begin();
    tasks.wait().await;
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    let rate = times.len() as f64 / ROUND.as_secs_f64();
    println!("{rate:.0} jobs/s, p50 {:.1} ms, p99 {:.1} ms, {SUBMITTERS} submitters, {what}", at(0.5), at(0.99));
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
async fn submitters(engine: &Engine, clock: &Clock) -> Vec<Duration> {
    let end = Instant::now() + ROUND;
    let submitting = (0..SUBMITTERS).map(|number| {
        let (engine, clock) = (engine.clone(), clock.clone());
        tokio::spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < end {
                let started = Instant::now();
                one(&engine, &clock, number).await;
                times.push(started.elapsed());
            }
            times
        })
    });
    let times = futures_util::future::join_all(submitting).await;
    times.into_iter().flat_map(|times| times.expect("a submitter does not panic")).collect()
}

async fn one(engine: &Engine, clock: &Clock, submitter: usize) {
    let now = clock.now();
    let id = RequestId::from_uuid(random::id(now));
    let mut watch = engine.watch(&id);
    let caller =
        Caller { user_id: UserId::parse("user_bench").expect("an id"), key_id: format!("key_{}", submitter % 8) };
    let request = NewRequest {
        id: id.clone(),
        endpoint: ENDPOINT.parse().expect("an endpoint"),
        caller,
        input: Bytes::from_static(br#"{"prompt":"a chair"}"#),
        webhook: None,
        priority: Priority::Normal,
        start_by: None,
        idempotency: None,
        options: RequestOptions::default(),
        max_queue_length: None,
        retry_of: None,
        created_at: now,
    };
    engine.submit(request).await.expect("the queue accepts");
    loop {
        watch.changed().await;
        let view = engine.glance(&id, Logs::Without).await.expect("a store").expect("it is known");
        if view.status == QueueStatus::Completed {
            return;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
async fn polls() {
    let config = Config::parse(&Sources::default()).expect("the defaults are valid");
    let system = System::start(&config, Role::Queue, Place::Temporary, Clock::system()).await.expect("a system starts");
    let gateway = system.gateway_url().expect("the queue has an address").clone();
    let secret = system.keys().api_key.reveal().to_owned();
    let client =
        QueueClient::new(Endpoints::under(&gateway), Some(ApiKey::new(&secret).expect("a key"))).expect("a client");
    let endpoint = simulated::ENDPOINT.parse().expect("an endpoint id");
    let input = r#"{"duration_ms":600000}"#;
    let reply = client.submit(&endpoint, input.to_owned(), &SubmitOptions::default()).await.expect("accepted");
    let host = format!("{}:{}", gateway.host_str().expect("a host"), gateway.port().expect("a port"));
    let path = reply.urls.expect("addresses").status_url.path().to_owned();
    let call = Arc::new(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Key {secret}\r\n\r\n"));
    let (asked, end) = (Arc::new(AtomicUsize::new(0)), Instant::now() + ROUND);
    let polling = (0..POLLERS).map(|_| tokio::spawn(poll(host.clone(), call.clone(), asked.clone(), end)));
    futures_util::future::join_all(polling).await;
    let rate = asked.load(Ordering::Relaxed) as f64 / ROUND.as_secs_f64();
    println!("{rate:.0} status calls/s over HTTP, {POLLERS} connections, the callers on the same cores");
    system.stop_at_once().await;
}

/// Asks again and again on one connection. A status fits into one read; what is counted is its first line.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
async fn poll(host: String, call: Arc<String>, asked: Arc<AtomicUsize>, end: Instant) {
    let mut connection = TcpStream::connect(&host).await.expect("the gateway listens");
    connection.set_nodelay(true).expect("a socket");
    let mut answer = vec![0; 64 * 1024];
    while Instant::now() < end {
        connection.write_all(call.as_bytes()).await.expect("sent");
        let length = connection.read(&mut answer).await.expect("answered");
        assert!(answer[..length].starts_with(b"HTTP/1.1 202"), "{}", String::from_utf8_lossy(&answer[..length]));
        asked.fetch_add(1, Ordering::Relaxed);
    }
}
