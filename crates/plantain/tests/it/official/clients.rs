//! Each client, by each way that leads it to a server of one's own.

use std::fs;

use plantain_testkit::Receiver;

use super::names::OwnNames;
use super::program::{Surroundings, base, javascript, python};
use super::receipts;
use crate::bed::Server;

/// More than the cases of a program keep busy at once.
const PLENTY: &str = "QUEUE_CONCURRENCY=16";

/// As many as one key may have, so that no case waits for another's.
const PLENTY_FOR_ONE: &str = "QUEUE_KEY_CONCURRENCY=16";

/// Where clients look for fal.
const TLS: &str = "gateway_tls_listen = \"127.0.0.1:443\"\nqueue_concurrency = 16\nqueue_key_concurrency = 16\n";

#[tokio::test]
async fn javascript_with_middleware() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[PLENTY, PLENTY_FOR_ONE]);
    let receiver = Receiver::start().await;
    let around = Surroundings::direct("middleware", &server).with_key(&server).with("HOOK", base(&receiver.url("/")));
    let report = javascript(&around, &["calls+failures+synchronous", "pictures", "uploads"]);
    receipts::judge(&receiver, &server, &report.webhooks).await;
}

#[test]
fn javascript_by_way_of_the_proxy_route_without_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[PLENTY, PLENTY_FOR_ONE]);
    let around = Surroundings::direct("proxy", &server);
    javascript(&around, &["calls+failures+synchronous", "uploads"]);
}

#[tokio::test]
async fn python_over_plain_http() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[PLENTY, PLENTY_FOR_ONE]);
    let receiver = Receiver::start().await;
    let around = Surroundings::direct("constants", &server).with_key(&server).with("HOOK", base(&receiver.url("/")));
    let groups = ["calls", "failures", "synchronous", "pictures", "uploads", "asynchronous", "asynchronous_uploads"];
    let report = python(&around, &groups);
    receipts::judge(&receiver, &server, &report.webhooks).await;
}

#[test]
fn both_in_a_queue_that_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["QUEUE_CONCURRENCY=1"]);
    javascript(&Surroundings::direct("middleware", &server).with_key(&server), &["waiting"]);
    python(&Surroundings::direct("constants", &server).with_key(&server), &["waiting"]);
}

/// Not a line of configuration: fal's own names lead to the server, whose authority is trusted.
#[test]
fn both_unmodified_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plantain.toml"), TLS).unwrap();
    let names = OwnNames::of(folder.path());
    let under = names.under(folder.path());
    let server = Server::start_under(folder.path(), &under.iter().map(String::as_str).collect::<Vec<_>>());
    let around = || names.surroundings(&server).with_key(&server);
    javascript(&around(), &["calls+failures+synchronous", "uploads"]);
    python(&around(), &["calls", "failures", "synchronous", "uploads", "asynchronous"]);
}
