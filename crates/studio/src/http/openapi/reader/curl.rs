//! The line that asks for it.

use serde_json::Value;

use super::shape::text;
use super::{entries, list, sample};

/// A line for a shell.
pub fn line(path: &str, method: &str, operation: &Value, document: &Value, base: &str) -> String {
    let mut line = String::from("curl");
    let answer = entries(&operation["responses"]).next().map(|(_, answer)| &answer["content"]).unwrap_or(&Value::Null);
    let kinds: Vec<&str> = entries(answer).map(|(kind, _)| kind).collect();
    match kinds.first() {
        Some(kind) if kind.starts_with("text/event-stream") => line.push_str(" -N"),
        Some(kind) if kind.starts_with("image/") => line.push_str(" -O"),
        _ => {}
    }
    if method != "get" && !(method == "post" && has_body(operation)) {
        line.push_str(&format!(" -X {}", method.to_uppercase()));
    }
    if list(&operation["security"]).next().is_some_and(|one| one.get("token").is_some()) {
        line.push_str(" -H \"Authorization: Bearer $TOKEN\"");
    }
    if let Some((kind, content)) = entries(&operation["requestBody"]["content"]).last() {
        line.push_str(&body(kind, &content["schema"], document));
    }
    format!("{line} {}", quoted(&format!("{base}{}", filled(path, operation, document))))
}

fn has_body(operation: &Value) -> bool {
    operation["requestBody"].is_object()
}

fn filled(path: &str, operation: &Value, document: &Value) -> String {
    let in_path = list(&operation["parameters"]).filter(|value| value["in"] == "path");
    in_path.fold(path.to_owned(), |path, value| {
        let example = match &value["example"] {
            Value::Null => sample::of(&value["schema"], document),
            given => given.clone(),
        };
        let example = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
        path.replace(&format!("{{{}}}", text(&value["name"])), &example)
    })
}

fn body(kind: &str, schema: &Value, document: &Value) -> String {
    let fields = sample::of(schema, document);
    match kind {
        "multipart/form-data" => form(schema, document),
        "application/x-www-form-urlencoded" => {
            entries(&fields).map(|(name, _)| format!(" --data-urlencode {name}=…")).collect()
        }
        _ => format!(" -H 'Content-Type: {kind}' -d {}", quoted(&fields.to_string())),
    }
}

/// The photo, and the two fields that are used most.
fn form(schema: &Value, document: &Value) -> String {
    let schema = sample::resolved(schema, document);
    let usual = ["preset", "num_images"].into_iter().filter_map(|name| {
        let example = list(&schema["properties"][name]["examples"]).next()?;
        Some(format!(" -F {name}={}", example.as_str().map_or_else(|| example.to_string(), str::to_owned)))
    });
    std::iter::once(" -F image=@photo.jpg".to_owned()).chain(usual).collect()
}

/// Safe for a shell.
fn quoted(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._/:@%".contains(&b);
    match !text.is_empty() && text.bytes().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_can_be_pasted() {
        let document = serde_json::to_value(crate::http::openapi::document()).unwrap();
        let of = |path: &str, method: &str| {
            line(path, method, &document["paths"][path][method], &document, "http://127.0.0.1:8787")
        };
        let id = "019a5d6e-8f00-7cc3-98c4-dc0c0c07398f";
        assert_eq!(
            of("/api/generate", "post"),
            "curl -F image=@photo.jpg -F preset=amazon_main -F num_images=3 http://127.0.0.1:8787/api/generate"
        );
        assert_eq!(of("/api/jobs/{id}", "delete"), format!("curl -X DELETE http://127.0.0.1:8787/api/jobs/{id}"));
        assert_eq!(of("/api/jobs/{id}/events", "get"), format!("curl -N http://127.0.0.1:8787/api/jobs/{id}/events"));
        assert_eq!(of("/api/inbox", "get"), "curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8787/api/inbox");
        let put = of("/api/jobs/{id}/strokes", "put");
        assert!(put.starts_with("curl -X PUT -H 'Content-Type: application/json' -d '{"), "{put}");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
