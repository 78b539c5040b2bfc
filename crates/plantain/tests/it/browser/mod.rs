//! The page as a seller uses it, in headless Chromium: drop or pick a photo, watch, look, download, come back.

mod access;
mod broken;
mod brush;
mod bulk;
mod choosing;
mod comparing;
mod console;
mod crowd;
mod doubt;
mod driver;
mod elsewhere;
mod hindi;
mod history;
mod keys;
mod letters;
mod looking;
mod lost;
mod messages;
mod moving;
mod notifying;
mod pace;
mod pages;
mod wishing;

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plantain_testkit::photo;
use serde_json::{Value, json};

use crate::bed::{self, PATIENCE, Server, repository};
use driver::{Browser, Screen};

/// A finished set, as the page shows it.
const PICTURES: &str = "return [...document.querySelectorAll('[data-test=result-card] img')]
    .filter(img => img.complete && img.naturalWidth > 0).map(img => img.naturalWidth)";

/// Pixels by which the page is wider than the screen.
const WIDE: &str = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";

/// Where screenshots are left for people.
fn screenshots() -> PathBuf {
    let folder = repository().join("target/screenshots");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// `None`: there is no browser here, which has been said. `cargo xtask test` installs one.
async fn start(server: &Server, screen: Screen) -> Option<Browser> {
    let browser = Browser::start(screen).await?;
    browser.open(server.studio.as_str()).await;
    Some(browser)
}

/// Waits until the expression holds.
async fn has(browser: &Browser, what: &str, script: &str) {
    browser.until(what, &format!("return Boolean({script})"), PATIENCE).await;
}

/// Waits until nothing moves any more: what is counted meanwhile has the scroll bar's place in it.
async fn rest(browser: &Browser) {
    has(browser, "rest", "!('moving' in document.documentElement.dataset)").await;
}

/// Pixels by which the page is wider than the screen, once nothing moves any more.
async fn too_wide(browser: &Browser) -> Value {
    rest(browser).await;
    browser.run(WIDE, &[]).await
}

/// A screenshot under a name with its width, of a page that is no wider than the screen.
async fn shot(browser: &Browser, name: &str, screen: Screen) {
    assert_eq!(too_wide(browser).await, 0, "nothing sticks out sideways: {name}");
    let width = if screen == Screen::Phone { 390 } else { 1440 };
    browser.screenshot(&screenshots().join(format!("{name}-{width}.png"))).await;
}

/// The same in light and in dark.
async fn shot_in_both(browser: &Browser, name: &str, screen: Screen) {
    for scheme in ["light", "dark"] {
        browser.colors(scheme).await;
        shot(browser, &format!("{name}-{scheme}"), screen).await;
    }
}

/// Picks a jar that was cut out already: where the page is what is tried, finding the product would take most of the time.
async fn pick_jar(browser: &Browser) {
    browser.pick("[data-test=file-input]", "jar.png", &photo::cut_out(1000, 1000)).await;
}

async fn wait_for_three(browser: &Browser) {
    browser.until("three loaded pictures", &format!("return (() => {{ {PICTURES} }})().length === 3"), PATIENCE).await;
}

/// Neither the console nor the network has anything to hide.
async fn assert_clean(browser: &Browser, server: &Server) {
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "the console says: {complaints:#?}");
    let own = format!("{}:{}", server.studio.host_str().unwrap(), server.studio.port().unwrap());
    let foreign: Vec<String> = browser.requested_hosts().await.into_iter().filter(|host| *host != own).collect();
    assert!(foreign.is_empty(), "the page asks other hosts: {foreign:?}");
}

#[tokio::test]
async fn a_picked_photo_becomes_three_pictures_that_can_be_downloaded_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Desktop).await else { return };
    browser.screenshot(&screenshots().join("first-1440.png")).await;

    let photo = folder.path().join("jar.jpg");
    // Large enough that nothing is enlarged, which would be a remark on every picture.
    fs::write(&photo, photo::jpeg_of_size(2000, 1500)).unwrap();
    browser.pick_file("[data-test=file-input]", &photo).await;
    browser.choose_preset("flipkart_main").await;
    browser.write("[data-test=prompt]", "pure white, please").await;
    browser.click("[data-test=generate]").await;
    browser
        .until(
            "a job with a stage",
            "return document.querySelector('[data-test=job-card] [data-test=stage]')?.textContent.trim().length > 0",
            PATIENCE,
        )
        .await;
    browser.screenshot(&screenshots().join("progress-1440.png")).await;
    let stages = browser
        .watch_text(
            "[data-test=job-card] [data-test=stage]",
            &format!("return (() => {{ {PICTURES} }})().length === 3"),
        )
        .await;
    assert!(stages.len() >= 2, "progress is shown: {stages:?}");
    wait_for_three(&browser).await;
    let verdicts = browser
        .run("return [...document.querySelectorAll('[data-test=badge]')].slice(0, 3).map(b => b.dataset.verdict)", &[])
        .await;
    assert_eq!(verdicts, json!(["pass", "pass", "pass"]));
    browser.screenshot(&screenshots().join("done-1440.png")).await;

    browser.download_to(folder.path()).await;
    browser.click("[data-test=result-card] [data-test=download]").await;
    let file = folder.path().join("jar_1.jpg");
    bed::until("the downloaded picture", async || fs::read(&file).is_ok_and(|bytes| bytes.ends_with(b"\xff\xd9")))
        .await;

    browser.reload().await;
    wait_for_three(&browser).await;
    browser.open(server.studio.as_str()).await;
    browser.until("the job in the list", "return document.body.innerText.includes('jar')", PATIENCE).await;
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn a_dropped_photo_works_on_a_phones_width_too() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    browser.screenshot(&screenshots().join("first-390.png")).await;
    let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(browser.run(wide, &[]).await, 0, "nothing sticks out sideways");
    let drop = "const [text, zone] = [arguments[0], document.querySelector('[data-test=drop-zone]')];
        const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
        const data = new DataTransfer();
        data.items.add(new File([bytes], 'jar.png', { type: 'image/png' }));
        for (const kind of ['dragenter', 'dragover', 'drop'])
            zone.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }));";
    browser.run(drop, &[Value::from(STANDARD.encode(photo::png()))]).await;
    browser.click("[data-test=generate]").await;
    wait_for_three(&browser).await;
    assert_eq!(browser.run(wide, &[]).await, 0, "nothing sticks out sideways");
    browser.screenshot(&screenshots().join("done-390.png")).await;
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_photo_is_said_on_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Desktop).await else { return };
    let page = folder.path().join("page.jpg");
    fs::write(&page, photo::not_a_picture()).unwrap();
    browser.pick_file("[data-test=file-input]", &page).await;
    browser.click("[data-test=generate]").await;
    let said = "return [...document.querySelectorAll('[data-test=error]')].some(e => !e.hidden && e.innerText.trim().length > 20)";
    browser.until("a sentence about the photo", said, PATIENCE).await;
    browser.screenshot(&screenshots().join("error-1440.png")).await;
}
