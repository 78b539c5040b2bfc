//! Where the light comes from: told, or read off a backdrop.

use crate::compose::linear::plain_curve;
use crate::picture::Picture;

/// The light that casts the shadow, by the side it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lamp {
    /// -1 from the far left, 0 from straight above or from everywhere, 1 from the far right.
    pub across: f32,
}

/// Columns and rows in which a backdrop is looked at.
const STRIPES: usize = 32;
/// A rise of brightness over the whole width, in powers of e, that counts as light from the far side.
const FULL_SIDE: f32 = 0.9;
/// One less than this is no direction.
const UNSURE: f32 = 0.08;
/// So that darkness has a logarithm.
const FLOOR: f32 = 0.01;

impl Lamp {
    /// A studio's usual key light.
    pub const LEFT: Lamp = Lamp { across: -0.6 };

    /// The dominant light of a backdrop: the slope of brightness across it. Each column counts by its median, so that
    /// a dark vase at one side is no shadow.
    pub fn of(backdrop: &Picture) -> Lamp {
        let slope = slope(&columns(backdrop));
        if slope.abs() < UNSURE {
            return Lamp { across: 0.0 };
        }
        Lamp { across: (slope / FULL_SIDE).clamp(-1.0, 1.0) }
    }
}

/// The logarithm of each column's median brightness.
fn columns(picture: &Picture) -> Vec<f32> {
    let place = |stripe: usize, length: u32| (2 * stripe as u32 + 1) * length / (2 * STRIPES as u32);
    let column = |x: usize| {
        let mut lights: Vec<f32> =
            (0..STRIPES).map(|y| brightness(picture, place(x, picture.width()), place(y, picture.height()))).collect();
        lights.sort_by(f32::total_cmp);
        ((lights[STRIPES / 2 - 1] + lights[STRIPES / 2]) / 2.0 + FLOOR).ln()
    };
    (0..STRIPES).map(column).collect()
}

/// Linear luminance, 0 to 1, of the pixels around a place.
fn brightness(picture: &Picture, x: u32, y: u32) -> f32 {
    let (reach_x, reach_y) = (picture.width() / 128, picture.height() / 128);
    let near = |at: u32, reach: u32, length: u32| [at.saturating_sub(reach), at, (at + reach).min(length - 1)];
    let mut sum = 0.0;
    for y in near(y, reach_y, picture.height()) {
        for x in near(x, reach_x, picture.width()) {
            let [r, g, b] = picture.pixel(x, y).map(|v| f32::from(plain_curve()[usize::from(v)]) / 65535.0);
            sum += 0.2126 * r + 0.7152 * g + 0.0722 * b;
        }
    }
    sum / 9.0
}

/// Rise of the best straight line over the whole length.
fn slope(values: &[f32]) -> f32 {
    let middle = (values.len() as f32 - 1.0) / 2.0;
    let (mut rise, mut run) = (0.0, 0.0);
    for (at, value) in values.iter().enumerate() {
        let from_middle = at as f32 - middle;
        rise += from_middle * value;
        run += from_middle * from_middle;
    }
    rise / run * values.len() as f32
}
