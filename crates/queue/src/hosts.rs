//! Which receivers may be posted to now: places for each host, a circuit breaker, and what is remembered of hosts.
//!
//! Pure: time and outcomes come in as values, and nothing is stored. A process that starts knows no host, and learns of each
//! from its first answer. Invariants: hosts that are not known to answer quickly fill no more than half of all places, so that
//! the others always find one; no account takes more of that half than it leaves; a host that failed [`BREAK_AFTER`] times in
//! a row gets one attempt at a time, and rests in between.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use plantain_outbound::delivery::RETRY_AFTER_MAX;
use plantain_outbound::send::{Answer, Fault, SendError};
use plantain_work::clock::after;

pub use self::load::{HostLoad, Room};

mod load;

/// Failures in a row after which a host gets a single attempt at a time.
pub const BREAK_AFTER: u32 = 5;

/// How long such a host rests before the next attempt: doubling from the first to the last.
pub const REST_FIRST: Duration = Duration::from_secs(10);
pub const REST_MAX: Duration = Duration::from_secs(120);

/// How long a host rests that said it is busy, without saying how long: doubling up to [`BUSY_MAX`].
pub const BUSY_FIRST: Duration = Duration::from_secs(1);
pub const BUSY_MAX: Duration = Duration::from_secs(60);

/// The longest rest that one answer may ask for its whole host, where others have receivers too. The delivery that was
/// answered waits for longer, if it was asked to.
pub const ASKED_REST_MAX: Duration = Duration::from_secs(5 * 60);

/// An answer that takes longer does not count as quick.
pub const QUICK: Duration = Duration::from_secs(2);

/// Hosts that are remembered. Beyond it those are forgotten that were not heard of for longest, the quick ones last.
pub const KNOWN_MAX: usize = 1_000;

/// What one attempt said about its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Delivered,
    /// It answered, but not what was hoped for: the host is well.
    Answered,
    /// 429, 502, 503 or 504: later, please.
    Busy {
        asked: Option<Duration>,
    },
    /// Another 5xx, no answer or no connection.
    Down,
    /// Nothing was sent, so that nothing is known.
    Unsent,
}

/// What an attempt's outcome says about the host.
pub fn heard(outcome: &Result<Answer, SendError>) -> Heard {
    match outcome {
        Ok(answer) => match answer.status {
            200..=299 => Heard::Delivered,
            429 | 502..=504 => Heard::Busy { asked: answer.retry_after },
            500..=599 => Heard::Down,
            _ => Heard::Answered,
        },
        Err(error) => match error.fault() {
            Fault::Theirs => Heard::Down,
            Fault::Ours => Heard::Unsent,
        },
    }
}

/// What is remembered of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// In a row, of the host itself.
    pub failures: u32,
    /// Its latest answer came within [`QUICK`].
    pub quick: bool,
    /// No attempt before.
    pub rests_until: Option<Timestamp>,
    /// When the first of the attempts began that have failed since the latest delivery, for whatever reason.
    pub failing_since: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    /// Of the latest attempt that failed.
    pub reason: String,
    /// It has been reported as failing.
    reported: bool,
    /// When the latest failure was that counted.
    failed_at: Option<Timestamp>,
    heard_at: Timestamp,
}

impl Health {
    fn unknown(now: Timestamp) -> Health {
        Health {
            failures: 0,
            quick: false,
            rests_until: None,
            failing_since: None,
            delivered_at: None,
            reason: String::new(),
            reported: false,
            failed_at: None,
            heard_at: now,
        }
    }

    /// One attempt at a time.
    pub fn is_broken(&self) -> bool {
        self.failures >= BREAK_AFTER
    }

    fn after(&mut self, heard: Heard, latency: Duration, began: Timestamp, now: Timestamp) {
        self.heard_at = now;
        match heard {
            Heard::Delivered => {
                (self.failures, self.rests_until, self.failing_since) = (0, None, None);
                self.delivered_at = Some(now);
                self.quick = latency <= QUICK;
            }
            Heard::Answered => {
                (self.failures, self.rests_until) = (0, None);
                self.quick = latency <= QUICK;
            }
            Heard::Busy { .. } | Heard::Down => {
                // What was under way together fails together: once the host is broken, that counts once.
                if !self.is_broken() || self.failed_at.is_none_or(|failed| began >= failed) {
                    self.failures = self.failures.saturating_add(1);
                    self.failed_at = Some(now);
                }
                self.quick = false;
                let rest = rest(heard, self.failures).map(|rest| after(now, rest));
                self.rests_until = self.rests_until.max(rest);
            }
            Heard::Unsent => {}
        }
        if !matches!(heard, Heard::Delivered | Heard::Unsent) {
            self.failing_since.get_or_insert(began);
        }
    }
}

/// How long a host rests after that many failures in a row, the latest of which is `heard`.
fn rest(heard: Heard, failures: u32) -> Option<Duration> {
    let doubled = |first: Duration, times: u32, max: Duration| first.saturating_mul(1 << times.min(16)).min(max);
    let broken = (failures >= BREAK_AFTER).then(|| doubled(REST_FIRST, failures - BREAK_AFTER, REST_MAX));
    let busy = match heard {
        Heard::Busy { asked: Some(asked) } => Some(asked.min(ASKED_REST_MAX)),
        Heard::Busy { asked: None } => Some(doubled(BUSY_FIRST, failures.saturating_sub(1), BUSY_MAX)),
        _ => None,
    };
    broken.max(busy)
}

/// A host's turn for the worse or the better, of which an operator is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing was delivered since `since`, and for longer than the bound.
    Failing {
        since: Timestamp,
        reason: String,
    },
    Recovered {
        since: Timestamp,
    },
}

/// An attempt that is under way. Handed back when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub host: String,
    /// Whose webhook it is.
    pub account: String,
    pub began: Timestamp,
}

/// How much at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostLimits {
    /// Deliveries under way at the same time.
    pub places: usize,
    /// Of these, to one host that answers quickly.
    pub per_host: usize,
    /// How long a delivery is held back because its host rests, before it is given up.
    pub patience: Duration,
    /// For how long nothing but failures make a host one that an operator is told of.
    pub failing_after: Duration,
}

/// Everything that one process remembers of hosts.
#[derive(Debug)]
pub struct Hosts {
    limits: HostLimits,
    known: HashMap<String, Health>,
    under_way: Vec<Place>,
    /// When the lines of all hosts were looked at last.
    looked: Option<Timestamp>,
}

impl Hosts {
    pub fn new(limits: HostLimits) -> Hosts {
        Hosts { limits, known: HashMap::new(), under_way: Vec::new(), looked: None }
    }

    /// What a claim needs to know.
    pub fn load(&mut self, now: Timestamp) -> HostLoad {
        self.forget(now);
        let look = self.looked.is_none_or(|looked| after(looked, load::LOOK_PAUSE) <= now);
        if look {
            self.looked = Some(now);
        }
        HostLoad::of(&self.limits, &self.known, &self.under_way, look, now)
    }

    pub fn begin(&mut self, place: Place) {
        self.under_way.push(place);
    }

    /// The attempt has ended. `said`: what it said of the host and why it failed; `None` where it was broken off.
    pub fn end(&mut self, place: &Place, said: Option<(Heard, Duration, &str)>, now: Timestamp) -> Option<Change> {
        if let Some(index) = self.under_way.iter().position(|under_way| under_way == place) {
            self.under_way.swap_remove(index);
        }
        let (heard, latency, reason) = said?;
        self.make_room(&place.host);
        let health = self.known.entry(place.host.clone()).or_insert_with(|| Health::unknown(now));
        let failing_since = health.failing_since;
        health.after(heard, latency, place.began, now);
        if heard == Heard::Delivered {
            let reported = std::mem::take(&mut health.reported);
            return failing_since.filter(|_| reported).map(|since| Change::Recovered { since });
        }
        reason.clone_into(&mut health.reason);
        let since = health.failing_since.filter(|since| after(*since, self.limits.failing_after) <= now)?;
        if std::mem::replace(&mut health.reported, true) {
            return None;
        }
        Some(Change::Failing { since, reason: reason.to_owned() })
    }

    /// When the first resting host may be tried again.
    pub fn next_end_of_rest(&self, now: Timestamp) -> Option<Timestamp> {
        self.known.values().filter_map(|health| health.rests_until).filter(|until| *until > now).min()
    }

    /// Somebody wants to know at once whether the host is back.
    pub fn end_rest(&mut self, host: &str) {
        if let Some(health) = self.known.get_mut(host) {
            health.rests_until = None;
        }
    }

    /// Hosts to which the latest attempt failed, those that fail for longest first, and whether an operator was told.
    pub fn troubled(&mut self, now: Timestamp) -> Vec<(String, Health, bool)> {
        self.forget(now);
        let troubled = self.known.iter().filter(|(_, health)| health.failing_since.is_some());
        let mut troubled: Vec<_> =
            troubled.map(|(host, health)| (host.clone(), health.clone(), health.reported)).collect();
        troubled.sort_by(|(one, health, _), (other, others, _)| {
            (health.failing_since, one).cmp(&(others.failing_since, other))
        });
        troubled
    }

    /// Hosts of which an operator was told and which have not recovered.
    pub fn reported(&mut self, now: Timestamp) -> usize {
        self.forget(now);
        self.known.values().filter(|health| health.reported).count()
    }

    /// A host that failed and then got no attempt for as long as any schedule waits is owed nothing any more: whether it still
    /// fails nobody can tell.
    fn forget(&mut self, now: Timestamp) {
        let silence = self.limits.patience.max(RETRY_AFTER_MAX);
        let under_way = &self.under_way;
        self.known.retain(|host, health| {
            let silent = health.failing_since.is_some() && after(health.heard_at, silence) <= now;
            !silent || under_way.iter().any(|place| place.host == *host)
        });
    }

    fn make_room(&mut self, host: &str) {
        if self.known.len() < KNOWN_MAX || self.known.contains_key(host) {
            return;
        }
        let oldest = self.known.iter().min_by_key(|(_, health)| (health.quick, health.heard_at));
        if let Some(oldest) = oldest.map(|(host, _)| host.clone()) {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
