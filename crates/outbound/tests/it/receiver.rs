//! A receiver on a free port that behaves as badly as its path says, and remembers what came.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use url::Url;

/// What the receiver got, in order.
#[derive(Clone, Debug)]
pub struct Seen {
    pub headers: HeaderMap,
    pub body: Bytes,
}

pub type Log = Arc<Mutex<Vec<Seen>>>;

/// Stops when dropped.
pub struct Receiver {
    address: SocketAddr,
    seen: Log,
    _tasks: JoinSet<()>,
}

impl Receiver {
    pub async fn start() -> Receiver {
        let seen = Log::default();
        let router = Router::new()
            .route("/status/{code}", any(status))
            .route("/busy/{seconds}", any(busy))
            .route("/redirect", any(redirect))
            .route("/bytes/{count}", get(bytes))
            .route("/endless", any(endless))
            .route("/drip", any(drip))
            .route("/silent", any(silent))
            .route("/zipped", get(zipped))
            .route("/bomb", any(bomb))
            .with_state(Arc::clone(&seen));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Receiver { address, seen, _tasks: tasks }
    }

    /// Accepts connections, writes `answer` to each, and closes it.
    pub async fn raw(answer: &'static [u8]) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = tokio::io::AsyncReadExt::read(&mut connection, &mut request).await;
                let _ = connection.write_all(answer).await;
            }
        });
        Receiver { address, seen: Log::default(), _tasks: tasks }
    }

    /// Accepts connections, and writes the head of an answer that never ends, a line at a time.
    pub async fn dripping_head() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                // An answer that comes before its request is no answer.
                let _ = connection.read(&mut [0; 1024]).await;
                let mut pause = tokio::time::interval(Duration::from_millis(5));
                let mut line: &[u8] = b"HTTP/1.1 200 OK\r\n";
                while connection.write_all(line).await.is_ok() {
                    line = b"x";
                    pause.tick().await;
                }
            }
        });
        Receiver { address, seen: Log::default(), _tasks: tasks }
    }

    pub fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn status(
    State(log): State<Log>,
    Path(code): Path<u16>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    log.lock().unwrap().push(Seen { headers, body });
    (StatusCode::from_u16(code).unwrap(), format!("answer {code}"))
}

async fn busy(Path(seconds): Path<String>) -> impl IntoResponse {
    (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", seconds)])
}

async fn redirect(State(log): State<Log>) -> impl IntoResponse {
    log.lock().unwrap().push(Seen { headers: HeaderMap::new(), body: Bytes::new() });
    (StatusCode::FOUND, [("location", "/redirect")])
}

async fn bytes(Path(count): Path<usize>) -> impl IntoResponse {
    ([("content-type", "image/png")], vec![7_u8; count])
}

async fn endless() -> Response {
    let chunks = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 16 * 1024])));
    Body::from_stream(chunks).into_response()
}

/// One byte at once, the next one never.
async fn drip() -> Response {
    let chunks = stream::unfold(0, |sent| async move {
        if sent > 0 {
            std::future::pending::<()>().await;
        }
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b".")), sent + 1))
    });
    Body::from_stream(chunks).into_response()
}

async fn silent() {
    tokio::time::timeout(Duration::from_secs(60), std::future::pending::<()>()).await.ok();
}

async fn zipped() -> impl IntoResponse {
    ([("content-encoding", "gzip")], "not really zipped")
}

/// What a decompressor would make gigabytes of, without end.
async fn bomb() -> impl IntoResponse {
    let chunks = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![0x1f; 16 * 1024])));
    ([("content-encoding", "gzip")], Body::from_stream(chunks))
}
