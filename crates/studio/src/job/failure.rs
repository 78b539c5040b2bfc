//! What went wrong at the model, in words for the person who sent the photo.
//!
//! Models and queues speak to developers; a seller needs to know what to change. Where the model's own sentence is about the
//! picture it is kept, bounded, and a hint is added by the kind of the error.

use plantain_wire::error::{Detail, ErrorBody, ErrorType, ModelErrorType};

use crate::job::{Ended, Job, JobError, Outcome};

/// Characters of a foreign sentence that are shown.
const WORDS_MAX: usize = 400;

/// How a job ends whose request failed: cancelled where that was its seller's wish.
pub fn outcome_of_error(job: &Job, body: Option<&[u8]>, said: Option<&str>) -> Outcome {
    let parsed = body.and_then(ErrorBody::parse);
    let cancelled = matches!(&parsed, Some(ErrorBody::Request { error_type: Some(ErrorType::ClientCancelled), .. }));
    if job.cancel_asked_at.is_some() && cancelled {
        return Outcome::Canceled;
    }
    Outcome::Failed(words(parsed.as_ref(), said))
}

impl Ended {
    /// The output, or how a job with this result ends.
    pub fn output(&self, job: &Job) -> Result<bytes::Bytes, Outcome> {
        match self {
            Ended::Output(json) => Ok(json.clone()),
            Ended::Error { body, said } => Err(outcome_of_error(job, body.as_deref(), said.as_deref())),
        }
    }
}

fn words(body: Option<&ErrorBody>, said: Option<&str>) -> JobError {
    match body {
        Some(ErrorBody::Validation(details)) => match details.first() {
            Some(detail) => of_detail(detail),
            None => unexplained(said),
        },
        Some(ErrorBody::Request { detail, error_type: Some(kind) }) => of_request(*kind, detail),
        Some(ErrorBody::Request { detail, error_type: None }) => unexplained(Some(detail)),
        None => unexplained(said),
    }
}

/// Why a submit was refused by the queue.
pub fn of_rejection(status: u16, body: &[u8]) -> JobError {
    match status {
        401 | 403 => JobError::new(
            "queue_refused_key",
            "The model's queue doesn't accept the studio's key.",
            "Whoever runs the studio has to set a valid FAL_KEY.",
        ),
        402 => JobError::new(
            "queue_out_of_credit",
            "The account at the model's queue has no credit left.",
            "Whoever runs the studio has to add credit there.",
        ),
        404 => JobError::new(
            "model_unknown",
            "The model's queue doesn't know this model.",
            "Choose another model, or tell whoever runs the studio.",
        ),
        413 => JobError::new(
            "too_large_for_queue",
            "The photos are too large for the model's queue.",
            "Send smaller photos.",
        ),
        _ => words(ErrorBody::parse(body).as_ref(), None),
    }
}

fn of_detail(detail: &Detail) -> JobError {
    use ModelErrorType as Kind;
    let (own, advice) = message_and_advice(detail);
    let (code, message, hint) = match Kind::parse(&detail.kind) {
        Some(Kind::NoMediaGenerated) => (
            "no_product_found",
            own,
            "Take the photo with one product that stands out clearly from a plain background.",
        ),
        Some(Kind::ContentPolicyViolation) => (
            "content_refused",
            "The model refused the photo or the prompt because of its content rules.".to_owned(),
            "Change the prompt, or use a photo that shows the product alone, without people or brand art.",
        ),
        Some(Kind::ImageTooSmall) => ("picture_too_small", own, "Send the original photo, not a thumbnail."),
        Some(Kind::ImageTooLarge | Kind::FileTooLarge) => {
            ("picture_too_large", own, "Make the photo smaller and send it again.")
        }
        Some(Kind::ImageLoadError | Kind::UnsupportedImageFormat) => {
            ("picture_unreadable", own, "Save the photo as JPEG or PNG and send it again.")
        }
        Some(Kind::FileDownloadError) => (
            "picture_not_downloaded",
            "The model could not download a picture.".to_owned(),
            "If you gave an address, check that everybody can open it; else start the job again.",
        ),
        Some(Kind::FeatureNotSupported) => {
            ("model_not_able", own, "Choose another model, or tell whoever runs the studio to configure one.")
        }
        Some(
            Kind::GenerationTimeout
            | Kind::DownstreamServiceError
            | Kind::DownstreamServiceUnavailable
            | Kind::InternalServerError,
        ) => ("model_failed", "The model failed while it worked on the photo.".to_owned(), "Start the job again."),
        _ => (
            "model_refused",
            format!("The model refused the job: {}", shortened(&detail.summary())),
            "Change what it names, and start the job again.",
        ),
    };
    JobError::new(code, message, advice.unwrap_or_else(|| hint.to_owned()))
}

/// The model's sentence, and its own advice where it says which part of the sentence that is; otherwise ours is given, and
/// the same thing must not be said twice.
fn message_and_advice(detail: &Detail) -> (String, Option<String>) {
    let ctx = detail.ctx.as_ref().and_then(|ctx| serde_json::from_str::<serde_json::Value>(ctx.get()).ok());
    let advice = ctx.as_ref().and_then(|ctx| ctx.get("hint")?.as_str()).filter(|advice| !advice.trim().is_empty());
    match advice.and_then(|advice| Some((detail.msg.strip_suffix(advice)?, advice))) {
        Some((message, advice)) if !message.trim().is_empty() => (shortened(message), Some(shortened(advice))),
        _ => (shortened(&detail.msg), None),
    }
}

fn of_request(kind: ErrorType, detail: &str) -> JobError {
    match kind {
        ErrorType::ClientCancelled => JobError::new(
            "cancelled_at_queue",
            "The job was cancelled at the model's queue.",
            "Start it again if that was a mistake.",
        ),
        ErrorType::RequestTimeout | ErrorType::StartupTimeout => {
            JobError::new("model_too_slow", "The model did not answer in time.", "Start the job again.")
        }
        ErrorType::BadRequest => unexplained(Some(detail)),
        _ => JobError::new(
            "model_unavailable",
            "The model broke down while it worked on the job, several times.",
            "Start the job again in a few minutes.",
        ),
    }
}

fn unexplained(said: Option<&str>) -> JobError {
    let message = match said.map(shortened).filter(|said| !said.is_empty()) {
        Some(said) => format!("The model ended the job with an error: {said}"),
        None => "The model ended the job with an error and gave no reason.".to_owned(),
    };
    JobError::new("model_error", message, "Start the job again; if it fails again, try another photo.")
}

fn shortened(text: &str) -> String {
    let tame: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS_MAX).collect();
    tame.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::sample;

    #[track_caller]
    fn code_of(body: &str) -> String {
        let Outcome::Failed(error) = outcome_of_error(&sample::job(), Some(body.as_bytes()), Some("said")) else {
            panic!("{body} does not fail")
        };
        assert!(!error.message.is_empty() && !error.hint.is_empty() && error.message.chars().count() <= 500, "{body}");
        error.code
    }

    #[test]
    fn every_error_has_words_for_a_seller() {
        let detail = |kind: &str| {
            format!(r#"{{"detail":[{{"loc":["body","image_urls",0],"msg":"No product","type":"{kind}"}}]}}"#)
        };
        for (kind, code) in [
            ("no_media_generated", "no_product_found"),
            ("content_policy_violation", "content_refused"),
            ("image_too_small", "picture_too_small"),
            ("image_load_error", "picture_unreadable"),
            ("file_download_error", "picture_not_downloaded"),
            ("feature_not_supported", "model_not_able"),
            ("internal_server_error", "model_failed"),
            ("missing", "model_refused"),
            ("something_new", "model_refused"),
        ] {
            assert_eq!(code_of(&detail(kind)), code, "{kind}");
        }
        for kind in ErrorType::ALL {
            code_of(&ErrorBody::request(kind, "words").to_json());
        }
        for odd in ["", "null", "<html>", r#"{"detail":"why"}"#, r#"{"detail":[]}"#, r#"{"detail":7}"#] {
            assert_eq!(code_of(odd), "model_error", "{odd}");
        }
        code_of(&detail(&"x".repeat(5_000)));
    }

    #[test]
    fn a_models_own_advice_is_given_once_and_instead_of_ours() {
        let told = |msg: &str, ctx: &str| {
            let body =
                format!(r#"{{"detail":[{{"loc":["body"],"msg":"{msg}","type":"no_media_generated","ctx":{ctx}}}]}}"#);
            match outcome_of_error(&sample::job(), Some(body.as_bytes()), None) {
                Outcome::Failed(error) => (error.message, error.hint),
                other => panic!("{other:?}"),
            }
        };
        let (message, hint) = told("No product. Come closer.", r#"{"hint":"Come closer."}"#);
        assert_eq!((message.as_str(), hint.as_str()), ("No product.", "Come closer."));
        for ctx in
            ["{}", "null", r#"{"hint":"Other."}"#, r#"{"hint":7}"#, r#"{"hint":""}"#, r#"{"hint":"No product."}"#]
        {
            let (message, hint) = told("No product.", ctx);
            assert!(message == "No product." && hint.starts_with("Take the photo"), "{ctx}: {message} {hint}");
        }
    }

    #[test]
    fn a_cancelled_request_fails_only_a_job_that_nobody_cancelled() {
        let body = plantain_wire::error::cancelled().to_json();
        let unwanted = Job { cancel_asked_at: Some(sample::job().created_at), ..sample::job() };
        assert_eq!(outcome_of_error(&unwanted, Some(body.as_bytes()), None), Outcome::Canceled);
        assert_eq!(code_of(&body), "cancelled_at_queue");
        // An error of another kind is told even to someone who cancelled too late.
        assert!(matches!(outcome_of_error(&unwanted, Some(b"{\"detail\":\"x\"}"), None), Outcome::Failed(_)));
    }

    #[test]
    fn a_refused_submit_says_who_has_to_act() {
        for (status, code) in [
            (401, "queue_refused_key"),
            (402, "queue_out_of_credit"),
            (404, "model_unknown"),
            (413, "too_large_for_queue"),
            (400, "model_error"),
        ] {
            assert_eq!(of_rejection(status, b"{\"detail\":\"no\"}").code, code);
        }
    }
}
