//! Times what follows the cut-out: three scenes composed, finished, encoded and checked, for one marketplace.
//!
//! `cargo run --release -p plantain-media --example finish_bench -- PHOTO.jpg MASK.png [PRESET] [ROUNDS]`
//! The mask is an 8-bit grey PNG of the photo's size.

#![allow(clippy::disallowed_methods)] // A stopwatch is what this program is.

use std::time::{Duration, Instant};

use plantain_media::check::{Report, check};
use plantain_media::compose::{Scene, SceneRules, compose, top_three};
use plantain_media::decode::{Limits, decode};
use plantain_media::finish::{FinishOptions, finish};
use plantain_media::picture::{Cutout, Matte, Rect};
use plantain_media::preset::{Preset, Presets};
use rayon::prelude::*;

#[derive(Clone, Copy, Default)]
struct Steps {
    compose: Duration,
    finish: Duration,
    check: Duration,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [photo, mask, rest @ ..] = args.as_slice() else {
        return Err("usage: finish_bench PHOTO MASK [PRESET] [ROUNDS]".into());
    };
    let presets = Presets::builtin();
    let preset = presets.get(rest.first().map_or("amazon_main", String::as_str))?;
    let rounds: usize = rest.get(1).map_or(Ok(5), |n| n.parse())?;
    let cutout = cutout(&std::fs::read(photo)?, &std::fs::read(mask)?)?;
    let scenes = top_three(&SceneRules::of(preset, 1));
    for round in 0..rounds {
        let start = Instant::now();
        let done: Vec<(Steps, Report)> = scenes.par_iter().map(|scene| one(&cutout, scene, preset)).collect();
        println!("round {round}: {:.0?} for {}", start.elapsed(), preset.id);
        for ((steps, report), scene) in done.iter().zip(&scenes) {
            println!(
                "  {:26} compose {:6.0?}  finish and encode {:6.0?}  check {:6.0?}  {} kB  {}",
                scene.title,
                steps.compose,
                steps.finish,
                steps.check,
                report.bytes / 1000,
                if report.passed { "passed" } else { "FAILED" }
            );
        }
    }
    Ok(())
}

fn one(cutout: &Cutout, scene: &Scene, preset: &Preset) -> (Steps, Report) {
    let mut steps = Steps::default();
    let start = Instant::now();
    let composed = compose(cutout, scene);
    steps.compose = start.elapsed();
    let start = Instant::now();
    let finished =
        finish(&composed.picture, &composed.matte, preset, &FinishOptions::default()).expect("a product was composed");
    steps.finish = start.elapsed();
    let start = Instant::now();
    let report = check(&finished.bytes, None, preset, Some(&finished.matte));
    steps.check = start.elapsed();
    (steps, report)
}

/// Photo and mask cut to the product and a margin, as the model's cut-out is.
fn cutout(photo: &[u8], mask: &[u8]) -> Result<Cutout, Box<dyn std::error::Error>> {
    const MARGIN: u32 = 16;
    let photo = decode(photo, &Limits::default())?.picture;
    let grey = decode(mask, &Limits::default())?.picture;
    let matte = Matte::new(grey.width(), grey.height(), grey.rgb().iter().copied().step_by(3).collect());
    let product = matte.bounds(128).ok_or("the mask is empty")?;
    let (x, y) = (product.x.saturating_sub(MARGIN), product.y.saturating_sub(MARGIN));
    let origin = Rect {
        x,
        y,
        width: (product.x + product.width + MARGIN).min(photo.width()) - x,
        height: (product.y + product.height + MARGIN).min(photo.height()) - y,
    };
    Ok(Cutout {
        color: photo.crop(origin),
        matte: matte.crop(origin),
        product: Rect { x: product.x - x, y: product.y - y, ..product },
        photo: (photo.width(), photo.height()),
        origin,
        gaps: 0,
    })
}
