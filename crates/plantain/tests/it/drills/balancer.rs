//! What stands before replicas: hands each connection to a process that takes it, and to none while it is closed.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use plantain_work::Tasks;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

/// Ends when dropped.
pub struct Balancer {
    pub url: Url,
    open: Arc<AtomicBool>,
    _end: DropGuard,
}

impl Balancer {
    pub async fn before(backends: Vec<SocketAddr>) -> Balancer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let (open, end) = (Arc::new(AtomicBool::new(true)), CancellationToken::new());
        let (backends, is_open, ended, tasks) = (Arc::new(backends), open.clone(), end.clone(), Tasks::new());
        tasks.clone().spawn("balancer", async move {
            let turn = AtomicUsize::new(0);
            loop {
                let accepted = tokio::select! {
                    () = ended.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((caller, _)) = accepted else { continue };
                // Dropped: the caller sees a connection that breaks.
                if is_open.load(Ordering::Relaxed) {
                    let (backends, first) = (backends.clone(), turn.fetch_add(1, Ordering::Relaxed));
                    let ended = ended.clone();
                    tasks.spawn("connection", async move {
                        tokio::select! {
                            () = ended.cancelled() => {}
                            () = forward(caller, &backends, first) => {}
                        }
                    });
                }
            }
        });
        Balancer { url, open, _end: end.drop_guard() }
    }

    /// Closed, it lets nobody in; who is in stays.
    pub fn set_open(&self, open: bool) {
        self.open.store(open, Ordering::Relaxed);
    }
}

async fn forward(mut caller: TcpStream, backends: &[SocketAddr], first: usize) {
    for offset in 0..backends.len() {
        let backend = backends[(first + offset) % backends.len()];
        if let Ok(mut stream) = TcpStream::connect(backend).await {
            // Either side may die in the middle; that is what the drill is about.
            let _ = tokio::io::copy_bidirectional(&mut caller, &mut stream).await;
            return;
        }
    }
}
