//! Signing an operator in on the page of a studio that is not open to everybody.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use http::header::SET_COOKIE;

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::guard::SESSION_COOKIE;
use crate::http::{page, upload};

/// Bytes of the sign-in form.
const FORM_BYTES_MAX: usize = 4 * 1024;

/// Seconds that a browser stays signed in: a month.
const SESSION_SECONDS: u32 = 30 * 24 * 60 * 60;

pub async fn sign_in(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let (body, _place) = upload::read_bytes(body, FORM_BYTES_MAX, &app.bounds).await?;
    let mut pairs = url::form_urlencoded::parse(&body);
    let right = pairs.any(|(name, given)| name == "token" && app.config.admin_token.is(given.trim()));
    if !right {
        return page::sign_in(&app, &parts.headers, true);
    }
    let cookie = cookie(&app, &app.config.admin_token.session(), SESSION_SECONDS);
    Ok(([(SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

pub async fn sign_out(State(app): State<App>, _headers: HeaderMap) -> Response {
    ([(SET_COOKIE, cookie(&app, "", 0))], Redirect::to("/")).into_response()
}

fn cookie(app: &App, value: &str, seconds: u32) -> String {
    let secure = if app.studio.config().public_url.scheme() == "https" { "; Secure" } else { "" };
    format!("{SESSION_COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}
