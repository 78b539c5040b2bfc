//! The chunks of a PNG.

use super::png_text::Texts;
use super::{Channels, Container, be32};

/// Profiles and XMP are kilobytes; a bomb inflates to gigabytes.
const MAX_INFLATED: usize = 8 << 20;

pub(super) fn read(bytes: &[u8], found: &mut Container) {
    let mut at = 8;
    let mut texts = Texts::default();
    while let Some((name, data, next)) = chunk(bytes, at) {
        match name {
            b"IHDR" => header(data, found),
            b"tRNS" => found.alpha = true,
            b"acTL" => found.animated = true,
            b"iCCP" => found.icc = Some(profile(bytes)),
            b"eXIf" => found.add_exif(data),
            b"pHYs" => found.dpi = dpi(data),
            b"tEXt" | b"zTXt" | b"iTXt" => texts.read(name, data, found),
            b"IEND" => break,
            _ => {}
        }
        at = next;
    }
}

fn chunk(bytes: &[u8], at: usize) -> Option<(&[u8; 4], &[u8], usize)> {
    let length = be32(bytes, at)? as usize;
    let name = bytes.get(at + 4..at + 8)?.try_into().ok()?;
    let data = bytes.get(at + 8..(at + 8).checked_add(length)?)?;
    Some((name, data, at + 12 + length))
}

fn header(data: &[u8], found: &mut Container) {
    // A palette's colours have 8 bits, however few bits its indices take.
    let kind = data.get(9).copied().unwrap_or(2);
    found.bits = if kind == 3 { 8 } else { data.get(8).copied().unwrap_or(8) };
    found.alpha |= kind & 4 != 0;
    found.channels = if kind & 2 == 0 { Channels::Grey } else { Channels::Rgb };
}

/// The png crate inflates within a bound; a broken profile is an empty one.
fn profile(bytes: &[u8]) -> Vec<u8> {
    let limits = png::Limits { bytes: MAX_INFLATED };
    let decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
    let read = decoder.read_info().ok();
    read.and_then(|reader| reader.info().icc_profile.as_ref().map(|icc| icc.to_vec())).unwrap_or_default()
}

fn dpi(data: &[u8]) -> Option<u16> {
    let per_metre = data.get(8) == Some(&1);
    per_metre.then(|| be32(data, 0)).flatten().map(|v| (f64::from(v) * 0.0254).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_tells_channels_bits_and_alpha() {
        for (bits, kind, wanted) in [
            (8, 2, (Channels::Rgb, 8, false)),
            (16, 6, (Channels::Rgb, 16, true)),
            (8, 4, (Channels::Grey, 8, true)),
            (4, 3, (Channels::Rgb, 8, false)),
        ] {
            let mut found = Container::default();
            header(&[0, 0, 0, 1, 0, 0, 0, 1, bits, kind, 0, 0, 0], &mut found);
            assert_eq!((found.channels, found.bits, found.alpha), wanted, "{bits} {kind}");
        }
    }

    #[test]
    fn density_needs_metres() {
        assert_eq!(dpi(&[0, 0, 0x2e, 0x23, 0, 0, 0x2e, 0x23, 1]), Some(300));
        assert_eq!(dpi(&[0, 0, 0, 1, 0, 0, 0, 1, 0]), None);
    }
}
