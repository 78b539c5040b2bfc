//! `/api/usage`: what is kept, and what was spent, by day, payer and model; as JSON and as a table for other programs.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use csv::Writer;
use http::HeaderMap;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::bulk::results::tame;
use crate::http::error::ApiError;
use crate::http::extract::Params;
use crate::http::openapi::{answers, bodies};
use crate::http::{App, guard};
use crate::job::Visitor;
use crate::job::key::StudioKey;
use crate::money;
use crate::spending::{DAYS_MAX, Payer, Period, Spending, Sum};
use crate::store::Holdings;

/// Which days.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// The first day, by UTC; the first of this month usually.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-01")]
    pub from: Option<String>,
    /// The last day; today usually. At most a year after the first.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-30")]
    pub to: Option<String>,
}

/// Everything that is told of somebody's money, before it is put into words.
#[derive(Debug)]
pub struct Bill {
    pub period: Period,
    pub kept: Holdings,
    pub lines: Vec<Spending>,
    /// Of this month, by key.
    pub month: Sum,
    pub budgets: Vec<KeySpent>,
    names: Vec<(String, String)>,
}

/// A key, and what its jobs came to since the month began.
#[derive(Debug)]
pub struct KeySpent {
    pub key: StudioKey,
    pub sum: Sum,
}

impl Bill {
    /// What the key is called that paid.
    pub fn name<'b>(&'b self, payer: &'b Payer) -> Option<&'b str> {
        let Payer::Key(id) = payer else { return None };
        self.names.iter().find(|(known, _)| known == id).map(|(_, name)| name.as_str())
    }

    pub fn total(&self) -> Sum {
        self.lines.iter().map(|line| &line.sum).sum()
    }
}

impl App {
    /// The account of whoever asks; of everybody, for the operator.
    pub async fn bill(&self, headers: &HeaderMap, wanted: &Wanted) -> Result<Bill, ApiError> {
        let visitor = self.visitor(headers);
        let now = self.config.clock.now();
        let period = period(wanted, Period::month_until(now))?;
        let owner = visitor.owner();
        let keys = match (&visitor, self.key(headers)) {
            (Visitor::Operator, _) => self.studio.keys().await?,
            (_, own) => own.into_iter().collect(),
        };
        if visitor == Visitor::Anybody {
            let kept = Holdings::default();
            let (month, lines) = (Sum::default(), Vec::new());
            return Ok(Bill { period, kept, lines, month, budgets: Vec::new(), names: Vec::new() });
        }
        let lines = self.studio.spending(owner, &period).await?.ok_or_else(too_many_lines)?;
        let month = self.studio.spending(owner, &Period::month_until(now)).await?.ok_or_else(too_many_lines)?;
        Ok(Bill {
            kept: self.studio.kept(owner).await?,
            names: keys.iter().map(|key| (key.id.clone(), key.name.clone())).collect(),
            month: month.iter().map(|line| &line.sum).sum(),
            budgets: spent_by(keys, &month).into_iter().filter(|one| one.key.revoked_at.is_none()).collect(),
            period,
            lines,
        })
    }
}

/// What each key's jobs came to.
pub fn spent_by(keys: Vec<StudioKey>, lines: &[Spending]) -> Vec<KeySpent> {
    let of = |id: &str| {
        let own = lines.iter().filter(|line| matches!(&line.payer, Payer::Key(payer) if payer == id));
        own.map(|line| &line.sum).sum()
    };
    keys.into_iter().map(|key| KeySpent { sum: of(&key.id), key }).collect()
}

fn period(wanted: &Wanted, usual: Period) -> Result<Period, ApiError> {
    let day = |text: &Option<String>, usual: Date| match text.as_deref().map(str::trim).filter(|text| !text.is_empty())
    {
        None => Ok(usual),
        // Nothing but a day: a time after it would not be heeded.
        Some(text) if text.len() == "2026-11-01".len() => text.parse().map_err(|_| bad_period()),
        Some(_) => Err(bad_period()),
    };
    let last = day(&wanted.to, usual.last)?;
    let first = day(&wanted.from, usual.first.min(last.first_of_month()))?;
    Period::new(first, last).ok_or_else(bad_period)
}

fn bad_period() -> ApiError {
    ApiError::unprocessable(
        "bad_period",
        "The days can't be used.",
        format!("Give from and to as in 2026-11-01, the first before the last, at most {DAYS_MAX} days."),
    )
}

fn too_many_lines() -> ApiError {
    ApiError::unprocessable("period_too_long", "So long an account is not told at once.", "Ask for fewer days.")
}

/// `GET /api/usage`: how much is kept for the asker and what it cost; for the operator, of everybody.
#[utoipa::path(
    get,
    path = "/api/usage",
    operation_id = "showUsage",
    tag = "Usage",
    summary = "What is kept, and what was spent",
    description = "Of the asker's jobs; for the operator, of everybody's. A job's cost is kept aside when it is accepted, and settled by the pictures that came; failures cost nothing. What was paid for stays in the account when the job is forgotten.",
    params(Wanted),
    responses(
        (status = 200, description = "The account.", body = UsageView),
        (status = 422, description = "`bad_period` or `period_too_long`.", body = bodies::Refusal),
        answers::Queried, answers::Closed, answers::Reads
    )
)]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Params(wanted): Params<Wanted>,
) -> Result<Json<UsageView>, ApiError> {
    Ok(Json(UsageView::of(&asked(&app, &headers, &wanted).await?)))
}

/// `GET /api/usage.csv`: the same lines for a table.
#[utoipa::path(
    get,
    path = "/api/usage.csv",
    operation_id = "downloadUsage",
    tag = "Usage",
    summary = "What was spent, as a table",
    description = "A line for each day, payer and model, the newest first, in US dollars: columns day, who, key, name, endpoint, jobs, failed, pictures, settled_usd, reserved_usd.",
    params(Wanted),
    responses(
        (status = 200, description = "The lines.", body = String, content_type = "text/csv"),
        (status = 422, description = "`bad_period` or `period_too_long`.", body = bodies::Refusal),
        answers::Queried, answers::Closed, answers::Reads
    )
)]
pub async fn table(
    State(app): State<App>,
    headers: HeaderMap,
    Params(wanted): Params<Wanted>,
) -> Result<Response, ApiError> {
    let bill = asked(&app, &headers, &wanted).await?;
    let file = format!("attachment; filename=\"usage-{}-{}.csv\"", bill.period.first, bill.period.last);
    let text = written(&bill).map_err(|_| ApiError::internal())?;
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8"), (CONTENT_DISPOSITION, file.as_str())], text).into_response())
}

async fn asked(app: &App, headers: &HeaderMap, wanted: &Wanted) -> Result<Bill, ApiError> {
    app.admit(headers)?;
    match app.visitor(headers) {
        Visitor::Anybody => Err(guard::name_needed()),
        _ => app.bill(headers, wanted).await,
    }
}

fn written(bill: &Bill) -> Result<Vec<u8>, csv::Error> {
    // Table programs take a text for UTF-8 only where it begins with this mark.
    let mut writer = Writer::from_writer(b"\xef\xbb\xbf".to_vec());
    let heading = "day who key name endpoint jobs failed pictures settled_usd reserved_usd";
    writer.write_record(heading.split(' '))?;
    for line in &bill.lines {
        let key = match &line.payer {
            Payer::Key(id) => id.as_str(),
            _ => "",
        };
        let Sum { jobs, failed, pictures, settled, reserved } = line.sum;
        let counts = [jobs, failed, pictures].map(|count| count.to_string());
        let money = [settled, reserved].map(|micro_usd| format!("{:.6}", money::dollars(micro_usd)));
        let words = [who(&line.payer), key, bill.name(&line.payer).unwrap_or_default(), &line.endpoint];
        let row = std::iter::once(line.day.to_string()).chain(words.map(tame)).chain(counts).chain(money);
        writer.write_record(row)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// For programs.
pub fn who(payer: &Payer) -> &'static str {
    match payer {
        Payer::Operator => "operator",
        Payer::Key(_) => "key",
        Payer::Seller => "seller",
        Payer::Nobody => "nobody",
    }
}

/// What is kept, and what was spent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageView {
    #[schema(examples(12))]
    jobs: u64,
    /// Of photos, pictures and what belongs to them.
    #[schema(examples(48210331))]
    bytes: u64,
    /// US cents since the month began by UTC; jobs that run are taken to succeed.
    #[schema(examples(11.7))]
    month_cost_cents: f64,
    /// The first day of the account, by UTC.
    #[schema(format = Date, examples("2026-11-01"))]
    from: String,
    /// The last day.
    #[schema(format = Date, examples("2026-11-30"))]
    to: String,
    total: UsageSum,
    /// The newest day first.
    days: Vec<UsageDay>,
    /// Of the asker's key, or for the operator of all keys that are valid: this month, whatever days were asked for.
    budgets: Vec<UsageBudget>,
}

/// Jobs, and what they cost in US cents.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UsageSum {
    #[schema(examples(4))]
    jobs: u64,
    /// Of these, those that failed or were given up: they cost nothing.
    #[schema(examples(1))]
    failed: u64,
    /// Pictures that were made.
    #[schema(examples(6))]
    pictures: u64,
    /// Of jobs that succeeded.
    #[schema(examples(23.4))]
    settled_cents: f64,
    /// Kept aside for jobs that run.
    #[schema(examples(11.7))]
    reserved_cents: f64,
}

/// What one payer's jobs of a day with one model came to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UsageDay {
    #[schema(format = Date, examples("2026-11-29"))]
    day: String,
    /// `key`, `operator`, `seller` (all browsers together, for the operator) or `nobody`.
    #[schema(examples("key"))]
    who: &'static str,
    /// The key's id.
    key: Option<String>,
    /// The key's name, where it is known.
    key_name: Option<String>,
    /// Empty for jobs of older versions.
    #[schema(examples("fal-ai/nano-banana/edit"))]
    endpoint: String,
    #[serde(flatten)]
    sum: UsageSum,
}

/// What a key may spend in a month, and what of it is spent or kept aside.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UsageBudget {
    key: String,
    key_name: String,
    /// US cents; null: no bound.
    monthly_budget_cents: Option<f64>,
    #[schema(examples(35.1))]
    spent_cents: f64,
}

impl From<Sum> for UsageSum {
    fn from(sum: Sum) -> UsageSum {
        UsageSum {
            jobs: sum.jobs,
            failed: sum.failed,
            pictures: sum.pictures,
            settled_cents: money::cents(sum.settled),
            reserved_cents: money::cents(sum.reserved),
        }
    }
}

impl UsageView {
    fn of(bill: &Bill) -> UsageView {
        let day = |line: &Spending| UsageDay {
            day: line.day.to_string(),
            who: who(&line.payer),
            key: match &line.payer {
                Payer::Key(id) => Some(id.clone()),
                _ => None,
            },
            key_name: bill.name(&line.payer).map(str::to_owned),
            endpoint: line.endpoint.clone(),
            sum: line.sum.into(),
        };
        let budget = |one: &KeySpent| UsageBudget {
            key: one.key.id.clone(),
            key_name: one.key.name.clone(),
            monthly_budget_cents: one.key.budget_micro_usd.map(money::cents),
            spent_cents: money::cents(one.sum.used()),
        };
        UsageView {
            jobs: bill.kept.jobs,
            bytes: bill.kept.bytes,
            month_cost_cents: money::cents(bill.month.used()),
            from: bill.period.first.to_string(),
            to: bill.period.last.to_string(),
            total: bill.total().into(),
            days: bill.lines.iter().map(day).collect(),
            budgets: bill.budgets.iter().map(budget).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_they_are_written() {
        let usual = Period::month_until("2026-11-29T12:00:00Z".parse().unwrap());
        for (from, to, told) in [
            (None, None, Ok(("2026-11-01", "2026-11-29"))),
            (Some(""), Some(" "), Ok(("2026-11-01", "2026-11-29"))),
            (Some("2026-10-30"), None, Ok(("2026-10-30", "2026-11-29"))),
            (None, Some("2026-09-15"), Ok(("2026-09-01", "2026-09-15"))),
            (Some("2026-11-29"), Some("2026-11-29"), Ok(("2026-11-29", "2026-11-29"))),
            (Some("2026-11-30"), None, Err("bad_period")),
            (Some("2024-01-01"), None, Err("bad_period")),
            (Some("2026-02-30"), None, Err("bad_period")),
            (Some("yesterday!"), None, Err("bad_period")),
            (Some("2026-11-01T00:00:00Z"), None, Err("bad_period")),
        ] {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let read = period(&Wanted { from: own(from), to: own(to) }, usual);
            let shown = read.map(|period| (period.first.to_string(), period.last.to_string()));
            let told = told.map(|(first, last): (&str, &str)| (first.to_owned(), last.to_owned()));
            assert_eq!(shown.map_err(|error| error.code), told, "{from:?} {to:?}");
        }
    }

    #[test]
    fn no_name_of_a_key_becomes_a_formula() {
        let period = Period::month_until("2026-11-29T12:00:00Z".parse().unwrap());
        let line = Spending {
            day: period.last,
            payer: Payer::Key("1".into()),
            endpoint: "fal-ai/x".into(),
            sum: Sum { jobs: 2, failed: 1, pictures: 3, settled: 117_000, reserved: 1 },
        };
        let bill = Bill {
            period,
            kept: Holdings::default(),
            lines: vec![line],
            month: Sum::default(),
            budgets: Vec::new(),
            names: vec![("1".into(), "=cmd|' /c calc'!A1".into())],
        };
        assert_eq!(
            String::from_utf8(written(&bill).unwrap()).unwrap(),
            "\u{feff}day,who,key,name,endpoint,jobs,failed,pictures,settled_usd,reserved_usd\n\
             2026-11-29,key,1,'=cmd|' /c calc'!A1,fal-ai/x,2,1,3,0.117000,0.000001\n"
        );
    }
}
