//! A channel for each thing that somebody waits for news of, alive for as long as somebody holds it.
//!
//! It forgets by itself what nobody waits for any more, so it grows with those who wait and not with what there is.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;

/// Channels by key.
#[derive(Debug)]
pub struct Channels<K, T>(Mutex<HashMap<K, Weak<watch::Sender<T>>>>);

impl<K, T> Default for Channels<K, T> {
    fn default() -> Channels<K, T> {
        Channels(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, T: Default> Channels<K, T> {
    /// The channel that somebody holds; `None` where nobody waits.
    pub fn get(&self, key: &K) -> Option<Arc<watch::Sender<T>>> {
        self.lock().get(key).and_then(Weak::upgrade)
    }

    /// The channel that somebody holds, or a new one. It is forgotten once its last holder lets go.
    pub fn join(&self, key: &K) -> Arc<watch::Sender<T>> {
        let mut channels = self.lock();
        if let Some(channel) = channels.get(key).and_then(Weak::upgrade) {
            return channel;
        }
        // Sweeping when the map would grow keeps it at twice what is held.
        if channels.len() == channels.capacity() {
            channels.retain(|_, channel| channel.strong_count() > 0);
        }
        let channel = Arc::new(watch::Sender::new(T::default()));
        channels.insert(key.clone(), Arc::downgrade(&channel));
        channel
    }

    /// Every channel that somebody holds.
    pub fn all(&self) -> Vec<Arc<watch::Sender<T>>> {
        self.lock().values().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Weak<watch::Sender<T>>>> {
        // Nothing is computed under the lock, so a poisoned map is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_the_same_shares_a_channel_for_as_long_as_one_of_them_waits() {
        let channels = Channels::<u32, u32>::default();
        let (first, second) = (channels.join(&1), channels.join(&1));
        assert!(Arc::ptr_eq(&first, &second) && channels.get(&2).is_none());
        first.send_replace(7);
        drop(first);
        assert_eq!((*channels.get(&1).unwrap().borrow(), channels.all().len()), (7, 1));
        drop(second);
        assert!(channels.get(&1).is_none() && channels.all().is_empty());
        assert_eq!(*channels.join(&1).borrow(), 0, "a new channel knows no old news");
    }

    #[test]
    fn channels_that_nobody_holds_are_swept() {
        let channels = Channels::<u32, ()>::default();
        for number in 0..10_000 {
            drop(channels.join(&number));
        }
        assert!(channels.lock().len() < 100, "{}", channels.lock().len());
    }
}
