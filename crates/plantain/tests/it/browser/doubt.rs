//! What is not known, and what is refused: a lost answer buys nothing twice, and a button that did nothing says why.

use std::fs;

use super::driver::{Browser, Screen};
use super::{has, pick_jar, shot, start, wait_for_three};
use crate::bed::Server;
use crate::bulk::cut_out;

/// The server gives every answer, and as many uploads as `lose` says never hear theirs. Their names are kept.
const LOSE: &str = "window.lose = 1; window.named = [];
    const { send, setRequestHeader } = XMLHttpRequest.prototype;
    XMLHttpRequest.prototype.setRequestHeader = function (name, value) {
        if (name === 'idempotency-key') named.push(value);
        return setRequestHeader.call(this, name, value);
    };
    XMLHttpRequest.prototype.send = function (body) {
        if (lose > 0) {
            lose -= 1;
            this.onload = this.onerror;
        }
        return send.call(this, body);
    };";

/// With `cut`, nothing that changes something leaves the page.
const LINE: &str = "window.cut = true; const real = window.fetch;
    window.fetch = async (url, options) => {
        if (cut && options?.method) throw new TypeError('the line is cut');
        return real(url, options);
    };";

/// How many jobs, or batches, the server has.
async fn count(browser: &Browser, path: &str, list: &str) -> serde_json::Value {
    browser.run(&format!("return fetch('{path}').then((a) => a.json()).then((all) => all.{list}.length)"), &[]).await
}

#[tokio::test]
async fn an_answer_that_is_lost_buys_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    browser.run(LOSE, &[]).await;
    pick_jar(&browser).await;
    browser.click("[data-test=generate]").await;
    has(&browser, "what is known", "document.querySelector('[data-test=error]')?.innerText.includes('twice')").await;
    assert_eq!(count(&browser, "/api/jobs", "jobs").await, 1, "it had arrived");
    shot(&browser, "lost", Screen::Phone).await;
    browser.click("[data-test=again]").await;
    wait_for_three(&browser).await;
    assert_eq!(count(&browser, "/api/jobs", "jobs").await, 1, "and it is the same job");
    let names = browser.run("return named.length === 2 && named[0] === named[1]", &[]).await;
    assert_eq!(names, true);
}

#[tokio::test]
async fn a_batch_is_sent_again_under_its_name_and_another_one_under_another() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    browser.open(server.studio.join("bulk").unwrap().as_str()).await;
    has(&browser, "the page's script", "!document.getElementById('ways').hidden").await;
    browser.run(&LOSE.replace("lose = 1", "lose = 3"), &[]).await;
    let photo = folder.path().join("jar.png");
    fs::write(&photo, cut_out(0)).unwrap();
    browser.pick_file("[data-test=zip-input]", &photo).await;
    for sent in 1..=3 {
        if sent == 3 {
            browser.write("[data-test=prompt]", "on linen").await;
        }
        browser.click("[data-test=go]").await;
        let told = "document.getElementById('hint').textContent.includes('twice')";
        has(
            &browser,
            "what is known",
            &format!("named.length === {sent} && !document.getElementById('go').disabled && {told}"),
        )
        .await;
    }
    let same = browser.run("return [named[0] === named[1], named[1] === named[2]]", &[]).await;
    assert_eq!(same, serde_json::json!([true, false]));
}

#[tokio::test]
async fn a_button_that_did_nothing_says_why_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    pick_jar(&browser).await;
    browser.click("[data-test=generate]").await;
    wait_for_three(&browser).await;
    browser.run(LINE, &[]).await;
    for (button, place) in [("[data-n='2'] [data-test=use]", ".result__take"), ("[data-test=share]", ".job__more")] {
        browser.click(button).await;
        let line = format!("{place} > [data-test=refused]");
        let said = format!("document.querySelector(\"{line}\")?.innerText.includes('reached')");
        has(&browser, "why not", &said).await;
        shot(&browser, "refused", Screen::Phone).await;
        browser.run("cut = false", &[]).await;
        has(&browser, "the button", &format!("!document.querySelector(\"{button}\").disabled")).await;
        browser.click(button).await;
        has(&browser, "no complaint", &format!("!document.querySelector(\"{line}\")")).await;
        browser.run("cut = true", &[]).await;
    }
}

#[tokio::test]
async fn what_can_not_be_deleted_says_so_and_what_is_gone_leaves_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    for made in 1..=2 {
        browser.open(server.studio.as_str()).await;
        pick_jar(&browser).await;
        browser.click("[data-test=generate]").await;
        let ended = format!("document.querySelectorAll('[data-state=SUCCEEDED]').length === {made}");
        has(&browser, "its pictures", &ended).await;
    }
    browser.open(server.studio.join("history").unwrap().as_str()).await;
    browser.run(LINE, &[]).await;
    browser.click("[data-test=delete]").await;
    browser.click("[data-test=delete-yes]").await;
    let said = "document.querySelector('.past__acts > [data-test=refused]')?.innerText.includes('reached')";
    has(&browser, "why it is still here", said).await;
    shot(&browser, "history-refused", Screen::Phone).await;
    let elsewhere = "cut = false; const row = document.querySelector('[data-test=past-job]');
        return fetch(`/api/history/${row.dataset.id}`, { method: 'DELETE' }).then((answer) => answer.ok)";
    assert_eq!(browser.run(elsewhere, &[]).await, true, "another tab deletes it");
    browser.click("[data-test=delete]").await;
    browser.click("[data-test=delete-yes]").await;
    has(&browser, "the other one alone", "document.querySelectorAll('[data-test=past-job]').length === 1").await;
}

/// What was typed stands there yet, and the photo beside it with what was said of it.
#[tokio::test]
async fn a_field_that_is_refused_costs_no_photo() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    for (lang, screen, said) in [("en", Screen::Phone, "Letters A to Z"), ("hi", Screen::Desktop, "A से Z")] {
        let Some(browser) = Browser::start(screen).await else { return };
        browser.open(server.studio.join(&format!("?lang={lang}")).unwrap().as_str()).await;
        pick_jar(&browser).await;
        has(&browser, "the offer to choose", "document.querySelector('[data-test=choose]')?.hidden === false").await;
        browser.click("[data-test=choose]").await;
        has(&browser, "the dialog", "document.getElementById('choose').open").await;
        browser.click("#choose [data-slot=all]").await;
        browser.click("#choose [data-slot=done]").await;
        let whole = browser.run("return document.querySelector('[data-test=choose]').innerText", &[]).await;
        for (field, bad, good, told) in [("identifier", "bad/id", "B0TEST1234", said), ("products", "100", "1", "99")] {
            browser.write(&format!("#{field}"), bad).await;
            browser.click("[data-test=generate]").await;
            let line = format!("document.querySelector('.field:has(#{field}) > [data-test=refused]')");
            let why = format!("{line}?.innerText.includes('{told}')");
            has(&browser, "why it was refused", &why).await;
            has(&browser, "the field", &format!("document.activeElement.id === '{field}'")).await;
            shot(&browser, &format!("refused-{field}-{lang}"), screen).await;
            let kept = browser.run("return document.querySelector('[data-test=choose]')?.innerText", &[]).await;
            assert_eq!(kept, whole, "the photo, and what was said of it");
            assert_eq!(browser.run("return document.querySelectorAll('.job').length", &[]).await, 0);
            browser.run(&format!("document.getElementById('{field}').value = ''"), &[]).await;
            browser.write(&format!("#{field}"), good).await;
        }
        browser.click("[data-test=generate]").await;
        wait_for_three(&browser).await;
        let name =
            "document.querySelector('[data-test=result-card] [data-slot=file]').innerText.includes('B0TEST1234')";
        has(&browser, "the number that was typed last", name).await;
    }
}

#[tokio::test]
async fn the_form_takes_the_product_numbers_that_the_server_takes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let Some(browser) = start(&server, Screen::Phone).await else { return };
    let numbers = ["B0TEST1234", " mug 350_ml.v-2 ", "7", "", "  ", "a/b", "-", "._", "मग", "a\u{301}"];
    let taken = "const field = document.getElementById('identifier');
        return arguments[0].map(number => (field.value = number, field.checkValidity()))";
    let expected = [true, true, true, true, true, false, false, false, false, false];
    assert_eq!(browser.run(taken, &[serde_json::json!(numbers)]).await, serde_json::json!(expected));
}
