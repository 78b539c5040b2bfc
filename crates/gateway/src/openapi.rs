//! `GET /api/openapi/queue/openapi.json?endpoint_id=…`: an endpoint's calls, input and output as OpenAPI 3.0.4, in the form in
//! which fal publishes them, so that what reads fal's reads these.

mod shape;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use plantain_wire::endpoint::EndpointId;
use plantain_wire::models::{self, schema::Schema};
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

use self::shape::{capitalised, reference};
use crate::bases::Bases;
use crate::refusal::Refusal;
use crate::{Gateway, reply};

/// What fal answers, with 404, for an id that it doesn't know.
const UNKNOWN: &str = "null";

pub(crate) async fn of_endpoint(
    State(gateway): State<Gateway>,
    Extension(bases): Extension<Bases>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let mut pairs = form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes());
    let id = pairs.find_map(|(name, value)| (name == "endpoint_id").then_some(value));
    let expected = "the id of an endpoint, such as fal-ai/nano-banana/edit";
    let id = id.ok_or(Refusal::Unreadable { name: "endpoint_id", expected })?;
    let endpoint = EndpointId::parse(&id).ok().filter(|endpoint| gateway.engine.serves(endpoint));
    Ok(match endpoint {
        Some(endpoint) => reply::json(200, document(&endpoint, &bases).to_string()),
        None => reply::json(404, UNKNOWN),
    })
}

/// The whole document. `servers` names the way the caller came, as every address that is handed out does.
pub(crate) fn document(endpoint: &EndpointId, bases: &Bases) -> Value {
    let schema = models::schema(endpoint);
    json!({
        "openapi": "3.0.4",
        "info": {
            "title": format!("Queue OpenAPI for {endpoint}"),
            "version": "1.0.0",
            "description": format!("The OpenAPI schema for the {endpoint} queue."),
            "x-fal-metadata": {
                "endpointId": endpoint,
                "category": category(schema),
                "thumbnailUrl": "",
                "playgroundUrl": page(endpoint, &bases.site),
                "documentationUrl": page(endpoint, &bases.site),
            },
        },
        "components": {
            "securitySchemes": {
                "apiKeyAuth": {
                    "type": "apiKey", "in": "header", "name": "Authorization", "description": "Fal Key",
                },
            },
            "schemas": schemas(endpoint, schema),
        },
        "paths": paths(endpoint),
        "servers": [{ "url": bases.queue.as_str().trim_end_matches('/') }],
        "security": [{ "apiKeyAuth": [] }],
    })
}

/// fal's word for the kind of model; for one that nobody described, none is claimed.
pub(crate) fn category(schema: Option<&Schema>) -> &'static str {
    schema.map_or("unknown", |schema| schema.category)
}

/// Where an endpoint is described for people and programs that read.
pub(crate) fn page(endpoint: &EndpointId, site: &Url) -> String {
    format!("{}/models/{endpoint}/llms.txt", site.as_str().trim_end_matches('/'))
}

/// `fal-ai/nano-banana/edit` becomes `NanoBananaEdit`: without its owner, as fal names its schemas.
fn camel(endpoint: &EndpointId) -> String {
    let app = endpoint.app().rsplit('/').next().unwrap_or_default();
    let words = [app, endpoint.path().unwrap_or_default()];
    let words = words.iter().flat_map(|part| part.split(|letter: char| !letter.is_ascii_alphanumeric()));
    words.map(capitalised).collect()
}

fn schemas(endpoint: &EndpointId, schema: Option<&Schema>) -> Map<String, Value> {
    let name = camel(endpoint);
    let (input, output) = (format!("{name}Input"), format!("{name}Output"));
    let mut all = Map::from_iter([("QueueStatus".to_owned(), queue_status())]);
    match schema {
        Some(schema) => {
            all.extend(shape::components(&input, &schema.input));
            all.extend(shape::components(&output, &schema.output));
        }
        None => all.extend([&input, &output].map(|name| (name.clone(), shape::unknown(name)))),
    }
    all
}

fn queue_status() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    // Logs are a list; fal's documents say object all the same, and tools are built on that.
    let open =
        |description: &str| json!({ "type": "object", "description": description, "additionalProperties": true });
    json!({
        "type": "object",
        "properties": {
            "status": { "type": "string", "enum": ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"] },
            "request_id": text("The request id."),
            "response_url": text("The response url."),
            "status_url": text("The status url."),
            "cancel_url": text("The cancel url."),
            "logs": open("The logs."),
            "metrics": open("The metrics."),
            "queue_position": { "type": "integer", "description": "The queue position." },
        },
        "required": ["status", "request_id"],
    })
}

/// With the whole id in every path, as fal writes them.
fn paths(endpoint: &EndpointId) -> Value {
    let name = camel(endpoint);
    let input = reference(&format!("{name}Input"));
    let output = reference(&format!("{name}Output"));
    let status = || reference("QueueStatus");
    let success = json!({ "type": "boolean", "description": "Whether the request was cancelled successfully." });
    let cancelled = json!({ "type": "object", "properties": { "success": success } });
    let id = json!({
        "name": "request_id", "in": "path", "required": true,
        "schema": { "type": "string", "description": "Request ID" },
    });
    let logs = json!({
        "name": "logs", "in": "query", "required": false,
        "schema": { "type": "number", "description": "Whether to include logs (`1`) in the response or not (`0`)." },
    });
    let body = json!({ "required": true, "content": { "application/json": { "schema": input } } });
    json!({
        format!("/{endpoint}"): { "post": {
            "requestBody": body,
            "responses": answer("The request status.", status()),
        } },
        format!("/{endpoint}/requests/{{request_id}}/status"): { "get": {
            "parameters": [id, logs],
            "responses": answer("The request status.", status()),
        } },
        format!("/{endpoint}/requests/{{request_id}}"): { "get": {
            "parameters": [id],
            "responses": answer("Result of the request.", output),
        } },
        format!("/{endpoint}/requests/{{request_id}}/cancel"): { "put": {
            "parameters": [id],
            "responses": answer("The request was cancelled.", cancelled),
        } },
    })
}

fn answer(description: &str, schema: Value) -> Value {
    json!({ "200": { "description": description, "content": { "application/json": { "schema": schema } } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_named_without_the_owner() {
        for (id, name) in [
            ("fal-ai/nano-banana", "NanoBanana"),
            ("fal-ai/nano-banana/edit", "NanoBananaEdit"),
            ("fal-ai/kling-video/v3/pro/text-to-video", "KlingVideoV3ProTextToVideo"),
            ("fal-ai/bytedance/seedream/v4.5/edit", "BytedanceSeedreamV45Edit"),
            ("workflows/me/my_flow", "MyFlow"),
        ] {
            assert_eq!(camel(&id.parse().unwrap()), name);
        }
    }

    /// Every `$ref` in a document leads somewhere in it.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_model_that_is_known_by_name_has_a_sound_document() {
        let bases = Bases::under(&"http://a.test".parse().unwrap());
        for schema in models::SCHEMAS {
            let document = document(&schema.endpoint.parse().unwrap(), &bases);
            let mut refs = Vec::new();
            references(&document, &mut refs);
            assert!(refs.len() >= 5, "{}: {refs:?}", schema.endpoint);
            for found in refs {
                let pointer = found.trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{}: {found} leads nowhere", schema.endpoint);
            }
        }
    }
}
