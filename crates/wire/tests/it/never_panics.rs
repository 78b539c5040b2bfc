//! Parsers take any bytes: they answer or refuse, and what they accept they write back to something they accept again.

use plantain_wire::cancel::CancelReply;
use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::ErrorBody;
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::jwks::KeySet;
use plantain_wire::models::nano_banana::{EditInput, TextInput};
use plantain_wire::signature::{SignedHeaders, SigningKey, sign_webhook, verify};
use plantain_wire::status::StatusBody;
use plantain_wire::submit::SubmitReply;
use plantain_wire::{hmac, webhook::WebhookBody};
use proptest::prelude::*;

/// Text that gets past the first byte of a JSON parser often enough.
fn jsonish() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "null",
        "true",
        "1e999",
        "-0",
        "17454220438242315174",
        "\"status\":",
        "\"OK\"",
        "\"COMPLETED\"",
        "\"request_id\":",
        "\"r1\"",
        "\"detail\":",
        "\"keys\":",
        "\"x\":",
        "\"prompt\":",
        "\"image_urls\":",
        "\"num_images\":",
        "\"logs\":",
        "\"\\ud800\"",
        "\u{0}",
        "é",
    ]);
    let pieces = prop::collection::vec(words, 0..24).prop_map(|words| words.concat().into_bytes());
    prop_oneof![pieces, prop::collection::vec(any::<u8>(), 0..64)]
}

proptest! {
    #[test]
    fn any_body_is_answered_or_refused(body in jsonish(), status in any::<u16>()) {
        let _ = CancelReply::parse(status, &body);
        let _ = ErrorBody::parse(&body).map(|error| (error.to_json(), error.summary(), error.http_status()));
        let _ = KeySet::parse(&body);
        let _ = (EditInput::parse(&body), TextInput::parse(&body));
        if let Ok(read) = StatusBody::parse(&body) {
            prop_assert_eq!(StatusBody::parse(read.to_json().as_bytes()).unwrap().status, read.status);
        }
        if let Ok(read) = SubmitReply::parse(&body) {
            prop_assert_eq!(SubmitReply::parse(read.to_json().as_bytes()).unwrap(), read);
        }
        if let Ok(read) = WebhookBody::parse(&body) {
            let json = read.to_json();
            let again = WebhookBody::parse(json.as_bytes()).unwrap();
            prop_assert_eq!((again.request_id, again.status), (read.request_id, read.status));
        }
    }

    #[test]
    fn an_accepted_endpoint_reads_back_as_itself(text in "[a-z0-9./-]{0,24}") {
        if let Ok(id) = EndpointId::parse(&text) {
            prop_assert_eq!(EndpointId::parse(id.as_str()).unwrap(), id.clone());
            prop_assert!(id.as_str().starts_with(id.app()));
            prop_assert!(!id.as_str().split('/').any(|segment| segment.is_empty() || segment == ".."));
        }
    }

    #[test]
    fn any_headers_are_refused_without_a_panic(values in prop::array::uniform4("\\PC{0,140}"), now in any::<i64>()) {
        let [request_id, user_id, timestamp, signature] = values;
        let headers = SignedHeaders { request_id, user_id, timestamp, signature };
        let keys = KeySet::new(vec![SigningKey::from_seed([1; 32]).verifying_key()]).unwrap();
        let rejection = verify(&headers, b"{}", &keys, now).unwrap_err();
        prop_assert!(!rejection.explain().is_empty());
        let hmac = hmac::verify(b"k", &headers.signature, b"{}");
        prop_assert!(hmac.is_err());
    }

    #[test]
    fn what_is_signed_verifies_and_a_flipped_bit_does_not(body in prop::collection::vec(any::<u8>(), 1..200), bit in any::<prop::sample::Index>()) {
        let key = SigningKey::from_seed([3; 32]);
        let keys = KeySet::new(vec![key.verifying_key()]).unwrap();
        let signed = sign_webhook(&key, &RequestId::parse("r").unwrap(), &UserId::parse("u").unwrap(), 1000, &body);
        prop_assert!(verify(&signed, &body, &keys, 1000).is_ok());
        let bit = bit.index(body.len() * 8);
        let mut forged = body;
        forged[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify(&signed, &forged, &keys, 1000).is_err());
    }
}
