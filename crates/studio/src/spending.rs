//! What jobs cost, day by day, by who asked for them and which model made them. Pure.
//!
//! A job's cost is kept aside when it is accepted and settled when it ends: by the pictures that came, and with nothing where it
//! failed or was given up. Days are those of UTC, as months are for budgets.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::job::Owner;

/// The longest period: a year.
pub const DAYS_MAX: i32 = 366;

/// Days, the first and the last among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub first: Date,
    pub last: Date,
    start: Timestamp,
    end: Timestamp,
}

impl Period {
    /// `None` where the last day comes before the first, or too long after it.
    pub fn new(first: Date, last: Date) -> Option<Period> {
        let days = first.until(last).ok()?.get_days();
        let (start, end) = (midnight(first)?, midnight(last.tomorrow().ok()?)?);
        (0..DAYS_MAX).contains(&days).then_some(Period { first, last, start, end })
    }

    /// From the beginning of the calendar month to this day.
    pub fn month_until(now: Timestamp) -> Period {
        let last = now.to_zoned(TimeZone::UTC).date();
        let whole = Period::new(last.first_of_month(), last);
        // Only the last day that there is has no tomorrow.
        whole.unwrap_or(Period { first: last, last, start: now, end: Timestamp::MAX })
    }

    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// What was then is no part of it any more.
    pub fn end(&self) -> Timestamp {
        self.end
    }
}

fn midnight(day: Date) -> Option<Timestamp> {
    day.to_zoned(TimeZone::UTC).ok().map(|midnight| midnight.timestamp())
}

/// Who had something made. Sellers are one: each has their own account of it, and the operator needs no list of sessions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payer {
    Operator,
    /// The key's id.
    Key(String),
    Seller,
    Nobody,
}

impl Payer {
    /// Of an owner as it is stored; of nobody's jobs there is none.
    pub fn of(owner: &str) -> Payer {
        match owner.split_once(':') {
            Some(("key", id)) => Payer::Key(id.to_owned()),
            Some(("session" | "account", _)) => Payer::Seller,
            _ if owner == Owner::operator().as_str() => Payer::Operator,
            _ => Payer::Nobody,
        }
    }
}

/// Jobs, and what they cost in millionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// All that were accepted and are kept, and those that were forgotten but cost something.
    pub jobs: u64,
    /// Of these, those that failed or were given up.
    pub failed: u64,
    /// That were made.
    pub pictures: u64,
    /// Of jobs that succeeded.
    pub settled: u64,
    /// Kept aside for jobs that run.
    pub reserved: u64,
}

impl Sum {
    /// Spent, or about to be.
    pub fn used(&self) -> u64 {
        self.settled.saturating_add(self.reserved)
    }
}

impl<'s> std::iter::Sum<&'s Sum> for Sum {
    fn sum<I: Iterator<Item = &'s Sum>>(all: I) -> Sum {
        all.fold(Sum::default(), |sum, one| Sum {
            jobs: sum.jobs + one.jobs,
            failed: sum.failed + one.failed,
            pictures: sum.pictures + one.pictures,
            settled: sum.settled.saturating_add(one.settled),
            reserved: sum.reserved.saturating_add(one.reserved),
        })
    }
}

/// What somebody's jobs of one day with one model came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spending {
    pub day: Date,
    pub payer: Payer,
    pub endpoint: String,
    pub sum: Sum,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_its_first_and_its_last_day() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        for (first, last, whole) in [
            ("2026-11-01", "2026-11-01", Some(("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"))),
            ("2026-02-27", "2026-03-01", Some(("2026-02-27T00:00:00Z", "2026-03-02T00:00:00Z"))),
            ("2026-01-01", "2027-01-01", Some(("2026-01-01T00:00:00Z", "2027-01-02T00:00:00Z"))),
            ("2026-01-01", "2027-01-02", None),
            ("2026-11-02", "2026-11-01", None),
            ("9999-12-31", "9999-12-31", None),
            ("-009999-01-01", "2026-11-01", None),
        ] {
            let period = Period::new(day(first), day(last));
            let told = period.map(|period| (period.start().to_string(), period.end().to_string()));
            assert_eq!(told, whole.map(|(start, end)| (start.into(), end.into())), "{first} {last}");
        }
        let month = Period::month_until("2026-11-29T23:59:59Z".parse().unwrap());
        assert_eq!((month.first, month.last), (day("2026-11-01"), day("2026-11-29")));
        assert_eq!(month.start(), crate::job::key::month_of("2026-11-29T23:59:59Z".parse().unwrap()));
        assert!(Period::month_until(Timestamp::MAX).end() == Timestamp::MAX);
    }

    #[test]
    fn who_pays_is_read_of_the_owner() {
        for (owner, payer) in [
            (Owner::key("1").as_str(), Payer::Key("1".into())),
            (Owner::session("x").as_str(), Payer::Seller),
            ("session:", Payer::Seller),
            ("account:x", Payer::Seller),
            (Owner::operator().as_str(), Payer::Operator),
            ("", Payer::Nobody),
        ] {
            assert_eq!(Payer::of(owner), payer, "{owner}");
        }
    }
}
