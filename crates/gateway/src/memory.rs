//! The bytes of payloads that are in memory: bodies on their way in, results on their way out, all together within one bound.
//!
//! Each call is bounded by itself; here is the bound of them all, and of each account's share in it, so that nobody takes
//! everybody's room. Bytes that were let in carry their room with them and give it back when the last holder drops them,
//! wherever that is. Who finds no room waits for a moment and is then sent away with a word to come again; who needs little
//! is not held up by what others wait for.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use plantain_work::Clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::refusal::Refusal;

/// In which room is counted.
const PIECE_BYTES: usize = 1024;

/// How long a call waits for room that others take up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Results that are read from the store at the same time: their size is known only then.
const READINGS_MAX: usize = 4;

/// One account gets at most one part in so many of all room, unless a single payload of it is larger.
const SHARE: usize = 2;

/// Cheap to clone; clones share the bound.
#[derive(Clone, Debug)]
pub struct Memory {
    ledger: Arc<Mutex<Ledger>>,
    pieces: usize,
    readings: Arc<Semaphore>,
    clock: Clock,
}

impl Memory {
    /// `bytes`: of all payloads together. One payload that is larger has all of it for itself.
    pub fn new(bytes: usize, clock: Clock) -> Memory {
        let pieces = bytes.div_ceil(PIECE_BYTES).max(1);
        let readings = Arc::new(Semaphore::new(READINGS_MAX));
        Memory { ledger: Arc::new(Mutex::new(Ledger::new(pieces))), pieces, readings, clock }
    }

    /// Bytes that are taken up at the moment, in whole pieces.
    pub fn used(&self) -> usize {
        (self.pieces - self.ledger().free) * PIECE_BYTES
    }

    /// Room for what is to come, in the share of this account.
    pub(crate) fn room(&self, account: &str) -> Room {
        Room { memory: self.clone(), account: account.into(), taken: Vec::new() }
    }

    /// The right to read a result from the store, which has to be given back before the next wait.
    pub(crate) async fn reading(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let place = self.clock.timeout(PATIENCE, self.readings.clone().acquire_owned()).await;
        place.and_then(Result::ok).ok_or(Refusal::NoRoom)
    }

    /// The same bytes, counted for as long as anybody holds them.
    pub(crate) async fn hold(&self, account: &str, bytes: Bytes) -> Result<Bytes, Refusal> {
        let mut room = self.room(account);
        room.widen(bytes.len()).await?;
        Ok(room.keep(bytes))
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Every change of it is whole before anything can panic.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room that is taken, until it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    memory: Memory,
    account: Arc<str>,
    taken: Vec<Taken>,
}

impl Room {
    /// Makes it at least as large as `bytes`.
    pub(crate) async fn widen(&mut self, bytes: usize) -> Result<(), Refusal> {
        let own = self.taken.iter().map(|taken| taken.wish.pieces).sum();
        let pieces = bytes.div_ceil(PIECE_BYTES).min(self.memory.pieces).saturating_sub(own);
        if pieces == 0 {
            return Ok(());
        }
        let wish = Wish { account: self.account.clone(), own, pieces };
        let (id, granted) = self.memory.ledger().ask(wish.clone());
        // Dropped on the way, it gives up its place in the line, or what was granted in the same moment.
        let asked = Taken { memory: self.memory.clone(), id, wish };
        self.memory.clock.timeout(PATIENCE, granted).await.and_then(Result::ok).ok_or(Refusal::NoRoom)?;
        self.taken.push(asked);
        Ok(())
    }

    pub(crate) fn keep(self, bytes: Bytes) -> Bytes {
        if bytes.is_empty() { bytes } else { Bytes::from_owner(Kept { bytes, _room: self }) }
    }
}

/// Pieces that were asked for, and granted or not.
#[derive(Debug)]
struct Taken {
    memory: Memory,
    id: u64,
    wish: Wish,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.memory.ledger().leave(self.id, &self.wish);
    }
}

#[derive(Clone, Debug)]
struct Wish {
    account: Arc<str>,
    /// What the same room has already.
    own: usize,
    pieces: usize,
}

#[derive(Debug)]
struct Waiting {
    id: u64,
    wish: Wish,
    granted: oneshot::Sender<()>,
}

/// Who has how much, and who waits for more.
#[derive(Debug)]
struct Ledger {
    free: usize,
    share: usize,
    used: HashMap<Arc<str>, usize>,
    waiting: VecDeque<Waiting>,
    asked: u64,
}

impl Ledger {
    fn new(pieces: usize) -> Ledger {
        let share = (pieces / SHARE).max(1);
        Ledger { free: pieces, share, used: HashMap::new(), waiting: VecDeque::new(), asked: 0 }
    }

    fn ask(&mut self, wish: Wish) -> (u64, oneshot::Receiver<()>) {
        let (granted, when) = oneshot::channel();
        self.asked += 1;
        self.waiting.push_back(Waiting { id: self.asked, wish, granted });
        self.grant();
        (self.asked, when)
    }

    fn leave(&mut self, id: u64, wish: &Wish) {
        match self.waiting.iter().position(|waiting| waiting.id == id) {
            Some(place) => drop(self.waiting.remove(place)),
            None => {
                self.free += wish.pieces;
                let used = self.used.entry(wish.account.clone()).or_default();
                *used = used.saturating_sub(wish.pieces);
                if *used == 0 {
                    self.used.remove(&wish.account);
                }
            }
        }
        self.grant();
    }

    /// In the order in which they asked, but past those of an account whose first one has to wait.
    fn grant(&mut self) {
        let (mut place, mut behind) = (0, HashSet::new());
        while let Some(Waiting { wish, .. }) = self.waiting.get(place)
            && self.free > 0
        {
            if behind.contains(&wish.account) || !self.fits(wish) {
                behind.insert(wish.account.clone());
                place += 1;
            } else if let Some(Waiting { wish, granted, .. }) = self.waiting.remove(place) {
                self.free -= wish.pieces;
                *self.used.entry(wish.account).or_default() += wish.pieces;
                // Whoever does not wait any more is about to leave.
                let _ = granted.send(());
            }
        }
    }

    fn fits(&self, wish: &Wish) -> bool {
        let used = self.used.get(&wish.account).copied().unwrap_or(0);
        // A payload that is larger than its share goes while its account has nothing else.
        wish.pieces <= self.free && (used + wish.pieces <= self.share || used == wish.own)
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
        let (memory, _) = memory(6);
        let held = memory.hold("a", payload(2)).await.unwrap();
        let part = held.slice(..10);
        drop(held);
        assert_eq!(memory.used(), 2 * PIECE_BYTES);
        let mut waiting = Box::pin(memory.hold("a", payload(2)));
        assert!(poll!(&mut waiting).is_pending());
        drop(part);
        assert_eq!(waiting.await.unwrap(), payload(2));
        assert_eq!(memory.used(), 0);
    }

    #[tokio::test]
    async fn an_account_takes_no_more_than_its_share_and_leaves_the_rest_to_others() {
        let (memory, clock) = memory(8);
        let mine: Vec<_> =
            vec![memory.hold("a", payload(2)).await.unwrap(), memory.hold("a", payload(2)).await.unwrap()];
        let mut more = Box::pin(memory.hold("a", payload(1)));
        assert!(poll!(&mut more).is_pending());
        let theirs = memory.hold("b", payload(4)).await.unwrap();
        assert_eq!(memory.used(), 8 * PIECE_BYTES);
        drop(theirs);
        assert!(poll!(&mut more).is_pending(), "what others leave is not for it");
        drop(mine);
        assert_eq!(more.await.unwrap(), payload(1));
        // A payload that is larger than the share goes alone.
        let large = memory.hold("a", payload(6)).await.unwrap();
        let mut second = Box::pin(memory.hold("a", payload(1)));
        assert!(poll!(&mut second).is_pending());
        clock.advance(PATIENCE);
        assert!(second.await.is_err());
        drop(large);
        assert_eq!(memory.used(), 0);
    }

    #[tokio::test]
    async fn what_needs_little_is_not_held_up_by_what_another_account_waits_for() {
        let (memory, _) = memory(8);
        let held = [memory.hold("a", payload(4)).await.unwrap(), memory.hold("b", payload(3)).await.unwrap()];
        let mut large = Box::pin(memory.hold("c", payload(4)));
        assert!(poll!(&mut large).is_pending());
        drop(memory.hold("d", payload(1)).await.unwrap());
        let mut behind = Box::pin(memory.hold("c", payload(1)));
        assert!(poll!(&mut behind).is_pending(), "those of one account keep their order");
        drop(held);
        drop(large.await.unwrap());
        drop(behind.await.unwrap());
        assert_eq!(memory.used(), 0);
    }

    #[tokio::test]
    async fn who_goes_away_while_waiting_leaves_the_line() {
        let (memory, _) = memory(2);
        let held = memory.hold("a", payload(2)).await.unwrap();
        let mut waiting = Box::pin(memory.hold("b", payload(2)));
        assert!(poll!(&mut waiting).is_pending());
        // Granted and not taken yet.
        drop(held);
        drop(waiting);
        assert_eq!(memory.used(), 0);
        assert!(memory.ledger().waiting.is_empty() && memory.ledger().used.is_empty());
    }

    #[tokio::test]
    async fn who_finds_no_room_is_sent_away_after_a_moment_and_leaves_none_taken() {
        let (memory, clock) = memory(4);
        let held = memory.hold("a", payload(1)).await.unwrap();
        let mut room = memory.room("a");
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
        let large = memory.hold("a", payload(5)).await.unwrap();
        assert!(poll!(Box::pin(memory.hold("a", payload(1)))).is_pending());
        drop(large);
        assert!(memory.hold("a", payload(1)).await.is_ok());
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
