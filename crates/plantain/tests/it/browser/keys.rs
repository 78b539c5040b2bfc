//! The operator's way with keys: made, copied, looked after, revoked; and what was spent.

use super::driver::{Browser, Screen};
use super::{assert_clean, screenshots, start};
use crate::bed::{PATIENCE, Server};

const WIDE: &str = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";

async fn has(browser: &Browser, what: &str, script: &str) {
    browser.until(what, &format!("return Boolean({script})"), PATIENCE).await;
}

async fn shot(browser: &Browser, name: &str, screen: Screen) {
    assert_eq!(browser.run(WIDE, &[]).await, 0, "nothing sticks out sideways: {name}");
    let width = if screen == Screen::Phone { 390 } else { 1440 };
    for scheme in ["light", "dark"] {
        browser.colors(scheme).await;
        browser.screenshot(&screenshots().join(format!("{name}-{scheme}-{width}.png"))).await;
    }
}

async fn made_and_revoked(screen: Screen) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, screen).await else { return };
    browser.click("[data-test=keys-link]").await;
    has(&browser, "no key", "document.querySelector('[data-test=none]')").await;
    browser.write("[data-test=name]", "n8n in the warehouse").await;
    browser.choose("[data-test=tier]", "paid").await;
    browser.write("[data-test=budget]", "5").await;
    browser.write("[data-test=rate]", "120").await;
    browser.click("[data-test=make]").await;
    let secret = "document.querySelector('[data-test=secret]')?.textContent.startsWith('plantain_')";
    has(&browser, "the secret", secret).await;
    shot(&browser, "keys-made", screen).await;
    browser.open(server.studio.join("keys").unwrap().as_str()).await;
    has(
        &browser,
        "the key without its secret",
        "!document.querySelector('[data-test=secret]') && document.querySelector('[data-test=key] progress')",
    )
    .await;
    browser.click("[data-test=revoke]").await;
    shot(&browser, "keys-revoke", screen).await;
    browser.click("[data-test=revoke-yes]").await;
    has(&browser, "the key's end", "document.querySelector('[data-test=key].is-revoked')").await;
    browser.click("[data-test=usage-link]").await;
    has(&browser, "the account", "document.querySelector('[data-test=sums]')").await;
    shot(&browser, "usage", screen).await;
    browser.open(server.studio.join("keys?lang=hi").unwrap().as_str()).await;
    has(&browser, "Hindi", "document.documentElement.lang === 'hi'").await;
    shot(&browser, "keys-hindi", screen).await;
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn a_key_is_made_shown_once_and_revoked() {
    made_and_revoked(Screen::Desktop).await;
}

#[tokio::test]
async fn the_same_is_done_with_keys_on_a_phone() {
    made_and_revoked(Screen::Phone).await;
}
