//! PNG files: plain, deep, indexed, grey with transparency, moving, and of any size.

use png::{BitDepth, ColorType, Compression, Encoder};

use super::{HEIGHT, WIDTH, covered, scene};

fn encode(data: &[u8], color: ColorType, depth: BitDepth) -> Vec<u8> {
    encode_sized(data, (WIDTH, HEIGHT), color, depth)
}

fn encode_sized(data: &[u8], (width, height): (u32, u32), color: ColorType, depth: BitDepth) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().expect("the fixture's header");
    writer.write_image_data(data).expect("the fixture's pixels");
    writer.finish().expect("the fixture's end");
    file
}

pub fn png() -> Vec<u8> {
    encode(&scene(WIDTH, HEIGHT), ColorType::Rgb, BitDepth::Eight)
}

pub fn sixteen_bit() -> Vec<u8> {
    let deep: Vec<u8> = scene(WIDTH, HEIGHT).into_iter().flat_map(|channel| [channel, channel]).collect();
    encode(&deep, ColorType::Rgb, BitDepth::Sixteen)
}

/// 216 colours, six levels a channel.
pub fn palette() -> Vec<u8> {
    let level = |channel: u8| channel / 43;
    let indices: Vec<u8> =
        scene(WIDTH, HEIGHT).chunks_exact(3).map(|p| level(p[0]) * 36 + level(p[1]) * 6 + level(p[2])).collect();
    let colours: Vec<u8> = (0..216u8).flat_map(|i| [i / 36 * 51, i / 6 % 6 * 51, i % 6 * 51]).collect();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, WIDTH, HEIGHT);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(colours);
    let mut writer = encoder.write_header().expect("the fixture's header");
    writer.write_image_data(&indices).expect("the fixture's pixels");
    writer.finish().expect("the fixture's end");
    file
}

/// Grey with transparency: the product is opaque, the room around it half seen through.
pub fn gray_alpha() -> Vec<u8> {
    let pixels: Vec<u8> = scene(WIDTH, HEIGHT)
        .chunks_exact(3)
        .flat_map(|pixel| [pixel[1], if pixel[0] > pixel[2] + 20 { 255 } else { 128 }])
        .collect();
    encode(&pixels, ColorType::GrayscaleAlpha, BitDepth::Eight)
}

/// The product of the scene with nothing around it, as a program that cuts out leaves it.
pub fn cut_out(width: u32, height: u32) -> Vec<u8> {
    let alpha = covered(width, height);
    let pixels: Vec<u8> =
        scene(width, height).chunks_exact(3).zip(alpha).flat_map(|(p, alpha)| [p[0], p[1], p[2], alpha]).collect();
    encode_sized(&pixels, (width, height), ColorType::Rgba, BitDepth::Eight)
}

/// The scene behind full transparency, as a layer that was hidden when it was exported.
pub fn transparent() -> Vec<u8> {
    let pixels: Vec<u8> = scene(WIDTH, HEIGHT).chunks_exact(3).flat_map(|pixel| [pixel[1], 0]).collect();
    encode(&pixels, ColorType::GrayscaleAlpha, BitDepth::Eight)
}

/// Two frames, of which the first is the scene.
pub fn animated_png() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, WIDTH, HEIGHT);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_animated(2, 0).expect("two frames");
    let mut writer = encoder.write_header().expect("the fixture's header");
    writer.write_image_data(&scene(WIDTH, HEIGHT)).expect("the first frame");
    writer.write_image_data(&vec![0; (WIDTH * HEIGHT * 3) as usize]).expect("the second frame");
    writer.finish().expect("the fixture's end");
    file
}

/// A white picture of this size, one bit a pixel: many pixels in few bytes.
pub fn png_of_size(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    encoder.set_compression(Compression::Balanced);
    let mut writer = encoder.write_header().expect("the fixture's header");
    let row = usize::try_from(width.div_ceil(8)).expect("a row fits in memory");
    writer.write_image_data(&vec![0xff; row * height as usize]).expect("the fixture's pixels");
    writer.finish().expect("the fixture's end");
    file
}
