//! Decoding, by content and format: the picture that went in comes out, upright and sRGB.

mod avif_bombs;
mod bad;
mod files;
mod gif;
mod heic;
mod hostile;
mod mutated;
mod profiles;
mod tiff;
mod wide;

use files::{H, W, quarters};
use moxcms::ColorProfile;
use plantain_media::color::ProfileUse;
use plantain_media::common_form::common_form;
use plantain_media::decode::{Decoded, Format, Limits, Notice, Turn, decode, probe};
use plantain_media::picture::{Matte, Picture};

#[track_caller]
fn decoded(bytes: &[u8]) -> Decoded {
    decode(bytes, &Limits::default()).unwrap_or_else(|error| panic!("{}: {error}", error.code()))
}

/// Mean difference of the samples, in levels.
fn difference(a: &Picture, b: &Picture) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let sum: u64 = a.rgb().iter().zip(b.rgb()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.rgb().len() as f64
}

/// The bytes are the four quarters, up to `levels` of mean error.
#[track_caller]
fn check(bytes: &[u8], format: Format, levels: f64) -> Decoded {
    let found = decoded(bytes);
    let off = difference(&found.picture, &quarters(found.picture.width(), found.picture.height()));
    assert!(off <= levels, "{format:?} is {off:.2} levels off");
    assert_eq!(found.facts.format, format);
    found
}

#[test]
fn jpeg_in_every_common_form() {
    use jpeg_encoder::SamplingFactor::{F_1_1, F_2_1, F_2_2};
    for (sampling, progressive, optimized) in
        [(F_1_1, false, false), (F_2_1, false, false), (F_2_2, false, false), (F_1_1, true, false), (F_2_2, true, true)]
    {
        let bytes = files::jpeg(&quarters(W, H), |encoder| {
            encoder.set_sampling_factor(sampling);
            encoder.set_progressive(progressive);
            encoder.set_optimized_huffman_tables(optimized);
        });
        check(&bytes, Format::Jpeg, 4.0);
    }
    check(include_bytes!("../data/progressive_restart.jpg"), Format::Jpeg, 4.0);
}

/// Files of this kind came out as green stripes, without an error, from an earlier release of the decoder.
#[test]
fn scans_that_are_not_interleaved_do_not_become_stripes() {
    for (width, height) in [(W, H), (97, 83), (64, 65), (330, 241)] {
        let picture = quarters(width, height);
        let bytes = files::jpeg(&picture, |encoder| {
            encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
            encoder.set_optimized_huffman_tables(true);
        });
        let scans = bytes.windows(2).filter(|pair| *pair == [0xff, 0xda]).count();
        assert_eq!(scans, 3, "the encoder writes a scan for each component");
        check(&bytes, Format::Jpeg, 4.0);
    }
    check(include_bytes!("../data/three_scans_420.jpg"), Format::Jpeg, 4.0);
}

#[test]
fn grey_jpeg() {
    let grey: Vec<u8> = (0..W * H).map(|at| (at % W * 2) as u8).collect();
    let mut bytes = Vec::new();
    jpeg_encoder::Encoder::new(&mut bytes, 95)
        .encode(&grey, W as u16, H as u16, jpeg_encoder::ColorType::Luma)
        .unwrap();
    let picture = decoded(&bytes).picture;
    let [r, g, b] = picture.pixel(50, 40);
    assert!(r == g && g == b && r.abs_diff(100) < 4, "{r} {g} {b}");
}

#[test]
fn print_colors_come_out_as_screen_colors() {
    let adobe = check(include_bytes!("../data/cmyk_adobe.jpg"), Format::Jpeg, 4.0);
    assert_eq!(adobe.facts.profile, ProfileUse::PlainCmyk);
    assert_eq!(adobe.facts.notices(), [Notice::ConvertedFromCmyk]);
    let ink: Vec<u8> = quarters(W, H).rgb().chunks(3).flat_map(|p| [255 - p[0], 255 - p[1], 255 - p[2], 0]).collect();
    for kind in [jpeg_encoder::ColorType::Cmyk, jpeg_encoder::ColorType::CmykAsYcck] {
        let mut bytes = Vec::new();
        jpeg_encoder::Encoder::new(&mut bytes, 95).encode(&ink, W as u16, H as u16, kind).unwrap();
        check(&bytes, Format::Jpeg, 4.0);
    }
}

#[test]
fn ink_without_the_adobe_segment_is_not_inverted() {
    let bytes = include_bytes!("../data/cmyk_adobe.jpg");
    let at = bytes.windows(2).position(|pair| pair == [0xff, 0xee]).unwrap();
    let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
    let plain = [&bytes[..at], &bytes[at + 2 + length..]].concat();
    // What was no ink is now full ink: the black channel alone turns the picture black.
    assert!(decoded(&plain).picture.rgb().iter().all(|sample| *sample < 12));
}

#[test]
fn png_of_every_color_type_and_depth() {
    use png::{BitDepth, ColorType};
    let picture = quarters(W, H);
    check(&files::png(W, H, ColorType::Rgb, BitDepth::Eight, picture.rgb()), Format::Png, 0.0);
    let wide: Vec<u8> = picture.rgb().iter().flat_map(|sample| [*sample, 77]).collect();
    check(&files::png(W, H, ColorType::Rgb, BitDepth::Sixteen, &wide), Format::Png, 0.0);
    check(include_bytes!("../data/palette.png"), Format::Png, 3.0);

    let grey: Vec<u8> = (0..W * H).map(|at| (at % 251) as u8).collect();
    let found = decoded(&files::png(W, H, ColorType::Grayscale, BitDepth::Eight, &grey));
    assert_eq!(found.picture.pixel(7, 0), [7, 7, 7]);
    let bits = vec![0b1010_1010; (W / 8 * H) as usize];
    let found = decoded(&files::png(W, H, ColorType::Grayscale, BitDepth::One, &bits));
    assert_eq!((found.picture.pixel(0, 9), found.picture.pixel(1, 9)), ([255; 3], [0; 3]));
}

#[test]
fn transparency_is_kept_beside_straight_color() {
    let picture = quarters(W, H);
    let alpha: Vec<u8> = (0..W * H).map(|at| (at % W * 2) as u8).collect();
    let rgba: Vec<u8> = picture.rgb().chunks(3).zip(&alpha).flat_map(|(p, a)| [p[0], p[1], p[2], *a]).collect();
    let bytes = files::png(W, H, png::ColorType::Rgba, png::BitDepth::Eight, &rgba);
    let found = check(&bytes, Format::Png, 0.0);
    assert_eq!(found.alpha, Some(Matte::new(W, H, alpha.clone())));

    let pairs: Vec<u8> = alpha.iter().flat_map(|a| [90, *a]).collect();
    let found = decoded(&files::png(W, H, png::ColorType::GrayscaleAlpha, png::BitDepth::Eight, &pairs));
    assert_eq!((found.picture.pixel(3, 3), found.alpha.unwrap().at(3, 3)), ([90; 3], 6));

    let found = decoded(include_bytes!("../data/lossy_alpha.webp"));
    let matte = found.alpha.unwrap();
    assert!(matte.at(5, 0) < 10 && matte.at(5, H - 1) > 245);
}

#[test]
fn webp_lossy_and_lossless() {
    check(include_bytes!("../data/lossy.webp"), Format::Webp, 4.0);
    let found = check(&files::webp(&quarters(W, H), None), Format::Webp, 0.0);
    assert_eq!(found.alpha, None);
}

#[test]
fn heic_as_phones_write_it() {
    for bytes in [&include_bytes!("../data/plain.heic")[..], include_bytes!("../data/ten_bit.heic")] {
        let found = check(bytes, Format::Heic, 4.0);
        assert_eq!((found.alpha, found.facts.notices()), (None, vec![]));
    }
    let turned = check(include_bytes!("../data/turned.heic"), Format::Heic, 4.0);
    assert_eq!((turned.picture.width(), turned.picture.height()), (W, H), "upright by the container, once");
    let matte = check(include_bytes!("../data/alpha.heic"), Format::Heic, 5.0).alpha.unwrap();
    assert!(
        matte.at(0, 40) < 8 && matte.at(W - 1, 40).abs_diff(190) < 8,
        "{} {}",
        matte.at(0, 40),
        matte.at(W - 1, 40)
    );
    let wide = decoded(include_bytes!("../data/p3.heic"));
    assert_eq!(wide.facts.profile, ProfileUse::Converted);
    assert!(wide.picture.pixel(9, 9)[0] > 184, "{:?}", wide.picture.pixel(9, 9));
}

#[test]
fn tiff_as_studios_write_it() {
    for (bytes, levels) in [
        (&include_bytes!("../data/lzw.tiff")[..], 0.0),
        (include_bytes!("../data/turned.tiff"), 0.0),
        (include_bytes!("../data/cmyk.tiff"), 1.0),
    ] {
        let found = check(bytes, Format::Tiff, levels);
        assert_eq!((found.picture.width(), found.picture.height()), (W, H));
    }
    let matte = check(include_bytes!("../data/alpha.tiff"), Format::Tiff, 0.0).alpha.unwrap();
    assert_eq!((matte.at(0, 9), matte.at(W - 1, 9)), (0, 190));
    let pages = check(include_bytes!("../data/deflate_two_pages.tiff"), Format::Tiff, 0.0);
    assert_eq!(pages.facts.notices(), [Notice::FirstFrameOnly]);
    let grey = decoded(include_bytes!("../data/grey16.tiff"));
    assert_eq!(grey.picture.pixel(30, 9), [60; 3]);
}

#[test]
fn what_few_programs_read_can_be_written_anew() {
    let opaque = decoded(include_bytes!("../data/turned.heic"));
    let form = common_form(&opaque, 1 << 20).unwrap();
    assert_eq!(form.content_type, "image/jpeg");
    check(&form.bytes, Format::Jpeg, 6.0);
    let seen_through = decoded(include_bytes!("../data/alpha.tiff"));
    let form = common_form(&seen_through, 1 << 20).unwrap();
    assert_eq!((form.content_type, form.extension), ("image/png", "png"));
    let again = decoded(&form.bytes);
    assert_eq!((&again.picture, &again.alpha), (&seen_through.picture, &seen_through.alpha));
    assert_eq!((form.width, form.height), (W, H));
}

#[test]
fn what_is_too_large_with_its_transparency_is_made_smaller_and_no_hidden_colour_shows() {
    let side = 200u32;
    let places = || (0..side * side).map(move |at| (at % side, at / side));
    let seen = |x: u32, y: u32| (40..160).contains(&x) && (40..160).contains(&y);
    // Noise, which no PNG makes smaller; what is transparent is red.
    let noisy = |x: u32, y: u32| {
        let mixed = (x * 7919 + y).wrapping_mul(2_654_435_761);
        (((mixed ^ (mixed >> 15)).wrapping_mul(2_246_822_519) >> 13) as u8) / 2
    };
    let rgb =
        places().flat_map(|(x, y)| if seen(x, y) { [0, noisy(x, y), noisy(y, x)] } else { [255, 0, 0] }).collect();
    let alpha = Matte::new(side, side, places().map(|(x, y)| if seen(x, y) { 255 } else { 0 }).collect());
    let facts = decoded(include_bytes!("../data/alpha.tiff")).facts;
    let photo = Decoded { picture: Picture::new(side, side, rgb), alpha: Some(alpha), facts };
    let whole = common_form(&photo, 1 << 20).unwrap();
    let limit = whole.bytes.len() / 2;
    let form = common_form(&photo, limit).unwrap();
    assert!(form.bytes.len() <= limit && form.width < side && form.width == form.height, "{form:?}");
    let again = decoded(&form.bytes);
    let alpha = again.alpha.unwrap();
    let shown = again.picture.rgb().as_chunks::<3>().0.iter().zip(alpha.alpha()).filter(|(_, cover)| **cover > 25);
    assert!(shown.into_iter().all(|(rgb, _)| rgb[0] < 12), "the hidden red came to the edge");
    assert!(common_form(&photo, 60).is_err());
}

#[test]
fn a_stray_transparent_colour_makes_no_cut_out() {
    let facts = decoded(include_bytes!("../data/alpha.tiff")).facts;
    for (clear, own) in [(0usize, false), (80, false), (499, false), (500, true), (9_000, true)] {
        let alpha = Matte::new(100, 100, (0..10_000).map(|at| if at < clear { 0 } else { 255 }).collect());
        let photo = Decoded { picture: Picture::filled(100, 100, [9; 3]), alpha: Some(alpha), facts: facts.clone() };
        assert_eq!(photo.own_matte().is_some(), own, "{clear}");
    }
}

#[test]
fn of_animations_the_first_frame() {
    for (bytes, format) in [
        (&include_bytes!("../data/animated.png")[..], Format::Png),
        (&include_bytes!("../data/animated.webp")[..], Format::Webp),
    ] {
        let found = check(bytes, format, 4.0);
        assert!(found.facts.animated);
        assert_eq!(found.facts.notices(), [Notice::FirstFrameOnly]);
    }
}

#[test]
fn all_eight_orientations_stand_upright() {
    use Turn::{Clockwise, Counterclockwise, FlipHorizontal, FlipVertical, Half, None, Transpose, Transverse};
    let turns = [None, FlipHorizontal, Half, FlipVertical, Transpose, Clockwise, Transverse, Counterclockwise];
    for (value, turn) in (1..=8u8).zip(turns) {
        let stored = files::stored_for(value, &quarters(W, H));
        let exif = files::exif(value);
        let jpeg = files::jpeg(&stored, |encoder| {
            encoder.add_app_segment(1, [b"Exif\0\0", &exif[..]].concat()).unwrap();
        });
        let found = check(&jpeg, Format::Jpeg, 4.0);
        assert_eq!((found.facts.turn, found.picture.width(), found.picture.height()), (turn, W, H), "EXIF {value}");
        assert_eq!(found.facts.stored, (stored.width(), stored.height()));
        check(&files::png_with_exif(&stored, &exif), Format::Png, 0.0);
        check(&files::webp(&stored, Some(exif)), Format::Webp, 0.0);
    }
}

#[test]
fn transparency_turns_with_the_picture() {
    let stored = quarters(H, W);
    let alpha: Vec<u8> = (0..W * H).map(|at| if at / H < 4 { 0 } else { 255 }).collect();
    let rgba: Vec<u8> = stored.rgb().chunks(3).zip(&alpha).flat_map(|(p, a)| [p[0], p[1], p[2], *a]).collect();
    let bytes = files::png_rgba_with_exif(H, W, &rgba, &files::exif(6));
    let matte = decoded(&bytes).alpha.unwrap();
    // The stored top rows end at the right when turned clockwise.
    assert_eq!((matte.width(), matte.height()), (W, H));
    assert_eq!((matte.at(W - 1, 10), matte.at(W - 5, 10)), (0, 255));
}

#[test]
fn profiles_are_converted_and_broken_ones_said() {
    let with_profile = |profile: &[u8]| {
        files::jpeg(&Picture::filled(W, H, [180, 90, 90]), |encoder| encoder.add_icc_profile(profile).unwrap())
    };
    let wide = decoded(&with_profile(&ColorProfile::new_display_p3().encode().unwrap()));
    assert_eq!(wide.facts.profile, ProfileUse::Converted);
    assert!(wide.picture.pixel(9, 9)[0] > 184, "{:?}", wide.picture.pixel(9, 9));
    let broken = decoded(&with_profile(&[7; 4000]));
    assert_eq!(broken.facts.profile, ProfileUse::Unreadable);
    assert_eq!(broken.facts.notices(), [Notice::ProfileUnreadable]);
    assert!(broken.picture.pixel(9, 9)[0].abs_diff(180) < 4);
}

#[test]
fn a_probe_reads_the_size_alone() {
    let jpeg = files::jpeg(&quarters(W, H), |_| {});
    let found = probe(&jpeg[..jpeg.len() / 2]).unwrap();
    assert_eq!((found.format, found.width, found.height), (Format::Jpeg, W, H));
    let found = probe(include_bytes!("../data/lossy.webp")).unwrap();
    assert_eq!((found.width, found.height), (W, H));
}
