//! A key set is refused, or holds a few good keys once each and reads back as itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plantain_wire::jwks::{self, KEYS_MAX, KeySet};

fuzz_target!(|data: &[u8]| {
    let Ok(keys) = KeySet::parse(data) else { return };
    let listed: Vec<_> = keys.iter().copied().collect();
    assert!((1..=KEYS_MAX).contains(&listed.len()));
    assert!(listed.iter().enumerate().all(|(at, key)| !listed[..at].contains(key)));
    let again = KeySet::parse(jwks::render(&listed).as_bytes()).expect("what was rendered is read");
    assert_eq!(again.iter().copied().collect::<Vec<_>>(), listed);
});
