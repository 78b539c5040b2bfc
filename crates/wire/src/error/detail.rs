//! One complaint of a model about its input or output, in the shape that FastAPI made common.

use std::borrow::Cow;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Where fal documents its error types; the type follows as the anchor.
const ERROR_PAGE: &str = "https://docs.fal.ai/errors/#";

/// The longest value that is said back to whoever sent it, in bytes: a prompt and some addresses, but no picture.
pub const INPUT_BYTES_MAX: usize = 4 * 1024;

/// A step on the way to the field that is meant: `["body", "image_urls", 0]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Loc {
    Index(u64),
    Key(Cow<'static, str>),
}

impl From<&'static str> for Loc {
    fn from(key: &'static str) -> Loc {
        Loc::Key(Cow::Borrowed(key))
    }
}

/// An entry of `detail`. Equality compares the bytes of `ctx` and `input`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Detail {
    pub loc: Vec<Loc>,
    pub msg: String,
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Numbers and words that belong to the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ctx: Option<Box<RawValue>>,
    /// What was sent, byte for byte: seeds exceed every integer type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Box<RawValue>>,
}

impl Detail {
    /// A complaint whose `type` is any word, with the link to its documentation.
    pub fn new(kind: impl Into<Cow<'static, str>>, loc: Vec<Loc>, msg: impl Into<String>) -> Detail {
        let kind = kind.into();
        Detail { loc, msg: msg.into(), url: Some(format!("{ERROR_PAGE}{kind}")), kind, ctx: None, input: None }
    }

    /// A complaint of one of the documented model error types.
    pub fn model(kind: ModelErrorType, loc: Vec<Loc>, msg: impl Into<String>) -> Detail {
        Detail::new(kind.as_str(), loc, msg)
    }

    /// Left out where it is long: whoever sent it has it, and a hundred complaints may be about the same.
    pub fn with_input(self, input: &RawValue) -> Detail {
        Detail { input: (input.get().len() <= INPUT_BYTES_MAX).then(|| input.to_owned()), ..self }
    }

    pub fn with_ctx(self, ctx: &impl Serialize) -> Detail {
        // A context that can't be written as JSON is left out: it only decorates the message.
        Detail { ctx: serde_json::value::to_raw_value(ctx).ok(), ..self }
    }

    /// The status code of a reply that says this first.
    pub fn http_status(&self) -> u16 {
        ModelErrorType::parse(&self.kind).map_or(422, ModelErrorType::http_status)
    }

    /// `prompt: Field required`.
    pub fn summary(&self) -> String {
        let mut field = String::new();
        for step in self.loc.iter().filter(|step| **step != Loc::from("body")) {
            // Writing to a String can't fail.
            let _ = match step {
                Loc::Index(index) => write!(field, "[{index}]"),
                Loc::Key(key) if field.is_empty() => write!(field, "{key}"),
                Loc::Key(key) => write!(field, ".{key}"),
            };
        }
        if field.is_empty() { self.msg.clone() } else { format!("{field}: {}", self.msg) }
    }
}

impl PartialEq for Detail {
    fn eq(&self, other: &Detail) -> bool {
        let raw = |value: &Option<Box<RawValue>>| value.as_ref().map(|value| value.get().to_owned());
        let plain = |it: &Detail| (it.loc.clone(), it.msg.clone(), it.kind.clone(), it.url.clone());
        plain(self) == plain(other) && raw(&self.ctx) == raw(&other.ctx) && raw(&self.input) == raw(&other.input)
    }
}

macro_rules! model_error_types {
    ($($name:ident $word:literal $status:literal),+ $(,)?) => {
        /// The documented types of model errors. Models may send others, pydantic's for example.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ModelErrorType { $($name),+ }

        impl ModelErrorType {
            pub const ALL: &'static [ModelErrorType] = &[$(ModelErrorType::$name),+];

            pub fn as_str(self) -> &'static str {
                match self { $(ModelErrorType::$name => $word),+ }
            }

            pub fn http_status(self) -> u16 {
                match self { $(ModelErrorType::$name => $status),+ }
            }
        }
    };
}

model_error_types! {
    InternalServerError "internal_server_error" 500,
    GenerationTimeout "generation_timeout" 504,
    DownstreamServiceError "downstream_service_error" 400,
    DownstreamServiceUnavailable "downstream_service_unavailable" 500,
    ContentPolicyViolation "content_policy_violation" 422,
    NoMediaGenerated "no_media_generated" 422,
    ImageTooSmall "image_too_small" 422,
    ImageTooLarge "image_too_large" 422,
    ImageLoadError "image_load_error" 422,
    FileDownloadError "file_download_error" 422,
    FaceDetectionError "face_detection_error" 422,
    FileTooLarge "file_too_large" 422,
    GreaterThan "greater_than" 422,
    GreaterThanEqual "greater_than_equal" 422,
    LessThan "less_than" 422,
    LessThanEqual "less_than_equal" 422,
    MultipleOf "multiple_of" 422,
    SequenceTooShort "sequence_too_short" 422,
    SequenceTooLong "sequence_too_long" 422,
    OneOf "one_of" 422,
    FeatureNotSupported "feature_not_supported" 422,
    UnsupportedImageFormat "unsupported_image_format" 422,
    UnsupportedAudioFormat "unsupported_audio_format" 422,
    UnsupportedVideoFormat "unsupported_video_format" 422,
    AudioDurationTooLong "audio_duration_too_long" 422,
    AudioDurationTooShort "audio_duration_too_short" 422,
    VideoDurationTooLong "video_duration_too_long" 422,
    VideoDurationTooShort "video_duration_too_short" 422,
}

impl ModelErrorType {
    pub fn parse(word: &str) -> Option<ModelErrorType> {
        ModelErrorType::ALL.iter().copied().find(|known| known.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_written_as_fal_documents_it() {
        let input: Box<RawValue> = serde_json::from_str("{\"seed\": 99999999999999999999}").unwrap();
        let detail = Detail::new("missing", vec!["body".into(), "prompt".into()], "Field required").with_input(&input);
        let json = serde_json::to_string(&detail).unwrap();
        let expected = r#"{"loc":["body","prompt"],"msg":"Field required","type":"missing","url":"https://docs.fal.ai/errors/#missing","input":{"seed": 99999999999999999999}}"#;
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<Detail>(&json).unwrap(), detail);
    }

    #[test]
    fn a_long_value_is_not_said_back() {
        for (length, said) in [(INPUT_BYTES_MAX, true), (INPUT_BYTES_MAX + 1, false)] {
            let input = RawValue::from_string(format!("\"{}\"", "x".repeat(length - 2))).unwrap();
            assert_eq!(Detail::new("missing", vec![], "").with_input(&input).input.is_some(), said, "{length}");
        }
    }

    #[test]
    fn most_model_errors_are_422() {
        let status = |word: &'static str| Detail::new(word, vec![], "").http_status();
        assert_eq!(status("image_load_error"), 422);
        assert_eq!(status("missing"), 422);
        assert_eq!(status("generation_timeout"), 504);
        assert_eq!(status("internal_server_error"), 500);
        assert_eq!(status("downstream_service_error"), 400);
        for kind in ModelErrorType::ALL {
            assert_eq!(ModelErrorType::parse(kind.as_str()), Some(*kind));
        }
    }
}
