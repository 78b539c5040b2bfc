//! A generated picture against the photo it was made from: what a light or a camera changes is let pass, what a model
//! redraws is not.

use plantain_media::check::Outcome;
use plantain_media::check::identity::{Comparison, Shown, compare};
use plantain_media::compose::{SceneRules, compose, top_three};
use plantain_media::decode::{Limits, decode};
use plantain_media::encode::{Chroma, EncodeOptions, Provenance, encode};
use plantain_media::picture::{Cutout, Matte, Picture, Rect};
use plantain_media::preset::{Format, Preset, Presets};

use crate::compose::photographed;

const CANVAS: (u32, u32) = (1000, 1000);

/// The product laid on white, as a model would answer with it.
fn made(cutout: &Cutout) -> (Picture, Matte) {
    let preset = Preset { canvas: CANVAS, ..Presets::builtin().get("amazon_main").unwrap().clone() };
    let scene = top_three(&SceneRules::of(&preset, 1)).into_iter().next().unwrap();
    let composed = compose(cutout, &scene);
    (composed.picture, composed.matte)
}

fn compared(cutout: &Cutout, (picture, matte): &(Picture, Matte)) -> Comparison {
    let original = Shown { picture: &cutout.color, matte: &cutout.matte };
    compare(original, Shown { picture, matte }).unwrap()
}

#[track_caller]
fn same(name: &str, change: impl Fn((Picture, Matte)) -> (Picture, Matte)) {
    let cutout = photographed(name);
    let found = compared(&cutout, &change(made(&cutout)));
    assert_eq!(found.rule().outcome, Outcome::Pass, "{name}: {}", found.rule().measured);
}

#[track_caller]
fn other(name: &str, words: &str, change: impl Fn((Picture, Matte)) -> (Picture, Matte)) {
    let cutout = photographed(name);
    let found = compared(&cutout, &change(made(&cutout)));
    assert_eq!(found.rule().outcome, Outcome::Warn, "{name}: {}", found.rule().measured);
    assert!(found.rule().measured.contains(words), "{name}: {} instead of {words}", found.rule().measured);
}

/// Each product pixel anew, from its colour and place as shares of the canvas.
fn repainted(
    (mut picture, matte): (Picture, Matte),
    paint: impl Fn([f32; 3], f32, f32) -> [f32; 3],
) -> (Picture, Matte) {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    for (at, pixel) in picture.rgb_mut().chunks_exact_mut(3).enumerate().filter(|(at, _)| matte.alpha()[*at] > 0) {
        let place = ((at % width) as f32 / width as f32, (at / width) as f32 / height as f32);
        let new = paint([0, 1, 2].map(|c| f32::from(pixel[c])), place.0, place.1);
        pixel.copy_from_slice(&new.map(|v| v.round().clamp(0.0, 255.0) as u8));
    }
    (picture, matte)
}

/// Both moved through the inverse map from new places to old ones.
fn moved((picture, matte): (Picture, Matte), from: impl Fn(f64, f64) -> (f64, f64)) -> (Picture, Matte) {
    let (width, height) = (picture.width(), picture.height());
    let (mut rgb, mut alpha) = (Vec::new(), Vec::new());
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let (x, y) = from(f64::from(x), f64::from(y));
        let (x, y) = (x.clamp(0.0, f64::from(width - 2)), y.clamp(0.0, f64::from(height - 2)));
        let (across, down) = (x.fract(), y.fract());
        let (x, y) = (x as u32, y as u32);
        let blend = |get: &dyn Fn(u32, u32) -> u8| {
            let line = |y| f64::from(get(x, y)) * (1.0 - across) + f64::from(get(x + 1, y)) * across;
            (line(y) * (1.0 - down) + line(y + 1) * down).round() as u8
        };
        rgb.extend([0, 1, 2].map(|c: usize| blend(&|x, y| picture.pixel(x, y)[c])));
        alpha.push(blend(&|x, y| matte.at(x, y)));
    }
    (Picture::new(width, height, rgb), Matte::new(width, height, alpha))
}

fn turned(degrees: f64, scale: f64, made: (Picture, Matte)) -> (Picture, Matte) {
    let (sin, cos) = degrees.to_radians().sin_cos();
    moved(made, |x, y| {
        let (x, y) = ((x - 500.0) / scale, (y - 500.0) / scale);
        (cos * x - sin * y + 507.0, sin * x + cos * y + 494.0)
    })
}

fn as_jpeg(max_bytes: u64, (picture, matte): (Picture, Matte)) -> (Picture, Matte) {
    let options = EncodeOptions {
        format: Format::Jpeg,
        max_bytes,
        min_bytes: None,
        min_jpeg_quality: None,
        chroma: Chroma::Full,
        min_dpi: None,
        provenance: Provenance::Photographed,
    };
    (decode(&encode(&picture, &options).unwrap().bytes, &Limits::default()).unwrap().picture, matte)
}

/// The photo with pieces of one area in another order, as a model scrambles letters.
fn scrambled(cutout: &Cutout, area: Rect) -> Cutout {
    let mut other = cutout.clone();
    for y in area.y..area.y + area.height {
        for x in area.x..area.x + area.width {
            let from = area.x + (area.width - 1 - (x - area.x));
            let at = ((y * cutout.color.width() + x) * 3) as usize;
            other.color.rgb_mut()[at..at + 3].copy_from_slice(&cutout.color.pixel(from, y));
        }
    }
    other
}

const PRODUCTS: [&str; 3] = ["mug", "headphones", "tshirt"];

#[test]
fn the_same_product_in_another_light_size_place_and_file_is_the_same() {
    for name in PRODUCTS {
        same(name, |made| made);
        same(name, |made| as_jpeg(120_000, made));
        same(name, |made| repainted(made, |rgb, x, _| rgb.map(|v| v * (1.02 + 0.12 * x))));
        same(name, |made| repainted(made, |[r, g, b], _, y| [r * 0.94, g * 0.92, b * 0.89].map(|v| v - 6.0 * y)));
        same(name, |made| turned(2.0, 0.93, made));
    }
}

#[test]
fn a_recoloured_product_is_another() {
    for name in PRODUCTS {
        other(name, "another colour", |made| repainted(made, |[r, g, b], _, _| [b * 0.7, r * 0.9, g]));
    }
    other("mug", "another colour", |made| repainted(made, |rgb, _, _| rgb.map(|v| v * 0.35)));
    other("headphones", "redrawn", |made| {
        repainted(made, |[r, g, b], x, _| if x < 0.3 { [r + 90.0, g, b * 0.6] } else { [r, g, b] })
    });
}

#[test]
fn other_words_are_a_redrawn_part() {
    for (name, words) in [
        ("mug", Rect { x: 716, y: 928, width: 376, height: 96 }),
        ("tshirt", Rect { x: 432, y: 1100, width: 580, height: 112 }),
    ] {
        let cutout = photographed(name);
        let found = compared(&cutout, &made(&scrambled(&cutout, words)));
        let measured = found.rule().measured;
        assert!(measured.contains("a part was redrawn"), "{name}: {measured}");
        assert_eq!(found.rule().outcome, Outcome::Warn);
        let overlay = found.overlay();
        let red = overlay.rgb().chunks(3).filter(|p| p[0] > p[1].saturating_add(60)).count();
        assert!(red > 300, "{name}: the words are marked: {red} px");
    }
}

#[test]
fn a_mirrored_product_is_told() {
    for name in ["mug", "tshirt"] {
        other(name, "mirrored", |made| moved(made, |x, y| (999.0 - x, y)));
    }
}

#[test]
fn a_missing_handle_is_told() {
    other("mug", "redrawn", |(picture, mut matte)| {
        let width = matte.width() as usize;
        matte.alpha_mut().iter_mut().enumerate().filter(|(at, _)| at % width > 690).for_each(|(_, a)| *a = 0);
        (picture, matte)
    });
}

#[test]
fn what_is_too_thin_to_show_its_surface_is_not_compared() {
    for (thick, compared) in [(5, false), (12, false), (40, true)] {
        let covers = |at: u32| at % 1200 >= 20 && at % 1200 < 1180 && at / 1200 >= 20 && at / 1200 < 20 + thick;
        let matte = Matte::new(1200, 80, (0..96_000).map(|at| if covers(at) { 255 } else { 0 }).collect());
        let picture = Picture::filled(1200, 80, [120, 30, 40]);
        let shown = Shown { picture: &picture, matte: &matte };
        let found = compare(shown, shown);
        assert_eq!(found.is_some(), compared, "{thick}");
        assert!(found.is_none_or(|found| found.is_same()), "{thick}");
    }
}

#[test]
fn nothing_and_specks_are_not_compared() {
    let cutout = photographed("mug");
    let original = Shown { picture: &cutout.color, matte: &cutout.matte };
    let picture = Picture::filled(100, 100, [255; 3]);
    for side in [0, 20u32] {
        let alpha = (0..10_000u32).map(|at| if at % 100 < side && at / 100 < side { 255 } else { 0 }).collect();
        let matte = Matte::new(100, 100, alpha);
        assert!(compare(original, Shown { picture: &picture, matte: &matte }).is_none());
        assert!(compare(Shown { picture: &picture, matte: &matte }, original).is_none());
    }
}
