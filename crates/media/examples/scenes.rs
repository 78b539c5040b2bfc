//! Lays a cut-out on every kind of scene, writes the pictures and says what each took.
//!
//! `cargo run --release -p plantain-media --example scenes -- PHOTO.jpg MASK.png OUT_DIR [SIDE] [BACKDROP.jpg]`
//! The mask is an 8-bit grey PNG of the photo's size. With RAYON_NUM_THREADS=1 the times are CPU times.

#![allow(clippy::disallowed_methods)] // A stopwatch and a folder are what this program is.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use plantain_media::compose::{self, Backdrop, Grade, Lamp, Scene, Shadow, Sweep};
use plantain_media::decode::{Limits, decode};
use plantain_media::encode::{Chroma, EncodeOptions, Provenance, encode};
use plantain_media::picture::{Cutout, Matte, Picture, Rect};
use plantain_media::preset::Format;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [photo, mask, out, rest @ ..] = args.as_slice() else {
        return Err("usage: scenes PHOTO MASK OUT_DIR [SIDE] [BACKDROP]".into());
    };
    let side: u32 = rest.first().map_or(Ok(2000), |side| side.parse())?;
    let read = |path: &str| -> Result<Picture, Box<dyn std::error::Error>> {
        Ok(decode(&std::fs::read(path)?, &Limits::default())?.picture)
    };
    let photo = read(photo)?;
    let cutout = cutout(&photo, &read(mask)?)?;
    let backdrop = rest.get(1).map(|path| read(path)).transpose()?.map(Arc::new);

    let start = Instant::now();
    let tilt = compose::tilt(&cutout);
    println!("tilt {tilt:?} in {:.1?}", start.elapsed());
    let start = Instant::now();
    let grade = Grade::of_photo(&photo, &cutout);
    println!("normalised by {:.3?} in {:.1?}", grade.gains, start.elapsed());
    let start = Instant::now();
    let upright = compose::straightened(&cutout, tilt.unwrap_or(0.0));
    println!("straightened in {:.1?}", start.elapsed());

    let plain = Scene { canvas: (side, side), fill: 0.74, ..Scene::default() };
    let mut sheet = Vec::new();
    for (name, scene, cutout) in scenes(&plain, grade, backdrop, &cutout, &upright) {
        let start = Instant::now();
        let done = compose::compose(cutout, &scene);
        println!("{name:12} {:6.1?}", start.elapsed());
        write(&Path::new(out).join(format!("{name}.jpg")), &done.picture)?;
        sheet.push(done.picture);
    }
    write(&Path::new(out).join("sheet.png"), &tiled(&sheet, side.min(400)))?;
    Ok(())
}

/// All pictures beside and below each other, made smaller by leaving pixels out.
fn tiled(pictures: &[Picture], side: u32) -> Picture {
    const COLUMNS: u32 = 4;
    let mut sheet = Picture::filled(COLUMNS * side, (pictures.len() as u32).div_ceil(COLUMNS) * side, [128; 3]);
    let width = sheet.width();
    for (n, picture) in (0u32..).zip(pictures) {
        let (left, top) = (n % COLUMNS * side, n / COLUMNS * side);
        for y in 0..side {
            for x in 0..side {
                let at = ((top + y) * width + left + x) as usize * 3;
                let from = picture.pixel(x * picture.width() / side, y * picture.height() / side);
                sheet.rgb_mut()[at..at + 3].copy_from_slice(&from);
            }
        }
    }
    sheet
}

fn scenes<'a>(
    plain: &Scene,
    grade: Grade,
    backdrop: Option<Arc<Picture>>,
    cutout: &'a Cutout,
    upright: &'a Cutout,
) -> Vec<(&'static str, Scene, &'a Cutout)> {
    let on = |backdrop, shadow| Scene { backdrop, shadow, ..plain.clone() };
    let gradient = Backdrop::Gradient { top: [0xf4, 0xe9, 0xdd], bottom: [0xd9, 0xc3, 0xad] };
    let mut scenes = vec![
        ("white", plain.clone(), cutout),
        ("normalised", Scene { grade, ..plain.clone() }, cutout),
        ("upright", plain.clone(), upright),
        ("contact", on(Backdrop::White, Shadow::Contact), cutout),
        ("thrown", on(Backdrop::White, Shadow::Thrown), cutout),
        ("studio", on(Backdrop::Studio(Sweep { low: 222, high: 251 }), Shadow::Thrown), cutout),
        ("reflection", Scene { reflection: true, ..on(Backdrop::White, Shadow::Contact) }, cutout),
        ("color", on(Backdrop::Plain([0xf4, 0xe9, 0xdd]), Shadow::Thrown), cutout),
        ("gradient", on(gradient, Shadow::Thrown), cutout),
    ];
    if let Some(picture) = backdrop {
        let lamp = Lamp::of(&picture);
        let grade = grade.toward(&picture, cutout);
        println!("lamp {:.2}, matched by {:.3?}", lamp.across, grade.gains);
        scenes.push(("backdrop", Scene { lamp, grade, ..on(Backdrop::Picture(picture), Shadow::Thrown) }, cutout));
    }
    scenes
}

fn cutout(photo: &Picture, mask: &Picture) -> Result<Cutout, Box<dyn std::error::Error>> {
    let (width, height) = (photo.width(), photo.height());
    let matte = Matte::new(width, height, mask.rgb().iter().copied().step_by(3).collect());
    let product = matte.bounds(128).ok_or("the mask holds no product")?;
    let origin = Rect { x: 0, y: 0, width, height };
    Ok(Cutout { color: photo.clone(), matte, origin, photo: (width, height), product, gaps: 0 })
}

fn write(path: &Path, picture: &Picture) -> Result<(), Box<dyn std::error::Error>> {
    let png = path.extension().is_some_and(|extension| extension == "png");
    let options = EncodeOptions {
        format: if png { Format::Png } else { Format::Jpeg },
        max_bytes: 1 << 24,
        min_bytes: None,
        min_jpeg_quality: None,
        chroma: Chroma::Full,
        min_dpi: None,
        provenance: Provenance::Photographed,
    };
    std::fs::write(path, encode(picture, &options)?.bytes)?;
    Ok(())
}
