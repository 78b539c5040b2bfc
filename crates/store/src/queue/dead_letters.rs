//! Rows of a list of deliveries, and where its next page begins.

use plantain_queue::dead_letters::{DeliveryPage, DeliverySummary, RECOVERY_BATCH, Recovered};
use plantain_queue::history::{Cursor, PAGE_LOOK_MAX};

use crate::error::DatabaseError;
use crate::queue::delivery::{fault, state};
use crate::queue::place::Place;

/// A row of the list, column by column in the order of the statements.
pub(crate) struct ListRow {
    pub seq: i64,
    pub id: String,
    pub request_id: String,
    pub target: String,
    pub host: String,
    pub state: String,
    pub due_at: Option<i64>,
    pub created_at: i64,
    pub attempt: i64,
    pub http_status: Option<i64>,
    pub reason: Option<String>,
    pub fault: Option<String>,
}

impl ListRow {
    fn into_summary(self) -> Result<DeliverySummary, DatabaseError> {
        let place = Place { table: "queue_deliveries", row: &self.id };
        Ok(DeliverySummary {
            request_id: place.parse("request_id", &self.request_id)?,
            target: place.parse("target", &self.target)?,
            state: state(&place, &self.state)?,
            next_at: place.maybe_time("due_at", self.due_at)?,
            created_at: place.time("created_at", self.created_at)?,
            attempts: place.number("attempt", self.attempt)?,
            http_status: self.http_status.map(|status| place.number("http_status", status)).transpose()?,
            reason: self.reason.unwrap_or_default(),
            fault: self.fault.map(|word| fault(&place, &word)).transpose()?,
            host: self.host,
            id: self.id,
        })
    }
}

/// `looked`: the lowest row that was looked at, and how many there were. A row that can't be read is left out.
pub(crate) fn page(
    rows: Vec<ListRow>,
    limit: usize,
    looked: (Option<i64>, i64),
) -> Result<DeliveryPage, DatabaseError> {
    let full = rows.len() >= limit;
    let next = match (rows.last(), looked) {
        (Some(last), _) if full => Some(last.seq),
        (_, (lowest, count)) => lowest.filter(|_| count >= look_max()),
    };
    let mut deliveries = Vec::with_capacity(rows.len());
    for row in rows {
        match row.into_summary() {
            Ok(summary) => deliveries.push(summary),
            Err(error) if error.is_of_one_row() => tracing::error!(%error, "delivery.unreadable: left out of a list"),
            Err(error) => return Err(error),
        }
    }
    Ok(DeliveryPage { deliveries, next: next.map(Cursor) })
}

pub(crate) fn look_max() -> i64 {
    i64::try_from(PAGE_LOOK_MAX).unwrap_or(i64::MAX)
}

pub(crate) fn batch_max() -> i64 {
    i64::try_from(RECOVERY_BATCH).unwrap_or(i64::MAX)
}

/// What was taken up (row number and host, oldest first), and where the next batch begins.
pub(crate) fn recovered(taken: &[(i64, String)]) -> Recovered {
    let next = taken.last().filter(|_| taken.len() >= RECOVERY_BATCH).map(|(seq, _)| Cursor(*seq));
    Recovered { count: taken.len(), next }
}
