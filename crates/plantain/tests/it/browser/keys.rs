//! The operator's way with keys: made, copied, looked after, revoked; and what was spent.

use super::driver::Screen;
use super::{assert_clean, has, shot_in_both, start};
use crate::bed::Server;

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
    shot_in_both(&browser, "keys-made", screen).await;
    browser.open(server.studio.join("keys").unwrap().as_str()).await;
    has(
        &browser,
        "the key without its secret",
        "!document.querySelector('[data-test=secret]') && document.querySelector('[data-test=key] progress')",
    )
    .await;
    browser.click("[data-test=revoke]").await;
    shot_in_both(&browser, "keys-revoke", screen).await;
    browser.click("[data-test=revoke-yes]").await;
    has(&browser, "the key's end", "document.querySelector('[data-test=key].is-revoked')").await;
    browser.click("[data-test=usage-link]").await;
    has(&browser, "the account", "document.querySelector('[data-test=sums]')").await;
    shot_in_both(&browser, "usage", screen).await;
    browser.open(server.studio.join("keys?lang=hi").unwrap().as_str()).await;
    has(&browser, "Hindi", "document.documentElement.lang === 'hi'").await;
    shot_in_both(&browser, "keys-hindi", screen).await;
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
