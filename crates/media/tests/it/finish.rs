//! From a composed or foreign picture to a file that the check accepts.

use plantain_media::check::{Outcome, check};
use plantain_media::compose::{SceneRules, compose, top_three};
use plantain_media::decode::{Limits, decode};
use plantain_media::encode::{EncodeOptions, Provenance, encode};
use plantain_media::finish::{Action, FinishError, FinishOptions, Finished, finish};
use plantain_media::picture::{Matte, Picture, Rect};
use plantain_media::preset::{Background, Format, Preset, Presets};

use crate::compose::photographed;

fn preset(id: &str) -> Preset {
    Presets::builtin().get(id).unwrap().clone()
}

/// A small preset, so that tests are fast.
fn small(id: &str) -> Preset {
    let canvas = (600, 600);
    Preset { canvas, min_long_side: 300, min_short_side: 300, min_bytes: None, aspect: "1:1".into(), ..preset(id) }
}

/// A dark box on a background, with its exact matte.
fn boxed(size: (u32, u32), area: Rect, background: [u8; 3]) -> (Picture, Matte) {
    let mut picture = Picture::filled(size.0, size.1, background);
    let mut matte = Matte::new(size.0, size.1, vec![0; (size.0 * size.1) as usize]);
    for y in area.y..area.y + area.height {
        for x in area.x..area.x + area.width {
            let at = (y * size.0 + x) as usize;
            picture.rgb_mut()[at * 3..at * 3 + 3].copy_from_slice(&[70, 90, (100 + x % 40) as u8]);
            matte.alpha_mut()[at] = 255;
        }
    }
    (picture, matte)
}

#[track_caller]
fn passes(picture: &Picture, matte: &Matte, preset: &Preset) -> Finished {
    let done = finish(picture, matte, preset, &FinishOptions::default()).unwrap();
    let report = check(&done.bytes, None, preset, Some(&done.matte));
    let failed: Vec<_> = report.results.iter().filter(|r| r.outcome == Outcome::Fail).collect();
    assert!(report.passed, "{}: {failed:#?}", preset.id);
    done
}

#[test]
fn three_scenes_of_a_real_photo_pass_on_every_kind_of_background() {
    let cutout = photographed("headphones");
    for id in ["amazon_main", "flipkart_main", "google_merchant", "otto_main", "shopify"] {
        let preset = small(id);
        for scene in top_three(&SceneRules::of(&preset, 1)) {
            let composed = compose(&cutout, &scene);
            passes(&composed.picture, &composed.matte, &preset);
        }
    }
    let apparel = Preset { canvas: (600, 800), min_long_side: 400, min_short_side: 300, ..preset("myntra_apparel") };
    for scene in top_three(&SceneRules::of(&apparel, 1)) {
        let composed = compose(&cutout, &scene);
        passes(&composed.picture, &composed.matte, &apparel);
    }
}

#[test]
fn a_full_size_amazon_picture_passes_every_rule() {
    let preset = preset("amazon_main");
    let scene = top_three(&SceneRules::of(&preset, 1)).into_iter().next().unwrap();
    let composed = compose(&photographed("mug"), &scene);
    let done = passes(&composed.picture, &composed.matte, &preset);
    assert_eq!((done.width, done.height, done.quality), (2000, 2000, Some(95)));
    assert_eq!((done.content_type, done.extension), ("image/jpeg", "jpg"));
    assert!(done.actions.is_empty(), "{:?}", done.actions);
}

#[test]
fn a_picture_that_obeys_is_not_touched() {
    let (picture, matte) = boxed((600, 600), Rect { x: 36, y: 100, width: 528, height: 400 }, [255; 3]);
    let preset = Preset { formats: vec![Format::Png], ..small("amazon_main") };
    let done = passes(&picture, &matte, &preset);
    assert!(done.actions.is_empty());
    assert!(decode(&done.bytes, &Limits::default()).unwrap().picture == picture, "every pixel is kept");
}

#[test]
fn every_broken_rule_is_repaired() {
    let good = Rect { x: 36, y: 100, width: 528, height: 400 };
    for (size, area, background) in [
        ((600, 600), good, [240, 240, 240]),
        ((600, 600), good, [254, 255, 254]),
        ((600, 600), good, [90, 140, 60]),
        ((600, 600), Rect { x: 200, y: 200, width: 100, height: 80 }, [255; 3]),
        ((600, 600), Rect { x: 10, y: 20, width: 528, height: 400 }, [255; 3]),
        ((900, 300), Rect { x: 700, y: 20, width: 100, height: 250 }, [250, 245, 240]),
        ((600, 600), Rect { x: 0, y: 0, width: 600, height: 600 }, [255; 3]),
    ] {
        for id in ["amazon_main", "flipkart_main", "otto_main"] {
            let (picture, matte) = boxed(size, area, background);
            let done = passes(&picture, &matte, &small(id));
            let kept = id == "otto_main" && size == (600, 600) && area == good && background[1] >= 240;
            assert_eq!(done.actions.is_empty(), kept, "{id} {size:?} {area:?} {background:?}: {:?}", done.actions);
        }
    }
}

#[test]
fn a_soft_edge_is_blended_anew_instead_of_keeping_the_old_background() {
    let (mut picture, mut matte) = boxed((600, 600), Rect { x: 36, y: 100, width: 528, height: 400 }, [40, 160, 40]);
    // One row of half coverage above the box, mixed with the green behind it.
    for x in 36..564usize {
        let at = 99 * 600 + x;
        matte.alpha_mut()[at] = 128;
        picture.rgb_mut()[at * 3..at * 3 + 3].copy_from_slice(&[55, 125, 75]);
    }
    let preset = Preset { formats: vec![Format::Png], ..small("amazon_main") };
    let done = passes(&picture, &matte, &preset);
    let [r, g, b] = decode(&done.bytes, &Limits::default()).unwrap().picture.pixel(300, 99);
    assert!((150..=175).contains(&r) && (165..=185).contains(&g) && g.abs_diff(b) < 20, "{r} {g} {b}");
}

#[test]
fn a_shadow_goes_where_none_is_allowed_and_is_tamed_where_one_is() {
    let (mut picture, matte) = boxed((600, 600), Rect { x: 36, y: 100, width: 528, height: 400 }, [255; 3]);
    for y in 500..560usize {
        let level = 120 + (y - 500) as u8 * 2;
        picture.rgb_mut()[(y * 600 + 80) * 3..(y * 600 + 520) * 3].fill(level);
    }
    let without = passes(&picture, &matte, &small("amazon_main"));
    assert!(without.actions.contains(&Action::ShadowRemoved), "{:?}", without.actions);
    let tamed = passes(&picture, &matte, &small("flipkart_main"));
    assert!(tamed.actions.contains(&Action::ShadowReduced), "{:?}", tamed.actions);
    let below = decode(&tamed.bytes, &Limits::default()).unwrap().picture.pixel(300, 504);
    assert!((200..250).contains(&below[0]), "a shadow is left: {below:?}");
}

#[test]
fn a_scene_is_extended_rather_than_the_product_cut() {
    let (picture, matte) = boxed((500, 300), Rect { x: 10, y: 30, width: 480, height: 200 }, [90, 140, 60]);
    let done = passes(&picture, &matte, &small("shopify"));
    let product = done.matte.bounds(128).unwrap();
    assert!(product.x > 12 && product.x + product.width < 588, "{product:?}");
    let corner = decode(&done.bytes, &Limits::default()).unwrap().picture.pixel(2, 2);
    assert!(corner[1] > 130 && corner[0] < 100, "the background goes on: {corner:?}");
}

#[test]
fn a_byte_limit_is_kept_by_quality_then_colour_and_said() {
    // Coarse cloth: much for the encoder to keep, without the hard contrast at the edge that no quality keeps clean.
    let mut noisy = boxed((600, 600), Rect { x: 36, y: 100, width: 528, height: 400 }, [255; 3]);
    for (at, pixel) in noisy.0.rgb_mut().chunks_mut(3).enumerate().filter(|(at, _)| noisy.1.alpha()[*at] > 0) {
        let grain = (at.wrapping_mul(2_654_435_761) >> 13) as u8 / 4;
        pixel.copy_from_slice(&[100 + grain, 90 + grain, 80 + grain]);
    }
    let best = passes(&noisy.0, &noisy.1, &small("amazon_main")).bytes.len() as u64;
    let lower = passes(&noisy.0, &noisy.1, &Preset { max_bytes: best * 8 / 10, ..small("amazon_main") });
    assert!(matches!(lower.actions[..], [Action::QualityLowered { quality: 85..95 }]), "{:?}", lower.actions);
    let halved = finish(
        &noisy.0,
        &noisy.1,
        &Preset { max_bytes: best * 55 / 100, ..small("amazon_main") },
        &FinishOptions::default(),
    );
    assert!(halved.unwrap().actions.contains(&Action::ChromaHalved));
    let hopeless = Preset { max_bytes: 20_000, ..small("amazon_main") };
    assert!(matches!(finish(&noisy.0, &noisy.1, &hopeless, &FinishOptions::default()), Err(FinishError::Encode(_))));
}

#[test]
fn every_format_carries_a_profile_the_tag_and_nothing_else() {
    let (picture, matte) = boxed((600, 600), Rect { x: 36, y: 100, width: 528, height: 400 }, [255; 3]);
    for format in [Format::Jpeg, Format::Png, Format::Webp] {
        let options =
            FinishOptions { format: Some(format), provenance: Provenance::Generated, ..FinishOptions::default() };
        let tagged = Preset { min_dpi: Some(72), ..small("google_merchant") };
        let done = finish(&picture, &matte, &tagged, &options).unwrap();
        let report = check(&done.bytes, None, &Preset { min_dpi: None, ..tagged }, Some(&done.matte));
        assert!(report.passed, "{format:?} {:#?}", report.results);
        assert_eq!(report.rule("colour").unwrap().measured, "sRGB, profile embedded, 8 bit", "{format:?}");
        assert_eq!(report.rule("provenance").unwrap().measured, "trainedAlgorithmicMedia", "{format:?}");
        assert_eq!(report.rule("metadata").unwrap().measured, "none", "{format:?}");
        let density = if format == Format::Webp { "no tag" } else { "300 dpi" };
        assert_eq!(report.rule("dpi").unwrap().measured, density, "{format:?}");
        assert_eq!(
            done.bytes,
            finish(&picture, &matte, &Preset { min_dpi: Some(72), ..small("google_merchant") }, &options)
                .unwrap()
                .bytes
        );
    }
}

/// Faint coverage over an area, with as much of a grey as that lets through.
fn smear(picture: &mut Picture, matte: &mut Matte, area: Rect, cover: u8, level: u8) {
    for (y, x) in (area.y..area.y + area.height).flat_map(|y| (area.x..area.x + area.width).map(move |x| (y, x))) {
        let at = (y * picture.width() + x) as usize;
        picture.rgb_mut()[at * 3..at * 3 + 3].fill(level);
        matte.alpha_mut()[at] = cover;
    }
}

#[test]
fn a_smear_of_old_background_in_the_mask_goes() {
    let smeared = Rect { x: 200, y: 50, width: 60, height: 50 };
    for (id, level) in [("amazon_main", 255), ("flipkart_main", 255), ("otto_main", 240)] {
        let (mut picture, mut matte) = boxed((600, 600), Rect { x: 36, y: 100, width: 528, height: 400 }, [level; 3]);
        smear(&mut picture, &mut matte, smeared, 40, 215);
        let preset = Preset { formats: vec![Format::Png], ..small(id) };
        let done = passes(&picture, &matte, &preset);
        assert_eq!(decode(&done.bytes, &Limits::default()).unwrap().picture.pixel(230, 70), [level; 3], "{id}");
        let before = finish(
            &picture,
            &matte,
            &Preset { background: Background::F0, ..preset.clone() },
            &FinishOptions::default(),
        );
        let report = check(&before.unwrap().bytes, None, &preset, Some(&matte));
        let rule = if id == "otto_main" { "shadow" } else { "background" };
        assert_eq!(report.rule(rule).unwrap().outcome, Outcome::Fail, "{id} takes it for product");
    }
}

#[test]
fn a_mask_that_is_unsure_at_the_frame_leaves_white_there() {
    let (mut picture, mut matte) = boxed((600, 600), Rect { x: 36, y: 100, width: 528, height: 400 }, [250; 3]);
    smear(&mut picture, &mut matte, Rect { x: 0, y: 0, width: 600, height: 10 }, 102, 249);
    passes(&picture, &matte, &small("amazon_main"));
    let unfinished = jpeg(&picture);
    let report = check(&unfinished, None, &small("amazon_main"), Some(&matte));
    let background = report.rule("background").unwrap();
    assert!(background.outcome == Outcome::Fail && background.fix.contains("brush"), "{background:?}");
}

fn jpeg(picture: &Picture) -> Vec<u8> {
    encode(picture, &EncodeOptions::plain(Format::Jpeg, u64::MAX, Provenance::Photographed)).unwrap().bytes
}

#[test]
fn a_background_without_a_pixel_passes_nothing() {
    let (picture, matte) = boxed((600, 600), Rect { x: 6, y: 6, width: 588, height: 588 }, [255; 3]);
    let report = check(&jpeg(&picture), None, &small("amazon_main"), Some(&matte));
    let background = report.rule("background").unwrap();
    assert!(background.outcome != Outcome::Pass && background.measured.contains("no pixel"), "{background:?}");
}

#[test]
fn what_cannot_be_finished_says_why() {
    let (picture, matte) = boxed((100, 100), Rect { x: 6, y: 6, width: 88, height: 88 }, [255; 3]);
    let finished = |matte: &Matte, format| {
        finish(&picture, matte, &small("amazon_main"), &FinishOptions { format, ..FinishOptions::default() })
    };
    let nothing = Matte::new(100, 100, vec![0; 10_000]);
    assert_eq!(finished(&nothing, None).unwrap_err(), FinishError::NoProduct);
    let other = Matte::new(50, 100, vec![255; 5000]);
    assert_eq!(finished(&other, None).unwrap_err(), FinishError::SizesDiffer { picture: (100, 100), matte: (50, 100) });
    assert_eq!(finished(&matte, Some(Format::Png)).unwrap_err(), FinishError::FormatRefused { format: Format::Png });
}
