//! Hooks and messages by API and page: each sees their own, and a link in a webhook opens its job alone.

use axum::body::Body;
use http::{Method, StatusCode};
use plantain_studio::http::guard::AdminToken;
use plantain_studio::job::transition::JobEvent;
use plantain_studio::job::{Job, JobId, Owner};
use plantain_studio::messages::hook::{Hook, HookId};
use plantain_studio::messages::message::Channel;
use plantain_studio::store::Applied;
use serde_json::{Value, json};

use super::house::{Answer, House, TOKEN, ask, house, house_with, report, request};

const MISSING: &str = "019a5d6e-8f00-7cc3-98c4-dc0c0c07398f";

async fn post(house: &House, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
    let kind = [("content-type", "application/json")];
    let all: Vec<_> = kind.iter().chain(headers).copied().collect();
    house.send(request(Method::POST, path, &all, Body::from(body.to_string()))).await
}

async fn hook(house: &House, headers: &[(&str, &str)], url: &str) -> Value {
    let answer = post(house, "/api/hooks", headers, json!({"url": url, "events": ["job.canceled"]})).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    answer.json()
}

/// As others reach it, with the cookies of two sellers.
async fn sellers() -> (House, String, String) {
    let house = house_with(|config| config.loopback = false).await;
    let mut cookies = Vec::new();
    for _ in 0..2 {
        cookies.push(house.get("/").await.header("set-cookie").split(';').next().unwrap().to_owned());
    }
    let second = cookies.pop().unwrap();
    (house, cookies.pop().unwrap(), second)
}

/// The owner behind a seller's cookie.
fn owner(cookie: &str) -> Owner {
    let value = cookie.split_once('=').unwrap().1;
    Owner::session(value.split_once('.').unwrap().0)
}

/// A job of theirs that is canceled at once.
async fn canceled(house: &House, owner: &Owner) -> JobId {
    let job: Job = house.job("mug.jpg", &"0".repeat(64)).owned_by(Some(owner.clone()));
    house.store.insert(&job).await.unwrap();
    let applied = house.store.apply(&job.id, &JobEvent::CancelAsked, house.clock.now()).await.unwrap();
    assert!(matches!(applied, Applied::Changed(_)));
    job.id
}

#[tokio::test]
async fn a_hook_is_made_listed_tested_and_removed() {
    let house = house().await;
    let made = hook(&house, &[], "http://127.0.0.1:5678/webhook/studio?a=%2F").await;
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"));
    let id = made["hookId"].as_str().unwrap();
    let listed = house.get("/api/hooks").await;
    assert_eq!(listed.json()["hooks"][0]["url"], "http://127.0.0.1:5678/webhook/studio?a=%2F");
    assert!(!listed.text().contains(&secret), "it is told once");
    let tested = post(&house, &format!("/api/hooks/{id}/test"), &[], json!({})).await;
    assert_eq!((tested.status, &tested.json()["event"]), (StatusCode::ACCEPTED, &json!("hook.test")));
    let message = tested.json()["messageId"].as_str().unwrap().to_owned();
    let path = format!("/api/messages/{message}");
    assert_eq!(house.get(&path).await.json()["log"], json!([]));
    let twice = post(&house, &format!("/api/hooks/{id}/test"), &[], json!({})).await;
    assert_eq!((twice.status, twice.code().as_str()), (StatusCode::CONFLICT, "test_pending"));
    let removed = house.send(ask(Method::DELETE, &format!("/api/hooks/{id}"), &[])).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(house.get(&path).await.json()["state"], "dead", "nothing goes to a hook that is gone");
    let again = house.send(ask(Method::DELETE, &format!("/api/hooks/{id}"), &[])).await;
    assert_eq!((again.status, again.code().as_str()), (StatusCode::NOT_FOUND, "no_such_hook"));
}

#[tokio::test]
async fn what_cannot_be_a_hook_is_refused_with_a_reason() {
    let house = house().await;
    for (wish, code) in [
        (json!({}), "wrong_field"),
        (json!({"url": "https://a.example/", "events": ["job.exploded"]}), "wrong_field"),
        (json!({"url": "https://a.example/", "more": 1}), "wrong_field"),
        (json!({"url": "ftp://a.example/"}), "webhook_url_unusable"),
        (json!({"url": "https://me:pass@a.example/"}), "webhook_url_unusable"),
        (json!({"url": "http://10.0.0.5/"}), "webhook_url_refused"),
        (json!({"url": "http://169.254.169.254/latest"}), "webhook_url_refused"),
        (json!({"url": "https://a.example/", "secret": "short"}), "webhook_secret_unusable"),
    ] {
        let answer = post(&house, "/api/hooks", &[], wish.clone()).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, code), "{wish}");
    }
    for n in 0..10 {
        hook(&house, &[], &format!("https://a.example/{n}")).await;
    }
    let answer = post(&house, "/api/hooks", &[], json!({"url": "https://a.example/"})).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::CONFLICT, "too_many_hooks"));
}

#[tokio::test]
async fn a_wish_with_a_callback_is_judged_before_it_is_accepted() {
    let house = house().await;
    let wish = |url: &str| json!({"image_urls": ["https://pictures.example/a.jpg"], "webhookUrl": url});
    let accepted = post(&house, "/api/generate", &[], wish("http://127.0.0.1:5678/webhook-waiting/7?s=a%2Fb")).await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.text());
    let id = JobId::parse(accepted.json()["jobId"].as_str().unwrap()).unwrap();
    let kept = house.store.job(&id).await.unwrap().unwrap().spec.callback.unwrap();
    assert_eq!(kept.url, "http://127.0.0.1:5678/webhook-waiting/7?s=a%2Fb");
    let shown = house.get(&format!("/api/jobs/{id}")).await.text();
    assert!(!shown.contains("webhook-waiting"), "whoever sees the job does not see whom it tells");
    for (url, code) in [("http://10.0.0.5/", "webhook_url_refused"), ("me", "webhook_url_unusable")] {
        let answer = post(&house, "/api/generate", &[], wish(url)).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, code), "{url}");
    }
}

#[tokio::test]
async fn messages_and_hooks_are_their_owners_alone() {
    let (house, mine, other) = sellers().await;
    let made = hook(&house, &[("cookie", &mine)], "https://a.example/hook").await;
    let job = canceled(&house, &owner(&mine)).await;
    let list =
        async |cookie: &str, query: &str| house.get_with(&format!("/api/messages{query}"), &[("cookie", cookie)]).await;
    let listed = list(&mine, "").await.json();
    assert_eq!((&listed["messages"][0]["event"], &listed["next"]), (&json!("job.canceled"), &Value::Null));
    assert_eq!(list(&mine, &format!("?job={job}&state=pending&limit=1")).await.json(), listed);
    assert_eq!(list(&mine, "?state=dead").await.json()["messages"], json!([]));
    assert_eq!(list(&other, "").await.json()["messages"], json!([]));
    assert_eq!(list(&other, &format!("?job={job}")).await.json()["messages"], json!([]));
    assert_eq!(house.get("/api/messages").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(house.get(&format!("/api/messages?job={job}")).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(house.get("/api/hooks").await.status, StatusCode::UNAUTHORIZED);
    for (query, code) in
        [("?job=7", "bad_job"), ("?state=gone", "bad_state"), ("?cursor=x", "bad_cursor"), ("?limit=0", "bad_limit")]
    {
        assert_eq!(list(&mine, query).await.code(), code);
    }

    let id = listed["messages"][0]["messageId"].as_str().unwrap();
    let (message, hook) = (format!("/api/messages/{id}"), format!("/api/hooks/{}", made["hookId"].as_str().unwrap()));
    let operator = format!("Bearer {TOKEN}");
    for (headers, status) in [
        (vec![("cookie", mine.as_str())], StatusCode::OK),
        (vec![("authorization", operator.as_str())], StatusCode::OK),
        (vec![("cookie", other.as_str())], StatusCode::NOT_FOUND),
        (vec![], StatusCode::NOT_FOUND),
    ] {
        assert_eq!(house.get_with(&message, &headers).await.status, status, "{headers:?}");
    }
    for headers in [vec![("cookie", other.as_str())], vec![]] {
        let again = post(&house, &format!("{message}/redeliver"), &headers, json!({})).await;
        assert_eq!(again.status, StatusCode::NOT_FOUND);
        let refused = [StatusCode::NOT_FOUND, StatusCode::UNAUTHORIZED];
        assert!(refused.contains(&house.send(ask(Method::DELETE, &hook, &headers)).await.status));
        assert!(refused.contains(&post(&house, &format!("{hook}/test"), &headers, json!({})).await.status));
    }
    let again = post(&house, &format!("{message}/redeliver"), &[("cookie", &mine)], json!({})).await;
    assert_eq!((again.status, &again.json()["state"]), (StatusCode::ACCEPTED, &json!("pending")));
    let foreign = [("cookie", mine.as_str()), ("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    let again = post(&house, &format!("{message}/redeliver"), &foreign, json!({})).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_the_settings_hook_is_told_is_the_operators_alone() {
    let (house, mine, _) = sellers().await;
    let hook = Hook {
        id: HookId::settings(),
        owner: None,
        channel: Channel::Webhook,
        target: "https://inside.example/?token=hidden".to_owned(),
        events: Vec::new(),
        secret: None,
        created_at: house.clock.now(),
    };
    house.store.set_settings_hook(Some(&hook)).await.unwrap();
    let job = canceled(&house, &owner(&mine)).await;
    let operator = format!("Bearer {TOKEN}");
    let all = house.get_with("/api/messages", &[("authorization", &operator)]).await.json();
    assert_eq!(all["messages"][0]["target"], json!(hook.target));
    let message = format!("/api/messages/{}", all["messages"][0]["messageId"].as_str().unwrap());
    for path in ["/api/messages".to_owned(), format!("/api/messages?job={job}")] {
        assert_eq!(house.get_with(&path, &[("cookie", &mine)]).await.json()["messages"], json!([]), "{path}");
    }
    for path in [message.clone(), "/messages".to_owned(), format!("/jobs/{job}"), "/history".to_owned()] {
        let page = house.get_with(&path, &[("cookie", &mine)]).await.text();
        assert!(!page.contains("inside.example") && !page.contains("data-test=\"past-told\""), "{path}");
    }
    assert_eq!(house.get_with(&message, &[("cookie", &mine)]).await.status, StatusCode::NOT_FOUND);
    let again = post(&house, &format!("{message}/redeliver"), &[("cookie", &mine)], json!({})).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_page_shows_messages_and_sends_one_again_without_scripts() {
    let house = house().await;
    let empty = house.get("/messages").await.text();
    assert!(empty.contains("Nobody has been told of anything yet"));
    hook(&house, &[], "https://a.example/hook?token=hunter2").await;
    let job = canceled(&house, &Owner::operator()).await;
    let html = house.get("/messages").await.text();
    for part in ["A job was canceled", "a.example", "On its way", &format!("/jobs/{job}"), "Send again"] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("hunter2"), "the page shows the host alone");
    let action = html.split("action=\"/api/messages/").nth(1).unwrap().split('"').next().unwrap();
    let path = format!("/api/messages/{action}");
    let answer = house.send(request(Method::POST, &path, &[("accept", "text/html")], Body::empty())).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/messages"));
    let page = house.get(&format!("/jobs/{job}")).await.text();
    assert!(page.contains("A message about it is on its way."));
    let led = format!("href=\"/messages?job={job}\"");
    assert!(page.contains(&led), "{page}");
    let history = house.get("/history").await.text();
    assert!(history.contains(&led) && history.contains("Message on its way"), "{history}");
    let (of_it, of_another) = (format!("/messages?job={job}"), format!("/messages?job={MISSING}"));
    assert!(house.get(&of_it).await.text().contains("A job was canceled"));
    let none = house.get(&of_another).await.text();
    assert!(none.contains("No message is like that.") && !none.contains("A job was canceled"));
    let hindi = house.get("/messages?lang=hi").await.text();
    assert!(hindi.contains("काम रद्द हुआ") && hindi.contains("फिर भेजें"));
    assert_eq!(house.get("/messages?state=none").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_link_in_an_address_opens_its_job_until_it_ends_and_nothing_else() {
    let (house, ..) = sellers().await;
    let id = house.succeeded(1, report("Size")).await;
    let mut private = house.store.job(&id).await.unwrap().unwrap().owned_by(Some(Owner::key("shop")));
    private.id = JobId::new(house.clock.now());
    house.store.insert(&private).await.unwrap();
    let until = house.clock.now().as_second() + 60;
    let token = AdminToken::new(TOKEN).link_key().token(&private.id, until);
    let path = format!("/api/jobs/{}/images/1", private.id);
    let opens = async |path: &str| house.get(path).await.status;
    assert_eq!(opens(&path).await, StatusCode::NOT_FOUND);
    assert_eq!(opens(&format!("{path}?link={token}")).await, StatusCode::OK);
    assert_eq!(opens(&format!("{path}?link={token}0")).await, StatusCode::NOT_FOUND);
    let other = AdminToken::new(TOKEN).link_key().token(&JobId::parse(MISSING).unwrap(), until);
    assert_eq!(opens(&format!("{path}?link={other}")).await, StatusCode::NOT_FOUND);
    let again = post(&house, &format!("/api/jobs/{}/again?link={token}", private.id), &[], json!({})).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND, "it lets look, and do nothing");
    house.clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(opens(&format!("{path}?link={token}")).await, StatusCode::NOT_FOUND);
}
