//! Rows of webhooks, accepted and refused.

use plantain_inbox::store::RejectedEvent;
use plantain_studio::job::arrival::Arrival;
use plantain_studio::job::{Job, JobId};
use plantain_studio::store::WebhookEvent;

use crate::error::DatabaseError;
use crate::queue::place::Place;
use crate::studio::job::read;

/// The job is the one of the arrival's request, which is unique: there is no need to look for another.
pub(crate) fn is_about(job: Option<&Job>, arrival: &Arrival) -> bool {
    job.is_some_and(|job| job.request_id.as_ref() == Some(&arrival.request_id))
}

/// An accepted webhook, column by column in the order of the statements.
pub(crate) struct EventRow {
    pub request_id: String,
    pub job_id: String,
    pub state: String,
    pub headers: String,
    pub body: Vec<u8>,
    pub body_sha256: String,
    pub received_at: i64,
    pub times: i64,
    pub last_at: i64,
}

impl TryFrom<EventRow> for WebhookEvent {
    type Error = DatabaseError;

    fn try_from(row: EventRow) -> Result<WebhookEvent, DatabaseError> {
        let place = Place { table: "studio_events", row: &row.request_id };
        Ok(WebhookEvent {
            request_id: place.parse("request_id", &row.request_id)?,
            job_id: JobId::parse(&row.job_id).ok_or_else(|| place.wrong("job_id"))?,
            state: row.state,
            headers: read(&place, "headers", &row.headers)?,
            body: row.body.into(),
            body_sha256: row.body_sha256,
            received_at: place.time("received_at", row.received_at)?,
            times: place.number("times", row.times)?,
            last_at: place.time("last_at", row.last_at)?,
        })
    }
}

/// A refused webhook, column by column in the order of the statements.
pub(crate) struct RejectedRow {
    pub received_at: i64,
    pub code: String,
    pub explanation: String,
    pub headers: String,
    pub body: Vec<u8>,
    pub body_bytes: i64,
}

impl TryFrom<RejectedRow> for RejectedEvent {
    type Error = DatabaseError;

    fn try_from(row: RejectedRow) -> Result<RejectedEvent, DatabaseError> {
        let place = Place { table: "studio_rejected", row: &row.code };
        Ok(RejectedEvent {
            received_at: place.time("received_at", row.received_at)?,
            headers: read(&place, "headers", &row.headers)?,
            body_bytes: place.number("body_bytes", row.body_bytes)?,
            explanation: row.explanation,
            body: row.body.into(),
            code: row.code,
        })
    }
}
