//! Signing a seller in by a link in a letter, and what their account can be told.
//!
//! Looking at a link changes nothing, since mail programs do so unasked; the button on its page follows it. Every address in
//! a letter begins with the configured one, whatever Host a request came with.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use plantain_mail::address::MailAddress;

use crate::accounts::LinkToken;
use crate::accounts::account::{Account, AccountId, LINK_TIME};
use crate::http::error::ApiError;
use crate::http::extract::Segments;
use crate::http::openapi::{answers, bodies, values};
use crate::http::visitor::{SELLER_COOKIE, SELLER_SECONDS, account_cookie};
use crate::http::{App, address, language, page, upload};
use crate::job::key::Tier;
use crate::job::{Owner, Visitor};

/// Bytes of a wish for a link, or of a change.
const BODY_BYTES_MAX: usize = 4 * 1024;

/// Whose mailbox a link is to go to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LinkWanted)]
pub struct Asked {
    #[schema(max_length = 254, examples("asha@shop.example"))]
    email: String,
}

/// A letter is owed, where the mailbox may be written to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LinkAsked)]
pub struct AskedView {
    /// How long the link in it will work.
    #[schema(examples(900))]
    expires_in_seconds: u64,
}

/// A seller with a name.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Account)]
pub struct AccountView {
    #[schema(examples("asha@shop.example"))]
    email: String,
    /// They want a letter when a job or a batch is done.
    notify_by_mail: bool,
    /// `free` or `paid`, as the operator says.
    #[schema(value_type = String, examples("free"))]
    tier: Tier,
    created_at: Timestamp,
}

impl From<&Account> for AccountView {
    fn from(account: &Account) -> AccountView {
        AccountView {
            email: account.address.to_string(),
            notify_by_mail: account.notify,
            tier: account.tier,
            created_at: account.created_at,
        }
    }
}

/// What is to be so from now on.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AccountChange)]
pub struct Change {
    notify_by_mail: bool,
}

/// `POST /api/sign-in-link`: 202, whatever becomes of it.
#[utoipa::path(
    post,
    path = "/api/sign-in-link",
    operation_id = "askForLink",
    tag = "Accounts",
    summary = "Have a sign-in link sent",
    description = "The answer is the same for every mailbox: it does not tell who has an account, nor whether too many links were asked for. Within an hour five go into one mailbox, ten to one browser and twenty to one address of the network.",
    request_body(content((Asked = "application/json"), (Asked = "application/x-www-form-urlencoded"))),
    responses(
        (status = 202, description = "A letter is owed, where the mailbox may be written to. A browser's form is answered with a page.", content((AskedView = "application/json"), (String = "text/html"))),
        (status = 404, description = "`no_accounts`: this studio sends no letters.", body = bodies::Refusal),
        (status = 422, description = "`wrong_address`: this is no mail address.", body = bodies::Refusal),
        answers::Sent, answers::Closed, answers::Writes
    )
)]
pub async fn ask(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    app.admit(request.headers())?;
    has_accounts(&app)?;
    let (parts, body) = request.into_parts();
    let (body, _place) = upload::read_bytes(body, BODY_BYTES_MAX, &app.bounds).await?;
    let email = match is_form(&parts.headers) {
        true => form_value(&body, "email").unwrap_or_default(),
        false => serde_json::from_slice::<Asked>(&body).map_err(|_| wrong_address())?.email,
    };
    let address = MailAddress::parse(&email).map_err(|_| wrong_address())?;
    let (language, asker) = (language::of(&parts.headers).lang, app.cookie_owner(&parts.headers));
    if app.may_ask(&parts) {
        app.studio.ask_link(address, language, asker.as_ref()).await?;
    }
    if page::wants_html(&parts.headers) {
        return page::account::asked(&app, &parts.headers);
    }
    Ok((StatusCode::ACCEPTED, Json(AskedView { expires_in_seconds: LINK_TIME.as_secs() })).into_response())
}

/// `GET /sign-in/{token}`: a page with a button.
#[utoipa::path(
    get,
    path = "/sign-in/{token}",
    operation_id = "openLink",
    tag = "Pages",
    summary = "The page of a sign-in link",
    description = "Looking at it uses nothing up.",
    security(()),
    params(values::OfSignIn),
    responses(
        (status = 200, description = "The page, with a button.", body = String, content_type = "text/html"),
        (status = 404, description = "The link does not work, or no longer.", body = String, content_type = "text/html"),
        answers::Reads
    )
)]
pub async fn look(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(token): Segments<String>,
) -> Result<Response, ApiError> {
    let browser = app.cookie_owner(&headers);
    let look = match LinkToken::parse(&token) {
        Some(token) => app.studio.look_at_link(&token, browser.as_ref()).await?,
        None => None,
    };
    match look {
        Some(look) => page::account::link(&app, &headers, look),
        None => page::account::dead_link(&app, &headers),
    }
}

/// `POST /sign-in/{token}`: the browser is the account's from now on.
#[utoipa::path(
    post,
    path = "/sign-in/{token}",
    operation_id = "signInByLink",
    tag = "Pages",
    summary = "Sign a seller in",
    description = "Works once. What this browser made before belongs to the account from now on, if this browser asked for the link.",
    security(()),
    params(values::OfSignIn),
    responses(
        (status = 303, description = "To the account, with its cookie."),
        (status = 404, description = "The link does not work, or no longer.", body = String, content_type = "text/html"),
        answers::Writes
    )
)]
pub async fn follow(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(token): Segments<String>,
) -> Result<Response, ApiError> {
    let browser = app.cookie_owner(&headers);
    let followed = match LinkToken::parse(&token) {
        Some(token) => app.studio.follow_link(&token, browser.as_ref()).await?,
        None => None,
    };
    let Some(followed) = followed else { return page::account::dead_link(&app, &headers) };
    let value = account_cookie(&app.config.admin_token, &followed.account.id);
    let cookie = app.cookie(SELLER_COOKIE, &value, SELLER_SECONDS, "Lax");
    Ok(([(SET_COOKIE, cookie)], Redirect::to("/account")).into_response())
}

/// `GET /api/account`: who the asker is.
#[utoipa::path(
    get,
    path = "/api/account",
    operation_id = "showAccount",
    tag = "Accounts",
    summary = "The asker's account",
    responses(
        (status = 200, description = "The account.", body = AccountView),
        (status = 404, description = "`no_account`: the asker has none, or is not signed in.", body = bodies::Refusal),
        answers::Reads
    )
)]
pub async fn show(State(app): State<App>, headers: HeaderMap) -> Result<Json<AccountView>, ApiError> {
    Ok(Json(AccountView::from(&app.account(&headers).await?)))
}

/// `POST /api/account`: answers with the account. A form says `notify=on`, or nothing for no.
#[utoipa::path(
    post,
    path = "/api/account",
    operation_id = "changeAccount",
    tag = "Accounts",
    summary = "Change the asker's account",
    request_body(content((Change = "application/json"), (values::AccountForm = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "The account.", body = AccountView),
        (status = 303, description = "A form was taken: back to the account."),
        (status = 404, description = "`no_account`: the asker has none, or is not signed in.", body = bodies::Refusal),
        (status = 422, description = "`wrong_field`: the change can't be read.", body = bodies::Refusal),
        answers::Sent, answers::Writes
    )
)]
pub async fn change(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let account = app.account(&parts.headers).await?;
    let (body, _place) = upload::read_bytes(body, BODY_BYTES_MAX, &app.bounds).await?;
    let form = is_form(&parts.headers);
    let notify = match form {
        true => form_value(&body, "notify").is_some(),
        false => serde_json::from_slice::<Change>(&body).map_err(|_| wrong_change())?.notify_by_mail,
    };
    if !app.studio.set_notify(&account.id, notify).await? {
        return Err(no_account());
    }
    let view = AccountView { notify_by_mail: notify, ..AccountView::from(&account) };
    Ok(if form { Redirect::to("/account").into_response() } else { Json(view).into_response() })
}

/// `DELETE /api/account`: 202; the address is gone at once, and everything else as soon as running jobs have stopped.
#[utoipa::path(
    delete,
    path = "/api/account",
    operation_id = "closeAccount",
    tag = "Accounts",
    summary = "Delete the asker's account with everything in it",
    description = "The address is forgotten at once; jobs, pictures and batches follow as soon as what runs has stopped.",
    responses(
        (status = 202, description = "The asker is signed out, and everything goes.", body = bodies::Done),
        (status = 404, description = "`no_account`: the asker has none, or is not signed in.", body = bodies::Refusal),
        answers::Writes
    )
)]
pub async fn close(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    let account = app.account(&headers).await?;
    app.studio.close_account(&account.id).await?;
    let mut answer = (StatusCode::ACCEPTED, Json(json!({"status": "CLOSED"}))).into_response();
    let cookie = app.cookie(SELLER_COOKIE, "", 0, "Lax");
    answer.headers_mut().extend(HeaderValue::try_from(cookie).ok().map(|line| (SET_COOKIE, line)));
    Ok(answer)
}

/// The same for a browser, which says once more that it means it.
#[utoipa::path(
    post,
    path = "/api/account/close",
    operation_id = "closeAccountByForm",
    tag = "Pages",
    summary = "Delete the asker's account, by a form",
    description = "For browsers without scripts. The form says `sure=on`.",
    responses(
        (status = 303, description = "The asker is signed out: to the first page. Without `sure`: back to the account."),
        (status = 404, description = "`no_account`: the asker has none, or is not signed in.", body = bodies::Refusal),
        answers::Sent, answers::Writes
    )
)]
pub async fn close_by_form(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let (body, _place) = upload::read_bytes(body, BODY_BYTES_MAX, &app.bounds).await?;
    if form_value(&body, "sure").is_none() {
        return Ok(Redirect::to("/account").into_response());
    }
    let closed = close(State(app), parts.headers).await?;
    let mut answer = Redirect::to("/").into_response();
    answer.headers_mut().extend(closed.headers().get(SET_COOKIE).cloned().map(|line| (SET_COOKIE, line)));
    Ok(answer)
}

impl App {
    /// Whether a link may be asked for from there. The operator is not counted.
    fn may_ask(&self, parts: &Parts) -> bool {
        let client = address::client(address::peer(&parts.extensions), &parts.headers, &self.config.limits.proxies);
        let Some(client) = client.filter(|_| self.visitor(&parts.headers) != Visitor::Operator) else { return true };
        let may = self.households.may_ask(client, self.config.clock.now());
        if !may {
            tracing::warn!("account.link_refused: too many within an hour from one address of the network");
        }
        may
    }

    /// The account that the asker is signed in to. A cookie of an account that was closed names nobody.
    async fn account(&self, headers: &HeaderMap) -> Result<Account, ApiError> {
        let id = self.signed_in(headers).ok_or_else(no_account)?;
        let look = self.studio.account(&id).await?.ok_or_else(no_account)?;
        Ok(look.account)
    }

    /// The account that the asker's cookie names, unless they ask as somebody else.
    pub fn signed_in(&self, headers: &HeaderMap) -> Option<AccountId> {
        let asker = match self.visitor(headers) {
            Visitor::Seller(owner) => owner,
            // On a machine of one's own the operator may have an account too.
            Visitor::Operator => self.cookie_owner(headers)?,
            Visitor::Anybody => return None,
        };
        Owner::as_account(&asker)
    }
}

fn has_accounts(app: &App) -> Result<(), ApiError> {
    let told = || {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "no_accounts",
            "This studio sends no letters, so nobody can have an account here.",
            "Whoever runs it can set SMTP_URL and MAIL_FROM.",
        )
    };
    app.studio.has_accounts().then_some(()).ok_or_else(told)
}

pub fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
}

pub fn form_value(body: &[u8], name: &str) -> Option<String> {
    url::form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn wrong_address() -> ApiError {
    ApiError::unprocessable(
        "wrong_address",
        "This is no mail address.",
        "Send one as email, as in asha@shop.example; addresses with letters of other scripts before the @ are not taken.",
    )
}

fn wrong_change() -> ApiError {
    ApiError::unprocessable("wrong_field", "The change can't be read.", "Send JSON with notifyByMail: true or false.")
}

fn no_account() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "no_account",
        "You are not signed in to an account.",
        "POST /api/sign-in-link sends a link into a mailbox; the button on its page signs a browser in.",
    )
}
