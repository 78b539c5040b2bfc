//! Rows of deliveries, and what they mean.

use std::collections::HashSet;

use jiff::Timestamp;
use plantain_queue::hosts::Room;
use plantain_queue::model::{
    ClaimedDelivery, DeliveryAttempt, DeliveryNext, DeliveryState, DeliveryView, Fault, HostLoad, NewDelivery,
};

use crate::error::DatabaseError;
use crate::queue::key::webhooks;
use crate::queue::place::Place;
use crate::time;

/// How many due deliveries a claim looks at, oldest first: some for each one that is wanted, since others may belong to hosts
/// that become full by this very claim.
const CANDIDATES: usize = 8;
const CANDIDATES_MIN: usize = 128;
const CANDIDATES_MAX: usize = 1_024;

/// How many hosts' lines are looked at where the oldest due deliveries may not begin.
pub(crate) const LINES_MAX: i64 = 2_000;

/// A delivery's row, column by column in the order of the statements.
pub(crate) struct DeliveryRow {
    pub seq: i64,
    pub id: String,
    pub request_id: String,
    pub user_id: String,
    pub target: String,
    pub state: String,
    pub due_at: Option<i64>,
    pub attempt: i64,
    pub earlier: i64,
    pub created_at: i64,
    pub body: Vec<u8>,
    /// Of a claimed one, what its key wants.
    pub webhooks: Option<String>,
}

impl DeliveryRow {
    pub fn into_claimed(self) -> Result<ClaimedDelivery, DatabaseError> {
        let attempt = self.place().number("attempt", self.attempt)?;
        let created_at = self.place().time("created_at", self.created_at)?;
        let earlier = self.place().number("earlier", self.earlier)?;
        let options = webhooks(&self.id, self.webhooks.as_deref());
        Ok(ClaimedDelivery { delivery: self.into_delivery()?, attempt, earlier, created_at, options })
    }

    pub fn into_view(self, attempts: Vec<DeliveryAttempt>) -> Result<DeliveryView, DatabaseError> {
        let state = state(&self.place(), &self.state)?;
        let next_at = self.place().maybe_time("due_at", self.due_at)?;
        Ok(DeliveryView { delivery: self.into_delivery()?, state, next_at, attempts })
    }

    /// Where nothing is due any more, the delivery shows when it was made.
    fn into_delivery(self) -> Result<NewDelivery, DatabaseError> {
        let place = self.place();
        Ok(NewDelivery {
            request_id: place.parse("request_id", &self.request_id)?,
            user_id: place.parse("user_id", &self.user_id)?,
            target: place.parse("target", &self.target)?,
            due_at: place.time("due_at", self.due_at.unwrap_or(self.created_at))?,
            body: self.body.into(),
            id: self.id,
        })
    }

    fn place(&self) -> Place<'_> {
        Place { table: "queue_deliveries", row: &self.id }
    }
}

/// An attempt's row.
pub(crate) struct AttemptRow {
    pub attempt: i64,
    pub at: i64,
    pub latency: i64,
    pub http_status: Option<i64>,
    pub reason: String,
    pub answer: Vec<u8>,
    pub fault: Option<String>,
}

impl AttemptRow {
    pub fn into_attempt(self, delivery: &str) -> Result<DeliveryAttempt, DatabaseError> {
        let place = Place { table: "queue_delivery_attempts", row: delivery };
        Ok(DeliveryAttempt {
            attempt: place.number("attempt", self.attempt)?,
            at: place.time("at", self.at)?,
            latency: time::span_from_micros(self.latency),
            http_status: self.http_status.map(|status| place.number("http_status", status)).transpose()?,
            reason: self.reason,
            fault: self.fault.map(|word| fault(&place, &word)).transpose()?,
            answer: self.answer.into(),
        })
    }
}

/// A delivery that is due.
pub(crate) struct Due {
    pub seq: i64,
    pub host: String,
    pub account: String,
    pub due_at: i64,
}

/// Which of the due deliveries a claim takes.
pub(crate) struct Picking {
    load: HostLoad,
    count: usize,
    now: Timestamp,
    seen: HashSet<i64>,
    pub picked: Vec<i64>,
    /// Held back until their patience was at its end.
    pub expired: Vec<i64>,
    /// Whether something due was found, or may be there, that may not begin before another delivery has ended: one of its
    /// host's, whose places are taken or which rests.
    pub held_back: bool,
}

impl Picking {
    pub fn new(load: HostLoad, count: usize, now: Timestamp) -> Picking {
        Picking { load, count, now, seen: HashSet::new(), picked: Vec::new(), expired: Vec::new(), held_back: false }
    }

    /// How many of the oldest due deliveries to look at.
    pub fn candidates(&self) -> i64 {
        let candidates = self.count.saturating_mul(CANDIDATES).clamp(CANDIDATES_MIN, CANDIDATES_MAX);
        i64::try_from(candidates).unwrap_or(i64::MAX)
    }

    pub fn offer(&mut self, due: impl IntoIterator<Item = Due>) {
        for due in due {
            if self.picked.len() >= self.count || !self.seen.insert(due.seq) {
                continue;
            }
            match self.load.admit(&due.host, &due.account) {
                Room::Free => self.picked.push(due.seq),
                Room::Full => self.held_back = true,
                Room::Resting => {
                    self.held_back = true;
                    let due_at = time::from_micros(due.due_at);
                    if due_at.is_some_and(|due_at| self.load.is_out_of_patience(&due.host, due_at, self.now)) {
                        self.expired.push(due.seq);
                    }
                }
            }
        }
    }

    pub fn wants_more(&self) -> bool {
        self.picked.len() < self.count
    }

    pub fn quick_hosts(&self) -> Vec<String> {
        self.load.quick().into_iter().map(str::to_owned).collect()
    }

    pub fn looks_wide(&self) -> bool {
        self.load.looks_wide()
    }

    /// Where to begin among the names of hosts: each second elsewhere, so that no host is last for ever.
    pub fn first_line(&self) -> &'static str {
        const LETTERS: &str = "0123456789abcdefghijklmnopqrstuvwxyz";
        let at = usize::try_from(self.now.as_second().rem_euclid(LETTERS.len() as i64)).unwrap_or(0);
        &LETTERS[at..=at]
    }
}

/// The record of an attempt that was given up before it began.
pub(crate) const UNREADABLE: &str = "the delivery's record in the queue's database can't be read";

/// The record of what was given up because its host rested for too long.
pub(crate) const HELD_BACK: &str =
    "not sent: its host kept failing, and this webhook's time ran out while it was held back";

/// The state after an attempt, when the next one is due, and by how many attempts the schedule begins later.
pub(crate) fn following(next: &DeliveryNext) -> (&'static str, Option<i64>, i64) {
    match next {
        DeliveryNext::Delivered => ("delivered", None, 0),
        DeliveryNext::Retry { at } => ("pending", Some(time::to_micros(*at)), 0),
        DeliveryNext::HandedBack { at } => ("pending", Some(time::to_micros(*at)), 1),
        DeliveryNext::Dead => ("dead", None, 0),
    }
}

pub(crate) fn fault_word(fault: Fault) -> &'static str {
    match fault {
        Fault::Theirs => "theirs",
        Fault::Ours => "ours",
    }
}

pub(crate) fn fault(place: &Place<'_>, word: &str) -> Result<Fault, DatabaseError> {
    match word {
        "theirs" => Ok(Fault::Theirs),
        "ours" => Ok(Fault::Ours),
        _ => Err(place.wrong("fault")),
    }
}

pub(crate) fn state(place: &Place<'_>, word: &str) -> Result<DeliveryState, DatabaseError> {
    match word {
        "pending" => Ok(DeliveryState::Pending),
        "delivered" => Ok(DeliveryState::Delivered),
        "dead" => Ok(DeliveryState::Dead),
        _ => Err(place.wrong("state")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(hosts: &[&str], load: HostLoad, count: usize) -> Vec<i64> {
        let due = |(seq, host): (i64, &&str)| Due { seq, host: host.to_string(), account: "a".into(), due_at: 0 };
        let mut picking = Picking::new(load, count, Timestamp::UNIX_EPOCH);
        picking.offer((0..).zip(hosts).map(due));
        // The same rows once more, as from another look.
        picking.offer((0..).zip(hosts).map(due));
        picking.picked
    }

    #[test]
    fn a_host_that_hangs_does_not_keep_the_others_waiting() {
        let load = HostLoad::new(2);
        assert_eq!(picked(&["slow", "slow", "slow", "slow", "quick"], load.clone(), 10), [0, 1, 4]);
        assert_eq!(picked(&["a", "b", "c"], load.clone(), 2), [0, 1]);
        assert_eq!(picked(&[], load, 2), Vec::<i64>::new());
    }

    #[test]
    fn a_look_is_bounded() {
        let candidates = |count| Picking::new(HostLoad::new(1), count, Timestamp::UNIX_EPOCH).candidates();
        assert_eq!((candidates(1), candidates(64), candidates(usize::MAX)), (128, 512, 1_024));
    }
}
