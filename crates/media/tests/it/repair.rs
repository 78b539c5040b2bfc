//! Pictures with one fault each, finished, and read by the second opinion with the true outline.

use plantain_media::check::{Outcome, RuleResult};
use plantain_media::decode::{Limits, decode};
use plantain_media::encode::Provenance;
use plantain_media::finish::{Action, FinishOptions, Measured, finish_measured};
use plantain_media::picture::{Matte, PhotoFrame, Picture};
use plantain_media::preset::{Preset, Presets};

use crate::independent::{broken_rules, card};
use crate::shot::{Cast, Drawn, GOOD, Ground, Over, Shot};

/// The built-in rules at a canvas that tests are fast on.
fn preset(id: &str) -> Preset {
    Preset { canvas: (1000, 1000), ..Presets::builtin().get(id).unwrap().clone() }
}

fn finished(drawn: &Drawn, id: &str) -> Measured {
    let options = FinishOptions { provenance: Provenance::Generated, ..FinishOptions::default() };
    finish_measured(&drawn.picture, &drawn.mask, &preset(id), &options, None).unwrap()
}

#[test]
fn what_the_photo_cut_off_is_told_where_the_whole_product_is_asked_for() {
    let drawn = GOOD.drawn();
    let (photo, made) = (Provenance::Photographed, Provenance::Generated);
    for (id, photo_frame, provenance, outcome) in [
        ("amazon_main", PhotoFrame::Clear, photo, Outcome::Pass),
        ("amazon_main", PhotoFrame::Cuts, photo, Outcome::Fail),
        ("amazon_main", PhotoFrame::Filled, photo, Outcome::Warn),
        ("amazon_main", PhotoFrame::Cuts, made, Outcome::Warn),
        ("etsy", PhotoFrame::Cuts, photo, Outcome::Fail),
        ("amazon_additional", PhotoFrame::Cuts, photo, Outcome::NotMeasured),
    ] {
        let options = FinishOptions { photo_frame, provenance, ..FinishOptions::default() };
        let Measured { report, .. } =
            finish_measured(&drawn.picture, &drawn.mask, &preset(id), &options, None).unwrap();
        let whole = report.rule("whole").unwrap();
        assert_eq!(whole.outcome, outcome, "{id} {photo_frame:?}: {whole:?}");
        assert_eq!(whole.measured.contains("cuts it off"), photo_frame == PhotoFrame::Cuts, "{whole:?}");
        assert_eq!(whole.fix.contains("photograph it"), matches!(outcome, Outcome::Fail | Outcome::Warn), "{whole:?}");
        assert!(outcome != Outcome::Fail || !report.passed);
    }
}

/// Finishes a shot for the strictest rules and for those that take a shadow, and wants a pass that the second opinion shares.
#[track_caller]
fn is_repaired(what: &str, shot: Shot) {
    let drawn = shot.drawn();
    let ids = if shot.cast == Cast::Nothing {
        &["amazon_main"][..]
    } else {
        &["amazon_main", "flipkart_main", "google_merchant"]
    };
    for id in ids {
        let Measured { finished, report } = finished(&drawn, id);
        let failed: Vec<&RuleResult> = report.results.iter().filter(|r| r.outcome == Outcome::Fail).collect();
        assert!(report.passed, "{what}, {id}: {failed:#?}");
        let broken = broken_rules(&finished.bytes, finished.matte.alpha(), &card(id));
        assert!(broken.is_empty(), "{what}, {id}: {broken:?} after {:?}", finished.actions);
        let unmoved = !finished.actions.iter().any(|a| matches!(a, Action::Reframed { .. }));
        if unmoved && shot.size == (1000, 1000) && *id == "amazon_main" {
            let after = decode(&finished.bytes, &Limits::default()).unwrap().picture;
            no_rim_is_left(what, &after, &drawn.truth);
            product_is_kept(what, &drawn, &after);
        }
    }
}

/// Beside the true outline nothing is darker than what an encoder leaves there.
#[track_caller]
fn no_rim_is_left(what: &str, after: &Picture, truth: &Matte) {
    let beside =
        |x: u32, y: u32| (-2..=2i32).all(|dy| (-2..=2i32).all(|dx| cover(truth, x as i32 + dx, y as i32 + dy) == 0));
    let places = (0..after.height()).flat_map(|y| (0..after.width()).map(move |x| (x, y)));
    let dark = places.filter(|(x, y)| after.pixel(*x, *y).iter().any(|v| *v < 225) && beside(*x, *y)).count();
    assert_eq!(dark, 0, "{what}: px of a rim around the product");
}

fn cover(matte: &Matte, x: i32, y: i32) -> u8 {
    let inside = x >= 0 && y >= 0 && x < matte.width() as i32 && y < matte.height() as i32;
    if inside { matte.at(x as u32, y as u32) } else { 0 }
}

/// What is wholly product looks as before, in its whites too.
#[track_caller]
fn product_is_kept(what: &str, drawn: &Drawn, after: &Picture) {
    let inside = |at: &usize| drawn.truth.alpha()[*at] == 255;
    let places: Vec<usize> = (0..drawn.truth.alpha().len()).filter(inside).collect();
    let light =
        |picture: &Picture, at: usize| picture.rgb()[at * 3..at * 3 + 3].iter().map(|v| i32::from(*v)).sum::<i32>();
    let far = places.iter().filter(|at| (light(&drawn.picture, **at) - light(after, **at)).abs() > 36).count();
    assert!(far * 500 < places.len(), "{what}: {far} of {} px changed", places.len());
    let clipped = |picture: &Picture| places.iter().filter(|at| light(picture, **at) == 765).count();
    let (before, now) = (clipped(&drawn.picture), clipped(after));
    assert!(now <= before + places.len() / 200, "{what}: {now} px are clipped, {before} before");
}

#[test]
fn grounds_that_are_nearly_white_become_white() {
    for (what, ground) in [
        ("254", Ground::Flat([254.0; 3])),
        ("252", Ground::Flat([252.0; 3])),
        ("250", Ground::Flat([250.0; 3])),
        ("a warm cast", Ground::Flat([254.0, 250.0, 243.0])),
        ("a blue cast", Ground::Flat([240.0, 246.0, 253.0])),
        ("a gradient", Ground::Gradient(254.0, 238.0)),
        ("a steep gradient", Ground::Gradient(255.0, 205.0)),
        ("a vignette", Ground::Vignette(40.0)),
        ("grain", Ground::Noise(249.0, 5.0)),
        ("heavy grain", Ground::Noise(238.0, 14.0)),
        ("a scene", Ground::Waves),
    ] {
        is_repaired(what, Shot { ground, ..GOOD });
    }
}

#[test]
fn halos_words_and_borders_go() {
    for (what, over) in [
        ("a grey halo", Over::Halo(3, 190.0)),
        ("a faint wide halo", Over::Halo(9, 244.0)),
        ("words", Over::Text),
        ("a border", Over::Border),
    ] {
        is_repaired(what, Shot { over, ..GOOD });
        is_repaired(what, Shot { over, ground: Ground::Flat([247.0; 3]), ..GOOD });
    }
}

fn out_of_place(ground: Ground) {
    for (what, size, fill, moved) in [
        ("60 % of the picture", (1000, 1000), 0.6, (0, 0)),
        ("99 % of the picture", (1000, 1000), 0.99, (0, 0)),
        ("off the middle", (1000, 1000), 0.7, (130, -90)),
        ("touching the frame", (1000, 1000), 0.7, (-150, 0)),
        ("wide", (1600, 900), 0.8, (300, 0)),
        ("tall", (800, 1400), 0.7, (0, 200)),
        ("small", (250, 250), 0.88, (0, 0)),
    ] {
        is_repaired(what, Shot { size, fill, moved, ground, ..GOOD });
    }
}

#[test]
fn products_out_of_place_are_framed_anew_on_white() {
    out_of_place(Ground::Flat([255.0; 3]));
}

#[test]
fn products_out_of_place_are_framed_anew_on_a_gradient() {
    out_of_place(Ground::Gradient(252.0, 240.0));
}

#[test]
fn shadows_and_reflections_go_or_are_tamed() {
    for (what, cast) in [
        ("a soft shadow", Cast::Shadow(35.0)),
        ("a hard shadow", Cast::Shadow(170.0)),
        ("a reflection", Cast::Reflection(0.35, 0.3)),
        ("a strong reflection", Cast::Reflection(0.7, 0.9)),
    ] {
        is_repaired(what, Shot { cast, fill: 0.7, moved: (0, -100), ..GOOD });
        is_repaired(what, Shot { cast, ground: Ground::Flat([246.0; 3]), ..GOOD });
    }
}

#[test]
fn white_products_keep_their_whites_on_white() {
    for product in ["mug", "tshirt"] {
        for (what, ground) in [
            ("exact white", Ground::Flat([255.0; 3])),
            ("nearly white", Ground::Flat([252.0; 3])),
            ("a gradient", Ground::Gradient(254.0, 240.0)),
            ("grain", Ground::Noise(250.0, 4.0)),
        ] {
            is_repaired(&format!("a white {product} on {what}"), Shot { product, white: true, ground, ..GOOD });
        }
    }
}

#[test]
fn glass_wicker_and_bows_keep_what_is_open() {
    for product in ["glass", "basket", "headphones", "pump"] {
        for ground in [Ground::Flat([249.0, 250.0, 251.0]), Ground::Gradient(252.0, 225.0)] {
            is_repaired(product, Shot { product, ground, ..GOOD });
        }
    }
}

#[test]
fn a_rim_of_old_background_inside_a_loose_mask_goes() {
    for (what, ground) in [
        ("light grey", Ground::Flat([214.0, 215.0, 217.0])),
        ("a gradient", Ground::Gradient(230.0, 190.0)),
        ("grain", Ground::Noise(200.0, 6.0)),
        ("a scene", Ground::Waves),
    ] {
        for loose in [3, 7] {
            is_repaired(&format!("{what}, {loose} px"), Shot { ground, loose, ..GOOD });
        }
        is_repaired(&format!("a shirt, {what}"), Shot { ground, loose: 5, product: "tshirt", ..GOOD });
    }
}

#[test]
fn a_loose_mask_does_not_cost_a_white_product_its_edge() {
    for loose in [0, 5] {
        let shot = Shot { white: true, loose, ground: Ground::Flat([252.0; 3]), ..GOOD };
        is_repaired(&format!("white, {loose} px"), shot);
    }
}
