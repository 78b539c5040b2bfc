//! Holding pictures against the photo and each other: slider, side by side, and down to the pixels, by mouse, touch and keys.

use serde_json::Value;

use super::brush::{places, spread};
use super::driver::{Browser, Screen};
use super::{assert_clean, has, pick_jar, shot, start, wait_for_three};
use crate::bed::{Server, example};

const STAGE: &str = "[data-test=compare-stage]";

async fn zoom(browser: &Browser) -> f64 {
    let told = browser.run("return Number(document.getElementById('views-compare').dataset.zoom)", &[]).await;
    told.as_f64().unwrap()
}

/// What the stage's styles hold: the edge, or how far the picture is moved.
async fn style(browser: &Browser, name: &str) -> String {
    let script = "return document.getElementById('views-compare').style.getPropertyValue(arguments[0])";
    browser.run(script, &[name.into()]).await.as_str().unwrap().to_owned()
}

/// The one place of the stage that is given in thousandths of its sides.
async fn place(browser: &Browser, at: [i64; 2]) -> (i64, i64) {
    places(browser, STAGE, &[at]).await[0]
}

async fn opened(browser: &Browser) {
    browser.click("[data-test=generate]").await;
    wait_for_three(browser).await;
    browser.click("[data-test=compare]").await;
    has(
        browser,
        "both pictures",
        "[...document.querySelectorAll('#views-compare img')].every(i => i.naturalWidth > 0)",
    )
    .await;
}

async fn held_against_each_other(screen: Screen) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, screen).await else { return };
    pick_jar(&browser).await;
    opened(&browser).await;
    let pointer = if screen == Screen::Phone { "touch" } else { "mouse" };

    let way = places(&browser, STAGE, &[[500, 500], [400, 500], [300, 500], [200, 500]]).await;
    browser.drag(&way, pointer).await;
    assert_eq!(style(&browser, "--part").await, "20%", "the edge follows");
    let options = "return [...document.getElementById('views-against').options].map(o => o.value).join()";
    assert_eq!(browser.run(options, &[]).await, "photo,2,3");
    browser.choose("[data-test=compare-against]", "'2'").await;
    let second = "document.getElementById('views-before').src.includes('/images/2')";
    has(&browser, "the second picture", second).await;
    let tag = browser.run("return document.getElementById('views-before-tag').textContent", &[]).await;
    assert!(tag.as_str().unwrap().starts_with("Picture 2"), "{tag}");
    browser.click("[data-test=way-side]").await;
    let apart =
        "return [...document.querySelectorAll('.compare__pane')].map(p => Math.round(p.getBoundingClientRect().width))";
    let widths: Vec<i64> = serde_json::from_value(browser.run(apart, &[]).await).unwrap();
    assert!(widths[0] > 100 && widths[0].abs_diff(widths[1]) <= 1, "{widths:?}");
    has(&browser, "the second picture, loaded", "document.getElementById('views-before').naturalWidth > 0").await;
    shot(&browser, "compare-side", screen).await;

    browser.press(None, &["+", "+"]).await;
    assert!((zoom(&browser).await - 2.25).abs() < 0.01);
    let moved = "return [...document.querySelectorAll('#views-compare img')].map(i => getComputedStyle(i).transform)";
    let both = browser.run(moved, &[]).await;
    assert!(both[0] == both[1] && both[0] != "none", "both move as one: {both}");
    browser.press(None, &["0"]).await;
    assert_eq!(zoom(&browser).await, 1.0);
    browser.press(None, &["\u{e00c}"]).await;
    has(&browser, "the end", "!document.getElementById('views').open").await;
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn pictures_are_held_against_the_photo_and_each_other() {
    held_against_each_other(Screen::Desktop).await;
}

#[tokio::test]
async fn pictures_are_held_against_each_other_on_a_phone() {
    held_against_each_other(Screen::Phone).await;
}

#[tokio::test]
async fn fingers_look_closer_down_to_the_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    browser.pick_file("[data-test=file-input]", &example("mug.jpg")).await;
    opened(&browser).await;
    spread(&browser, STAGE).await;
    let pinched = zoom(&browser).await;
    assert!(pinched > 1.3, "{pinched}");
    for _ in 0..4 {
        browser.click("[data-test=views-closer]").await;
    }
    let edge = style(&browser, "--part").await;
    let before = style(&browser, "--x").await;
    let way = places(&browser, STAGE, &[[850, 800], [800, 750], [750, 700], [700, 650]]).await;
    browser.drag(&way, "touch").await;
    assert_ne!(style(&browser, "--x").await, before, "one finger moves the picture");
    assert_eq!(style(&browser, "--part").await, edge, "and the edge stays");
    let full = "!document.getElementById('views-after').getAttribute('src').includes('?w=')";
    has(&browser, "the picture itself", full).await;
    shot(&browser, "compare-pixels", Screen::Phone).await;

    let middle = place(&browser, [700, 500]).await;
    browser.double_tap(middle).await;
    assert_eq!(zoom(&browser).await, 1.0, "all of it again");
    browser.double_tap(middle).await;
    let wide = browser.run("return document.getElementById('views-compare').clientWidth", &[]).await;
    let (pixels, wide) = (zoom(&browser).await, wide.as_f64().unwrap());
    assert!((pixels * wide - 2000.0).abs() < 40.0, "a pixel for a pixel: {pixels} of {wide}");
    browser.click("[data-test=views-farther]").await;
    assert!(zoom(&browser).await < pixels);
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn a_wheel_looks_closer_at_what_lies_under_it_and_keys_move_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Desktop).await else { return };
    pick_jar(&browser).await;
    opened(&browser).await;
    let under = "const [x, y] = arguments[0];
        const box = document.querySelector('.compare__pane').getBoundingClientRect();
        const of = (name) => Number.parseFloat(document.getElementById('views-compare').style.getPropertyValue(name));
        return [(x - box.left - of('--x')) / of('--zoom'), (y - box.top - of('--y')) / of('--zoom')].map(Math.round)";
    let (x, y) = place(&browser, [300, 400]).await;
    let here = serde_json::json!([x, y]);
    let before = browser.run(under, std::slice::from_ref(&here)).await;
    browser.wheel((x, y), -400).await;
    assert!(zoom(&browser).await > 1.8);
    assert_eq!(browser.run(under, &[here]).await, before, "the same place is under the pointer");
    let x_before = style(&browser, "--x").await;
    browser.run("document.getElementById('views-range').focus()", &[]).await;
    browser.press(Some("\u{e008}"), &["\u{e014}"]).await;
    assert_ne!(style(&browser, "--x").await, x_before, "with Shift the arrow keys move the picture");
    assert_eq!(style(&browser, "--part").await, "50%");
    browser.press(None, &["\u{e012}"]).await;
    assert_eq!(style(&browser, "--part").await, "49%", "without it they move the edge");
    browser.wheel((x, y), 4000).await;
    assert_eq!((zoom(&browser).await, style(&browser, "--x").await), (1.0, "0px".to_owned()));
    let single = browser.run("return document.getElementById('views-single').hidden", &[]).await;
    assert_eq!(single, Value::Bool(true));
    assert_clean(&browser, &server).await;
}
