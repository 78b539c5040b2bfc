//! Ids of uploads in parts. An id says itself what will be uploaded, by whom and until when, signed, so that an upload goes
//! on after a restart and one that was never begun leaves nothing behind.
//!
//! Knowing an id is not enough to upload: it takes the owner's token or key, or an address that was signed on top.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use plantain_wire::id::UserId;
use plantain_wire::options::Lifecycle;
use plantain_work::clock;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::place::Place;
use crate::refusal::Refusal;
use crate::secret::CdnSecret;

/// Set these signatures apart from whatever else the secret signs.
const PURPOSE: &[u8] = b"upload in parts";
const PURPOSE_OF_ADDRESS: &[u8] = b"address of an upload in parts";

/// The longest id, in bytes: all that it can say, and then some.
const BYTES_MAX: usize = 8192;

/// As it stands in addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UploadId(String);

/// What an id says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upload {
    pub(crate) place: Place,
    /// Unix seconds.
    pub(crate) expires: i64,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(rename = "t")]
    content_type: String,
    #[serde(rename = "e")]
    expires: i64,
    #[serde(rename = "o")]
    owner: UserId,
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    lifecycle: Option<Lifecycle>,
}

impl UploadId {
    pub(crate) fn issue(place: &Place, now: Timestamp, valid: Duration, secret: &CdnSecret) -> UploadId {
        let claims = Claims {
            content_type: place.content_type.clone(),
            expires: clock::after(now, valid).as_second(),
            owner: place.owner.clone(),
            lifecycle: place.lifecycle.clone(),
        };
        let json = serde_json::to_vec(&claims).expect("texts and numbers always serialise");
        let said = BASE64_URL_SAFE_NO_PAD.encode(json);
        let signature = secret.sign(&[PURPOSE, place.id.as_bytes(), place.name.as_bytes(), said.as_bytes()]);
        UploadId(format!("{said}.{signature}"))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The address under which parts are put by whoever knows it.
    pub(crate) fn signed_url(&self, file_url: &Url, secret: &CdnSecret) -> Url {
        let mut url = file_url.clone();
        url.set_path(&format!("{}/multipart/{}", file_url.path(), self.0));
        url.query_pairs_mut().append_pair("signature", &secret.sign(&[PURPOSE_OF_ADDRESS, self.0.as_bytes()]));
        url
    }
}

/// Believes an id only if it was signed here for this file and is still valid.
pub(crate) fn read(
    id: String,
    name: String,
    upload: &str,
    secret: &CdnSecret,
    now: Timestamp,
) -> Result<Upload, Refusal> {
    let (said, signature) = upload.rsplit_once('.').filter(|_| upload.len() <= BYTES_MAX).ok_or(Refusal::Ticket)?;
    if !secret.verifies(&[PURPOSE, id.as_bytes(), name.as_bytes(), said.as_bytes()], signature) {
        return Err(Refusal::Ticket);
    }
    let json = BASE64_URL_SAFE_NO_PAD.decode(said).map_err(|_| Refusal::Ticket)?;
    let claims: Claims = serde_json::from_slice(&json).map_err(|_| Refusal::Ticket)?;
    if now.as_second() >= claims.expires {
        return Err(Refusal::TicketExpired);
    }
    let Claims { content_type, expires, owner, lifecycle } = claims;
    Ok(Upload { place: Place { id, name, content_type, owner, lifecycle }, expires })
}

/// Whether `signature` is that of the address of this upload.
pub(crate) fn is_signed(upload: &str, signature: &str, secret: &CdnSecret) -> bool {
    secret.verifies(&[PURPOSE_OF_ADDRESS, upload.as_bytes()], signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn secret() -> CdnSecret {
        CdnSecret::new(&[1; 32])
    }

    fn place() -> Place {
        let lifecycle = Lifecycle::parse(r#"{"initial_acl":{"default":"hide"}}"#);
        Place::new("film.mp4".into(), "video/mp4".into(), UserId::parse("user_shop").unwrap(), lifecycle)
    }

    fn read_at(place: &Place, upload: &str, second: i64) -> Result<Upload, Refusal> {
        read(place.id.clone(), place.name.clone(), upload, &secret(), Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn an_id_says_what_is_uploaded_until_it_expires() {
        let place = place();
        let id = UploadId::issue(&place, NOW, Duration::from_secs(60), &secret());
        assert_eq!(read_at(&place, id.as_str(), 59).unwrap(), Upload { place: place.clone(), expires: 60 });
        assert!(matches!(read_at(&place, id.as_str(), 60), Err(Refusal::TicketExpired)));
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        assert!(id.as_str().bytes().all(safe), "{id:?}");
    }

    #[test]
    fn an_id_is_good_for_its_file_alone() {
        let (place, other) = (place(), place());
        let id = UploadId::issue(&place, NOW, Duration::from_secs(60), &secret());
        assert!(matches!(read_at(&other, id.as_str(), 0), Err(Refusal::Ticket)));
        assert!(matches!(read_at(&Place { name: "x".into(), ..place.clone() }, id.as_str(), 0), Err(Refusal::Ticket)));
        let (said, signature) = id.as_str().rsplit_once('.').unwrap();
        let longer = BASE64_URL_SAFE_NO_PAD.encode(r#"{"t":"video/mp4","e":999999,"o":"user_shop"}"#);
        for forged in ["", ".", said, &format!("{longer}.{signature}"), &format!("{said}.{}", "0".repeat(64))] {
            assert!(matches!(read_at(&place, forged, 0), Err(Refusal::Ticket)), "{forged}");
        }
    }

    #[test]
    fn an_address_is_signed_on_top_of_the_id() {
        let id = UploadId::issue(&place(), NOW, Duration::from_secs(60), &secret());
        let url = id.signed_url(&"http://a.test/files/b/1/film.mp4".parse().unwrap(), &secret());
        assert!(url.path().ends_with(&format!("/film.mp4/multipart/{}", id.as_str())), "{url}");
        let signature = url.query().unwrap().strip_prefix("signature=").unwrap();
        assert!(is_signed(id.as_str(), signature, &secret()));
        assert!(!is_signed("other", signature, &secret()));
        // Neither signature stands for the other.
        let (_, of_id) = id.as_str().rsplit_once('.').unwrap();
        assert!(!is_signed(id.as_str(), of_id, &secret()));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_an_upload(upload in ".{0,80}|[A-Za-z0-9_-]{0,60}\\.[0-9a-f]{64}") {
            let place = place();
            proptest::prop_assert!(read_at(&place, &upload, 0).is_err());
            proptest::prop_assert!(!is_signed(&upload, &upload, &secret()));
        }
    }
}
