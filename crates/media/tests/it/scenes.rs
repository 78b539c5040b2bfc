//! Scenes beyond the usual three: reflection, coloured backdrops, matched light, thrown shadows, products set upright.

use std::sync::Arc;

use plantain_media::check::{Outcome, check};
use plantain_media::compose::{
    Backdrop, Composition, Grade, Lamp, MATCHED_MAX, NORMALISED_MAX, STRAIGHTENED_MAX, Scene, Shadow, compose,
    straightened, tilt,
};
use plantain_media::encode::{Chroma, EncodeOptions, Provenance, encode};
use plantain_media::finish::{FinishOptions, finish};
use plantain_media::picture::{Cutout, Matte, Picture, Rect};
use plantain_media::preset::{Format, Presets};
use proptest::prelude::*;

use crate::compose::photographed;

const SAND: [u8; 3] = [0xf4, 0xe9, 0xdd];
const CLAY: [u8; 3] = [0xc9, 0xa8, 0x8c];

/// A product of one colour where `covers` says so, on a photo of another.
fn shaped(size: (u32, u32), color: [u8; 3], covers: impl Fn(f32, f32) -> f32) -> Cutout {
    let places = (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x as f32 + 0.5, y as f32 + 0.5)));
    let alpha = places.map(|(x, y)| (covers(x, y).clamp(0.0, 1.0) * 255.0) as u8).collect();
    let matte = Matte::new(size.0, size.1, alpha);
    let whole = Rect { x: 0, y: 0, width: size.0, height: size.1 };
    let product = matte.bounds(128).unwrap_or(whole);
    Cutout { color: Picture::filled(size.0, size.1, color), matte, origin: whole, photo: size, product, gaps: 0 }
}

/// A dark block that stands.
fn block() -> Cutout {
    shaped((200, 200), [60, 70, 80], |x, y| f32::from((60.0..140.0).contains(&x) && (40.0..160.0).contains(&y)))
}

fn on(backdrop: Backdrop, shadow: Shadow) -> Scene {
    Scene { canvas: (400, 400), fill: 0.6, backdrop, shadow, seed: 7, ..Scene::default() }
}

fn reflecting() -> Scene {
    Scene { reflection: true, ..on(Backdrop::White, Shadow::None) }
}

fn jpeg(done: &Composition) -> Vec<u8> {
    let options = EncodeOptions {
        format: Format::Jpeg,
        max_bytes: 8 << 20,
        min_bytes: None,
        min_jpeg_quality: None,
        chroma: Chroma::Full,
        min_dpi: None,
        provenance: Provenance::Photographed,
    };
    encode(&done.picture, &options).unwrap().bytes
}

#[test]
fn colours_are_exact_wherever_nothing_lies_before_them() {
    let done = compose(&block(), &on(Backdrop::Plain(SAND), Shadow::None));
    let beside = done.picture.rgb().chunks(3).zip(done.matte.alpha()).filter(|(_, alpha)| **alpha == 0);
    assert!(beside.into_iter().all(|(pixel, _)| pixel == SAND));
}

#[test]
fn a_gradient_goes_evenly_from_one_colour_to_the_other() {
    let done = compose(&block(), &on(Backdrop::Gradient { top: SAND, bottom: CLAY }, Shadow::None));
    let near = |pixel: [u8; 3], color: [u8; 3]| pixel.iter().zip(color).all(|(a, b)| a.abs_diff(b) <= 1);
    assert!(near(done.picture.pixel(3, 0), SAND) && near(done.picture.pixel(3, 399), CLAY));
    let mean = |y: u32| (0..60).map(|x| u32::from(done.picture.pixel(x, y)[2])).sum::<u32>() as f32 / 60.0;
    for y in 0..396 {
        let expected = f32::from(SAND[2]) + (f32::from(CLAY[2]) - f32::from(SAND[2])) * (y as f32 / 399.0);
        assert!((mean(y) - expected).abs() < 0.6, "row {y}: {} for {expected}", mean(y));
    }
    let flat = compose(&block(), &on(Backdrop::Gradient { top: CLAY, bottom: CLAY }, Shadow::None));
    assert_eq!(flat, compose(&block(), &on(Backdrop::Plain(CLAY), Shadow::None)));
}

#[test]
fn a_reflection_begins_at_the_product_fades_and_ends_before_the_frame() {
    let done = compose(&block(), &reflecting());
    let product = done.matte.bounds(128).unwrap();
    let (middle, foot) = (product.x + product.width / 2, product.y + product.height);
    let levels: Vec<u8> = (foot..400).map(|y| done.picture.pixel(middle, y)[0]).collect();
    assert!((185..230).contains(&levels[1]), "faint, and there: {}", levels[1]);
    assert!(levels.windows(2).all(|pair| pair[0] <= pair[1].saturating_add(1)), "it only fades: {levels:?}");
    assert!(levels[60] > levels[1] + 12, "{levels:?}");
    assert!(levels[levels.len() - 11..].iter().all(|level| *level == 255), "the frame is clear: {levels:?}");
    let without = compose(&block(), &on(Backdrop::White, Shadow::None));
    for (x, y) in [(product.x - 4, foot + 4), (product.x + product.width + 4, foot + 4), (middle, product.y - 4)] {
        assert_eq!(done.picture.pixel(x, y), without.picture.pixel(x, y), "only below: {x},{y}");
    }
    assert_eq!(done.matte, without.matte, "a reflection is no product");
}

#[test]
fn a_reflection_without_room_is_left_out() {
    let full = Scene { fill: 0.97, ..reflecting() };
    let plain = Scene { reflection: false, ..full.clone() };
    assert_eq!(compose(&block(), &full), compose(&block(), &plain));
}

/// Levels taken off white at both sides of the product.
fn shade_beside(lamp: Lamp) -> (u64, u64, Composition) {
    let done = compose(&block(), &Scene { lamp, ..on(Backdrop::White, Shadow::Thrown) });
    let product = done.matte.bounds(128).unwrap();
    let (mut left, mut right) = (0, 0);
    for y in product.y..product.y + product.height {
        left += (0..product.x - 2).map(|x| u64::from(255 - done.picture.pixel(x, y)[0])).sum::<u64>();
        right +=
            (product.x + product.width + 2..400).map(|x| u64::from(255 - done.picture.pixel(x, y)[0])).sum::<u64>();
    }
    (left, right, done)
}

#[test]
fn a_thrown_shadow_lies_away_from_the_lamp_and_touches_the_product() {
    let (left, right, done) = shade_beside(Lamp { across: -0.8 });
    assert!(right > 6 * left.max(1) && right > 10_000, "{left} {right}");
    let product = done.matte.bounds(128).unwrap();
    let beside = done.picture.pixel(product.x + product.width + 2, product.y + product.height - 6)[0];
    assert!(beside < 215, "it begins at the foot: {beside}");
    let below = done.picture.pixel(product.x + product.width / 2, product.y + product.height + 1)[0];
    assert!(below < 170, "the contact is darkest: {below}");
    let (left, right, _) = shade_beside(Lamp { across: 0.8 });
    assert!(left > 6 * right.max(1) && left > 10_000, "{left} {right}");
    let (left, right, _) = shade_beside(Lamp { across: 0.0 });
    assert!(left.abs_diff(right) < 2_000, "light from everywhere throws none: {left} {right}");
}

#[test]
fn no_shadow_reaches_the_frame() {
    for shadow in [Shadow::Contact, Shadow::Thrown, Shadow::Soft] {
        for fill in [0.2, 0.6, 0.98] {
            let scene = Scene { fill, reflection: true, ..on(Backdrop::White, shadow) };
            let wide = shaped((300, 90), [9; 3], |_, y| f32::from(y > 10.0));
            for cutout in [block(), wide] {
                let done = compose(&cutout, &scene);
                let frame = (0..400).flat_map(|at| [(at, 0), (at, 399), (0, at), (399, at)]);
                for (x, y) in frame.filter(|(x, y)| done.matte.at(*x, *y) == 0) {
                    assert_eq!(done.picture.pixel(x, y), [255; 3], "{shadow:?} {fill} at {x},{y}");
                }
            }
        }
    }
}

/// A wall that is brighter towards one side, with a dark thing at the other.
fn wall(brighter: impl Fn(f32) -> f32, tint: [f32; 3]) -> Picture {
    let mut picture = Picture::filled(300, 200, [0; 3]);
    for (at, pixel) in picture.rgb_mut().chunks_exact_mut(3).enumerate() {
        let (x, y) = ((at % 300) as f32 / 300.0, at / 300);
        let vase = (0.2..0.3).contains(&x) && y > 120;
        let level = if vase { 20.0 } else { 120.0 + 100.0 * brighter(x) };
        pixel.iter_mut().zip(tint).for_each(|(v, tint)| *v = (level * tint) as u8);
    }
    picture
}

#[test]
fn the_light_of_a_backdrop_is_where_it_is_brighter() {
    let across = |picture: &Picture| Lamp::of(picture).across;
    assert!(across(&wall(|x| x, [1.0; 3])) > 0.5);
    assert!(across(&wall(|x| 1.0 - x, [1.0; 3])) < -0.5);
    assert_eq!(across(&wall(|_| 0.5, [1.0; 3])), 0.0, "a vase is no light");
    for (width, height) in [(1, 1), (1, 90), (90, 1), (33, 31)] {
        assert_eq!(across(&Picture::filled(width, height, [0; 3])), 0.0);
    }
}

fn lab(rgb: [u8; 3]) -> [f64; 3] {
    let linear = |v: u8| {
        let v = f64::from(v) / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    };
    let [r, g, b] = rgb.map(linear);
    let f = |t: f64| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    let x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
    let y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
    let z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn difference(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (lab(one), lab(other));
    (0..3).map(|c| (one[c] - other[c]).powi(2)).sum::<f64>().sqrt()
}

/// The largest difference over all but a thousandth of the product, and the mean one.
fn moved(cutout: &Cutout, grade: Grade) -> (f64, f64) {
    // At the photo's own size, since what is made smaller is sharpened, too.
    let side = cutout.product.width.max(cutout.product.height);
    let scene = Scene { canvas: (side, side), fill: 1.0, ..on(Backdrop::White, Shadow::None) };
    let (before, after) = (compose(cutout, &scene), compose(cutout, &Scene { grade, ..scene }));
    let product = before.picture.rgb().as_chunks::<3>().0.iter().zip(after.picture.rgb().as_chunks::<3>().0);
    let inside = product.zip(before.matte.alpha()).filter(|(_, alpha)| **alpha == 255);
    let mut moves: Vec<f64> = inside.map(|((one, other), _)| difference(*one, *other)).collect();
    moves.sort_by(f64::total_cmp);
    (moves[(moves.len() - 1) * 999 / 1000], moves.iter().sum::<f64>() / moves.len() as f64)
}

#[test]
fn a_cast_on_the_photos_greys_is_taken_out_of_the_product_within_bounds() {
    let mut cutout = block();
    cutout.color = Picture::filled(200, 200, [150, 140, 125]);
    let photo = Picture::filled(200, 200, [200, 188, 172]);
    let grade = Grade::of_photo(&photo, &cutout);
    assert!(grade.gains[0] < grade.gains[1] && grade.gains[1] < grade.gains[2], "{:?}", grade.gains);
    let (largest, _) = moved(&cutout, grade);
    assert!(largest > 1.0 && largest < f64::from(NORMALISED_MAX) + 0.8, "{largest}");
}

#[test]
fn where_nothing_is_grey_nothing_is_normalised() {
    for around in [[200, 40, 40], [30, 160, 60], [0; 3], [255; 3]] {
        assert!(Grade::of_photo(&Picture::filled(200, 200, around), &block()).is_neutral(), "{around:?}");
    }
    let everything = shaped((50, 50), [120; 3], |_, _| 1.0);
    assert!(Grade::of_photo(&everything.color, &everything).is_neutral(), "there is no background");
}

#[test]
fn the_product_keeps_its_identity_under_any_grade() {
    // Rounding to bytes before and after, which in dark cloth is as much.
    const SLACK: f64 = 0.8;
    for name in ["mug", "tshirt", "headphones"] {
        let cutout = photographed(name);
        let normalised = Grade::of_photo(&cutout.color, &cutout);
        let (largest, mean) = moved(&cutout, normalised);
        assert!(largest <= f64::from(NORMALISED_MAX) + SLACK && mean <= f64::from(NORMALISED_MAX), "{name}: {largest}");
        let orange = wall(|x| x, [1.0, 0.55, 0.2]);
        let (largest, mean) = moved(&cutout, normalised.toward(&orange, &cutout));
        assert!(largest <= f64::from(MATCHED_MAX) + SLACK && mean > 0.2, "{name}: {largest} {mean}");
    }
    let wild = Grade { gains: [3.0, 0.2, 1.0] }.held(&block(), 2.0);
    assert!(moved(&block(), wild).0 <= 3.0);
}

/// A bottle: a tall body with a neck, leaning clockwise.
fn leaning(degrees: f32) -> Cutout {
    let (sin, cos) = degrees.to_radians().sin_cos();
    shaped((300, 400), [90, 120, 60], move |x, y| {
        let (x, y) = (x - 150.0, y - 200.0);
        let (x, y) = (x * cos + y * sin, y * cos - x * sin);
        let half = if y < -60.0 { 20.0 } else { 60.0 };
        (half - x.abs()).min(140.0 - y.abs()) + 0.5
    })
}

#[test]
fn a_leaning_product_is_measured_and_set_upright() {
    for degrees in [-6.5, -3.0, -1.0, 0.0, 0.8, 2.5, 5.0, 7.0] {
        let cutout = leaning(degrees);
        let found = tilt(&cutout).unwrap();
        assert!((found - degrees).abs() < 0.5, "{found} for {degrees}");
        let upright = straightened(&cutout, found);
        let left = tilt(&upright).unwrap();
        assert!(left.abs() < 0.5, "{left} is left of {degrees}");
        let area = |cutout: &Cutout| cutout.matte.alpha().iter().map(|a| f64::from(*a)).sum::<f64>() / 255.0;
        assert!((area(&upright) / area(&cutout) - 1.0).abs() < 0.01, "nothing is lost");
        let pixel = upright.color.pixel(upright.color.width() / 2, upright.color.height() / 2);
        assert_eq!(pixel, [90, 120, 60], "and no colour changes");
    }
}

#[test]
fn what_has_no_axis_is_never_said_to_lean() {
    let disc = shaped((300, 300), [9; 3], |x, y| 120.0 - (x - 150.0).hypot(y - 150.0));
    assert_eq!(tilt(&disc), None);
    let shoe = shaped((300, 300), [9; 3], |x, y| {
        f32::from(
            (40.0..260.0).contains(&x) && y < 240.0 && y > if x < 130.0 { 60.0 } else { 60.0 + (x - 130.0) * 1.2 },
        )
    });
    assert_eq!(tilt(&shoe), None);
    assert_eq!(tilt(&shaped((4, 4), [9; 3], |_, _| 1.0)), None, "too small to tell");
    assert!(tilt(&leaning(9.0)).is_none_or(|found| found > STRAIGHTENED_MAX), "put so on purpose");
}

#[test]
fn a_scene_that_a_marketplace_refuses_fails_its_check_and_is_finished_pure_white() {
    let presets = Presets::builtin();
    let amazon = presets.get("amazon_main").unwrap();
    let whole = |scene: Scene| Scene { canvas: amazon.canvas, fill: amazon.fill.target, ..scene };
    let wide = shaped((400, 200), [60, 70, 80], |x, y| f32::from((20.0..380.0).contains(&x) && y > 20.0 && y < 180.0));
    for (scene, rule) in [
        (on(Backdrop::Plain(SAND), Shadow::None), "background"),
        (on(Backdrop::Gradient { top: SAND, bottom: CLAY }, Shadow::Thrown), "background"),
        (Scene { reflection: true, ..on(Backdrop::White, Shadow::Contact) }, "background"),
        (on(Backdrop::White, Shadow::Thrown), "shadow"),
    ] {
        let done = compose(&wide, &whole(scene));
        let report = check(&jpeg(&done), None, amazon, Some(&done.matte));
        let failed: Vec<String> =
            report.results.iter().filter(|r| r.outcome == Outcome::Fail).map(|r| r.rule.to_owned()).collect();
        assert!(!report.passed && !failed.is_empty(), "{rule}: {failed:?}");
        let finished = finish(&done.picture, &done.matte, amazon, &FinishOptions::default()).unwrap();
        let report = check(&finished.bytes, None, amazon, Some(&finished.matte));
        assert!(report.passed, "{rule}: finished, it passes");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let cutout = photographed("mug");
    let backdrop = Arc::new(wall(|x| x, [1.0, 0.9, 0.8]));
    for scene in [
        Scene { reflection: true, ..on(Backdrop::Gradient { top: SAND, bottom: CLAY }, Shadow::Thrown) },
        Scene { grade: Grade::NEUTRAL.toward(&backdrop, &cutout), ..on(Backdrop::Picture(backdrop), Shadow::Thrown) },
    ] {
        let first = jpeg(&compose(&cutout, &scene));
        assert!(first == jpeg(&compose(&cutout, &scene)));
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert!(first == alone.install(|| jpeg(&compose(&cutout, &scene))), "on one thread as on many");
        assert!(first != jpeg(&compose(&cutout, &Scene { seed: 8, ..scene })));
    }
    let upright = straightened(&cutout, 3.3);
    assert!(upright == straightened(&cutout, 3.3));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Tiny, huge, transparent, cut by the frame: whatever comes in, a picture of the canvas's size comes out.
    #[test]
    fn no_size_and_no_shape_panics(
        (width, height) in (1u32..70, 1u32..70),
        canvas in (1u32..90, 1u32..90),
        fill in 0.02f32..1.0,
        alphas in proptest::collection::vec(prop_oneof![Just(0u8), Just(255), any::<u8>()], 1..64),
        across in -1.0f32..1.0,
        degrees in -8.0f32..8.0,
        shadow in prop_oneof![Just(Shadow::None), Just(Shadow::Contact), Just(Shadow::Thrown), Just(Shadow::Soft)],
        pick in 0usize..4,
    ) {
        let pixels = (width * height) as usize;
        let matte = Matte::new(width, height, (0..pixels).map(|at| alphas[at * 7 % alphas.len()]).collect());
        let whole = Rect { x: 0, y: 0, width, height };
        let product = matte.bounds(128).unwrap_or(whole);
        let color = Picture::filled(width, height, [200, 100, 50]);
        let cutout = Cutout { color, matte, origin: whole, photo: (width, height), product, gaps: 0 };
        let picture = Arc::new(Picture::filled(height, width, [90, 80, 70]));
        let backdrop = match pick {
            0 => Backdrop::White,
            1 => Backdrop::Plain(SAND),
            2 => Backdrop::Gradient { top: SAND, bottom: CLAY },
            _ => Backdrop::Picture(picture.clone()),
        };
        let grade = Grade::of_photo(&cutout.color, &cutout).toward(&picture, &cutout);
        let scene = Scene { canvas, fill, lamp: Lamp { across }, reflection: true, grade, ..on(backdrop, shadow) };
        let turned = straightened(&cutout, tilt(&cutout).unwrap_or(degrees));
        for cutout in [&cutout, &turned] {
            let done = compose(cutout, &scene);
            prop_assert_eq!((done.picture.width(), done.picture.height()), canvas);
            prop_assert_eq!((done.matte.width(), done.matte.height()), canvas);
        }
    }
}
