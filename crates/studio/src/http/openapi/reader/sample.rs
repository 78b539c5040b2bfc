//! An example of a body, from the examples of its fields.

use serde_json::{Map, Value, json};

use super::{entries, list};

/// Schemas that hold themselves end here.
const DEPTH_MAX: usize = 8;

/// Null where nothing is known.
pub fn of(schema: &Value, document: &Value) -> Value {
    deep(schema, document, 0)
}

/// The schema itself, where it is only referred to.
pub fn resolved<'d>(schema: &'d Value, document: &'d Value) -> &'d Value {
    let name = schema["$ref"].as_str().and_then(|at| at.strip_prefix("#/components/schemas/"));
    name.map_or(schema, |name| &document["components"]["schemas"][name])
}

fn deep(schema: &Value, document: &Value, depth: usize) -> Value {
    let schema = resolved(schema, document);
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    let given = list(&schema["examples"]).next().or(Some(&schema["example"]).filter(|one| !one.is_null()));
    if let Some(given) = given.or(list(&schema["enum"]).next()) {
        return given.clone();
    }
    let all: Vec<Value> = list(&schema["allOf"]).map(|part| deep(part, document, depth + 1)).collect();
    if let Some(either) = list(&schema["oneOf"]).find(|one| one["type"] != "null") {
        return deep(either, document, depth + 1);
    }
    let mut fields = Map::new();
    fields.extend(all.iter().flat_map(|part| part.as_object().cloned().unwrap_or_default()));
    for (name, field) in entries(&schema["properties"]) {
        fields.insert(name.to_owned(), deep(field, document, depth + 1));
    }
    match schema["type"]
        .as_str()
        .or(list(&schema["type"]).find_map(|kind| kind.as_str().filter(|kind| *kind != "null")))
    {
        _ if !fields.is_empty() => Value::Object(fields),
        Some("array") => json!([deep(&schema["items"], document, depth + 1)]),
        Some("string") if schema["format"] == "date-time" => json!("2026-11-21T12:00:00Z"),
        Some("string") => json!("…"),
        Some("integer") => json!(1),
        Some("number") => json!(1.0),
        Some("boolean") => json!(true),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_put_together_of_its_fields() {
        let document = json!({"components": {"schemas": {
            "A": {"properties": {"b": {"$ref": "#/components/schemas/B"}, "n": {"type": ["integer", "null"], "examples": [3]}}},
            "B": {"type": "string", "enum": ["x", "y"]},
            "C": {"allOf": [{"$ref": "#/components/schemas/A"}, {"properties": {"c": {"type": "array", "items": {"type": "boolean"}}}}]},
            "Own": {"properties": {"own": {"$ref": "#/components/schemas/Own"}}},
        }}});
        let at = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        assert_eq!(of(&at("A"), &document), json!({"b": "x", "n": 3}));
        assert_eq!(of(&at("C"), &document), json!({"b": "x", "n": 3, "c": [true]}));
        assert!(of(&at("Own"), &document).is_object());
        assert_eq!(of(&json!({}), &document), Value::Null);
    }
}
