//! A border drawn around the picture: lines along opposite sides.

use crate::check::report::{RuleResult, should};
use crate::picture::Picture;

/// Share of a side within which a border ends.
const DEEPEST: f64 = 0.04;
/// Levels by which neighbouring lines differ where a border ends.
const STEP: i32 = 10;
/// Share of a line along which they do: corners and encoders take the rest.
const ALONG: f64 = 0.9;
/// Levels within which the border itself keeps, along a line.
const EVEN: u8 = 24;

pub(super) fn rule(picture: &Picture) -> RuleResult {
    let sides = [Side::Top, Side::Bottom, Side::Left, Side::Right];
    let found = sides.map(|side| border(picture, side));
    let pair = |a: usize, b: usize| found[a].is_some() && found[b].is_some();
    let bordered = pair(0, 1) || pair(2, 3);
    let measured = match (bordered, found.iter().flatten().max()) {
        (true, Some(width)) => format!("lines along the sides, up to {width} px from them"),
        _ => "none".to_owned(),
    };
    RuleResult::new("border", "Border")
        .requires("no border around the picture")
        .found(measured)
        .judged(should(!bordered), "cut the border away")
}

#[derive(Clone, Copy)]
enum Side {
    Top,
    Bottom,
    Left,
    Right,
}

/// How far from the side an even line of another colour than the next ends; `None` where none does.
fn border(picture: &Picture, side: Side) -> Option<u32> {
    let (width, height) = (picture.width(), picture.height());
    let (length, across) = match side {
        Side::Top | Side::Bottom => (width, height),
        Side::Left | Side::Right => (height, width),
    };
    let line = |depth: u32| -> Vec<[u8; 3]> {
        let at = |along: u32| match side {
            Side::Top => picture.pixel(along, depth),
            Side::Bottom => picture.pixel(along, height - 1 - depth),
            Side::Left => picture.pixel(depth, along),
            Side::Right => picture.pixel(width - 1 - depth, along),
        };
        (0..length).map(at).collect()
    };
    let deepest = (f64::from(across) * DEEPEST) as u32;
    let mut outer = line(0);
    for depth in 1..=deepest.min(across.saturating_sub(1)) {
        if !is_even(&outer) {
            return None;
        }
        let inner = line(depth);
        if differ(&outer, &inner) {
            return Some(depth);
        }
        outer = inner;
    }
    None
}

/// The line has one colour, but for a few pixels.
fn is_even(line: &[[u8; 3]]) -> bool {
    let middle = line[line.len() / 2];
    let near = |pixel: &&[u8; 3]| pixel.iter().zip(middle).all(|(a, b)| a.abs_diff(b) <= EVEN);
    line.iter().filter(near).count() as f64 >= ALONG * line.len() as f64
}

fn differ(outer: &[[u8; 3]], inner: &[[u8; 3]]) -> bool {
    let steps = |sign: i32, channel: usize| {
        let step = |(a, b): &(&[u8; 3], &[u8; 3])| sign * (i32::from(b[channel]) - i32::from(a[channel])) >= STEP;
        outer.iter().zip(inner).filter(step).count() as f64 >= ALONG * outer.len() as f64
    };
    (0..3).any(|channel| steps(1, channel) || steps(-1, channel))
}
