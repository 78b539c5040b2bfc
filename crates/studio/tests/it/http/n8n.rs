//! The workflows for n8n are whole, and what they ask of the studio is what its API takes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use http::StatusCode;
use serde_json::Value;

use super::house::{file, house, photo};

/// Versions of nodes that n8n 1.123 and 2.41 both have.
const VERSIONS: [(&str, f64); 6] =
    [("webhook", 2.0), ("crypto", 1.0), ("if", 2.2), ("httpRequest", 4.2), ("respondToWebhook", 1.1), ("wait", 1.1)];

fn workflows() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integrations/n8n");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let all: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    assert_eq!(all.len(), 3, "{all:?}");
    all.into_iter()
        .map(|path| (path.display().to_string(), serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()))
        .collect()
}

fn nodes(workflow: &Value) -> BTreeMap<&str, &Value> {
    let all = workflow["nodes"].as_array().unwrap();
    let named: BTreeMap<&str, &Value> = all.iter().map(|node| (node["name"].as_str().unwrap(), node)).collect();
    assert_eq!(named.len(), all.len(), "a name stands twice");
    named
}

fn kind(node: &Value) -> &str {
    node["type"].as_str().unwrap().strip_prefix("n8n-nodes-base.").unwrap()
}

#[test]
fn workflows_can_be_imported_and_every_node_is_reached() {
    let mut ids = BTreeSet::new();
    for (file, workflow) in workflows() {
        let id = workflow["id"].as_str().unwrap();
        assert!(id.len() <= 21 && ids.insert(id.to_owned()), "{file}: {id}");
        assert_eq!((&workflow["active"], &workflow["settings"]["executionOrder"]), (&false.into(), &"v1".into()));
        let nodes = nodes(&workflow);
        for (name, node) in &nodes {
            let version = VERSIONS.iter().find(|(known, _)| *known == kind(node));
            assert_eq!(node["typeVersion"].as_f64(), version.map(|(_, version)| *version), "{file}: {name}");
            assert!(uuid::Uuid::try_parse(node["id"].as_str().unwrap()).is_ok(), "{file}: {name}");
            assert_eq!(node["position"].as_array().map(Vec::len), Some(2), "{file}: {name}");
            let called = matches!(kind(node), "webhook" | "wait");
            assert_eq!(node["webhookId"].is_string(), called, "{file}: {name}");
        }
        let mut reached: BTreeSet<&str> =
            nodes.iter().filter(|(_, node)| kind(node) == "webhook").map(|(name, _)| *name).collect();
        assert_eq!(reached.len(), 1, "{file}: one way in");
        let mut left: Vec<&str> = reached.iter().copied().collect();
        while let Some(name) = left.pop() {
            for output in workflow["connections"][name]["main"].as_array().into_iter().flatten() {
                for next in output.as_array().unwrap() {
                    let next = next["node"].as_str().unwrap();
                    assert!(nodes.contains_key(next), "{file}: {name} leads to {next}, which is not there");
                    if reached.insert(next) {
                        left.push(next);
                    }
                }
            }
        }
        assert_eq!(reached.len(), nodes.len(), "{file}: {reached:?}");
    }
}

/// An address with holes in place of what an expression fills in, and the names in its query.
fn address(url: &str) -> (String, Vec<String>) {
    let mut path = String::new();
    let mut rest = url.trim_start_matches('=').strip_prefix("http://127.0.0.1:8787").expect("the studio").to_owned();
    while let Some((before, after)) = rest.split_once("{{") {
        path.push_str(before);
        path.push_str("{}");
        rest = after.split_once("}}").unwrap().1.to_owned();
    }
    path.push_str(&rest);
    let (path, query) = path.split_once('?').unwrap_or((&path, ""));
    let names = query.split('&').filter_map(|pair| pair.split('=').next()).filter(|name| !name.is_empty());
    (path.to_owned(), names.map(str::to_owned).collect())
}

/// The document's path with holes in place of names.
fn holes(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn what_workflows_ask_for_is_in_the_api() {
    let document = house().await.get("/api/openapi.json").await.json();
    let schemas = &document["components"]["schemas"];
    let mut asked = BTreeSet::new();
    for (file, workflow) in workflows() {
        for (name, node) in nodes(&workflow).into_iter().filter(|(_, node)| kind(node) == "httpRequest") {
            let parameters = &node["parameters"];
            let (method, url) = (parameters["method"].as_str().unwrap(), parameters["url"].as_str().unwrap());
            // Pictures are fetched where the callback says.
            if url == "={{ $json.body.pictures[0].url }}" {
                continue;
            }
            let (path, query) = address(url);
            let known = document["paths"].as_object().unwrap().iter().find(|(known, _)| holes(known) == path);
            let operation = &known.unwrap_or_else(|| panic!("{file}: {name}: {path}")).1[method.to_lowercase()];
            assert!(operation.is_object(), "{file}: {name}: {method} {path}");
            let told = operation["parameters"].as_array().cloned().unwrap_or_default();
            let headers = parameters["headerParameters"]["parameters"].as_array().cloned().unwrap_or_default();
            let headers = headers.iter().map(|one| one["name"].as_str().unwrap().to_owned());
            let named = query.into_iter().chain(headers.filter(|header| header != "Authorization"));
            for one in named {
                assert!(told.iter().any(|known| known["name"] == one.as_str()), "{file}: {name}: {one}");
            }
            let form = &operation["requestBody"]["content"]["multipart/form-data"]["schema"];
            let form = form["$ref"].as_str().map(|at| &schemas[at.rsplit('/').next().unwrap()]["properties"]);
            for field in parameters["bodyParameters"]["parameters"].as_array().into_iter().flatten() {
                let field = field["name"].as_str().unwrap();
                assert!(form.is_some_and(|form| form[field].is_object()), "{file}: {name}: {field}");
            }
            asked.insert(format!("{method} {path}"));
        }
    }
    assert_eq!(asked, BTreeSet::from(["GET /api/jobs/{}".to_owned(), "POST /api/generate".to_owned()]));
}

/// What follows `$json.body.` in a text.
fn fields(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| !c.is_ascii_alphanumeric();
    text.split("$json.body.").skip(1).map(move |rest| rest.split(ends).next().unwrap())
}

#[tokio::test]
async fn what_workflows_read_of_a_webhook_is_in_it() {
    let document = house().await.get("/api/openapi.json").await.json();
    let body = &document["components"]["schemas"]["HookBody"]["properties"];
    let mut read = BTreeSet::new();
    for (file, workflow) in workflows() {
        // What comes in from a person's form is theirs.
        let behind = if file.contains("events") { "Studio event" } else { "Wait for callback" };
        let nodes = nodes(&workflow);
        let Some(from) = nodes.get(behind) else { continue };
        let after = |node: &&Value| node["position"][0].as_i64() > from["position"][0].as_i64();
        for node in nodes.values().copied().filter(after) {
            for field in fields(&node["parameters"].to_string()) {
                assert!(body[field].is_object(), "{file}: {field}");
                read.insert(field.to_owned());
            }
        }
    }
    assert_eq!(read, BTreeSet::from(["jobId".to_owned(), "pictures".to_owned(), "type".to_owned()]));
}

/// As n8n's HTTP Request node sends it.
const ACCEPT: &str =
    "application/json,text/html,application/xhtml+xml,application/xml,text/*;q=0.9, image/*;q=0.8, */*;q=0.7";

#[tokio::test]
async fn what_takes_html_after_json_is_answered_in_json() {
    let house = house().await;
    let answer = house.post_form(&[file("image", "mug.jpg", photo())], &[("accept", ACCEPT)]).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    assert!(answer.json()["jobId"].is_string());
    let refused = house.post_form(&[], &[("accept", ACCEPT)]).await;
    assert_eq!(refused.code(), "photo_missing");
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
    let led = house.post_form(&[file("image", "mug.jpg", photo())], &[("accept", browser)]).await;
    assert_eq!(led.status, StatusCode::SEE_OTHER);
}
