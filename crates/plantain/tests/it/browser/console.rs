//! The queue's console as an operator uses it, in headless Chromium: sign in, watch, find, open, stop, repeat, keep keys.

use plantain_testkit::receiver::Answer;
use plantain_testkit::{Receiver, photo};
use serde_json::{Value, json};
use url::Url;

use super::driver::{Browser, Screen};
use super::{WIDE, has, screenshots};
use crate::bed::{self, PATIENCE, Server};

const MODEL: &str = "queue/plantain/simulated";

/// More digits than a number of JavaScript keeps.
const SEED: &str = "174542204382423151741745422043824231517";

/// Runs nothing where it is shown as text, and a lot where it is taken for HTML.
const HOSTILE: &str = "\u{202e}<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>";

struct Bed {
    server: Server,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Bed {
    fn start() -> Bed {
        let folder = tempfile::tempdir().unwrap();
        Bed { server: Server::start(folder.path(), &[]), http: bed::http(), _folder: folder }
    }

    fn page(&self, path: &str) -> String {
        self.server.queue.join(path).unwrap().to_string()
    }

    /// The address that signs in by itself.
    fn signed_in(&self, path: &str) -> String {
        format!("{}#token={}", self.page(path), self.server.secret("admin-token"))
    }

    fn authorization(&self) -> String {
        format!("Key {}", self.server.secret("api-key"))
    }

    async fn submit(&self, input: &Value) -> String {
        self.submit_text(&input.to_string()).await
    }

    async fn submit_text(&self, input: &str) -> String {
        let request = self.http.post(self.page(MODEL)).header("authorization", self.authorization());
        let sent = request.header("x-fal-tags", "shop=<b>7</b>").body(input.to_owned()).send().await.unwrap();
        let (status, said) = bed::answer(sent).await;
        assert_eq!(status, 200, "{said}");
        said["request_id"].as_str().unwrap().to_owned()
    }

    /// Puts a picture on the queue's CDN and says where it is.
    async fn upload(&self) -> Url {
        let begin =
            self.http.post(self.page("rest/storage/upload/initiate")).header("authorization", self.authorization());
        let wish = json!({"content_type": "image/png", "file_name": "mug.png"});
        let (status, said) = bed::answer(begin.json(&wish).send().await.unwrap()).await;
        assert_eq!(status, 200, "{said}");
        let put = self.http.put(said["upload_url"].as_str().unwrap()).header("content-type", "image/png");
        assert!(put.body(photo::png()).send().await.unwrap().status().is_success());
        said["file_url"].as_str().unwrap().parse().unwrap()
    }
}

/// Answers the dialog on the screen, and waits until it has left the page: it does so a task after it was closed.
async fn answer(browser: &Browser, selector: &str) {
    browser.click(selector).await;
    has(browser, "no dialog any more", "!document.querySelector('dialog')").await;
}

async fn text_of(browser: &Browser, selector: &str) -> String {
    let text = browser.run("return document.querySelector(arguments[0])?.textContent ?? ''", &[selector.into()]).await;
    text.as_str().unwrap_or_default().to_owned()
}

async fn press(browser: &Browser, key: &str) {
    let script = "(document.activeElement ?? document.body).dispatchEvent(
        new KeyboardEvent('keydown', { key: arguments[0], bubbles: true, cancelable: true }))";
    browser.run(script, &[key.into()]).await;
}

/// Refusals that a test provokes are told in the browser's console too; nothing else may be.
async fn assert_quiet(browser: &Browser, bed: &Bed) {
    let complaints = browser.complaints().await;
    let unexpected: Vec<_> =
        complaints.iter().filter(|said| !said.contains("the server responded with a status of 4")).collect();
    assert!(unexpected.is_empty(), "the console says: {unexpected:#?}");
    let own = format!("{}:{}", bed.server.queue.host_str().unwrap(), bed.server.queue.port().unwrap());
    let foreign: Vec<String> = browser.requested_hosts().await.into_iter().filter(|host| *host != own).collect();
    assert!(foreign.is_empty(), "the page asks other hosts: {foreign:?}");
    assert_ne!(browser.run("return document.title", &[]).await, "owned");
}

#[tokio::test]
async fn only_the_token_opens_the_console_and_it_stays_in_the_tab() {
    let bed = Bed::start();
    let Some(browser) = Browser::start(Screen::Desktop).await else { return };
    browser.open(&bed.page("console?state=failed")).await;
    has(&browser, "a form to sign in", "document.querySelector('[data-test=login]')").await;
    browser.screenshot(&screenshots().join("console-login-1440.png")).await;
    browser.write("[data-test=token]", "not the token").await;
    browser.click("[data-test=sign-in]").await;
    has(&browser, "a refusal", "document.querySelector('[data-test=login-trouble]:not([hidden])')?.textContent").await;
    browser.write("[data-test=token]", &bed.server.secret("admin-token")).await;
    browser.click("[data-test=sign-in]").await;
    has(&browser, "the filtered list", "document.querySelector('[data-test=empty]:not([hidden]) [data-test=clear]')")
        .await;

    browser.run("sessionStorage.clear()", &[]).await;
    browser.open("about:blank").await;
    browser.open(&bed.signed_in("console")).await;
    has(&browser, "the empty list", "document.querySelector('[data-test=empty]:not([hidden]) pre')").await;
    browser.screenshot(&screenshots().join("console-empty-1440.png")).await;
    let left = browser.run("return [location.href, localStorage.length, document.cookie]", &[]).await;
    assert_eq!(left, json!([bed.page("console"), 0, ""]));
    browser.click("[data-test=sign-out]").await;
    has(&browser, "the door again", "document.querySelector('[data-test=login]')").await;
    assert_eq!(browser.run("return sessionStorage.length", &[]).await, 0);
    assert_quiet(&browser, &bed).await;
}

#[tokio::test]
async fn requests_are_watched_found_opened_stopped_and_repeated() {
    let bed = Bed::start();
    let Some(browser) = Browser::start(Screen::Desktop).await else { return };
    browser.open(&bed.signed_in("console")).await;
    has(&browser, "the empty list", "document.querySelector('[data-test=empty]:not([hidden])')").await;

    let picture = bed.upload().await;
    let output = format!(
        r#"{{"seed": {SEED}, "images": [{{"url": "{picture}"}}, {{"url": "https://elsewhere.test/files/b/x/y.png"}}], "x": 1.50, "said": {}}}"#,
        Value::from(HOSTILE)
    );
    let done = bed
        .submit_text(&format!(r#"{{"duration_ms": 10, "logs": [{}], "output": {output}}}"#, Value::from(HOSTILE)))
        .await;
    bed.submit(&json!({"duration_ms": 10, "fail": {"status": 422, "body": {"detail": HOSTILE}}})).await;
    let long = bed.submit(&json!({"duration_ms": 600_000})).await;
    has(&browser, "three rows without a reload", "document.querySelectorAll('[data-test=row]').length === 3").await;
    has(&browser, "an end without a reload", "document.querySelector('[data-test=row] [data-state=succeeded]')").await;
    has(&browser, "a run", "document.querySelector('[data-test=row] [data-state=running]')").await;
    browser.screenshot(&screenshots().join("console-list-1440.png")).await;

    browser.click("[data-test=chip-refused]").await;
    has(&browser, "the refused one alone", "document.querySelectorAll('[data-test=row]').length === 1").await;
    assert_eq!(browser.run("return location.search", &[]).await, "?state=refused");
    browser.reload().await;
    has(&browser, "the same after a reload", "document.querySelectorAll('[data-test=row]').length === 1").await;
    browser.write("[data-test=filter-label]", "nothing").await;
    has(
        &browser,
        "what is wrong with the filter",
        "document.querySelector('[data-test=trouble]:not([hidden])')?.textContent.includes('key=value')",
    )
    .await;
    browser.screenshot(&screenshots().join("console-error-1440.png")).await;

    browser.open(&bed.page("console?state=succeeded")).await;
    has(&browser, "the one that succeeded", "document.querySelectorAll('[data-test=row]').length === 1").await;
    press(&browser, "j").await;
    has(&browser, "a row in focus", "document.activeElement.matches('[data-test=open]')").await;
    browser.run("document.activeElement.click()", &[]).await;
    has(&browser, "the request", "document.querySelector('[data-test=output-text]')").await;
    assert!(browser.run("return location.pathname", &[]).await.as_str().unwrap().ends_with(&done));
    let shown = text_of(&browser, "[data-test=output-text]").await;
    assert!(shown.contains(&format!("\"seed\": {SEED},\n")) && shown.contains("\"x\": 1.50,\n"), "{shown}");
    let line = text_of(&browser, "[data-test=log-lines]").await;
    assert!(line.contains("⟨202E⟩<img src=x") && !line.contains('\u{202e}'), "{line}");
    assert_eq!(
        browser
            .run(
                "return document.querySelectorAll('main script, main img:not([src*=\"/cdn/files/\"]), main b').length",
                &[]
            )
            .await,
        0
    );
    has(
        &browser,
        "the one picture of our own",
        "[...document.querySelectorAll('[data-test=pictures] img')].filter(it => it.naturalWidth > 0).length === 1",
    )
    .await;
    browser.screenshot(&screenshots().join("console-request-1440.png")).await;

    browser.click("[data-test=retry]").await;
    answer(&browser, "[data-test=confirm-yes]").await;
    has(
        &browser,
        "the copy, which names the first",
        &format!("document.querySelector('[data-test=retry-of]')?.textContent === '{done}'"),
    )
    .await;

    browser.write("[data-test=find]", &format!("{long}\u{e007}")).await;
    has(&browser, "the running one", "document.querySelector('[data-test=cancel]')").await;
    browser.click("[data-test=cancel]").await;
    answer(&browser, "[data-test=confirm-no]").await;
    browser.click("[data-test=cancel]").await;
    answer(&browser, "[data-test=confirm-yes]").await;
    has(&browser, "its end", "document.querySelector('.title [data-state=cancelled]')").await;

    browser.open(&bed.page("console/requests/nobody")).await;
    has(&browser, "that it is unknown", "document.querySelector('[data-test=lost]')").await;
    press(&browser, "Escape").await;
    has(&browser, "the list again", "document.querySelectorAll('[data-test=row]').length === 4").await;
    assert_quiet(&browser, &bed).await;
}

#[tokio::test]
async fn a_key_is_made_shown_once_used_and_revoked() {
    let bed = Bed::start();
    let Some(browser) = Browser::start(Screen::Desktop).await else { return };
    browser.open(&bed.signed_in("console/keys")).await;
    browser.until("the page of keys", "return document.querySelector('[data-test=new-key]') !== null", PATIENCE).await;
    browser.click("[data-test=new-key]").await;
    browser.write("[data-test=key-name]", "<i>shop</i>").await;
    browser.write("[data-test=key-perMinute]", "60").await;
    browser.click("[data-test=make-key]").await;
    has(&browser, "the secret", "document.querySelector('[data-test=secret]')?.textContent.includes(':')").await;
    let key = text_of(&browser, "[data-test=secret]").await;
    browser.screenshot(&screenshots().join("console-key-1440.png")).await;
    answer(&browser, "[data-test=key-done]").await;
    has(&browser, "the key in the list", "document.querySelector('[data-test=key-row] [data-test=revoke]')").await;
    let (_, secret) = key.split_once(':').unwrap();
    let page = browser.run("return document.documentElement.outerHTML", &[]).await;
    assert!(!page.as_str().unwrap().contains(secret) && !page.as_str().unwrap().contains("<i>"));

    let submit = async || {
        let request = bed.http.post(bed.page(MODEL)).header("authorization", format!("Key {key}"));
        request.body(r#"{"duration_ms": 1}"#).send().await.unwrap().status().as_u16()
    };
    assert_eq!(submit().await, 200);
    browser.click("[data-test=revoke]").await;
    answer(&browser, "[data-test=confirm-yes]").await;
    has(&browser, "that it is revoked", "document.querySelector('[data-test=key-row].past')").await;
    assert_eq!(submit().await, 401);
    browser.screenshot(&screenshots().join("console-keys-1440.png")).await;
    assert_quiet(&browser, &bed).await;
}

/// Requests whose webhooks are refused by a receiver; its answer is hostile.
async fn given_up(bed: &Bed, receiver: &Receiver, count: usize) {
    for _ in 0..count {
        receiver.answer(Answer::Body(410, "text/html", HOSTILE.into()));
        let path = format!("{MODEL}?fal_webhook={}", receiver.url("/hook?<i>"));
        let request = bed.http.post(bed.page(&path)).header("authorization", bed.authorization());
        let sent = request.body(r#"{"duration_ms": 1}"#).send().await.unwrap();
        assert_eq!(bed::answer(sent).await.0, 200);
    }
    receiver.wait_for(count).await;
}

#[tokio::test]
async fn what_was_given_up_is_found_looked_at_and_sent_again() {
    let (bed, receiver) = (Bed::start(), Receiver::start().await);
    let Some(browser) = Browser::start(Screen::Desktop).await else { return };
    browser.open(&bed.signed_in("console/deliveries")).await;
    has(&browser, "that there are none", "document.querySelector('[data-test=empty]:not([hidden])')").await;
    given_up(&bed, &receiver, 3).await;
    let rows = "document.querySelectorAll('[data-test=delivery-row]').length === 3";
    has(&browser, "three rows without a reload", rows).await;
    has(&browser, "the host that fails", "document.querySelector('[data-test=failing-host]')").await;
    browser.screenshot(&screenshots().join("console-deliveries-1440.png")).await;

    browser.click("[data-test=open-delivery]").await;
    has(&browser, "its attempts", "document.querySelector('dialog [data-test=delivery-attempt]')").await;
    browser.run("document.querySelector('dialog details').open = true", &[]).await;
    let shown = text_of(&browser, "dialog pre").await;
    assert!(shown.contains("⟨202E⟩<img src=x") && shown.contains("<script>"), "{shown}");
    assert_eq!(browser.run("return document.querySelectorAll('dialog img, dialog script').length", &[]).await, 0);
    browser.screenshot(&screenshots().join("console-delivery-1440.png")).await;
    answer(&browser, "[data-test=delivery-close]").await;

    browser.click("[data-test=chip-delivered]").await;
    has(&browser, "none that arrived", "document.querySelector('[data-test=empty]:not([hidden])')").await;
    browser.click("[data-test=chip-dead]").await;
    has(&browser, "the dead ones", rows).await;
    browser.click("[data-test=redeliver]").await;
    answer(&browser, "[data-test=confirm-no]").await;
    assert_eq!(receiver.received().len(), 3, "nothing happens without a yes");
    browser.click("[data-test=redeliver]").await;
    answer(&browser, "[data-test=confirm-yes]").await;
    receiver.wait_for(4).await;
    has(&browser, "two that are left", "document.querySelectorAll('[data-test=delivery-row]').length === 2").await;

    let host = receiver.url("/").port().unwrap();
    browser.write("[data-test=mail-host]", "other.example:443").await;
    has(&browser, "none of another host", "document.querySelector('[data-test=empty]:not([hidden])')").await;
    browser.open(&bed.page(&format!("console/deliveries?state=dead&host=127.0.0.1:{host}"))).await;
    has(&browser, "those of the host", "document.querySelectorAll('[data-test=delivery-row]').length === 2").await;
    browser.click("[data-test=redeliver-all]").await;
    answer(&browser, "[data-test=confirm-yes]").await;
    receiver.wait_for(6).await;
    has(&browser, "nothing left", "document.querySelector('[data-test=empty]:not([hidden])')").await;
    browser.click("[data-test=chip-delivered]").await;
    has(&browser, "all that arrived", rows).await;
    assert_quiet(&browser, &bed).await;
}

#[tokio::test]
async fn the_console_fits_a_phone() {
    let bed = Bed::start();
    let Some(browser) = Browser::start(Screen::Phone).await else { return };
    let wide = "x".repeat(2000);
    let id = bed
        .submit(&json!({"duration_ms": 10, "logs": [wide, HOSTILE], "output": {"long": wide, "deep": [[[[[[1]]]]]]}}))
        .await;
    bed.submit(&json!({"duration_ms": 600_000})).await;
    let receiver = Receiver::start().await;
    given_up(&bed, &receiver, 2).await;
    for (name, path, ready) in [
        ("list", "console".to_owned(), "document.querySelectorAll('[data-test=row]').length === 4"),
        ("request", format!("console/requests/{id}"), "document.querySelector('[data-test=output-text]')"),
        ("keys", "console/keys".to_owned(), "document.querySelector('[data-test=new-key]')"),
        ("deliveries", "console/deliveries".to_owned(), "document.querySelector('[data-test=delivery-row]')"),
    ] {
        browser.open("about:blank").await;
        browser.open(&bed.signed_in(&path)).await;
        has(&browser, name, ready).await;
        assert_eq!(browser.run(WIDE, &[]).await, 0, "nothing of the {name} sticks out sideways");
        browser.screenshot(&screenshots().join(format!("console-{name}-390.png"))).await;
    }
    assert_quiet(&browser, &bed).await;
}

#[tokio::test]
async fn json_is_made_readable_without_being_read() {
    let bed = Bed::start();
    let Some(browser) = Browser::start(Screen::Desktop).await else { return };
    browser.open(&bed.page("console")).await;
    has(&browser, "the page", "document.querySelector('[data-test=login]')").await;
    let deep = "[".repeat(5_000);
    for (source, expected) in [
        (r#"{"a":17454220438242315174,"a":-1.50e+3}"#, "{\n  \"a\": 17454220438242315174,\n  \"a\": -1.50e+3\n}"),
        (r#"{"s":"a\"b,{}:[ ]\\","e":{},"l":[ ]}"#, "{\n  \"s\": \"a\\\"b,{}:[ ]\\\\\",\n  \"e\": {},\n  \"l\": []\n}"),
        (r#"{"cut": "in the mid"#, "{\n  \"cut\": \"in the mid"),
        ("17", "17"),
        ("", ""),
    ] {
        let script = "const app = document.querySelector('script[type=module]').src;
            return import(app.replace('app.js', 'json.js')).then((json) => json.pretty(arguments[0]))";
        assert_eq!(browser.run(script, &[source.into()]).await, expected, "{source}");
        assert!(browser.run(script, &[Value::from(deep.clone())]).await.as_str().unwrap().starts_with("[\n  [\n"));
    }
}
