//! Notices, friendly and hostile.

use serde_json::json;

use super::*;

const SENDER: &str = "106540352242922";

fn secret() -> Secret {
    Secret::new("app-secret")
}

fn signed(body: &str) -> String {
    format!("sha256={}", hmac::sign(secret().reveal().as_bytes(), body.as_bytes()))
}

fn notice(value: Value) -> String {
    let change = json!({"field": "messages", "value": value});
    json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}).to_string()
}

fn of_sender(sender: &str, statuses: Value, messages: Value) -> String {
    let metadata = json!({"display_phone_number": "15550783881", "phone_number_id": sender});
    notice(json!({"messaging_product": "whatsapp", "metadata": metadata, "statuses": statuses, "messages": messages}))
}

#[track_caller]
fn read_it(body: &str) -> Notice {
    read(&secret(), Some(&signed(body)), body.as_bytes(), SENDER).unwrap()
}

#[test]
fn what_is_not_signed_over_these_bytes_is_refused_before_it_is_read() {
    let body = of_sender(SENDER, json!([]), json!([]));
    let good = signed(&body);
    let other = format!("sha256={}", hmac::sign(b"another-secret", body.as_bytes()));
    for (signature, sent) in [
        (None, body.as_str()),
        (Some(""), &body),
        (Some("sha256="), &body),
        (Some("sha1=0000"), &body),
        (Some(&good[7..]), &body),
        (Some(other.as_str()), &body),
        (Some(good.as_str()), &format!("{body} ")),
        (Some(&good.replace("sha256=", "sha256=sha256=")), &body),
        (Some("sha256=zz"), "not even JSON"),
    ] {
        assert_eq!(read(&secret(), signature, sent.as_bytes(), SENDER), Err(Refused::Signature), "{signature:?}");
    }
    assert_eq!(read(&secret(), Some(&good), body.as_bytes(), SENDER), Ok(Notice::default()));
    assert_eq!(read(&Secret::new(""), Some(&good), body.as_bytes(), SENDER), Err(Refused::Signature));
}

#[test]
fn what_is_signed_and_makes_no_sense_is_refused_or_passed_over() {
    for body in ["", "{", "[]x", "7", "\"a\"", "{\"entry\": 7}"] {
        let refused = read(&secret(), Some(&signed(body)), body.as_bytes(), SENDER);
        assert_eq!(refused, Err(Refused::Unreadable), "{body}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(read(&secret(), Some(&signed(&deep)), deep.as_bytes(), SENDER), Err(Refused::Unreadable));
    let good = json!({"id": "wamid.A", "status": "sent"});
    for (statuses, left) in [
        (json!([{"id": "wamid.A", "status": "exploded"}]), 0),
        (json!([{"id": "wamid.A", "status": "accepted"}]), 0),
        (json!([{"id": "", "status": "sent"}]), 0),
        (json!([{"id": 7, "status": "sent"}, good]), 1),
        (json!([null, [], "x", {"status": "sent"}, good]), 1),
        (json!([{"id": "wamid.A", "status": "failed", "errors": "none"}, good]), 1),
        (json!([{"id": "wamid.A", "status": "failed", "errors": [7, {"code": "x"}]}]), 1),
    ] {
        assert_eq!(read_it(&of_sender(SENDER, statuses.clone(), json!([]))).told.len(), left, "{statuses}");
    }
    for other in [
        json!({}).to_string(),
        json!({"entry": [7, {}, {"changes": [7, {"field": "messages"}]}]}).to_string(),
        notice(json!({"statuses": [good]})),
        of_sender("999", json!([good]), json!([])),
    ] {
        assert_eq!(read_it(&other), Notice::default(), "{other}");
    }
    let many = of_sender(SENDER, Value::Array(vec![good; TOLD_MAX + 1]), json!([]));
    assert_eq!(read(&secret(), Some(&signed(&many)), many.as_bytes(), SENDER), Err(Refused::TooMany));
}

#[test]
fn how_messages_fare_is_told_with_what_was_sent_along() {
    let statuses = json!([
        {"id": "wamid.A", "status": "delivered", "timestamp": "1795176000", "recipient_id": "919876543210", "biz_opaque_callback_data": "m.1"},
        {"id": "wamid.B\n", "status": "failed", "errors": [{"code": 131047, "title": "Re-engagement message", "message": "x"}]},
    ]);
    let told = read_it(&of_sender(SENDER, statuses, json!([]))).told;
    let delivered = Told {
        wamid: "wamid.A".into(),
        about: Some("m.1".into()),
        standing: Standing::Delivered,
        code: None,
        title: None,
    };
    let failed = Told {
        wamid: "wamid.B".into(),
        about: None,
        standing: Standing::Failed,
        code: Some(131_047),
        title: Some("Re-engagement message".into()),
    };
    assert_eq!(told, [delivered, failed]);
}

#[test]
fn later_standings_win() {
    use Standing::{Accepted, Delivered, Failed, Read, Sent};
    assert!(Accepted < Sent && Sent < Failed && Failed < Delivered && Delivered < Read);
    assert!(Standing::ALL.into_iter().all(|standing| Standing::parse(standing.as_str()) == Some(standing)));
}

#[test]
fn one_word_says_whether_somebody_wants_messages() {
    let message = |body: &str| json!({"from": "919876543210", "id": "wamid.C", "timestamp": "1795176000", "type": "text", "text": {"body": body}});
    for (body, meant) in [
        ("STOP", Some(Wish::Stop)),
        (" stop. ", Some(Wish::Stop)),
        ("रोकें", Some(Wish::Stop)),
        ("बंद करें।", Some(Wish::Stop)),
        ("Start", Some(Wish::Start)),
        ("शुरू", Some(Wish::Start)),
        ("don't stop", None),
        ("", None),
    ] {
        let wrote = read_it(&of_sender(SENDER, json!([]), json!([message(body)]))).wrote;
        assert_eq!(wrote.first().map(|wrote| wrote.wish), meant, "{body}");
    }
    let button =
        json!({"from": "919876543210", "timestamp": "7", "type": "button", "button": {"text": "Stop", "payload": "x"}});
    let wrote = read_it(&of_sender(SENDER, json!([]), json!([button]))).wrote;
    assert_eq!(wrote, [Wrote { from: Number::parse("919876543210").unwrap(), wish: Wish::Stop, at: 7 }]);
    for bad in [
        json!({"from": "me", "timestamp": "7", "text": {"body": "STOP"}}),
        json!({"from": "919876543210", "timestamp": "-7", "text": {"body": "STOP"}}),
        json!({"from": "919876543210", "timestamp": "99999999999999999999", "text": {"body": "STOP"}}),
        json!({"from": "919876543210", "timestamp": "7", "image": {"id": "1"}}),
    ] {
        assert_eq!(read_it(&of_sender(SENDER, json!([]), json!([bad]))).wrote, [], "{bad}");
    }
}
