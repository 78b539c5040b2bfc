//! Exif blocks, written by hand: an orientation, or a place that must not be published.

/// A text inside the Exif block of [`super::jpeg_with_gps`]; whoever finds it in an output has found a leak.
pub const GPS_MARK: &str = "PLANTAIN-GPS-MARK";

/// How the stored pixels must be turned to stand upright; the number is Exif's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orientation {
    Upright = 1,
    MirroredAcross = 2,
    UpsideDown = 3,
    MirroredDown = 4,
    Transposed = 5,
    TurnRight = 6,
    Transversed = 7,
    TurnLeft = 8,
}

impl Orientation {
    pub const ALL: [Orientation; 8] = [
        Orientation::Upright,
        Orientation::MirroredAcross,
        Orientation::UpsideDown,
        Orientation::MirroredDown,
        Orientation::Transposed,
        Orientation::TurnRight,
        Orientation::Transversed,
        Orientation::TurnLeft,
    ];

    /// Where the pixel at `(x, y)` of the upright picture (`width` by `height`) is stored.
    pub(super) fn stored_at(self, x: u32, y: u32, width: u32, height: u32) -> (u32, u32) {
        let (right, bottom) = (width - 1 - x, height - 1 - y);
        match self {
            Orientation::Upright => (x, y),
            Orientation::MirroredAcross => (right, y),
            Orientation::UpsideDown => (right, bottom),
            Orientation::MirroredDown => (x, bottom),
            Orientation::Transposed => (y, x),
            Orientation::TurnRight => (y, right),
            Orientation::Transversed => (bottom, right),
            Orientation::TurnLeft => (bottom, x),
        }
    }

    pub(super) fn swaps_sides(self) -> bool {
        self as u16 >= 5
    }
}

const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;

/// One directory entry: tag, kind, count, and four bytes of value or offset.
fn entry(tag: u16, kind: u16, count: u32, value: [u8; 4]) -> Vec<u8> {
    [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
}

fn directory(entries: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(entries.len()).expect("a few entries");
    [&count.to_be_bytes()[..], &entries.concat(), &[0; 4]].concat()
}

const HEADER: &[u8] = b"Exif\0\0MM\0*\0\0\0\x08";

/// The body of an APP1 segment.
pub(super) fn orientation(orientation: Orientation) -> Vec<u8> {
    let value = [0, orientation as u8, 0, 0];
    [HEADER, &directory(&[entry(0x0112, SHORT, 1, value)])].concat()
}

/// A position in the GPS directory, with [`GPS_MARK`] as the name of the method.
pub(super) fn gps() -> Vec<u8> {
    let first = directory(&[entry(0x8825, LONG, 1, 26u32.to_be_bytes())]);
    let mark = GPS_MARK.as_bytes();
    let count = u32::try_from(mark.len()).expect("a short text");
    // The second directory begins at 26 and is 2 + 2 * 12 + 4 bytes long.
    let second = directory(&[entry(0x0001, ASCII, 2, *b"N\0\0\0"), entry(0x001b, ASCII, count, 56u32.to_be_bytes())]);
    [HEADER, &first, &second, mark].concat()
}
