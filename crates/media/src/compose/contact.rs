//! Shadows of a standing product: the dark where it touches the ground, and its shape thrown away from the lamp.

use crate::compose::ground::Ground;
use crate::compose::lamp::Lamp;
use crate::compose::plane::Plane;
use crate::compose::shadow::{CELL, ease};

/// One foot in cells: a column, the cell under it, and how surely it touches.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Foot {
    x: usize,
    y: usize,
    touch: f32,
}

/// How far the shadow of a height of one falls aside, under a lamp from the far side.
const ASIDE: f32 = 0.85;
/// How far it falls back: the ground is seen from a little above.
const BACK: f32 = 0.32;
/// Share of the canvas over whose height the thrown shadow loses two thirds of its depth.
const FADES: f32 = 0.22;

/// Shares of the canvas at its left and right over which a thrown shadow runs out, so that the frame cuts none.
const RUN_OUT: (f32, f32) = (0.02, 0.14);

/// Three layers: the core in the gap between product and ground, the falloff of a soft light, and the wide shade.
pub(super) fn contact(coverage: &Plane, ground: &Ground, lamp: Lamp) -> Plane {
    let feet = feet(ground, coverage);
    let size = coverage.width.max(coverage.height) as f32;
    let aside = -lamp.across / Lamp::LEFT.across.abs();
    let layer = |above: f32, below: f32, sigma: (f32, f32), strength: f32, moved: f32| {
        let cells = |share: f32| (share * size).round() as usize;
        let mut plane = deposit(coverage, &feet, cells(above), cells(below))
            .blurred((sigma.0 * size).max(1.0), (sigma.1 * size).max(0.8));
        plane.values.iter_mut().for_each(|v| *v = (*v * strength).min(1.0));
        plane.shifted((moved * aside * size) as isize, 0)
    };
    joined(&[
        layer(0.010, 0.002, (0.004, 0.0025), 0.55, 0.0),
        layer(0.022, 0.006, (0.016, 0.007), 0.40, 0.004),
        layer(0.060, 0.012, (0.040, 0.016), 0.27, 0.012),
    ])
}

/// The contact shadow, and the product's shape laid on the ground away from the lamp: sharp at the foot, softer and
/// fainter with the height that throws it.
pub(super) fn thrown(coverage: &Plane, ground: &Ground, lamp: Lamp) -> Plane {
    /// Heights, as shares of the way over which the shadow fades; how soft each is; and how deep.
    const BANDS: [(f32, f32, f32, f32); 3] =
        [(0.0, 0.45, 0.008, 0.42), (0.3, 1.1, 0.016, 0.40), (0.85, 2.6, 0.030, 0.36)];
    let size = coverage.width.max(coverage.height) as f32;
    let mut layers = vec![contact(coverage, ground, lamp)];
    if lamp.across != 0.0 {
        let fades = FADES * size;
        layers.extend(BANDS.map(|(from, to, soft, depth)| {
            let laid = laid(coverage, ground, lamp, (from * fades, to * fades), |h| depth * (-h / fades).exp());
            as_levels(laid.blurred(soft * size, soft * size * 0.5))
        }));
    }
    let mut whole = layers.swap_remove(0);
    for layer in layers {
        // Two shadows of one lamp: the darker hides the fainter, softly.
        for (whole, layer) in whole.values.iter_mut().zip(&layer.values) {
            *whole = 255.0 - (255.0 - *whole) * (255.0 - layer) / 255.0;
        }
    }
    whole
}

/// The part of the product between two heights over the ground, laid down. Between bands the weight goes over evenly.
fn laid(coverage: &Plane, ground: &Ground, lamp: Lamp, (from, to): (f32, f32), depth: impl Fn(f32) -> f32) -> Plane {
    let mut plane = Plane::new(coverage.width, coverage.height);
    let base = ground.middle() / CELL as f32;
    let top = base - ground.area.y as f32 / CELL as f32;
    let ramp = 0.25 * (to - from);
    // Rows of the ground, from where it is touched backwards.
    let last = (base.ceil() as usize).min(plane.height);
    for y in 0..last {
        let height = (base - (y as f32 + 0.5)) / BACK;
        if height < 0.0 || height > to.min(top) || height < from {
            continue;
        }
        let weight = ((height - from) / ramp).min((to - height) / ramp).min((top - height) / ramp + 0.2).min(1.0);
        let weight = if from == 0.0 && height < ramp { 1.0 } else { weight.max(0.0) } * depth(height);
        let aside = -lamp.across * ASIDE * height;
        let source = (base - height).max(0.0) as usize;
        let row = &mut plane.values[y * coverage.width..][..coverage.width];
        for (x, out) in row.iter_mut().enumerate() {
            let from = x as f32 - aside;
            if from >= 0.0 && (from as usize) < coverage.width && source < coverage.height {
                *out = coverage.at(from as usize, source) * weight * run_out(x, coverage.width);
            }
        }
    }
    plane
}

fn run_out(x: usize, width: usize) -> f32 {
    let distance = (x.min(width - 1 - x) as f32 + 0.5) / width as f32;
    ease(((distance - RUN_OUT.0) / RUN_OUT.1).clamp(0.0, 1.0))
}

fn as_levels(mut plane: Plane) -> Plane {
    plane.values.iter_mut().for_each(|v| *v *= 255.0);
    plane
}

/// For each column of cells the foot that touches most surely.
fn feet(ground: &Ground, coverage: &Plane) -> Vec<Foot> {
    let mut feet: Vec<Foot> = Vec::new();
    for (column, (under, touch)) in ground.underside.iter().zip(&ground.touch).enumerate() {
        let (Some(under), true) = (under, *touch > 0.0) else { continue };
        let x = (ground.area.x as usize + column) / CELL;
        let y = ((*under as usize).saturating_sub(1) / CELL).min(coverage.height - 1);
        match feet.last_mut().filter(|foot| foot.x == x) {
            Some(foot) if foot.touch >= *touch => {}
            Some(foot) => *foot = Foot { x, y, touch: *touch },
            None => feet.push(Foot { x, y, touch: *touch }),
        }
    }
    feet
}

/// Marks the cells around each foot.
fn deposit(coverage: &Plane, feet: &[Foot], above: usize, below: usize) -> Plane {
    let mut plane = Plane::new(coverage.width, coverage.height);
    for foot in feet {
        for y in foot.y.saturating_sub(above)..=(foot.y + below).min(plane.height - 1) {
            plane.values[y * plane.width + foot.x] = foot.touch;
        }
    }
    plane
}

/// Lights through all layers, as levels off white.
pub(super) fn joined(layers: &[Plane]) -> Plane {
    let mut out = Plane::new(layers[0].width, layers[0].height);
    for (at, value) in out.values.iter_mut().enumerate() {
        *value = 255.0 * (1.0 - layers.iter().map(|layer| 1.0 - layer.values[at]).product::<f32>());
    }
    out
}
