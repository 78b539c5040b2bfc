//! Reads the fields of a model's input and collects every complaint, in the words of the libraries that the real models use.
//!
//! Where fal documents its own type for a complaint (`one_of`, `greater_than_equal`…) that type is used, else pydantic's.

use std::collections::BTreeMap;

use serde_json::json;
use serde_json::value::RawValue;

use crate::error::{Detail, Loc, ModelErrorType};

/// The fields of one input object, with what was wrong about those that were read so far.
pub(super) struct Fields<'a> {
    whole: &'a RawValue,
    values: BTreeMap<String, &'a RawValue>,
    complaints: Vec<Detail>,
}

impl<'a> Fields<'a> {
    /// An empty body means an empty object.
    pub(super) fn read(body: &'a [u8]) -> Result<Fields<'a>, Vec<Detail>> {
        let body = if body.is_empty() { b"{}" } else { body };
        let whole: &RawValue = serde_json::from_slice(body).map_err(|error| vec![not_json(&error)])?;
        match serde_json::from_str(whole.get()) {
            Ok(values) => Ok(Fields { whole, values, complaints: Vec::new() }),
            Err(_) => Err(vec![
                Detail::new(
                    "model_attributes_type",
                    vec!["body".into()],
                    "Input should be a valid dictionary or object",
                )
                .with_input(whole),
            ]),
        }
    }

    /// `value` where nothing was wrong, else all complaints.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Vec<Detail>> {
        if self.complaints.is_empty() { Ok(value) } else { Err(self.complaints) }
    }

    pub(super) fn complain(&mut self, detail: Detail) {
        self.complaints.push(detail);
    }

    fn complain_about(&mut self, name: &'static str, kind: &'static str, msg: &str, input: &RawValue) {
        self.complain(Detail::new(kind, at(name), msg).with_input(input));
    }

    /// A field that was sent; `null` counts as left out where the field has a default.
    fn optional(&self, name: &str) -> Option<&'a RawValue> {
        self.values.get(name).copied().filter(|value| value.get() != "null")
    }

    fn required(&mut self, name: &'static str) -> Option<&'a RawValue> {
        let value = self.values.get(name).copied();
        if value.is_none() {
            let whole = self.whole;
            self.complain_about(name, "missing", "Field required", whole);
        }
        value
    }

    /// A text with at least one visible character and at most `chars_max` characters.
    pub(super) fn text(&mut self, name: &'static str, chars_max: usize) -> String {
        let Some(value) = self.required(name) else { return String::new() };
        let Ok(text) = serde_json::from_str::<String>(value.get()) else {
            self.complain_about(name, "string_type", "Input should be a valid string", value);
            return String::new();
        };
        if text.trim().is_empty() {
            self.complain_about(name, "string_too_short", "String should have at least 1 character", value);
        }
        if text.chars().nth(chars_max).is_some() {
            let msg = format!("String should have at most {chars_max} characters");
            self.complain(Detail::new("string_too_long", at(name), msg).with_ctx(&json!({ "max_length": chars_max })));
        }
        text
    }

    /// A list of 1 to `most` texts.
    pub(super) fn texts(&mut self, name: &'static str, most: usize) -> Vec<String> {
        let Some(value) = self.required(name) else { return Vec::new() };
        let Ok(entries) = serde_json::from_str::<Vec<&RawValue>>(value.get()) else {
            self.complain_about(name, "list_type", "Input should be a valid list", value);
            return Vec::new();
        };
        if entries.is_empty() {
            let msg = "List should have at least 1 item after validation, not 0";
            let detail = Detail::model(ModelErrorType::SequenceTooShort, at(name), msg);
            self.complain(detail.with_ctx(&json!({ "min_length": 1, "actual_length": 0 })).with_input(value));
        }
        if entries.len() > most {
            let actual = entries.len();
            let msg = format!("List should have at most {most} items after validation, not {actual}");
            let detail = Detail::model(ModelErrorType::SequenceTooLong, at(name), msg);
            self.complain(detail.with_ctx(&json!({ "max_length": most, "actual_length": actual })));
            return Vec::new();
        }
        entries.into_iter().enumerate().filter_map(|(index, entry)| self.entry(name, index, entry)).collect()
    }

    fn entry(&mut self, name: &'static str, index: usize, entry: &RawValue) -> Option<String> {
        let text = serde_json::from_str(entry.get()).ok();
        if text.is_none() {
            let loc = vec!["body".into(), name.into(), Loc::Index(index as u64)];
            self.complain(Detail::new("string_type", loc, "Input should be a valid string").with_input(entry));
        }
        text
    }

    /// A whole number of any size; `None` where it was left out. Numbers in strings and `3.0` count, as they do for pydantic.
    pub(super) fn integer(&mut self, name: &'static str) -> Option<i128> {
        let value = self.optional(name)?;
        let text = value.get().trim_matches('"').trim();
        let number = text.strip_suffix(".0").unwrap_or(text).parse().ok();
        if number.is_none() {
            self.complain_about(name, "int_parsing", "Input should be a valid integer", value);
        }
        number
    }

    /// A whole number within bounds, or the default.
    pub(super) fn integer_within(&mut self, name: &'static str, least: i128, most: i128, default: i128) -> i128 {
        let Some(number) = self.integer(name) else { return default };
        let (kind, words, word, bound) = if number < least {
            (ModelErrorType::GreaterThanEqual, "greater", "ge", least)
        } else if number > most {
            (ModelErrorType::LessThanEqual, "less", "le", most)
        } else {
            return number;
        };
        let msg = format!("Input should be {words} than or equal to {bound}");
        let detail = Detail::model(kind, at(name), msg).with_ctx(&BTreeMap::from([(word, bound)]));
        self.complain(with_optional_input(detail, self.optional(name)));
        default
    }

    /// True or false, or the default.
    pub(super) fn flag(&mut self, name: &'static str, default: bool) -> bool {
        let Some(value) = self.optional(name) else { return default };
        match value.get().trim_matches('"').to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => true,
            "false" | "0" | "no" | "off" => false,
            _ => {
                self.complain_about(name, "bool_parsing", "Input should be a valid boolean", value);
                default
            }
        }
    }

    /// One of the given words, or the default.
    pub(super) fn one_of<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)], default: T) -> T {
        let Some(value) = self.optional(name) else { return default };
        let word: Option<String> = serde_json::from_str(value.get()).ok();
        let known = words.iter().find(|(known, _)| word.as_deref() == Some(known));
        if known.is_none() {
            let expected = enumerate(words.iter().map(|(word, _)| *word));
            let detail = Detail::model(ModelErrorType::OneOf, at(name), format!("Input should be {expected}"));
            self.complain(detail.with_ctx(&json!({ "expected": expected })).with_input(value));
        }
        known.map_or(default, |(_, value)| *value)
    }
}

fn at(name: &'static str) -> Vec<Loc> {
    vec!["body".into(), name.into()]
}

fn with_optional_input(detail: Detail, input: Option<&RawValue>) -> Detail {
    match input {
        Some(input) => detail.with_input(input),
        None => detail,
    }
}

/// `'a', 'b' or 'c'`.
fn enumerate<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let quoted: Vec<String> = words.map(|word| format!("'{word}'")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

fn not_json(error: &serde_json::Error) -> Detail {
    let loc = vec!["body".into(), Loc::Index(error.column() as u64)];
    Detail::new("json_invalid", loc, "JSON decode error").with_ctx(&json!({ "error": error.to_string() }))
}
