//! Who may ask, what every answer carries, and what nobody finds.

use axum::body::Body;
use http::{Method, StatusCode};

use super::house::{TOKEN, ask, file, house, house_with, photo, report, request};

#[tokio::test]
async fn what_is_not_there_is_said_in_one_shape() {
    let house = house().await;
    for (method, path, status, code) in [
        (Method::GET, "/nothing", 404, "no_such_route"),
        (Method::GET, "/api/nothing", 404, "no_such_route"),
        (Method::PUT, "/api/jobs", 405, "method_not_allowed"),
        (Method::PUT, "/api/generate", 405, "method_not_allowed"),
        (Method::GET, "/api/fal/webhook", 405, "method_not_allowed"),
        (Method::GET, "/assets/old/app.js", 404, "no_such_route"),
        (Method::GET, "/api/presets/nothing", 404, "unknown_preset"),
    ] {
        let answer = house.send(ask(method, path, &[])).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{path}");
        if status == 405 {
            assert!(!answer.header("allow").is_empty());
        }
    }
}

#[tokio::test]
async fn a_person_is_told_in_html_and_a_program_in_json() {
    let house = house().await;
    let page = house.get_with("/nothing", &[("accept", "text/html")]).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.text().contains("There is no such page"), "{}", page.text());
    assert_eq!(house.get_with("/api/nothing", &[("accept", "text/html")]).await.code(), "no_such_route");
}

#[tokio::test]
async fn every_answer_forbids_what_a_page_does_not_need() {
    let house = house().await;
    let id = house.succeeded(1, report("Size")).await;
    for path in
        ["/", "/nothing", "/api/presets", "/healthz", &format!("/jobs/{id}"), &format!("/api/jobs/{id}/images/1")]
    {
        let answer = house.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe-eval") && !policy.contains("http"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("x-frame-options"), "DENY");
    }
    assert!(!house.get("/").await.header("content-security-policy").contains("unsafe-inline"));
}

#[tokio::test]
async fn a_rebound_name_reaches_nothing_on_loopback() {
    let local = house().await;
    let answer = local.get_with("/api/jobs", &[("host", "evil.example:8787")]).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::MISDIRECTED_REQUEST, "wrong_host"));
    let public = house_with(|config| config.loopback = false).await;
    assert_eq!(public.get_with("/healthz", &[("host", "any.example")]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_foreign_page_can_not_generate_or_cancel() {
    let house = house().await;
    let id = house.generate().await;
    for headers in [
        [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        [("sec-fetch-site", "same-site"), ("origin", "null")],
    ] {
        let answer = house.post_form(&[file("image", "mug.jpg", photo())], &headers).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "foreign_page"));
        let answer = house.send(ask(Method::DELETE, &format!("/api/jobs/{id}"), &headers)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    let own = [("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:8787")];
    assert_eq!(house.post_form(&[file("image", "mug.jpg", photo())], &own).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_closed_studio_asks_for_its_token() {
    let house = house_with(|config| config.open = false).await;
    let id = house.succeeded(1, report("Size")).await;
    let image = || [file("image", "mug.jpg", photo())];
    let guessed = house.post_form(&image(), &[("authorization", "Bearer guess")]).await;
    assert_eq!((guessed.status, guessed.code().as_str()), (StatusCode::UNAUTHORIZED, "key_unknown"));
    for answer in [
        house.post_form(&image(), &[]).await,
        house.get("/api/jobs").await,
        house.get(&format!("/api/jobs?ids={id}")).await,
        house.send(ask(Method::DELETE, &format!("/api/jobs/{id}"), &[])).await,
    ] {
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "token_needed"));
        assert!(!answer.text().contains(TOKEN));
    }
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(house.post_form(&image(), &headers).await.status, StatusCode::ACCEPTED);
    assert_eq!(house.get_with("/api/jobs", &headers).await.status, StatusCode::OK);
    assert_eq!(house.get(&format!("/api/jobs/{id}")).await.status, StatusCode::OK, "who has the link may look");
}

#[tokio::test]
async fn an_operator_signs_in_and_out_on_the_page() {
    let house = house_with(|config| config.open = false).await;
    let door = house.get("/").await;
    assert_eq!(door.status, StatusCode::UNAUTHORIZED);
    assert!(door.text().contains("name=\"token\""));
    let post = |path: &'static str, body: String| {
        let kind = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        house.send(request(Method::POST, path, &kind, Body::from(body)))
    };
    let wrong = post("/sign-in", "token=guess".into()).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(!wrong.headers.contains_key("set-cookie") && wrong.text().contains("not the token"));
    let right = post("/sign-in", format!("token={TOKEN}")).await;
    assert_eq!(right.status, StatusCode::SEE_OTHER);
    let cookie = right.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains(TOKEN), "{cookie}");
    let session = cookie.split(';').next().unwrap();
    assert_eq!(house.get_with("/", &[("cookie", session)]).await.status, StatusCode::OK);
    assert!(post("/sign-out", String::new()).await.header("set-cookie").contains("Max-Age=0"));
}

#[tokio::test]
async fn health_is_told_to_whoever_asks() {
    let house = house_with(|config| config.open = false).await;
    assert_eq!(house.get("/healthz").await.json()["status"], "ok");
    assert_eq!(house.get("/readyz").await.json()["status"], "ready");
    house.shutdown.begin();
    let stopping = house.get("/readyz").await;
    assert_eq!((stopping.status, stopping.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "5"));
}

#[tokio::test]
async fn presets_are_told_with_their_sources() {
    let house = house().await;
    let all = house.get("/api/presets").await.json();
    assert!(all["presets"].as_array().unwrap().len() > 10);
    let one = house.get("/api/presets/amazon_main").await.json();
    assert_eq!((&one["id"], &one["background"]), (&"amazon_main".into(), &"W1".into()));
    let tag = one["sources"][0]["documents"][0].as_str().unwrap();
    assert!(one["documents"][tag].is_string(), "{one}");
}
