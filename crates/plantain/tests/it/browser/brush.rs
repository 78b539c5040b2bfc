//! Saying which product is meant, and correcting its cut-out, as a seller does it with a mouse or a finger.

use std::fs;

use plantain_testkit::photo;
use serde_json::{Value, json};

use super::driver::{Browser, Screen};
use super::{assert_clean, screenshots, start, too_wide, wait_for_three};
use crate::bed::{PATIENCE, Server};

/// How much is veiled, in pixels of the matte.
pub const VEILED: &str = "const matte = document.querySelector('[data-test=brush-matte]');
    if (matte.width < 2) return 0;
    const { data } = matte.getContext('2d').getImageData(0, 0, matte.width, matte.height);
    let veiled = 0;
    for (let at = 3; at < data.length; at += 4) veiled += Number(data[at] > 80);
    return veiled";

const PICTURES: &str = "return [...document.querySelectorAll('[data-test=result-card] [data-slot=open]')].map(open => open.getAttribute('href'))";

/// Places of the window that are given as thousandths of a sheet's sides.
pub async fn places(browser: &Browser, sheet: &str, way: &[[i64; 2]]) -> Vec<(i64, i64)> {
    let script = "const box = document.querySelector(arguments[0]).getBoundingClientRect();
        return arguments[1].map(([x, y]) => [Math.round(box.left + box.width * x / 1000), Math.round(box.top + box.height * y / 1000)])";
    let places = browser.run(script, &[sheet.into(), json!(way)]).await;
    serde_json::from_value(places).unwrap()
}

pub async fn drag(browser: &Browser, sheet: &str, screen: Screen, way: &[[i64; 2]]) {
    let places = places(browser, sheet, way).await;
    browser.drag(&places, if screen == Screen::Phone { "touch" } else { "mouse" }).await;
}

/// Two fingers that part around the middle of a sheet.
pub async fn spread(browser: &Browser, sheet: &str) {
    let one = places(browser, sheet, &[[450, 450], [400, 400], [350, 350], [300, 300]]).await;
    let other = places(browser, sheet, &[[550, 550], [600, 600], [650, 650], [700, 700]]).await;
    browser.pinch(&one, &other).await;
}

pub async fn width_of(browser: &Browser, sheet: &str) -> f64 {
    let script = "return document.querySelector(arguments[0]).getBoundingClientRect().width";
    browser.run(script, &[sheet.into()]).await.as_f64().unwrap()
}

pub async fn revision(browser: &Browser, revision: u64) {
    let there = format!("return document.querySelector('[data-test=brush]').dataset.revision === '{revision}'");
    browser.until(&format!("revision {revision}"), &there, PATIENCE).await;
    let idle = "return !document.querySelector('[data-test=brush-done]').disabled";
    browser.until("the answer", idle, PATIENCE).await;
}

pub async fn veiled(browser: &Browser) -> i64 {
    browser.run(VEILED, &[]).await.as_i64().unwrap()
}

async fn the_cut_out_is_corrected(screen: Screen, width: u32) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, screen).await else { return };
    let file = folder.path().join("jar.jpg");
    fs::write(&file, photo::jpeg_of_size(2000, 1500)).unwrap();
    browser.pick_file("[data-test=file-input]", &file).await;
    let offered = "return document.querySelector('[data-test=choose]')?.hidden === false";
    browser.until("the offer to choose", offered, PATIENCE).await;
    browser.click("[data-test=choose]").await;
    browser.until("the dialog", "return document.getElementById('choose').open", PATIENCE).await;
    drag(&browser, "[data-test=choose-sheet]", screen, &[[270, 120], [500, 500], [700, 860]]).await;
    browser.click("[data-test=choose-include]").await;
    drag(&browser, "[data-test=choose-sheet]", screen, &[[480, 500]]).await;
    assert_eq!(browser.run("return document.querySelector('#choose').dataset.count", &[]).await, "2");
    browser.screenshot(&screenshots().join(format!("choose-{width}.png"))).await;
    browser.click("[data-test=choose-done]").await;
    browser.choose_preset("flipkart_main").await;
    browser.click("[data-test=generate]").await;
    wait_for_three(&browser).await;
    let before = browser.run(PICTURES, &[]).await;

    browser.click("[data-test=fix]").await;
    browser.until("the matte", &format!("return (() => {{ {VEILED} }})() > 0"), PATIENCE).await;
    let photo = "return document.querySelector('[data-test=brush-sheet] img').naturalWidth > 0";
    browser.until("the photo below it", photo, PATIENCE).await;
    assert_eq!(too_wide(&browser).await, 0, "nothing sticks out sideways");
    let all = veiled(&browser).await;
    let sheet = "[data-test=brush-sheet]";
    browser.click("[data-test=brush-erase]").await;
    drag(&browser, sheet, screen, &[[320, 300], [400, 300], [480, 300], [560, 300], [640, 300]]).await;
    revision(&browser, 1).await;
    let erased = veiled(&browser).await;
    assert!(erased > all, "{erased} of {all}");
    browser.screenshot(&screenshots().join(format!("brush-{width}.png"))).await;
    browser.click("[data-test=brush-undo]").await;
    revision(&browser, 2).await;
    assert_eq!(veiled(&browser).await, all, "undone");
    if screen == Screen::Phone {
        let before = width_of(&browser, sheet).await;
        spread(&browser, sheet).await;
        assert!(width_of(&browser, sheet).await > before * 1.3, "two fingers that part come closer");
        revision(&browser, 2).await;
        let pending = browser.run("return document.querySelector('[data-test=brush]').dataset.pending", &[]).await;
        assert_eq!(pending, "0", "and draw nothing");
    }
    browser.click("[data-test=brush-closer]").await;
    drag(&browser, sheet, screen, &[[450, 450], [500, 500], [550, 550]]).await;
    revision(&browser, 3).await;
    browser.screenshot(&screenshots().join(format!("brush-closer-{width}.png"))).await;
    browser.click("[data-test=brush-done]").await;
    let closed = "return !document.querySelector('[data-test=brush]').open";
    browser.until("new pictures", closed, PATIENCE).await;
    wait_for_three(&browser).await;
    let after = browser.run(PICTURES, &[]).await;
    let same = "const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());
        return Promise.all([bytes(arguments[0]), bytes(arguments[1])]).then(([one, other]) => one.join() === other.join())";
    for at in 0..3 {
        assert_ne!(before[at], after[at]);
        assert_eq!(browser.run(same, &[before[at].clone(), after[at].clone()]).await, Value::from(false));
    }
    browser.screenshot(&screenshots().join(format!("brush-done-{width}.png"))).await;
    browser.reload().await;
    wait_for_three(&browser).await;
    assert_eq!(browser.run(PICTURES, &[]).await, after, "they stay");
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn a_cut_out_is_corrected_with_a_mouse() {
    the_cut_out_is_corrected(Screen::Desktop, 1440).await;
}

#[tokio::test]
async fn a_cut_out_is_corrected_with_a_finger_on_a_phones_width() {
    the_cut_out_is_corrected(Screen::Phone, 390).await;
}
