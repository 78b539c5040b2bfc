//! The link in each letter by which a mailbox gets no more of them (RFC 8058): looking changes nothing, posting does, and neither
//! needs a session. The word in its address is the whole proof, so that no page of another site can send it for somebody.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::Segments;
use crate::http::openapi::{answers, values};
use crate::http::page::{self, Frame};

/// Begins the path of every such link; mail providers post to it from wherever they are.
pub const PATH: &str = "/unsubscribe/";

#[derive(Template)]
#[template(path = "unsubscribe.html")]
struct StopPage {
    frame: Frame,
    text: String,
}

/// `GET /unsubscribe/{token}`: a page with a button.
#[utoipa::path(
    get,
    path = "/unsubscribe/{token}",
    operation_id = "openUnsubscribe",
    tag = "Pages",
    summary = "The page of a letter's unsubscribe link",
    description = "Looking at it changes nothing.",
    security(()),
    params(values::OfUnsubscribe),
    responses(
        (status = 200, description = "The page, with a button.", body = String, content_type = "text/html"),
        (status = 404, description = "The link does not work.", body = String, content_type = "text/html"),
        answers::Reads
    )
)]
pub async fn look(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(token): Segments<String>,
) -> Result<Response, ApiError> {
    if !app.studio.can_stop_letters(&token) {
        return dead(&app, &headers);
    }
    let frame = Frame { here: "/", ..Frame::new(&app, &headers) };
    let text = frame.words.fill("mail.stop.text", &[("host", host(&app))]);
    page::shown(StatusCode::OK, &StopPage { frame, text })
}

/// `POST /unsubscribe/{token}`: its mailbox gets no more letters about pictures. Whatever the body says.
#[utoipa::path(
    post,
    path = "/unsubscribe/{token}",
    operation_id = "unsubscribe",
    tag = "Pages",
    summary = "Stop letters into a mailbox",
    description = "What mail programs post for their unsubscribe button (RFC 8058), and the page's own button. Twice is once.",
    security(()),
    params(values::OfUnsubscribe),
    responses(
        (status = 200, description = "The mailbox gets no more letters about pictures.", body = String, content_type = "text/html"),
        (status = 404, description = "The link does not work.", body = String, content_type = "text/html"),
        answers::Writes
    )
)]
pub async fn stop(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(token): Segments<String>,
) -> Result<Response, ApiError> {
    match app.studio.stop_letters(&token).await? {
        true => {
            let frame = Frame { here: "/", ..Frame::new(&app, &headers) };
            page::message(frame, StatusCode::OK, "mail.stopped", &[("host", host(&app))])
        }
        false => dead(&app, &headers),
    }
}

fn dead(app: &App, headers: &HeaderMap) -> Result<Response, ApiError> {
    let frame = Frame { here: "/", ..Frame::new(app, headers) };
    page::message(frame, StatusCode::NOT_FOUND, "mail.unstoppable", &[])
}

fn host(app: &App) -> &str {
    app.studio.config().public_url.host_str().unwrap_or_default()
}
