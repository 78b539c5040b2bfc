//! TIFF in the forms that programs other than cameras write.

use super::files::{self, H, W, quarters};
use super::hostile::answer;
use super::{check, decoded};
use plantain_media::decode::Format;

#[test]
fn palettes_and_grey_with_opacity() {
    check(include_bytes!("../../data/palette.tiff"), Format::Tiff, 0.0);
    let found = decoded(include_bytes!("../../data/grey_alpha.tiff"));
    assert_eq!(found.picture.pixel(30, 9), [60; 3]);
    let matte = found.alpha.unwrap();
    assert_eq!((matte.at(30, 9), matte.at(90, 70)), (195, 75));
}

/// A small picture in one tile of 512 pixels: what the tile takes is more than the picture's own share of memory.
#[test]
fn a_tile_may_be_larger_than_the_picture() {
    const SIDE: u32 = 512;
    let picture = quarters(W, H);
    let tile: Vec<u8> = (0..SIDE * SIDE)
        .flat_map(|at| {
            let (x, y) = (at % SIDE, at / SIDE);
            if x < W && y < H { picture.pixel(x, y) } else { [0; 3] }
        })
        .collect();
    let found = check(&tiled(&tile, SIDE), Format::Tiff, 0.0);
    assert_eq!((found.picture.width(), found.picture.height()), (W, H));
}

/// One JPEG in all, strips that share their tables, JPEG's usual colours at half their size, grey.
#[test]
fn jpeg_inside() {
    check(include_bytes!("../../data/jpeg_inside.tiff"), Format::Tiff, 4.0);
    check(include_bytes!("../../data/jpeg_strips.tiff"), Format::Tiff, 4.0);
    check(include_bytes!("../../data/jpeg_ycbcr.tiff"), Format::Tiff, 6.0);
    let grey = decoded(include_bytes!("../../data/jpeg_grey.tiff")).picture;
    assert!((0..W).all(|x| grey.pixel(x, 9)[0].abs_diff(x as u8 * 2) < 5), "{:?}", grey.pixel(30, 9));
}

/// The older form: a JPEG file as it is, and a field that says where.
#[test]
fn jpeg_files_inside() {
    let old = |jpeg: &[u8]| {
        let at = 8 + 2 + 12 * 10 + 4 + 6;
        let mut tiff = tiled(jpeg, W);
        // Compression, colours, and in place of what tiles have: where the file begins, and its only strip.
        let mut field = |number: usize, tag: u16, value: u32| {
            let place = 10 + 12 * number;
            tiff[place..place + 2].copy_from_slice(&tag.to_le_bytes());
            tiff[place + 8..place + 12].copy_from_slice(&value.to_le_bytes());
        };
        field(3, 259, 6);
        field(4, 262, 6);
        field(6, 273, at);
        field(7, 278, H);
        field(8, 279, jpeg.len() as u32);
        field(9, 513, at);
        // Fields stand in the order of their numbers: 277 comes before 278, behind 273.
        let (five, six) = (tiff[70..82].to_vec(), tiff[82..94].to_vec());
        tiff[70..82].copy_from_slice(&six);
        tiff[82..94].copy_from_slice(&five);
        tiff
    };
    let jpeg = files::jpeg(&quarters(W, H), |_| {});
    check(&old(&jpeg), Format::Tiff, 4.0);
    let other = files::jpeg(&quarters(H, H), |_| {});
    for (file, code) in [(&other[..], "picture_damaged"), (&jpeg[2..], "format_flavor_not_supported")] {
        assert_eq!(answer(&old(file)).unwrap_err().code(), code);
    }
}

fn tiled(tile: &[u8], side: u32) -> Vec<u8> {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    // Bits of the three samples stand behind the directory, and the tile behind them.
    let count = 10u16;
    let bits_at = 8 + 2 + 12 * u32::from(count) + 4;
    let fields: [(u16, u16, u32, u32); 10] = [
        (256, LONG, 1, W),
        (257, LONG, 1, H),
        (258, SHORT, 3, bits_at),
        (259, SHORT, 1, 1),
        (262, SHORT, 1, 2),
        (277, SHORT, 1, 3),
        (322, LONG, 1, side),
        (323, LONG, 1, side),
        (324, LONG, 1, bits_at + 6),
        (325, LONG, 1, tile.len() as u32),
    ];
    let mut bytes = [&b"II*\0\x08\0\0\0"[..], &count.to_le_bytes()].concat();
    for (tag, kind, count, value) in fields {
        bytes.extend(tag.to_le_bytes().into_iter().chain(kind.to_le_bytes()));
        bytes.extend(count.to_le_bytes().into_iter().chain(value.to_le_bytes()));
    }
    bytes.extend([0; 4]);
    bytes.extend([8, 0, 8, 0, 8, 0]);
    bytes.extend(tile);
    bytes
}
