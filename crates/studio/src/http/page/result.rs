//! A finished picture as a card: itself, its badge, and the measured rules behind the badge.

use serde::Deserialize;

use crate::http::pictures::preview;
use crate::http::words::Words;
use crate::job::RawJson;
use crate::view::{ImageView, JobView};

/// Share of the canvas that the outline in a waiting frame takes.
const USUAL_FILL: f32 = 0.88;

/// A picture, or the frame in which one will appear.
#[derive(Clone)]
pub struct ResultCard {
    pub n: usize,
    pub waiting: bool,
    pub src: String,
    /// A smaller copy, for the card itself.
    pub preview: String,
    /// All sizes, of which the browser takes what fits its screen.
    pub srcset: String,
    pub download: String,
    /// The photo, and it side by side with the picture.
    pub photo: String,
    pub compare: Option<String>,
    pub matte: Option<String>,
    pub diff: Option<String>,
    /// The seller uses this one.
    pub chosen: bool,
    pub file_name: String,
    pub alt: String,
    pub variant: String,
    pub size: String,
    pub width: u32,
    pub height: u32,
    pub ghost: Ghost,
    pub verdict: &'static str,
    pub badge: String,
    pub rules: Vec<RuleRow>,
}

/// The outline of the product-to-be.
#[derive(Clone, Copy)]
pub struct Ghost {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

#[derive(Clone, Default)]
pub struct RuleRow {
    pub name: String,
    pub required: String,
    pub measured: String,
    pub verdict: &'static str,
    pub verdict_word: String,
    pub fix: String,
    pub source: String,
}

impl ResultCard {
    pub fn new(n: usize, image: &ImageView, preset: &str, words: &Words) -> ResultCard {
        let measured = Measured::read(&image.report);
        let variant = variant(image, n, words);
        ResultCard {
            waiting: false,
            src: image.url.clone(),
            preview: format!("{}?w=640", image.url),
            srcset: preview::srcset(&image.url, image.width),
            download: format!("{}?download", image.url),
            matte: image.matte_url.clone(),
            diff: image.diff_url.clone(),
            file_name: image.file_name.rsplit('/').next().unwrap_or_default().to_owned(),
            alt: words.fill("result.alt", &[("variant", &variant), ("preset", preset)]),
            size: size(image.width, image.height, words),
            verdict: measured.verdict(image.passed),
            badge: measured.badge(image.passed, preset, words),
            rules: measured.results.iter().map(|rule| rule.row(words)).collect(),
            variant,
            ..ResultCard::waiting(n, (image.width, image.height), words)
        }
    }

    /// With the views that need the whole job.
    pub fn beside(self, job: &JobView) -> ResultCard {
        let compare = job.sheet_url.as_ref().filter(|_| job.source_url.is_some() || job.images.len() > 1);
        ResultCard {
            compare: compare.map(|url| format!("{url}?picture={}", self.n)),
            photo: job.source_url.clone().unwrap_or_default(),
            chosen: job.chosen == Some(self.n),
            ..self
        }
    }

    pub fn waiting(n: usize, (width, height): (u32, u32), words: &Words) -> ResultCard {
        let (w, h) = (width as f32, height as f32);
        let share = (1.0 - USUAL_FILL) / 2.0;
        ResultCard {
            n,
            waiting: true,
            src: String::new(),
            preview: String::new(),
            srcset: String::new(),
            download: String::new(),
            photo: String::new(),
            compare: None,
            matte: None,
            diff: None,
            chosen: false,
            file_name: String::new(),
            alt: String::new(),
            variant: words.fill("result.variant", &[("n", &n.to_string())]),
            size: size(width, height, words),
            width,
            height,
            ghost: Ghost { x: w * share, y: h * share, width: w * USUAL_FILL, height: h * USUAL_FILL },
            verdict: "pass",
            badge: String::new(),
            rules: Vec::new(),
        }
    }
}

/// What the model calls its composition, with a capital as headings have.
fn variant(image: &ImageView, n: usize, words: &Words) -> String {
    let Some(name) = image.variant.as_deref().filter(|name| !name.is_empty()) else {
        return words.fill("result.variant", &[("n", &n.to_string())]);
    };
    let told = words.variant(name);
    let mut rest = told.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

fn size(width: u32, height: u32, words: &Words) -> String {
    words.fill("result.size", &[("width", &width.to_string()), ("height", &height.to_string())])
}

/// The part of a check's report that is shown.
#[derive(Default, Deserialize)]
struct Measured {
    #[serde(default)]
    results: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(default)]
    rule: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    required: String,
    #[serde(default)]
    measured: String,
    outcome: Verdict,
    #[serde(default)]
    fix: String,
    #[serde(default)]
    source: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Pass,
    Warn,
    Fail,
    NotMeasured,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
            Verdict::NotMeasured => "not_measured",
        }
    }
}

impl Measured {
    /// A report of another shape shows no rules, and the verdict that came with the picture stands alone.
    fn read(report: &RawJson) -> Measured {
        report.read().unwrap_or_default()
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.results.iter().filter(|rule| rule.outcome == verdict).count()
    }

    fn verdict(&self, passed: bool) -> &'static str {
        match passed {
            false => "fail",
            true if self.count(Verdict::Warn) > 0 => "warn",
            true => "pass",
        }
    }

    fn badge(&self, passed: bool, preset: &str, words: &Words) -> String {
        let (met, remarks) = (self.count(Verdict::Pass), self.count(Verdict::Warn));
        let total = (self.results.len() - self.count(Verdict::NotMeasured)).to_string();
        let met = met.to_string();
        let values = [("preset", preset), ("passed", met.as_str()), ("total", total.as_str())];
        match (passed, remarks) {
            (true, 0) => words.fill("badge.pass", &values),
            (true, n) => words.many("badge.warn", n, &values),
            (false, _) => {
                let missed = self.results.iter().filter(|rule| rule.outcome == Verdict::Fail);
                let names = missed.map(|rule| rule.name(words)).collect::<Vec<_>>().join(", ");
                words.fill("badge.fail", &[("preset", preset), ("names", &names)])
            }
        }
    }
}

impl Rule {
    fn name<'w>(&'w self, words: &'w Words) -> &'w str {
        words.named("check", &self.rule, &self.title)
    }

    fn row(&self, words: &Words) -> RuleRow {
        let verdict = self.outcome.as_str();
        RuleRow {
            name: self.name(words).to_owned(),
            required: words.told(&self.required).into_owned(),
            measured: words.told(&self.measured).into_owned(),
            verdict,
            verdict_word: words.get(&format!("verdict.{verdict}")).to_owned(),
            fix: words.told(&self.fix).into_owned(),
            source: words.told(&self.source).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(outcomes: &[&str]) -> Measured {
        let rule = |(i, outcome): (usize, &&str)| json!({"title": format!("Rule {i}"), "outcome": outcome});
        let results: Vec<_> = outcomes.iter().enumerate().map(rule).collect();
        Measured::read(&RawJson::of(&json!({"results": results})))
    }

    #[test]
    fn a_badge_says_what_was_measured_and_nothing_more() {
        for (outcomes, passed, verdict, badge) in [
            (&["pass", "pass"][..], true, "pass", "Passes Amazon main: 2 of 2 rules"),
            (&["pass", "not_measured"], true, "pass", "Passes Amazon main: 1 of 1 rules"),
            (&["pass", "warn"], true, "warn", "Passes Amazon main: 1 of 2 rules, 1 remark"),
            (&["warn", "warn", "pass"], true, "warn", "Passes Amazon main: 1 of 3 rules, 2 remarks"),
            (&["fail", "pass", "fail"], false, "fail", "Misses Amazon main: Rule 0, Rule 2"),
        ] {
            let report = report(outcomes);
            let told = report.badge(passed, "Amazon main", Words::english());
            assert_eq!((report.verdict(passed), told.as_str()), (verdict, badge));
        }
    }

    #[test]
    fn a_report_of_another_shape_shows_no_rules() {
        for other in [json!(null), json!([]), json!({"results": "x"}), json!({"results": [{"outcome": "maybe"}]})] {
            assert!(Measured::read(&RawJson::of(&other)).results.is_empty(), "{other}");
        }
    }
}
