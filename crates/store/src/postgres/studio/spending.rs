//! What jobs came to, day by day.

use plantain_studio::job::Owner;
use plantain_studio::spending::{Period, Spending};

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::studio::job::limit;
use crate::studio::spending::SpendingRow;
use crate::time::to_micros;

/// Jobs that are kept, and what those cost that were forgotten.
const SPENDING: &str =
    "SELECT day, payer, endpoint, sum(jobs)::bigint, sum(failed)::bigint, sum(pictures)::bigint, sum(settled)::bigint,
            sum(reserved)::bigint FROM (
         SELECT created_at / 86400000000 AS day,
                CASE WHEN owner LIKE 'session:%' OR owner LIKE 'account:%' THEN 'session:' ELSE coalesce(owner, '') END AS payer, endpoint,
                1::bigint AS jobs, CASE WHEN state IN ('FAILED', 'CANCELED') THEN 1 ELSE 0 END::bigint AS failed,
                CASE WHEN state = 'SUCCEEDED' THEN pictures ELSE 0 END AS pictures,
                CASE WHEN state = 'SUCCEEDED' THEN cost ELSE 0 END AS settled,
                CASE WHEN state IN ('QUEUED', 'RUNNING') THEN cost ELSE 0 END AS reserved
         FROM studio_jobs WHERE created_at >= $1 AND created_at < $2 AND ($3::text IS NULL OR owner = $3)
         UNION ALL
         SELECT at / 86400000000, CASE WHEN owner LIKE 'session:%' OR owner LIKE 'account:%' THEN 'session:' ELSE owner END, endpoint,
                1, 0, pictures, cost, 0
         FROM studio_spent WHERE at >= $1 AND at < $2 AND ($3::text IS NULL OR owner = $3)) lines
     GROUP BY day, payer, endpoint ORDER BY day DESC, payer COLLATE \"C\", endpoint COLLATE \"C\" LIMIT $4";

pub(super) async fn of(
    database: &Database,
    owner: Option<&Owner>,
    period: &Period,
    count: usize,
) -> Result<Vec<Spending>, DatabaseError> {
    let client = database.client().await?;
    let select = client.prepare_cached(SPENDING).await?;
    let (start, end) = (to_micros(period.start()), to_micros(period.end()));
    let rows = client.query(&select, &[&start, &end, &owner.map(Owner::as_str), &limit(count)]).await?;
    let line = |row: &tokio_postgres::Row| {
        SpendingRow {
            day: row.try_get(0)?,
            payer: row.try_get(1)?,
            endpoint: row.try_get(2)?,
            sums: [row.try_get(3)?, row.try_get(4)?, row.try_get(5)?, row.try_get(6)?, row.try_get(7)?],
        }
        .try_into()
    };
    rows.iter().map(line).collect()
}
