//! Every page that stands by itself: on a desk and on a phone, light and dark, in both languages, by keyboard, as axe judges it.

use std::time::Duration;

use plantain_testkit::mail::{MailServer, Security};
use serde_json::{Value, json};

use super::access::Judge;
use super::driver::{Browser, Screen};
use super::{WIDE, assert_clean, has, pick_jar, shot, start, wait_for_three};
use crate::bed::Server;

/// What is wrong with how a page is laid out, one line each.
const FAULTS: &str = "const [width] = arguments, faults = [], root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) faults.push(`${root.scrollWidth} pixels wide`);
    if (Math.round(visualViewport.width) > width) faults.push(`zoomed out to ${visualViewport.width} pixels`);
    const headings = document.querySelectorAll('h1').length;
    if (headings !== 1) faults.push(`${headings} main headings`);
    for (const element of document.querySelectorAll('.button, .top__link, .foot a, h1, h2, label, summary, dt, dd')) {
        const seen = element.checkVisibility() && !element.closest('.unseen') && element.clientWidth > 0;
        if (seen && element.scrollWidth > element.clientWidth + 1) faults.push(`cut off: ${element.textContent.trim()}`);
    }
    const keys = document.body.innerText.match(/\\b[a-z]+\\.[a-z]+(\\.[a-z]+)*\\b/g) ?? [];
    for (const key of keys) if (key in (arguments[1] ?? {})) faults.push(`no sentence for ${key}`);
    return faults";

/// What the Tab key should come to: of a group of radio buttons the one that is chosen, since arrow keys lead to the others.
const REACHABLE: &str = "[...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')]
    .filter((element) => element.tabIndex >= 0 && !element.disabled && element.type !== 'hidden' && element.checkVisibility()
        && (element.type !== 'radio' || element.checked))";

const TAB: &str = "\u{e004}";

/// Pages where Tab is pressed through to the end; longer ones are the same again and again.
const STEPS_MAX: u64 = 60;

/// The narrowest phones, and wider ones of people who want large letters.
const NARROWEST: u64 = 320;

fn width(screen: Screen) -> u64 {
    if screen == Screen::Phone { 390 } else { 1440 }
}

/// A phone is touched, and pages say so.
async fn as_by_hand(browser: &Browser, screen: Screen) {
    let touched = json!({ "enabled": screen == Screen::Phone });
    browser.devtools("Emulation.setTouchEmulationEnabled", touched).await;
}

/// Tab comes to everything that can be pressed, and each place is seen.
async fn led_by_keyboard(browser: &Browser, page: &str) {
    let count = browser
        .run(
            &format!(
                "window.reached = new Set(); window.unseen = [];
        addEventListener('focusin', ({{ target }}) => {{
            reached.add(target);
            const {{ bottom, top }} = target.getBoundingClientRect();
            if (bottom < 0 || top > innerHeight) unseen.push(target.outerHTML.slice(0, 120));
        }});
        document.activeElement?.blur();
        return {REACHABLE}.length"
            ),
            &[],
        )
        .await
        .as_u64()
        .unwrap();
    if count > STEPS_MAX {
        return;
    }
    // A field for a day has stops of its own for its parts.
    let parts = browser.run("return document.querySelectorAll('[type=date]').length * 3", &[]).await.as_u64().unwrap();
    let keys = vec![TAB; usize::try_from(count + parts).unwrap() + 1];
    browser.press(None, &keys).await;
    let missed = browser
        .run(
            &format!(
                "return [{REACHABLE}.filter((element) => !reached.has(element))
        .map((element) => element.outerHTML.slice(0, 120)), unseen]"
            ),
            &[],
        )
        .await;
    assert_eq!(missed, json!([[], []]), "{page}: what Tab doesn't come to, and what is out of sight then");
}

/// A browser that goes from page to page, and what is found there.
struct Round<'b> {
    browser: &'b Browser,
    server: &'b Server,
    screen: Screen,
    judge: Judge<'b>,
    faults: Vec<String>,
}

/// How long a page that was opened may take before it is taken for overtaken.
const OVERTAKEN: Duration = Duration::from_secs(20);

impl<'b> Round<'b> {
    fn new(browser: &'b Browser, server: &'b Server, screen: Screen) -> Round<'b> {
        Round { browser, server, screen, judge: Judge::new(browser, screen), faults: Vec::new() }
    }

    async fn open(&self, path: &str) {
        self.browser.open(self.server.studio.join(path).unwrap().as_str()).await;
    }

    /// The page that is open, which is called `name` in the screenshots.
    async fn look(&mut self, name: &str) {
        self.judge.look(name).await;
        self.measure(name).await;
        led_by_keyboard(self.browser, name).await;
        // What Tab has come to last is not part of the next look.
        self.browser.run("document.activeElement?.blur(); scrollTo(0, 0)", &[]).await;
    }

    async fn measure(&mut self, name: &str) {
        let found = self.browser.run(FAULTS, &[width(self.screen).into()]).await;
        let lines = found.as_array().into_iter().flatten().filter_map(Value::as_str);
        self.faults.extend(lines.map(|line| format!("{name}: {line}")));
        if self.screen == Screen::Phone {
            self.browser.on_a_phone_of(NARROWEST).await;
            let wide = self.browser.run(WIDE, &[]).await;
            self.browser.on_a_phone_of(width(self.screen)).await;
            self.faults.extend((wide != 0).then(|| format!("{name}: {wide} pixels too wide for {NARROWEST}")));
        }
    }

    /// The same page in Hindi, and back.
    async fn look_in_hindi(&mut self, name: &str, path: &str) {
        let joint = if path.contains('?') { '&' } else { '?' };
        let hindi = format!("{path}{joint}lang=hi");
        self.open(&hindi).await;
        // A page that a form led to may still be arriving and overtake what was opened.
        if !self.browser.comes("return document.documentElement.lang === 'hi'", OVERTAKEN).await {
            self.open(&hindi).await;
        }
        has(self.browser, "Hindi", "document.documentElement.lang === 'hi'").await;
        self.measure(&format!("{name} in Hindi")).await;
        shot(self.browser, &format!("{name}-hindi"), self.screen).await;
        self.open(&format!("{path}{joint}lang=en")).await;
    }

    async fn visit(&mut self, name: &str, path: &str) {
        self.look_in_hindi(name, path).await;
        self.look(name).await;
    }

    fn end(self) {
        assert!(self.faults.is_empty(), "{}", self.faults.join("\n"));
        self.judge.end();
    }
}

async fn every_page_in_turn(screen: Screen) {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens there, so that there is a message that fails.
    let server = Server::start(folder.path(), &["STUDIO_HOOK_URL=http://127.0.0.1:1/hook"]);
    let Some(browser) = start(&server, screen).await else { return };
    as_by_hand(&browser, screen).await;
    let mut round = Round::new(&browser, &server, screen);
    for (name, path) in [
        ("page-first", ""),
        ("page-bulk", "bulk"),
        ("page-history-empty", "history"),
        ("page-messages-empty", "messages"),
        ("page-keys", "keys"),
        ("page-docs", "docs"),
    ] {
        round.visit(name, path).await;
    }
    round.open("").await;
    pick_jar(&browser).await;
    browser.click("[data-test=generate]").await;
    wait_for_three(&browser).await;
    let job = browser.run("return document.querySelector('[data-test=job-card]').dataset.id", &[]).await;
    let job = job.as_str().unwrap().to_owned();
    let told = format!("messages?job={job}");
    let page = format!("jobs/{job}");
    for (name, path) in [
        ("page-job", &*page),
        ("page-history", "history"),
        ("page-nothing", "history?q=nothing"),
        ("page-messages", "messages"),
        ("page-messages-job", &*told),
        ("page-no-messages", "messages?state=delivered"),
        ("page-usage", "usage"),
    ] {
        round.visit(name, path).await;
    }
    assert_clean(&browser, &server).await;
    // These say by their status that there is nothing, which the console tells too.
    round.visit("page-missing", "jobs/nothing").await;
    round.visit("page-no-page", "nothing").await;
    round.end();
}

#[tokio::test]
async fn every_page_is_fit_to_be_seen() {
    every_page_in_turn(Screen::Desktop).await;
}

#[tokio::test]
async fn every_page_is_fit_to_be_seen_on_a_phone() {
    every_page_in_turn(Screen::Phone).await;
}

/// The way of a seller into an account and out of it, as one who comes through a proxy.
async fn an_account_begun_and_ended(screen: Screen) {
    let (folder, mail) = (tempfile::tempdir().unwrap(), MailServer::start(Security::Plain).await);
    let settings = [format!("SMTP_URL={}", mail.url("")), "MAIL_FROM=Photo studio <photos@studio.example>".to_owned()];
    let server = Server::start(folder.path(), &settings.each_ref().map(String::as_str));
    let Some(browser) = Browser::start(screen).await else { return };
    as_by_hand(&browser, screen).await;
    browser.devtools("Network.enable", json!({})).await;
    let headers = json!({ "headers": { "x-forwarded-for": "203.0.113.9" } });
    browser.devtools("Network.setExtraHTTPHeaders", headers).await;
    browser.open(server.studio.as_str()).await;
    let mut round = Round::new(&browser, &server, screen);
    round.visit("account-offer", "history").await;
    browser.write("[data-test=email]", "asha@shop.example").await;
    browser.click("[data-test=ask-link]").await;
    has(&browser, "where to look", "document.querySelector('h1').textContent.includes('mailbox')").await;
    round.look("account-asked").await;
    let letter = mail.wait_for(1).await.remove(0).part("text/plain");
    let link = letter.lines().find(|line| line.contains("/sign-in/")).expect("a letter with a link").trim().to_owned();
    let path = link.split_once("/sign-in/").map(|(_, token)| format!("sign-in/{token}")).unwrap();
    round.visit("account-link", &path).await;
    browser.click("[data-test=follow]").await;
    // Whole, or its own arrival would overtake what is opened next.
    let whole = "document.readyState === 'complete' && document.querySelector('[data-test=address]')";
    has(&browser, "the account", whole).await;
    round.visit("account", "account").await;
    browser.click("[data-test=notify]").await;
    browser.click("[data-test=save]").await;
    has(&browser, "what was chosen", "document.querySelector('[data-test=notify]').checked").await;
    browser.click("[data-test=sure]").await;
    browser.click("[data-test=close]").await;
    has(&browser, "the first page", "document.querySelector('[data-test=generate]')").await;
    has(&browser, "no account", "!document.querySelector('[data-test=account]')").await;
    assert_clean(&browser, &server).await;
    round.visit("account-dead-link", &path).await;
    round.end();
}

#[tokio::test]
async fn an_account_is_begun_and_ended_in_a_browser() {
    an_account_begun_and_ended(Screen::Desktop).await;
}

#[tokio::test]
async fn an_account_is_begun_and_ended_on_a_phone() {
    an_account_begun_and_ended(Screen::Phone).await;
}
