//! Lines of letters beside the product: captions, prices, watermarks, however small and faint.

use super::Suspect;
use crate::bitmap::Bitmap;
use crate::check::components::{Part, parts};
use crate::check::report::{RuleResult, should};
use crate::check::zones::NEAR;
use crate::compose::plane::Plane;
use crate::picture::Rect;

/// Pixels of the picture that are looked at as one where the background is not white.
const CELL: usize = 2;
/// Levels by which a stroke differs from what is around it, or from white.
const FAINT: f32 = 4.0;
const NOT_WHITE: u8 = 251;
/// Width of what is around a stroke, in cells.
const AROUND: f32 = 6.0;
/// Shares of the picture's height between which letters stand.
const HEIGHTS: (f64, f64) = (0.006, 0.12);
/// A line has this many.
const LETTERS: usize = 4;
/// Beyond this many specks a background is a scene, in which nothing is told.
const SPECKS: usize = 4000;

pub(super) fn rule(suspect: &Suspect<'_>) -> RuleResult {
    let result = RuleResult::new("lettering", "Text or watermark").requires("no letters beside the product");
    let Some(product) = suspect.product else { return result.found("no product found") };
    let mut excused = product.touched.grown(NEAR);
    if let Some(shadow) = suspect.shadow {
        excused = excused.or(&shadow.grown(NEAR));
    }
    let (strokes, scale) = match suspect.background.is_white() {
        true => (vec![suspect.levels.below(NOT_WHITE).minus(&excused)], 1),
        false => (contrast(suspect, &excused).to_vec(), CELL as u32),
    };
    let mut lines = Vec::new();
    for strokes in strokes {
        let Some(specks) = parts(&strokes).ok().filter(|specks| specks.len() <= SPECKS) else {
            return result.found("a background full of detail");
        };
        lines.extend(longest_line(&specks, strokes.height()));
    }
    let line = lines.into_iter().max_by_key(|line| line.0);
    let measured = match &line {
        None => "none".to_owned(),
        Some((letters, at)) => format!("about {letters} letters at {},{}", at.x * scale, at.y * scale),
    };
    result.found(measured).judged(should(line.is_none()), "remove text and watermarks")
}

/// Cells that are darker than what is around them, and those that are lighter: between strong strokes the ground itself is lighter than
/// their mean, and would join them.
fn contrast(suspect: &Suspect<'_>, excused: &Bitmap) -> [Bitmap; 2] {
    let (width, height) = (suspect.picture.width() as usize, suspect.picture.height() as usize);
    let all =
        Bitmap::rect(width as u32, height as u32, Rect { x: 0, y: 0, width: width as u32, height: height as u32 });
    let cells = suspect.levels.shade_cells(&all, 255, CELL);
    let mut counted = Plane::new(cells.width, cells.height);
    for (at, value) in counted.values.iter_mut().enumerate() {
        let (x, y) = (at % cells.width * CELL, at / cells.width * CELL);
        *value = if excused.has(x, y) { 0.0 } else { 1.0 };
    }
    let mut beside = cells.clone();
    beside.values.iter_mut().zip(&counted.values).for_each(|(value, counted)| *value *= counted);
    let (sums, weights) = (beside.blurred(AROUND, AROUND), counted.blurred(AROUND, AROUND));
    let differs = |at: usize| {
        let mean = sums.values[at] / weights.values[at].max(1e-3);
        if counted.values[at] > 0.0 { cells.values[at] - mean } else { 0.0 }
    };
    [1.0, -1.0].map(|sign| {
        let marks: Vec<u8> = (0..cells.values.len()).map(|at| u8::from(sign * differs(at) >= FAINT)).collect();
        Bitmap::of::<1>((cells.width as u32, cells.height as u32), &marks, |mark| mark[0] == 1)
    })
}

/// How many letters the longest line has, and where it is.
fn longest_line(specks: &[Part], height: u32) -> Option<(usize, Rect)> {
    let (least, most) = (f64::from(height) * HEIGHTS.0, f64::from(height) * HEIGHTS.1);
    let mut letters: Vec<Rect> = specks
        .iter()
        .filter(|part| {
            let Rect { width, height, .. } = part.bounds;
            let tall = f64::from(height) >= least.max(4.0) && f64::from(height) <= most;
            // Strokes fill a part of their box; frames and smears don't look like letters.
            let inked = part.area as f64 / (f64::from(width) * f64::from(height));
            tall && width <= height * 2 && inked > 0.12
        })
        .map(|part| part.bounds)
        .collect();
    letters.sort_by_key(|letter| letter.x);
    let found = (0..letters.len()).map(|first| line_from(&letters, first)).max_by_key(|line| line.0)?;
    (found.0 >= LETTERS).then_some(found)
}

/// Goes right from one letter to the next of its size on its line.
fn line_from(letters: &[Rect], first: usize) -> (usize, Rect) {
    let (mut count, mut last) = (1, letters[first]);
    for next in &letters[first + 1..] {
        let size = last.height.max(next.height);
        let gap = i64::from(next.x) - i64::from(last.x + last.width);
        if gap > i64::from(size) * 3 / 2 {
            break;
        }
        let level = (last.y + last.height).abs_diff(next.y + next.height) * 3 <= size;
        let alike = last.height.min(next.height) * 2 >= size;
        if gap >= -1 && level && alike {
            count += 1;
            last = *next;
        }
    }
    (count, letters[first])
}
