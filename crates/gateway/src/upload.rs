//! Takes whole files in: `PUT /files/b/{id}/{name}?…`, whose address itself authorises, so that no key is asked for, and
//! `POST /files/upload` with a CDN token or a key.

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, ETAG};
use plantain_blobs::{KeyOf, PutError};
use plantain_queue::model::FileRecord;
use plantain_wire::header;

use crate::bases::Bases;
use crate::cdn_token::Uploader;
use crate::path::Path;
use crate::place::{self, Place};
use crate::refusal::Refusal;
use crate::ticket::{Ticket, TicketQuery};
use crate::{Gateway, body, content_type, file_name, reply};

/// The answer is no JSON and says so: fal's JavaScript client fails on an empty body that claims to be.
pub(crate) async fn to_address(
    State(gateway): State<Gateway>,
    Path((id, name)): Path<(String, String)>,
    query: Result<Query<TicketQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let Query(query) = query.map_err(|_| Refusal::Ticket)?;
    let Ticket { place, .. } = Ticket::read(id, name, query, &gateway.cdn_secret, gateway.clock.now())?;
    body::admit(&headers, gateway.limits.upload_bytes)?;
    let bytes = body::unstalled(body, &gateway);
    let kept = match gateway.engine.file(&place.id).await? {
        Some(known) => compare(known, &headers, bytes).await?,
        None => take_in(&gateway, &place, bytes).await?,
    };
    Ok(([(CONTENT_TYPE, "text/plain".to_owned()), (ETAG, format!("\"{}\"", kept.blob))], "").into_response())
}

/// One call instead of two; name, type and life are said in headers.
pub(crate) async fn direct(
    State(gateway): State<Gateway>,
    Uploader(owner): Uploader,
    Extension(bases): Extension<Bases>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let place = said_in(&headers, owner)?;
    body::admit(&headers, gateway.limits.upload_bytes)?;
    take_in(&gateway, &place, body::unstalled(body, &gateway)).await?;
    Ok(reply::json(200, serde_json::json!({ "access_url": place.file_url(&bases.cdn) }).to_string()))
}

/// The place for a file whose name, type and life are said in headers.
pub(crate) fn said_in(headers: &HeaderMap, owner: plantain_wire::id::UserId) -> Result<Place, Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let declared = text(CONTENT_TYPE.as_str());
    let content_type = if content_type::is_sayable(declared) { declared } else { content_type::UNKNOWN };
    let name = file_name::plain(text(header::FILE_NAME), content_type);
    Ok(Place::new(name, content_type.to_owned(), owner, place::lifecycle(headers)?))
}

/// The same file twice is fine, since clients repeat a PUT whose answer was lost. Another file is not: addresses are
/// cached for ever. Nothing is written to find out, and no more is read than the known file has.
async fn compare<S>(known: FileRecord, headers: &HeaderMap, bytes: S) -> Result<FileRecord, Refusal>
where
    S: Stream<Item = Result<Bytes, Refusal>>,
{
    if body::declared_length(headers).is_some_and(|length| length != known.size) {
        return Err(Refusal::UploadTaken);
    }
    let (mut key, mut received) = (KeyOf::default(), 0);
    let mut bytes = std::pin::pin!(bytes);
    while let Some(chunk) = bytes.next().await {
        let chunk = chunk?;
        received += chunk.len() as u64;
        if received > known.size {
            return Err(Refusal::UploadTaken);
        }
        key.piece(&chunk);
    }
    if key.finish().as_str() == known.blob { Ok(known) } else { Err(Refusal::UploadTaken) }
}

async fn take_in<S>(gateway: &Gateway, place: &Place, bytes: S) -> Result<FileRecord, Refusal>
where
    S: Stream<Item = Result<Bytes, Refusal>>,
{
    let mut head = Vec::new();
    let stored = gateway.blobs.put_stream(with_head(bytes, &mut head), gateway.limits.upload_bytes).await;
    let (blob, size) = stored.map_err(refusal_of)?;
    place.keep(gateway, &blob, size, &head).await
}

/// The same stream, whose first bytes are also kept in `head`.
pub(crate) fn with_head<'h, S>(
    stream: S,
    head: &'h mut Vec<u8>,
) -> impl Stream<Item = Result<Bytes, Refusal>> + use<'h, S>
where
    S: Stream<Item = Result<Bytes, Refusal>>,
{
    stream.inspect(|chunk| {
        if let Ok(chunk) = chunk {
            let missing = content_type::HEAD_BYTES - head.len();
            head.extend_from_slice(&chunk[..missing.min(chunk.len())]);
        }
    })
}

pub(crate) fn refusal_of(error: PutError<Refusal>) -> Refusal {
    match error {
        PutError::TooLarge { max_bytes } => Refusal::BodyTooLarge { limit_bytes: max_bytes },
        PutError::Source(refusal) => refusal,
        PutError::Store(error) => Refusal::Blobs(error),
    }
}
