//! Files that were cut, patched or made to do harm: each gives the right picture or an error with a code, and soon.

// How long a file takes is what is asked here, so the time is the machine's own.
#![allow(clippy::disallowed_methods)]

use super::files::{self, H, W, noise, patched, png_chunk, quarters};
use plantain_media::decode::{Decoded, Limits, PictureError, decode, examine};
use plantain_media::picture::Picture;
use std::time::{Duration, Instant};

/// Far above what any of these small files needs, also in a busy machine; far below what a bomb would take.
const SOON: Duration = Duration::from_secs(20);

/// The same answer however it is asked, within a time that no bomb keeps to.
#[track_caller]
pub fn answer(bytes: &[u8]) -> Result<Decoded, PictureError> {
    let begun = Instant::now();
    let found = decode(bytes, &Limits::default());
    let looked = examine(bytes, &Limits::default());
    assert!(begun.elapsed() < SOON, "{} bytes took {:?}", bytes.len(), begun.elapsed());
    match (&found, &looked) {
        (Ok(found), Ok(looked)) => assert_eq!(found.facts, looked.facts),
        (Err(found), Err(looked)) => {
            assert_eq!(found, looked);
            assert!(found.message().ends_with('.') && found.hint().ends_with('.'));
        }
        _ => panic!("decoded: {:?}, examined: {looked:?}", found.map(|found| found.facts)),
    }
    found
}

#[track_caller]
fn refused(bytes: &[u8], codes: &[&str]) {
    match answer(bytes) {
        Ok(found) => panic!("accepted as {:?}", found.facts),
        Err(error) => assert!(codes.contains(&error.code()), "{}", error.code()),
    }
}

/// A file of each kind. Those that other programs must write are small.
pub fn every_kind() -> Vec<(&'static str, Vec<u8>)> {
    use jpeg_encoder::ColorType::{Cmyk, Luma};
    use png::{BitDepth, ColorType};
    let (w, h) = (160, 120);
    let picture = noise(w, h);
    let raw = |bytes: usize| -> Vec<u8> { picture.rgb().iter().copied().cycle().take(bytes).collect() };
    let pixels = (w * h) as usize;
    let png = |color, depth, bytes: usize| files::png(w, h, color, depth, &raw(bytes));
    vec![
        ("baseline.jpg", files::jpeg(&picture, |_| {})),
        ("progressive.jpg", files::jpeg(&picture, |encoder| encoder.set_progressive(true))),
        ("cmyk.jpg", files::jpeg_of(w, h, &raw(pixels * 4), Cmyk)),
        ("grey.jpg", files::jpeg_of(w, h, &raw(pixels), Luma)),
        ("cmyk_adobe.jpg", include_bytes!("../../data/cmyk_adobe.jpg").to_vec()),
        ("three_scans_420.jpg", include_bytes!("../../data/three_scans_420.jpg").to_vec()),
        ("8.png", png(ColorType::Rgb, BitDepth::Eight, pixels * 3)),
        ("16.png", png(ColorType::Rgb, BitDepth::Sixteen, pixels * 6)),
        ("grey_alpha.png", png(ColorType::GrayscaleAlpha, BitDepth::Eight, pixels * 2)),
        ("palette.png", include_bytes!("../../data/palette.png").to_vec()),
        ("animated.png", include_bytes!("../../data/animated.png").to_vec()),
        ("lossless.webp", files::webp(&picture, None)),
        ("lossy.webp", include_bytes!("../../data/lossy.webp").to_vec()),
        ("lossy_alpha.webp", include_bytes!("../../data/lossy_alpha.webp").to_vec()),
        ("animated.webp", include_bytes!("../../data/animated.webp").to_vec()),
        ("plain.heic", include_bytes!("../../data/plain.heic").to_vec()),
        ("alpha.heic", include_bytes!("../../data/alpha.heic").to_vec()),
        ("turned.heic", include_bytes!("../../data/turned.heic").to_vec()),
        ("tiles.heic", include_bytes!("../../data/tiles.heic").to_vec()),
        ("lzw.tiff", include_bytes!("../../data/lzw.tiff").to_vec()),
        ("alpha.tiff", include_bytes!("../../data/alpha.tiff").to_vec()),
        ("palette.tiff", include_bytes!("../../data/palette.tiff").to_vec()),
        ("grey_alpha.tiff", include_bytes!("../../data/grey_alpha.tiff").to_vec()),
        ("jpeg_inside.tiff", include_bytes!("../../data/jpeg_inside.tiff").to_vec()),
        ("jpeg_strips.tiff", include_bytes!("../../data/jpeg_strips.tiff").to_vec()),
        ("still.gif", files::gif(&quarters(W, H), 1)),
        ("animated.gif", files::gif(&quarters(W, H), 3)),
        ("deflate.tiff", include_bytes!("../../data/deflate_two_pages.tiff").to_vec()),
    ]
}

/// At every kilobyte, and every 64 bytes where the headers are. What is cut behind the pixels may still be the picture.
#[test]
fn a_file_cut_anywhere_is_the_whole_picture_or_an_error() {
    const CODES: [&str; 5] =
        ["picture_empty", "picture_truncated", "picture_damaged", "not_a_picture", "format_flavor_not_supported"];
    for (name, bytes) in every_kind() {
        let whole = answer(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let cuts = (0..2048).step_by(64).chain((2048..).step_by(1024)).take_while(|cut| *cut < bytes.len());
        let mut refusals = 0;
        for cut in cuts {
            match answer(&bytes[..cut]) {
                Ok(found) => assert!(found.picture == whole.picture, "{name} cut at {cut} is another picture"),
                Err(error) => {
                    refusals += 1;
                    assert!(CODES.contains(&error.code()), "{name} cut at {cut}: {}", error.code());
                }
            }
        }
        assert!(refusals > 0, "{name} is refused somewhere");
    }
}

#[test]
fn what_holds_nothing() {
    refused(&[], &["picture_empty"]);
    for byte in [0, b'<', 0x89, 0xff] {
        refused(&[byte], &["not_a_picture"]);
    }
    for length in [2, 12, 4096, 1 << 20] {
        refused(&vec![0; length], &["not_a_picture"]);
        refused(&vec![0xff; length], &["not_a_picture"]);
    }
}

/// Each format's first bytes before nothing, zeros, and ones.
#[test]
fn signatures_with_nothing_behind_them() {
    let heads: [&[u8]; 10] = [
        b"\xff\xd8\xff\xe0",
        b"\xff\xd8\xff\xc0\0\x11\x08",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"RIFF\xff\xff\xff\x7fWEBPVP8X",
        b"RIFF\x10\0\0\0WEBPVP8L",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic\0\0\0\x08meta",
        b"\0\0\0\x18ftypavif\0\0\0\0mif1avif\0\0\0\0meta\0\0\0\0",
        b"II*\0\x08\0\0\0\xff\xff",
        b"MM\0+\0\x08\0\0\0\0\0\0\0\0\0\x10",
    ];
    for head in heads {
        for fill in [0, 0x7f, 0xff] {
            for length in [0, 100, 10_000] {
                let file = [head, &vec![fill; length]].concat();
                assert!(answer(&file).is_err(), "{head:?} and {length} times {fill}");
            }
        }
    }
}

/// What is there is taken for what it is, whatever its name or its other half says.
#[test]
fn polyglots_and_disguises() {
    let picture = quarters(W, H);
    let zip = b"PK\x03\x04\x14\0\0\0\0\0a.htm<html><script>alert(1)</script>PK\x05\x06";
    let html = b"<html><body onload=alert(1)></html>";
    for (name, bytes) in every_kind() {
        let whole = answer(&bytes).unwrap();
        for tail in [&zip[..], html] {
            match answer(&[&bytes, tail].concat()) {
                Ok(found) => assert!(found.picture == whole.picture, "{name}"),
                Err(error) => panic!("{name} with a tail: {error}"),
            }
        }
    }
    let told = files::jpeg(&picture, |encoder| encoder.add_app_segment(15, html.to_vec()).unwrap());
    assert!(answer(&told).is_ok());
    let svg = "<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>";
    let entities = "<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><svg>&b;</svg>";
    for text in [svg, entities, "<!DOCTYPE html><html>", "<html>", "%PDF-1.7"] {
        refused(text.as_bytes(), &["format_not_supported"]);
    }
    refused(&[zip, &files::jpeg(&picture, |_| {})[..]].concat(), &["format_not_supported"]);
    refused(&[b"\n".as_slice(), &files::jpeg(&picture, |_| {})].concat(), &["not_a_picture"]);
}

/// Of one scan, with and without restart marks, in two samplings, with usual and with shorter codes.
fn sequential(picture: &Picture) -> Vec<Vec<u8>> {
    use jpeg_encoder::SamplingFactor::{F_1_1, F_2_2};
    let mut all = Vec::new();
    for sampling in [F_1_1, F_2_2] {
        for interval in [0, 7, 40] {
            all.push(files::jpeg(picture, |encoder| {
                encoder.set_sampling_factor(sampling);
                encoder.set_restart_interval(interval);
            }));
        }
    }
    let mut grey = Vec::new();
    let pixels: Vec<u8> = picture.rgb().chunks_exact(3).map(|pixel| pixel[1]).collect();
    let mut encoder = jpeg_encoder::Encoder::new(&mut grey, 90);
    encoder.set_optimized_huffman_tables(true);
    encoder.encode(&pixels, picture.width() as u16, picture.height() as u16, jpeg_encoder::ColorType::Luma).unwrap();
    all.push(grey);
    all
}

#[test]
fn a_jpeg_whose_restart_interval_is_as_long_as_the_picture_is_whole() {
    use jpeg_encoder::SamplingFactor::{F_1_1, F_2_2};
    for (sampling, units) in [(F_1_1, 4800), (F_2_2, 1200)] {
        for interval in [units, units / 2, units / 2 + 1, units + 1] {
            let whole = files::jpeg(&noise(640, 480), |encoder| {
                encoder.set_sampling_factor(sampling);
                encoder.set_restart_interval(interval);
            });
            assert!(answer(&whole).is_ok(), "{interval} of {units}");
        }
    }
}

#[test]
fn a_jpeg_that_was_cut_and_given_its_end_mark_is_incomplete() {
    const END: [u8; 2] = [0xff, 0xd9];
    for picture in [noise(640, 480), quarters(640, 480), Picture::filled(640, 480, [255; 3])] {
        for whole in sequential(&picture) {
            let found = answer(&whole).expect("nothing is missing");
            assert!(answer(&[&whole[..], b"what a phone writes behind it"].concat()).is_ok_and(|more| more == found));
            let filled = [&whole[..whole.len() - 2], &[0xff; 3], &END[1..]].concat();
            assert!(answer(&filled).is_ok_and(|more| more == found), "fill bytes before the end mark");
            let bits = whole.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 14;
            for share in [0, 10, 50, 90] {
                let mut cut = bits + (whole.len() - bits) * share / 100;
                while whole[cut - 1] == 0xff {
                    cut -= 1;
                }
                let error = answer(&[&whole[..cut], &END].concat()).expect_err("rows are missing");
                assert_eq!(error.code(), "picture_truncated", "{share} % of {} bytes", whole.len());
            }
        }
    }
    // Each colour in a scan of its own, of which the last are missing.
    let apart = files::jpeg(&noise(640, 480), |encoder| encoder.set_optimized_huffman_tables(true));
    assert!(answer(&apart).is_ok());
    for share in [20, 50] {
        let cut = apart.len() * share / 100;
        let cut = (cut..).find(|cut| apart[cut - 1] != 0xff).unwrap();
        assert_eq!(
            answer(&[&apart[..cut], &END].concat()).expect_err("colours").code(),
            "picture_truncated",
            "{share} %"
        );
    }
    // The least that a picture may have, so that all of it is read ahead.
    for (width, height) in [(64, 64), (64, 768), (768, 64), (65, 71)] {
        for whole in sequential(&Picture::filled(width, height, [255; 3])) {
            assert!(answer(&whole).is_ok(), "{width} x {height}");
        }
    }
}

/// A small file that says that its picture is huge, or nothing at all.
#[test]
fn headers_that_lie_about_the_size() {
    const CODES: [&str; 8] = [
        "too_many_pixels",
        "picture_side_too_long",
        "picture_too_small",
        "picture_too_elongated",
        "picture_truncated",
        "picture_damaged",
        "format_flavor_not_supported",
        "picture_transparent",
    ];
    let png = files::png(W, H, png::ColorType::Rgb, png::BitDepth::Eight, quarters(W, H).rgb());
    let jpeg = files::jpeg(&quarters(W, H), |_| {});
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    let (tiff, lossless) = (include_bytes!("../../data/lzw.tiff"), files::webp(&quarters(W, H), None));
    let side = |tag: u8| tiff.windows(4).position(|field| field == [tag, 1, 3, 0]).unwrap() + 8;
    for (width, height) in [(0, 0), (0, 80), (96, 0), (1, 1), (65_535, 65_535), (9000, 9000), (7000, 7000), (960, 800)]
    {
        let [w, h] = [width, height].map(u32::to_be_bytes);
        refused(&files::with_crc(patched(&png, 16, &[w, h].concat())), &CODES);
        refused(&patched(&jpeg, frame + 5, &[h[2], h[3], w[2], w[3]]), &CODES);
        let lying = patched(&patched(tiff, side(0), &[w[3], w[2]]), side(1), &[h[3], h[2]]);
        refused(&lying, &CODES);
        let packed = (width.saturating_sub(1) & 0x3fff) | (height.saturating_sub(1) & 0x3fff) << 14;
        refused(&patched(&lossless, 21, &packed.to_le_bytes()), &CODES);
    }
    // What a container crops away is decoded all the same: 2,000 x 2,000 pixels, of which 100 x 100 are shown.
    let cropped = include_bytes!("../../data/cropped.heic");
    for (max_pixels, taken) in [(5_000_000, true), (1_000_000, false)] {
        let limits = Limits { max_pixels, ..Limits::default() };
        match decode(cropped, &limits) {
            Ok(found) => assert!(taken && found.picture.width() == 100),
            Err(error) => assert_eq!((taken, error.code()), (false, "too_many_pixels")),
        }
    }
    // PNG's own greatest sizes, and more than these.
    for side in [0x7fff_ffff_u32, u32::MAX] {
        refused(&files::with_crc(patched(&png, 16, &[side.to_be_bytes(); 2].concat())), &CODES);
    }
    let heic = include_bytes!("../../data/plain.heic");
    let extent = heic.windows(4).position(|kind| kind == b"ispe").unwrap() + 8;
    // HEIC's pixels say their size once more; the container's word for it is not what memory is taken for.
    let lying = patched(heic, extent, &[60_000u32.to_be_bytes(); 2].concat());
    assert!(answer(&lying).is_ok_and(|found| found.picture.width() == W) || answer(&lying).is_err());
}

/// Lengths in every header, one after the other, are nothing or the greatest that fits.
#[test]
fn lengths_that_lie() {
    let limits = Limits { max_pixels: 1 << 20, ..Limits::default() };
    for (name, bytes) in every_kind() {
        for (turn, at) in (0..bytes.len().min(500)).step_by(4).enumerate() {
            let lie = [[0; 4], [0xff; 4], [0x7f, 0xff, 0xff, 0xff]][turn % 3];
            let end = (at + 4).min(bytes.len());
            let lying = patched(&bytes, at, &lie[..end - at]);
            let begun = Instant::now();
            if let Ok(found) = decode(&lying, &limits) {
                let pixels = u64::from(found.picture.width()) * u64::from(found.picture.height());
                assert!(pixels <= limits.max_pixels, "{name} with a lie at {at}");
            }
            assert!(begun.elapsed() < SOON, "{name} with a lie at {at} took {:?}", begun.elapsed());
        }
    }
}

/// Metadata that is small in the file and large once it is unpacked, or simply large.
#[test]
fn metadata_that_swells() {
    let zeros = files::deflated(&vec![0; 64 << 20]);
    let xmp = [b"<x:xmpmeta>".to_vec(), b"<rdf:li>".repeat(400_000)].concat();
    let chunks: [(&[u8; 4], Vec<u8>); 4] = [
        (b"iCCP", [b"bomb\0\0", &zeros[..]].concat()),
        (b"zTXt", [b"bomb\0\0", &zeros[..]].concat()),
        (b"iTXt", [b"XML:com.adobe.xmp\0\x01\0\0\0", &zeros[..]].concat()),
        (b"iTXt", [b"XML:com.adobe.xmp\0\0\0\0\0", &xmp[..]].concat()),
    ];
    let picture = quarters(W, H);
    let png = files::png(W, H, png::ColorType::Rgb, png::BitDepth::Eight, picture.rgb());
    for (kind, body) in chunks {
        let file = [&png[..33], &png_chunk(kind, &body), &png[33..]].concat();
        match answer(&file) {
            Ok(found) => assert!(found.picture == picture),
            Err(error) => assert_eq!(error.code(), "picture_damaged"),
        }
    }
    let xmp = [b"http://ns.adobe.com/xap/1.0/\0", &xmp[..60_000]].concat();
    let jpeg = files::jpeg(&picture, |encoder| (0..100).for_each(|_| encoder.add_app_segment(1, xmp.clone()).unwrap()));
    assert!(answer(&jpeg).is_ok());
}

/// Eleven million pixels in a hundredth of the bytes: it is what it says, and nothing else.
#[test]
fn what_unpacks_to_much_within_the_limits_is_a_picture() {
    let plain = Picture::filled(3400, 3300, [7; 3]);
    for bytes in
        [files::png(3400, 3300, png::ColorType::Rgb, png::BitDepth::Eight, plain.rgb()), files::webp(&plain, None)]
    {
        assert!(bytes.len() < 200_000);
        assert!(answer(&bytes).is_ok_and(|found| found.picture == plain));
    }
}
