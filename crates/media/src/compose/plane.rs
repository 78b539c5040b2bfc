//! A plane of numbers and the blur that shadows are made of.

/// Row-major values of a picture that is smaller than the canvas by a whole factor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plane {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f32>,
}

impl Plane {
    pub(crate) fn new(width: usize, height: usize) -> Plane {
        Plane { width, height, values: vec![0.0; width * height] }
    }

    pub(crate) fn at(&self, x: usize, y: usize) -> f32 {
        self.values[y * self.width + x]
    }

    /// Approximates a Gaussian by three running means; nothing lies beyond the edge.
    pub(crate) fn blurred(&self, sigma_x: f32, sigma_y: f32) -> Plane {
        let mut plane = self.clone();
        for radius in box_radii(sigma_x) {
            plane = plane.mean_along_rows(radius);
        }
        for radius in box_radii(sigma_y) {
            plane = plane.mean_along_columns(radius);
        }
        plane
    }

    /// Means around each cell of what was summed up cell by cell; `far` where nothing that counts is near.
    pub(crate) fn local_means(sums: [Plane; 3], counts: &Plane, reach: f32, far: f32) -> [Plane; 3] {
        let counts = counts.blurred(reach, reach);
        sums.map(|sum| {
            let mut sum = sum.blurred(reach, reach);
            sum.values.iter_mut().zip(&counts.values).for_each(|(v, n)| *v = if *n > 1e-3 { *v / n } else { far });
            sum
        })
    }

    /// Moved right and down by whole cells.
    pub(crate) fn shifted(&self, right: isize, down: isize) -> Plane {
        let mut plane = Plane::new(self.width, self.height);
        for y in 0..self.height {
            for x in 0..self.width {
                let (from_x, from_y) = (x as isize - right, y as isize - down);
                if (0..self.width as isize).contains(&from_x) && (0..self.height as isize).contains(&from_y) {
                    plane.values[y * self.width + x] = self.at(from_x as usize, from_y as usize);
                }
            }
        }
        plane
    }

    /// Writes row `y` of this plane enlarged by `factor`, between cells by straight lines.
    pub(crate) fn enlarged_row(&self, factor: usize, y: usize, out: &mut [f32]) {
        let (top, bottom, down) = between(y, factor, self.height);
        let (top, bottom) = (&self.values[top * self.width..], &self.values[bottom * self.width..]);
        for (x, out) in out.iter_mut().enumerate() {
            let (left, right, across) = between(x, factor, self.width);
            let upper = top[left] + (top[right] - top[left]) * across;
            let lower = bottom[left] + (bottom[right] - bottom[left]) * across;
            *out = upper + (lower - upper) * down;
        }
    }

    fn mean_along_rows(&self, radius: usize) -> Plane {
        let mut out = Plane::new(self.width, self.height);
        for (from, to) in self.values.chunks_exact(self.width).zip(out.values.chunks_exact_mut(self.width)) {
            running_mean(radius, self.width, |x| from[x], |x, mean| to[x] = mean);
        }
        out
    }

    fn mean_along_columns(&self, radius: usize) -> Plane {
        let mut out = Plane::new(self.width, self.height);
        for x in 0..self.width {
            let values = &mut out.values;
            running_mean(radius, self.height, |y| self.at(x, y), |y, mean| values[y * self.width + x] = mean);
        }
        out
    }
}

fn running_mean(radius: usize, length: usize, get: impl Fn(usize) -> f32, mut put: impl FnMut(usize, f32)) {
    let size = (2 * radius + 1) as f32;
    let mut sum: f32 = (0..radius.min(length)).map(&get).sum();
    for at in 0..length {
        if at + radius < length {
            sum += get(at + radius);
        }
        put(at, (sum / size).max(0.0));
        if at >= radius {
            sum -= get(at - radius);
        }
    }
}

/// Radii of three boxes whose variances add up to the Gaussian's.
fn box_radii(sigma: f32) -> [usize; 3] {
    let ideal = (12.0 * sigma * sigma / 3.0 + 1.0).sqrt();
    let radius = ((ideal - 1.0) / 2.0).max(0.0);
    let wider = (3.0 * (radius - radius.floor())).round() as usize;
    std::array::from_fn(|i| radius as usize + usize::from(i < wider))
}

/// The two cells around the middle of an enlarged pixel and the way between them.
fn between(at: usize, factor: usize, length: usize) -> (usize, usize, f32) {
    let position = ((at as f32 + 0.5) / factor as f32 - 0.5).max(0.0);
    let low = (position as usize).min(length - 1);
    (low, (low + 1).min(length - 1), position - low as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blur_keeps_the_sum_and_has_the_wanted_width() {
        let mut plane = Plane::new(101, 101);
        plane.values[50 * 101 + 50] = 1000.0;
        let soft = plane.blurred(6.0, 3.0);
        let sum: f32 = soft.values.iter().sum();
        assert!((sum - 1000.0).abs() < 0.5, "{sum}");
        let spread = |along: fn(usize, usize) -> f32| {
            let cells = (0..101).flat_map(|y| (0..101).map(move |x| (x, y)));
            (cells.map(|(x, y)| soft.at(x, y) * along(x, y).powi(2)).sum::<f32>() / sum).sqrt()
        };
        let (x, y) = (spread(|x, _| x as f32 - 50.0), spread(|_, y| y as f32 - 50.0));
        assert!((x - 6.0).abs() < 0.5 && (y - 3.0).abs() < 0.5, "{x} {y}");
    }

    #[test]
    fn box_radii_follow_sigma() {
        for (sigma, radii) in [(0.0, [0, 0, 0]), (1.0, [1, 1, 0]), (2.0, [2, 2, 1]), (10.0, [10, 10, 9])] {
            assert_eq!(box_radii(sigma), radii, "{sigma}");
        }
    }

    #[test]
    fn enlarging_runs_straight_between_cells() {
        let plane = Plane { width: 2, height: 1, values: vec![0.0, 8.0] };
        let mut row = [0.0; 8];
        plane.enlarged_row(4, 0, &mut row);
        assert_eq!(row, [0.0, 0.0, 1.0, 3.0, 5.0, 7.0, 8.0, 8.0]);
    }

    #[test]
    fn shifting_leaves_nothing_behind() {
        let plane = Plane { width: 3, height: 1, values: vec![1.0, 2.0, 3.0] };
        assert_eq!(plane.shifted(1, 0).values, [0.0, 1.0, 2.0]);
        assert_eq!(plane.shifted(-2, 0).values, [3.0, 0.0, 0.0]);
    }
}
