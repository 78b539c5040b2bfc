//! The built-in cards and those of the user, found by id.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::preset::{Preset, validate};
use crate::slip::{edit_distance, is_near};

const BUILTIN: &str = include_str!("presets.json");

/// Presets by id, in the order in which they were written down.
#[derive(Clone, Debug)]
pub struct Presets {
    presets: Vec<Preset>,
    documents: BTreeMap<String, String>,
    questions: BTreeMap<String, String>,
}

/// A file of presets: the built-in one and a user's have the same form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PresetFile {
    #[serde(default)]
    documents: BTreeMap<String, String>,
    #[serde(default)]
    questions: BTreeMap<String, String>,
    presets: Vec<serde_json::Value>,
}

/// Why a file of presets can't be used. All are faults of the file; each names the place and the way out.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum PresetError {
    #[error(
        "the preset file is not the expected JSON ({reason}); write {{\"presets\": [...]}} as `plantain presets ID` prints one"
    )]
    File { reason: String },
    #[error("preset `{preset}`: {reason}")]
    Shape { preset: String, reason: String },
    #[error("preset `{preset}`, field `{field}`: {problem}; {fix}")]
    Impossible { preset: String, field: &'static str, problem: String, fix: &'static str },
}

/// No preset has this id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no preset `{id}`{}", .nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
pub struct UnknownPreset {
    pub id: String,
    pub nearest: Option<String>,
}

impl Presets {
    /// The presets that ship with the product.
    pub fn builtin() -> Presets {
        let mut presets = Presets { presets: Vec::new(), documents: BTreeMap::new(), questions: BTreeMap::new() };
        presets.add(BUILTIN).expect("the embedded presets are valid, which a test keeps");
        presets
    }

    /// The built-in presets with a user's added; one with a known id takes its place.
    pub fn with_user_file(json: &str) -> Result<Presets, PresetError> {
        let mut presets = Presets::builtin();
        presets.add(json)?;
        Ok(presets)
    }

    pub fn get(&self, id: &str) -> Result<&Preset, UnknownPreset> {
        self.presets
            .iter()
            .find(|p| p.id == id)
            .ok_or_else(|| UnknownPreset { id: id.to_owned(), nearest: self.nearest(id).map(str::to_owned) })
    }

    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.presets.iter().map(|p| p.id.as_str())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Preset> {
        self.presets.iter()
    }

    /// The public document behind a source tag.
    pub fn document(&self, tag: &str) -> Option<&str> {
        self.documents.get(tag).map(String::as_str)
    }

    /// A question on which the sources disagree, in words.
    pub fn question(&self, id: &str) -> Option<&str> {
        self.questions.get(id).map(String::as_str)
    }

    fn add(&mut self, json: &str) -> Result<(), PresetError> {
        let file: PresetFile = serde_json::from_str(json).map_err(|e| PresetError::File { reason: e.to_string() })?;
        let parsed = file.presets.into_iter().map(parse).collect::<Result<Vec<Preset>, _>>()?;
        self.documents.extend(file.documents);
        self.questions.extend(file.questions);
        for preset in parsed {
            match self.presets.iter_mut().find(|p| p.id == preset.id) {
                Some(known) => *known = preset,
                None => self.presets.push(preset),
            }
        }
        Ok(())
    }

    fn nearest(&self, id: &str) -> Option<&str> {
        nearest(id, self.ids())
    }
}

/// Each preset is parsed by itself, so that an error can name it.
fn parse(value: serde_json::Value) -> Result<Preset, PresetError> {
    let id = value.get("id").and_then(|id| id.as_str()).unwrap_or("without an id").to_owned();
    let preset: Preset =
        serde_json::from_value(value).map_err(|e| PresetError::Shape { preset: id, reason: e.to_string() })?;
    validate::validate(&preset)?;
    Ok(preset)
}

/// The id that a person most probably meant, or none when nothing is near. The first words of an id are enough, with or
/// without a slip.
fn nearest<'a>(wanted: &str, ids: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase().replace(['-', ' '], "_");
    let score = |id: &str| match () {
        () if !wanted.is_empty() && (id.starts_with(&wanted) || wanted.starts_with(id)) => Some(0),
        () => beginnings(id).filter(|known| is_near(&wanted, known)).map(|known| edit_distance(&wanted, known)).min(),
    };
    ids.filter_map(|id| Some((score(id)?, id))).min_by_key(|(distance, _)| *distance).map(|(_, id)| id)
}

/// The id, and what stands before each of its underscores.
fn beginnings(id: &str) -> impl Iterator<Item = &str> {
    id.match_indices('_').map(|(at, _)| &id[..at]).chain([id])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_id_is_the_one_a_person_meant() {
        let ids = ["amazon_main", "amazon_additional", "ebay", "etsy", "shopify"];
        let near = |wanted| nearest(wanted, ids.into_iter());
        for (wanted, meant) in [
            ("amazon", Some("amazon_main")),
            ("amazon-main", Some("amazon_main")),
            ("Amazon Main", Some("amazon_main")),
            ("amzon_main", Some("amazon_main")),
            ("amazn", Some("amazon_main")),
            ("amazon_aditional", Some("amazon_additional")),
            ("zz", None),
            ("ebey", Some("ebay")),
            ("shopfy", Some("shopify")),
            ("alibaba", None),
            ("", None),
        ] {
            assert_eq!(near(wanted), meant, "{wanted}");
        }
    }
}
