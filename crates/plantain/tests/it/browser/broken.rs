//! The brush on a bad connection: answers that are late, lost, or never come.

use plantain_testkit::photo;
use serde_json::Value;

use super::brush::{VEILED, drag, revision, veiled};
use super::driver::{Browser, Screen};
use super::{assert_clean, screenshots, start};
use crate::bed::{PATIENCE, Server};

const SHEET: &str = "[data-test=brush-sheet]";

/// Between the page and the server: `hold` keeps answers back, `lose` drops that many after the server gave them, and with
/// `gone` nothing leaves.
const LINE: &str = "window.line = { hold: null, lose: 0, gone: false };
    const real = window.fetch;
    window.fetch = async (...call) => {
        if (!/strokes|matte/.test(call[0])) return real(...call);
        if (line.gone) throw new TypeError('the line is cut');
        const answer = await real(...call);
        if (line.hold) await line.hold;
        if (line.lose > 0 && call[1]?.method) {
            line.lose -= 1;
            throw new TypeError('the answer is lost');
        }
        return answer;
    };";

/// `count` finished jobs on one page, and the line to the server in the test's hands.
async fn finished(browser: &Browser, count: usize) {
    browser.run(LINE, &[]).await;
    for at in 0..count {
        let jar = photo::cut_out(1200, 900);
        browser.pick("[data-test=file-input]", &format!("jar{at}.png"), &jar).await;
    }
    browser.choose_preset("flipkart_main").await;
    browser.click("[data-test=generate]").await;
    let fixable =
        format!("return [...document.querySelectorAll('[data-test=fix]')].filter(f => !f.hidden).length === {count}");
    browser.until("finished jobs", &fixable, PATIENCE).await;
}

async fn fix(browser: &Browser, at: usize) {
    let script = "document.querySelectorAll('[data-test=fix]')[arguments[0]].click()";
    browser.run(script, &[at.into()]).await;
}

async fn ready(browser: &Browser) {
    let there = "const brush = document.querySelector('[data-test=brush]');
        return brush.open && !brush.querySelector('[data-test=brush-done]').disabled";
    browser.until("the brush", there, PATIENCE).await;
    browser.until("the matte", &format!("return (() => {{ {VEILED} }})() > 0"), PATIENCE).await;
}

async fn says(browser: &Browser, words: &str) {
    let said = format!("return document.querySelector('[data-test=brush-said]').textContent.includes('{words}')");
    browser.until(words, &said, PATIENCE).await;
}

async fn pending(browser: &Browser) -> Value {
    browser.run("return document.querySelector('[data-test=brush]').dataset.pending", &[]).await
}

/// How many strokes the server has for a job of the page.
async fn strokes_kept(browser: &Browser, at: usize) -> Value {
    let script = "const id = document.querySelectorAll('[data-test=job-card][data-id]')[arguments[0]].dataset.id;
        return fetch(`/api/jobs/${id}/strokes`).then(answer => answer.json()).then(kept => kept.strokes.length)";
    browser.run(script, &[at.into()]).await
}

#[tokio::test]
async fn nothing_of_the_job_before_is_seen_or_drawn_on_while_the_next_one_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Desktop).await else { return };
    finished(&browser, 2).await;
    fix(&browser, 0).await;
    ready(&browser).await;
    let sheet = "const box = document.querySelector('[data-test=brush-sheet]').getBoundingClientRect();
        return [box.width, box.height]";
    let seen = browser.run(sheet, &[]).await;
    browser.click("[data-test=brush-cancel]").await;

    browser.run("line.hold = new Promise(free => { line.free = free; })", &[]).await;
    fix(&browser, 1).await;
    browser.until("the dialog", "return document.querySelector('[data-test=brush]').open", PATIENCE).await;
    assert_eq!(veiled(&browser).await, 0, "no veil of another job");
    let photo = "return document.querySelector('[data-test=brush-sheet] img').getAttribute('src')";
    assert_eq!(browser.run(photo, &[]).await, Value::Null, "no photo of another job");
    let idle = "return ['undo', 'done'].every(name => document.querySelector(`[data-test=brush-${name}]`).disabled)";
    assert_eq!(browser.run(idle, &[]).await, true);
    let middle = "const box = document.querySelector('#brush [data-slot=stage]').getBoundingClientRect();
        return [Math.round(box.left + box.width / 2), Math.round(box.top + box.height / 2)]";
    let (x, y): (i64, i64) = serde_json::from_value(browser.run(middle, &[]).await).unwrap();
    browser.drag(&[(x - 40, y), (x, y), (x + 40, y)], "mouse").await;
    browser.press(None, &["\u{e007}"]).await;
    browser.run("line.free(); line.hold = null", &[]).await;
    ready(&browser).await;
    assert_eq!(browser.run(sheet, &[]).await, seen);
    revision(&browser, 0).await;
    assert_eq!(strokes_kept(&browser, 1).await, 0);
    drag(&browser, SHEET, Screen::Desktop, &[[320, 300], [400, 300], [480, 300]]).await;
    revision(&browser, 1).await;
    assert_eq!((strokes_kept(&browser, 0).await, strokes_kept(&browser, 1).await), (0.into(), 1.into()));
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn a_stroke_is_sent_until_its_fate_is_known_and_cancel_waits_for_that() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Desktop).await else { return };
    finished(&browser, 1).await;
    fix(&browser, 0).await;
    ready(&browser).await;
    browser.click("[data-test=brush-erase]").await;
    let all = veiled(&browser).await;

    browser.run("line.lose = 2", &[]).await;
    drag(&browser, SHEET, Screen::Desktop, &[[320, 300], [400, 300], [480, 300]]).await;
    revision(&browser, 1).await;
    assert_eq!(strokes_kept(&browser, 0).await, 1, "sent three times, it is there once");
    assert!(veiled(&browser).await > all);
    says(&browser, "Strokes: 1").await;

    browser.run("line.gone = true", &[]).await;
    drag(&browser, SHEET, Screen::Desktop, &[[400, 600], [500, 600]]).await;
    says(&browser, "Trying again").await;
    says(&browser, "The connection is gone").await;
    assert_eq!(pending(&browser).await, "1", "what was drawn stays on the photo");
    browser.screenshot(&screenshots().join("brush-gone-1440.png")).await;
    browser.run("line.gone = false", &[]).await;
    browser.click("[data-test=brush-again]").await;
    revision(&browser, 2).await;
    assert_eq!((pending(&browser).await, strokes_kept(&browser, 0).await), ("0".into(), 2.into()));

    browser.run("line.gone = true", &[]).await;
    browser.click("[data-test=brush-cancel]").await;
    says(&browser, "could not be taken back").await;
    let open = "return document.querySelector('[data-test=brush]').open";
    assert_eq!(browser.run(open, &[]).await, true);
    browser.screenshot(&screenshots().join("brush-kept-1440.png")).await;
    browser.run("line.gone = false", &[]).await;
    browser.click("[data-test=brush-again]").await;
    browser.until("the end", &format!("return !(() => {{ {open} }})()"), PATIENCE).await;
    assert_eq!(strokes_kept(&browser, 0).await, 0);
    // A stroke that is sent again may be answered as a conflict, which the console tells and the page sees through.
    let complaints = browser.complaints().await;
    assert!(complaints.iter().all(|said| said.contains("409")), "the console says: {complaints:#?}");
}

#[tokio::test]
async fn the_brush_is_led_by_the_keyboard() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    finished(&browser, 1).await;
    browser.run("document.querySelector('[data-test=fix]').focus()", &[]).await;
    browser.press(None, &["\u{e007}"]).await;
    ready(&browser).await;
    let all = veiled(&browser).await;
    let hidden = "return document.querySelector('#brush [data-slot=cursor]').hidden";
    assert_eq!(browser.run(hidden, &[]).await, false, "the place is seen from the start");
    browser.press(None, &["e"]).await;
    browser.press(Some(" "), &["\u{e014}", "\u{e014}", "\u{e014}", "\u{e015}"]).await;
    revision(&browser, 1).await;
    let line = veiled(&browser).await;
    assert!(line > all, "{line} of {all}");
    assert_eq!(strokes_kept(&browser, 0).await, 1, "one line, not many dabs");
    browser.screenshot(&screenshots().join("brush-keys-390.png")).await;
    browser.press(Some("\u{e009}"), &["z"]).await;
    revision(&browser, 2).await;
    assert_eq!(veiled(&browser).await, all);
    let back = "return document.activeElement === document.querySelector('[data-test=fix]')";
    browser.press(None, &["\u{e00c}"]).await;
    browser.until("the focus where it came from", back, PATIENCE).await;
    assert_clean(&browser, &server).await;
}
