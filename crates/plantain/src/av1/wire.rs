//! What goes over the pipes, in this machine's byte order: both ends are the same program.
//!
//! Over: the number of streams; of each its width, height, length and bytes. Back: of each a head and three planes, without
//! gaps, one byte a sample of 8 bits and two of more. What comes back is never larger than what was asked for.

use std::io::{self, Read, Write};

use plantain_media::decode::{Av1Color, Av1Frame, Av1Layout, Av1Siting, Av1Stream};

/// Tiles of a grid, and of its opacity: more than any file has.
const STREAMS_MAX: u32 = 2 * 256 * 256;
/// A file that is let in is far smaller, also with tiles that it holds once and shows several times.
const STREAM_BYTES_MAX: u32 = 64 << 20;

/// What is said of a frame before its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub width: u32,
    pub height: u32,
    pub bits: u8,
    pub layout: Av1Layout,
    pub siting: Av1Siting,
    pub color: Av1Color,
}

impl Head {
    /// Width and height of the planes, in order.
    pub fn planes(&self) -> [(u32, u32); 3] {
        let chroma = self.layout.chroma_size(self.width, self.height);
        [(self.width, self.height), chroma, chroma]
    }
}

pub fn write_streams(out: &mut impl Write, streams: &[Av1Stream]) -> io::Result<()> {
    out.write_all(&number(streams.len())?.to_ne_bytes())?;
    for stream in streams {
        for word in [stream.width, stream.height, number(stream.units.len())?] {
            out.write_all(&word.to_ne_bytes())?;
        }
        out.write_all(&stream.units)?;
    }
    Ok(())
}

pub fn read_streams(input: &mut impl Read) -> io::Result<Vec<Av1Stream>> {
    let count = word(input)?;
    if count > STREAMS_MAX {
        return Err(odd());
    }
    let mut streams = Vec::new();
    for _ in 0..count {
        let (width, height, length) = (word(input)?, word(input)?, word(input)?);
        if length > STREAM_BYTES_MAX {
            return Err(odd());
        }
        let mut units = Vec::new();
        input.take(length.into()).read_to_end(&mut units)?;
        if units.len() as u64 != u64::from(length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        streams.push(Av1Stream { units, width, height });
    }
    Ok(streams)
}

pub fn write_head(out: &mut impl Write, head: &Head) -> io::Result<()> {
    let Head { width, height, bits, layout, siting, color } = *head;
    let layout = match layout {
        Av1Layout::Grey => 0,
        Av1Layout::Quarter => 1,
        Av1Layout::Half => 2,
        Av1Layout::Full => 3,
    };
    let siting = match siting {
        Av1Siting::Unknown => 0,
        Av1Siting::Left => 1,
        Av1Siting::TopLeft => 2,
    };
    let Av1Color { primaries, transfer, matrix, full_range } = color;
    let small = [bits.into(), layout, siting, primaries, transfer, matrix, u16::from(full_range)];
    out.write_all(&width.to_ne_bytes())?;
    out.write_all(&height.to_ne_bytes())?;
    small.iter().try_for_each(|number| out.write_all(&number.to_ne_bytes()))
}

fn read_head(input: &mut impl Read) -> io::Result<Head> {
    let (width, height) = (word(input)?, word(input)?);
    let mut small = [0; 7];
    for number in &mut small {
        let mut bytes = [0; 2];
        input.read_exact(&mut bytes)?;
        *number = u16::from_ne_bytes(bytes);
    }
    let [bits, layout, siting, primaries, transfer, matrix, full_range] = small;
    let layout = match layout {
        0 => Av1Layout::Grey,
        1 => Av1Layout::Quarter,
        2 => Av1Layout::Half,
        3 => Av1Layout::Full,
        _ => return Err(odd()),
    };
    let siting = match siting {
        0 => Av1Siting::Unknown,
        1 => Av1Siting::Left,
        2 => Av1Siting::TopLeft,
        _ => return Err(odd()),
    };
    let bits = u8::try_from(bits).ok().filter(|bits| (8..=16).contains(bits)).ok_or_else(odd)?;
    let color = Av1Color { primaries, transfer, matrix, full_range: full_range != 0 };
    Ok(Head { width, height, bits, layout, siting, color })
}

/// The answer to one stream. Its size is held against what was asked for before memory is taken for it.
pub fn read_frame(input: &mut impl Read, asked: &Av1Stream) -> io::Result<Av1Frame> {
    let head = read_head(input)?;
    if (head.width, head.height) != (asked.width, asked.height) {
        return Err(odd());
    }
    let mut planes = [const { Vec::new() }; 3];
    for (plane, size) in planes.iter_mut().zip(head.planes()) {
        *plane = read_plane(input, size, head.bits)?;
    }
    let Head { width, height, bits, layout, siting, color } = head;
    Ok(Av1Frame { width, height, bits, layout, siting, color, planes })
}

fn read_plane(input: &mut impl Read, (width, height): (u32, u32), bits: u8) -> io::Result<Vec<u16>> {
    let (width, height) = (width as usize, height as usize);
    let mut samples = Vec::with_capacity(width.checked_mul(height).ok_or_else(odd)?);
    let mut row = vec![0; if bits == 8 { width } else { width * 2 }];
    for _ in 0..height {
        input.read_exact(&mut row)?;
        match bits {
            8 => samples.extend(row.iter().map(|sample| u16::from(*sample))),
            _ => samples.extend(row.as_chunks::<2>().0.iter().map(|sample| u16::from_ne_bytes(*sample))),
        }
    }
    Ok(samples)
}

fn word(input: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    input.read_exact(&mut bytes)?;
    Ok(u32::from_ne_bytes(bytes))
}

fn number(count: usize) -> io::Result<u32> {
    u32::try_from(count).map_err(|_| odd())
}

fn odd() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOR: Av1Color = Av1Color { primaries: 9, transfer: 16, matrix: 9, full_range: false };

    fn head(bits: u8, layout: Av1Layout) -> Head {
        Head { width: 5, height: 3, bits, layout, siting: Av1Siting::Left, color: COLOR }
    }

    fn stream(width: u32) -> Av1Stream {
        Av1Stream { units: vec![1, 2, 3], width, height: 3 }
    }

    #[test]
    fn streams_come_over_as_they_are_and_cut_ones_do_not() {
        let streams = [stream(5), Av1Stream { units: Vec::new(), ..stream(70) }];
        let mut bytes = Vec::new();
        write_streams(&mut bytes, &streams).unwrap();
        assert_eq!(read_streams(&mut &bytes[..]).unwrap(), streams);
        for cut in 0..bytes.len() {
            assert!(read_streams(&mut &bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert!(read_streams(&mut &[0xff; 64][..]).is_err(), "more streams than there can be");
    }

    #[test]
    fn frames_come_back_as_they_are_and_others_do_not() {
        for (bits, layout, samples) in [
            (8, Av1Layout::Grey, 15),
            (8, Av1Layout::Quarter, 27),
            (10, Av1Layout::Half, 33),
            (12, Av1Layout::Full, 45),
        ] {
            let head = head(bits, layout);
            let mut bytes = Vec::new();
            write_head(&mut bytes, &head).unwrap();
            for sample in 0..samples {
                if bits == 8 { bytes.push(sample as u8) } else { bytes.extend((sample * 20u16).to_ne_bytes()) }
            }
            let frame = read_frame(&mut &bytes[..], &stream(5)).unwrap();
            let found: Vec<u16> = frame.planes.concat();
            assert_eq!(found, (0..samples).map(|at| at * if bits == 8 { 1 } else { 20 }).collect::<Vec<_>>());
            assert_eq!((frame.color, frame.bits, frame.layout, frame.siting), (COLOR, bits, layout, Av1Siting::Left));
            assert!(read_frame(&mut &bytes[..], &stream(6)).is_err(), "another size than was asked for");
            assert!(read_frame(&mut &bytes[..bytes.len() - 1], &stream(5)).is_err());
            assert!(read_frame(&mut &[&bytes[..10], &[77], &bytes[11..]].concat()[..], &stream(5)).is_err());
        }
    }
}
