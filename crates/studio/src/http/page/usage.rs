//! The page of what was spent: by day, who asked, and model; with what is left of budgets.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::frame::Frame;
use super::{shown, sign_in_for};
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::Params;
use crate::http::openapi::{answers, bodies};
use crate::http::usage::{Bill, KeySpent, Wanted};
use crate::http::words::Words;
use crate::money;
use crate::spending::{Payer, Spending};

/// Lines of the page; a table has all.
const LINES_MAX: usize = 366;

#[derive(Template)]
#[template(path = "usage.html")]
struct UsagePage {
    frame: Frame,
    from: String,
    to: String,
    /// Where all lines are had as a table.
    csv: String,
    settled: String,
    reserved: String,
    jobs: u64,
    failed: u64,
    pictures: u64,
    bars: Vec<Bar>,
    lines: Vec<Line>,
    /// More than the page has.
    more: bool,
}

/// How much of a budget is spent.
pub struct Bar {
    pub name: String,
    pub told: String,
    /// Of a hundred; no budget, no bar.
    pub percent: Option<u64>,
}

struct Line {
    day: String,
    day_told: String,
    who: String,
    endpoint: String,
    jobs: u64,
    pictures: u64,
    settled: String,
    reserved: String,
}

/// `GET /usage`.
#[utoipa::path(
    get,
    path = "/usage",
    operation_id = "openUsage",
    tag = "Pages",
    summary = "What was spent",
    params(Wanted),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 401, description = "The sign-in form.", body = String, content_type = "text/html"),
        (status = 422, description = "`bad_period` or `period_too_long`.", body = bodies::Refusal),
        answers::Queried, answers::Reads
    )
)]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Params(wanted): Params<Wanted>,
) -> Result<Response, ApiError> {
    if app.admit(&headers).is_err() {
        return sign_in_for(&app, &headers, "/usage");
    }
    let bill = app.bill(&headers, &wanted).await?;
    let frame = Frame::new(&app, &headers);
    let total = bill.total();
    let (from, to) = (bill.period.first.to_string(), bill.period.last.to_string());
    let page = UsagePage {
        csv: format!("/api/usage.csv?from={from}&to={to}"),
        settled: money::told(total.settled),
        reserved: money::told(total.reserved),
        jobs: total.jobs,
        failed: total.failed,
        pictures: total.pictures,
        bars: bill.budgets.iter().map(|one| Bar::new(one, frame.words)).collect(),
        lines: bill.lines.iter().take(LINES_MAX).map(|line| Line::new(&bill, line, frame.words)).collect(),
        more: bill.lines.len() > LINES_MAX,
        from,
        to,
        frame,
    };
    shown(StatusCode::OK, &page)
}

impl Bar {
    pub fn new(one: &KeySpent, words: &Words) -> Bar {
        let spent = money::told(one.sum.used());
        let told = match one.key.budget_micro_usd {
            Some(budget) => words.fill("usage.of", &[("spent", &spent), ("budget", &money::told(budget))]),
            None => words.fill("usage.unbounded", &[("spent", &spent)]),
        };
        let percent = one.key.budget_micro_usd.map(|budget| percent(one.sum.used(), budget));
        Bar { name: one.key.name.clone(), told, percent }
    }
}

/// A budget of nothing is used up.
fn percent(spent: u64, budget: u64) -> u64 {
    let percent = (u128::from(spent) * 100).checked_div(budget.into()).unwrap_or(100);
    u64::try_from(percent).map_or(100, |percent| percent.min(100))
}

impl Line {
    fn new(bill: &Bill, line: &Spending, words: &Words) -> Line {
        let named = |id: &String| bill.name(&line.payer).unwrap_or(id).to_owned();
        Line {
            day: line.day.to_string(),
            day_told: words.day(line.day),
            who: match &line.payer {
                Payer::Key(id) => named(id),
                Payer::Operator => words.get("usage.who.operator").to_owned(),
                Payer::Seller => words.get("usage.who.seller").to_owned(),
                Payer::Nobody => words.get("usage.who.nobody").to_owned(),
            },
            endpoint: line.endpoint.clone(),
            jobs: line.sum.jobs,
            pictures: line.sum.pictures,
            settled: money::told(line.sum.settled),
            reserved: money::told(line.sum.reserved),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_never_longer_than_its_budget() {
        for (spent, budget, told) in [(0, 100, 0), (50, 100, 50), (999, 1_000, 99), (200, 100, 100), (0, 0, 100)] {
            assert_eq!(percent(spent, budget), told, "{spent} {budget}");
        }
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
    }
}
