//! `/api/hooks`: who is told of an owner's jobs, and whether it works.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::extract::Segments;
use crate::http::openapi::{answers, bodies, values};
use crate::http::{App, guard, upload};
use crate::job::Owner;
use crate::messages::hook::{HOOKS_MAX, HookId, SECRET_CHARS, URL_BYTES_MAX};
use crate::messages::managing::{HookRefused, NewHook, Tested};
use crate::messages::message::Event;
use crate::messages::view::{HookView, MessageView};

/// Bytes of a wish for a hook.
const JSON_BYTES_MAX: usize = 8 * 1024;

/// Whom to tell of what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HookWanted)]
pub struct Wished {
    /// http or https, without a password.
    #[schema(max_length = 2048, examples("https://shop.example/hooks/studio"))]
    url: String,
    /// Usually everything.
    #[serde(default)]
    events: Vec<Event>,
    /// What the receiver has already; usually one is made.
    #[schema(min_length = 16, max_length = 200)]
    secret: Option<String>,
}

/// A new hook.
#[derive(Serialize, ToSchema)]
#[schema(as = HookMade)]
pub struct Made {
    #[serde(flatten)]
    hook: HookView,
    /// Not told again.
    #[schema(examples("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))]
    secret: String,
}

/// An owner's hooks.
#[derive(Serialize, ToSchema)]
#[schema(as = Hooks)]
pub struct All {
    /// Oldest first.
    hooks: Vec<HookView>,
}

/// `GET /api/hooks`: the asker's own.
#[utoipa::path(
    get,
    path = "/api/hooks",
    operation_id = "listHooks",
    tag = "Messages",
    summary = "The asker's hooks",
    description = "Without their secrets.",
    responses((status = 200, description = "The hooks.", body = All), answers::Closed, answers::Reads)
)]
pub async fn list(State(app): State<App>, headers: HeaderMap) -> Result<Json<All>, ApiError> {
    let owner = owner(&app, &headers)?;
    Ok(Json(All { hooks: app.studio.hooks(&owner).await? }))
}

/// `POST /api/hooks`: answers 201 with the secret, which is not told again.
#[utoipa::path(
    post,
    path = "/api/hooks",
    operation_id = "createHook",
    tag = "Messages",
    summary = "Be told",
    description = "Of the asker's own jobs and batches, from now on; at most ten hooks each.",
    request_body(content = Wished),
    responses(
        (status = 201, description = "The hook, and its secret, which is not told again.", body = Made),
        (status = 409, description = "`too_many_hooks`.", body = bodies::Refusal),
        (status = 422, description = "`wrong_field`, `webhook_url_unusable`, `webhook_url_refused` or `webhook_secret_unusable`.", body = bodies::Refusal),
        answers::Sent, answers::Closed, answers::Writes
    )
)]
pub async fn create(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let owner = owner(&app, request.headers())?;
    let (body, _place) = upload::read_bytes(request.into_body(), JSON_BYTES_MAX, &app.bounds).await?;
    let Wished { url, events, secret } = serde_json::from_slice(&body).map_err(|_| wrong_wish())?;
    let new = NewHook { url, events, secret, owner };
    let (hook, secret) = app.studio.add_hook(new).await?.map_err(refused)?;
    Ok((StatusCode::CREATED, Json(Made { hook, secret: secret.reveal().to_owned() })).into_response())
}

/// `DELETE /api/hooks/{hook}`: 204; what is still pending for it is given up.
#[utoipa::path(
    delete,
    path = "/api/hooks/{hook}",
    operation_id = "removeHook",
    tag = "Messages",
    summary = "Be told no more",
    description = "What is still pending for it is given up.",
    params(values::OfHook),
    responses(
        (status = 204, description = "It is told nothing any more."),
        (status = 404, description = "`no_such_hook`.", body = bodies::Refusal),
        answers::Closed, answers::Writes
    )
)]
pub async fn remove(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(hook): Segments<String>,
) -> Result<Response, ApiError> {
    owner(&app, &headers)?;
    match app.studio.remove_hook(&HookId::stored(hook), &app.visitor(&headers)).await? {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(no_hook()),
    }
}

/// `POST /api/hooks/{hook}/test`: 202 with a message about nothing, which is on its way.
#[utoipa::path(
    post,
    path = "/api/hooks/{hook}/test",
    operation_id = "testHook",
    tag = "Messages",
    summary = "See whether it arrives",
    description = "Sends `hook.test`. `GET /api/messages/{message}` tells what the receiver answered.",
    params(values::OfHook),
    responses(
        (status = 202, description = "The message, which is on its way.", body = MessageView),
        (status = 404, description = "`no_such_hook`.", body = bodies::Refusal),
        (status = 409, description = "`test_pending`: the hook's last test is still on its way.", body = bodies::Refusal),
        answers::Closed, answers::Writes
    )
)]
pub async fn test(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(hook): Segments<String>,
) -> Result<Response, ApiError> {
    owner(&app, &headers)?;
    match app.studio.test_hook(&HookId::stored(hook), &app.visitor(&headers)).await? {
        Tested::Owed(message) => Ok((StatusCode::ACCEPTED, Json(message)).into_response()),
        Tested::Pending => Err(ApiError::new(
            StatusCode::CONFLICT,
            "test_pending",
            "The test before is still on its way.",
            "GET /api/messages?state=pending shows how it goes.",
        )),
        Tested::NotFound => Err(no_hook()),
    }
}

/// Whose hooks the asker has to do with. Who says nothing of themselves has none.
fn owner(app: &App, headers: &HeaderMap) -> Result<Owner, ApiError> {
    app.admit(headers)?;
    app.visitor(headers).maker().ok_or_else(guard::name_needed)
}

/// Why an address or its secret can't be used.
pub fn refused(why: HookRefused) -> ApiError {
    match why {
        HookRefused::Address => ApiError::unprocessable(
            "webhook_url_unusable",
            "The address can't be posted to.",
            format!("Give http:// or https://, without a password, at most {URL_BYTES_MAX} bytes."),
        ),
        HookRefused::NotReachable(why) => ApiError::unprocessable(
            "webhook_url_refused",
            format!("The address may not be reached from here: {why}."),
            "Give a public address. Whoever runs the studio allows private ones with WEBHOOK_ALLOW_PRIVATE.",
        ),
        HookRefused::Secret => ApiError::unprocessable(
            "webhook_secret_unusable",
            "The secret can't be used.",
            format!(
                "Give {} to {} visible ASCII characters; after whsec_ the base64 of 24 to 64 bytes.",
                SECRET_CHARS.start(),
                SECRET_CHARS.end()
            ),
        ),
        HookRefused::TooMany => ApiError::new(
            StatusCode::CONFLICT,
            "too_many_hooks",
            format!("There are {HOOKS_MAX} hooks already."),
            "Remove one with DELETE /api/hooks/{hook} first.",
        ),
    }
}

fn no_hook() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "no_such_hook",
        "There is no such hook.",
        "GET /api/hooks lists yours with their ids.",
    )
}

fn wrong_wish() -> ApiError {
    let events: Vec<&str> = Event::ALL.iter().map(|event| event.as_str()).collect();
    ApiError::unprocessable(
        "wrong_field",
        "The wish for a hook can't be read.",
        format!("Send JSON with url, and where needed events (of {}) and secret.", events.join(", ")),
    )
}
