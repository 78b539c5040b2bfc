//! Deliveries beyond one request's: lists of them, and sending again what was given up.
//!
//! A redelivered webhook begins its schedule anew and keeps its earlier attempts and its id, by which a receiver knows it
//! again. Many at once are spread over time, so that a receiver that has just come back is not flooded.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use url::Url;

use plantain_wire::id::RequestId;
use plantain_work::clock::after;

use crate::history::Cursor;
use crate::model::{DeliveryState, DeliveryView, Fault};
use crate::store::StoreError;

/// Between two deliveries of a mass recovery to one host: five a second are nothing to a receiver that works, and 18,000 an hour.
pub const RECOVERY_STEP: Duration = Duration::from_millis(200);

/// Dead deliveries that one commit takes up at most, so that other writes wait no longer than for any batch.
pub const RECOVERY_BATCH: usize = 500;

impl DeliveryState {
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryState::Pending => "pending",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Dead => "dead",
        }
    }

    pub fn parse(word: &str) -> Option<DeliveryState> {
        let all = [DeliveryState::Pending, DeliveryState::Delivered, DeliveryState::Dead];
        all.into_iter().find(|state| state.as_str() == word)
    }
}

/// Which deliveries to list, newest first. What is left out doesn't matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    pub state: Option<DeliveryState>,
    /// Host and port, as of [`crate::model::NewDelivery::host`].
    pub host: Option<String>,
    /// Owed since then or later.
    pub from: Option<Timestamp>,
    /// Owed since before then.
    pub to: Option<Timestamp>,
    pub before: Option<Cursor>,
    /// At most [`crate::history::PAGE_MAX`].
    pub limit: usize,
}

/// Some of the deliveries that were asked for. A page may be short, even empty, and still have a next one.
#[derive(Clone, Debug)]
pub struct DeliveryPage {
    pub deliveries: Vec<DeliverySummary>,
    /// `None`: there are no more.
    pub next: Option<Cursor>,
}

/// A delivery in a list, with what became of its latest recorded attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliverySummary {
    pub id: String,
    pub request_id: RequestId,
    pub target: Url,
    pub host: String,
    pub state: DeliveryState,
    pub next_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub attempts: u32,
    pub http_status: Option<u16>,
    /// Empty where it was delivered, or not tried yet.
    pub reason: String,
    pub fault: Option<Fault>,
}

/// Which of the dead deliveries to send again. What is left out doesn't matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadFilter {
    pub host: Option<String>,
    /// Owed since then or later.
    pub from: Option<Timestamp>,
    /// Owed since before then.
    pub to: Option<Timestamp>,
}

/// What became of the wish to deliver once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redelivered {
    /// It is due now.
    Owed,
    /// It had not ended: its schedule stands.
    Pending,
    Unknown,
}

/// One batch of a recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    pub count: usize,
    /// Where the next batch begins; `None`: nothing more was found.
    pub next: Option<Cursor>,
}

/// When each of these dead deliveries (row number and host, oldest first) is due again. `free_from` has the hosts at which an
/// earlier recovery still waits: when its last delivery is due.
pub fn paced(
    dead: &[(i64, String)],
    mut free_from: HashMap<String, Timestamp>,
    now: Timestamp,
) -> Vec<(i64, Timestamp)> {
    let mut due = |host: &String| {
        let at = free_from.get(host).map_or(now, |last| after(*last, RECOVERY_STEP).max(now));
        free_from.insert(host.clone(), at);
        at
    };
    dead.iter().map(|(seq, host)| (*seq, due(host))).collect()
}

/// What the store knows of deliveries of all requests.
#[async_trait]
pub trait DeadLetterStore: Send + Sync {
    /// One page of deliveries, newest first. What it costs does not depend on how many there are.
    async fn list_deliveries(&self, filter: &DeliveryFilter) -> Result<DeliveryPage, StoreError>;

    /// One delivery with all its attempts.
    async fn delivery(&self, id: &str) -> Result<Option<DeliveryView>, StoreError>;

    /// Makes a delivery that has ended, dead or delivered, due now and with a fresh schedule.
    async fn redeliver(&self, id: &str, now: Timestamp) -> Result<Redelivered, StoreError>;

    /// Makes at most [`RECOVERY_BATCH`] dead deliveries due again as [`paced`] says, the oldest first, from `after` on.
    async fn redeliver_dead(
        &self,
        which: &DeadFilter,
        after: Option<Cursor>,
        now: Timestamp,
    ) -> Result<Recovered, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    #[test]
    fn a_recovery_is_spread_host_by_host_and_goes_behind_an_earlier_one() {
        let dead = [(1, "a"), (2, "b"), (3, "a"), (4, "a"), (5, "c")].map(|(seq, host)| (seq, host.to_owned()));
        let earlier = HashMap::from([("b".to_owned(), at(5_000)), ("c".to_owned(), at(10))]);
        let due = paced(&dead, earlier, at(1_000));
        assert_eq!(due, [(1, at(1_000)), (2, at(5_200)), (3, at(1_200)), (4, at(1_400)), (5, at(1_000))]);
        assert_eq!(paced(&[], HashMap::new(), at(0)), []);
    }

    #[test]
    fn states_are_read_back() {
        for state in [DeliveryState::Pending, DeliveryState::Delivered, DeliveryState::Dead] {
            assert_eq!(DeliveryState::parse(state.as_str()), Some(state));
        }
        assert_eq!(DeliveryState::parse("DEAD"), None);
    }
}
