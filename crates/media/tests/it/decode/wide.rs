//! Colours of Display P3, held against what the standards' chromaticities give: no table and no library of the engine's.

use image::ImageEncoder;
use image::codecs::webp::WebPEncoder;
use moxcms::ColorProfile;
use plantain_media::color::ProfileUse;
use plantain_media::decode::{Limits, decode};
use plantain_media::picture::Picture;

use super::files;

type Matrix = [[f64; 3]; 3];

const WHITE: [f64; 2] = [0.3127, 0.3290];
const P3: [[f64; 2]; 3] = [[0.680, 0.320], [0.265, 0.690], [0.150, 0.060]];
const SRGB: [[f64; 2]; 3] = [[0.64, 0.33], [0.30, 0.60], [0.15, 0.06]];

fn xyz([x, y]: [f64; 2]) -> [f64; 3] {
    [x / y, 1.0, (1.0 - x - y) / y]
}

fn times(matrix: &Matrix, color: [f64; 3]) -> [f64; 3] {
    [0, 1, 2].map(|row: usize| (0..3).map(|column| matrix[row][column] * color[column]).sum())
}

/// By cofactors.
fn inverse(m: &Matrix) -> Matrix {
    let cofactor = |row: usize, column: usize| {
        let [a, b, c, d] = [(row + 1) % 3, (row + 2) % 3, (column + 1) % 3, (column + 2) % 3];
        m[a][c] * m[b][d] - m[a][d] * m[b][c]
    };
    let determinant: f64 = (0..3).map(|column| m[0][column] * cofactor(0, column)).sum();
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| cofactor(column, row) / determinant))
}

/// Linear light of these primaries to XYZ: full light of all three is white.
fn to_xyz(primaries: [[f64; 2]; 3]) -> Matrix {
    let columns = primaries.map(xyz);
    let matrix = [0, 1, 2].map(|row| [columns[0][row], columns[1][row], columns[2][row]]);
    let strength = times(&inverse(&matrix), xyz(WHITE));
    matrix.map(|row| [row[0] * strength[0], row[1] * strength[1], row[2] * strength[2]])
}

fn linear(sample: u8) -> f64 {
    let value = f64::from(sample) / 255.0;
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

fn encoded(light: f64) -> u8 {
    let light = light.clamp(0.0, 1.0);
    let value = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (value * 255.0).round() as u8
}

fn expected(p3: [u8; 3]) -> [u8; 3] {
    times(&inverse(&to_xyz(SRGB)), times(&to_xyz(P3), p3.map(linear))).map(encoded)
}

#[track_caller]
fn check(name: &str, bytes: &[u8], p3: [u8; 3], levels: u8) {
    let found = decode(bytes, &Limits::default()).unwrap();
    assert_eq!(found.facts.profile, ProfileUse::Converted, "{name}");
    let (got, wanted) = (found.picture.pixel(30, 30), expected(p3));
    let near = got.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= levels);
    assert!(near, "{name} of {p3:?} is {got:?} instead of {wanted:?}");
}

#[test]
fn display_p3_comes_out_as_the_standards_say() {
    const SIDE: u32 = 64;
    let profile = ColorProfile::new_display_p3().encode().unwrap();
    let colors =
        [[255, 0, 0], [0, 255, 0], [0, 0, 255], [180, 90, 90], [60, 160, 70], [200, 120, 40], [255; 3], [0; 3]];
    for color in colors {
        let picture = Picture::filled(SIDE, SIDE, color);
        let jpeg = files::jpeg(&picture, |encoder| {
            encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
            encoder.add_icc_profile(&profile).unwrap();
        });
        check("JPEG", &jpeg, color, 4);
        check("PNG", &files::png_with_profile(&picture, &profile), color, 1);
        let mut webp = Vec::new();
        let mut encoder = WebPEncoder::new_lossless(&mut webp);
        encoder.set_icc_profile(profile.clone()).unwrap();
        encoder.write_image(picture.rgb(), SIDE, SIDE, image::ExtendedColorType::Rgb8).unwrap();
        check("WebP", &webp, color, 1);
    }
    check("HEIC", include_bytes!("../../data/p3.heic"), [180, 90, 90], 3);
}
