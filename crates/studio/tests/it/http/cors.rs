//! Pages of other sites: what they may do where the operator has named them, and never as whom.

use axum::body::Body;
use http::{Method, StatusCode};
use plantain_studio::http::cors::Cors;

use super::house::{Answer, House, TOKEN, ask, file, form_body, form_request, house_with, photo, report};

const SHOP: &str = "https://shop.example";

async fn open_to(cors: Cors) -> House {
    house_with(|config| config.cors = cors).await
}

fn shop() -> Cors {
    Cors::Origins(vec![SHOP.into()])
}

async fn preflight(house: &House, path: &str, origin: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "idempotency-key,authorization,content-type"),
    ];
    house.send(ask(Method::OPTIONS, path, &headers)).await
}

async fn posted(house: &House, origin: &str) -> Answer {
    let headers = [("origin", origin), ("sec-fetch-site", "cross-site")];
    house.send(form_request(Body::from(form_body(&[file("image", "mug.jpg", photo())])), &headers)).await
}

#[tokio::test]
async fn a_site_that_was_named_may_call() {
    for cors in [shop(), Cors::Anybody] {
        let house = open_to(cors).await;
        let may = preflight(&house, "/api/generate", SHOP).await;
        assert_eq!((may.status, may.header("access-control-allow-origin")), (StatusCode::OK, SHOP));
        for (header, names) in [
            ("access-control-allow-methods", &["POST", "DELETE", "PUT"][..]),
            ("access-control-allow-headers", &["idempotency-key", "authorization", "content-type"]),
        ] {
            assert!(names.iter().all(|name| may.header(header).contains(name)), "{header}: {}", may.header(header));
        }
        let answer = posted(&house, SHOP).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), SHOP);
        let exposed = answer.header("access-control-expose-headers");
        assert!(["location", "retry-after", "etag"].iter().all(|name| exposed.contains(name)), "{exposed}");
        assert!(answer.headers.get("access-control-allow-credentials").is_none());
        let own = house.get_with(answer.json()["statusUrl"].as_str().unwrap(), &[("origin", SHOP)]).await;
        assert_eq!(own.status, StatusCode::OK);
        assert_eq!(preflight(&house, "/sign-in", SHOP).await.headers.get("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn others_may_not() {
    for (cors, origin) in [(Cors::Nobody, SHOP), (shop(), "https://evil.example"), (shop(), "null")] {
        let house = open_to(cors).await;
        assert_eq!(preflight(&house, "/api/generate", origin).await.headers.get("access-control-allow-origin"), None);
        let answer = posted(&house, origin).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "foreign_page"));
    }
}

#[tokio::test]
async fn a_foreign_page_has_no_rights_of_cookies_or_of_this_machine() {
    let house = open_to(Cors::Anybody).await;
    house.succeeded(1, report("Size")).await;
    let foreign = [("origin", SHOP), ("sec-fetch-site", "cross-site")];
    assert_eq!(house.get("/api/jobs").await.status, StatusCode::OK, "whoever sits at this machine is its operator");
    let answer = house.get_with("/api/jobs", &foreign).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "token_needed"));
    let public = house_with(|config| (config.loopback, config.cors) = (false, Cors::Anybody)).await;
    let seller = public.get("/").await.header("set-cookie").split(';').next().unwrap().to_owned();
    let cookie = ("cookie", seller.as_str());
    assert_eq!(public.get_with("/api/jobs", &[cookie]).await.status, StatusCode::OK);
    assert_eq!(public.get_with("/api/jobs", &[cookie, foreign[0]]).await.status, StatusCode::UNAUTHORIZED);
    let bearer = format!("Bearer {TOKEN}");
    let token = ("authorization", bearer.as_str());
    assert_eq!(public.get_with("/api/jobs", &[token, foreign[0]]).await.status, StatusCode::OK);
}
