//! WebP files: one picture, or two in a row.

use image::ExtendedColorType;
use image::codecs::webp::WebPEncoder;

use super::{HEIGHT, WIDTH, scene};

/// Lossless.
pub fn webp() -> Vec<u8> {
    let mut file = Vec::new();
    WebPEncoder::new_lossless(&mut file)
        .encode(&scene(WIDTH, HEIGHT), WIDTH, HEIGHT, ExtendedColorType::Rgb8)
        .expect("the fixture can be encoded");
    file
}

/// The same picture twice, a tenth of a second apart.
pub fn animated_webp() -> Vec<u8> {
    let still = webp();
    // After `RIFF`, the size and `WEBP` comes the one chunk with the picture.
    let picture = &still[12..];
    let less_one = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
    let canvas = [&[0x02, 0, 0, 0][..], &less_one(WIDTH), &less_one(HEIGHT)].concat();
    let frame = [&[0; 6][..], &less_one(WIDTH), &less_one(HEIGHT), &[100, 0, 0, 0], picture].concat();
    let chunks = [
        chunk(b"VP8X", &canvas),
        chunk(b"ANIM", &[255, 255, 255, 255, 0, 0]),
        chunk(b"ANMF", &frame),
        chunk(b"ANMF", &frame),
    ];
    chunk(b"RIFF", &[&b"WEBP"[..], &chunks.concat()].concat())
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len()).expect("a small chunk");
    let padding = vec![0; data.len() % 2];
    [&name[..], &size.to_le_bytes(), data, &padding].concat()
}
