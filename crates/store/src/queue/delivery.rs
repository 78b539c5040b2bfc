//! Rows of deliveries, and what they mean.

use plantain_queue::model::{
    ClaimedDelivery, DeliveryAttempt, DeliveryNext, DeliveryState, DeliveryView, HostLoad, NewDelivery,
};

use crate::error::DatabaseError;
use crate::queue::place::Place;
use crate::time;

/// How many due deliveries are looked at for each one that is wanted. The others belong to hosts that become full by this
/// very claim, and a full host is left out of the next one.
pub(crate) const CANDIDATES: usize = 8;

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
}

impl DeliveryRow {
    pub fn into_claimed(self) -> Result<ClaimedDelivery, DatabaseError> {
        let attempt = self.place().number("attempt", self.attempt)?;
        let created_at = self.place().time("created_at", self.created_at)?;
        let earlier = self.place().number("earlier", self.earlier)?;
        Ok(ClaimedDelivery { delivery: self.into_delivery()?, attempt, earlier, created_at })
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
            answer: self.answer.into(),
        })
    }
}

/// Of the due deliveries (row number and host), oldest first, those that may begin.
pub(crate) fn admitted(due: Vec<(i64, String)>, mut hosts: HostLoad, count: usize) -> Vec<i64> {
    due.into_iter().filter(|(_, host)| hosts.admit(host)).map(|(seq, _)| seq).take(count).collect()
}

/// How many due deliveries to look at for a claim of `count`.
pub(crate) fn candidates(count: usize) -> i64 {
    i64::try_from(count.saturating_mul(CANDIDATES)).unwrap_or(i64::MAX)
}

/// The record of an attempt that was given up before it began.
pub(crate) const UNREADABLE: &str = "the delivery's record in the queue's database can't be read";

/// The state after an attempt, and when the next one is due.
pub(crate) fn following(next: &DeliveryNext) -> (&'static str, Option<i64>) {
    match next {
        DeliveryNext::Delivered => ("delivered", None),
        DeliveryNext::Retry { at } => ("pending", Some(time::to_micros(*at))),
        DeliveryNext::Dead => ("dead", None),
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

    #[test]
    fn a_host_that_hangs_does_not_keep_the_others_waiting() {
        let due = |hosts: &[&str]| (0..).zip(hosts.iter().map(|host| host.to_string())).collect::<Vec<_>>();
        let load = HostLoad::new(2);
        assert_eq!(admitted(due(&["slow", "slow", "slow", "slow", "quick"]), load.clone(), 10), [0, 1, 4]);
        assert_eq!(admitted(due(&["a", "b", "c"]), load.clone(), 2), [0, 1]);
        assert_eq!(admitted(due(&[]), load, 2), Vec::<i64>::new());
        assert_eq!((candidates(3), candidates(usize::MAX)), (24, i64::MAX));
    }
}
