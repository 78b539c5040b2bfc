//! Many jobs on one page: a browser has six connections to a host, for all of its tabs.

use std::fs;
use std::path::Path;

use plantain_testkit::photo;
use serde_json::json;

use super::driver::{Browser, Screen};
use super::{assert_clean, has, shot, start};
use crate::bed::{PATIENCE, Server};
use crate::bulk::{cut_out, simulated, small_preset};

/// Counts the page's event streams that are open, where another tab can read it too.
const STREAMS: &str = "const running = new Set(), Real = window.EventSource;
    const count = () => localStorage.setItem('streams', running.size);
    window.EventSource = class extends Real {
        constructor(url) { super(url); running.add(this); count(); }
        close() { super.close(); running.delete(this); count(); }
    };";

async fn streams(browser: &Browser, count: usize) {
    has(browser, &format!("{count} event streams"), &format!("localStorage.getItem('streams') === '{count}'")).await;
}

async fn picked(browser: &Browser, folder: &Path, count: usize) {
    for at in 0..count {
        let file = folder.join(format!("jar{at}.png"));
        fs::write(&file, cut_out(at)).unwrap();
        browser.pick_file("[data-test=file-input]", &file).await;
    }
}

#[tokio::test]
async fn eight_slow_jobs_leave_the_page_its_connections() {
    let folder = tempfile::tempdir().unwrap();
    let preset = small_preset(folder.path());
    simulated(folder.path(), "10m");
    let server = Server::start(folder.path(), &[&preset]);
    let Some(browser) = Browser::start(Screen::Desktop).await else { return };
    browser.run_before_pages(STREAMS).await;
    browser.open(server.studio.as_str()).await;
    picked(&browser, folder.path(), 8).await;
    browser.click("[data-test=generate]").await;
    let begun = "document.querySelectorAll('[data-test=job-card][data-id]').length === 8";
    has(&browser, "eight jobs", begun).await;
    streams(&browser, 1).await;
    let told = "[...document.querySelectorAll('[data-test=job-card]')].every((card) => /QUEUED|RUNNING/.test(card.dataset.state))";
    has(&browser, "news of all eight", told).await;
    let answered = browser.run("return fetch('/api/presets').then((answer) => answer.status)", &[]).await;
    assert_eq!(answered, 200, "there is a connection left for it");
    let last = "[data-test=job-card]:last-child";
    browser.click(&format!("{last} [data-test=cancel]")).await;
    has(&browser, "the end of one", &format!("document.querySelector('{last}').dataset.state === 'CANCELED'")).await;

    // A tab behind another one gives its connection back, and catches up once it is seen.
    let hidden = browser.cover().await;
    browser.open(server.studio.join("usage").unwrap().as_str()).await;
    streams(&browser, 0).await;
    let script = "const { jobs } = await fetch('/api/jobs').then((answer) => answer.json());
        const open = jobs.filter((job) => job.status !== 'CANCELED');
        await fetch(`/api/jobs/${open[0].jobId}`, { method: 'DELETE' })";
    browser.run(&format!("return (async () => {{ {script} }})()"), &[]).await;
    browser.uncover(&hidden).await;
    streams(&browser, 1).await;
    let two = "document.querySelectorAll('[data-state=CANCELED]').length === 2";
    has(&browser, "what happened meanwhile", two).await;
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn a_running_job_says_how_long_it_may_still_take() {
    let folder = tempfile::tempdir().unwrap();
    let preset = small_preset(folder.path());
    simulated(folder.path(), "6s");
    let server = Server::start(folder.path(), &[&preset]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    for (lang, words) in [("en", ""), ("en", "about \\\\d+ s left"), ("hi", "लगभग \\\\d+")] {
        browser.open(server.studio.join(&format!("?lang={lang}")).unwrap().as_str()).await;
        browser.choose_preset("small").await;
        picked(&browser, folder.path(), 1).await;
        browser.click("[data-test=generate]").await;
        let newest = "document.querySelector('[data-test=job-card]')";
        if !words.is_empty() {
            let said =
                format!("new RegExp('{words}').test({newest}?.querySelector('[data-test=elapsed]').textContent)");
            has(&browser, "a guess", &said).await;
            shot(&browser, &format!("eta-{lang}"), Screen::Phone).await;
        }
        has(&browser, "the end", &format!("{newest}?.dataset.state === 'SUCCEEDED'")).await;
    }
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn a_job_that_failed_is_made_again_from_its_page_for_its_price() {
    let folder = tempfile::tempdir().unwrap();
    let file = "[endpoints.\"fal-ai/nano-banana/edit\"]\nrunner = \"simulated\"\nduration = \"1ms\"\n\
        output = { images = [] }\n";
    fs::write(folder.path().join("plantain.toml"), file).unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    let photo = folder.path().join("jar.jpg");
    fs::write(&photo, photo::jpeg_of_size(1200, 900)).unwrap();
    browser.pick_file("[data-test=file-input]", &photo).await;
    browser.click("[data-test=generate]").await;
    has(&browser, "the failure", "document.querySelector('[data-state=FAILED]')").await;
    browser.reload().await;
    let button = "document.querySelector('[data-test=again]')";
    has(&browser, "the offer", &format!("!{button}.hidden && {button}.offsetHeight > 0")).await;
    let shown =
        "return fetch('/api' + location.pathname).then((answer) => answer.json()).then((job) => job.againCents)";
    let cents = browser.run(shown, &[]).await.as_f64().unwrap();
    let label = browser.run(&format!("return {button}.textContent"), &[]).await;
    let price =
        if cents > 0.0 { format!("Try again, for at most ${:.2}", cents / 100.0) } else { "Try again".to_owned() };
    assert_eq!(label, json!(price));
    shot(&browser, "failed-again", Screen::Phone).await;
    let before = browser.run("return location.pathname", &[]).await;
    browser.click("[data-test=again]").await;
    let other = format!("return location.pathname.startsWith('/jobs/') && location.pathname !== {before}");
    browser.until("a new job's page", &other, PATIENCE).await;
    assert_clean(&browser, &server).await;
}
