//! `PUT /files/b/{id}/{name}?…`: takes a file in. The address itself authorises, so no key is asked for.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, ETAG};
use plantain_blobs::{KeyOf, PutError};
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
    let bytes = body::unstalled(body, &gateway);
    let kept = match gateway.engine.file(&ticket.id).await? {
        Some(known) => compare(known, &headers, bytes).await?,
        None => keep(&gateway, ticket, bytes).await?,
    };
    Ok(([(CONTENT_TYPE, "text/plain".to_owned()), (ETAG, format!("\"{}\"", kept.blob))], "").into_response())
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

/// Of several uploads at once to the same place, the first that ends is kept; the others are judged by it.
async fn keep<S>(gateway: &Gateway, ticket: Ticket, bytes: S) -> Result<FileRecord, Refusal>
where
    S: Stream<Item = Result<Bytes, Refusal>>,
{
    let mut head = Vec::new();
    let stored = gateway.blobs.put_stream(with_head(bytes, &mut head), gateway.limits.upload_bytes).await;
    let (blob, size) = stored.map_err(refusal_of)?;
    let record = FileRecord {
        id: ticket.id,
        name: ticket.name,
        content_type: content_type::of(&ticket.content_type, &head).to_owned(),
        blob: blob.as_str().to_owned(),
        size,
        created_at: gateway.clock.now(),
        expires_at: None,
    };
    let kept = gateway.engine.put_file(record).await?;
    // A loser's bytes stay, since other addresses may have come to stand for the same bytes in the meantime.
    if kept.blob == blob.as_str() { Ok(kept) } else { Err(Refusal::UploadTaken) }
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
