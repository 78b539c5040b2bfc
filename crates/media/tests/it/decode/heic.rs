//! HEIC is decoded in parts; the pixels are those of the whole.

use super::files::quarters;
use super::hostile::answer;
use super::{check, decoded};
use plantain_media::color::ProfileUse;
use plantain_media::decode::{Format, Notice};

/// What the decoder makes of the file when it holds all of it at once.
#[track_caller]
fn same_as_whole(bytes: &[u8]) {
    let found = decoded(bytes);
    let whole = heic_decoder::decode(bytes).unwrap();
    assert_eq!((found.picture.width() as usize, found.picture.height() as usize), (whole.width, whole.height));
    let alpha = whole.alpha.is_some().then(|| {
        let rgba = whole.to_rgba8().unwrap();
        rgba.data.as_chunks::<4>().0.iter().map(|pixel| pixel[3]).collect::<Vec<u8>>()
    });
    assert!(found.picture.rgb() == whole.to_rgb8().unwrap().data, "other colours");
    assert_eq!(found.alpha.map(|matte| matte.alpha().to_vec()), alpha);
}

/// Tiles of 64 pixels below a picture of 163 by 141, so that neither side divides and rows are converted in two bands.
const TILES: &[u8] = include_bytes!("../../data/tiles.heic");
const TILES_TURNED: &[u8] = include_bytes!("../../data/tiles_turned.heic");
const TILES_ALPHA: &[u8] = include_bytes!("../../data/tiles_alpha.heic");

#[test]
fn parts_make_the_whole() {
    same_as_whole(TILES);
    same_as_whole(TILES_TURNED);
    same_as_whole(TILES_ALPHA);
    same_as_whole(include_bytes!("../../data/odd_420.heic"));
    same_as_whole(include_bytes!("../../data/odd_422.heic"));
    same_as_whole(include_bytes!("../../data/plain.heic"));
    same_as_whole(include_bytes!("../../data/turned.heic"));
    same_as_whole(include_bytes!("../../data/alpha.heic"));
    same_as_whole(include_bytes!("../../data/ten_bit.heic"));
}

#[test]
fn tiles_lie_where_they_belong() {
    check(TILES, Format::Heic, 4.0);
    let matte = check(TILES_ALPHA, Format::Heic, 4.0).alpha.unwrap();
    assert!(matte.at(2, 70) < 8 && matte.at(160, 140).abs_diff(160) < 8);
    let turned = decoded(TILES_TURNED).picture;
    assert_eq!((turned.width(), turned.height()), (141, 163));
    let upright = quarters(163, 141);
    for (x, y) in [(10, 10), (130, 10), (10, 150), (130, 150)] {
        let (shown, stored) = (turned.pixel(x, y), upright.pixel(162 - y, 140 - x));
        let off = shown.iter().zip(stored).map(|(a, b)| a.abs_diff(b)).max();
        assert!(off < Some(16), "{x}, {y}: {shown:?}, {stored:?}");
    }
}

/// The description of the grid stands in a box of its own: rows and columns less one, width, height.
#[test]
fn grids_that_lie() {
    let body = [0, 0, 2, 2, 0, 163, 0, 141];
    let at = TILES.windows(8).position(|bytes| bytes == body).unwrap();
    for (lie, code) in [
        ([0, 0, 2, 2, 1, 163, 0, 141], "picture_damaged"),
        ([0, 0, 2, 1, 0, 163, 0, 141], "picture_damaged"),
        ([0, 0, 0, 8, 0, 163, 0, 141], "picture_damaged"),
        ([0, 0, 2, 2, 48, 0, 48, 0], "too_many_pixels"),
    ] {
        let error = plantain_media::decode::decode(&super::files::patched(TILES, at, &lie), &Default::default());
        assert_eq!(error.map_err(|error| error.code()).err(), Some(code), "{lie:?}");
    }
}

/// Grey of paper white above, a red that only BT.2020 has below.
#[test]
fn more_light_than_a_page_has_is_toned_down_and_that_is_told() {
    for (bytes, red) in [
        (&include_bytes!("../../data/pq.heic")[..], [250, 0, 0]),
        (include_bytes!("../../data/hlg.heic"), [247, 0, 31]),
    ] {
        let found = decoded(bytes);
        assert_eq!(found.facts.profile, ProfileUse::TonedDown);
        assert_eq!(found.facts.notices(), [Notice::TonedDown]);
        for (at, expected) in [((10, 10), [241; 3]), ((10, 80), red)] {
            let pixel = found.picture.pixel(at.0, at.1);
            assert!(pixel.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 4), "{at:?}: {pixel:?}");
        }
    }
}

/// Pieces of items take no bytes to name where their numbers have none: sixteen kilobytes would say two gigabytes of them.
#[test]
fn places_of_items_that_swell_are_refused() {
    let wrapped = |kind: &[u8; 4], body: &[u8]| {
        let length = u32::try_from(body.len() + 8).unwrap().to_be_bytes();
        [&length[..], kind, body].concat()
    };
    let items = 2000u16;
    let many = (0..items).flat_map(|id| [&id.to_be_bytes()[..], &[0, 0, 0xff, 0xff]].concat());
    let swelling = [&[0, 0, 0, 0, 0, 0][..], &items.to_be_bytes(), &many.collect::<Vec<_>>()].concat();
    // One item of the whole file, a thousand times.
    let again = [0, 0, 0, 0, 0, 0, 0x0f, 0xff].repeat(1000);
    let repeated = [&[0, 0, 0, 0, 0x44, 0, 0, 1, 0, 1, 0, 0, 0x03, 0xe8][..], &again].concat();
    for iloc in [swelling, repeated] {
        let meta = wrapped(b"meta", &[&[0; 4][..], &wrapped(b"iloc", &iloc)].concat());
        for brand in [b"heic", b"avif"] {
            let head = wrapped(b"ftyp", &[&brand[..], &[0; 4], b"mif1"].concat());
            assert_eq!(answer(&[head, meta.clone()].concat()).unwrap_err().code(), "picture_damaged");
        }
    }
}
