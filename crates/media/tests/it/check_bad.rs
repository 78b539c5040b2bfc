//! Deliberately bad pictures: each must fail by its own rule, and the good one by none.

use plantain_media::check::{Claims, Generated, MaskSource, Outcome, Report, check, check_claims};
use plantain_media::compose::{Scene, SceneRules, compose, top_three};
use plantain_media::encode::{Chroma, EncodeOptions, Provenance, encode};
use plantain_media::finish::{FinishOptions, finish};
use plantain_media::picture::{Matte, Picture, Rect};
use plantain_media::preset::{Format, Presets};

const SIDE: u32 = 1000;
const PRODUCT: Rect = Rect { x: 60, y: 200, width: 880, height: 600 };

/// A brown box with some texture on exact white.
fn good() -> (Picture, Matte) {
    let mut picture = Picture::filled(SIDE, SIDE, [255; 3]);
    let mut matte = Matte::new(SIDE, SIDE, vec![0; (SIDE * SIDE) as usize]);
    lay(&mut picture, &mut matte, PRODUCT);
    (picture, matte)
}

fn lay(picture: &mut Picture, matte: &mut Matte, area: Rect) {
    for y in area.y..area.y + area.height {
        for x in area.x..area.x + area.width {
            let at = (y * picture.width() + x) as usize;
            let grain = ((x * 31 + y * 17) % 23) as u8;
            picture.rgb_mut()[at * 3..at * 3 + 3].copy_from_slice(&[120 + grain, 80 + grain, 50]);
            matte.alpha_mut()[at] = 255;
        }
    }
}

fn paint(picture: &mut Picture, area: Rect, level: u8) {
    let width = picture.width();
    for y in area.y..area.y + area.height {
        let at = ((y * width + area.x) * 3) as usize;
        picture.rgb_mut()[at..at + area.width as usize * 3].fill(level);
    }
}

fn jpeg(picture: &Picture) -> Vec<u8> {
    let options = EncodeOptions {
        format: Format::Jpeg,
        max_bytes: u64::MAX,
        min_bytes: None,
        min_jpeg_quality: None,
        chroma: Chroma::Full,
        min_dpi: None,
        provenance: Provenance::Photographed,
    };
    encode(picture, &options).unwrap().bytes
}

fn failures(report: &Report) -> Vec<&'static str> {
    report.results.iter().filter(|r| r.outcome == Outcome::Fail).map(|r| r.rule).collect()
}

#[track_caller]
fn measured(id: &str, bytes: &[u8], name: &str, matte: Option<&Matte>) -> Report {
    let report = check(bytes, Some(name), Presets::builtin().get(id).unwrap(), matte);
    for result in report.results.iter().filter(|r| r.outcome == Outcome::Fail) {
        assert!(!result.fix.is_empty(), "{}: a failure says what to do", result.rule);
    }
    assert_eq!(report.passed, failures(&report).is_empty());
    report
}

/// The rules that fail on Amazon's main image, after a change of the good picture.
#[track_caller]
fn amazon_fails(change: impl Fn(&mut Picture, &mut Matte), rules: &[&str]) {
    let (mut picture, mut matte) = good();
    change(&mut picture, &mut matte);
    let report = measured("amazon_main", &jpeg(&picture), "B0ABCDEF12.MAIN.jpg", Some(&matte));
    assert_eq!(failures(&report), rules, "{:#?}", report.results);
}

#[test]
fn the_good_picture_passes_with_and_without_its_mask() {
    let (picture, matte) = good();
    let bytes = jpeg(&picture);
    let given = measured("amazon_main", &bytes, "B0ABCDEF12.MAIN.jpg", Some(&matte));
    assert!(given.passed && given.mask == MaskSource::Given, "{:#?}", given.results);
    let found = measured("amazon_main", &bytes, "B0ABCDEF12.MAIN.jpg", None);
    assert!(found.passed && found.mask == MaskSource::Found, "{:#?}", found.results);
    assert!(found.rule("fill").unwrap().measured.contains("white one may be misjudged"));
    assert_eq!(found.rule("shadow").unwrap().outcome, Outcome::NotMeasured);
}

#[test]
fn one_level_off_white_in_a_corner_fails() {
    amazon_fails(|p, _| paint(p, Rect { x: 0, y: 0, width: 12, height: 12 }, 254), &["background"]);
    amazon_fails(|p, _| paint(p, Rect { x: 0, y: 0, width: SIDE, height: 8 }, 254), &["background"]);
}

#[test]
fn a_faint_veil_between_product_and_frame_fails() {
    amazon_fails(|p, _| paint(p, Rect { x: 300, y: 100, width: 64, height: 32 }, 254), &["background"]);
}

#[test]
fn a_grey_halo_of_two_pixels_fails() {
    let halo = |picture: &mut Picture, matte: &mut Matte| {
        let Rect { x, y, width, height } = PRODUCT;
        paint(picture, Rect { x: x - 2, y: y - 2, width: width + 4, height: height + 4 }, 190);
        lay(picture, matte, PRODUCT);
    };
    amazon_fails(halo, &["background"]);
}

#[test]
fn too_small_or_off_centre_fails() {
    let moved = |area: Rect| {
        move |picture: &mut Picture, matte: &mut Matte| {
            paint(picture, Rect { x: 0, y: 0, width: SIDE, height: SIDE }, 255);
            matte.alpha_mut().fill(0);
            lay(picture, matte, area);
        }
    };
    amazon_fails(moved(Rect { x: 100, y: 200, width: 800, height: 600 }), &["fill"]);
    amazon_fails(moved(Rect { x: 82, ..PRODUCT }), &["centring"]);
    amazon_fails(moved(Rect { y: 222, ..PRODUCT }), &["centring"]);
    amazon_fails(moved(Rect { x: 0, y: 200, width: 1000, height: 600 }), &["fill", "frame", "background"]);
}

#[test]
fn a_shadow_fails_where_none_is_permitted_and_passes_where_one_is() {
    let shadow = |picture: &mut Picture, matte: &mut Matte| {
        for (n, level) in [252, 245, 238, 230, 222, 215].into_iter().enumerate() {
            let inset = 10 * (6 - n as u32);
            paint(picture, Rect { x: 300 - inset, y: 790, width: 400 + 2 * inset, height: 30 - 3 * n as u32 }, level);
        }
        lay(picture, matte, PRODUCT);
    };
    amazon_fails(shadow, &["background", "shadow", "stray"]);
    let (mut picture, mut matte) = good();
    shadow(&mut picture, &mut matte);
    let report = measured("flipkart_main", &jpeg(&picture), "mug_1.jpg", Some(&matte));
    assert!(report.passed, "{:#?}", report.results);
    paint(&mut picture, Rect { x: 300, y: 801, width: 400, height: 8 }, 150);
    let report = measured("flipkart_main", &jpeg(&picture), "mug_1.jpg", Some(&matte));
    assert_eq!(failures(&report), ["shadow"]);
}

#[test]
fn borders_and_text_fail() {
    let border = |picture: &mut Picture, _: &mut Matte| {
        for edge in [
            Rect { x: 0, y: 0, width: SIDE, height: 4 },
            Rect { x: 0, y: SIDE - 4, width: SIDE, height: 4 },
            Rect { x: 0, y: 0, width: 4, height: SIDE },
            Rect { x: SIDE - 4, y: 0, width: 4, height: SIDE },
        ] {
            paint(picture, edge, 40);
        }
    };
    amazon_fails(border, &["background", "stray"]);
    let text = |picture: &mut Picture, _: &mut Matte| {
        for letter in 0..6 {
            paint(picture, Rect { x: 700 + letter * 14, y: 60, width: 6, height: 30 }, 20);
        }
    };
    amazon_fails(text, &["background", "stray"]);
}

#[test]
fn a_picture_of_nothing_fails() {
    let (_, matte) = good();
    let white = Picture::filled(SIDE, SIDE, [255; 3]);
    let nothing = Matte::new(SIDE, SIDE, vec![0; (SIDE * SIDE) as usize]);
    for mask in [None, Some(&nothing)] {
        let report = measured("amazon_main", &jpeg(&white), "B0ABCDEF12.MAIN.jpg", mask);
        assert_eq!(failures(&report), ["fill"]);
    }
    let foreign = Matte::new(10, 10, vec![255; 100]);
    let report = measured("amazon_main", &jpeg(&good().0), "B0ABCDEF12.MAIN.jpg", Some(&foreign));
    assert_eq!(report.mask, MaskSource::Found, "a mask of another size is not believed");
    assert_eq!(matte.width(), SIDE);
}

#[test]
fn where_no_product_is_found_before_a_free_background_it_is_said() {
    let plain = |level| Picture::filled(SIDE, SIDE, [level; 3]);
    // Cut by the frame so widely that the background can't be told.
    let mut cut = plain(255);
    paint(&mut cut, Rect { x: 0, y: 100, width: SIDE, height: 800 }, 60);
    let mut scene = plain(90);
    paint(&mut scene, Rect { x: 0, y: 600, width: SIDE, height: 400 }, 140);
    for id in ["ebay", "shopify", "amazon_additional"] {
        for (what, picture, outcome) in [
            ("white", &plain(255), Outcome::Fail),
            ("grey", &plain(128), Outcome::Fail),
            ("black", &plain(0), Outcome::Fail),
            ("cut", &cut, Outcome::Warn),
            ("a scene", &scene, Outcome::Warn),
        ] {
            let report = measured(id, &jpeg(picture), "mug_1.jpg", None);
            assert_eq!(report.mask, MaskSource::Missing, "{id} {what}");
            let fill = report.rule("fill").unwrap();
            assert_eq!((fill.outcome, fill.measured.as_str()), (outcome, "no product found"), "{id} {what}");
        }
    }
    let report = measured("ebay", &jpeg(&good().0), "mug_1.jpg", None);
    assert_eq!(report.rule("fill").unwrap().outcome, Outcome::Pass);
}

#[test]
fn a_second_product_is_noticed_and_a_declared_pair_is_right() {
    let (mut picture, mut matte) = good();
    paint(&mut picture, PRODUCT, 255);
    matte.alpha_mut().fill(0);
    lay(&mut picture, &mut matte, Rect { x: 60, y: 200, width: 400, height: 600 });
    lay(&mut picture, &mut matte, Rect { x: 540, y: 200, width: 400, height: 600 });
    let bytes = jpeg(&picture);
    for (products, outcome) in
        [(None, Outcome::Warn), (Some(1), Outcome::Fail), (Some(2), Outcome::Pass), (Some(3), Outcome::Warn)]
    {
        let claims = Claims { matte: Some(&matte), products, ..Claims::default() };
        let report = check_claims(&bytes, &claims, Presets::builtin().get("amazon_main").unwrap());
        let told = report.rule("single_product").unwrap();
        let against = products.map_or("one".to_owned(), |pieces| format!("{pieces}, as declared"));
        assert_eq!((told.outcome, told.measured.as_str(), &told.required), (outcome, "2", &against));
    }
}

/// A brown box and others beside it, of the given shares of its area.
fn beside_a_box(shares: &[f64]) -> Picture {
    let (mut picture, mut matte) = (Picture::filled(SIDE, SIDE, [255; 3]), Matte::new(SIDE, SIDE, vec![0; 1_000_000]));
    let main = Rect { x: 60, y: 300, width: 880, height: 400 };
    lay(&mut picture, &mut matte, main);
    for (n, share) in shares.iter().enumerate() {
        let side = (f64::from(main.width * main.height) * share).sqrt() as u32;
        lay(&mut picture, &mut matte, Rect { x: 100 + 230 * n as u32, y: 40, width: side, height: side });
    }
    picture
}

#[test]
fn every_part_is_a_piece_or_strays() {
    for (shares, products, pieces, strays) in [
        (&[0.045][..], None, "1", true),
        (&[0.055], None, "1", true),
        (&[0.07, 0.07], None, "1", true),
        (&[0.09], None, "1", true),
        (&[0.12], None, "2", false),
        (&[0.12, 0.07], None, "2", true),
        (&[0.07], Some(2), "2", false),
        (&[0.07, 0.07, 0.07], Some(4), "4", false),
        (&[0.07, 0.07], Some(2), "2", true),
        (&[0.03], Some(2), "1", true),
    ] {
        let claims = Claims { products, ..Claims::default() };
        let report =
            check_claims(&jpeg(&beside_a_box(shares)), &claims, Presets::builtin().get("amazon_main").unwrap());
        let row = |rule| report.rule(rule).unwrap();
        assert_eq!(row("single_product").measured, pieces, "{shares:?} {products:?}");
        assert_eq!(row("stray").outcome == Outcome::Fail, strays, "{shares:?} {products:?}: {}", row("stray").measured);
    }
}

#[test]
fn what_hangs_on_the_product_by_a_thread_belongs_to_it() {
    let mut picture = beside_a_box(&[0.07]);
    paint(&mut picture, Rect { x: 180, y: 190, width: 1, height: 120 }, 60);
    let report = measured("amazon_main", &jpeg(&picture), "B0ABCDEF12.MAIN.jpg", None);
    let row = |rule| report.rule(rule).unwrap();
    assert_eq!((row("single_product").measured.as_str(), row("stray").outcome), ("1", Outcome::Pass), "{report:#?}");
}

#[test]
fn banners_fill_nothing() {
    let mut picture = Picture::filled(SIDE, SIDE, [255; 3]);
    let mut matte = Matte::new(SIDE, SIDE, vec![0; 1_000_000]);
    lay(&mut picture, &mut matte, Rect { x: 200, y: 200, width: 600, height: 600 });
    for y in [60, 900] {
        lay(&mut picture, &mut matte, Rect { x: 60, y, width: 880, height: 36 });
    }
    let report = measured("amazon_main", &jpeg(&picture), "B0ABCDEF12.MAIN.jpg", None);
    assert_eq!(failures(&report), ["fill", "background", "stray"]);
    assert!(report.rule("fill").unwrap().measured.starts_with("60."), "{report:#?}");
}

#[test]
fn greys_are_judged_by_their_frame() {
    for (id, level, rules) in [
        ("otto_main", 240, &[][..]),
        ("otto_main", 220, &["background"]),
        ("myntra_apparel", 240, &["aspect"]),
        ("myntra_apparel", 255, &["aspect", "background"]),
        ("amazon_main", 240, &["background", "shadow", "stray"]),
    ] {
        let (mut picture, mut matte) =
            (Picture::filled(1500, 1500, [level; 3]), Matte::new(1500, 1500, vec![0; 2_250_000]));
        lay(&mut picture, &mut matte, Rect { x: 90, y: 300, width: 1320, height: 900 });
        let mut report = measured(id, &jpeg(&picture), "mug_1.jpg", Some(&matte));
        report.results.retain(|r| !["dpi", "file_name"].contains(&r.rule));
        let failed = failures(&report);
        assert!(rules.iter().all(|rule| failed.contains(rule)), "{id} {level}: {failed:?}");
        assert!(failed.iter().all(|rule| rules.contains(rule)), "{id} {level}: {failed:?}");
    }
}

#[test]
fn generated_pixels_must_say_so_where_the_marketplace_asks() {
    let (picture, matte) = good();
    let tagged = |provenance| {
        let options = EncodeOptions {
            format: Format::Jpeg,
            max_bytes: u64::MAX,
            min_bytes: None,
            min_jpeg_quality: None,
            chroma: Chroma::Full,
            min_dpi: None,
            provenance,
        };
        encode(&picture, &options).unwrap().bytes
    };
    use Generated::{Everything, Nothing, Scene, Unknown};
    use Outcome::{Fail, NotMeasured, Pass, Warn};
    for (id, provenance, generated, outcome) in [
        ("google_merchant", Provenance::Generated, Everything, Pass),
        ("google_merchant", Provenance::Photographed, Everything, Fail),
        ("google_merchant", Provenance::GeneratedScene, Scene, Fail),
        ("google_merchant", Provenance::Generated, Nothing, Fail),
        ("google_merchant", Provenance::Photographed, Unknown, NotMeasured),
        ("shopify", Provenance::GeneratedScene, Scene, Pass),
        ("shopify", Provenance::Photographed, Scene, Warn),
        ("shopify", Provenance::Photographed, Nothing, Pass),
    ] {
        let claims = Claims { matte: Some(&matte), generated, ..Claims::default() };
        let report = check_claims(&tagged(provenance), &claims, Presets::builtin().get(id).unwrap());
        assert_eq!(report.rule("provenance").unwrap().outcome, outcome, "{id} {provenance:?} {generated:?}");
    }
}

#[test]
fn a_file_that_is_no_picture_is_called_what_it_is() {
    for (bytes, measured, fix) in [
        (&b"<!doctype html><html></html>"[..], "A web page can't be read.", "Save the picture itself"),
        ("Größe: 12 cm\n".repeat(60).as_bytes(), "The file holds text.", "choose the picture itself"),
        (b"%PDF-1.7 ...", "A PDF can't be read.", "Export it as JPEG or PNG"),
        (b"\x01\x02\x03\x04 noise", "The file is not a picture.", "Send a photo"),
        (b"", "The file is empty.", "Choose the photo again"),
    ] {
        let report = check(bytes, None, Presets::builtin().get("ebay").unwrap(), None);
        let rule = report.rule("readable").unwrap();
        assert!(rule.measured.starts_with(measured) && rule.fix.starts_with(fix), "{measured}: {rule:?}");
        assert!(!report.passed);
    }
}

/// The suspicions that a change of the good picture raises in a preset.
#[track_caller]
fn suspected(id: &str, change: impl Fn(&mut Picture, &mut Matte), rules: &[&str]) {
    let (mut picture, mut matte) = good();
    change(&mut picture, &mut matte);
    let report = measured(id, &jpeg(&picture), "mug_1.jpg", Some(&matte));
    let all = ["sharpness", "border", "lettering", "halo"];
    let warned: Vec<&str> =
        all.into_iter().filter(|rule| report.rule(rule).is_some_and(|r| r.outcome == Outcome::Warn)).collect();
    assert_eq!(warned, rules, "{:#?}", report.results);
}

/// Letters of thin strokes, `level` dark, in a line.
fn letters(picture: &mut Picture, (x, y): (u32, u32), level: u8) {
    for n in 0..7 {
        let x = x + n * 22;
        paint(picture, Rect { x, y, width: 4, height: 24 }, level);
        paint(picture, Rect { x, y: y + 10, width: 13, height: 4 }, level);
        paint(picture, Rect { x: x + 10, y: y + (n % 2) * 10, width: 4, height: 14 }, level);
    }
}

#[test]
fn letters_beside_the_product_are_suspected_however_faint() {
    suspected("meesho_main", |_, _| (), &[]);
    for level in [30, 200, 246] {
        suspected("meesho_main", |picture, _| letters(picture, (700, 60), level), &["lettering"]);
    }
    let on = |ground, level| {
        move |picture: &mut Picture, matte: &mut Matte| {
            paint(picture, Rect { x: 0, y: 0, width: SIDE, height: SIDE }, ground);
            letters(picture, (700, 60), level);
            lay(picture, matte, PRODUCT);
        }
    };
    suspected("shopify", on(236, 236), &[]);
    for (ground, level) in [(236, 228), (236, 250), (236, 20), (255, 0), (255, 120), (60, 250), (0, 255)] {
        suspected("shopify", on(ground, level), &["lettering"]);
    }
}

#[test]
fn a_border_is_suspected_where_lines_run_along_opposite_sides() {
    for (width, level, inset) in [(12, 40, 0), (3, 250, 0), (2, 120, 20)] {
        let bordered = |picture: &mut Picture, matte: &mut Matte| {
            paint(picture, Rect { x: 0, y: 0, width: SIDE, height: SIDE }, 200);
            let side = SIDE - 2 * inset;
            paint(picture, Rect { x: inset, y: inset, width: side, height: side }, level);
            let inside = side - 2 * width;
            paint(picture, Rect { x: inset + width, y: inset + width, width: inside, height: inside }, 200);
            lay(picture, matte, PRODUCT);
        };
        suspected("shopify", bordered, &["border"]);
    }
    let horizon = |picture: &mut Picture, matte: &mut Matte| {
        paint(picture, Rect { x: 0, y: 0, width: SIDE, height: SIDE }, 200);
        paint(picture, Rect { x: 0, y: SIDE - 30, width: SIDE, height: 30 }, 150);
        lay(picture, matte, PRODUCT);
    };
    suspected("shopify", horizon, &[]);
}

#[test]
fn a_soft_product_is_suspected_and_a_sharp_one_is_not() {
    for (reduced, soft) in [(1, false), (2, false), (5, true), (8, true)] {
        let cutout = crate::compose::photographed("mug");
        let [scene, ..] = top_three(&SceneRules::of(Presets::builtin().get("amazon_main").unwrap(), 1));
        // The product at a part of its size, enlarged again by the finish.
        let canvas = (2000 / reduced, 2000 / reduced);
        let composed = compose(&cutout, &Scene { canvas, ..scene });
        let preset = Presets::builtin().get("amazon_main").unwrap().clone();
        let done = finish(&composed.picture, &composed.matte, &preset, &FinishOptions::default()).unwrap();
        let report = check_claims(&done.bytes, &Claims { matte: Some(&done.matte), ..Claims::default() }, &preset);
        let sharpness = report.rule("sharpness").unwrap();
        let warned = sharpness.outcome == Outcome::Warn;
        assert_eq!(warned, soft, "reduced {reduced} times: {}", sharpness.measured);
    }
}
