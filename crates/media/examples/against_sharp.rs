//! CPU time of one picture, beside which `cargo xtask bench finishing` sets sharp's.
//!
//! - `photo OUT.jpg MASK.png`: writes a 12-megapixel photo, made of an example, and its exact mask.
//! - `plain PHOTO OUT.jpg ROUNDS`: decode, 2000 px on white, JPEG. The same work as sharp's.
//! - `finish PHOTO MASK.png OUT.jpg ROUNDS`: the photo's cut-out, laid on white; then what is measured: finished and checked.
//! - `compare A.jpg B.jpg`: bytes of both and how near they are, in decibels.

use std::path::Path;

use plantain_media::check::check;
use plantain_media::compose::{SceneRules, compose, top_three};
use plantain_media::cutout::from_alpha;
use plantain_media::decode::{Limits, decode};
use plantain_media::encode::{EncodeOptions, Provenance, encode};
use plantain_media::finish::{FinishOptions, finish};
use plantain_media::picture::{Matte, Picture};
use plantain_media::preset::{Format, Presets};
use plantain_scale::{FilterType, ResizeAlg, ResizeOptions};

type Answer<T> = Result<T, Box<dyn std::error::Error>>;

const SIDE: u32 = 2000;
/// From the 3 megapixels of an example to 12.
const FACTOR: u32 = 2;

fn main() -> Answer<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["photo", out, mask] => photo(Path::new(out), Path::new(mask)),
        ["plain", photo, out, rounds] => {
            let bytes = std::fs::read(photo)?;
            measured(rounds.parse()?, out, || plain(&bytes))
        }
        ["finish", photo, mask, out, rounds] => finished(&std::fs::read(photo)?, &std::fs::read(mask)?, out, rounds),
        ["compare", a, b] => compare(&std::fs::read(a)?, &std::fs::read(b)?),
        _ => Err("usage: against_sharp photo|plain|finish|compare …".into()),
    }
}

fn resized(picture: &Picture, to: (u32, u32)) -> Picture {
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    let from = (picture.width(), picture.height());
    Picture::new(to.0, to.1, plantain_scale::colors(picture.rgb(), from, to, &options))
}

fn photo(out: &Path, mask: &Path) -> Answer<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let enlarged = |path: &Path| -> Answer<Picture> {
        let small = decode(&std::fs::read(path)?, &Limits::default())?.picture;
        Ok(resized(&small, (small.width() * FACTOR, small.height() * FACTOR)))
    };
    let written = |picture: &Picture, format| {
        encode(picture, &EncodeOptions::plain(format, u64::MAX, Provenance::Photographed)).map(|done| done.bytes)
    };
    std::fs::write(out, written(&enlarged(&folder.join("../../examples/mug.jpg"))?, Format::Jpeg)?)?;
    std::fs::write(mask, written(&enlarged(&folder.join("tests/photos/mug.mask.png"))?, Format::Png)?)?;
    Ok(())
}

/// What sharp does with `contain` and a white background.
fn plain(bytes: &[u8]) -> Answer<Vec<u8>> {
    let photo = decode(bytes, &Limits::default())?.picture;
    let scale = f64::from(SIDE) / f64::from(photo.width().max(photo.height()));
    let side = |length: u32| ((f64::from(length) * scale).round() as u32).min(SIDE);
    let small = resized(&photo, (side(photo.width()), side(photo.height())));
    let mut canvas = Picture::filled(SIDE, SIDE, [255; 3]);
    let (left, top) = ((SIDE - small.width()) / 2, (SIDE - small.height()) / 2);
    let (from, to) = (small.width() as usize * 3, SIDE as usize * 3);
    let rows = canvas.rgb_mut().chunks_exact_mut(to).skip(top as usize);
    for (row, pixels) in rows.zip(small.rgb().chunks_exact(from)) {
        row[left as usize * 3..][..from].copy_from_slice(pixels);
    }
    Ok(encode(&canvas, &EncodeOptions::plain(Format::Jpeg, u64::MAX, Provenance::Photographed))?.bytes)
}

fn finished(photo: &[u8], mask: &[u8], out: &str, rounds: &str) -> Answer<()> {
    let photo = decode(photo, &Limits::default())?.picture;
    let mask = decode(mask, &Limits::default())?.picture;
    let matte = Matte::new(mask.width(), mask.height(), mask.rgb().iter().copied().step_by(3).collect());
    let presets = Presets::builtin();
    let preset = presets.get("amazon_main")?;
    let [scene, ..] = top_three(&SceneRules::of(preset, 1));
    let composed = compose(&from_alpha(&photo, &matte)?, &scene);
    measured(rounds.parse()?, out, || {
        let done = finish(&composed.picture, &composed.matte, preset, &FinishOptions::default())?;
        let report = check(&done.bytes, None, preset, Some(&done.matte));
        if report.passed { Ok(done.bytes) } else { Err(format!("{:#?}", report.results).into()) }
    })
}

/// Does it once to warm up and then `rounds` times; prints the CPU milliseconds of one, of all threads together.
fn measured(rounds: u32, out: &str, once: impl Fn() -> Answer<Vec<u8>>) -> Answer<()> {
    std::fs::write(out, once()?)?;
    let before = cpu_millis()?;
    for _ in 0..rounds {
        once()?;
    }
    println!("{:.1}", (cpu_millis()? - before) / f64::from(rounds));
    Ok(())
}

/// What this process has used so far, in user and system mode.
fn cpu_millis() -> Answer<f64> {
    /// Linux counts in hundredths of a second on every platform that we build for.
    const TICK_MS: f64 = 10.0;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name before the last bracket may hold spaces; user and system time are the 12th and 13th field after it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks = fields.map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks * TICK_MS)
}

fn compare(a: &[u8], b: &[u8]) -> Answer<()> {
    let pictures = [a, b].map(|bytes| decode(bytes, &Limits::default()).map(|decoded| decoded.picture));
    let [Ok(ours), Ok(theirs)] = pictures else { return Err("one of both is no picture".into()) };
    if (ours.width(), ours.height()) != (theirs.width(), theirs.height()) {
        return Err("they differ in size".into());
    }
    let squares = ours.rgb().iter().zip(theirs.rgb()).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2));
    let mean = squares.sum::<f64>() / ours.rgb().len() as f64;
    println!("{} {} {:.1}", a.len(), b.len(), 10.0 * (255.0 * 255.0 / mean.max(1e-9)).log10());
    Ok(())
}
