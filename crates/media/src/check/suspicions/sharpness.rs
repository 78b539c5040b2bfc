//! How sharp the sharpest edges of the product are: blur and enlargement both spread an edge over more pixels.

use super::Suspect;
use crate::bitmap::Bitmap;
use crate::check::report::{RuleResult, should};
use crate::picture::Picture;

/// Pixels to both sides of an edge over which its whole rise is taken.
const REACH: usize = 12;
/// Levels of a single step below which there is no edge.
const STEEP: i32 = 3;
/// Levels by which an edge may dip and still go on.
const NOISE: i32 = 1;
/// Levels of a rise that counts: texture and noise are smaller.
const STEP: u8 = 32;
/// Rows and columns of which one is looked at.
const EVERY: usize = 4;
/// Fewer edges than this tell nothing: the product is plain.
const ENOUGH: usize = 40;
/// The share of edges that a sharp picture has sharp; the others lie out of focus or are soft themselves.
const SHARPEST: f64 = 0.15;
/// Pixels from the outline, which our own mask may have made sharp.
const INSIDE: usize = 4;
/// Pixels over which the sharpest edges of a good photo are spread at most.
const SOFT_ABOVE: f64 = 3.5;

pub(super) fn rule(suspect: &Suspect<'_>) -> RuleResult {
    let result = RuleResult::new("sharpness", "Sharpness")
        .requires(format!("the sharpest edges of the product within {SOFT_ABOVE} px"));
    let Some(product) = suspect.product else { return result.found("no product found") };
    match edge_width(suspect.picture, &product.solid.shrunk(INSIDE)) {
        None => result.found("the product is too plain to tell"),
        Some(width) => result.found(words(width)).judged(
            should(width <= SOFT_ABOVE),
            "it is out of focus, moved or enlarged: use a sharper photo, or one in which the product is larger",
        ),
    }
}

/// One digit, and one more where it would hide that the edges are softer than asked for.
fn words(width: f64) -> String {
    match width > SOFT_ABOVE && format!("{width:.1}") == format!("{SOFT_ABOVE:.1}") {
        true => format!("within {:.2} px", (width * 100.0).ceil() / 100.0),
        false => format!("within {width:.1} px"),
    }
}

/// Pixels over which the sharpest edges inside `area` are spread.
fn edge_width(picture: &Picture, area: &Bitmap) -> Option<f64> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let light = |x: usize, y: usize| {
        let at = (y * width + x) * 3;
        let [r, g, b] = [0, 1, 2].map(|c| u16::from(picture.rgb()[at + c]));
        ((r + 2 * g + b) / 4) as u8
    };
    let mut widths = Vec::new();
    let mut line = vec![0; width.max(height)];
    for y in (0..height).step_by(EVERY) {
        for (from, to) in area.runs(y).filter(|(from, to)| to - from > REACH) {
            (from..to).for_each(|x| line[x - from] = light(x, y));
            spread(&line[..to - from], &mut widths);
        }
    }
    for x in (0..width).step_by(EVERY) {
        let mut length = 0;
        for y in 0..=height {
            if y < height && area.has(x, y) {
                line[length] = light(x, y);
                length += 1;
            } else {
                spread(&line[..length], &mut widths);
                length = 0;
            }
        }
    }
    if widths.len() < ENOUGH {
        return None;
    }
    let at = (widths.len() as f64 * SHARPEST) as usize;
    Some(f64::from(*widths.select_nth_unstable_by(at, f32::total_cmp).1))
}

/// The width of each edge along a line: its whole rise over its steepest step.
fn spread(line: &[u8], widths: &mut Vec<f32>) {
    for at in 1..line.len().saturating_sub(2) {
        let step = |at: usize| i32::from(line[at + 1]) - i32::from(line[at]);
        let here = step(at);
        let steeper = |other: usize| step(other) * here.signum() > here.abs();
        // Each edge is counted once, where it is first steepest.
        if here.abs() < STEEP || steeper(at + 1) || step(at - 1) * here.signum() >= here.abs() {
            continue;
        }
        let goes_on = |at: &usize| step(*at) * here.signum() >= -NOISE;
        let from = (at.saturating_sub(REACH)..at).rev().take_while(goes_on).last().unwrap_or(at);
        let to = (at + 1..(at + REACH).min(line.len() - 1)).take_while(goes_on).last().unwrap_or(at) + 1;
        let rise = line[from].abs_diff(line[to]);
        if rise >= STEP {
            widths.push(f32::from(rise) / here.abs() as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Rect;

    /// Stripes whose edges run over `over` pixels.
    fn stripes(over: f64) -> Picture {
        let mut picture = Picture::filled(400, 400, [0; 3]);
        for (at, pixel) in picture.rgb_mut().chunks_mut(3).enumerate() {
            let x = (at % 400) as f64 % 60.0;
            let up = ((x - 15.0) / over + 0.5).clamp(0.0, 1.0);
            let down = ((x - 45.0) / over + 0.5).clamp(0.0, 1.0);
            pixel.fill((60.0 + 120.0 * (up - down)) as u8);
        }
        picture
    }

    #[test]
    fn a_soft_picture_is_never_said_to_be_as_sharp_as_asked_for() {
        for (width, said) in [
            (1.04, "within 1.0 px"),
            (3.46, "within 3.5 px"),
            (3.5, "within 3.5 px"),
            (3.501, "within 3.51 px"),
            (3.54, "within 3.54 px"),
            (3.56, "within 3.6 px"),
        ] {
            assert_eq!(words(width), said, "{width}");
        }
    }

    #[test]
    fn an_edge_is_as_wide_as_it_was_drawn() {
        let all = Bitmap::rect(400, 400, Rect { x: 0, y: 0, width: 400, height: 400 });
        for over in [1.0, 2.0, 4.0, 8.0] {
            let width = edge_width(&stripes(over), &all).unwrap();
            assert!((over..over + 1.1).contains(&width), "{width} instead of {over}");
        }
        assert_eq!(edge_width(&Picture::filled(400, 400, [90; 3]), &all), None);
    }
}
