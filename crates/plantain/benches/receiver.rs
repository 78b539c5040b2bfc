//! The receiver of webhooks as users run it: the studio's own route, verifying, durable and answered, for jobs that exist.
//! What is owed afterwards (fetching and finishing pictures) is not begun, since no peer does that.
//!
//! `receiver serve ADDRESS COUNT FILE` makes jobs in a SQLite file or on a `postgres://` server, writes where their webhooks go
//! into FILE, and serves until its input ends; `receiver load` sends webhooks to it or to a peer; `receiver commits FILE`
//! holds the writer against a bare loop. `cargo xtask bench receiver` runs all, beside Express.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use plantain::system::accept::{Door, accept};
use plantain_blobs::Blobs;
use plantain_client::{Endpoints, QueueClient};
use plantain_inbox::jwks::JwksCache;
use plantain_inbox::receiver::{Account, Receiver};
use plantain_media::preset::Presets;
use plantain_outbound::{Outbound, Policy};
use plantain_store::migrations::Migrations;
use plantain_store::sqlite::Database;
use plantain_store::studio::{StudioStores, open_studio};
use plantain_studio::config::StudioConfig;
use plantain_studio::http::guard::AdminToken;
use plantain_studio::http::{HttpConfig, router};
use plantain_studio::job::{CallbackToken, Job, JobId, JobSpec, Phase};
use plantain_studio::messages::Outgoing;
use plantain_studio::service::{Studio, StudioParts};
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::jwks;
use plantain_wire::models::nano_banana::{AspectRatio, EDIT_ENDPOINT};
use plantain_wire::signature::{SigningKey, sign_webhook};
use plantain_work::{Clock, Cpu, Shutdown, Tasks};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEED: [u8; 32] = [7; 32];
const FORGER: [u8; 32] = [8; 32];
const USER: &str = "user_bench";
const BODY_BYTES: usize = 600;

/// Jobs that are being made at once.
const MAKERS: usize = 128;

/// Writers at once in the comparison of commits, and how long each side writes.
const WRITERS: usize = 256;
const WRITING: Duration = Duration::from_secs(3);

/// As many as the writer takes into one commit.
const BARE_BATCH: usize = 128;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", address, count, file] => runtime.block_on(serve(address, number(count), Path::new(file))),
        ["keys"] => println!("{}", jwks::render(&[SigningKey::from_seed(SEED).verifying_key()])),
        ["load", url, file, first, count, connections, kind, process] => {
            let targets = targets(Path::new(file), number(first), number(count));
            runtime.block_on(load(url, targets, number(connections), Kind::of(kind), process));
        }
        ["commits", folder] => runtime.block_on(commits(Path::new(folder))),
        _ => eprintln!("usage: receiver serve|keys|load|commits …"),
    }
}

fn number(word: &str) -> usize {
    word.parse().expect("a number")
}

async fn serve(address: &str, count: usize, file: &Path) {
    let (tasks, shutdown, clock) = (Tasks::new(), Shutdown::new(), Clock::system());
    let stores = open_studio(address).await.expect("a database");
    make_jobs(&stores, count, file, &clock).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = Url::parse(&format!("http://{}/", listener.local_addr().expect("an address"))).expect("a URL");
    let keys = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let keys_url = Url::parse(&format!("http://{}/", keys.local_addr().expect("an address"))).expect("a URL");
    let document = jwks::render(&[SigningKey::from_seed(SEED).verifying_key()]);
    let published = axum::Router::new().fallback(move || std::future::ready(document.clone()));
    tasks.spawn("keys", accept(keys, Door::Plain, published, tasks.clone(), shutdown.clone(), clock.clone()));
    let outbound = Outbound::new(Policy::loopback()).expect("a client");
    let cache = JwksCache::new(vec![keys_url], outbound.clone(), clock.clone());
    let account = Account::Known(UserId::parse(USER).expect("an id"));
    let folder = tempfile::tempdir().expect("a folder");
    let studio = Studio::new(StudioParts {
        store: stores.jobs,
        receiver: Receiver::new(cache, account, None, stores.inbox, clock.clone()),
        client: QueueClient::new(Endpoints::under(&url), None).expect("a client"),
        outbound: outbound.clone(),
        blobs: Blobs::folder(folder.path().join("blobs")).await.expect("a folder"),
        segmenter: Arc::new(|| unreachable!("nothing is finished here")),
        presets: Arc::new(Presets::builtin()),
        cpu: Cpu::new(1),
        clock: clock.clone(),
        config: StudioConfig::embedded(url.clone()),
        messages: Outgoing::new(outbound, AdminToken::new("bench").link_key()),
    });
    let router = router(studio, HttpConfig::local(AdminToken::new("bench"), shutdown.clone(), Cpu::new(1)));
    tasks.spawn("studio", accept(listener, Door::Plain, router, tasks.clone(), shutdown.clone(), clock));
    println!("{url}");
    let _ = tokio::task::block_in_place(|| std::io::stdin().read_to_end(&mut Vec::new()));
    shutdown.abort();
    tasks.wait().await;
}

/// Jobs whose requests are at the queue, and a line for each: its request and the address of its webhook.
async fn make_jobs(stores: &StudioStores, count: usize, file: &Path, clock: &Clock) {
    let made = futures_util::stream::iter(0..count).map(|number| async move {
        let job = job(number, clock);
        stores.jobs.insert(&job).await.expect("stored");
        format!("{} /api/fal/webhook?jobId={}&token={}\n", request(number), job.id, job.token.reveal())
    });
    let lines: Vec<String> = made.buffered(MAKERS).collect().await;
    std::fs::write(file, lines.concat()).expect("a file");
}

fn request(number: usize) -> String {
    format!("019d9e0b-6eb0-7920-827a-{number:012}")
}

fn job(number: usize, clock: &Clock) -> Job {
    let now = clock.now();
    let spec = JobSpec {
        preset: "amazon_main".into(),
        user_prompt: Some("on linen, soft light from the left".into()),
        prompt: "A product photo for a marketplace's main picture. Within these rules: on linen, soft light".into(),
        aspect_ratio: AspectRatio::R1x1,
        endpoint: EDIT_ENDPOINT.parse().expect("an endpoint"),
        num_images: 3,
        identifier: Some("B0TEST1234".into()),
        products: None,
        whatsapp: None,
        sources: Vec::new(),
        image_urls: vec!["https://pictures.test/mug.jpg".parse().expect("a URL")],
        choice: Default::default(),
        notices: Vec::new(),
        staging: Default::default(),
        making: Default::default(),
        callback: None,
        notify: None,
        in_batch: false,
    };
    let job = Job::new(JobId::new(now), CallbackToken::random(), spec, now);
    let request_id = Some(RequestId::parse(&request(number)).expect("an id"));
    Job { phase: Phase::Follow, request_id, submit_started_at: Some(now), running_at: Some(now), ..job }
}

/// What is sent.
#[derive(Clone, Copy)]
enum Kind {
    Good,
    /// By a key that is not published.
    Forged,
    /// Without a signature.
    Unsigned,
    /// Signed rightly, ten minutes ago.
    Stale,
}

impl Kind {
    fn of(word: &str) -> Kind {
        match word {
            "good" => Kind::Good,
            "forged" => Kind::Forged,
            "unsigned" => Kind::Unsigned,
            _ => Kind::Stale,
        }
    }

    fn expected(self) -> &'static [u8] {
        match self {
            Kind::Good => b"HTTP/1.1 200",
            _ => b"HTTP/1.1 401",
        }
    }

    fn message(self, request: &str, path: &str, now: i64) -> Vec<u8> {
        let body = body(request);
        let (seed, at) = match self {
            Kind::Forged => (FORGER, now),
            Kind::Stale => (SEED, now - 600),
            _ => (SEED, now),
        };
        let id = RequestId::parse(request).expect("an id");
        let user = UserId::parse(USER).expect("an id");
        let signed = sign_webhook(&SigningKey::from_seed(seed), &id, &user, at, body.as_bytes());
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in signed.iter().filter(|_| !matches!(self, Kind::Unsigned)) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        format!("{head}\r\n{body}").into_bytes()
    }
}

/// A webhook of [`BODY_BYTES`], like those that were captured of fal.
fn body(request: &str) -> String {
    let written = |filling: &str| {
        format!(
            r#"{{"error": null, "gateway_request_id": "{request}", "payload": {{"description": "{filling}", "images": [{{"content_type": "image/png", "file_name": "output.png", "file_size": 1482231, "height": 1024, "url": "https://v3b.fal.media/files/b/0a8/output.png", "width": 1024}}], "seed": 17454220438242315174}}, "request_id": "{request}", "status": "OK"}}"#
        )
    };
    let missing = BODY_BYTES.saturating_sub(written("").len());
    written(&"a cup ".repeat(missing / 6 + 1)[..missing])
}

fn targets(file: &Path, first: usize, count: usize) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(file).expect("a file");
    let lines = text.lines().skip(first).take(count).filter_map(|line| line.split_once(' '));
    let targets: Vec<_> = lines.map(|(request, path)| (request.to_owned(), path.to_owned())).collect();
    assert_eq!(targets.len(), count, "{} has too few jobs", file.display());
    targets
}

/// Prints one line: rate, p50 and p99 in milliseconds, the process's CPU in microseconds for each, its memory in kilobytes.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
async fn load(url: &str, targets: Vec<(String, String)>, connections: usize, kind: Kind, process: &str) {
    let url = Url::parse(url).expect("a URL");
    let host = format!("{}:{}", url.host_str().expect("a host"), url.port().expect("a port"));
    let now = Clock::system().now().as_second();
    let messages: Vec<Vec<u8>> = targets.iter().map(|(request, path)| kind.message(request, path, now)).collect();
    let (messages, next) = (Arc::new(messages), Arc::new(AtomicUsize::new(0)));
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        let connection = TcpStream::connect(&host).await.expect("it listens");
        connection.set_nodelay(true).expect("a socket");
        open.push(connection);
    }
    let (cpu, started) = (cpu_micros(process), Instant::now());
    let sending = open.into_iter().map(|connection| {
        let (messages, next) = (messages.clone(), next.clone());
        tokio::spawn(send(connection, messages, next, kind.expected()))
    });
    let times = futures_util::future::join_all(sending).await;
    let elapsed = started.elapsed();
    let cpu = cpu_micros(process) - cpu;
    let mut times: Vec<Duration> = times.into_iter().flat_map(|times| times.expect("no panic")).collect();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    let rate = times.len() as f64 / elapsed.as_secs_f64();
    let each = cpu as f64 / times.len() as f64;
    println!("{rate:.0} {:.2} {:.2} {each:.1} {}", at(0.5), at(0.99), resident_kb(process));
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
async fn send(
    mut connection: TcpStream,
    messages: Arc<Vec<Vec<u8>>>,
    next: Arc<AtomicUsize>,
    expected: &'static [u8],
) -> Vec<Duration> {
    let (mut times, mut answer) = (Vec::new(), vec![0; 16 * 1024]);
    while let Some(message) = messages.get(next.fetch_add(1, Ordering::Relaxed)) {
        let started = Instant::now();
        connection.write_all(message).await.expect("sent");
        let mut length = 0;
        while !whole(&answer[..length]) {
            let more = connection.read(&mut answer[length..]).await.expect("answered");
            assert!(more > 0, "hung up after {}", String::from_utf8_lossy(&answer[..length]));
            length += more;
        }
        assert!(answer.starts_with(expected), "{}", String::from_utf8_lossy(&answer[..length]));
        times.push(started.elapsed());
    }
    times
}

/// Head and body are here.
fn whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    answer.len() >= head + 4 + length.unwrap_or_default()
}

/// User and system time of all of a process's threads. Ticks are hundredths of a second on Linux.
fn cpu_micros(process: &str) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("the process lives");
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks * 10_000
}

fn resident_kb(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or_default()
}

const ROWS: Migrations = Migrations {
    role: "bench",
    files: &["CREATE TABLE bench_rows (id TEXT NOT NULL PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID"],
};
const INSERT: &str = "INSERT INTO bench_rows (id, body) VALUES (?1, ?2)";

/// Prints rows a second of the bare loop, then of the writer.
async fn commits(folder: &Path) {
    let bare = bare(&folder.join("bare.db"));
    let ours = ours(&folder.join("ours.db")).await;
    println!("{bare:.0} {ours:.0}");
}

/// One thread, one connection, [`BARE_BATCH`] rows a commit: what SQLite gives on this disk.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
fn bare(path: &Path) -> f64 {
    let mut connection = rusqlite::Connection::open(path).expect("a file");
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).expect("wal");
    connection.pragma_update(None, "synchronous", "full").expect("full");
    connection.execute_batch(ROWS.files[0]).expect("a table");
    let body = body(&request(0)).into_bytes();
    let (started, mut rows) = (Instant::now(), 0_usize);
    while started.elapsed() < WRITING {
        let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).expect("begun");
        for _ in 0..BARE_BATCH {
            let id = request(rows);
            tx.prepare_cached(INSERT).expect("sql").execute(rusqlite::params![id, body]).expect("a row");
            rows += 1;
        }
        tx.commit().expect("committed");
    }
    rows as f64 / started.elapsed().as_secs_f64()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
async fn ours(path: &Path) -> f64 {
    let database = Database::open(path, &ROWS).await.expect("a file");
    let (rows, started) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let writing = (0..WRITERS).map(|_| {
        let (database, rows) = (database.clone(), rows.clone());
        tokio::spawn(async move {
            while started.elapsed() < WRITING {
                let number = rows.fetch_add(1, Ordering::Relaxed);
                let (id, body) = (request(number), body(&request(0)).into_bytes());
                let insert =
                    database.write(move |tx| Ok(tx.prepare_cached(INSERT)?.execute(rusqlite::params![id, body])?));
                insert.await.expect("a row");
            }
        })
    });
    futures_util::future::join_all(writing).await;
    rows.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
}
