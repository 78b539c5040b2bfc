//! Colour profiles that lie, are broken, or belong to something else: the picture stays, and it is told where its colours were
//! taken as they are.

use super::decoded;
use super::files::{self, H, W, patched, quarters};
use moxcms::ColorProfile;
use plantain_media::color::ProfileUse;

/// Where a profile's header and its table of tags keep things.
const SIZE: usize = 0;
const CLASS: usize = 12;
const SPACE: usize = 16;
const SIGNATURE: usize = 36;
const TAG_COUNT: usize = 128;
const TAGS: usize = 132;
const TAG_BYTES: usize = 12;

fn display_p3() -> Vec<u8> {
    ColorProfile::new_display_p3().encode().unwrap()
}

fn used(profile: &[u8]) -> ProfileUse {
    let picture = quarters(W, H);
    let found = decoded(&files::png_with_profile(&picture, profile));
    assert_eq!((found.picture.width(), found.picture.height()), (W, H));
    if found.facts.profile == ProfileUse::Unreadable {
        assert!(found.picture == picture, "colours that could not be converted stay");
    }
    found.facts.profile
}

#[track_caller]
fn left_out(what: &str, profile: &[u8]) {
    assert_eq!(used(profile), ProfileUse::Unreadable, "{what}");
}

#[test]
fn what_is_no_profile_of_this_picture_is_left_out() {
    let good = display_p3();
    assert_eq!(used(&good), ProfileUse::Converted);
    left_out("one byte", &[0]);
    left_out("zeros", &[0; 4096]);
    left_out("ones", &[0xff; 4096]);
    left_out("text", "no profile ".repeat(100).as_bytes());
    left_out("a header alone", &good[..TAG_COUNT]);
    left_out("half", &good[..good.len() / 2]);
    left_out("too large", &[good.clone(), vec![0; 5 << 20]].concat());
    left_out("no signature", &patched(&good, SIGNATURE, b"nope"));
    left_out("inks", &patched(&good, SPACE, b"CMYK"));
    left_out("a link between devices", &patched(&good, CLASS, b"link"));
    left_out("an abstract one", &patched(&good, CLASS, b"abst"));
    left_out("named colours", &patched(&good, CLASS, b"nmcl"));
    left_out("no tags", &patched(&good, TAG_COUNT, &[0; 4]));
    left_out("more tags than there are", &patched(&good, TAG_COUNT, &[0xff; 4]));
}

/// Each number of the header and of the table of tags says nothing, the most, or a little too much.
#[test]
fn numbers_that_lie() {
    let good = display_p3();
    let tags = u32::from_be_bytes(good[TAG_COUNT..TAGS].try_into().unwrap()) as usize;
    let table = TAGS..TAGS + tags * TAG_BYTES;
    for at in [SIZE, TAG_COUNT].into_iter().chain(table.step_by(4)) {
        let truth = u32::from_be_bytes(good[at..at + 4].try_into().unwrap());
        for lie in [0, 1, truth.wrapping_add(1), truth.wrapping_mul(2), 0x7fff_ffff, 0xffff_fff0, u32::MAX] {
            used(&patched(&good, at, &lie.to_be_bytes()));
        }
    }
}

#[test]
fn profiles_cut_anywhere() {
    let good = display_p3();
    (0..good.len()).step_by(16).for_each(|cut| {
        used(&good[..cut.max(1)]);
    });
}
