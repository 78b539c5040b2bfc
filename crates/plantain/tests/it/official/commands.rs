//! The commands that fal's guides and others' tutorials show, letter for letter but for the hosts, run by curl.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use plantain_testkit::Receiver;
use serde_json::Value;

use super::program::{Owed, base};
use super::receipts;
use crate::bed::{self, Server};

/// A guide to webhooks. Its page had lost the line breaks after the backslashes.
const FLUX: &str = r#"curl --request POST \
 --url 'https://queue.fal.run/fal-ai/flux/dev?fal_webhook=https://url.to.your.app/api/fal/webhook' \
 --header "Authorization: Key $FAL_KEY" \
 --header 'Content-Type: application/json' \
 --data '{ "prompt": "Photo of a cute dog" }'"#;

/// A reference page. The apostrophes within its data end the shell's quotation, so it can't be pasted as it is.
const ERNIE: &str = r#"curl -X POST "https://queue.fal.run/fal-ai/ernie-image?fal_webhook=https://your.app/api/fal/webhook" \
 -H "Authorization: Key $FAL_KEY" \
 -H "Content-Type: application/json" \
 -d '{"prompt":"A vertical coffee shop poster. Large centered headline reads 'MORNING POUR' i...","aspect_ratio":"1:1","num_images":1,"enable_prompt_enhancer":true,"num_inference_steps":50,"seed":0}'"#;

/// A guide that shows the request itself: the address with its own query encoded, the headers, the body.
const BANANA: &str = r#"curl -X POST 'https://queue.fal.run/fal-ai/nano-banana/edit?fal_webhook=https://your-domain.com/api/fal/webhook%3FjobId%3D123' \
 -H "Authorization: Key $FAL_KEY" \
 -H 'Content-Type: application/json' \
 -d '{
  "prompt": "studio white catalog photo, soft shadows, ecommerce",
  "image_urls": ["https://.../input.png"],
  "num_images": 3,
  "output_format": "png"
}'"#;

/// Models that this machine has none of, played.
const MODELS: &str = r#"
[endpoints."fal-ai/flux/dev"]
runner = "simulated"
[endpoints."fal-ai/ernie-image"]
runner = "simulated"
"#;

/// Hosts of the guides, and what stands for their readers' own.
const READERS: [&str; 3] = ["https://url.to.your.app", "https://your.app", "https://your-domain.com"];

/// Runs a command in a shell, as it is pasted. Gives the status, the body and the exit code.
fn paste(folder: &Path, server: &Server, receiver: &Receiver, command: &str) -> (u16, Value, bool) {
    let mut here = command.replace("https://queue.fal.run", &base(&server.queue));
    for reader in READERS {
        here = here.replace(reader, &base(&receiver.url("/")));
    }
    let said = folder.join("said.json");
    // One further option, so that the answer's code is seen; the rest is the reader's own.
    let shell = here.replacen("curl ", "curl --silent --max-time 30 --output \"$SAID\" --write-out '%{http_code}' ", 1);
    let output = Command::new("sh")
        .args(["-c", &shell])
        .env("FAL_KEY", server.secret("api-key"))
        .env("SAID", &said)
        .current_dir(folder)
        .output()
        .unwrap();
    let code = String::from_utf8_lossy(&output.stdout);
    let body = serde_json::from_slice(&std::fs::read(&said).unwrap_or_default()).unwrap_or(Value::Null);
    let code = code.get(..3).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("curl said {output:?}"));
    (code, body, output.status.success())
}

fn owed(status: &str, at: &str, payload: Option<Value>) -> Owed {
    Owed { status: status.to_owned(), at: at.to_owned(), payload }
}

#[tokio::test]
async fn commands_of_guides_are_accepted_and_their_webhooks_come() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plantain.toml"), MODELS).unwrap();
    let server = Server::start(folder.path(), &[]);
    let receiver = Receiver::start().await;
    let quoted = ERNIE.replace("'MORNING POUR'", r"'\''MORNING POUR'\''");
    let mut expected = BTreeMap::new();
    for (command, hook) in [
        (FLUX, owed("OK", "/api/fal/webhook", None)),
        (quoted.as_str(), owed("OK", "/api/fal/webhook", None)),
        // Its picture is nowhere, so the model says that.
        (BANANA, owed("ERROR", "/api/fal/webhook?jobId=123", None)),
    ] {
        let (status, body, fine) = paste(folder.path(), &server, &receiver, command);
        assert!(status == 200 && fine, "{status} {body}: {command}");
        let id = body["request_id"].as_str().unwrap_or_else(|| panic!("{body}"));
        assert!(body["gateway_request_id"].is_string(), "{body}");
        expected.insert(id.to_owned(), hook);
    }
    receipts::judge(&receiver, &server, &expected).await;
}

#[tokio::test]
async fn a_command_that_a_shell_takes_apart_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let receiver = Receiver::start().await;
    let (status, body, _) = paste(folder.path(), &server, &receiver, ERNIE);
    assert_eq!(status, 400, "{body}");
    assert!(body["detail"].as_str().is_some_and(|detail| detail.contains("JSON")), "{body}");
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn what_no_client_can_say_is_answered_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["QUEUE_CONCURRENCY=1"]);
    let receiver = Receiver::start().await;
    let submit = |path: &str| {
        let command = format!(
            "curl -X POST 'https://queue.fal.run/plantain/simulated{path}' -H \"Authorization: Key $FAL_KEY\" -d '{{\"duration_ms\":60000}}'"
        );
        paste(folder.path(), &server, &receiver, &command)
    };
    let (status, first, _) = submit("");
    assert_eq!(status, 200, "curl's usual content type is a form's: {first}");
    bed::until("the first request to run", async || {
        let url = first["status_url"].as_str().unwrap();
        let (_, said) = bed::answer(get(&server, url).await).await;
        said["status"] == "IN_PROGRESS"
    })
    .await;
    assert_eq!(submit("").0, 200);
    let (status, body, _) = submit("?fal_max_queue_length=0");
    assert!(status == 429 && body["detail"].is_string(), "{status} {body}");
    assert_eq!(submit("?fal_max_queue_length=5").0, 200);
}

async fn get(server: &Server, url: &str) -> reqwest::Response {
    let key = format!("Key {}", server.secret("api-key"));
    bed::http().get(url).header("authorization", key).send().await.expect("the queue answers")
}
