//! Files whose pixels are fine and whose container is not, and files that are no pictures.

use plantain_media::check::{Claims, Outcome, Report, check, check_claims};
use plantain_media::preset::Presets;

/// A brown box that fills 88 % of a white square.
fn pixels(side: u32) -> Vec<u8> {
    let inside = side * 6 / 100..side - side * 6 / 100;
    let at = |x, y| if inside.contains(&x) && inside.contains(&y) { [140, 90, 50] } else { [255; 3] };
    (0..side).flat_map(|y| (0..side).map(move |x| (x, y))).flat_map(|(x, y)| at(x, y)).collect()
}

fn jpeg(side: u32, change: impl Fn(&mut jpeg_encoder::Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
    change(&mut encoder);
    encoder.encode(&pixels(side), side as u16, side as u16, jpeg_encoder::ColorType::Rgb).unwrap();
    bytes
}

/// A TIFF header with one directory of short or long values.
pub fn exif(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    bytes.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, value) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(1u32.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes
}

fn png(side: u32, kind: png::ColorType, depth: png::BitDepth) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(kind);
    encoder.set_depth(depth);
    let rgb = pixels(side);
    let data: Vec<u8> = match (kind, depth) {
        (png::ColorType::Rgba, _) => rgb.chunks(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect(),
        (_, png::BitDepth::Sixteen) => rgb.iter().flat_map(|v| [*v, *v]).collect(),
        _ => rgb,
    };
    encoder.write_header().unwrap().write_image_data(&data).unwrap();
    bytes
}

fn report(id: &str, name: &str, bytes: &[u8]) -> Report {
    check(bytes, Some(name), Presets::builtin().get(id).unwrap(), None)
}

#[track_caller]
fn fails(id: &str, name: &str, bytes: &[u8], rules: &[&str]) -> Report {
    let report = report(id, name, bytes);
    let failed: Vec<&str> = report.results.iter().filter(|r| r.outcome == Outcome::Fail).map(|r| r.rule).collect();
    assert_eq!(failed, rules, "{:#?}", report.results);
    assert_eq!(report.passed, rules.is_empty());
    report
}

#[test]
fn the_plain_file_passes() {
    fails("ebay", "mug_1.jpg", &jpeg(1000, |_| ()), &[]);
    fails("ebay", "mug_1.png", &png(1000, png::ColorType::Rgb, png::BitDepth::Eight), &[]);
}

#[test]
fn a_wrong_extension_or_type_fails() {
    fails("ebay", "mug_1.png", &jpeg(1000, |_| ()), &["file_type"]);
    let as_jpeg = fails("ebay", "mug_1.jpg", &png(1000, png::ColorType::Rgb, png::BitDepth::Eight), &["file_type"]);
    assert_eq!(as_jpeg.rule("file_type").unwrap().measured, "PNG, named .jpg");
    fails("amazon_main", "B0ABCDEF12.MAIN.png", &png(1000, png::ColorType::Rgb, png::BitDepth::Eight), &["file_type"]);
    let claims = Claims { content_type: Some("image/webp"), ..Claims::default() };
    let declared = check_claims(&jpeg(1000, |_| ()), &claims, Presets::builtin().get("ebay").unwrap());
    assert_eq!(declared.rule("file_type").unwrap().outcome, Outcome::Fail);
}

#[test]
fn transparency_and_sixteen_bits_fail() {
    fails("ebay", "mug_1.png", &png(1000, png::ColorType::Rgba, png::BitDepth::Eight), &["alpha"]);
    fails("ebay", "mug_1.png", &png(1000, png::ColorType::Rgb, png::BitDepth::Sixteen), &["colour"]);
}

#[test]
fn print_colours_fail() {
    let ink: Vec<u8> = pixels(1000).chunks(3).flat_map(|p| [255 - p[0], 255 - p[1], 255 - p[2], 0]).collect();
    let mut bytes = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    encoder.encode(&ink, 1000, 1000, jpeg_encoder::ColorType::Cmyk).unwrap();
    let report = report("ebay", "mug_1.jpg", &bytes);
    assert_eq!(report.rule("colour").unwrap().measured, "CMYK, 8 bit");
    assert!(!report.passed);
}

#[test]
fn a_foreign_colour_space_fails() {
    let adobe = moxcms::ColorProfile::new_adobe_rgb().encode().unwrap();
    let bytes = jpeg(1000, |e| e.add_icc_profile(&adobe).unwrap());
    assert_eq!(report("ebay", "mug_1.jpg", &bytes).rule("colour").unwrap().outcome, Outcome::Fail);
    let srgb = moxcms::ColorProfile::new_srgb().encode().unwrap();
    fails("ebay", "mug_1.jpg", &jpeg(1000, |e| e.add_icc_profile(&srgb).unwrap()), &[]);
}

#[test]
fn a_place_a_serial_number_or_a_turned_picture_fails() {
    for (entries, words) in [
        (&[(0x8825, 4, 0)][..], "GPS position"),
        (&[(0x0112, 3, 6)], "orientation 6"),
        (&[(0xa431, 2, 0)], "serial number or owner"),
    ] {
        let bytes = jpeg(1000, |e| e.add_exif_metadata(&exif(entries)).unwrap());
        let report = fails("ebay", "mug_1.jpg", &bytes, &["metadata"]);
        assert_eq!(report.rule("metadata").unwrap().measured, words);
    }
    fails("ebay", "mug_1.jpg", &jpeg(1000, |e| e.add_exif_metadata(&exif(&[(0x0112, 3, 1)])).unwrap()), &[]);
}

#[test]
fn density_is_only_a_tag_and_only_where_it_is_asked_for() {
    let tagged = |dpi| {
        let unit = jpeg_encoder::PixelDensityUnit::Inches;
        jpeg(1500, |e| e.set_density(jpeg_encoder::PixelDensity { density: (dpi, dpi), unit }))
    };
    for (bytes, outcome) in
        [(tagged(72), Outcome::Pass), (tagged(71), Outcome::Fail), (jpeg(1500, |_| ()), Outcome::Fail)]
    {
        assert_eq!(report("myntra_main", "mug_1.jpg", &bytes).rule("dpi").unwrap().outcome, outcome);
    }
}

#[test]
fn too_small_too_many_bytes_and_low_quality() {
    fails("ebay", "mug_1.jpg", &jpeg(499, |_| ()), &["dimensions"]);
    let mut padded = jpeg(1000, |_| ());
    padded.resize(12_000_001, 0);
    fails("ebay", "mug_1.jpg", &padded, &["bytes"]);
    let mut low = Vec::new();
    jpeg_encoder::Encoder::new(&mut low, 60).encode(&pixels(1000), 1000, 1000, jpeg_encoder::ColorType::Rgb).unwrap();
    assert_eq!(report("ebay", "mug_1.jpg", &low).rule("jpeg_quality").unwrap().outcome, Outcome::Warn);
}

#[test]
fn an_animated_webp_fails() {
    // An extended header that says so, and two frames that need not be read for that.
    let mut still = Vec::new();
    let encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut still);
    encoder.encode(&pixels(64), 64, 64, image::ExtendedColorType::Rgb8).unwrap();
    let frame = &still[12..];
    let mut body = b"WEBPVP8X\x0a\0\0\0\x02\0\0\0\x3f\0\0\x3f\0\0ANIM\x06\0\0\0\xff\xff\xff\xff\0\0".to_vec();
    for _ in 0..2 {
        body.extend(b"ANMF");
        body.extend((16 + frame.len() as u32).to_le_bytes());
        body.extend([0, 0, 0, 0, 0, 0, 63, 0, 0, 63, 0, 0, 100, 0, 0, 0]);
        body.extend(frame);
    }
    let bytes = [b"RIFF".to_vec(), (body.len() as u32).to_le_bytes().to_vec(), body].concat();
    let report = report("shopify", "mug-1.webp", &bytes);
    let result = report.rule("file_type").unwrap();
    assert_eq!((result.outcome, result.measured.as_str()), (Outcome::Fail, "WebP, animated"));
}

#[test]
fn what_is_no_picture_is_a_failed_report() {
    let cut = jpeg(1000, |_| ());
    let cases: [(&[u8], &str); 5] = [
        (b"", "empty"),
        (b"<html>not found</html>", "a web page"),
        (b"GIF89a\x01\0\x01\0\0\0\0;", "a GIF"),
        (&cut[..cut.len() / 2], "half a JPEG"),
        (b"\xff\xd8\xff\xff\xff\xff", "garbage"),
    ];
    for (bytes, what) in cases {
        let report = report("amazon_main", "B0ABCDEF12.MAIN.jpg", bytes);
        assert!(!report.passed, "{what}");
        let readable = report.rule("readable").unwrap();
        assert_eq!(readable.outcome, Outcome::Fail, "{what}");
        assert!(!readable.measured.is_empty(), "{what}");
        assert_eq!((report.width, report.height), (0, 0));
    }
}

#[test]
fn a_hidden_name_does_not_excuse_the_picture() {
    let report = report("amazon_main", "some folder/my mug.jpg", &jpeg(1000, |_| ()));
    assert_eq!(report.rule("file_name").unwrap().outcome, Outcome::Fail);
    assert_eq!(report.rule("fill").unwrap().outcome, Outcome::Pass);
    assert!(report.rule("fill").unwrap().source.starts_with("AMZ-COPY (B, read 2026-11-20)"));
}

#[test]
fn a_place_or_a_serial_number_in_xmp_fails_too() {
    for (words, measured) in [
        ("exif:GPSLatitude=\"52,31N\"", "GPS position"),
        ("<aux:SerialNumber>42</aux:SerialNumber>", "serial number or owner"),
    ] {
        let xmp = [b"http://ns.adobe.com/xap/1.0/\0", words.as_bytes()].concat();
        let bytes = jpeg(1000, |e| e.add_app_segment(1, xmp.clone()).unwrap());
        let report = fails("ebay", "mug_1.jpg", &bytes, &["metadata"]);
        assert_eq!(report.rule("metadata").unwrap().measured, measured);
    }
    let xmp = b"http://ns.adobe.com/xap/1.0/\0<dc:title>Mug</dc:title>".to_vec();
    fails("ebay", "mug_1.jpg", &jpeg(1000, |e| e.add_app_segment(1, xmp.clone()).unwrap()), &[]);
}

#[test]
fn each_of_several_exif_segments_counts() {
    let place = exif(&[(0x8825, 4, 0)]);
    let plain = exif(&[(0x0112, 3, 1)]);
    for segments in [[&place, &plain], [&plain, &place]] {
        let bytes = jpeg(1000, |e| {
            for segment in segments {
                e.add_app_segment(1, [b"Exif\0\0", &segment[..]].concat()).unwrap();
            }
        });
        let report = fails("ebay", "mug_1.jpg", &bytes, &["metadata"]);
        assert_eq!(report.rule("metadata").unwrap().measured, "GPS position");
    }
    let packet = |words: &str| [b"http://ns.adobe.com/xap/1.0/\0", words.as_bytes()].concat();
    for packets in [["exif:GPSLatitude=\"52,31N\"", "<dc:title/>"], ["<dc:title/>", "exif:GPSLatitude=\"52,31N\""]] {
        let bytes = jpeg(1000, |e| packets.iter().for_each(|words| e.add_app_segment(1, packet(words)).unwrap()));
        fails("ebay", "mug_1.jpg", &bytes, &["metadata"]);
    }
}

fn deflated(text: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut out, text).unwrap();
    out.finish().unwrap()
}

/// A PNG with one chunk more behind its header.
fn png_with(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    const HEADER_ENDS: usize = 33;
    let body = [&name[..], &parts.concat()].concat();
    let mut crc = flate2::Crc::new();
    crc.update(&body);
    let length = (body.len() as u32 - 4).to_be_bytes();
    let chunk = [&length[..], &body, &crc.sum().to_be_bytes()].concat();
    let mut bytes = png(1000, png::ColorType::Rgb, png::BitDepth::Eight);
    bytes.splice(HEADER_ENDS..HEADER_ENDS, chunk);
    bytes
}

/// Digits of a profile as converters write them.
fn raw_profile(name: &str, bytes: &[u8]) -> Vec<u8> {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines: Vec<String> = digits.chunks(36).map(<[String]>::concat).collect();
    format!("\n{name}\n{:8}\n{}\n", bytes.len(), lines.join("\n")).into_bytes()
}

#[test]
fn metadata_in_a_pngs_texts_is_read_however_it_is_packed() {
    let xmp = b"<rdf:Description exif:GPSLatitude=\"52,31N\"/>";
    let serial = [b"Exif\0\0", &exif(&[(0xa431, 2, 0)])[..]].concat();
    let raw_exif = raw_profile("exif", &serial);
    let raw_xmp = raw_profile("xmp", xmp);
    let itxt: &[u8] = b"XML:com.adobe.xmp\0";
    let bomb = vec![b' '; 3 << 20];
    for (bytes, measured) in [
        (png_with(b"iTXt", &[itxt, b"\0\0\0\0", xmp]), "GPS position"),
        (png_with(b"iTXt", &[itxt, b"\x01\0en\0XMP\0", &deflated(xmp)]), "GPS position"),
        (png_with(b"zTXt", &[b"Raw profile type xmp\0\0", &deflated(&raw_xmp)]), "GPS position"),
        (png_with(b"zTXt", &[b"Raw profile type exif\0\0", &deflated(&raw_exif)]), "serial number or owner"),
        (png_with(b"zTXt", &[b"Raw profile type APP1\0\0", &deflated(&raw_exif)]), "serial number or owner"),
        (png_with(b"tEXt", &[b"Raw profile type exif\0", &raw_exif]), "serial number or owner"),
        (png_with(b"iTXt", &[itxt, b"\x01\0\0\0", &deflated(&bomb)]), "metadata that can't be read"),
        (png_with(b"iTXt", &[itxt, b"\x01\0\0\0", b"not deflated"]), "metadata that can't be read"),
        (
            png_with(b"zTXt", &[b"Raw profile type exif\0\0", &deflated(b"\nexif\n 4\nno hex")]),
            "metadata that can't be read",
        ),
    ] {
        let report = fails("ebay", "mug_1.png", &bytes, &["metadata"]);
        assert_eq!(report.rule("metadata").unwrap().measured, measured);
    }
    for harmless in [
        png_with(b"zTXt", &[b"Comment\0\0", &deflated(&bomb)]),
        png_with(b"iTXt", &[itxt, b"\x01\0\0\0", &deflated(b"<dc:title>Mug</dc:title>")]),
    ] {
        fails("ebay", "mug_1.png", &harmless, &[]);
    }
}
