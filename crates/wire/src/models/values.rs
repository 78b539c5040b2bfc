//! The values of an input that was checked, with the defaults of its description. Nothing can be wrong with them any more.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::schema::{Kind, Object, Presence};

/// The fields of one input object that keeps to its description.
///
/// Asking for a field as what it is not, or for one that is not described, gives an empty value: only a mistake in the program
/// can cause it, and the tests of each model find it.
pub(super) struct Values<'a> {
    object: &'static Object,
    sent: BTreeMap<String, &'a RawValue>,
}

impl<'a> Values<'a> {
    pub(super) fn new(object: &'static Object, sent: BTreeMap<String, &'a RawValue>) -> Values<'a> {
        Values { object, sent }
    }

    /// JSON text of what was sent, else of the default. `None`: left out, and there is none.
    fn json(&self, name: &str) -> Option<&str> {
        let sent = self.sent.get(name).map(|value| value.get()).filter(|json| *json != "null");
        sent.or_else(|| match self.object.field(name)?.presence {
            Presence::Default(json) => Some(json),
            Presence::Required | Presence::Optional => None,
        })
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.json(name).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        self.json(name).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    pub(super) fn integer(&self, name: &str) -> Option<i128> {
        integer_in(self.json(name)?)
    }

    /// The objects of a list.
    pub(super) fn objects(&self, name: &str) -> Vec<Values<'_>> {
        let Some(Kind::List { of: Kind::Object(object), .. }) = self.object.field(name).map(|field| field.kind) else {
            return Vec::new();
        };
        let entries = self.json(name).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        let entries: Vec<BTreeMap<String, &RawValue>> = entries;
        entries.into_iter().map(|sent| Values::new(object, sent)).collect()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.json(name).and_then(flag_in).unwrap_or_default()
    }

    /// What the field's word stands for.
    pub(super) fn word<T: Copy>(&self, name: &str, meanings: &[(&str, T)]) -> Option<T> {
        let word = self.text(name);
        meanings.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning)
    }
}

/// Numbers in strings and `3.0` count as whole numbers, as they do for pydantic.
pub(super) fn integer(value: &RawValue) -> Option<i128> {
    integer_in(value.get())
}

fn integer_in(json: &str) -> Option<i128> {
    let text = unquoted(json);
    text.strip_suffix(".0").unwrap_or(text).parse().ok()
}

/// Numbers in strings count; infinity and its like don't.
pub(super) fn number(value: &RawValue) -> Option<f64> {
    let text = unquoted(value.get());
    let begins = text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.'));
    text.parse().ok().filter(|number: &f64| begins && number.is_finite())
}

pub(super) fn flag(value: &RawValue) -> Option<bool> {
    flag_in(value.get())
}

fn flag_in(json: &str) -> Option<bool> {
    match unquoted(json).to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn unquoted(json: &str) -> &str {
    json.trim_matches('"').trim()
}
