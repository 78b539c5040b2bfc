//! Uploads in parts: `POST /files/upload/multipart` begins one, `PUT …/multipart/{upload}/{number}` takes a part in, and
//! `POST …/multipart/{upload}/complete` makes the file. JavaScript comes with an address that was signed by
//! `initiate-multipart`, one part after the other; Python with its CDN token, ten parts at once.
//!
//! Invariant: no byte of an upload is readable before it is complete; a part that was answered survives a restart.

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::HeaderMap;
use http::header::ETAG;
use jiff::Timestamp;
use plantain_blobs::{BlobError, BlobKey};
use plantain_queue::files::{PartKept, PartRecord};
use plantain_queue::model::FileRecord;
use plantain_queue::store::StoreError;
use plantain_wire::id::UserId;
use serde::Deserialize;

use crate::bases::Bases;
use crate::cdn_token::Uploader;
use crate::part_list::{self, PARTS_MAX};
use crate::path::Path;
use crate::refusal::Refusal;
use crate::upload::{refusal_of, said_in, with_head};
use crate::upload_id::{self, Upload, UploadId};
use crate::{Gateway, body, content_type, reply};

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Signed {
    signature: Option<String>,
}

/// Begins an upload. Nothing is stored yet.
pub(crate) async fn begin(
    State(gateway): State<Gateway>,
    Uploader(owner): Uploader,
    Extension(bases): Extension<Bases>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let place = said_in(&headers, owner)?;
    let upload = UploadId::issue(&place, gateway.clock.now(), gateway.limits.multipart_valid, &gateway.cdn_secret);
    let said = serde_json::json!({ "access_url": place.file_url(&bases.cdn), "uploadId": upload.as_str() });
    Ok(reply::json(200, said.to_string()))
}

/// The answer says the etag twice: JavaScript reads it in the body, Python in the header.
pub(crate) async fn part(
    State(gateway): State<Gateway>,
    Path((id, name, upload, number)): Path<(String, String, String, String)>,
    query: Result<Query<Signed>, QueryRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let (headers, body, upload) = admitted(&gateway, (id, name, upload), query, request).await?;
    let expected = "a whole number from 1 to 10000";
    let number = part_list::number(&number).ok_or(Refusal::Unreadable { name: "part_number", expected })?;
    body::admit(&headers, gateway.limits.upload_bytes)?;
    if gateway.engine.file(&upload.place.id).await?.is_some() {
        return Err(Refusal::UploadFinished);
    }
    let stored = gateway.blobs.put_stream(body::unstalled(body, &gateway), gateway.limits.upload_bytes).await;
    let (blob, size) = stored.map_err(refusal_of)?;
    keep(&gateway, &upload, number, &blob, size).await?;
    let etag = part_list::etag(blob.as_str());
    let said = serde_json::json!({ "partNumber": number, "etag": etag });
    Ok(([(ETAG, etag)], reply::json(200, said.to_string())).into_response())
}

/// A second completion finds the file that the first one made and says the same.
pub(crate) async fn complete(
    State(gateway): State<Gateway>,
    Path((id, name, upload)): Path<(String, String, String)>,
    query: Result<Query<Signed>, QueryRejection>,
    Extension(bases): Extension<Bases>,
    request: Request,
) -> Result<Response, Refusal> {
    let (headers, body, upload) = admitted(&gateway, (id, name, upload), query, request).await?;
    let named = part_list::read(&body::json_input(&gateway, upload.place.owner.as_str(), &headers, body).await?)
        .map_err(Refusal::Parts)?;
    let parts = gateway.engine.store().parts(&upload.place.id).await?;
    // Looked for after the parts, which go when the file comes.
    if gateway.engine.file(&upload.place.id).await?.is_none() {
        part_list::judge(&named, &parts).map_err(Refusal::Parts)?;
        put_together(&gateway, &upload, parts).await?;
    }
    let url = upload.place.file_url(&bases.cdn);
    let said = serde_json::json!({ "access_url": url, "file_url": url });
    Ok(reply::json(200, said.to_string()))
}

/// Who comes with a signed address may go on; everybody else must be the one who began.
async fn admitted(
    gateway: &Gateway,
    (id, name, upload): (String, String, String),
    query: Result<Query<Signed>, QueryRejection>,
    request: Request,
) -> Result<(HeaderMap, Body, Upload), Refusal> {
    let Query(query) = query.map_err(|_| Refusal::Ticket)?;
    let (mut head, body) = request.into_parts();
    let owner = match query.signature {
        Some(signature) if upload_id::is_signed(&upload, &signature, &gateway.cdn_secret) => None,
        Some(_) => return Err(Refusal::Ticket),
        None => Some(Uploader::from_request_parts(&mut head, gateway).await?.0),
    };
    let read = upload_id::read(id, name, &upload, &gateway.cdn_secret, gateway.clock.now())?;
    if owner.is_some_and(|owner: UserId| owner != read.place.owner) {
        return Err(Refusal::UnknownUpload);
    }
    Ok((head.headers, body, read))
}

async fn keep(gateway: &Gateway, upload: &Upload, number: u16, blob: &BlobKey, size: u64) -> Result<(), Refusal> {
    let expires_at = Timestamp::from_second(upload.expires).map_err(|_| Refusal::Ticket)?;
    let file_id = upload.place.id.clone();
    let record = PartRecord { file_id, number, blob: blob.as_str().to_owned(), size, expires_at };
    let bytes_max = gateway.limits.multipart_bytes;
    match gateway.engine.store().put_part(record, bytes_max, gateway.clock.now()).await? {
        PartKept::Kept => {}
        PartKept::Finished => return Err(Refusal::UploadFinished),
        PartKept::TooLarge => return Err(Refusal::BodyTooLarge { limit_bytes: bytes_max }),
    }
    // As with files: a removal may have ended before the commit.
    match gateway.blobs.size(blob).await? {
        Some(_) => Ok(()),
        None => Err(StoreError::Unavailable("the bytes were removed while they were referred to".into()).into()),
    }
}

/// Reads the parts one after the other and writes them as one. Where it breaks off, nothing is kept and the parts stay.
async fn put_together(gateway: &Gateway, upload: &Upload, parts: Vec<PartRecord>) -> Result<FileRecord, Refusal> {
    let keys: Option<Vec<BlobKey>> = parts.iter().map(|part| BlobKey::parse(&part.blob)).collect();
    let corrupt = || StoreError::Corrupt { table: "queue_parts", column: "blob", row: upload.place.id.clone() };
    let keys = keys.ok_or_else(corrupt)?;
    if let [key] = keys.as_slice() {
        let head = gateway.blobs.get_range(key, 0..content_type::HEAD_BYTES as u64).await?.ok_or_else(part_is_gone)?;
        return upload.place.keep(gateway, key, parts[0].size, &head).await;
    }
    let mut head = Vec::new();
    let bytes = with_head(one_after_the_other(gateway, keys), &mut head);
    let (blob, size) = gateway.blobs.put_stream(bytes, gateway.limits.multipart_bytes).await.map_err(refusal_of)?;
    upload.place.keep(gateway, &blob, size, &head).await
}

fn one_after_the_other(
    gateway: &Gateway,
    keys: Vec<BlobKey>,
) -> impl Stream<Item = Result<Bytes, Refusal>> + Send + use<> {
    let blobs = gateway.blobs.clone();
    stream::iter(keys)
        .then(move |key| {
            let blobs = blobs.clone();
            async move {
                let opened = blobs.open(&key).await.and_then(|found| found.ok_or_else(gone_bytes));
                match opened {
                    Ok(opened) => opened.stream.map(|chunk| chunk.map_err(|e| Refusal::Blobs(e.into()))).left_stream(),
                    Err(error) => stream::once(async move { Err(Refusal::Blobs(error)) }).right_stream(),
                }
            }
        })
        .flatten()
}

/// The part was replaced or the upload ended elsewhere while it was read; asked again, the answer will fit.
fn gone_bytes() -> BlobError {
    BlobError::Unavailable(std::io::Error::other("a part is gone"))
}

fn part_is_gone() -> Refusal {
    Refusal::Blobs(gone_bytes())
}

const _: () = assert!(PARTS_MAX == 10_000, "the refusal above says the number in words");
