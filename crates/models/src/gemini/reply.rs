//! Google's answer: pictures and words, or why there are none. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use plantain_queue::runner::RunFailure;
use plantain_wire::error::{Detail, Loc, ModelErrorType};
use serde::Deserialize;

use super::unreadable;

/// What one call made.
#[derive(Debug, PartialEq)]
pub(super) struct Made {
    /// At least one, encoded.
    pub pictures: Vec<Bytes>,
    pub text: String,
}

/// Why a call made nothing.
#[derive(Debug, PartialEq)]
pub(super) enum NoPicture {
    /// Asking the same again gives the same.
    Refused(Vec<Detail>),
    /// Google has no room or a fault of its own; the same may work later.
    Unavailable(Vec<Detail>),
    /// The way there or back failed.
    Failed(RunFailure),
}

/// The most pictures of one answer; it is asked for one.
const PICTURES_MAX: usize = 4;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    #[serde(default)]
    candidates: Vec<Candidate>,
    prompt_feedback: Option<Feedback>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    text: Option<String>,
    /// What the model thinks on the way is no part of its answer.
    #[serde(default)]
    thought: bool,
    inline_data: Option<Inline>,
}

#[derive(Deserialize)]
struct Inline {
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: RefusalBody,
}

#[derive(Deserialize)]
struct RefusalBody {
    #[serde(default)]
    message: String,
}

/// `one_only`: of several pictures the first is taken.
pub(super) fn read(status: u16, body: &[u8], one_only: bool) -> Result<Made, NoPicture> {
    if !(200..300).contains(&status) {
        return Err(refused(status, body));
    }
    let reply: Reply = serde_json::from_slice(body).map_err(|_| NoPicture::Failed(unreadable()))?;
    if let Some(reason) = reply.prompt_feedback.and_then(|feedback| feedback.block_reason) {
        return Err(blocked(&reason).into());
    }
    let candidate = reply.candidates.into_iter().next().ok_or_else(|| nothing(""))?;
    let parts = candidate.content.map(|content| content.parts).unwrap_or_default();
    let parts: Vec<Part> = parts.into_iter().filter(|part| !part.thought).collect();
    let text: Vec<&str> = parts.iter().filter_map(|part| part.text.as_deref()).map(str::trim).collect();
    let text = text.join(" ").trim().to_owned();
    let most = if one_only { 1 } else { PICTURES_MAX };
    let data = parts.iter().filter_map(|part| part.inline_data.as_ref()).take(most);
    let pictures: Result<Vec<Bytes>, _> = data.map(|inline| STANDARD.decode(&inline.data).map(Bytes::from)).collect();
    let pictures = pictures.map_err(|_| NoPicture::Failed(unreadable()))?;
    match (pictures.is_empty(), candidate.finish_reason.as_deref().unwrap_or_default()) {
        (false, _) => Ok(Made { pictures, text }),
        (true, reason) if is_about_content(reason) => Err(blocked(reason).into()),
        (true, _) => Err(nothing(&text).into()),
    }
}

fn is_about_content(reason: &str) -> bool {
    ["SAFETY", "PROHIBITED", "BLOCKLIST", "SPII", "RECITATION"].iter().any(|word| reason.contains(word))
}

fn prompt() -> Vec<Loc> {
    vec!["body".into(), "prompt".into()]
}

fn blocked(reason: &str) -> Vec<Detail> {
    let msg = format!("The content was blocked by the model's content policy ({}).", word(reason));
    vec![Detail::model(ModelErrorType::ContentPolicyViolation, prompt(), msg)]
}

/// A reason as Google writes it, in case it writes anything else.
fn word(reason: &str) -> String {
    reason.chars().filter(|sign| sign.is_ascii_alphanumeric() || *sign == '_').take(60).collect()
}

/// The longest part of the model's words that goes into a complaint, in characters.
const WORDS_MAX: usize = 300;

fn nothing(text: &str) -> Vec<Detail> {
    let words: String = text.chars().take(WORDS_MAX).collect();
    let msg = match words.is_empty() {
        true => "The model made no image.".to_owned(),
        false => format!("The model made no image, but said: {words}"),
    };
    vec![Detail::model(ModelErrorType::NoMediaGenerated, prompt(), msg)]
}

fn refused(status: u16, body: &[u8]) -> NoPicture {
    let message = serde_json::from_slice::<Refusal>(body).map(|refusal| refusal.error.message).unwrap_or_default();
    let at = vec![Loc::from("body")];
    match status {
        429 | 500..=599 => {
            tracing::warn!(status, message, "models.gemini_unavailable");
            let msg = "The image service has no room at the moment or failed. Try again later.";
            NoPicture::Unavailable(vec![Detail::model(ModelErrorType::DownstreamServiceUnavailable, at, msg)])
        }
        // A wrong key is answered with 400 too, and its message is for the operator.
        _ => {
            tracing::error!(status, message, "models.gemini_refused: look at GEMINI_API_KEY and the model's name");
            let msg = "The image service refused the request as this server made it.";
            NoPicture::Refused(vec![Detail::model(ModelErrorType::DownstreamServiceError, at, msg)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> String {
        match read(status, body.as_bytes(), false) {
            Ok(made) => format!("{} {}", made.pictures.len(), made.text),
            Err(NoPicture::Refused(detail)) => format!("refused {}", detail[0].kind),
            Err(NoPicture::Unavailable(detail)) => format!("unavailable {}", detail[0].kind),
            Err(NoPicture::Failed(failure)) => format!("failed {}", failure.error_type),
        }
    }

    #[test]
    fn pictures_and_words_are_found_among_the_parts() {
        let body = r#"{"candidates":[{"content":{"parts":[{"text":"Here "},{"text":"hm","thought":true},
            {"inlineData":{"mimeType":"image/png","data":"AAEC"}},{"inlineData":{"data":"AwQF"}},{"text":" it is."}]},
            "finishReason":"STOP"}],"usageMetadata":{}}"#;
        assert_eq!(kind(200, body), "2 Here it is.");
        assert_eq!(read(200, body.as_bytes(), true).unwrap().pictures, [Bytes::from_static(&[0, 1, 2])]);
    }

    #[test]
    fn each_way_to_get_no_picture_has_its_word() {
        for (status, body, expected) in [
            (200, r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}"#, "refused content_policy_violation"),
            (200, r#"{"candidates":[{"finishReason":"IMAGE_SAFETY"}]}"#, "refused content_policy_violation"),
            (200, r#"{"candidates":[{"finishReason":"SAFETY","content":{}}]}"#, "refused content_policy_violation"),
            (200, r#"{"candidates":[{"finishReason":"NO_IMAGE"}]}"#, "refused no_media_generated"),
            (200, r#"{"candidates":[{"content":{"parts":[{"text":"No."}]}}]}"#, "refused no_media_generated"),
            (200, r#"{"candidates":[]}"#, "refused no_media_generated"),
            (
                200,
                r#"{"candidates":[{"content":{"parts":[{"inlineData":{"data":"*"}}]}}]}"#,
                "failed runner_server_error",
            ),
            (200, "<html>", "failed runner_server_error"),
            (400, r#"{"error":{"code":400,"message":"API key not valid"}}"#, "refused downstream_service_error"),
            (404, "", "refused downstream_service_error"),
            (429, "{}", "unavailable downstream_service_unavailable"),
            (503, "", "unavailable downstream_service_unavailable"),
        ] {
            assert_eq!(kind(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn googles_words_about_a_key_reach_no_caller() {
        let refusal = read(400, br#"{"error":{"message":"API key AIzaSecret not valid"}}"#, false).unwrap_err();
        assert!(!format!("{refusal:?}").contains("AIza"), "{refusal:?}");
        assert!(matches!(&read(200, br#"{"promptFeedback":{"blockReason":"A<b>"}}"#, false),
            Err(NoPicture::Refused(detail)) if detail[0].msg.contains("(Ab)")));
    }
}
