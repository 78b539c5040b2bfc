//! What open status streams cost: a server of its own with thousands of them, each on a connection of its own, all of them
//! told as the line moves on. `streams PROGRAM FOLDER LISTENERS`, with so many to each request; `cargo xtask bench streams`
//! runs it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use plantain_client::{ApiKey, Endpoints, QueueClient, SubmitOptions};
use plantain_models::simulated;
use plantain_wire::id::RequestId;
use plantain_work::Clock;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

const STREAMS: usize = 5_000;

/// Slots of the server: they are kept busy until all streams are open, so that nothing moves before.
const SLOTS: usize = 2;

/// How long each request runs, so that the line moves some times a second and few streams end.
const RUN_MS: u64 = 400;

/// How long the streams are listened to.
const LISTEN: Duration = Duration::from_secs(20);

/// Calls at the same time while requests are submitted and streams are opened.
const AT_ONCE: usize = 32;

/// Until every stream has said something; a machine that needs longer is too slow to measure anything on.
const OPENING_MAX: Duration = Duration::from_secs(120);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [program, folder, listeners] = arguments.as_slice() else {
        eprintln!("usage: streams PROGRAM FOLDER LISTENERS");
        return;
    };
    let listeners = listeners.parse::<usize>().expect("a number").max(1);
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).expect("up to what is allowed");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut server = Server::start(program, Path::new(folder));
    runtime.block_on(measure(&server, listeners));
    server.process.kill().expect("it runs");
    server.process.wait().expect("it ends");
}

struct Server {
    process: Child,
    address: Url,
    key: String,
}

impl Server {
    fn start(program: &str, folder: &Path) -> Server {
        let mut process = Command::new(program)
            .current_dir(folder)
            .args(["serve", "--role", "queue", "--json", "--gateway-listen", "127.0.0.1:0"])
            .args(["--set", "RUST_LOG=error", "--set", &format!("QUEUE_CONCURRENCY={SLOTS}")])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("it is piped")).read_line(&mut line).expect("a line");
        let said: serde_json::Value = serde_json::from_str(&line).expect("what is ready");
        let address = said["queue"].as_str().expect("an address").parse().expect("a URL");
        let key = folder.join("plantain-data").join("api-key");
        let key = std::fs::read_to_string(key).expect("a key").trim().to_owned();
        Server { process, address, key }
    }

    /// A figure of the kernel's about the process, in megabytes.
    fn megabytes(&self, name: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("a figure");
        line.trim().trim_end_matches(" kB").trim().parse::<f64>().expect("kilobytes") * 1024.0 / 1e6
    }

    fn client(&self) -> QueueClient {
        QueueClient::new(Endpoints::under(&self.address), Some(ApiKey::new(&self.key).expect("a key")))
            .expect("a client")
    }

    fn host(&self) -> String {
        format!("{}:{}", self.address.host_str().expect("a host"), self.address.port().expect("a port"))
    }
}

async fn measure(server: &Server, listeners: usize) {
    let (client, clock) = (server.client(), Clock::system());
    println!("{listeners} to a request");
    println!("{:.0} MB at rest", server.megabytes("VmRSS"));
    let held = submit(&client, SLOTS, 600_000).await;
    let waiting = submit(&client, STREAMS / listeners, RUN_MS).await;
    println!("{:.0} MB with {} requests waiting", server.megabytes("VmRSS"), waiting.len());
    let counts = Arc::new(Counts::default());
    let opening = stream::iter(waiting.iter().cycle().take(STREAMS))
        .map(|id| open(server, id, counts.clone()))
        .buffer_unordered(AT_ONCE);
    let heard = clock.timeout(OPENING_MAX, opening.collect::<Vec<_>>()).await.expect("streams are opened in time");
    let listeners: Vec<_> = heard.into_iter().map(|stream| listen(stream, counts.clone())).collect();
    println!("{:.0} MB with {STREAMS} streams open, each told once", server.megabytes("VmRSS"));
    let endpoint = simulated::ENDPOINT.parse().expect("an endpoint id");
    for id in &held {
        client.cancel(&endpoint, id).await.expect("it runs");
    }
    let before = counts.events.load(Ordering::Relaxed);
    clock.sleep(LISTEN).await;
    let events = counts.events.load(Ordering::Relaxed) - before;
    println!(
        "{:.0} MB while they are told {:.0} events a second, {:.0} MB at the most, {} still open",
        server.megabytes("VmRSS"),
        events as f64 / LISTEN.as_secs_f64(),
        server.megabytes("VmHWM"),
        STREAMS - counts.ended.load(Ordering::Relaxed)
    );
    listeners.iter().for_each(tokio::task::JoinHandle::abort);
}

async fn submit(client: &QueueClient, count: usize, run_ms: u64) -> Vec<RequestId> {
    let endpoint = simulated::ENDPOINT.parse().expect("an endpoint id");
    let one = |_| async {
        let input = format!(r#"{{"duration_ms":{run_ms}}}"#);
        client.submit(&endpoint, input, &SubmitOptions::default()).await.expect("it is accepted").request_id
    };
    stream::iter(0..count).map(one).buffer_unordered(AT_ONCE).collect().await
}

#[derive(Default)]
struct Counts {
    events: AtomicUsize,
    ended: AtomicUsize,
}

impl Counts {
    fn of(&self, piece: &[u8]) {
        let events = piece.windows(6).filter(|window| *window == b"data: ").count();
        self.events.fetch_add(events, Ordering::Relaxed);
    }
}

/// Asks, and reads until the first event.
async fn open(server: &Server, id: &RequestId, counts: Arc<Counts>) -> TcpStream {
    let host = server.host();
    let mut connection = TcpStream::connect(&host).await.expect("the gateway listens");
    let (endpoint, key) = (simulated::ENDPOINT, &server.key);
    let call = format!(
        "GET /{endpoint}/requests/{id}/status/stream HTTP/1.1\r\nHost: {host}\r\nAuthorization: Key {key}\r\n\r\n"
    );
    connection.write_all(call.as_bytes()).await.expect("sent");
    let (mut answer, mut room) = (Vec::new(), [0; 4096]);
    while !answer.ends_with(b"\n\n\r\n") {
        let length = connection.read(&mut room).await.expect("answered");
        assert!(length > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&room[..length]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    counts.of(&answer);
    connection
}

#[expect(clippy::disallowed_methods, reason = "a benchmark has nobody to track its tasks for")]
fn listen(mut connection: TcpStream, counts: Arc<Counts>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut room = [0; 2048];
        loop {
            match connection.read(&mut room).await {
                Ok(0) | Err(_) => break,
                Ok(length) => counts.of(&room[..length]),
            }
        }
        counts.ended.fetch_add(1, Ordering::Relaxed);
    })
}
