//! `POST /storage/upload/initiate` and `…/initiate-multipart`: give out a place for a file.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use plantain_wire::id::UserId;
use plantain_wire::storage::{InitiateReply, InitiateRequest};
use url::Url;

use crate::account::Admitted;
use crate::bases::Bases;
use crate::place::{self, Place};
use crate::refusal::Refusal;
use crate::ticket::Ticket;
use crate::upload_id::UploadId;
use crate::{Gateway, body, content_type, file_name, reply};

/// Nothing is stored yet: the address carries what is needed to take the file in. Which kind of storage the query names
/// makes no difference; there is one.
pub(crate) async fn initiate(
    State(gateway): State<Gateway>,
    Admitted(account): Admitted,
    Extension(bases): Extension<Bases>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let place = place(&gateway, account.user_id, &headers, body).await?;
    let file_url = place.file_url(&bases.cdn);
    let ticket = Ticket::issue(place, gateway.clock.now(), gateway.limits.upload_valid);
    Ok(said(ticket.upload_url(&bases.cdn, &gateway.cdn_secret), file_url))
}

/// As [`initiate`], for a file that comes in parts.
pub(crate) async fn initiate_multipart(
    State(gateway): State<Gateway>,
    Admitted(account): Admitted,
    Extension(bases): Extension<Bases>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let place = place(&gateway, account.user_id, &headers, body).await?;
    let file_url = place.file_url(&bases.cdn);
    let upload = UploadId::issue(&place, gateway.clock.now(), gateway.limits.multipart_valid, &gateway.cdn_secret);
    Ok(said(upload.signed_url(&file_url, &gateway.cdn_secret), file_url))
}

async fn place(gateway: &Gateway, owner: UserId, headers: &HeaderMap, body: Body) -> Result<Place, Refusal> {
    let lifecycle = place::lifecycle(headers)?;
    let asked = read(&body::json_input(gateway, owner.as_str(), headers, body).await?)?;
    let name = file_name::plain(&asked.file_name, &asked.content_type);
    Ok(Place::new(name, asked.content_type, owner, lifecycle))
}

fn said(upload_url: Url, file_url: Url) -> Response {
    let json = serde_json::to_string(&InitiateReply { upload_url, file_url });
    reply::json(200, json.expect("two addresses always serialise"))
}

fn read(body: &[u8]) -> Result<InitiateRequest, Refusal> {
    let expected = "an object with the strings 'content_type' and 'file_name'";
    let asked: InitiateRequest =
        serde_json::from_slice(body).map_err(|_| Refusal::Unreadable { name: "body", expected })?;
    match content_type::is_sayable(&asked.content_type) {
        true => Ok(asked),
        false => Err(Refusal::Unreadable { name: "content_type", expected: "a media type such as image/png" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_needs_a_type_and_may_lack_a_name() {
        assert_eq!(read(br#"{"content_type":"image/png"}"#).unwrap().file_name, "");
        assert!(read(br#"{"content_type":"image/png","file_name":"a.png","more":[1]}"#).is_ok());
        let long = format!(r#"{{"content_type":"{}"}}"#, "x".repeat(201));
        for bad in
            ["{}", "[]", "7", r#"{"content_type":7}"#, r#"{"content_type":""}"#, r#"{"content_type":"a\nb"}"#, &long]
        {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
