//! Whatever stands in an address, a header or a token is read or refused, and never a panic; what is read keeps its promises.

use jiff::Timestamp;
use plantain_wire::options::RequestOptions;
use proptest::prelude::*;

use crate::address::Address;
use crate::range::Asked;
use crate::run::RunAddress;
use crate::secret::CdnSecret;
use crate::{cdn_token, content_type, face, file_name, json, range, submit, tokens, webhook_url};

/// Text that is something like an address often enough.
fn path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("requests"),
        Just("status"),
        Just("stream"),
        Just("response"),
        Just("cancel"),
        Just("workflows"),
        Just("fal-ai"),
        Just("123-app"),
        Just(".."),
        Just("%2e%2e"),
        Just(""),
    ];
    let piece = prop_oneof![4 => piece.prop_map(str::to_owned), 1 => "\\PC{0,12}"];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| format!("/{}", pieces.join("/")))
}

/// Of a header or a query: words that mean something, numbers at the ends of their types, and anything.
fn text() -> impl Strategy<Value = String> {
    let known = prop_oneof![
        Just("bytes="),
        Just("Bearer "),
        Just("cdn."),
        Just("fal_webhook="),
        Just("fal_max_queue_length="),
        Just("fal_jwt_token="),
        Just("&"),
        Just("-"),
        Just("."),
        Just("18446744073709551615"),
        Just("-9223372036854775808"),
        Just("1e999"),
        Just("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"),
    ];
    let piece = prop_oneof![2 => known.prop_map(str::to_owned), 1 => "\\PC{0,20}"];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_path_is_an_address_or_none(path in path(), host in "[a-z0-9.:\\[\\]-]{0,30}") {
        if let Some(address) = Address::parse(&path) {
            prop_assert!(address.route().starts_with('/'));
            if let Address::Request { request, .. } = address {
                let id = request.id.as_str();
                prop_assert!(!id.contains('/') && id != ".." && path.contains(id));
            }
        }
        if let Some(run) = RunAddress::parse(&path) {
            prop_assert!(!run.endpoint.as_str().contains(".."));
        }
        let target = face::target(&host, &path);
        prop_assert!(path.ends_with(target.path.trim_start_matches('/')));
    }

    #[test]
    fn any_range_lies_within_the_file(header in text(), from in any::<u64>(), to in any::<u64>(), size in any::<u64>()) {
        for header in [header, format!("bytes={from}-{to}"), format!("bytes={from}-"), format!("bytes=-{to}")] {
            if let Asked::Part(part) = range::read(Some(&header), size) {
                prop_assert!(part.start < part.end && part.end <= size, "{header} of {size}: {part:?}");
            }
        }
    }

    #[test]
    fn any_query_and_header_is_read_or_refused(query in text(), value in text()) {
        let _ = webhook_url::read(Some(&query));
        let _ = submit::max_queue_length(Some(&query));
        let _ = tokens::of_call(None, Some(&query));
        let _ = RequestOptions::read(|_| Some(&value));
        let mut headers = http::HeaderMap::new();
        if let Ok(value) = http::HeaderValue::from_str(&value) {
            for name in [plantain_wire::header::REQUEST_TIMEOUT, plantain_wire::header::TAGS] {
                headers.insert(name, value.clone());
            }
            let _ = tokens::of_call(Some(value.as_bytes()), None);
        }
        let _ = (submit::start_by(&headers, Timestamp::MAX), submit::options(&headers));
    }

    #[test]
    fn no_token_opens_anything_that_was_not_made_here(token in text(), rest in text()) {
        let secret = CdnSecret::new(&[1; 32]);
        for token in [format!("{token}.{rest}"), format!("cdn.9999999999.{token}.{rest}"), token] {
            prop_assert!(cdn_token::read(&token, &secret, Timestamp::UNIX_EPOCH).is_none());
            prop_assert!(tokens::jwt::read(&token, secret.sign(&[b"x"]).as_bytes(), Timestamp::UNIX_EPOCH).is_err());
        }
    }

    #[test]
    fn any_file_name_is_plain(name in "\\PC{0,200}", declared in text(), head in prop::collection::vec(any::<u8>(), 0..64)) {
        let plain = file_name::plain(&name, &declared);
        prop_assert!(!plain.is_empty() && !plain.starts_with('.') && plain.len() <= 110, "{plain}");
        prop_assert!(plain.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')), "{plain}");
        let _ = (content_type::of(&declared, &head), content_type::served(&declared), content_type::is_sayable(&declared));
    }

    #[test]
    fn any_bytes_are_json_within_the_depth_or_none(text in prop::collection::vec(prop::sample::select(b"[]{}\",:\\1a \xff".to_vec()), 0..40)) {
        if json::check(&text, 3).is_ok() {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&text).is_ok() || text.contains(&b'\\'));
        }
    }
}
