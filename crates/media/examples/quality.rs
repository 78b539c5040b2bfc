//! How well the cut-out finds the exact masks of the sample photos:
//! `cargo run --release -p plantain-media --example quality`, with a folder as argument to look at the results.
//!
//! IoU is at half coverage; MAE is the mean error of coverage over the whole photo; BF is how well the outlines agree,
//! the F-measure of boundary pixels that find the other outline within 0.75 % of the diagonal.

use std::path::{Path, PathBuf};

use plantain_media::cutout::{CutoutOptions, Segmenter};
use plantain_media::decode::{Limits, decode};
use plantain_media::picture::{Cutout, Matte, Picture};

#[path = "../tests/it/score.rs"]
mod score;

const PHOTOS: [&str; 6] = [
    "../../examples/mug.jpg",
    "../../examples/headphones.jpg",
    "../../examples/tshirt.jpg",
    "tests/photos/pump.jpg",
    "tests/photos/basket.jpg",
    "tests/photos/glass.jpg",
];

fn main() {
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let segmenter = Segmenter::embedded().expect("the embedded weights load");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    println!("{:<12} {:>6} {:>7} {:>6}", "photo", "IoU", "MAE", "BF");
    let mut sums = [0.0; 3];
    for path in PHOTOS {
        let name = Path::new(path).file_stem().expect("a file").to_str().expect("plain name");
        let photo = decoded(&here.join(path)).0;
        let truth = truth(&here.join(format!("tests/photos/{name}.mask.png")));
        let cutout = match segmenter.cut_out(&photo, &CutoutOptions::default()) {
            Ok(cutout) => cutout,
            Err(error) => {
                println!("{name:<12} {error}");
                continue;
            }
        };
        let found = score::full_matte(&cutout);
        let figures = [score::iou(&found, &truth), score::mae(&found, &truth), score::boundary_f(&found, &truth)];
        println!("{name:<12} {:>6.3} {:>7.4} {:>6.3}", figures[0], figures[1], figures[2]);
        sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure / PHOTOS.len() as f64);
        if let Some(folder) = &folder {
            save(&cutout, &folder.join(name));
        }
    }
    println!("{:<12} {:>6.3} {:>7.4} {:>6.3}", "mean", sums[0], sums[1], sums[2]);
}

fn decoded(path: &Path) -> (Picture, Option<Matte>) {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let decoded = decode(&bytes, &Limits::default()).expect("a sample photo decodes");
    (decoded.picture, decoded.alpha)
}

fn truth(path: &Path) -> Matte {
    let picture = decoded(path).0;
    let alpha = picture.rgb().iter().step_by(3).copied().collect();
    Matte::new(picture.width(), picture.height(), alpha)
}

/// The cut-out on magenta, on white, and its matte.
fn save(cutout: &Cutout, stem: &Path) {
    let on = |ground: [u8; 3]| -> Vec<u8> {
        let pixels = cutout.color.rgb().chunks_exact(3).zip(cutout.matte.alpha());
        pixels
            .flat_map(|(pixel, alpha)| {
                let alpha = f32::from(*alpha) / 255.0;
                [0, 1, 2].map(|c| (f32::from(pixel[c]) * alpha + f32::from(ground[c]) * (1.0 - alpha)).round() as u8)
            })
            .collect()
    };
    let spread: Vec<u8> = cutout.matte.alpha().iter().flat_map(|alpha| [*alpha; 3]).collect();
    for (kind, pixels) in [("magenta", on([255, 0, 255])), ("white", on([255; 3])), ("matte", spread)] {
        let path = PathBuf::from(format!("{}.{kind}.png", stem.display()));
        let image =
            image::RgbImage::from_raw(cutout.color.width(), cutout.color.height(), pixels).expect("three bytes");
        image.save(path).expect("the folder can be written");
    }
}
