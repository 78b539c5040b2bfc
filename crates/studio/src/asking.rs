//! Asking any endpoint with an input of the asker's own: the input goes out and the answer comes back byte for byte.
//!
//! Only its size and shape are looked at, and how many pictures it asks for, since that is what is charged.

use serde_json::Value;
use serde_json::value::RawValue;

use plantain_wire::endpoint::EndpointId;
use plantain_wire::models::nano_banana::AspectRatio;

use crate::error::{PROMPT_CHARS_MAX, StudioError};
use crate::generating::Accepted;
use crate::job::key::{Allowance, Tier};
use crate::job::making::AnyInput;
use crate::job::wish::{self, WishKey, Wished};
use crate::job::{JobId, JobResult, JobSpec, Making, Owner};
use crate::messages::hook::Callback;
use crate::messages::letter::LetterTo;
use crate::messages::naming::Naming;
use crate::messages::whatsapp::wish::WhatsappWish;
use crate::photo::is_identifier;
use crate::service::Studio;

/// Bytes of an input: larger things are given by address.
pub const INPUT_BYTES_MAX: usize = 256 * 1024;

/// A request for any endpoint, not yet checked.
#[derive(Clone, Debug)]
pub struct NewRequest {
    pub endpoint: String,
    /// JSON.
    pub input: Box<RawValue>,
    pub identifier: Option<String>,
    /// Whom to tell by WhatsApp once its pictures are ready.
    pub whatsapp: Option<WhatsappWish>,
    pub owner: Option<Owner>,
    pub tier: Tier,
    pub allowance: Option<Allowance>,
    /// Who is told of the end.
    pub callback: Option<Callback>,
    /// The same by letter.
    pub notify: Option<LetterTo>,
}

impl Studio {
    /// Accepts a job that asks an endpoint; or the job that the same request with this key has become before. Those whom it names
    /// are counted for a new job alone.
    pub async fn ask(&self, new: NewRequest, key: Option<WishKey>, naming: &Naming) -> Result<Accepted, StudioError> {
        let endpoint: EndpointId =
            new.endpoint.parse().map_err(|error| StudioError::Endpoint { why: format!("{error}") })?;
        let wanted = read(new.input.get())?;
        if new.allowance.is_some() && !wanted.is_counted {
            return Err(StudioError::Uncounted);
        }
        let identifier = new.identifier.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        if identifier.as_deref().is_some_and(|text| !is_identifier(text)) {
            return Err(StudioError::Identifier);
        }
        let digest = wish::of_input(
            &endpoint,
            new.input.get(),
            identifier.as_deref(),
            new.callback.as_ref(),
            new.whatsapp.as_ref(),
        );
        let digest = wish::with_letter(digest, new.notify.as_ref());
        let wished = key.map(|key| Wished { key, digest });
        if let Some(before) = self.before(wished.as_ref()).await? {
            return Ok(before);
        }
        // What an endpoint costs nobody knows better than the operator, so strangers don't choose it.
        if new.tier != Tier::Paid {
            return Err(StudioError::TierTooLow);
        }
        if new.allowance.is_some() && !self.config().makers.knows(&endpoint) {
            return Err(StudioError::PriceUnknown);
        }
        let spec = JobSpec {
            preset: String::new(),
            user_prompt: wanted.prompt,
            prompt: String::new(),
            aspect_ratio: AspectRatio::Auto,
            endpoint,
            num_images: wanted.pictures,
            identifier,
            products: None,
            whatsapp: new.whatsapp,
            sources: Vec::new(),
            image_urls: Vec::new(),
            choice: Default::default(),
            notices: Vec::new(),
            staging: Default::default(),
            callback: new.callback,
            notify: new.notify,
            in_batch: false,
            making: Making::Any(Box::new(AnyInput { input: new.input.get().to_owned() })),
        };
        self.begin(spec, new.owner, new.allowance.as_ref(), wished, naming).await
    }

    /// The model's answer as it came; `None` where there is none.
    pub async fn result(&self, id: &JobId) -> Result<Option<JobResult>, StudioError> {
        Ok(self.0.store.result(id).await?)
    }
}

/// What of an input is understood.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    prompt: Option<String>,
    pictures: u8,
    /// The number of pictures is one that any queue reads alike, or is left to the endpoint.
    is_counted: bool,
}

fn read(input: &str) -> Result<Wanted, StudioError> {
    if input.len() > INPUT_BYTES_MAX {
        return Err(StudioError::InputTooLarge { bytes: input.len() });
    }
    let value: Value = serde_json::from_str(input).map_err(|_| StudioError::NoInput)?;
    let fields = value.as_object().ok_or(StudioError::NoInput)?;
    let prompt = fields.get("prompt").and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let number = fields.get("num_images").filter(|number| !number.is_null());
    let pictures = number.and_then(Value::as_u64).unwrap_or(1).max(1);
    Ok(Wanted {
        prompt: prompt.map(|text| text.chars().take(PROMPT_CHARS_MAX).collect()),
        pictures: u8::try_from(pictures).unwrap_or(u8::MAX),
        is_counted: number.is_none_or(|number| number.as_u64().is_some_and(|number| (1..=255).contains(&number))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_input_only_words_and_pictures_are_understood() {
        let wanted = |input: &str| read(input).map_err(|error| error.code());
        let told = |prompt: Option<&str>, pictures, is_counted| {
            Ok(Wanted { prompt: prompt.map(str::to_owned), pictures, is_counted })
        };
        for (input, read) in [
            ("{}", told(None, 1, true)),
            (r#"{"num_images": null}"#, told(None, 1, true)),
            (r#"{"prompt": " a chair ", "num_images": 3}"#, told(Some("a chair"), 3, true)),
            // Queues that take these for three, four and many must not be paid for one.
            (r#"{"prompt": 7, "num_images": "3"}"#, told(None, 1, false)),
            (r#"{"num_images": 4.0}"#, told(None, 1, false)),
            (r#"{"num_images": 99999999}"#, told(None, 255, false)),
            (r#"{"num_images": 0}"#, told(None, 1, false)),
            ("[]", Err("no_input")),
            ("\"x\"", Err("no_input")),
            ("null", Err("no_input")),
        ] {
            assert_eq!(wanted(input), read, "{input}");
        }
        assert_eq!(wanted(&format!("{{\"x\": \"{}\"}}", "x".repeat(INPUT_BYTES_MAX))), Err("input_too_large"));
    }
}
