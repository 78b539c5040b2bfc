//! Connected parts of a set of pixels.

use crate::bitmap::Bitmap;
use crate::picture::Rect;

/// One connected part (also across corners).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub area: u64,
    pub bounds: Rect,
    /// Runs of pixels as (row, from, to).
    pub runs: Vec<(u32, u32, u32)>,
}

impl Part {
    pub(crate) fn add_to(&self, set: &mut Bitmap) {
        for (y, from, to) in &self.runs {
            set.insert_run(*y as usize, *from as usize, *to as usize);
        }
    }
}

/// Noise has a run at every second pixel; no background that a marketplace takes comes near this. Bounds memory to about
/// 100 MB.
const MAX_RUNS: usize = 1_000_000;

/// The set is too torn to be told apart into parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooBusy;

/// All parts, the largest first.
pub(crate) fn parts(set: &Bitmap) -> Result<Vec<Part>, TooBusy> {
    let runs: Vec<(u32, u32, u32)> = (0..set.height() as usize)
        .flat_map(|y| set.runs(y).map(move |(from, to)| (y as u32, from as u32, to as u32)))
        .take(MAX_RUNS + 1)
        .collect();
    if runs.len() > MAX_RUNS {
        return Err(TooBusy);
    }
    let mut parents: Vec<usize> = (0..runs.len()).collect();
    join_touching(&runs, &mut parents);
    let mut parts: Vec<Part> = Vec::new();
    // A run's root stands before it, so the root's part is known when the run comes.
    let mut part_of = vec![0; runs.len()];
    for (at, run) in runs.iter().enumerate() {
        let root = root(&mut parents, at);
        if root == at {
            part_of[at] = parts.len();
            parts.push(Part { area: 0, bounds: own_bounds(*run), runs: Vec::new() });
        }
        add(&mut parts[part_of[root]], *run);
    }
    parts.sort_by(|a, b| b.area.cmp(&a.area).then(a.runs[0].cmp(&b.runs[0])));
    Ok(parts)
}

/// Walks each pair of neighbouring rows once.
fn join_touching(runs: &[(u32, u32, u32)], parents: &mut [usize]) {
    let mut above = 0;
    for at in 0..runs.len() {
        let (y, from, to) = runs[at];
        // Runs that end before this one begins can't touch a later one of the row either.
        while runs[above].0 + 1 < y || (runs[above].0 + 1 == y && runs[above].2 < from) {
            above += 1;
        }
        let mut other = above;
        while other < at && runs[other].0 + 1 == y && runs[other].1 <= to {
            let (a, b) = (root(parents, at), root(parents, other));
            parents[a.max(b)] = a.min(b);
            other += 1;
        }
    }
}

fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

fn add(part: &mut Part, run: (u32, u32, u32)) {
    part.area += u64::from(run.2 - run.1);
    part.bounds = around(part.bounds, own_bounds(run));
    part.runs.push(run);
}

fn own_bounds((y, from, to): (u32, u32, u32)) -> Rect {
    Rect { x: from, y, width: to - from, height: 1 }
}

/// The smallest box around both.
pub(crate) fn around(a: Rect, b: Rect) -> Rect {
    let (x, y) = (a.x.min(b.x), a.y.min(b.y));
    let (right, bottom) = ((a.x + a.width).max(b.x + b.width), (a.y + a.height).max(b.y + b.height));
    Rect { x, y, width: right - x, height: bottom - y }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of `#` and spaces.
    fn drawn(rows: &[&str]) -> Bitmap {
        let bytes = rows.concat().into_bytes();
        Bitmap::of::<1>((rows[0].len() as u32, rows.len() as u32), &bytes, |p| p[0] == b'#')
    }

    #[test]
    fn parts_hang_together_also_across_corners() {
        let found = parts(&drawn(&["##   #", "  #  #", "   #  ", "#     "])).unwrap();
        assert_eq!(found.iter().map(|p| p.area).collect::<Vec<_>>(), [4, 2, 1]);
        assert_eq!(found[0].bounds, Rect { x: 0, y: 0, width: 4, height: 3 });
    }

    #[test]
    fn arms_that_meet_below_are_one_part() {
        let found = parts(&drawn(&["# # # #", "# # # #", "#######"])).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].area, 15);
        let nested = parts(&drawn(&["#######", "#     #", "# # # #", "# ### #", "#     #", "#######"])).unwrap();
        assert_eq!(nested.iter().map(|p| p.area).collect::<Vec<_>>(), [22, 5]);
    }

    #[test]
    fn nothing_has_no_parts() {
        assert!(parts(&Bitmap::empty(80, 3)).unwrap().is_empty());
    }

    #[test]
    fn noise_is_refused_instead_of_filling_memory() {
        let bytes: Vec<u8> = (0..4_000_000u32).map(|i| (i % 2) as u8).collect();
        let set = Bitmap::of::<1>((2000, 2000), &bytes, |p| p[0] == 1);
        assert_eq!(parts(&set), Err(TooBusy));
    }

    #[test]
    fn a_part_draws_itself_again() {
        let set = drawn(&["##  ", " ## ", "   #"]);
        let mut drawn_again = Bitmap::empty(4, 3);
        parts(&set).unwrap()[0].add_to(&mut drawn_again);
        assert!(drawn_again == set);
    }
}
