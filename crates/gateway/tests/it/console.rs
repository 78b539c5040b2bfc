//! The console: what an operator sees of every account's requests, what can be done about them, and the page's shell.

use std::time::Duration;

use plantain_testkit::Receiver;
use plantain_testkit::receiver::Answer;
use plantain_work::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::system::{EDIT, KEY, OPERATOR, OTHER_KEY, Reply, Setup, System, manual_clock, start, start_with};

/// More digits than any number type keeps.
const SEED: &str = "174542204382423151741745422043824231517";

async fn operate(system: &System, method: Method, path: &str) -> Reply {
    let request = system.stranger(method, &format!("console/api/{path}"));
    Reply::of(request.header("authorization", format!("Bearer {OPERATOR}"))).await
}

async fn look(system: &System, path: &str) -> Value {
    let reply = operate(system, Method::GET, path).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

async fn listed(system: &System, query: &str) -> Vec<String> {
    let page = look(system, &format!("requests?{query}")).await;
    let ids = page["requests"].as_array().unwrap().iter();
    ids.map(|request| request["requestId"].as_str().unwrap().to_owned()).collect()
}

/// Submits with another key or headers and waits for the end.
async fn submit_as(system: &System, key: &str, input: &str, headers: &[(&str, &str)]) -> String {
    let mut request = system.stranger(Method::POST, EDIT).header("authorization", format!("Key {key}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let reply = Reply::of(request.body(input.to_owned())).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["request_id"].as_str().unwrap().to_owned()
}

async fn ended(system: &System, id: &str) -> Value {
    for _ in 0..500 {
        let found = look(system, &format!("requests/{id}")).await;
        if !found["finishedAt"].is_null() {
            return found;
        }
        Clock::system().sleep(Duration::from_millis(10)).await;
    }
    panic!("{id} did not end");
}

#[tokio::test]
async fn one_request_is_shown_with_all_that_is_known_of_it() {
    let (system, receiver) = (start().await, Receiver::start().await);
    let input = format!(r#"{{"output": {{"seed": {SEED}}}, "logs": ["<b>Decoding</b>", "Saving"]}}"#);
    let hook = receiver.url("/hook?job=1");
    let path = format!("{EDIT}?fal_webhook={hook}");
    let request = system.request(Method::POST, &path).header("x-fal-tags", "shop=7").body(input.clone());
    let id = Reply::of(request).await.json()["request_id"].as_str().unwrap().to_owned();
    receiver.wait_for(1).await;
    let mut found = ended(&system, &id).await;
    while found["deliveries"][0]["state"] != "delivered" {
        found = look(&system, &format!("requests/{id}")).await;
    }

    assert_eq!(
        (&found["state"], &found["keyId"], &found["userId"]),
        (&json!("succeeded"), &json!("shop"), &json!("user_shop"))
    );
    assert_eq!((&found["input"]["text"], &found["input"]["cut"]), (&json!(input), &json!(false)));
    assert_eq!(found["output"]["text"], format!(r#"{{"seed": {SEED}}}"#));
    assert_eq!(found["options"]["labels"], json!({"shop": "7"}));
    assert_eq!(found["logs"]["total"], 2);
    assert_eq!(found["logs"]["entries"][0]["message"], "<b>Decoding</b>");
    assert_eq!((&found["attempts"][0]["how"], &found["attempts"][0]["httpStatus"]), (&json!("answered"), &json!(200)));
    assert!(found["attempts"][0]["endedAt"].is_string() && found["attempts"][1].is_null(), "{found}");
    assert_eq!((&found["outcome"]["ending"], &found["outcome"]["httpStatus"]), (&json!("succeeded"), &json!(200)));
    assert_eq!(found["deliveries"][0]["target"], hook.as_str());
    assert_eq!(found["deliveries"][0]["attempts"][0]["httpStatus"], 200);

    let whole = operate(&system, Method::GET, &format!("requests/{id}/input")).await;
    assert_eq!((whole.text.as_str(), whole.header("content-disposition")), (input.as_str(), Some("attachment")));
    let whole = operate(&system, Method::GET, &format!("requests/{id}/output")).await;
    assert_eq!((whole.text, whole.status), (format!(r#"{{"seed": {SEED}}}"#), 200));
}

#[tokio::test]
async fn a_large_input_is_shown_in_part_and_handed_out_whole() {
    let system = start().await;
    let input = format!(r#"{{"output": {{}}, "picture": "{}"}}"#, "🍌".repeat(100_000));
    let id = system.submit(&input).await;
    let found = ended(&system, &id).await;
    let shown = found["input"]["text"].as_str().unwrap();
    assert!(shown.len() <= 256 * 1024 && input.starts_with(shown), "{}", shown.len());
    assert_eq!((&found["input"]["cut"], &found["input"]["bytes"]), (&json!(true), &json!(input.len())));
    assert_eq!(operate(&system, Method::GET, &format!("requests/{id}/input")).await.text, input);
}

#[tokio::test]
async fn the_list_is_filtered_paged_and_counted() {
    let system = start().await;
    let mut all = Vec::new();
    for (key, input, headers) in [
        (KEY, r#"{}"#, &[("x-fal-tags", "shop=7,note=a=b")][..]),
        (KEY, r#"{"status": 422, "output": {"detail": "no"}}"#, &[]),
        (OTHER_KEY, r#"{"status": 500, "output": {"detail": "broken"}}"#, &[("x-fal-no-retry", "1")]),
        (OTHER_KEY, r#"{}"#, &[]),
    ] {
        let id = submit_as(&system, key, input, headers).await;
        ended(&system, &id).await;
        all.push(id);
    }
    let waiting = system.submit(r#"{"hold": true}"#).await;
    let expect = async |query: &str, expected: &[&String]| {
        let expected: Vec<String> = expected.iter().rev().map(|id| (*id).clone()).collect();
        assert_eq!(listed(&system, query).await, expected, "{query}");
    };
    expect("", &[&all[0], &all[1], &all[2], &all[3], &waiting]).await;
    expect("state=succeeded", &[&all[0], &all[3]]).await;
    expect("state=refused", &[&all[1]]).await;
    expect("state=failed", &[&all[2]]).await;
    expect("key=rival", &[&all[2], &all[3]]).await;
    expect("user=user_shop&state=succeeded", &[&all[0]]).await;
    expect("label=shop%3D7", &[&all[0]]).await;
    expect("label=note%3Da%3Db", &[&all[0]]).await;
    expect("label=shop%3D8", &[]).await;
    expect("endpoint=fal-ai/nano-banana", &[&all[0], &all[1], &all[2], &all[3], &waiting]).await;
    expect("endpoint=workflows/me/flow", &[]).await;
    expect("from=2999-01-01T00:00:00Z", &[]).await;
    expect("to=2020-01-01T00:00:00Z", &[]).await;

    let first = look(&system, "requests?limit=3").await;
    assert_eq!(first["requests"].as_array().unwrap().len(), 3);
    let next = first["next"].as_str().expect("there is more");
    expect(&format!("limit=3&before={next}"), &[&all[0], &all[1]]).await;

    let counts = look(&system, "summary").await["counts"].clone();
    for (state, count) in [("succeeded", 2), ("refused", 1), ("failed", 1), ("cancelled", 0)] {
        assert_eq!(counts[state], count, "{counts}");
    }
    assert_eq!(counts["waiting"].as_u64().unwrap() + counts["running"].as_u64().unwrap(), 1);
}

#[tokio::test]
async fn a_request_is_cancelled_and_tried_again_as_a_new_one() {
    let system = start().await;
    let id = system.submit(r#"{"hold": true, "output": {"n": 1}}"#).await;
    let act = async |id: &str, what: &str| operate(&system, Method::POST, &format!("requests/{id}/{what}")).await;
    act(&id, "retry").await.refuses(400, "has not ended");
    assert!([200, 202].contains(&act(&id, "cancel").await.status));
    assert_eq!(ended(&system, &id).await["state"], "cancelled");
    act(&id, "cancel").await.refuses(400, "has ended");

    system.release();
    let made = act(&id, "retry").await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    assert_eq!(made["retryOf"], id);
    let copy = ended(&system, made["requestId"].as_str().unwrap()).await;
    assert_eq!((&copy["state"], &copy["retryOf"]), (&json!("succeeded"), &json!(id)));
    assert_eq!(copy["input"], look(&system, &format!("requests/{id}")).await["input"]);
    assert_eq!(look(&system, &format!("requests/{id}")).await["state"], "cancelled", "the old one stays");
}

#[tokio::test]
async fn what_was_not_to_be_kept_is_not_shown_and_not_repeated() {
    let system = start_with(Setup { clock: manual_clock(), ..Setup::default() }).await;
    let id = submit_as(&system, KEY, r#"{"output": {"secret": 1}}"#, &[("x-fal-store-io", "0")]).await;
    let mut found = ended(&system, &id).await;
    for _ in 0..500 {
        if found["input"]["kept"] == false {
            break;
        }
        system.clock.advance(Duration::from_secs(60));
        Clock::system().sleep(Duration::from_millis(10)).await;
        found = look(&system, &format!("requests/{id}")).await;
    }
    assert_eq!((&found["input"]["kept"], &found["output"]["kept"]), (&json!(false), &json!(false)));
    assert!(!found.to_string().contains("secret"), "{found}");
    let again = operate(&system, Method::POST, &format!("requests/{id}/retry")).await;
    again.refuses(400, "not kept");
    let refused = operate(&system, Method::GET, "requests/nobody/input").await;
    refused.refuses(404, "no such request");
    let waiting = system.submit(r#"{"hold": true}"#).await;
    operate(&system, Method::GET, &format!("requests/{waiting}/output")).await.refuses(404, "not there");
}

#[tokio::test]
async fn hostile_text_comes_out_as_it_went_in() {
    let system = start().await;
    let line = format!("\u{202e}</script><script>alert(1)</script>{}", "x".repeat(1_000_000));
    let input =
        json!({"logs": [line], "status": 500, "output": {"detail": "<img src=x onerror=alert(1)>"}}).to_string();
    let id = submit_as(&system, KEY, &input, &[("x-fal-no-retry", "1"), ("x-fal-tags", "a=<script>")]).await;
    let found = ended(&system, &id).await;
    let message = found["logs"]["entries"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("\u{202e}</script>") && message.len() <= 4096, "{}", message.len());
    assert_eq!(found["outcome"]["detail"], "<img src=x onerror=alert(1)>");
    assert_eq!(found["options"]["labels"]["a"], "<script>");
    let reply = operate(&system, Method::GET, &format!("requests/{id}")).await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn absurd_questions_are_refused_with_a_reason() {
    let system = start().await;
    for (query, said) in [
        ("state=COMPLETED", "waiting, running"),
        ("stat=failed", "made of state"),
        ("state=failed&state=failed", "at most once"),
        ("limit=0", "1 to 200"),
        ("limit=99999999999999999999", "1 to 200"),
        ("from=soon", "a time"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "later than"),
        ("before=%27%3B--", "earlier answer"),
        ("label=shop", "key=value"),
        ("key=%00", "one line"),
        ("endpoint=..%2F..", "endpoint's id"),
        ("user=%20", "account"),
    ] {
        operate(&system, Method::GET, &format!("requests?{query}")).await.refuses(400, said);
    }
    for before in ["0", "-9223372036854775808", "9223372036854775807"] {
        assert!(listed(&system, &format!("before={before}")).await.is_empty());
    }
    for id in ["nobody", "a%2Fb", "%00", "..%2f..", &"x".repeat(2_000)] {
        for (method, what) in
            [(Method::GET, ""), (Method::POST, "/cancel"), (Method::POST, "/retry"), (Method::GET, "/output")]
        {
            let reply = operate(&system, method, &format!("requests/{id}{what}")).await;
            assert_eq!(reply.status, 404, "{id}{what}: {}", reply.text);
            assert!(reply.json()["detail"].is_string(), "{}", reply.text);
        }
    }
    operate(&system, Method::DELETE, "requests").await.refuses(405, "Method");
    operate(&system, Method::GET, "nothing").await.refuses(404, "nothing");
}

#[tokio::test]
async fn nobody_but_an_operator_sees_or_does_anything() {
    let system = start().await;
    let id = system.submit(r#"{"hold": true}"#).await;
    let one = format!("requests/{id}");
    for (method, path) in [
        (Method::GET, "requests".to_owned()),
        (Method::GET, "summary".to_owned()),
        (Method::GET, one.clone()),
        (Method::GET, format!("{one}/input")),
        (Method::GET, format!("{one}/output")),
        (Method::POST, format!("{one}/cancel")),
        (Method::POST, format!("{one}/retry")),
    ] {
        let path = format!("console/api/{path}");
        Reply::of(system.stranger(method.clone(), &path)).await.refuses(401, "No credentials");
        // Not even the account that it belongs to.
        Reply::of(system.request(method, &path)).await.refuses(403, "admin token");
    }
    assert!(ended_not(&system, &id).await);
}

async fn ended_not(system: &System, id: &str) -> bool {
    look(system, &format!("requests/{id}")).await["finishedAt"].is_null()
}

#[tokio::test]
async fn the_page_is_a_guarded_shell_that_holds_no_secret() {
    let system = start().await;
    for path in ["console", "console/keys", "console/requests/some-id", "console?state=failed"] {
        let page = Reply::of(system.stranger(Method::GET, path)).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{path}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(
            (page.header("x-frame-options"), page.header("x-content-type-options")),
            (Some("DENY"), Some("nosniff"))
        );
        assert!(!page.text.contains(OPERATOR) && !page.text.contains("style="), "{}", page.text);

        let address = system.at(path);
        for asset in
            page.text.split("=\"").skip(1).filter_map(|rest| rest.split('"').next()).filter(|it| it.contains("assets/"))
        {
            let asset = address.join(asset).unwrap();
            let found = Reply::of(system.stranger(Method::GET, asset.path())).await;
            assert_eq!(found.status, 200, "{path}: {asset}");
            assert!(found.header("cache-control").unwrap().contains("immutable"));
        }
    }
    let slash = Reply::of(system.stranger(Method::GET, "console/")).await;
    assert_eq!((slash.status, slash.header("location")), (308, Some("../console")));
    Reply::of(system.stranger(Method::GET, "console/assets/0000/app.js")).await.refuses(404, "not found");
    Reply::of(system.stranger(Method::GET, "console/assets/0000/..%2f..%2fCargo.toml")).await.refuses(404, "not found");
}

/// The first listed delivery, once it is in this state.
async fn delivery_that_is(system: &System, state: &str) -> Value {
    for _ in 0..500 {
        let page = look(system, &format!("deliveries?state={state}")).await;
        if !page["deliveries"][0].is_null() {
            return page["deliveries"][0].clone();
        }
        Clock::system().sleep(Duration::from_millis(10)).await;
    }
    panic!("no delivery is {state}");
}

#[tokio::test]
async fn a_webhook_that_was_given_up_is_found_and_sent_again() {
    let (system, receiver) = (start().await, Receiver::start().await);
    receiver.answer(Answer::Header(302, "location", "https://shop.example/".into()));
    let path = format!("{EDIT}?fal_webhook={}", receiver.url("/hook"));
    let reply = Reply::of(system.request(Method::POST, &path).body("{}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let dead = delivery_that_is(&system, "dead").await;
    let (id, host) = (dead["id"].as_str().unwrap(), dead["host"].as_str().unwrap());
    assert_eq!((&dead["attempts"], &dead["httpStatus"]), (&json!(1), &json!(302)));
    assert!(dead["reason"].as_str().unwrap().contains("redirect"), "{dead}");
    assert_eq!(look(&system, "deliveries?state=dead&host=other.example:443").await["deliveries"], json!([]));

    let one = look(&system, &format!("deliveries/{id}")).await;
    assert_eq!((&one["host"], &one["attempts"][0]["fault"]), (&dead["host"], &json!("theirs")), "{one}");
    assert_eq!(operate(&system, Method::GET, "deliveries/nobody").await.status, 404);
    let hosts = look(&system, "hosts").await;
    assert_eq!((&hosts["hosts"][0]["host"], &hosts["hosts"][0]["reported"]), (&dead["host"], &json!(false)), "{hosts}");

    let redeliver = async |body: Value| {
        let request = system.stranger(Method::POST, "console/api/deliveries/redeliver");
        let request = request.header("authorization", format!("Bearer {OPERATOR}"));
        Reply::of(request.header("content-type", "application/json").body(body.to_string())).await
    };
    assert_eq!(redeliver(json!({"host": "other.example:443"})).await.json(), json!({"redelivered": 0}));
    assert_eq!(redeliver(json!({"hots": host})).await.status, 400);
    assert_eq!(redeliver(json!({"host": host})).await.json(), json!({"redelivered": 1}));
    let delivered = delivery_that_is(&system, "delivered").await;
    assert_eq!((&delivered["id"], &delivered["attempts"]), (&json!(id), &json!(2)));

    let again = operate(&system, Method::POST, &format!("deliveries/{id}/redeliver")).await;
    assert_eq!((again.status, again.json()), (202, json!({"redelivered": 1})));
    assert_eq!(receiver.wait_for(3).await.len(), 3);
    assert_eq!(operate(&system, Method::POST, "deliveries/nobody/redeliver").await.status, 404);
    let stranger = Reply::of(system.request(Method::POST, &format!("console/api/deliveries/{id}/redeliver"))).await;
    assert!((401..=403).contains(&stranger.status), "{}", stranger.status);
}
