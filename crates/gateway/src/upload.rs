//! `PUT /files/b/{id}/{name}?…`: takes a file in. The address itself authorises, so no key is asked for.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, ETAG};
use plantain_blobs::{BlobKey, PutError};
use plantain_queue::model::FileRecord;

use crate::refusal::Refusal;
use crate::ticket::{Ticket, TicketQuery};
use crate::{Gateway, body, content_type};

/// The answer is no JSON and says so: fal's JavaScript client fails on an empty body that claims to be.
pub(crate) async fn upload(
    State(gateway): State<Gateway>,
    Path((id, name)): Path<(String, String)>,
    query: Result<Query<TicketQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let Query(query) = query.map_err(|_| Refusal::Ticket)?;
    let ticket = Ticket::read(id, name, query, &gateway.cdn_secret, gateway.clock.now())?;
    body::admit(&headers, gateway.limits.upload_bytes)?;
    let mut head = Vec::new();
    let bytes = with_head(body::unstalled(body, &gateway), &mut head);
    let stored = gateway.blobs.put_stream(bytes, gateway.limits.upload_bytes).await;
    let (blob, size) = stored.map_err(refusal_of)?;
    let content_type = content_type::of(&ticket.content_type, &head);
    let etag = format!("\"{blob}\"");
    keep(&gateway, ticket, content_type, blob, size).await?;
    Ok(([(CONTENT_TYPE, "text/plain".to_owned()), (ETAG, etag)], "").into_response())
}

/// The same file twice is fine, since clients repeat a PUT whose answer was lost. Another file is not: addresses are
/// cached for ever.
async fn keep(gateway: &Gateway, ticket: Ticket, content_type: &str, blob: BlobKey, size: u64) -> Result<(), Refusal> {
    match gateway.engine.file(&ticket.id).await? {
        Some(known) if known.blob == blob.as_str() => return Ok(()),
        Some(_) => return Err(Refusal::UploadTaken),
        None => {}
    }
    let record = FileRecord {
        id: ticket.id,
        name: ticket.name,
        content_type: content_type.to_owned(),
        blob: blob.as_str().to_owned(),
        size,
        created_at: gateway.clock.now(),
        expires_at: None,
    };
    Ok(gateway.engine.put_file(record).await?)
}

/// The same stream, whose first bytes are also kept in `head`.
fn with_head<'h, S>(stream: S, head: &'h mut Vec<u8>) -> impl Stream<Item = Result<Bytes, Refusal>> + use<'h, S>
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

fn refusal_of(error: PutError<Refusal>) -> Refusal {
    match error {
        PutError::TooLarge { max_bytes } => Refusal::BodyTooLarge { limit_bytes: max_bytes },
        PutError::Source(refusal) => refusal,
        PutError::Store(error) => Refusal::Blobs(error),
    }
}
