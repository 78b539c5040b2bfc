//! A contact sheet: pictures side by side, each with its name, a mark and a line about it. For people to look at and print.

mod letters;
mod mark;

pub use mark::Mark;

use crate::picture::Picture;
use crate::thumbnail;
use letters::{HEADING, LINE};

/// The square that one picture has on a sheet, in pixels.
pub const TILE: u32 = 480;
/// Between everything.
const GAP: u32 = 32;
/// What is written under a picture: its name, and what there is to say of it.
const CAPTION: u32 = GAP / 2 + 2 * LINE.height + GAP / 4;

const PAPER: [u8; 3] = [255; 3];
/// Shows where a white picture ends.
const FRAME: [u8; 3] = [222, 222, 214];
const INK: [u8; 3] = [28, 35, 25];
const SOFT_INK: [u8; 3] = [84, 94, 78];

/// One picture of a sheet.
#[derive(Clone, Debug)]
pub struct Tile {
    picture: Picture,
    pub title: String,
    pub mark: Mark,
    pub note: String,
}

impl Tile {
    /// Keeps no more of the picture than the sheet shows.
    pub fn new(picture: &Picture, title: impl Into<String>, mark: Mark, note: impl Into<String>) -> Tile {
        Tile { picture: thumbnail::within(picture, (TILE, TILE)), title: title.into(), mark, note: note.into() }
    }
}

/// Draws the sheet. Letters beyond Latin are written as question marks, since its letters have no others.
pub fn draw(heading: &str, tiles: &[Tile]) -> Picture {
    let columns = columns(tiles.len());
    let rows = (tiles.len() as u32).div_ceil(columns);
    let (width, top) = (GAP + columns * (TILE + GAP), 2 * GAP + HEADING.height);
    let mut sheet = Picture::filled(width, top + rows * (TILE + CAPTION + GAP), PAPER);
    HEADING.write(&mut sheet, heading, (GAP, GAP), width - 2 * GAP, INK);
    for (tile, at) in tiles.iter().zip(0_u32..) {
        let place = (GAP + at % columns * (TILE + GAP), top + at / columns * (TILE + CAPTION + GAP));
        lay(&mut sheet, tile, place);
    }
    sheet
}

/// As near to a square as whole rows allow.
fn columns(count: usize) -> u32 {
    (1_u32..).find(|columns| (*columns * *columns) as usize >= count).unwrap_or(1)
}

fn lay(sheet: &mut Picture, tile: &Tile, (x, y): (u32, u32)) {
    let (width, height) = (tile.picture.width(), tile.picture.height());
    let (left, top) = (x + (TILE - width) / 2, y + (TILE - height) / 2);
    frame(sheet, (left - 1, top - 1), (width + 2, height + 2));
    paste(sheet, &tile.picture, (left, top));
    let line = y + TILE + GAP / 2;
    LINE.write(sheet, &tile.title, (x, line), TILE, INK);
    let second = line + LINE.height;
    let shift = tile.mark.draw(sheet, (x, second));
    LINE.write(sheet, &tile.note, (x + shift, second), TILE - shift, SOFT_INK);
}

fn frame(sheet: &mut Picture, (x, y): (u32, u32), (width, height): (u32, u32)) {
    for row in y..y + height {
        let at = (row as usize * sheet.width() as usize + x as usize) * 3;
        let line = &mut sheet.rgb_mut()[at..at + width as usize * 3];
        line.as_chunks_mut::<3>().0.fill(FRAME);
    }
}

fn paste(sheet: &mut Picture, picture: &Picture, (x, y): (u32, u32)) {
    let (stride, row) = (sheet.width() as usize * 3, picture.width() as usize * 3);
    for (line, from) in picture.rgb().chunks_exact(row.max(1)).enumerate() {
        let at = (y as usize + line) * stride + x as usize * 3;
        sheet.rgb_mut()[at..at + row].copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: [u8; 3] = [200, 0, 0];

    fn tiles(count: usize) -> Vec<Tile> {
        let picture = Picture::filled(900, 1200, RED);
        (0..count).map(|n| Tile::new(&picture, format!("mug_{n}.jpg"), Mark::Passed, "Passes")).collect()
    }

    #[test]
    fn a_sheet_has_a_place_for_every_picture() {
        for (count, columns, rows) in [(1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 2, 2), (5, 3, 2), (9, 3, 3)] {
            let sheet = draw("mug.jpg", &tiles(count));
            let size = (32 + columns * (TILE + GAP), 2 * GAP + HEADING.height + rows * (TILE + CAPTION + GAP));
            assert_eq!((sheet.width(), sheet.height()), size, "{count}");
            // A picture of 3:4 fills three quarters of its square.
            let red = sheet.rgb().as_chunks::<3>().0.iter().filter(|pixel| **pixel == RED).count();
            assert_eq!(red, count * (TILE * TILE * 3 / 4) as usize, "{count}");
        }
    }

    #[test]
    fn words_that_are_too_long_stay_in_their_column() {
        let picture = Picture::filled(10, 10, [255; 3]);
        let long = Tile::new(&picture, "x".repeat(500), Mark::Failed, "ü→कप ".repeat(100));
        let sheet = draw(&"y".repeat(500), &[long]);
        let edge = (0..sheet.height()).all(|y| (0..GAP).all(|x| sheet.pixel(sheet.width() - 1 - x, y) == PAPER));
        assert!(edge, "nothing is written beyond the column");
    }

    #[test]
    fn marks_differ_in_shape_and_in_colour() {
        let picture = Picture::filled(10, 10, [255; 3]);
        let of = |mark| draw("", &[Tile::new(&picture, "", mark, "")]);
        let sheets = [Mark::None, Mark::Passed, Mark::Remarked, Mark::Failed].map(of);
        let grey = |sheet: &Picture| -> Vec<u8> { sheet.rgb().iter().skip(1).step_by(3).map(|g| g / 64).collect() };
        for (at, one) in sheets.iter().enumerate() {
            assert!(sheets[at + 1..].iter().all(|other| one != other && grey(one) != grey(other)), "{at}");
        }
    }
}
