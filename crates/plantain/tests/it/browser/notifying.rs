//! The word from the browser when pictures are ready: asked for by a click, told to whoever looks elsewhere, in their language.

use serde_json::{Value, json};

use super::driver::{Browser, Screen};
use super::{has, pick_jar, start};
use crate::bed::{PATIENCE, Server};
use crate::bulk::{cut_out, simulated, small_preset};

/// Keeps what the page would have the system show, where another tab can read it too.
const SPY: &str = "const Real = window.Notification;
    window.Notification = class {
        static get permission() { return Real.permission; }
        static requestPermission() { return Real.requestPermission(); }
        constructor(title, options) { keep('page', title, options); }
    };
    ServiceWorkerRegistration.prototype.showNotification = async (title, options) => keep('worker', title, options);
    const keep = (by, title, { body, data }) => {
        const told = JSON.parse(localStorage.getItem('spy') ?? '[]');
        localStorage.setItem('spy', JSON.stringify([...told, [by, title, body, data.path.slice(0, 6)]]));
    };";

/// There is one that can tell.
const WORKER: &str = "return navigator.serviceWorker.getRegistration('/worker/').then((one) => Boolean(one?.active))";

const TOLD: &str = "JSON.parse(localStorage.getItem('spy') ?? '[]')";

async fn permit(browser: &Browser, server: &Server, setting: &str) {
    let origin = server.studio.origin().ascii_serialization();
    let asked = json!({ "permission": { "name": "notifications" }, "setting": setting, "origin": origin });
    browser.devtools("Browser.setPermission", asked).await;
}

/// Makes pictures while another tab lies before the page, until the browser has told `count` times.
async fn made_out_of_sight(browser: &Browser, server: &Server, count: usize) -> Value {
    pick_jar(browser).await;
    browser.click("[data-test=generate]").await;
    let hidden = browser.cover().await;
    browser.open(server.studio.join("usage").unwrap().as_str()).await;
    has(browser, "a word from the browser", &format!("{TOLD}.length >= {count}")).await;
    let told = browser.run(&format!("return {TOLD}"), &[]).await;
    browser.uncover(&hidden).await;
    told
}

#[tokio::test]
async fn the_browser_tells_whoever_looks_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = Browser::start(Screen::Desktop).await else { return };
    browser.run_before_pages(SPY).await;
    permit(&browser, &server, "granted").await;
    browser.open(server.studio.as_str()).await;
    let checked = "return document.getElementById('notify').checked";
    assert_eq!(browser.run(checked, &[]).await, false, "off until somebody asks for it");
    let registered = "return navigator.serviceWorker.getRegistrations().then((all) => all.length)";
    assert_eq!(browser.run(registered, &[]).await, 0, "and no worker either");
    browser.click("[data-test=notify]").await;
    browser.until("the worker", WORKER, PATIENCE).await;
    let told = made_out_of_sight(&browser, &server, 1).await;
    assert_eq!(told, json!([["worker", "jar.png", "3 pictures are ready", "/jobs/"]]));
    assert_eq!(browser.run("return navigator.serviceWorker.controller", &[]).await, Value::Null, "it has no page");

    browser.open(server.studio.join("?lang=hi").unwrap().as_str()).await;
    assert_eq!(browser.run(checked, &[]).await, true, "it is remembered");
    let told = made_out_of_sight(&browser, &server, 2).await;
    assert_eq!(told[1], json!(["worker", "jar.png", "3 तस्वीरें तैयार हैं", "/jobs/"]));

    // Whoever looks at the page sees the pictures.
    browser.open(server.studio.as_str()).await;
    pick_jar(&browser).await;
    browser.click("[data-test=generate]").await;
    has(&browser, "all jobs' ends", "document.querySelectorAll('[data-state=SUCCEEDED]').length === 3").await;
    let count = browser.run(&format!("return {TOLD}.length"), &[]).await;
    assert_eq!(count, 2);

    browser.click("[data-test=notify]").await;
    browser.until("no worker", &format!("{registered}.then((count) => count === 0)"), PATIENCE).await;
    let told = browser.complaints().await;
    assert!(told.is_empty(), "{told:#?}");
}

#[tokio::test]
async fn a_batch_is_told_of_too() {
    let folder = tempfile::tempdir().unwrap();
    let preset = small_preset(folder.path());
    simulated(folder.path(), "5s");
    let server = Server::start(folder.path(), &[&preset]);
    let Some(browser) = Browser::start(Screen::Phone).await else { return };
    browser.run_before_pages(SPY).await;
    permit(&browser, &server, "granted").await;
    browser.open(server.studio.join("bulk").unwrap().as_str()).await;
    has(&browser, "the page's script", "!document.getElementById('ways').hidden").await;
    let photo = folder.path().join("jar.png");
    std::fs::write(&photo, cut_out(0)).unwrap();
    browser.pick_file("[data-test=zip-input]", &photo).await;
    browser.choose_preset("small").await;
    browser.click("[data-test=go]").await;
    has(&browser, "the batch's page", "document.querySelector('[data-test=batch]')").await;
    browser.click("[data-test=notify]").await;
    browser.until("the worker", WORKER, PATIENCE).await;
    let hidden = browser.cover().await;
    browser.open(server.studio.join("usage").unwrap().as_str()).await;
    has(&browser, "a word from the browser", &format!("{TOLD}.length >= 1")).await;
    let told = browser.run(&format!("return {TOLD}"), &[]).await;
    assert_eq!(told, json!([["worker", "photos.zip", "Done", "/bulk/"]]));
    browser.uncover(&hidden).await;
}

#[tokio::test]
async fn a_browser_that_will_not_tell_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    permit(&browser, &server, "denied").await;
    for (lang, said) in [("en", "The browser doesn't allow messages"), ("hi", "ब्राउज़र")] {
        browser.open(server.studio.join(&format!("?lang={lang}")).unwrap().as_str()).await;
        browser.click("[data-test=notify]").await;
        let refused = format!(
            "return !document.getElementById('notify').checked
                && document.getElementById('hint').classList.contains('is-bad')
                && document.getElementById('hint').textContent.includes(\"{said}\")"
        );
        browser.until("why not", &refused, PATIENCE).await;
    }
    browser.run_before_pages("delete window.Notification").await;
    browser.open(server.studio.as_str()).await;
    has(&browser, "no offer", "document.getElementById('notify').closest('label').hidden").await;
}
