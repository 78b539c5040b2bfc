//! SQLite's result codes, sorted by what a caller can do.

use rusqlite::{Error, ErrorCode};

use crate::error::{Cause, DatabaseError, OpenError};

impl From<Error> for DatabaseError {
    fn from(error: Error) -> DatabaseError {
        if let Error::FromSqlConversionFailure(..) | Error::InvalidColumnType(..) | Error::IntegralValueOutOfRange(..) =
            error
        {
            return DatabaseError::corrupt("sqlite", "value", error);
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => DatabaseError::Full(Cause::new(error)),
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::OutOfMemory
                | ErrorCode::OperationInterrupted
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::SchemaChanged,
            ) => DatabaseError::unavailable(Cause::new(error)),
            // A constraint that no statement answers for, a wrong statement, or a damaged file.
            _ => DatabaseError::corrupt("sqlite", "statement", error),
        }
    }
}

impl From<Error> for OpenError {
    fn from(error: Error) -> OpenError {
        OpenError::Database(error.into())
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[track_caller]
    fn sorted(code: i32) -> DatabaseError {
        Error::SqliteFailure(ffi::Error::new(code), None).into()
    }

    #[test]
    fn codes_say_what_can_be_done() {
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR, ffi::SQLITE_IOERR_FSYNC] {
            assert!(matches!(sorted(code), DatabaseError::Full(_)), "{code}");
        }
        for code in [ffi::SQLITE_BUSY, ffi::SQLITE_LOCKED, ffi::SQLITE_CANTOPEN, ffi::SQLITE_READONLY] {
            assert!(matches!(sorted(code), DatabaseError::Unavailable(_)), "{code}");
        }
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB, ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_ERROR] {
            assert!(matches!(sorted(code), DatabaseError::Corrupt { .. }), "{code}");
            assert!(!sorted(code).is_of_one_row(), "{code} is no fault of a row, which must not be given up for it");
        }
        let wrong_type = DatabaseError::from(Error::IntegralValueOutOfRange(3, -1));
        assert!(wrong_type.is_of_one_row());
        assert!(wrong_type.to_string().contains("does not hold what it should"));
    }
}
