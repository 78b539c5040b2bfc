//! The zones of a picture that background rules speak of: ring, product, near, far, shadow.
//!
//! *Ring* is the outer 2 % of the canvas on each side, *near* the collar of 16 px around the product, *far* what lies
//! beyond that collar and beyond a permitted shadow. Distances are Chebyshev. Levels are each pixel's darkest channel.

use rayon::prelude::*;

use crate::bitmap::Bitmap;
use crate::check::components::{self, Part, TooBusy, parts};
use crate::check::{floor, veil};
use crate::compose::plane::Plane;
use crate::picture::{Matte, Picture, Rect};
use crate::preset::{ShadowLimits, ShadowRule};
use crate::tasks;

/// Pixels of the collar around product and shadow.
pub(crate) const NEAR: usize = 16;
/// Share of the canvas that the ring takes on each side.
const RING: f64 = 0.02;
/// Levels by which a pixel must be darker than the background to count as something else.
pub(crate) const DARKER: u8 = 5;
/// A shadow runs out to this many levels below the background; the encoder's noise lies above.
const TAIL: u8 = 2;
/// Pixels beside the product in which the encoder's ringing may look like shadow.
const RINGING: usize = 2;
/// Share of the canvas under which a darker spot is no shadow.
const MIN_SHADOW: f64 = 0.0002;
/// Pixels from a shadow within which it may shine through gaps of the product.
const GAPS: usize = 2 * NEAR;
/// Pixels to which threads of the product are followed that are too thin to be found as a part of it.
const THREADS: usize = 2 * NEAR;
/// Pixels by which a shadow may stand off the product and still touch it.
const TOUCH: usize = 4;

/// Width of the ring along a side of `side` pixels.
pub(crate) fn ring_width(side: u32) -> u32 {
    ((f64::from(side) * RING).round() as u32).clamp(1, side)
}

/// The ring of a canvas.
pub(crate) fn ring(width: u32, height: u32) -> Bitmap {
    let (across, down) = (ring_width(width), ring_width(height));
    let inner =
        Rect { x: across, y: down, width: width.saturating_sub(2 * across), height: height.saturating_sub(2 * down) };
    Bitmap::rect(width, height, inner).not()
}

/// The darkest channel of each pixel.
pub(crate) struct Levels {
    width: u32,
    height: u32,
    darkest: Vec<u8>,
}

impl Levels {
    pub(crate) fn of(picture: &Picture) -> Levels {
        let mut darkest = vec![0; picture.rgb().len() / 3];
        let pixels = darkest.par_chunks_mut(tasks::PIXELS).zip(picture.rgb().par_chunks(tasks::PIXELS * 3));
        pixels.for_each(|(out, rgb)| {
            for (out, [r, g, b]) in out.iter_mut().zip(rgb.as_chunks::<3>().0) {
                *out = (*r).min(*g).min(*b);
            }
        });
        Levels { width: picture.width(), height: picture.height(), darkest }
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    pub(crate) fn below(&self, level: u8) -> Bitmap {
        Bitmap::of::<1>((self.width, self.height), &self.darkest, |pixel| pixel[0] < level)
    }

    /// The darkest level in a set, and where it stands.
    pub(crate) fn darkest_in(&self, set: &Bitmap) -> Option<(u8, (u32, u32))> {
        let level = |(x, y): (usize, usize)| self.darkest[y * self.width as usize + x];
        let pixels =
            (0..self.height as usize).flat_map(|y| set.runs(y).flat_map(move |(a, b)| (a..b).map(move |x| (x, y))));
        pixels.min_by_key(|at| level(*at)).map(|at| (level(at), (at.0 as u32, at.1 as u32)))
    }

    /// Levels below `reference` in `area`, as means over cells of `cell` pixels, scaled to a white background.
    pub(crate) fn shade_cells(&self, area: &Bitmap, reference: u8, cell: usize) -> Plane {
        let width = self.width as usize;
        let mut plane = Plane::new(width.div_ceil(cell), (self.height as usize).div_ceil(cell));
        let mut counts = plane.clone();
        for y in 0..self.height as usize {
            for x in area.runs(y).flat_map(|(from, to)| from..to) {
                let at = y / cell * plane.width + x / cell;
                let darker = f32::from(reference.saturating_sub(self.darkest[y * width + x]));
                plane.values[at] += darker * 255.0 / f32::from(reference.max(1));
                counts.values[at] += 1.0;
            }
        }
        plane.values.iter_mut().zip(&counts.values).for_each(|(v, n)| *v /= n.max(1.0));
        plane
    }

    /// The level that `share` of a set's pixels lie below.
    pub(crate) fn quantile(&self, set: &Bitmap, share: f64) -> u8 {
        let mut counts = [0u64; 256];
        for y in 0..self.height as usize {
            for (from, to) in set.runs(y) {
                let row = &self.darkest[y * self.width as usize..];
                row[from..to].iter().for_each(|v| counts[usize::from(*v)] += 1);
            }
        }
        let wanted = (counts.iter().sum::<u64>() as f64 * share) as u64;
        let mut seen = 0;
        let found = counts.iter().position(|count| {
            seen += count;
            seen > wanted
        });
        found.unwrap_or(255) as u8
    }
}

/// The product as pixels: what is counted as covered at all, and its box at half coverage.
pub(crate) struct Product {
    /// Every pixel that is product at least in part: the soft edge is inside, faint coverage far from it is not.
    pub touched: Bitmap,
    /// Pixels that are product at least by half.
    pub solid: Bitmap,
    pub bounds: Rect,
    /// False where nobody could say which of the dark parts are product and which are its shadow.
    pub is_told_from_its_shadow: bool,
}

impl Product {
    pub(crate) fn from_matte(matte: &Matte) -> Option<Product> {
        let solid = Bitmap::covered(matte, 128);
        let touched = Bitmap::covered(matte, 1).minus(&veil::of(matte, &solid));
        Some(Product { bounds: solid.bounds()?, touched, solid, is_told_from_its_shadow: true })
    }

    /// What differs from a plain light background, less specks and what fades away on the floor: the pieces, and what hangs on them.
    pub(crate) fn found(
        picture: &Picture,
        levels: &Levels,
        background: u8,
        rule: ShadowRule,
        declared: Option<u32>,
    ) -> Option<Product> {
        let dark = levels.below(background.saturating_sub(DARKER));
        let solid = pieces_of(&dark.opened(1), &dark, declared)?;
        let Some(floor) = floor::floor(picture, &solid, background, rule) else {
            let touched = with_threads(&solid, &dark);
            return Some(Product { bounds: solid.bounds()?, touched, solid, is_told_from_its_shadow: false });
        };
        let dark_alone = dark.minus(&floor);
        let solid = pieces_of(&solid.minus(&floor).opened(1), &dark_alone, declared)?;
        // The floor is told in cells: those along the outline hold the product's edge as well.
        let own = with_threads(&solid, &dark_alone);
        let touched = own.grown(floor::cell(picture)).and(&dark).or(&own);
        Some(Product { bounds: solid.bounds()?, touched, solid, is_told_from_its_shadow: true })
    }

    /// Where a shadow has to touch it: under a standing product its lower third; around one that lies, anywhere.
    fn reach_of_shadow(&self, rule: ShadowRule) -> Bitmap {
        if matches!(rule, ShadowRule::Soft | ShadowRule::Any) {
            return self.touched.clone();
        }
        let Rect { x, y, width, height } = self.bounds;
        let top = y + height * 2 / 3;
        let third = Rect { x, y: top, width, height: y + height - top };
        Bitmap::rect(self.touched.width(), self.touched.height(), third).and(&self.touched)
    }
}

/// Darker areas beside the product.
pub(crate) struct ShadowFacts {
    /// Areas that touch the product where the rule permits it, out to their faintest visible level.
    pub region: Bitmap,
    /// Pixels of areas that touch the product elsewhere, or nothing.
    pub elsewhere: u64,
    /// The darkest level, away from the encoder's ringing; `None` where there is no shadow.
    pub darkest: Option<u8>,
    /// Pixels of the region that lie in the ring.
    pub in_ring: u64,
}

impl ShadowFacts {
    /// Finds what is darker than `background` outside the product.
    pub(crate) fn measure(
        levels: &Levels,
        product: &Product,
        background: u8,
        rule: ShadowRule,
    ) -> Result<ShadowFacts, TooBusy> {
        let beside = product.touched.grown(RINGING).not();
        let core = levels.below(background.saturating_sub(DARKER)).and(&beside).opened(1);
        let (width, height) = (core.width(), core.height());
        if core.count() < min_area(width, height) {
            return Ok(ShadowFacts { region: Bitmap::empty(width, height), elsewhere: 0, darkest: None, in_ring: 0 });
        }
        let wide = levels.below(background.saturating_sub(TAIL - 1)).minus(&product.touched);
        let reach = product.reach_of_shadow(rule).grown(TOUCH);
        let around_product = product.touched.grown(NEAR);
        let (under, other): (Vec<Part>, Vec<Part>) = parts(&wide)?.into_iter().partition(|part| meets(part, &reach));
        let other: Vec<Part> = other.into_iter().filter(|part| is_shadow(part, &core)).collect();
        // Gaps of the product that a shadow shines through are small parts close to it; elsewhere they are noise.
        let (cast, small): (Vec<&Part>, Vec<&Part>) = under.iter().partition(|part| is_shadow(part, &core));
        let cast = united(&wide, cast.into_iter());
        let close = cast.grown(GAPS);
        let region = cast.or(&united(&wide, small.into_iter().filter(|part| meets(part, &close))));
        let seen = region.and(&core);
        Ok(ShadowFacts {
            elsewhere: other.iter().filter(|part| meets(part, &around_product)).map(|part| part.area).sum(),
            darkest: levels.darkest_in(&seen).map(|(level, _)| level),
            in_ring: region.and(&ring(width, height)).count(),
            region,
        })
    }
}

impl ShadowFacts {
    /// Share of the canvas that the shadow covers.
    pub(crate) fn area(&self) -> f64 {
        self.region.count() as f64 / (f64::from(self.region.width()) * f64::from(self.region.height()))
    }

    /// Whether the shadow keeps its limits, or, where there are none, is none.
    pub(crate) fn obey(&self, limits: Option<ShadowLimits>) -> bool {
        let within = match limits {
            None => self.darkest.is_none(),
            Some(limits) => {
                let light = self.darkest.is_none_or(|darkest| darkest >= limits.min_level);
                light && self.area() <= limits.max_area && self.in_ring == 0
            }
        };
        within && self.elsewhere == 0
    }
}

/// How many of `parts`, the largest first, are pieces of what is sold. What is smaller is clutter, or a thread of a piece; where more
/// pieces are declared, the next ones may be half as large.
pub(crate) fn pieces(parts: &[Part], declared: Option<u32>) -> usize {
    /// Shares of the largest, in percent.
    const PIECE: u64 = 10;
    const DECLARED: u64 = 5;
    let largest = parts.first().map_or(0, |part| part.area);
    let from = |share: u64| parts.iter().take_while(|part| part.area * 100 >= largest * share).count();
    let sure = from(PIECE);
    declared.map_or(sure, |declared| sure.max(from(DECLARED).min(declared as usize)))
}

/// The pieces among the parts of `solid`, and those parts that hang on one by a thread of `dark`.
fn pieces_of(solid: &Bitmap, dark: &Bitmap, declared: Option<u32>) -> Option<Bitmap> {
    /// Percent of the largest part.
    const HANGING: u64 = 5;
    let parts = parts(solid).ok()?;
    let (pieces, rest) = parts.split_at(pieces(&parts, declared));
    let own = united(solid, pieces.iter());
    if own.is_empty() {
        return None;
    }
    // What is left of a mirror image on the floor hangs together with its product as well, and is smaller.
    let large = |part: &&Part| part.area * 100 >= HANGING * parts[0].area;
    let rest: Vec<&Part> = rest.iter().filter(large).collect();
    if rest.is_empty() {
        return Some(own);
    }
    let Ok(whole) = components::parts(dark) else { return Some(own) };
    let hung = united(dark, whole.iter().filter(|part| meets(part, &own)));
    Some(own.or(&united(solid, rest.into_iter().filter(|part| meets(part, &hung)))))
}

/// What was found with its threads, and specks of those that stand a pixel off.
fn with_threads(solid: &Bitmap, dark: &Bitmap) -> Bitmap {
    solid.regrown(&dark.grown(1), THREADS).and(dark).or(solid)
}

fn min_area(width: u32, height: u32) -> u64 {
    (f64::from(width) * f64::from(height) * MIN_SHADOW) as u64
}

/// Enough of the part is clearly dark, so it is no noise.
fn is_shadow(part: &Part, core: &Bitmap) -> bool {
    let least = min_area(core.width(), core.height());
    let clear = |(y, from, to): &(u32, u32, u32)| (*from..*to).filter(|x| core.has(*x as usize, *y as usize)).count();
    part.area >= least && part.runs.iter().map(clear).sum::<usize>() as u64 >= least
}

fn meets(part: &Part, set: &Bitmap) -> bool {
    part.runs.iter().any(|(y, from, to)| (*from..*to).any(|x| set.has(x as usize, *y as usize)))
}

/// The union of parts, as a set as large as `like`.
pub(crate) fn united<'a>(like: &Bitmap, parts: impl Iterator<Item = &'a Part>) -> Bitmap {
    let mut set = Bitmap::empty(like.width(), like.height());
    for part in parts {
        part.add_to(&mut set);
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    /// White, a grey-level square as product in the middle, and rectangles of other levels.
    fn drawn(others: &[(Rect, u8)]) -> (Picture, Matte) {
        let mut picture = Picture::filled(400, 400, [255; 3]);
        let mut matte = Matte::new(400, 400, vec![0; 160_000]);
        let product = Rect { x: 100, y: 100, width: 200, height: 200 };
        for (area, level) in others.iter().copied().chain([(product, 90)]) {
            for y in area.y..area.y + area.height {
                let at = (y * 400 + area.x) as usize;
                picture.rgb_mut()[at * 3..(at + area.width as usize) * 3].fill(level);
            }
        }
        for y in 100..300 {
            matte.alpha_mut()[y * 400 + 100..y * 400 + 300].fill(255);
        }
        (picture, matte)
    }

    fn shadow(others: &[(Rect, u8)]) -> ShadowFacts {
        let (picture, matte) = drawn(others);
        ShadowFacts::measure(&Levels::of(&picture), &Product::from_matte(&matte).unwrap(), 255, ShadowRule::Contact)
            .unwrap()
    }

    #[test]
    fn the_ring_is_two_percent_of_each_side() {
        for (width, height, pixels) in [(100, 100, 784), (1, 1, 1), (1000, 500, 39_200)] {
            assert_eq!(ring(width, height).count(), pixels, "{width} x {height}");
        }
        for (side, width) in [(2000, 40), (1500, 30), (24, 1), (1, 1)] {
            assert_eq!(ring_width(side), width);
        }
    }

    #[test]
    fn a_shadow_under_the_product_is_measured() {
        let facts = shadow(&[(Rect { x: 120, y: 300, width: 150, height: 20 }, 215)]);
        assert_eq!(facts.region.count(), 3000);
        assert_eq!((facts.darkest, facts.elsewhere, facts.in_ring), (Some(215), 0, 0));
    }

    #[test]
    fn a_shadow_above_the_product_is_elsewhere() {
        let facts = shadow(&[(Rect { x: 120, y: 80, width: 150, height: 20 }, 215)]);
        assert_eq!((facts.region.count(), facts.elsewhere, facts.darkest), (0, 3000, None));
    }

    #[test]
    fn a_shadow_that_runs_into_the_ring_is_seen_there() {
        let facts = shadow(&[(Rect { x: 120, y: 300, width: 10, height: 100 }, 230)]);
        assert_eq!(facts.in_ring, 80);
    }

    #[test]
    fn faint_noise_is_no_shadow() {
        let facts = shadow(&[(Rect { x: 90, y: 300, width: 210, height: 8 }, 251)]);
        assert_eq!((facts.region.count(), facts.darkest), (0, None));
    }

    #[test]
    fn a_product_is_found_on_white_and_specks_are_left_out() {
        let (picture, _) = drawn(&[(Rect { x: 10, y: 10, width: 2, height: 40 }, 0)]);
        let found = Product::found(&picture, &Levels::of(&picture), 255, ShadowRule::Contact, None).unwrap();
        assert_eq!(found.bounds, Rect { x: 100, y: 100, width: 200, height: 200 });
    }
}
