//! What a schema says, line by line.

use serde_json::Value;

use super::{Piece, entries, list, pieces};

/// A body that has a name.
pub struct Shape {
    pub name: String,
    pub about: Vec<Piece>,
    pub lines: Vec<Line>,
    /// The words that it may be, where it is one of a few.
    pub words: Vec<String>,
    /// The shapes that it may have instead, or is put together of.
    pub others: Vec<String>,
}

/// A field of a body, or a value that an address or a header holds.
pub struct Line {
    pub name: String,
    /// Where it is given: `path`, `query` or `header`; empty for fields.
    pub place: String,
    pub is_needed: bool,
    pub kind: String,
    /// The shape behind it.
    pub of: Option<String>,
    pub about: Vec<Piece>,
    pub example: String,
}

impl Shape {
    pub fn of(name: &str, schema: &Value) -> Shape {
        let needed = |field: &str| list(&schema["required"]).any(|one| one == field);
        let parts: Vec<&Value> = ["oneOf", "allOf"].into_iter().flat_map(|key| list(&schema[key])).collect();
        let own = std::iter::once(schema).chain(parts.iter().copied());
        let fields = own.flat_map(|part| entries(&part["properties"]));
        Shape {
            name: name.to_owned(),
            about: pieces(&text(&schema["description"])),
            lines: fields.map(|(field, schema)| Line::of_field(field, schema, needed(field))).collect(),
            words: list(&schema["enum"]).map(text).collect(),
            others: parts.iter().filter_map(|part| self::name(part)).collect(),
        }
    }
}

impl Line {
    pub fn of_value(value: &Value) -> Line {
        let line = Line::of_field(&text(&value["name"]), &value["schema"], value["required"] == true);
        let example = if value["example"].is_null() { line.example } else { plain(&value["example"]) };
        Line { place: text(&value["in"]), about: pieces(&text(&value["description"])), example, ..line }
    }

    fn of_field(name: &str, schema: &Value, is_needed: bool) -> Line {
        Line {
            name: name.to_owned(),
            place: String::new(),
            is_needed,
            kind: kind(schema),
            of: list(&schema["oneOf"]).chain([schema, &schema["items"]]).find_map(self::name),
            about: pieces(&text(&schema["description"])),
            example: list(&schema["examples"]).next().map(plain).unwrap_or_default(),
        }
    }
}

/// The name of the shape that a schema refers to.
pub fn name(schema: &Value) -> Option<String> {
    Some(schema["$ref"].as_str()?.rsplit('/').next()?.to_owned())
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// In a few words: what it is, and its bounds.
fn kind(schema: &Value) -> String {
    if let Some(name) = name(schema) {
        return name;
    }
    let kinds: Vec<String> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(text).collect(),
        Value::String(kind) => vec![kind.clone()],
        _ => list(&schema["oneOf"]).map(kind).collect(),
    };
    let mut said = kinds.join(" or ");
    if said.contains("array") {
        said = said.replace("array", &format!("list of {}", kind(&schema["items"])));
    }
    if let Some(format) =
        schema["format"].as_str().filter(|format| !matches!(*format, "int32" | "int64" | "double" | "float"))
    {
        said = format!("{said}, {format}");
    }
    for (key, words) in [
        ("minimum", "≥"),
        ("maximum", "≤"),
        ("minItems", "at least"),
        ("maxItems", "at most"),
        ("maxLength", "at most"),
    ] {
        if let Some(bound) = schema[key].as_f64().filter(|bound| *bound != 0.0) {
            said = format!("{said}, {words} {bound}");
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kind_is_said_with_its_bounds() {
        for (schema, said) in [
            (json!({"type": "string"}), "string"),
            (
                json!({"type": ["integer", "null"], "format": "int32", "minimum": 1, "maximum": 4}),
                "integer or null, ≥ 1, ≤ 4",
            ),
            (
                json!({"type": "array", "items": {"$ref": "#/components/schemas/Job"}, "maxItems": 8}),
                "list of Job, at most 8",
            ),
            (json!({"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Job"}]}), "null or Job"),
            (json!({"type": "string", "format": "uuid"}), "string, uuid"),
            (json!({}), ""),
        ] {
            assert_eq!(kind(&schema), said);
        }
    }
}
