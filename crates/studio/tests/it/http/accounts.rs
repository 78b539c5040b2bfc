//! Signing a seller in by a link in a letter, and everything that must not work.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Method, StatusCode};
use plantain_studio::bulk::batch::BatchState;
use plantain_studio::bulk::store::BatchFilter;
use plantain_studio::http::guard::AdminToken;
use plantain_studio::http::letters::Writers;
use plantain_studio::job::JobId;
use plantain_studio::job::transition::JobEvent;
use plantain_testkit::mail::{Mail, MailServer, Moment, Say, Security};
use serde_json::json;

use super::house::{Answer, House, TOKEN, file, house_with_post, photo, report, request};

pub async fn start() -> (MailServer, House) {
    start_with(Writers::default()).await
}

pub async fn start_with(writers: Writers) -> (MailServer, House) {
    let server = MailServer::start(Security::Plain).await;
    let house = house_with_post(&server, writers).await;
    (server, house)
}

/// The `name=value` of the seller's cookie that an answer sets; empty where it takes it away.
fn cookie(answer: &Answer) -> Option<String> {
    let lines = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    lines.filter_map(|line| line.split(';').next()).find(|pair| pair.starts_with("plantain_seller=")).map(str::to_owned)
}

/// A browser with a cookie.
pub struct Browser<'h> {
    house: &'h House,
    pub cookie: String,
}

impl<'h> Browser<'h> {
    pub async fn new(house: &'h House) -> Browser<'h> {
        let cookie = cookie(&house.get("/").await).expect("the first page makes a seller of whoever opens it");
        Browser { house, cookie }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.house.get_with(path, &[("cookie", &self.cookie), ("accept", "text/html")]).await
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let all: Vec<(&str, &str)> = headers.iter().copied().chain([("cookie", self.cookie.as_str())]).collect();
        self.house.send(request(method, path, &all, Body::from(body.to_owned()))).await
    }

    /// As a form of a page of ours.
    pub async fn form(&self, path: &str, body: &str) -> Answer {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.send(Method::POST, path, &[kind, ("accept", "text/html"), ("sec-fetch-site", "same-origin")], body).await
    }

    async fn job(&self) -> String {
        let answer = self.house.post_form(&[file("image", "mug.jpg", photo())], &[("cookie", &self.cookie)]).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        answer.json()["jobId"].as_str().unwrap().to_owned()
    }

    async fn jobs(&self) -> Vec<String> {
        let answer = self.house.get_with("/api/jobs", &[("cookie", &self.cookie)]).await;
        let jobs = answer.json()["jobs"].as_array().cloned().unwrap_or_default();
        jobs.iter().map(|job| job["jobId"].as_str().unwrap().to_owned()).collect()
    }

    pub async fn asks(&self, mailbox: &str) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).append_pair("email", mailbox).finish();
        self.form("/api/sign-in-link", &body).await
    }

    pub async fn follows(&mut self, path: &str) {
        let answer = self.form(path, "").await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::SEE_OTHER, "/account"),
            "{}",
            answer.text()
        );
        self.cookie = cookie(&answer).expect("the browser is somebody now");
    }
}

/// The path of the link in a letter.
pub fn link(mail: &Mail) -> String {
    let text = mail.part("text/plain");
    let line = text.lines().find_map(|line| line.trim().strip_prefix("https://studio.example"));
    line.unwrap_or_else(|| panic!("no link: {text}")).to_owned()
}

/// What lies in the mailbox once everything that is owed was handed in.
pub async fn posted(house: &House, server: &MailServer, count: usize) -> Mail {
    house.studio.post_letters().await.unwrap();
    server.wait_for(count).await.pop().unwrap()
}

#[tokio::test]
async fn a_link_turns_a_session_into_an_account_that_any_browser_can_come_back_to() {
    let (server, house) = start().await;
    let mut browser = Browser::new(&house).await;
    let job = browser.job().await;
    assert!(browser.get("/history").await.text().contains("action=\"/api/sign-in-link\""));
    let asked = browser.asks("Asha@Shop.example").await;
    assert_eq!(asked.status, StatusCode::ACCEPTED);
    assert!(asked.text().contains("Look into your mailbox"));
    let mail = posted(&house, &server, 1).await;
    assert_eq!(
        (mail.to.as_slice(), mail.from.as_str()),
        (&["Asha@shop.example".to_owned()][..], "photos@studio.example")
    );
    assert!(mail.header("Message-ID").starts_with("<link-") && mail.part("text/html").contains(&link(&mail)));
    assert!(!mail.part("text/html").contains("<img") && !mail.part("text/html").contains("<script"));

    let page = browser.get(&link(&mail)).await;
    assert!(page.text().contains("Asha@shop.example") && page.text().contains("come along"), "{}", page.text());
    assert_eq!((page.header("referrer-policy"), page.header("cache-control")), ("same-origin", "no-store"));
    browser.follows(&link(&mail)).await;
    assert_eq!(browser.jobs().await, std::slice::from_ref(&job));
    let account = browser.get("/account").await;
    assert!(account.text().contains("Asha@shop.example") && account.text().contains("Delete the account"));
    assert!(!browser.get("/history").await.text().contains("/api/sign-in-link"), "who has a name isn't asked for one");

    // A phone that was never here.
    let mut phone = Browser::new(&house).await;
    phone.asks("asha@shop.example").await;
    let mail = posted(&house, &server, 2).await;
    phone.follows(&link(&mail)).await;
    assert_eq!(phone.jobs().await, std::slice::from_ref(&job));
    assert_ne!(phone.cookie, browser.cookie);

    let out = phone.form("/sign-out", "").await;
    assert_eq!(cookie(&out).as_deref(), Some("plantain_seller="));
    assert_eq!(browser.jobs().await, [job], "the other browser stays");
}

#[tokio::test]
async fn a_link_is_followed_once_in_time_and_by_nothing_that_only_looks() {
    let (server, house) = start().await;
    let mut browser = Browser::new(&house).await;
    browser.asks("asha@shop.example").await;
    let path = link(&posted(&house, &server, 1).await);
    // Mail programs and scanners look at links, some with HEAD.
    for method in [Method::GET, Method::HEAD, Method::GET] {
        assert_eq!(house.send(request(method, &path, &[], Body::empty())).await.status, StatusCode::OK);
    }
    browser.follows(&path).await;
    let other = Browser::new(&house).await;
    for (who, method) in [("the same browser", Method::POST), ("another one", Method::POST), ("a look", Method::GET)] {
        let asker = if who == "another one" { &other } else { &browser };
        let answer = asker.send(method, &path, &[("accept", "text/html")], "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{who}: replayed");
        assert_eq!(cookie(&answer), None, "{who}");
    }
    other.asks("asha@shop.example").await;
    let late = link(&posted(&house, &server, 2).await);
    house.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(other.form(&late, "").await.status, StatusCode::NOT_FOUND, "expired");
    let guesses = ["0".repeat(64), "F".repeat(64), "x".into(), "%00".into(), "../account".into(), "9".repeat(4_000)];
    for guess in guesses {
        let answer = other.form(&format!("/sign-in/{guess}"), "").await;
        assert!(
            matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED),
            "{guess}: {}",
            answer.status
        );
        assert_eq!(cookie(&answer), None, "{guess}: guessed");
    }
}

#[tokio::test]
async fn whoever_follows_a_link_that_somebody_else_asked_for_loses_and_gives_nothing() {
    let (server, house) = start().await;
    let attacker = Browser::new(&house).await;
    let theirs = attacker.job().await;
    let mut victim = Browser::new(&house).await;
    let own = victim.job().await;
    // The attacker's own mailbox: the victim is led to the link, and even presses the button.
    attacker.asks("mallory@evil.example").await;
    let path = link(&posted(&house, &server, 1).await);
    let page = victim.get(&path).await;
    assert!(page.text().contains("mallory@evil.example"), "the page says whose account it is");
    assert!(page.text().contains("stays where it is"));
    let before = victim.cookie.clone();
    victim.follows(&path).await;
    assert_eq!(victim.jobs().await, [] as [String; 0]);
    victim.cookie = before;
    assert_eq!(victim.jobs().await, std::slice::from_ref(&own), "what the victim made is still the session's alone");
    assert_eq!(attacker.jobs().await, std::slice::from_ref(&theirs));

    // The victim's mailbox: the asking browser gets nothing by it, and no cookie that was set before is worth more after.
    attacker.asks("asha@shop.example").await;
    let path = link(&posted(&house, &server, 2).await);
    victim.follows(&path).await;
    let made = victim.job().await;
    assert!(!attacker.jobs().await.contains(&made), "fixation");
    let looked = attacker.send(Method::GET, &format!("/api/jobs/{made}"), &[], "").await;
    assert_eq!(looked.status, StatusCode::NOT_FOUND);
    assert_eq!(attacker.send(Method::GET, "/api/account", &[], "").await.code(), "no_account");
}

#[tokio::test]
async fn other_sites_make_no_browser_ask_follow_or_leave() {
    let (server, house) = start().await;
    let mut browser = Browser::new(&house).await;
    browser.asks("asha@shop.example").await;
    let path = link(&posted(&house, &server, 1).await);
    browser.follows(&path).await;
    let foreign = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    for (method, path) in [
        (Method::POST, "/api/sign-in-link"),
        (Method::POST, &path),
        (Method::POST, "/api/account"),
        (Method::DELETE, "/api/account"),
        (Method::POST, "/api/account/close"),
    ] {
        let answer = browser.send(method, path, &foreign, "sure=on&email=a@b.example").await;
        assert_eq!(answer.code(), "foreign_page", "{path}");
    }
    assert_eq!(browser.send(Method::GET, "/api/account", &[], "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn no_header_has_a_say_in_where_a_link_leads_or_what_a_letter_says() {
    let (server, house) = start().await;
    let browser = Browser::new(&house).await;
    let lies = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example"),
        ("content-type", "application/json"),
        ("accept-language", "hi"),
    ];
    let body = json!({"email": "asha@shop.example"}).to_string();
    let answer = browser.send(Method::POST, "/api/sign-in-link", &lies, &body).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::ACCEPTED, json!({"expiresInSeconds": 900})));
    let mail = posted(&house, &server, 1).await;
    assert!(!mail.text.contains("evil.example"));
    assert!(
        link(&mail).starts_with("/sign-in/") && mail.part("text/plain").contains("मिनट"),
        "in the asker's language"
    );
    for wrong in
        ["", "asha", "asha@shop.example\r\nBcc: all@shop.example", "a@b.example, c@d.example", "\"a b\"@c.example"]
    {
        let body = json!({"email": wrong}).to_string();
        let answer =
            browser.send(Method::POST, "/api/sign-in-link", &[("content-type", "application/json")], &body).await;
        assert_eq!(answer.code(), "wrong_address", "{wrong}");
    }
    house.studio.post_letters().await.unwrap();
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_mailbox_is_not_flooded_and_nobody_is_told() {
    let (server, house) = start().await;
    let mut answers = Vec::new();
    for _ in 0..8 {
        let browser = Browser::new(&house).await;
        let body = json!({"email": "asha@shop.example"}).to_string();
        let answer = browser.send(Method::POST, "/api/sign-in-link", &[], &body).await;
        answers.push((answer.status, answer.text()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "all were told the same: {answers:?}");
    while house.studio.post_letters().await.unwrap() > 0 {}
    assert_eq!(server.wait_for(5).await.len(), 5);
    house.clock.advance(Duration::from_secs(61 * 60));
    Browser::new(&house).await.asks("asha@shop.example").await;
    posted(&house, &server, 6).await;
}

#[tokio::test]
async fn one_address_can_not_use_up_the_letters_of_all() {
    let (_server, house) = start().await;
    let ask = async |peer: &str, number: usize| {
        let browser = Browser::new(&house).await;
        let body = json!({ "email": format!("seller{number}@shop.example") }).to_string();
        let mut asked = request(Method::POST, "/api/sign-in-link", &[("cookie", &browser.cookie)], Body::from(body));
        asked.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 4711)));
        let answer = house.send(asked).await;
        (answer.status, answer.text())
    };
    let owed = async || {
        let lease = Duration::from_secs(3_600);
        house.store.claim_letters(99, lease, house.clock.now()).await.unwrap().len()
    };
    let mut answers = Vec::new();
    for number in 0..25 {
        answers.push(ask("2001:db8:1:2::7", number).await);
    }
    answers.dedup();
    assert_eq!((answers.len(), answers[0].0), (1, StatusCode::ACCEPTED), "nobody is told");
    assert_eq!(owed().await, 20);
    ask("2001:db8:1:2:ffff::8", 30).await;
    assert_eq!(owed().await, 0, "the same household");
    ask("2001:db8:1:3::7", 31).await;
    assert_eq!(owed().await, 1, "another one");
    house.clock.advance(Duration::from_secs(61 * 60));
    ask("2001:db8:1:2::7", 32).await;
    assert_eq!(owed().await, 1, "an hour later");
}

#[tokio::test]
async fn the_cookie_of_a_closed_account_is_a_strangers() {
    let (server, house) = start().await;
    let mut browser = Browser::new(&house).await;
    browser.asks("asha@shop.example").await;
    browser.follows(&link(&posted(&house, &server, 1).await)).await;
    let copied = browser.cookie.clone();
    assert_eq!(cookie(&browser.get("/").await), Some(copied.clone()), "it stays who it is");
    let closed = browser.send(Method::DELETE, "/api/account", &[], "").await;
    assert_eq!(closed.status, StatusCode::ACCEPTED);

    let hook = json!({"url": "http://127.0.0.1:5678/"}).to_string();
    let refused = browser.send(Method::POST, "/api/hooks", &[("content-type", "application/json")], &hook).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{}", refused.text());
    let anew = cookie(&browser.get("/").await).expect("a seller of a stranger");
    assert!(!anew.contains("account-"), "{anew}");
    let job = browser.job().await;
    let made = house.store.job(&JobId::parse(&job).unwrap()).await.unwrap().unwrap();
    assert_eq!(made.owner, None, "nobody's, as from a program without a cookie");
    // Another cookie beside it still counts.
    let both = format!("{copied}; plantain_session={}", AdminToken::new(TOKEN).session());
    assert_eq!(house.get_with("/api/keys", &[("cookie", &both)]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_letter_is_handed_in_again_until_it_is_taken_or_refused() {
    let (server, house) = start().await;
    let browser = Browser::new(&house).await;
    server.next(Moment::To, Say::Line("451 4.7.1 come back later"));
    server.next(Moment::Taken, Say::HangUp);
    browser.asks("asha@shop.example").await;
    assert_eq!(house.studio.post_letters().await.unwrap(), 1);
    assert_eq!(house.studio.post_letters().await.unwrap(), 0, "not at once");
    house.clock.advance(Duration::from_secs(5));
    assert_eq!(house.studio.post_letters().await.unwrap(), 1);
    house.clock.advance(Duration::from_secs(20));
    assert_eq!(house.studio.post_letters().await.unwrap(), 1);
    let mails = server.wait_for(2).await;
    assert_eq!(
        mails[0].header("Message-ID"),
        mails[1].header("Message-ID"),
        "the mailbox can tell that it is the same"
    );
    assert_eq!(link(&mails[0]), link(&mails[1]));
    server.next(Moment::To, Say::Line("550 5.1.1 nobody"));
    browser.asks("nobody@shop.example").await;
    assert_eq!(house.studio.post_letters().await.unwrap(), 1);
    house.clock.advance(Duration::from_secs(600));
    assert_eq!(house.studio.post_letters().await.unwrap(), 0, "refused for good");
}

#[tokio::test]
async fn an_account_says_what_it_wants_and_goes_with_everything() {
    let (server, house) = start().await;
    let mut browser = Browser::new(&house).await;
    let job = browser.job().await;
    browser.asks("asha@shop.example").await;
    browser.follows(&link(&posted(&house, &server, 1).await)).await;
    let kind = ("content-type", "application/json");
    let set = browser.send(Method::POST, "/api/account", &[kind], "{\"notifyByMail\": true}").await;
    assert_eq!(
        (set.json()["notifyByMail"].as_bool(), set.json()["email"].as_str()),
        (Some(true), Some("asha@shop.example"))
    );
    assert!(browser.get("/account").await.text().contains("name=\"notify\" checked"));
    assert_eq!(browser.form("/api/account", "").await.status, StatusCode::SEE_OTHER);
    assert!(!browser.get("/account").await.text().contains("name=\"notify\" checked"));
    assert_eq!(browser.send(Method::POST, "/api/account", &[kind], "{}").await.code(), "wrong_field");

    assert_eq!(browser.form("/api/account/close", "").await.header("location"), "/account", "not without being sure");
    let closed = browser.form("/api/account/close", "sure=on").await;
    assert_eq!((closed.header("location"), cookie(&closed).as_deref()), ("/", Some("plantain_seller=")));
    assert_eq!(browser.send(Method::GET, "/api/account", &[], "").await.code(), "no_account");
    assert_eq!(house.studio.clear_accounts().await.unwrap(), 0, "what ran is told to stop");
    assert_eq!(house.studio.clear_accounts().await.unwrap(), 1);
    let bearer = format!("Bearer {TOKEN}");
    let gone = house.get_with(&format!("/api/jobs/{job}"), &[("authorization", &bearer)]).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert!(
        house.store.batches(&BatchFilter::default()).await.unwrap().iter().all(|batch| batch.state != BatchState::Open)
    );
}

#[tokio::test]
async fn one_account_that_cannot_be_cleared_keeps_no_other() {
    let (server, house) = start().await;
    let mut jobs = Vec::new();
    for (count, mailbox) in [(1, "asha@shop.example"), (2, "ravi@shop.example")] {
        let mut browser = Browser::new(&house).await;
        jobs.push(browser.job().await);
        browser.asks(mailbox).await;
        browser.follows(&link(&posted(&house, &server, count).await)).await;
        assert_eq!(browser.send(Method::DELETE, "/api/account", &[], "").await.status, StatusCode::ACCEPTED);
        house.clock.advance(Duration::from_secs(1));
    }
    let stuck = format!(
        "CREATE TRIGGER stuck BEFORE DELETE ON studio_jobs WHEN OLD.id = '{}' BEGIN SELECT RAISE(ABORT, 'no'); END",
        jobs[0]
    );
    house.database(&stuck).await;
    assert_eq!(house.studio.clear_accounts().await.unwrap(), 0, "what ran is told to stop");
    assert_eq!(house.studio.clear_accounts().await.unwrap(), 1, "the second is gone");
    house.database("DROP TRIGGER stuck").await;
    assert_eq!(house.studio.clear_accounts().await.unwrap(), 0, "it waits for its turn");
    house.clock.advance(Duration::from_secs(10));
    assert_eq!(house.studio.clear_accounts().await.unwrap(), 1, "and then the first");
}

#[tokio::test]
async fn many_accounts_that_cannot_be_cleared_keep_no_other() {
    let (server, house) = start().await;
    let mut last = None;
    for number in 0..11 {
        let mut browser = Browser::new(&house).await;
        last = Some(browser.job().await);
        browser.asks(&format!("{number}@shop.example")).await;
        browser.follows(&link(&posted(&house, &server, number + 1).await)).await;
        assert_eq!(browser.send(Method::DELETE, "/api/account", &[], "").await.status, StatusCode::ACCEPTED);
        house.clock.advance(Duration::from_secs(1));
    }
    let stuck = format!(
        "CREATE TRIGGER stuck BEFORE DELETE ON studio_jobs WHEN OLD.id <> '{}' BEGIN SELECT RAISE(ABORT, 'no'); END",
        last.unwrap()
    );
    house.database(&stuck).await;
    let mut gone = 0;
    for _ in 0..4 {
        gone += house.studio.clear_accounts().await.unwrap();
    }
    assert_eq!(gone, 1, "ten that fail leave the eleventh its turn");
}

#[tokio::test]
async fn who_wishes_for_letters_gets_the_pictures_by_mail() {
    let (server, house) = start().await;
    let mut browser = Browser::new(&house).await;
    browser.send(Method::GET, "/history?lang=hi", &[], "").await;
    let asks = [("content-type", "application/json"), ("accept-language", "hi")];
    browser.send(Method::POST, "/api/sign-in-link", &asks, "{\"email\": \"asha@shop.example\"}").await;
    browser.follows(&link(&posted(&house, &server, 1).await)).await;
    browser.form("/api/account", "notify=on").await;

    let finished = house.succeeded(3, report("Size")).await;
    let outcome = house.store.job(&finished).await.unwrap().unwrap().outcome.unwrap();
    let id = browser.job().await;
    let now = house.clock.now();
    let claimed = house.store.claim(9, Duration::from_secs(30), now).await.unwrap().jobs.pop().unwrap();
    let ends = JobEvent::Ends { epoch: claimed.epoch, outcome };
    house.store.apply(&claimed.id, &ends, now).await.unwrap();
    server.next(Moment::To, Say::Line("451 4.7.1 come back later"));
    assert_eq!(house.studio.send_messages().await.unwrap(), 1);
    house.clock.advance(Duration::from_secs(60 * 60));
    assert_eq!(house.studio.send_messages().await.unwrap(), 1);
    let mail = server.wait_for(2).await.pop().unwrap();
    assert_eq!(mail.to, ["asha@shop.example"]);
    assert!(mail.header("Message-ID").starts_with("<message-"), "{}", mail.header("Message-ID"));
    for name in ["B0TEST1234.PT01.jpg", "B0TEST1234.PT02.jpg", "B0TEST1234.PT03.jpg"] {
        assert!(mail.text.contains(&format!("filename=\"{name}\"")), "{name}");
    }
    let (text, html) = (mail.part("text/plain"), mail.part("text/html"));
    assert!(text.contains("तस्वीरें देखें: https://studio.example/share/") && text.contains("/account"), "{text}");
    assert!(html.contains(&format!("https://studio.example/share/{id}/")) && !html.contains("<img"), "{html}");
    let shown = browser.send(Method::GET, "/api/messages", &[], "").await.json();
    assert_eq!(
        (&shown["messages"][0]["channel"], &shown["messages"][0]["state"]),
        (&json!("mail"), &json!("delivered"))
    );
    assert_eq!(shown["messages"][0]["attempts"], 2);
    let hooks = browser.send(Method::GET, "/api/hooks", &[], "").await.json();
    assert_eq!(hooks["hooks"], json!([]), "letters are no hook of the API's");
    house.studio.send_messages().await.unwrap();
    assert_eq!(server.mails().len(), 2, "once");
}

#[tokio::test]
async fn where_no_letters_are_sent_nobody_is_offered_an_account() {
    let house = super::house::house_with(|config| config.loopback = false).await;
    let browser = Browser::new(&house).await;
    assert!(!browser.get("/history").await.text().contains("sign-in-link"));
    let answer = browser.send(Method::POST, "/api/sign-in-link", &[], "{\"email\": \"a@b.example\"}").await;
    assert_eq!(answer.code(), "no_accounts");
    assert_eq!(browser.get("/account").await.header("location"), "/history");
}
