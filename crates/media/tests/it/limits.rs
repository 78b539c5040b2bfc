//! The best quality under a byte limit, against trying every quality there is.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use plantain_media::encode::{Chroma, EncodeError, EncodeOptions, Provenance, encode};
use plantain_media::picture::Picture;
use plantain_media::preset::Format;

const SIDE: u32 = 320;
/// The settings in the order in which they are preferred: all of the colour from 95 down to 85, then half of it down to 75.
const FULL: std::ops::RangeInclusive<u8> = 85..=95;
const HALVED: std::ops::RangeInclusive<u8> = 75..=95;

/// A square of random levels `depth` up and down from grey, on white.
fn noisy(depth: u64, coarse: u32) -> Picture {
    let mut picture = Picture::filled(SIDE, SIDE, [255; 3]);
    for y in 20..SIDE - 20 {
        for x in 20..SIDE - 20 {
            let place = u64::from(y / coarse * SIDE + x / coarse);
            let at = ((y * SIDE + x) * 3) as usize;
            for (c, value) in picture.rgb_mut()[at..at + 3].iter_mut().enumerate() {
                let chance = (place * 3 + c as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
                *value = (128 - depth + chance % (2 * depth)) as u8;
            }
        }
    }
    picture
}

/// Bytes of the bare file at every setting, in order of preference.
fn tried(picture: &Picture) -> Vec<(Chroma, u8, u64)> {
    let size = |chroma, quality| {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, quality);
        encoder.set_sampling_factor(match chroma {
            Chroma::Full => SamplingFactor::F_1_1,
            Chroma::Halved => SamplingFactor::F_2_2,
        });
        encoder.encode(picture.rgb(), SIDE as u16, SIDE as u16, ColorType::Rgb).unwrap();
        (chroma, quality, bytes.len() as u64)
    };
    let full = FULL.rev().map(|quality| size(Chroma::Full, quality));
    full.chain(HALVED.rev().map(|quality| size(Chroma::Halved, quality))).collect()
}

fn options(max_bytes: u64) -> EncodeOptions {
    EncodeOptions::plain(Format::Jpeg, max_bytes, Provenance::Photographed)
}

#[test]
fn no_better_quality_fits_under_any_limit() {
    for (depth, coarse) in [(1, 1), (12, 1), (60, 1), (127, 1), (127, 3), (90, 16)] {
        let picture = noisy(depth, coarse);
        let tried = tried(&picture);
        // Profile and headers are the same at every quality.
        let frame = encode(&picture, &options(u64::MAX)).unwrap().bytes.len() as u64 - tried[0].2;
        for limit in tried.iter().flat_map(|(_, _, bytes)| [frame + bytes, frame + bytes - 1]) {
            let best = tried.iter().find(|(_, _, bytes)| frame + bytes <= limit);
            match (encode(&picture, &options(limit)), best) {
                (Ok(done), Some((chroma, quality, bytes))) => {
                    let found = (done.chroma, done.quality, done.bytes.len() as u64);
                    assert_eq!(found, (Some(*chroma), Some(*quality), frame + bytes), "depth {depth}, {limit} bytes");
                }
                (Err(EncodeError::TooLarge { smallest, limit: said }), None) => {
                    let (_, _, least) = tried[tried.len() - 1];
                    assert_eq!((smallest, said), (frame + least, limit), "depth {depth}");
                }
                (done, best) => {
                    panic!("depth {depth}, {limit} bytes: {:?} instead of {best:?}", done.map(|d| d.quality))
                }
            }
        }
    }
}

#[test]
fn a_limit_that_cannot_be_kept_says_what_would_be_needed() {
    let picture = noisy(127, 1);
    for limit in [0, 1, 700, 5000] {
        let error = encode(&picture, &options(limit)).unwrap_err();
        let EncodeError::TooLarge { smallest, .. } = error else { panic!("{limit}: {error}") };
        assert!(smallest > limit && error.to_string().contains(&format!("needs {smallest} bytes")), "{error}");
        let done = encode(&picture, &options(smallest)).unwrap();
        assert_eq!((done.bytes.len() as u64, done.quality), (smallest, Some(*HALVED.start())));
    }
}
