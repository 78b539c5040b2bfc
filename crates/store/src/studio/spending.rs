//! Lines of an account, and what they mean.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use plantain_studio::spending::{Payer, Spending, Sum};

use crate::error::DatabaseError;
use crate::queue::place::Place;
use crate::time::from_micros;

/// Of a day, in both databases: times are kept as microseconds.
const MICROS_A_DAY: i64 = 86_400_000_000;

/// A line as the statement answers it. The day is counted from the beginning of 1970.
pub(crate) struct SpendingRow {
    pub day: i64,
    pub payer: String,
    pub endpoint: String,
    /// Jobs, failed ones, pictures, settled and reserved money.
    pub sums: [i64; 5],
}

impl TryFrom<SpendingRow> for Spending {
    type Error = DatabaseError;

    fn try_from(row: SpendingRow) -> Result<Spending, DatabaseError> {
        let place = Place { table: "studio_jobs", row: &row.payer };
        let [jobs, failed, pictures, settled, reserved] = row.sums.map(i64::unsigned_abs);
        Ok(Spending {
            day: date(row.day).ok_or_else(|| place.wrong("created_at"))?,
            payer: Payer::of(&row.payer),
            endpoint: row.endpoint,
            sum: Sum { jobs, failed, pictures, settled, reserved },
        })
    }
}

fn date(day: i64) -> Option<Date> {
    from_micros(day.checked_mul(MICROS_A_DAY)?).map(|midnight| midnight.to_zoned(TimeZone::UTC).date())
}
