//! Reports for people: rules as rows, pictures as columns.

use serde::Deserialize;

use super::table::Table;

/// A report as the studio's API and `plantain check --json` carry it, as far as it is shown.
#[derive(Clone, Debug, Deserialize)]
pub struct Report {
    pub results: Vec<Rule>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Rule {
    pub rule: String,
    pub title: String,
    pub required: String,
    pub measured: String,
    pub outcome: Verdict,
    pub fix: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Warn,
    Fail,
    NotMeasured,
}

impl Verdict {
    fn mark(self) -> &'static str {
        match self {
            Verdict::Pass => "✓",
            Verdict::Warn => "!",
            Verdict::Fail => "✗",
            Verdict::NotMeasured => "–",
        }
    }
}

/// Text columns are broken at this width, so that three pictures fit a terminal of 110 columns.
const WIDTH_MAX: usize = 38;

/// Every rule once, a column of marks for each picture (1, 2, …), what was measured, and what is required; below it what
/// to do about those that were not met.
pub fn table(pictures: &[(String, Report)]) -> String {
    let numbers = (1..=pictures.len()).map(|number| number.to_string());
    let heading = ["rule".to_owned()].into_iter().chain(numbers).chain(["measured".to_owned(), "required".to_owned()]);
    let mut table = Table::new(heading).at_most(WIDTH_MAX);
    let mut advice = String::new();
    for (key, title, required) in rules(pictures) {
        let marks = pictures.iter().map(|(_, report)| find(report, key).map_or("", |rule| rule.outcome.mark()));
        let measured = measured(pictures, key);
        table.row([title].into_iter().chain(marks).chain([measured.as_str(), required]));
        advice.push_str(&advice_on(pictures, key, title));
    }
    table.render() + &advice
}

/// Once where all pictures measure the same.
fn measured(pictures: &[(String, Report)], key: &str) -> String {
    let mut values: Vec<&str> =
        pictures.iter().filter_map(|(_, report)| Some(find(report, key)?.measured.as_str())).collect();
    values.dedup();
    values.join(" | ")
}

/// The same advice is given once, with the numbers of the pictures that need it.
fn advice_on(pictures: &[(String, Report)], key: &str, title: &str) -> String {
    let mut advice: Vec<(&str, &str, Vec<String>)> = Vec::new();
    for (at, (_, report)) in pictures.iter().enumerate() {
        let Some(rule) = find(report, key).filter(|rule| !rule.fix.is_empty()) else { continue };
        let number = (at + 1).to_string();
        match advice.iter_mut().find(|(mark, fix, _)| (*mark, *fix) == (rule.outcome.mark(), rule.fix.as_str())) {
            Some((.., numbers)) => numbers.push(number),
            None => advice.push((rule.outcome.mark(), &rule.fix, vec![number])),
        }
    }
    advice.iter().map(|(mark, fix, numbers)| format!("  {mark} {title} ({}): {fix}\n", numbers.join(", "))).collect()
}

/// All rules of all reports, in the order in which they come up.
fn rules(pictures: &[(String, Report)]) -> Vec<(&str, &str, &str)> {
    let mut rules: Vec<(&str, &str, &str)> = Vec::new();
    for rule in pictures.iter().flat_map(|(_, report)| &report.results) {
        if !rules.iter().any(|(key, ..)| *key == rule.rule) {
            rules.push((&rule.rule, &rule.title, &rule.required));
        }
    }
    rules
}

fn find<'r>(report: &'r Report, key: &str) -> Option<&'r Rule> {
    report.results.iter().find(|rule| rule.rule == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rules: &[(&str, &str, Verdict)]) -> Report {
        let rule = |(rule, measured, outcome): &(&str, &str, Verdict)| Rule {
            rule: (*rule).into(),
            title: rule.to_uppercase(),
            required: "as asked".into(),
            measured: (*measured).into(),
            outcome: *outcome,
            fix: if *outcome == Verdict::Fail { "come closer".into() } else { String::new() },
        };
        Report { results: rules.iter().map(rule).collect() }
    }

    #[test]
    fn rules_are_rows_and_pictures_are_columns() {
        let pictures = [
            ("1.jpg".to_owned(), report(&[("fill", "88 %", Verdict::Pass), ("size", "2 MB", Verdict::Warn)])),
            ("2.jpg".to_owned(), report(&[("fill", "20 %", Verdict::Fail), ("name", "", Verdict::NotMeasured)])),
        ];
        let expected = "\
rule  1  2  measured     required
────  ─  ─  ───────────  ────────
FILL  ✓  ✗  88 % | 20 %  as asked
SIZE  !     2 MB         as asked
NAME     –               as asked
  ✗ FILL (2): come closer
";
        assert_eq!(table(&pictures), expected);
    }
}
