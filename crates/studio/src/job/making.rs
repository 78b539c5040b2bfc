//! How a job's pictures come about: asked of a model, or made of what an earlier job has kept.

use serde::{Deserialize, Serialize};

use crate::job::{JobId, KeptCutout};

/// Never changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Making {
    /// A queue is asked.
    #[default]
    Asked,
    /// All is here already: nobody is asked, and nothing is charged.
    Kept(Box<Reuse>),
    /// A queue is asked with an input of the asker's own.
    Any(Box<AnyInput>),
}

/// What goes out byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnyInput {
    /// A JSON object.
    pub input: String,
}

/// What an earlier job has kept. Its bytes stay as long as this job does, whatever becomes of that one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reuse {
    pub of: JobId,
    /// The model's own pictures, in order.
    pub pictures: Vec<Reused>,
    /// Where the pictures are laid out anew: the cut-out, and the scene of each picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutout: Option<KeptCutout>,
}

/// A model's own picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reused {
    /// Key in the blob store.
    pub blob: String,
    pub content_type: String,
    pub variant: Option<String>,
}

impl Making {
    pub fn is_asked(&self) -> bool {
        matches!(self, Making::Asked)
    }

    /// The input of an asker who knows what the endpoint takes.
    pub fn own_input(&self) -> Option<&str> {
        match self {
            Making::Any(any) => Some(&any.input),
            Making::Asked | Making::Kept(_) => None,
        }
    }

    pub fn reuse(&self) -> Option<&Reuse> {
        match self {
            Making::Asked | Making::Any(_) => None,
            Making::Kept(reuse) => Some(reuse),
        }
    }
}

impl Reuse {
    /// Keys of the bytes that it refers to.
    pub fn blobs(&self) -> impl Iterator<Item = &str> {
        let matte = self.cutout.iter().map(|cutout| cutout.matte.blob.as_str());
        self.pictures.iter().map(|picture| picture.blob.as_str()).chain(matte)
    }
}
