//! The sign before a line: a disc with a tick, a stroke or a cross, so that it can be told without its colour.

use super::letters::blend;
use crate::picture::Picture;

/// What became of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing was asked of it.
    None,
    /// Every rule was met.
    Passed,
    /// Met, with something to look at.
    Remarked,
    /// A rule was missed.
    Failed,
}

type Point = (f32, f32);

/// Across, in pixels, and what is left free behind it.
const DISC: u32 = 20;
const FREE: u32 = 10;
/// Half the breadth of a stroke.
const HALF: f32 = 1.3;
/// The disc sits on the line as the letters do.
const SINK: u32 = 1;

const LEAF: [u8; 3] = [46, 106, 52];
const SUN: [u8; 3] = [150, 110, 0];
const BAD: [u8; 3] = [163, 49, 43];

const TICK: &[(Point, Point)] = &[((5.5, 10.5), (8.7, 13.7)), ((8.7, 13.7), (14.5, 6.8))];
const STROKE: &[(Point, Point)] = &[((10.0, 5.0), (10.0, 11.2)), ((10.0, 14.6), (10.0, 14.7))];
const CROSS: &[(Point, Point)] = &[((6.3, 6.3), (13.7, 13.7)), ((13.7, 6.3), (6.3, 13.7))];

impl Mark {
    /// Draws the sign and says how far the words behind it begin.
    pub(super) fn draw(self, on: &mut Picture, (x, y): (u32, u32)) -> u32 {
        let (color, strokes) = match self {
            Mark::None => return 0,
            Mark::Passed => (LEAF, TICK),
            Mark::Remarked => (SUN, STROKE),
            Mark::Failed => (BAD, CROSS),
        };
        let middle = DISC as f32 / 2.0;
        for row in 0..DISC {
            for column in 0..DISC {
                let pixel = (column as f32 + 0.5, row as f32 + 0.5);
                let place = ((x + column) as usize, (y + SINK + row) as usize);
                let disc = cover(middle - (pixel.0 - middle).hypot(pixel.1 - middle));
                blend(on, place, disc, color);
                let nearest = strokes.iter().map(|stroke| distance(pixel, *stroke)).fold(f32::INFINITY, f32::min);
                blend(on, place, cover(HALF - nearest), [255; 3]);
            }
        }
        DISC + FREE
    }
}

/// How much of a pixel is covered whose middle lies this far inside an edge.
fn cover(inside: f32) -> u8 {
    ((inside + 0.5).clamp(0.0, 1.0) * 255.0) as u8
}

fn distance((x, y): Point, ((ax, ay), (bx, by)): (Point, Point)) -> f32 {
    let (dx, dy) = (bx - ax, by - ay);
    let along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    (x - ax - along * dx).hypot(y - ay - along * dy)
}
