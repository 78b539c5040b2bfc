//! Scenes made of real photos with exact masks.

use plantain_media::compose::{Backdrop, Scene, SceneRules, Shadow, Sweep, compose, top_three};
use plantain_media::decode::{Limits, decode};
use plantain_media::picture::{Cutout, Matte, Picture, Rect};
use plantain_media::preset::Presets;

/// A photo of the examples, cut out by its exact mask.
pub fn photographed(name: &str) -> Cutout {
    let root = env!("CARGO_MANIFEST_DIR");
    let read = |path: String| decode(&std::fs::read(path).unwrap(), &Limits::default()).unwrap().picture;
    let own = format!("{root}/tests/photos/{name}.jpg");
    let photo = read(if std::fs::exists(&own).unwrap() { own } else { format!("{root}/../../examples/{name}.jpg") });
    let mask = read(format!("{root}/tests/photos/{name}.mask.png"));
    cut_out(photo, mask.rgb().iter().copied().step_by(3).collect())
}

fn cut_out(photo: Picture, alpha: Vec<u8>) -> Cutout {
    let size = (photo.width(), photo.height());
    let matte = Matte::new(size.0, size.1, alpha);
    let product = matte.bounds(128).unwrap();
    let origin = Rect { x: 0, y: 0, width: size.0, height: size.1 };
    Cutout { color: photo, matte, origin, photo: size, product, gaps: 0 }
}

fn scene(backdrop: Backdrop, shadow: Shadow) -> Scene {
    let canvas = (500, 500);
    Scene { title: "test", canvas, fill: 0.8, backdrop, shadow, seed: 1, ..Scene::default() }
}

#[test]
fn the_product_fills_as_asked_and_stands_in_the_middle() {
    let cutout = photographed("mug");
    for (canvas, fill) in [((500, 500), 0.88), ((300, 400), 0.5), ((400, 200), 0.95)] {
        let done = compose(&cutout, &Scene { canvas, fill, ..scene(Backdrop::White, Shadow::None) });
        let found = done.matte.bounds(128).unwrap();
        let has = (found.width as f32 / canvas.0 as f32).max(found.height as f32 / canvas.1 as f32);
        assert!((has - fill).abs() < 0.006, "{canvas:?}: {has} instead of {fill}");
        let off = (2 * found.x + found.width).abs_diff(canvas.0).max((2 * found.y + found.height).abs_diff(canvas.1));
        assert!(off <= 4, "{canvas:?}: {found:?}");
    }
}

#[test]
fn pure_white_is_white_to_the_last_pixel() {
    let done = compose(&photographed("headphones"), &scene(Backdrop::White, Shadow::None));
    let pixels = done.picture.rgb().chunks(3).zip(done.matte.alpha());
    assert!(pixels.filter(|(_, alpha)| **alpha == 0).all(|(pixel, _)| pixel == [255; 3]));
}

#[test]
fn no_dark_or_coloured_fringe_is_left_on_white() {
    // A pale disc in front of black: any bleeding of the old background would darken its edge.
    let mut photo = Picture::filled(400, 400, [0; 3]);
    let mut alpha = vec![0; 160_000];
    for (at, pixel) in photo.rgb_mut().chunks_mut(3).enumerate() {
        let (x, y) = (at % 400, at / 400);
        let inside = 150.0 - ((x as f32 - 200.0).powi(2) + (y as f32 - 200.0).powi(2)).sqrt();
        alpha[at] = (inside.clamp(0.0, 1.0) * 255.0) as u8;
        if alpha[at] > 0 {
            pixel.copy_from_slice(&[210, 205, 200]);
        }
    }
    let done = compose(&cut_out(photo, alpha), &scene(Backdrop::White, Shadow::None));
    let darkest = done.picture.rgb().iter().min().unwrap();
    assert!(*darkest >= 190, "{darkest}");
}

#[test]
fn the_sweep_shows_no_bands() {
    let done = compose(&photographed("mug"), &scene(Backdrop::Studio(Sweep { low: 222, high: 251 }), Shadow::None));
    let row = &done.picture.rgb()[..500 * 3];
    let longest = row.chunks(3).fold((0, 0, 0), |(last, run, longest), p| {
        let run = if p[0] == last { run + 1 } else { 1 };
        (p[0], run, longest.max(run))
    });
    assert!(longest.2 < 24, "{} equal pixels in a row", longest.2);
    assert!(row.chunks(3).all(|p| p[0] == p[1] && p[1] == p[2]));
}

#[test]
fn a_contact_shadow_lies_below_and_is_darkest_at_the_product() {
    let done = compose(&photographed("mug"), &scene(Backdrop::White, Shadow::Contact));
    let product = done.matte.bounds(128).unwrap();
    let mut foot =
        (product.x..product.x + product.width / 2).filter(|x| done.matte.at(*x, product.y + product.height - 3) > 250);
    let x = foot.next_back().unwrap();
    let level = |below: u32| done.picture.pixel(x, product.y + product.height + below)[0];
    assert!(level(2) < 225, "{}", level(2));
    assert!(level(2) < level(8) && level(8) < level(16), "{} {} {}", level(2), level(8), level(16));
    let above = done.picture.pixel(product.x + product.width / 2, product.y.saturating_sub(6));
    assert_eq!(above, [255; 3]);
}

#[test]
fn a_second_picture_can_be_the_backdrop() {
    let backdrop = Backdrop::Picture(std::sync::Arc::new(Picture::filled(64, 32, [10, 120, 200])));
    let done = compose(&photographed("mug"), &scene(backdrop, Shadow::None));
    assert_eq!(done.picture.pixel(3, 3), [10, 120, 200]);
}

#[test]
fn the_same_input_gives_the_same_bytes_and_another_seed_another_dither() {
    let cutout = photographed("mug");
    let studio = scene(Backdrop::Studio(Sweep { low: 222, high: 251 }), Shadow::Contact);
    let first = compose(&cutout, &studio);
    assert!(first == compose(&cutout, &studio));
    assert!(first != compose(&cutout, &Scene { seed: 2, ..studio }));
}

#[test]
fn enlarging_is_reported() {
    let cutout = photographed("mug");
    let done = compose(&cutout, &Scene { canvas: (3000, 3000), fill: 0.9, ..scene(Backdrop::White, Shadow::None) });
    assert!(done.upscaled > 2.0);
    assert_eq!(compose(&cutout, &scene(Backdrop::White, Shadow::None)).upscaled, 1.0);
}

#[test]
fn the_three_scenes_of_a_preset_differ_to_the_eye() {
    let cutout = photographed("mug");
    let rules = SceneRules { canvas: (300, 300), ..SceneRules::of(Presets::builtin().get("amazon_main").unwrap(), 1) };
    let done = top_three(&rules).map(|scene| compose(&cutout, &scene).picture);
    let differ = |a: &Picture, b: &Picture| {
        let total: u64 = a.rgb().iter().zip(b.rgb()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        total as f64 / a.rgb().len() as f64
    };
    for (a, b) in [(0, 1), (1, 2), (0, 2)] {
        assert!(differ(&done[a], &done[b]) > 1.0, "{a} and {b}");
    }
}
