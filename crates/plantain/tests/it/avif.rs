//! AVIF, decoded by this program in a process of its own: the pictures that other programs wrote, and what becomes of it where
//! the file or the other process is not as it should be.

use std::path::PathBuf;
use std::time::Duration;

use plantain::av1::COMMAND;
use plantain::av1::process::{PATIENCE, Process};
use plantain_media::color::ProfileUse;
use plantain_media::decode::{self, Av1Decoder, Decoded, Format, Limits, Notice, PictureError, examine};
use plantain_media::picture::Picture;

use crate::bed::{PLANTAIN, repository, run};

fn data(name: &str) -> PathBuf {
    repository().join("crates/media/tests/data").join(name)
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(data(name)).unwrap()
}

/// Decodes with `program` for at most `patience`.
fn limits(program: &str, arguments: &[&str], patience: Duration) -> Limits {
    let arguments = arguments.iter().map(Into::into).collect();
    let process: &'static Process = Box::leak(Box::new(Process { program: program.into(), arguments, patience }));
    let decode = Box::leak(Box::new(|streams: &[decode::Av1Stream]| process.decode(streams)));
    Limits { av1: Some(Av1Decoder::new(decode)), ..Limits::default() }
}

fn usual() -> Limits {
    limits(PLANTAIN, &[COMMAND], PATIENCE)
}

fn answer(bytes: &[u8]) -> Result<Decoded, PictureError> {
    decode::decode(bytes, &usual())
}

#[track_caller]
fn decoded(name: &str) -> Decoded {
    answer(&file(name)).unwrap_or_else(|error| panic!("{name}: {} {error}", error.code()))
}

/// Red and green above blue and yellow, each darkening to the right: no turn of it looks like another.
fn quarters(width: u32, height: u32) -> Picture {
    const COLORS: [[u8; 3]; 4] = [[200, 40, 40], [40, 170, 60], [50, 70, 200], [220, 200, 60]];
    let half = width / 2;
    let pixels = (0..width * height).flat_map(|at| {
        let (x, y) = (at % width, at / width);
        let color = COLORS[usize::from(x >= half) + 2 * usize::from(y >= height / 2)];
        let light = 1.0 - 0.3 * f64::from(x % half) / f64::from(half);
        color.map(|channel| (f64::from(channel) * light) as u8)
    });
    Picture::new(width, height, pixels.collect())
}

/// The picture is the four quarters in this size, up to `levels` of mean error.
#[track_caller]
fn check(name: &str, (width, height): (u32, u32), levels: f64) -> Decoded {
    let found = decoded(name);
    assert_eq!((found.picture.width(), found.picture.height()), (width, height), "{name}");
    let wanted = quarters(width, height);
    let sum: u64 = found.picture.rgb().iter().zip(wanted.rgb()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let off = sum as f64 / wanted.rgb().len() as f64;
    assert!(off <= levels, "{name} is {off:.2} levels off");
    assert_eq!(found.facts.format, Format::Avif);
    found
}

#[test]
fn pictures_come_out_as_they_went_in() {
    for (name, size, levels) in [
        ("420.avif", (96, 80), 3.0),
        ("444.avif", (96, 80), 2.0),
        ("limited.avif", (96, 80), 2.0),
        ("odd_420.avif", (97, 141), 3.0),
        ("odd_422.avif", (97, 141), 3.0),
        ("ten_bit.avif", (96, 80), 3.0),
        ("twelve_bit.avif", (96, 80), 2.0),
        ("lossless.avif", (96, 80), 0.0),
        ("turned.avif", (96, 80), 2.0),
        ("mirrored.avif", (96, 80), 2.0),
        ("tiles.avif", (162, 142), 3.0),
        ("tiles_turned.avif", (162, 142), 3.0),
    ] {
        let found = check(name, size, levels);
        assert_eq!((found.alpha, found.facts.notices()), (None, vec![]), "{name}");
    }
}

#[test]
fn transparency_grey_colours_and_animations() {
    let matte = check("alpha.avif", (96, 80), 2.0).alpha.unwrap();
    assert!((0..96).all(|x| matte.at(x, 40).abs_diff(x as u8 * 2) <= 4), "{:?}", matte.at(90, 40));
    let grey = decoded("grey.avif").picture;
    assert!((0..96).all(|x| grey.pixel(x, 9).iter().all(|sample| sample.abs_diff(x as u8 * 2) <= 2)));
    let wide = decoded("p3.avif");
    assert_eq!(wide.facts.profile, ProfileUse::Converted);
    assert!(wide.picture.pixel(9, 9)[0] > 184, "{:?}", wide.picture.pixel(9, 9));
    let animated = check("animated.avif", (96, 80), 3.0);
    assert_eq!(animated.facts.notices(), [Notice::FirstFrameOnly]);
}

/// The numbers of BT.2100 in a file that has others: what it shows is told as toned down.
#[test]
fn more_light_than_a_page_has_is_toned_down() {
    let mut bytes = file("ten_bit.avif");
    let nclx = bytes.windows(4).position(|kind| kind == b"nclx").unwrap() + 4;
    bytes[nclx..nclx + 4].copy_from_slice(&[0, 9, 0, 16]);
    assert_eq!(answer(&bytes).unwrap().facts.notices(), [Notice::TonedDown]);
}

#[test]
fn the_size_is_bounded_before_anything_is_started() {
    let bytes = file("420.avif");
    let extent = bytes.windows(4).position(|kind| kind == b"ispe").unwrap() + 8;
    let nobody = limits("/nowhere/decoder", &[], PATIENCE);
    for (width, height, code) in [
        (9000u32, 9000u32, "too_many_pixels"),
        (u32::MAX, u32::MAX, "too_many_pixels"),
        (0, 80, "picture_damaged"),
        (97, 80, "picture_damaged"),
        (96, 79, "picture_damaged"),
        (7000, 7000, "picture_damaged"),
    ] {
        let mut lying = bytes.clone();
        lying[extent..extent + 4].copy_from_slice(&width.to_be_bytes());
        lying[extent + 4..extent + 8].copy_from_slice(&height.to_be_bytes());
        assert_eq!(answer(&lying).unwrap_err().code(), code, "{width} x {height}");
        if code == "too_many_pixels" {
            assert_eq!(decode::decode(&lying, &nobody).unwrap_err().code(), code);
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_the_whole_picture_or_an_error() {
    for name in ["alpha.avif", "tiles.avif", "animated.avif"] {
        let (bytes, whole) = (file(name), decoded(name));
        for cut in (0..bytes.len()).step_by(60) {
            match answer(&bytes[..cut]) {
                Ok(found) => assert!(found.picture == whole.picture, "{name} cut at {cut} is another picture"),
                Err(error) => assert!(
                    ["picture_empty", "picture_truncated", "picture_damaged", "not_a_picture"].contains(&error.code()),
                    "{name} cut at {cut}: {}",
                    error.code()
                ),
            }
        }
    }
}

/// Every byte in turn is another one: a picture or a reason, and nothing of it reaches this process.
#[test]
fn a_file_with_a_wrong_byte_is_a_picture_or_refused() {
    for (name, step) in [("alpha.avif", 3), ("ten_bit.avif", 5), ("tiles.avif", 11)] {
        let bytes = file(name);
        for at in (0..bytes.len()).step_by(step) {
            let mut wrong = bytes.clone();
            wrong[at] ^= [0x01, 0x80, 0xff][at % 3];
            if let Err(error) = answer(&wrong) {
                assert!(error.message().ends_with('.') && error.hint().ends_with('.'));
            }
        }
    }
}

#[test]
#[cfg(unix)]
fn another_process_that_crashes_hangs_or_talks_nonsense_costs_one_picture() {
    let bytes = file("420.avif");
    let soon = Duration::from_millis(300);
    for (program, arguments, code) in [
        ("/bin/false", &[][..], "picture_damaged"),
        ("/bin/true", &[], "picture_damaged"),
        ("/bin/cat", &[], "picture_damaged"),
        ("/usr/bin/yes", &[], "picture_damaged"),
        ("/bin/sleep", &["1000"], "picture_damaged"),
        ("/bin/sh", &["-c", "kill -ABRT $$"], "picture_damaged"),
        // Nobody was there to decode it, which is no fault of the file.
        ("/nowhere/decoder", &[], "format_not_supported"),
    ] {
        let limits = limits(program, arguments, soon);
        let error = decode::decode(&bytes, &limits).unwrap_err();
        assert_eq!(error.code(), code, "{program}");
        assert_eq!(examine(&bytes, &limits).unwrap_err(), error, "{program}");
    }
    assert!(answer(&bytes).is_ok(), "the next one is decoded");
}

#[test]
fn without_a_decoder_it_is_refused_with_advice() {
    let error = decode::decode(&file("420.avif"), &Limits::default()).unwrap_err();
    assert_eq!(error.message(), "AVIF can't be read.");
    assert_eq!(error.hint(), "Save the photo as JPEG, PNG or WebP.");
}

#[test]
fn cutout_and_check_take_it() {
    let folder = tempfile::tempdir().unwrap();
    let mug = data("mug.avif");
    let said = run(folder.path(), &["cutout", mug.to_str().unwrap(), "-o", "out.png", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.json()["product"]["width"].as_u64().unwrap() > 150, "{said:?}");
    let said = run(folder.path(), &["check", mug.to_str().unwrap(), "--original", mug.to_str().unwrap(), "--json"]);
    let report = &said.json()[0];
    let outcome = |rule: &str| {
        let results = report["results"].as_array().unwrap();
        results.iter().find(|result| result["rule"] == rule).unwrap()["outcome"].clone()
    };
    assert_eq!((outcome("readable"), outcome("identity")), ("pass".into(), "pass".into()), "{report:#}");
}

/// Over the studio and its queue, which keep it as JPEG.
#[test]
fn a_set_of_pictures_is_made_of_it() {
    let (folder, mug) = (tempfile::tempdir().unwrap(), data("mug.avif"));
    let said = run(folder.path(), &["generate", mug.to_str().unwrap(), "--top", "1", "--out", "made", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
}
