//! What can go wrong, by what the caller can do about it.

use std::io;

/// `Full`: the disk has no room, and somebody must make some. `Unavailable`: it may work again later.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("no room is left for pictures")]
    Full(#[source] io::Error),
    #[error("the picture store can't be read or written")]
    Unavailable(#[source] io::Error),
}

impl From<io::Error> for BlobError {
    fn from(error: io::Error) -> BlobError {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded => BlobError::Full(error),
            _ => BlobError::Unavailable(error),
        }
    }
}

/// What isn't there is an answer, not a failure.
pub(crate) fn missing_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Why a stream was not kept.
#[derive(Debug, thiserror::Error)]
pub enum PutError<E> {
    #[error("more than {max_bytes} bytes came")]
    TooLarge { max_bytes: u64 },
    /// The stream itself failed.
    #[error("the bytes stopped coming")]
    Source(E),
    #[error(transparent)]
    Store(#[from] BlobError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_from_a_broken_one() {
        for (errno, full) in [(28, true), (122, true), (5, false), (13, false), (30, false)] {
            let error = BlobError::from(io::Error::from_raw_os_error(errno));
            assert_eq!(matches!(error, BlobError::Full(_)), full, "{errno}: {error:?}");
        }
    }
}
