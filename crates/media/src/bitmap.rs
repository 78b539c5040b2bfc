//! Sets of pixels, one bit each, and the few set operations that zones are made of.
//!
//! A row is whole 64-bit words, so growing and counting run over 64 pixels at once. Bits beyond the width are always 0.

use rayon::prelude::*;

use crate::picture::{Matte, Rect};
use crate::tasks;

/// A set of the pixels of one picture. Sets that are combined must have the same size.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Bitmap {
    width: usize,
    height: usize,
    stride: usize,
    words: Vec<u64>,
}

impl Bitmap {
    pub(crate) fn empty(width: u32, height: u32) -> Bitmap {
        let stride = (width as usize).div_ceil(64);
        Bitmap { width: width as usize, height: height as usize, stride, words: vec![0; stride * height as usize] }
    }

    /// The pixels for which `member` holds; `data` has `channels` bytes a pixel.
    pub(crate) fn of<const N: usize>(
        (width, height): (u32, u32),
        data: &[u8],
        member: impl Fn(&[u8; N]) -> bool + Sync,
    ) -> Bitmap {
        let mut set = Bitmap::empty(width, height);
        let (stride, width) = (set.stride, set.width);
        let rows = set.words.par_chunks_exact_mut(stride).zip(data.par_chunks_exact(width * N));
        rows.with_min_len(tasks::pieces(width)).for_each(|(words, row)| {
            for (word, pixels) in words.iter_mut().zip(row.as_chunks::<N>().0.chunks(64)) {
                *word = pixels.iter().enumerate().fold(0, |bits, (at, pixel)| bits | u64::from(member(pixel)) << at);
            }
        });
        set
    }

    /// Every pixel of `area`.
    pub(crate) fn rect(width: u32, height: u32, area: Rect) -> Bitmap {
        let mut set = Bitmap::empty(width, height);
        for y in area.y..(area.y + area.height).min(height) {
            set.insert_run(y as usize, area.x as usize, ((area.x + area.width) as usize).min(set.width));
        }
        set
    }

    pub(crate) fn width(&self) -> u32 {
        self.width as u32
    }

    pub(crate) fn height(&self) -> u32 {
        self.height as u32
    }

    pub(crate) fn count(&self) -> u64 {
        self.words.iter().map(|w| u64::from(w.count_ones())).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|w| *w == 0)
    }

    pub(crate) fn has(&self, x: usize, y: usize) -> bool {
        self.words[y * self.stride + x / 64] >> (x % 64) & 1 == 1
    }

    /// Adds `from..to` of row `y`.
    pub(crate) fn insert_run(&mut self, y: usize, from: usize, to: usize) {
        let row = &mut self.words[y * self.stride..(y + 1) * self.stride];
        let touched = row.iter_mut().enumerate().take(to.div_ceil(64)).skip(from / 64);
        for (at, word) in touched {
            let low = from.saturating_sub(at * 64).min(63);
            let high = (to - at * 64).min(64);
            *word |= (u64::MAX >> (64 - high)) & (u64::MAX << low);
        }
    }

    pub(crate) fn and(&self, other: &Bitmap) -> Bitmap {
        self.joined(other, |a, b| a & b)
    }

    pub(crate) fn or(&self, other: &Bitmap) -> Bitmap {
        self.joined(other, |a, b| a | b)
    }

    pub(crate) fn minus(&self, other: &Bitmap) -> Bitmap {
        self.joined(other, |a, b| a & !b)
    }

    pub(crate) fn not(&self) -> Bitmap {
        let mut set = self.clone();
        set.words.iter_mut().for_each(|w| *w = !*w);
        set.clear_beyond_width();
        set
    }

    /// The pixels that a matte covers at least so much.
    pub(crate) fn covered(matte: &Matte, least: u8) -> Bitmap {
        Bitmap::of::<1>((matte.width(), matte.height()), matte.alpha(), |alpha| alpha[0] >= least)
    }

    /// Every pixel within `radius` of a member, both ways and diagonally (Chebyshev).
    pub(crate) fn grown(&self, radius: usize) -> Bitmap {
        let mut set = self.clone();
        let rows = set.words.par_chunks_exact_mut(self.stride).with_min_len(tasks::pieces(self.width));
        rows.for_each(|row| grow_row(row, radius));
        set.clear_beyond_width();
        set.grow_columns(radius)
    }

    /// Pixels all of whose neighbourhood within `radius` are members; the frame counts as member.
    pub(crate) fn shrunk(&self, radius: usize) -> Bitmap {
        self.not().grown(radius).not()
    }

    /// Without specks and threads thinner than `2 * radius + 1`.
    pub(crate) fn opened(&self, radius: usize) -> Bitmap {
        self.shrunk(radius).grown(radius)
    }

    /// The set grown by `steps` pixels, but only inside `within`: what hangs together with it there.
    pub(crate) fn regrown(&self, within: &Bitmap, steps: usize) -> Bitmap {
        let mut set = self.clone();
        for _ in 0..steps {
            let more = set.grown(1).and(within).or(&set);
            if more == set {
                break;
            }
            set = more;
        }
        set
    }

    /// The smallest box around all members.
    pub(crate) fn bounds(&self) -> Option<Rect> {
        let mut found: Option<(usize, usize, usize, usize)> = None;
        for (y, row) in self.words.chunks_exact(self.stride).enumerate() {
            let Some(first) = row.iter().position(|w| *w != 0) else { continue };
            let last = row.iter().rposition(|w| *w != 0).unwrap_or(first);
            let left = first * 64 + row[first].trailing_zeros() as usize;
            let right = last * 64 + 63 - row[last].leading_zeros() as usize;
            found = Some(match found {
                None => (left, right, y, y),
                Some((l, r, top, _)) => (l.min(left), r.max(right), top, y),
            });
        }
        found.map(|(left, right, top, bottom)| Rect {
            x: left as u32,
            y: top as u32,
            width: (right - left + 1) as u32,
            height: (bottom - top + 1) as u32,
        })
    }

    /// Runs of members in row `y` as `from..to`, left to right.
    pub(crate) fn runs(&self, y: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let row = &self.words[y * self.stride..(y + 1) * self.stride];
        let mut at = 0;
        std::iter::from_fn(move || {
            let from = next(row, at, true)?;
            at = next(row, from, false).unwrap_or(self.width).min(self.width);
            Some((from, at))
        })
    }

    fn joined(&self, other: &Bitmap, join: impl Fn(u64, u64) -> u64) -> Bitmap {
        assert_eq!((self.width, self.height), (other.width, other.height), "only sets of one size can be joined");
        let words = self.words.iter().zip(&other.words).map(|(a, b)| join(*a, *b)).collect();
        Bitmap { words, ..*self }
    }

    fn grow_columns(&self, radius: usize) -> Bitmap {
        // Doubling: after each step a row holds the union of `covered` rows from itself downwards.
        let mut down = self.words.clone();
        let (mut covered, wanted) = (1, 2 * radius + 1);
        while covered < wanted {
            let step = covered.min(wanted - covered) * self.stride;
            for at in 0..down.len().saturating_sub(step) {
                down[at] |= down[at + step];
            }
            covered += step / self.stride;
        }
        // Row y now holds y..=y+2r; the wanted y-r..=y+r stands r rows above, or is cut off by the top.
        let mut set = self.clone();
        let shift = radius * self.stride;
        for y in 0..self.height {
            let at = y * self.stride;
            if y >= radius {
                set.words[at..at + self.stride].copy_from_slice(&down[at - shift..at - shift + self.stride]);
            }
        }
        for y in 0..radius.min(self.height) {
            for other in 0..=(y + radius).min(self.height - 1) {
                for word in 0..self.stride {
                    set.words[y * self.stride + word] |= self.words[other * self.stride + word];
                }
            }
        }
        set
    }

    fn clear_beyond_width(&mut self) {
        let used = self.width % 64;
        if used != 0 {
            let mask = u64::MAX >> (64 - used);
            self.words.iter_mut().skip(self.stride - 1).step_by(self.stride).for_each(|w| *w &= mask);
        }
    }
}

impl std::fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bitmap({} x {}, {} set)", self.width, self.height, self.count())
    }
}

/// The first bit at or after `from` that is `set`.
fn next(row: &[u64], from: usize, set: bool) -> Option<usize> {
    let flip = |w: u64| if set { w } else { !w };
    let first = row.get(from / 64).map(|w| flip(*w) & (u64::MAX << (from % 64)))?;
    if first != 0 {
        return Some(from / 64 * 64 + first.trailing_zeros() as usize);
    }
    let rest = row[from / 64 + 1..].iter().position(|w| flip(*w) != 0)?;
    let at = from / 64 + 1 + rest;
    Some(at * 64 + flip(row[at]).trailing_zeros() as usize)
}

/// Spreads each bit by `radius` to both sides, at most 63 at a time.
fn grow_row(row: &mut [u64], radius: usize) {
    let mut left = radius;
    while left > 0 {
        let step = left.min(21);
        grow_row_once(row, step);
        left -= step;
    }
}

fn grow_row_once(row: &mut [u64], radius: usize) {
    let before: Vec<u64> = row.to_vec();
    for (at, word) in row.iter_mut().enumerate() {
        let previous = if at > 0 { before[at - 1] } else { 0 };
        let next = before.get(at + 1).copied().unwrap_or(0);
        // Three words side by side; the middle one is complete, since the radius is below 64.
        let wide = u128::from(previous >> 32) | u128::from(before[at]) << 32 | u128::from(next & 0xffff_ffff) << 96;
        *word = (spread(wide, radius) >> 32) as u64;
    }
}

fn spread(bits: u128, radius: usize) -> u128 {
    let (mut up, mut down, mut covered) = (bits, bits, 0);
    while covered < radius {
        let step = (covered + 1).min(radius - covered);
        up |= up << step;
        down |= down >> step;
        covered += step;
    }
    up | down
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scattered(width: u32, height: u32, every: u32) -> Bitmap {
        let bytes: Vec<u8> = (0..width * height).map(|i| u8::from((i * 7919 + i / 13) % every == 0)).collect();
        Bitmap::of::<1>((width, height), &bytes, |p| p[0] == 1)
    }

    /// The same by its definition.
    fn grown_slowly(set: &Bitmap, radius: usize) -> Bitmap {
        let mut out = Bitmap::empty(set.width(), set.height());
        for y in 0..set.height {
            for x in 0..set.width {
                let ys = y.saturating_sub(radius)..=(y + radius).min(set.height - 1);
                let xs = x.saturating_sub(radius)..=(x + radius).min(set.width - 1);
                if ys.clone().any(|y| xs.clone().any(|x| set.has(x, y))) {
                    out.insert_run(y, x, x + 1);
                }
            }
        }
        out
    }

    #[test]
    fn growing_is_the_square_around_each_member() {
        for (width, height) in [(1, 1), (63, 20), (64, 20), (65, 21), (200, 90), (130, 3)] {
            let set = scattered(width, height, 171);
            for radius in [0, 1, 2, 16, 33, 70] {
                assert!(set.grown(radius) == grown_slowly(&set, radius), "{width} x {height}, {radius}");
            }
        }
    }

    #[test]
    fn opening_takes_specks_and_leaves_blocks() {
        let mut set = Bitmap::rect(100, 50, Rect { x: 60, y: 10, width: 9, height: 9 });
        set.insert_run(30, 5, 40);
        let opened = set.opened(1);
        assert_eq!(opened.bounds(), Some(Rect { x: 60, y: 10, width: 9, height: 9 }));
        assert_eq!(opened.count(), 81);
    }

    #[test]
    fn regrowing_follows_threads_and_jumps_no_gap() {
        let block = Bitmap::rect(100, 50, Rect { x: 10, y: 10, width: 9, height: 9 });
        let mut within = block.clone();
        within.insert_run(14, 19, 40);
        within.insert_run(14, 42, 60);
        let to = |steps| block.regrown(&within, steps).bounds().unwrap().width;
        assert_eq!([0, 5, 21, 90].map(to), [9, 14, 30, 30]);
        assert!(block.regrown(&block, 3) == block);
    }

    #[test]
    fn runs_and_bounds_cross_words() {
        let mut set = Bitmap::empty(200, 3);
        for (from, to) in [(0, 1), (60, 70), (127, 129), (190, 200)] {
            set.insert_run(1, from, to);
        }
        assert_eq!(set.runs(1).collect::<Vec<_>>(), [(0, 1), (60, 70), (127, 129), (190, 200)]);
        assert_eq!(set.runs(0).count(), 0);
        assert_eq!(set.bounds(), Some(Rect { x: 0, y: 1, width: 200, height: 1 }));
        assert_eq!(set.count(), 23);
        assert_eq!(set.not().count(), 600 - 23);
    }

    #[test]
    fn sets_join_bit_by_bit() {
        let left = Bitmap::rect(70, 2, Rect { x: 0, y: 0, width: 66, height: 2 });
        let right = Bitmap::rect(70, 2, Rect { x: 64, y: 0, width: 6, height: 1 });
        assert_eq!(left.and(&right).count(), 2);
        assert_eq!(left.or(&right).count(), 136);
        assert_eq!(left.minus(&right).count(), 130);
        assert!(Bitmap::empty(70, 2).is_empty());
    }
}
