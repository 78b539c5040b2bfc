//! A person's corrections: strokes of a brush that keep or erase.
//!
//! A stroke says what it covers, and means the thing under it. How far that reaches is decided by colour: from the stroke on
//! one side and from the rest of the product or background on the other, fronts advance fast through even colour of their own
//! kind and slowly across edges, and each pixel belongs to the front that arrives first. Nothing beyond the stroke's reach
//! changes, and a stroke that keeps never erases.
//!
//! The same strokes on the same matte always give the same bytes.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::fronts::{self, Fronts};
use super::plane::{self, Plane};
use super::{CutoutError, frame, guided};
use crate::picture::{Matte, Picture, Rect};

mod drawing;

/// What a stroke says of what it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrokeKind {
    /// This is the product.
    Keep,
    /// This is not.
    Erase,
}

/// One stroke, or a dab where its path is a single point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stroke {
    pub kind: StrokeKind,
    /// In pixels of the picture; a point outside is taken for the nearest inside.
    #[serde(rename = "points")]
    pub path: Vec<(u32, u32)>,
    /// Half the brush's width, in pixels.
    pub radius: u32,
}

/// The most strokes and points of their paths that are taken at once.
pub const STROKES_MAX: usize = 64;
pub const STROKE_POINTS_MAX: usize = 4096;

/// How many pictures' worth of pixels one stroke may go over, and all strokes together: each line between two points is drawn
/// by itself, so that a broad brush with many points costs more than it shows.
const PAINTED_TIMES_MAX: u64 = 8;
pub const PAINTED_TIMES_ALL_MAX: u64 = 32;

/// The longer side of the grid on which fronts advance.
const GRID: usize = 320;
/// A stroke reaches so many times its radius, and this share of the picture's longer side, beyond itself.
const REACH_RADII: f64 = 3.0;
const REACH_SHARE: f64 = 0.01;
const FIT_RADIUS: usize = 4;
const FIT_EPSILON: f32 = 1e-4;
const CRISPNESS: f32 = 1.5;
const HALF: u8 = 128;

/// The matte of `picture` with the strokes heeded, one after the other. Takes about a tenth of a second a stroke, whatever
/// the size of the picture.
pub fn corrected(picture: &Picture, matte: &Matte, strokes: &[Stroke]) -> Result<Matte, CutoutError> {
    if (picture.width(), picture.height()) != (matte.width(), matte.height()) {
        return Err(CutoutError::SizeMismatch);
    }
    let size = (picture.width(), picture.height());
    let points: usize = strokes.iter().map(|stroke| stroke.path.len()).sum();
    if strokes.len() > STROKES_MAX || points > STROKE_POINTS_MAX || !drawn_soon(strokes, size) {
        return Err(CutoutError::TooManyStrokes);
    }
    let mut matte = matte.clone();
    for stroke in strokes {
        heed(picture, &mut matte, stroke, strokes, reach_of(stroke, size));
    }
    Ok(matte)
}

/// Whether all these strokes on a picture of this size are heeded in seconds, however broad they are: what they go over,
/// each point's surroundings included, is at most [`PAINTED_TIMES_ALL_MAX`] pictures.
pub fn drawn_soon(strokes: &[Stroke], (width, height): (u32, u32)) -> bool {
    let painted = strokes.iter().map(|stroke| stroke.painted((width, height))).fold(0, u64::saturating_add);
    painted <= (u64::from(width) * u64::from(height)).saturating_mul(PAINTED_TIMES_ALL_MAX)
}

/// The part of a picture of this size that these strokes can change, whatever was drawn before them; nothing outside of it
/// does.
pub fn reached(strokes: &[Stroke], size: (u32, u32)) -> Option<Rect> {
    let regions = strokes.iter().filter_map(|stroke| region(stroke, reach_of(stroke, size), size));
    regions.reduce(|one, other| {
        let (x, y) = (one.x.min(other.x), one.y.min(other.y));
        let right = (one.x + one.width).max(other.x + other.width);
        let bottom = (one.y + one.height).max(other.y + other.height);
        Rect { x, y, width: right - x, height: bottom - y }
    })
}

/// Heeds one more stroke in place, after `earlier` ones whose places it leaves to them where it says the opposite. `keep` is
/// given the part of the matte that it may change, as it was before; nothing elsewhere changes.
pub fn stroked(
    picture: &Picture,
    matte: &mut Matte,
    stroke: &Stroke,
    earlier: &[Stroke],
    keep: impl FnOnce(Rect, Matte),
) -> Result<(), CutoutError> {
    let size = (picture.width(), picture.height());
    if size != (matte.width(), matte.height()) {
        return Err(CutoutError::SizeMismatch);
    }
    if stroke.path.len() > STROKE_POINTS_MAX || !stroke.is_drawn_soon(size) {
        return Err(CutoutError::TooManyStrokes);
    }
    let reach = reach_of(stroke, size);
    let Some(area) = region(stroke, reach, size) else { return Ok(()) };
    keep(area, matte.crop(area));
    heed(picture, matte, stroke, earlier, reach);
    Ok(())
}

impl Stroke {
    fn is_drawn_soon(&self, (width, height): (u32, u32)) -> bool {
        self.painted((width, height)) <= u64::from(width) * u64::from(height) * PAINTED_TIMES_MAX
    }

    /// Pixels that are gone over to draw it: a box around the first point and around each line.
    fn painted(&self, (width, height): (u32, u32)) -> u64 {
        let across = |a: u32, b: u32, side: u32| {
            let (a, b) = (u64::from(a.min(side)), u64::from(b.min(side)));
            (a.abs_diff(b) + 2 * u64::from(self.radius) + 2).min(u64::from(side))
        };
        let ends =
            self.path.windows(2).map(|pair| (pair[0], pair[1])).chain(self.path.first().map(|only| (*only, *only)));
        ends.map(|(a, b)| across(a.0, b.0, width) * across(a.1, b.1, height)).fold(0, u64::saturating_add)
    }
}

fn reach_of(stroke: &Stroke, (width, height): (u32, u32)) -> f64 {
    f64::from(stroke.radius) * REACH_RADII + f64::from(width.max(height)) * REACH_SHARE
}

/// Heeds one stroke that reaches `reach` pixels beyond itself. `all` is there for the strokes that say the opposite.
pub(super) fn heed(picture: &Picture, matte: &mut Matte, stroke: &Stroke, all: &[Stroke], reach: f64) {
    let size = (picture.width(), picture.height());
    let Some(area) = region(stroke, reach, size) else { return };
    let (width, height) = frame::grid(area, GRID.min(area.width.max(area.height) as usize));
    let guide = plane::resized_picture(picture, area, width, height);
    let before = plane::resized_matte(matte, area, width, height);
    let lens = Lens { area, width, height };
    let drawn = lens.drawn(stroke);
    let near = lens.near(stroke, reach);
    let product = |at: usize| before.alpha()[at] >= HALF;
    let keep = stroke.kind == StrokeKind::Keep;
    // What the stroke has to hold its own against: all that is of the other kind and out of its reach, and other strokes.
    let mut against: Vec<bool> = (0..drawn.len()).map(|at| !near[at] && product(at) != keep).collect();
    for other in all.iter().filter(|other| other.kind != stroke.kind) {
        let other = lens.drawn(other);
        against.iter_mut().zip(&other).zip(&drawn).for_each(|((against, other), drawn)| *against |= *other && !drawn);
    }
    let fronts = Fronts { guide: &guide, own: &drawn, against: &against };
    let won = fronts::first(&fronts);
    let changed: Vec<bool> = (0..won.len()).map(|at| near[at] && won[at] && product(at) != keep).collect();
    let target: Vec<f32> = (0..changed.len())
        .map(|at| match changed[at] || drawn[at] {
            true => f32::from(u8::from(keep)),
            false => f32::from(before.alpha()[at]) / 255.0,
        })
        .collect();
    let outcome = Outcome { lens, guide, target: Plane::new(width, height, target), changed };
    outcome.write(picture, matte, keep);
    lens.cover(stroke, matte, keep);
}

/// The part of the picture that a stroke can change, and a little around it to hold against.
fn region(stroke: &Stroke, reach: f64, size: (u32, u32)) -> Option<Rect> {
    let (right, bottom) = (size.0.checked_sub(1)?, size.1.checked_sub(1)?);
    let xs = || stroke.path.iter().map(|(x, _)| (*x).min(right));
    let ys = || stroke.path.iter().map(|(_, y)| (*y).min(bottom));
    let (x, y) = (xs().min()?, ys().min()?);
    let bounds = Rect { x, y, width: xs().max()? - x + 1, height: ys().max()? - y + 1 };
    let margin = (f64::from(stroke.radius) + reach * 1.5).ceil().min(f64::from(u32::MAX / 4)) as u32 + 2;
    Some(frame::padded(bounds, margin, margin, size))
}

/// A part of the picture and the grid laid over it.
#[derive(Clone, Copy)]
struct Lens {
    area: Rect,
    width: usize,
    height: usize,
}

impl Lens {
    fn scale(&self) -> f64 {
        self.width as f64 / f64::from(self.area.width)
    }

    /// The cells under a stroke; at least those that its path crosses.
    fn drawn(&self, stroke: &Stroke) -> Vec<bool> {
        self.within(stroke, (f64::from(stroke.radius) * self.scale()).max(0.7))
    }

    fn near(&self, stroke: &Stroke, reach: f64) -> Vec<bool> {
        self.within(stroke, (f64::from(stroke.radius) + reach) * self.scale())
    }

    fn within(&self, stroke: &Stroke, radius: f64) -> Vec<bool> {
        let down = self.height as f64 / f64::from(self.area.height);
        let place = |(x, y): &(u32, u32)| {
            let off = |at: u32, start: u32, scale: f64| (f64::from(at) + 0.5 - f64::from(start)) * scale;
            (off(*x, self.area.x, self.scale()), off(*y, self.area.y, down))
        };
        let path: Vec<(f64, f64)> = stroke.path.iter().map(place).collect();
        let mut set = vec![false; self.width * self.height];
        drawing::mark(&mut set, (self.width, self.height), &path, radius);
        set
    }

    /// The stroke itself, at full size and to the letter.
    fn cover(&self, stroke: &Stroke, matte: &mut Matte, keep: bool) {
        let area = self.area;
        let full = Lens { area, width: area.width as usize, height: area.height as usize };
        let covered = full.within(stroke, f64::from(stroke.radius).max(0.7));
        let stride = matte.width() as usize;
        for (y, row) in covered.chunks_exact(full.width).enumerate() {
            let start = (area.y as usize + y) * stride + area.x as usize;
            let alpha = &mut matte.alpha_mut()[start..start + full.width];
            alpha
                .iter_mut()
                .zip(row)
                .filter(|(_, covered)| **covered)
                .for_each(|(a, _)| *a = if keep { 255 } else { 0 });
        }
    }
}

/// What the fronts decided, still on the grid.
struct Outcome {
    lens: Lens,
    guide: Picture,
    target: Plane,
    changed: Vec<bool>,
}

impl Outcome {
    /// Follows the picture's own edges where something changed, at full size. Elsewhere no byte is touched.
    fn write(&self, picture: &Picture, matte: &mut Matte, keep: bool) {
        let Lens { area, width, height } = self.lens;
        let fit = guided::fit(&self.guide, &self.target, FIT_RADIUS, FIT_EPSILON);
        let touched: Vec<f32> = self.changed.iter().map(|changed| f32::from(u8::from(*changed))).collect();
        let mut touched = Plane::new(width, height, touched);
        widen(&mut touched);
        let (full_width, full_height) = (area.width as usize, area.height as usize);
        let stride = picture.width() as usize;
        let Some((columns, rows)) = surroundings(&touched, (full_width, full_height)) else { return };
        for y in rows {
            let line = fit.line(y, full_height);
            let start = (area.y as usize + y) * stride + area.x as usize;
            for x in columns.clone() {
                let share = touched.sampled(x, y, (full_width, full_height));
                if share <= 0.0 {
                    continue;
                }
                let at = start + x;
                let pixel: [u8; 3] = std::array::from_fn(|channel| picture.rgb()[at * 3 + channel]);
                let fitted = (guided::value(line.at(x, full_width), pixel) - 0.5) * CRISPNESS + 0.5;
                let fitted = (fitted.clamp(0.0, 1.0) * 255.0).round() as u8;
                let old = matte.alpha()[at];
                matte.alpha_mut()[at] = if keep { old.max(fitted) } else { old.min(fitted) };
            }
        }
    }
}

/// The columns and rows of a picture of this size outside of which no touched cell is felt; `None` where none is touched.
fn surroundings(touched: &Plane, (width, height): (usize, usize)) -> Option<(Range<usize>, Range<usize>)> {
    let cells = || (0..touched.values.len()).filter(|at| touched.values[*at] > 0.0);
    let spread = |places: &dyn Fn(usize) -> usize, coarse: usize, fine: usize| {
        let (first, last) = (cells().map(places).min()?, cells().map(places).max()?);
        let full = |cell: usize| (cell * fine).div_ceil(coarse).min(fine);
        Some(full(first.saturating_sub(2))..full(last + 3))
    };
    let columns = spread(&|at| at % touched.width, touched.width, width)?;
    Some((columns, spread(&|at| at / touched.width, touched.height, height)?))
}

/// Each cell's neighbours count as touched too: the edge lies between cells.
fn widen(plane: &mut Plane) {
    let before = plane.values.clone();
    let (width, height) = (plane.width, plane.height);
    for y in 0..height {
        for x in 0..width {
            let rows = y.saturating_sub(1)..(y + 2).min(height);
            let columns = x.saturating_sub(1)..(x + 2).min(width);
            let any = rows.flat_map(|y| columns.clone().map(move |x| y * width + x)).any(|at| before[at] > 0.0);
            plane.values[y * width + x] = f32::from(u8::from(any));
        }
    }
}
