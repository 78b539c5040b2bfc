//! The few EXIF tags that a marketplace or a seller's privacy cares about.

const ORIENTATION: u16 = 0x0112;
const X_RESOLUTION: u16 = 0x011a;
const RESOLUTION_UNIT: u16 = 0x0128;
const EXIF_IFD: u16 = 0x8769;
const GPS_IFD: u16 = 0x8825;
/// Camera owner, body serial number, lens serial number.
const PERSONAL: [u16; 3] = [0xa430, 0xa431, 0xa435];
/// A directory of a camera has a few dozen; more is garbage.
const MAX_ENTRIES: usize = 512;

/// What was found; the default stands for a file without EXIF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExifFacts {
    pub present: bool,
    /// 1 to 8, where the tag is there and sane.
    pub orientation: Option<u8>,
    pub gps: bool,
    /// Serial numbers or an owner's name.
    pub personal: bool,
    pub dpi: Option<u16>,
}

impl ExifFacts {
    /// What either of them says: a reader may look at any of several segments.
    pub(crate) fn or(self, other: ExifFacts) -> ExifFacts {
        let turned = |facts: ExifFacts| facts.orientation.filter(|o| *o != 1);
        ExifFacts {
            present: self.present || other.present,
            orientation: turned(self).or(turned(other)).or(self.orientation).or(other.orientation),
            gps: self.gps || other.gps,
            personal: self.personal || other.personal,
            dpi: self.dpi.or(other.dpi),
        }
    }

    /// From a TIFF header on; whatever can't be read is not there.
    pub(crate) fn read(tiff: &[u8]) -> ExifFacts {
        let mut facts = ExifFacts { present: true, ..ExifFacts::default() };
        let Some(reader) = Reader::new(tiff) else { return facts };
        let Some(first) = reader.u32(4) else { return facts };
        let (mut resolution, mut unit) = (None, 2);
        for (tag, at) in reader.entries(first as usize) {
            match tag {
                ORIENTATION => facts.orientation = reader.u16(at + 8).map(|v| v as u8).filter(|v| (1..=8).contains(v)),
                GPS_IFD => facts.gps = true,
                X_RESOLUTION => resolution = reader.u32(at + 8).and_then(|to| reader.ratio(to as usize)),
                RESOLUTION_UNIT => unit = reader.u16(at + 8).unwrap_or(2),
                EXIF_IFD => {
                    let inner = reader.u32(at + 8).map_or(0, |to| to as usize);
                    facts.personal |= reader.entries(inner).any(|(tag, _)| PERSONAL.contains(&tag));
                }
                _ => facts.personal |= PERSONAL.contains(&tag),
            }
        }
        facts.dpi = resolution.map(|value| if unit == 3 { value * 2.54 } else { value }.round() as u16);
        facts
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    big: bool,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Option<Reader<'a>> {
        match bytes.get(..4)? {
            b"II*\0" => Some(Reader { bytes, big: false }),
            b"MM\0*" => Some(Reader { bytes, big: true }),
            _ => None,
        }
    }

    /// Tag and place of each entry of the directory at `at`.
    fn entries(&self, at: usize) -> impl Iterator<Item = (u16, usize)> {
        let count = self.u16(at).map_or(0, usize::from).min(MAX_ENTRIES);
        (0..count).map(move |i| at + 2 + i * 12).map_while(|at| Some((self.u16(at)?, at)))
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes: [u8; 2] = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes: [u8; 4] = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn ratio(&self, at: usize) -> Option<f64> {
        let (over, under) = (self.u32(at)?, self.u32(at.checked_add(4)?)?);
        (under != 0).then(|| f64::from(over) / f64::from(under))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A little-endian TIFF with one directory of `(tag, type, value)` and, behind it, `tail`.
    fn tiff(entries: &[(u16, u16, u32)], tail: &[u8]) -> Vec<u8> {
        let mut bytes = b"II*\0\x08\0\0\0".to_vec();
        bytes.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, value) in entries {
            bytes.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            bytes.extend([1u32.to_le_bytes(), value.to_le_bytes()].concat());
        }
        bytes.extend([0; 4]);
        bytes.extend(tail);
        bytes
    }

    #[test]
    fn orientation_place_and_serial_are_seen() {
        let after = 8 + 2 + 3 * 12 + 4;
        let inner = [1u16.to_le_bytes().to_vec(), 0xa431u16.to_le_bytes().to_vec(), vec![0; 10]].concat();
        let facts = ExifFacts::read(&tiff(&[(ORIENTATION, 3, 6), (GPS_IFD, 4, 0), (EXIF_IFD, 4, after)], &inner));
        assert_eq!(facts, ExifFacts { present: true, orientation: Some(6), gps: true, personal: true, dpi: None });
    }

    #[test]
    fn resolution_follows_its_pointer_and_unit() {
        let after = 8 + 2 + 2 * 12 + 4;
        let ratio = [118u32.to_le_bytes(), 1u32.to_le_bytes()].concat();
        let facts = ExifFacts::read(&tiff(&[(X_RESOLUTION, 5, after), (RESOLUTION_UNIT, 3, 3)], &ratio));
        assert_eq!(facts.dpi, Some(300));
    }

    #[test]
    fn garbage_is_present_and_says_nothing() {
        for bytes in [&b""[..], b"II*\0", b"II*\0\xff\xff\xff\xff", b"XX*\0\x08\0\0\0", b"MM\0*\0\0\0\x08\xff\xff"] {
            assert_eq!(ExifFacts::read(bytes), ExifFacts { present: true, ..ExifFacts::default() });
        }
    }
}
