//! The shadow that a product would cast, computed from its matte alone.
//!
//! Everything happens on a plane a quarter of the canvas wide, in levels taken off white. Where a marketplace bounds
//! shadows, the plane is brought inside those bounds here, softly, so that no edge of the bound shows.

use crate::compose::contact::{contact, joined, thrown};
use crate::compose::ground::Ground;
use crate::compose::lamp::Lamp;
use crate::compose::plane::Plane;
use crate::picture::Matte;
use crate::preset::ShadowLimits;

/// The shadow under and around the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shadow {
    None,
    /// The product stands: a tight dark core where it meets the ground, a soft falloff below and away from the lamp.
    Contact,
    /// The product stands in the light of a lamp: the contact shadow, and the product's shape thrown on the ground.
    Thrown,
    /// The product lies, seen from above: a soft shadow all around, a little stronger below and to the right.
    Soft,
}

/// Canvas pixels per cell, both ways. Shadows have no detail finer than this.
pub(crate) const CELL: usize = 4;
/// Levels below which a shadow can't be told from white, and counts as none.
const VISIBLE: f32 = 2.0;
/// Part of the permitted area that we use, since the encoder's noise widens what is measured.
const AREA_USED: f64 = 0.72;
/// Levels kept above the permitted floor, for the encoder's ringing at the product's edge.
const FLOOR_MARGIN: f32 = 10.0;
/// Shares of the canvas that stay clear at the frame: the ring of 2 % and room for the falloff to end unseen.
const CLEAR: f32 = 0.028;
const CLEARING: f32 = 0.03;

/// Levels taken off the backdrop, or `None` where there is no shadow.
pub(crate) fn cast(
    shadow: Shadow,
    matte: &Matte,
    ground: Option<&Ground>,
    lamp: Lamp,
    limits: Option<ShadowLimits>,
) -> Option<Plane> {
    let coverage = coverage(matte);
    let mut plane = match shadow {
        Shadow::None => return None,
        Shadow::Contact => contact(&coverage, ground?, lamp),
        Shadow::Thrown => thrown(&coverage, ground?, lamp),
        Shadow::Soft => surrounding(&coverage),
    };
    clear_frame(&mut plane);
    if let Some(limits) = limits {
        fit(&mut plane, &coverage, limits);
    }
    Some(plane)
}

/// A shadow that was found in a picture, brought inside the limits.
pub(crate) fn fitted(found: &Plane, matte: &Matte, limits: ShadowLimits) -> Plane {
    let mut plane = found.clone();
    clear_frame(&mut plane);
    fit(&mut plane, &coverage(matte), limits);
    plane
}

/// Mean coverage of each cell, 0 to 1.
fn coverage(matte: &Matte) -> Plane {
    let (width, height) = (matte.width() as usize, matte.height() as usize);
    let mut plane = Plane::new(width.div_ceil(CELL), height.div_ceil(CELL));
    for (y, row) in matte.alpha().chunks_exact(width).enumerate() {
        let cells = &mut plane.values[y / CELL * width.div_ceil(CELL)..][..width.div_ceil(CELL)];
        for (cell, alpha) in cells.iter_mut().zip(row.chunks(CELL)) {
            *cell += alpha.iter().map(|a| f32::from(*a)).sum::<f32>();
        }
    }
    let whole = (CELL * CELL) as f32 * 255.0;
    plane.values.iter_mut().for_each(|v| *v = (*v / whole).min(1.0));
    plane
}

/// The product's own shape, twice: close and darker, wide and fainter, moved away from the light.
fn surrounding(coverage: &Plane) -> Plane {
    let size = coverage.width.max(coverage.height) as f32;
    let layer = |sigma: f32, moved: (f32, f32), strength: f32| {
        let mut plane = coverage
            .blurred(sigma * size, sigma * size)
            .shifted((moved.0 * size).round() as isize, (moved.1 * size).round() as isize);
        plane.values.iter_mut().for_each(|v| *v *= strength);
        plane
    };
    joined(&[layer(0.0035, (0.001, 0.002), 0.20), layer(0.012, (0.004, 0.007), 0.20)])
}

/// Fades the shadow out before the frame.
fn clear_frame(plane: &mut Plane) {
    let (width, height) = (plane.width, plane.height);
    let fade = |at: usize, length: usize| {
        let distance = (at.min(length - 1 - at) as f32 + 0.5) / length as f32;
        ease(((distance - CLEAR) / CLEARING).clamp(0.0, 1.0))
    };
    for y in 0..height {
        let row = fade(y, height);
        for x in 0..width {
            plane.values[y * width + x] *= row * fade(x, width);
        }
    }
}

/// Brings the shadow inside the limits: lifts what is too dark, then trims the faintest part until the area fits.
fn fit(plane: &mut Plane, coverage: &Plane, limits: ShadowLimits) {
    let room = 255.0 - f32::from(limits.min_level) - FLOOR_MARGIN;
    let seen = |plane: &Plane| seen_outside(plane, coverage);
    let deepest = seen(plane).last().copied().unwrap_or(0.0);
    if deepest > room {
        plane.values.iter_mut().for_each(|v| *v = lifted(*v, deepest, room));
    }
    let allowed = (AREA_USED * limits.max_area * plane.values.len() as f64) as usize;
    let levels = seen(plane);
    let trim = trim_level(&levels, allowed);
    let deepest = levels.last().copied().unwrap_or(0.0);
    if trim > 0.0 && trim < deepest {
        plane.values.iter_mut().for_each(|v| *v = trimmed(*v, trim, deepest));
    }
    plane.values.iter_mut().for_each(|v| *v = tail(*v));
}

/// Visible levels beside the product, in order.
fn seen_outside(plane: &Plane, coverage: &Plane) -> Vec<f32> {
    let outside = plane.values.iter().zip(&coverage.values).filter(|(v, c)| **c < 0.5 && **v > VISIBLE);
    let mut levels: Vec<f32> = outside.map(|(v, _)| *v).collect();
    levels.sort_by(f32::total_cmp);
    levels
}

/// Compresses 0..=deepest into 0..=room and leaves faint levels nearly as they are.
fn lifted(level: f32, deepest: f32, room: f32) -> f32 {
    let bend = 1.0 / room - 1.0 / deepest;
    (level / (1.0 + level * bend)).min(room)
}

/// The level below which the shadow has to end, so that at most `allowed` cells are left. `levels` are in order.
fn trim_level(levels: &[f32], allowed: usize) -> f32 {
    levels.len().checked_sub(allowed + 1).map_or(0.0, |at| levels[at])
}

/// Stretches `trim..=deepest` over `0..=deepest`, so that the shadow ends at `trim` and keeps its depth.
fn trimmed(level: f32, trim: f32, deepest: f32) -> f32 {
    ((level - trim).max(0.0) * deepest / (deepest - trim)).min(level)
}

/// Lets the last levels run out to exact nothing, so that the backdrop beyond is untouched.
fn tail(level: f32) -> f32 {
    level * ease(((level - VISIBLE / 2.0) / (1.5 * VISIBLE)).clamp(0.0, 1.0))
}

pub(super) fn ease(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A standing box of 100 x 100 in a canvas of 400, with a handle that hangs in the air at its right.
    fn standing() -> Matte {
        let mut matte = Matte::new(400, 400, vec![0; 160_000]);
        let mut cover = |xs: std::ops::Range<usize>, ys: std::ops::Range<usize>| {
            for y in ys {
                matte.alpha_mut()[y * 400 + xs.start..y * 400 + xs.end].fill(255);
            }
        };
        cover(100..240, 100..340);
        cover(240..300, 160..200);
        matte
    }

    fn cast(shadow: Shadow, matte: &Matte, limits: Option<ShadowLimits>) -> Option<Plane> {
        super::cast(shadow, matte, Ground::of(matte).as_ref(), Lamp::LEFT, limits)
    }

    #[test]
    fn a_handle_in_the_air_casts_nothing_below_itself() {
        let matte = standing();
        let shade = cast(Shadow::Contact, &matte, None).unwrap();
        let under_body = shade.at(170 / CELL, 344 / CELL);
        let under_handle = shade.at(280 / CELL, 210 / CELL);
        assert!(under_body > 40.0, "{under_body}");
        assert!(under_handle < 2.0, "{under_handle}");
    }

    #[test]
    fn a_shadow_keeps_its_limits_with_room_to_spare() {
        for (shadow, limits) in [
            (Shadow::Contact, ShadowLimits { max_area: 0.03, min_level: 200 }),
            (Shadow::Contact, ShadowLimits { max_area: 0.004, min_level: 230 }),
            (Shadow::Soft, ShadowLimits { max_area: 0.10, min_level: 170 }),
            (Shadow::Soft, ShadowLimits { max_area: 0.03, min_level: 200 }),
        ] {
            let matte = standing();
            let coverage = coverage(&matte);
            let shade = cast(shadow, &matte, Some(limits)).unwrap();
            let seen = seen_outside(&shade, &coverage);
            let area = seen.len() as f64 / shade.values.len() as f64;
            assert!(area <= limits.max_area * 0.8 && area > 0.0, "{shadow:?} covers {area}");
            let darkest = 255.0 - seen.last().unwrap();
            assert!(darkest >= f32::from(limits.min_level) + 5.0, "{shadow:?} goes down to {darkest}");
        }
    }

    #[test]
    fn the_ring_at_the_frame_stays_clear() {
        let matte = Matte::new(400, 400, vec![255; 160_000]);
        let shade = cast(Shadow::Soft, &matte, None).unwrap();
        assert_eq!(shade.at(0, 50), 0.0);
        assert_eq!(shade.at(1, 50), 0.0);
        assert!(shade.at(10, 50) > 10.0);
    }

    #[test]
    fn bounds_bend_levels_without_a_step() {
        for (level, deepest, room, to) in
            [(0.0, 150.0, 50.0, 0.0), (150.0, 150.0, 50.0, 50.0), (10.0, 150.0, 50.0, 8.82)]
        {
            assert!((lifted(level, deepest, room) - to).abs() < 0.05, "{level}");
        }
        assert_eq!(trim_level(&[3.0, 4.0, 5.0, 9.0], 2), 4.0);
        assert_eq!(trim_level(&[3.0, 4.0], 2), 0.0);
        assert_eq!([1.0, 4.0, 17.0, 30.0].map(|level| trimmed(level, 4.0, 30.0)), [0.0, 0.0, 15.0, 30.0]);
    }
}
