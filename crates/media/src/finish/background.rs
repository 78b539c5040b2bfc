//! Drives what lies behind the product to the rule, and leaves what already obeys it.

use rayon::prelude::*;

use crate::bitmap::Bitmap;
use crate::check::RingFacts;
use crate::check::zones::{self, Levels, Product, ShadowFacts};
use crate::compose::plane::Plane;
use crate::compose::shadow::{self, CELL};
use crate::finish::{Action, Shadows};
use crate::picture::{Matte, Picture};
use crate::preset::{Background, Preset, ShadowRule};
use crate::tasks;

/// The neutral that replaces a background which breaks a grey rule: the middle of what both grey codes take.
const GREY: u8 = 240;
/// A frame lighter and calmer than this is a studio backdrop, on which darker means shadow.
const STUDIO_LIGHT: f64 = 200.0;
const STUDIO_CALM: f64 = 12.0;
/// Pixels around a shadow in which its faintest levels run out.
const RUN_OUT: usize = 8;

/// What becomes of the background.
pub(super) struct Plan {
    /// Level of the new background.
    pub level: u8,
    /// What the old background was, for the product's soft edge.
    old: Old,
    /// What is kept of its shadow.
    shade: Shade,
}

/// The colour that shines through the soft edge.
enum Old {
    Plain([f32; 3]),
    /// Mean colour around each cell.
    Local([Plane; 3]),
}

enum Shade {
    None,
    /// As it is, inside this area, in levels relative to this one.
    Kept(Bitmap, u8),
    /// Brought inside the limits.
    Fitted(Plane),
}

/// What has to be done to the background; `None` where it obeys the rule, or there is none.
pub(super) fn plan(
    picture: &Picture,
    matte: &Matte,
    product: &Product,
    preset: &Preset,
    shadows: Shadows,
) -> Option<(Plan, Vec<Action>)> {
    let level = match preset.background {
        Background::F0 => return None,
        Background::W1 | Background::W2 => 255,
        Background::N1 | Background::G1 => GREY,
    };
    let ring = RingFacts::measure(picture);
    let studio = ring.darkest_mean() >= STUDIO_LIGHT && ring.worst_deviation() <= STUDIO_CALM;
    let levels = Levels::of(picture);
    let reference = reference(&ring, &levels, preset.background);
    let facts = studio.then(|| ShadowFacts::measure(&levels, product, reference, preset.shadow).ok()).flatten();
    let keep = shadows == Shadows::Keep && preset.shadow != ShadowRule::None;
    let lawful = facts.as_ref().filter(|facts| keep_or_none(shadows, facts) && is_lawful(facts, preset.shadow));
    if lawful.is_some_and(|facts| is_right(facts, preset.background, &ring, &levels, product)) {
        return None;
    }
    let found = facts.as_ref().is_none_or(|facts| facts.darkest.is_some() || facts.elsewhere > 0);
    let shade = match facts.as_ref().filter(|facts| keep && !facts.region.is_empty()) {
        None => Shade::None,
        Some(facts) => kept_shade(facts, preset.shadow, &levels, matte, reference),
    };
    let gone = found && matches!(shade, Shade::None);
    let old = match studio && !gone {
        true => Old::Plain(ring.mean.map(|v| v as f32)),
        false => Old::Local(surroundings(picture, matte)),
    };
    let actions = match &shade {
        Shade::None if gone && studio => vec![Action::ShadowRemoved],
        Shade::Fitted(_) => vec![Action::ShadowReduced],
        Shade::None | Shade::Kept(..) => Vec::new(),
    };
    Some((Plan { level, old, shade }, actions))
}

/// The level against which shadows are told.
fn reference(ring: &RingFacts, levels: &Levels, background: Background) -> u8 {
    let (width, height) = levels.size();
    match background.is_white() && ring.darkest_mean() > 254.0 {
        true => 255,
        false => levels.quantile(&zones::ring(width, height), 0.02),
    }
}

/// Nothing is left to do: grey holds by its ring, white by every pixel beyond product and permitted shadow.
fn is_right(facts: &ShadowFacts, background: Background, ring: &RingFacts, levels: &Levels, product: &Product) -> bool {
    ring.holds(background).unwrap_or_else(|| {
        let other = levels.below(255).minus(&product.touched).minus(&facts.region.grown(RUN_OUT));
        other.is_empty()
    })
}

/// A shadow that is to go is a fault, however lawful.
fn keep_or_none(shadows: Shadows, facts: &ShadowFacts) -> bool {
    shadows == Shadows::Keep || facts.region.is_empty()
}

fn is_lawful(facts: &ShadowFacts, rule: ShadowRule) -> bool {
    rule == ShadowRule::Any || facts.obey(rule.limits())
}

fn kept_shade(facts: &ShadowFacts, rule: ShadowRule, levels: &Levels, matte: &Matte, reference: u8) -> Shade {
    let area = facts.region.grown(RUN_OUT);
    match rule.limits().filter(|_| !is_lawful(facts, rule)) {
        None => Shade::Kept(area, reference),
        Some(limits) => Shade::Fitted(shadow::fitted(&levels.shade_cells(&area, reference, CELL), matte, limits)),
    }
}

/// Writes the new background and edge; returns how many pixels changed.
pub(super) fn paint(picture: &mut Picture, matte: &Matte, plan: &Plan) -> u64 {
    let width = matte.width() as usize;
    let rows = picture.rgb_mut().par_chunks_exact_mut(width * 3).zip(matte.alpha().par_chunks_exact(width)).enumerate();
    rows.with_min_len(tasks::pieces(width))
        .map_init(
            || (vec![[0.0; 3]; width], vec![0.0; width]),
            |(olds, targets), (y, (row, alpha))| {
                if alpha.iter().any(|a| (1..255).contains(a)) {
                    plan.old_row(y, olds);
                }
                let row = row.as_chunks_mut::<3>().0;
                plan.target_row(y, row, targets);
                paint_row(row, alpha, olds, targets)
            },
        )
        .sum()
}

fn paint_row(row: &mut [[u8; 3]], alpha: &[u8], olds: &[[f32; 3]], targets: &[f32]) -> u64 {
    let mut changed = 0;
    for (((pixel, alpha), old), target) in row.iter_mut().zip(alpha).zip(olds).zip(targets) {
        let new = match alpha {
            255 => continue,
            0 => [(*target + 0.5) as u8; 3],
            _ => {
                let behind = 1.0 - f32::from(*alpha) / 255.0;
                [0, 1, 2].map(|c| (f32::from(pixel[c]) + behind * (target - old[c]) + 0.5).clamp(0.0, 255.0) as u8)
            }
        };
        changed += u64::from(new != *pixel);
        *pixel = new;
    }
    changed
}

impl Plan {
    fn old_row(&self, y: usize, out: &mut [[f32; 3]]) {
        match &self.old {
            Old::Plain(color) => out.fill(*color),
            Old::Local(planes) => {
                let mut one = vec![0.0; out.len()];
                for (channel, plane) in planes.iter().enumerate() {
                    plane.enlarged_row(CELL, y, &mut one);
                    out.iter_mut().zip(&one).for_each(|(out, value)| out[channel] = *value);
                }
            }
        }
    }

    /// The new background's level at each pixel of a row.
    fn target_row(&self, y: usize, row: &[[u8; 3]], out: &mut [f32]) {
        let level = f32::from(self.level);
        out.fill(level);
        match &self.shade {
            Shade::None => {}
            Shade::Kept(area, reference) => {
                for x in area.runs(y).flat_map(|(from, to)| from..to) {
                    let [r, g, b] = row[x];
                    let darkest = f32::from(r.min(g).min(b));
                    out[x] = (darkest / f32::from(*reference)).min(1.0) * level;
                }
            }
            Shade::Fitted(plane) => {
                plane.enlarged_row(CELL, y, out);
                out.iter_mut().for_each(|v| *v = level * (1.0 - *v / 255.0));
            }
        }
    }
}

/// The background's mean colour near each cell, from pixels that hold no product.
fn surroundings(picture: &Picture, matte: &Matte) -> [Plane; 3] {
    /// Cells over which it is taken: about the width of a soft edge.
    const REACH: f32 = 3.0;
    let width = matte.width() as usize;
    let cells = Plane::new(width.div_ceil(CELL), (matte.height() as usize).div_ceil(CELL));
    let (mut weight, mut sums) = (cells.clone(), [cells.clone(), cells.clone(), cells]);
    let rows = picture.rgb().chunks_exact(width * 3).zip(matte.alpha().chunks_exact(width)).enumerate();
    for (y, (row, alpha)) in rows {
        for (x, (pixel, _)) in row.as_chunks::<3>().0.iter().zip(alpha).enumerate().filter(|(_, (_, a))| **a == 0) {
            let cell = y / CELL * weight.width + x / CELL;
            weight.values[cell] += 1.0;
            for (sum, value) in sums.iter_mut().zip(pixel) {
                sum.values[cell] += f32::from(*value);
            }
        }
    }
    // Deep inside the product nothing is near; nothing shines through there either.
    Plane::local_means(sums, &weight, REACH, 255.0)
}
