//! AVIF files of a few kilobytes that name the same again and again: refused soon, with little memory.

use super::hostile::answer;

fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).unwrap();
    [&length.to_be_bytes()[..], kind, body].concat()
}

/// With version and flags.
fn full(kind: &[u8; 4], version: u8, body: &[u8]) -> Vec<u8> {
    boxed(kind, &[&[version, 0, 0, 0][..], body].concat())
}

fn words(numbers: impl IntoIterator<Item = u16>) -> Vec<u8> {
    numbers.into_iter().flat_map(u16::to_be_bytes).collect()
}

fn item(id: u16, kind: &[u8; 4]) -> Vec<u8> {
    full(b"infe", 2, &[&words([id, 0])[..], kind, b"\0"].concat())
}

/// Item 1 is the picture, of the kind that is given, item 2 a coded one.
fn file(primary: &[u8; 4], iloc: &[u8], iref: &[u8], properties: &[Vec<u8>], owned: &[u8]) -> Vec<u8> {
    let size = full(b"ispe", 0, &[0, 0, 0, 16, 0, 0, 0, 16]);
    let ipco = boxed(b"ipco", &[&size[..], &properties.concat()].concat());
    let parts = [
        vec![0; 4],
        full(b"pitm", 0, &words([1])),
        full(b"iinf", 0, &[words([2]), item(1, primary), item(2, b"av01")].concat()),
        full(b"iloc", 1, iloc),
        full(b"iref", 0, iref),
        boxed(b"iprp", &[ipco, full(b"ipma", 0, owned)].concat()),
        // A grid of 255 by 255 tiles.
        boxed(b"idat", &[0, 0, 254, 254, 16, 0, 16, 0]),
    ];
    [boxed(b"ftyp", b"avif\0\0\0\0avifmif1"), boxed(b"meta", &parts.concat())].concat()
}

#[test]
fn tiles_that_are_one_tile_in_65_535_pieces_are_refused() {
    // Lengths of two bytes, places of none, all in `idat`: the grid's eight bytes, and pieces of no length.
    let iloc = words([0x0200, 2, 1, 1, 0, 1, 8, 2, 1, 0, u16::MAX].into_iter().chain((0..u16::MAX).map(|_| 0)));
    let named = words([1, 255 * 255].into_iter().chain((0..255 * 255).map(|_| 2)));
    let bomb = file(b"grid", &iloc, &boxed(b"dimg", &named), &[], &[0, 0, 0, 1, 0, 2, 1, 1]);
    assert!(bomb.len() < 300_000);
    assert_eq!(answer(&bomb).unwrap_err().code(), "picture_damaged");
}

#[test]
fn an_opacity_that_is_named_again_and_again_is_looked_at_once() {
    let iloc = words([0x0200, 2, 1, 1, 0, 1, 8, 2, 1, 0, 1, 8]);
    let named: Vec<u8> = (0..20_000).flat_map(|_| boxed(b"auxl", &words([2, 1, 1]))).collect();
    let name = full(b"auxC", 0, &vec![b'x'; 1 << 20]);
    let owned = [&[0, 0, 0, 2, 0, 1, 1, 1, 0, 2, 255][..], &[2; 255]].concat();
    let bomb = file(b"av01", &iloc, &named, &[name], &owned);
    assert!(bomb.len() < 1_500_000);
    answer(&bomb).unwrap_err();
}
