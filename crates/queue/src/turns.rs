//! Whose turn it is: the keys of an app take turns, a key's older requests go first, low priority goes behind normal.
//!
//! Nothing of it is durable. Each process remembers whom it has served and when; what waits and what runs is read from the
//! store in the claim itself, so a process that starts anew is fair from its first claim on.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::busy::Busy;
use crate::model::Priority;

/// While requests of low priority wait, every so manieth that is claimed is one of them.
pub const LOW_EVERY: usize = 8;

/// Keys whose last turn is remembered. One that is forgotten goes first the next time, once.
const KEYS_MAX: usize = 10_000;

/// What one key has waiting, as a claim finds it.
#[derive(Clone, Debug, Default)]
pub struct KeyQueue {
    pub key_id: String,
    /// How many more of its requests may run.
    pub room: usize,
    /// Places in the queue, older first.
    pub normal: VecDeque<i64>,
    pub low: VecDeque<i64>,
}

impl KeyQueue {
    fn of(&self, priority: Priority) -> &VecDeque<i64> {
        match priority {
            Priority::Normal => &self.normal,
            Priority::Low => &self.low,
        }
    }

    /// Adds requests behind those that are here.
    pub fn wait(&mut self, priority: Priority, seqs: impl IntoIterator<Item = i64>) {
        self.of_mut(priority).extend(seqs);
    }

    /// How many of its requests are listed here.
    pub fn waiting(&self) -> usize {
        self.normal.len() + self.low.len()
    }

    fn of_mut(&mut self, priority: Priority) -> &mut VecDeque<i64> {
        match priority {
            Priority::Normal => &mut self.normal,
            Priority::Low => &mut self.low,
        }
    }
}

/// The memory that claims share, and what one key may have running. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Turns {
    key_concurrency: usize,
    served: Arc<Mutex<Served>>,
    busy: Busy,
}

/// Who had which turn.
#[derive(Clone, Debug, Default)]
pub struct Served {
    turn: u64,
    last: HashMap<String, u64>,
    /// Normal ones in a row that were served while low ones waited.
    before_low: usize,
}

impl Turns {
    /// `key_concurrency`: requests of one key that may run at the same time, where the key says nothing else.
    pub fn new(key_concurrency: usize) -> Turns {
        Turns { key_concurrency: key_concurrency.max(1), served: Arc::default(), busy: Busy::default() }
    }

    /// What keys have under way in this process.
    pub(crate) fn busy(&self) -> &Busy {
        &self.busy
    }

    /// How much of a key may be under way at once.
    pub fn limit(&self, own: Option<usize>) -> usize {
        own.unwrap_or(self.key_concurrency)
    }

    /// How many more requests of a key may run; `own` is the key's own limit.
    pub fn room(&self, own: Option<usize>, running: usize) -> usize {
        self.limit(own).saturating_sub(running)
    }

    /// Which of the waiting ones go now, in order, at most `count`. Runs on callers' connections take from the room of their keys.
    pub fn pick(&self, mut keys: Vec<KeyQueue>, count: usize) -> Vec<i64> {
        for key in &mut keys {
            key.room = key.room.saturating_sub(self.busy.runs(&key.key_id));
        }
        self.lock().pick(keys, count)
    }

    /// Lets `look` see whom this process has served.
    pub fn remembered<T>(&self, look: impl FnOnce(&Served) -> T) -> T {
        look(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Served> {
        // Whoever panicked in here has left no more than a turn out.
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keys in the order of their turns: the one that was served longest ago, and of those the one that waits longest.
type Line = BinaryHeap<Reverse<(u64, i64, usize)>>;

impl Served {
    /// Decides which of the waiting ones go now, and remembers it.
    pub fn pick(&mut self, mut keys: Vec<KeyQueue>, count: usize) -> Vec<i64> {
        let mut normal = self.line(&keys, Priority::Normal);
        let mut low = self.line(&keys, Priority::Low);
        let mut picked = Vec::new();
        while picked.len() < count {
            let low_waits = self.next(&mut low, &keys, Priority::Low);
            let normal_waits = self.next(&mut normal, &keys, Priority::Normal);
            let low_is_due = self.before_low + 1 >= LOW_EVERY;
            let (index, priority) = match (normal_waits, low_waits) {
                (Some(index), None) => (index, Priority::Normal),
                (Some(index), Some(_)) if !low_is_due => (index, Priority::Normal),
                (_, Some(index)) => (index, Priority::Low),
                (None, None) => break,
            };
            self.before_low = match priority {
                Priority::Normal if low_waits.is_some() => self.before_low + 1,
                Priority::Normal => self.before_low,
                Priority::Low => 0,
            };
            let key = &mut keys[index];
            picked.extend(key.of_mut(priority).pop_front());
            key.room -= 1;
            self.turn += 1;
            self.last.insert(key.key_id.clone(), self.turn);
        }
        self.forget();
        picked
    }

    /// When a key was served last; 0 where nobody remembers.
    pub fn last(&self, key_id: &str) -> u64 {
        self.last.get(key_id).copied().unwrap_or(0)
    }

    /// Normal ones that still go before the next one of low priority.
    pub fn before_next_low(&self) -> usize {
        (LOW_EVERY - 1).saturating_sub(self.before_low)
    }

    fn line(&self, keys: &[KeyQueue], priority: Priority) -> Line {
        let place = |(index, key): (usize, &KeyQueue)| {
            let head = *key.of(priority).front()?;
            Some(Reverse((self.last(&key.key_id), head, index)))
        };
        keys.iter().enumerate().filter_map(place).collect()
    }

    /// The key at the head of the line. Places that a turn has changed since are put right on the way.
    fn next(&self, line: &mut Line, keys: &[KeyQueue], priority: Priority) -> Option<usize> {
        while let Some(&Reverse((last, head, index))) = line.peek() {
            let key = &keys[index];
            let now = key.of(priority).front().filter(|_| key.room > 0).map(|head| (self.last(&key.key_id), *head));
            match now {
                Some(now) if now == (last, head) => return Some(index),
                Some((last, head)) => {
                    line.pop();
                    line.push(Reverse((last, head, index)));
                }
                None => drop(line.pop()),
            }
        }
        None
    }

    fn forget(&mut self) {
        if self.last.len() > KEYS_MAX {
            let mut turns: Vec<u64> = self.last.values().copied().collect();
            let (_, middle, _) = turns.select_nth_unstable(KEYS_MAX / 2);
            let oldest_kept = *middle;
            self.last.retain(|_, turn| *turn >= oldest_kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key_id: &str, normal: impl IntoIterator<Item = i64>) -> KeyQueue {
        KeyQueue { key_id: key_id.into(), room: 100, normal: normal.into_iter().collect(), low: VecDeque::new() }
    }

    fn low(key_id: &str, low: impl IntoIterator<Item = i64>) -> KeyQueue {
        KeyQueue { low: low.into_iter().collect(), ..key(key_id, []) }
    }

    #[test]
    fn keys_take_turns_and_each_of_them_goes_in_its_own_order() {
        let turns = Turns::new(10);
        let keys = vec![key("a", 1..=4), key("b", [5, 6]), key("c", [7])];
        assert_eq!(turns.pick(keys, 100), [1, 5, 7, 2, 6, 3, 4]);
    }

    #[test]
    fn a_turn_is_remembered_from_one_claim_to_the_next() {
        let turns = Turns::new(10);
        assert_eq!(turns.pick(vec![key("a", [1, 2]), key("b", [3])], 1), [1]);
        assert_eq!(turns.pick(vec![key("a", [2]), key("b", [3])], 1), [3]);
        assert_eq!(turns.pick(vec![key("a", [2]), key("b", [])], 1), [2]);
        assert_eq!(turns.pick(vec![key("a", [4]), key("new", [9])], 1), [9], "who was never served goes first");
    }

    #[test]
    fn a_key_without_room_is_passed_over() {
        let full = KeyQueue { room: 1, ..key("a", [1, 2, 3]) };
        assert_eq!(Turns::new(10).pick(vec![full, key("b", [4, 5])], 10), [1, 4, 5]);
    }

    #[test]
    fn the_room_is_for_both_priorities_together() {
        let both = KeyQueue { room: 1, low: VecDeque::from([2]), ..key("a", [1]) };
        assert_eq!(Turns::new(10).pick(vec![both], 10), [1]);
    }

    #[test]
    fn low_goes_behind_normal_and_has_every_eighth_place() {
        let turns = Turns::new(10);
        let picked = turns.pick(vec![key("a", 100..200), low("b", 1..10)], 24);
        let places: Vec<usize> = (0..24).filter(|place| picked[*place] < 100).collect();
        assert_eq!(places, [7, 15, 23]);
        assert_eq!(turns.pick(vec![low("b", [1, 2])], 24), [1, 2], "nothing else waits");
    }

    #[test]
    fn a_low_one_that_comes_later_has_no_claim_on_what_went_before() {
        let turns = Turns::new(10);
        turns.pick(vec![key("a", 100..150)], 50);
        assert_eq!(turns.pick(vec![key("a", [150]), low("b", [1])], 2), [150, 1]);
    }

    #[test]
    fn a_key_says_itself_how_much_it_may_have_running() {
        let turns = Turns::new(10);
        assert_eq!((turns.room(None, 4), turns.room(Some(2), 4), turns.room(Some(20), 4)), (6, 0, 16));
    }

    #[test]
    fn memory_is_bounded_and_the_latest_are_kept() {
        let mut served = Served::default();
        for number in 0..KEYS_MAX + 10 {
            served.pick(vec![key(&number.to_string(), [1])], 1);
        }
        assert!(served.last.len() <= KEYS_MAX);
        assert!(served.last(&(KEYS_MAX + 9).to_string()) > 0 && served.last("0") == 0);
    }
}
