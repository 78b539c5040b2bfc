//! The API's description: of every route and of nothing else, and true of real answers.

use std::collections::BTreeSet;
use std::path::Path;

use axum::body::Body;
use http::{Method, StatusCode};
use plantain_media::encode::Provenance;
use plantain_studio::config::Maker;
use plantain_studio::job::{JobError, Outcome, Phase};
use serde_json::{Value, json};

use super::brush;
use super::house::{Answer, House, TOKEN, ask, file, house, house_made_by, house_with, photo, report, request, text};

/// The addresses that the router is told, from its source.
fn routed(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            routed(&path, found);
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for call in source.split(".route(").skip(1) {
            let literal = call.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'));
            let (address, _) = literal.unwrap_or_else(|| panic!("{path:?}: a route without an address in words"));
            found.insert(address.to_owned());
        }
    }
}

/// An address of this route; its job is in the house.
fn address(route: &str, id: &str) -> String {
    let name = if route.starts_with("/assets") { "app.js" } else { "1" };
    let of_preset = if route.starts_with("/api/presets") { "amazon_main" } else { id };
    route
        .replace("{id}", of_preset)
        .replace("{n}", "1")
        .replace("{revision}", "1")
        .replace("{edition}", "0")
        .replace("{name}", name)
}

#[tokio::test]
async fn every_route_is_described_with_its_methods_and_nothing_else_is() {
    let house = house().await;
    let id = house.succeeded(1, report("Size")).await;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut routes = BTreeSet::new();
    routed(&source, &mut routes);
    let mut served = BTreeSet::new();
    for route in routes {
        let answer = house.send(ask(Method::TRACE, &address(&route, id.as_str()), &[])).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{route}");
        for method in answer.header("allow").split(',').filter(|method| *method != "HEAD") {
            served.insert(format!("{method} {route}"));
        }
    }
    let document = house.get("/api/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    let described: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| (method, path)))
        .map(|(method, path)| format!("{} {path}", method.to_uppercase()))
        .collect();
    assert!(served.len() > 30, "{served:?}");
    assert_eq!(served, described);
}

fn walk<'d>(value: &'d Value, seen: &mut impl FnMut(&str, &'d Value)) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            seen(name, value);
            walk(value, seen);
        }),
        Value::Array(list) => list.iter().for_each(|value| walk(value, seen)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_is_whole() {
    let house = house().await;
    let answer = house.get("/api/openapi.json").await;
    let known = [("if-none-match", answer.header("etag"))];
    assert_eq!(house.get_with("/api/openapi.json", &known).await.status, StatusCode::NOT_MODIFIED);
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    let (mut refs, mut ids) = (0, BTreeSet::new());
    walk(&document, &mut |name, value| {
        if name == "$ref" {
            refs += 1;
            let at = value.as_str().unwrap().strip_prefix('#').expect("within the document");
            assert!(document.pointer(at).is_some(), "{at} is not there");
        }
    });
    assert!(refs > 100, "{refs}");
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path}: an id twice");
            assert!(operation["summary"].as_str().is_some_and(|words| !words.is_empty()), "{method} {path}");
            for one in operation["security"].as_array().unwrap() {
                assert!(one.as_object().unwrap().keys().all(|name| schemes.contains_key(name)), "{path}: {one}");
            }
            let values = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
            let in_path: BTreeSet<&str> =
                values.iter().filter(|one| one["in"] == "path").map(|one| one["name"].as_str().unwrap()).collect();
            let sendable = |one: &Value| one["in"] != "header" || one["example"].as_str().is_none_or(str::is_ascii);
            assert!(values.iter().all(sendable), "{method} {path}: an example that no header can hold");
            let named: BTreeSet<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
            assert_eq!(in_path, named, "{method} {path}");
        }
    }
}

/// The document, with what is not described forbidden.
struct Described(Value);

impl Described {
    async fn by(house: &House) -> Described {
        let mut document = house.get("/api/openapi.json").await.json();
        let parts: BTreeSet<String> = {
            let mut parts = BTreeSet::new();
            walk(&document, &mut |name, value| {
                let all = value.as_array().filter(|_| name == "allOf").map(Vec::as_slice).unwrap_or_default();
                parts.extend(all.iter().filter_map(|part| Some(part["$ref"].as_str()?.rsplit('/').next()?.to_owned())));
            });
            parts
        };
        for (name, schema) in document["components"]["schemas"].as_object_mut().unwrap() {
            let is_whole = schema.get("allOf").is_some() || schema.get("properties").is_some();
            if is_whole && !parts.contains(name) {
                schema["unevaluatedProperties"] = false.into();
            }
        }
        Described(document)
    }

    /// Holds an answer to what is said of its route.
    #[track_caller]
    fn holds(&self, what: &str, answer: &Answer) {
        let (method, path) = what.split_once(' ').unwrap();
        let told = &self.0["paths"][path][method.to_lowercase()]["responses"];
        let told = &told[answer.status.as_str()];
        assert!(told.is_object(), "{what}: {} is not described: {}", answer.status, answer.text());
        let Some(kind) = answer.headers.get("content-type").filter(|_| !answer.body.is_empty()) else {
            return assert!(told["content"].is_null(), "{what}: {} has no body", answer.status);
        };
        let kind = kind.to_str().unwrap().split(';').next().unwrap();
        let content = &told["content"][kind];
        assert!(content.is_object(), "{what}: {} as {kind} is not described: {}", answer.status, answer.text());
        if kind != "application/json" {
            return;
        }
        let mut schema = content["schema"].clone();
        schema["components"] = self.0["components"].clone();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let faults: Vec<String> =
            validator.iter_errors(&answer.json()).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        assert!(faults.is_empty(), "{what}: {faults:#?}\n{:#}", answer.json());
    }
}

#[tokio::test]
async fn real_answers_are_as_they_are_described() {
    let house = house().await;
    let described = Described::by(&house).await;
    let id = house.succeeded(3, report("Size")).await;
    let waiting = house.generate().await;
    let mut failed = house.job("mug.jpg", &"0".repeat(64));
    failed.phase = Phase::Done;
    failed.finished_at = Some(house.clock.now());
    failed.outcome = Some(Outcome::Failed(JobError::new("no_product", "No product.", "Move closer.")));
    house.store.insert(&failed).await.unwrap();
    let bearer = format!("Bearer {TOKEN}");
    house.send(request(Method::POST, "/api/fal/webhook", &[], Body::from("{\"<b>\":1}"))).await;
    let missing = "019a5d6e-8f00-7cc3-98c4-dc0c0c07398f";
    for (route, path) in [
        ("/", "/".to_owned()),
        ("/docs", "/docs".into()),
        ("/healthz", "/healthz".into()),
        ("/readyz", "/readyz".into()),
        ("/favicon.ico", "/favicon.ico".into()),
        ("/worker.js", "/worker.js".into()),
        ("/assets/{edition}/{name}", "/assets/0/app.js".into()),
        ("/jobs/{id}", format!("/jobs/{id}")),
        ("/jobs/{id}", "/jobs/nonsense".into()),
        ("/api/openapi.json", "/api/openapi.json".into()),
        ("/api/jobs", "/api/jobs".into()),
        ("/api/jobs", "/api/jobs?limit=1".into()),
        ("/api/jobs", "/api/jobs?limit=0".into()),
        ("/api/jobs", "/api/jobs?limit=1&limit=2".into()),
        ("/api/jobs/{id}", format!("/api/jobs/{id}")),
        ("/api/jobs/{id}", format!("/api/jobs/{waiting}")),
        ("/api/jobs/{id}", format!("/api/jobs/{}", failed.id)),
        ("/api/jobs/{id}", format!("/api/jobs/{missing}")),
        ("/api/jobs/{id}", "/api/jobs/%ff".into()),
        ("/api/jobs/{id}/events", format!("/api/jobs/{id}/events")),
        ("/api/jobs/{id}/events", format!("/api/jobs/{missing}/events")),
        ("/api/events", "/api/events".into()),
        ("/api/events", format!("/api/events?ids={id},{missing}")),
        ("/api/events", format!("/api/events?ids={}", "x,".repeat(101))),
        ("/api/events", "/api/events?ids=a&ids=b".into()),
        ("/api/jobs/{id}/images/{n}", format!("/api/jobs/{id}/images/1")),
        ("/api/jobs/{id}/images/{n}", format!("/api/jobs/{id}/images/1?w=320")),
        ("/api/jobs/{id}/images/{n}", format!("/api/jobs/{id}/images/1?w=321")),
        ("/api/jobs/{id}/images/{n}", format!("/api/jobs/{id}/images/1?w=x")),
        ("/api/jobs/{id}/images/{n}", format!("/api/jobs/{id}/images/9")),
        ("/api/jobs/{id}/raw/{n}", format!("/api/jobs/{id}/raw/1")),
        ("/api/jobs/{id}/diff/{n}", format!("/api/jobs/{id}/diff/1")),
        ("/api/jobs/{id}/matte/{n}", format!("/api/jobs/{id}/matte/1")),
        ("/api/jobs/{id}/matte", format!("/api/jobs/{id}/matte")),
        ("/api/jobs/{id}/strokes", format!("/api/jobs/{id}/strokes")),
        ("/api/jobs/{id}/result", format!("/api/jobs/{id}/result")),
        ("/api/jobs/{id}/media/{n}", format!("/api/jobs/{id}/media/1")),
        ("/api/jobs/{id}/sheet", format!("/api/jobs/{id}/sheet")),
        ("/api/jobs/{id}/sheet", format!("/api/jobs/{id}/sheet?picture=9")),
        ("/api/jobs/{id}/source", format!("/api/jobs/{id}/source")),
        ("/api/jobs/{id}/source/{n}", format!("/api/jobs/{id}/source/1")),
        ("/api/price", "/api/price?endpoint=fal-ai/flux/dev".into()),
        ("/api/price", "/api/price?endpoint=flux".into()),
        ("/api/presets", "/api/presets".into()),
        ("/api/presets/{id}", "/api/presets/amazon_main".into()),
        ("/api/presets/{id}", "/api/presets/amazn".into()),
        ("/api/hooks", "/api/hooks".into()),
        ("/api/messages", "/api/messages".into()),
        ("/api/messages", "/api/messages?state=gone".into()),
        ("/api/messages/{message}", format!("/api/messages/{missing}")),
        ("/messages", "/messages".into()),
        ("/api/usage", "/api/usage".into()),
        ("/api/usage", "/api/usage?from=x".into()),
        ("/api/usage.csv", "/api/usage.csv".into()),
        ("/usage", "/usage".into()),
        ("/keys", "/keys".into()),
        ("/api/keys", "/api/keys".into()),
        ("/api/accounts", "/api/accounts".into()),
        ("/api/accounts", "/api/accounts?tier=gold".into()),
        ("/api/inbox", "/api/inbox".into()),
        ("/api/inbox", "/api/inbox?state=all".into()),
    ] {
        described.holds(&format!("GET {route}"), &house.get(&path).await);
        described.holds(&format!("GET {route}"), &house.get_with(&path, &[("authorization", &bearer)]).await);
        described.holds(&format!("GET {route}"), &house.get_with(&path, &[("host", "evil.example")]).await);
    }
    let foreign = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    for (route, path, body) in [
        ("POST /api/fal/webhook", "/api/fal/webhook".to_owned(), "{}"),
        ("POST /sign-in", "/sign-in".into(), "token=guess"),
        ("POST /sign-out", "/sign-out".into(), ""),
        ("POST /api/hooks", "/api/hooks".into(), "{}"),
        ("POST /api/hooks", "/api/hooks".into(), r#"{"url": "https://a.example/", "events": ["job.failed"]}"#),
        ("POST /api/hooks/{hook}/test", format!("/api/hooks/{missing}/test"), "{}"),
        ("POST /api/messages/{message}/redeliver", format!("/api/messages/{missing}/redeliver"), "{}"),
        ("POST /api/accounts/tier", "/api/accounts/tier".into(), "{}"),
        ("POST /api/accounts/tier", "/api/accounts/tier".into(), r#"{"email": "a@shop.example", "tier": "paid"}"#),
        ("POST /api/generate", "/api/generate".into(), "{"),
        ("POST /api/generate", "/api/generate".into(), "{}"),
        ("POST /api/generate", "/api/generate?wait=x".into(), "{}"),
        ("POST /api/generate", "/api/generate".into(), r#"{"image_urls": ["https://pictures.example/a.jpg"]}"#),
        ("POST /api/jobs/{id}/again", format!("/api/jobs/{id}/again"), r#"{"straighten": true}"#),
        ("POST /api/jobs/{id}/again", format!("/api/jobs/{id}/again"), "[]"),
        ("POST /api/jobs/{id}/again", format!("/api/jobs/{missing}/again"), "{}"),
        ("POST /api/jobs", "/api/jobs".into(), r#"{"endpoint": "a/b", "input": {}}"#),
        ("POST /api/jobs", "/api/jobs".into(), r#"{"endpoint": "a", "input": {}}"#),
        ("POST /api/jobs", "/api/jobs?wait=x".into(), "{}"),
        ("POST /api/jobs/{id}/presets", format!("/api/jobs/{id}/presets"), r#"{"preset": "ebay"}"#),
        ("POST /api/jobs/{id}/presets", format!("/api/jobs/{id}/presets"), r#"{"preset": "ebey"}"#),
        ("POST /api/jobs/{id}/presets", format!("/api/jobs/{id}/presets"), r#"{"preset": "amazon_main"}"#),
        ("POST /api/jobs/{id}/presets", format!("/api/jobs/{missing}/presets"), r#"{"preset": "ebay"}"#),
        ("POST /api/jobs/{id}/strokes/apply", format!("/api/jobs/{id}/strokes/apply"), r#"{"revision": 0}"#),
        ("DELETE /api/jobs/{id}", format!("/api/jobs/{waiting}"), ""),
        ("DELETE /api/jobs/{id}", format!("/api/jobs/{id}"), ""),
        ("DELETE /api/jobs/{id}", format!("/api/jobs/{missing}"), ""),
    ] {
        let method: Method = route.split(' ').next().unwrap().parse().unwrap();
        let kind = ("content-type", "application/json");
        let post = |headers: &[(&str, &str)]| request(method.clone(), &path, headers, Body::from(body));
        described.holds(route, &house.send(post(&[kind])).await);
        described.holds(route, &house.send(post(&[kind, ("accept", "text/html")])).await);
        described.holds(route, &house.send(post(&[kind, foreign[0], foreign[1]])).await);
    }
    let form = [file("image", "mug.jpg", photo()), text("preset", "ebay")];
    described.holds("POST /api/generate", &house.post_form(&form, &[]).await);
    described.holds("POST /api/generate", &house.post_form(&form, &[("accept", "text/html")]).await);
    described.holds("POST /api/generate", &house.post_form(&[file("image", "a.jpg", "no")], &[]).await);
    let closed = house_with(|config| config.open = false).await;
    described.holds("GET /", &closed.get("/").await);
    described.holds("GET /api/jobs", &closed.get("/api/jobs").await);
    described.holds("POST /api/generate", &closed.post_form(&form, &[]).await);
}

#[tokio::test]
async fn what_a_key_with_a_budget_is_answered_is_as_it_is_described() {
    let house = house_made_by(Maker { provenance: Provenance::Photographed, cents_per_image: 3.9 }).await;
    let described = Described::by(&house).await;
    let json = ("content-type", "application/json");
    let wish = Body::from(r#"{"name": "shop", "tier": "paid", "monthlyBudgetCents": 12}"#);
    let made = house.send(request(Method::POST, "/api/keys", &[json], wish)).await;
    described.holds("POST /api/keys", &made);
    let bearer = format!("Bearer {}", made.json()["secret"].as_str().unwrap());
    let own = ("authorization", bearer.as_str());
    let form = [file("image", "mug.jpg", photo()), text("preset", "ebay")];
    let mut statuses = BTreeSet::new();
    let first = house.post_form(&form, &[own]).await;
    let id = first.json()["jobId"].as_str().unwrap().to_owned();
    let mut holds = |route: &str, answer: &Answer| {
        statuses.insert((route.to_owned(), answer.status.as_u16()));
        described.holds(route, answer);
    };
    holds("POST /api/generate", &first);
    holds("POST /api/generate", &house.post_form(&form, &[own]).await);
    let post =
        |path: String, body: &'static str| house.send(request(Method::POST, &path, &[json, own], Body::from(body)));
    holds("POST /api/jobs/{id}/again", &post(format!("/api/jobs/{id}/again"), "{}").await);
    holds("POST /api/jobs/{id}/presets", &post(format!("/api/jobs/{id}/presets"), r#"{"preset": "ebay"}"#).await);
    let asked = r#"{"endpoint": "a/b", "input": {}}"#;
    holds("POST /api/jobs", &post("/api/jobs".into(), asked).await);
    for route in ["POST /api/generate", "POST /api/jobs/{id}/again"] {
        assert!(statuses.contains(&(route.to_owned(), 402)), "{statuses:?}");
    }
    let told = &described.0["components"]["securitySchemes"]["token"]["description"];
    assert!(told.as_str().unwrap().contains("key"), "{told}");
}

#[tokio::test]
async fn what_the_brush_answers_is_as_it_is_described() {
    let house = house().await;
    let described = Described::by(&house).await;
    let id = brush::job(&house).await;
    let added = brush::add(&house, &id, 0, json!([brush::keep()])).await;
    assert_eq!(added.status, StatusCode::OK);
    described.holds("POST /api/jobs/{id}/strokes", &added);
    described.holds("POST /api/jobs/{id}/strokes", &brush::add(&house, &id, 0, json!([])).await);
    described.holds("POST /api/jobs/{id}/strokes", &brush::add(&house, &id, 1, json!("all")).await);
    described.holds("GET /api/jobs/{id}/strokes", &house.get(&format!("/api/jobs/{id}/strokes")).await);
    described.holds("GET /api/jobs/{id}/matte", &house.get(&format!("/api/jobs/{id}/matte")).await);
    let body = json!({"revision": 1, "strokes": [brush::keep()], "finish": true}).to_string();
    let put = request(Method::PUT, &format!("/api/jobs/{id}/strokes"), &[], Body::from(body));
    let finished = house.send(put).await;
    assert_eq!(finished.status, StatusCode::OK, "{}", finished.text());
    described.holds("PUT /api/jobs/{id}/strokes", &finished);
    let url = finished.json()["images"][0]["url"].as_str().unwrap().to_owned();
    described.holds("GET /api/jobs/{id}/corrected/{revision}/{n}", &house.get(&url).await);
}

#[tokio::test]
async fn the_description_can_be_read_without_scripts_or_foreign_files() {
    let house = house().await;
    let answer = house.get("/docs").await;
    let html = answer.text();
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(!answer.header("content-security-policy").contains("unsafe-inline"));
    assert!(!html.contains("<script") && !html.contains("style=") && !html.contains("<style"));
    for (at, word) in [("src=\"", "src"), ("href=\"", "href")] {
        for target in html.split(at).skip(1).filter_map(|rest| rest.split('"').next()) {
            let own = target.starts_with(['/', '#', '?']);
            assert!(own, "{word} {target}");
            if let Some(id) = target.strip_prefix('#') {
                assert!(html.contains(&format!("id=\"{id}\"")), "nothing is at #{id}");
            }
        }
    }
    for part in ["/api/jobs/{id}/strokes", "curl -F image=@photo.jpg", "id=\"shape-JobView\"", "docs.css"] {
        assert!(html.contains(part), "{part}");
    }
}
