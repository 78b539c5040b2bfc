//! A model that does nothing but take time, for those who build or measure what stands around a model.
//!
//! The input says what happens: `{"duration_ms": 1500, "output": {…}}`, or `"fail"` instead of an output: the word of an
//! infrastructure error such as `"runner_disconnected"`, or `{"status": 422, "body": {…}}` for a model's own error. The
//! output is passed on byte for byte. It says in every answer's log that it is simulated.

use std::time::Duration;

use async_trait::async_trait;
use plantain_queue::runner::{Answer, RunFailure, RunTask, Runner};
use plantain_wire::error::{Detail, ErrorType, ModelErrorType};
use plantain_work::Clock;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

/// The endpoint under which it is usually served.
pub const ENDPOINT: &str = "plantain/simulated";

/// Longest simulated run: longer than any real model that is worth waiting for.
const DURATION_MAX: Duration = Duration::from_secs(3600);

/// A simulated model. What the input leaves out is as configured.
#[derive(Clone, Debug)]
pub struct Simulated {
    clock: Clock,
    /// How long a run takes.
    duration: Duration,
    /// How a run ends; `None`: well.
    failure: Option<ErrorType>,
}

#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    duration_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    #[serde(borrow)]
    fail: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct OwnError<'a> {
    status: u16,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

/// What a run comes to, decided before it begins.
#[derive(Debug)]
struct Plan {
    duration: Duration,
    end: Result<Answer, RunFailure>,
}

impl Simulated {
    pub fn new(clock: Clock, duration: Duration) -> Simulated {
        Simulated { clock, duration: duration.min(DURATION_MAX), failure: None }
    }

    /// One that fails, unless its input asks for something else.
    pub fn failing(self, failure: ErrorType) -> Simulated {
        Simulated { failure: Some(failure), ..self }
    }

    fn plan(&self, input: &[u8]) -> Result<Plan, Vec<Detail>> {
        let input: Input<'_> = serde_json::from_slice(input).map_err(|_| {
            vec![Detail::new(
                "model_attributes_type",
                vec!["body".into()],
                "Input should be a valid dictionary or object",
            )]
        })?;
        let duration = input.duration_ms.map_or(Ok(self.duration), duration)?;
        let end = match (input.fail, input.output, self.failure) {
            (Some(fail), ..) => asked_failure(fail)?,
            (None, None, Some(error_type)) => Err(simulated_failure(error_type)),
            (None, output, _) => {
                Ok(Answer::new(200, output.map_or("{}", RawValue::get).to_owned()))
            }
        };
        Ok(Plan { duration, end })
    }
}

#[async_trait]
impl Runner for Simulated {
    async fn run(&self, task: RunTask) -> Result<Answer, RunFailure> {
        let plan = match self.plan(&task.input) {
            Ok(plan) => plan,
            Err(details) => return Ok(crate::refusal(details)),
        };
        task.logs.info(format!("Simulating a model for {} ms", plan.duration.as_millis()));
        tokio::select! {
            () = task.cancel.cancelled() => Err(crate::cancelled()),
            () = self.clock.sleep(plan.duration) => plan.end,
        }
    }
}

fn duration(value: &RawValue) -> Result<Duration, Vec<Detail>> {
    let millis = serde_json::from_str::<u64>(value.get()).ok().map(Duration::from_millis);
    millis.filter(|duration| *duration <= DURATION_MAX).ok_or_else(|| {
        let msg = format!("Input should be a whole number from 0 to {}", DURATION_MAX.as_millis());
        vec![Detail::new("int_parsing", vec!["body".into(), "duration_ms".into()], msg).with_input(value)]
    })
}

fn asked_failure(value: &RawValue) -> Result<Result<Answer, RunFailure>, Vec<Detail>> {
    let word = serde_json::from_str::<String>(value.get()).ok();
    if let Some(error_type) = word.as_deref().and_then(ErrorType::parse) {
        return Ok(Err(simulated_failure(error_type)));
    }
    match serde_json::from_str::<OwnError<'_>>(value.get()) {
        Ok(error) if (400..=599).contains(&error.status) => {
            Ok(Ok(Answer::new(error.status, error.body.map_or("{}", RawValue::get).to_owned())))
        }
        _ => {
            let words: Vec<&str> = ErrorType::ALL.into_iter().map(ErrorType::as_str).collect();
            let msg = "Input should be an error type, or an object with a status from 400 to 599 and a body";
            let detail = Detail::model(ModelErrorType::OneOf, vec!["body".into(), "fail".into()], msg);
            Err(vec![detail.with_ctx(&json!({ "expected": words })).with_input(value)])
        }
    }
}

fn simulated_failure(error_type: ErrorType) -> RunFailure {
    crate::failure(error_type, "A simulated failure")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Simulated {
        Simulated::new(Clock::system(), Duration::from_millis(5))
    }

    #[track_caller]
    fn ends(model: &Simulated, input: &str, millis: u64, end: Result<(u16, &str), ErrorType>) {
        let plan = model.plan(input.as_bytes()).expect(input);
        let found = plan.end.map(|answer| (answer.http_status, String::from_utf8(answer.body.to_vec()).unwrap()));
        let found = found.map_err(|failure| failure.error_type);
        assert_eq!(plan.duration.as_millis(), u128::from(millis), "{input}");
        assert_eq!(found, end.map(|(status, body)| (status, body.to_owned())), "{input}");
    }

    #[test]
    fn the_input_says_what_happens() {
        ends(&model(), "{}", 5, Ok((200, "{}")));
        let seed = r#"{"seed": 17454220438242315174, "x": 1.50}"#;
        ends(&model(), &format!(r#"{{"duration_ms": 20, "output": {seed}}}"#), 20, Ok((200, seed)));
        ends(&model(), r#"{"fail":"runner_disconnected"}"#, 5, Err(ErrorType::RunnerDisconnected));
        ends(&model(), r#"{"fail":{"status":422,"body":{"detail":"no"}}}"#, 5, Ok((422, r#"{"detail":"no"}"#)));
    }

    #[test]
    fn a_failing_model_fails_unless_its_input_knows_better() {
        let failing = model().failing(ErrorType::RunnerServerError);
        ends(&failing, "{}", 5, Err(ErrorType::RunnerServerError));
        ends(&failing, r#"{"output":[]}"#, 5, Ok((200, "[]")));
    }

    #[test]
    fn nonsense_is_refused_with_its_place() {
        for (input, field) in [
            ("[]", ""),
            (r#"{"duration_ms":-1}"#, "duration_ms"),
            (r#"{"duration_ms":"soon"}"#, "duration_ms"),
            (r#"{"duration_ms":3600001}"#, "duration_ms"),
            (r#"{"fail":"tired"}"#, "fail"),
            (r#"{"fail":{"status":200}}"#, "fail"),
            (r#"{"fail":7}"#, "fail"),
        ] {
            let details = model().plan(input.as_bytes()).unwrap_err();
            assert!(details[0].summary().starts_with(field), "{input}: {}", details[0].summary());
        }
    }
}
