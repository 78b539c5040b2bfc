//! The accept loop: bounded connections, bounded patience, ended by shutdown; plain or with TLS.
//!
//! `axum::serve` would do but for its bounds: it waits for a request's head for as long as somebody cares to send it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulConnection;
use plantain_work::{Clock, Shutdown, Tasks};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tower::Service;

use super::patience::Patient;

/// Connections of one server at once, event streams among them. Each costs some kilobytes and a file descriptor.
const CONNECTIONS_MAX: usize = 8_192;

/// How long a TLS handshake may take; a slow line needs some round trips.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);

/// How long the head of a request may take, from the connection's start or the answer before it.
const HEAD_TIME_MAX: Duration = Duration::from_secs(15);

/// More header lines than any client of ours sends.
const HEADERS_MAX: usize = 128;

/// What is read ahead of a connection: a head of the largest size that is answered with a word, and room for files to flow.
const READ_AHEAD_MAX: usize = 128 * 1024;

/// How long an answer may still take once everything is aborted: a run that is ended then has an error to tell.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How often, and for how long, a silent HTTP/2 connection is asked whether it still lives.
const PING_EVERY: Duration = Duration::from_secs(20);

/// Accepting fails when the process runs out of file descriptors; a moment later some are free again.
const PAUSE: Duration = Duration::from_millis(100);

/// What a connection is before HTTP is spoken on it.
#[derive(Clone)]
pub enum Door {
    Plain,
    Tls(TlsAcceptor),
}

/// Returns when shutdown begins. Connections end by themselves: after the answers that are under way, or when shutdown
/// aborts.
pub async fn accept(listener: TcpListener, door: Door, router: Router, tasks: Tasks, shutdown: Shutdown, clock: Clock) {
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
            Ok((stream, peer)) => {
                // Answers are small and wait for nothing; a socket that refuses the option still works.
                let _ = stream.set_nodelay(true);
                let (router, shutdown, clock) = (router.clone(), shutdown.clone(), clock.clone());
                let visit = Visit { peer, router, shutdown, clock, _place: place };
                // Two kinds of task, so that a plain connection does not carry the room that TLS needs.
                match &door {
                    Door::Plain => tasks.spawn("connection", visit.plainly(stream)),
                    Door::Tls(acceptor) => {
                        tasks.spawn("connection.tls", visit.behind_tls(acceptor.clone(), stream));
                    }
                }
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
    peer: SocketAddr,
    router: Router,
    shutdown: Shutdown,
    clock: Clock,
    _place: OwnedSemaphorePermit,
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoken {
    One,
    Two,
    /// Too few bytes came to tell.
    Either,
}

impl Spoken {
    /// HTTP/2 without TLS begins like this, and no method of HTTP/1 is called so.
    const TWO: &[u8] = b"PRI ";

    fn of(first: &[u8]) -> Spoken {
        let compared = first.len().min(Spoken::TWO.len());
        match first[..compared] == Spoken::TWO[..compared] {
            false => Spoken::One,
            true if compared == Spoken::TWO.len() => Spoken::Two,
            true => Spoken::Either,
        }
    }
}

impl Visit {
    async fn plainly(self, stream: TcpStream) {
        let mut first = [0; Spoken::TWO.len()];
        let looked = tokio::select! {
            looked = self.clock.timeout(HEAD_TIME_MAX, stream.peek(&mut first)) => looked,
            () = self.shutdown.begun() => return,
        };
        // Nothing came, or the client is gone already.
        let Some(Ok(length @ 1..)) = looked else { return };
        self.converse(stream, Spoken::of(&first[..length])).await;
    }

    async fn behind_tls(self, acceptor: TlsAcceptor, stream: TcpStream) {
        let shaken = tokio::select! {
            shaken = self.clock.timeout(HANDSHAKE_TIME_MAX, acceptor.accept(stream)) => shaken,
            () = self.shutdown.begun() => return,
        };
        match shaken {
            Some(Ok(stream)) => {
                let spoken = if stream.get_ref().1.alpn_protocol() == Some(b"h2") { Spoken::Two } else { Spoken::One };
                self.converse(stream, spoken).await;
            }
            // A client that doesn't trust us ends here, which its user will want to find in the log.
            Some(Err(error)) => tracing::debug!(%error, "tls.handshake_failed"),
            None => tracing::debug!("tls.handshake_too_slow"),
        }
    }

    /// Where HTTP/1 is known to be spoken, a connection needs neither a second buffer to find that out in nor room for the other.
    fn converse(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, spoken: Spoken) -> Attended {
        let Visit { peer, router, shutdown, clock, _place: place } = self;
        let patient = match spoken {
            Spoken::One => Patient::new(stream, clock.clone()),
            Spoken::Two | Spoken::Either => Patient::opening(stream, clock.clone()),
        };
        let io = TokioIo::new(patient);
        // Boxed, so that a connection has no room for a call while none is under way.
        let service = service_fn(move |mut request: Request<Incoming>| -> Call {
            request.extensions_mut().insert(ConnectInfo(peer));
            Box::pin(router.clone().call(request))
        });
        if spoken == Spoken::One {
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
            builder.max_headers(HEADERS_MAX).max_buf_size(READ_AHEAD_MAX);
            return Box::pin(attend(builder.serve_connection(io, service), shutdown, clock, place));
        }
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
        builder.http1().max_headers(HEADERS_MAX).max_buf_size(READ_AHEAD_MAX);
        builder.http2().timer(TokioTimer::new()).keep_alive_interval(PING_EVERY).keep_alive_timeout(PING_EVERY);
        Box::pin(attend(builder.serve_connection(io, service).into_owned(), shutdown, clock, place))
    }
}

type Attended = Pin<Box<dyn Future<Output = ()> + Send>>;
type Call = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

/// Lets a connection live until it ends by itself or has to.
async fn attend(connection: impl GracefulConnection, shutdown: Shutdown, clock: Clock, _place: OwnedSemaphorePermit) {
    let mut connection = pin!(connection);
    tokio::select! {
        // A connection that breaks is its client's affair.
        _ = connection.as_mut() => return,
        () = shutdown.begun() => connection.as_mut().graceful_shutdown(),
    }
    let over = async {
        shutdown.aborted().await;
        clock.sleep(LAST_WORDS).await;
    };
    tokio::select! {
        _ = connection => {}
        () = over => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_say_what_is_spoken() {
        for (first, spoken) in [
            (&b"GET "[..], Spoken::One),
            (b"PRI ", Spoken::Two),
            (b"PUT ", Spoken::One),
            (b"P", Spoken::Either),
            (b"PRI", Spoken::Either),
            (b"\x16\x03", Spoken::One),
        ] {
            assert_eq!(Spoken::of(first), spoken, "{first:?}");
        }
    }
}
