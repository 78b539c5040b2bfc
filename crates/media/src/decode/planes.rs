//! Luma and chroma as a video codec leaves them, kept in two bytes a sample, and their way to RGB.
//!
//! The conversion itself is `heic-decoder`'s, which takes whole pictures of four bytes a sample. Here it is handed bands of rows,
//! each with the neighbours that its chroma is interpolated from, so that no more than a few bands are that large at a time and
//! every pixel is what the whole picture would have given.

use heic_decoder::isobmff::Metadata;
use heic_decoder::{ChromaSampling, ColorInfo, DecodedImage, HeifError};
use rayon::prelude::*;

use super::hdr::ToneMap;

/// Rows that are converted together; even, so that no chroma row is cut in two.
const BAND: usize = 128;
/// Rows beside a band whose chroma its own rows may read.
const BESIDE: usize = 4;

/// Samples of one kind, row by row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plane {
    pub width: usize,
    pub height: usize,
    pub samples: Vec<u16>,
}

impl Plane {
    pub(super) fn black(width: usize, height: usize) -> Plane {
        Plane { width, height, samples: vec![0; width * height] }
    }

    fn rows(&self, from: usize, to: usize) -> Vec<i32> {
        self.samples[from * self.width..to * self.width].iter().map(|sample| i32::from(*sample)).collect()
    }
}

/// What the samples mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Coding {
    /// 0 grey, 1 for 4:2:0, 2 for 4:2:2, 3 for 4:4:4.
    pub chroma_format: u32,
    pub luma_bits: u32,
    pub chroma_bits: u32,
    pub sampling: ChromaSampling,
    pub color: Option<ColorInfo>,
}

impl Coding {
    /// How large the chroma planes of a picture are.
    pub(super) fn chroma_size(&self, width: usize, height: usize) -> (usize, usize) {
        let ChromaSampling { sub_x, sub_y, .. } = self.sampling;
        if self.chroma_format == 0 {
            return (0, 0);
        }
        (width.div_ceil(sub_x.max(1) as usize), height.div_ceil(sub_y.max(1) as usize))
    }
}

/// Where chroma lies between the samples of luma; `location` numbers the cases of 4:2:0 as H.265 does.
pub(super) fn sampling(chroma_format: u32, location: Option<u32>) -> ChromaSampling {
    let (sub_x, sub_y) = match chroma_format {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let (origin_x, origin_y) = match (chroma_format, location.unwrap_or(0)) {
        (1, 1) => (0.5, 0.5),
        (1, 2) => (0.0, 0.0),
        (1, 3) => (0.5, 0.0),
        (1, 4) => (0.0, 1.0),
        (1, 5) => (0.5, 1.0),
        (1, _) => (0.0, 0.5),
        _ => (0.0, 0.0),
    };
    ChromaSampling { sub_x, sub_y, origin_x, origin_y }
}

/// A decoded picture as stored: neither cropped nor turned.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Planes {
    pub coding: Coding,
    pub luma: Plane,
    /// Empty where the picture is grey.
    pub chroma: [Plane; 2],
}

impl Planes {
    /// Three bytes a pixel, in the colour space of the samples, or in sRGB where they are `toned` down to it.
    pub(super) fn rgb(&self, toned: Option<&ToneMap>) -> Result<Vec<u8>, HeifError> {
        let (width, height) = (self.luma.width, self.luma.height);
        let mut rgb = vec![0; width * height * 3];
        rgb.par_chunks_mut((width * 3 * BAND).max(1)).enumerate().try_for_each(|(band, rows)| {
            let first = band * BAND;
            let above = first.min(BESIDE);
            let last = (first + BAND + BESIDE).min(height);
            let band = self.band(first - above, last);
            match toned {
                None => rows.copy_from_slice(&band.to_rgb8()?.data[above * width * 3..][..rows.len()]),
                Some(map) => {
                    let light = band.to_rgb16()?.data;
                    let light = light[above * width * 3..].as_chunks::<3>().0;
                    let pixels = rows.as_chunks_mut::<3>().0.iter_mut().zip(light);
                    pixels.for_each(|(pixel, light)| *pixel = map.pixel(*light));
                }
            }
            Ok(())
        })?;
        Ok(rgb)
    }

    fn band(&self, from: usize, to: usize) -> DecodedImage {
        let sub_y = self.coding.sampling.sub_y.max(1) as usize;
        let [cb, cr] = &self.chroma;
        let grey = self.coding.chroma_format == 0;
        let (first, last) = if grey { (0, 0) } else { (from / sub_y, to.div_ceil(sub_y)) };
        DecodedImage {
            alpha: None,
            width: self.luma.width,
            height: to - from,
            bit_depth_luma: self.coding.luma_bits,
            bit_depth_chroma: self.coding.chroma_bits,
            chroma_format_idc: self.coding.chroma_format,
            color_info: self.coding.color,
            chroma_sampling: self.coding.sampling,
            y: self.luma.rows(from, to),
            cb: cb.rows(first, last),
            cr: cr.rows(first, last),
            cb_width: cb.width,
            cb_height: last - first,
            metadata: Metadata::default(),
        }
    }

    /// Luma as opacity of 8 bits. Opacity has its full range whatever colours have.
    pub(super) fn opacity(&self) -> Vec<u8> {
        let most = (1u32 << self.coding.luma_bits.min(16)) - 1;
        let cover = |sample: &u16| ((u32::from(*sample).min(most) * 255 + most / 2) / most.max(1)) as u8;
        self.luma.samples.iter().map(cover).collect()
    }
}
