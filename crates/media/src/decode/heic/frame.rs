//! What a container shows of a coded picture: a part of it, turned. Cropping, turning and mirroring may follow one another in any
//! order and number; they come to one rectangle and one of eight turns.

use heic_decoder::HeifError;
use heic_decoder::isobmff::{CleanAperture, Transform};

use crate::decode::orient::{self, Turn};

/// A rectangle of the stored picture, and how it is shown: mirrored first, then rows and columns change places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) struct Frame {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    mirrored: bool,
    flipped: bool,
    transposed: bool,
}

impl Frame {
    pub(in crate::decode) fn new(width: usize, height: usize, transforms: &[Transform]) -> Result<Frame, HeifError> {
        let whole = Frame { left: 0, top: 0, width, height, mirrored: false, flipped: false, transposed: false };
        transforms.iter().try_fold(whole, |frame, transform| frame.then(*transform))
    }

    /// Width and height as shown.
    pub(in crate::decode) fn shown(&self) -> (usize, usize) {
        if self.transposed { (self.height, self.width) } else { (self.width, self.height) }
    }

    fn then(mut self, transform: Transform) -> Result<Frame, HeifError> {
        match transform {
            Transform::CleanAperture(aperture) => self.crop(aperture)?,
            Transform::Rotate90Ccw(quarters) => (0..quarters % 4).for_each(|_| self.quarter()),
            Transform::MirrorHorizontal => self.mirror(self.transposed),
            Transform::MirrorVertical => self.mirror(!self.transposed),
        }
        Ok(self)
    }

    /// Counterclockwise.
    fn quarter(&mut self) {
        self.mirror(self.transposed);
        self.transposed = !self.transposed;
    }

    fn mirror(&mut self, stored_rows: bool) {
        let side = if stored_rows { &mut self.flipped } else { &mut self.mirrored };
        *side = !*side;
    }

    fn crop(&mut self, aperture: CleanAperture) -> Result<(), HeifError> {
        let (width, height) = self.shown();
        let across = crop_axis(width, aperture.width, aperture.horizontal_offset)?;
        let down = crop_axis(height, aperture.height, aperture.vertical_offset)?;
        let (columns, rows) = if self.transposed { (down, across) } else { (across, down) };
        let from =
            |(start, size): (usize, usize), full: usize, back: bool| if back { full - start - size } else { start };
        self.left += from(columns, self.width, self.mirrored);
        self.top += from(rows, self.height, self.flipped);
        (self.width, self.height) = (columns.1, rows.1);
        Ok(())
    }

    fn turn(&self) -> Turn {
        match (self.transposed, self.mirrored, self.flipped) {
            (false, false, false) => Turn::None,
            (false, true, false) => Turn::FlipHorizontal,
            (false, false, true) => Turn::FlipVertical,
            (false, true, true) => Turn::Half,
            (true, false, false) => Turn::Transpose,
            (true, true, false) => Turn::Counterclockwise,
            (true, false, true) => Turn::Clockwise,
            (true, true, true) => Turn::Transverse,
        }
    }

    /// What is shown of `pixels` of `N` bytes, which are `stored_width` wide.
    pub(in crate::decode) fn shown_of<const N: usize>(&self, mut pixels: Vec<u8>, stored_width: usize) -> Vec<u8> {
        let row = self.width * N;
        if self.width < stored_width || row * self.height < pixels.len() {
            for y in 0..self.height {
                let start = ((self.top + y) * stored_width + self.left) * N;
                pixels.copy_within(start..start + row, y * row);
            }
            pixels.truncate(row * self.height);
            pixels.shrink_to_fit();
        }
        orient::upright::<N>(pixels, self.width as u32, self.height as u32, self.turn())
    }
}

/// Where an aperture starts, and how much it shows. Its offset is measured from the middle, in fractions.
fn crop_axis(full: usize, extent: (u32, u32), offset: (i32, u32)) -> Result<(usize, usize), HeifError> {
    const OUTSIDE: HeifError = HeifError::MalformedBox("clap: aperture outside image");
    if extent.1 == 0 || offset.1 == 0 || extent.0 == 0 {
        return Err(HeifError::MalformedBox("clap: zero extent or denominator"));
    }
    if !extent.0.is_multiple_of(extent.1) {
        return Err(HeifError::Unsupported("clap: fractional pixel extent"));
    }
    let size = (extent.0 / extent.1) as usize;
    let spare = full.checked_sub(size).ok_or(OUTSIDE)? as i128;
    let denominator = 2 * i128::from(offset.1);
    let numerator = spare * i128::from(offset.1) + 2 * i128::from(offset.0);
    if numerator < 0 || numerator > spare * denominator {
        return Err(OUTSIDE);
    }
    if numerator % denominator != 0 {
        return Err(HeifError::Unsupported("clap: fractional pixel origin"));
    }
    Ok(((numerator / denominator) as usize, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CCW: Transform = Transform::Rotate90Ccw(1);
    const ACROSS: Transform = Transform::MirrorHorizontal;
    const DOWN: Transform = Transform::MirrorVertical;

    fn crop(width: u32, height: u32, x: i32, y: i32) -> Transform {
        let (horizontal_offset, vertical_offset) = ((x, 2), (y, 2));
        Transform::CleanAperture(CleanAperture {
            width: (width, 1),
            height: (height, 1),
            horizontal_offset,
            vertical_offset,
        })
    }

    /// Three columns, two rows: 1 2 3 / 4 5 6.
    #[track_caller]
    fn check(transforms: &[Transform], size: (usize, usize), expected: &[u8]) {
        let frame = Frame::new(3, 2, transforms).unwrap();
        assert_eq!(frame.shown(), size);
        assert_eq!(frame.shown_of::<1>(vec![1, 2, 3, 4, 5, 6], 3), expected);
    }

    #[test]
    fn turns_follow_one_another() {
        check(&[], (3, 2), &[1, 2, 3, 4, 5, 6]);
        check(&[CCW], (2, 3), &[3, 6, 2, 5, 1, 4]);
        check(&[Transform::Rotate90Ccw(2)], (3, 2), &[6, 5, 4, 3, 2, 1]);
        check(&[Transform::Rotate90Ccw(3)], (2, 3), &[4, 1, 5, 2, 6, 3]);
        check(&[CCW, CCW, CCW, CCW], (3, 2), &[1, 2, 3, 4, 5, 6]);
        check(&[ACROSS], (3, 2), &[3, 2, 1, 6, 5, 4]);
        check(&[DOWN], (3, 2), &[4, 5, 6, 1, 2, 3]);
        check(&[CCW, ACROSS], (2, 3), &[6, 3, 5, 2, 4, 1]);
        check(&[CCW, DOWN], (2, 3), &[1, 4, 2, 5, 3, 6]);
        check(&[ACROSS, CCW], (2, 3), &[1, 4, 2, 5, 3, 6]);
    }

    #[test]
    fn a_part_is_taken_of_what_is_shown_by_then() {
        check(&[crop(2, 2, 1, 0)], (2, 2), &[2, 3, 5, 6]);
        check(&[crop(2, 2, -1, 0), CCW], (2, 2), &[2, 5, 1, 4]);
        check(&[CCW, crop(2, 1, 0, -2)], (2, 1), &[3, 6]);
        check(&[ACROSS, crop(1, 2, -2, 0)], (1, 2), &[3, 6]);
        check(&[CCW, ACROSS, crop(1, 2, 1, -1), crop(1, 1, 0, 1)], (1, 1), &[2]);
    }

    #[test]
    fn apertures_that_lie() {
        for aperture in
            [crop(4, 2, 0, 0), crop(0, 1, 0, 0), crop(2, 2, 3, 0), crop(2, 2, 0, 0), crop(3, 2, i32::MIN, 0)]
        {
            assert!(Frame::new(3, 2, &[aperture]).is_err(), "{aperture:?}");
        }
    }
}
