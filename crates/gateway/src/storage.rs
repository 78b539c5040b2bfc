//! `POST /storage/upload/initiate`: gives out a place for a file.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use plantain_wire::storage::{InitiateReply, InitiateRequest};

use crate::account::Authenticated;
use crate::bases::Bases;
use crate::refusal::Refusal;
use crate::ticket::Ticket;
use crate::{Gateway, body, file_name, reply};

/// The longest media type, in bytes; registered ones have at most 127 and a parameter or two.
const CONTENT_TYPE_BYTES_MAX: usize = 200;

/// Nothing is stored yet: the address carries what is needed to take the file in.
pub(crate) async fn initiate(
    State(gateway): State<Gateway>,
    _account: Authenticated,
    Extension(bases): Extension<Bases>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let asked = read(&body::json_input(&gateway, &headers, body).await?)?;
    let name = file_name::plain(&asked.file_name, &asked.content_type);
    let ticket = Ticket::issue(name, asked.content_type, gateway.clock.now(), gateway.limits.upload_valid);
    let said = InitiateReply {
        upload_url: ticket.upload_url(&bases.cdn, &gateway.cdn_secret),
        file_url: ticket.file_url(&bases.cdn),
    };
    let json = serde_json::to_string(&said).expect("two addresses always serialise");
    Ok(reply::json(200, json))
}

fn read(body: &[u8]) -> Result<InitiateRequest, Refusal> {
    let expected = "an object with the strings 'content_type' and 'file_name'";
    let asked: InitiateRequest =
        serde_json::from_slice(body).map_err(|_| Refusal::Unreadable { name: "body", expected })?;
    let visible = asked.content_type.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match (1..=CONTENT_TYPE_BYTES_MAX).contains(&asked.content_type.len()) && visible {
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
