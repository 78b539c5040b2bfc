//! Words on a picture, in letters that all have one width.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use crate::picture::Picture;

/// One size of letters.
pub(super) struct Letters {
    weight: FontWeight,
    size: RasterHeight,
    /// Of a line, in pixels.
    pub height: u32,
}

pub(super) const HEADING: Letters = Letters { weight: FontWeight::Bold, size: RasterHeight::Size24, height: 32 };
pub(super) const LINE: Letters = Letters { weight: FontWeight::Regular, size: RasterHeight::Size20, height: 28 };

/// Stands for what there is no letter for.
const UNKNOWN: char = '?';
/// Stands for what there was no room for.
const CUT: &str = "..";

impl Letters {
    /// Writes as much as fits into `room` pixels; what doesn't is cut out of the middle, as a file's ending tells more.
    pub(super) fn write(&self, on: &mut Picture, text: &str, (x, y): (u32, u32), room: u32, ink: [u8; 3]) {
        let width = get_raster_width(self.weight, self.size);
        for (letter, at) in fitting(text, room as usize / width).chars().zip((x as usize..).step_by(width)) {
            let drawn = get_raster(letter, self.weight, self.size)
                .or_else(|| get_raster(UNKNOWN, self.weight, self.size))
                .map(|drawn| drawn.rows());
            for (line, row) in drawn.into_iter().flatten().zip(y as usize..) {
                for (cover, column) in line.iter().zip(at..) {
                    blend(on, (column, row), *cover, ink);
                }
            }
        }
    }
}

fn fitting(text: &str, most: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= most {
        return text.to_owned();
    }
    let kept = most.saturating_sub(CUT.len());
    let (head, tail) = (kept.div_ceil(2), kept / 2);
    letters[..head].iter().chain(&CUT.chars().collect::<Vec<_>>()).chain(&letters[letters.len() - tail..]).collect()
}

/// Lays ink over a pixel; beyond the picture there is nothing to lay it on.
pub(super) fn blend(on: &mut Picture, (x, y): (usize, usize), cover: u8, ink: [u8; 3]) {
    let (width, height) = (on.width() as usize, on.height() as usize);
    if x >= width || y >= height {
        return;
    }
    let at = (y * width + x) * 3;
    for (under, ink) in on.rgb_mut()[at..at + 3].iter_mut().zip(ink) {
        let mixed = u32::from(*under) * u32::from(255 - cover) + u32::from(ink) * u32::from(cover);
        *under = ((mixed + 127) / 255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_lose_their_middle() {
        for (text, most, shown) in [
            ("mug.jpg", 10, "mug.jpg"),
            ("needs-identifier/mug.jpg", 12, "needs..g.jpg"),
            ("needs-identifier/mug.jpg", 2, ".."),
            ("", 0, ""),
        ] {
            assert_eq!(fitting(text, most), shown);
        }
    }

    #[test]
    fn every_letter_of_a_file_name_and_of_western_europe_is_there() {
        let letters = (' '..='~').chain('À'..='ÿ').chain("°×–".chars());
        let lost: String = letters.filter(|c| get_raster(*c, LINE.weight, LINE.size).is_none()).collect();
        assert_eq!(lost, "–", "what is said on a sheet does without");
    }
}
