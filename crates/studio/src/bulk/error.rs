//! Why nothing can be made of what was handed in, in a seller's words.

use crate::bulk::archive::ArchiveError;
use crate::bulk::table::TableError;

/// An archive or its list that can't be used as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BulkError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("the list in the archive can't be read: {0}")]
    TableFile(String),
}

impl BulkError {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            BulkError::Archive(ArchiveError::Broken) => "archive_broken",
            BulkError::Archive(ArchiveError::Unsupported) => "archive_unsupported",
            BulkError::Archive(ArchiveError::TooMany { .. }) => "too_many_files",
            BulkError::Archive(ArchiveError::Bomb) => "unpacks_too_far",
            BulkError::Archive(ArchiveError::Empty) => "archive_empty",
            BulkError::Archive(ArchiveError::Disk) => "storage_unavailable",
            BulkError::Table(_) | BulkError::TableFile(_) => "list_unusable",
        }
    }

    pub fn message(&self) -> String {
        match self {
            BulkError::Archive(ArchiveError::Broken) => "The file is no ZIP, or it is damaged.".to_owned(),
            BulkError::Archive(ArchiveError::Unsupported) => "This kind of ZIP can't be read.".to_owned(),
            BulkError::Archive(ArchiveError::TooMany { most }) => {
                format!("The archive holds more than {most} files.")
            }
            BulkError::Archive(ArchiveError::Bomb) => "The archive unpacks to far more than its size.".to_owned(),
            BulkError::Archive(ArchiveError::Empty) => "There is no photo in the archive.".to_owned(),
            BulkError::Archive(ArchiveError::Disk) => "The studio can't read the archive at the moment.".to_owned(),
            BulkError::Table(error) => sentence(&error.to_string()),
            BulkError::TableFile(why) => format!("The list in the archive can't be read: {why}"),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            BulkError::Archive(ArchiveError::Broken | ArchiveError::Unsupported) => {
                "Pack the folder again with your system's own tool, without a password, and check that it opens."
            }
            BulkError::Archive(ArchiveError::TooMany { .. }) => "Send the photos in several archives.",
            BulkError::Archive(ArchiveError::Bomb) => "Pack the photos as they came from the camera.",
            BulkError::Archive(ArchiveError::Empty) => "Pack the photos, not an empty folder.",
            BulkError::Archive(ArchiveError::Disk) => "Try again in a minute.",
            BulkError::Table(_) | BulkError::TableFile(_) => {
                "Save it as CSV in UTF-8 with the columns file, sku, preset, prompt and products; only file is needed."
            }
        }
    }

    /// It would be the same however often it is tried.
    pub fn is_final(&self) -> bool {
        self.http_status() < 500
    }

    pub fn http_status(&self) -> u16 {
        match self {
            BulkError::Archive(ArchiveError::Broken) => 400,
            BulkError::Archive(ArchiveError::Unsupported) => 415,
            BulkError::Archive(ArchiveError::TooMany { .. }) => 413,
            BulkError::Archive(ArchiveError::Disk) => 503,
            BulkError::Archive(ArchiveError::Bomb | ArchiveError::Empty)
            | BulkError::Table(_)
            | BulkError::TableFile(_) => 422,
        }
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}
