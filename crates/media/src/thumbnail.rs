//! Smaller copies of a picture for screens. Each pixel is the mean of those that it stands for, so white stays white.

use std::ops::Range;

use crate::encode::{self, EncodeOptions, Provenance};
use crate::picture::{Matte, Picture};
use crate::preset::Format;

/// The picture at this width; `None` where it is no wider than that, since nothing is enlarged.
pub fn of_width(picture: &Picture, width: u32) -> Option<Picture> {
    let height = scaled(picture.height(), width, picture.width());
    (width > 0 && width < picture.width()).then(|| shrunk(picture, (width, height)))
}

/// The picture so small that it fits into a box of at least one pixel, or a copy of it where it does already.
pub fn within(picture: &Picture, (width, height): (u32, u32)) -> Picture {
    let (own_width, own_height) = (picture.width().max(1), picture.height().max(1));
    if own_width <= width && own_height <= height {
        return picture.clone();
    }
    // Whichever side is further beyond the box decides.
    let by_width = u64::from(own_width) * u64::from(height) >= u64::from(own_height) * u64::from(width);
    let size = match by_width {
        true => (width, scaled(own_height, width, own_width)),
        false => (scaled(own_width, height, own_height), height),
    };
    shrunk(picture, size)
}

/// A file of a small picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Small {
    pub bytes: Vec<u8>,
    pub format: Format,
}

/// A small picture as a file: JPEG, or lossless WebP where that is allowed and smaller, as it is for drawings and mattes.
/// `None` for a size that JPEG can't hold.
pub fn file(picture: &Picture, webp: bool) -> Option<Small> {
    let jpeg = Small { bytes: encode::for_screens(picture).ok()?, format: Format::Jpeg };
    if !webp {
        return Some(jpeg);
    }
    let options = EncodeOptions::plain(Format::Webp, jpeg.bytes.len() as u64, Provenance::Photographed);
    let exact = encode::encode(picture, &options).ok();
    Some(exact.map_or(jpeg, |exact| Small { bytes: exact.bytes, format: Format::Webp }))
}

fn scaled(length: u32, to: u32, from: u32) -> u32 {
    let (length, from) = (u64::from(length) * u64::from(to), u64::from(from.max(1)));
    u32::try_from((length + from / 2) / from).unwrap_or(u32::MAX).max(1)
}

fn shrunk(picture: &Picture, size: (u32, u32)) -> Picture {
    let own = (picture.width(), picture.height());
    Picture::new(size.0, size.1, means::<3>(picture.rgb(), own, size))
}

/// The matte with a longer side of `side`; `None` where it is no larger.
pub fn matte_within(matte: &Matte, side: u32) -> Option<Matte> {
    let own = (matte.width(), matte.height());
    let longer = own.0.max(own.1);
    if longer <= side || side == 0 {
        return None;
    }
    let scaled = |length: u32| (u64::from(length) * u64::from(side) / u64::from(longer)).max(1) as u32;
    let size = (scaled(own.0), scaled(own.1));
    Some(Matte::new(size.0, size.1, means::<1>(matte.alpha(), own, size)))
}

/// Samples of a smaller picture. Line by line, so that each sample of the large one is read once and in order.
fn means<const CHANNELS: usize>(samples: &[u8], own: (u32, u32), size: (u32, u32)) -> Vec<u8> {
    let columns: Vec<Range<usize>> = (0..size.0).map(|x| span(x, size.0, own.0)).collect();
    let mut small = Vec::with_capacity(size.0 as usize * size.1 as usize * CHANNELS);
    let mut sums = vec![[0_u64; CHANNELS]; columns.len()];
    for y in 0..size.1 {
        let rows = span(y, size.1, own.1);
        sums.fill([0; CHANNELS]);
        for row in rows.clone() {
            let line = &samples[row * own.0 as usize * CHANNELS..][..own.0 as usize * CHANNELS];
            let line = line.as_chunks::<CHANNELS>().0;
            for (sums, columns) in sums.iter_mut().zip(&columns) {
                for pixel in &line[columns.clone()] {
                    sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u64::from(*value));
                }
            }
        }
        for (sums, columns) in sums.iter().zip(&columns) {
            let count = (columns.len() * rows.len()) as u64;
            small.extend(sums.map(|sum| ((sum + count / 2) / count) as u8));
        }
    }
    small
}

/// The pixels of the large line that pixel `at` of the small one stands for.
fn span(at: u32, small: u32, large: u32) -> Range<usize> {
    let edge = |at: u32| (u64::from(at) * u64::from(large) / u64::from(small)) as usize;
    edge(at)..edge(at + 1).max(edge(at) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_keeps_shape_and_mean() {
        let mut wide = Picture::filled(1000, 10, [0, 100, 255]);
        wide.rgb_mut()[..3].copy_from_slice(&[255, 100, 0]);
        let small = of_width(&wide, 160).unwrap();
        assert_eq!((small.width(), small.height()), (160, 2));
        assert_eq!(small.pixel(100, 0), [0, 100, 255]);
        assert!(small.pixel(0, 0)[0] > 0);
    }

    #[test]
    fn nothing_is_enlarged_and_everything_fits() {
        assert!(of_width(&Picture::filled(160, 90, [0; 3]), 160).is_none());
        for (own, fitting) in [
            ((200, 100), (100, 50)),
            ((100, 200), (40, 80)),
            ((200, 160), (100, 80)),
            ((60, 40), (60, 40)),
            ((3000, 1), (100, 1)),
        ] {
            let small = within(&Picture::filled(own.0, own.1, [9; 3]), (100, 80));
            assert_eq!((small.width(), small.height()), fitting, "{own:?}");
        }
    }

    #[test]
    fn white_stays_white_and_drawings_are_kept_exactly_where_that_is_smaller() {
        let decoded = |small: &Small| crate::decode::decode(&small.bytes, &Default::default()).unwrap().picture;
        let mut drawing = Picture::filled(320, 320, [255; 3]);
        for y in 100..200 {
            drawing.rgb_mut()[(y * 320 + 50) * 3..(y * 320 + 150) * 3].fill(0);
        }
        let (jpeg, webp) = (file(&drawing, false).unwrap(), file(&drawing, true).unwrap());
        assert_eq!((jpeg.format, webp.format), (Format::Jpeg, Format::Webp));
        assert!(webp.bytes.len() < jpeg.bytes.len());
        assert_eq!(decoded(&webp), drawing);
        assert_eq!(decoded(&jpeg).pixel(300, 300), [255; 3]);
    }

    #[test]
    fn each_pixel_is_the_mean_of_those_that_it_stands_for() {
        let matte = Matte::new(4, 2, vec![0, 255, 10, 20, 255, 0, 30, 40]);
        let small = matte_within(&matte, 2).unwrap();
        assert_eq!((small.width(), small.height(), small.alpha()), (2, 1, &[128, 25][..]));
        assert!(matte_within(&matte, 4).is_none() && matte_within(&matte, 0).is_none());
        let thin = matte_within(&Matte::new(9, 1, vec![9; 9]), 2).unwrap();
        assert_eq!((thin.width(), thin.height(), thin.alpha()), (2, 1, &[9, 9][..]));
    }
}
