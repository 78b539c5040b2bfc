//! What the rest of the studio says in English, in the language of whoever listens: errors, hints, notices, and what was
//! required, measured and advised for each rule.
//!
//! Nothing else knows of it: sentences are made where they always were, kept and logged in English, and told here on their way
//! out, in answers ([`tell`]), events ([`json`]) and pages ([`Words::told`]). A language's table (`assets/lang/told`) holds
//! English sentences with holes and what becomes of them. A hole of one letter takes a number, one in small letters takes
//! whatever stood there and leaves it as it is; one in CAPITALS takes only what is in the table itself, and one with a Capital
//! what is there if it can. What no line fits stays as it was said. Time is bounded on any text, and values from outside stay text.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

mod answers;
mod json;
mod template;
#[cfg(test)]
mod tests;

pub use answers::{json, tell};
use template::{Kind, Template};

/// Bytes of a text beyond which it is left alone; nothing that is said here comes near it.
const TEXT_BYTES_MAX: usize = 4_096;
/// Texts within a text that are looked up for it: lists, sentences and what holes caught.
const LOOKS_MAX: usize = 160;
/// How deep these may lie in each other.
const DEPTH_MAX: usize = 5;

/// A language's table.
#[derive(Debug)]
pub struct Told {
    /// What holds no hole, or was said with it.
    exact: HashMap<String, String>,
    /// Those that say most come first, since they are the surest.
    templates: Vec<Template>,
}

impl Told {
    /// Of a table that came with the program.
    pub fn parse(table: &str) -> Told {
        let table: BTreeMap<String, String> =
            serde_json::from_str(table).expect("the embedded table is JSON, which a test keeps");
        let mut templates: Vec<Template> =
            table.iter().filter_map(|(said, told)| Template::parse(said, told)).collect();
        templates.sort_by_key(|template| std::cmp::Reverse(template.literal_bytes()));
        Told { exact: table.into_iter().collect(), templates }
    }

    /// The text in this language; unchanged where it has no words for it.
    pub fn of<'t>(&self, said: &'t str) -> Cow<'t, str> {
        if said.len() > TEXT_BYTES_MAX {
            return Cow::Borrowed(said);
        }
        let mut looks = LOOKS_MAX;
        self.sentences(said, DEPTH_MAX, &mut looks).map_or(Cow::Borrowed(said), Cow::Owned)
    }

    /// A text as a whole, or those of its sentences that are known.
    fn sentences(&self, said: &str, depth: usize, looks: &mut usize) -> Option<String> {
        if let Some(told) = self.whole(said, false, depth, looks) {
            return Some(told);
        }
        let parts: Vec<&str> = said.split_inclusive(". ").map(str::trim_end).collect();
        if parts.len() < 2 {
            return None;
        }
        let told: Vec<Option<String>> = parts.iter().map(|part| self.whole(part, false, depth, looks)).collect();
        let known = told.iter().any(Option::is_some);
        let joined = || told.iter().zip(&parts).map(|(told, said)| told.as_deref().unwrap_or(said)).collect::<Vec<_>>();
        known.then(|| joined().join(" "))
    }

    /// A text that is known: by itself, by a template, or as a list of such. Where it stands within another, so must be all
    /// that its own holes caught (`strictly`), or a short ending would claim whatever stands before it.
    fn whole(&self, said: &str, strictly: bool, depth: usize, looks: &mut usize) -> Option<String> {
        *looks = looks.checked_sub(1)?;
        let depth = depth.checked_sub(1)?;
        if let Some(told) = self.exact.get(said) {
            return Some(told.clone());
        }
        if template::is_number(said) {
            return Some(said.to_owned());
        }
        let filled = self.templates.iter().find_map(|template| {
            let caught = template.caught(said)?;
            template.filled(&caught, |kind, text| match kind {
                Kind::Number | Kind::Outside => Some(text.to_owned()),
                Kind::Known => self.whole(text, true, depth, looks),
                Kind::Tried if strictly => self.whole(text, true, depth, looks),
                Kind::Tried => Some(self.sentences(text, depth, looks).unwrap_or_else(|| text.to_owned())),
            })
        });
        filled.or_else(|| ["; ", ", "].into_iter().find_map(|between| self.list(said, between, depth, looks)))
    }

    fn list(&self, said: &str, between: &str, depth: usize, looks: &mut usize) -> Option<String> {
        if !said.contains(between) {
            return None;
        }
        let told: Option<Vec<String>> = said.split(between).map(|part| self.whole(part, true, depth, looks)).collect();
        Some(told?.join(between))
    }
}
