//! Time of decoding and cutting out a 12-megapixel photo, stage by stage:
//! `cargo run --release -p plantain-media --example cutout_bench [PHOTO]`.
//!
//! Wall time and the process's CPU time; on a busy machine the second is the one to compare.
#![allow(clippy::disallowed_methods, reason = "a measuring tool reads the clock")]

use std::path::Path;
use std::time::Instant;

use plantain_media::cutout::{self, CutoutOptions, CutoutStage, Segmenter, Stroke, StrokeKind};
use plantain_media::decode::{Limits, decode};
use plantain_media::picture::{Cutout, Picture, Rect};
use plantain_scale::ResizeOptions;

/// The size of an ordinary phone's photo. In the sample the shirt fills most of it.
const SIZE: (u32, u32) = (3000, 4000);
const ROUNDS: usize = 3;

fn main() {
    let path = std::env::args().nth(1);
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tshirt.jpg");
    let bytes = std::fs::read(path.as_deref().map_or(default.as_path(), Path::new)).expect("the photo can be read");
    let bytes = if path.is_some() { bytes } else { enlarged(&bytes) };
    println!("{:.1} MB; load average {}", bytes.len() as f64 / 1e6, proc("loadavg"));
    let mut clock = Clock::start();
    let segmenter = Segmenter::embedded().expect("the embedded weights load");
    clock.lap("load weights");
    for round in 0..ROUNDS {
        println!("round {round}");
        let mut whole = Clock::start();
        let mut clock = Clock::start();
        let photo = decode(&bytes, &Limits::default()).expect("the photo decodes").picture;
        let mut doing = "decode".to_owned();
        let options = CutoutOptions::default();
        let cutout = segmenter.cut_out_with(&photo, &options, &mut |stage: CutoutStage| {
            clock.lap(&doing);
            doing = format!("{stage:?}");
        });
        clock.lap(&doing);
        whole.lap("all");
        let cutout = cutout.expect("the photo shows a product");
        println!("  product {} x {}", cutout.product.width, cutout.product.height);
        correct(&photo, &cutout);
    }
    let status = proc("self/status");
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned();
    println!("peak memory: {peak}");
}

/// A stroke across the product's upper left edge, and the cut-out that it gives.
fn correct(photo: &Picture, cutout: &Cutout) {
    let matte = cutout::whole_matte(cutout);
    let Rect { x, y, width, height } = cutout.product;
    let path = (0..20).map(|step| (cutout.origin.x + x + step * width / 60, cutout.origin.y + y + step * height / 60));
    let stroke = Stroke { kind: StrokeKind::Erase, path: path.collect(), radius: width / 30 };
    let mut clock = Clock::start();
    let corrected = cutout::corrected(photo, &matte, &[stroke]).expect("one stroke is not too many");
    clock.lap("one stroke");
    cutout::from_alpha(photo, &corrected).expect("most of the product is left");
    clock.lap("its cut-out");
}

fn enlarged(bytes: &[u8]) -> Vec<u8> {
    let photo = decode(bytes, &Limits::default()).expect("the sample decodes").picture;
    let pixels = plantain_scale::colors(photo.rgb(), (photo.width(), photo.height()), SIZE, &ResizeOptions::new());
    let mut jpeg = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut jpeg, 92);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.encode(&pixels, SIZE.0 as u16, SIZE.1 as u16, jpeg_encoder::ColorType::Rgb).expect("memory can be written");
    jpeg
}

struct Clock {
    wall: Instant,
    cpu: f64,
}

impl Clock {
    fn start() -> Clock {
        Clock { wall: Instant::now(), cpu: cpu_ms() }
    }

    fn lap(&mut self, name: &str) {
        let (wall, cpu) = (self.wall.elapsed().as_secs_f64() * 1e3, cpu_ms() - self.cpu);
        println!("  {name:<14} {wall:>7.0} ms wall {cpu:>7.0} ms cpu");
        *self = Clock::start();
    }
}

/// User and system time of the process; the kernel counts in hundredths of a second.
fn cpu_ms() -> f64 {
    let stat = proc("self/stat");
    let fields: Vec<f64> =
        stat.rsplit(')').next().unwrap_or_default().split(' ').filter_map(|f| f.parse().ok()).collect();
    // The state letter does not parse, so user time, the 14th field of the file, stands at 10.
    fields.get(10..12).map_or(0.0, |times| times.iter().sum::<f64>() * 10.0)
}

fn proc(name: &str) -> String {
    std::fs::read_to_string(format!("/proc/{name}")).unwrap_or_default().trim().to_owned()
}
