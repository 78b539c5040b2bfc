//! A webhook's body is refused, or says the same after it has been written again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plantain_wire::webhook::WebhookBody;

fuzz_target!(|data: &[u8]| {
    let renamed = WebhookBody::with_completed_words(data);
    let Ok(body) = WebhookBody::parse(data) else { return };
    let written = body.to_json();
    let again = WebhookBody::parse(written.as_bytes()).expect("what was written is read");
    assert_eq!((again.request_id.as_str(), again.status), (body.request_id.as_str(), body.status));
    assert_eq!(again.payload.map(|payload| payload.get()), body.payload.map(|payload| payload.get()));
    assert_eq!(again.failure(), body.failure());
    if let Some(renamed) = renamed {
        let renamed = WebhookBody::parse(&renamed).expect("other words say the same");
        assert_eq!(renamed.status, body.status);
    }
});
