//! Cog's way to ask and to answer: `POST /predictions` with `{"input": …}`, and `{"status": …, "output": …}` back. Pure.

use std::borrow::Cow;

use bytes::Bytes;
use plantain_queue::runner::{Answer, LogSink, RunFailure};
use plantain_wire::error::{Detail, ErrorBody, ErrorType, Loc, ModelErrorType};
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::answer::Head;
use super::failures;

/// The most log lines of one prediction; the last ones say most.
const LOG_LINES_MAX: usize = 200;

/// The address of a server alone means its predictions.
pub(super) fn predictions(mut url: Url) -> Url {
    if url.path() == "/" {
        url.set_path("/predictions");
    }
    url
}

pub(super) fn request(input: &[u8]) -> Bytes {
    let input = if input.is_empty() { b"{}" } else { input };
    [b"{\"input\":".as_slice(), input, b"}"].concat().into()
}

#[derive(Deserialize)]
struct Prediction<'a> {
    status: Cow<'a, str>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    error: Option<String>,
    logs: Option<String>,
}

/// A prediction's output is the answer. One that is no object is put into one, as `output`, since callers expect an object.
pub(super) fn answer(head: Head, body: Bytes, logs: &LogSink) -> Result<Answer, RunFailure> {
    match head.status {
        200..=299 => {}
        // One prediction at a time: the container is fine and will be free.
        409 => {
            return Err(crate::failure(ErrorType::RunnerSchedulingFailure, "The model is busy with another request."));
        }
        422 => return Ok(refused(head, body)),
        _ => return head.with_body(body),
    }
    let prediction: Prediction<'_> = serde_json::from_slice(&body).map_err(|error| failures::of_json(&error))?;
    write_log(prediction.logs.as_deref().unwrap_or_default(), logs);
    match prediction.status.as_ref() {
        "succeeded" => {
            let output = prediction.output.map_or("null", RawValue::get);
            let output = if output.starts_with('{') { output.to_owned() } else { format!("{{\"output\":{output}}}") };
            Ok(head.with_output(output.into()))
        }
        "failed" => Ok(failed(head, prediction.error.as_deref())),
        "canceled" => Err(crate::failure(ErrorType::RunnerDisconnected, "The model's server stopped the prediction.")),
        _ => {
            let detail = "The model's server answered before the prediction had ended.";
            Err(crate::failure(ErrorType::RunnerServerError, detail))
        }
    }
}

fn write_log(text: &str, logs: &LogSink) {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    for line in &lines[lines.len().saturating_sub(LOG_LINES_MAX)..] {
        logs.info(*line);
    }
}

/// The model's own failure, in fal's words.
fn failed(head: Head, error: Option<&str>) -> Answer {
    let msg = error.filter(|error| !error.is_empty()).unwrap_or("The model failed and gave no reason");
    let detail = Detail::model(ModelErrorType::InternalServerError, vec!["body".into()], msg);
    let body = ErrorBody::Validation(vec![detail]);
    Answer { http_status: body.http_status(), ..head.with_output(body.to_json().into()) }
}

/// Cog names fields as `body.input.prompt`; the caller sent `body.prompt`.
fn refused(head: Head, body: Bytes) -> Answer {
    let body = match ErrorBody::parse(&body) {
        Some(ErrorBody::Validation(mut details)) => {
            for detail in &mut details {
                if detail.loc.get(1) == Some(&Loc::from("input")) {
                    detail.loc.remove(1);
                }
            }
            ErrorBody::Validation(details).to_json().into()
        }
        _ => body,
    };
    Answer { http_status: head.status, body, headers: head.headers }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[track_caller]
    fn ends(status: u16, body: &'static str, expected: Result<(u16, &str), &str>) -> Vec<String> {
        let (sink, mut lines) = LogSink::channel(300);
        let ended = answer(Head::read(status, &HeaderMap::new()), Bytes::from_static(body.as_bytes()), &sink);
        let ended = ended.map(|answer| (answer.http_status, String::from_utf8(answer.body.to_vec()).unwrap()));
        let ended = ended.map_err(|failure| failure.error_type.as_str());
        assert_eq!(ended, expected.map(|(status, body)| (status, body.to_owned())), "{status} {body}");
        std::iter::from_fn(|| lines.try_recv().ok()).map(|(_, line)| line).collect()
    }

    #[test]
    fn a_predictions_output_is_the_answer_untouched() {
        let seed = r#"{"status":"succeeded","output":{"seed": 17454220438242315174},"logs":"a\n\nb\n"}"#;
        let lines = ends(201, seed, Ok((201, r#"{"seed": 17454220438242315174}"#)));
        assert_eq!(lines, ["a", "b"]);
        ends(200, r#"{"status":"succeeded","output":["u"]}"#, Ok((200, r#"{"output":["u"]}"#)));
        ends(200, r#"{"status":"succeeded","output":null}"#, Ok((200, r#"{"output":null}"#)));
    }

    #[test]
    fn each_way_to_fail_has_its_meaning() {
        let cuda = r#"{"detail":[{"loc":["body"],"msg":"CUDA out of memory","type":"internal_server_error","url":"https://docs.fal.ai/errors/#internal_server_error"}]}"#;
        ends(200, r#"{"status":"failed","error":"CUDA out of memory","output":null}"#, Ok((500, cuda)));
        ends(200, r#"{"status":"canceled"}"#, Err("runner_disconnected"));
        ends(202, r#"{"status":"starting"}"#, Err("runner_server_error"));
        ends(409, r#"{"detail":"Already running a prediction"}"#, Err("runner_scheduling_failure"));
        ends(503, r#"{"detail":"setup"}"#, Ok((503, r#"{"detail":"setup"}"#)));
        ends(200, r#"{"output":1}"#, Err("runner_server_error"));
        ends(200, r#"{"status":"#, Err("runner_incomplete_response"));
        let theirs = r#"{"detail":[{"loc":["body","input","prompt"],"msg":"m","type":"t"}]}"#;
        ends(422, theirs, Ok((422, r#"{"detail":[{"loc":["body","prompt"],"msg":"m","type":"t"}]}"#)));
    }

    #[test]
    fn a_server_alone_means_its_predictions() {
        let at = |text: &str| predictions(text.parse().unwrap()).to_string();
        assert_eq!(at("http://gpu:5000"), "http://gpu:5000/predictions");
        assert_eq!(at("http://gpu:5000/x/predictions"), "http://gpu:5000/x/predictions");
        assert_eq!(request(b"{\"a\":1}"), "{\"input\":{\"a\":1}}");
        assert_eq!(request(b""), "{\"input\":{}}");
    }
}
