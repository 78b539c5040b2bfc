//! The one door to chance: ids and jitter.

use jiff::Timestamp;
use uuid::Uuid;

/// A version 7 UUID: sortable by `now`, otherwise unguessable (74 random bits).
pub fn id(now: Timestamp) -> Uuid {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes()).into_uuid()
}

/// `N` bytes from the system's generator, fit for secrets.
#[expect(clippy::disallowed_methods, reason = "the one place where the system's randomness is read")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut buffer = [0; N];
    getrandom::fill(&mut buffer).expect("the system has a random source");
    buffer
}

/// A random number for jitter, over the whole range.
pub fn jitter() -> u32 {
    u32::from_le_bytes(bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_never_repeat() {
        let early = id(Timestamp::from_millisecond(1_000).unwrap());
        let late = id(Timestamp::from_millisecond(2_000).unwrap());
        assert!(early < late);
        assert_ne!(id(Timestamp::UNIX_EPOCH), id(Timestamp::UNIX_EPOCH));
        assert_eq!(late.get_version_num(), 7);
    }
}
