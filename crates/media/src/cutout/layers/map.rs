//! What flows between layers: channels of one size, and what changes their size.

use rayon::prelude::*;

use crate::cutout::guided::between;

/// Zeros around every channel, so that no layer has to ask where the picture ends. As wide as the widest dilation.
pub(in crate::cutout) const MARGIN: usize = 8;
/// Rows have room for whole vectors: tiles of a layer are at most so wide.
pub(in crate::cutout) const TILE: usize = 32;

/// Channels of the same size, row by row: each row holds the row of every channel, one after the other, since a layer
/// makes one row of all its channels at a time.
pub(in crate::cutout) struct Map {
    pub channels: usize,
    pub width: usize,
    pub height: usize,
    /// From one channel's row to the next channel's.
    pub stride: usize,
    values: Vec<f32>,
}

impl Map {
    fn empty(channels: usize, width: usize, height: usize) -> Map {
        let stride = width.next_multiple_of(TILE) + 2 * MARGIN;
        let values = vec![0.0; channels * stride * (height + 2 * MARGIN)];
        Map { channels, width, height, stride, values }
    }

    /// Fills the rows of a new map at the same time: `fill(y, row)`, where whatever it leaves in the margins is cleared.
    pub(in crate::cutout) fn of_rows(
        (channels, width, height): (usize, usize, usize),
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Map {
        let mut map = Map::empty(channels, width, height);
        let stride = map.stride;
        let rows = map.values.par_chunks_exact_mut(channels * stride).skip(MARGIN).take(height);
        rows.enumerate().for_each(|(y, row)| {
            fill(y, row);
            row.chunks_exact_mut(stride).for_each(|line| line[MARGIN + width..].fill(0.0));
        });
        map
    }

    /// Planes of `width` x `height`, one channel after the other.
    pub(in crate::cutout) fn of_planes(planes: &[f32], width: usize, height: usize) -> Map {
        let channels = planes.len() / (width * height);
        let stride = width.next_multiple_of(TILE) + 2 * MARGIN;
        Map::of_rows((channels, width, height), |y, row| {
            for (line, plane) in row.chunks_exact_mut(stride).zip(planes.chunks_exact(width * height)) {
                line[MARGIN..MARGIN + width].copy_from_slice(&plane[y * width..][..width]);
            }
        })
    }

    /// All values of the first channel.
    pub(in crate::cutout) fn into_plane(self) -> Vec<f32> {
        (0..self.height).flat_map(|y| self.line(y, 0).iter().copied()).collect()
    }

    /// From row `y` of the channels on to the end; `y` counts from the first row of the margin.
    pub(in crate::cutout) fn rows_from(&self, y: usize) -> &[f32] {
        &self.values[y * self.channels * self.stride..]
    }

    /// Row `y` of one channel, without margins.
    pub(in crate::cutout) fn line(&self, y: usize, channel: usize) -> &[f32] {
        &self.values[((y + MARGIN) * self.channels + channel) * self.stride + MARGIN..][..self.width]
    }

    /// The largest of each four neighbours, at half the size. A last odd row or column counts alone.
    pub(in crate::cutout) fn pooled(&self) -> Map {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let larger = |a: f32, b: f32| if a > b { a } else { b };
        Map::of_rows((self.channels, width, height), |y, row| {
            let stride = row.len() / self.channels;
            for (channel, line) in row.chunks_exact_mut(stride).enumerate() {
                let above = self.line(2 * y, channel);
                let below = self.line((2 * y + 1).min(self.height - 1), channel);
                let pairs = above.chunks(2).zip(below.chunks(2));
                for (value, (above, below)) in line[MARGIN..].iter_mut().zip(pairs) {
                    let [above, below] = [above, below].map(|pair| larger(pair[0], pair[pair.len() - 1]));
                    *value = larger(above, below);
                }
            }
        })
    }

    /// Larger, linear between the middles of pixels.
    pub(in crate::cutout) fn enlarged(&self, width: usize, height: usize) -> Map {
        let columns: Vec<_> = (0..width).map(|x| between(x, width, self.width)).collect();
        Map::of_rows((self.channels, width, height), |y, row| {
            let (above, below, down) = between(y, height, self.height);
            let mut mixed = vec![0.0; self.width];
            let stride = row.len() / self.channels;
            for (channel, line) in row.chunks_exact_mut(stride).enumerate() {
                let rows = self.line(above, channel).iter().zip(self.line(below, channel));
                for (mixed, (above, below)) in mixed.iter_mut().zip(rows) {
                    *mixed = above + (below - above) * down;
                }
                for (value, (left, right, across)) in line[MARGIN..].iter_mut().zip(&columns) {
                    *value = mixed[*left] + (mixed[*right] - mixed[*left]) * across;
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_shrink_to_their_largest_and_grow_between_the_middles() {
        let small = |values: &[f32], width, height| Map::of_planes(values, width, height);
        for (map, expected) in [
            (small(&[1.0, -2.0, -3.0, -4.0, 5.0, -6.0], 3, 2).pooled(), vec![5.0, -3.0]),
            (small(&[-1.0, -2.0, -3.0], 1, 3).pooled(), vec![-1.0, -3.0]),
            (small(&[0.0, 4.0], 2, 1).enlarged(4, 1), vec![0.0, 1.0, 3.0, 4.0]),
            (small(&[0.0, 4.0], 1, 2).enlarged(1, 4), vec![0.0, 1.0, 3.0, 4.0]),
            (small(&[7.0], 1, 1).enlarged(3, 2), vec![7.0; 6]),
        ] {
            assert_eq!(map.into_plane(), expected);
        }
    }
}
