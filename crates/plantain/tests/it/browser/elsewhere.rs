//! One photo for a second marketplace: from the chips under a finished job to its own page and the history.

use super::driver::Screen;
use super::{assert_clean, has, shot, start, wait_for_three};
use crate::bed::{Server, example};

async fn made_for_a_second_marketplace(screen: Screen) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, screen).await else { return };
    browser.pick_file("[data-test=file-input]", &example("mug.jpg")).await;
    browser.click("[data-test=generate]").await;
    wait_for_three(&browser).await;
    has(&browser, "the offer", "!document.querySelector('[data-test=elsewhere]').hidden").await;
    browser.click("[data-test=elsewhere] summary").await;
    let own = "document.querySelector('[data-test=elsewhere] [value=amazon_main]').hidden";
    has(&browser, "no chip for what is there", own).await;
    browser.run("document.querySelector('[data-test=elsewhere]').scrollIntoView({ block: 'end' })", &[]).await;
    shot(&browser, "elsewhere", screen).await;
    browser.click("[data-test=elsewhere] [value=myntra_main]").await;
    let all = "[...document.querySelectorAll('[data-test=result-card] img')].filter(img => img.naturalWidth > 0)";
    has(&browser, "three more pictures", &format!("{all}.length === 6")).await;
    let second = "document.querySelectorAll('[data-test=job-card]')[1]";
    has(
        &browser,
        "its marketplace",
        &format!("{second}.querySelector('[data-slot=preset]').textContent.includes('Myntra')"),
    )
    .await;
    let led = "!document.querySelectorAll('[data-test=job-card]')[1].querySelector('[data-test=made-from]').hidden";
    has(&browser, "the way back", led).await;
    browser.run("document.querySelectorAll('[data-test=job-card]')[1].scrollIntoView()", &[]).await;
    shot(&browser, "elsewhere-done", screen).await;
    browser.click("[data-test=elsewhere] [value=myntra_main]").await;
    let here = format!("document.activeElement === {second}");
    has(&browser, "the same job for the same wish", &here).await;
    let cards = browser.run("return document.querySelectorAll('[data-test=job-card]').length", &[]).await;
    assert_eq!(cards, 2);
    browser.click("[data-test=history]").await;
    has(&browser, "both jobs", "document.querySelectorAll('[data-test=past-job]').length === 2").await;
    browser.click("[data-state] [href^='/jobs/']:not(.past__thumb)").await;
    has(&browser, "the second job's own page", "location.pathname.startsWith('/jobs/')").await;
    has(&browser, "the way back", "document.querySelector('[data-test=made-from]').checkVisibility()").await;
    browser.click("[data-test=made-from]").await;
    has(&browser, "the first job", "!document.querySelector('[data-test=made-from]').checkVisibility()").await;
    wait_for_three(&browser).await;
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn a_photo_serves_a_second_marketplace() {
    made_for_a_second_marketplace(Screen::Desktop).await;
}

#[tokio::test]
async fn a_photo_serves_a_second_marketplace_on_a_phone() {
    made_for_a_second_marketplace(Screen::Phone).await;
}
