//! Every written rule against every preset, on encoded files: one that keeps it, and one that breaks it by a little.

use jpeg_encoder::{ColorType, Encoder, PixelDensity, PixelDensityUnit, SamplingFactor};
use plantain_media::check::{Claims, Generated, Outcome, Report, check_claims};
use plantain_media::picture::{Matte, Picture, Rect};
use plantain_media::preset::{AiTag, Background, Format, Preset, Presets, ShadowRule};

use crate::check_files::exif;

/// A picture as simple as a rule needs.
#[derive(Clone)]
struct Sample {
    size: (u32, u32),
    ground: u8,
    products: Vec<Rect>,
    /// Painted before the products.
    patches: Vec<(Rect, u8)>,
}

impl Sample {
    /// Keeps every rule, at the smallest size that the marketplace takes.
    fn of(preset: &Preset) -> Sample {
        let (wide, high) = (f64::from(preset.canvas.0), f64::from(preset.canvas.1));
        let scale =
            (f64::from(preset.min_long_side) / wide.max(high)).max(f64::from(preset.min_short_side) / wide.min(high));
        let size = ((wide * scale).ceil() as u32, (high * scale).ceil() as u32);
        let ground = if preset.background.is_white() || preset.background == Background::F0 { 255 } else { 240 };
        Sample { size, ground, products: vec![framed(size, f64::from(preset.fill.target))], patches: Vec::new() }
    }

    fn product(&self) -> Rect {
        self.products[0]
    }

    fn with(mut self, area: Rect, level: u8) -> Sample {
        self.patches.push((area, level));
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
                let (at, grain) = ((y * width + x) as usize, ((x * 31 + y * 17) % 23) as u8);
                picture.rgb_mut()[at * 3..at * 3 + 3].copy_from_slice(&[120 + grain, 80 + grain, 50]);
                matte.alpha_mut()[at] = 255;
            });
        }
        (picture, matte)
    }
}

fn each(area: Rect, mut visit: impl FnMut(u32, u32)) {
    (area.y..area.y + area.height).for_each(|y| (area.x..area.x + area.width).for_each(|x| visit(x, y)));
}

/// A box in the middle that takes this share of the canvas along the limiting axis.
fn framed((width, height): (u32, u32), fill: f64) -> Rect {
    let (across, down) = ((f64::from(width) * fill).round() as u32, (f64::from(height) * fill * 0.8).round() as u32);
    Rect { x: (width - across) / 2, y: (height - down) / 2, width: across, height: down }
}

/// How the file is written.
#[derive(Default)]
struct Written {
    profile: Option<Vec<u8>>,
    exif: Option<Vec<u8>>,
    dpi: Option<u16>,
}

fn jpeg(picture: &Picture, preset: &Preset, written: &Written) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 95);
    encoder.set_sampling_factor(SamplingFactor::F_1_1);
    if let Some(dpi) = written.dpi.or(preset.min_dpi) {
        encoder.set_density(PixelDensity { density: (dpi, dpi), unit: PixelDensityUnit::Inches });
    }
    if let Some(profile) = &written.profile {
        encoder.add_icc_profile(profile).unwrap();
    }
    if let Some(exif) = &written.exif {
        encoder.add_exif_metadata(exif).unwrap();
    }
    encoder.encode(picture.rgb(), picture.width() as u16, picture.height() as u16, ColorType::Rgb).unwrap();
    bytes
}

fn png(picture: &Picture, kind: png::ColorType, depth: png::BitDepth) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width(), picture.height());
    encoder.set_color(kind);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::Fast);
    let pixels = picture.rgb();
    let data: Vec<u8> = match (kind, depth) {
        (png::ColorType::Rgba, _) => pixels.chunks(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect(),
        (_, png::BitDepth::Sixteen) => pixels.iter().flat_map(|v| [*v, *v]).collect(),
        _ => pixels.to_vec(),
    };
    encoder.write_header().unwrap().write_image_data(&data).unwrap();
    bytes
}

/// A name that a file of this preset may have.
fn name(preset: &Preset) -> String {
    let identifier = if preset.name.contains("{gtin14}") { "00012345600012" } else { "B0ABCDEF12" };
    preset.file_name(Some(identifier), 1, "mug").name
}

/// The marketplace's side of one test.
struct Case<'a> {
    preset: &'a Preset,
    base: Sample,
}

impl Case<'_> {
    fn file(&self, bytes: &[u8], file_name: &str, matte: &Matte, more: &Claims<'_>) -> Report {
        let claims = Claims { file_name: Some(file_name), matte: Some(matte), ..*more };
        check_claims(bytes, &claims, self.preset)
    }

    fn drawn(&self, sample: &Sample) -> Report {
        let (picture, matte) = sample.drawn();
        let bytes = jpeg(&picture, self.preset, &Written::default());
        self.file(&bytes, &name(self.preset), &matte, &Claims::default())
    }

    #[track_caller]
    fn comes_out(&self, report: &Report, rule: &str, outcome: Outcome, what: &str) {
        let result = report.rule(rule).unwrap_or_else(|| panic!("{}: no row for {rule}", self.preset.id));
        assert_eq!(result.outcome, outcome, "{}, {what}: {result:#?}", self.preset.id);
        if matches!(outcome, Outcome::Fail | Outcome::Warn) {
            assert!(!result.fix.is_empty(), "{}, {what}: nothing says what to do", self.preset.id);
            assert!(!result.required.is_empty() && !result.measured.is_empty(), "{}, {what}", self.preset.id);
        }
    }

    /// The sample breaks the rule.
    #[track_caller]
    fn breaks(&self, rule: &str, sample: &Sample, what: &str) {
        self.comes_out(&self.drawn(sample), rule, Outcome::Fail, what);
    }

    /// The sample comes near to breaking it.
    #[track_caller]
    fn keeps(&self, rule: &str, sample: &Sample, what: &str) {
        self.comes_out(&self.drawn(sample), rule, Outcome::Pass, what);
    }

    fn lawful(&self) {
        let report = self.drawn(&self.base);
        let failed: Vec<_> = report.results.iter().filter(|result| result.outcome == Outcome::Fail).collect();
        assert!(report.passed, "{}: {failed:#?}", self.preset.id);
        // Every row of the written rules is there, also where this marketplace has no such rule.
        for rule in [
            "file_type",
            "dimensions",
            "aspect",
            "bytes",
            "colour",
            "alpha",
            "metadata",
            "dpi",
            "jpeg_quality",
            "fill",
            "frame",
            "centring",
            "stray",
            "single_product",
            "sharpness",
            "provenance",
            "file_name",
            "background",
            "shadow",
        ] {
            assert!(report.rule(rule).is_some(), "{}: no row for {rule}", self.preset.id);
        }
    }

    /// 3.1: ring, far and near, or the frame's mean.
    fn background(&self) {
        let corner = Rect { x: 0, y: 0, width: 16, height: 8 };
        let Rect { x, y, width, height } = self.base.product();
        let between = Rect { x: x + 16, y: y / 2, width: 64, height: 16 };
        let beside = Rect { x: x + 40, y: y + height, width: 60, height: 3 };
        let all = |ground| Sample { ground, ..self.base.clone() };
        match self.preset.background {
            Background::W1 => {
                self.breaks("background", &self.base.clone().with(corner, 254), "one level in a corner");
                self.breaks("background", &self.base.clone().with(between, 254), "one level away from the product");
                if self.preset.shadow == ShadowRule::None {
                    self.breaks("background", &self.base.clone().with(beside, 215), "a remain beside the product");
                }
            }
            Background::W2 => {
                self.keeps("background", &all(250), "250 all over");
                self.breaks("background", &self.base.clone().with(corner, 249), "249 in a corner");
                let band = |rows| Rect { x, y: y / 2 - rows / 2, width, height: rows };
                let share = |of: f64| {
                    (of * f64::from(self.base.size.0) * f64::from(self.base.size.1) / f64::from(width)) as u32
                };
                self.breaks("background", &self.base.clone().with(band(share(0.006).max(2)), 248), "0.6 % under 250");
            }
            Background::N1 => {
                self.keeps("background", &all(226), "226");
                self.breaks("background", &all(223), "223");
            }
            Background::G1 => {
                self.keeps("background", &all(247), "247");
                self.breaks("background", &all(250), "250");
                self.breaks("background", &all(223), "223");
            }
            Background::F0 => self.comes_out(&self.drawn(&all(120)), "background", Outcome::NotMeasured, "any ground"),
        }
    }

    /// 3.1: level and area of a shadow under the product.
    fn shadow(&self) {
        let Rect { x, y, width, height } = self.base.product();
        let under = |rows, level: u8| {
            self.base.clone().with(Rect { x: x + 4, y: y + height - 2, width: width - 8, height: rows + 2 }, level)
        };
        let share =
            |of: f64| (of * f64::from(self.base.size.1) * f64::from(self.base.size.0) / f64::from(width)) as u32;
        let bounds = self.preset.shadow.limits();
        match (self.preset.shadow, bounds) {
            (ShadowRule::Any, _) => {
                self.comes_out(&self.drawn(&under(9, 90)), "shadow", Outcome::NotMeasured, "any shadow")
            }
            (_, None) => self.breaks("shadow", &under(9, 240), "a faint shadow"),
            (_, Some(limits)) => {
                let ground = f64::from(self.base.ground) / 255.0;
                let level = |level: u8| (f64::from(level) * ground.max(0.99)) as u8;
                self.keeps("shadow", &under(9, level(limits.min_level + 24)), "a lawful shadow");
                self.breaks("shadow", &under(9, limits.min_level - 6), "a shadow too dark");
                let room = self.base.size.1 - y - height - self.base.size.1 / 40;
                let rows = share(limits.max_area + 0.01);
                if rows < room {
                    self.breaks("shadow", &under(rows, limits.min_level + 15), "a shadow too large");
                }
            }
        }
    }

    /// 3.2, 7 to 10: fill, frame, middle, strays, number.
    fn framing(&self) {
        let product = self.base.product();
        let placed = |product| Sample { products: vec![product], ..self.base.clone() };
        let (width, height) = self.base.size;
        let rule = &self.preset.fill;
        if rule.is_ruled() {
            for (rule, fill, what) in [
                ("fill", f64::from(rule.min) - 0.01, "a percent too small"),
                ("fill", f64::from(rule.max) + 0.01, "a percent too large"),
            ] {
                self.breaks(rule, &placed(framed(self.base.size, fill)), what);
            }
            let down = (f64::from(height) * 0.023).ceil() as u32;
            self.keeps("centring", &placed(Rect { y: product.y + down * 3 / 4, ..product }), "1.7 % down");
            self.breaks("centring", &placed(Rect { y: product.y + down, ..product }), "2.3 % down");
        }
        let ring = (f64::from(height) * 0.02) as u32;
        self.breaks("frame", &placed(Rect { y: ring - 2, ..product }), "a pixel in the ring");
        let tall = (f64::from(width) * f64::from(height) * 0.0007 / 40.0).ceil() as u32;
        let thing = |high| Rect { x: product.x + 60, y: ring + 4, width: 40, height: high };
        if self.preset.background != Background::F0 {
            self.breaks("stray", &self.base.clone().with(thing(tall), 40), "0.07 % of something");
            self.keeps("stray", &self.base.clone().with(thing(tall / 2), 40), "0.035 % of something");
        }
        let halves = [0, 1].map(|n| Rect {
            x: product.x + n * (product.width / 2 + 20),
            width: product.width / 2 - 20,
            ..product
        });
        let (picture, matte) = Sample { products: halves.to_vec(), ..self.base.clone() }.drawn();
        let bytes = jpeg(&picture, self.preset, &Written::default());
        for (products, outcome) in [(None, Outcome::Warn), (Some(1), Outcome::Fail), (Some(2), Outcome::Pass)] {
            let report = self.file(&bytes, &name(self.preset), &matte, &Claims { products, ..Claims::default() });
            self.comes_out(&report, "single_product", outcome, "two of them");
        }
    }

    /// 3.2, 1 to 6, 13 and 14: what the file says of itself.
    fn file_rules(&self) {
        let (picture, matte) = self.base.drawn();
        let usual = name(self.preset);
        let none = Claims::default();
        let with = |written: Written| self.file(&jpeg(&picture, self.preset, &written), &usual, &matte, &none);
        let fails = |report: &Report, rule, what| self.comes_out(report, rule, Outcome::Fail, what);
        let good = jpeg(&picture, self.preset, &Written::default());
        let takes = |format| self.preset.formats.contains(&format);
        let stem = usual.rsplit_once('.').unwrap().0;
        fails(&self.file(&good, &format!("{stem}.png"), &matte, &none), "file_type", "another extension");
        let served = Claims { content_type: Some("image/png"), ..none };
        fails(&self.file(&good, &usual, &matte, &served), "file_type", "served as another type");
        let as_png = png(&picture, png::ColorType::Rgb, png::BitDepth::Eight);
        let report = self.file(&as_png, &format!("{stem}.png"), &matte, &none);
        self.comes_out(&report, "file_type", if takes(Format::Png) { Outcome::Pass } else { Outcome::Fail }, "PNG");
        if takes(Format::Png) {
            let failed: Vec<_> = report
                .results
                .iter()
                .filter(|r| r.outcome == Outcome::Fail && !["dpi", "bytes"].contains(&r.rule))
                .collect();
            assert!(failed.is_empty(), "{}, PNG: {failed:#?}", self.preset.id);
        }
        let clear = png(&picture, png::ColorType::Rgba, png::BitDepth::Eight);
        fails(&self.file(&clear, &format!("{stem}.png"), &matte, &none), "alpha", "an alpha channel");
        let deep = png(&picture, png::ColorType::Rgb, png::BitDepth::Sixteen);
        fails(&self.file(&deep, &format!("{stem}.png"), &matte, &none), "colour", "16 bits");
        let mut large = good.clone();
        large.resize(self.preset.max_bytes as usize, 0);
        assert_ne!(self.file(&large, &usual, &matte, &none).rule("bytes").unwrap().outcome, Outcome::Fail);
        large.push(0);
        fails(&self.file(&large, &usual, &matte, &none), "bytes", "one byte too many");
        let adobe = moxcms::ColorProfile::new_adobe_rgb().encode().unwrap();
        fails(&with(Written { profile: Some(adobe), ..Written::default() }), "colour", "Adobe RGB");
        let srgb = moxcms::ColorProfile::new_srgb().encode().unwrap();
        self.comes_out(&with(Written { profile: Some(srgb), ..Written::default() }), "colour", Outcome::Pass, "sRGB");
        for (entry, what) in [
            (exif(&[(0x0112, 3, 6)]), "turned"),
            (exif(&[(0x8825, 4, 0)]), "a place"),
            (exif(&[(0xa431, 2, 0)]), "a serial number"),
        ] {
            fails(&with(Written { exif: Some(entry), ..Written::default() }), "metadata", what);
        }
        if let Some(least) = self.preset.min_dpi {
            fails(&with(Written { dpi: Some(least - 1), ..Written::default() }), "dpi", "one dot too few");
        }
        let made = Claims { generated: Generated::Everything, ..none };
        let untagged = self.file(&good, &usual, &matte, &made);
        let outcome = if self.preset.ai_tag == Some(AiTag::Required) { Outcome::Fail } else { Outcome::Warn };
        self.comes_out(&untagged, "provenance", outcome, "generated and not tagged");
        let odd = self.file(&good, "größe & maß.jpg", &matte, &none).rule("file_name").unwrap().outcome;
        assert!(matches!(odd, Outcome::Fail | Outcome::Warn), "{}: any name passes", self.preset.id);
    }

    /// 3.2, 2: a pixel too few, a percent too wide.
    fn sizes(&self) {
        let (width, height) = self.base.size;
        let sized = |size: (u32, u32)| Sample {
            size,
            products: vec![framed(size, f64::from(self.preset.fill.target))],
            ..self.base.clone()
        };
        let smaller = ((f64::from(width) * 0.995) as u32, (f64::from(height) * 0.995) as u32);
        let outcome = if self.preset.hard_min_long_side.is_some() { Outcome::Warn } else { Outcome::Fail };
        self.comes_out(&self.drawn(&sized(smaller)), "dimensions", outcome, "half a percent too small");
        self.breaks("aspect", &sized((width + width / 100, height)), "a percent too wide");
    }
}

/// One preset in six, so that the parts run beside each other.
#[track_caller]
fn part(of: usize) {
    let presets = Presets::builtin();
    let mut tried = 0;
    for preset in presets.iter().enumerate().filter(|(n, _)| n % 6 == of).map(|(_, preset)| preset) {
        let case = Case { preset, base: Sample::of(preset) };
        case.lawful();
        case.background();
        case.shadow();
        case.framing();
        case.file_rules();
        case.sizes();
        tried += 1;
    }
    assert_eq!(tried, 3);
}

#[test]
fn every_rule_is_measured_for_part_0_of_the_presets() {
    part(0);
}

#[test]
fn every_rule_is_measured_for_part_1_of_the_presets() {
    part(1);
}

#[test]
fn every_rule_is_measured_for_part_2_of_the_presets() {
    part(2);
}

#[test]
fn every_rule_is_measured_for_part_3_of_the_presets() {
    part(3);
}

#[test]
fn every_rule_is_measured_for_part_4_of_the_presets() {
    part(4);
}

#[test]
fn every_rule_is_measured_for_part_5_of_the_presets() {
    part(5);
}

/// Myntra's two shapes: each is the wrong one for the other.
#[test]
fn myntras_portrait_and_square_are_told_apart() {
    let presets = Presets::builtin();
    for (id, size, outcome) in [
        ("myntra_main", (1080, 1440), Outcome::Pass),
        ("myntra_main", (1440, 1440), Outcome::Fail),
        ("myntra_main", (1440, 1080), Outcome::Fail),
        ("myntra_apparel", (1500, 2000), Outcome::Pass),
        ("myntra_apparel", (1500, 1500), Outcome::Fail),
        ("myntra_square", (1500, 1500), Outcome::Pass),
        ("myntra_square", (1500, 2000), Outcome::Fail),
    ] {
        let preset = presets.get(id).unwrap();
        let case = Case { preset, base: Sample::of(preset) };
        let sample = Sample { size, products: vec![framed(size, 0.88)], ..case.base.clone() };
        case.comes_out(&case.drawn(&sample), "aspect", outcome, &format!("{size:?}"));
    }
}
