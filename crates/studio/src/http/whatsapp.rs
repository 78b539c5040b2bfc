//! `/api/whatsapp/webhook`: what Meta asks when the webhook is set up, and what it posts. And whether a number may be given.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use plantain_whatsapp::notice::{NOTICE_BYTES_MAX, Refused, SIGNATURE_HEADER, TOLD_MAX};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::Params;
use crate::http::letters::Wisher;
use crate::http::openapi::{answers, bodies};
use crate::http::upload;
use crate::messages::whatsapp::wish::WhatsappWish;

/// Open to everybody: the signature decides.
pub const PATH: &str = "/api/whatsapp/webhook";

/// Characters of a challenge that are told again.
const CHALLENGE_CHARS_MAX: usize = 256;

/// A wish to be told by WhatsApp, in the language that was spoken; refused where none goes that way, rather than not heeded.
pub fn wished(app: &App, wisher: &Wisher, wish: Option<WhatsappWish>) -> Result<Option<WhatsappWish>, ApiError> {
    let Some(wish) = wish else { return Ok(None) };
    if app.studio.config().whatsapp.is_none() {
        return Err(ApiError::unprocessable(
            "whatsapp_not_offered",
            "This studio sends nothing by WhatsApp.",
            "Leave notifyWhatsapp out, or ask whoever runs the studio to set WHATSAPP_TOKEN.",
        ));
    }
    Ok(Some(wish.in_language(wisher.language)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SetUp {
    /// `subscribe`.
    #[serde(rename = "hub.mode")]
    #[param(rename = "hub.mode", example = "subscribe")]
    mode: Option<String>,
    /// The word that was entered at Meta, which is `WHATSAPP_VERIFY_TOKEN` here.
    #[serde(rename = "hub.verify_token")]
    #[param(rename = "hub.verify_token", example = "a-word-of-ones-own")]
    verify_token: Option<String>,
    /// Told again.
    #[serde(rename = "hub.challenge")]
    #[param(rename = "hub.challenge", max_length = 256, example = "1158201444")]
    challenge: Option<String>,
}

/// `GET /api/whatsapp/webhook`: Meta asks once, when the webhook is set up.
#[utoipa::path(
    get,
    path = "/api/whatsapp/webhook",
    operation_id = "setUpWhatsapp",
    tag = "Webhooks",
    summary = "Set up WhatsApp's webhook",
    description = "For Meta alone: tells the challenge again where the word is right.",
    security(()),
    params(SetUp),
    responses(
        (status = 200, description = "The challenge.", body = String, content_type = "text/plain"),
        (status = 403, description = "`wrong_verify_token`.", body = bodies::Refusal),
        (status = 404, description = "`whatsapp_not_offered`: nothing goes by WhatsApp here.", body = bodies::Refusal),
        (status = 422, description = "`bad_challenge`: there is none, or it is too long.", body = bodies::Refusal),
        answers::Queried, answers::Reads
    )
)]
pub async fn set_up(State(app): State<App>, Params(asked): Params<SetUp>) -> Result<Response, ApiError> {
    let SetUp { mode, verify_token, challenge } = asked;
    let knows = app.studio.knows_whatsapp_word(verify_token.as_deref().unwrap_or_default()).ok_or_else(not_offered)?;
    if !knows || mode.as_deref() != Some("subscribe") {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "wrong_verify_token",
            "The word for the webhook is not the one that is set here.",
            "Enter the text of WHATSAPP_VERIFY_TOKEN at Meta.",
        ));
    }
    let plain = |text: &String| text.len() <= CHALLENGE_CHARS_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    let challenge = challenge.filter(plain).ok_or_else(|| {
        ApiError::unprocessable("bad_challenge", "There is no challenge to tell again.", "Meta sends hub.challenge.")
    })?;
    Ok(([(CONTENT_TYPE, "text/plain")], challenge).into_response())
}

/// What Meta posts; much more than is described here may come along.
#[derive(Serialize, ToSchema)]
#[schema(as = WhatsappNotice)]
#[allow(dead_code, reason = "only its description is used")]
pub struct Posted {
    #[schema(examples("whatsapp_business_account"))]
    object: String,
    /// Each with `changes`, in whose `value` are `statuses` and `messages`.
    entry: Vec<serde_json::Value>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "only its description is used")]
pub struct Signed {
    /// `sha256=` and the HMAC of the raw body by the app's secret, in hex digits.
    #[param(rename = "X-Hub-Signature-256", example = "sha256=6ae1f00b")]
    signature: Option<String>,
}

/// `POST /api/whatsapp/webhook`: how messages fare, and what people write back.
#[utoipa::path(
    post,
    path = "/api/whatsapp/webhook",
    operation_id = "receiveWhatsapp",
    tag = "Webhooks",
    summary = "The receiver of WhatsApp's webhook",
    description = "For Meta alone. The signature over the raw bytes decides; 200 is said when everything that concerns us is durable, and again for repetitions. What is unknown is passed over.",
    security(()),
    params(Signed),
    request_body(content = Posted),
    responses(
        (status = 200, description = "Durable."),
        (status = 401, description = "`wrong_signature`.", body = bodies::Refusal),
        (status = 404, description = "`whatsapp_not_offered`: nothing goes by WhatsApp here.", body = bodies::Refusal),
        answers::Sent, answers::Writes
    )
)]
pub async fn receive(State(app): State<App>, request: Request) -> Result<StatusCode, ApiError> {
    let (parts, body) = request.into_parts();
    if app.studio.config().whatsapp.is_none() {
        return Err(not_offered());
    }
    let (body, _place) = upload::read_bytes(body, NOTICE_BYTES_MAX, &app.bounds).await?;
    let heard = app.studio.hear_whatsapp(signature(&parts.headers), &body).await.ok_or_else(not_offered)?;
    heard?.map_err(refused)?;
    Ok(StatusCode::OK)
}

/// Of several headers none: nobody knows which one is meant.
fn signature(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(SIGNATURE_HEADER).iter();
    all.next().filter(|_| all.next().is_none())?.to_str().ok()
}

fn not_offered() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "whatsapp_not_offered",
        "This studio sends nothing by WhatsApp.",
        "Whoever runs the studio sets WHATSAPP_TOKEN and what belongs to it: see docs/whatsapp.md.",
    )
}

fn refused(why: Refused) -> ApiError {
    match why {
        Refused::Signature => ApiError::new(
            StatusCode::UNAUTHORIZED,
            "wrong_signature",
            "The signature is missing or not that of the app's secret.",
            "Look whether WHATSAPP_APP_SECRET is the secret of the app that the webhook belongs to.",
        ),
        Refused::Unreadable => {
            ApiError::bad_request("not_json", "The body is no JSON of a notice.", "Send what Meta documents.")
        }
        Refused::TooMany => ApiError::too_large(
            format!("The notice tells more than {TOLD_MAX} things."),
            "Send them in several notices.",
        ),
    }
}
