//! Which of the things that stand out is the product.
//!
//! A product photo has one subject; a spoon at its side also stands out. Connected parts are scored by size and
//! closeness to the middle, and weak ones are cleared together with the soft fringe around them. Parts hang together
//! through faint pixels too, so a thin arm is not torn off where the network hesitated, and holes stay as they are.

use std::collections::VecDeque;

use super::choice::Marks;
use super::plane::Plane;
use crate::picture::Rect;

/// Coverage from which pixels hang together.
const LINK: f32 = 0.3;
/// Coverage that a part must reach somewhere to count, and that makes up its area.
const SOLID: f32 = 0.5;
/// Fringe fainter than this belongs to nothing.
const FAINT: f32 = 0.02;
/// Parts that score less than this share of the best are not the product.
const KEEP_SHARE: f64 = 0.2;
/// How fast closeness to the middle falls off, as a share of the sides.
const SIGMA: f64 = 0.3;

/// What is taken for the product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// The one that is large and near the middle, with all that hangs on it.
    #[default]
    OneProduct,
    /// Everything that stands out: sets, pairs, things laid out side by side.
    Everything,
}

#[derive(Clone, Copy, Default)]
struct Part {
    area: u32,
    x: f64,
    y: f64,
}

impl Part {
    /// Area times closeness to the middle of the plane.
    fn score(&self, plane: &Plane) -> f64 {
        if self.area == 0 {
            return 0.0;
        }
        let area = f64::from(self.area);
        let off = |sum: f64, side: usize| (sum / area + 0.5) / side as f64 - 0.5;
        let (x, y) = (off(self.x, plane.width), off(self.y, plane.height));
        area * (-(x * x + y * y) / (2.0 * SIGMA * SIGMA)).exp()
    }
}

/// Clears everything that is not the product. Returns how many solid pixels stay.
///
/// What a person marked outweighs size and place: where something is included, nothing else is kept beside it, and what
/// is excluded is not the product unless the same part is included too.
pub(super) fn keep_product(plane: &mut Plane, keep: Keep, marks: &Marks) -> u32 {
    let (mut labels, parts) = label(plane);
    let included = marked(plane, &labels, &marks.include);
    let excluded = marked(plane, &labels, &marks.exclude);
    let score = |(name, part): (usize, &Part)| match (included.is_empty(), included.contains(&(name as u32))) {
        (true, _) if excluded.contains(&(name as u32)) => 0.0,
        (true, _) | (_, true) => part.score(plane),
        (false, false) => 0.0,
    };
    let scores: Vec<f64> = parts.iter().enumerate().map(score).collect();
    let best = scores.iter().copied().fold(0.0, f64::max);
    let least = match keep {
        Keep::OneProduct if included.is_empty() => best * KEEP_SHARE,
        Keep::OneProduct | Keep::Everything => 0.0,
    };
    let kept: Vec<bool> = scores.iter().map(|score| *score > 0.0 && *score >= least).collect();
    claim_fringe(plane, &mut labels);
    for (value, label) in plane.values.iter_mut().zip(&labels) {
        if *label == NONE || !kept[*label as usize] {
            *value = 0.0;
        }
    }
    parts.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(part, _)| part.area).sum()
}

/// The parts that marks lie on, or close beside.
fn marked(plane: &Plane, labels: &[u32], marks: &[(usize, usize)]) -> Vec<u32> {
    let hit = |mark: &(usize, usize)| Marks::around(plane, *mark).map(|at| labels[at]).find(|label| *label != NONE);
    marks.iter().filter_map(hit).collect()
}

/// The smallest box around everything of at least `threshold`.
pub(super) fn bounds(plane: &Plane, threshold: f32) -> Option<Rect> {
    let rows: Vec<&[f32]> = plane.values.chunks_exact(plane.width).collect();
    let holds = |row: &&[f32]| row.iter().any(|value| *value >= threshold);
    let top = rows.iter().position(holds)?;
    let bottom = rows.iter().rposition(holds)?;
    let ends = rows[top..=bottom].iter().filter_map(|row| {
        let first = row.iter().position(|value| *value >= threshold)?;
        Some((first, row.iter().rposition(|value| *value >= threshold)?))
    });
    let (left, right) = ends.fold((usize::MAX, 0), |(left, right), (first, last)| (left.min(first), right.max(last)));
    Some(Rect { x: left as u32, y: top as u32, width: (right + 1 - left) as u32, height: (bottom + 1 - top) as u32 })
}

const NONE: u32 = u32::MAX;

/// Labels connected pixels of at least `LINK`, diagonals included.
fn label(plane: &Plane) -> (Vec<u32>, Vec<Part>) {
    let mut labels = vec![NONE; plane.values.len()];
    let mut parts = Vec::new();
    let mut stack = Vec::new();
    for start in 0..labels.len() {
        if labels[start] != NONE || plane.values[start] < LINK {
            continue;
        }
        let name = parts.len() as u32;
        let mut part = Part::default();
        labels[start] = name;
        stack.push(start);
        while let Some(at) = stack.pop() {
            if plane.values[at] >= SOLID {
                part.area += 1;
                part.x += (at % plane.width) as f64;
                part.y += (at / plane.width) as f64;
            }
            for next in neighbours(plane, at) {
                if labels[next] == NONE && plane.values[next] >= LINK {
                    labels[next] = name;
                    stack.push(next);
                }
            }
        }
        parts.push(part);
    }
    (labels, parts)
}

/// Gives every faint pixel to the part that reaches it first, walking through faint pixels only.
fn claim_fringe(plane: &Plane, labels: &mut [u32]) {
    let mut queue: VecDeque<usize> = (0..labels.len()).filter(|at| labels[*at] != NONE).collect();
    while let Some(at) = queue.pop_front() {
        for next in neighbours(plane, at) {
            if labels[next] == NONE && plane.values[next] >= FAINT {
                labels[next] = labels[at];
                queue.push_back(next);
            }
        }
    }
}

fn neighbours(plane: &Plane, at: usize) -> impl Iterator<Item = usize> + use<> {
    let (width, height) = (plane.width, plane.height);
    let (x, y) = (at % width, at / width);
    let columns = x.saturating_sub(1)..=(x + 1).min(width - 1);
    let rows = y.saturating_sub(1)..=(y + 1).min(height - 1);
    rows.flat_map(move |row| columns.clone().map(move |column| row * width + column)).filter(move |next| *next != at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digits are tenths of coverage.
    fn drawn(rows: &[&str]) -> Plane {
        let values: Vec<f32> =
            rows.iter().flat_map(|row| row.bytes().map(|digit| f32::from(digit - b'0') / 9.0)).collect();
        Plane::new(rows[0].len(), rows.len(), values)
    }

    fn shown(plane: &Plane) -> Vec<String> {
        let digit = |value: &f32| char::from(b'0' + (value * 9.0).round() as u8);
        plane.values.chunks(plane.width).map(|row| row.iter().map(digit).collect()).collect()
    }

    #[track_caller]
    fn check(keep: Keep, before: &[&str], after: &[&str]) {
        let mut plane = drawn(before);
        keep_product(&mut plane, keep, &Marks::default());
        assert_eq!(shown(&plane), after);
    }

    #[test]
    fn a_spoon_at_the_side_goes_with_its_fringe() {
        check(
            Keep::OneProduct,
            &["000000000009", "001111000019", "019999100011", "019999100000", "001111000000"],
            &["000000000000", "001111000000", "019999100000", "019999100000", "001111000000"],
        );
    }

    #[test]
    fn a_pair_or_a_row_of_three_stays_together_unasked() {
        for row in ["0990099000", "0990990990"] {
            let stray = [row, row, "0000000000", "0000000009"];
            check(Keep::OneProduct, &stray, &[row, row, "0000000000", "0000000000"]);
        }
    }

    #[test]
    fn a_set_is_kept_when_asked_for() {
        let pair = ["990000", "990000", "000000", "000090"];
        check(Keep::Everything, &pair, &pair);
    }

    #[test]
    fn a_mark_outweighs_size_and_place() {
        let pair = ["9990000", "9990000", "9990099", "0000099"];
        let only_right = ["0000000", "0000000", "0000099", "0000099"];
        let only_left = ["9990000", "9990000", "9990000", "0000000"];
        let (left, right) = ((1, 1), (6, 3));
        for (keep, include, exclude, after) in [
            (Keep::OneProduct, vec![right], vec![], only_right),
            (Keep::Everything, vec![right], vec![], only_right),
            (Keep::OneProduct, vec![], vec![left], only_right),
            (Keep::Everything, vec![], vec![right], only_left),
            (Keep::OneProduct, vec![left, right], vec![], pair),
            (Keep::OneProduct, vec![right], vec![right], only_right),
        ] {
            let mut plane = drawn(&pair);
            keep_product(&mut plane, keep, &Marks { include, exclude });
            assert_eq!(shown(&plane), after);
        }
    }

    #[test]
    fn a_thin_arm_that_fades_stays_on() {
        let arm = ["9999000", "9999339", "9999000"];
        check(Keep::OneProduct, &arm, &arm);
    }

    #[test]
    fn holes_stay_open() {
        let ring = ["99999", "90009", "90009", "99999"];
        check(Keep::OneProduct, &ring, &ring);
    }

    #[test]
    fn fog_without_a_solid_core_is_nothing() {
        let mut fog = drawn(&["444", "444"]);
        assert_eq!(keep_product(&mut fog, Keep::Everything, &Marks::default()), 0);
        assert!(fog.values.iter().all(|value| *value == 0.0));
        assert_eq!(bounds(&fog, 0.5), None);
    }

    #[test]
    fn bounds_hold_the_solid_part() {
        let plane = drawn(&["0000", "0590", "0000"]);
        assert_eq!(bounds(&plane, 0.5), Some(Rect { x: 1, y: 1, width: 2, height: 1 }));
    }
}
