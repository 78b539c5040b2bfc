//! Whether a sequential JPEG has all of its rows. A file that was cut and given its end mark all the same decodes like a whole one: where
//! bits are missing, a decoder reads zeros.

const END: u8 = 0xd9;
const RESTARTS: std::ops::RangeInclusive<u8> = 0xd0..=0xd7;

/// What is known of a sequential file's bits.
enum Bits {
    /// All colours in one scan, which the end mark at this place ends.
    Together { end: usize, restarts: usize, restarts_due: usize, restarting: bool },
    /// Scans of single colours, of which some are missing before the end mark.
    ColoursMissing,
}

/// The file with something before its end mark that a decoder takes offence at while it still wants rows, and passes over once it has
/// them all. `None` where that can't be asked: a file of several scans, or one with a whole restart interval, after which a
/// decoder looks for a mark. There restart marks are counted instead.
pub(super) fn guarded(bytes: &[u8]) -> Option<Vec<u8>> {
    /// More than a decoder reads ahead.
    const AHEAD: [u8; 16] = [0; 16];
    /// A number of lines, which may follow the first scan. None has so many.
    const LINES: [u8; 6] = [0xff, 0xdc, 0, 4, 0xff, 0xff];
    let Some(Bits::Together { end, restarting: false, .. }) = bits(bytes) else { return None };
    let (bits, rest) = bytes.split_at(end);
    Some([bits, &AHEAD, &LINES, rest].concat())
}

/// Whether restart marks or whole colours are missing before the end mark.
pub(super) fn lacks_parts(bytes: &[u8]) -> bool {
    match bits(bytes) {
        Some(Bits::Together { restarts, restarts_due, .. }) => restarts < restarts_due,
        Some(Bits::ColoursMissing) => true,
        None => false,
    }
}

/// `None` where nothing can be said.
fn bits(bytes: &[u8]) -> Option<Bits> {
    let (mut units, mut components, mut covered, mut interval) = (None, 0, 0_u8, 0);
    let mut rest = bytes.get(2..)?;
    loop {
        let (marker, segment, after) = segment(rest)?;
        rest = after;
        match marker {
            0xc0 | 0xc1 => (units, components) = (Some(units_of(segment)?), segment[5]),
            // Progressive, lossless and the like; 0xc4, 0xc8 and 0xcc are no frames.
            0xc2 | 0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => return None,
            0xdd => interval = usize::from(u16::from_be_bytes([*segment.first()?, *segment.get(1)?])),
            0xda => {
                let (length, restarts) = coded(after)?;
                if *segment.first()? == components && covered == 0 {
                    let end = bytes.len() - after.len() + length;
                    let restarts_due = if interval == 0 { 0 } else { units?.div_ceil(interval) - 1 };
                    let restarting = (1..=units?).contains(&interval);
                    let alone = bytes.get(end + 1) == Some(&END);
                    return alone.then_some(Bits::Together { end, restarts, restarts_due, restarting });
                }
                covered = covered.saturating_add(*segment.first()?);
                rest = after.get(length..)?;
            }
            END => return (0 < covered && covered < components).then_some(Bits::ColoursMissing),
            _ => {}
        }
    }
}

/// A mark, what belongs to it, and what follows.
fn segment(rest: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let fill = rest.iter().position(|byte| *byte != 0xff)?;
    let (marker, tail) = rest.get(fill.checked_sub(1)?..)?.get(1..)?.split_first()?;
    if *marker == END {
        return Some((END, &[], tail));
    }
    let length = usize::from(u16::from_be_bytes([*tail.first()?, *tail.get(1)?]));
    Some((*marker, tail.get(2..length)?, tail.get(length..)?))
}

/// Pieces of the picture that are coded together, each with all of its colours.
fn units_of(frame: &[u8]) -> Option<usize> {
    let side = |at: usize| Some(usize::from(u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?])));
    let (height, width, count) = (side(1)?, side(3)?, usize::from(*frame.get(5)?));
    let samplings = frame.get(6..6 + 3 * count)?.as_chunks::<3>().0.iter().map(|component| component[1]);
    // A single colour is coded block by block, whatever it says.
    let most = |of: fn(u8) -> u8| if count == 1 { 1 } else { samplings.clone().map(of).max().unwrap_or(1).max(1) };
    let (across, down) = (most(|sampling| sampling >> 4), most(|sampling| sampling & 15));
    Some((width.div_ceil(8 * usize::from(across)) * height.div_ceil(8 * usize::from(down))).max(1))
}

/// Bytes up to the mark that ends the bits, and restart marks among them.
fn coded(data: &[u8]) -> Option<(usize, usize)> {
    let (mut at, mut restarts) = (0, 0);
    loop {
        at += data.get(at..)?.iter().position(|byte| *byte == 0xff)?;
        match *data.get(at + 1)? {
            0 => at += 2,
            0xff => at += 1,
            marker if RESTARTS.contains(&marker) => {
                restarts += 1;
                at += 2;
            }
            _ => return Some((at, restarts)),
        }
    }
}
