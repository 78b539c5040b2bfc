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

/// Every rule once, with what each picture measures; below it what to do about those that failed.
pub fn table(pictures: &[(String, Report)]) -> String {
    let names = pictures.iter().map(|(name, _)| name.clone());
    let mut table = Table::new(["rule".to_owned(), "required".to_owned()].into_iter().chain(names));
    let mut advice = String::new();
    for (key, title, required) in rules(pictures) {
        let cells = pictures.iter().map(|(_, report)| find(report, key).map(cell).unwrap_or_default());
        table.row([title.to_owned(), required.to_owned()].into_iter().chain(cells));
        for (name, report) in pictures {
            if let Some(rule) = find(report, key).filter(|rule| !rule.fix.is_empty()) {
                advice.push_str(&format!("  {} {name}, {title}: {}\n", rule.outcome.mark(), rule.fix));
            }
        }
    }
    table.render() + &advice
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

fn cell(rule: &Rule) -> String {
    let measured = if rule.measured.is_empty() { "" } else { &rule.measured };
    format!("{} {measured}", rule.outcome.mark()).trim_end().to_owned()
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
rule  required  1.jpg   2.jpg
────  ────────  ──────  ──────
FILL  as asked  ✓ 88 %  ✗ 20 %
SIZE  as asked  ! 2 MB
NAME  as asked          –
  ✗ 2.jpg, FILL: come closer
";
        assert_eq!(table(&pictures), expected);
    }
}
