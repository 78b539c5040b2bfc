//! What the API is, as an OpenAPI document that is made from the handlers and the bodies themselves.
//!
//! Each handler says beside its code what it takes and answers; what all of them have in common is added here, once. A test
//! holds the document to the router, and real answers to the document.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use sha2::{Digest, Sha256};
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::http::guard::SESSION_COOKIE;
use crate::http::visitor::SELLER_COOKIE;
use crate::http::{
    accounts, again, any, assets, batches, brush, events, generate, health, history, hooks, inbox, jobs, keys,
    messages, page, pictures, presets, price, reuse, session, share, tiers, unsubscribing, usage, webhook, whatsapp,
};

pub mod answers;
pub mod bodies;
mod common;
pub mod reader;
pub mod values;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Plantain studio",
        description = "One product photo in, catalog pictures out that meet a marketplace's rules. Every refusal has one shape: `{\"error\": {code, message, hint}}`, where the code is stable. Times are UTC in RFC 3339, durations milliseconds unless a name says otherwise, sizes pixels and bytes, money US cents. Addresses in answers are from the studio's root."
    ),
    servers((url = "/", description = "This studio")),
    tags(
        (name = "Generate", description = "From a photo to a job."),
        (name = "Jobs", description = "How jobs are doing, and giving one up."),
        (name = "Pictures", description = "What jobs made, and what they were made of. A picture never changes under its address."),
        (name = "Brush", description = "Correcting a cut-out with strokes, and making the pictures of it anew."),
        (name = "Batches", description = "Many photos at once, and all their pictures in one archive."),
        (name = "Messages", description = "What others are told of jobs and batches, by webhook, mail and WhatsApp."),
        (name = "Accounts", description = "Sellers with a name: a mailbox that they showed to be theirs by a link in a letter."),
        (name = "Usage", description = "What is kept, and what was spent."),
        (name = "Keys", description = "Keys of this API, for the operator alone."),
        (name = "Presets", description = "The marketplaces' rules as data, with sources."),
        (name = "Webhooks", description = "The receivers of the queue's webhooks and of WhatsApp's, and what was refused."),
        (name = "Operations", description = "Health, and this description."),
        (name = "Pages", description = "What browsers open."),
    ),
    paths(
        generate::generate,
        again::again,
        reuse::for_preset,
        any::ask,
        price::show,
        any::result,
        pictures::media::medium,
        jobs::list,
        jobs::show,
        jobs::cancel,
        events::events,
        events::several::events,
        pictures::image,
        pictures::raw,
        pictures::diff,
        pictures::matte,
        pictures::corrected,
        pictures::sheet::sheet,
        pictures::first_source,
        pictures::source,
        brush::matte,
        brush::list,
        brush::add,
        brush::replace,
        brush::apply,
        batches::begin,
        batches::list,
        batches::show,
        batches::cancel,
        batches::pause,
        batches::resume,
        batches::retry,
        batches::cancel_by_form,
        batches::discard,
        batches::discard_by_form,
        batches::zip,
        batches::report::report,
        batches::list::read,
        batches::events::events,
        presets::list,
        presets::show,
        webhook::receive,
        whatsapp::set_up,
        whatsapp::receive,
        inbox::list,
        health::alive,
        health::ready,
        history::choose,
        history::zip,
        history::forget,
        history::forget_by_form,
        hooks::list,
        hooks::create,
        hooks::remove,
        hooks::test,
        messages::list,
        messages::show,
        messages::redeliver,
        accounts::ask,
        accounts::look,
        accounts::follow,
        accounts::show,
        accounts::change,
        accounts::close,
        accounts::close_by_form,
        tiers::list,
        tiers::set,
        page::account::show,
        usage::show,
        usage::table,
        page::usage::show,
        page::keys::show,
        page::keys::make,
        page::keys::revoke,
        keys::list,
        keys::create,
        keys::revoke,
        share::make,
        share::follow,
        page::history::show,
        page::messages::show,
        page::bulk::all,
        page::bulk::batch,
        pictures::corrected_matte,
        describe,
        reader::read,
        page::first,
        page::job,
        assets::serve,
        assets::favicon,
        assets::worker,
        unsubscribing::look,
        unsubscribing::stop,
        session::sign_in,
        session::sign_out,
    ),
    components(schemas(bodies::Refusal, bodies::JobMissing, crate::messages::webhook::HookBody)),
)]
struct Described;

/// The whole document.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Described::openapi();
    let schemes = document.components.get_or_insert_default();
    let cookie =
        |name: &str, what: &str| SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(name, what)));
    let bearer = "The operator's token, or the secret of a key, which begins with `plantain_`, after `Bearer` or `Key`. A key opens what sellers may do, within its tier, its month's budget and its pace; where a call lists this scheme and `session` alone, it is for the operator's token.";
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(bearer)).build();
    schemes.add_security_scheme("token", SecurityScheme::Http(bearer));
    schemes.add_security_scheme("session", cookie(SESSION_COOKIE, "An operator who signed in on the page."));
    let seller = "A browser's own jobs; the first page of a studio that others reach sets it.";
    schemes.add_security_scheme("seller", cookie(SELLER_COOKIE, seller));
    common::complete(&mut document);
    document
}

/// The document as JSON in lines, for files and people.
pub fn printed() -> String {
    document().to_pretty_json().expect("the document has only text keys and finite numbers")
}

/// Made once: nothing of it depends on who asks.
static JSON: LazyLock<Bytes> = LazyLock::new(|| {
    let document = document().to_json().expect("the document has only text keys and finite numbers");
    Bytes::from(document)
});

static JSON_ETAG: LazyLock<String> = LazyLock::new(|| format!("\"{}\"", hex::encode(&Sha256::digest(&*JSON)[..16])));

#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "describe",
    tag = "Operations",
    summary = "This description",
    description = "The API as an OpenAPI 3.1 document. `plantain openapi` prints the same.",
    security(()),
    responses(
        (status = 200, description = "The document.", body = Object, headers(("ETag" = String, description = "Names this edition."))),
        (status = 304, description = "The asker's copy, named by `If-None-Match`, is this edition."),
    )
)]
pub async fn describe(headers: HeaderMap) -> Response {
    let etag = JSON_ETAG.as_str();
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response();
    }
    ([(CONTENT_TYPE, "application/json"), (ETAG, etag)], JSON.clone()).into_response()
}
