//! The published vector byte for byte, and every way in which a signed webhook can be wrong.

use plantain_wire::header;
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::jwks::{JWKS_BYTES_MAX, JwksError, KEYS_MAX, KeySet, VerifyingKey};
use plantain_wire::rejection::{Rejection, TimestampForm};
use plantain_wire::signature::{SignedHeaders, SigningKey, Verified, sign_webhook, verify};

const BODY: &[u8] = include_bytes!("../data/webhook_ok.json");
const JWKS: &[u8] = include_bytes!("../data/jwks.json");
const TIME: i64 = 1_795_176_000;
const REQUEST: &str = "019d9e0b-6eb0-7920-827a-868d042ec76e";
const SIGNATURE: &str = "898cc4c5fe227570a8e23170f96fd31d084603302d001d948a7e8f3fd6e78e61\
                         9d2ad64ef6f10fc4978e96c2f6e8e2ccff1a3c7c52790281cbf246bb09801905";

fn key() -> SigningKey {
    SigningKey::from_seed(std::array::from_fn(|index| index as u8))
}

fn keys() -> KeySet {
    KeySet::parse(JWKS).unwrap()
}

fn vector() -> SignedHeaders {
    SignedHeaders {
        request_id: REQUEST.into(),
        user_id: "user_local".into(),
        timestamp: TIME.to_string(),
        signature: SIGNATURE.into(),
    }
}

#[test]
fn the_published_vector_is_signed_and_verified_byte_for_byte() {
    let request = RequestId::parse(REQUEST).unwrap();
    let user = UserId::parse("user_local").unwrap();
    assert_eq!(key().verifying_key().x(), "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg");
    assert_eq!(sign_webhook(&key(), &request, &user, TIME, BODY), vector());
    let verified = verify(&vector(), BODY, &keys(), TIME).unwrap();
    let key = key().verifying_key();
    assert_eq!(verified, Verified { request_id: request, user_id: user, timestamp_unix: TIME, key });
}

#[track_caller]
fn refused(change: impl FnOnce(&mut SignedHeaders), why: Rejection) {
    let mut headers = vector();
    change(&mut headers);
    assert_eq!(verify(&headers, BODY, &keys(), TIME), Err(why), "{headers:?}");
}

fn no_key_fits(body: &[u8]) -> Rejection {
    Rejection::NoKeyFits { keys: 1, body_bytes: body.len() }
}

#[test]
fn a_change_in_any_signed_part_is_seen() {
    refused(|it| it.request_id.replace_range(..1, "1"), no_key_fits(BODY));
    refused(|it| it.user_id.push('x'), no_key_fits(BODY));
    refused(|it| it.timestamp = (TIME + 1).to_string(), no_key_fits(BODY));
    refused(|it| it.timestamp.insert(0, '0'), no_key_fits(BODY));
    refused(|it| it.signature.replace_range(..2, "00"), no_key_fits(BODY));
    for body in [b"".as_slice(), &BODY[..240], &[BODY, b"\n"].concat()] {
        assert_eq!(verify(&vector(), body, &keys(), TIME), Err(no_key_fits(body)));
    }
}

#[test]
fn lines_cannot_be_moved_from_one_signed_field_into_another() {
    let malformed = |header| Rejection::Malformed { header };
    refused(|it| it.request_id = format!("{REQUEST}\nuser_local"), malformed(header::WEBHOOK_REQUEST_ID));
    refused(|it| it.user_id = "user_local\n1".into(), malformed(header::WEBHOOK_USER_ID));
}

#[test]
fn the_window_is_300_seconds_either_way() {
    for (now, offset) in
        [(TIME, None), (TIME + 300, None), (TIME - 300, None), (TIME + 301, Some(-301)), (TIME - 301, Some(301))]
    {
        let expected = offset.map(|offset_seconds| Rejection::Stale { offset_seconds });
        assert_eq!(verify(&vector(), BODY, &keys(), now).err(), expected, "at {now}");
    }
    for now in [i64::MIN, i64::MAX, 0] {
        assert!(matches!(verify(&vector(), BODY, &keys(), now), Err(Rejection::Stale { .. })));
    }
}

#[test]
fn a_timestamp_is_decimal_seconds() {
    let form = |looks_like| Rejection::TimestampNotSeconds { looks_like };
    refused(|it| it.timestamp = "1795176000000".into(), form(TimestampForm::Milliseconds));
    refused(|it| it.timestamp = "2026-11-20T12:00:00Z".into(), form(TimestampForm::Date));
    for other in ["", "-5", "+1795176000", "1795176000.5", "0x6b", "99999999999999999999", " 1795176000"] {
        refused(|it| it.timestamp = other.into(), form(TimestampForm::Other));
    }
}

#[test]
fn a_signature_is_128_hex_digits_of_either_case() {
    let mut upper = vector();
    upper.signature = SIGNATURE.to_uppercase();
    assert!(verify(&upper, BODY, &keys(), TIME).is_ok());
    for digits in [0, 64, 127, 129] {
        refused(|it| it.signature = "a".repeat(digits), Rejection::SignatureLength { digits });
    }
    refused(|it| it.signature = "g".repeat(128), Rejection::SignatureNotHex);
}

#[test]
fn another_accounts_signature_verifies_and_names_that_account() {
    let user = UserId::parse("github|evil").unwrap();
    let signed = sign_webhook(&key(), &RequestId::parse(REQUEST).unwrap(), &user, TIME, BODY);
    assert_eq!(verify(&signed, BODY, &keys(), TIME).unwrap().user_id, user);
}

#[test]
fn every_key_is_tried() {
    let other = SigningKey::from_seed([9; 32]).verifying_key();
    let both = KeySet::new(vec![other, key().verifying_key()]).unwrap();
    assert!(verify(&vector(), BODY, &both, TIME).is_ok());
    let only_other = KeySet::new(vec![other]).unwrap();
    let rejection = verify(&vector(), BODY, &only_other, TIME).unwrap_err();
    assert!(rejection.keys_may_be_old());
    assert_eq!(rejection, no_key_fits(BODY));
}

fn pairs(headers: &[(&'static str, &'static str)]) -> Result<SignedHeaders, Rejection> {
    SignedHeaders::read(headers.iter().map(|(name, value)| (*name, value.as_bytes())))
}

const COMPLETE: [(&str, &str); 4] = [
    ("X-Fal-Webhook-Request-Id", "r"),
    ("x-fal-webhook-user-id", "u"),
    ("X-FAL-WEBHOOK-TIMESTAMP", "1"),
    ("x-fal-webhook-signature", "ab"),
];

#[test]
fn headers_are_found_in_any_case_and_must_come_once() {
    let read = pairs(&COMPLETE).unwrap();
    assert_eq!(read.iter().map(|(_, value)| value).collect::<Vec<_>>(), ["r", "u", "1", "ab"]);
    let twice = [COMPLETE.as_slice(), &[("x-fal-webhook-user-id", "u")]].concat();
    assert_eq!(pairs(&twice), Err(Rejection::Repeated { header: header::WEBHOOK_USER_ID }));
    let missing = Rejection::Missing { headers: vec![header::WEBHOOK_SIGNATURE], hmac_sent: false };
    assert_eq!(pairs(&COMPLETE[..3]), Err(missing));
    let Err(Rejection::Missing { headers, hmac_sent: true }) = pairs(&[("X-Fal-Signature", "00")]) else {
        panic!("an HMAC alone is not the official form")
    };
    assert_eq!(headers.len(), 4);
}

#[test]
fn a_header_with_strange_bytes_is_refused_before_anything_else() {
    for bad in [b"".as_slice(), b"a b", b"\xff", b"a\tb", &[b'a'; 257]] {
        let headers =
            COMPLETE.iter().map(|(name, value)| if *value == "u" { (*name, bad) } else { (*name, value.as_bytes()) });
        assert_eq!(SignedHeaders::read(headers), Err(Rejection::Malformed { header: header::WEBHOOK_USER_ID }));
    }
}

#[track_caller]
fn jwks(document: &str) -> Result<usize, JwksError> {
    KeySet::parse(document.as_bytes()).map(|keys| keys.len())
}

const X: &str = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg";

#[test]
fn foreign_and_broken_keys_do_not_hide_a_good_one() {
    assert_eq!(jwks(&format!(r#"{{"keys":[{{"x":"{X}"}}]}}"#)).unwrap(), 1);
    let mixed = format!(
        r#"{{"more":1,"keys":[{{"kty":"RSA","n":"AQAB"}},{{"kty":"OKP","crv":"X25519","x":"{X}"}},{{"kty":"OKP","crv":"Ed25519","x":7}},
            {{"kty":"OKP","crv":"Ed25519","x":"short"}},{{"kty":"OKP","crv":"Ed25519","x":"{X}=="}},{{"x":"{X}"}}]}}"#
    );
    assert_eq!(jwks(&mixed).unwrap(), 1);
    let foreign = r#"{"keys":[{"kty":"RSA"},{"kty":"OKP","crv":"Ed25519"}]}"#;
    assert!(matches!(jwks(foreign), Err(JwksError::NoUsableKey { foreign: 1, unusable: 1 })));
}

#[test]
fn weak_keys_for_which_anybody_can_sign_are_refused() {
    // The neutral element, and the point of order two.
    let identity: [u8; 32] = std::array::from_fn(|index| u8::from(index == 0));
    let order_two: [u8; 32] = std::array::from_fn(|index| match index {
        0 => 0xec,
        31 => 0x7f,
        _ => 0xff,
    });
    for weak in [identity, order_two, [0; 32]] {
        assert_eq!(VerifyingKey::from_bytes(&weak), None);
    }
    let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#;
    assert!(matches!(jwks(set), Err(JwksError::NoUsableKey { foreign: 0, unusable: 1 })));
}

#[test]
fn a_key_set_is_bounded() {
    let keys = |count: u8| (0..count).map(|seed| SigningKey::from_seed([seed; 32]).verifying_key()).collect::<Vec<_>>();
    let most = KEYS_MAX as u8;
    assert_eq!(jwks(&plantain_wire::jwks::render(&keys(most))).unwrap(), KEYS_MAX);
    assert!(matches!(jwks(&plantain_wire::jwks::render(&keys(most + 1))), Err(JwksError::TooManyKeys)));
    assert!(matches!(jwks(&" ".repeat(JWKS_BYTES_MAX + 1)), Err(JwksError::TooLarge { .. })));
    for junk in ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[1]}"#] {
        assert!(matches!(jwks(junk), Err(JwksError::Unreadable(_))), "{junk}");
    }
    assert!(matches!(jwks(r#"{"keys":[]}"#), Err(JwksError::NoUsableKey { foreign: 0, unusable: 0 })));
}

#[test]
fn secrets_stay_out_of_debug_output() {
    assert_eq!(format!("{:?}", key()), "SigningKey(secret)");
    assert_eq!(format!("{:?}", key().verifying_key()), format!("VerifyingKey({X})"));
}
