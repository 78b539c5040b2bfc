//! The pages around an account: the account itself, a link that leads into one, and what is told in between.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};

use super::frame::Frame;
use super::{message, shown};
use crate::accounts::account::{Account, LINK_TIME};
use crate::accounts::asking::{AccountLook, LinkLook};
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::openapi::answers;

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    address: String,
    notify: bool,
    /// A link in a letter stopped them.
    silent: bool,
    since: String,
}

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage {
    frame: Frame,
    address: String,
    brings_jobs: bool,
}

/// `GET /account`.
#[utoipa::path(
    get,
    path = "/account",
    operation_id = "openAccount",
    tag = "Pages",
    summary = "The asker's account",
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 303, description = "To the list of jobs, where whoever has no account can have a link sent."),
        answers::Reads
    )
)]
pub async fn show(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    let account = match app.signed_in(&headers) {
        Some(id) => app.studio.account(&id).await?,
        None => None,
    };
    let Some(AccountLook { account, is_silent }) = account else {
        return Ok(Redirect::to("/history").into_response());
    };
    let page = AccountPage::new(account, is_silent, Frame { here: "/account", ..Frame::new(&app, &headers) });
    Ok(app.remembering(&headers, shown(StatusCode::OK, &page)?))
}

impl AccountPage {
    fn new(account: Account, silent: bool, frame: Frame) -> AccountPage {
        let day = frame.words.day(account.created_at.to_zoned(jiff::tz::TimeZone::UTC).date());
        let since = frame.words.fill("account.since", &[("day", &day)]);
        AccountPage { address: account.address.to_string(), notify: account.notify, silent, since, frame }
    }
}

/// A letter is on its way, or isn't: nobody is told.
pub fn asked(app: &App, headers: &HeaderMap) -> Result<Response, ApiError> {
    let frame = Frame { here: "/history", ..Frame::new(app, headers) };
    let minutes = (LINK_TIME.as_secs() / 60).to_string();
    message(frame, StatusCode::ACCEPTED, "account.asked", &[("minutes", &minutes)])
}

pub fn link(app: &App, headers: &HeaderMap, look: LinkLook) -> Result<Response, ApiError> {
    let frame = Frame::new(app, headers);
    shown(StatusCode::OK, &LinkPage { frame, address: look.address, brings_jobs: look.brings_jobs })
}

/// Guessed, used, or too old: all the same.
pub fn dead_link(app: &App, headers: &HeaderMap) -> Result<Response, ApiError> {
    let frame = Frame { here: "/history", ..Frame::new(app, headers) };
    message(frame, StatusCode::NOT_FOUND, "account.dead", &[])
}
