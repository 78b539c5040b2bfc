//! The page of messages: whom the studio told, that it did not arrive, and the button that sends it again.

use plantain_testkit::receiver::{Answer, Receiver};

use super::driver::Screen;
use super::{pick_jar, shot_in_both, start, wait_for_three};
use crate::bed::{self, PATIENCE, Server};

async fn a_message_that_was_given_up_is_sent_again(screen: Screen) {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start().await);
    receiver.answer(Answer::Body(410, "text/plain", "this workflow is gone".into()));
    let server = Server::start(folder.path(), &[&format!("STUDIO_HOOK_URL={}", receiver.url("/webhook/studio"))]);
    let Some(browser) = start(&server, screen).await else { return };
    pick_jar(&browser).await;
    browser.click("[data-test=generate]").await;
    wait_for_three(&browser).await;
    receiver.wait_for(1).await;
    let page = server.studio.join("messages").unwrap();
    let shows = async |state: &str| {
        browser.open(page.as_str()).await;
        let script = format!("return Boolean(document.querySelector('[data-test=message][data-state={state}]'))");
        browser.run(&script, &[]).await == true
    };
    bed::until("a message that was given up", || shows("dead")).await;
    browser.click("[data-test=attempts] summary").await;
    shot_in_both(&browser, "messages", screen).await;
    browser.click("[data-test=message] a").await;
    let told = "return document.querySelector('[data-test=told]')?.textContent.includes('never arrived')";
    browser.until("what the job's page says of it", told, PATIENCE).await;
    shot_in_both(&browser, "messages-job", screen).await;
    assert!(shows("dead").await);
    browser.click("[data-test=redeliver]").await;
    receiver.wait_for(2).await;
    bed::until("a message that arrived", || shows("delivered")).await;
    browser.open(&format!("{page}?lang=hi")).await;
    shot_in_both(&browser, "messages-hindi", screen).await;
}

#[tokio::test]
async fn a_message_is_seen_and_sent_again() {
    a_message_that_was_given_up_is_sent_again(Screen::Desktop).await;
}

#[tokio::test]
async fn a_message_is_seen_and_sent_again_on_a_phone() {
    a_message_that_was_given_up_is_sent_again(Screen::Phone).await;
}
