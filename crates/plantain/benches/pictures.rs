//! The picture engine alone: one photo to three finished JPEGs, in process. `cargo xtask bench pictures` runs it.
//!
//! With the program's own allocator, and as many pictures made at the same time as there are cores, as the program makes them.

use std::path::Path;
use std::time::Instant;

use plantain_media::compose::{Scene, SceneRules, compose, top_three};
use plantain_media::cutout::{CutoutError, CutoutOptions, OnnxRuntime, Segmenter};
use plantain_media::decode::{self, Limits};
use plantain_media::finish::{FinishOptions, finish};
use plantain_media::preset::Presets;
use rayon::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// From the 3 megapixels of an example to 12.
const FACTOR: u32 = 2;

fn main() {
    // Cargo itself adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["photo", out] => photo(Path::new(out)),
        ["make", photo] => make(Path::new(photo), Segmenter::embedded),
        // Opening the library counts, as loading the network does.
        ["make", photo, library] => make(Path::new(photo), || {
            OnnxRuntime::open(Path::new(library)).and_then(|runtime| Segmenter::embedded_on(&runtime))
        }),
        _ => eprintln!("usage: pictures photo OUT.jpg | pictures make PHOTO [LIBONNXRUNTIME]"),
    }
}

/// Writes a 12-megapixel photo: an example, enlarged.
fn photo(out: &Path) {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/mug.jpg");
    let bytes = std::fs::read(example).expect("the example is in the repository");
    let small = decode::decode(&bytes, &Limits::default()).expect("the example is a photo").picture;
    let large = plantain_testkit::photo::enlarged(small.rgb(), small.width(), small.height(), FACTOR);
    std::fs::write(out, large).expect("the photo can be written");
}

/// Prints the milliseconds from the file's bytes to three files' bytes, the loading of the network included, and before
/// them the most memory that the process had, in kilobytes.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
fn make(photo: &Path, load: impl FnOnce() -> Result<Segmenter, CutoutError>) {
    let bytes = std::fs::read(photo).expect("the photo can be read");
    let presets = Presets::builtin();
    let preset = presets.get("amazon_main").expect("the preset is built in");
    let started = Instant::now();
    let decoded = decode::decode(&bytes, &Limits::default()).expect("the photo can be decoded");
    let segmenter = load().expect("the network loads");
    let cutout = segmenter.cut_out(&decoded.picture, &CutoutOptions::default()).expect("the photo shows a product");
    let made = |scene: &Scene| {
        let composed = compose(&cutout, scene);
        let finished = finish(&composed.picture, &composed.matte, preset, &FinishOptions::default());
        finished.expect("the picture can be finished").bytes.len()
    };
    let scenes = top_three(&SceneRules::of(preset, 1));
    let written: usize = scenes.par_iter().map(made).sum();
    let millis = started.elapsed().as_secs_f64() * 1000.0;
    assert!(written > 100_000, "three pictures were written");
    println!("{}\n{millis}", peak_kb());
}

/// 0 on systems that do not tell.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}
