//! A person says which thing is meant, and corrects with a brush what came out.

use crate::composite::{Composite, Piece, composite, on_plain};
use crate::photos::{SEGMENTER, photo, truth};
use crate::score;
use plantain_media::cutout::{
    self, Choice, CutoutError, CutoutOptions, STROKE_POINTS_MAX, STROKES_MAX, Stroke, StrokeKind,
};
use plantain_media::picture::{Matte, Picture, Rect};

fn piece(name: &str) -> Piece {
    let folder = if name == "pump" { "tests/photos" } else { "../../examples" };
    Piece::of(&photo(&format!("{folder}/{name}.jpg")), &truth(name))
}

/// A smaller product that is meant, with a larger or more striking one at its side.
fn crowded(seed: u64) -> Composite {
    composite(seed, &piece("pump"), Some(&piece("mug")))
}

#[track_caller]
fn found(scene: &Composite, choice: Choice) -> f64 {
    let options = CutoutOptions { choice, ..CutoutOptions::default() };
    SEGMENTER
        .cut_out(&scene.picture, &options)
        .map_or(0.0, |cutout| score::iou(&score::full_matte(&cutout), &scene.truth))
}

fn middle(area: Rect) -> (u32, u32) {
    (area.x + area.width / 2, area.y + area.height / 2)
}

#[test]
fn a_box_finds_the_thing_that_is_meant() {
    let scene = crowded(7);
    let iou = found(&scene, Choice { area: Some(scene.product), ..Choice::default() });
    assert!(iou > 0.9, "{iou:.3}");
}

#[test]
fn a_point_finds_the_thing_that_is_meant() {
    let scene = crowded(7);
    let iou = found(&scene, Choice { include: vec![middle(scene.product)], ..Choice::default() });
    assert!(iou > 0.9, "{iou:.3}");
}

#[test]
fn a_point_beside_it_takes_the_other_thing_away() {
    let scene = crowded(7);
    let iou = found(&scene, Choice { exclude: vec![(scene.picture.width() - 180, 500)], ..Choice::default() });
    assert!(iou > 0.9, "{iou:.3}");
}

#[test]
fn nothing_of_a_red_background_glows_at_the_edge_on_white() {
    // Navy, so that any red in it comes from the ground.
    let scene = on_plain(&piece("tshirt"), [215, 20, 25]);
    let cutout = SEGMENTER.cut_out(&scene.picture, &CutoutOptions::default()).unwrap();
    let own = |matte: &Matte, color: &dyn Fn(usize) -> [u8; 3]| {
        let soft: Vec<f32> = (0..matte.alpha().len())
            .filter(|at| (10..245).contains(&matte.alpha()[*at]))
            .map(|at| {
                let share = f32::from(matte.alpha()[at]) / 255.0;
                let [red, green, blue] = color(at).map(f32::from);
                (red - green.max(blue)) * share
            })
            .collect();
        soft.iter().filter(|glow| **glow > 25.0).count() as f64 / soft.len() as f64
    };
    let color = |at: usize| std::array::from_fn(|channel| cutout.color.rgb()[at * 3 + channel]);
    let before = scene.picture.crop(cutout.origin);
    let untreated = |at: usize| std::array::from_fn(|channel| before.rgb()[at * 3 + channel]);
    let (glows, glowed) = (own(&cutout.matte, &color), own(&cutout.matte, &untreated));
    assert!(glowed > 0.3, "without treatment the edge would be red: {glowed:.3}");
    assert!(glows < 0.03, "{glows:.3} of the soft edge is red");
}

#[test]
fn points_outside_the_photo_are_an_error() {
    let scene = Picture::filled(200, 100, [9; 3]);
    for choice in [
        Choice { include: vec![(200, 0)], ..Choice::default() },
        Choice { exclude: vec![(0, u32::MAX)], ..Choice::default() },
    ] {
        let options = CutoutOptions { choice, ..CutoutOptions::default() };
        assert!(matches!(SEGMENTER.cut_out(&scene, &options), Err(CutoutError::PointOutside)));
    }
}

/// The mug, its exact matte, and the middle of its handle's opening.
fn mug() -> (Picture, Matte, (u32, u32)) {
    let truth = truth("mug");
    let area = truth.bounds(128).unwrap();
    (photo("../../examples/mug.jpg"), truth, (area.x + area.width * 82 / 100, area.y + area.height * 55 / 100))
}

fn stroke(kind: StrokeKind, path: Vec<(u32, u32)>, radius: u32) -> Stroke {
    Stroke { kind, path, radius }
}

fn with_block(matte: &Matte, area: Rect, value: u8) -> Matte {
    let mut matte = matte.clone();
    let width = matte.width();
    for y in area.y..area.y + area.height {
        for x in area.x..area.x + area.width {
            matte.alpha_mut()[(y * width + x) as usize] = value;
        }
    }
    matte
}

#[test]
fn one_dab_opens_a_hole_that_was_filled() {
    let (photo, truth, hole) = mug();
    // Everything in and around the handle's opening counts as product.
    let area = Rect { x: hole.0 - 60, y: hole.1 - 90, width: 100, height: 180 };
    let filled = with_block(&truth, area, 255);
    let spoiled = score::mae(&filled, &truth);
    let erased = cutout::corrected(&photo, &filled, &[stroke(StrokeKind::Erase, vec![hole], 20)]).unwrap();
    let left = score::mae(&erased, &truth);
    assert!(left < spoiled * 0.35, "the error went from {spoiled:.5} to {left:.5}");
    assert_eq!(erased.at(hole.0, hole.1), 0);
}

#[test]
fn a_stroke_brings_back_what_was_lost_up_to_its_edge() {
    let (photo, truth, _) = mug();
    let area = truth.bounds(128).unwrap();
    let lost = Rect { x: area.x, y: area.y + area.height / 2, width: 130, height: 140 };
    let spoiled = with_block(&truth, lost, 0);
    let path = vec![(lost.x + 60, lost.y + 15), (lost.x + 70, lost.y + 120)];
    let kept = cutout::corrected(&photo, &spoiled, &[stroke(StrokeKind::Keep, path, 25)]).unwrap();
    let (before, after) = (score::mae(&spoiled, &truth), score::mae(&kept, &truth));
    assert!(after < before * 0.35, "the error went from {before:.5} to {after:.5}");
}

#[test]
fn strokes_are_heeded_to_the_letter_and_change_nothing_far_away() {
    let (photo, truth, hole) = mug();
    let at = (truth.bounds(128).unwrap().x + 200, hole.1);
    let strokes =
        [stroke(StrokeKind::Erase, vec![at, (at.0, at.1 + 60)], 10), stroke(StrokeKind::Keep, vec![(100, 100)], 9)];
    let corrected = cutout::corrected(&photo, &truth, &strokes).unwrap();
    for (x, y) in [at, (at.0 + 9, at.1 + 30), (at.0, at.1 + 69)] {
        assert_eq!(corrected.at(x, y), 0, "{x} {y}");
    }
    assert_eq!((corrected.at(100, 100), corrected.at(108, 100)), (255, 255));
    for (x, y) in [(at.0 + 150, at.1), (1500, 1400), (300, 100)] {
        assert_eq!(corrected.at(x, y), truth.at(x, y), "{x} {y}");
    }
    assert_eq!(cutout::corrected(&photo, &truth, &strokes).unwrap(), corrected, "the same strokes give the same bytes");
    assert_eq!(cutout::corrected(&photo, &truth, &[]).unwrap(), truth);
    let again = cutout::from_alpha(&photo, &corrected).unwrap();
    assert_eq!(cutout::whole_matte(&again), corrected, "what was corrected is cut out as it is");
}

#[test]
fn strange_strokes_do_no_harm() {
    let picture = Picture::filled(90, 70, [10, 200, 30]);
    let matte = Matte::new(90, 70, vec![255; 90 * 70]);
    for (path, radius) in [
        (vec![], 10),
        (vec![(u32::MAX, u32::MAX)], 3),
        (vec![(0, 0), (89, 69), (u32::MAX, 0)], u32::MAX),
        (vec![(45, 35)], 0),
    ] {
        for kind in [StrokeKind::Keep, StrokeKind::Erase] {
            assert!(cutout::corrected(&picture, &matte, &[stroke(kind, path.clone(), radius)]).is_ok());
        }
    }
    let speck = Picture::filled(1, 1, [0; 3]);
    let dab = stroke(StrokeKind::Erase, vec![(0, 0)], 1);
    let erased = cutout::corrected(&speck, &Matte::new(1, 1, vec![255]), std::slice::from_ref(&dab)).unwrap();
    assert_eq!(erased.alpha(), [0]);
    let many = vec![dab; STROKES_MAX + 1];
    assert!(matches!(cutout::corrected(&picture, &matte, &many), Err(CutoutError::TooManyStrokes)));
    let long = stroke(StrokeKind::Keep, vec![(1, 1); STROKE_POINTS_MAX + 1], 1);
    assert!(matches!(cutout::corrected(&picture, &matte, &[long]), Err(CutoutError::TooManyStrokes)));
    assert!(matches!(cutout::corrected(&speck, &matte, &[]), Err(CutoutError::SizeMismatch)));
}

#[test]
fn strokes_are_bounded_together_first_points_included() {
    const SIZE: (u32, u32) = (90, 70);
    let whole = |count: usize| vec![stroke(StrokeKind::Keep, vec![(45, 35)], 90); count];
    for (strokes, soon) in [
        (vec![], true),
        (whole(32), true),
        (whole(33), false),
        (vec![stroke(StrokeKind::Erase, vec![(45, 35); 33], 90)], false),
        (vec![stroke(StrokeKind::Erase, vec![(3, 3); STROKE_POINTS_MAX], 1)], true),
        (vec![stroke(StrokeKind::Keep, vec![(u32::MAX, 0); STROKE_POINTS_MAX], u32::MAX); STROKES_MAX], false),
    ] {
        assert_eq!(cutout::drawn_soon(&strokes, SIZE), soon, "{} strokes", strokes.len());
    }
    let (picture, matte) = (Picture::filled(SIZE.0, SIZE.1, [9; 3]), Matte::new(SIZE.0, SIZE.1, vec![255; 90 * 70]));
    assert!(matches!(cutout::corrected(&picture, &matte, &whole(33)), Err(CutoutError::TooManyStrokes)));
}

#[test]
fn what_strokes_reach_is_known_from_them_alone() {
    let size = (1000, 800);
    let [left, right] = [(100, 100), (700, 650)].map(|at| stroke(StrokeKind::Keep, vec![at], 10));
    let one = cutout::reached(std::slice::from_ref(&left), size).unwrap();
    let both = cutout::reached(&[left, right], size).unwrap();
    assert_eq!((both.x, both.y), (one.x, one.y));
    assert!(both.x + both.width > 700 && both.y + both.height > 650 && one.x + one.width < 300);
    assert_eq!(cutout::reached(&[], size), None);
    assert_eq!(cutout::reached(&[stroke(StrokeKind::Keep, vec![(3, 3)], 2)], (0, 9)), None);
}
