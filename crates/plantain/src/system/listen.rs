//! Listening and serving: bound early, so that nothing is claimed before everybody can be reached; ended by shutdown.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use plantain_work::Shutdown;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Ground;
use super::accept::{Door, accept};

/// A port that can't be listened on. The operator frees it or names another.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {address} can't be listened on ({source}); {}", advice(.source))]
pub struct ListenError {
    setting: &'static str,
    address: SocketAddr,
    source: io::Error,
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program has the port: stop it, or set another port",
        io::ErrorKind::PermissionDenied => "ports below 1024 need more rights: set a higher port",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address: set 127.0.0.1 or 0.0.0.0",
        _ => "set another address",
    }
}

/// A bound port.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    pub address: SocketAddr,
}

impl Listening {
    /// `setting` is where the address came from.
    pub async fn on(address: SocketAddr, setting: &'static str) -> Result<Listening, ListenError> {
        let failed = |source| ListenError { setting, address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Listening { listener, address })
    }

    /// How this machine reaches it.
    pub fn url(&self) -> Url {
        local_url(self.address)
    }

    /// Serves plain HTTP until shutdown begins. If serving ends before that, `crashed` is set off.
    pub fn serve(self, name: &'static str, router: Router, ground: &Ground<'_>) {
        self.serve_at(Door::Plain, name, router, ground);
    }

    /// The same behind TLS.
    pub fn serve_tls(self, name: &'static str, router: Router, tls: Arc<ServerConfig>, ground: &Ground<'_>) {
        self.serve_at(Door::Tls(tls.into()), name, router, ground);
    }

    fn serve_at(self, door: Door, name: &'static str, router: Router, ground: &Ground<'_>) {
        let (tasks, shutdown, clock) = (ground.tasks.clone(), ground.shutdown.clone(), ground.clock.clone());
        let alarm = Alarm { shutdown: shutdown.clone(), crashed: ground.crashed.clone() };
        ground.tasks.spawn(name, async move {
            // Dropped however this task ends, a panic included.
            let _alarm = alarm;
            accept(self.listener, door, router, tasks, shutdown, clock).await;
        });
    }
}

/// An address that listens on every network is reached by this machine through loopback.
pub fn local_url(address: SocketAddr) -> Url {
    let mut reached = address;
    if address.ip().is_unspecified() {
        reached.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    Url::parse(&format!("http://{reached}")).expect("an address with a port makes a URL")
}

/// Set off where a part that must live as long as the system ends too early.
struct Alarm {
    shutdown: Shutdown,
    crashed: CancellationToken,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if !self.shutdown.has_begun() {
            self.crashed.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_every_network_is_reached_through_loopback() {
        for (listens, url) in [
            ("127.0.0.1:8787", "http://127.0.0.1:8787/"),
            ("0.0.0.0:80", "http://127.0.0.1/"),
            ("[::]:8788", "http://[::1]:8788/"),
            ("192.168.1.5:1", "http://192.168.1.5:1/"),
        ] {
            assert_eq!(local_url(listens.parse().unwrap()).as_str(), url);
        }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_said_with_its_setting() {
        let first = Listening::on("127.0.0.1:0".parse().unwrap(), "STUDIO_LISTEN").await.unwrap();
        let said = Listening::on(first.address, "GATEWAY_LISTEN").await.unwrap_err().to_string();
        assert!(
            said.starts_with("GATEWAY_LISTEN: 127.0.0.1:") && said.contains("another program has the port"),
            "{said}"
        );
    }

    #[tokio::test]
    async fn a_server_that_ends_by_itself_is_a_crash_and_one_that_is_stopped_is_not() {
        for (stop_first, crash) in [(true, false), (false, true)] {
            let (shutdown, crashed) = (Shutdown::new(), CancellationToken::new());
            if stop_first {
                shutdown.begin();
            }
            drop(Alarm { shutdown, crashed: crashed.clone() });
            assert_eq!(crashed.is_cancelled(), crash);
        }
    }
}
