//! Drawing a stroke on a grid of cells: pure geometry, row by row.

use std::ops::Range;

/// Sets every cell whose middle lies within `radius` of the path.
pub(super) fn mark(set: &mut [bool], (width, height): (usize, usize), path: &[(f64, f64)], radius: f64) {
    let ends = path.windows(2).map(|pair| (pair[0], pair[1])).chain(path.first().map(|only| (*only, *only)));
    for (from, to) in ends {
        let low = (from.1.min(to.1) - radius - 1.0).clamp(0.0, height as f64) as usize;
        let high = (from.1.max(to.1) + radius + 1.0).clamp(0.0, height as f64) as usize;
        for y in low..high {
            let within = |x: usize| distance((x as f64 + 0.5, y as f64 + 0.5), from, to) <= radius;
            let span = span(width, nearest(y as f64 + 0.5, from, to), within);
            set[y * width..][span].fill(true);
        }
    }
}

/// Where a line between two places comes nearest to a row.
fn nearest(y: f64, from: (f64, f64), to: (f64, f64)) -> f64 {
    let fall = to.1 - from.1;
    if fall == 0.0 {
        return from.0;
    }
    from.0 + (to.0 - from.0) * ((y - from.1) / fall).clamp(0.0, 1.0)
}

/// The cells of a row that are `within`: all in one piece, which holds a cell beside `middle` if there are any.
fn span(width: usize, middle: f64, within: impl Fn(usize) -> bool) -> Range<usize> {
    let Some(last) = width.checked_sub(1) else { return 0..0 };
    let left = (middle - 0.5).floor().clamp(0.0, last as f64) as usize;
    let Some(inside) = [left, (left + 1).min(last)].into_iter().find(|x| within(*x)) else { return 0..0 };
    // The first of `low..high` for which `is` no longer holds, which does for `low` and then up to somewhere.
    let first_not = |mut low: usize, mut high: usize, is: &dyn Fn(usize) -> bool| {
        while high - low > 1 {
            let half = low + (high - low) / 2;
            if is(half) { low = half } else { high = half }
        }
        high
    };
    let end = first_not(inside, width, &within);
    let before = first_not(0, inside + 1, &|steps| within(inside - steps)) - 1;
    inside - before..end
}

/// From a place to a line between two.
fn distance(at: (f64, f64), from: (f64, f64), to: (f64, f64)) -> f64 {
    let (x, y) = (to.0 - from.0, to.1 - from.1);
    let length = x * x + y * y;
    let along = ((at.0 - from.0) * x + (at.1 - from.1) * y) / length.max(f64::MIN_POSITIVE);
    let along = along.clamp(0.0, 1.0);
    (at.0 - from.0 - x * along).hypot(at.1 - from.1 - y * along)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_set_exactly_where_its_middle_lies_within_the_radius() {
        const SIZE: (usize, usize) = (41, 29);
        for path in [
            vec![(20.5, 14.5)],
            vec![(-3.0, 4.0)],
            vec![(0.2, 0.7), (40.0, 28.0), (3.0, 27.9)],
            vec![(5.0, 20.0), (5.0, 3.0), (60.0, 3.0)],
            vec![(12.3, 9.9), (12.3, 9.9)],
        ] {
            for radius in [0.3, 0.7, 2.0, 7.5, 100.0] {
                let mut set = vec![false; SIZE.0 * SIZE.1];
                mark(&mut set, SIZE, &path, radius);
                let lines = || path.windows(2).map(|pair| (pair[0], pair[1])).chain([(path[0], path[0])]);
                for (at, set) in set.into_iter().enumerate() {
                    let place = ((at % SIZE.0) as f64 + 0.5, (at / SIZE.0) as f64 + 0.5);
                    let within = lines().any(|(from, to)| distance(place, from, to) <= radius);
                    assert_eq!(set, within, "{path:?} {radius} {place:?}");
                }
            }
        }
        mark(&mut [], (0, 0), &[(0.0, 0.0)], 9.0);
    }
}
