//! Mirror images: below a line the picture repeats what is above it, fainter.

use super::Grid;

/// Cells on both sides of the line between which light must change.
const STEP: usize = 3;
/// How much darker it must be above than below: as a factor and in levels.
const DARKER: (f32, f32) = (1.3, 12.0);
/// The strongest and the faintest image at the line, as shares of what is mirrored.
const STRENGTH: (f32, f32) = (0.06, 0.85);
/// The share of an image's light that may be left unexplained by what is above.
const UNEXPLAINED: f32 = 0.2;
/// The line is looked for below this share of the height.
const FROM: f64 = 0.3;
/// Columns on both sides with which the line goes on, and cells by which it may jump there.
const NEIGHBOURS: usize = 6;
const JUMP: usize = 4;
/// The share of the height by which the line of a round foot may be bent.
const BENT: f64 = 0.06;
/// The share of the width that an image covers at least, and that in columns.
const WIDE: f64 = 0.08;
const WIDE_MIN: usize = 8;
/// An image fades away when its end is this faint, in levels and as a share of its beginning.
const FADED: (f32, f32) = (30.0, 0.5);
/// One that ends with an edge must repeat what is above: correlation, and levels by which that changes along a column.
const ALIKE: f32 = 0.7;
const CHANGES: f32 = 3.0;
/// A cell is the image of another within so many levels and this share of what it should lack; a column, with this share of cells.
const UNLIKE: (f32, f32) = (12.0, 0.35);
const MIRRORED: f64 = 0.6;

/// One column's image.
#[derive(Clone, Copy)]
struct Image {
    /// The first row of it.
    from: usize,
    /// Its rows.
    rows: usize,
    /// Its strength at the line, and what that loses with each row.
    strength: f32,
    loss: f32,
    unexplained: f32,
}

/// For each column the row from which on it is a mirror image; `None` where the picture holds none.
pub(super) fn line(grid: &Grid) -> Option<Vec<Option<usize>>> {
    let (first, last) = grid.rows()?;
    let from = first + ((last - first) as f64 * FROM) as usize;
    let images: Vec<Option<Image>> = (0..grid.width).map(|x| best(grid, x, from)).collect();
    let images = consistent(&images, last - first);
    let wide = (0..grid.width).filter(|x| (first..=last).any(|y| grid.is_solid(*x, y))).count();
    let found = images.iter().flatten().count();
    if found < WIDE_MIN.max((wide as f64 * WIDE) as usize) || !(fades(grid, &images) || repeats(grid, &images)) {
        return None;
    }
    let usual = usual(&images)?;
    let line = |x: usize| images[x].map(|image| image.from).or_else(|| beside(grid, &images, usual, x));
    Some((0..grid.width).map(line).collect())
}

/// Strength and loss of the column in the middle by strength.
fn usual(images: &[Option<Image>]) -> Option<Image> {
    let mut all: Vec<Image> = images.iter().flatten().copied().collect();
    all.sort_by(|a, b| a.strength.total_cmp(&b.strength));
    all.get(all.len() / 2).copied()
}

/// The line in a column that mirrors best.
fn best(grid: &Grid, x: usize, from: usize) -> Option<Image> {
    let bottom = (from..grid.height).rev().find(|y| grid.is_solid(x, *y))?;
    let top = (0..=bottom).rev().take_while(|y| grid.is_solid(x, *y)).last()?;
    let lines = from.max(top + STEP)..(bottom + 2).saturating_sub(2 * STEP);
    let images = lines.filter(|y| steps(grid, x, *y)).filter_map(|y| image(grid, x, y, top, bottom));
    images.filter(|image| image.unexplained <= UNEXPLAINED).min_by(|a, b| a.unexplained.total_cmp(&b.unexplained))
}

fn steps(grid: &Grid, x: usize, y: usize) -> bool {
    let mean = |rows: std::ops::Range<usize>| rows.map(|y| grid.dark(x, y)).sum::<f32>() / STEP as f32;
    let (above, below) = (mean(y - STEP..y), mean(y..y + STEP));
    above >= DARKER.0 * below && above >= below + DARKER.1
}

/// Fits what is below the row by what is above it, fading evenly.
fn image(grid: &Grid, x: usize, from: usize, top: usize, bottom: usize) -> Option<Image> {
    let rows = (bottom + 1 - from).min(from - top);
    // Sums of the least squares for `below = (strength - loss * way) * above`.
    let (mut uu, mut uku, mut ukku, mut uv, mut ukv, mut vv) = (0.0f32, 0.0f32, 0.0f32, 0.0f32, 0.0f32, 0.0f32);
    for way in 0..rows {
        let (above, below, k) = (grid.lack(x, from - 1 - way), grid.lack(x, from + way), way as f32);
        for (u, v) in above.into_iter().zip(below) {
            uu += u * u;
            uku += u * u * k;
            ukku += u * u * k * k;
            uv += u * v;
            ukv += u * v * k;
            vv += v * v;
        }
    }
    let determinant = uu * ukku - uku * uku;
    if determinant <= uu * uu * 1e-3 || vv <= 0.0 {
        return None;
    }
    let strength = (uv * ukku - ukv * uku) / determinant;
    let loss = -(uu * ukv - uku * uv) / determinant;
    let explained = strength * uv - loss * ukv;
    let holds =
        rows >= 2 * STEP && (STRENGTH.0..=STRENGTH.1).contains(&strength) && loss >= -strength * 0.1 / rows as f32;
    holds.then_some(Image { from, rows, strength, loss, unexplained: 1.0 - explained / vv })
}

/// Without columns whose line jumps away from those beside it, or lies far from most.
fn consistent(images: &[Option<Image>], height: usize) -> Vec<Option<Image>> {
    let mut all: Vec<usize> = images.iter().flatten().map(|image| image.from).collect();
    all.sort_unstable();
    let middle = all.get(all.len() / 2).copied().unwrap_or_default();
    let bent = JUMP.max((height as f64 * BENT) as usize);
    let near = |x: usize| {
        let around = x.saturating_sub(NEIGHBOURS)..(x + NEIGHBOURS + 1).min(images.len());
        let mut rows: Vec<usize> = images[around].iter().flatten().map(|image| image.from).collect();
        rows.sort_unstable();
        (rows.len() > NEIGHBOURS / 2).then(|| rows[rows.len() / 2])
    };
    let keeps = |x: usize, image: &Image| {
        image.from.abs_diff(middle) <= bent && near(x).is_some_and(|row| row.abs_diff(image.from) <= JUMP)
    };
    images.iter().enumerate().map(|(x, image)| image.filter(|image| keeps(x, image))).collect()
}

/// Most columns end without an edge.
fn fades(grid: &Grid, images: &[Option<Image>]) -> bool {
    let faded = |(x, image): (usize, Image)| {
        let end = image.from + image.rows - 1;
        let open = end + 2 >= grid.height || !grid.is_solid(x, (end + 2).min(grid.height - 1));
        let left = image.strength - image.loss * image.rows as f32;
        open && grid.dark(x, end) <= FADED.0 && left <= FADED.1 * image.strength
    };
    let found = images.iter().enumerate().filter_map(|(x, image)| Some((x, (*image)?)));
    let all = images.iter().flatten().count();
    found.filter(|found| faded(*found)).count() * 2 > all
}

/// What changes along the columns above changes in the same way below, and as much as the image's strength lets it.
fn repeats(grid: &Grid, images: &[Option<Image>]) -> bool {
    let (mut uu, mut uv, mut vv, mut count) = (0.0f32, 0.0f32, 0.0f32, 0u32);
    let found = images.iter().enumerate().filter_map(|(x, image)| Some((x, (*image)?)));
    // Cells at both ends hold edges, which look alike wherever they come from.
    for (x, image) in found.filter(|(_, image)| image.rows > 3 * STEP) {
        let ways = STEP..image.rows - STEP;
        let shown = |way: usize| image.strength - image.loss * way as f32;
        let above: Vec<f32> = ways.clone().map(|way| grid.dark(x, image.from - 1 - way) * shown(way)).collect();
        let below: Vec<f32> = ways.map(|way| grid.dark(x, image.from + way)).collect();
        let mean = |of: &[f32]| of.iter().sum::<f32>() / of.len() as f32;
        let (above_mean, below_mean) = (mean(&above), mean(&below));
        for (u, v) in above.iter().zip(&below) {
            let (u, v) = (u - above_mean, v - below_mean);
            uu += u * u;
            uv += u * v;
            vv += v * v;
            count += 1;
        }
    }
    let changes = (vv / count.max(1) as f32).sqrt();
    changes >= CHANGES && uv >= ALIKE * (uu * vv).sqrt()
}

/// A column without a line of its own: the nearest one's, where what lies below is the image of what hangs above.
fn beside(grid: &Grid, images: &[Option<Image>], usual: Image, x: usize) -> Option<usize> {
    let near = (0..images.len()).filter(|other| images[*other].is_some()).min_by_key(|other| other.abs_diff(x))?;
    let from = images[near]?.from;
    let below: Vec<usize> = (from..grid.height).filter(|y| grid.is_solid(x, *y)).collect();
    let mirrored = below.iter().filter(|y| {
        let way = **y - from;
        let Some(above) = from.checked_sub(way + 1) else { return false };
        let wanted = grid.dark(x, above) * (usual.strength - usual.loss * way as f32).max(0.0);
        (grid.dark(x, **y) - wanted).abs() <= UNLIKE.0 + UNLIKE.1 * wanted
    });
    (!below.is_empty() && mirrored.count() as f64 >= MIRRORED * below.len() as f64).then_some(from)
}
