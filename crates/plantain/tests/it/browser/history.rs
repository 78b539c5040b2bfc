//! What a seller does with finished pictures: use one, share the job, take all, find it again later, delete it.

use serde_json::Value;

use super::driver::Screen;
use super::{assert_clean, has, shot, start, wait_for_three};
use crate::bed::{self, Server, example};

async fn used_shared_found_and_deleted(screen: Screen) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, screen).await else { return };
    browser.pick_file("[data-test=file-input]", &example("mug.jpg")).await;
    browser.click("[data-test=generate]").await;
    wait_for_three(&browser).await;

    browser.click("[data-n='2'] [data-test=use]").await;
    has(&browser, "the second in use", "document.querySelector(\"[data-n='2'] [data-test=use][aria-pressed=true]\")")
        .await;
    browser.click("[data-n='3'] [data-test=use]").await;
    let used = "[...document.querySelectorAll('[data-test=use]')].map(b => b.getAttribute('aria-pressed')).join()";
    has(&browser, "the third alone", &format!("{used} === 'false,false,true'")).await;
    browser.click("[data-test=share]").await;
    has(&browser, "the link", "document.querySelector('[data-test=shared-link]').value.includes('/share/')").await;
    shot(&browser, "chosen", screen).await;
    let link = browser.run("return document.querySelector('[data-test=shared-link]').value", &[]).await;

    browser.open(link.as_str().unwrap()).await;
    wait_for_three(&browser).await;
    let kept = "document.querySelector(\"[data-n='3'] [data-test=use][aria-pressed=true]\")";
    has(&browser, "the choice on the job's own page", kept).await;

    browser.click("[data-test=history]").await;
    has(&browser, "the job", "document.querySelectorAll('[data-test=past-job]').length === 1").await;
    has(&browser, "its picture", "document.querySelector('.past__thumb img').naturalWidth > 0").await;
    shot(&browser, "history", screen).await;
    browser.download_to(folder.path()).await;
    browser.click("[data-test=zip]").await;
    let zip = folder.path().join("mug-amazon_main.zip");
    bed::until("the downloaded pictures", async || std::fs::read(&zip).is_ok_and(|bytes| bytes.starts_with(b"PK")))
        .await;

    browser.write("[data-test=find]", "no such product\u{e007}").await;
    has(&browser, "nothing", "document.querySelector('[data-test=none]')").await;
    shot(&browser, "history-none", screen).await;
    browser.open(server.studio.join("history?q=MUG").unwrap().as_str()).await;
    browser.click("[data-test=delete]").await;
    has(&browser, "the question", "document.getElementById('ask').open").await;
    shot(&browser, "history-delete", screen).await;
    browser.click("[data-test=delete-yes]").await;
    has(&browser, "an empty list", "!document.querySelector('[data-test=past-job]')").await;
    let clean = browser.complaints().await;
    assert!(clean.is_empty(), "{clean:#?}");
    browser.open(link.as_str().unwrap()).await;
    let gone = browser.run("return document.querySelector('[data-test=error] h1').textContent", &[]).await;
    assert_eq!(gone, Value::from("This job is not here"));
}

#[tokio::test]
async fn a_finished_job_is_used_shared_found_and_deleted() {
    used_shared_found_and_deleted(Screen::Desktop).await;
}

#[tokio::test]
async fn the_same_is_done_on_a_phone() {
    used_shared_found_and_deleted(Screen::Phone).await;
}

#[tokio::test]
async fn an_empty_history_teaches_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    browser.click("[data-test=history]").await;
    has(&browser, "the way to begin", "document.querySelector('[data-test=none] a[href=\"/\"]')").await;
    shot(&browser, "history-empty", Screen::Phone).await;
    assert_clean(&browser, &server).await;
}
