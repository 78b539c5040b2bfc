//! The bytes of payloads that are in memory: bodies on their way in, results on their way out, all together within one bound.
//!
//! Each call is bounded by itself; here is the bound of them all. Bytes that were let in carry their room with them and give
//! it back when the last holder drops them, wherever that is. Who finds no room waits for a moment and is then sent away with
//! a word to come again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plantain_work::Clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::refusal::Refusal;

/// In which room is counted.
const PIECE_BYTES: usize = 1024;

/// How long a call waits for room that others take up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Results that are read from the store at the same time: their size is known only then.
const READINGS_MAX: usize = 4;

/// Cheap to clone; clones share the bound.
#[derive(Clone, Debug)]
pub struct Memory {
    free: Arc<Semaphore>,
    pieces: usize,
    readings: Arc<Semaphore>,
    clock: Clock,
}

impl Memory {
    /// `bytes`: of all payloads together. One payload that is larger has all of it for itself.
    pub fn new(bytes: usize, clock: Clock) -> Memory {
        let pieces = bytes.div_ceil(PIECE_BYTES).clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Memory {
            free: Arc::new(Semaphore::new(pieces)),
            pieces,
            readings: Arc::new(Semaphore::new(READINGS_MAX)),
            clock,
        }
    }

    /// Bytes that are taken up at the moment, in whole pieces.
    pub fn used(&self) -> usize {
        (self.pieces - self.free.available_permits()) * PIECE_BYTES
    }

    /// Room for what is to come.
    pub(crate) fn room(&self) -> Room {
        Room { memory: self.clone(), taken: None }
    }

    /// The right to read a result from the store, which has to be given back before the next wait.
    pub(crate) async fn reading(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let place = self.clock.timeout(PATIENCE, self.readings.clone().acquire_owned()).await;
        place.and_then(Result::ok).ok_or(Refusal::NoRoom)
    }

    /// The same bytes, counted for as long as anybody holds them.
    pub(crate) async fn hold(&self, bytes: Bytes) -> Result<Bytes, Refusal> {
        let mut room = self.room();
        room.widen(bytes.len()).await?;
        Ok(room.keep(bytes))
    }
}

/// Room that is taken, until it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    memory: Memory,
    taken: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Makes it at least as large as `bytes`.
    pub(crate) async fn widen(&mut self, bytes: usize) -> Result<(), Refusal> {
        let Memory { free, pieces, clock, .. } = &self.memory;
        let taken = self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = bytes.div_ceil(PIECE_BYTES).min(*pieces).saturating_sub(taken);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).map_err(|_| Refusal::NoRoom)?;
        let more = clock.timeout(PATIENCE, free.clone().acquire_many_owned(missing)).await;
        let more = more.and_then(Result::ok).ok_or(Refusal::NoRoom)?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }

    pub(crate) fn keep(self, bytes: Bytes) -> Bytes {
        if bytes.is_empty() { bytes } else { Bytes::from_owner(Kept { bytes, _room: self }) }
    }
}

struct Kept {
    bytes: Bytes,
    _room: Room,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use jiff::Timestamp;

    use super::*;

    fn memory(pieces: usize) -> (Memory, Clock) {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        (Memory::new(pieces * PIECE_BYTES, clock.clone()), clock)
    }

    fn payload(pieces: usize) -> Bytes {
        vec![7; pieces * PIECE_BYTES].into()
    }

    #[tokio::test]
    async fn bytes_give_their_room_back_when_the_last_holder_drops_them() {
        let (memory, _) = memory(3);
        let held = memory.hold(payload(2)).await.unwrap();
        let part = held.slice(..10);
        drop(held);
        assert_eq!(memory.used(), 2 * PIECE_BYTES);
        let mut waiting = Box::pin(memory.hold(payload(2)));
        assert!(poll!(&mut waiting).is_pending());
        drop(part);
        assert_eq!(waiting.await.unwrap(), payload(2));
        assert_eq!(memory.used(), 0);
    }

    #[tokio::test]
    async fn who_finds_no_room_is_sent_away_after_a_moment_and_leaves_none_taken() {
        let (memory, clock) = memory(2);
        let held = memory.hold(payload(1)).await.unwrap();
        let mut room = memory.room();
        room.widen(1).await.unwrap();
        let mut wider = Box::pin(room.widen(PIECE_BYTES + 1));
        assert!(poll!(&mut wider).is_pending());
        clock.advance(PATIENCE);
        assert!(matches!(wider.await, Err(Refusal::NoRoom)));
        drop(room);
        assert_eq!(memory.used(), PIECE_BYTES);
        drop(held);
    }

    #[tokio::test]
    async fn a_payload_beyond_all_bounds_goes_alone() {
        let (memory, _) = memory(2);
        let large = memory.hold(payload(5)).await.unwrap();
        assert!(poll!(Box::pin(memory.hold(payload(1)))).is_pending());
        drop(large);
        assert!(memory.hold(payload(1)).await.is_ok());
    }

    #[tokio::test]
    async fn few_results_are_read_at_the_same_time() {
        let (memory, clock) = memory(2);
        let mut readings = Vec::new();
        for _ in 0..READINGS_MAX {
            readings.push(memory.reading().await.unwrap());
        }
        let mut next = Box::pin(memory.reading());
        assert!(poll!(&mut next).is_pending());
        clock.advance(PATIENCE);
        assert!(next.await.is_err());
    }
}
