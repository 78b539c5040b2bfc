//! A connection that goes and comes: nothing is bought by it, and what did not load comes by itself.

use serde_json::{Value, json};

use super::driver::{Browser, Screen};
use super::{has, pick_jar, shot, start, wait_for_three};
use crate::bed::Server;

const ERROR: &str = "[...document.querySelectorAll('[data-test=error]')].find(error => error.checkVisibility())";

/// Nothing under these addresses comes from now on; none lets everything through again.
async fn block(browser: &Browser, urls: &[&str]) {
    browser.devtools("Network.enable", json!({})).await;
    browser.devtools("Network.setBlockedURLs", json!({ "urls": urls })).await;
}

async fn offline(browser: &Browser, is: bool) {
    let network = json!({ "offline": is, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    browser.devtools("Network.emulateNetworkConditions", network).await;
}

async fn count(browser: &Browser) -> Value {
    browser.run("return fetch('/api/jobs').then(a => a.json()).then(all => all.jobs.length)", &[]).await
}

/// What can be pressed in the trouble that is seen.
async fn offered(browser: &Browser) -> Value {
    let script = format!(
        "return [...{ERROR}.querySelectorAll('.button')].filter(b => b.checkVisibility()).map(b => b.innerText)"
    );
    browser.run(&script, &[]).await
}

#[tokio::test]
async fn a_job_that_runs_is_not_sent_anew_while_the_connection_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    pick_jar(&browser).await;
    block(&browser, &["*/api/events*", "*/api/jobs*"]).await;
    browser.click("[data-test=generate]").await;
    has(&browser, "the loss", &format!("{ERROR}?.innerText.includes('The connection is gone')")).await;
    shot(&browser, "gone", Screen::Phone).await;
    assert_eq!(offered(&browser).await, json!([]), "nothing to press");
    block(&browser, &[]).await;
    wait_for_three(&browser).await;
    has(&browser, "no complaint", &format!("!{ERROR}")).await;
    assert_eq!(count(&browser).await, 1);
}

#[tokio::test]
async fn what_failed_on_a_finished_job_is_tried_again_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    pick_jar(&browser).await;
    block(&browser, &["*/brush.js*"]).await;
    browser.click("[data-test=generate]").await;
    wait_for_three(&browser).await;
    browser.click("[data-test=fix]").await;
    has(&browser, "why not", &format!("{ERROR}?.innerText.includes('reached')")).await;
    assert_eq!(offered(&browser).await, json!(["Try again"]));
    browser.click("[data-test=again]").await;
    has(&browser, "the jobs", "document.querySelector('[data-state=SUCCEEDED]')").await;
    has(&browser, "why not", &format!("{ERROR}?.innerText.includes('reached')")).await;
    assert_eq!(count(&browser).await, 1);
    block(&browser, &[]).await;
    browser.click("[data-test=again]").await;
    has(&browser, "the brush", "document.getElementById('brush').open").await;
    assert_eq!(count(&browser).await, 1);
}

#[tokio::test]
async fn pictures_and_what_the_page_loads_later_come_once_the_connection_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    // Before the photo's tile asks for what is drawn with.
    block(&browser, &["*/images/*", "*/elsewhere.js*", "*/easel.js*", "*/lens.js*"]).await;
    pick_jar(&browser).await;
    browser.click("[data-test=generate]").await;
    let blank = "[...document.querySelectorAll('[data-test=result-card] img')].filter(i => i.complete).length === 3";
    has(&browser, "blank pictures", &format!("document.querySelector('[data-state=SUCCEEDED]') && {blank}")).await;
    browser.click("[data-test=fix]").await;
    has(&browser, "why not", &format!("{ERROR}?.innerText.includes('reached')")).await;
    browser.click("[data-test=compare]").await;
    has(&browser, "why not", "document.getElementById('said').innerText.includes('reached')").await;
    shot(&browser, "blank", Screen::Phone).await;
    block(&browser, &[]).await;
    offline(&browser, true).await;
    offline(&browser, false).await;
    wait_for_three(&browser).await;
    let seen = "document.querySelectorAll('[data-test=result-card] img.is-loaded').length === 3";
    has(&browser, "pictures that are seen", seen).await;
    has(&browser, "the other marketplaces", "!document.querySelector('[data-test=elsewhere]').hidden").await;
    browser.click("[data-test=fix]").await;
    has(&browser, "the brush", "document.getElementById('brush').open").await;
    has(&browser, "the matte", "!document.querySelector('[data-test=brush-done]').disabled").await;
    browser.click("[data-test=brush-cancel]").await;
    has(&browser, "the page", "!document.getElementById('brush').open").await;
    browser.click("[data-test=compare]").await;
    has(&browser, "the views", "document.getElementById('views').open").await;
    let once = "performance.getEntriesByType('resource').filter(one => one.name.includes('/dom.js')).length === 1";
    has(&browser, "one of what all share", once).await;
}
