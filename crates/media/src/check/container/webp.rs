//! The chunks of a WebP.

use super::{Container, EXIF_HEADER};

const ANIMATED: u8 = 0x02;
const ALPHA: u8 = 0x10;
/// In a lossless bitstream's header, bit 28 after the signature byte.
const LOSSLESS_ALPHA: u8 = 0x10;

pub(super) fn read(bytes: &[u8], found: &mut Container) {
    let mut at = 12;
    while let Some((name, data, next)) = chunk(bytes, at) {
        match name {
            b"VP8X" => {
                let flags = data.first().copied().unwrap_or(0);
                found.animated |= flags & ANIMATED != 0;
                found.alpha |= flags & ALPHA != 0;
            }
            b"VP8L" => found.alpha |= data.get(4).is_some_and(|b| b & LOSSLESS_ALPHA != 0),
            b"ALPH" => found.alpha = true,
            b"ANIM" | b"ANMF" => found.animated = true,
            b"ICCP" => found.icc = Some(data.to_vec()),
            b"EXIF" => found.add_exif(data.strip_prefix(EXIF_HEADER).unwrap_or(data)),
            b"XMP " => found.add_xmp(data),
            _ => {}
        }
        at = next;
    }
    found.dpi = found.exif.dpi;
}

/// Chunks are padded to an even length.
fn chunk(bytes: &[u8], at: usize) -> Option<(&[u8; 4], &[u8], usize)> {
    let name = bytes.get(at..at + 4)?.try_into().ok()?;
    let length = bytes.get(at + 4..at + 8)?;
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let data = bytes.get(at + 8..(at + 8).checked_add(length)?)?;
    Some((name, data, at + 8 + length + length % 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_from_the_extended_header() {
        for (flags, wanted) in
            [(0x00, (false, false)), (0x02, (true, false)), (0x10, (false, true)), (0x12, (true, true))]
        {
            let mut bytes = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0".to_vec();
            bytes.extend([flags, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            let mut found = Container::default();
            read(&bytes, &mut found);
            assert_eq!((found.animated, found.alpha), wanted, "{flags}");
        }
    }
}
