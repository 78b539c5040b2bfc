//! Places in the queue: how many requests of the same app go before one, given whose turn it is.
//!
//! Pure. Limits of keys are left out: a key that has as many running as it may is passed over for now, and nobody knows for
//! how long.

use std::collections::HashMap;

use plantain_wire::id::RequestId;

use crate::model::Priority;
use crate::turns::{LOW_EVERY, Served};

/// A request that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub id: RequestId,
    pub key_id: String,
    pub priority: Priority,
}

/// What waits on one app. Joining and leaving cost no more than a look-up and a search in what the same key has waiting.
#[derive(Clone, Debug, Default)]
pub struct Places {
    of: HashMap<RequestId, Place>,
    lines: HashMap<(String, Priority), Vec<u64>>,
    normal: u64,
    low: u64,
    next: u64,
}

#[derive(Clone, Debug)]
struct Place {
    key_id: String,
    priority: Priority,
    order: u64,
}

impl Places {
    /// In the order in which they came.
    pub fn of(waiting: impl IntoIterator<Item = Waiting>) -> Places {
        let mut places = Places::default();
        waiting.into_iter().for_each(|waiting| places.join(waiting));
        places
    }

    pub fn len(&self) -> usize {
        self.of.len()
    }

    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Behind all others; nothing where it is here already.
    pub fn join(&mut self, waiting: Waiting) {
        let Waiting { id, key_id, priority } = waiting;
        if self.of.contains_key(&id) {
            return;
        }
        self.next += 1;
        *self.count(priority) += 1;
        self.lines.entry((key_id.clone(), priority)).or_default().push(self.next);
        self.of.insert(id, Place { key_id, priority, order: self.next });
    }

    pub fn leave(&mut self, id: &RequestId) {
        let Some(place) = self.of.remove(id) else { return };
        *self.count(place.priority) -= 1;
        let key = (place.key_id, place.priority);
        let Some(line) = self.lines.get_mut(&key) else { return };
        if let Ok(index) = line.binary_search(&place.order) {
            line.remove(index);
        }
        if line.is_empty() {
            self.lines.remove(&key);
        }
    }

    /// How many go before this one; `None` where it does not wait here.
    pub fn ahead(&self, id: &RequestId, served: &Served) -> Option<u64> {
        let place = self.of.get(id)?;
        let within = self.within(place, served)?;
        let lows_first = served.before_next_low() as u64;
        let every = LOW_EVERY as u64 - 1;
        Some(match place.priority {
            // One low request after each full row of normal ones.
            Priority::Normal => {
                let rows = if within < lows_first { 0 } else { 1 + (within - lows_first) / every };
                within + rows.min(self.low)
            }
            Priority::Low => within + (lows_first + every * within).min(self.normal),
        })
    }

    /// How many of the same priority go before it: in each round, every key that has one left.
    fn within(&self, place: &Place, served: &Served) -> Option<u64> {
        let own = self.lines.get(&(place.key_id.clone(), place.priority))?;
        let round = own.binary_search(&place.order).ok()? as u64;
        let turn = |key_id: &str, line: &[u64]| (served.last(key_id), line.first().copied());
        let own_turn = turn(&place.key_id, own);
        let others =
            self.lines.iter().filter(|((key, priority), _)| *priority == place.priority && *key != place.key_id);
        let before = others.map(|((key, _), line)| {
            let rounds = round + u64::from(turn(key, line) < own_turn);
            rounds.min(line.len() as u64)
        });
        Some(round + before.sum::<u64>())
    }

    fn count(&mut self, priority: Priority) -> &mut u64 {
        match priority {
            Priority::Normal => &mut self.normal,
            Priority::Low => &mut self.low,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::turns::KeyQueue;

    fn waiting(number: i64, key_id: &str, priority: Priority) -> Waiting {
        Waiting { id: id(number), key_id: key_id.into(), priority }
    }

    fn id(number: i64) -> RequestId {
        RequestId::parse(&format!("r{number}")).unwrap()
    }

    /// What a claim of everything would do.
    fn really(all: &[Waiting], served: &Served) -> Vec<i64> {
        let mut keys: Vec<KeyQueue> = Vec::new();
        for (number, waiting) in (0..).zip(all) {
            let found = keys.iter().position(|key| key.key_id == waiting.key_id);
            let index = found.unwrap_or_else(|| {
                let (normal, low) = (VecDeque::new(), VecDeque::new());
                keys.push(KeyQueue { key_id: waiting.key_id.clone(), room: usize::MAX, normal, low });
                keys.len() - 1
            });
            match waiting.priority {
                Priority::Normal => keys[index].normal.push_back(number),
                Priority::Low => keys[index].low.push_back(number),
            }
        }
        served.clone().pick(keys, all.len())
    }

    #[test]
    fn places_are_those_that_a_claim_would_give() {
        let mut served = Served::default();
        let rolls = (0u64..400).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32);
        let all: Vec<Waiting> = (0..)
            .zip(rolls)
            .map(|(n, roll)| waiting(n, ["a", "b", "c", "d"][(roll % 7).min(3) as usize], Priority::Normal))
            .collect();
        for claimed in 0..9 {
            let (left, places) = (&all[claimed..], Places::of(all[claimed..].to_vec()));
            for (place, picked) in (0..).zip(really(left, &served)) {
                let waiting = &left[usize::try_from(picked).unwrap()];
                assert_eq!(places.ahead(&waiting.id, &served), Some(place), "{waiting:?}");
            }
            served.pick(vec![KeyQueue { key_id: "b".into(), room: 1, normal: [1].into(), low: [].into() }], 1);
        }
    }

    #[test]
    fn low_requests_are_shown_where_they_will_be_served() {
        let of_priority = |n: i64| if n % 3 == 0 { Priority::Low } else { Priority::Normal };
        // One key for each priority: where a key has both, a turn of one kind moves it back for the other as well.
        let all: Vec<Waiting> =
            (0..60).map(|n| waiting(n, if n % 3 == 0 { "l" } else { "n" }, of_priority(n))).collect();
        let (places, served) = (Places::of(all.clone()), Served::default());
        for (place, picked) in (0..).zip(really(&all, &served)) {
            assert_eq!(places.ahead(&id(picked), &served), Some(place), "{picked}");
        }
    }

    #[test]
    fn who_leaves_makes_room_and_who_is_here_does_not_come_twice() {
        let served = Served::default();
        let mut places = Places::of((0..4).map(|n| waiting(n, "a", Priority::Normal)));
        places.join(waiting(0, "a", Priority::Normal));
        assert_eq!((places.len(), places.ahead(&id(3), &served)), (4, Some(3)));
        places.leave(&id(1));
        places.leave(&id(1));
        assert_eq!((places.len(), places.ahead(&id(3), &served), places.ahead(&id(1), &served)), (3, Some(2), None));
        for number in [0, 2, 3] {
            places.leave(&id(number));
        }
        assert!(places.is_empty() && places.lines.is_empty());
    }
}
