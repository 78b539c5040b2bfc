//! A letter that a seller wishes for beside the photo, and the page on which its reader wants no more of them.

use plantain_testkit::mail::{MailServer, Security};

use super::access::Judge;
use super::driver::Screen;
use super::{assert_clean, pick_jar, start, wait_for_three};
use crate::bed::{PATIENCE, Server};

async fn a_letter_is_wished_for_and_stopped(screen: Screen) {
    let (folder, mail) = (tempfile::tempdir().unwrap(), MailServer::start(Security::Plain).await);
    let smtp = format!("SMTP_URL={}", mail.url(""));
    let server = Server::start(folder.path(), &[&smtp, "MAIL_FROM=Studio <photos@studio.example>"]);
    let Some(browser) = start(&server, screen).await else { return };
    let mut judge = Judge::new(&browser, screen);
    pick_jar(&browser).await;
    browser.write("[data-test=notify-email]", "asha@shop.example,").await;
    browser.click("[data-test=generate]").await;
    let told = "return document.querySelector('#hint').textContent.includes('no e-mail address')";
    browser.until("what is wrong with the address", told, PATIENCE).await;
    judge.look("letters-wish").await;
    browser.run("document.querySelector('[data-test=notify-email]').value = 'asha@shop.example'", &[]).await;
    browser.click("[data-test=generate]").await;
    wait_for_three(&browser).await;
    let letter = mail.wait_for(1).await.remove(0);
    assert_eq!(letter.to, ["asha@shop.example"]);
    let stop = letter.header("List-Unsubscribe").trim_matches(['<', '>']).to_owned();
    browser.open(&stop).await;
    judge.look("letters-stop").await;
    browser.click("[data-test=unsubscribe]").await;
    browser.until("the end of it", "return document.body.textContent.includes('gets no more letters')", PATIENCE).await;
    judge.look("letters-stopped").await;
    browser.open(&format!("{stop}?lang=hi")).await;
    judge.look("letters-stop-hindi").await;
    browser.open(server.studio.join("bulk").unwrap().as_str()).await;
    judge.look("letters-bulk").await;
    assert_clean(&browser, &server).await;
    judge.end();
}

#[tokio::test]
async fn a_letter_is_wished_for_beside_the_photo_and_stopped_by_a_click() {
    a_letter_is_wished_for_and_stopped(Screen::Desktop).await;
}

#[tokio::test]
async fn a_letter_is_wished_for_and_stopped_on_a_phone() {
    a_letter_is_wished_for_and_stopped(Screen::Phone).await;
}
