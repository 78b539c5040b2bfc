//! JPEG files: plain, turned, with a position, with four inks.

use jpeg_encoder::{ColorType, Encoder};

use super::exif::{self, Orientation};
use super::{HEIGHT, WIDTH, scene};

const QUALITY: u8 = 90;

fn encode(pixels: &[u8], (width, height): (u32, u32), color: ColorType, app1: Option<Vec<u8>>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, QUALITY);
    if let Some(data) = app1 {
        encoder.add_app_segment(1, data).expect("a short segment");
    }
    let side = |pixels: u32| u16::try_from(pixels).expect("a JPEG's side");
    encoder.encode(pixels, side(width), side(height), color).expect("the fixture can be encoded");
    file
}

/// A plain photo.
pub fn jpeg() -> Vec<u8> {
    encode(&scene(WIDTH, HEIGHT), (WIDTH, HEIGHT), ColorType::Rgb, None)
}

/// The same scene with other sides.
pub fn jpeg_of_size(width: u32, height: u32) -> Vec<u8> {
    encode(&scene(width, height), (width, height), ColorType::Rgb, None)
}

/// The same, carrying a position with [`super::GPS_MARK`] in it.
pub fn jpeg_with_gps() -> Vec<u8> {
    encode(&scene(WIDTH, HEIGHT), (WIDTH, HEIGHT), ColorType::Rgb, Some(exif::gps()))
}

/// The same photo as a camera held otherwise stores it; upright again once the tag is obeyed.
pub fn oriented(orientation: Orientation) -> Vec<u8> {
    let upright = scene(WIDTH, HEIGHT);
    let (width, height) = if orientation.swaps_sides() { (HEIGHT, WIDTH) } else { (WIDTH, HEIGHT) };
    let mut stored = vec![0; upright.len()];
    for (at, pixel) in upright.chunks_exact(3).enumerate() {
        let at = u32::try_from(at).expect("a small picture");
        let (x, y) = orientation.stored_at(at % WIDTH, at / WIDTH, WIDTH, HEIGHT);
        let place = ((y * width + x) * 3) as usize;
        stored[place..place + 3].copy_from_slice(pixel);
    }
    encode(&stored, (width, height), ColorType::Rgb, Some(exif::orientation(orientation)))
}

/// Cyan, magenta, yellow and black, as print shops send it.
pub fn cmyk() -> Vec<u8> {
    let inks: Vec<u8> = scene(WIDTH, HEIGHT)
        .chunks_exact(3)
        .flat_map(|pixel| {
            let black = 255 - pixel.iter().copied().max().unwrap_or(0);
            let ink = |channel: u8| 255 - channel - black;
            [ink(pixel[0]), ink(pixel[1]), ink(pixel[2]), black]
        })
        .collect();
    encode(&inks, (WIDTH, HEIGHT), ColorType::Cmyk, None)
}

pub fn gray_jpeg() -> Vec<u8> {
    let luma: Vec<u8> = scene(WIDTH, HEIGHT).chunks_exact(3).map(|pixel| pixel[1]).collect();
    encode(&luma, (WIDTH, HEIGHT), ColorType::Luma, None)
}

/// A picture that is `factor` times as wide and high, smoothly.
pub fn enlarged(rgb: &[u8], width: u32, height: u32, factor: u32) -> Vec<u8> {
    let small = image::RgbImage::from_raw(width, height, rgb.to_vec()).expect("the pixels fill the size");
    let size = (width * factor, height * factor);
    let large = image::imageops::resize(&small, size.0, size.1, image::imageops::FilterType::CatmullRom);
    encode(large.as_raw(), size, ColorType::Rgb, None)
}
