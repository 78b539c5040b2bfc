//! Cut-outs whose outline follows something that is seen, and such as follow nothing.

use plantain_media::outline::blends_in;
use plantain_media::picture::{Cutout, Matte, Picture, Rect};

use crate::compose::photographed;

const SIDE: u32 = 600;

/// A ground with grain, a thing on it, and what of it the mask takes.
fn cut(ground: u8, thing: (Rect, u8), taken: Rect) -> Cutout {
    let inside = |area: Rect, x: u32, y: u32| {
        (area.x..area.x + area.width).contains(&x) && (area.y..area.y + area.height).contains(&y)
    };
    let places = || (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y)));
    let level = |(x, y): (u32, u32)| {
        let level = if inside(thing.0, x, y) { thing.1 } else { ground };
        level - ((x * 31 + y * 17) % 7) as u8
    };
    let rgb = places().flat_map(|at| [level(at), level(at), level(at) - 8]).collect();
    let alpha = places().map(|(x, y)| if inside(taken, x, y) { 255 } else { 0 }).collect();
    let whole = Rect { x: 0, y: 0, width: SIDE, height: SIDE };
    Cutout {
        color: Picture::new(SIDE, SIDE, rgb),
        matte: Matte::new(SIDE, SIDE, alpha),
        origin: whole,
        photo: (SIDE, SIDE),
        product: taken,
        gaps: 0,
    }
}

#[test]
fn a_cut_out_of_nothing_but_ground_blends_in() {
    let thing = Rect { x: 150, y: 150, width: 300, height: 300 };
    let bar = Rect { x: 290, y: 60, width: 20, height: 480 };
    let strip = Rect { x: 240, y: 60, width: 120, height: 480 };
    for (what, cutout, blends) in [
        ("a thing", cut(190, (thing, 90), thing), false),
        ("a light thing before a light ground", cut(236, (thing, 248), thing), false),
        ("a strip of wall beside a thing", cut(190, (thing, 90), Rect { x: 20, width: 100, ..thing }), true),
        ("a bar with the wall around it", cut(190, (bar, 60), strip), true),
        ("white before the same white", cut(248, (thing, 250), thing), true),
    ] {
        assert_eq!(blends_in(&cutout), blends, "{what}");
    }
}

#[test]
fn photographed_products_stand_out() {
    for product in ["mug", "tshirt", "headphones", "basket", "glass", "pump"] {
        assert!(!blends_in(&photographed(product)), "{product}");
    }
}
