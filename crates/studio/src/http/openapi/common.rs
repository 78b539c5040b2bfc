//! What every call may answer, beside what its handler says.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{OpenApi, RefOr, Response};

use super::answers::{refusal, text, unavailable};
use crate::http::{webhook, whatsapp};

/// Calls that may take as long as their bodies or their streams last.
const SLOW: [&str; 13] = [
    "/sign-in",
    "/sign-out",
    "/api/keys",
    "/keys",
    "/api/events",
    "/api/generate",
    webhook::PATH,
    whatsapp::PATH,
    "/api/jobs/{id}/events",
    "/api/jobs/{id}/again",
    "/api/batches",
    "/api/batches/{id}/events",
    "/api/batches/{id}/zip",
];

/// Adds to each operation what they have in common, and whom they are open to where nothing else is said.
pub fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (is_safe, operation) in operations(item) {
            for (status, answer) in of_all(path, is_safe) {
                let answers = &mut operation.responses.responses;
                answers.entry(status.to_owned()).or_insert_with(|| RefOr::T(answer));
            }
            operation.security.get_or_insert_with(open_to);
            let by_browsers = !is_safe || !path.starts_with("/api/");
            if by_browsers && !webhook::PATHS.contains(&path.as_str()) {
                shown_as_pages(operation);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (bool, &mut Operation)> {
    let PathItem { get, put, post, delete, .. } = item;
    let all = [(true, get), (false, put), (false, post), (false, delete)];
    all.into_iter().filter_map(|(is_safe, operation)| Some((is_safe, operation.as_mut()?)))
}

fn of_all(path: &str, is_safe: bool) -> Vec<(&'static str, Response)> {
    let mut all = vec![
        ("421", refusal("`wrong_host`: the studio listens on loopback and was asked by another name.")),
        ("500", refusal("`internal`: the studio made a mistake of its own.")),
    ];
    if path.starts_with("/api/") && !webhook::PATHS.contains(&path) {
        let why = "`too_many_requests`: the asker calls, or has pictures made, more often in a minute than they may.";
        all.push(("429", unavailable(why)));
    }
    if path.starts_with("/api/") {
        all.push(("503", unavailable("`storage_unavailable` or `busy`: the same request will work later.")));
    }
    if !is_safe && !webhook::PATHS.contains(&path) {
        all.push(("403", refusal("`foreign_page`: a page of another site made a browser ask.")));
    }
    if !SLOW.contains(&path) {
        all.push(("504", refusal("`timed_out`: the studio took too long to answer.")));
    }
    all
}

/// Everybody where the studio is open, each to what is theirs.
fn open_to() -> Vec<SecurityRequirement> {
    let of = |name: &str| SecurityRequirement::new(name, [""; 0]);
    vec![SecurityRequirement::default(), of("token"), of("session"), of("seller")]
}

/// A browser that asks by itself is told refusals in HTML.
fn shown_as_pages(operation: &mut Operation) {
    for (status, answer) in &mut operation.responses.responses {
        if let RefOr::T(answer) = answer
            && status.as_str() >= "400"
        {
            answer.content.insert("text/html".to_owned(), text());
        }
    }
}
