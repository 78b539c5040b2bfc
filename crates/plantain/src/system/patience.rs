//! A connection that is given up when its peer takes nothing for too long, or never begins to speak.
//!
//! Without it, a peer that asks for much and reads nothing holds the answer in memory for as long as it likes, and one that
//! says nothing holds a file descriptor for ever: hyper bounds the time of a request's head, but not the time in which it
//! waits to see which version of HTTP is spoken.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use plantain_work::Clock;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How long what is to be written may wait without a byte being taken.
pub(super) const STALL_MAX: Duration = Duration::from_secs(30);

/// How long a peer may take until it is clear which version of HTTP it speaks.
const OPENING_TIME_MAX: Duration = Duration::from_secs(15);

/// How HTTP/2 begins. As soon as something else was said, it is HTTP/1.
const HTTP2_OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

type Pause = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Reads and writes end with [`io::ErrorKind::TimedOut`]: reads when the peer does not begin to speak, writes when they stand
/// still.
pub(super) struct Patient<S> {
    stream: S,
    clock: Clock,
    /// Runs while a write waits.
    end: Option<Pause>,
    /// Until it is clear which version is spoken.
    opening: Option<Opening>,
}

struct Opening {
    ends: Pause,
    /// Bytes that came and are those of [`HTTP2_OPENING`].
    alike: usize,
}

impl Opening {
    /// Whether it is over with these bytes.
    fn is_over(&mut self, came: &[u8]) -> bool {
        let expected = &HTTP2_OPENING[self.alike..];
        let common = came.iter().zip(expected).take_while(|(came, expected)| came == expected).count();
        self.alike += common;
        // An end of the stream is the reader's affair.
        came.is_empty() || common < came.len().min(expected.len()) || self.alike == HTTP2_OPENING.len()
    }
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, clock: Clock) -> Patient<S> {
        Patient { stream, clock, end: None, opening: None }
    }

    /// Of a peer that may speak HTTP/2: only then does hyper wait without a bound to see whether it does.
    pub(super) fn opening(stream: S, clock: Clock) -> Patient<S> {
        let ends = Box::pin(clock.sleep(OPENING_TIME_MAX));
        Patient { stream, clock, end: None, opening: Some(Opening { ends, alike: 0 }) }
    }

    /// What a write that came to `progress` means for the connection.
    fn judge<T>(&mut self, progress: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.end = None;
            return progress;
        }
        let clock = &self.clock;
        let end = self.end.get_or_insert_with(|| Box::pin(clock.sleep(STALL_MAX)));
        ready!(end.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer reads nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let Some(opening) = &mut self.opening else { return read };
        match read {
            Poll::Pending => {
                ready!(opening.ends.as_mut().poll(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer says nothing")))
            }
            Poll::Ready(read) => {
                if opening.is_over(&buf.filled()[before..]) {
                    self.opening = None;
                }
                Poll::Ready(read)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.judge(progress, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.judge(progress, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(progress, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(progress, cx)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// More than the pipe holds.
    const MUCH: [u8; 64] = [7; 64];

    #[tokio::test]
    async fn a_peer_that_reads_nothing_is_given_up() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let (here, _there) = tokio::io::duplex(16);
        let mut patient = Patient::new(here, clock.clone());
        let mut writing = Box::pin(patient.write_all(&MUCH));
        assert!(futures_util::poll!(&mut writing).is_pending());
        clock.advance(STALL_MAX);
        assert_eq!(writing.await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_peer_that_does_not_say_which_version_it_speaks_is_given_up_and_any_other_is_not() {
        for (said, given_up) in [("", true), ("PRI * HTTP/2.0", true), ("GET / HTTP/1.1\r\n", false), ("PRI\r", false)]
        {
            let clock = Clock::manual(Timestamp::UNIX_EPOCH);
            let (here, mut there) = tokio::io::duplex(64);
            let mut patient = Patient::opening(here, clock.clone());
            there.write_all(said.as_bytes()).await.unwrap();
            let mut all = Vec::new();
            let mut reading = Box::pin(patient.read_to_end(&mut all));
            assert!(futures_util::poll!(&mut reading).is_pending());
            clock.advance(OPENING_TIME_MAX);
            match futures_util::poll!(&mut reading) {
                Poll::Ready(read) => assert!(given_up && read.unwrap_err().kind() == io::ErrorKind::TimedOut, "{said}"),
                Poll::Pending => assert!(!given_up, "{said}"),
            }
        }
    }

    #[tokio::test]
    async fn an_opening_that_comes_in_pieces_is_over_with_the_last() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let mut opening = Opening { ends: Box::pin(clock.sleep(OPENING_TIME_MAX)), alike: 0 };
        let (last, first) = HTTP2_OPENING.split_last().unwrap();
        assert!(first.chunks(5).all(|piece| !opening.is_over(piece)));
        assert!(opening.is_over(&[*last, 0, 0]));
    }

    #[tokio::test]
    async fn a_peer_that_reads_slowly_is_borne_with() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let (here, mut there) = tokio::io::duplex(16);
        let mut patient = Patient::new(here, clock.clone());
        let mut writing = Box::pin(patient.write_all(&MUCH));
        for _ in 0..3 {
            assert!(futures_util::poll!(&mut writing).is_pending());
            clock.advance(STALL_MAX - Duration::from_secs(1));
            there.read_exact(&mut [0; 16]).await.unwrap();
        }
        writing.await.unwrap();
    }
}
