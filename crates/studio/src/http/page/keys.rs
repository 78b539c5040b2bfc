//! The operator's page of keys: made, looked after and revoked by forms, with or without scripts.
//!
//! A secret is shown on the answer to the form that made it, and nowhere else. Forms of other sites are refused before they come
//! here, as all that change something are.

use askama::Template;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;

use super::frame::Frame;
use super::usage::Bar;
use super::{shown, sign_in_for};
use crate::accounts::account::{Account, AccountFilter, AccountId};
use crate::http::error::ApiError;
use crate::http::extract::{Params, Segments};
use crate::http::keys::{self, Wished};
use crate::http::openapi::{answers, bodies, values};
use crate::http::usage::KeySpent;
use crate::http::words::Words;
use crate::http::{App, upload};
use crate::job::Visitor;
use crate::job::key::Tier;

/// Bytes of the form.
const FORM_BYTES_MAX: usize = 4 * 1024;

const CENTS_A_DOLLAR: f64 = 100.0;

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage {
    frame: Frame,
    rows: Vec<Row>,
    /// Sellers can have accounts here.
    has_accounts: bool,
    /// Those that are paid.
    paid: Vec<Paid>,
    next: Option<String>,
    made: Option<Made>,
    /// The form that was sent can't be used.
    wrong: bool,
}

/// A key that was made just now.
struct Made {
    name: String,
    secret: String,
}

/// An account that gets more than others.
struct Paid {
    email: String,
    since: String,
}

#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// From which paid account on, as the page leads to the next ones.
    cursor: Option<String>,
}

struct Row {
    id: String,
    name: String,
    tier: String,
    bar: Bar,
    rate: Option<String>,
    made: String,
    used: String,
    revoked: Option<String>,
}

/// `GET /keys`.
#[utoipa::path(
    get,
    path = "/keys",
    operation_id = "openKeys",
    tag = "Pages",
    summary = "The operator's page of keys",
    params(Wanted),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 401, description = "The sign-in form.", body = String, content_type = "text/html"),
        answers::Queried, answers::Reads
    )
)]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Params(wanted): Params<Wanted>,
) -> Result<Response, ApiError> {
    if app.visitor(&headers) != Visitor::Operator {
        return sign_in_for(&app, &headers, "/keys");
    }
    page(&app, &headers, wanted, StatusCode::OK, None, false).await
}

/// `POST /keys`: the page again, with the new key's secret.
#[utoipa::path(
    post,
    path = "/keys",
    operation_id = "makeKeyByForm",
    tag = "Pages",
    summary = "Make a key, by a form",
    security(("token" = []), ("session" = [])),
    request_body(content = values::KeyForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 201, description = "The page, with the secret, which is not told again.", body = String, content_type = "text/html"),
        (status = 422, description = "The page again: the form can't be used.", body = String, content_type = "text/html"),
        answers::Sent, answers::Closed, answers::Writes
    )
)]
pub async fn make(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    keys::operator(&app, request.headers())?;
    let (parts, body) = request.into_parts();
    let (body, _place) = upload::read_bytes(body, FORM_BYTES_MAX, &app.bounds).await?;
    let here = Wanted::default();
    let made = match read(&body) {
        Some(wished) => keys::made(&app, wished).await,
        None => return page(&app, &parts.headers, here, StatusCode::UNPROCESSABLE_ENTITY, None, true).await,
    };
    match made {
        Ok((key, secret)) => {
            let made = Made { name: key.name, secret };
            page(&app, &parts.headers, here, StatusCode::CREATED, Some(made), false).await
        }
        Err(error) if error.status == StatusCode::UNPROCESSABLE_ENTITY => {
            page(&app, &parts.headers, here, error.status, None, true).await
        }
        Err(error) => Err(error),
    }
}

/// `POST /keys/{key}/revoke`: back to the page.
#[utoipa::path(
    post,
    path = "/keys/{key}/revoke",
    operation_id = "revokeKeyByForm",
    tag = "Pages",
    summary = "Revoke a key, by a form",
    security(("token" = []), ("session" = [])),
    params(values::OfKey),
    responses(
        (status = 303, description = "It opens nothing any more: back to the page."),
        (status = 404, description = "`no_such_key`.", body = bodies::Refusal),
        answers::Closed, answers::Writes
    )
)]
pub async fn revoke(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(key): Segments<String>,
) -> Result<Response, ApiError> {
    keys::operator(&app, &headers)?;
    if app.studio.revoke_key(&key).await? {
        return Ok(Redirect::to("/keys").into_response());
    }
    Err(keys::no_such_key())
}

async fn page(
    app: &App,
    headers: &HeaderMap,
    wanted: Wanted,
    status: StatusCode,
    made: Option<Made>,
    wrong: bool,
) -> Result<Response, ApiError> {
    let here = if made.is_some() || wrong { "/keys" } else { "" };
    let frame = Frame { here, ..Frame::new(app, headers) };
    let rows = keys::all(app).await?.iter().map(|one| Row::new(one, frame.words)).collect();
    let after = wanted.cursor.map(AccountId::stored);
    let filter = AccountFilter { after, tier: Some(Tier::Paid), ..AccountFilter::default() };
    let (paid, next) = app.studio.accounts(filter).await?;
    let paid: Vec<Paid> = paid.iter().map(|account| Paid::new(account, frame.words)).collect();
    let next = next.map(|id| format!("/keys?cursor={}", id.as_str()));
    let has_accounts = app.studio.has_accounts() || !paid.is_empty();
    shown(status, &KeysPage { frame, rows, has_accounts, paid, next, made, wrong })
}

/// What the form asks for; `None` where a number is none. Empty fields bound nothing.
fn read(form: &[u8]) -> Option<Wished> {
    let mut wished =
        Wished { name: String::new(), tier: Tier::Free, monthly_budget_cents: None, requests_per_minute: None };
    for (name, value) in url::form_urlencoded::parse(form) {
        let value = value.trim();
        match &*name {
            "name" => wished.name = value.to_owned(),
            "tier" => wished.tier = Tier::parse(value)?,
            "budget" if !value.is_empty() => {
                let dollars: f64 = value.parse().ok()?;
                wished.monthly_budget_cents = Some(dollars * CENTS_A_DOLLAR);
            }
            "rate" if !value.is_empty() => wished.requests_per_minute = Some(value.parse().ok()?),
            _ => {}
        }
    }
    Some(wished)
}

impl Paid {
    fn new(account: &Account, words: &Words) -> Paid {
        let day = words.day(account.created_at.to_zoned(jiff::tz::TimeZone::UTC).date());
        Paid { email: account.address.to_string(), since: words.fill("account.since", &[("day", &day)]) }
    }
}

impl Row {
    fn new(one: &KeySpent, words: &Words) -> Row {
        let key = &one.key;
        let day = |at: jiff::Timestamp| words.day(at.to_zoned(jiff::tz::TimeZone::UTC).date());
        Row {
            id: key.id.clone(),
            name: key.name.clone(),
            tier: words.get(&format!("keys.tier.{}", key.tier.as_str())).to_owned(),
            bar: Bar::new(one, words),
            rate: key.per_minute.map(|most| words.fill("keys.rate.told", &[("n", &most.to_string())])),
            made: words.fill("keys.made.on", &[("day", &day(key.created_at))]),
            used: match key.used_at {
                Some(at) => words.fill("keys.used.on", &[("day", &day(at))]),
                None => words.get("keys.used.never").to_owned(),
            },
            revoked: key.revoked_at.map(|at| words.fill("keys.revoked.on", &[("day", &day(at))])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_it_is_filled_in() {
        for (form, told) in [
            ("name=n8n&tier=paid&budget=5&rate=120", Some(("n8n", Tier::Paid, Some(500.0), Some(120)))),
            ("name=+a+b+&tier=free&budget=&rate=", Some(("a b", Tier::Free, None, None))),
            ("name=a&budget=0.5&other=x", Some(("a", Tier::Free, Some(50.0), None))),
            ("", Some(("", Tier::Free, None, None))),
            ("name=a&tier=gold", None),
            ("name=a&budget=five", None),
            ("name=a&rate=-1", None),
            ("name=a&rate=1.5", None),
        ] {
            let read = read(form.as_bytes());
            let shown = read
                .as_ref()
                .map(|wished| (&*wished.name, wished.tier, wished.monthly_budget_cents, wished.requests_per_minute));
            assert_eq!(shown, told, "{form}");
        }
    }
}
