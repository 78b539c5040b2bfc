//! Commands that need no server: presets, check, cutout, doctor, and what they say when used wrongly.

use std::fs;

use plantain_testkit::photo;

use crate::bed::{Said, example, plantain, run};

#[test]
fn presets_are_listed_shown_and_guessed() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), &["presets"]);
    assert!(said.code == 0 && said.stdout.contains("amazon_main") && said.stdout.contains("myntra_main"), "{said:?}");
    let said = run(folder.path(), &["presets", "amazon_main"]);
    assert!(said.code == 0 && said.stdout.contains("sellercentral.amazon"), "sources are shown: {said:?}");
    let said = run(folder.path(), &["presets", "amazon", "--json"]);
    assert!(said.code == 1 && said.stderr.contains("did you mean `amazon_main`?"), "{said:?}");
    for arguments in [
        &["presets", "amazn"][..],
        &["check", "a.jpg", "--preset", "amazn"],
        &["generate", "a.jpg", "--preset", "amazn"],
    ] {
        let said = run(folder.path(), arguments);
        let hints = ["did you mean `amazon_main`?", "`plantain presets` lists all"];
        assert!(said.code == 1 && hints.iter().all(|hint| said.stderr.contains(hint)), "{arguments:?}: {said:?}");
    }
    for arguments in
        [&["presets", "zz"][..], &["check", "a.jpg", "--preset", "zz"], &["generate", "a.jpg", "--preset", "zz"]]
    {
        let said = run(folder.path(), arguments);
        assert!(said.code == 1 && said.stderr.contains("`plantain presets` lists all"), "{arguments:?}: {said:?}");
    }
    assert_eq!(run(folder.path(), &["presets", "amazon_main", "--json"]).json()["presets"][0]["canvas"][0], 2000);
}

#[test]
fn a_preset_of_ones_own_is_used_and_a_broken_file_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let card = run(folder.path(), &["presets", "ebay", "--json"]).stdout;
    fs::write(folder.path().join("mine.json"), card.replace("\"id\": \"ebay\"", "\"id\": \"my_shop\"")).unwrap();
    let said = run(folder.path(), &["presets", "--set", "PLANTAIN_PRESETS=mine.json"]);
    assert!(said.code == 0 && said.stdout.contains("my_shop"), "{said:?}");
    fs::write(folder.path().join("mine.json"), "{").unwrap();
    let said = run(folder.path(), &["presets", "--set", "PLANTAIN_PRESETS=mine.json"]);
    assert!(said.code == 1 && said.stderr.contains("mine.json"), "{said:?}");
}

#[test]
fn a_kitchen_photo_is_no_amazon_picture() {
    let folder = tempfile::tempdir().unwrap();
    let mug = example("mug.jpg");
    let said = run(folder.path(), &["check", mug.to_str().unwrap(), "--preset", "amazon_main", "--json"]);
    assert_eq!(said.code, 1, "{said:?}");
    let report = &said.json()[0];
    assert_eq!(report["passed"], false);
    let failed =
        |rule: &str| report["results"].as_array().unwrap().iter().any(|r| r["rule"] == rule && r["outcome"] == "fail");
    assert!(failed("background"), "{report:#}");
}

#[test]
fn a_picture_is_compared_with_the_photo_it_was_made_from_and_the_differences_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let (mug, shirt) = (example("mug.jpg"), example("tshirt.jpg"));
    for (picture, outcome) in [(&mug, "pass"), (&shirt, "warn")] {
        let diff = folder.path().join(format!("{outcome}.png"));
        let arguments = ["check", picture.to_str().unwrap(), "--original", mug.to_str().unwrap(), "--json", "--diff"];
        let said = run(folder.path(), &[&arguments[..], &[diff.to_str().unwrap()]].concat());
        let report = &said.json()[0];
        let identity = report["results"].as_array().unwrap().iter().find(|r| r["rule"] == "identity").unwrap();
        assert_eq!(identity["outcome"], outcome, "{identity:#}");
        assert!(fs::read(&diff).unwrap().starts_with(b"\x89PNG"));
    }
    let both = run(folder.path(), &["check", "a.jpg", "b.jpg", "--original", "c.jpg", "--diff", "d.png"]);
    assert!(both.code == 1 && both.stderr.contains("one by one"), "{both:?}");
}

/// The outcome of a rule, with what was asked and measured.
fn row(report: &serde_json::Value, rule: &str) -> [String; 3] {
    let rows = report["results"].as_array().unwrap();
    let row = rows.iter().find(|row| row["rule"] == rule).unwrap();
    ["outcome", "required", "measured"].map(|name| row[name].as_str().unwrap().to_owned())
}

#[test]
fn a_picture_is_measured_against_the_pieces_and_the_mask_that_are_named() {
    use plantain_media::encode::{EncodeOptions, Provenance, encode, matte};
    use plantain_media::picture::{Matte, Picture};
    use plantain_media::preset::Format;

    let folder = tempfile::tempdir().unwrap();
    // Two white things on white, which nobody could tell by colour.
    let (mut mask, picture) = (Matte::new(1000, 1000, vec![0; 1_000_000]), Picture::filled(1000, 1000, [255; 3]));
    for y in 200..800 {
        mask.alpha_mut()[y * 1000 + 60..y * 1000 + 460].fill(255);
        mask.alpha_mut()[y * 1000 + 540..y * 1000 + 940].fill(255);
    }
    let plain = |format| EncodeOptions::plain(format, u64::MAX, Provenance::Photographed);
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("pair.jpg", &encode(&picture, &plain(Format::Jpeg)).unwrap().bytes);
    write("mask.png", &matte(&mask).unwrap());
    write("mask.jpg", &encode(&picture, &plain(Format::Jpeg)).unwrap().bytes);
    write("small.png", &encode(&Picture::filled(500, 500, [255; 3]), &plain(Format::Png)).unwrap().bytes);

    let check = |more: &[&str]| run(folder.path(), &[&["check", "pair.jpg", "--json"], more].concat());
    let alone = check(&[]).json();
    assert_eq!((&alone[0]["mask"], row(&alone[0], "fill")[0].as_str()), (&"missing".into(), "fail"));
    let masked = check(&["--mask", "mask.png", "--products", "2"]);
    let report = &masked.json()[0];
    assert_eq!(report["mask"], "given", "{masked:?}");
    assert_eq!(row(report, "fill"), ["pass", "85 to 95 % of the longer side", "88.0 % of the longer side"]);
    assert_eq!(row(report, "single_product"), ["pass", "2, as declared", "2"]);
    for rule in ["frame", "centring", "background", "shadow"] {
        assert_eq!(row(report, rule)[0], "pass", "{rule}: {report:#}");
    }
    assert_eq!(row(&check(&["--mask", "mask.png"]).json()[0], "single_product"), ["warn", "one", "2"]);
    assert_eq!(row(&check(&["--mask", "mask.png", "--products", "1"]).json()[0], "single_product")[0], "fail");
    for (flags, code, words) in [
        (&["--mask", "small.png"][..], 1, "500 x 500 px and the picture, held upright, 1000 x 1000"),
        // Before anything is measured, and before the photo is looked at.
        (&["--mask", "small.png", "--original", "missing.jpg"], 1, "500 x 500 px and the picture"),
        (&["--mask", "mask.jpg"], 1, "the mask is a JPEG"),
        (&["--mask", "nothing.png"], 1, "there is no file nothing.png"),
        (&["--mask", "mask.png", "pair.jpg"], 1, "check them one by one"),
        (&["--products", "0"], 2, "1..=99"),
    ] {
        let said = check(flags);
        assert!(said.code == code && said.stderr.contains(words), "{flags:?} {said:?}");
    }
}

#[test]
fn a_picture_without_a_product_never_meets_every_rule() {
    use plantain_media::encode::{EncodeOptions, Provenance, encode};
    use plantain_media::picture::Picture;
    use plantain_media::preset::Format;

    let folder = tempfile::tempdir().unwrap();
    let mut cut = Picture::filled(1000, 1000, [255; 3]);
    cut.rgb_mut()[300_000..2_700_000].fill(60);
    for (name, picture, code, verdict) in [
        ("black.jpg", &Picture::filled(1000, 1000, [0; 3]), 1, "does not meet every rule of ebay"),
        ("cut.jpg", &cut, 0, "breaks no rule of ebay that could be measured, but no product was found"),
    ] {
        let options = EncodeOptions::plain(Format::Jpeg, u64::MAX, Provenance::Photographed);
        fs::write(folder.path().join(name), encode(picture, &options).unwrap().bytes).unwrap();
        let said = run(folder.path(), &["check", name, "--preset", "ebay"]);
        assert!(said.code == code && said.stdout.contains(&format!("{name} {verdict}")), "{said:?}");
        assert!(!said.stdout.contains("meets every rule"), "{said:?}");
    }
}

#[test]
fn checking_what_is_no_picture_fails_in_words_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("page.jpg"), photo::not_a_picture()).unwrap();
    let said = run(folder.path(), &["check", "missing.jpg", "page.jpg"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("there is no file missing.jpg"), "{said:?}");
    assert!(said.stdout.contains("page.jpg does not meet every rule"), "{said:?}");
    assert!(said.stdout.contains("A web page can't be read"), "it is said what it is: {said:?}");
    assert!(said.stdout.contains("Save the picture itself") && !said.stdout.contains("save it again"), "{said:?}");
}

#[test]
fn the_product_is_cut_out_at_the_photos_size() {
    let folder = tempfile::tempdir().unwrap();
    let mug = example("mug.jpg");
    for (mask, color) in [(false, 6), (true, 0)] {
        let mut arguments = vec!["cutout", mug.to_str().unwrap(), "-o", "out.png", "--json"];
        arguments.extend(mask.then_some("--mask"));
        let said = run(folder.path(), &arguments);
        assert_eq!(said.code, 0, "{said:?}");
        let facts = said.json();
        assert!(facts["product"]["width"].as_u64().unwrap() > 300, "{facts}");
        let file = fs::read(folder.path().join("out.png")).unwrap();
        // Of a PNG: width, height, depth, colour type.
        assert_eq!(&file[16..26], &[0, 0, 7, 208, 0, 0, 5, 220, 8, color], "2000 x 1500");
    }
}

#[test]
fn the_product_of_a_cutout_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let mug = example("mug.jpg");
    let cut = |more: &[&str]| {
        run(folder.path(), &[&["cutout", mug.to_str().unwrap(), "-o", "out.png", "--json"], more].concat())
    };
    for (flags, code, words) in [
        (&["--box", "2000,0,300,300"][..], 1, "does not lie in the photo"),
        (&["--include", "0,1500"], 1, "A point does not lie in the photo"),
        (&["--box", "1,2,3"], 2, "x,y,width,height"),
        (&["--box", "1,2,NaN,4"], 2, "x,y,width,height"),
        (&["--box", "1,2,0,4"], 2, "above 0"),
        (&["--exclude", "1"], 2, "x,y in whole pixels"),
    ] {
        let said = cut(flags);
        assert!(said.code == code && said.stderr.contains(words), "{flags:?} {said:?}");
    }
    let product = |flags: &[&str]| cut(flags).json()["product"].clone();
    let whole = product(&[]);
    let [x, y, width, height] = ["x", "y", "width", "height"].map(|name| whole[name].as_u64().unwrap());
    let half = product(&["--box", &format!("{x},{y},{},{height}", width / 2)]);
    assert!(half["width"].as_u64().unwrap() <= width * 7 / 10, "{whole} {half}");
}

#[test]
fn a_cutout_is_corrected_by_dabs_of_a_brush() {
    let folder = tempfile::tempdir().unwrap();
    let mug = example("mug.jpg");
    let cut = |more: &[&str]| {
        run(folder.path(), &[&["cutout", mug.to_str().unwrap(), "-o", "out.png", "--json"], more].concat())
    };
    for (flags, code, words) in [
        (&["--keep", "1,2"][..], 2, "three whole numbers"),
        (&["--erase", "1,2,0"], 2, "the radius is 1 or more"),
        (&["--erase", "1000,750,2000"], 1, "No product"),
    ] {
        let said = cut(flags);
        assert!(said.code == code && said.stderr.contains(words), "{flags:?} {said:?}");
    }
    let left = |flags: &[&str]| cut(flags).json()["product"]["x"].as_u64().unwrap();
    let (more, less) = (left(&["--keep", "60,70,20"]), left(&["--keep", "60,70,20", "--erase", "60,70,80"]));
    assert!(more <= 60 && less > 60, "{more} {less}");
}

#[test]
fn a_cutout_under_a_name_that_lies_or_cannot_be_written_is_refused_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let mug = example("mug.jpg");
    let said = run(folder.path(), &["cutout", mug.to_str().unwrap(), "-o", "x.jpg"]);
    assert!(said.code == 2 && said.stderr.contains("transparency; name it x.png"), "{said:?}");
    assert!(!folder.path().join("x.jpg").exists());
    let said = run(folder.path(), &["cutout", mug.to_str().unwrap(), "-o", "none/x.png"]);
    assert!(said.code == 1 && said.stderr.contains("none/x.png can't be written"), "{said:?}");
}

#[test]
fn a_photo_of_nothing_is_called_that() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("clear.png"), photo::transparent()).unwrap();
    let said = run(folder.path(), &["cutout", "clear.png", "-o", "out.png"]);
    assert!(said.code == 1 && said.stderr.contains("fully transparent"), "{said:?}");
}

#[test]
fn a_photo_without_a_product_is_not_cut_out() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("white.png"), photo::png_of_size(400, 300)).unwrap();
    let said = run(folder.path(), &["cutout", "white.png", "-o", "out.png"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.starts_with("white.png: ") && said.stderr.len() > 40, "{said:?}");
    assert!(!folder.path().join("out.png").exists(), "no empty picture is written");
}

#[test]
fn the_doctor_finds_this_machine_fit_and_names_what_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let free = ["--set", "STUDIO_LISTEN=127.0.0.1:0", "--set", "GATEWAY_LISTEN=127.0.0.1:0"];
    let said = run(folder.path(), &[&["doctor"][..], &free, &["--set", "FAL_KEY=id:hunter2"]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stdout.contains("checksums right") && !said.stdout.contains("hunter2"), "{said:?}");
    assert!(said.stdout.contains("none was given up"), "{said:?}");
    fs::write(folder.path().join("file"), "").unwrap();
    let said = run(folder.path(), &[&["doctor", "--json", "--data", "file/data"][..], &free].concat());
    assert_eq!(said.code, 1, "{said:?}");
    let folder_finding = &said.json()["findings"][0];
    assert_eq!((&folder_finding["what"], &folder_finding["health"]), (&"data folder".into(), &"bad".into()));
}

#[test]
fn wrong_usage_ends_with_two_and_says_what_is_right() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, says) in [
        (&["generate"][..], "PHOTO"),
        (&["fly"], "unrecognized subcommand"),
        (&["generate", "a.jpg", "--server", "notaurl"], "write it as http://studio.local:8787"),
        (&["generate", "a.jpg", "--server", "localhost:8787"], "write it as http://studio.local:8787"),
        (&["generate", "a.jpg", "--notify-email", "asha@shop.example"], "--server"),
        (&["bulk", "a.zip", "--notify-whatsapp", "+91 98765 43210"], "--server"),
        (&["generate", "a.jpg", "--top", "-1"], "-1 is not in 1..=4"),
        (&["generate", "a.jpg", "--top", "9"], "9 is not in 1..=4"),
        (&["presets", "--set", "STUDIO_LISTN=x"], "did you mean `STUDIO_LISTEN`?"),
        (&["presets", "--set", "STUDIO_LISTEN=x"], "is not an address with a port"),
        (&["presets", "--config", "none.toml"], "none.toml can't be read"),
    ] {
        let said = run(folder.path(), arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {said:?}");
        assert!(said.stderr.contains(says), "{arguments:?}: {said:?}");
    }
    fs::write(folder.path().join("plantain.toml"), "studio_listn = \"x\"").unwrap();
    let said = run(folder.path(), &["presets"]);
    assert!(
        said.code == 2 && said.stderr.contains("plantain.toml") && said.stderr.contains("STUDIO_LISTEN"),
        "{said:?}"
    );
}

#[test]
fn the_api_is_described_without_looking_at_settings() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plantain.toml"), "studio_listn = 1\n").unwrap();
    let said = run(folder.path(), &["openapi"]);
    assert_eq!((said.code, &said.json()["openapi"]), (0, &"3.1.0".into()), "{}", said.stderr);
}

#[test]
fn where_nothing_has_run_a_servers_keys_are_not_looked_for_in_vain() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["keys", "list"][..], &["keys", "studio", "list"], &["accounts", "list"]] {
        let said = run(folder.path(), arguments);
        let told = ["nothing has run in", "plantain-data", "--data"].iter().all(|words| said.stderr.contains(words));
        assert!(said.code == 1 && told && !said.stderr.contains("writable"), "{arguments:?}: {said:?}");
    }
}

#[test]
fn a_reader_who_has_gone_and_a_full_disk_end_a_command_without_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["openapi"][..],
        &["presets"],
        &["presets", "--json"],
        &["reference"],
        &["doctor", "--explain-url", "http://127.0.0.1/"],
        &["check", example("mug.jpg").to_str().unwrap()],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let said = Said::of(plantain(folder.path()).args(arguments).stdout(writer).output().unwrap());
        assert_eq!((said.code, said.stderr.as_str()), (141, ""), "{arguments:?}");
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let said = Said::of(plantain(folder.path()).args(arguments).stdout(full).output().unwrap());
        let told = said.stderr.lines().count() == 1 && said.stderr.contains("standard output can't be written");
        assert!(said.code == 1 && told, "{arguments:?}: {said:?}");
    }
}

#[test]
fn every_command_explains_itself_with_examples() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["serve", "generate", "cutout", "check", "presets", "doctor", "openapi"] {
        let said = run(folder.path(), &[command, "--help"]);
        assert!(said.code == 0 && said.stdout.contains("Examples:"), "{command}: {said:?}");
    }
}

#[test]
fn an_outgoing_address_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let explain =
        |address: &str, more: &[&str]| run(folder.path(), &[&["doctor", "--explain-url", address][..], more].concat());
    let said = explain("http://2130706433:9000/hook", &["--set", "WEBHOOK_ALLOW_PRIVATE=none"]);
    assert!(said.code == 1 && said.stdout.contains("means 127.0.0.1") && said.stdout.contains("loopback"), "{said:?}");
    assert!(said.stdout.contains("WEBHOOK_ALLOW_PRIVATE is `none`, from the command line"), "{said:?}");
    let said = explain("http://10.1.2.3/", &["--json", "--set", "WEBHOOK_ALLOW_PRIVATE=10.0.0.0/8"]);
    assert!(said.code == 0 && said.json()["addresses"][0]["allowed"] == true, "{said:?}");
    let said = explain("http://169.254.169.254/", &[]);
    assert!(said.code == 1 && said.stdout.contains("leave it refused"), "{said:?}");
    assert!(said.stdout.contains("of private addresses only loopback is allowed"), "{said:?}");
    assert!(!folder.path().join("plantain-data").exists(), "nothing is made to answer a question");
}
