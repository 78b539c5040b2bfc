//! `GET /docs`: the document as a page that works without scripts and asks nobody else for anything.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::page::{self, Frame};

mod curl;
mod sample;
mod shape;

use shape::{Line, Shape, text};

#[derive(Template)]
#[template(path = "docs.html")]
struct DocsPage {
    frame: Frame,
    about: Vec<Piece>,
    tags: Vec<Tag>,
    shapes: Vec<Shape>,
}

/// Words, or code between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub is_code: bool,
    pub text: String,
}

struct Tag {
    name: String,
    about: Vec<Piece>,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    about: Vec<Piece>,
    /// Who may ask, in words.
    open_to: &'static str,
    values: Vec<Line>,
    bodies: Vec<Body>,
    answers: Vec<Answer>,
    curl: String,
}

struct Body {
    kind: String,
    of: Option<String>,
    lines: Vec<Line>,
    example: String,
}

struct Answer {
    status: String,
    about: Vec<Piece>,
    bodies: Vec<Body>,
}

#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "readDocs",
    tag = "Operations",
    summary = "This description for people",
    security(()),
    responses((status = 200, description = "The page.", body = String, content_type = "text/html"))
)]
pub async fn read(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    let document = serde_json::to_value(super::document()).map_err(|_| ApiError::internal())?;
    let base = app.studio.config().public_url.as_str().trim_end_matches('/').to_owned();
    page::shown(StatusCode::OK, &DocsPage::of(&document, &base, Frame::new(&app, &headers)))
}

const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

impl DocsPage {
    fn of(document: &Value, base: &str, frame: Frame) -> DocsPage {
        let tags = list(&document["tags"]).map(|tag| Tag::of(tag, document, base)).collect();
        let shapes =
            entries(&document["components"]["schemas"]).map(|(name, schema)| Shape::of(name, schema)).collect();
        DocsPage { frame, about: pieces(&text(&document["info"]["description"])), tags, shapes }
    }
}

impl Tag {
    fn of(tag: &Value, document: &Value, base: &str) -> Tag {
        let name = text(&tag["name"]);
        let all = entries(&document["paths"])
            .flat_map(|(path, item)| METHODS.map(|method| (path, method, &item[method])))
            .filter(|(_, _, operation)| list(&operation["tags"]).any(|tag| *tag == name.as_str()));
        let operations = all.map(|(path, method, operation)| Operation::of(path, method, operation, document, base));
        Tag { operations: operations.collect(), about: pieces(&text(&tag["description"])), name }
    }
}

impl Operation {
    fn of(path: &str, method: &str, operation: &Value, document: &Value, base: &str) -> Operation {
        let body = |(kind, content): (&str, &Value)| Body::of(kind, content, document);
        Operation {
            id: text(&operation["operationId"]),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            about: pieces(&text(&operation["description"])),
            open_to: open_to(&operation["security"]),
            values: list(&operation["parameters"]).map(Line::of_value).collect(),
            bodies: entries(&operation["requestBody"]["content"]).map(body).collect(),
            answers: entries(&operation["responses"])
                .map(|(status, told)| Answer::of(status, told, document))
                .collect(),
            curl: curl::line(path, method, operation, document, base),
        }
    }
}

impl Body {
    fn of(kind: &str, content: &Value, document: &Value) -> Body {
        let schema = &content["schema"];
        let is_json = kind == "application/json";
        let example = is_json.then(|| sample::of(schema, document)).filter(|example| !example.is_null());
        let own = if shape::name(schema).is_none() { Shape::of("", schema).lines } else { Vec::new() };
        Body {
            kind: kind.to_owned(),
            of: shape::name(schema),
            lines: own,
            example: example.map(|example| format!("{example:#}")).unwrap_or_default(),
        }
    }
}

impl Answer {
    fn of(status: &str, told: &Value, document: &Value) -> Answer {
        let is_refusal = status >= "4";
        let body = |(kind, content): (&str, &Value)| {
            let body = Body::of(kind, content, document);
            // All refusals look alike; one example of them is enough.
            if is_refusal { Body { example: String::new(), ..body } } else { body }
        };
        let bodies = entries(&told["content"]).map(body).collect();
        Answer { status: status.to_owned(), about: pieces(&text(&told["description"])), bodies }
    }
}

fn open_to(security: &Value) -> &'static str {
    let mut any = list(security).peekable();
    if any.peek().is_none() || list(security).all(|one| one.as_object().is_some_and(serde_json::Map::is_empty)) {
        return "Everybody";
    }
    match any.any(|one| one.as_object().is_some_and(serde_json::Map::is_empty)) {
        true => "Everybody where the studio is open; else the operator",
        false => "The operator",
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// What stands between backquotes is code.
fn pieces(words: &str) -> Vec<Piece> {
    let all = words.split('`').enumerate().map(|(n, part)| Piece { is_code: n % 2 == 1, text: part.to_owned() });
    all.filter(|piece| !piece.text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_from_words() {
        let piece = |is_code, text: &str| Piece { is_code, text: text.to_owned() };
        assert_eq!(pieces("Send `a` now."), [piece(false, "Send "), piece(true, "a"), piece(false, " now.")]);
        assert_eq!(pieces("`a`"), [piece(true, "a")]);
        assert_eq!(pieces(""), []);
    }

    #[test]
    fn every_operation_is_on_the_page_once() {
        let document = serde_json::to_value(super::super::document()).unwrap();
        let page = DocsPage::of(&document, "http://studio.test", Frame::plain(crate::http::words::Words::english()));
        let mut shown: Vec<String> = page
            .tags
            .iter()
            .flat_map(|tag| &tag.operations)
            .map(|one| format!("{} {}", one.method, one.path))
            .collect();
        let mut all: Vec<String> = entries(&document["paths"])
            .flat_map(|(path, item)| entries(item).map(move |(method, _)| format!("{} {path}", method.to_uppercase())))
            .collect();
        shown.sort();
        all.sort();
        assert_eq!(shown, all);
    }
}
