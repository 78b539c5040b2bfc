//! Inputs and outputs of the models that Plantain knows by name.
//!
//! Schemas change over time, so they are data ([`schema::Schema`]): unknown fields are ignored, and a complaint has the shape that
//! the real model would send. An endpoint that is not described here takes any input.
//!
//! ```
//! use plantain_wire::models;
//!
//! let flux = "fal-ai/flux/dev".parse()?;
//! assert!(models::check(&flux, br#"{"prompt":"a cup","image_size":{"width":800}}"#).is_ok());
//! let complaints = models::check(&flux, br#"{"num_images":9}"#).unwrap_err();
//! assert_eq!(complaints[0].summary(), "prompt: Field required");
//! assert!(models::check(&"me/my-model".parse()?, b"{}").is_ok());
//! # Ok::<(), plantain_wire::endpoint::EndpointError>(())
//! ```

use serde::{Deserialize, Serialize};

use crate::endpoint::EndpointId;
use crate::error::Detail;

mod check;
pub mod choice;
mod ernie;
mod flux;
mod kling;
pub mod nano_banana;
pub mod schema;
mod shared;
pub mod staging;
mod values;

/// Every description, in the order in which a catalogue shows them.
pub const SCHEMAS: &[schema::Schema] = &[
    nano_banana::TEXT,
    nano_banana::EDIT,
    flux::DEV,
    ernie::IMAGE,
    ernie::TURBO,
    ernie::LORA,
    ernie::LORA_TURBO,
    kling::V3_PRO_TEXT_TO_VIDEO,
];

/// What an endpoint takes and gives, where Plantain knows it by name.
pub fn schema(endpoint: &EndpointId) -> Option<&'static schema::Schema> {
    SCHEMAS.iter().find(|schema| schema.endpoint == endpoint.as_str())
}

/// Holds an input against the endpoint's description; without one every input will do. An error is the `detail` of the 422
/// to answer with: all complaints at once, at most a hundred.
pub fn check(endpoint: &EndpointId, input: &[u8]) -> Result<(), Vec<Detail>> {
    match schema(endpoint) {
        Some(schema) => check::check(&schema.input, input).map(drop),
        None => Ok(()),
    }
}

/// A produced picture. Only `url` is certain in what other servers send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// An address, or a `data:` URI.
    pub url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// Bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_size: Option<u64>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
}

/// What image models return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagesOutput {
    pub images: Vec<Image>,
    /// What the model says about its work.
    #[serde(default)]
    pub description: String,
}

impl ImagesOutput {
    pub fn to_json(&self) -> String {
        crate::json::written(self)
    }

    /// Reads the pictures of any image model's output; whatever else is in it is ignored.
    pub fn parse(json: &[u8]) -> Result<ImagesOutput, serde_json::Error> {
        serde_json::from_slice(json)
    }
}
