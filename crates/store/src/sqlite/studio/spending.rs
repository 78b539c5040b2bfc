//! What jobs came to, day by day.

use rusqlite::{Transaction, params};

use plantain_studio::job::Owner;
use plantain_studio::spending::{Period, Spending};

use crate::error::DatabaseError;
use crate::studio::job::limit;
use crate::studio::spending::SpendingRow;
use crate::time::to_micros;

/// Jobs that are kept, and what those cost that were forgotten.
const SPENDING: &str =
    "SELECT day, payer, endpoint, sum(jobs), sum(failed), sum(pictures), sum(settled), sum(reserved) FROM (
         SELECT created_at / 86400000000 AS day,
                CASE WHEN owner LIKE 'session:%' OR owner LIKE 'account:%' THEN 'session:' ELSE coalesce(owner, '') END AS payer, endpoint,
                1 AS jobs, state IN ('FAILED', 'CANCELED') AS failed,
                CASE WHEN state = 'SUCCEEDED' THEN pictures ELSE 0 END AS pictures,
                CASE WHEN state = 'SUCCEEDED' THEN cost ELSE 0 END AS settled,
                CASE WHEN state IN ('QUEUED', 'RUNNING') THEN cost ELSE 0 END AS reserved
         FROM studio_jobs WHERE created_at >= ?1 AND created_at < ?2 AND (?3 IS NULL OR owner = ?3)
         UNION ALL
         SELECT at / 86400000000, CASE WHEN owner LIKE 'session:%' OR owner LIKE 'account:%' THEN 'session:' ELSE owner END, endpoint,
                1, 0, pictures, cost, 0
         FROM studio_spent WHERE at >= ?1 AND at < ?2 AND (?3 IS NULL OR owner = ?3))
     GROUP BY day, payer, endpoint ORDER BY day DESC, payer, endpoint LIMIT ?4";

pub(super) fn of(
    tx: &Transaction<'_>,
    owner: Option<&Owner>,
    period: &Period,
    count: usize,
) -> Result<Vec<Spending>, DatabaseError> {
    let mut select = tx.prepare_cached(SPENDING)?;
    let asked = params![to_micros(period.start()), to_micros(period.end()), owner.map(Owner::as_str), limit(count)];
    let rows = select.query_map(asked, |row| {
        Ok(SpendingRow {
            day: row.get(0)?,
            payer: row.get(1)?,
            endpoint: row.get(2)?,
            sums: [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?],
        })
    })?;
    rows.map(|row| Spending::try_from(row?)).collect()
}
