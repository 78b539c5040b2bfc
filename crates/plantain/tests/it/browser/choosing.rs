//! Saying which product is meant, by keyboard and with two fingers.

use std::fs;

use plantain_testkit::photo;
use serde_json::{Value, json};

use super::brush::{drag, spread, width_of};
use super::driver::{Browser, Screen};
use super::{assert_clean, screenshots, start, wait_for_three};
use crate::bed::{PATIENCE, Server};

const SHEET: &str = "[data-test=choose-sheet]";
const SPACE: &str = " ";
const ENTER: &str = "\u{e007}";
const LEFT: &str = "\u{e012}";
const UP: &str = "\u{e013}";
const RIGHT: &str = "\u{e014}";
const DOWN: &str = "\u{e015}";

/// Left edge, upper edge, width and height of the box, in pixels of the photo.
async fn framed(browser: &Browser) -> Value {
    let script = "const box = document.querySelector('#choose rect');
        return ['x', 'y', 'width', 'height'].map(name => Number(box.getAttribute(name)))";
    browser.run(script, &[]).await
}

async fn said(browser: &Browser) -> Value {
    browser.run("return document.querySelector('#choose [data-slot=said]').textContent", &[]).await
}

/// The dialog, opened with the keyboard on a photo of 1000 to 800 pixels.
async fn opened(browser: &Browser, folder: &std::path::Path) {
    let file = folder.join("jar.jpg");
    fs::write(&file, photo::jpeg_of_size(1000, 800)).unwrap();
    browser.pick_file("[data-test=file-input]", &file).await;
    let offered = "return document.querySelector('[data-test=choose]')?.hidden === false";
    browser.until("the offer to choose", offered, PATIENCE).await;
    browser.run("document.querySelector('[data-test=choose]').focus()", &[]).await;
    browser.press(None, &[ENTER]).await;
    let open = "return document.getElementById('choose').open && document.querySelector('#choose img').complete";
    browser.until("the dialog", open, PATIENCE).await;
}

#[tokio::test]
async fn a_box_is_set_and_set_anew_with_the_keyboard() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Desktop).await else { return };
    opened(&browser, folder.path()).await;
    let cursor = "return document.querySelector('#choose [data-slot=cursor]').hidden";
    assert_eq!(browser.run(cursor, &[]).await, false, "the keyboard's place is seen from the start");
    browser.press(None, &[SPACE]).await;
    assert_eq!(said(&browser).await, "Now the opposite corner.");
    browser.press(None, &[RIGHT, RIGHT, RIGHT, DOWN, DOWN, SPACE]).await;
    assert_eq!(framed(&browser).await, json!([500, 400, 61, 41]), "a step is a fiftieth of the photo");
    browser.press(None, &[LEFT, LEFT, LEFT, LEFT, ENTER]).await;
    assert_eq!(framed(&browser).await, json!([500, 400, 61, 41]), "it stays until the new one is whole");
    browser.press(None, &[LEFT, LEFT, UP, UP, ENTER]).await;
    assert_eq!(framed(&browser).await, json!([440, 400, 41, 41]));
    browser.press(Some(SPACE), &[LEFT, LEFT, UP, UP, UP]).await;
    assert_eq!(framed(&browser).await, json!([400, 340, 41, 61]), "held down, space draws the box");
    browser.screenshot(&screenshots().join("choose-keys-1440.png")).await;

    browser.run("document.querySelector('[data-test=choose-exclude]').focus()", &[]).await;
    browser.press(None, &[ENTER]).await;
    browser.run("document.querySelector('#choose [data-slot=stage]').focus()", &[]).await;
    browser.press(None, &[UP, SPACE]).await;
    assert_eq!(browser.run("return document.getElementById('choose').dataset.count", &[]).await, "2");
    browser.click("[data-test=choose-done]").await;
    let label = "return document.querySelector('[data-test=choose]').textContent";
    assert_eq!(browser.run(label, &[]).await, "2 marks");
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn everything_on_the_photo_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    let spy = "const append = FormData.prototype.append; window.sent = [];
        FormData.prototype.append = function (...field) { sent.push(field[0] + '=' + field[1]); append.apply(this, field); }";
    browser.run(spy, &[]).await;
    opened(&browser, folder.path()).await;
    browser.click("[data-test=choose-all]").await;
    assert!(said(&browser).await.as_str().unwrap().starts_with("Everything that stands out"));
    browser.screenshot(&screenshots().join("choose-all-390.png")).await;
    browser.click("[data-test=choose-done]").await;
    let label = "return document.querySelector('[data-test=choose]').textContent";
    assert_eq!(browser.run(label, &[]).await, "Everything");
    // Opened again it is as it was left, and can be taken back.
    browser.click("[data-test=choose]").await;
    let pressed = "return document.querySelector('[data-test=choose-all]').getAttribute('aria-pressed')";
    assert_eq!(browser.run(pressed, &[]).await, "true");
    browser.click("[data-test=choose-all]").await;
    browser.click("[data-test=choose-done]").await;
    assert_eq!(browser.run(label, &[]).await, "Which product?");
    browser.click("[data-test=choose]").await;
    browser.click("[data-test=choose-all]").await;
    browser.click("[data-test=choose-done]").await;
    browser.click("[data-test=generate]").await;
    let sent = "return window.sent.includes('keep=all')";
    browser.until("the wish", sent, PATIENCE).await;
    wait_for_three(&browser).await;
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn two_fingers_zoom_and_leave_the_box_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    opened(&browser, folder.path()).await;
    drag(&browser, SHEET, Screen::Phone, &[[250, 250], [500, 500], [750, 750]]).await;
    let drawn = framed(&browser).await;
    assert!(drawn[2].as_i64().unwrap() > 400, "{drawn}");
    let before = width_of(&browser, SHEET).await;
    spread(&browser, SHEET).await;
    let after = width_of(&browser, SHEET).await;
    assert!(after > before * 1.3, "{before} {after}");
    assert_eq!(framed(&browser).await, drawn);
    let scrolled = "const stage = document.querySelector('#choose [data-slot=stage]');
        return [stage.scrollLeft, stage.scrollTop]";
    let [left, top]: [f64; 2] = serde_json::from_value(browser.run(scrolled, &[]).await).unwrap();
    let way = |x: i64| [0, 10, 20, 40, 60, 80, 100].map(|far| (x - far, 400 - far));
    browser.pinch(&way(150), &way(250)).await;
    let [moved_left, moved_top]: [f64; 2] = serde_json::from_value(browser.run(scrolled, &[]).await).unwrap();
    assert!(moved_left > left + 20.0, "two fingers move the photo: {left} {moved_left}, {top} {moved_top}");
    assert_eq!(framed(&browser).await, drawn);
    assert_eq!(browser.run("return document.getElementById('choose').dataset.count", &[]).await, "1");
    browser.screenshot(&screenshots().join("choose-closer-390.png")).await;
    assert_clean(&browser, &server).await;
}
