//! What the status call says about a request: pure, from what the engine knows.

use plantain_queue::model::{Outcome, RequestView};
use plantain_wire::error::ErrorBody;
use plantain_wire::status::{Failure, LogEntry, Metrics, QueueStatus, StatusBody, Urls};
use url::Url;

/// The longest sentence about a failure, in characters; the result has the whole.
const ERROR_CHARS_MAX: usize = 500;

/// `logs`: those to show, `None` where they weren't asked for.
pub(crate) fn status_of(view: &RequestView, base: &Url, logs: Option<Vec<LogEntry>>) -> StatusBody {
    let (id, urls) = (view.id.clone(), Urls::new(base, &view.endpoint, &view.id));
    let body = match view.status {
        QueueStatus::InQueue => StatusBody::in_queue(id, urls, view.queue_position.unwrap_or(0)),
        QueueStatus::InProgress => StatusBody::in_progress(id, urls),
        QueueStatus::Completed => {
            let metrics = Metrics { inference_time: view.outcome.as_ref().and_then(inference_seconds) };
            match view.outcome.as_ref().and_then(failure) {
                Some(failure) => StatusBody::failed(id, urls, metrics, failure),
                None => StatusBody::completed(id, urls, metrics),
            }
        }
    };
    body.with_logs(logs)
}

fn inference_seconds(outcome: &Outcome) -> Option<f64> {
    match outcome {
        Outcome::Answered { inference, .. } => Some(inference.as_secs_f64()),
        Outcome::Failed { .. } => None,
    }
}

/// `None` where the model succeeded. A model's own error has no type on the wire.
fn failure(outcome: &Outcome) -> Option<Failure> {
    match outcome {
        Outcome::Answered { http_status: 200..=299, .. } => None,
        Outcome::Answered { http_status, body, .. } => {
            let said = ErrorBody::parse(body).map(|body| body.summary()).filter(|summary| !summary.is_empty());
            let said = said.unwrap_or_else(|| format!("Invalid status code: {http_status}"));
            Some(Failure { error: said.chars().take(ERROR_CHARS_MAX).collect(), error_type: None })
        }
        Outcome::Failed { error_type, detail } => {
            Some(Failure { error: detail.clone(), error_type: Some(*error_type) })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plantain_queue::runner::AnswerHeaders;
    use plantain_wire::error::ErrorType;

    use super::*;

    fn answered(http_status: u16, body: &str) -> Outcome {
        Outcome::Answered {
            http_status,
            body: body.to_owned().into(),
            headers: AnswerHeaders::default(),
            inference: Duration::from_millis(3420),
        }
    }

    #[track_caller]
    fn fails(outcome: Outcome, expected: Option<(&str, Option<ErrorType>)>) {
        let found = failure(&outcome);
        let found = found.as_ref().map(|failure| (failure.error.as_str(), failure.error_type));
        assert_eq!(found, expected, "{outcome:?}");
    }

    #[test]
    fn a_failure_says_what_the_model_or_the_infrastructure_said() {
        fails(answered(200, "{}"), None);
        fails(
            answered(422, r#"{"detail":[{"loc":["body","prompt"],"msg":"Field required","type":"missing"}]}"#),
            Some(("prompt: Field required", None)),
        );
        fails(answered(500, "oops"), Some(("Invalid status code: 500", None)));
        fails(answered(302, ""), Some(("Invalid status code: 302", None)));
        let timed_out = Outcome::Failed { error_type: ErrorType::RequestTimeout, detail: "Request timed out".into() };
        fails(timed_out, Some(("Request timed out", Some(ErrorType::RequestTimeout))));
        let long = format!(r#"{{"detail":"{}"}}"#, "ü".repeat(600));
        assert_eq!(failure(&answered(400, &long)).unwrap().error.chars().count(), 500);
    }

    #[test]
    fn only_what_ran_has_a_duration() {
        assert_eq!(inference_seconds(&answered(200, "{}")), Some(3.42));
        let failed = Outcome::Failed { error_type: ErrorType::ClientCancelled, detail: String::new() };
        assert_eq!(inference_seconds(&failed), None);
    }
}
