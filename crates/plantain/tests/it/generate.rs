//! README's first command, and the same against a running studio.

use std::fs;
use std::path::Path;

use plantain_testkit::photo::{self, GPS_MARK};
use serde_json::Value;

use crate::bed::{Said, Server, example, run};

/// The three pictures of a set that passed, by name; each is on disk and a whole JPEG.
#[track_caller]
fn assert_good_set(folder: &Path, set: &Value) -> Vec<String> {
    assert_eq!(set["passed"], true, "{set:#}");
    let files: Vec<String> = set["files"].as_array().unwrap().iter().map(|f| f.as_str().unwrap().to_owned()).collect();
    assert_eq!(files.len(), 3, "{set:#}");
    for file in &files {
        let bytes = fs::read(folder.join(file)).unwrap();
        assert!(bytes.starts_with(b"\xff\xd8\xff") && bytes.len() < 10_000_000, "{file}");
        assert!(!contains(&bytes, GPS_MARK.as_bytes()), "{file} tells where the photo was taken");
    }
    let report: Value =
        serde_json::from_slice(&fs::read(folder.join(set["report"].as_str().unwrap())).unwrap()).unwrap();
    assert_eq!(report["images"].as_array().unwrap().len(), 3);
    files
}

fn contains(bytes: &[u8], mark: &[u8]) -> bool {
    bytes.windows(mark.len()).any(|window| window == mark)
}

#[test]
fn one_photo_in_three_catalog_pictures_out() {
    let folder = tempfile::tempdir().unwrap();
    let mug = example("mug.jpg");
    let said = run(
        folder.path(),
        &["generate", mug.to_str().unwrap(), "--preset", "amazon_main", "--id", "B0ABCDEF12", "--json"],
    );
    assert_eq!(said.code, 0, "{said:?}");
    let files = assert_good_set(folder.path(), &said.json()[0]);
    let names: Vec<&str> = files.iter().map(|file| file.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["B0ABCDEF12.MAIN.jpg", "B0ABCDEF12.PT01.jpg", "B0ABCDEF12.PT02.jpg"]);
    assert!(files.iter().all(|file| file.starts_with("plantain-out/amazon_main/")), "{files:?}");
    let pictures: Vec<Vec<u8>> = files.iter().map(|file| fs::read(folder.path().join(file)).unwrap()).collect();
    assert!(pictures[0] != pictures[1] && pictures[1] != pictures[2], "three pictures, not one thrice");
    for file in &files {
        let said = run(folder.path(), &["check", file, "--preset", "amazon_main"]);
        assert_eq!(said.code, 0, "a stranger who knows nothing of the product's mask agrees: {said:?}");
    }
    assert!(!folder.path().join("plantain-data").exists(), "its own system leaves no data behind");
}

#[test]
fn the_table_shows_every_rule_and_the_time_of_each_stage() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jar.jpg"), photo::jpeg_with_gps()).unwrap();
    let said = run(folder.path(), &["generate", "jar.jpg", "--preset", "flipkart_main", "--sheet"]);
    assert_eq!(said.code, 0, "{said:?}");
    let sheet = fs::read(folder.path().join("plantain-out/flipkart_main/contact-sheet.jpg")).unwrap();
    assert!(sheet.starts_with(b"\xff\xd8\xff") && !contains(&sheet, GPS_MARK.as_bytes()));
    for word in
        ["contact-sheet.jpg", "rule", "required", "jar_1.jpg", "jar_3.jpg", "✓", "Took: ", "in all", "report.json"]
    {
        assert!(said.stdout.contains(word), "{word} is missing: {}", said.stdout);
    }
    assert!(!said.stdout.contains('✗') && said.stderr.is_empty(), "{said:?}");
    let report = fs::read(folder.path().join("plantain-out/flipkart_main/report.json")).unwrap();
    assert!(!contains(&report, GPS_MARK.as_bytes()));
}

#[test]
fn one_bad_photo_does_not_hold_up_the_others() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jar.png"), photo::png()).unwrap();
    fs::write(folder.path().join("page.jpg"), photo::not_a_picture()).unwrap();
    let said = run(folder.path(), &["generate", "page.jpg", "jar.png", "gone.jpg", "--preset", "ebay", "--json"]);
    assert_eq!(said.code, 1, "{said:?}");
    let sets = said.json();
    assert_good_set(folder.path(), &sets[1]);
    assert!(sets[1]["files"][0].as_str().unwrap().starts_with("plantain-out/jar/ebay/"), "{sets:#}");
    let words = |at: usize| sets[at]["error"]["message"].as_str().unwrap().to_owned();
    assert!(words(0).len() > 30 && words(2).contains("there is no file"), "{sets:#}");
}

#[test]
fn a_running_studio_does_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    fs::write(folder.path().join("jar.webp"), photo::webp()).unwrap();
    let arguments = ["generate", "jar.webp", "--server", server.studio.as_str(), "--out", "pictures", "--json"];
    let said = run(folder.path(), &arguments);
    assert_eq!(said.code, 0, "{said:?}");
    let files = assert_good_set(folder.path(), &said.json()[0]);
    assert!(files[0].starts_with("pictures/amazon_main/needs-identifier/"), "no number is guessed: {files:?}");
    let said = run(folder.path(), &["generate", "jar.webp", "--server", server.queue.as_str()]);
    assert!(said.code == 1 && said.stderr.contains("is a queue, not a studio"), "{said:?}");
    let said = run(folder.path(), &["generate", "jar.webp", "--server", server.studio.as_str(), "--preset", "amazn"]);
    let list = format!("Did you mean \"amazon_main\"? {}api/presets lists all.", server.studio);
    assert!(said.code == 1 && said.stderr.contains(&list), "{said:?}");
}

#[test]
fn a_studio_that_is_not_there_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jar.png"), photo::png()).unwrap();
    let said: Said = run(folder.path(), &["generate", "jar.png", "--server", "http://127.0.0.1:1"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("no studio answers at http://127.0.0.1:1/"), "{said:?}");
}

#[test]
fn an_unknown_preset_is_answered_with_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jar.png"), photo::png()).unwrap();
    let said = run(folder.path(), &["generate", "jar.png", "--preset", "amazn_main"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("amazn_main") && said.stderr.contains("did you mean `amazon_main`?"), "{said:?}");
}

#[test]
fn a_place_that_cannot_be_written_is_found_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jar.png"), photo::png()).unwrap();
    fs::write(folder.path().join("taken"), "").unwrap();
    let said = run(folder.path(), &["generate", "jar.png", "gone.png", "--out", "taken/pictures"]);
    assert!(said.code == 1 && said.stderr.contains("taken/pictures can't be written"), "{said:?}");
    assert!(!said.stderr.contains("gone.png"), "no photo is looked at: {said:?}");
}

#[test]
fn a_product_that_had_to_be_enlarged_is_said_in_table_note_and_report() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jar.jpg"), photo::jpeg()).unwrap();
    let said = run(folder.path(), &["generate", "jar.jpg", "--preset", "flipkart_main", "--top", "1"]);
    assert_eq!(said.code, 0, "a soft picture is still one: {said:?}");
    for words in ["Enlargement of the product", "at most 1.5 times", "Note: The product was enlarged"] {
        assert!(said.stdout.contains(words), "{words} is missing: {}", said.stdout);
    }
    assert_eq!(said.stdout.matches("was enlarged").count(), 1, "once, by one measure: {}", said.stdout);
    let report = fs::read(folder.path().join("plantain-out/flipkart_main/report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert!(report["notices"][0].as_str().is_some_and(|notice| notice.contains("looks soft")), "{report:#}");
}

#[test]
fn names_that_no_marketplace_takes_do_not_meet_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["मग.jpg", "杯子.jpg"] {
        fs::write(folder.path().join(name), photo::jpeg()).unwrap();
    }
    let said = run(folder.path(), &["generate", "मग.jpg", "杯子.jpg", "--preset", "ebay", "--top", "1", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let sets = said.json();
    let file = |at: usize| sets[at]["files"][0].as_str().unwrap().to_owned();
    let name = |file: &str| file.rsplit('/').next().unwrap().to_owned();
    assert!(file(0) != file(1) && name(&file(0)) != name(&file(1)), "{} {}", file(0), file(1));
    assert!([0, 1].iter().all(|at| folder.path().join(file(*at)).is_file()));
}

#[test]
fn a_scene_is_made_where_it_is_permitted_and_a_main_picture_stays_white() {
    let folder = tempfile::tempdir().unwrap();
    let mug = example("mug.jpg");
    let asked = |preset: &str, more: &[&str]| {
        let plain = ["generate", mug.to_str().unwrap(), "--preset", preset, "--out", preset, "--json"];
        let said = run(folder.path(), &[&plain, more].concat());
        assert_eq!(said.code, 0, "{said:?}");
        said.json()[0].clone()
    };
    let set = asked("shopify", &["--scene", "reflection", "--backdrop", "#f4e9dd"]);
    let variants = set["job"]["images"].as_array().unwrap().iter().map(|image| image["variant"].as_str().unwrap());
    assert_eq!(variants.collect::<Vec<_>>(), ["Reflection", "Reflection, closer", "Reflection, bright"]);

    let set = asked("amazon_main", &["--scene", "reflection", "--backdrop", mug.to_str().unwrap(), "--top", "1"]);
    let notices = set["job"]["notices"].to_string();
    assert!(notices.contains("so the scene reflection was not used"), "{notices}");
    let file = set["files"][0].as_str().unwrap();
    assert_eq!(run(folder.path(), &["check", file, "--preset", "amazon_main"]).code, 0, "pure white all the same");

    let shown = run(folder.path(), &["generate", mug.to_str().unwrap(), "--backdrop", "#f4e9d"]);
    assert!(shown.code == 2 && shown.stderr.contains("#f4e9dd"), "{shown:?}");
}
