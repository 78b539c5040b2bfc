//! The outcome of a check, as data; rendering belongs to whoever shows it.

use serde::Serialize;

use crate::preset::Preset;

/// How one rule came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pass,
    /// The marketplace takes the picture and may complain.
    Warn,
    Fail,
    /// It could not be measured on this file, or the marketplace has no such rule.
    NotMeasured,
}

/// One rule, what it asks, what the file has, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleResult {
    pub rule: &'static str,
    pub title: &'static str,
    pub required: String,
    pub measured: String,
    pub outcome: Outcome,
    /// What the seller can do; empty where nothing is to be done.
    pub fix: String,
    /// Documents behind the rule with certainty and date; empty for our own.
    pub source: String,
}

/// Where the product mask came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskSource {
    /// Given with the picture.
    Given,
    /// Found as what differs from the background. White products may be misjudged.
    Found,
    /// None was given and none could be found.
    Missing,
}

/// Every rule of a preset, measured on one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub preset: String,
    /// The name that was checked, where one was given.
    pub file: Option<String>,
    /// 0 where the file is no readable picture.
    pub width: u32,
    pub height: u32,
    pub bytes: u64,
    pub mask: MaskSource,
    pub results: Vec<RuleResult>,
    /// No rule failed. Warnings don't count.
    pub passed: bool,
}

impl Report {
    pub(super) fn new(preset: &Preset, file: Option<&str>, bytes: &[u8]) -> Report {
        Report {
            preset: preset.id.clone(),
            file: file.map(str::to_owned),
            width: 0,
            height: 0,
            bytes: bytes.len() as u64,
            mask: MaskSource::Missing,
            results: Vec::new(),
            passed: true,
        }
    }

    /// Adds a rule that was measured elsewhere, such as one that needs the source photo.
    pub fn add(&mut self, result: RuleResult) {
        self.passed &= result.outcome != Outcome::Fail;
        self.results.push(result);
    }

    pub fn rule(&self, rule: &str) -> Option<&RuleResult> {
        self.results.iter().find(|result| result.rule == rule)
    }
}

impl RuleResult {
    /// A rule that has not been measured yet; the methods below fill it in.
    pub fn new(rule: &'static str, title: &'static str) -> RuleResult {
        RuleResult {
            rule,
            title,
            required: String::new(),
            measured: String::new(),
            outcome: Outcome::NotMeasured,
            fix: String::new(),
            source: String::new(),
        }
    }

    pub fn requires(mut self, required: impl Into<String>) -> RuleResult {
        self.required = required.into();
        self
    }

    pub fn found(mut self, measured: impl Into<String>) -> RuleResult {
        self.measured = measured.into();
        self
    }

    /// `fix` is kept only where there is something to do.
    pub fn judged(mut self, outcome: Outcome, fix: impl Into<String>) -> RuleResult {
        self.outcome = outcome;
        self.fix = if matches!(outcome, Outcome::Warn | Outcome::Fail) { fix.into() } else { String::new() };
        self
    }

    pub fn from(mut self, preset: &Preset, rule: &str) -> RuleResult {
        self.source = preset.source_of(rule);
        self
    }
}

/// Pass or fail.
pub(super) fn must(holds: bool) -> Outcome {
    if holds { Outcome::Pass } else { Outcome::Fail }
}

/// Pass or warn.
pub(super) fn should(holds: bool) -> Outcome {
    if holds { Outcome::Pass } else { Outcome::Warn }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::Presets;

    #[test]
    fn a_report_passes_until_a_rule_fails() {
        let mut report = Report::new(Presets::builtin().get("ebay").unwrap(), None, b"");
        for (outcome, passed) in
            [(Outcome::Pass, true), (Outcome::Warn, true), (Outcome::NotMeasured, true), (Outcome::Fail, false)]
        {
            report.add(RuleResult::new("blur", "Sharpness").judged(outcome, "sharpen"));
            assert_eq!(report.passed, passed, "{outcome:?}");
        }
        report.add(RuleResult::new("x", "X").judged(Outcome::Pass, "nothing"));
        assert!(!report.passed, "a later pass does not heal a failure");
        assert_eq!(report.rule("x").unwrap().fix, "");
    }
}
