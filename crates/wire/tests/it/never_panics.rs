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
use plantain_wire::{hmac, models, webhook::WebhookBody};
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

/// Any JSON value, biased to the names and words of the models' inputs.
fn json() -> impl Strategy<Value = String> {
    let names = || {
        let mut names: Vec<&'static str> =
            models::SCHEMAS.iter().flat_map(|schema| schema.input.fields).map(|field| field.name).collect();
        names.extend(["width", "height", "path", "scale", "x"]);
        prop::sample::select(names)
    };
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|yes| yes.to_string()),
        any::<i128>().prop_map(|number| number.to_string()),
        any::<f32>().prop_filter("JSON has no such number", |number| number.is_finite()).prop_map(|n| n.to_string()),
        prop::sample::select(vec![
            "\"png\"",
            "\"5\"",
            "\"auto\"",
            "\"\"",
            "\"\"\"",
            "1e400",
            "-0",
            "\"square\"",
            "\"\\ud800\""
        ])
        .prop_map(str::to_owned),
        "\\PC{0,8}".prop_map(|text| format!("{text:?}")),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        let members = prop::collection::vec((names(), inner.clone()), 0..8).prop_map(|members| {
            let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        });
        let entries = prop::collection::vec(inner, 0..6).prop_map(|entries| format!("[{}]", entries.join(",")));
        prop_oneof![members, entries]
    })
}

proptest! {
    #[test]
    fn any_input_of_any_model_is_let_through_or_refused_with_a_place(input in json(), at in any::<prop::sample::Index>()) {
        let schema = at.get(models::SCHEMAS);
        let endpoint: EndpointId = schema.endpoint.parse().unwrap();
        if let Err(details) = models::check(&endpoint, input.as_bytes()) {
            prop_assert!(!details.is_empty() && details.iter().all(|detail| !detail.msg.is_empty()));
            let body = ErrorBody::Validation(details).to_json();
            prop_assert!(ErrorBody::parse(body.as_bytes()).is_some(), "{}", body);
        }
        // What is read and what is checked agree.
        let read = (EditInput::parse(input.as_bytes()).is_ok(), TextInput::parse(input.as_bytes()).is_ok());
        let checked = [models::nano_banana::EDIT_ENDPOINT, models::nano_banana::TEXT_ENDPOINT]
            .map(|id| models::check(&id.parse().unwrap(), input.as_bytes()).is_ok());
        prop_assert_eq!(read, (checked[0], checked[1]));
    }

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
