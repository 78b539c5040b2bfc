//! Letters about single jobs and batches to addresses that their makers give, and the link in each that stops them.

use axum::body::Body;
use http::{Method, StatusCode};
use plantain_studio::http::letters::Writers;
use plantain_studio::job::JobId;
use plantain_studio::job::transition::JobEvent;
use plantain_studio::messages::facts::Facts;
use plantain_studio::messages::message::Channel;
use plantain_studio::messages::store::MessageFilter;
use plantain_testkit::mail::Mail;
use serde_json::{Value, json};
use std::time::Duration;

use super::accounts::{Browser, link, posted, start};
use super::house::{
    Answer, BOUNDARY, House, Part, TOKEN, ask, file, form_body, house_with, photo, report, request, text,
};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn wished(house: &House, notify: &str, headers: &[(&str, &str)]) -> Answer {
    house.post_form(&[file("image", "mug-spam.jpg", photo()), text("notifyEmail", notify)], headers).await
}

/// Ends the job that was made last, with three pictures.
async fn succeeds(house: &House, answer: &Answer) -> JobId {
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let id = JobId::parse(answer.json()["jobId"].as_str().unwrap()).unwrap();
    let finished = house.succeeded(3, report("Size")).await;
    let outcome = house.store.job(&finished).await.unwrap().unwrap().outcome.unwrap();
    let now = house.clock.now();
    let claimed = house.store.claim(99, Duration::from_secs(30), now).await.unwrap().jobs;
    let epoch = claimed.iter().find(|job| job.id == id).unwrap().epoch;
    house.store.apply(&id, &JobEvent::Ends { epoch, outcome }, now).await.unwrap();
    id
}

/// The path of the link that stops letters, which the letter's head and both of its forms have.
fn stop(mail: &Mail) -> String {
    let head = mail.header("List-Unsubscribe");
    let url = head.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or_else(|| panic!("{head}"));
    assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    assert!(mail.part("text/plain").contains(url) && mail.part("text/html").contains(url));
    url.strip_prefix("https://studio.example").unwrap().to_owned()
}

/// As a mail provider does it for its own button: from elsewhere, without a session.
async fn one_click(house: &House, path: &str) -> Answer {
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", "https://mail.example")];
    house.send(request(Method::POST, path, &headers, Body::from("List-Unsubscribe=One-Click"))).await
}

#[tokio::test]
async fn whoever_names_an_address_has_it_told_and_a_strangers_letter_holds_nothing_of_theirs() {
    let (server, house) = start().await;
    let browser = Browser::new(&house).await;
    assert!(browser.get("/").await.text().contains("name=\"notifyEmail\""));
    assert!(browser.get("/bulk").await.text().contains("name=\"notifyEmail\""));
    let cookie = [("cookie", browser.cookie.as_str()), ("accept-language", "hi")];
    let id = succeeds(&house, &wished(&house, " Asha@Shop.example ", &cookie).await).await;
    assert_eq!(house.studio.send_messages().await.unwrap(), 1);
    let mail = server.wait_for(1).await.pop().unwrap();
    assert_eq!(mail.to, ["Asha@shop.example"]);
    let plain = mail.part("text/plain");
    assert!(plain.contains(&format!("https://studio.example/share/{id}/")) && plain.contains("तस्वीरें"), "{plain}");
    assert!(!mail.text.contains("spam") && !mail.text.contains("filename="), "{}", mail.text);
    let shown = browser.send(Method::GET, "/api/messages", &[], "").await.json();
    assert_eq!((&shown["messages"][0]["channel"], &shown["messages"][0]["hookId"]), (&json!("mail"), &Value::Null));
    assert!(!browser.send(Method::GET, &format!("/api/jobs/{id}"), &[], "").await.text().contains("asha"));

    // The operator answers for what they send.
    let bearer = format!("Bearer {TOKEN}");
    let operator = [("authorization", bearer.as_str())];
    succeeds(&house, &wished(&house, "ravi@shop.example", &operator).await).await;
    house.studio.send_messages().await.unwrap();
    let mail = server.wait_for(2).await.pop().unwrap();
    assert!(mail.text.contains("filename=\"B0TEST1234.PT01.jpg\""), "{}", mail.text);

    // A job that is nobody's is open to whoever knows its id; the mailbox is not.
    let id = succeeds(&house, &wished(&house, "lata@shop.example", &[]).await).await;
    let told =
        house.get_with(&format!("/api/messages?job={id}"), &cookie).await.json()["messages"][0]["target"].clone();
    assert_eq!(told, json!("…@shop.example"));
}

#[tokio::test]
async fn a_mailbox_stops_letters_by_one_click_and_gets_them_again_by_its_account() {
    let (server, house) = start().await;
    let mut browser = Browser::new(&house).await;
    browser.asks("asha@shop.example").await;
    browser.follows(&link(&posted(&house, &server, 1).await)).await;
    browser.form("/api/account", "notify=on").await;
    let made = async |browser: &Browser<'_>| {
        let cookie = browser.cookie.clone();
        succeeds(&house, &house.post_form(&[file("image", "mug.jpg", photo())], &[("cookie", &cookie)]).await).await;
        house.studio.send_messages().await.unwrap();
    };
    made(&browser).await;
    let path = stop(&server.wait_for(2).await.pop().unwrap());

    // Looking, and guessing, change nothing.
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(house.send(ask(method, &path, &[])).await.status, StatusCode::OK);
    }
    let page = house.get_with(&path, &[("accept", "text/html")]).await.text();
    assert!(page.contains("<form method=\"post\">") && page.contains("studio.example"), "{page}");
    for wrong in [format!("{path}0"), path.replace("unsubscribe/", "unsubscribe/0"), "/unsubscribe/x".to_owned()] {
        assert_eq!(one_click(&house, &wrong).await.status, StatusCode::NOT_FOUND, "{wrong}");
        assert_eq!(house.get(&wrong).await.status, StatusCode::NOT_FOUND, "{wrong}");
    }
    made(&browser).await;
    assert_eq!(server.wait_for(3).await.len(), 3);

    for _ in 0..2 {
        assert_eq!(one_click(&house, &path).await.status, StatusCode::OK, "twice is once");
    }
    made(&browser).await;
    // Whoever else names the mailbox reaches it no more either.
    succeeds(&house, &wished(&house, "ASHA@shop.example", &[("cookie", &browser.cookie)]).await).await;
    house.studio.send_messages().await.unwrap();
    assert_eq!(server.mails().len(), 3);
    let messages = browser.get("/messages").await.text();
    assert!(messages.contains("Whoever has the mailbox wants no letters."), "{messages}");
    let account = browser.get("/account").await.text();
    assert!(account.contains("data-test=\"silent\"") && !account.contains("name=\"notify\" checked"), "{account}");
    assert_eq!(browser.send(Method::GET, "/api/account", &[], "").await.json()["notifyByMail"], json!(false));

    browser.form("/api/account", "notify=on").await;
    let account = browser.get("/account").await.text();
    assert!(!account.contains("data-test=\"silent\"") && account.contains("name=\"notify\" checked"), "{account}");
    made(&browser).await;
    assert_eq!(server.wait_for(4).await.len(), 4);
    // Links for signing in never stopped.
    one_click(&house, &path).await;
    browser.asks("asha@shop.example").await;
    assert!(posted(&house, &server, 5).await.header("Message-ID").starts_with("<link-"));
}

#[tokio::test]
async fn an_address_is_taken_by_every_way_to_make_something_and_a_wrong_one_by_none() {
    let (_server, house) = start().await;
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), JSON];
    let generate = |notify: &str| json!({"image_urls": ["https://pictures.example/a.jpg"], "notifyEmail": notify});
    let any = |notify: &str| json!({"endpoint": "fal-ai/flux/dev", "input": {"prompt": "a"}, "notifyEmail": notify});
    let post = async |path: &str, body: Value| {
        house.send(request(Method::POST, path, &headers, Body::from(body.to_string()))).await
    };
    for (path, body) in [("/api/generate", generate("asha@shop.example")), ("/api/jobs", any("asha@shop.example"))] {
        let answer = post(path, body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{path}: {}", answer.text());
        let id = JobId::parse(answer.json()["jobId"].as_str().unwrap()).unwrap();
        let kept = house.store.job(&id).await.unwrap().unwrap().spec.notify.unwrap();
        assert_eq!((kept.address.to_string().as_str(), kept.language.as_str()), ("asha@shop.example", "en"), "{path}");
    }
    for (path, body) in [("/api/generate", generate("asha")), ("/api/jobs", any("a@b.example, c@d.example"))] {
        assert_eq!(post(path, body).await.code(), "notify_email_unusable", "{path}");
    }
    assert_eq!(wished(&house, "asha", &[]).await.code(), "notify_email_unusable");
    assert_eq!(wished(&house, " ", &[]).await.status, StatusCode::ACCEPTED, "an empty field is no wish");
}

#[tokio::test]
async fn who_may_have_letters_sent_is_the_operators_choice_and_there_are_not_too_many() {
    let none = house_with(|config| config.loopback = false).await;
    assert_eq!(wished(&none, "asha@shop.example", &[]).await.code(), "no_letters", "there is no mail server");
    assert!(!none.get("/").await.text().contains("notifyEmail"));
    for (writers, code) in [(Writers::Nobody, "no_letters"), (Writers::Known, "letters_for_accounts")] {
        let (_server, house) = super::accounts::start_with(writers).await;
        assert_eq!(wished(&house, "asha@shop.example", &[]).await.code(), code, "{writers:?}");
        assert!(!house.get("/").await.text().contains("notifyEmail"), "{writers:?}");
    }
    let (_server, house) = start().await;
    let wish =
        json!({"image_urls": ["https://pictures.example/a.jpg"], "notifyEmail": "asha@shop.example"}).to_string();
    let mut answers = Vec::new();
    for _ in 0..31 {
        answers.push(house.send(request(Method::POST, "/api/generate", &[JSON], Body::from(wish.clone()))).await);
    }
    let last = answers.pop().unwrap();
    assert!(answers.iter().all(|answer| answer.status == StatusCode::ACCEPTED));
    assert_eq!((last.status, last.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "too_many_letters"));
    assert_eq!(last.header("retry-after"), "3600");
}

#[tokio::test]
async fn an_archive_that_can_not_be_read_is_told_with_the_reason() {
    let (server, house) = start().await;
    let bearer = format!("Bearer {TOKEN}");
    let operator = ("authorization", bearer.as_str());
    let hook = json!({"url": "http://127.0.0.1:1/", "events": ["batch.done"]}).to_string();
    house.send(request(Method::POST, "/api/hooks", &[operator, JSON], Body::from(hook))).await;
    let begun = async |parts: &[Part]| {
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let headers = [operator, ("content-type", kind.as_str())];
        house.send(request(Method::POST, "/api/batches", &headers, form_body(parts).into())).await
    };
    let to = || text("notifyEmail", "asha@shop.example");
    let unknown = begun(&[file("zip", "a.zip", b"no archive"), to(), text("preset", "amazon")]).await;
    assert_eq!(unknown.code(), "unknown_preset");
    assert_eq!(house.store.messages(&MessageFilter::default()).await.unwrap(), [], "that is no fault of the archive");
    let broken = begun(&[file("zip", "shoes.zip", b"no archive"), to()]).await;
    assert_eq!(broken.code(), "archive_broken");
    let owed = house.store.messages(&MessageFilter::default()).await.unwrap();
    assert_eq!(owed.len(), 2);
    for message in &owed {
        let facts = Facts::of_body(&message.body).unwrap();
        assert_eq!((facts.status.as_str(), facts.counts.unwrap().total()), ("REFUSED", 0));
        assert_eq!(facts.error.unwrap().code, "archive_broken");
    }
    assert!(owed.iter().any(|message| message.channel == Channel::Webhook));
    house.studio.send_messages().await.unwrap();
    let mail = server.wait_for(1).await.pop().unwrap();
    let plain = mail.part("text/plain");
    assert!(plain.contains("shoes.zip could not be turned into pictures"), "{plain}");
    assert!(plain.contains("The file is no ZIP, or it is damaged."), "{plain}");
}

#[tokio::test]
async fn a_stranger_writes_nothing_into_a_refusal_and_sends_it_again_only_so_often() {
    let (server, house) = start().await;
    let browser = Browser::new(&house).await;
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let headers = [("cookie", browser.cookie.as_str()), ("content-type", kind.as_str())];
    let parts = [
        file("zip", "a.zip", b"no archive"),
        file("csv", "a.csv", b"WIN at http://evil.example\n1\n"),
        text("notifyEmail", "asha@shop.example"),
    ];
    let refused = house.send(request(Method::POST, "/api/batches", &headers, form_body(&parts).into())).await;
    assert!(refused.status.is_client_error() && refused.text().contains("evil.example"), "{}", refused.text());
    house.studio.send_messages().await.unwrap();
    let mail = server.wait_for(1).await.pop().unwrap();
    for form in ["text/plain", "text/html"] {
        assert!(!mail.part(form).contains("evil"), "{}", mail.part(form));
    }

    let id = house.store.messages(&MessageFilter::default()).await.unwrap().remove(0).id;
    let again = async || {
        let path = format!("/api/messages/{id}/redeliver");
        let answer = house.send(request(Method::POST, &path, &headers[..1], Body::empty())).await;
        house.studio.send_messages().await.unwrap();
        answer
    };
    for n in 1..30 {
        assert_eq!(again().await.status, StatusCode::ACCEPTED, "{n}");
    }
    let last = again().await;
    assert_eq!((last.status, last.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "too_many_messages"));
    assert_eq!(server.wait_for(30).await.len(), 30, "asked for once, and sent again as often as others may");
}

const WISH: &str = r#"{"image_urls": ["https://pictures.example/a.jpg"], "notifyEmail": "asha@shop.example"}"#;

async fn posts(house: &House, body: &str, key: Option<&str>) -> Answer {
    let key = key.map(|key| ("idempotency-key", key));
    let headers: Vec<(&str, &str)> = [JSON].into_iter().chain(key).collect();
    house.send(request(Method::POST, "/api/generate", &headers, Body::from(body.to_owned()))).await
}

#[tokio::test]
async fn only_what_is_accepted_is_counted_and_once_however_often_it_is_sent() {
    let (_server, house) = start().await;
    let first = posts(&house, WISH, Some("a key")).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text());
    for _ in 0..40 {
        let again = posts(&house, WISH, Some("a key")).await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (StatusCode::ACCEPTED, "true"));
        assert_eq!(again.json(), first.json());
        let unknown = posts(&house, &WISH.replace('}', r#", "preset": "nosuch"}"#), None).await;
        assert_eq!(unknown.code(), "unknown_preset");
    }
    for n in 1..30 {
        assert_eq!(posts(&house, WISH, None).await.status, StatusCode::ACCEPTED, "{n}");
    }
    let refused = posts(&house, WISH, None).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "too_many_letters"));
    let again = posts(&house, WISH, Some("a key")).await;
    assert_eq!((again.status, again.json()), (first.status, first.json()), "it gets its first answer all the same");
    assert_eq!(posts(&house, WISH, Some("a new key")).await.code(), "too_many_letters");
    house.clock.advance(Duration::from_secs(60 * 60));
    assert_eq!(posts(&house, WISH, Some("a new key")).await.status, StatusCode::ACCEPTED, "and it has used no key");
}

#[tokio::test]
async fn an_archive_that_is_told_of_is_counted_and_one_that_nobody_hears_of_is_not() {
    let (_server, house) = start().await;
    let begun = async |more: Part| {
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let parts = [file("zip", "a.zip", b"no archive"), text("notifyEmail", "asha@shop.example"), more];
        house.send(request(Method::POST, "/api/batches", &[("content-type", &kind)], form_body(&parts).into())).await
    };
    for _ in 0..40 {
        assert_eq!(begun(text("preset", "nosuch")).await.code(), "unknown_preset");
    }
    for n in 0..30 {
        assert_eq!(begun(text("prompt", "p")).await.code(), "archive_broken", "{n}");
    }
    assert_eq!(begun(text("prompt", "p")).await.code(), "too_many_letters");
}

#[tokio::test]
async fn whoever_names_a_mailbox_does_not_learn_what_it_wants() {
    let (server, house) = start().await;
    let browser = Browser::new(&house).await;
    let cookie = [("cookie", browser.cookie.as_str())];
    let named = async || {
        let id = succeeds(&house, &wished(&house, "asha@shop.example", &cookie).await).await;
        house.studio.send_messages().await.unwrap();
        id
    };
    // Without ids and times, which differ anyway.
    let told = async |id: &JobId, headers: &[(&str, &str)]| {
        let mut page = house.get_with(&format!("/api/messages?job={id}"), headers).await.json();
        let mut message = page["messages"][0].take();
        let path = format!("/api/messages/{}", message["messageId"].as_str().unwrap());
        let mut whole = house.get_with(&path, headers).await.json();
        for one in [&mut message, &mut whole] {
            for field in ["messageId", "jobId", "createdAt"] {
                one[field].take();
            }
        }
        let listed = async |state| {
            let page = house.get_with(&format!("/api/messages?job={id}&state={state}"), headers).await.json();
            page["messages"].as_array().unwrap().len()
        };
        (message, whole, [listed("delivered").await, listed("dead").await])
    };
    let arrived = named().await;
    let path = stop(&server.wait_for(1).await.pop().unwrap());
    assert_eq!(one_click(&house, &path).await.status, StatusCode::OK);
    let stopped = named().await;
    assert_eq!(server.mails().len(), 1, "nothing is sent");

    let (message, whole, listed) = told(&arrived, &cookie).await;
    assert_eq!((message["state"].as_str(), whole["log"].clone(), listed), (Some("delivered"), json!([]), [1, 0]));
    assert_eq!(told(&stopped, &cookie).await, (message, whole, listed));
    let pages = [&arrived, &stopped].map(|id| (format!("/jobs/{id}"), format!("/messages?job={id}")));
    let [arrived_page, stopped_page] = pages.clone().map(|(_, messages)| messages);
    let [seen, unseen] = [browser.get(&arrived_page).await.text(), browser.get(&stopped_page).await.text()];
    assert!(seen.contains("data-state=\"delivered\"") && unseen.contains("data-state=\"delivered\""), "{unseen}");
    assert!(!unseen.contains("wants no letters") && !unseen.contains("data-test=\"attempts\""), "{unseen}");
    let job_page = browser.get(&pages[1].0).await.text();
    assert!(!job_page.contains("wants no letters"), "{job_page}");

    let bearer = format!("Bearer {TOKEN}");
    let (message, whole, listed) = told(&stopped, &[("authorization", bearer.as_str())]).await;
    assert_eq!((message["state"].as_str(), listed), (Some("dead"), [0, 1]), "the operator sees what there is");
    assert_eq!(whole["log"][0]["why"], "Whoever has the mailbox wants no letters.");
}
