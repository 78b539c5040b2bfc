//! The two ways to upload: ask for a place, then PUT the bytes there; or ask for a token of the CDN, and POST with it as many
//! files as one likes.
//!
//! The place (`upload_url`) authorises itself, so no key is sent with the bytes.

use serde::{Deserialize, Serialize};
use url::Url;

/// The query that official clients send where they ask for a place or a token.
pub const STORAGE_TYPE: (&str, &str) = ("storage_type", "fal-cdn-v3");

/// `POST /storage/upload/initiate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitiateRequest {
    pub content_type: String,
    #[serde(default)]
    pub file_name: String,
}

/// Where the bytes go, and where they will be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitiateReply {
    pub upload_url: Url,
    pub file_url: Url,
}

/// Of `POST /storage/auth/token`, as far as it is needed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct CdnTokenReply {
    pub token: String,
    /// The scheme to send it under.
    pub token_type: String,
    /// Where it opens.
    pub base_url: Url,
}

/// Of `POST /files/upload`: where the bytes will be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadReply {
    pub access_url: Url,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handshake_reads_and_writes_the_official_keys() {
        let request = InitiateRequest { content_type: "image/png".into(), file_name: "a.png".into() };
        let json = serde_json::to_string(&request).unwrap();
        assert_eq!(json, r#"{"content_type":"image/png","file_name":"a.png"}"#);
        assert_eq!(serde_json::from_str::<InitiateRequest>(&json).unwrap(), request);
        let reply = br#"{"upload_url":"http://c.test/put?token=1","file_url":"http://c.test/a.png","more":1}"#;
        let reply: InitiateReply = serde_json::from_slice(reply).unwrap();
        assert_eq!(reply.file_url.as_str(), "http://c.test/a.png");
    }
}
