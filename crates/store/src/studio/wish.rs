//! Rows of wishes, and what they mean.

use plantain_studio::job::JobId;
use plantain_studio::job::wish::Became;

use crate::error::DatabaseError;
use crate::queue::place::Place;

/// Of the columns `job_id` and `digest`.
pub(crate) fn became((job, digest): (String, String)) -> Result<Became, DatabaseError> {
    let place = Place { table: "studio_wishes", row: &job };
    Ok(Became { job: JobId::parse(&job).ok_or_else(|| place.wrong("job_id"))?, digest })
}
