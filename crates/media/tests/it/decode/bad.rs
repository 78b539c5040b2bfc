//! Files that can't be used: each is an error with a code, quickly, and none is a panic or a half grey picture.

use super::files::{self, H, W, quarters};
use plantain_media::decode::{Foreign, Limits, PictureError, decode, examine};
use plantain_media::picture::Picture;

/// However it is looked at.
#[track_caller]
fn refused(bytes: &[u8]) -> PictureError {
    let error =
        decode(bytes, &Limits::default()).err().unwrap_or_else(|| panic!("{} bytes were accepted", bytes.len()));
    assert_eq!(examine(bytes, &Limits::default()).err().as_ref(), Some(&error));
    error
}

#[track_caller]
fn check(bytes: &[u8], code: &str) {
    let error = refused(bytes);
    assert_eq!(error.code(), code, "{error}");
    assert!(error.message().ends_with('.') && error.hint().ends_with('.'));
}

fn all_formats() -> [Vec<u8>; 10] {
    let picture = quarters(W, H);
    [
        files::jpeg(&picture, |_| {}),
        files::jpeg(&picture, |encoder| encoder.set_progressive(true)),
        files::jpeg(&picture, |encoder| {
            encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
            encoder.set_optimized_huffman_tables(true);
        }),
        files::png(W, H, png::ColorType::Rgb, png::BitDepth::Eight, picture.rgb()),
        files::webp(&picture, None),
        include_bytes!("../../data/lossy.webp").to_vec(),
        include_bytes!("../../data/cmyk_adobe.jpg").to_vec(),
        include_bytes!("../../data/plain.heic").to_vec(),
        include_bytes!("../../data/lzw.tiff").to_vec(),
        files::gif(&picture, 1),
    ]
}

#[test]
fn what_is_examined_is_what_would_be_decoded() {
    let turned = files::jpeg(&quarters(W, H), |encoder| encoder.add_exif_metadata(&files::exif(6)).unwrap());
    for bytes in all_formats().into_iter().chain([turned, files::webp(&quarters(W, H), Some(files::exif(8)))]) {
        let decoded = decode(&bytes, &Limits::default()).unwrap();
        let examined = examine(&bytes, &Limits::default()).unwrap();
        assert_eq!(examined.facts, decoded.facts);
        assert_eq!((examined.width, examined.height), (decoded.picture.width(), decoded.picture.height()));
    }
}

#[test]
fn what_is_no_picture() {
    check(b"", "picture_empty");
    check(b"name,price\nmug,12\n", "not_a_picture");
    check(b"\x89PNG\r\n\x1a\n", "picture_truncated");
    check(b"\xff\xd8\xff", "picture_truncated");
    check(b"RIFF\x04\0\0\0WEBP", "picture_truncated");
    check(b"GIF89a\x10\0\x10\0", "picture_truncated");
    check(b"%PDF-1.7", "format_not_supported");
}

#[test]
fn a_truncated_file_is_an_error_at_every_length() {
    for bytes in all_formats() {
        for cut in 1..12 {
            let error = refused(&bytes[..bytes.len() * cut / 12]);
            let code = error.code();
            assert!(matches!(code, "picture_truncated" | "picture_damaged" | "not_a_picture"), "{cut}/12: {code}");
        }
        // The last bytes of data, not only the end marker, are gone.
        let error = refused(&bytes[..bytes.len() - 24]);
        assert!(matches!(error.code(), "picture_truncated" | "picture_damaged"), "{}", error.code());
    }
}

#[test]
fn a_truncated_jpeg_says_so() {
    let whole = files::jpeg(&quarters(640, 480), |_| {});
    check(&whole[..whole.len() / 2], "picture_truncated");
}

#[test]
fn flipped_bits_never_panic() {
    for bytes in all_formats() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..150 {
            let mut broken = bytes.clone();
            for _ in 0..3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) as usize % broken.len();
                broken[at] ^= 1 << (state & 7);
            }
            if let Err(error) = decode(&broken, &Limits::default()) {
                assert!(!error.code().is_empty());
            }
        }
    }
}

#[test]
fn sizes_beyond_the_limits() {
    let small = |width, height| files::jpeg(&Picture::filled(width, height, [9; 3]), |_| {});
    check(&small(1, 1), "picture_too_small");
    check(&small(63, 63), "picture_too_small");
    check(&small(20_000, 10), "picture_too_elongated");
    let mut heavy = small(64, 64);
    heavy.resize(Limits::default().max_bytes + 1, 0);
    check(&heavy, "file_too_large");
}

/// Headers that promise far more than the file holds are refused before memory is taken for them.
#[test]
fn bombs_are_refused_by_their_header() {
    let mut png = files::png(W, H, png::ColorType::Rgb, png::BitDepth::Eight, quarters(W, H).rgb());
    png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    check(&files::with_crc(png), "too_many_pixels");

    let mut jpeg = files::jpeg(&quarters(W, H), |_| {});
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    check(&jpeg, "too_many_pixels");
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0, 0, 0, 96]);
    assert!(matches!(refused(&jpeg).code(), "format_flavor_not_supported" | "picture_damaged"));
}

#[test]
fn many_pixels_within_tight_limits() {
    let limits = Limits { max_pixels: 5000, ..Limits::default() };
    let error = decode(&files::jpeg(&quarters(W, H), |_| {}), &limits).unwrap_err();
    assert_eq!(error, PictureError::TooManyPixels { width: W, height: H, limit: 5000 });
}

/// Files of cameras that are TIFF inside: DNG says so, others have a maker and more pictures, or values of a sensor.
#[test]
fn raw_files_are_refused_with_advice() {
    let field = |tag: u16, kind: u16, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &1u32.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let file = |more: &[Vec<u8>]| {
        let mut fields = vec![field(256, 4, 640), field(257, 4, 480), field(258, 3, 8), field(259, 3, 1)];
        fields.extend_from_slice(more);
        fields.sort_by_key(|field| u16::from_le_bytes([field[0], field[1]]));
        let count = (fields.len() as u16).to_le_bytes();
        [b"II*\0\x08\0\0\0", &count[..], &fields.concat(), &[0; 4]].concat()
    };
    let rgb = || field(262, 3, 2);
    for more in [
        vec![rgb(), field(50_706, 1, 0x0401)],
        vec![field(262, 3, 32_803)],
        vec![field(262, 3, 34_892)],
        vec![rgb(), field(271, 2, 0), field(330, 4, 8)],
    ] {
        let error = refused(&file(&more));
        assert_eq!(error, PictureError::Unsupported(Foreign::Raw), "{more:?}");
        assert!(error.hint().contains("Export the photo as JPEG"));
    }
    check(&file(&[rgb()]), "picture_damaged");
}
