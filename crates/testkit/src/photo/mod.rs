//! Photos as functions: a product on a table, in every kind of file that people upload, and some that no one should.
//!
//! Each function gives the bytes of a whole file. They are made here rather than stored, so that a test shows what is
//! special about its picture.

mod broken;
mod exif;
mod jpeg;
mod png;
mod webp;

pub use broken::{bomb, empty, not_a_picture, truncated};
pub use exif::{GPS_MARK, Orientation};
pub use jpeg::{cmyk, enlarged, gray_jpeg, jpeg, jpeg_of_size, jpeg_with_gps, oriented};
pub use png::{animated_png, cut_out, gray_alpha, palette, png, png_of_size, sixteen_bit, transparent};
pub use webp::{animated_webp, webp};

/// Width and height of the usual fixture: small enough to be quick, large enough that its product makes a catalog picture.
pub const WIDTH: u32 = 960;
pub const HEIGHT: u32 = 720;

/// An upright photo: a red-brown jar with a lid and a highlight, standing on a pale table before a paler wall.
///
/// 8-bit RGB, row by row. It is no symmetric picture, so a wrong orientation shows.
pub fn scene(width: u32, height: u32) -> Vec<u8> {
    let mut pixels = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height {
        for x in 0..width {
            let (u, v) = ((x as f32 + 0.5) / width as f32, (y as f32 + 0.5) / height as f32);
            pixels.extend(colour(u, v));
        }
    }
    pixels
}

/// How much of each pixel the product covers, 255 for all of it. Four places of each are asked, so that the edge is soft.
fn covered(width: u32, height: u32) -> Vec<u8> {
    let is_product = |x: f32, y: f32| {
        let (u, v) = (x / width as f32, y / height as f32);
        is_lid(u, v) || is_body(u, v)
    };
    let asked = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)];
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x as f32, y as f32)));
    let inside = |(x, y)| asked.iter().filter(|(dx, dy)| is_product(x + dx, y + dy)).count();
    places.map(|place| (inside(place) * 255 / asked.len()) as u8).collect()
}

fn is_lid(u: f32, v: f32) -> bool {
    (0.36..0.60).contains(&u) && (0.16..0.26).contains(&v)
}

fn is_body(u: f32, v: f32) -> bool {
    ((u - 0.48) / 0.17).powi(2) + ((v - 0.53) / 0.29).powi(4) < 1.0
}

/// The colour at a place, both coordinates from 0 to 1.
fn colour(u: f32, v: f32) -> [u8; 3] {
    let light = |base: [f32; 3], share: f32| base.map(|channel| (channel * share).clamp(0.0, 255.0) as u8);
    let (lid, body) = (is_lid(u, v), is_body(u, v));
    let across = 1.1 - 0.35 * ((u - 0.42) / 0.2).powi(2);
    match () {
        () if lid => light([60.0, 70.0, 80.0], across),
        () if body && (0.45..0.65).contains(&v) => light([235.0, 225.0, 190.0], across),
        () if body => light([150.0, 62.0, 40.0], across),
        () if v > 0.7 => light([196.0, 190.0, 178.0], 0.94 + 0.06 * u),
        () => light([222.0, 224.0, 226.0], 0.95 + 0.05 * v),
    }
}
