//! What changes on a page is followed by the eye: by those who want it, without a word to the console, and no wider than the screen.

use serde_json::{Value, json};

use super::driver::{Browser, Screen};
use super::{assert_clean, has, pick_jar, rest, start, wait_for_three};
use crate::bed::Server;

/// Notes of each transition that the page begins whether it was shown, how it ended, and the most that the page was too wide.
const WATCH: &str = "const own = document.startViewTransition.bind(document);
    window.moves = [];
    document.startViewTransition = (act) => {
        const root = document.documentElement;
        const [move, moving] = [{ kind: root.dataset.moving, wide: 0 }, own(act)];
        const look = () => {
            move.wide = Math.max(move.wide, root.scrollWidth - root.clientWidth);
            if (!move.end) requestAnimationFrame(look);
        };
        const drawn = () => document.getAnimations().filter(a => a.effect.pseudoElement?.startsWith('::view-transition'));
        moving.ready.then(() => { move.shown = drawn().length > 0; look(); }, () => { move.shown = false; });
        moving.finished.then(() => { move.end = 'finished'; }, (error) => { move.end = error.name; });
        window.moves.push(move);
        return moving;
    };";

/// A job, a picture held against its photo, and the card put away.
async fn used(browser: &Browser) {
    pick_jar(browser).await;
    browser.click("[data-test=generate]").await;
    wait_for_three(browser).await;
    rest(browser).await;
    browser.click("[data-test=compare]").await;
    has(browser, "the dialog", "document.getElementById('views').open").await;
    rest(browser).await;
    browser.click("[data-test=views-close]").await;
    has(browser, "its end", "!document.getElementById('views').open").await;
    rest(browser).await;
    browser.click("[data-test=job-card] [data-slot=hide]").await;
    has(browser, "no card", "!document.querySelector('#job-list > *')").await;
    rest(browser).await;
}

async fn moves(browser: &Browser) -> Vec<Value> {
    let moves = browser.run("return window.moves", &[]).await;
    moves.as_array().expect("they are watched").clone()
}

async fn watched(screen: Screen, motion: &str) -> Option<(Browser, Server, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let browser = start(&server, screen).await?;
    let wish = json!({ "features": [{ "name": "prefers-reduced-motion", "value": motion }] });
    browser.devtools("Emulation.setEmulatedMedia", wish).await;
    browser.run(WATCH, &[]).await;
    Some((browser, server, folder))
}

#[tokio::test]
async fn what_changes_is_shown_changing() {
    let Some((browser, server, _folder)) = watched(Screen::Phone, "no-preference").await else { return };
    used(&browser).await;
    let moves = moves(&browser).await;
    let kinds: Vec<&str> = moves.iter().filter_map(|one| one["kind"].as_str()).collect();
    assert_eq!(
        kinds,
        ["list", "list", "page", "page", "list"],
        "a card comes and ends, a dialog comes and goes, the card goes"
    );
    for one in &moves {
        assert_eq!(
            (&one["shown"], &one["end"], &one["wide"]),
            (&json!(true), &json!("finished"), &json!(0)),
            "{moves:#?}"
        );
    }
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn what_overtakes_another_change_or_leaves_the_page_says_nothing() {
    let Some((browser, server, _folder)) = watched(Screen::Desktop, "no-preference").await else { return };
    used(&browser).await;
    let begun = moves(&browser).await.len();
    let source = "const { change } = await import([...document.querySelectorAll('link[rel=modulepreload]')]
            .map(link => link.href).find(href => href.endsWith('/dom.js')));
        const done = [];
        await Promise.all([1, 2, 3].map(n => change(() => done.push(n))));
        window.made = done.join();";
    browser.run(&format!("(async () => {{ {source} }})()"), &[]).await;
    has(&browser, "all changes, in their order", "window.made === '1,2,3'").await;
    rest(&browser).await;
    let overtaken = moves(&browser).await.split_off(begun);
    let ends: Vec<&Value> = overtaken.iter().map(|one| &one["end"]).collect();
    assert_eq!(ends, [&json!("finished"); 3], "{overtaken:#?}");
    assert!(overtaken[0]["shown"] == false && overtaken[2]["shown"] == true, "{overtaken:#?}");
    browser
        .run("document.getElementById('views').showModal(); document.getElementById('views-close').click()", &[])
        .await;
    browser.open(server.studio.join("history").unwrap().as_str()).await;
    assert_clean(&browser, &server).await;
}

#[tokio::test]
async fn whoever_wants_no_motion_gets_none() {
    let Some((browser, server, _folder)) = watched(Screen::Desktop, "reduce").await else { return };
    used(&browser).await;
    assert_eq!(moves(&browser).await, [] as [Value; 0]);
    assert_clean(&browser, &server).await;
}
