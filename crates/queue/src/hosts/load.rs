//! What a claim of deliveries needs to know of hosts: a value, made anew for each claim.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;

use plantain_work::clock::after;

use super::{Health, HostLimits, Place, QUICK};

/// Between two looks at the lines of all hosts, which cost more than a claim.
pub const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// May a delivery to this host begin?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Free,
    /// When one of those under way has ended.
    Full,
    /// When its host has rested, or shown that it works again.
    Resting,
}

/// How many deliveries may begin, to whom.
#[derive(Clone, Debug)]
pub struct HostLoad {
    per_host: usize,
    per_doubtful_host: usize,
    /// Places left for hosts that are not known to be quick.
    doubtful_left: usize,
    under_way: HashMap<String, usize>,
    /// Of each account, the deliveries under way to hosts that are not known to be quick.
    doubtful_of: HashMap<String, usize>,
    /// `None`: every host counts as quick.
    quick: Option<HashSet<String>>,
    resting: HashSet<String>,
    /// One attempt at a time.
    broken: HashSet<String>,
    look_wide: bool,
    /// Since when the hosts fail that do.
    failing: HashMap<String, Timestamp>,
    patience: Duration,
}

impl HostLoad {
    /// Nothing is under way, and every host is well and gets at most `per_host`, which is at least 1.
    pub fn new(per_host: usize) -> HostLoad {
        HostLoad {
            per_host: per_host.max(1),
            per_doubtful_host: per_host.max(1),
            doubtful_left: usize::MAX,
            under_way: HashMap::new(),
            doubtful_of: HashMap::new(),
            quick: None,
            resting: HashSet::new(),
            broken: HashSet::new(),
            look_wide: true,
            failing: HashMap::new(),
            patience: Duration::MAX,
        }
    }

    pub(super) fn of(
        limits: &HostLimits,
        known: &HashMap<String, Health>,
        under_way: &[Place],
        look_wide: bool,
        now: Timestamp,
    ) -> HostLoad {
        let named = |is: fn(&Health, Timestamp) -> bool| {
            let named = known.iter().filter(|(_, health)| is(health, now));
            named.map(|(host, _)| host.clone()).collect::<HashSet<String>>()
        };
        let mut quick = named(|health, _| health.quick);
        // Who keeps an attempt waiting is not quick any more.
        for place in under_way.iter().filter(|place| after(place.began, QUICK) < now) {
            quick.remove(&place.host);
        }
        let mut load = HostLoad {
            per_host: limits.per_host.max(1),
            per_doubtful_host: (limits.per_host / 4).max(1),
            doubtful_left: (limits.places / 2).max(1),
            resting: named(|health, now| health.rests_until.is_some_and(|until| until > now)),
            broken: named(|health, _| health.is_broken()),
            quick: Some(quick),
            look_wide,
            failing: known.iter().filter_map(|(host, health)| Some((host.clone(), health.failing_since?))).collect(),
            patience: limits.patience,
            ..HostLoad::new(1)
        };
        for place in under_way {
            load.count(&place.host, &place.account);
        }
        load
    }

    pub fn room(&self, host: &str, account: &str) -> Room {
        let under_way = self.under_way.get(host).copied().unwrap_or(0);
        if self.resting.contains(host) || (under_way > 0 && self.broken.contains(host)) {
            return Room::Resting;
        }
        let is_full = match self.is_quick(host) {
            true => under_way >= self.per_host,
            false => {
                let of_account = self.doubtful_of.get(account).copied().unwrap_or(0);
                under_way >= self.per_doubtful_host || of_account >= self.doubtful_left
            }
        };
        if is_full { Room::Full } else { Room::Free }
    }

    /// Counts one more delivery, if it may begin.
    pub fn admit(&mut self, host: &str, account: &str) -> Room {
        let room = self.room(host, account);
        if room == Room::Free {
            self.count(host, account);
        }
        room
    }

    /// Whether a delivery to the host has been held back for too long that was due then. What waited for other reasons before
    /// the host began to fail, such as a process that was not there, does not count.
    pub fn is_out_of_patience(&self, host: &str, due_at: Timestamp, now: Timestamp) -> bool {
        self.failing.get(host).is_some_and(|since| after(due_at.max(*since), self.patience) <= now)
    }

    /// Hosts that are known to be quick and have room.
    pub fn quick(&self) -> Vec<&str> {
        let quick = self.quick.iter().flatten().map(String::as_str);
        quick.filter(|host| self.room(host, "") == Room::Free).collect()
    }

    /// Whether to look at the lines of all hosts where the oldest deliveries may not begin.
    pub fn looks_wide(&self) -> bool {
        self.look_wide
    }

    fn is_quick(&self, host: &str) -> bool {
        self.quick.as_ref().is_none_or(|quick| quick.contains(host))
    }

    fn count(&mut self, host: &str, account: &str) {
        *self.under_way.entry(host.to_owned()).or_default() += 1;
        if !self.is_quick(host) {
            *self.doubtful_of.entry(account.to_owned()).or_default() += 1;
            self.doubtful_left = self.doubtful_left.saturating_sub(1);
        }
    }
}
