//! What is accepted is exactly what the rules say: each rule is written here a second time, and held against the parser over
//! inputs that are nearly right.

use plantain_wire::header;
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::jwks::{KEYS_MAX, KeySet};
use plantain_wire::signature::{SigningKey, sign_webhook};
use plantain_wire::verify;
use plantain_wire::webhook::{WebhookBody, WebhookStatus};
use proptest::prelude::*;

const NOW: i64 = 1_795_176_000;
const BODY: &[u8] = b"{\"request_id\":\"r-1\"}";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

/// What happens to a rightly signed webhook on its way.
#[derive(Clone, Debug)]
enum Change {
    /// Another case of a name, or of the signature's digits.
    NameCase(usize, u64),
    DigitCase(u64),
    /// More headers, and another order.
    Foreign(String, String),
    Turned(usize),
    /// Each of these makes it unbelievable, unless a second one undoes it.
    Dropped(usize),
    Repeated(usize),
    Padded(usize, bool, u8),
    Digit(usize, u8),
    Cut(usize),
    Body(usize),
    Signer(u8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (0..4_usize, any::<u64>()).prop_map(|(at, bits)| Change::NameCase(at, bits)),
        any::<u64>().prop_map(Change::DigitCase),
        ("x-[a-z]{1,8}", "[ -~]{0,20}").prop_map(|(name, value)| Change::Foreign(name, value)),
        (0..8_usize).prop_map(Change::Turned),
        (0..4_usize).prop_map(Change::Dropped),
        (0..4_usize).prop_map(Change::Repeated),
        (0..4_usize, any::<bool>(), prop::sample::select(b" \t\n\r\0\xa0,".to_vec()))
            .prop_map(|(at, before, byte)| Change::Padded(at, before, byte)),
        (0..128_usize, 1..16_u8).prop_map(|(at, by)| Change::Digit(at, by)),
        (0..4_usize).prop_map(Change::Cut),
        (0..BODY.len() * 8).prop_map(Change::Body),
        (2..5_u8).prop_map(Change::Signer),
    ]
}

fn with_case(text: &str, bits: u64) -> String {
    let cased =
        |(at, letter): (usize, char)| if bits >> (at % 64) & 1 == 1 { letter.to_ascii_uppercase() } else { letter };
    text.chars().enumerate().map(cased).collect()
}

type Headers = Vec<(String, Vec<u8>)>;

/// The headers and the body that are sent at `NOW + offset`, and what arrives of them.
fn travel(offset: i64, changes: &[Change]) -> [(Headers, Vec<u8>); 2] {
    let signer = changes.iter().find_map(|change| if let Change::Signer(seed) = change { Some(*seed) } else { None });
    let (request, user) = (RequestId::parse("r-1").unwrap(), UserId::parse("us").unwrap());
    let signed = sign_webhook(&key(signer.unwrap_or(1)), &request, &user, NOW + offset, BODY);
    let sent: Headers = signed.iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    let (mut headers, mut body) = (sent.clone(), BODY.to_vec());
    // Changes of places come first, so that each finds what it is about.
    for change in changes {
        match change {
            Change::NameCase(at, bits) => headers[*at].0 = with_case(&headers[*at].0, *bits),
            Change::DigitCase(bits) => {
                let digits = String::from_utf8_lossy(&headers[3].1).into_owned();
                headers[3].1 = with_case(&digits, *bits).into_bytes();
            }
            Change::Padded(at, before, byte) => {
                let place = if *before { 0 } else { headers[*at].1.len() };
                headers[*at].1.insert(place, *byte);
            }
            Change::Digit(at, by) => {
                let Some(digit) = headers[3].1.get_mut(*at) else { continue };
                let Some(value) = (*digit as char).to_digit(16) else { continue };
                *digit = char::from_digit((value + u32::from(*by)) % 16, 16).unwrap() as u8;
            }
            Change::Cut(at) => _ = headers[*at].1.pop(),
            Change::Body(bit) => body[bit / 8] ^= 1 << (bit % 8),
            _ => {}
        }
    }
    let whole = headers.clone();
    for change in changes {
        match change {
            Change::Foreign(name, value) => headers.push((name.clone(), value.clone().into_bytes())),
            Change::Repeated(at) => headers.push(whole[*at].clone()),
            _ => {}
        }
    }
    for change in changes {
        if let Change::Dropped(at) = change {
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case(&whole[*at].0));
        }
    }
    for change in changes {
        if let Change::Turned(by) = change {
            let by = by % headers.len().max(1);
            headers.rotate_left(by);
        }
    }
    [(sent, BODY.to_vec()), (headers, body)]
}

/// Whether what arrived says the same as what was sent: the body to the byte, and each signed header once with its value, where
/// only the digits of the signature may have another case. Changes that undo each other are none.
fn same(sent: &(Headers, Vec<u8>), arrived: &(Headers, Vec<u8>)) -> bool {
    let kept = |(name, value): &(String, Vec<u8>)| {
        let mut found = arrived.0.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let digits = name.eq_ignore_ascii_case(header::WEBHOOK_SIGNATURE);
        let equal = |other: &[u8]| if digits { other.eq_ignore_ascii_case(value) } else { other == value };
        found.next().is_some_and(|(_, other)| equal(other)) && found.next().is_none()
    };
    sent.1 == arrived.1 && sent.0.iter().all(kept)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Entry {
    Good { seed: u8, padded: bool, typed: bool },
    Weak,
    Foreign,
    Broken,
}

impl Entry {
    fn json(self) -> String {
        match self {
            Entry::Good { seed, padded, typed } => {
                let (x, pad) = (key(seed).verifying_key().x(), if padded { "=" } else { "" });
                let kind = if typed { r#""kty":"OKP","crv":"Ed25519","kid":7,"# } else { "" };
                format!(r#"{{{kind}"x":"{x}{pad}"}}"#)
            }
            Entry::Weak => r#"{"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#.into(),
            Entry::Foreign => r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.into(),
            Entry::Broken => r#"{"kty":"OKP","crv":"Ed25519","x":"%%"}"#.into(),
        }
    }
}

fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        4 => (0..20_u8, any::<bool>(), any::<bool>()).prop_map(|(seed, padded, typed)| Entry::Good { seed, padded, typed }),
        1 => Just(Entry::Weak),
        1 => Just(Entry::Foreign),
        1 => Just(Entry::Broken),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_webhook_is_believed_exactly_where_nothing_that_counts_was_changed(
        offset in prop_oneof![Just(0), -310..310_i64],
        changes in prop::collection::vec(change(), 0..3),
    ) {
        let [sent, arrived] = travel(offset, &changes);
        let signer_known = !changes.iter().any(|change| matches!(change, Change::Signer(_)));
        let expected = offset.abs() <= 300 && signer_known && same(&sent, &arrived);
        let pairs = arrived.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let keys = KeySet::new(vec![key(9).verifying_key(), key(1).verifying_key()]).unwrap();
        let verdict = verify(pairs, &arrived.1, &keys, NOW);
        prop_assert_eq!(verdict.is_ok(), expected, "{:?}", verdict);
    }

    #[test]
    fn any_headers_at_all_are_refused(
        headers in prop::collection::vec((
            prop_oneof![
                prop::sample::select(vec![
                    header::WEBHOOK_REQUEST_ID, header::WEBHOOK_USER_ID, header::WEBHOOK_TIMESTAMP,
                    header::WEBHOOK_SIGNATURE, header::HMAC_SIGNATURE,
                ]).prop_map(str::to_owned),
                "\\PC{0,12}",
            ],
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..300),
                "[0-9a-f]{128}".prop_map(String::into_bytes),
                Just(NOW.to_string().into_bytes()),
            ],
        ), 0..8),
        body in prop::collection::vec(any::<u8>(), 0..64),
        now in prop_oneof![Just(NOW), any::<i64>()],
    ) {
        let keys = KeySet::new(vec![key(1).verifying_key()]).unwrap();
        let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let rejection = verify(pairs, &body, &keys, now).unwrap_err();
        prop_assert!(!rejection.code().is_empty() && rejection.explain().ends_with('.'));
    }

    #[test]
    fn a_key_set_holds_each_good_key_once_and_nothing_else(entries in prop::collection::vec(entry(), 0..24)) {
        let json: Vec<String> = entries.iter().map(|entry| entry.json()).collect();
        let parsed = KeySet::parse(format!(r#"{{"more":null,"keys":[{}]}}"#, json.join(",")).as_bytes());
        let mut good = Vec::new();
        for entry in &entries {
            if let Entry::Good { seed, .. } = entry && !good.contains(seed) {
                good.push(*seed);
            }
        }
        let expected: Vec<_> = good.iter().map(|seed| key(*seed).verifying_key()).collect();
        prop_assert_eq!(parsed.is_ok(), (1..=KEYS_MAX).contains(&good.len()), "{:?}", parsed);
        if let Ok(set) = parsed {
            prop_assert_eq!(set.iter().copied().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_body_is_read_in_any_order_of_its_members_with_its_payload_to_the_byte(
        order in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle(),
        space in "[ \n\r\t]{0,2}",
        (word, status) in prop::sample::select(vec![
            ("OK", Some(WebhookStatus::Ok)), ("COMPLETED", Some(WebhookStatus::Ok)), ("ok", Some(WebhookStatus::Ok)),
            ("ERROR", Some(WebhookStatus::Error)), ("FAILED", Some(WebhookStatus::Error)),
            ("IN_QUEUE", None), ("", None), ("OKAY", None),
        ]),
        payload in prop::sample::select(vec![
            "{}", "{\"seed\" : 17454220438242315174000}", "[1,  2]", "\"x\"", "1e400", "{\"a\":{\"a\":[[]]}}",
        ]),
        error in prop::sample::select(vec!["null", "\"Invalid status code: 422\"", "{\"a\":1}", "7"]),
    ) {
        let members = [
            "\"request_id\": \"r-1\"".to_owned(),
            "\"gateway_request_id\":\"g-1\"".to_owned(),
            format!("\"status\":{space}\"{word}\""),
            format!("\"payload\":{space}{payload}"),
            format!("\"error\" :{error}"),
            "\"new_member\": [null]".to_owned(),
        ];
        let ordered: Vec<&str> = order.iter().map(|at| members[*at].as_str()).collect();
        let body = format!("{space}{{{}}}{space}", ordered.join(&format!(",{space}")));
        let read = WebhookBody::parse(body.as_bytes());
        prop_assert_eq!(read.as_ref().ok().map(|read| read.status), status, "{}", body);
        if let Ok(read) = read {
            prop_assert_eq!((read.request_id.as_str(), read.gateway_request_id.as_str()), ("r-1", "g-1"));
            prop_assert_eq!(read.payload.map(|payload| payload.get()), Some(payload));
            prop_assert_eq!(read.error.is_none(), error == "null");
        }
    }
}
