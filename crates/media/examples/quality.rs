//! How well the cut-out finds exact masks: `cargo run --release -p plantain-media --example quality`, with a folder as
//! argument to look at the results. For mattes of somebody else, `--set FOLDER` writes the photos that show one product, and
//! `--mattes FOLDER` judges each `NAME.matte.png` that was put beside them (`cargo xtask bench quality` does so with rembg).
//!
//! First the sample photos, on which the parameters were tuned; then composites by seed, on which nothing was: the same
//! products on other grounds, and two products side by side, where which one is meant is known by a box, by a point or not
//! at all.
//!
//! IoU is at half coverage; MAE is the mean error of coverage over the whole photo; BF is how well the outlines agree,
//! the F-measure of boundary pixels that find the other outline within 0.75 % of the diagonal.

use std::path::{Path, PathBuf};

use plantain_media::cutout::{Choice, CutoutOptions, Segmenter};
use plantain_media::decode::{Limits, decode};
use plantain_media::picture::{Cutout, Matte, Picture};

#[expect(dead_code, reason = "one of its pictures serves a test alone")]
#[path = "../tests/it/composite.rs"]
mod composite;
#[path = "../tests/it/score.rs"]
mod score;

use composite::{Composite, Piece};

const PHOTOS: [&str; 6] = [
    "../../examples/mug.jpg",
    "../../examples/headphones.jpg",
    "../../examples/tshirt.jpg",
    "tests/photos/pump.jpg",
    "tests/photos/basket.jpg",
    "tests/photos/glass.jpg",
];

/// A product among others of its kind, of which the network is unsure.
const AMONG_OTHERS: &str = "tests/photos/plant.jpg";

/// Figures of one set, summed and with its worst.
struct Table {
    title: &'static str,
    sums: [f64; 3],
    worst: f64,
    rows: usize,
    bad: usize,
}

const ALONE: &str = "composites, one product";

/// An IoU below this is a wrong object rather than a rough edge.
const BAD: f64 = 0.7;

impl Table {
    fn new(title: &'static str) -> Table {
        println!("\n{title}\n{:<28} {:>6} {:>7} {:>6}", "", "IoU", "MAE", "BF");
        Table { title, sums: [0.0; 3], worst: 1.0, rows: 0, bad: 0 }
    }

    fn row(&mut self, name: &str, found: &Matte, truth: &Matte) {
        let figures = [score::iou(found, truth), score::mae(found, truth), score::boundary_f(found, truth)];
        println!("{name:<28} {:>6.3} {:>7.4} {:>6.3}", figures[0], figures[1], figures[2]);
        self.sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
        self.worst = self.worst.min(figures[0]);
        self.bad += usize::from(figures[0] < BAD);
        self.rows += 1;
    }

    fn end(self) {
        let [iou, mae, outline] = self.sums.map(|sum| sum / self.rows.max(1) as f64);
        println!("{:<28} {iou:>6.3} {mae:>7.4} {outline:>6.3}", format!("mean of {}", self.rows));
        println!("{}: worst IoU {:.3}, below {BAD}: {}", self.title, self.worst, self.bad);
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => judge(None),
        ["--set", folder] => write_set(Path::new(folder)),
        ["--mattes", folder] => judge_mattes(Path::new(folder)),
        [folder] => judge(Some(Path::new(folder))),
        _ => eprintln!("usage: quality [FOLDER | --set FOLDER | --mattes FOLDER]"),
    }
}

fn judge(folder: Option<&Path>) {
    let segmenter = Segmenter::embedded().expect("the embedded weights load");
    let pieces = photos(&segmenter, folder);
    among_others(&segmenter);
    alone(&segmenter, &pieces);
    side_by_side(&segmenter, &pieces);
}

/// Its name, and what is product in it.
type Judged = (String, Picture, Matte);

/// The sample photos and the composites of one product, by table.
fn set() -> [(&'static str, Vec<Judged>); 2] {
    let samples: Vec<_> = PHOTOS.map(sample).into();
    let pieces = samples.iter().map(|(name, photo, truth)| (name.clone(), Piece::of(photo, truth))).collect::<Vec<_>>();
    let made = composites(&pieces).map(|(name, made)| (name, made.picture, made.truth)).collect();
    [("sample photos", samples), (ALONE, made)]
}

fn sample(path: &str) -> Judged {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let name = Path::new(path).file_stem().expect("a file").to_str().expect("plain name");
    (name.to_owned(), decoded(&here.join(path)).0, truth(&here.join(format!("tests/photos/{name}.mask.png"))))
}

fn write_set(folder: &Path) {
    for (name, photo, _) in set().into_iter().flat_map(|(_, photos)| photos) {
        write(&folder.join(format!("{name}.png")), (photo.width(), photo.height()), photo.rgb().to_vec());
    }
}

fn judge_mattes(folder: &Path) {
    for (title, photos) in set() {
        let mut table = Table::new(title);
        for (name, _, exact) in &photos {
            table.row(name, &truth(&folder.join(format!("{name}.matte.png"))), exact);
        }
        table.end();
    }
}

fn photos(segmenter: &Segmenter, folder: Option<&Path>) -> Vec<(String, Piece)> {
    let mut table = Table::new("sample photos");
    let mut pieces = Vec::new();
    for (name, photo, truth) in PHOTOS.map(sample) {
        match segmenter.cut_out(&photo, &CutoutOptions::default()) {
            Ok(cutout) => {
                table.row(&name, &score::full_matte(&cutout), &truth);
                if let Some(folder) = folder {
                    save(&cutout, &folder.join(&name));
                }
            }
            Err(error) => println!("{name:<28} {error}"),
        }
        pieces.push((name, Piece::of(&photo, &truth)));
    }
    table.end();
    pieces
}

fn matte(segmenter: &Segmenter, composite: &Composite, choice: Choice) -> Matte {
    let options = CutoutOptions { choice, ..CutoutOptions::default() };
    let empty = || {
        let (width, height) = (composite.picture.width(), composite.picture.height());
        Matte::new(width, height, vec![0; width as usize * height as usize])
    };
    segmenter.cut_out(&composite.picture, &options).map_or_else(|_| empty(), |cutout| score::full_matte(&cutout))
}

fn among_others(segmenter: &Segmenter) {
    let (name, photo, truth) = sample(AMONG_OTHERS);
    let mut table = Table::new("among others of its kind");
    match segmenter.cut_out(&photo, &CutoutOptions::default()) {
        Ok(cutout) => table.row(&name, &score::full_matte(&cutout), &truth),
        Err(error) => println!("{name:<28} {error}"),
    }
    table.end();
}

/// Each product but the glass, which is glass only on its own ground, on three grounds.
fn alone(segmenter: &Segmenter, pieces: &[(String, Piece)]) {
    let mut table = Table::new(ALONE);
    for (name, made) in composites(pieces) {
        table.row(&name, &matte(segmenter, &made, Choice::default()), &made.truth);
    }
    table.end();
}

fn composites(pieces: &[(String, Piece)]) -> impl Iterator<Item = (String, Composite)> {
    let pieces = pieces.iter().filter(|(name, _)| name != "glass");
    pieces.flat_map(|(name, piece)| {
        let made = |seed: u64| composite::composite(seed * 31 + name.len() as u64, piece, None);
        (0..3).map(move |seed| (format!("{name} {seed}"), made(seed)))
    })
}

fn side_by_side(segmenter: &Segmenter, pieces: &[(String, Piece)]) {
    let pairs: Vec<_> = (0..10u64)
        .map(|seed| (seed, &pieces[seed as usize % 5], &pieces[(seed as usize * 2 + 1) % 5]))
        .filter(|(_, meant, beside)| meant.0 != beside.0)
        .collect();
    for (title, choice) in [
        ("two products, nothing said", (|_| Choice::default()) as fn(&Composite) -> Choice),
        ("two products, a box", |made| Choice { area: Some(made.product), ..Choice::default() }),
        ("two products, a point", |made| Choice { include: vec![on(made)], ..Choice::default() }),
    ] {
        let mut table = Table::new(title);
        for (seed, (meant, piece), (beside, other)) in &pairs {
            let made = composite::composite(1000 + seed, piece, Some(other));
            table.row(&format!("{meant} beside {beside} {seed}"), &matte(segmenter, &made, choice(&made)), &made.truth);
        }
        table.end();
    }
}

/// The solid pixel of the product nearest to its middle.
fn on(made: &Composite) -> (u32, u32) {
    let area = made.product;
    let middle = (area.x + area.width / 2, area.y + area.height / 2);
    let places = (area.y..area.y + area.height).flat_map(|y| (area.x..area.x + area.width).map(move |x| (x, y)));
    places
        .filter(|(x, y)| made.truth.at(*x, *y) == 255)
        .min_by_key(|(x, y)| x.abs_diff(middle.0).pow(2) + y.abs_diff(middle.1).pow(2))
        .unwrap_or(middle)
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
        write(&path, (cutout.color.width(), cutout.color.height()), pixels);
    }
}

fn write(path: &Path, (width, height): (u32, u32), pixels: Vec<u8>) {
    let image = image::RgbImage::from_raw(width, height, pixels).expect("three bytes");
    image.save(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
