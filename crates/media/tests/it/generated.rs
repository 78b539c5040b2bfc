//! What models answer with, finished for every preset, and read by a second opinion that shares no code with the check.

use plantain_media::check::{Outcome, RuleResult};
use plantain_media::decode::{Limits, decode};
use plantain_media::encode::{Chroma, EncodeOptions, Provenance, encode};
use plantain_media::finish::{FinishOptions, Measured, finish_measured};
use plantain_media::picture::{Matte, Picture};
use plantain_media::preset::{Format, Presets};

use crate::independent::{broken_rules, card, cards};

/// A small generator of repeatable numbers.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * (self.below(1 << 20) as f64 / f64::from(1 << 20))
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Backdrop {
    White,
    OffWhite,
    Tinted,
    Gradient,
    Vignette,
    Grey,
    Scene,
}

const BACKDROPS: [Backdrop; 7] = [
    Backdrop::White,
    Backdrop::OffWhite,
    Backdrop::Tinted,
    Backdrop::Gradient,
    Backdrop::Vignette,
    Backdrop::Grey,
    Backdrop::Scene,
];

#[derive(Clone, Copy, Debug)]
pub enum Body {
    Ellipse,
    Box,
    /// An open ring, so that background shows inside.
    Handle,
}

/// One picture as a model might make it.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub size: (u32, u32),
    pub backdrop: Backdrop,
    pub body: Body,
    pub colour: [f64; 3],
    /// Shares of the picture: middle and half sides.
    pub middle: (f64, f64),
    pub half: (f64, f64),
    /// How much the cast shadow takes away; 0 for none.
    pub shadow: f64,
    pub grain: f64,
}

impl Case {
    fn drawn(seed: u64) -> Case {
        let mut chance = Seeded(seed.wrapping_mul(977).wrapping_add(12_345));
        chance.next();
        let half = (chance.between(0.12, 0.5), chance.between(0.12, 0.5));
        Case {
            size: chance.pick(&[(1024, 1024), (832, 1248), (1344, 768), (768, 1024)]),
            backdrop: chance.pick(&BACKDROPS),
            body: chance.pick(&[Body::Ellipse, Body::Box, Body::Handle]),
            colour: chance.pick(&[
                [40.0, 42.0, 50.0],
                [190.0, 60.0, 40.0],
                [244.0, 243.0, 240.0],
                [120.0, 150.0, 90.0],
            ]),
            middle: (chance.between(half.0, 1.0 - half.0), chance.between(half.1, 1.0 - half.1)),
            half,
            shadow: chance.pick(&[0.0, 0.0, 30.0, 90.0]),
            grain: chance.pick(&[0.0, 1.0, 3.0]),
        }
    }

    /// How far inside the product a place is, in pixels; negative outside.
    fn depth(&self, x: f64, y: f64) -> f64 {
        let (w, h) = (f64::from(self.size.0), f64::from(self.size.1));
        let (dx, dy) = ((x - self.middle.0 * w) / (self.half.0 * w), (y - self.middle.1 * h) / (self.half.1 * h));
        let unit = (self.half.0 * w).min(self.half.1 * h);
        match self.body {
            Body::Ellipse => (1.0 - dx.hypot(dy)) * unit,
            Body::Box => ((1.0 - dx.abs()) * self.half.0 * w).min((1.0 - dy.abs()) * self.half.1 * h),
            Body::Handle => (0.35 - (dx.hypot(dy) - 0.65).abs()) * unit,
        }
    }

    fn behind(&self, x: f64, y: f64) -> [f64; 3] {
        let (u, v) = (x / f64::from(self.size.0), y / f64::from(self.size.1));
        let shade = match self.backdrop {
            Backdrop::White => [255.0; 3],
            Backdrop::OffWhite => [251.0, 252.0, 250.0],
            Backdrop::Tinted => [248.0, 243.0, 233.0],
            Backdrop::Gradient => [253.0 - 30.0 * v; 3],
            Backdrop::Vignette => [254.0 - 40.0 * ((u - 0.5).powi(2) + (v - 0.5).powi(2)); 3],
            Backdrop::Grey => [214.0, 215.0, 217.0],
            Backdrop::Scene => [120.0 + 60.0 * (7.0 * u).sin(), 140.0 + 40.0 * (9.0 * v).cos(), 90.0 + 80.0 * v],
        };
        let (w, h) = (f64::from(self.size.0), f64::from(self.size.1));
        let (dx, dy) = ((x - self.middle.0 * w) / (self.half.0 * w), (y / h - self.middle.1 - self.half.1) * 18.0);
        let cast = self.shadow * (-(dx * dx * 1.5 + dy * dy)).exp();
        shade.map(|v| v - cast)
    }

    pub fn painted(&self) -> (Picture, Matte) {
        let mut chance = Seeded(7);
        let (mut rgb, mut alpha) = (Vec::new(), Vec::new());
        for (y, x) in (0..self.size.1).flat_map(|y| (0..self.size.0).map(move |x| (y, x))) {
            let (x, y) = (f64::from(x), f64::from(y));
            let depth = self.depth(x, y);
            let cover = (depth + 0.5).clamp(0.0, 1.0);
            let light = 1.0 - 0.25 * (-depth / 14.0).exp().min(1.0) + 0.04 * (x / 9.0).sin() * (y / 11.0).cos();
            let (product, behind) = (self.colour.map(|v| v * light), self.behind(x, y));
            let grain = self.grain * (chance.between(-1.0, 1.0) + chance.between(-1.0, 1.0));
            rgb.extend(
                [0, 1, 2].map(|c| (behind[c] + (product[c] - behind[c]) * cover + grain).clamp(0.0, 255.0) as u8),
            );
            alpha.push((cover * 255.0).round() as u8);
        }
        let (width, height) = self.size;
        (Picture::new(width, height, rgb), Matte::new(width, height, alpha))
    }
}

/// As it comes over the wire.
fn over_the_wire(picture: &Picture) -> Picture {
    let options = EncodeOptions {
        format: Format::Jpeg,
        max_bytes: u64::MAX,
        min_bytes: None,
        min_jpeg_quality: None,
        chroma: Chroma::Halved,
        min_dpi: None,
        provenance: Provenance::Generated,
    };
    decode(&encode(picture, &options).unwrap().bytes, &Limits::default()).unwrap().picture
}

/// Finished for a preset, as a job's picture is.
fn finished(case: &Case, id: &str) -> Measured {
    let (picture, matte) = case.painted();
    let options = FinishOptions { provenance: Provenance::Generated, ..FinishOptions::default() };
    let presets = Presets::builtin();
    finish_measured(&over_the_wire(&picture), &matte, presets.get(id).unwrap(), &options, None).unwrap()
}

/// Pictures of each preset; every answered pass is read again. None may be refused where it should pass.
#[track_caller]
fn agree(ids: &[String]) {
    const EACH: u64 = 2;
    let mut wrong = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        for seed in 0..EACH {
            let case = Case::drawn(seed * 1009 + n as u64 * 31 + id.len() as u64);
            let Measured { finished, report } = finished(&case, id);
            let broken = broken_rules(&finished.bytes, finished.matte.alpha(), &card(id));
            let failed: Vec<&RuleResult> = report.results.iter().filter(|r| r.outcome == Outcome::Fail).collect();
            if !report.passed || !broken.is_empty() {
                wrong.push(format!("{id} {case:?}: {failed:#?}; second opinion: {broken:?}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:
{}",
        wrong.len(),
        ids.len() as u64 * EACH,
        wrong.join(
            "
"
        )
    );
}

/// One preset in six, so that the six parts run beside each other.
fn sixth(of: usize) -> Vec<String> {
    cards().into_iter().enumerate().filter(|(n, _)| n % 6 == of).map(|(_, id)| id).collect()
}

#[test]
fn a_second_opinion_agrees_on_part_0_of_the_presets() {
    agree(&sixth(0));
}

#[test]
fn a_second_opinion_agrees_on_part_1_of_the_presets() {
    agree(&sixth(1));
}

#[test]
fn a_second_opinion_agrees_on_part_2_of_the_presets() {
    agree(&sixth(2));
}

#[test]
fn a_second_opinion_agrees_on_part_3_of_the_presets() {
    agree(&sixth(3));
}

#[test]
fn a_second_opinion_agrees_on_part_4_of_the_presets() {
    agree(&sixth(4));
}

#[test]
fn a_second_opinion_agrees_on_part_5_of_the_presets() {
    agree(&sixth(5));
}
