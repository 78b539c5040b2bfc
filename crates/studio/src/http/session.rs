//! Signing an operator in on the page of a studio that is not open to everybody.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::guard::SESSION_COOKIE;
use crate::http::openapi::{answers, values};
use crate::http::visitor::SELLER_COOKIE;
use crate::http::{page, upload};

/// Bytes of the sign-in form.
const FORM_BYTES_MAX: usize = 4 * 1024;

/// Pages that whoever signs in may go on to.
const AFTERWARDS: [&str; 2] = ["/keys", "/usage"];

/// Seconds that a browser stays signed in: a month.
const SESSION_SECONDS: u32 = 30 * 24 * 60 * 60;

#[utoipa::path(
    post,
    path = "/sign-in",
    operation_id = "signIn",
    tag = "Pages",
    summary = "Sign an operator in",
    security(()),
    request_body(content = values::SignInForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "To the first page or the one that was wanted, with the session's cookie."),
        (status = 401, description = "The form again: this is not the token.", body = String, content_type = "text/html"),
        answers::Sent, answers::Reads
    )
)]
pub async fn sign_in(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let (body, _place) = upload::read_bytes(body, FORM_BYTES_MAX, &app.bounds).await?;
    let pairs = || url::form_urlencoded::parse(&body);
    if !pairs().any(|(name, given)| name == "token" && app.config.admin_token.is(given.trim())) {
        return page::sign_in(&app, &parts.headers, true);
    }
    let to = pairs().find(|(name, _)| name == "to").and_then(|(_, to)| AFTERWARDS.into_iter().find(|page| *page == to));
    let cookie = cookie(&app, &app.config.admin_token.session(), SESSION_SECONDS);
    Ok(([(SET_COOKIE, cookie)], Redirect::to(to.unwrap_or("/"))).into_response())
}

#[utoipa::path(
    post,
    path = "/sign-out",
    operation_id = "signOut",
    tag = "Pages",
    summary = "Sign an operator or a seller out",
    description = "A browser without an account keeps what it made.",
    security(()),
    responses((status = 303, description = "To the first page, without the cookies."))
)]
pub async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Response {
    let mut answer = ([(SET_COOKIE, cookie(&app, "", 0))], Redirect::to("/")).into_response();
    // A session's cookie is all that leads back to its jobs; an account is found again by a link.
    let named = app.cookie_owner(&headers).is_some_and(|owner| owner.as_account().is_some());
    let forgotten = app.cookie(SELLER_COOKIE, "", 0, "Lax");
    if let Some(line) = named.then(|| HeaderValue::try_from(forgotten).ok()).flatten() {
        answer.headers_mut().append(SET_COOKIE, line);
    }
    answer
}

fn cookie(app: &App, value: &str, seconds: u32) -> String {
    app.cookie(SESSION_COOKIE, value, seconds, "Strict")
}
