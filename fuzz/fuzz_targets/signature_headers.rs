//! Lines `name: value`, an empty line, a body: whatever comes is believed only where it is what the key has signed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plantain_wire::jwks::KeySet;
use plantain_wire::signature::{SignedHeaders, SigningKey, sign_webhook};
use plantain_wire::{diagnosis, header, hmac};

/// That of the sample in the corpus.
const NOW: i64 = 1_795_176_000;
const SECRET: &[u8] = b"a secret of the corpus";

fuzz_target!(|data: &[u8]| {
    let end = data.windows(2).position(|two| two == b"\n\n").unwrap_or(data.len());
    let (head, body) = (&data[..end], data.get(end + 2..).unwrap_or_default());
    let headers: Vec<(String, &[u8])> = head
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let value = line[colon + 1..].strip_prefix(b" ").unwrap_or(&line[colon + 1..]);
            Some((String::from_utf8_lossy(&line[..colon]).into_owned(), value))
        })
        .collect();
    let pairs = || headers.iter().map(|(name, value)| (name.as_str(), *value));
    let key = SigningKey::from_seed([1; 32]);
    let keys = KeySet::new(vec![key.verifying_key()]).expect("one key is a set");
    match plantain_wire::verify(pairs(), body, &keys, NOW) {
        Ok(verified) => {
            let signed = sign_webhook(&key, &verified.request_id, &verified.user_id, verified.timestamp_unix, body);
            let ours = signed.iter().find(|(name, _)| *name == header::WEBHOOK_SIGNATURE).expect("it is signed").1;
            let theirs =
                pairs().find(|(name, _)| name.eq_ignore_ascii_case(header::WEBHOOK_SIGNATURE)).expect("read").1;
            assert!(ours.as_bytes().eq_ignore_ascii_case(theirs), "a second signature of the same webhook");
            assert!((verified.timestamp_unix - NOW).abs() <= 300);
        }
        Err(rejection) => {
            assert!(rejection.explain().ends_with('.'));
            if let Ok(read) = SignedHeaders::read(pairs()) {
                diagnosis::look(&rejection, &read, body, &keys);
            }
        }
    }
    for (_, value) in pairs() {
        let text = String::from_utf8_lossy(value);
        let expected = hmac::sign(SECRET, body);
        if hmac::verify(SECRET, &text, body).is_ok() {
            assert!(text.to_ascii_lowercase().contains(&expected.trim_start_matches("sha256=").to_ascii_lowercase()));
        }
    }
});
