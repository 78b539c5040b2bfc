//! Each file in `tests/data` is written by a value and read back into the same value.

use plantain_wire::error::{Detail, ErrorBody, ErrorType, Loc, ModelErrorType};
use plantain_wire::id::{GatewayRequestId, RequestId};
use plantain_wire::jwks::{self, KeySet};
use plantain_wire::models::{Image, ImagesOutput};
use plantain_wire::signature::SigningKey;
use plantain_wire::status::{Failure, LogEntry, LogLevel, Metrics, StatusBody, Urls};
use plantain_wire::submit::SubmitReply;
use plantain_wire::webhook::{WebhookBody, WebhookStatus};
use serde_json::value::RawValue;

macro_rules! golden {
    ($name:literal) => {
        include_str!(concat!("../data/", $name, ".json"))
    };
}

fn id() -> RequestId {
    RequestId::parse("e7e9202c-efb8-40f2-81c3-13b3f7aaa4ca").unwrap()
}

fn urls() -> Urls {
    let endpoint = "fal-ai/nano-banana/edit".parse().unwrap();
    Urls::new(&"https://queue.example.test".parse().unwrap(), &endpoint, &id())
}

fn log() -> Option<Vec<LogEntry>> {
    Some(vec![LogEntry::new("cutting out", LogLevel::Info, "2026-02-17T10:30:01.123Z".parse().unwrap())])
}

#[test]
fn a_submit_reply_has_exactly_fals_keys() {
    let reply = SubmitReply::new(id(), urls(), 0);
    assert_eq!(reply.to_json(), golden!("submit_reply"));
    assert_eq!(SubmitReply::parse(golden!("submit_reply").as_bytes()).unwrap(), reply);
}

#[track_caller]
fn status(body: StatusBody, json: &str) {
    assert_eq!(body.to_json(), json);
    assert_eq!(StatusBody::parse(json.as_bytes()).unwrap(), body);
}

#[test]
fn every_status_has_the_keys_that_clients_index() {
    status(StatusBody::in_queue(id(), urls(), 2), golden!("status_in_queue"));
    status(StatusBody::in_progress(id(), urls()).with_logs(log()), golden!("status_in_progress"));
    let metrics = Metrics { inference_time: Some(3.42) };
    status(StatusBody::completed(id(), urls(), metrics).with_logs(log()), golden!("status_completed"));
    let error_type = Some(ErrorType::RunnerDisconnected);
    let failure = Failure { error: "The runner disconnected.".into(), error_type };
    status(StatusBody::failed(id(), urls(), Metrics::default(), failure), golden!("status_failed"));
}

#[test]
fn a_webhook_is_written_as_a_live_one_was_captured() {
    let json = golden!("webhook_ok");
    let body = WebhookBody::parse(json.as_bytes()).unwrap();
    assert_eq!((body.status, &body.error), (WebhookStatus::Ok, &None));
    let payload = body.payload.unwrap();
    assert!(payload.get().contains("17454220438242315174"), "the seed survives as it is");
    let written = WebhookBody::ok(body.request_id.clone(), body.gateway_request_id.clone(), payload).to_json();
    assert_eq!(written, json);
}

#[test]
fn a_failed_webhook_carries_the_models_own_words() {
    let json = golden!("webhook_error");
    let body = WebhookBody::parse(json.as_bytes()).unwrap();
    assert_eq!(body.failure().as_deref(), Some("prompt: Field required"));
    let request = RequestId::parse("019d9e0b-6eb0-7920-827a-868d042ec76e").unwrap();
    let attempt = GatewayRequestId::parse("019d9e0b-6eb0-7920-827a-868d042ec76f").unwrap();
    assert_eq!(WebhookBody::failed(request, attempt, 422, body.payload).to_json(), json);
}

#[test]
fn a_webhook_without_its_payload_says_why() {
    let json = golden!("webhook_payload_error");
    let body = WebhookBody::parse(json.as_bytes()).unwrap();
    assert_eq!(body.payload_error.as_deref(), Some("Response payload is not JSON serializable."));
    assert!(body.payload.is_none());
    assert_eq!(body.to_json(), json);
}

#[track_caller]
fn error(body: ErrorBody, json: &str, status: u16) {
    assert_eq!((body.to_json().as_str(), body.http_status()), (json, status));
    assert_eq!(ErrorBody::parse(json.as_bytes()).unwrap().to_json(), json);
}

#[test]
fn both_families_of_errors_are_written() {
    let input = RawValue::from_string("\"https://example.test/a.txt\"".into()).unwrap();
    let loc = vec!["body".into(), "image_urls".into(), Loc::Index(0)];
    let detail = Detail::model(ModelErrorType::ImageLoadError, loc, "The image could not be read.").with_input(&input);
    error(ErrorBody::Validation(vec![detail]), golden!("error_validation"), 422);
    let request = ErrorBody::request(ErrorType::RunnerDisconnected, "The runner disconnected.");
    error(request, golden!("error_request"), 503);
}

#[test]
fn a_key_is_published_unpadded_and_padded() {
    let key = SigningKey::from_seed(std::array::from_fn(|index| index as u8)).verifying_key();
    assert_eq!(jwks::render(&[key]), golden!("jwks"));
    assert_eq!(KeySet::parse(golden!("jwks").as_bytes()).unwrap(), KeySet::new(vec![key]).unwrap());
}

#[test]
fn an_images_output_carries_all_that_is_known() {
    let image = Image {
        url: "https://cdn.example.test/files/b/1/a.jpg".into(),
        content_type: Some("image/jpeg".into()),
        file_name: Some("a.jpg".into()),
        file_size: Some(123_456),
        width: Some(2000),
        height: Some(2000),
    };
    let output = ImagesOutput { images: vec![image], description: "Cut out and placed on white.".into() };
    assert_eq!(output.to_json(), golden!("images_output"));
    assert_eq!(ImagesOutput::parse(golden!("images_output").as_bytes()).unwrap(), output);
    assert_eq!(ImagesOutput::parse(br#"{"images":[{"url":"data:,"}],"seed":1}"#).unwrap().images.len(), 1);
}
