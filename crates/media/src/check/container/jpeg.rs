//! The segments before a JPEG's first scan.

use super::{Channels, Container, EXIF_HEADER, XMP_HEADER, be16};

/// Luminance table of the JPEG standard (Annex K.1) in zigzag order, on which encoders scale.
const STANDARD: [u16; 64] = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61,
    60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113,
    121, 112, 100, 120, 92, 101, 103, 99,
];

pub(super) fn read(bytes: &[u8], found: &mut Container) {
    let mut icc: Vec<(u8, &[u8])> = Vec::new();
    let mut at = 2;
    while let Some((marker, payload, next)) = segment(bytes, at) {
        match marker {
            0xe0 => found.dpi = found.dpi.or_else(|| jfif_dpi(payload)),
            0xe1 => app1(payload, found),
            0xe2 => icc.extend(icc_part(payload)),
            0xdb => found.jpeg_quality = found.jpeg_quality.or_else(|| quality(payload)),
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => frame(payload, found),
            0xda => break,
            _ => {}
        }
        at = next;
    }
    icc.sort_by_key(|(number, _)| *number);
    found.icc = (!icc.is_empty()).then(|| icc.iter().flat_map(|(_, part)| part.iter().copied()).collect());
    found.dpi = found.dpi.or(found.exif.dpi);
}

/// Marker, payload and the next segment's place. Fill bytes before a marker are skipped.
fn segment(bytes: &[u8], mut at: usize) -> Option<(u8, &[u8], usize)> {
    if *bytes.get(at)? != 0xff {
        return None;
    }
    while *bytes.get(at + 1)? == 0xff {
        at += 1;
    }
    let length = usize::from(be16(bytes, at + 2)?);
    let payload = bytes.get(at + 4..at + 2 + length)?;
    Some((bytes[at + 1], payload, at + 2 + length))
}

fn frame(payload: &[u8], found: &mut Container) {
    found.bits = payload.first().copied().unwrap_or(8);
    found.channels = match payload.get(5) {
        Some(1) => Channels::Grey,
        Some(4) => Channels::Cmyk,
        _ => Channels::Rgb,
    };
}

fn jfif_dpi(payload: &[u8]) -> Option<u16> {
    if !payload.starts_with(b"JFIF\0") {
        return None;
    }
    let across = be16(payload, 8)?;
    match payload.get(7)? {
        1 => Some(across),
        2 => Some((f64::from(across) * 2.54).round() as u16),
        _ => None,
    }
}

fn app1(payload: &[u8], found: &mut Container) {
    /// Behind an extension's name come its checksum, length and place.
    const EXTENDED: (&[u8], usize) = (b"http://ns.adobe.com/xmp/extension/\0", 40);
    if let Some(tiff) = payload.strip_prefix(EXIF_HEADER) {
        found.add_exif(tiff);
    } else if let Some(xmp) = payload.strip_prefix(XMP_HEADER) {
        found.add_xmp(xmp);
    } else if let Some(xmp) = payload.strip_prefix(EXTENDED.0).and_then(|rest| rest.get(EXTENDED.1..)) {
        found.add_xmp(xmp);
    }
}

fn icc_part(payload: &[u8]) -> Option<(u8, &[u8])> {
    let rest = payload.strip_prefix(b"ICC_PROFILE\0")?;
    Some((*rest.first()?, rest.get(2..)?))
}

/// Quality from the first table, by the scaling that nearly all encoders use.
fn quality(payload: &[u8]) -> Option<u8> {
    let wide = payload.first()? >> 4 != 0;
    let step = |i: usize| if wide { be16(payload, 1 + 2 * i) } else { payload.get(1 + i).map(|v| u16::from(*v)) };
    let mut scale = 0.0;
    for (i, standard) in STANDARD.iter().enumerate() {
        scale += f64::from(step(i)?) * 100.0 / f64::from(*standard);
    }
    let scale = scale / 64.0;
    let quality = if scale <= 100.0 { (200.0 - scale) / 2.0 } else { 5000.0 / scale };
    Some(quality.round().clamp(1.0, 100.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_is_read_back_from_the_encoder() {
        for wanted in [50, 75, 85, 90, 95, 100] {
            let mut bytes = Vec::new();
            let encoder = jpeg_encoder::Encoder::new(&mut bytes, wanted);
            encoder.encode(&[128; 16 * 16 * 3], 16, 16, jpeg_encoder::ColorType::Rgb).unwrap();
            let mut found = Container::default();
            read(&bytes, &mut found);
            let quality = found.jpeg_quality.unwrap();
            assert!(quality.abs_diff(wanted) <= 2, "{wanted} read as {quality}");
        }
    }

    #[test]
    fn density_is_taken_in_inches() {
        for (unit, value, dpi) in [(1, 300u16, Some(300)), (2, 118, Some(300)), (0, 1, None)] {
            let mut payload = b"JFIF\0\x01\x01".to_vec();
            payload.push(unit);
            payload.extend(value.to_be_bytes());
            assert_eq!(jfif_dpi(&payload), dpi);
        }
    }
}
