//! What programs read of fal's site: what is served, its schemas, where webhooks come from.

use reqwest::Method;
use serde_json::Value;

use crate::system::{APP, EDIT, Reply, System, start};

async fn get(system: &System, path: &str, host: Option<&str>) -> Reply {
    let mut request = system.stranger(Method::GET, path);
    if let Some(host) = host {
        request = request.header("host", host);
    }
    Reply::of(request).await
}

#[tokio::test]
async fn an_endpoints_document_has_fals_form() {
    let system = start().await;
    let path = format!("api/openapi/queue/openapi.json?endpoint_id={EDIT}");
    for (host, server) in [
        (None, system.url.as_str().trim_end_matches('/')),
        (Some("fal.ai"), "http://queue.fal.run"),
        (Some("queue.fal.run"), "http://queue.fal.run"),
    ] {
        let reply = get(&system, &path, host).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")), "{}", reply.text);
        let document = reply.json();
        assert_eq!(document["servers"][0]["url"], server);
        assert_eq!((&document["openapi"], &document["info"]["version"]), (&"3.0.4".into(), &"1.0.0".into()));
        assert_eq!(document["info"]["title"], format!("Queue OpenAPI for {EDIT}"));
        assert_eq!(document["info"]["x-fal-metadata"]["endpointId"], EDIT);
        let key = &document["components"]["securitySchemes"]["apiKeyAuth"];
        assert_eq!((&key["in"], &key["name"]), (&"header".into(), &"Authorization".into()));
        let input = &document["components"]["schemas"]["NanoBananaEditInput"];
        assert_eq!(input["required"], serde_json::json!(["prompt", "image_urls"]));
        assert!(input["x-fal-order-properties"].as_array().is_some_and(|order| order.len() > 4), "{input}");
        let sent =
            &document["paths"][format!("/{EDIT}")]["post"]["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(sent["$ref"], "#/components/schemas/NanoBananaEditInput");
        assert!(document["paths"][format!("/{EDIT}/requests/{{request_id}}/cancel")]["put"].is_object());
    }
}

#[tokio::test]
async fn what_is_served_without_a_description_takes_any_object_and_what_is_not_served_is_null() {
    let system = start().await;
    let openapi = "api/openapi/queue/openapi.json?endpoint_id=";
    let document = get(&system, &format!("{openapi}workflows%2Fme%2Fflow"), None).await.json();
    assert_eq!(document["components"]["schemas"]["FlowInput"]["additionalProperties"], true);
    for unknown in ["fal-ai/flux/dev", "x", "", "a/../b", "%00"] {
        let reply = get(&system, &format!("{openapi}{unknown}"), None).await;
        assert_eq!((reply.status, reply.text.as_str()), (404, "null"), "{unknown}");
    }
    get(&system, "api/openapi/queue/openapi.json", None).await.refuses(400, "'endpoint_id' must be");
    get(&system, "api/openapi/other", None).await.refuses(404, "not found");
    Reply::of(system.stranger(Method::POST, openapi)).await.refuses(405, "Method Not Allowed");
}

fn ids(list: &Value) -> Vec<&str> {
    list["models"].as_array().unwrap().iter().map(|model| model["endpoint_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_list_says_what_is_served() {
    let system = start().await;
    let all = get(&system, "v1/models", Some("api.fal.ai")).await.json();
    assert_eq!(ids(&all), [APP, EDIT, "workflows/me/flow"]);
    assert_eq!((&all["next_cursor"], &all["has_more"]), (&Value::Null, &false.into()));
    assert_eq!(all["models"][0]["metadata"]["category"], "text-to-image");
    assert!(all["models"][0].get("openapi").is_none());
    let one = get(&system, &format!("v1/models?endpoint_id={EDIT}&expand=openapi-3.0"), None).await.json();
    assert_eq!(ids(&one), [EDIT]);
    assert_eq!(one["models"][0]["openapi"]["openapi"], "3.0.4");
    assert_eq!(ids(&get(&system, "v1/models/?endpoint_id=fal-ai/flux/dev", None).await.json()), [""; 0]);
    get(&system, "v1/models?endpoint_id=nothing", None).await.refuses(400, "'endpoint_id' must be");
}

#[tokio::test]
async fn webhooks_have_an_origin_and_keys() {
    let system = start().await;
    let here = get(&system, "v1/meta", None).await.json();
    assert_eq!(here["webhook_ip_ranges"], serde_json::json!(["127.0.0.0/8", "::1/128"]));
    let jwks = here["webhook_jwks_url"].as_str().unwrap().strip_prefix(system.url.as_str()).unwrap().to_owned();
    assert!(get(&system, &jwks, None).await.json()["keys"].is_array());
    let elsewhere = get(&system, "v1/meta", Some("api.fal.ai")).await.json();
    assert_eq!(elsewhere["webhook_ip_ranges"], serde_json::json!([]));
    assert_eq!(elsewhere["webhook_jwks_url"], "http://rest.fal.ai/.well-known/jwks.json");
}

#[tokio::test]
async fn an_endpoint_is_described_in_plain_text() {
    let system = start().await;
    let reply = get(&system, &format!("models/{EDIT}/llms.txt"), None).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    for said in ["# ", EDIT, "`image_urls`", "required", "curl -X POST", "## Output"] {
        assert!(reply.text.contains(said), "{said} is not in {}", reply.text);
    }
    let free = get(&system, "models/workflows/me/flow/llms.txt", None).await;
    assert!(free.text.contains("any JSON object"), "{}", free.text);
    get(&system, "models/fal-ai/nothing/llms.txt", None).await.refuses(404, "not found");
}
