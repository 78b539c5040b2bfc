//! Many photos at once: through kill -9 and restart, each exactly once; and by the command, with and without a server.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plantain_work::Clock;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::bed::{self, Part, Said, Server, run};

/// As many as a seller has on a Monday.
const PHOTOS: usize = 500;

const SIDE: u32 = 120;

/// A disc that was cut out already, so that the network has nothing to find; each number has a colour of its own.
pub fn cut_out(number: usize) -> Vec<u8> {
    png(&cut_out_pixels(number), png::ColorType::Rgba)
}

fn cut_out_pixels(number: usize) -> Vec<u8> {
    let shade = |part: usize| u8::try_from(60 + part % 100).unwrap();
    let color = [shade(number), shade(number / 100), 120];
    let pixel = |at: u32| {
        let distance = (at % SIDE).abs_diff(SIDE / 2).pow(2) + (at / SIDE).abs_diff(SIDE / 2).pow(2);
        [color[0], color[1], color[2], if distance < 50 * 50 { 255 } else { 0 }]
    };
    (0..SIDE * SIDE).flat_map(pixel).collect()
}

fn png(pixels: &[u8], color: png::ColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, SIDE, SIDE);
    encoder.set_color(color);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    bytes
}

fn name(number: usize) -> String {
    format!("shop/{number:03}.png")
}

/// So many photos, and one file that is none.
fn archive(photos: usize) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..photos {
        zip.start_file(name(number), SimpleFileOptions::default()).unwrap();
        zip.write_all(&cut_out(number)).unwrap();
    }
    zip.start_file("notes.txt", SimpleFileOptions::default()).unwrap();
    zip.write_all(b"hello").unwrap();
    zip.finish().unwrap().into_inner()
}

/// Rules of a marketplace that shows small pictures, so that finishing them takes next to nothing.
pub fn small_preset(folder: &Path) -> String {
    let shown = run(folder, &["presets", "shopify", "--json"]);
    let mut file = shown.json();
    let preset = &mut file["presets"][0];
    for (key, value) in [
        ("id", json!("small")),
        ("canvas", json!([160, 160])),
        ("min_long_side", json!(100)),
        ("min_short_side", json!(100)),
    ] {
        preset[key] = value;
    }
    fs::write(folder.join("small.json"), file.to_string()).unwrap();
    "PLANTAIN_PRESETS=small.json".to_owned()
}

/// A model that takes its time and does nothing, with the same disc and its mask for every photo, so that the system around it is
/// what is tried.
pub fn simulated(folder: &Path, duration: &str) {
    let mask: Vec<u8> = cut_out_pixels(0).iter().skip(3).step_by(4).copied().collect();
    let uri = |bytes: Vec<u8>| format!("data:image/png;base64,{}", STANDARD.encode(bytes));
    let (picture, mask) = (uri(cut_out(0)), uri(png(&mask, png::ColorType::Grayscale)));
    let file = format!(
        "[endpoints.\"fal-ai/nano-banana/edit\"]\nrunner = \"simulated\"\nduration = \"{duration}\"\n\
         output = {{ images = [{{ url = \"{picture}\", mask = \"{mask}\" }}] }}\n"
    );
    fs::write(folder.join("plantain.toml"), file).unwrap();
}

async fn batch(http: &reqwest::Client, server: &Server, query: &str) -> Value {
    let url = server.studio.join(query).unwrap();
    bed::answer(http.get(url).send().await.expect("the studio answers")).await.1
}

/// Waits until so many photos have their pictures.
async fn until_made(server: &Server, id: &str, made: u64) {
    let http = bed::http();
    bed::until("more pictures", async || {
        Clock::system().sleep(Duration::from_millis(100)).await;
        batch(&http, server, &format!("/api/batches/{id}?limit=1")).await["counts"]["succeeded"].as_u64() >= Some(made)
    })
    .await;
}

/// Every field of a line; none of these names has a comma or a quote.
fn lines(report: &str) -> Vec<Vec<String>> {
    let fields = |line: &str| line.split(',').map(str::to_owned).collect();
    report.trim_start_matches('\u{feff}').lines().skip(1).map(fields).collect()
}

#[tokio::test]
async fn five_hundred_photos_come_through_kill_and_restart_each_exactly_once() {
    let folder = tempfile::tempdir().unwrap();
    let preset = small_preset(folder.path());
    simulated(folder.path(), "1ms");
    let mut server = Server::start(folder.path(), &[&preset, "WEBHOOK_SCHEDULE=200ms,1s,2s,4s,8s"]);
    let zip = archive(PHOTOS);
    let parts = [Part::Text("preset", "small"), Part::Text("num_images", "1"), Part::File("zip", "shop.zip", &zip)];
    let sent = bed::http()
        .post(server.studio.join("/api/batches").unwrap())
        .header("content-type", bed::form_type())
        .body(bed::form(&parts));
    let (status, begun) = bed::answer(sent.send().await.unwrap()).await;
    assert_eq!(status, 202, "{begun}");
    let id = begun["batchId"].as_str().unwrap().to_owned();
    for part in [0, PHOTOS / 4, PHOTOS / 2, PHOTOS * 3 / 4] {
        until_made(&server, &id, part as u64).await;
        server.kill();
        server.restart();
    }
    until_made(&server, &id, PHOTOS as u64).await;
    let http = bed::http();
    bed::until("the end", async || {
        batch(&http, &server, &format!("/api/batches/{id}?limit=1")).await["status"] == "DONE"
    })
    .await;

    let shown = batch(&http, &server, &format!("/api/batches/{id}?limit=500")).await;
    assert_eq!((&shown["counts"]["skipped"], &shown["total"]), (&json!(1), &json!(PHOTOS + 1)), "{}", shown["counts"]);
    let jobs: BTreeSet<&str> =
        shown["items"].as_array().unwrap().iter().filter_map(|item| item["jobId"].as_str()).collect();
    assert_eq!(jobs.len(), PHOTOS, "one job a photo");
    let usage = batch(&http, &server, "/api/usage").await;
    assert_eq!(usage["jobs"], json!(PHOTOS), "and no job beside them");

    let answer = http.get(server.studio.join(&format!("/api/batches/{id}/zip")).unwrap()).send().await.unwrap();
    let mut zip = ZipArchive::new(Cursor::new(answer.bytes().await.unwrap())).unwrap();
    let mut report = String::new();
    zip.by_name("report.csv").unwrap().read_to_string(&mut report).unwrap();
    let pictures: BTreeSet<String> =
        zip.file_names().map(|name| name.unwrap().into_owned()).filter(|name| name != "report.csv").collect();
    assert_eq!((pictures.len(), zip.len()), (PHOTOS, PHOTOS + 1), "each picture under a name of its own");
    let lines = lines(&report);
    assert_eq!(lines.len(), PHOTOS + 1);
    for (number, line) in lines.iter().take(PHOTOS).enumerate() {
        assert_eq!((&line[0], line[3].as_str()), (&name(number), "succeeded"), "{line:?}");
        assert!(pictures.contains(&line[4]), "{line:?}");
    }
    assert_eq!((lines[PHOTOS][0].as_str(), lines[PHOTOS][3].as_str()), ("notes.txt", "skipped"));
}

/// A folder with photos, one of them twice, and a note.
fn shop(folder: &Path, photos: usize) -> PathBuf {
    let shop = folder.join("shop");
    fs::create_dir_all(&shop).unwrap();
    for number in 0..photos {
        fs::write(shop.join(format!("{number}.png")), cut_out(number)).unwrap();
    }
    shop
}

#[test]
fn a_folder_and_a_list_become_pictures_under_their_numbers_and_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let preset = small_preset(folder.path());
    simulated(folder.path(), "1ms");
    shop(folder.path(), 3);
    fs::write(folder.path().join("skus.csv"), "file,sku\n0.png,S0\n1.png,S1\n2.png,S2\n").unwrap();
    let said =
        run(folder.path(), &["bulk", "shop", "--csv", "skus.csv", "--preset", "small", "--json", "--set", &preset]);
    let told = said.json();
    assert_eq!((&told[0]["batch"]["counts"]["succeeded"], &told[0]["notMade"]), (&json!(3), &json!([])), "{said:?}");
    assert_eq!(said.code, i32::from(told[0]["missed"] != 0), "{said:?}");
    let report = fs::read_to_string(folder.path().join("plantain-out/report.csv")).unwrap();
    for line in lines(&report) {
        assert!(line[1].starts_with('S'), "{line:?}");
        assert!(fs::read(folder.path().join("plantain-out").join(&line[4])).unwrap().len() > 100, "{line:?}");
    }
    assert!(!folder.path().join("plantain-data").exists(), "its own system leaves no data behind");
}

#[test]
fn what_gave_no_pictures_is_named_and_costs_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let preset = small_preset(folder.path());
    simulated(folder.path(), "1ms");
    fs::write(folder.path().join("a.zip"), archive(1)).unwrap();
    let said = run(folder.path(), &["bulk", "a.zip", "--preset", "small", "--out", "all.zip", "--set", &preset]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stdout.contains("1 of 2 photos") && said.stderr.contains("notes.txt: skipped"), "{said:?}");
    let zip = ZipArchive::new(Cursor::new(fs::read(folder.path().join("all.zip")).unwrap())).unwrap();
    assert_eq!(zip.len(), 2);
    let more = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(more, 4, "the preset, the settings, the archive, the pictures, and nothing beside them");
}

#[test]
fn what_can_not_be_asked_for_is_a_fault_of_usage() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.zip", "b.zip", "l.csv"] {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    for (arguments, code, words) in [
        (&["bulk"][..], 2, "ZIP|FOLDER"),
        (&["bulk", "--batch", "019a5d6e-8f00-7cc3-98c4-dc0c0c07398f"], 2, "--server"),
        (&["bulk", "--batch", "x", "--server", "http://127.0.0.1:1"], 2, "write an id such as"),
        (&["bulk", "a.zip", "b.zip", "--csv", "l.csv"], 2, "--csv"),
        (&["bulk", "a.zip", "b.zip", "--out", "c.zip"], 2, "--out"),
        (&["bulk", "a.zip", "--top", "9"], 2, "--top"),
        (&["bulk", "none.zip"], 1, "none.zip"),
        (&["bulk", "a.zip", "--preset", "amazn_main"], 1, "amazon_main"),
        (&["bulk", "a.zip", "--server", "http://127.0.0.1:1"], 1, "no studio answers"),
    ] {
        let said = run(folder.path(), arguments);
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        assert!(said.stderr.contains(words), "{arguments:?}: {said:?}");
    }
}

#[tokio::test]
async fn a_single_photo_passes_those_of_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    let preset = small_preset(folder.path());
    simulated(folder.path(), "10m");
    let server = Server::start(folder.path(), &[&preset, "QUEUE_CONCURRENCY=1"]);
    let http = bed::http();
    let parts = [Part::Text("preset", "small"), Part::File("zip", "shop.zip", &archive(8))];
    let form = http.post(server.studio.join("/api/batches").unwrap()).header("content-type", bed::form_type());
    bed::answer(form.body(bed::form(&parts)).send().await.unwrap()).await;
    let queued = async || {
        let page = batch(&http, &server, "/api/jobs").await;
        page["jobs"].as_array().unwrap().iter().filter(|job| job["status"] == "QUEUED").count()
    };
    bed::until("seven that wait behind the one that runs", async || queued().await == 7).await;
    let parts = [Part::Text("preset", "small"), Part::File("image", "jar.png", &cut_out(9))];
    let (_, begun) = bed::post(&http, &server.studio, &parts).await;
    let id = begun["jobId"].as_str().unwrap();
    bed::until("its place", async || bed::job(&http, &server.studio, id).await["queuePosition"].is_u64()).await;
    let job = bed::job(&http, &server.studio, id).await;
    assert_eq!(job["queuePosition"], 0, "nobody is before it but the one that runs: {job:#}");
}

/// Stopped by Ctrl-C: the studio goes on, and the command says how to wait again.
#[tokio::test]
async fn a_stopped_command_says_how_to_wait_again_and_the_batch_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let preset = small_preset(folder.path());
    simulated(folder.path(), "1ms");
    let server = Server::start(folder.path(), &[&preset]);
    shop(folder.path(), 12);
    let studio = server.studio.to_string();
    let child = bed::plantain(folder.path())
        .args(["bulk", "shop", "--preset", "small", "--server", &studio])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let http = bed::http();
    bed::until("a batch", async || batch(&http, &server, "/api/batches").await["batches"][0]["batchId"].is_string())
        .await;
    // The answer has to reach the command before it can say anything of the batch.
    Clock::system().sleep(Duration::from_millis(500)).await;
    let id = batch(&http, &server, "/api/batches").await["batches"][0]["batchId"].as_str().unwrap().to_owned();
    let pid = child.id().to_string();
    assert!(
        std::process::Command::new("/bin/sh").args(["-c", &format!("kill -INT {pid}")]).status().unwrap().success()
    );
    let said = Said::of(child.wait_with_output().unwrap());
    assert_eq!(said.code, 1, "{said:?}");
    let again = format!("plantain bulk --batch {id} --server {studio}");
    assert!(said.stderr.contains(&again), "{said:?}");
    let said = run(folder.path(), &["bulk", "--batch", &id, "--server", &studio, "--json"]);
    assert_eq!(said.json()[0]["batch"]["counts"]["succeeded"], 12, "{said:?}");
    assert!(folder.path().join("plantain-out/report.csv").is_file());
}
