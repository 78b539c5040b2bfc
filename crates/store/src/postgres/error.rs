//! Postgres' error codes (SQLSTATE), sorted by what a caller can do.

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

use crate::error::{Cause, DatabaseError, OpenError};

impl From<tokio_postgres::Error> for DatabaseError {
    fn from(error: tokio_postgres::Error) -> DatabaseError {
        match error.code().map(|code| by_code(code.code())) {
            Some(Class::Conflict) => DatabaseError::Conflict(Cause::new(error)),
            Some(Class::Full) => DatabaseError::Full(Cause::new(error)),
            Some(Class::Ours) => DatabaseError::corrupt("postgres", "statement", said(&error)),
            Some(Class::Unavailable) | None => DatabaseError::unavailable(Cause::new(error)),
        }
    }
}

/// The library's own text says no more than "db error".
fn said(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string)
}

#[derive(Debug, PartialEq, Eq)]
enum Class {
    Conflict,
    Full,
    Unavailable,
    Ours,
}

fn by_code(code: &str) -> Class {
    const CONFLICTS: [&SqlState; 3] =
        [&SqlState::T_R_SERIALIZATION_FAILURE, &SqlState::T_R_DEADLOCK_DETECTED, &SqlState::LOCK_NOT_AVAILABLE];
    if CONFLICTS.iter().any(|conflict| conflict.code() == code) {
        return Class::Conflict;
    }
    // The first two digits are the class: connections, resources, operators, the system; a data type or a constraint is ours.
    match code.get(..2) {
        _ if code == SqlState::DISK_FULL.code() => Class::Full,
        Some("08" | "25" | "28" | "3D" | "53" | "55" | "57" | "58") => Class::Unavailable,
        _ => Class::Ours,
    }
}

impl From<PoolError> for DatabaseError {
    fn from(error: PoolError) -> DatabaseError {
        match error {
            PoolError::Backend(error) => error.into(),
            other => DatabaseError::unavailable(Cause::new(other)),
        }
    }
}

impl From<tokio_postgres::Error> for OpenError {
    fn from(error: tokio_postgres::Error) -> OpenError {
        OpenError::Database(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_can_be_done() {
        let table = [
            (SqlState::T_R_SERIALIZATION_FAILURE, Class::Conflict),
            (SqlState::T_R_DEADLOCK_DETECTED, Class::Conflict),
            (SqlState::DISK_FULL, Class::Full),
            (SqlState::TOO_MANY_CONNECTIONS, Class::Unavailable),
            (SqlState::ADMIN_SHUTDOWN, Class::Unavailable),
            (SqlState::QUERY_CANCELED, Class::Unavailable),
            (SqlState::CONNECTION_FAILURE, Class::Unavailable),
            (SqlState::IO_ERROR, Class::Unavailable),
            (SqlState::READ_ONLY_SQL_TRANSACTION, Class::Unavailable),
            (SqlState::UNIQUE_VIOLATION, Class::Ours),
            (SqlState::UNDEFINED_TABLE, Class::Ours),
            (SqlState::DATA_CORRUPTED, Class::Ours),
        ];
        for (state, class) in table {
            assert_eq!(by_code(state.code()), class, "{}", state.code());
        }
    }
}
