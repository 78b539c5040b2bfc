use plantain_media::compose::{self, SceneRules};
use plantain_media::picture::*;
use plantain_media::preset::Presets;
fn jpeg(path: &str) -> Picture {
    let b = std::fs::read(path).unwrap();
    let mut d = zune_jpeg::JpegDecoder::new(std::io::Cursor::new(b));
    let px = d.decode().unwrap();
    let i = d.info().unwrap();
    Picture::new(i.width as u32, i.height as u32, px)
}
fn mask(path: &str) -> Matte {
    let d = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(path).unwrap()));
    let mut r = d.read_info().unwrap();
    let mut b = vec![0; r.output_buffer_size().unwrap()];
    let i = r.next_frame(&mut b).unwrap();
    b.truncate(i.buffer_size());
    Matte::new(i.width, i.height, b)
}
fn save(path: &str, p: &Picture) {
    use fast_image_resize as f;
    let from = f::images::ImageRef::new(p.width(), p.height(), p.rgb(), f::PixelType::U8x3).unwrap();
    let s = 900.0 / p.width().max(p.height()) as f64;
    let (w, h) = ((p.width() as f64 * s) as u32, (p.height() as f64 * s) as u32);
    let mut to = f::images::Image::new(w, h, f::PixelType::U8x3);
    f::Resizer::new().resize(&from, &mut to, None).unwrap();
    let mut e = png::Encoder::new(std::fs::File::create(path).unwrap(), w, h);
    e.set_color(png::ColorType::Rgb);
    e.write_header().unwrap().write_image_data(to.buffer()).unwrap();
}
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let presets = Presets::builtin();
    let ids: Vec<String> = if args[1] == "all" {
        presets.ids().map(String::from).collect()
    } else {
        args[1].split(',').map(String::from).collect()
    };
    for n in &args[2..] {
        let dir = "/work/shared/photos";
        let picture = jpeg(&format!("{dir}/{n}.jpg"));
        let matte = mask(&format!("{dir}/{n}.mask.png"));
        let product = matte.bounds(128).unwrap();
        let (w, h) = (picture.width(), picture.height());
        let c = Cutout {
            color: picture,
            matte,
            origin: Rect { x: 0, y: 0, width: w, height: h },
            photo: (w, h),
            product,
            touches_frame: false,
        };
        for id in &ids {
            let preset = presets.get(id).unwrap();
            for (i, s) in compose::top_three(&SceneRules::of(preset, 7)).iter().enumerate() {
                let r = compose::compose(&c, s);
                match plantain_media::finish::finish(&r.picture, &r.matte, preset, &Default::default()) {
                    Err(e) => println!("{n} {id} {i} ERROR {e}"),
                    Ok(f) => {
                        let name = preset.file_name(Some("B0ABCDEF12"), i + 1, n).name;
                        let rep = plantain_media::check::check(&f.bytes, Some(&name), preset, Some(&f.matte));
                        println!(
                            "{n} {id} {i} {} kB q{:?} {:?} {} same pixels {}",
                            f.bytes.len() / 1000,
                            f.quality,
                            f.actions,
                            if rep.passed { "pass" } else { "FAIL" },
                            0
                        );
                        for x in &rep.results {
                            if matches!(
                                x.outcome,
                                plantain_media::check::Outcome::Fail | plantain_media::check::Outcome::Warn
                            ) || std::env::var("V").is_ok()
                            {
                                println!(
                                    "    {:?} {} required {} | measured {} | {}",
                                    x.outcome, x.rule, x.required, x.measured, x.source
                                )
                            }
                        }
                        if ids.len() < 4 {
                            save(
                                &format!("/work/scratch-finish/{n}_{}_{i}.png", preset.id),
                                &plantain_media::decode::decode(&f.bytes, &Default::default()).unwrap().picture,
                            );
                        }
                    }
                }
            }
        }
    }
}
