//! The box `meta`: which items there are, what they are made of, and what is said of them.

use std::collections::BTreeMap;

use super::super::boxes::{Place, Reader, boxes, places};

/// A reference from one item to others: tiles of a grid, the picture of an opacity.
pub(super) struct Reference<'a> {
    pub kind: &'a [u8; 4],
    pub from: u32,
    pub to: Vec<u32>,
}

/// What `meta` says, unjudged.
#[derive(Default)]
pub(super) struct Meta<'a> {
    pub primary: Option<u32>,
    pub kinds: BTreeMap<u32, &'a [u8; 4]>,
    pub references: Vec<Reference<'a>>,
    properties: Vec<(&'a [u8; 4], &'a [u8])>,
    /// Numbers of properties, from 1.
    owned: BTreeMap<u32, Vec<u16>>,
    places: BTreeMap<u32, Place>,
    idat: &'a [u8],
}

/// Why the bytes of an item are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// The file ends before them.
    Beyond,
    Malformed,
}

impl<'a> Meta<'a> {
    /// `file_bytes`: how long the file is, which no item exceeds.
    pub(super) fn read(body: &'a [u8], file_bytes: usize) -> Option<Meta<'a>> {
        let mut meta = Meta::default();
        for found in boxes(body.get(4..)?) {
            let (kind, body) = found.ok()?;
            match kind {
                b"pitm" => {
                    let mut reader = Reader(body);
                    let (version, _) = reader.version()?;
                    meta.primary = Some(reader.id(version > 0)?);
                }
                b"iinf" => meta.kinds = kinds(body)?,
                b"iloc" => meta.places = places(body, file_bytes)?,
                b"iref" => meta.references = references(body)?,
                b"iprp" => meta.read_properties(body)?,
                b"idat" => meta.idat = body,
                _ => {}
            }
        }
        Some(meta)
    }

    fn read_properties(&mut self, body: &'a [u8]) -> Option<()> {
        for found in boxes(body) {
            match found.ok()? {
                (b"ipco", body) => self.properties = boxes(body).collect::<Result<_, _>>().ok()?,
                (b"ipma", body) => self.owned.append(&mut owned(body)?),
                _ => {}
            }
        }
        Some(())
    }

    /// What is said of an item, in order.
    pub(super) fn properties(&self, item: u32) -> impl Iterator<Item = (&'a [u8; 4], &'a [u8])> {
        let numbers = self.owned.get(&item).map(Vec::as_slice).unwrap_or_default();
        numbers.iter().filter_map(|number| self.properties.get(usize::from(*number).checked_sub(1)?).copied())
    }

    /// The items to which `from` refers in this way.
    pub(super) fn referred(&self, kind: &[u8; 4], from: u32) -> &[u32] {
        let found = self.references.iter().find(|reference| reference.kind == kind && reference.from == from);
        found.map(|reference| reference.to.as_slice()).unwrap_or_default()
    }

    /// In how many pieces items lie, each counted as often as it is named.
    pub(super) fn pieces_of(&self, items: &[u32]) -> usize {
        items.iter().filter_map(|item| self.places.get(item)).map(|place| place.extents.len()).sum()
    }

    /// The bytes of an item, in the pieces in which they lie.
    pub(super) fn pieces(&self, file: &'a [u8], item: u32) -> Result<Vec<&'a [u8]>, Missing> {
        let place = self.places.get(&item).ok_or(Missing::Malformed)?;
        let (source, beyond) = match place.method {
            0 => (file, Missing::Beyond),
            1 => (self.idat, Missing::Malformed),
            _ => return Err(Missing::Malformed),
        };
        let piece = |(start, length): &(u64, u64)| {
            let start = usize::try_from(*start).map_err(|_| Missing::Malformed)?;
            let length = usize::try_from(*length).map_err(|_| Missing::Malformed)?;
            let end = start.checked_add(length).ok_or(Missing::Malformed)?;
            source.get(start..end).ok_or(beyond)
        };
        place.extents.iter().map(piece).collect()
    }
}

fn kinds(body: &[u8]) -> Option<BTreeMap<u32, &[u8; 4]>> {
    let mut reader = Reader(body);
    let (version, _) = reader.version()?;
    reader.id(version > 0)?;
    let mut kinds = BTreeMap::new();
    for found in boxes(reader.0) {
        let (_, entry) = found.ok()?;
        let mut reader = Reader(entry);
        let (version, _) = reader.version()?;
        // Earlier versions know no kinds.
        if version >= 2 {
            let id = reader.id(version > 2)?;
            reader.u16()?;
            kinds.insert(id, reader.four()?);
        }
    }
    Some(kinds)
}

fn references(body: &[u8]) -> Option<Vec<Reference<'_>>> {
    let mut reader = Reader(body);
    let (version, _) = reader.version()?;
    let mut references = Vec::new();
    for found in boxes(reader.0) {
        let (kind, body) = found.ok()?;
        let mut reader = Reader(body);
        let from = reader.id(version > 0)?;
        let count = reader.u16()?;
        let to = (0..count).map(|_| reader.id(version > 0)).collect::<Option<_>>()?;
        references.push(Reference { kind, from, to });
    }
    Some(references)
}

fn owned(body: &[u8]) -> Option<BTreeMap<u32, Vec<u16>>> {
    let mut reader = Reader(body);
    let (version, flags) = reader.version()?;
    let count = reader.u32()?;
    let mut owned = BTreeMap::new();
    for _ in 0..count {
        let item = reader.id(version > 0)?;
        let numbers = reader.u8()?;
        // The highest bit says that a reader must know the property.
        let number = |reader: &mut Reader<'_>| {
            if flags & 1 == 1 { Some(reader.u16()? & 0x7fff) } else { Some(u16::from(reader.u8()? & 0x7f)) }
        };
        owned.insert(item, (0..numbers).map(|_| number(&mut reader)).collect::<Option<_>>()?);
    }
    Some(owned)
}
