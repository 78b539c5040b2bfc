//! Holds an input against its description and collects every complaint, in the words of the libraries that the real models use.
//!
//! Where fal documents its own type for a complaint (`one_of`, `greater_than_equal`…) that type is used, else pydantic's. Nothing
//! is converted: numbers stay the text that was sent.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::schema::{COLORS_PATTERN, Field, Kind, Object, Presence};
use super::staging::Colors;
use super::values::{Values, flag, integer, number};
use crate::error::{Detail, Loc, ModelErrorType};

/// The fields of an input that keeps to its description, or the `detail` of the 422 to answer with. An empty body means an
/// empty object.
pub(super) fn check<'a>(object: &'static Object, body: &'a [u8]) -> Result<Values<'a>, Vec<Detail>> {
    let body = if body.is_empty() { b"{}" } else { body };
    let whole: &RawValue = serde_json::from_slice(body).map_err(|error| vec![not_json(&error)])?;
    let mut complaints = Complaints { place: vec!["body".into()], found: Vec::new() };
    let values = complaints.object(object, whole);
    match values {
        Some(values) if complaints.found.is_empty() => Ok(Values::new(object, values)),
        _ => Err(complaints.found),
    }
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

/// The most complaints of one answer; who sends ten thousand bad entries learns from the first ones.
const COMPLAINTS_MAX: usize = 100;

/// What was wrong so far, and where the check stands.
struct Complaints {
    place: Vec<Loc>,
    found: Vec<Detail>,
}

impl Complaints {
    fn add(&mut self, detail: Detail) {
        if self.found.len() < COMPLAINTS_MAX {
            self.found.push(detail);
        }
    }

    /// A complaint of pydantic's about this place.
    fn wrong(&mut self, kind: &'static str, msg: &str, value: &RawValue) {
        self.add(Detail::new(kind, self.place.clone(), msg).with_input(value));
    }

    /// A complaint of fal's with numbers or words that belong to it.
    fn broken(&mut self, kind: ModelErrorType, msg: String, ctx: &impl Serialize, value: &RawValue) {
        self.add(Detail::model(kind, self.place.clone(), msg).with_ctx(ctx).with_input(value));
    }

    fn at(&mut self, step: impl Into<Loc>, check: impl FnOnce(&mut Complaints)) {
        self.place.push(step.into());
        check(self);
        self.place.pop();
    }

    fn object<'a>(&mut self, object: &Object, value: &'a RawValue) -> Option<Members<'a>> {
        let Ok(members) = serde_json::from_str::<Members<'a>>(value.get()) else {
            self.wrong("model_attributes_type", "Input should be a valid dictionary or object", value);
            return None;
        };
        for field in object.fields {
            self.at(field.name, |here| here.field(field, members.get(field.name).copied(), value));
        }
        self.choice(object, &members, value);
        Some(members)
    }

    fn field(&mut self, field: &Field, value: Option<&RawValue>, whole: &RawValue) {
        match (value, field.presence) {
            (None, Presence::Required) => self.wrong("missing", "Field required", whole),
            (Some(value), Presence::Required) => self.value(&field.kind, value),
            (Some(value), _) if value.get() != "null" => self.value(&field.kind, value),
            (_, Presence::Default(_) | Presence::Optional) => {}
        }
    }

    /// Exactly one of some fields.
    fn choice(&mut self, object: &Object, members: &Members<'_>, whole: &RawValue) {
        let there = |name: &&&str| members.get(**name).is_some_and(|value| value.get() != "null");
        let mut given = object.one_of.iter().filter(there);
        match (object.one_of, given.next(), given.next()) {
            ([first, ..], None, _) => self.at(*first, |here| here.wrong("missing", "Field required", whole)),
            (all, Some(_), Some(second)) => {
                let msg = format!("Value error, exactly one of {} may be given", all.join(" and "));
                self.at(*second, |here| here.wrong("value_error", &msg, whole));
            }
            _ => {}
        }
    }

    fn value(&mut self, kind: &Kind, value: &RawValue) {
        match kind {
            Kind::Text { least, most } => self.text(*least, *most, value),
            Kind::Address => self.text(1, usize::MAX, value),
            Kind::Colors => self.colors(value),
            Kind::Integer { least, most } => match integer(value) {
                Some(number) => self.bounds(number, *least, *most, value),
                None => self.wrong("int_parsing", "Input should be a valid integer", value),
            },
            Kind::Number { least, most } => match number(value) {
                Some(number) => self.bounds(number, *least, *most, value),
                None => self.wrong("float_parsing", "Input should be a valid number", value),
            },
            Kind::Flag if flag(value).is_none() => {
                self.wrong("bool_parsing", "Input should be a valid boolean", value);
            }
            Kind::Flag => {}
            Kind::Word(words) => self.word(words, value),
            Kind::List { of, least, most } => self.list(of, *least, *most, value),
            Kind::Object(object) => {
                self.object(object, value);
            }
            Kind::ObjectOrWord(object, _) if value.get().starts_with('{') => {
                self.object(object, value);
            }
            Kind::ObjectOrWord(_, words) => self.word(words, value),
        }
    }

    fn text(&mut self, least: usize, most: usize, value: &RawValue) {
        let Ok(text) = serde_json::from_str::<String>(value.get()) else {
            return self.wrong("string_type", "Input should be a valid string", value);
        };
        if least > 0 && text.trim().is_empty() {
            self.wrong("string_too_short", "String should have at least 1 character", value);
        }
        if text.chars().nth(most).is_some() {
            let msg = format!("String should have at most {most} characters");
            // The text itself is left out: it is long.
            let detail = Detail::new("string_too_long", self.place.clone(), msg);
            self.add(detail.with_ctx(&json!({ "max_length": most })));
        }
    }

    fn colors(&mut self, value: &RawValue) {
        let Ok(text) = serde_json::from_str::<String>(value.get()) else {
            return self.wrong("string_type", "Input should be a valid string", value);
        };
        if Colors::parse(&text).is_none() {
            let msg = format!("String should match pattern '{COLORS_PATTERN}', such as '#f4e9dd' or '#f4e9dd,#c9a88c'");
            let detail = Detail::new("string_pattern_mismatch", self.place.clone(), msg).with_input(value);
            self.add(detail.with_ctx(&json!({ "pattern": COLORS_PATTERN })));
        }
    }

    fn bounds<N: PartialOrd + Copy + Display>(
        &mut self,
        number: N,
        least: Option<N>,
        most: Option<N>,
        value: &RawValue,
    ) {
        let (kind, words, word, bound) = match (least, most) {
            (Some(least), _) if number < least => (ModelErrorType::GreaterThanEqual, "greater", "ge", least),
            (_, Some(most)) if number > most => (ModelErrorType::LessThanEqual, "less", "le", most),
            _ => return,
        };
        let msg = format!("Input should be {words} than or equal to {bound}");
        // Written as it is shown: serde_json's own values hold no number beyond 64 bits, and would write 1 as 1.0.
        let bound = RawValue::from_string(bound.to_string()).ok();
        self.broken(kind, msg, &BTreeMap::from([(word, bound)]), value);
    }

    fn word(&mut self, words: &[&str], value: &RawValue) {
        let word = serde_json::from_str::<String>(value.get()).ok();
        if !words.iter().any(|known| word.as_deref() == Some(known)) {
            let expected = enumerate(words);
            let msg = format!("Input should be {expected}");
            self.broken(ModelErrorType::OneOf, msg, &json!({ "expected": expected }), value);
        }
    }

    fn list(&mut self, of: &Kind, least: usize, most: usize, value: &RawValue) {
        let Ok(entries) = serde_json::from_str::<Vec<&RawValue>>(value.get()) else {
            return self.wrong("list_type", "Input should be a valid list", value);
        };
        let actual = entries.len();
        if actual < least {
            let items = if least == 1 { "item" } else { "items" };
            let msg = format!("List should have at least {least} {items} after validation, not {actual}");
            let ctx = json!({ "min_length": least, "actual_length": actual });
            self.broken(ModelErrorType::SequenceTooShort, msg, &ctx, value);
        }
        if actual > most {
            let msg = format!("List should have at most {most} items after validation, not {actual}");
            let detail = Detail::model(ModelErrorType::SequenceTooLong, self.place.clone(), msg);
            return self.add(detail.with_ctx(&json!({ "max_length": most, "actual_length": actual })));
        }
        for (index, entry) in entries.into_iter().enumerate() {
            self.at(Loc::Index(index as u64), |here| here.value(of, entry));
        }
    }
}

/// `'a', 'b' or 'c'`.
fn enumerate(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

fn not_json(error: &serde_json::Error) -> Detail {
    let loc = vec!["body".into(), Loc::Index(error.column() as u64)];
    Detail::new("json_invalid", loc, "JSON decode error").with_ctx(&json!({ "error": error.to_string() }))
}
