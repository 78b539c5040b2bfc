//! Any colour profile leaves the picture at its size, and either converts it or is said to be unusable.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plantain_media::color::ProfileUse;
use plantain_media::decode::{Limits, decode};

/// The least that a photo must have.
const SIDE: u32 = 64;

const LIMITS: Limits = Limits { max_bytes: 1 << 20, max_pixels: 1 << 12, max_side: SIDE, av1: None };

/// One picture for each kind of colours that profiles are for.
const PHOTOS: [&[u8]; 3] =
    [include_bytes!("../bases/rgb.jpg"), include_bytes!("../bases/grey.jpg"), include_bytes!("../bases/cmyk.jpg")];

/// What one segment holds beside its length, its name and its number.
const SEGMENT_MAX: usize = 65_535 - 2 - 14;

fuzz_target!(|data: &[u8]| {
    let [kind, profile @ ..] = data else { return };
    let profile = &profile[..profile.len().min(SEGMENT_MAX)];
    let decoded = decode(&with_profile(PHOTOS[usize::from(*kind) % 3], profile), &LIMITS).expect("the picture is fine");
    assert_eq!((decoded.picture.width(), decoded.picture.height()), (SIDE, SIDE));
    assert!(profile.is_empty() || decoded.facts.profile != ProfileUse::None, "an unusable profile is told");
});

/// The profile in a segment right behind the start mark.
fn with_profile(photo: &[u8], profile: &[u8]) -> Vec<u8> {
    let length = (profile.len() + 16) as u16;
    [&photo[..2], b"\xff\xe2", &length.to_be_bytes(), b"ICC_PROFILE\0\x01\x01", profile, &photo[2..]].concat()
}
