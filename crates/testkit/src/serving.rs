//! What servers of tests have in common: a free port until they are dropped, and tests that wait for what comes.

use std::fmt::Debug;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use plantain_work::{Clock, Tasks};
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::Url;

/// How long something is waited for before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// HTTP on a free loopback port. Stops when dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    address: SocketAddr,
    stop: watch::Sender<bool>,
}

impl Serving {
    pub(crate) async fn start(name: &'static str, router: Router) -> Serving {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (stop, mut stopped) = watch::channel(false);
        Tasks::new().spawn(name, async move {
            let server = axum::serve(listener, router).with_graceful_shutdown(async move {
                // An error means that the server was dropped, which is the same.
                let _ = stopped.wait_for(|stop| *stop).await;
            });
            let _ = server.await;
        });
        Serving { address, stop }
    }

    /// `path` begins with a slash.
    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).expect("an address and a path make a URL")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// All that came, once there is as much.
pub(crate) async fn arrived<T: Clone + Debug>(all: &watch::Sender<Vec<T>>, count: usize, what: &str) -> Vec<T> {
    let mut watching = all.subscribe();
    let arrived = Clock::system().timeout(PATIENCE, watching.wait_for(|all| all.len() >= count)).await;
    match arrived {
        Some(Ok(all)) => all.clone(),
        _ => panic!("{count} {what} were expected, {} came", all.borrow().len()),
    }
}
