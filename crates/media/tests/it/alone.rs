//! What the engine passes with its own mask, a seller's own `plantain check` must pass without; and what breaks a rule must not.

use std::collections::BTreeSet;

use plantain_media::check::{MaskSource, Outcome, Report, RuleResult, check};
use plantain_media::compose::{SceneRules, compose, top_three};
use plantain_media::encode::{EncodeOptions, Provenance, encode};
use plantain_media::finish::{FinishOptions, finish_measured};
use plantain_media::picture::{Picture, Rect};
use plantain_media::preset::{Format, Preset, Presets};

use crate::compose::photographed;
use crate::shot::{Cast, GOOD, Ground, Over, Shot};

/// The built-in rules on a canvas of half the sides; what asks for a size is not asked.
fn halved(preset: &Preset) -> Preset {
    let canvas = (preset.canvas.0 / 2, preset.canvas.1 / 2);
    Preset { canvas, min_long_side: 100, min_short_side: 100, min_bytes: None, ..preset.clone() }
}

/// One preset of those that judge pixels alike.
fn different() -> Vec<Preset> {
    let mut known = BTreeSet::new();
    let judged = |p: &Preset| format!("{:?} {:?} {:?} {:?}", p.aspect, p.background, p.shadow, p.fill);
    Presets::builtin().iter().filter(|preset| known.insert(judged(preset))).map(halved).collect()
}

#[track_caller]
fn passes_alone(product: &str) {
    let cutout = photographed(product);
    let mut wrong = Vec::new();
    let mut pictures = 0;
    for preset in different() {
        for scene in top_three(&SceneRules::of(&preset, 1)) {
            let made = compose(&cutout, &scene);
            let done = finish_measured(&made.picture, &made.matte, &preset, &FinishOptions::default(), None).unwrap();
            if !done.report.passed {
                continue;
            }
            pictures += 1;
            let alone = check(&done.finished.bytes, None, &preset, None);
            let told = |r: &&RuleResult| r.outcome == Outcome::Fail || r.rule == "halo" && r.outcome == Outcome::Warn;
            let failed: Vec<&RuleResult> = alone.results.iter().chain(&done.report.results).filter(told).collect();
            if !failed.is_empty() {
                wrong.push(format!("{}, {}: {failed:#?}", preset.id, scene.title));
            }
        }
    }
    assert!(pictures >= 3 * different().len() - 3, "only {pictures} pictures of {product} were passed at all");
    assert!(wrong.is_empty(), "{} of {pictures}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_picture_of_a_mug_passes_alone() {
    passes_alone("mug");
}

#[test]
fn every_picture_of_headphones_passes_alone() {
    passes_alone("headphones");
}

#[test]
fn every_picture_of_a_basket_passes_alone() {
    passes_alone("basket");
}

#[test]
fn every_picture_of_a_glass_passes_alone() {
    passes_alone("glass");
}

fn alone(picture: &Picture, id: &str) -> Report {
    let options = EncodeOptions::plain(Format::Jpeg, u64::MAX, Provenance::Photographed);
    let bytes = encode(picture, &options).unwrap().bytes;
    let report = check(&bytes, None, Presets::builtin().get(id).unwrap(), None);
    assert_eq!(report.mask, MaskSource::Found);
    report
}

fn painted(mut picture: Picture, area: Rect, level: u8) -> Picture {
    let width = picture.width();
    for y in area.y..area.y + area.height {
        let at = ((y * width + area.x) * 3) as usize;
        picture.rgb_mut()[at..at + area.width as usize * 3].fill(level);
    }
    picture
}

#[test]
fn what_breaks_a_rule_fails_alone_too() {
    let clean = || GOOD.drawn().picture;
    let cast = |levels| Shot { cast: Cast::Shadow(levels), fill: 0.86, ..GOOD }.drawn().picture;
    let ground = |level| Shot { ground: Ground::Flat([level; 3]), ..GOOD }.drawn().picture;
    let corner = Rect { x: 0, y: 0, width: 12, height: 12 };
    let apart = Rect { x: 30, y: 30, width: 20, height: 10 };
    for (what, picture, id, rule) in [
        ("a corner of 254", painted(clean(), corner, 254), "amazon_main", "background"),
        ("a speck of 254", painted(clean(), apart, 253), "amazon_main", "background"),
        ("a ground of 252", ground(252.0), "amazon_main", "background"),
        ("a ground of 246", ground(246.0), "google_merchant", "background"),
        ("a shadow where none may be", cast(60.0), "amazon_main", "shadow"),
        ("a shadow that is too dark", cast(90.0), "flipkart_main", "shadow"),
        ("words", Shot { over: Over::Text, ..GOOD }.drawn().picture, "amazon_main", "background"),
    ] {
        let report = alone(&picture, id);
        let result = report.rule(rule).unwrap();
        assert_eq!(result.outcome, Outcome::Fail, "{what}: {result:?}");
    }
}

/// What the rule for rims says, of the file alone and with its exact mask.
fn halos(shot: Shot, id: &str) -> [RuleResult; 2] {
    let drawn = shot.drawn();
    let plain = EncodeOptions::plain(Format::Jpeg, 10_000_000, Provenance::Photographed);
    let bytes = encode(&drawn.picture, &plain).unwrap().bytes;
    let preset = Presets::builtin().get(id).unwrap().clone();
    [None, Some(&drawn.truth)].map(|mask| check(&bytes, None, &preset, mask).rule("halo").unwrap().clone())
}

#[test]
fn a_dark_ring_on_all_sides_is_suspected_and_a_shadow_below_is_not() {
    for product in ["mug", "pump", "headphones"] {
        let shot = Shot { product, fill: 0.86, ..GOOD };
        for (reach, levels) in [(8.0, 30.0), (14.0, 50.0), (24.0, 40.0)] {
            let ringed = Shot { over: Over::Ring(reach, levels), ..shot };
            for id in ["flipkart_main", "google_merchant", "amazon_main"] {
                for halo in halos(ringed, id) {
                    assert_eq!(halo.outcome, Outcome::Warn, "{product} {id} {reach} {levels}: {halo:?}");
                }
            }
        }
        for cast in [Cast::Shadow(30.0), Cast::Shadow(54.0)] {
            for halo in halos(Shot { cast, ..shot }, "flipkart_main") {
                assert_eq!(halo.outcome, Outcome::Pass, "{product} {cast:?}: {halo:?}");
            }
        }
    }
}

#[test]
fn an_even_rim_is_suspected_and_a_products_own_edge_is_not() {
    for product in ["mug", "pump", "headphones"] {
        let clean = Shot { product, ..GOOD };
        for (over, outcome) in [
            (Over::Nothing, Outcome::Pass),
            (Over::Halo(12, 238.0), Outcome::Warn),
            (Over::Halo(8, 200.0), Outcome::Warn),
        ] {
            let report = alone(&Shot { over, ..clean }.drawn().picture, "amazon_main");
            let halo = report.rule("halo").unwrap();
            assert_eq!(halo.outcome, outcome, "{product}, {over:?}: {halo:?}");
        }
    }
}
