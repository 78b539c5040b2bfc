//! How near a matte comes to the exact one.

use plantain_media::picture::{Cutout, Matte};

/// The cut-out's matte laid on the whole photo.
pub fn full_matte(cutout: &Cutout) -> Matte {
    let origin = cutout.origin;
    assert_eq!((origin.width, origin.height), (cutout.matte.width(), cutout.matte.height()), "not scaled");
    let mut full =
        Matte::new(cutout.photo.0, cutout.photo.1, vec![0; cutout.photo.0 as usize * cutout.photo.1 as usize]);
    for y in 0..origin.height {
        for x in 0..origin.width {
            let at = (origin.y + y) as usize * cutout.photo.0 as usize + (origin.x + x) as usize;
            full.alpha_mut()[at] = cutout.matte.at(x, y);
        }
    }
    full
}

/// Intersection over union at half coverage.
pub fn iou(found: &Matte, truth: &Matte) -> f64 {
    let pairs = found.alpha().iter().zip(truth.alpha());
    let (mut both, mut either) = (0u64, 0u64);
    for (found, truth) in pairs {
        let (found, truth) = (*found >= 128, *truth >= 128);
        both += u64::from(found && truth);
        either += u64::from(found || truth);
    }
    both as f64 / either.max(1) as f64
}

/// Mean absolute error of coverage, from 0 to 1.
pub fn mae(found: &Matte, truth: &Matte) -> f64 {
    let sum: u64 = found.alpha().iter().zip(truth.alpha()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / 255.0 / found.alpha().len() as f64
}

/// F-measure of outline pixels that find the other outline within 0.75 % of the diagonal.
pub fn boundary_f(found: &Matte, truth: &Matte) -> f64 {
    let radius = (f64::from(truth.width()).hypot(f64::from(truth.height())) * 0.0075).round() as usize;
    let (ours, theirs) = (outline(found), outline(truth));
    let precision = share_near(&ours, &theirs, radius, truth.width() as usize);
    let recall = share_near(&theirs, &ours, radius, truth.width() as usize);
    if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) }
}

fn outline(matte: &Matte) -> Vec<bool> {
    let (width, height) = (matte.width(), matte.height());
    let solid = |x: u32, y: u32| matte.at(x, y) >= 128;
    let mut edge = Vec::with_capacity(matte.alpha().len());
    for y in 0..height {
        for x in 0..width {
            let next =
                (x + 1 < width && solid(x + 1, y) != solid(x, y)) || (y + 1 < height && solid(x, y + 1) != solid(x, y));
            edge.push(next);
        }
    }
    edge
}

/// The share of set pixels of `of` that have a set pixel of `other` within a square of this radius.
fn share_near(of: &[bool], other: &[bool], radius: usize, width: usize) -> f64 {
    let near = widened(&widened(other, radius, width, 1), radius, width, width);
    let (mut set, mut hit) = (0u64, 0u64);
    for (of, near) in of.iter().zip(&near) {
        set += u64::from(*of);
        hit += u64::from(*of && *near);
    }
    hit as f64 / set.max(1) as f64
}

/// Set where any pixel within `radius` steps along one axis is set; `stride` is 1 along rows, the width along columns.
fn widened(set: &[bool], radius: usize, width: usize, stride: usize) -> Vec<bool> {
    let height = set.len() / width;
    let (lines, length, step) = if stride == 1 { (height, width, width) } else { (width, height, 1) };
    let mut out = vec![false; set.len()];
    for line in 0..lines {
        let at = |along: usize| line * step + along * stride;
        let mut last = None;
        for along in 0..length + radius {
            if along < length && set[at(along)] {
                last = Some(along);
            }
            if along >= radius {
                let here = along - radius;
                out[at(here)] |= last.is_some_and(|last| last + radius >= here);
            }
        }
    }
    out
}
