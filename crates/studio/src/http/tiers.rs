//! `/api/accounts`: which sellers have an account and how much each gets, for the operator alone.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use plantain_mail::address::MailAddress;

use crate::accounts::account::{ACCOUNTS_A_PAGE_MAX, Account, AccountFilter, AccountId};
use crate::http::accounts::{form_value, is_form};
use crate::http::error::ApiError;
use crate::http::extract::{self, Params};
use crate::http::keys::operator;
use crate::http::openapi::{answers, bodies, values};
use crate::http::{App, upload};
use crate::job::key::Tier;

/// Bytes of a wish.
const BODY_BYTES_MAX: usize = 4 * 1024;

/// What an account gets from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TierWanted)]
pub struct Wished {
    /// The mailbox by which its owner signs in.
    #[schema(max_length = 254, examples("asha@shop.example"))]
    email: String,
    /// `free` or `paid`.
    #[schema(value_type = String, examples("paid"))]
    tier: Tier,
}

/// An account, as the operator sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AccountListed)]
pub struct Listed {
    account_id: String,
    #[schema(examples("asha@shop.example"))]
    email: String,
    /// `free` or `paid`.
    #[schema(value_type = String, examples("paid"))]
    tier: Tier,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// A page of accounts.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountList)]
pub struct Accounts {
    accounts: Vec<Listed>,
    /// The cursor of the next page; null on the last one.
    next: Option<String>,
}

impl From<&Account> for Listed {
    fn from(account: &Account) -> Listed {
        Listed {
            account_id: account.id.as_str().to_owned(),
            email: account.address.to_string(),
            tier: account.tier,
            created_at: account.created_at,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// The `next` of the page before.
    pub cursor: Option<String>,
    /// How many accounts a page has, usually 50.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, example = 20)]
    pub limit: Option<String>,
    /// Only those of this tier, `free` or `paid`.
    #[param(example = "paid")]
    pub tier: Option<String>,
}

/// `GET /api/accounts`.
#[utoipa::path(
    get,
    path = "/api/accounts",
    operation_id = "listAccounts",
    tag = "Accounts",
    summary = "All sellers with an account",
    description = "By their addresses, for the operator alone.",
    params(Wanted),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "A page of accounts.", body = Accounts),
        (status = 422, description = "`bad_limit` or `bad_tier`.", body = bodies::Refusal),
        answers::Queried, answers::Closed, answers::Reads
    )
)]
pub async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Params(wanted): Params<Wanted>,
) -> Result<Json<Accounts>, ApiError> {
    operator(&app, &headers)?;
    let (accounts, next) = app.studio.accounts(filter(wanted)?).await?;
    let next = next.map(|id| id.as_str().to_owned());
    Ok(Json(Accounts { accounts: accounts.iter().map(Listed::from).collect(), next }))
}

fn filter(wanted: Wanted) -> Result<AccountFilter, ApiError> {
    let usual = AccountFilter::default();
    let tier = |word: &str| {
        Tier::parse(word)
            .ok_or_else(|| ApiError::unprocessable("bad_tier", "There is no such tier.", "Ask for free or paid."))
    };
    Ok(AccountFilter {
        after: wanted.cursor.map(AccountId::stored),
        tier: wanted.tier.as_deref().map(tier).transpose()?,
        limit: extract::limit(wanted.limit.as_deref(), ACCOUNTS_A_PAGE_MAX)?.unwrap_or(usual.limit),
    })
}

/// `POST /api/accounts/tier`: answers with the account; a form is led back to the page of keys.
#[utoipa::path(
    post,
    path = "/api/accounts/tier",
    operation_id = "setTier",
    tag = "Accounts",
    summary = "Say how much an account gets",
    description = "A free account has one picture made at once, a paid one as many as the model makes. It counts from the next job on, in other processes of the same studio within five seconds.",
    security(("token" = []), ("session" = [])),
    request_body(content((Wished = "application/json"), (values::TierForm = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "The account.", body = Listed),
        (status = 303, description = "A form was taken: back to the page of keys."),
        (status = 404, description = "`no_such_account`: nobody has signed in by this address.", body = bodies::Refusal),
        (status = 422, description = "`wrong_field`: the wish can't be read.", body = bodies::Refusal),
        answers::Sent, answers::Closed, answers::Writes
    )
)]
pub async fn set(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    operator(&app, request.headers())?;
    let (parts, body) = request.into_parts();
    let (body, _place) = upload::read_bytes(body, BODY_BYTES_MAX, &app.bounds).await?;
    let form = is_form(&parts.headers);
    let wished = if form { of_form(&body) } else { serde_json::from_slice::<Wished>(&body).ok() };
    let Wished { email, tier } = wished.ok_or_else(wrong_wish)?;
    let mailbox = MailAddress::parse(&email).map_err(|_| wrong_wish())?;
    let account = app.studio.set_tier(&mailbox, tier).await?.ok_or_else(no_such_account)?;
    Ok(if form { Redirect::to("/keys").into_response() } else { Json(Listed::from(&account)).into_response() })
}

fn of_form(body: &[u8]) -> Option<Wished> {
    Some(Wished { email: form_value(body, "email")?, tier: Tier::parse(&form_value(body, "tier")?)? })
}

fn wrong_wish() -> ApiError {
    ApiError::unprocessable(
        "wrong_field",
        "The wish for a tier can't be read.",
        "Send JSON with email, as in asha@shop.example, and tier (free or paid).",
    )
}

fn no_such_account() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "no_such_account",
        "Nobody has signed in by this address.",
        "The seller signs in once by a link in a letter, and then has an account.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_bounded_and_of_a_tier_that_there_is() {
        let asked = |limit: Option<&str>, tier: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let wanted = Wanted { cursor: None, limit: own(limit), tier: own(tier) };
            filter(wanted).map(|filter| (filter.limit, filter.tier)).map_err(|error| error.code)
        };
        assert_eq!(asked(None, None), Ok((50, None)));
        assert_eq!(asked(Some("200"), Some("paid")), Ok((200, Some(Tier::Paid))));
        assert_eq!(asked(Some("201"), None), Err("bad_limit"));
        assert_eq!(asked(None, Some("gold")), Err("bad_tier"));
    }
}
