//! Pictures and the files that hold them.

use image::ImageEncoder;
use image::codecs::webp::WebPEncoder;
use jpeg_encoder::{ColorType, Encoder};
use plantain_media::picture::Picture;

pub const W: u32 = 96;
pub const H: u32 = 80;

/// Red and green above blue and yellow, each darkening to the right: no turn of it looks like another.
pub fn quarters(width: u32, height: u32) -> Picture {
    const COLORS: [[u8; 3]; 4] = [[200, 40, 40], [40, 170, 60], [50, 70, 200], [220, 200, 60]];
    let half = width / 2;
    let pixels = (0..width * height).flat_map(|at| {
        let (x, y) = (at % width, at / width);
        let color = COLORS[usize::from(x >= half) + 2 * usize::from(y >= height / 2)];
        let light = 1.0 - 0.3 * f64::from(x % half) / f64::from(half);
        color.map(|channel| (f64::from(channel) * light) as u8)
    });
    Picture::new(width, height, pixels.collect())
}

/// How a camera held in this way stores the upright picture.
pub fn stored_for(exif: u8, upright: &Picture) -> Picture {
    let (width, height) = (upright.width(), upright.height());
    let (stored_width, stored_height) = if exif >= 5 { (height, width) } else { (width, height) };
    let (right, bottom) = (width - 1, height - 1);
    let pixels = (0..stored_width * stored_height).flat_map(|at| {
        let (x, y) = (at % stored_width, at / stored_width);
        // The names of the cases say where the stored row 0 and column 0 belong in the upright picture.
        let (x, y) = match exif {
            1 => (x, y),
            2 => (right - x, y),
            3 => (right - x, bottom - y),
            4 => (x, bottom - y),
            5 => (y, x),
            6 => (right - y, x),
            7 => (right - y, bottom - x),
            _ => (y, bottom - x),
        };
        upright.pixel(x, y)
    });
    Picture::new(stored_width, stored_height, pixels.collect())
}

/// A TIFF block with the orientation as its only field.
pub fn exif(orientation: u8) -> Vec<u8> {
    let head = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0";
    [&head[..], &[orientation, 0, 0, 0, 0, 0, 0]].concat()
}

pub fn jpeg(picture: &Picture, set: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 92);
    set(&mut encoder);
    encoder.encode(picture.rgb(), picture.width() as u16, picture.height() as u16, ColorType::Rgb).unwrap();
    bytes
}

pub fn png(width: u32, height: u32, color: png::ColorType, depth: png::BitDepth, data: &[u8]) -> Vec<u8> {
    let mut info = png::Info::with_size(width, height);
    info.color_type = color;
    info.bit_depth = depth;
    png_of(info, data)
}

pub fn png_with_exif(picture: &Picture, exif: &[u8]) -> Vec<u8> {
    let mut info = png::Info::with_size(picture.width(), picture.height());
    info.color_type = png::ColorType::Rgb;
    info.exif_metadata = Some(exif.to_vec().into());
    png_of(info, picture.rgb())
}

pub fn png_rgba_with_exif(width: u32, height: u32, rgba: &[u8], exif: &[u8]) -> Vec<u8> {
    let mut info = png::Info::with_size(width, height);
    info.color_type = png::ColorType::Rgba;
    info.exif_metadata = Some(exif.to_vec().into());
    png_of(info, rgba)
}

fn png_of(info: png::Info<'_>, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = png::Encoder::with_info(&mut bytes, info).unwrap();
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    bytes
}

/// Lossless WebP.
pub fn webp(picture: &Picture, exif: Option<Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = WebPEncoder::new_lossless(&mut bytes);
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif).unwrap();
    }
    encoder.write_image(picture.rgb(), picture.width(), picture.height(), image::ExtendedColorType::Rgb8).unwrap();
    bytes
}

/// Every sample another one, so that nothing compresses and each byte of a file counts.
pub fn noise(width: u32, height: u32) -> Picture {
    let mut state = 0x9e37_79b9_u32;
    let samples = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    });
    Picture::new(width, height, samples.take((width * height * 3) as usize).collect())
}

pub fn jpeg_of(width: u32, height: u32, samples: &[u8], kind: ColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, 90).encode(samples, width as u16, height as u16, kind).unwrap();
    bytes
}

/// Other bytes from `at` on.
pub fn patched(bytes: &[u8], at: usize, other: &[u8]) -> Vec<u8> {
    let mut patched = bytes.to_vec();
    patched[at..at + other.len()].copy_from_slice(other);
    patched
}

/// A PNG whose header was patched, with the checksum that it then needs.
pub fn with_crc(png: Vec<u8>) -> Vec<u8> {
    let crc = crc32(&png[12..29]);
    patched(&png, 29, &crc.to_be_bytes())
}

pub fn png_chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let named = [kind, body].concat();
    [&(body.len() as u32).to_be_bytes()[..], &named, &crc32(&named).to_be_bytes()].concat()
}

pub fn crc32(bytes: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256u32)
        .map(|byte| (0..8).fold(byte, |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }))
        .collect();
    !bytes.iter().fold(u32::MAX, |crc, byte| table[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8))
}

/// A zlib stream of these bytes, taken out of a PNG that holds them as one row of pixels.
pub fn deflated(bytes: &[u8]) -> Vec<u8> {
    let side = 1 << 13;
    assert_eq!(bytes.len() % side, 0);
    let file = png(side as u32, (bytes.len() / side) as u32, png::ColorType::Grayscale, png::BitDepth::Eight, bytes);
    let mut rest = &file[8..];
    let mut stream = Vec::new();
    while rest.len() >= 12 {
        let length = u32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        if &rest[4..8] == b"IDAT" {
            stream.extend_from_slice(&rest[8..8 + length]);
        }
        rest = &rest[12 + length..];
    }
    stream
}

pub fn png_with_profile(picture: &Picture, profile: &[u8]) -> Vec<u8> {
    let mut info = png::Info::with_size(picture.width(), picture.height());
    info.color_type = png::ColorType::Rgb;
    info.icc_profile = Some(profile.to_vec().into());
    png_of(info, picture.rgb())
}

/// As many frames of a picture of at most 256 colours.
pub fn gif(picture: &Picture, frames: usize) -> Vec<u8> {
    let pixels = picture.rgb().as_chunks::<3>().0;
    let mut palette = pixels.to_vec();
    palette.sort_unstable();
    palette.dedup();
    assert!(palette.len() <= 256, "{} colours", palette.len());
    let indices: Vec<u8> = pixels.iter().map(|pixel| palette.binary_search(pixel).unwrap() as u8).collect();
    let (width, height) = (picture.width() as u16, picture.height() as u16);
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, palette.as_flattened()).unwrap();
    for _ in 0..frames {
        encoder.write_frame(&gif::Frame::from_indexed_pixels(width, height, indices.clone(), None)).unwrap();
    }
    drop(encoder);
    bytes
}
