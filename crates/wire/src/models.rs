//! Inputs and outputs of the models that Plantain knows by name.
//!
//! Schemas change over time: unknown fields are ignored, and a complaint has the shape that the real model would send.

use serde::{Deserialize, Serialize};

mod fields;
pub mod nano_banana;

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
