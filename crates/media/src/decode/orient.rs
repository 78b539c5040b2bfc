//! Orientation: what EXIF says about how the camera was held, and turning pixels upright.

use image::metadata::Orientation;
use rayon::prelude::*;

use crate::tasks;

/// How the stored picture is turned to stand upright; the eight cases of EXIF, in its order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    #[default]
    None,
    FlipHorizontal,
    Half,
    FlipVertical,
    /// Mirrored along the diagonal from top left to bottom right.
    Transpose,
    Clockwise,
    /// Mirrored along the other diagonal.
    Transverse,
    Counterclockwise,
}

impl Turn {
    /// Reads the orientation out of an EXIF block; anything unreadable means upright, as cameras intend.
    pub(super) fn from_exif(exif: &[u8]) -> Turn {
        let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
        Turn::of(Orientation::from_exif_chunk(tiff))
    }

    /// 1 to 8, as EXIF and TIFF number them.
    pub(super) fn from_number(number: u16) -> Turn {
        Turn::of(u8::try_from(number).ok().and_then(Orientation::from_exif))
    }

    fn of(orientation: Option<Orientation>) -> Turn {
        match orientation {
            None | Some(Orientation::NoTransforms) => Turn::None,
            Some(Orientation::FlipHorizontal) => Turn::FlipHorizontal,
            Some(Orientation::Rotate180) => Turn::Half,
            Some(Orientation::FlipVertical) => Turn::FlipVertical,
            Some(Orientation::Rotate90FlipH) => Turn::Transpose,
            Some(Orientation::Rotate90) => Turn::Clockwise,
            Some(Orientation::Rotate270FlipH) => Turn::Transverse,
            Some(Orientation::Rotate270) => Turn::Counterclockwise,
        }
    }

    /// The size after turning.
    pub fn size(self, width: u32, height: u32) -> (u32, u32) {
        if self.swaps_sides() { (height, width) } else { (width, height) }
    }

    fn swaps_sides(self) -> bool {
        matches!(self, Turn::Transpose | Turn::Clockwise | Turn::Transverse | Turn::Counterclockwise)
    }
}

/// Turns interleaved pixels of `N` bytes. Needs a second buffer only where rows and columns change places.
pub(super) fn upright<const N: usize>(mut pixels: Vec<u8>, width: u32, height: u32, turn: Turn) -> Vec<u8> {
    let (width, height) = (width as usize, height as usize);
    match turn {
        Turn::None => {}
        Turn::FlipHorizontal => mirror_rows::<N>(&mut pixels, width),
        Turn::Half => pixels.as_chunks_mut::<N>().0.reverse(),
        Turn::FlipVertical => reverse_rows(&mut pixels, width * N, height),
        Turn::Transpose => return transpose::<N>(&pixels, width, height),
        Turn::Clockwise => {
            let mut turned = transpose::<N>(&pixels, width, height);
            mirror_rows::<N>(&mut turned, height);
            return turned;
        }
        Turn::Transverse => {
            let mut turned = transpose::<N>(&pixels, width, height);
            turned.as_chunks_mut::<N>().0.reverse();
            return turned;
        }
        Turn::Counterclockwise => {
            let mut turned = transpose::<N>(&pixels, width, height);
            reverse_rows(&mut turned, height * N, width);
            return turned;
        }
    }
    pixels
}

fn mirror_rows<const N: usize>(pixels: &mut [u8], width: usize) {
    let rows = pixels.par_chunks_exact_mut(width * N).with_min_len(tasks::pieces(width));
    rows.for_each(|row| row.as_chunks_mut::<N>().0.reverse());
}

fn reverse_rows(pixels: &mut [u8], stride: usize, height: usize) {
    let (top, bottom) = pixels.split_at_mut(height / 2 * stride);
    let bottom = bottom.chunks_exact_mut(stride).rev();
    top.chunks_exact_mut(stride).zip(bottom).for_each(|(upper, lower)| upper.swap_with_slice(lower));
}

/// Rows that are written together, so that each cache line that is read serves several of them.
const BAND: usize = 16;

fn transpose<const N: usize>(pixels: &[u8], width: usize, height: usize) -> Vec<u8> {
    let source = pixels.as_chunks::<N>().0;
    let mut turned = vec![0; pixels.len()];
    let bands = turned.par_chunks_mut(height * N * BAND).enumerate();
    bands.with_min_len(tasks::pieces(height * BAND)).for_each(|(band, rows)| {
        let rows = rows.as_chunks_mut::<N>().0;
        let first = band * BAND;
        let count = rows.len() / height;
        for y in 0..height {
            let line = &source[y * width + first..][..count];
            for (row, pixel) in line.iter().enumerate() {
                rows[row * height + y] = *pixel;
            }
        }
    });
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rows of three pixels: 1 2 3 / 4 5 6.
    #[track_caller]
    fn turned(turn: Turn, expected: &[u8]) {
        assert_eq!(upright::<1>(vec![1, 2, 3, 4, 5, 6], 3, 2, turn), expected, "{turn:?}");
    }

    #[test]
    fn all_eight_turns() {
        turned(Turn::None, &[1, 2, 3, 4, 5, 6]);
        turned(Turn::FlipHorizontal, &[3, 2, 1, 6, 5, 4]);
        turned(Turn::Half, &[6, 5, 4, 3, 2, 1]);
        turned(Turn::FlipVertical, &[4, 5, 6, 1, 2, 3]);
        turned(Turn::Transpose, &[1, 4, 2, 5, 3, 6]);
        turned(Turn::Clockwise, &[4, 1, 5, 2, 6, 3]);
        turned(Turn::Transverse, &[6, 3, 5, 2, 4, 1]);
        turned(Turn::Counterclockwise, &[3, 6, 2, 5, 1, 4]);
    }

    #[test]
    fn pixels_stay_whole_in_bands_that_do_not_divide() {
        let (width, height) = (BAND + 3, 5);
        let pixels: Vec<u8> = (0..width * height).flat_map(|at| [at as u8, 255 - at as u8, 7]).collect();
        let turned = upright::<3>(pixels.clone(), width as u32, height as u32, Turn::Clockwise);
        let back = upright::<3>(turned, height as u32, width as u32, Turn::Counterclockwise);
        assert_eq!(back, pixels);
    }

    #[test]
    fn unreadable_exif_means_upright() {
        for exif in [&b""[..], b"Exif\0\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"] {
            assert_eq!(Turn::from_exif(exif), Turn::None);
        }
    }
}
