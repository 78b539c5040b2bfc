//! What a report says of each rule, found by measuring: every preset on files that keep its rules and files that break them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use plantain_media::check::enlargement::Enlargement;
use plantain_media::check::identity::{Shown, compare, not_compared};
use plantain_media::check::{Claims, Generated, Outcome, RuleResult, check_claims};
use plantain_media::encode::{EncodeOptions, Provenance, encode};
use plantain_media::finish::{FinishOptions, finish_measured};
use plantain_media::picture::{Matte, PhotoFrame, Picture, Rect};
use plantain_media::preset::{Format, Preset, Presets};

use super::fault;

/// A picture with what lies on it, and which of that is the product.
struct Sample {
    size: (u32, u32),
    ground: u8,
    patches: Vec<(Rect, u8)>,
    products: Vec<Rect>,
    /// The product has grain, and so edges to judge by.
    grain: bool,
    /// Its outermost pixels have a colour of their own.
    rim: bool,
}

fn area(x: u32, y: u32, width: u32, height: u32) -> Rect {
    Rect { x, y, width, height }
}

impl Sample {
    fn of(size: (u32, u32), fill: f32) -> Sample {
        let (width, height) = ((size.0 as f32 * fill) as u32, (size.1 as f32 * fill * 0.8) as u32);
        let product = area((size.0 - width) / 2, (size.1 - height) / 2, width, height);
        Sample { size, ground: 255, patches: Vec::new(), products: vec![product], grain: true, rim: false }
    }

    fn with(mut self, patches: impl IntoIterator<Item = (Rect, u8)>) -> Sample {
        self.patches.extend(patches);
        self
    }

    fn drawn(&self) -> (Picture, Matte) {
        let (width, height) = self.size;
        let mut picture = Picture::filled(width, height, [self.ground; 3]);
        let mut matte = Matte::new(width, height, vec![0; (width * height) as usize]);
        for (area, level) in &self.patches {
            each(*area, |x, y| picture.rgb_mut()[((y * width + x) * 3) as usize..][..3].fill(*level));
        }
        for area in &self.products {
            each(*area, |x, y| {
                let (at, grain) = ((y * width + x) as usize, if self.grain { (x / 4 + y / 4) % 2 * 90 } else { 0 });
                picture.rgb_mut()[at * 3..at * 3 + 3].copy_from_slice(&[120 + grain as u8, 80, 50]);
                matte.alpha_mut()[at] = 255;
            });
            let Rect { x, y, width: w, height: h } = *area;
            let sides = [(x, y, w, 6), (x, y + h - 6, w, 6), (x, y, 6, h), (x + w - 6, y, 6, h)];
            let sides = sides.into_iter().filter(|_| self.rim);
            sides.for_each(|(x, y, w, h)| {
                each(self::area(x, y, w, h), |x, y| picture.rgb_mut()[((y * width + x) * 3) as usize..][..3].fill(215));
            });
        }
        (picture, matte)
    }
}

fn each(area: Rect, mut visit: impl FnMut(u32, u32)) {
    (area.y..area.y + area.height).for_each(|y| (area.x..area.x + area.width).for_each(|x| visit(x, y)));
}

/// Small pictures, each of which breaks something.
fn samples() -> Vec<Sample> {
    let usual = || Sample::of((300, 300), 0.88);
    let under = |level| usual().with([(area(30, 250, 240, 12), level)]);
    let letters = (0..14).map(|n| (area(40 + n * 14, 10, 8, 14), 30));
    let frame = [area(0, 0, 300, 4), area(0, 296, 300, 4), area(0, 0, 4, 300), area(296, 0, 4, 300)];
    let noise = (0..2_000).map(|n| (area(n * 37 % 298, n * 91 % 298, 2, 1), (n % 7 * 30) as u8));
    let mut all = vec![
        usual(),
        Sample { grain: false, ..usual() },
        Sample { products: Vec::new(), ..usual() },
        Sample { products: vec![area(40, 60, 100, 180), area(160, 60, 100, 180)], ..usual() },
        Sample { products: vec![area(1, 60, 200, 180)], ..usual() },
        Sample::of((300, 300), 0.4),
        Sample::of((300, 300), 0.5).with(letters),
        Sample::of((300, 300), 0.5).with([(area(20, 20, 30, 30), 90)]),
        Sample::of((300, 300), 0.5).with(noise),
        Sample::of((400, 300), 0.88),
        usual().with([(area(0, 0, 9, 9), 200)]),
        usual().with([(area(30, 264, 60, 3), 200)]),
        usual().with(frame.map(|area| (area, 0))),
        under(90),
        under(235),
        Sample { rim: true, ..usual() },
        usual().with([(area(6, 32, 288, 236), 235)]),
        Sample { products: vec![area(2, 2, 296, 296)], ..usual() },
    ];
    all.extend([253, 250, 240, 200, 120].map(|ground| Sample { ground, ..usual() }));
    all
}

fn encoded(picture: &Picture, format: Format, provenance: Provenance) -> Vec<u8> {
    encode(picture, &EncodeOptions::plain(format, 50_000_000, provenance)).unwrap().bytes
}

/// What was said, and how each rule came out.
#[derive(Default)]
struct Heard {
    said: BTreeSet<String>,
    names: BTreeSet<String>,
    outcomes: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Heard {
    fn rule(&mut self, rule: &RuleResult) {
        self.outcomes.entry(rule.rule).or_default().insert(format!("{:?}", rule.outcome));
        // A name of a file, and how the marketplace wants it, are nobody's words.
        if rule.rule == "file_name" {
            self.names.insert(rule.required.clone());
            self.names.extend((rule.outcome == Outcome::Pass).then(|| rule.measured.clone()));
        }
        let said = [&rule.required, &rule.measured, &rule.fix, &rule.source];
        self.said.insert(rule.title.to_owned());
        self.said.extend(said.into_iter().filter(|said| !self.names.contains(*said)).cloned());
    }

    fn file(&mut self, bytes: &[u8], claims: &Claims<'_>, preset: &Preset) {
        check_claims(bytes, claims, preset).results.iter().for_each(|rule| self.rule(rule));
    }
}

fn name(preset: &Preset) -> String {
    let identifier = if preset.name.contains("{gtin14}") { "00012345600012" } else { "B0ABCDEF12" };
    preset.file_name(Some(identifier), 1, "mug").name
}

/// At the least size that the marketplace takes, so that every rule may be kept.
fn lawful(heard: &mut Heard, preset: &Preset) {
    let (wide, high) = (f64::from(preset.canvas.0), f64::from(preset.canvas.1));
    let least =
        (f64::from(preset.min_long_side) / wide.max(high)).max(f64::from(preset.min_short_side) / wide.min(high));
    let size = ((wide * least).ceil() as u32, (high * least).ceil() as u32);
    let (picture, matte) = Sample::of(size, preset.fill.target).drawn();
    let bytes = encoded(&picture, Format::Jpeg, Provenance::Photographed);
    let file_name = name(preset);
    let claims = Claims { file_name: Some(&file_name), matte: Some(&matte), ..Claims::default() };
    heard.file(&bytes, &Claims { products: Some(1), ..claims }, preset);
}

/// What every preset is held against, drawn and encoded once.
struct Unlawful {
    /// Each with where its product is.
    samples: Vec<(Vec<u8>, Matte)>,
    /// One picture, in each format that is written, and as each kind that is told.
    files: [Vec<u8>; 4],
}

impl Unlawful {
    fn drawn() -> Unlawful {
        let encoded_with_matte = |sample: &Sample| {
            let (picture, matte) = sample.drawn();
            (encoded(&picture, Format::Jpeg, Provenance::Generated), matte)
        };
        let (picture, _) = Sample { products: Vec::new(), ..Sample::of((120, 120), 0.5) }.drawn();
        let files = [
            (Format::Png, Provenance::GeneratedScene),
            (Format::Webp, Provenance::Photographed),
            (Format::Jpeg, Provenance::Photographed),
            (Format::Jpeg, Provenance::Generated),
        ];
        Unlawful {
            samples: samples().iter().map(encoded_with_matte).collect(),
            files: files.map(|(format, provenance)| encoded(&picture, format, provenance)),
        }
    }
}

fn unlawful(heard: &mut Heard, drawn: &Unlawful, preset: &Preset) {
    let odd = Claims {
        file_name: Some("größe & maß.png"),
        content_type: Some("image/gif"),
        products: Some(3),
        ..Claims::default()
    };
    for (n, (bytes, matte)) in drawn.samples.iter().enumerate() {
        heard.file(bytes, &Claims { matte: Some(matte), generated: Generated::Nothing, ..Claims::default() }, preset);
        if n < 5 {
            heard.file(bytes, &odd, preset);
        }
    }
    for bytes in &drawn.files {
        for generated in [Generated::Unknown, Generated::Nothing, Generated::Scene, Generated::Everything] {
            heard.file(bytes, &Claims { generated, file_name: Some("mug_x.jpg"), ..Claims::default() }, preset);
        }
        // Zeros from the system: written one by one they would take longer than the rest.
        let mut large = vec![0; preset.max_bytes as usize + 1];
        large[..bytes.len()].copy_from_slice(bytes);
        heard.file(&large, &Claims::default(), preset);
    }
}

/// Real files of every kind that is read, and of kinds that are not.
fn files() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../media/tests/data");
    let mut all: Vec<Vec<u8>> =
        fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    all.extend([b"".to_vec(), b"\0\x01\x02 no picture".to_vec(), b"BM\0\0".to_vec()]);
    use plantain_testkit::photo;
    all.extend([
        photo::jpeg(),
        photo::jpeg_with_gps(),
        photo::cmyk(),
        photo::sixteen_bit(),
        photo::animated_webp(),
        photo::truncated(),
    ]);
    all
}

/// What is measured beside the file.
fn beside(heard: &mut Heard) {
    for in_photo in [(2000, 900), (900, 700), (300, 90)] {
        heard.rule(&Enlargement { in_photo, in_picture: (1800, 800) }.rule());
    }
    for why in [
        "the product's pixels are the photo's own",
        "the photo is not kept here",
        "no product could be found in the photo",
        "the product is too small or too thin to be compared",
    ] {
        heard.rule(&not_compared(why));
    }
    let (one, matte) = Sample::of((300, 300), 0.8).drawn();
    finished(heard, &one, &matte);
    let (other, its_matte) = Sample { grain: false, ..Sample::of((300, 300), 0.8) }.drawn();
    for (picture, matte_of) in [(&one, &matte), (&other, &its_matte)] {
        let found = compare(Shown { picture: &one, matte: &matte }, Shown { picture, matte: matte_of });
        heard.rule(&found.expect("two products to compare").rule());
    }
}

/// What the finisher alone knows.
fn finished(heard: &mut Heard, picture: &Picture, matte: &Matte) {
    let (to_the_edge, its_matte) = Sample::of((300, 300), 1.0).drawn();
    let presets = Presets::builtin();
    for (id, frame) in ["amazon_main", "amazon_additional"]
        .into_iter()
        .flat_map(|id| [PhotoFrame::Clear, PhotoFrame::Filled, PhotoFrame::Cuts].map(|frame| (id, frame)))
    {
        let preset = Preset { canvas: (300, 300), ..presets.get(id).unwrap().clone() };
        let options = FinishOptions { photo_frame: frame, ..FinishOptions::default() };
        for (picture, matte) in [(picture, matte), (&to_the_edge, &its_matte)] {
            let done = finish_measured(picture, matte, &preset, &options, None).expect("it shows a product");
            heard.rule(done.report.rule("whole").expect("it is always told"));
        }
    }
}

/// Rules that not every marketplace has, and one that small samples are too plain for.
const NOT_EVERYWHERE: [&str; 4] = ["dpi", "jpeg_quality", "identity", "sharpness"];

/// One preset in six, so that the parts run beside each other.
#[track_caller]
fn part(of: usize) {
    let mut heard = Heard::default();
    let presets = Presets::builtin();
    let mine: Vec<&Preset> =
        presets.iter().enumerate().filter(|(n, _)| n % 6 == of).map(|(_, preset)| preset).collect();
    let smallest = mine.iter().min_by_key(|preset| preset.min_long_side).expect("a part has presets");
    lawful(&mut heard, smallest);
    files().iter().for_each(|bytes| heard.file(bytes, &Claims::default(), smallest));
    let drawn = Unlawful::drawn();
    mine.iter().for_each(|preset| unlawful(&mut heard, &drawn, preset));
    beside(&mut heard);
    for (rule, outcomes) in heard.outcomes.iter().filter(|(rule, _)| !NOT_EVERYWHERE.contains(rule)) {
        let missed = outcomes.contains("Fail") || outcomes.contains("Warn");
        assert!(missed && outcomes.contains("Pass"), "{rule} came out as {outcomes:?} alone");
    }
    assert!(heard.outcomes.len() >= 24, "{:?}", heard.outcomes.keys());
    assert_heard(&heard);
}

fn assert_heard(heard: &Heard) {
    // Codes of documents, and names of files as somebody wrote them.
    let documents = heard.said.iter().filter_map(|said| said.split_once(", read ").or(said.split_once(" (")));
    let mut values: Vec<&str> =
        documents.map(|(documents, _)| documents).filter(|text| *text != "our choice").collect();
    values.retain(|documents| !documents.contains("product") && documents.contains(|c: char| c.is_ascii_uppercase()));
    values.extend(["größe & maß.png mug_x.jpg image/gif"]);
    values.extend(heard.names.iter().map(String::as_str));
    let faults: Vec<String> = heard.said.iter().filter_map(|said| fault(said, &values)).collect();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), heard.said.len(), faults.join("\n"));
}

#[test]
fn every_sentence_of_a_report_is_told_for_part_0_of_the_presets() {
    part(0);
}

#[test]
fn every_sentence_of_a_report_is_told_for_part_1_of_the_presets() {
    part(1);
}

#[test]
fn every_sentence_of_a_report_is_told_for_part_2_of_the_presets() {
    part(2);
}

#[test]
fn every_sentence_of_a_report_is_told_for_part_3_of_the_presets() {
    part(3);
}

#[test]
fn every_sentence_of_a_report_is_told_for_part_4_of_the_presets() {
    part(4);
}

#[test]
fn every_sentence_of_a_report_is_told_for_part_5_of_the_presets() {
    part(5);
}
