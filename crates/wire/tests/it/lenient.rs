//! What other servers and hand-written senders put on the wire.

use plantain_wire::error::ErrorType;
use plantain_wire::id::RequestId;
use plantain_wire::status::{QueueStatus, StatusBody};
use plantain_wire::submit::SubmitReply;
use plantain_wire::webhook::{WebhookBody, WebhookStatus};

#[track_caller]
fn status(json: &str) -> StatusBody {
    StatusBody::parse(json.as_bytes()).expect(json)
}

#[test]
fn a_status_needs_only_its_word_and_its_id() {
    let body = status(r#"{"status":"IN_PROGRESS","request_id":"r1"}"#);
    assert_eq!((body.status, body.urls, body.logs, body.failure), (QueueStatus::InProgress, None, None, None));
    let nulls = r#"{"status":"COMPLETED","request_id":"r1","response_url":null,"status_url":null,"cancel_url":null,
        "logs":null,"metrics":null,"queue_position":null,"error":null,"error_type":null,"else":{}}"#;
    assert_eq!(status(nulls).failure, None);
}

#[test]
fn a_caller_who_knows_the_request_needs_no_id() {
    let older = br#"{"status":"IN_QUEUE","queue_position":1,"response_url":"https://q.test/r1"}"#;
    assert!(StatusBody::parse(older).is_err());
    let asked = RequestId::parse("r1").unwrap();
    let body = StatusBody::parse_about(&asked, older).unwrap();
    assert_eq!((body.request_id, body.queue_position), (asked, Some(1)));
}

#[test]
fn decorations_of_an_odd_shape_do_not_hide_the_status() {
    let odd =
        r#"{"status":"COMPLETED","request_id":"r","logs":{},"metrics":{"inference_time":"fast"},"queue_position":"x"}"#;
    let body = status(odd);
    assert_eq!((body.status, body.logs, body.metrics.inference_time), (QueueStatus::Completed, None, None));
    assert_eq!(
        status(r#"{"status":"COMPLETED","request_id":"r","metrics":{"inference_time":2,"more":1}}"#)
            .metrics
            .inference_time,
        Some(2.0)
    );
}

#[test]
fn self_made_words_for_failure_are_failures() {
    for word in ["FAILED", "failed", "ERROR", "CANCELED", "CANCELLED"] {
        let body = status(&format!(r#"{{"status":"{word}","request_id":"r1"}}"#));
        assert_eq!(body.status, QueueStatus::Completed);
        assert_eq!(body.failure.expect(word).error, word);
    }
    let body = status(r#"{"status":"COMPLETED","request_id":"r1","error":{"code":7},"error_type":"startup_timeout"}"#);
    let failure = body.failure.unwrap();
    assert_eq!((failure.error.as_str(), failure.error_type), (r#"{"code":7}"#, Some(ErrorType::StartupTimeout)));
    let body = status(r#"{"status":"COMPLETED","request_id":"r1","error_type":"runner_on_holiday"}"#);
    assert_eq!(body.failure.unwrap().error_type, None);
}

#[test]
fn an_unknown_status_word_is_an_error_and_not_a_guess() {
    for json in [r#"{"status":"NOT_FOUND","request_id":"r"}"#, r#"{"status":"DONE?","request_id":"r"}"#, "{}", "[]", ""]
    {
        assert!(StatusBody::parse(json.as_bytes()).is_err(), "{json}");
    }
}

#[test]
fn a_position_counts_only_in_the_queue() {
    assert_eq!(status(r#"{"status":"IN_QUEUE","request_id":"r","queue_position":5}"#).queue_position, Some(5));
    assert_eq!(status(r#"{"status":"COMPLETED","request_id":"r","queue_position":5}"#).queue_position, None);
}

#[test]
fn a_submit_reply_needs_only_its_id() {
    let reply = SubmitReply::parse(br#"{"request_id":"r1","gateway_request_id":"g1"}"#).unwrap();
    assert_eq!((reply.request_id.as_str(), reply.gateway_request_id.as_str(), reply.urls), ("r1", "g1", None));
    assert!(SubmitReply::parse(br#"{"request_id":"../etc"}"#).is_err());
    assert!(SubmitReply::parse(br#"{"status":"IN_QUEUE"}"#).is_err());
}

#[track_caller]
fn webhook(json: &str) -> WebhookBody<'_> {
    WebhookBody::parse(json.as_bytes()).expect(json)
}

#[test]
fn hand_written_senders_words_are_understood() {
    let body = webhook(r#"{"request_id":"r1","status":"COMPLETED","payload":{"video":{"url":"u"}}}"#);
    assert_eq!((body.status, body.failure()), (WebhookStatus::Ok, None));
    assert_eq!(body.gateway_request_id.as_str(), "r1");
    let body = webhook(r#"{"request_id":"r1","status":"FAILED","payload":{"detail":"no faces found"}}"#);
    assert_eq!(body.failure().as_deref(), Some("no faces found"));
}

#[test]
fn an_error_of_any_shape_is_kept_as_text() {
    let error_of = |error: &str| {
        let json = format!(r#"{{"request_id":"r1","status":"ERROR","payload":null,"error":{error}}}"#);
        webhook(&json).failure().unwrap()
    };
    assert_eq!(error_of("\"Invalid status code: 504\""), "Invalid status code: 504");
    assert_eq!(error_of(r#"{"message":"x"}"#), r#"{"message":"x"}"#);
    assert_eq!(error_of("[1]"), "[1]");
    assert_eq!(error_of("null"), "The request failed.");
}

#[test]
fn a_success_without_payload_is_still_a_success() {
    for json in [r#"{"request_id":"r1","status":"OK","payload":null}"#, r#"{"request_id":"r1","status":"OK"}"#] {
        let body = webhook(json);
        assert_eq!((body.status, body.payload.is_none()), (WebhookStatus::Ok, true));
    }
}

#[test]
fn what_is_no_webhook_is_refused() {
    for json in [
        "",
        "null",
        "[]",
        "{",
        r#"{"status":"OK"}"#,
        r#"{"request_id":"r1"}"#,
        r#"{"request_id":"r1","status":"IN_QUEUE"}"#,
        r#"{"request_id":7,"status":"OK"}"#,
        r#"{"request_id":"a\nb","status":"OK"}"#,
        r#"{"request_id":"r1","request_id":"r2","status":"OK"}"#,
    ] {
        assert!(WebhookBody::parse(json.as_bytes()).is_err(), "{json}");
    }
}
