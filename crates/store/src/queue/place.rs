//! Where in a database a value was read, to say so when it makes no sense.

use std::str::FromStr;

use jiff::Timestamp;

use crate::error::DatabaseError;
use crate::time;

/// A row that is being read.
pub(crate) struct Place<'a> {
    pub table: &'static str,
    pub row: &'a str,
}

impl Place<'_> {
    pub fn wrong(&self, column: &'static str) -> DatabaseError {
        DatabaseError::corrupt(self.table, column, self.row)
    }

    pub fn parse<T: FromStr>(&self, column: &'static str, text: &str) -> Result<T, DatabaseError> {
        text.parse().map_err(|_| self.wrong(column))
    }

    pub fn time(&self, column: &'static str, micros: i64) -> Result<Timestamp, DatabaseError> {
        time::from_micros(micros).ok_or_else(|| self.wrong(column))
    }

    pub fn maybe_time(&self, column: &'static str, micros: Option<i64>) -> Result<Option<Timestamp>, DatabaseError> {
        micros.map(|micros| self.time(column, micros)).transpose()
    }

    pub fn number<T: TryFrom<i64>>(&self, column: &'static str, number: i64) -> Result<T, DatabaseError> {
        T::try_from(number).map_err(|_| self.wrong(column))
    }
}
