//! Questions to what lies behind the product: its colour and the shadow on it.

use crate::bitmap::Bitmap;
use crate::check::report::{MaskSource, Outcome, RuleResult, must};
use crate::check::zones::{Levels, NEAR, Product, ShadowFacts, ring};
use crate::picture::Picture;
use crate::preset::{Background, Preset, ShadowRule};

/// Pixels darker than this beside the product are remains of the old background, not the encoder's ringing.
pub(crate) const NEAR_FLOOR: u8 = 225;
const NEARLY_WHITE: u8 = 250;
/// W2's share of far pixels that must be nearly white.
const FAR_SHARE: f64 = 0.995;

/// Mean and spread of the ring's channels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct RingFacts {
    pub mean: [f64; 3],
    pub deviation: [f64; 3],
}

impl RingFacts {
    pub(crate) fn measure(picture: &Picture) -> RingFacts {
        let ring = ring(picture.width(), picture.height());
        let (mut count, mut sum, mut squares) = (0u64, [0u64; 3], [0u64; 3]);
        let width = picture.width() as usize;
        for y in 0..picture.height() as usize {
            for (from, to) in ring.runs(y) {
                let pixels = picture.rgb()[(y * width + from) * 3..(y * width + to) * 3].as_chunks::<3>().0;
                count += pixels.len() as u64;
                for pixel in pixels {
                    for (channel, value) in pixel.iter().enumerate() {
                        sum[channel] += u64::from(*value);
                        squares[channel] += u64::from(*value).pow(2);
                    }
                }
            }
        }
        let mean = sum.map(|s| s as f64 / count as f64);
        let deviation = [0, 1, 2].map(|c| (squares[c] as f64 / count as f64 - mean[c].powi(2)).max(0.0).sqrt());
        RingFacts { mean, deviation }
    }

    /// Difference of the lightest and the darkest channel's mean.
    pub(crate) fn spread(&self) -> f64 {
        let max = self.mean.iter().copied().fold(0.0, f64::max);
        max - self.mean.iter().copied().fold(255.0, f64::min)
    }

    pub(crate) fn darkest_mean(&self) -> f64 {
        self.mean.iter().copied().fold(255.0, f64::min)
    }

    pub(crate) fn lightest_mean(&self) -> f64 {
        self.mean.iter().copied().fold(0.0, f64::max)
    }

    pub(crate) fn worst_deviation(&self) -> f64 {
        self.deviation.iter().copied().fold(0.0, f64::max)
    }

    /// Whether a light background in one of the grey codes holds; `None` for codes that the ring does not decide.
    pub(crate) fn holds(&self, background: Background) -> Option<bool> {
        let (darkest, spread, deviation) = (self.darkest_mean(), self.spread(), self.worst_deviation());
        match background {
            Background::N1 => Some(darkest >= 225.0 && spread <= 8.0 && deviation <= 4.0),
            Background::G1 => {
                Some(darkest >= 225.0 && self.lightest_mean() <= 248.0 && spread <= 6.0 && deviation <= 5.0)
            }
            Background::W1 | Background::W2 | Background::F0 => None,
        }
    }
}

/// Pixels of a zone that break the rule.
struct Zone {
    name: &'static str,
    size: u64,
    wrong: Bitmap,
}

impl Zone {
    fn new(name: &'static str, area: &Bitmap, wrong: &Bitmap) -> Zone {
        Zone { name, size: area.count(), wrong: wrong.and(area) }
    }

    /// Of a zone that has pixels.
    fn share_right(&self) -> f64 {
        1.0 - self.wrong.count() as f64 / self.size.max(1) as f64
    }

    /// Like `far 99.982 % (31 px off, darkest 251 at 12,40)`.
    fn words(&self, levels: &Levels) -> String {
        match levels.darkest_in(&self.wrong) {
            None if self.size == 0 => format!("{} no pixel", self.name),
            None => format!("{} 100 %", self.name),
            Some((level, (x, y))) => format!(
                "{} {:.3} % ({} px off, darkest {level} at {x},{y})",
                self.name,
                (self.share_right() * 100.0).min(99.999),
                self.wrong.count()
            ),
        }
    }
}

/// The far zone: beyond the collar of the product and of a shadow that the preset permits.
fn far(product: Option<&Product>, shadow: Option<&Bitmap>, size: (u32, u32)) -> Bitmap {
    let mut close = product.map_or_else(|| Bitmap::empty(size.0, size.1), |p| p.touched.grown(NEAR));
    if let Some(shadow) = shadow {
        close = close.or(&shadow.grown(NEAR));
    }
    close.not()
}

pub(in crate::check) struct Behind<'a> {
    pub picture: &'a Picture,
    pub levels: &'a Levels,
    pub product: Option<&'a Product>,
    pub mask: MaskSource,
    /// `None` where no mask was given, or the background is too busy.
    pub shadow: Option<&'a ShadowFacts>,
}

impl Behind<'_> {
    fn size(&self) -> (u32, u32) {
        (self.picture.width(), self.picture.height())
    }

    /// The permitted part of the shadow; where none is permitted, none is excused.
    fn permitted(&self, rule: ShadowRule) -> Option<&Bitmap> {
        self.shadow.filter(|_| rule != ShadowRule::None).map(|facts| &facts.region)
    }
}

pub(in crate::check) fn background(preset: &Preset, behind: &Behind<'_>) -> RuleResult {
    let result = RuleResult::new("background", "Background").from(preset, "background");
    match preset.background {
        Background::W1 => pure_white(preset, behind, result),
        Background::W2 => nearly_white(preset, behind, result),
        Background::N1 | Background::G1 => neutral(preset.background, behind, result),
        Background::F0 => {
            let [r, g, b] = RingFacts::measure(behind.picture).mean.map(|v| v.round() as u8);
            result.requires("no rule").found(format!("frame colour {r},{g},{b}"))
        }
    }
}

fn pure_white(preset: &Preset, behind: &Behind<'_>, result: RuleResult) -> RuleResult {
    let (size, levels) = (behind.size(), behind.levels);
    let permitted = behind.permitted(preset.shadow);
    let not_white = levels.below(255);
    let ring = Zone::new("outer 2 %", &ring(size.0, size.1), &not_white);
    let far = Zone::new("away from the product", &far(behind.product, permitted, size), &not_white);
    let collar = behind.product.map(|product| {
        let collar = collar(product);
        let collar = permitted.map_or(collar.clone(), |shadow| collar.minus(shadow));
        Zone::new("beside the product", &collar, &levels.below(NEAR_FLOOR))
    });
    let zones: Vec<&Zone> = [Some(&ring), Some(&far), collar.as_ref()].into_iter().flatten().collect();
    let holds = zones.iter().all(|zone| zone.wrong.is_empty());
    let fix = match behind.mask {
        MaskSource::Given => {
            "wipe what is left of the old background off with the brush, draw a box around the product, or photograph it \
             before a darker background"
        }
        MaskSource::Found | MaskSource::Missing => {
            "lay the cut-out on exact white and save as JPEG 4:4:4 at quality 90 or more"
        }
    };
    let words: Vec<String> = zones.iter().map(|zone| zone.words(levels)).collect();
    result
        .requires("exact white (255) at the frame and away from the product, no remains beside it (225 or lighter)")
        .found(words.join("; "))
        .judged(outcome(holds, &zones), fix)
}

/// A zone without a pixel says nothing, and lets nothing pass.
fn outcome(holds: bool, zones: &[&Zone]) -> Outcome {
    match holds && zones.iter().any(|zone| zone.size == 0) {
        true => Outcome::NotMeasured,
        false => must(holds),
    }
}

fn collar(product: &Product) -> Bitmap {
    product.touched.grown(NEAR).minus(&product.touched)
}

pub(in crate::check) fn is_clean_beside(levels: &Levels, product: &Product) -> bool {
    levels.below(NEAR_FLOOR).and(&collar(product)).is_empty()
}

fn nearly_white(preset: &Preset, behind: &Behind<'_>, result: RuleResult) -> RuleResult {
    let (size, levels) = (behind.size(), behind.levels);
    let grey = levels.below(NEARLY_WHITE);
    let ring = Zone::new("outer 2 %", &ring(size.0, size.1), &grey);
    // What is light enough is background, whatever casts it: an even 250 is no shadow that covers all.
    let shadow = behind.permitted(preset.shadow).map(|shadow| shadow.and(&grey));
    let far = Zone::new("away from the product", &far(behind.product, shadow.as_ref(), size), &grey);
    let holds = ring.wrong.is_empty() && far.share_right() >= FAR_SHARE;
    result
        .requires("250 or lighter at the frame and on 99.5 % away from the product")
        .found(format!("{}; {}", ring.words(levels), far.words(levels)))
        .judged(outcome(holds, &[&ring, &far]), "lay the cut-out on white")
}

fn neutral(background: Background, behind: &Behind<'_>, result: RuleResult) -> RuleResult {
    let facts = RingFacts::measure(behind.picture);
    let required = match background {
        Background::G1 => "frame of light grey: mean 225 to 248, channels within 6, deviation at most 5",
        _ => "frame of a light neutral: mean 225 or more, channels within 8, deviation at most 4",
    };
    let [r, g, b] = facts.mean;
    result
        .requires(required)
        .found(format!(
            "mean {r:.1},{g:.1},{b:.1}, channels within {:.1}, deviation {:.1}",
            facts.spread(),
            facts.worst_deviation()
        ))
        .judged(must(facts.holds(background) == Some(true)), "lay the cut-out on a plain light grey, about 240")
}

pub(in crate::check) fn shadow(preset: &Preset, behind: &Behind<'_>) -> RuleResult {
    let result = RuleResult::new("shadow", "Shadow").from(preset, "shadow");
    let required = required_shadow(preset.shadow);
    if preset.shadow == ShadowRule::Any {
        return result.requires(required).found("not looked at");
    }
    let Some(facts) = behind.shadow else {
        return result.requires(required).found("not told from the product without its mask, on a plain background");
    };
    let measured = match facts.darkest {
        None if facts.elsewhere == 0 => "none".to_owned(),
        None => format!("{} px of it not under the product", facts.elsewhere),
        Some(level) => format!(
            "{:.2} % of the picture, darkest {level}, {} px in the outer 2 %, {} px not under the product",
            facts.area() * 100.0,
            facts.in_ring,
            facts.elsewhere
        ),
    };
    let holds = facts.obey(preset.shadow.limits());
    result.requires(required).found(measured).judged(must(holds), "remove the shadow or make it smaller and lighter")
}

fn required_shadow(rule: ShadowRule) -> String {
    match (rule, rule.limits()) {
        (ShadowRule::Any, _) => "no rule".into(),
        (_, None) => "none".into(),
        (_, Some(limits)) => format!(
            "at most {:.0} % of the picture, {} the product, no channel under {}, clear of the frame",
            limits.max_area * 100.0,
            if rule == ShadowRule::Soft { "touching" } else { "under" },
            limits.min_level
        ),
    }
}

/// The level that shadows and clutter are darker than.
pub(in crate::check) fn reference(background: Background, levels: &Levels, size: (u32, u32)) -> u8 {
    /// A sweep's darkest corner is still background.
    const DARK_CORNER: f64 = 0.02;
    match background {
        Background::W1 | Background::W2 => 255,
        Background::N1 | Background::G1 | Background::F0 => levels.quantile(&ring(size.0, size.1), DARK_CORNER),
    }
}

/// Said where nothing could be decided.
pub(in crate::check) fn undecided(rule: &'static str, title: &'static str, why: &str) -> RuleResult {
    RuleResult::new(rule, title).found(why).judged(Outcome::NotMeasured, "")
}
