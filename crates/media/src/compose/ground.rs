//! Where the product meets the ground: the line that its underside rests on, and which columns touch it.

use crate::picture::{Matte, Rect};

/// The ground under a product, for each column of its box, in canvas pixels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ground {
    pub area: Rect,
    /// How far down the ground lies: the row below the lowest product pixel where the product touches.
    pub line: Vec<f32>,
    /// The row below the product itself; `None` in a column without any.
    pub underside: Vec<Option<u32>>,
    /// How surely the product touches, 0 to 1.
    pub touch: Vec<f32>,
}

/// The ground line never climbs more steeply: beyond is the product's side, not its foot.
const STEEPEST: f32 = 0.45;
/// The same where the line runs free through the air: two legs stand at nearly one height, a handle does not stand.
const STEEPEST_BRIDGE: f32 = 0.15;
/// An underside that hangs higher over the line than about this share of the product touches nothing.
const REACH: f32 = 0.05;

impl Ground {
    /// `None` where there is no product.
    pub(crate) fn of(matte: &Matte) -> Option<Ground> {
        let area = matte.bounds(128)?;
        let underside = underside(matte, area);
        let reach = (REACH * area.width.min(area.height * 2) as f32).max(1.5);
        let line = line(&underside, reach);
        let touch = underside
            .iter()
            .zip(&line)
            .map(|(under, line)| under.map_or(0.0, |under| (-((line - under as f32) / reach).powi(2)).exp()));
        let touch = touch.map(|touch| if touch > 0.02 { touch } else { 0.0 }).collect();
        Some(Ground { area, line, underside, touch })
    }

    /// The lowest place of the line.
    pub(crate) fn lowest(&self) -> f32 {
        self.line.iter().copied().fold(0.0, f32::max)
    }

    /// Where the middle of the footprint lies: a round one, seen from above, reaches farther down in front.
    pub(crate) fn middle(&self) -> f32 {
        self.line.first().zip(self.line.last()).map_or(0.0, |(left, right)| (left + right) / 2.0)
    }
}

fn underside(matte: &Matte, area: Rect) -> Vec<Option<u32>> {
    let mut found = vec![None; area.width as usize];
    let mut missing = found.len();
    for y in (area.y..area.y + area.height).rev() {
        let row = &matte.alpha()[y as usize * matte.width() as usize + area.x as usize..][..area.width as usize];
        for (found, alpha) in found.iter_mut().zip(row) {
            if found.is_none() && *alpha >= 128 {
                *found = Some(y + 1);
                missing -= 1;
            }
        }
        if missing == 0 {
            break;
        }
    }
    found
}

/// The taut line below the underside, as far as it is no steeper than a foot; level beyond.
fn line(underside: &[Option<u32>], reach: f32) -> Vec<f32> {
    let hull = hull(underside);
    let Some(lowest) = (0..hull.len()).max_by(|a, b| hull[*a].1.total_cmp(&hull[*b].1)) else {
        return vec![0.0; underside.len()];
    };
    let flat = |a: (f32, f32), b: (f32, f32)| {
        let under = underside[((a.0 + b.0) / 2.0) as usize];
        let bridges = under.is_none_or(|under| (a.1 + b.1) / 2.0 - under as f32 > 0.5 * reach);
        (b.1 - a.1).abs() <= if bridges { STEEPEST_BRIDGE } else { STEEPEST } * (b.0 - a.0).abs()
    };
    let (mut first, mut last) = (lowest, lowest);
    while first > 0 && flat(hull[first - 1], hull[first]) {
        first -= 1;
    }
    while last + 1 < hull.len() && flat(hull[last], hull[last + 1]) {
        last += 1;
    }
    let sole = &hull[first..=last];
    let mut piece = 0;
    (0..underside.len())
        .map(|x| {
            let x = (x as f32).clamp(sole[0].0, sole[sole.len() - 1].0);
            while piece + 2 < sole.len() && sole[piece + 1].0 < x {
                piece += 1;
            }
            match sole.get(piece + 1) {
                Some(next) => {
                    let from = sole[piece];
                    from.1 + (next.1 - from.1) * (x - from.0) / (next.0 - from.0)
                }
                None => sole[piece].1,
            }
        })
        .collect()
}

/// Corners of the taut line, from left to right.
fn hull(underside: &[Option<u32>]) -> Vec<(f32, f32)> {
    let mut hull: Vec<(f32, f32)> = Vec::new();
    let points = underside.iter().enumerate().filter_map(|(x, under)| Some((x as f32, (*under)? as f32)));
    for point in points {
        while let [.., a, b] = hull[..] {
            // `b` hangs above the way from `a` to the new point, or lies on it.
            if (b.0 - a.0) * (point.1 - a.1) - (b.1 - a.1) * (point.0 - a.0) >= 0.0 {
                hull.pop();
            } else {
                break;
            }
        }
        hull.push(point);
    }
    hull
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ground(rects: &[(u32, u32, u32, u32)]) -> Ground {
        let mut matte = Matte::new(200, 200, vec![0; 40_000]);
        for &(left, top, right, bottom) in rects {
            for y in top..bottom {
                matte.alpha_mut()[(y * 200 + left) as usize..(y * 200 + right) as usize].fill(255);
            }
        }
        Ground::of(&matte).unwrap()
    }

    #[test]
    fn feet_touch_and_what_hangs_between_or_beside_does_not() {
        let table = ground(&[(20, 40, 140, 60), (20, 60, 30, 160), (130, 60, 140, 160), (140, 80, 170, 100)]);
        assert_eq!(table.line[5], 160.0);
        assert_eq!(table.line[149], 160.0, "level beyond");
        assert_eq!(table.line[60], 160.0, "the ground goes on between the legs");
        assert_eq!((table.touch[5], table.touch[60], table.touch[115], table.touch[130]), (1.0, 0.0, 1.0, 0.0));
    }

    #[test]
    fn a_leaning_underside_is_its_own_ground() {
        let mut matte = Matte::new(100, 100, vec![0; 10_000]);
        for x in 10..90 {
            for y in 20..70 + x / 5 {
                matte.alpha_mut()[y * 100 + x] = 255;
            }
        }
        let ground = Ground::of(&matte).unwrap();
        assert!(ground.touch.iter().all(|touch| *touch > 0.9), "{:?}", ground.touch);
        assert!(ground.line[79] > ground.line[0] + 12.0);
    }

    #[test]
    fn one_pixel_has_a_ground_too() {
        let dot = ground(&[(7, 9, 8, 10)]);
        assert_eq!((dot.line.as_slice(), dot.touch.as_slice()), (&[10.0][..], &[1.0][..]));
    }
}
