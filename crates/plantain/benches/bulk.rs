//! What a batch costs beside the engine's own work: CPU time of the whole process for each photo of a ZIP, from the upload to the
//! last byte of the results, less what the engine's steps take by themselves. The model is simulated and answers at once.
//! `cargo xtask bench bulk`.

use std::io::{Cursor, Write as _};
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use plantain::client::{BulkWish, StudioClient};
use plantain::config::{Config, Typed};
use plantain::system::{Place, Role, System};
use plantain_media::cutout::CutoutError;
use plantain_media::decode::Limits;
use plantain_media::encode::Provenance;
use plantain_media::preset::Presets;
use plantain_studio::finishing::{self, Material, NotCompared, SegmenterSource};
use plantain_studio::photo;
use plantain_wire::models::choice::ObjectChoice;
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

/// How much of its cores a batch is to use at least, in percent.
const LIMIT_BUSY: f64 = 90.0;

fn main() {
    let folder = std::env::args().nth(1).filter(|word| word != "--bench").expect("usage: bulk FOLDER");
    let folder = Path::new(&folder);
    let presets = presets(folder);
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let steps = alone.install(|| engine(&presets));
    let spent = tokio::runtime::Runtime::new().expect("a runtime").block_on(batches(folder));
    let whole = a_photo(spent.cpu);
    let own: f64 = steps.iter().map(|(_, ms)| ms).sum();
    println!("a batch of {PHOTOS} photos of {SIDE} px, CPU time a photo");
    for (name, ms) in steps {
        println!("  {name:<28} {ms:6.2} ms");
    }
    println!("  {:<28} {own:6.2} ms", "the engine's own, by itself");
    println!("  {:<28} {whole:6.2} ms", "all of it");
    println!("  {:<28} {:6.2} ms   limit {LIMIT_MS} ms", "the batch and its jobs", whole - own);
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let busy = 100.0 * spent.cpu.as_secs_f64() / spent.wall.as_secs_f64() / cores as f64;
    println!("  {:<28} {busy:6.0} %    limit {LIMIT_BUSY} %", "how busy its cores were");
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

/// CPU time of what the studio asks of the engine for each photo, step by step as it does: by itself and on one thread, so that
/// what parallel work and its waiting cost is not taken for the engine's.
fn engine(presets: &Presets) -> [(&'static str, f64); 4] {
    let photos: Vec<Vec<u8>> = (0..PHOTOS).map(disc).collect();
    let preset = presets.get(PRESET).expect("it was written");
    let segmenter: SegmenterSource = Arc::new(|| Err(CutoutError::NoProduct));
    let found = |photo: &[u8]| finishing::original(photo, &ObjectChoice::default(), &Limits::default(), &segmenter);
    let mut material = Material {
        picture: disc(0).into(),
        mask: Some(png(&mask(), png::ColorType::Grayscale).into()),
        product: None,
        products: None,
        preset: preset.clone(),
        file_name: preset.file_name(None, 1, "disc"),
        limits: Limits::default(),
        provenance: Provenance::Generated,
        segmenter: segmenter.clone(),
        original: Err(NotCompared::NoPhoto),
    };
    let looking = each(&photos, |photo| drop(photo::admit(photo, &Limits::default()).expect("it is a picture")));
    let finding = each(&photos, |photo| drop(found(photo).expect("it is cut out")));
    let finishing = each(&photos, |_| drop(finishing::finish(&material).expect("it shows a product")));
    let originals: Vec<_> = photos.iter().map(|photo| found(photo).map(Arc::new)).collect();
    let compared = each(&originals, |original| {
        material.original = original.clone();
        drop(finishing::finish(&material).expect("it shows a product"));
    });
    [
        ("looking at the photo", looking),
        ("finding its product", finding),
        ("finishing and checking", finishing),
        ("comparing with the photo", compared - finishing),
    ]
}

/// Milliseconds of CPU time that the work takes for one of them.
fn each<T>(all: &[T], mut work: impl FnMut(&T)) -> f64 {
    all.iter().take(WARM_UP).for_each(&mut work);
    let before = cpu();
    all.iter().for_each(&mut work);
    a_photo(cpu() - before)
}

fn a_photo(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0 / PHOTOS as f64
}

/// From the upload of a batch to the last byte of its results.
struct Spent {
    cpu: Duration,
    wall: Duration,
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
fn now() -> Instant {
    Instant::now()
}

async fn batches(folder: &Path) -> Spent {
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
    batch(&studio, WARM_UP, archive(WARM_UP)).await;
    let sent = archive(PHOTOS);
    let (before, started) = (cpu(), now());
    batch(&studio, PHOTOS, sent).await;
    let spent = Spent { cpu: cpu() - before, wall: started.elapsed() };
    system.stop_at_once().await;
    spent
}

/// From the upload to the last byte of the results.
async fn batch(studio: &StudioClient, photos: usize, archive: Bytes) {
    let wish = BulkWish { file_name: "shop.zip".into(), preset: PRESET.into(), num_images: 1, ..BulkWish::default() };
    let archive = || stream::iter([Ok(archive.clone())]);
    let begun = studio.begin_batch(&wish, archive).await.expect("the studio accepts");
    let id = begun.batch_id.to_string();
    let ended = studio.follow_batch(&id, |_| {}).await.expect("the stream holds");
    assert_eq!(ended.counts.succeeded, photos as u64, "{:?}", ended.counts);
    let mut answer = studio.batch_zip(&id).await.expect("an archive");
    while answer.chunk().await.expect("all of it").is_some() {}
}

fn archive(photos: usize) -> Bytes {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..photos {
        zip.start_file(format!("{number}.png"), SimpleFileOptions::default()).expect("a name");
        zip.write_all(&disc(number)).expect("memory");
    }
    zip.finish().expect("memory").into_inner().into()
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
