//! A body that counts what passes through it and breaks off where it is too much.
//!
//! The multipart parser keeps whatever it can't make sense of yet and looks through all of it again with each frame. So the
//! meter hands over one frame at a time and demands that the parser gets somewhere with it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::body::BodyDataStream;
use bytes::Bytes;
use futures_util::Stream;

/// Bytes that may pass without a part or a piece of a part coming out: generous for the headers of a part.
const SHAPELESS_BYTES_MAX: u64 = 32 * 1024;

/// Why the body was broken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    TooLarge,
    /// It goes on and on without becoming a form.
    Shapeless,
}

/// The readings. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Readings>);

#[derive(Debug, Default)]
struct Readings {
    bytes: AtomicU64,
    since_progress: AtomicU64,
    fault: AtomicU8,
    /// Where reading without keeping ends; 0 while what is read is kept.
    drained_at: AtomicU64,
}

impl Meter {
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// To be called whenever something came out of the parser.
    pub fn progress(&self) {
        self.0.since_progress.store(0, Ordering::Relaxed);
    }

    /// From now on nothing is kept: no shape is demanded, and at most `bytes` more pass.
    pub fn drain(&self, bytes: u64) {
        self.0.drained_at.store(self.bytes().saturating_add(bytes).max(1), Ordering::Relaxed);
    }

    fn drained_at(&self) -> Option<u64> {
        Some(self.0.drained_at.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }

    pub fn fault(&self) -> Option<Fault> {
        match self.0.fault.load(Ordering::Relaxed) {
            1 => Some(Fault::TooLarge),
            2 => Some(Fault::Shapeless),
            _ => None,
        }
    }

    fn broken(&self, fault: Fault) -> Broken {
        let code = if fault == Fault::TooLarge { 1 } else { 2 };
        self.0.fault.store(code, Ordering::Relaxed);
        Broken
    }
}

/// The body was broken off; [`Meter::fault`] says why. Also stands for a connection that broke by itself.
#[derive(Debug, thiserror::Error)]
#[error("the body was broken off")]
pub struct Broken;

pub struct Metered {
    inner: BodyDataStream,
    meter: Meter,
    most: u64,
    rested: bool,
    demanding: bool,
}

/// The stream and its meter. It breaks off after `most` bytes.
pub fn metered(inner: BodyDataStream, most: u64) -> (Metered, Meter) {
    let meter = Meter::default();
    (Metered { inner, meter: meter.clone(), most, rested: true, demanding: true }, meter)
}

impl Stream for Metered {
    type Item = Result<Bytes, Broken>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.rested {
            self.rested = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let demanding = self.demanding && self.meter.drained_at().is_none();
        if demanding && self.meter.0.since_progress.load(Ordering::Relaxed) > SHAPELESS_BYTES_MAX {
            return Poll::Ready(Some(Err(self.meter.broken(Fault::Shapeless))));
        }
        match Pin::new(&mut self.inner).poll_next(cx) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(self.passed(frame))),
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(Broken))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Metered {
    /// For a body that is taken as a whole, which gets nowhere before its end.
    pub fn whole(self) -> Metered {
        Metered { demanding: false, ..self }
    }

    fn passed(&mut self, frame: Bytes) -> Result<Bytes, Broken> {
        self.rested = false;
        let length = frame.len() as u64;
        let bytes = self.meter.0.bytes.fetch_add(length, Ordering::Relaxed) + length;
        self.meter.0.since_progress.fetch_add(length, Ordering::Relaxed);
        let most = self.meter.drained_at().map_or(self.most, |end| end.min(self.most));
        if bytes > most { Err(self.meter.broken(Fault::TooLarge)) } else { Ok(frame) }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures_util::{StreamExt, stream};

    use super::*;

    fn frames(count: usize, bytes: usize) -> BodyDataStream {
        let frame = Bytes::from(vec![b'x'; bytes]);
        let all = stream::iter((0..count).map(move |_| Ok::<_, std::convert::Infallible>(frame.clone())));
        Body::from_stream(all).into_data_stream()
    }

    #[tokio::test]
    async fn a_body_that_never_takes_shape_is_broken_off() {
        let (mut stream, meter) = metered(frames(1_000_000, 1024), u64::MAX);
        while let Some(Ok(_)) = stream.next().await {}
        assert_eq!(meter.fault(), Some(Fault::Shapeless));
        assert!(meter.bytes() <= SHAPELESS_BYTES_MAX + 1024, "{}", meter.bytes());
    }

    #[tokio::test]
    async fn progress_lets_it_go_on_up_to_the_bound() {
        let (mut stream, meter) = metered(frames(1_000_000, 1024), 1024 * 1024);
        while let Some(Ok(_)) = stream.next().await {
            meter.progress();
        }
        assert_eq!((meter.fault(), meter.bytes()), (Some(Fault::TooLarge), 1024 * 1024 + 1024));
    }

    #[tokio::test]
    async fn a_body_within_its_bounds_passes_whole() {
        let (stream, meter) = metered(frames(100, 1024), 1024 * 1024);
        let passed: usize = stream.whole().map(|frame| frame.unwrap().len()).collect::<Vec<_>>().await.iter().sum();
        assert_eq!((passed, meter.fault()), (100 * 1024, None));
    }
}
