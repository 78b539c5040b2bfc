//! A server that is as bad as a test wants it: it reads one request a connection and then sends the given bytes, which need not be
//! an answer, holds still, or hangs up.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use plantain_work::{Clock, Tasks};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What to do once a request has come.
#[derive(Clone, Debug)]
pub enum Act {
    Send(Vec<u8>),
    /// Until the client hangs up.
    Hold,
}

/// What has happened so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Head and body, as they came.
    pub requests: Vec<String>,
    /// Connections that the client closed while they were held.
    pub hung_up: usize,
}

pub struct Raw {
    address: SocketAddr,
    seen: Arc<watch::Sender<Seen>>,
    stop: watch::Sender<bool>,
}

/// A whole answer.
pub fn answer(status: u16, headers: &str, body: &str) -> Vec<Act> {
    let length = body.len();
    let text = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
    vec![Act::Send(text.into_bytes())]
}

/// JSON, with no headers of interest.
pub fn json(status: u16, body: &str) -> Vec<Act> {
    answer(status, "content-type: application/json\r\n", body)
}

impl Raw {
    /// Each connection gets the next script; the last one serves all that follow.
    pub async fn start(scripts: Vec<Vec<Act>>) -> Raw {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(watch::Sender::new(Seen::default()));
        let (stop, mut stopped) = watch::channel(false);
        let (tasks, writer) = (Tasks::new(), seen.clone());
        Tasks::new().spawn("raw", async move {
            let mut scripts = scripts.into_iter().peekable();
            let mut last = Vec::new();
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    _ = stopped.wait_for(|stop| *stop) => return,
                };
                let Ok((socket, _)) = accepted else { return };
                last = scripts.next().unwrap_or(last);
                tasks.spawn("raw connection", serve(socket, last.clone(), writer.clone()));
            }
        });
        Raw { address, seen, stop }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Returns once this is so; fails the test if it never is.
    pub async fn until(&self, what: impl FnMut(&Seen) -> bool) {
        let mut watching = self.seen.subscribe();
        let patience = std::time::Duration::from_secs(20);
        let come = Clock::system().timeout(patience, watching.wait_for(what)).await;
        assert!(come.is_some(), "what was waited for did not happen");
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

async fn serve(mut socket: TcpStream, script: Vec<Act>, seen: Arc<watch::Sender<Seen>>) {
    let request = read_request(&mut socket).await;
    seen.send_modify(|seen| seen.requests.push(request));
    for act in script {
        match act {
            Act::Send(bytes) => {
                // A client that has had enough hangs up, which is for the test to judge.
                let _ = socket.write_all(&bytes).await;
            }
            Act::Hold => {
                let mut rest = [0; 64];
                while matches!(socket.read(&mut rest).await, Ok(count) if count > 0) {}
                seen.send_modify(|seen| seen.hung_up += 1);
                return;
            }
        }
    }
}

async fn read_request(socket: &mut TcpStream) -> String {
    let (mut text, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let whole = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = whole.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return whole;
            }
        }
        match socket.read(&mut piece).await {
            Ok(count) if count > 0 => text.extend_from_slice(&piece[..count]),
            _ => return whole,
        }
    }
}
