//! How many sign-in links are asked for from one address, whoever asks: browsers without a cookie are made for nothing, addresses
//! are not. Each process counts by itself, in bounded memory.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use plantain_work::clock::after;

use crate::http::address;

/// Links that are sent for one household within [`COUNTED_TIME`]: an office's worth, and far from what all may ask for together.
const LINKS_MAX: u32 = 20;

/// From the first link that is counted.
const COUNTED_TIME: Duration = Duration::from_secs(60 * 60);

/// Households that are counted at once.
const HOUSEHOLDS_MAX: usize = 10_000;

#[derive(Clone, Copy, Debug)]
struct Counted {
    since: Timestamp,
    links: u32,
}

#[derive(Debug, Default)]
pub struct Households(Mutex<HashMap<String, Counted>>);

impl Households {
    /// Counts one more link, unless there were as many as there may be.
    pub fn may_ask(&self, client: IpAddr, now: Timestamp) -> bool {
        let household = address::household(Some(client));
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= HOUSEHOLDS_MAX && !counts.contains_key(&household) {
            forget(&mut counts, now);
        }
        let counted = counts.entry(household).or_insert(Counted { since: now, links: 0 });
        if now >= after(counted.since, COUNTED_TIME) {
            *counted = Counted { since: now, links: 0 };
        }
        let may = counted.links < LINKS_MAX;
        counted.links += u32::from(may);
        may
    }
}

/// Those whose time is over; where that is not enough, those who asked for few.
fn forget(counts: &mut HashMap<String, Counted>, now: Timestamp) {
    counts.retain(|_, counted| now < after(counted.since, COUNTED_TIME));
    if counts.len() >= HOUSEHOLDS_MAX {
        counts.retain(|_, counted| counted.links >= LINKS_MAX);
    }
    if counts.len() >= HOUSEHOLDS_MAX {
        counts.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn memory_is_bounded_and_whoever_asked_too_often_is_not_forgotten() {
        let (households, now) = (Households::default(), Timestamp::UNIX_EPOCH);
        let greedy: IpAddr = "203.0.113.9".parse().unwrap();
        assert_eq!((0..30).filter(|_| households.may_ask(greedy, now)).count(), 20);
        for bits in 0..20_000 {
            assert!(households.may_ask(Ipv4Addr::from_bits(bits).into(), now));
            assert!(households.0.lock().unwrap().len() <= HOUSEHOLDS_MAX);
        }
        assert!(!households.may_ask(greedy, now));
        assert!(households.may_ask(greedy, after(now, COUNTED_TIME)), "an hour later");
    }
}
