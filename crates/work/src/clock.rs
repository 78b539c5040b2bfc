//! The time as a value that is handed in: the system's, or one that a test moves.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

/// Cheap to clone. Code that needs the time takes a `Clock` (or better, a `Timestamp`).
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<watch::Sender<Timestamp>>),
}

impl Clock {
    pub fn system() -> Clock {
        Clock(Source::System)
    }

    /// A clock that stands still until [`Clock::advance`] is called on it or on a clone.
    pub fn manual(start: Timestamp) -> Clock {
        Clock(Source::Manual(Arc::new(watch::Sender::new(start))))
    }

    /// In whole microseconds, which is how databases keep times: what is in memory is what will be read back.
    #[expect(clippy::disallowed_methods, reason = "the one place where the system's time is read")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => {
                let now = Timestamp::now();
                Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
            }
            Source::Manual(time) => *time.borrow(),
        }
    }

    /// Moves a manual clock on and wakes whoever waits for a time that has come. A system clock ignores it.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(time) = &self.0 {
            time.send_modify(|now| *now = after(*now, by));
        }
    }

    /// Returns once the clock shows `due` or later.
    #[expect(clippy::disallowed_methods, reason = "the one place where the system's timer is used")]
    pub async fn sleep_until(&self, due: Timestamp) {
        match &self.0 {
            Source::System => tokio::time::sleep(until(self.now(), due)).await,
            Source::Manual(time) => {
                let mut watching = time.subscribe();
                // The sender lives as long as this clock, so waiting can't fail.
                let _ = watching.wait_for(|now| *now >= due).await;
            }
        }
    }

    /// The pause begins with this call, not with the first poll of what it returns.
    pub fn sleep(&self, pause: Duration) -> impl Future<Output = ()> + Send + use<> {
        let (clock, due) = (self.clone(), after(self.now(), pause));
        async move { clock.sleep_until(due).await }
    }

    /// `work`'s answer, or `None` where it has none within `limit` of this clock's time.
    pub async fn timeout<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            answer = work => Some(answer),
            () = self.sleep(limit) => None,
        }
    }
}

/// `now + by`, or the end of time where that can't be represented.
pub fn after(now: Timestamp, by: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(by).ok().and_then(|by| now.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

/// `now - by`, or the beginning of time where that can't be represented.
pub fn before(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// How long from `now` to `due`; zero where `due` has passed.
pub fn until(now: Timestamp, due: Timestamp) -> Duration {
    Duration::try_from(now.duration_until(due)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_its_sleepers_only_when_their_time_has_come() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let sleeper = clock.sleep(Duration::from_secs(10));
        tokio::pin!(sleeper);
        clock.advance(Duration::from_secs(9));
        assert!(futures_util::poll!(&mut sleeper).is_pending());
        clock.advance(Duration::from_secs(1));
        sleeper.await;
    }

    #[test]
    fn time_arithmetic_stops_at_its_ends() {
        assert_eq!(after(Timestamp::MAX, Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(until(Timestamp::MAX, Timestamp::MIN), Duration::ZERO);
    }
}
