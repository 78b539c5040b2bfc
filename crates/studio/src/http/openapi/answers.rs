//! Answers that several calls have alike.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type};
use utoipa::openapi::{Content, Header, Ref, RefOr, Response, ResponseBuilder, Schema};

use crate::http::pictures::preview::WIDTHS;

type Answers = BTreeMap<String, RefOr<Response>>;

const JSON: &str = "application/json";

/// A refusal in the one shape that all have.
pub fn refusal(why: &str) -> Response {
    let body = Content::new(Some(Ref::from_schema_name("Refusal")));
    ResponseBuilder::new().description(why).content(JSON, body).build()
}

/// A refusal for lack of room or of a part that works.
pub fn unavailable(why: &str) -> Response {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build();
    let mut header = Header::new(seconds);
    header.description = Some("Seconds after which another try is worth it.".to_owned());
    let mut answer = refusal(why);
    answer.headers.insert("Retry-After".to_owned(), header);
    answer
}

/// There is no such job, or it is somebody else's; or the job has no such thing.
fn missing() -> Response {
    let either = OneOfBuilder::new().item(Ref::from_schema_name("JobMissing")).item(Ref::from_schema_name("Refusal"));
    let why = "There is no such job here for whoever asks, or it has no such thing.";
    ResponseBuilder::new().description(why).content(JSON, Content::new(Some(Schema::OneOf(either.build())))).build()
}

pub fn text() -> Content {
    Content::new(Some(ObjectBuilder::new().schema_type(Type::String).build()))
}

fn binary() -> Content {
    let format = Some(SchemaFormat::KnownFormat(KnownFormat::Binary));
    Content::new(Some(ObjectBuilder::new().schema_type(Type::String).format(format).build()))
}

fn header(what: &str) -> Header {
    let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String).build());
    header.description = Some(what.to_owned());
    header
}

macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident { $($status:literal => $answer:expr),* $(,)? })*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> Answers {
                [$(($status.to_owned(), RefOr::T($answer))),*].into()
            }
        }
    )*};
}

answers! {
    /// Of what a studio that is not open does for its operator alone.
    Closed { "401" => refusal("`key_unknown`: the key that was sent is unknown or revoked. `token_needed`: the studio is not open to everybody, the list is the operator's, or nobody says whose it is.") }

    /// Of a body that is read as it comes.
    Sent {
        "400" => refusal("What was sent can't be read: `cut_off`, `form_malformed`, `not_utf8`, `not_json` or `bad_query`."),
        "408" => refusal("`too_slow`: the body came too slowly."),
        "413" => refusal("`too_large` or `file_too_large`: the body, a field or a photo is larger than is taken."),
    }

    /// Of a request that may have a key.
    Named { "409" => refusal("`in_progress`: a request with this `Idempotency-Key` is being worked on.") }

    /// Of a query that can't be read.
    Queried { "400" => refusal("`bad_query`: the query of the address can't be read.") }

    /// Of everything about one job.
    OfJob {
        "404" => missing(),
        "503" => unavailable("`storage_unavailable` or `busy`: the same request will work later."),
    }

    /// Of what looks into the store.
    Reads { "503" => unavailable("`storage_unavailable` or `busy`: the same request will work later.") }

    /// Of what writes into the store.
    Writes {
        "503" => unavailable("`storage_unavailable` or `busy`: nothing was done; the same request will work later."),
        "507" => refusal("`storage_full`: whoever runs the studio has to make room. Nothing was done."),
    }

    /// Of a job's cut-out.
    OfCutout {
        "400" => refusal("`bad_query` or `unread`: the query or the body can't be read."),
        "409" => refusal("`not_finished`, `no_matte` or `scene_gone`: this job has no cut-out that can be corrected; `strokes_changed`: somebody else changed the strokes, and `revision` says which they have now."),
        "410" => refusal("`photo_gone`: the photo or its cut-out is not kept any more."),
    }

    /// Of strokes.
    OfStrokes {
        "413" => refusal("`too_large`: the strokes take too many bytes."),
        "422" => refusal("`strokes_malformed`, `stroke_outside_photo`, `stroke_too_long`, `too_many_strokes`, `nothing_left`, `picture_too_small` or `file_too_large`."),
    }

    /// Of what is offered as a picture.
    OfPicture {
        "200" => picture(),
        "304" => Response::new("The asker's copy, named by `If-None-Match`, is this picture."),
        "400" => refusal("`bad_query`: the query of the address can't be read."),
        "422" => refusal(&format!("`width_not_offered`: smaller copies are {WIDTHS:?} pixels wide.")),
    }
}

fn picture() -> Response {
    let kinds = ["image/jpeg", "image/png", "image/webp", "application/octet-stream"];
    let answer = ResponseBuilder::new()
        .description("The picture's bytes. They never change under this address.")
        .header("ETag", header("Names the bytes."))
        .header("Cache-Control", header("May be kept for good, by the asker alone."))
        .header("Content-Disposition", header("`inline`, or `attachment` with `download`; the file's name."));
    kinds.into_iter().fold(answer, |answer, kind| answer.content(kind, binary())).build()
}
