//! Rows of strokes, and what they mean.

use plantain_studio::job::JobId;
use plantain_studio::job::correction::Strokes;

use crate::error::DatabaseError;
use crate::queue::place::Place;
use crate::studio::job::read;

/// The strokes of a row of `revision` and `strokes`; those of a job without a row are none.
pub(crate) fn strokes(id: &JobId, row: Option<(i64, String)>) -> Result<Strokes, DatabaseError> {
    let Some((revision, strokes)) = row else { return Ok(Strokes::default()) };
    let place = Place { table: "studio_strokes", row: id.as_str() };
    Ok(Strokes { revision: place.number("revision", revision)?, strokes: read(&place, "strokes", &strokes)? })
}
