//! `POST /api/jobs`: any endpoint and its own input as a job, and `GET /api/jobs/{id}/result`: its answer as it came.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::asking::{INPUT_BYTES_MAX, NewRequest};
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::{Params, Segments};
use crate::http::generate::{Begun, answered};
use crate::http::hooks;
use crate::http::jobs;
use crate::http::letters::Wisher;
use crate::http::openapi::{answers, bodies, values};
use crate::http::upload::{self, fields};
use crate::http::waiting::{Wait, Wanted};
use crate::http::whatsapp;
use crate::job::{Ended, JobId};
use crate::view::JobView;

/// Bytes around the input.
const AROUND_BYTES_MAX: usize = 4 * 1024;

/// A request for any endpoint of the queue.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnyRequest {
    /// As the queue names it.
    #[schema(max_length = 200, examples("fal-ai/flux/dev"))]
    endpoint: String,
    /// What the endpoint takes, sent byte for byte; an object of at most 256 KB. Larger things are given by address.
    #[schema(value_type = Object, examples(json!({"prompt": "a linen chair"})))]
    input: Box<RawValue>,
    /// The product's number; files are named after it.
    #[serde(default)]
    #[schema(max_length = 64, examples("SKU-7"))]
    sku: Option<String>,
    /// Told by WhatsApp once the pictures are ready: a number with its country code.
    #[serde(default, rename = "notifyWhatsapp")]
    #[schema(max_length = 40, examples("+91 98765 43210"))]
    notify_whatsapp: Option<String>,
    /// Posted to once the job has ended. Its query stays as it is.
    #[serde(default, rename = "webhookUrl")]
    #[schema(max_length = 2048, examples("https://n8n.example/webhook-waiting/7?signature=5f1c"))]
    webhook_url: Option<String>,
    /// What that post is signed with; without it it is not.
    #[serde(default, rename = "webhookSecret")]
    #[schema(min_length = 16, max_length = 200)]
    webhook_secret: Option<String>,
    /// Gets a letter once the job has succeeded or failed, where the studio sends any.
    #[serde(default, rename = "notifyEmail")]
    #[schema(max_length = 254, examples("asha@shop.example"))]
    notify_email: Option<String>,
}

/// Answers 202 once the job is durable, and with `wait` 200 and the job if it ends in that time.
#[utoipa::path(
    post,
    path = "/api/jobs",
    operation_id = "askEndpoint",
    tag = "Generate",
    summary = "Ask any endpoint",
    description = "Text to image, video, audio, or whatever else the queue serves, as a job. Nothing is finished to a marketplace's rules; files that the answer names are kept, and the answer itself is `GET /api/jobs/{id}/result`. For the operator and paid keys.",
    params(Wanted, values::Named),
    request_body(content = AnyRequest),
    responses(
        (status = 200, description = "With `wait`: the job has ended, well or badly; `status` says how.", body = JobView, headers(("Location" = String, description = "The job's address."))),
        (status = 202, description = "The job is durable.", body = Begun, headers(("Location" = String, description = "The job's address."))),
        (status = 402, description = "`budget_spent`: the key's budget has no room for it.", body = bodies::Refusal),
        (status = 403, description = "`tier_too_low`: neither the operator nor a paid key asks. `letters_for_accounts`: `notifyEmail` is for sellers with an account. `foreign_page`: a page of another site made a browser ask.", body = bodies::Refusal),
        (status = 422, description = "`endpoint_unusable`, `no_input`, `input_too_large`, `num_images_uncounted` (a key with a budget), `identifier_unusable`, `wrong_field`, `bad_wait`, `bad_idempotency_key`, `idempotency_key_used`, `webhook_url_unusable`, `webhook_url_refused`, `webhook_secret_unusable`, `notify_email_unusable`, `no_letters`, `whatsapp_number_unusable`, `whatsapp_not_offered`, or `price_unknown`: the key has a budget and nobody has said what this endpoint costs.", body = bodies::Refusal),
        answers::Named, answers::Sent, answers::Closed, answers::Writes
    )
)]
pub async fn ask(
    State(app): State<App>,
    Params(wanted): Params<Wanted>,
    request: Request,
) -> Result<Response, ApiError> {
    app.admit(request.headers())?;
    let wait = Wait::wanted(&app, &wanted)?;
    let headers = request.headers();
    let (owner, tier) = (app.visitor(headers).maker(), app.key_tier(headers));
    let allowance = app.key(headers).and_then(|key| key.allowance(app.config.clock.now()));
    let turn = app.turn(headers)?;
    let wisher = Wisher::of(&app, &request);
    let most = INPUT_BYTES_MAX + AROUND_BYTES_MAX;
    let (body, place) = upload::read_bytes(request.into_body(), most, &app.bounds).await?;
    let AnyRequest { endpoint, input, sku, webhook_url, webhook_secret, notify_email, notify_whatsapp } =
        serde_json::from_slice(&body).map_err(|error| wrong(&error))?;
    let callback = fields::callback(webhook_url, webhook_secret)?;
    if let Some(callback) = &callback {
        app.studio.judged(&callback.url, None).map_err(hooks::refused)?;
    }
    let notify = app.letter(&wisher, fields::letter(notify_email)?)?;
    let whatsapp = whatsapp::wished(&app, &wisher, fields::whatsapp(notify_whatsapp)?)?;
    let naming = app.naming(&wisher, notify.as_ref(), whatsapp.as_ref());
    let new = NewRequest { endpoint, input, identifier: sku, whatsapp, owner, tier, allowance, callback, notify };
    let accepted = app.studio.ask(new, turn.as_ref().map(|turn| turn.key.clone()), &naming).await?;
    drop((place, turn));
    Ok(answered(&app, accepted, wait, false).await)
}

fn wrong(error: &serde_json::Error) -> ApiError {
    const HINT: &str = "Send {\"endpoint\": \"fal-ai/flux/dev\", \"input\": {\"prompt\": \"…\"}}.";
    if error.is_data() {
        return ApiError::unprocessable("wrong_field", format!("The JSON does not fit: {error}."), HINT);
    }
    ApiError::bad_request("not_json", format!("The body is not JSON: {error}."), HINT)
}

/// The answer byte for byte: numbers beyond what JSON libraries hold stay what they are.
#[utoipa::path(
    get,
    path = "/api/jobs/{id}/result",
    operation_id = "showResult",
    tag = "Jobs",
    summary = "The model's answer as it came",
    description = "Byte for byte, once there is one; of a failed request the error that the queue told.",
    params(values::OfJobId),
    responses(
        (status = 200, description = "The answer.", body = Object),
        (status = 409, description = "`no_result`: the model has not answered, or was never asked.", body = bodies::Refusal),
        answers::OfJob
    )
)]
pub async fn result(
    State(app): State<App>,
    Segments(id): Segments<String>,
    _headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some(id) = JobId::parse(&id) else { return Ok(jobs::not_found()) };
    if app.studio.job(&id).await?.is_none() {
        return Ok(jobs::not_found());
    }
    let body = match app.studio.result(&id).await?.map(|result| result.ended) {
        Some(Ended::Output(body)) => Some(body),
        Some(Ended::Error { body, .. }) => body,
        None => None,
    };
    let body = body.ok_or_else(no_result)?;
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

fn no_result() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "no_result",
        "The model has not answered this job.",
        "GET /api/jobs/{id} says how it is doing; what was made of another job's pictures was never asked for.",
    )
}
