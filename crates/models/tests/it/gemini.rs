//! The runner for Google's image API against a server on this machine that speaks its protocol.

use std::time::Duration;

use ::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plantain_media::decode::{self, Format};
use plantain_models::Gemini;
use plantain_models::gemini::{GeminiSettings, ModelName};
use plantain_models::source::Source;
use plantain_outbound::{Outbound, Policy};
use plantain_testkit::receiver::{Answer, Received};
use plantain_testkit::{Receiver, photo};
use plantain_work::{Clock, Cpu};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, EDIT, Run, bench, run, run_until};

const TEXT: &str = "fal-ai/nano-banana";
const KEY: &str = "AIza-test-key";

struct Google {
    receiver: Receiver,
    model: Gemini,
    bench: Bench,
}

async fn google() -> Google {
    google_with(Policy::loopback()).await
}

async fn google_with(policy: Policy) -> Google {
    let (receiver, bench) = (Receiver::start().await, bench().await);
    let mut key = HeaderValue::from_static(KEY);
    key.set_sensitive(true);
    let outbound = Outbound::new(policy).unwrap();
    let source = Source { files: bench.files.clone(), outbound, max_bytes: 1_000_000 };
    let settings = GeminiSettings {
        base: receiver.url("/google/"),
        model: ModelName::parse("some-model").unwrap(),
        request_timeout: Duration::from_secs(60),
        ..GeminiSettings::new(key, source, Cpu::new(2))
    };
    Google { receiver, model: Gemini::new(settings, Clock::system()).unwrap(), bench }
}

/// As Google writes a picture with a sentence.
fn made(picture: &[u8], text: &str) -> Answer {
    let inline = json!({ "mimeType": "image/png", "data": STANDARD.encode(picture) });
    let parts = json!([{ "text": text }, { "inlineData": inline }]);
    said(200, &json!({ "candidates": [{ "content": { "parts": parts, "role": "model" }, "finishReason": "STOP" }] }))
}

fn said(status: u16, body: &Value) -> Answer {
    Answer::Body(status, "application/json", body.to_string().into())
}

fn asked(received: &Received) -> Value {
    serde_json::from_slice(&received.body).unwrap()
}

impl Google {
    async fn text(&self, input: Value) -> Run {
        run(&self.model, TEXT, &input.to_string()).await
    }
}

#[tokio::test]
async fn a_text_becomes_a_picture_on_our_own_cdn() {
    let google = google().await;
    google.receiver.answer(made(&photo::png_of_size(120, 80), "A cup."));
    let run = google.text(json!({ "prompt": "a cup", "aspect_ratio": "3:2", "seed": 5 })).await;
    let output = run.output();
    assert_eq!(output["description"], "A cup.");
    let image = &output["images"][0];
    assert_eq!(
        (&image["width"], &image["height"], &image["content_type"]),
        (&json!(120), &json!(80), &json!("image/png"))
    );
    assert_eq!(google.bench.read(&image["url"]).await.picture.width(), 120);
    assert_eq!(run.ended.unwrap().headers.billable_units.as_deref(), Some("1"));
    let received = google.receiver.received();
    assert_eq!(received[0].uri, "/google/v1beta/models/some-model:generateContent");
    assert_eq!(received[0].headers["x-goog-api-key"], KEY);
    let config = json!({ "responseModalities": ["TEXT", "IMAGE"], "imageConfig": { "aspectRatio": "3:2" }, "seed": 5 });
    assert_eq!(asked(&received[0])["generationConfig"], config);
}

#[tokio::test]
async fn pictures_to_edit_are_fetched_from_everywhere_and_sent_inside() {
    let google = google().await;
    let (uploaded, elsewhere) = (photo::jpeg(), photo::webp());
    let cdn = google.bench.keep(&uploaded).await;
    let data = format!("data:;base64,{}", STANDARD.encode(photo::png_of_size(70, 70)));
    google.receiver.answer(Answer::Body(200, "image/webp", elsewhere.clone().into()));
    google.receiver.answer(made(&photo::png_of_size(100, 100), ""));
    let urls = json!([cdn, google.receiver.url("/a.webp"), data]);
    let input = json!({ "prompt": "on white", "image_urls": urls, "output_format": "jpeg", "sync_mode": true });
    let output = run(&google.model, EDIT, &input.to_string()).await.output();
    let url = output["images"][0]["url"].as_str().unwrap();
    let jpeg = STANDARD.decode(url.strip_prefix("data:image/jpeg;base64,").unwrap()).unwrap();
    assert_eq!(decode::probe(&jpeg).unwrap().format, Format::Jpeg);
    assert!(jpeg.windows(23).any(|bytes| bytes == b"trainedAlgorithmicMedia"), "it says that it is generated");
    let parts = asked(&google.receiver.received()[1])["contents"][0]["parts"].clone();
    let kinds: Vec<_> = parts.as_array().unwrap().iter().map(|part| part["inlineData"]["mimeType"].clone()).collect();
    assert_eq!(kinds, [Value::Null, json!("image/jpeg"), json!("image/webp"), json!("image/png")]);
    assert_eq!(parts[2]["inlineData"]["data"], STANDARD.encode(&elsewhere));
}

#[tokio::test]
async fn several_pictures_are_several_calls_with_seeds_of_their_own() {
    let google = google().await;
    for number in 0..3 {
        google.receiver.answer(made(&photo::png_of_size(100 + number, 100), "Done."));
    }
    let output = google.text(json!({ "prompt": "a cup", "num_images": 3, "seed": 5 })).await.output();
    assert_eq!(output["images"].as_array().unwrap().len(), 3);
    let mut seeds: Vec<_> = google
        .receiver
        .received()
        .iter()
        .map(|call| asked(call)["generationConfig"]["seed"].as_i64().unwrap())
        .collect();
    seeds.sort_unstable();
    assert_eq!(seeds, [5, 6, 7]);
}

#[tokio::test]
async fn what_was_made_is_handed_out_although_one_call_failed() {
    let google = google().await;
    google.receiver.answer(said(503, &json!({})));
    google.receiver.answer(made(&photo::png_of_size(100, 100), ""));
    let run = google.text(json!({ "prompt": "a cup", "num_images": 2 })).await;
    assert_eq!(run.output()["images"].as_array().unwrap().len(), 1);
    assert_eq!(run.logs.last().map(String::as_str), Some("Google made 1 of 2"));
}

#[tokio::test]
async fn blocked_content_is_said_to_be_blocked() {
    let google = google().await;
    google.receiver.answer(said(200, &json!({ "promptFeedback": { "blockReason": "PROHIBITED_CONTENT" } })));
    let run = google.text(json!({ "prompt": "x" })).await;
    run.refuses("content_policy_violation", "body.prompt", "PROHIBITED_CONTENT");
    google.receiver.answer(said(200, &json!({ "candidates": [{ "finishReason": "NO_IMAGE" }] })));
    google.text(json!({ "prompt": "x" })).await.refuses("no_media_generated", "body.prompt", "no image");
}

#[tokio::test]
async fn a_busy_google_is_worth_another_attempt_and_a_refused_key_is_not() {
    let google = google().await;
    for (status, answered, retry) in
        [(429, 500, Some(true)), (503, 500, Some(true)), (400, 400, None), (403, 400, None)]
    {
        google.receiver.answer(said(status, &json!({ "error": { "code": status, "message": "key AIza-test-key" } })));
        let answer = google.text(json!({ "prompt": "x" })).await.ended.unwrap();
        assert_eq!((answer.http_status, answer.headers.needs_retry), (answered, retry), "{status}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("AIza"));
    }
    google.receiver.answer(Answer::Body(200, "application/json", "{\"candidates\":[{".into()));
    assert_eq!(google.text(json!({ "prompt": "x" })).await.failed(), "runner_server_error");
}

#[tokio::test]
async fn inputs_are_held_against_the_schema_and_addresses_against_the_policy() {
    let google = google_with(Policy::public()).await;
    google.text(json!({ "prompt": "x", "num_images": 5 })).await.refuses("less_than_equal", "body.num_images", "");
    let inside = json!({ "prompt": "x", "image_urls": [google.receiver.url("/secret.png")] }).to_string();
    run(&google.model, EDIT, &inside).await.refuses("file_download_error", "body.image_urls.0", "not reached");
    let text = format!("data:,{}", "no picture at all");
    let input = json!({ "prompt": "x", "image_urls": [text] }).to_string();
    run(&google.model, EDIT, &input).await.refuses("image_load_error", "body.image_urls.0", "not a picture");
    assert!(google.receiver.received().is_empty());
}

#[tokio::test]
async fn a_cancelled_run_does_not_wait_for_google() {
    let google = google().await;
    google.receiver.answer(Answer::Silence);
    let cancel = CancellationToken::new();
    let cancelling = async {
        google.receiver.wait_for(1).await;
        cancel.cancel();
    };
    let (ended, ()) = tokio::join!(run_until(&google.model, TEXT, r#"{"prompt":"x"}"#, cancel.clone()), cancelling);
    assert_eq!(ended.failed(), "client_cancelled");
}
