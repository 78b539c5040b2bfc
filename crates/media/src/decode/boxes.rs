//! The boxes of the ISO media family, in which HEIC and AVIF lie: their order, and where the bytes of an item are.
//!
//! Nothing is copied, and every count is paid for with bytes of the file, so reading takes no longer than the file is.

use std::collections::BTreeMap;

/// A walk over the boxes that lie side by side in `rest`.
pub(super) struct Boxes<'a> {
    rest: &'a [u8],
}

/// One box, or that it is longer than what holds it.
pub(super) type Found<'a> = Result<(&'a [u8; 4], &'a [u8]), Overlong>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overlong;

pub(super) fn boxes(bytes: &[u8]) -> Boxes<'_> {
    Boxes { rest: bytes }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        let mut reader = Reader(self.rest);
        let (short, kind) = (reader.u32()?, reader.four()?);
        let length = match short {
            // To the end of what holds it.
            0 => self.rest.len(),
            1 => usize::try_from(reader.u64()?).unwrap_or(usize::MAX),
            length => length as usize,
        };
        let head = self.rest.len() - reader.0.len();
        let Some(body) = self.rest.get(head..length) else {
            self.rest = &[];
            return Some(Err(Overlong));
        };
        self.rest = &self.rest[length..];
        Some(Ok((kind, body)))
    }
}

/// Numbers from the front of a box, big end first. `None`: it is too short.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn four(&mut self) -> Option<&'a [u8; 4]> {
        self.take(4)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(*self.four()?))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    /// A number of 0, 2, 4 or 8 bytes, as `iloc` has them; of none it is 0.
    fn sized(&mut self, bytes: u16) -> Option<u64> {
        match bytes {
            0 => Some(0),
            2 => self.u16().map(u64::from),
            4 => self.u32().map(u64::from),
            8 => self.u64(),
            _ => None,
        }
    }

    /// The number of an item: wide in the later versions of a box.
    pub(super) fn id(&mut self, wide: bool) -> Option<u32> {
        if wide { self.u32() } else { self.u16().map(u32::from) }
    }

    /// Version and flags, with which most boxes begin.
    pub(super) fn version(&mut self) -> Option<(u8, u32)> {
        let word = self.u32()?;
        Some(((word >> 24) as u8, word & 0x00ff_ffff))
    }
}

/// Where the bytes of an item lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// 0 in the file, 1 in `idat`; others are for items that are made of items.
    pub method: u16,
    /// Start and length.
    pub extents: Vec<(u64, u64)>,
}

/// The box `iloc`. Refuses what would be more than `most` bytes of one item, and pieces that take no room to name: a few kilobytes
/// of these say gigabytes.
pub(super) fn places(body: &[u8], most: usize) -> Option<BTreeMap<u32, Place>> {
    let mut reader = Reader(body);
    let (version, _) = reader.version()?;
    let sizes = reader.u16()?;
    let [offset, length, base, index] = [12, 8, 4, 0].map(|shift| (sizes >> shift) & 0xf);
    let index = if matches!(version, 1 | 2) { index } else { 0 };
    let count = reader.id(version >= 2)?;
    let mut places = BTreeMap::new();
    for _ in 0..count {
        let id = reader.id(version >= 2)?;
        let method = if matches!(version, 1 | 2) { reader.u16()? & 0xf } else { 0 };
        reader.u16()?;
        let start = reader.sized(base)?;
        let pieces = reader.u16()?;
        if pieces > 1 && offset + length + index == 0 {
            return None;
        }
        let mut extents = Vec::new();
        for _ in 0..pieces {
            reader.sized(index)?;
            extents.push((start.checked_add(reader.sized(offset)?)?, reader.sized(length)?));
        }
        let bytes = extents.iter().try_fold(0u64, |sum, (_, length)| sum.checked_add(*length))?;
        if bytes > most as u64 {
            return None;
        }
        places.insert(id, Place { method, extents });
    }
    Some(places)
}

/// Whether the places of a file's items can be followed without harm.
pub(super) fn is_tame(file: &[u8]) -> bool {
    let metas = boxes(file).flatten().filter(|(kind, _)| *kind == b"meta");
    let inside = metas.filter_map(|(_, body)| body.get(4..)).flat_map(|body| boxes(body).flatten());
    inside.filter(|(kind, _)| *kind == b"iloc").all(|(_, body)| places(body, file.len()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(bytes: &[u8]) -> Vec<Result<[u8; 4], Overlong>> {
        boxes(bytes).map(|found| found.map(|(kind, _)| *kind)).collect()
    }

    #[test]
    fn boxes_lie_side_by_side() {
        let wide = [&[0, 0, 0, 1][..], b"wide", &[0, 0, 0, 0, 0, 0, 0, 17, 9]].concat();
        let two = [b"\0\0\0\x09one!\x07\0\0\0\x08two!", &wide[..], b"\0\0\0\0rest12345"].concat();
        assert_eq!(kinds(&two), [Ok(*b"one!"), Ok(*b"two!"), Ok(*b"wide"), Ok(*b"rest")]);
        assert_eq!(boxes(&two).next(), Some(Ok((b"one!", &[7][..]))));
        assert_eq!(kinds(b"\0\0\0\x0along"), [Err(Overlong)]);
        assert_eq!(kinds(b"\0\0\0\x07tiny"), [Err(Overlong)], "shorter than its own head");
        assert_eq!(kinds(b"\0\0\0\x01long\xff\xff\xff\xff\xff\xff\xff\xff"), [Err(Overlong)]);
        assert_eq!(kinds(b"\0\0\0"), []);
    }

    #[test]
    fn places_are_paid_for_with_bytes() {
        let plain = |extents: &[u8]| [&[0, 0, 0, 0, 0x44, 0, 0, 1, 0, 5, 0, 0][..], extents].concat();
        let one = plain(&[0, 1, 0, 0, 0, 9, 0, 0, 0, 20]);
        assert_eq!(places(&one, 20).unwrap()[&5], Place { method: 0, extents: vec![(9, 20)] });
        assert_eq!(places(&one, 19), None, "more than there is");
        let twice = plain(&[0, 2, 0, 0, 0, 9, 0, 0, 0, 20, 0, 0, 0, 9, 0, 0, 0, 20]);
        assert_eq!(places(&twice, 39), None, "the same bytes again and again");
        assert_eq!(places(&[0, 0, 0, 0, 0, 0, 0, 1, 0, 5, 0, 0, 0xff, 0xff], 1 << 20), None, "pieces of no size");
        assert_eq!(places(&one[..one.len() - 1], 20), None);
    }
}
