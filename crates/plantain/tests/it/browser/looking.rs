//! Choosing a scene on the page, and looking at what came of it: slider, cut-out, contact sheet.

use serde_json::{Value, json};

use super::driver::{Browser, Screen};
use super::{assert_clean, has, screenshots, start, too_wide, wait_for_three};
use crate::bed::{Server, example};

async fn set(browser: &Browser, id: &str, value: &str) {
    let script = "const field = document.getElementById(arguments[0]); field.value = arguments[1];
        for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, { bubbles: true }));";
    browser.run(script, &[id.into(), value.into()]).await;
}

async fn shot(browser: &Browser, name: &str, screen: Screen) {
    let width = if screen == Screen::Phone { 390 } else { 1440 };
    browser.screenshot(&screenshots().join(format!("{name}-{width}.png"))).await;
}

/// The whole way on one screen: only what the marketplace permits, a gradient behind the product, then every view.
async fn chosen_and_looked_at(screen: Screen) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, screen).await else { return };
    browser.click("[data-test=scene-open]").await;
    let open = "return [...document.getElementById('scene-kind').options].filter(o => !o.disabled).map(o => o.value)";
    assert_eq!(browser.run(open, &[]).await, json!(["auto", "white"]), "amazon_main is white without a shadow");
    has(&browser, "why", "!document.getElementById('scene-rule').hidden").await;
    browser.choose_preset("shopify").await;
    assert_eq!(browser.run(open, &[]).await.as_array().map(Vec::len), Some(5));
    set(&browser, "scene-backdrop", "gradient").await;
    set(&browser, "scene-top", "#f4e9dd").await;
    set(&browser, "scene-bottom", "#c9a88c").await;
    browser.run("document.getElementById('scene').scrollIntoView()", &[]).await;
    shot(&browser, "scene", screen).await;
    assert_eq!(too_wide(&browser).await, 0, "nothing sticks out sideways");

    browser.pick_file("[data-test=file-input]", &example("mug.jpg")).await;
    browser.click("[data-test=generate]").await;
    wait_for_three(&browser).await;
    let variant = browser.run("return document.querySelector('[data-slot=variant]').textContent", &[]).await;
    assert_eq!(variant, "Color gradient", "the wish arrived");
    shot(&browser, "views-card", screen).await;

    browser.click("[data-test=compare]").await;
    let loaded = "[...document.querySelectorAll('#views-compare img')].every(img => img.naturalWidth > 0)";
    has(&browser, "both pictures", loaded).await;
    let part = "return document.getElementById('views-compare').style.getPropertyValue('--part')";
    assert_eq!(browser.run(part, &[]).await, "50%");
    browser.write("[data-test=compare-range]", &"\u{e012}".repeat(20)).await;
    assert_eq!(browser.run(part, &[]).await, "30%", "the left arrow key moves the edge");
    shot(&browser, "views-compare", screen).await;
    browser.click("[data-test=view-matte]").await;
    has(&browser, "the cut-out", "document.getElementById('views-single').naturalWidth > 0").await;
    shot(&browser, "views-matte", screen).await;
    let hidden = browser.run("return document.querySelector('[data-test=view-diff]').hidden", &[]).await;
    assert_eq!(hidden, Value::Bool(true), "the local engine changes no product");
    browser.click("[data-test=views-close]").await;
    assert_eq!(too_wide(&browser).await, 0, "nothing sticks out sideways");
    let sheet = browser.run("return document.querySelector('[data-test=contact-sheet]').href", &[]).await;
    assert_clean(&browser, &server).await;

    browser.open(sheet.as_str().unwrap()).await;
    has(&browser, "the sheet", "document.images[0]?.naturalWidth > 900").await;
    shot(&browser, "contact-sheet", screen).await;
}

#[tokio::test]
async fn a_scene_is_chosen_and_its_pictures_looked_at() {
    chosen_and_looked_at(Screen::Desktop).await;
}

#[tokio::test]
async fn the_same_works_on_a_phones_width() {
    chosen_and_looked_at(Screen::Phone).await;
}
