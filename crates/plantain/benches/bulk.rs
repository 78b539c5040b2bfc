//! What a batch costs beside the engine's own work: CPU time of the whole process for each photo of a ZIP, from the upload to the
//! report, less that of finishing and checking its picture. The model is simulated and answers at once. `cargo xtask bench bulk`.

use std::io::{Cursor, Write as _};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use plantain::client::{BulkWish, StudioClient};
use plantain::config::{Config, Typed};
use plantain::system::{Place, Role, System};
use plantain_media::check::check;
use plantain_media::decode::{Limits, decode};
use plantain_media::finish::{FinishOptions, finish};
use plantain_media::picture::Matte;
use plantain_media::preset::Presets;
use plantain_work::Clock;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PHOTOS: usize = 1_000;

/// Not counted: connections are made, statements prepared.
const WARM_UP: usize = 50;

const SIDE: u32 = 120;

/// Whose rules are met.
const PRESET: &str = "small";

/// What a photo may cost beside the engine's own work.
const LIMIT_MS: f64 = 5.0;

fn main() {
    let folder = std::env::args().nth(1).filter(|word| word != "--bench").expect("usage: bulk FOLDER");
    let folder = Path::new(&folder);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let presets = presets(folder);
    let engine = engine(&presets);
    let whole = runtime.block_on(batches(folder));
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!("a batch of {PHOTOS} photos of {SIDE} px, CPU time a photo");
    println!("  all of it                  {:6.2} ms", ms(whole));
    println!("  finishing and checking     {:6.2} ms", ms(engine));
    println!("  the batch and its jobs     {:6.2} ms   limit {LIMIT_MS} ms", ms(whole.saturating_sub(engine)));
}

/// The built-in rules of a shop, for a small picture.
fn presets(folder: &Path) -> Presets {
    let builtin = Presets::builtin();
    let mut preset = serde_json::to_value(builtin.get("shopify").expect("it is built in")).expect("it is data");
    preset["id"] = PRESET.into();
    preset["canvas"] = serde_json::json!([160, 160]);
    preset["min_long_side"] = 100.into();
    preset["min_short_side"] = 100.into();
    let text = serde_json::json!({ "presets": [preset] }).to_string();
    std::fs::write(folder.join("small.json"), &text).expect("a folder to write to");
    Presets::with_user_file(&text).expect("the rules are sound")
}

/// CPU time of what is the picture's own: the model's answer decoded, finished, encoded and checked.
fn engine(presets: &Presets) -> Duration {
    let preset = presets.get(PRESET).expect("it was written");
    let picture = disc(0);
    let one = || {
        let picture = decode(&picture, &Limits::default()).expect("it is a picture").picture;
        let matte = Matte::new(SIDE, SIDE, mask());
        let finished = finish(&picture, &matte, preset, &FinishOptions::default()).expect("it shows a product");
        check(&finished.bytes, None, preset, Some(&finished.matte))
    };
    (0..WARM_UP).for_each(|_| drop(one()));
    let before = cpu();
    (0..PHOTOS).for_each(|_| drop(one()));
    (cpu() - before) / PHOTOS as u32
}

async fn batches(folder: &Path) -> Duration {
    let uri = |bytes: Vec<u8>| format!("data:image/png;base64,{}", STANDARD.encode(bytes));
    let (picture, mask) = (uri(disc(0)), uri(png(&mask(), png::ColorType::Grayscale)));
    let file = format!(
        "[endpoints.\"fal-ai/nano-banana/edit\"]\nrunner = \"simulated\"\nduration = \"1ms\"\n\
         output = {{ images = [{{ url = \"{picture}\", mask = \"{mask}\" }}] }}\n"
    );
    let settings = folder.join("plantain.toml");
    std::fs::write(&settings, file).expect("a folder to write to");
    let set = vec![format!("PLANTAIN_PRESETS={}", folder.join("small.json").display())];
    let (config, _) = Config::load(&Typed { set, flags: Vec::new(), file: Some(settings) }).expect("sound settings");
    let system = System::start(&config, Role::All, Place::Temporary, Clock::system()).await.expect("a system starts");
    let url = system.studio_url().expect("the studio has an address").clone();
    let studio = StudioClient::new(url, None, Clock::system()).expect("a client");
    batch(&studio, WARM_UP).await;
    let before = cpu();
    batch(&studio, PHOTOS).await;
    let spent = cpu() - before;
    system.stop_at_once().await;
    spent / PHOTOS as u32
}

/// From the upload to the last byte of the results.
async fn batch(studio: &StudioClient, photos: usize) {
    let wish =
        BulkWish { file_name: "shop.zip".into(), preset: PRESET.into(), prompt: None, num_images: 1, list: None };
    let archive = stream::iter([Ok(Bytes::from(archive(photos)))]);
    let begun = studio.begin_batch(&wish, archive).await.expect("the studio accepts");
    let id = begun.batch_id.to_string();
    let ended = studio.follow_batch(&id, |_| {}).await.expect("the stream holds");
    assert_eq!(ended.counts.succeeded, photos as u64, "{:?}", ended.counts);
    let mut answer = studio.batch_zip(&id).await.expect("an archive");
    while answer.chunk().await.expect("all of it").is_some() {}
}

fn archive(photos: usize) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..photos {
        zip.start_file(format!("{number}.png"), SimpleFileOptions::default()).expect("a name");
        zip.write_all(&disc(number)).expect("memory");
    }
    zip.finish().expect("memory").into_inner()
}

/// White where the disc is.
fn mask() -> Vec<u8> {
    let inside = |at: u32| (at % SIDE).abs_diff(SIDE / 2).pow(2) + (at / SIDE).abs_diff(SIDE / 2).pow(2) < 50 * 50;
    (0..SIDE * SIDE).map(|at| if inside(at) { 255 } else { 0 }).collect()
}

/// Each number has a colour of its own.
fn disc(number: usize) -> Vec<u8> {
    let color = [60 + (number % 100) as u8, 60 + (number / 100 % 100) as u8, 120];
    let pixels: Vec<u8> = mask().into_iter().flat_map(|alpha| [color[0], color[1], color[2], alpha]).collect();
    png(&pixels, png::ColorType::Rgba)
}

fn png(pixels: &[u8], color: png::ColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, SIDE, SIDE);
    encoder.set_color(color);
    encoder.write_header().expect("a size").write_image_data(pixels).expect("as many pixels");
    bytes
}

/// User and system time of this process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit(')').next().expect("a name in brackets");
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("ticks")).sum();
    Duration::from_millis(ticks * 10)
}
