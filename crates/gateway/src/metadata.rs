//! What is served, for programs that ask fal's platform for it: `GET /v1/models`, `GET /v1/meta`, and a page of plain text for
//! each endpoint. Public, like the models themselves: nothing of a caller is in it.

use std::collections::BTreeSet;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use plantain_queue::engine::Engine;
use plantain_wire::endpoint::EndpointId;
use plantain_wire::models::{self, schema};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::bases::Bases;
use crate::path::Path;
use crate::refusal::Refusal;
use crate::{Gateway, openapi, proxy, reply};

/// Endpoints that one call may name; fal's own bound.
const NAMED_MAX: usize = 50;

/// The word that asks for each endpoint's OpenAPI document in the list.
const EXPAND_OPENAPI: &str = "openapi-3.0";

/// All on one page: a server has some dozens of models, not thousands.
pub(crate) async fn models(
    State(gateway): State<Gateway>,
    Extension(bases): Extension<Bases>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let asked = Asked::read(query.as_deref().unwrap_or_default())?;
    let endpoints = if asked.endpoints.is_empty() { listed(&gateway.engine) } else { asked.endpoints };
    let entry = |endpoint: &EndpointId| entry(endpoint, &bases, asked.with_openapi);
    let served: Vec<Value> = endpoints.iter().filter(|endpoint| gateway.engine.serves(endpoint)).map(entry).collect();
    let said = json!({ "models": served, "next_cursor": null, "has_more": false });
    Ok(reply::json(200, said.to_string()))
}

/// What a list is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    endpoints: BTreeSet<EndpointId>,
    with_openapi: bool,
}

impl Asked {
    /// Both names may be repeated, and hold lists with commas. What fal knows beside them has no meaning here.
    fn read(query: &str) -> Result<Asked, Refusal> {
        let mut asked = Asked { endpoints: BTreeSet::new(), with_openapi: false };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let mut values = value.split(',').map(str::trim).filter(|value| !value.is_empty());
            match name.as_ref() {
                "endpoint_id" => {
                    let expected = "ids of endpoints, such as fal-ai/nano-banana/edit";
                    for id in values {
                        let id = EndpointId::parse(id);
                        asked.endpoints.insert(id.map_err(|_| Refusal::Unreadable { name: "endpoint_id", expected })?);
                    }
                }
                "expand" => asked.with_openapi |= values.any(|word| word == EXPAND_OPENAPI),
                _ => {}
            }
        }
        match asked.endpoints.len() {
            0..=NAMED_MAX => Ok(asked),
            _ => Err(Refusal::Unreadable { name: "endpoint_id", expected: "at most 50 ids" }),
        }
    }
}

/// Every endpoint that has a name of its own: what is served under a wildcard is listed where it is known otherwise.
fn listed(engine: &Engine) -> BTreeSet<EndpointId> {
    let known = models::SCHEMAS.iter().map(|schema| schema.endpoint.to_owned());
    engine.patterns().chain(known).filter_map(|id| EndpointId::parse(&id).ok()).collect()
}

fn entry(endpoint: &EndpointId, bases: &Bases, with_openapi: bool) -> Value {
    let schema = models::schema(endpoint);
    let mut entry = json!({
        "endpoint_id": endpoint,
        "metadata": {
            "display_name": schema.map_or(endpoint.as_str(), |schema| schema.title),
            "category": openapi::category(schema),
            "description": schema.map_or("", |schema| schema.description),
            "status": "active",
            "tags": [],
            "is_favorited": false,
            "thumbnail_url": "",
            "model_url": format!("{}/{endpoint}", bases.run.as_str().trim_end_matches('/')),
            "documentation_url": openapi::page(endpoint, &bases.site),
            "kind": "inference",
        },
    });
    if with_openapi {
        entry["openapi"] = openapi::document(endpoint, bases);
    }
    entry
}

/// Which addresses webhooks come from is known for this machine alone; elsewhere the signature says who sent them.
pub(crate) async fn meta(Extension(bases): Extension<Bases>) -> Response {
    let ranges: &[&str] = if proxy::is_loopback(&bases.site) { &["127.0.0.0/8", "::1/128"] } else { &[] };
    let jwks = format!("{}/.well-known/jwks.json", bases.rest.as_str().trim_end_matches('/'));
    let said = json!({ "webhook_ip_ranges": ranges, "webhook_jwks_url": jwks, "version": env!("CARGO_PKG_VERSION") });
    reply::json(200, said.to_string())
}

/// `GET /models/{id}/llms.txt`.
pub(crate) async fn about(
    State(gateway): State<Gateway>,
    Extension(bases): Extension<Bases>,
    Path(page): Path<String>,
) -> Result<Response, Refusal> {
    let id = page.strip_suffix("/llms.txt").and_then(|id| EndpointId::parse(id).ok());
    let endpoint = id.filter(|endpoint| gateway.engine.serves(endpoint));
    let endpoint = endpoint.ok_or_else(|| Refusal::UnknownPath { path: format!("/models/{page}") })?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text(&endpoint, &bases)).into_response())
}

fn text(endpoint: &EndpointId, bases: &Bases) -> String {
    let queue = bases.queue.as_str().trim_end_matches('/');
    let site = bases.site.as_str().trim_end_matches('/');
    let schema = models::schema(endpoint);
    let (title, description) = schema
        .map_or((endpoint.as_str(), "This model takes any JSON object."), |schema| (schema.title, schema.description));
    let mut page = format!(
        "# {title}\n\n> {description}\n\n\
         - Endpoint: `{queue}/{endpoint}`\n- Model ID: `{endpoint}`\n- Category: {}\n\
         - OpenAPI: {site}/api/openapi/queue/openapi.json?endpoint_id={endpoint}\n",
        openapi::category(schema),
    );
    if let Some(schema) = schema {
        page.push_str(&format!("\n## Input\n\n{}\n## Output\n\n{}", fields(&schema.input), fields(&schema.output)));
    }
    page.push_str(&format!(
        "\n## Use\n\n\
         curl -X POST '{queue}/{endpoint}' -H \"Authorization: Key $FAL_KEY\" -H 'Content-Type: application/json' -d '{{…}}'\n\
         curl '{queue}/{app}/requests/REQUEST_ID/status' -H \"Authorization: Key $FAL_KEY\"\n\
         curl '{queue}/{app}/requests/REQUEST_ID' -H \"Authorization: Key $FAL_KEY\"\n",
        app = endpoint.app(),
    ));
    page
}

fn fields(object: &schema::Object) -> String {
    object.fields.iter().map(line).collect()
}

fn line(field: &schema::Field) -> String {
    let presence = match field.presence {
        schema::Presence::Required => "required".to_owned(),
        schema::Presence::Optional => "optional".to_owned(),
        schema::Presence::Default(default) => format!("default `{default}`"),
    };
    format!("- `{}` ({}, {presence}): {}\n", field.name, kind(&field.kind), field.description)
}

fn kind(kind: &schema::Kind) -> String {
    match kind {
        schema::Kind::Text { .. } => "string".into(),
        schema::Kind::Integer { .. } => "integer".into(),
        schema::Kind::Number { .. } => "number".into(),
        schema::Kind::Flag => "boolean".into(),
        schema::Kind::Word(words) => format!("one of {}", words.join(", ")),
        schema::Kind::List { of, .. } => format!("list of {}", self::kind(of)),
        schema::Kind::Object(object) => object.name.into(),
        schema::Kind::ObjectOrWord(object, words) => format!("{} or one of {}", object.name, words.join(", ")),
        schema::Kind::Address => "address of a file".into(),
        schema::Kind::Colors => "`#rrggbb`, or two with a comma between them".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_can_be_asked_for_by_id() {
        let ids = |query: &str| Asked::read(query).ok().map(|asked| (asked.endpoints.len(), asked.with_openapi));
        assert_eq!(ids(""), Some((0, false)));
        assert_eq!(ids("endpoint_id=a/b&endpoint_id=a%2Fc,a/b&expand=openapi-3.0&limit=5"), Some((2, true)));
        assert_eq!(ids("expand=enterprise_status,openapi-3.0"), Some((0, true)));
        assert_eq!(ids("expand=openapi-3.1"), Some((0, false)));
        for bad in ["endpoint_id=x", "endpoint_id=a/../b", "endpoint_id=%00"] {
            assert_eq!(ids(bad), None, "{bad}");
        }
        let many: String = (0..51).map(|at| format!("endpoint_id=a/b{at}&")).collect();
        assert_eq!(ids(&many), None);
    }
}
