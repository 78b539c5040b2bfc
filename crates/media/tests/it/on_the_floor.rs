//! Pictures measured without a mask: what lies on the floor is no product, and a second thing is.

use plantain_media::check::{MaskSource, Outcome, Report, check};
use plantain_media::encode::{EncodeOptions, Provenance, encode};
use plantain_media::picture::{Picture, Rect};
use plantain_media::preset::{Format, Presets};

use crate::shot::{Cast, Drawn, GOOD, Ground, Shot};

fn measured(picture: &Picture, id: &str) -> Report {
    let options = EncodeOptions::plain(Format::Jpeg, u64::MAX, Provenance::Photographed);
    let bytes = encode(picture, &options).unwrap().bytes;
    let report = check(&bytes, None, Presets::builtin().get(id).unwrap(), None);
    assert_eq!(report.mask, MaskSource::Found);
    report
}

/// The numbers that a rule measured.
fn numbers(report: &Report, rule: &str) -> Vec<f64> {
    let words = report.rule(rule).unwrap().measured.split_whitespace();
    words.filter_map(|word| word.parse().ok()).collect()
}

/// Fill and place are those of the product alone, within a percent of the picture.
#[track_caller]
fn is_told_apart(what: &str, shot: Shot) -> Report {
    let alone = measured(&Shot { cast: Cast::Nothing, ..shot }.drawn().picture, "google_merchant");
    let report = measured(&shot.drawn().picture, "google_merchant");
    for rule in ["fill", "centring"] {
        let (wanted, has) = (numbers(&alone, rule), numbers(&report, rule));
        let off = wanted.iter().zip(&has).any(|(a, b)| (a - b).abs() > 1.0);
        assert!(!off, "{what}, {rule}: {has:?} instead of {wanted:?}");
    }
    assert_eq!(report.rule("single_product").unwrap().outcome, Outcome::Pass, "{what}");
    report
}

#[test]
fn a_mirror_image_is_no_product() {
    for (product, images) in [
        ("mug", &[(0.3, 0.25), (0.5, 0.6)][..]),
        ("tshirt", &[(0.3, 0.25), (0.5, 0.6)]),
        ("pump", &[(0.3, 0.25)]),
        ("glass", &[(0.3, 0.25), (0.5, 0.3)]),
        // Round feet that do not touch the line fully: the strong image is taken for a part of them still.
        ("headphones", &[(0.3, 0.25)]),
    ] {
        for (strength, until) in images.iter().copied() {
            for ground in [Ground::Flat([255.0; 3]), Ground::Flat([253.0, 252.0, 251.0])] {
                let cast = Cast::Reflection(strength, until);
                let shot = Shot { product, fill: 0.72, moved: (0, -110), cast, ground, ..GOOD };
                is_told_apart(&format!("{product} at {strength} on {ground:?}"), shot);
            }
        }
    }
}

#[test]
fn a_soft_shadow_is_no_product() {
    for product in ["mug", "pump", "tshirt"] {
        for levels in [30.0, 90.0] {
            let shot = Shot { product, fill: 0.8, moved: (0, -40), cast: Cast::Shadow(levels), ..GOOD };
            let report = is_told_apart(&format!("{product}, {levels} levels"), shot);
            let shadow = report.rule("shadow").unwrap();
            assert_ne!(shadow.outcome, Outcome::NotMeasured, "{product}, {levels} levels: {shadow:?}");
        }
    }
}

#[test]
fn what_lies_on_the_floor_fails_where_nothing_may() {
    for cast in [Cast::Reflection(0.4, 0.06), Cast::Shadow(60.0)] {
        let report = measured(&Shot { cast, fill: 0.86, ..GOOD }.drawn().picture, "amazon_main");
        for rule in ["background", "shadow"] {
            let result = report.rule(rule).unwrap();
            assert_eq!(result.outcome, Outcome::Fail, "{cast:?}: {result:?}");
            assert!(!result.fix.is_empty());
        }
        for rule in ["fill", "centring"] {
            assert_eq!(report.rule(rule).unwrap().outcome, Outcome::Pass, "{cast:?}, {rule}");
        }
    }
}

/// A thing of one colour, lighter than the product, under it.
fn with_a_thing_below(shot: Shot, level: u8, gap: u32) -> Drawn {
    let mut drawn = shot.drawn();
    let Rect { x, y, width, height } = drawn.truth.bounds(128).unwrap();
    let side = drawn.picture.width();
    let (top, bottom) = (y + height + gap, (y + height + gap + 110).min(side - 30));
    for row in top..bottom {
        let at = ((row * side + x) * 3) as usize;
        let pixels = drawn.picture.rgb_mut()[at..at + width as usize * 3].chunks_exact_mut(3);
        pixels.for_each(|pixel| pixel.copy_from_slice(&[level, level.saturating_sub(6), level.saturating_sub(12)]));
    }
    drawn
}

#[test]
fn a_second_thing_below_stays_product() {
    for product in ["mug", "tshirt", "pump"] {
        let shot = Shot { product, fill: 0.7, moved: (0, -100), ..GOOD };
        let alone = numbers(&measured(&shot.drawn().picture, "google_merchant"), "centring")[1];
        for level in [90, 190, 230] {
            for gap in [0, 6] {
                let drawn = with_a_thing_below(shot, level, gap);
                let report = measured(&drawn.picture, "google_merchant");
                let down = numbers(&report, "centring")[1];
                assert!(down > alone + 4.0, "{product}, {level}, {gap} px below: {down} % down, alone {alone} %");
            }
        }
    }
}
