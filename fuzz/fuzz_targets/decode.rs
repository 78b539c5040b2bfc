//! Any file is a picture within its limits, or is refused with a reason; colour profiles are part of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plantain_media::decode::{Limits, decode, examine};

const LIMITS: Limits = Limits { max_bytes: 1 << 20, max_pixels: 1 << 20, max_side: 4096, av1: None };

fuzz_target!(|data: &[u8]| {
    let looked = examine(data, &LIMITS);
    match decode(data, &LIMITS) {
        Ok(decoded) => {
            let (width, height) = (u64::from(decoded.picture.width()), u64::from(decoded.picture.height()));
            assert!(width * height <= LIMITS.max_pixels);
            assert!(looked.is_ok(), "what can be used is let in");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
