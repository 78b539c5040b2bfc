//! A model that does nothing but take time, for those who build or measure what stands around a model.
//!
//! The input says what happens: `{"duration_ms": 1500, "output": {…}}`, or `"fail"` instead of an output: the word of an
//! infrastructure error such as `"runner_disconnected"`, or `{"status": 422, "body": {…}}` for a model's own error; `"logs"`, a list
//! of lines or their number, and `"partials"`, a list of partial outputs. Output and partials are passed on byte for byte. What the
//! input leaves out is as configured. Every log says that the run is simulated.
//!
//! A run is decided before it begins, so that it is the same every time.

mod script;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use plantain_queue::runner::{Answer, RunFailure, RunTask, Runner};
use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::{Detail, ErrorType, ModelErrorType};
use plantain_work::{Clock, clock};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

pub use script::{Failing, Script};

/// The endpoint under which it is usually served.
pub const ENDPOINT: &str = "plantain/simulated";

/// Longest simulated run: longer than any real model that is worth waiting for.
const DURATION_MAX: Duration = Duration::from_secs(3600);

/// The most lines, and the most partial outputs, of one run.
const STEPS_MAX: usize = 1000;

/// A simulated model. What the input leaves out is as configured.
#[derive(Clone, Debug)]
pub struct Simulated {
    clock: Clock,
    script: Script,
}

#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    duration_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    #[serde(borrow)]
    fail: Option<&'a RawValue>,
    #[serde(borrow)]
    logs: Option<&'a RawValue>,
    #[serde(borrow)]
    partials: Option<&'a RawValue>,
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
    logs: Vec<String>,
    partials: Vec<Bytes>,
    end: Result<Answer, RunFailure>,
}

/// What happens on the way.
#[derive(Debug)]
enum Step {
    Log(String),
    Partial(Bytes),
}

impl Plan {
    /// Each step with its time since the begin, in order: lines and partials are spread evenly, the last ones before the end.
    fn steps(&mut self) -> Vec<(Duration, Step)> {
        let (logs, partials) = (std::mem::take(&mut self.logs), std::mem::take(&mut self.partials));
        let mut steps = spread(self.duration, logs.into_iter().map(Step::Log).collect());
        steps.extend(spread(self.duration, partials.into_iter().map(Step::Partial).collect()));
        steps.sort_by_key(|(at, _)| *at);
        steps
    }
}

fn spread(duration: Duration, steps: Vec<Step>) -> Vec<(Duration, Step)> {
    let pieces = steps.len() as u32 + 1;
    (1..).zip(steps).map(|(number, step)| (duration / pieces * number, step)).collect()
}

impl Simulated {
    pub fn new(clock: Clock, duration: Duration) -> Simulated {
        Simulated::scripted(clock, Script::lasting(duration))
    }

    pub fn scripted(clock: Clock, script: Script) -> Simulated {
        Simulated { clock, script: Script { duration: script.duration.min(DURATION_MAX), ..script } }
    }

    /// One that fails, unless its input asks for something else.
    pub fn failing(self, failure: ErrorType) -> Simulated {
        let script = Script { failure_rate: 1.0, failures: vec![Failing::Kind(failure)], ..self.script };
        Simulated { script, ..self }
    }

    /// `fate`: how this attempt fails, if its input asks for nothing.
    fn plan(&self, input: &[u8], fate: Option<Failing>) -> Result<Plan, Vec<Detail>> {
        let input: Input<'_> = serde_json::from_slice(input).map_err(|_| {
            vec![Detail::new(
                "model_attributes_type",
                vec!["body".into()],
                "Input should be a valid dictionary or object",
            )]
        })?;
        let duration = input.duration_ms.map_or(Ok(self.script.duration), duration)?;
        let end = match (input.fail, input.output, fate) {
            (Some(fail), ..) => asked_failure(fail)?,
            (None, None, Some(failing)) => failing.end(),
            (None, Some(output), _) => Ok(Answer::new(200, output.get().to_owned())),
            (None, None, None) => Ok(Answer::new(200, self.script.output.clone())),
        };
        let logs = input.logs.map_or_else(|| Ok(numbered(self.script.logs as usize)), lines)?;
        let partials = input.partials.map_or_else(|| Ok(numbered_partials(self.script.partials)), partials)?;
        Ok(Plan { duration, logs, partials, end })
    }
}

#[async_trait]
impl Runner for Simulated {
    async fn run(&self, task: RunTask) -> Result<Answer, RunFailure> {
        let mut plan = match self.plan(&task.input, self.script.fate(&task.gateway_request_id)) {
            Ok(plan) => plan,
            Err(details) => return Ok(crate::refusal(details)),
        };
        task.logs.info(format!("Simulating a model for {} ms", plan.duration.as_millis()));
        let began_at = self.clock.now();
        let running = async {
            for (at, step) in plan.steps() {
                self.clock.sleep_until(clock::after(began_at, at)).await;
                match step {
                    Step::Log(line) => task.logs.info(line),
                    Step::Partial(json) => task.partials.send(json),
                }
            }
            self.clock.sleep_until(clock::after(began_at, plan.duration)).await;
        };
        tokio::select! {
            () = task.cancel.cancelled() => Err(crate::cancelled()),
            () = running => plan.end,
        }
    }

    /// Any run may be asked for partial outputs.
    fn streams(&self, _: &EndpointId) -> bool {
        true
    }
}

fn numbered(count: usize) -> Vec<String> {
    (1..=count.min(STEPS_MAX)).map(|number| format!("Step {number} of {count}")).collect()
}

fn numbered_partials(count: u32) -> Vec<Bytes> {
    let count = count.min(STEPS_MAX as u32);
    (1..=count).map(|number| format!(r#"{{"step":{number},"of":{count}}}"#).into()).collect()
}

fn lines(value: &RawValue) -> Result<Vec<String>, Vec<Detail>> {
    if let Some(count) = serde_json::from_str::<usize>(value.get()).ok().filter(|count| *count <= STEPS_MAX) {
        return Ok(numbered(count));
    }
    let lines = serde_json::from_str::<Vec<String>>(value.get()).ok().filter(|lines| lines.len() <= STEPS_MAX);
    lines.ok_or_else(|| steps_wrong("logs", value))
}

fn partials(value: &RawValue) -> Result<Vec<Bytes>, Vec<Detail>> {
    let partials = serde_json::from_str::<Vec<&RawValue>>(value.get()).ok();
    let partials =
        partials.filter(|partials| partials.len() <= STEPS_MAX).ok_or_else(|| steps_wrong("partials", value))?;
    Ok(partials.into_iter().map(|json| Bytes::copy_from_slice(json.get().as_bytes())).collect())
}

fn steps_wrong(field: &'static str, value: &RawValue) -> Vec<Detail> {
    let msg = format!("Input should be a list of at most {STEPS_MAX} entries");
    vec![Detail::new("list_type", vec!["body".into(), field.into()], msg).with_input(value)]
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
        return Ok(Failing::Kind(error_type).end());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Simulated {
        Simulated::new(Clock::system(), Duration::from_millis(5))
    }

    fn attempt() -> plantain_wire::id::GatewayRequestId {
        plantain_wire::id::GatewayRequestId::parse("r1").unwrap()
    }

    #[test]
    fn lines_and_partials_are_spread_over_the_run() {
        let input = br#"{"duration_ms":600,"logs":["a","b"],"partials":[{"x": 1}]}"#;
        let steps = model().plan(input, None).unwrap().steps();
        let shown: Vec<_> = steps.iter().map(|(at, step)| (at.as_millis(), format!("{step:?}"))).collect();
        let expected = [(200, r#"Log("a")"#), (300, r#"Partial(b"{\"x\": 1}")"#), (400, r#"Log("b")"#)];
        assert_eq!(shown, expected.map(|(at, step)| (at, step.to_owned())));
        let script = Script { logs: 2, partials: 1, ..Script::lasting(Duration::ZERO) };
        let mut plan = Simulated::scripted(Clock::system(), script).plan(b"{}", None).unwrap();
        assert_eq!(plan.logs, ["Step 1 of 2", "Step 2 of 2"]);
        assert_eq!(plan.partials, [r#"{"step":1,"of":1}"#]);
        assert!(plan.steps().iter().all(|(at, _)| at.is_zero()));
    }

    #[track_caller]
    fn ends(model: &Simulated, input: &str, millis: u64, end: Result<(u16, &str), ErrorType>) {
        let fate = model.script.fate(&attempt());
        let plan = model.plan(input.as_bytes(), fate).expect(input);
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
            (r#"{"logs":1001}"#, "logs"),
            (r#"{"logs":[1]}"#, "logs"),
            (r#"{"partials":2}"#, "partials"),
        ] {
            let details = model().plan(input.as_bytes(), None).unwrap_err();
            assert!(details[0].summary().starts_with(field), "{input}: {}", details[0].summary());
        }
    }
}
