//! What a product leaves on the floor it stands on, told from the product where no mask says so: its mirror image and its shadow.
//!
//! Only what fades away without an edge, or repeats the product upside down, is taken for floor; a second thing that lies below
//! has an outline of its own and stays product.

mod mirror;
mod soft;

use crate::bitmap::Bitmap;
use crate::picture::Picture;
use crate::preset::ShadowRule;

/// Cells along the longer side of a picture: fine enough for a fill to be measured within a quarter of a percent.
const CELLS: u32 = 400;
/// Share of the canvas under which there is nothing to tell apart.
const LEAST: f64 = 0.001;
/// Levels over two cells that make an edge of what ends there.
const HARD: f32 = 35.0;
/// A floor that leaves less than this share of what was found is none: then the thing itself fades.
const LEAST_LEFT: f64 = 0.2;

/// Pixels of a cell's side.
pub(super) fn cell(picture: &Picture) -> usize {
    picture.width().max(picture.height()).div_ceil(CELLS) as usize
}

/// The part of `solid` that is floor; `None` where all of it seems to be product. A product that stands has its shadow below it and
/// may be mirrored there; one that lies, which `rule` then says, has it all around.
pub(super) fn floor(picture: &Picture, solid: &Bitmap, background: u8, rule: ShadowRule) -> Option<Bitmap> {
    let mut grid = Grid::of(picture, solid, background);
    let mut floor = Bitmap::empty(solid.width(), solid.height());
    let lies = rule == ShadowRule::Soft;
    let seen = (!lies).then(|| mirror::line(&grid)).flatten();
    // A shadow fades as an image does: without it the product's foot ends with an edge, and an image goes on.
    let shadow = if lies { soft::around(&grid) } else { soft::below(&grid) };
    for (at, _) in shadow.iter().enumerate().filter(|(_, shadow)| **shadow) {
        grid.fill_cell(at, &mut floor);
        grid.solid[at] = false;
    }
    if let Some(line) = seen.filter(|line| !ends_hard(&grid, line)) {
        floor = floor.or(&below(picture, solid, &grid, &line));
    }
    let floor = floor.and(solid);
    let left = solid.minus(&floor).count();
    (floor.count() as f64 >= LEAST * f64::from(solid.width()) * f64::from(solid.height())
        && left as f64 >= LEAST_LEFT * solid.count() as f64)
        .then_some(floor)
}

/// The picture in cells: how much of the background's light each lacks, and which are not background.
struct Grid {
    cell: usize,
    width: usize,
    height: usize,
    lack: Vec<[f32; 3]>,
    solid: Vec<bool>,
}

impl Grid {
    fn of(picture: &Picture, solid: &Bitmap, background: u8) -> Grid {
        let cell = cell(picture);
        let (width, height) = ((picture.width() as usize).div_ceil(cell), (picture.height() as usize).div_ceil(cell));
        let (mut lack, mut counts, mut inside) =
            (vec![[0.0; 3]; width * height], vec![0u32; width * height], vec![0u32; width * height]);
        for (y, row) in picture.rgb().chunks_exact(picture.width() as usize * 3).enumerate() {
            for (x, pixel) in row.as_chunks::<3>().0.iter().enumerate() {
                let at = y / cell * width + x / cell;
                (0..3).for_each(|c| lack[at][c] += f32::from(background) - f32::from(pixel[c]));
                counts[at] += 1;
            }
            for x in solid.runs(y).flat_map(|(from, to)| from..to) {
                inside[y / cell * width + x / cell] += 1;
            }
        }
        lack.iter_mut().zip(&counts).for_each(|(lack, n)| *lack = lack.map(|v| v / *n as f32));
        let solid = inside.iter().zip(&counts).map(|(inside, all)| inside * 2 >= *all).collect();
        Grid { cell, width, height, lack, solid }
    }

    fn is_solid(&self, x: usize, y: usize) -> bool {
        self.solid[y * self.width + x]
    }

    fn lack(&self, x: usize, y: usize) -> [f32; 3] {
        self.lack[y * self.width + x]
    }

    /// Mean over the channels.
    fn dark(&self, x: usize, y: usize) -> f32 {
        self.lack(x, y).iter().sum::<f32>() / 3.0
    }

    /// First and last row that hold anything.
    fn rows(&self) -> Option<(usize, usize)> {
        let first = self.solid.iter().position(|s| *s)? / self.width;
        let last = self.solid.iter().rposition(|s| *s)? / self.width;
        Some((first, last))
    }

    fn fill_cell(&self, at: usize, set: &mut Bitmap) {
        let (x, y) = (at % self.width * self.cell, at / self.width * self.cell);
        for y in y..(y + self.cell).min(set.height() as usize) {
            set.insert_run(y, x, (x + self.cell).min(set.width() as usize));
        }
    }
}

/// What lies below the line ends with an edge in most columns.
fn ends_hard(grid: &Grid, line: &[Option<usize>]) -> bool {
    let columns = line.iter().enumerate().filter_map(|(x, from)| Some((x, (*from)?)));
    let last = |(x, from): (usize, usize)| {
        let last = (from.max(1)..grid.height.saturating_sub(1)).rev().find(|y| grid.is_solid(x, *y))?;
        Some(grid.dark(x, last - 1) - grid.dark(x, last + 1))
    };
    let mut edges: Vec<f32> = columns.filter_map(last).collect();
    edges.sort_by(f32::total_cmp);
    edges.get(edges.len() / 2).is_some_and(|edge| *edge >= HARD)
}

/// Everything below the line, exact to the pixel.
fn below(picture: &Picture, solid: &Bitmap, grid: &Grid, line: &[Option<usize>]) -> Bitmap {
    let mut set = Bitmap::empty(solid.width(), solid.height());
    for (column, from) in line.iter().enumerate().filter_map(|(x, from)| Some((x, (*from)?))) {
        let (left, right) = (column * grid.cell, ((column + 1) * grid.cell).min(solid.width() as usize));
        for y in steepest(picture, (left, right), from * grid.cell, grid.cell)..solid.height() as usize {
            set.insert_run(y, left, right);
        }
    }
    set
}

/// The row within a cell of `near` above which most light is lacking compared with it.
fn steepest(picture: &Picture, (left, right): (usize, usize), near: usize, reach: usize) -> usize {
    let light =
        |y: usize| -> i64 { (left..right).flat_map(|x| picture.pixel(x as u32, y as u32)).map(i64::from).sum() };
    let rows = near.saturating_sub(reach).max(1)..(near + reach).min(picture.height() as usize);
    rows.max_by_key(|y| light(*y) - light(y - 1)).unwrap_or(near)
}
