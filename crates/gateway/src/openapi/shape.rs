//! Descriptions of inputs and outputs as JSON Schema, the way fal publishes them.

use std::collections::BTreeMap;

use plantain_wire::models::schema::{COLORS_PATTERN, Field, Kind, Object, Presence};
use serde_json::{Map, Value, json};

/// An object, with every object inside it, by name. `name` is what the outermost one is called.
pub(super) fn components(name: &str, object: &Object) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::from([(name.to_owned(), of_object(name, object))]);
    for field in object.fields {
        collect(&field.kind, &mut found);
    }
    found
}

/// Of an endpoint that nobody described: any object will do.
pub(super) fn unknown(name: &str) -> Value {
    json!({ "type": "object", "title": name, "properties": {}, "additionalProperties": true, "x-fal-order-properties": [] })
}

fn collect(kind: &Kind, found: &mut BTreeMap<String, Value>) {
    match kind {
        Kind::Object(object) | Kind::ObjectOrWord(object, _) => {
            if found.insert(object.name.to_owned(), of_object(object.name, object)).is_none() {
                object.fields.iter().for_each(|field| collect(&field.kind, found));
            }
        }
        Kind::List { of, .. } => collect(of, found),
        Kind::Text { .. }
        | Kind::Integer { .. }
        | Kind::Number { .. }
        | Kind::Flag
        | Kind::Word(_)
        | Kind::Address
        | Kind::Colors => {}
    }
}

fn of_object(name: &str, object: &Object) -> Value {
    let properties: Map<String, Value> =
        object.fields.iter().map(|field| (field.name.to_owned(), of_field(field))).collect();
    let required = |field: &&Field| field.presence == Presence::Required;
    let mut shape = json!({
        "type": "object",
        "title": name,
        "properties": properties,
        "x-fal-order-properties": object.fields.iter().map(|field| field.name).collect::<Vec<_>>(),
    });
    let required: Vec<&str> = object.fields.iter().filter(required).map(|field| field.name).collect();
    if !required.is_empty() {
        shape["required"] = json!(required);
    }
    if !object.one_of.is_empty() {
        shape["description"] = json!(format!("Exactly one of these must be given: {}.", object.one_of.join(", ")));
    }
    shape
}

fn of_field(field: &Field) -> Value {
    let mut shape = of_kind(&field.kind);
    match field.presence {
        Presence::Required => {}
        // A default that is no JSON would be a mistake that a test of the descriptions finds.
        Presence::Default(default) => shape["default"] = serde_json::from_str(default).unwrap_or_default(),
        Presence::Optional => shape = json!({ "anyOf": [shape, { "type": "null" }] }),
    }
    shape["title"] = json!(title(field.name));
    shape["description"] = json!(field.description);
    shape
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text { least, most } => bounded(
            "string",
            [("minLength", some_if(*least > 0, *least)), ("maxLength", some_if(*most < usize::MAX, *most))],
        ),
        Kind::Integer { least, most } => {
            bounded("integer", [("minimum", least.map(whole)), ("maximum", most.map(whole))])
        }
        Kind::Number { least, most } => {
            bounded("number", [("minimum", least.map(Value::from)), ("maximum", most.map(Value::from))])
        }
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Word(words) => json!({ "type": "string", "enum": words }),
        Kind::List { of, least, most } => {
            let bounds = [("minItems", some_if(*least > 0, *least)), ("maxItems", some_if(*most < usize::MAX, *most))];
            let mut shape = bounded("array", bounds);
            shape["items"] = of_kind(of);
            shape
        }
        Kind::Object(object) => reference(object.name),
        Kind::ObjectOrWord(object, words) => {
            json!({ "anyOf": [reference(object.name), { "type": "string", "enum": words }] })
        }
        Kind::Address => json!({ "type": "string" }),
        Kind::Colors => json!({ "type": "string", "pattern": COLORS_PATTERN }),
    }
}

fn bounded(of_type: &str, bounds: [(&str, Option<Value>); 2]) -> Value {
    let mut shape = json!({ "type": of_type });
    for (name, bound) in bounds {
        if let Some(bound) = bound {
            shape[name] = bound;
        }
    }
    shape
}

fn some_if(is_bound: bool, bound: usize) -> Option<Value> {
    is_bound.then(|| json!(bound))
}

/// Exact up to 64 bits; beyond, the nearest number that every JSON reader takes.
fn whole(number: i128) -> Value {
    i64::try_from(number).map_or_else(|_| json!(number as f64), |number| json!(number))
}

pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// `num_images` is shown as `Num Images`.
fn title(name: &str) -> String {
    name.split('_').map(capitalised).collect::<Vec<_>>().join(" ")
}

pub(super) fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Object = Object::new("Size", &[Field::or("width", Kind::integer(1, 100), "512", "How wide.")]);
    const INPUT: Object = Object {
        one_of: &["prompt", "shots"],
        ..Object::new(
            "Input",
            &[
                Field::required("prompt", Kind::text(10), "What to show."),
                Field::optional("seed", Kind::Integer { least: Some(i128::MAX), most: None }, "Chance."),
                Field::or("image_size", Kind::ObjectOrWord(&SIZE, &["square"]), "\"square\"", "How large."),
                Field::optional("shots", Kind::List { of: &Kind::Object(&SIZE), least: 1, most: 3 }, "Several."),
                Field::or("scale", Kind::number(0.0, 2.5), "1.5", "How much."),
                Field::or("sync_mode", Kind::Flag, "false", "At once."),
                Field::required("url", Kind::Address, "Where."),
                Field::optional("note", Kind::text(usize::MAX), "Any length."),
            ],
        )
    };

    #[test]
    fn every_kind_has_its_shape() {
        let found = components("MugInput", &INPUT);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["MugInput", "Size"]);
        let input = &found["MugInput"];
        assert_eq!(input["required"], json!(["prompt", "url"]));
        let order = json!(["prompt", "seed", "image_size", "shots", "scale", "sync_mode", "url", "note"]);
        assert_eq!(input["x-fal-order-properties"], order);
        assert_eq!(input["description"], "Exactly one of these must be given: prompt, shots.");
        let of = |name: &str| input["properties"][name].clone();
        let prompt =
            json!({"type":"string","minLength":1,"maxLength":10,"title":"Prompt","description":"What to show."});
        assert_eq!(of("prompt"), prompt);
        assert_eq!(of("seed")["anyOf"], json!([{"type":"integer","minimum":i128::MAX as f64},{"type":"null"}]));
        let size = json!([{"$ref":"#/components/schemas/Size"},{"type":"string","enum":["square"]}]);
        assert_eq!((&of("image_size")["anyOf"], &of("image_size")["default"]), (&size, &json!("square")));
        let shots = json!({"type":"array","minItems":1,"maxItems":3,"items":{"$ref":"#/components/schemas/Size"}});
        assert_eq!(of("shots")["anyOf"][0], shots);
        assert_eq!((&of("scale")["maximum"], &of("scale")["default"]), (&json!(2.5), &json!(1.5)));
        assert_eq!((&of("sync_mode")["title"], &of("sync_mode")["default"]), (&json!("Sync Mode"), &json!(false)));
        assert_eq!(of("note")["anyOf"][0], json!({"type":"string","minLength":1}));
        assert!(found["Size"].get("required").is_none());
    }

    #[test]
    fn what_nobody_described_takes_anything() {
        assert_eq!(unknown("XInput")["additionalProperties"], true);
    }
}
