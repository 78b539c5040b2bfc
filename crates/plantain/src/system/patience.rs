//! A connection that is given up when its peer takes nothing for too long.
//!
//! Without it, a peer that asks for much and reads nothing holds the answer in memory for as long as it likes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use plantain_work::Clock;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How long what is to be written may wait without a byte being taken.
pub(super) const STALL_MAX: Duration = Duration::from_secs(30);

/// Reads as ever; writes end with [`io::ErrorKind::TimedOut`] when they stand still.
pub(super) struct Patient<S> {
    stream: S,
    clock: Clock,
    /// Runs while a write waits.
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, clock: Clock) -> Patient<S> {
        Patient { stream, clock, end: None }
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
        Pin::new(&mut self.stream).poll_read(cx, buf)
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
