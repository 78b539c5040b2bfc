//! The queue's public keys, fetched when needed and kept for a while.
//!
//! Invariants: keys are at most 24 hours old unless their source is down, and then at most a week; one fetch runs at a time,
//! and it ends by itself whoever goes away in the meantime; a key that isn't known causes at most one fetch a minute, however
//! many forgeries come; nobody waits for a fetch longer than `FLIGHT_PATIENCE`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use plantain_outbound::{Bounds, Outbound};
use plantain_wire::jwks::{JWKS_BYTES_MAX, KeySet};
use plantain_work::clock::until;
use plantain_work::{Clock, Tasks};
use tokio::sync::watch;

/// fal's documentation forbids to keep keys longer.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// How long old keys serve while their source is down: longer than any outage, shorter than a stolen key stays useful.
const STALE_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Pause between two fetches while there are keys to go on with.
const REFETCH_PAUSE: Duration = Duration::from_secs(60);

/// Pause between two fetches while there are none.
const FIRST_FETCH_PAUSE: Duration = Duration::from_secs(1);

/// How long one fetch may take, as in fal's samples.
const FETCH_DEADLINE: Duration = Duration::from_secs(10);

/// From this age on keys are fetched anew beside the answering, so that no webhook has to wait for that.
const FETCHED_AHEAD: Duration = Duration::from_secs(23 * 60 * 60);

/// How long a webhook waits for a fetch; then it is answered as if there were none, and its sender comes again. Every
/// webhook is to be answered within a second.
const FLIGHT_PATIENCE: Duration = Duration::from_millis(800);

/// A cache of one queue's keys. Cheap to clone; clones share the keys.
#[derive(Clone, Debug)]
pub struct JwksCache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Tried in this order; the first that answers wins.
    sources: Vec<Url>,
    outbound: Outbound,
    clock: Clock,
    /// The fetch under way: not part of any request, so that none of them can end it by going away.
    tasks: Tasks,
    state: Mutex<State>,
}

#[derive(Clone, Debug, Default)]
struct State {
    keys: Option<Keys>,
    tried_at: Option<Timestamp>,
    /// Of the latest fetch: its sender is dropped when the fetch has ended, in whatever way.
    flight: Option<watch::Receiver<()>>,
}

#[derive(Clone, Debug)]
struct Keys {
    set: Arc<KeySet>,
    fetched_at: Timestamp,
}

/// No source answers, and there are no keys to go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keys can't be fetched")]
pub struct KeysUnavailable;

/// What the caller has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Any,
    /// Keys it has, but none of them fits.
    Newer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Use,
    /// What is here will do, and should be newer soon.
    UseAndFetch,
    Fetch,
    Nothing,
}

impl JwksCache {
    /// `outbound` must be allowed to reach the sources. Nothing is fetched yet.
    pub fn new(sources: Vec<Url>, outbound: Outbound, clock: Clock) -> JwksCache {
        JwksCache(Arc::new(Inner { sources, outbound, clock, tasks: Tasks::new(), state: Mutex::default() }))
    }

    /// The keys to check with.
    pub async fn keys(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        // Late or not, what is here now serves.
        let _ = self.wait(Need::Any).await;
        self.known().ok_or(KeysUnavailable)
    }

    /// Keys that are newer than `known`, none of which fits. `None`: there are no others, or it is too early to ask again.
    /// Unavailable are those that are still being fetched when the patience is over: they may fit.
    pub async fn newer_than(&self, known: &Arc<KeySet>) -> Result<Option<Arc<KeySet>>, KeysUnavailable> {
        let patience = self.wait(Need::Newer).await;
        match self.known().filter(|found| found != known) {
            Some(newer) => Ok(Some(newer)),
            None => patience.map(|()| None),
        }
    }

    /// The keys that are here; nothing is fetched for it.
    pub fn known(&self) -> Option<Arc<KeySet>> {
        self.0.usable()
    }

    /// Begins to fetch keys where there are none or they grow old, and doesn't wait for them.
    pub fn prepare(&self) {
        self.flight(Need::Any);
    }

    /// Until the fetch that is due or under way is over, or takes too long to be waited for.
    async fn wait(&self, need: Need) -> Result<(), KeysUnavailable> {
        let Some(mut flight) = self.flight(need) else { return Ok(()) };
        // Nothing is ever sent: this returns when the fetch is over.
        if self.0.clock.timeout(FLIGHT_PATIENCE, flight.changed()).await.is_none() {
            tracing::warn!("inbox.keys: the fetch of the keys takes too long to be waited for");
            return Err(KeysUnavailable);
        }
        Ok(())
    }

    /// The fetch to wait for: a new one where one is due, or the one under way, since that may be the answer.
    fn flight(&self, need: Need) -> Option<watch::Receiver<()>> {
        let (inner, now) = (&self.0, self.0.clock.now());
        let mut state = inner.state();
        let plan = plan(&state, need, now);
        if plan == Plan::Use {
            return None;
        }
        let under_way = state.flight.clone().filter(|flight| flight.has_changed().is_ok());
        if plan == Plan::UseAndFetch && under_way.is_some() {
            return None;
        }
        if under_way.is_some() || plan == Plan::Nothing {
            return under_way;
        }
        let (ends, flight) = watch::channel(());
        (state.tried_at, state.flight) = (Some(now), Some(flight.clone()));
        let fetching = inner.clone();
        inner.tasks.spawn("inbox.keys", async move {
            let _ends = ends;
            fetching.fetch().await;
        });
        (plan == Plan::Fetch).then_some(flight)
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self) -> Option<Arc<KeySet>> {
        let now = self.clock.now();
        let state = self.state();
        state.keys.as_ref().filter(|keys| until(keys.fetched_at, now) < STALE_MAX).map(|keys| keys.set.clone())
    }

    async fn fetch(&self) {
        for source in &self.sources {
            if let Some(set) = self.fetch_from(source).await {
                self.state().keys = Some(Keys { set: Arc::new(set), fetched_at: self.clock.now() });
                return;
            }
        }
    }

    async fn fetch_from(&self, source: &Url) -> Option<KeySet> {
        let bounds = Bounds { max_bytes: JWKS_BYTES_MAX, deadline: FETCH_DEADLINE };
        let fetched = match self.outbound.get(source, bounds).await {
            Ok(fetched) if fetched.status == 200 => fetched,
            Ok(fetched) => {
                tracing::warn!(%source, status = fetched.status, "inbox.keys: the source of the keys refused");
                return None;
            }
            Err(error) => {
                tracing::warn!(%source, %error, "inbox.keys: the keys can't be fetched");
                return None;
            }
        };
        let set = KeySet::parse(&fetched.body);
        set.inspect_err(|error| tracing::warn!(%source, %error, "inbox.keys: the keys can't be read")).ok()
    }
}

fn plan(state: &State, need: Need, now: Timestamp) -> Plan {
    let tried_within = |pause| state.tried_at.is_some_and(|tried| until(tried, now) < pause);
    match (&state.keys, need) {
        (Some(keys), Need::Any) if until(keys.fetched_at, now) < FETCHED_AHEAD => Plan::Use,
        (Some(keys), Need::Any) if until(keys.fetched_at, now) < FRESH => {
            if tried_within(REFETCH_PAUSE) {
                Plan::Use
            } else {
                Plan::UseAndFetch
            }
        }
        (Some(_), Need::Newer) if tried_within(REFETCH_PAUSE) => Plan::Nothing,
        (Some(_), Need::Any) if tried_within(REFETCH_PAUSE) => Plan::Use,
        (None, _) if tried_within(FIRST_FETCH_PAUSE) => Plan::Nothing,
        _ => Plan::Fetch,
    }
}

#[cfg(test)]
mod tests {
    use plantain_wire::signature::SigningKey;

    use super::*;

    #[test]
    fn when_keys_are_fetched() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let set = Arc::new(KeySet::new(vec![SigningKey::from_seed([1; 32]).verifying_key()]).unwrap());
        let state = |fetched: Option<i64>, tried: Option<i64>| State {
            keys: fetched.map(|second| Keys { set: set.clone(), fetched_at: at(second) }),
            tried_at: tried.map(at),
            flight: None,
        };
        const DAY: i64 = 86_400;
        const FETCH_AHEAD: i64 = DAY - 3_600;
        for (fetched, tried, now, need, expected) in [
            (None, None, 0, Need::Any, Plan::Fetch),
            (None, Some(0), 0, Need::Any, Plan::Nothing),
            (None, Some(0), 1, Need::Any, Plan::Fetch),
            (Some(0), Some(0), 0, Need::Any, Plan::Use),
            (Some(0), Some(0), FETCH_AHEAD - 1, Need::Any, Plan::Use),
            (Some(0), Some(0), FETCH_AHEAD, Need::Any, Plan::UseAndFetch),
            (Some(0), Some(DAY - 30), DAY - 1, Need::Any, Plan::Use),
            (Some(0), Some(0), DAY, Need::Any, Plan::Fetch),
            // The source is down: old keys serve, and it is asked once a minute.
            (Some(0), Some(DAY), DAY + 59, Need::Any, Plan::Use),
            (Some(0), Some(DAY), DAY + 60, Need::Any, Plan::Fetch),
            // A flood of forgeries.
            (Some(0), Some(0), 59, Need::Newer, Plan::Nothing),
            (Some(0), Some(0), 60, Need::Newer, Plan::Fetch),
            // A clock that was set back neither fetches nor fails.
            (Some(100), Some(100), 50, Need::Any, Plan::Use),
        ] {
            assert_eq!(plan(&state(fetched, tried), need, at(now)), expected, "{fetched:?} {tried:?} {now} {need:?}");
        }
    }
}
