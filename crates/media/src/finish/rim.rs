//! Takes out of a mask what is background: where a mask was found loosely, a rim of the old ground travels with the product.
//!
//! Nothing is taken unless most of the outline shows the ground's own colour inside the mask, and only what hangs together with
//! the outside in that colour, to a bounded depth. A product of the ground's colour can lose no more than that looks like.

use std::borrow::Cow;

use crate::bitmap::Bitmap;
use crate::check::components::parts;
use crate::check::veil;
use crate::compose::plane::Plane;
use crate::picture::{Matte, Picture};

/// Pixels around the mask from which the ground's colour is taken.
const BAND: usize = 8;
/// Pixels of the picture that share one value of the ground's colour, and the blur between those.
const CELL: usize = 16;
const REACH: f32 = 1.0;
/// The deepest rim, as a share of the longer side, and at least in pixels.
const DEEPEST: f64 = 0.012;
const DEEPEST_MIN: usize = 8;
/// The share of the outline that must show the ground for a mask to be called loose.
const LOOSE: f64 = 0.5;
/// Levels in which a pixel may stray from the ground around it and still be ground.
const STRAY: (f32, f32) = (6.0, 24.0);
/// The same in mean deviations of the ground itself.
const DEVIATIONS: f32 = 4.0;
/// A rim that would take more than this share of the mask is no rim.
const MOST: f64 = 0.25;
/// What is left of a rim in specks: parts smaller than this share of the largest.
const SPECK: f64 = 0.005;
/// Pixels along the new outline whose coverage is judged anew.
const SOFT: usize = 2;
/// Squared difference of product and ground under which coverage can't be told from colour.
const TOO_ALIKE: f32 = 400.0;

/// The mask without its rim, and how many pixels that took; `None` where there is none.
pub(super) fn tightened(picture: &Picture, matte: &Matte) -> Option<(Matte, u64)> {
    let size = (matte.width(), matte.height());
    let (touched, solid) = (Bitmap::covered(matte, 1), Bitmap::covered(matte, 128));
    let ground = Ground::around(picture, &touched)?;
    let deepest = DEEPEST_MIN.max((f64::from(size.0.max(size.1)) * DEEPEST) as usize);
    if !is_loose(picture, &solid, &ground, deepest) {
        return None;
    }
    let mut kept = touched.minus(&rim(picture, &touched, &ground, deepest));
    kept = without_specks(&kept)?;
    let taken = touched.minus(&kept);
    if taken.is_empty() || taken.count() as f64 > MOST * touched.count() as f64 {
        return None;
    }
    Some((softened(picture, matte, &kept, &taken, &ground), taken.count()))
}

/// Takes faint coverage out of the mask that belongs to nothing, so that the ground comes there. What is left may be a smaller
/// veil, which the check would not count as product either.
pub(super) fn lift_veil(matte: &mut Cow<'_, Matte>) {
    /// Each takes what the one before laid bare.
    const ROUNDS: usize = 8;
    let solid = Bitmap::covered(matte, 128);
    let width = matte.width() as usize;
    for _ in 0..ROUNDS {
        let veil = veil::of(matte, &solid);
        if Bitmap::covered(matte, 1).and(&veil).is_empty() {
            return;
        }
        let alpha = matte.to_mut().alpha_mut();
        each(&veil, |x, y| alpha[y * width + x] = 0);
    }
}

/// Gives pixels between two parts of the outline to it. Too narrow for a shadow to be seen in them, they would be dark specks that
/// belong to nothing.
pub(super) fn close_crevices(matte: &mut Cow<'_, Matte>) {
    /// The least coverage there is.
    const TRACE: u8 = 1;
    let touched = Bitmap::of::<1>((matte.width(), matte.height()), matte.alpha(), |a| a[0] > 0);
    let crevices = touched.grown(1).shrunk(1).minus(&touched);
    if crevices.is_empty() {
        return;
    }
    let width = matte.width() as usize;
    let alpha = matte.to_mut().alpha_mut();
    each(&crevices, |x, y| alpha[y * width + x] = TRACE);
}

/// The old background's colour near the mask.
struct Ground {
    planes: [Plane; 3],
    /// Levels within which a pixel counts as ground.
    stray: f32,
}

impl Ground {
    /// `None` where the mask reaches to every side, so that no ground is seen.
    fn around(picture: &Picture, touched: &Bitmap) -> Option<Ground> {
        let band = touched.grown(BAND).minus(touched);
        let cells = (touched.width() as usize).div_ceil(CELL);
        let mut weight = Plane::new(cells, (touched.height() as usize).div_ceil(CELL));
        let mut sums = [weight.clone(), weight.clone(), weight.clone()];
        each(&band, |x, y| {
            let cell = y / CELL * cells + x / CELL;
            weight.values[cell] += 1.0;
            let pixel = picture.pixel(x as u32, y as u32);
            (0..3).for_each(|c| sums[c].values[cell] += f32::from(pixel[c]));
        });
        // Far inside the mask no ground is near, and none is looked for.
        let planes = Plane::local_means(sums, &weight, REACH, -999.0);
        let mut ground = Ground { planes, stray: 0.0 };
        let (mut sum, mut count) = (0.0, 0u32);
        each(&band, |x, y| {
            sum += ground.distance(picture, x, y);
            count += 1;
        });
        ground.stray = (DEVIATIONS * sum / count as f32).clamp(STRAY.0, STRAY.1);
        (count > 0).then_some(ground)
    }

    fn at(&self, x: usize, y: usize) -> [f32; 3] {
        [0, 1, 2].map(|c| self.planes[c].at(x / CELL, y / CELL))
    }

    /// The channel that differs most.
    fn distance(&self, picture: &Picture, x: usize, y: usize) -> f32 {
        let (pixel, ground) = (picture.pixel(x as u32, y as u32), self.at(x, y));
        (0..3).map(|c| (f32::from(pixel[c]) - ground[c]).abs()).fold(0.0, f32::max)
    }

    fn is(&self, picture: &Picture, x: usize, y: usize) -> bool {
        self.distance(picture, x, y) <= self.stray
    }
}

pub(super) fn each(set: &Bitmap, mut visit: impl FnMut(usize, usize)) {
    for y in 0..set.height() as usize {
        for x in set.runs(y).flat_map(|(from, to)| from..to) {
            visit(x, y);
        }
    }
}

/// The second and third pixel inside the outline are product in a tight mask. A product that looks like the ground farther
/// inside looks so at its outline too, and says nothing.
fn is_loose(picture: &Picture, solid: &Bitmap, ground: &Ground, deepest: usize) -> bool {
    let alike = share_alike(picture, &solid.shrunk(1).minus(&solid.shrunk(3)), ground);
    alike >= LOOSE && {
        let inside = solid.shrunk(deepest);
        share_alike(picture, &inside.minus(&inside.shrunk(2)), ground) * 2.0 < alike
    }
}

fn share_alike(picture: &Picture, layer: &Bitmap, ground: &Ground) -> f64 {
    let (mut alike, mut all) = (0u64, 0u64);
    each(layer, |x, y| {
        alike += u64::from(ground.is(picture, x, y));
        all += 1;
    });
    alike as f64 / all.max(1) as f64
}

/// What has the ground's colour and hangs together with the outside through at most `deepest` steps.
fn rim(picture: &Picture, touched: &Bitmap, ground: &Ground, deepest: usize) -> Bitmap {
    let (width, height) = (touched.width() as usize, touched.height() as usize);
    let mut rim = Bitmap::empty(touched.width(), touched.height());
    let mut edge: Vec<(usize, usize)> = Vec::new();
    each(&touched.grown(1).minus(touched), |x, y| edge.push((x, y)));
    for _ in 0..deepest {
        let mut next = Vec::new();
        for (x, y) in edge {
            let (rows, columns) = (y.saturating_sub(1)..(y + 2).min(height), x.saturating_sub(1)..(x + 2).min(width));
            for (x, y) in rows.flat_map(|y| columns.clone().map(move |x| (x, y))) {
                if touched.has(x, y) && !rim.has(x, y) && ground.is(picture, x, y) {
                    rim.insert_run(y, x, x + 1);
                    next.push((x, y));
                }
            }
        }
        edge = next;
    }
    rim
}

/// `None` where nothing large is left, or the rest is too torn.
fn without_specks(kept: &Bitmap) -> Option<Bitmap> {
    let parts = parts(kept).ok()?;
    let least = parts.first()?.area as f64 * SPECK;
    let mut set = Bitmap::empty(kept.width(), kept.height());
    parts.iter().filter(|part| part.area as f64 >= least).for_each(|part| part.add_to(&mut set));
    Some(set)
}

/// The new mask: nothing on the rim, and along it as much as the colour says.
fn softened(picture: &Picture, matte: &Matte, kept: &Bitmap, taken: &Bitmap, ground: &Ground) -> Matte {
    let width = matte.width() as usize;
    let mut alpha = matte.alpha().to_vec();
    each(taken, |x, y| alpha[y * width + x] = 0);
    let edge = taken.grown(SOFT).and(kept);
    let inner = kept.minus(&edge);
    each(&edge, |x, y| {
        if let Some(share) = covered(picture, &inner, ground, x, y) {
            let at = y * width + x;
            alpha[at] = alpha[at].min((share * 255.0 + 0.5) as u8);
        }
    });
    Matte::new(matte.width(), matte.height(), alpha)
}

/// Where the pixel lies between the ground's colour and that of the product beside it.
fn covered(picture: &Picture, inner: &Bitmap, ground: &Ground, x: usize, y: usize) -> Option<f32> {
    const AROUND: usize = SOFT + 2;
    let (mut sum, mut count) = ([0.0; 3], 0.0);
    for y in y.saturating_sub(AROUND)..(y + AROUND + 1).min(inner.height() as usize) {
        for x in x.saturating_sub(AROUND)..(x + AROUND + 1).min(inner.width() as usize) {
            if inner.has(x, y) {
                let pixel = picture.pixel(x as u32, y as u32);
                (0..3).for_each(|c| sum[c] += f32::from(pixel[c]));
                count += 1.0;
            }
        }
    }
    if count == 0.0 {
        return None;
    }
    let (behind, pixel) = (ground.at(x, y), picture.pixel(x as u32, y as u32));
    let across = [0, 1, 2].map(|c| sum[c] / count - behind[c]);
    let length: f32 = across.iter().map(|v| v * v).sum();
    if length < TOO_ALIKE {
        return None;
    }
    let along: f32 = (0..3).map(|c| (f32::from(pixel[c]) - behind[c]) * across[c]).sum();
    Some((along / length).clamp(0.0, 1.0))
}
