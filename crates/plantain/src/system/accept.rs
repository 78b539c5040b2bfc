//! The accept loop: bounded connections, bounded patience, ended by shutdown; plain or with TLS.
//!
//! `axum::serve` would do but for its bounds: it waits for a request's head for as long as somebody cares to send it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use plantain_work::{Clock, Shutdown, Tasks};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

use super::patience::Patient;

/// Connections of one server at once, event streams among them. Each costs some kilobytes and a file descriptor.
const CONNECTIONS_MAX: usize = 8_192;

/// How long a TLS handshake may take; a slow line needs some round trips.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);

/// How long the head of a request may take, from the connection's start or the answer before it.
const HEAD_TIME_MAX: Duration = Duration::from_secs(15);

/// More header lines than any client of ours sends.
const HEADERS_MAX: usize = 128;

/// How often, and for how long, a silent HTTP/2 connection is asked whether it still lives.
const PING_EVERY: Duration = Duration::from_secs(20);

/// Accepting fails when the process runs out of file descriptors; a moment later some are free again.
const PAUSE: Duration = Duration::from_millis(100);

/// What a connection is before HTTP is spoken on it.
#[derive(Clone)]
pub(super) enum Door {
    Plain,
    Tls(TlsAcceptor),
}

/// Returns when shutdown begins. Connections end by themselves: after the answers that are under way, or when shutdown
/// aborts.
pub(super) async fn accept(
    listener: TcpListener,
    door: Door,
    router: Router,
    tasks: Tasks,
    shutdown: Shutdown,
    clock: Clock,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = shutdown.begun() => return,
            next = next => next,
        };
        let Ok(place) = place else { return };
        match accepted {
            Ok((stream, _)) => {
                // Answers are small and wait for nothing; a socket that refuses the option still works.
                let _ = stream.set_nodelay(true);
                let visit = Visit { router: router.clone(), shutdown: shutdown.clone(), _place: place };
                tasks.spawn("connection", visit.by(door.clone(), stream, clock.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "accept.failed: pausing");
                clock.sleep(PAUSE).await;
            }
        }
    }
}

/// One connection, from its start to its end.
struct Visit {
    router: Router,
    shutdown: Shutdown,
    _place: OwnedSemaphorePermit,
}

impl Visit {
    async fn by(self, door: Door, stream: TcpStream, clock: Clock) {
        let acceptor = match door {
            Door::Plain => return self.converse(Patient::new(stream, clock)).await,
            Door::Tls(acceptor) => acceptor,
        };
        let shaken = tokio::select! {
            shaken = clock.timeout(HANDSHAKE_TIME_MAX, acceptor.accept(stream)) => shaken,
            () = self.shutdown.begun() => return,
        };
        match shaken {
            Some(Ok(stream)) => self.converse(Patient::new(stream, clock)).await,
            // A client that doesn't trust us ends here, which its user will want to find in the log.
            Some(Err(error)) => tracing::debug!(%error, "tls.handshake_failed"),
            None => tracing::debug!("tls.handshake_too_slow"),
        }
    }

    async fn converse(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX).max_headers(HEADERS_MAX);
        builder.http2().timer(TokioTimer::new()).keep_alive_interval(PING_EVERY).keep_alive_timeout(PING_EVERY);
        let service = TowerToHyperService::new(self.router);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            // A connection that breaks is its client's affair.
            _ = connection.as_mut() => return,
            () = self.shutdown.begun() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            _ = connection => {}
            () = self.shutdown.aborted() => {}
        }
    }
}
