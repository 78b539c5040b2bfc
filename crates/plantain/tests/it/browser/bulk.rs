//! Many photos at once on the page: a folder or photos in, a list read, pictures as they come, a restart, all of them home.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::access::Judge;
use super::driver::{Browser, Screen};
use super::{assert_clean, has, screenshots, shot, start};
use crate::bed::{self, PATIENCE, Server};
use crate::bulk::{cut_out, simulated, small_preset};

/// A folder of so many photos, and a file that is none.
fn shop(folder: &Path, photos: usize) {
    let shop = folder.join("shop");
    fs::create_dir_all(&shop).unwrap();
    for number in 0..photos {
        fs::write(shop.join(format!("{number:02}.png")), cut_out(number)).unwrap();
    }
    fs::write(shop.join("notes.txt"), "hello").unwrap();
}

/// A desk has folders; on a phone photos are chosen one by one.
async fn choose(browser: &Browser, folder: &Path, screen: Screen) {
    let shop = folder.join("shop");
    match screen {
        Screen::Desktop => browser.pick_file("[data-test=folder-input]", &shop).await,
        Screen::Phone => {
            let mut files: Vec<String> =
                fs::read_dir(&shop).unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect();
            files.sort();
            browser.write("[data-test=zip-input]", &files.join("\n")).await;
        }
    }
}

async fn handed_in_and_taken_home(screen: Screen, photos: usize) {
    let folder = tempfile::tempdir().unwrap();
    let preset = small_preset(folder.path());
    shop(folder.path(), photos);
    // Long enough for a pause in the middle.
    simulated(folder.path(), "300ms");
    let mut server = Server::start(folder.path(), &[&preset]);
    let Some(browser) = start(&server, screen).await else { return };
    let mut judge = Judge::new(&browser, screen);
    browser.click("[data-test=bulk]").await;
    has(&browser, "the page's script", "!document.getElementById('ways').hidden").await;
    shot(&browser, "bulk", screen).await;
    judge.look("access-bulk").await;

    let list = folder.path().join("skus.csv");
    fs::write(&list, "file,sku,preset\n00.png,S0,\n01.png,S1,\n02.png,S2,smal\n").unwrap();
    browser.pick_file("[data-test=csv-input]", &list).await;
    has(&browser, "what the list says", "document.querySelectorAll('#list-lines tr').length === 3").await;
    has(&browser, "what is wrong with it", "document.getElementById('list-faults').innerText.includes('Line 4')").await;
    choose(&browser, folder.path(), screen).await;
    has(&browser, "the choice", &format!("document.getElementById('chosen').textContent.includes('{}')", photos + 1))
        .await;
    browser.choose_preset("small").await;
    browser.write("[data-test=prompt]", "on linen").await;
    for lang in ["hi", "en"] {
        browser.click(&format!("[data-test=lang-{lang}]")).await;
        has(&browser, "the other language", &format!("document.documentElement.lang === '{lang}'")).await;
        let kept = format!(
            "document.querySelectorAll('#list-lines tr').length === 3 && document.getElementById('prompt').value === 'on linen'
                && document.getElementById('chosen').textContent.includes('{}')
                && document.querySelector('[name=preset]:checked').value === 'small'",
            photos + 1
        );
        has(&browser, "all that was filled in", &kept).await;
    }
    browser.run("document.getElementById('csv').scrollIntoView({ block: 'center' })", &[]).await;
    shot(&browser, "bulk-list", screen).await;
    judge.look("access-bulk-list").await;
    assert_clean(&browser, &server).await;

    browser.click("[data-test=go]").await;
    has(&browser, "the batch's page", "document.querySelector('[data-test=batch]')").await;
    browser.click("[data-test=pause]").await;
    has(&browser, "a pause", "document.getElementById('batch').dataset.status === 'PAUSED'").await;
    shot(&browser, "batch-paused", screen).await;
    // The page stays open meanwhile, and finds its way back by itself.
    server.kill();
    server.restart();
    browser.until("the studio again", "return fetch('/healthz').then((a) => a.ok, () => false)", PATIENCE).await;
    browser.click("[data-test=resume]").await;
    has(&browser, "the end", "document.getElementById('batch').dataset.status === 'DONE'").await;
    let pictures = "[...document.querySelectorAll('.item[data-state=succeeded] img')].filter((i) => i.src.includes('/images/')).length";
    // The line that can't be used costs its photo.
    has(&browser, "every picture", &format!("{pictures} === {}", photos - 1)).await;
    has(&browser, "why one was skipped", "document.getElementById('items').innerText.includes('Line 4')").await;
    browser.run("scrollTo(0, 0)", &[]).await;
    shot(&browser, "batch-done", screen).await;
    judge.look("access-batch").await;
    browser.reload().await;
    has(&browser, "the same after a reload", &format!("{pictures} === {}", photos - 1)).await;
    browser.click("[data-test=count-skipped]").await;
    has(&browser, "what was skipped", "document.querySelectorAll('[data-test=item]').length === 2").await;
    browser.download_to(folder.path()).await;
    browser.click("[data-test=batch-zip]").await;
    let stem = if screen == Screen::Desktop { "shop" } else { "photos" };
    let zip = folder.path().join(format!("{stem}-small.zip"));
    bed::until("the pictures", async || fs::read(&zip).is_ok_and(|bytes| bytes.starts_with(b"PK"))).await;
    browser.click("[data-test=lang-hi]").await;
    let hindi = "return document.body.innerText.match(/\\bbulk\\.[a-z]\\w+/g)";
    has(&browser, "Hindi", "document.body.innerText.includes('छोड़ी गई')").await;
    assert!(browser.run(hindi, &[]).await.is_null(), "a sentence is missing");
    shot(&browser, "batch-hindi", screen).await;
    browser.click("[data-test=bulk]").await;
    has(&browser, "the earlier batch", "document.querySelector('[data-test=past-batch]')").await;
    let head = browser.run("return document.querySelector('.top').offsetHeight", &[]).await;
    assert!(head.as_i64().unwrap() <= 76, "the head's links break: {head}");
    shot(&browser, "bulk-hindi", screen).await;
    judge.end();
}

#[tokio::test]
async fn a_folder_is_handed_in_and_its_pictures_taken_home() {
    handed_in_and_taken_home(Screen::Desktop, 32).await;
}

#[tokio::test]
async fn photos_are_handed_in_on_a_phone() {
    handed_in_and_taken_home(Screen::Phone, 32).await;
}

#[tokio::test]
async fn what_is_wrong_with_an_archive_is_said_on_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    browser.open(server.studio.join("bulk").unwrap().as_str()).await;
    browser.click("[data-test=go]").await;
    has(&browser, "what is missing", "document.getElementById('hint').classList.contains('is-bad')").await;
    let zip = folder.path().join("broken.zip");
    fs::write(&zip, "no archive").unwrap();
    browser.pick_file("[data-test=zip-input]", &zip).await;
    browser.click("[data-test=go]").await;
    has(&browser, "the reason", "document.getElementById('hint').textContent.includes('no ZIP')").await;
    let again = browser.run("return document.getElementById('go').disabled", &[]).await;
    assert_eq!(again, Value::Bool(false));
    browser.screenshot(&screenshots().join("bulk-broken-390.png")).await;
}
