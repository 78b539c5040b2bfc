//! AV1, the coding of AVIF's pictures, is decoded outside this crate.
//!
//! Decoders in Rust with a permissive licence are ports of C: a fault of theirs ends the process, not the call. So none runs
//! here. Whoever can decode hands in an [`Av1Decoder`] with [`super::Limits`]; without one AVIF is refused with advice.

use heic_decoder::{ChromaSampling, ColorInfo};

use super::planes::{Coding, Plane, Planes};

/// One coded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Av1Stream {
    /// Open bitstream units, as they lie in the file.
    pub units: Vec<u8>,
    /// What the container says; a picture of another size is not the one.
    pub width: u32,
    pub height: u32,
}

/// Which chroma samples a picture has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Av1Layout {
    Grey,
    /// 4:2:0.
    Quarter,
    /// 4:2:2.
    Half,
    /// 4:4:4.
    Full,
}

impl Av1Layout {
    /// The size of both chroma planes of a picture; of a grey one nothing.
    pub fn chroma_size(self, width: u32, height: u32) -> (u32, u32) {
        match self {
            Av1Layout::Grey => (0, 0),
            Av1Layout::Quarter => (width.div_ceil(2), height.div_ceil(2)),
            Av1Layout::Half => (width.div_ceil(2), height),
            Av1Layout::Full => (width, height),
        }
    }
}

/// Where chroma samples lie between those of luma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Av1Siting {
    /// Unsaid; most writers put them in the middle.
    Unknown,
    /// In the columns of luma, between its rows.
    Left,
    /// On samples of luma.
    TopLeft,
}

/// What the samples mean, in the numbers of ITU-T H.273.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Av1Color {
    pub primaries: u16,
    pub transfer: u16,
    pub matrix: u16,
    pub full_range: bool,
}

/// One picture, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Av1Frame {
    pub width: u32,
    pub height: u32,
    /// 8, 10 or 12.
    pub bits: u8,
    pub layout: Av1Layout,
    pub siting: Av1Siting,
    pub color: Av1Color,
    /// Luma and both of chroma, row by row without gaps.
    pub planes: [Vec<u16>; 3],
}

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Av1Fault {
    /// The stream can't be decoded, or took the decoder down with it.
    Damaged,
    /// No decoder could be started.
    Unavailable,
}

type Decode = dyn Fn(&[Av1Stream]) -> Result<Vec<Av1Frame>, Av1Fault> + Send + Sync;

/// Decodes streams to as many frames, in order. It keeps to the pixels that the streams state, which were held against
/// [`super::Limits`] before it is called.
#[derive(Clone, Copy)]
pub struct Av1Decoder(&'static Decode);

impl Av1Decoder {
    pub fn new(decode: &'static Decode) -> Av1Decoder {
        Av1Decoder(decode)
    }

    /// As many frames as streams, each of the size that was asked for and whole.
    pub(super) fn decode(self, streams: &[Av1Stream]) -> Result<Vec<Planes>, Av1Fault> {
        let frames = (self.0)(streams)?;
        if frames.len() != streams.len() {
            return Err(Av1Fault::Damaged);
        }
        frames.into_iter().zip(streams).map(|(frame, stream)| planes(frame, stream).ok_or(Av1Fault::Damaged)).collect()
    }
}

impl std::fmt::Debug for Av1Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Av1Decoder")
    }
}

impl PartialEq for Av1Decoder {
    fn eq(&self, other: &Av1Decoder) -> bool {
        std::ptr::addr_eq(self.0, other.0)
    }
}

impl Eq for Av1Decoder {}

fn planes(frame: Av1Frame, stream: &Av1Stream) -> Option<Planes> {
    let (width, height) = (frame.width, frame.height);
    let chroma = frame.layout.chroma_size(width, height);
    let [luma, cb, cr] = frame.planes;
    let plane = |(width, height): (u32, u32), samples: Vec<u16>| {
        let (width, height) = (width as usize, height as usize);
        (width.checked_mul(height) == Some(samples.len())).then_some(Plane { width, height, samples })
    };
    let fits = (width, height) == (stream.width, stream.height) && matches!(frame.bits, 8 | 10 | 12);
    Some(Planes {
        coding: coding(frame.layout, frame.siting, frame.bits, frame.color),
        luma: plane((width, height), luma).filter(|_| fits)?,
        chroma: [plane(chroma, cb)?, plane(chroma, cr)?],
    })
}

fn coding(layout: Av1Layout, siting: Av1Siting, bits: u8, color: Av1Color) -> Coding {
    let (chroma_format, sub_x, sub_y) = match layout {
        Av1Layout::Grey => (0, 1, 1),
        Av1Layout::Quarter => (1, 2, 2),
        Av1Layout::Half => (2, 2, 1),
        Av1Layout::Full => (3, 1, 1),
    };
    let middle = |sub: u32, off: bool| if sub == 2 && off { 0.5 } else { 0.0 };
    Coding {
        chroma_format,
        luma_bits: bits.into(),
        chroma_bits: bits.into(),
        sampling: ChromaSampling {
            sub_x,
            sub_y,
            origin_x: middle(sub_x, siting == Av1Siting::Unknown),
            origin_y: middle(sub_y, siting != Av1Siting::TopLeft),
        },
        color: Some(ColorInfo {
            color_primaries: color.primaries,
            transfer_characteristics: color.transfer,
            matrix_coefficients: color.matrix,
            full_range: color.full_range,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOR: Av1Color = Av1Color { primaries: 1, transfer: 13, matrix: 6, full_range: true };

    fn frame(bits: u8, layout: Av1Layout, samples: [usize; 3]) -> Av1Frame {
        let planes = samples.map(|samples| vec![7; samples]);
        Av1Frame { width: 5, height: 3, bits, layout, siting: Av1Siting::Unknown, color: COLOR, planes }
    }

    #[track_caller]
    fn check(frame: &Av1Frame, width: u32, taken: bool) {
        let stream = Av1Stream { units: Vec::new(), width, height: 3 };
        assert_eq!(planes(frame.clone(), &stream).is_some(), taken, "{frame:?}");
    }

    #[test]
    fn a_decoder_is_not_believed() {
        check(&frame(8, Av1Layout::Grey, [15, 0, 0]), 5, true);
        check(&frame(10, Av1Layout::Quarter, [15, 6, 6]), 5, true);
        check(&frame(12, Av1Layout::Half, [15, 9, 9]), 5, true);
        check(&frame(8, Av1Layout::Full, [15, 15, 15]), 5, true);
        check(&frame(8, Av1Layout::Full, [15, 15, 14]), 5, false);
        check(&frame(8, Av1Layout::Grey, [15, 15, 15]), 5, false);
        check(&frame(9, Av1Layout::Grey, [15, 0, 0]), 5, false);
        check(&frame(8, Av1Layout::Grey, [15, 0, 0]), 6, false);
        let none = Av1Decoder::new(&|_| Ok(Vec::new()));
        let stream = Av1Stream { units: Vec::new(), width: 5, height: 3 };
        assert_eq!(none.decode(&[stream]), Err(Av1Fault::Damaged));
    }
}
