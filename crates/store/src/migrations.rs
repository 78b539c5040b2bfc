//! The schema's history: an append-only list of SQL files for each role of a database.
//!
//! A migration that was released is never edited. Each file begins with a sentence on what a running program of the version
//! before sees of it. Applied versions are kept in the table `schema_versions`, by role, since roles may share a database.

use crate::error::OpenError;

/// One role's schema: its files in order; the first one is version 1.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// Such as `queue`; the first part of the names of all its tables.
    pub role: &'static str,
    pub files: &'static [&'static str],
}

impl Migrations {
    /// The files still to be run on a database of version `found`, with the version that each leads to.
    pub(crate) fn after(&self, found: i64) -> Result<Vec<(i64, &'static str)>, OpenError> {
        let known = i64::try_from(self.files.len()).unwrap_or(i64::MAX);
        if found > known {
            return Err(OpenError::Newer { role: self.role, found, known });
        }
        Ok((1..).zip(self.files.iter().copied()).filter(|(version, _)| *version > found).collect())
    }
}

/// Understood by both databases.
pub(crate) const VERSIONS_TABLE: &str =
    "CREATE TABLE IF NOT EXISTS schema_versions (role TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL)";

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Migrations = Migrations { role: "queue", files: &["a", "b"] };

    #[test]
    fn only_what_is_missing_is_run() {
        assert_eq!(TWO.after(0).unwrap(), [(1, "a"), (2, "b")]);
        assert_eq!(TWO.after(1).unwrap(), [(2, "b")]);
        assert_eq!(TWO.after(2).unwrap(), []);
    }

    #[test]
    fn an_older_program_refuses_a_newer_database() {
        assert!(matches!(TWO.after(3), Err(OpenError::Newer { role: "queue", found: 3, known: 2 })));
    }
}
