//! The whole way in Hindi: switched to by the link, kept by a reload, from the first page to a corrected cut-out.

use super::driver::{Browser, Screen};
use super::{assert_clean, screenshots, start, too_wide, wait_for_three};
use crate::bed::{PATIENCE, Server, example};

/// Keys of the table that somebody can see: sentences that are missing.
const KEYS: &str = "return document.body.innerText.match(/\\b(site|make|rule|teach|jobs?|stage|result|badge|sheet|scene|views|verdict|brush|choose|trouble)\\.[a-z]\\w+/g)";

async fn shot(browser: &Browser, name: &str, screen: Screen) {
    let width = if screen == Screen::Phone { 390 } else { 1440 };
    browser.screenshot(&screenshots().join(format!("hindi-{name}-{width}.png"))).await;
    assert_eq!(too_wide(browser).await, 0, "nothing sticks out sideways");
    assert!(browser.run(KEYS, &[]).await.is_null(), "a sentence is missing");
    let head = browser.run("return document.querySelector('.top').offsetHeight", &[]).await;
    assert!(head.as_i64().unwrap() <= 76, "the head's links break: {head}");
}

async fn shows(browser: &Browser, words: &str) {
    browser.until(words, &format!("return document.body.innerText.includes('{words}')"), PATIENCE).await;
}

async fn a_seller_works_in_hindi(screen: Screen) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, screen).await else { return };
    browser.click("[data-test=lang-hi]").await;
    browser.until("Hindi", "return document.documentElement.lang === 'hi'", PATIENCE).await;
    shows(&browser, "हर फ़ोटो से 3 तस्वीरें").await;
    shot(&browser, "first", screen).await;
    browser.open(server.studio.as_str()).await;
    browser.until("Hindi without the address", "return document.documentElement.lang === 'hi'", PATIENCE).await;

    browser.pick_file("[data-test=file-input]", &example("mug.jpg")).await;
    shows(&browser, "1 फ़ोटो तैयार").await;
    browser.click("[data-test=generate]").await;
    wait_for_three(&browser).await;
    shows(&browser, "3 तस्वीरें तैयार हैं").await;
    shows(&browser, "एकदम सफ़ेद").await;
    browser.run("document.activeElement.blur()", &[]).await;
    shot(&browser, "done", screen).await;
    browser.click("[data-test=badge]").await;
    shows(&browser, "परछाईं").await;
    shot(&browser, "rules", screen).await;
    browser.click("[data-test=close]").await;
    browser.click("[data-test=fix]").await;
    shows(&browser, "रंगा हुआ हिस्सा").await;
    shot(&browser, "brush", screen).await;
    browser.click("[data-test=brush-cancel]").await;

    browser.reload().await;
    shows(&browser, "3 तस्वीरें तैयार हैं").await;
    browser.click("[data-test=lang-en]").await;
    shows(&browser, "3 pictures are ready").await;
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn a_seller_works_in_hindi_on_a_desktop() {
    a_seller_works_in_hindi(Screen::Desktop).await;
}

#[tokio::test]
async fn a_seller_works_in_hindi_on_a_phones_width() {
    a_seller_works_in_hindi(Screen::Phone).await;
}
