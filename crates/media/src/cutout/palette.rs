//! Which colours a set of pixels has, and how much of each.

/// Cells a channel, 16 levels wide each.
const CELLS: usize = 16;

/// A smoothed histogram of colours.
pub(super) struct Palette {
    /// Of pixels that count alike they are shares of the whole: they sum to 1, or to 0 for no pixels at all.
    shares: Vec<f32>,
}

impl Palette {
    pub(super) fn of(pixels: impl Iterator<Item = [u8; 3]>) -> Palette {
        let mut palette = Palette::weighed(pixels.map(|pixel| (pixel, 1.0)));
        let all = palette.shares.iter().sum::<f32>().max(1.0);
        palette.shares.iter_mut().for_each(|share| *share /= all);
        palette
    }

    /// Of pixels that count as much as their weights say. Shares are those weights, and sum to all of them.
    pub(super) fn weighed(pixels: impl Iterator<Item = ([u8; 3], f32)>) -> Palette {
        let mut shares = vec![0.0f32; CELLS * CELLS * CELLS];
        for (pixel, weight) in pixels {
            shares[cell(pixel)] += weight;
        }
        for axis in [1, CELLS, CELLS * CELLS] {
            smooth(&mut shares, axis);
        }
        Palette { shares }
    }

    /// How much of the whole has about this colour.
    pub(super) fn share(&self, pixel: [u8; 3]) -> f32 {
        self.shares[cell(pixel)]
    }
}

fn cell([red, green, blue]: [u8; 3]) -> usize {
    let part = |value: u8| usize::from(value) * CELLS / 256;
    (part(red) * CELLS + part(green)) * CELLS + part(blue)
}

/// A quarter of each cell goes to either neighbour along one axis; at the ends it stays.
fn smooth(counts: &mut [f32], axis: usize) {
    let before = counts.to_vec();
    for (at, count) in counts.iter_mut().enumerate() {
        let place = at / axis % CELLS;
        let below = if place > 0 { before[at - axis] } else { before[at] };
        let above = if place + 1 < CELLS { before[at + axis] } else { before[at] };
        *count = before[at] / 2.0 + (below + above) / 4.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_one_and_near_colours_count_a_little() {
        let palette = Palette::of([[0, 0, 0], [255, 255, 255], [100, 100, 100], [100, 100, 100]].into_iter());
        assert!((palette.shares.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        let [same, near, far] = [[100, 100, 100], [117, 100, 100], [200, 20, 90]].map(|pixel| palette.share(pixel));
        assert!(same > near && near > 0.0 && far == 0.0, "{same} {near} {far}");
        assert_eq!(Palette::of(std::iter::empty()).share([1, 2, 3]), 0.0);
    }
}
