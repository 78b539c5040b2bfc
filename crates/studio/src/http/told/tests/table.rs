//! The table itself, and what no text may do to it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{hindi, table};
use crate::http::told::template::{Template, split};
use crate::http::told::{DEPTH_MAX, LOOKS_MAX, TEXT_BYTES_MAX};

fn lines() -> BTreeMap<String, String> {
    serde_json::from_str(include_str!("../../../../assets/lang/told/hi.json")).unwrap()
}

#[test]
fn every_line_has_the_same_holes_on_both_sides_and_says_something() {
    for (said, told) in lines() {
        let holes = |text: &str| split(text).1.iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(holes(&said), holes(&told), "{said}");
        assert!(!told.trim().is_empty() && told.trim() == told, "{said}");
        assert!(holes(&said).is_empty() || Template::parse(&said, &told).is_some(), "holes touch: {said}");
        assert_eq!(said.ends_with(['.', '?']), told.ends_with(['।', '?']), "{said} ends otherwise than {told}");
    }
}

#[test]
fn what_comes_from_outside_stays_as_it_is() {
    for (said, told) in [
        ("There is no preset \"none\".", "\"none\" नाम का कोई प्रीसेट नहीं है।"),
        ("There is no preset \"<b>\".\".", "\"<b>\".\" नाम का कोई प्रीसेट नहीं है।"),
        ("There is no preset \"{id}\".", "\"{id}\" नाम का कोई प्रीसेट नहीं है।"),
        ("Photo 2: The file is empty.", "फ़ोटो 2: फ़ाइल ख़ाली है।"),
        ("Photo 2: Nobody said this. None did", "फ़ोटो 2: Nobody said this. None did"),
        ("Nobody said that this can't be read.", "Nobody said that this can't be read."),
        ("JPEG, animated, named .png", "JPEG, चलती हुई, नाम में .png"),
        (
            "JPEG or PNG or WebP, one frame, extension and type that match",
            "JPEG या PNG या WebP, एक ही फ़्रेम, नाम का आख़िरी हिस्सा और प्रकार मेल खाएँ",
        ),
        ("A lamp, none", "A lamp, none"),
        ("A lamp or nothing", "A lamp or nothing"),
        ("Made by hand. Start the job again.", "Made by hand. काम फिर शुरू करें।"),
        ("The model refused the job: seed: too large", "मॉडल ने काम नहीं लिया: seed: too large"),
        ("The model refused the job: image_urls: A photo is needed", "मॉडल ने काम नहीं लिया: image_urls: एक फ़ोटो चाहिए"),
        ("", ""),
        ("none", "कोई नहीं"),
    ] {
        assert_eq!(hindi().told(said), told);
    }
    assert_eq!(crate::http::words::Words::english().told("none"), "none");
}

#[test]
fn a_text_of_any_length_is_looked_at_for_a_bounded_time() {
    for piece in
        ["JPEG or ", "none, ", "none; ", "The file is empty. ", "x: ", "The model refused the job: ", "at most "]
    {
        let text = piece.repeat(TEXT_BYTES_MAX / piece.len());
        let mut looks = LOOKS_MAX;
        let _ = table().sentences(&text, DEPTH_MAX, &mut looks);
        assert!(looks < LOOKS_MAX, "{piece}");
        assert_eq!(hindi().told(&(text + piece)), piece.repeat(TEXT_BYTES_MAX / piece.len() + 1), "left alone");
    }
}

/// Texts that are close to what is in the table.
fn near() -> impl Strategy<Value = String> {
    let all: Vec<String> = lines().into_keys().collect();
    let piece = prop_oneof![
        proptest::sample::select(all),
        Just(", ".to_owned()),
        Just("; ".to_owned()),
        Just(" or ".to_owned()),
        Just(". ".to_owned()),
        Just(": ".to_owned()),
        "[0-9.,-]{1,4}",
        ".{0,8}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_survived(text in prop_oneof![near(), ".{0,200}".boxed()]) {
        prop_assert!(!text.is_empty() || hindi().told(&text).is_empty());
        prop_assert_eq!(hindi().told(&text), hindi().told(&text));
    }

    #[test]
    fn a_value_is_never_read_as_words(value in "[^\"]{1,40}") {
        let told = hindi().told(&format!("There is no preset \"{value}\".")).into_owned();
        prop_assert_eq!(told, format!("\"{value}\" नाम का कोई प्रीसेट नहीं है।"));
    }
}
