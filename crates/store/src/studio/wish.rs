//! Rows of wishes, and what they mean.

use plantain_studio::bulk::batch::BatchId;
use plantain_studio::job::JobId;
use plantain_studio::job::wish::{Became, Made};

use crate::error::DatabaseError;
use crate::queue::place::Place;

/// What is told of a wish: the columns of [`became`], in its order.
macro_rules! became_columns {
    () => {
        "digest, job_id, batch_id"
    };
}
pub(crate) use became_columns;

pub(crate) fn became((digest, job, batch): (String, Option<String>, Option<String>)) -> Result<Became, DatabaseError> {
    let made = match (job, batch) {
        (Some(job), _) => {
            let place = Place { table: "studio_wishes", row: &job };
            Made::Job(JobId::parse(&job).ok_or_else(|| place.wrong("job_id"))?)
        }
        (None, batch) => {
            let batch = batch.unwrap_or_default();
            let place = Place { table: "studio_wishes", row: &batch };
            Made::Batch(BatchId::parse(&batch).ok_or_else(|| place.wrong("batch_id"))?)
        }
    };
    Ok(Became { made, digest })
}

/// What a wish became, as its columns `job_id` and `batch_id`.
pub(crate) fn ids(made: &Made) -> (Option<&str>, Option<&str>) {
    match made {
        Made::Job(id) => (Some(id.as_str()), None),
        Made::Batch(id) => (None, Some(id.as_str())),
    }
}
