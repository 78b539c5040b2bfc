//! Everything that can be wished for: addresses, an order, one set of several photos, words to start with, any endpoint.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plantain_testkit::photo;

use super::driver::Screen;
use super::{assert_clean, has, pick_jar, shot, start, wait_for_three};
use crate::bed::{Server, example};

const NAMES: &str = "[...document.querySelectorAll('.photo__name')].map(n => n.textContent).join()";

async fn wished(screen: Screen) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, screen).await else { return };
    has(&browser, "the price", "document.getElementById('price').textContent.startsWith('Free')").await;
    browser.write("[data-test=photo-url]", "not an address\u{e007}").await;
    has(&browser, "why not", "document.getElementById('hint').classList.contains('is-bad')").await;
    browser.run("document.getElementById('photo-url').value = ''", &[]).await;
    browser.write("[data-test=photo-url]", "https://pictures.example/shirt.jpg\u{e007}").await;
    pick_jar(&browser).await;
    has(&browser, "both", &format!("{NAMES} === 'shirt.jpg,jar.png'")).await;
    browser.click("[data-test=earlier]:not([hidden])").await;
    has(&browser, "another order", &format!("{NAMES} === 'jar.png,shirt.jpg'")).await;
    has(&browser, "two sets", "document.getElementById('generate').textContent.includes('2')").await;
    browser.click("[data-test=together]").await;
    has(&browser, "one set", "document.getElementById('generate').textContent === 'Generate'").await;
    browser.click(".starter[data-name=bright]").await;
    browser.choose("[data-test=num]", "'2'").await;
    has(&browser, "the words", "document.getElementById('prompt').value === 'bright light'").await;
    browser.click(".starter[data-name=contrast]").await;
    let words = "document.getElementById('prompt').value === 'more contrast'";
    has(&browser, "other words of the same kind in their place", words).await;
    shot(&browser, "wish", screen).await;

    // Another language is another page, and nothing that was not sent is lost.
    browser.click("[data-test=lang-hi]").await;
    has(&browser, "Hindi", "document.documentElement.lang === 'hi'").await;
    has(&browser, "what was not sent yet", &format!("{NAMES} === 'jar.png,shirt.jpg'")).await;
    has(&browser, "the words", words).await;
    shot(&browser, "wish-hindi", screen).await;
    browser.click("[data-test=lang-en]").await;
    has(&browser, "English", "document.documentElement.lang === 'en'").await;
    has(&browser, "what was not sent yet", &format!("{NAMES} === 'jar.png,shirt.jpg'")).await;
    browser.click(".photo:nth-child(2) .photo__remove").await;
    browser.choose("[data-test=num]", "'3'").await;
    browser.click("[data-test=generate]").await;
    wait_for_three(&browser).await;
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn everything_is_wished_for_with_a_mouse() {
    wished(Screen::Desktop).await;
}

#[tokio::test]
async fn everything_is_wished_for_on_a_phone() {
    wished(Screen::Phone).await;
}

/// The whole form comes along to another language, with a photo or without.
#[tokio::test]
async fn what_was_filled_in_stays_in_another_language() {
    const FILLED: &str = "return ['prompt', 'identifier', 'products', 'num', 'preset', 'scene-kind', 'scene-backdrop', 'scene-top']
        .map((id) => document.getElementById(id).value)
        .concat(document.getElementById('scene-straighten').checked, document.getElementById('scene-sum').textContent.length > 9)";
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    has(&browser, "the page's script", "document.getElementById('photo').multiple").await;
    let accepts = "return ['photo', 'scene-picture'].map((id) => document.getElementById(id).accept)
        .every((all) => ['image/avif', '.avif', '.heic', '.heif'].every((kind) => all.split(',').includes(kind)))";
    assert_eq!(browser.run(accepts, &[]).await, true);
    browser.choose_preset("shopify").await;
    browser.write("[data-test=prompt]", "on linen").await;
    browser.write("[data-test=identifier]", "SKU-7").await;
    browser.write("#products", "2").await;
    browser.choose("[data-test=num]", "'2'").await;
    browser.click("[data-test=scene-open]").await;
    browser.choose("[data-test=scene-kind]", "reflection").await;
    browser.choose("[data-test=scene-backdrop]", "color").await;
    browser.run("document.getElementById('scene-top').value = '#336699'", &[]).await;
    browser.click("[data-test=scene-straighten]").await;
    let filled = browser.run(FILLED, &[]).await;
    for lang in ["hi", "en"] {
        browser.click(&format!("[data-test=lang-{lang}]")).await;
        has(&browser, "the other language", &format!("document.documentElement.lang === '{lang}'")).await;
        let same = format!("JSON.stringify((() => {{ {FILLED} }})()) === '{filled}'");
        has(&browser, "all that was filled in", &same).await;
    }
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn any_endpoint_answers_on_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    browser.click("[data-test=anything] summary").await;
    has(&browser, "the form", "document.getElementById('any-go').offsetHeight > 0").await;
    shot(&browser, "anything", Screen::Phone).await;
    browser.write("[data-test=any-endpoint]", "plantain/simulated").await;
    let fill = "document.getElementById('any-input').value = arguments[0]";
    browser.run(fill, &["[]".into()]).await;
    browser.click("[data-test=any-go]").await;
    has(&browser, "why not", "document.getElementById('any-said').textContent.includes('JSON')").await;
    let picture = STANDARD.encode(photo::png());
    let output = format!(
        "{{\"images\": [{{\"url\": \"data:image/png;base64,{picture}\"}}], \"seed\": 174542204382423151740001}}"
    );
    browser.run(fill, &[format!("{{\"duration_ms\": 100, \"output\": {output}}}").into()]).await;
    browser.click("[data-test=any-go]").await;
    has(&browser, "the job's page", "location.pathname.startsWith('/jobs/')").await;
    has(&browser, "its picture", "document.querySelector('[data-test=medium] img')?.naturalWidth > 0").await;
    browser.click("[data-test=answer] summary").await;
    let text = "document.querySelector('[data-test=answer-text]').textContent.includes('174542204382423151740001')";
    has(&browser, "the answer as it came", text).await;
    shot(&browser, "answer", Screen::Phone).await;
    browser.click("[data-test=history]").await;
    has(&browser, "the job", "document.body.innerText.includes('plantain/simulated')").await;
    assert_clean(&browser, &server).await;
}

/// Makers of pictures from photos and from words alone, each with a price of its own.
const PRICES: &str = "[endpoints.\"fal-ai/nano-banana/edit\"]\nrunner = \"simulated\"\nprice = 0.039\n\n\
    [endpoints.\"fal-ai/nano-banana\"]\nrunner = \"simulated\"\nprice = 0.5\n";

#[tokio::test]
async fn what_it_costs_is_said_before_the_click() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plantain.toml"), PRICES).unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    let costs = async |words: &str| {
        let said = format!("document.getElementById('price').textContent === 'Costs at most {words}'");
        has(&browser, words, &said).await;
    };
    browser.choose("[data-test=num]", "'4'").await;
    costs("$0.16").await;
    browser.write("[data-test=prompt]", "a blue mug").await;
    costs("$2.00").await;
    browser.pick_file("[data-test=file-input]", &example("mug.jpg")).await;
    costs("$0.16").await;
    browser.click("[data-test=anything] summary").await;
    for (endpoint, told) in
        [("fal-ai/nano-banana", "Costs at most $1.00"), ("fal-ai/kling", "What this endpoint costs is not known here")]
    {
        browser.run("document.getElementById('any-endpoint').value = ''", &[]).await;
        browser.run("document.getElementById('any-input').value = '{\"num_images\": 2}'", &[]).await;
        browser.write("[data-test=any-endpoint]", endpoint).await;
        has(&browser, told, &format!("document.getElementById('any-price').textContent.startsWith('{told}')")).await;
    }

    browser.click("[data-test=bulk]").await;
    costs("$0.04 for each photo").await;
    browser.choose("[data-test=num-images]", "'3'").await;
    costs("$0.12 for each photo").await;
    let photos = ["mug.jpg", "tshirt.jpg"].map(|name| example(name).display().to_string());
    browser.write("[data-test=zip-input]", &photos.join("\n")).await;
    costs("$0.24 for 2 photos").await;
    let list = folder.path().join("list.csv");
    fs::write(&list, "file,sku\nmug.jpg,S1\nmug.jpg,S2\n").unwrap();
    browser.pick_file("[data-test=csv-input]", &list).await;
    costs("$0.12 for each line of the list, and for each photo that it does not name").await;
    assert_clean(&browser, &server).await;
}
