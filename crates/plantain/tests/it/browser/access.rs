//! The first page as axe judges it: light and dark, on a desk and on a phone, in each state that a seller meets.

use std::fs;

use serde_json::Value;

use super::driver::{Browser, Screen};
use super::{screenshots, start, wait_for_three};
use crate::bed::{PATIENCE, Server, example};
use crate::official::program::clients;

/// What axe finds, one line each: the rule, where, and what to do. The second time only the colours are others.
const JUDGE: &str = "const all = { rules: { 'target-size': { enabled: true } } };
    const again = { runOnly: ['color-contrast'] };
    const options = { resultTypes: ['violations'], ...(arguments[0] === 'light' ? all : again) };
    return axe.run(document, options).then((found) => found.violations.flatMap(
        (rule) => rule.nodes.map((node) => `${rule.id} at ${node.target}: ${node.failureSummary}`)))";

/// What axe has found so far, on one screen.
pub(super) struct Judge<'b> {
    browser: &'b Browser,
    screen: Screen,
    found: Vec<String>,
}

impl<'b> Judge<'b> {
    pub(super) fn new(browser: &'b Browser, screen: Screen) -> Judge<'b> {
        Judge { browser, screen, found: Vec::new() }
    }

    /// Judges the page as it is now, in both colour schemes.
    pub(super) async fn look(&mut self, page: &str) {
        let Judge { browser, screen, .. } = *self;
        if browser.run("return Boolean(window.axe)", &[]).await == false {
            let axe = fs::read_to_string(clients().join("node_modules/axe-core/axe.min.js")).unwrap();
            browser.run(&format!("{axe}; window.axe = axe"), &[]).await;
        }
        let width = if screen == Screen::Phone { 390 } else { 1440 };
        for scheme in ["light", "dark"] {
            browser.colors(scheme).await;
            // Colours that are on their way to others are nobody's.
            let still = "return document.getAnimations().every((animation) => animation.playState !== 'running')";
            browser.until("a page at rest", still, PATIENCE).await;
            let found = browser.run(JUDGE, &[scheme.into()]).await;
            let lines = found.as_array().expect("axe answers").iter().filter_map(Value::as_str);
            self.found.extend(lines.map(|line| format!("{page} in {scheme} at {width}: {line}")));
            browser.screenshot(&screenshots().join(format!("{page}-{scheme}-{width}.png"))).await;
        }
    }

    pub(super) fn end(self) {
        assert!(self.found.is_empty(), "{}", self.found.join("\n"));
    }
}

async fn every_state_is_open_to_everybody(screen: Screen) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, screen).await else { return };
    let mut judge = Judge::new(&browser, screen);
    judge.look("access-first").await;
    browser.click("[data-test=scene-open]").await;
    browser.pick_file("[data-test=file-input]", &example("mug.jpg")).await;
    let offered = "return document.querySelector('[data-test=choose]')?.hidden === false";
    browser.until("the offer to choose", offered, PATIENCE).await;
    judge.look("access-photo").await;
    browser.click("[data-test=choose]").await;
    browser.until("the dialog", "return document.querySelector('#choose')?.open === true", PATIENCE).await;
    judge.look("access-choose").await;
    browser.click("[data-test=choose-done]").await;
    browser.click("[data-test=generate]").await;
    wait_for_three(&browser).await;
    judge.look("access-done").await;
    browser.click("[data-test=badge]").await;
    judge.look("access-rules").await;
    let in_order = "return [...document.querySelectorAll('#sheet-rules li')].filter((rule) =>
        rule.querySelector('.name').offsetTop > rule.querySelector('.fact').offsetTop).length";
    assert_eq!(browser.run(in_order, &[]).await, 0, "what a rule says stands below or beside its name");
    browser.click("[data-test=close]").await;
    browser.click("[data-test=compare]").await;
    judge.look("access-compare").await;
    browser.click("[data-test=views-close]").await;
    browser.click("[data-test=fix]").await;
    let photo = "return document.querySelector('[data-test=brush-sheet] img').naturalWidth > 0";
    browser.until("the photo below the brush", photo, PATIENCE).await;
    judge.look("access-brush").await;
    judge.end();
}

#[tokio::test]
async fn axe_finds_nothing_in_any_state() {
    every_state_is_open_to_everybody(Screen::Desktop).await;
}

#[tokio::test]
async fn axe_finds_nothing_on_a_phone() {
    every_state_is_open_to_everybody(Screen::Phone).await;
}

#[tokio::test]
async fn axe_finds_nothing_where_one_has_to_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["PLANTAIN_OPEN=0"]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    let mut judge = Judge::new(&browser, Screen::Phone);
    judge.look("access-sign-in").await;
    judge.end();
}
