//! Keys of the studio's API: who may do what with one, how many pictures it gets, and what it may spend.

use axum::body::Body;
use http::{Method, StatusCode};
use plantain_media::encode::Provenance;
use plantain_studio::config::Maker;
use plantain_studio::job::{JobId, Outcome};
use serde_json::{Value, json};

use super::house::{Answer, House, TOKEN, ask, file, house, house_made_by, house_with, photo, request, text};

fn bearer(secret: &str) -> String {
    format!("Bearer {secret}")
}

async fn wished(house: &House, wish: &str) -> Answer {
    let admin = bearer(TOKEN);
    let headers = [("content-type", "application/json"), ("authorization", admin.as_str())];
    house.send(request(Method::POST, "/api/keys", &headers, Body::from(wish.to_owned()))).await
}

/// Id and secret of a new key.
async fn key(house: &House, wish: &str) -> (String, String) {
    let made = wished(house, wish).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let made = made.json();
    (made["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

async fn generated(house: &House, authorization: &str, count: &str) -> Answer {
    let parts = [file("image", "mug.jpg", photo()), text("num_images", count)];
    house.post_form(&parts, &[("authorization", authorization)]).await
}

/// Not open, and reached from elsewhere.
async fn closed() -> House {
    house_with(|config| (config.open, config.loopback) = (false, false)).await
}

#[tokio::test]
async fn a_key_opens_a_closed_studio_until_it_is_revoked() {
    let house = closed().await;
    let (id, secret) = key(&house, r#"{"name": "n8n", "tier": "paid"}"#).await;
    let own = bearer(&secret);
    assert_eq!(generated(&house, &bearer("plantain_guess"), "1").await.status, StatusCode::UNAUTHORIZED);
    let job = generated(&house, &own, "3").await;
    assert_eq!(job.status, StatusCode::ACCEPTED, "{}", job.text());
    let path = format!("/api/jobs/{}", job.json()["jobId"].as_str().unwrap());
    assert_eq!(house.get_with(&path, &[("authorization", &own)]).await.json()["numImages"], 3);
    assert_eq!(house.get(&path).await.status, StatusCode::NOT_FOUND, "it is the key's");
    let listed = house.get_with("/api/jobs", &[("authorization", &own)]).await.json();
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 1);

    let admin = bearer(TOKEN);
    let keys = house.get_with("/api/keys", &[("authorization", &admin)]).await;
    assert!(!keys.text().contains(&secret));
    let told = &keys.json()["keys"][0];
    assert_eq!((&told["name"], &told["tier"], &told["revokedAt"]), (&json!("n8n"), &json!("paid"), &Value::Null));
    let revoke = async |id: &str| {
        house.send(ask(Method::DELETE, &format!("/api/keys/{id}"), &[("authorization", &admin)])).await
    };
    assert_eq!(revoke(&id).await.status, StatusCode::NO_CONTENT);
    assert_eq!(revoke("nothing").await.code(), "no_such_key");
    assert_eq!(generated(&house, &own, "1").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(house.get_with(&path, &[("authorization", &admin)]).await.status, StatusCode::OK, "its jobs stay");
}

#[tokio::test]
async fn a_secret_that_is_nobodys_is_refused_on_an_open_studio_too() {
    for loopback in [true, false] {
        let house = house_with(|config| config.loopback = loopback).await;
        let (id, secret) = key(&house, r#"{"name": "n8n"}"#).await;
        let cut = &TOKEN[..TOKEN.len() - 1];
        for wrong in
            ["Bearer wrong", "Bearer", "bearer plantain_guess", "Key plantain_guess", "plantain_guess", &bearer(cut)]
        {
            let refused = generated(&house, wrong, "1").await;
            assert_eq!((refused.status.as_u16(), refused.code().as_str()), (401, "key_unknown"), "{wrong}");
            let sent = [("authorization", wrong)];
            for path in ["/api/jobs", "/api/usage", "/api/price?preset=amazon_main", "/"] {
                assert_eq!(house.get_with(path, &sent).await.status, StatusCode::UNAUTHORIZED, "{wrong} {path}");
            }
            assert_eq!(house.get_with("/healthz", &sent).await.status, StatusCode::OK, "it looks at nobody");
            let webhook = house.send(request(Method::POST, "/api/fal/webhook", &sent, Body::from("{}"))).await;
            assert_ne!(webhook.code(), "key_unknown", "its signature decides");
        }
        for proxys in ["", "Basic dTpw", "Digest username=\"u\"", "Negotiate YII"] {
            assert_eq!(generated(&house, proxys, "1").await.status, StatusCode::ACCEPTED, "{proxys}");
        }
        for right in [bearer(&secret), format!("Key {secret}"), format!("key  {secret}"), secret.clone()] {
            let made = generated(&house, &right, "1").await;
            assert_eq!(made.status, StatusCode::ACCEPTED, "{right}: {}", made.text());
            let job = JobId::parse(made.json()["jobId"].as_str().unwrap()).unwrap();
            let owner = house.store.job(&job).await.unwrap().unwrap().owner.unwrap();
            assert!(owner.as_str().contains(&id), "{right}");
        }
    }
}

#[tokio::test]
async fn who_is_refused_is_told_what_is_needed() {
    let (open, shut) = (house_with(|config| config.loopback = false).await, closed().await);
    for (house, path, words) in [
        (&open, "/api/jobs", "A session, a key or the admin token is needed."),
        (&open, "/api/batches", "A session, a key or the admin token is needed."),
        (&open, "/api/keys", "This is for the operator."),
        (&open, "/api/inbox?state=rejected", "This is for the operator."),
        (&shut, "/api/jobs", "This studio is not open to everybody."),
    ] {
        let refused = house.get(path).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (401, "token_needed"), "{path}");
        assert_eq!(refused.json()["error"]["message"], words, "{path}");
    }
}

#[tokio::test]
async fn only_the_operator_makes_lists_and_revokes_keys() {
    let house = closed().await;
    let (id, secret) = key(&house, r#"{"name": "shop"}"#).await;
    let own = bearer(&secret);
    for (method, path) in [
        (Method::GET, "/api/keys".to_owned()),
        (Method::POST, "/api/keys".into()),
        (Method::DELETE, format!("/api/keys/{id}")),
    ] {
        for headers in [&[][..], &[("authorization", own.as_str())]] {
            let answer = house.send(ask(method.clone(), &path, headers)).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_wrong_wish_for_a_key_is_told() {
    let house = house().await;
    let long = format!(r#"{{"name": "{}"}}"#, "x".repeat(81));
    for wish in [
        "",
        "{}",
        r#"{"name": " "}"#,
        r#"{"name": "a\nb"}"#,
        &long,
        r#"{"name": "a", "tier": "gold"}"#,
        r#"{"name": "a", "monthlyBudgetCents": -1}"#,
        r#"{"name": "a", "budget": 1}"#,
    ] {
        let answer = wished(&house, wish).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, "wrong_field"), "{wish}");
    }
}

#[tokio::test]
async fn who_pays_gets_three_pictures_and_others_one() {
    let house = house_with(|config| config.loopback = false).await;
    let (_, free) = key(&house, r#"{"name": "free", "tier": "free"}"#).await;
    let (_, paid) = key(&house, r#"{"name": "paid", "tier": "paid"}"#).await;
    for (authorization, pictures) in [("", 1), (&*bearer(&free), 1), (&*bearer(&paid), 3), (&*bearer(TOKEN), 3)] {
        let begun = generated(&house, authorization, "3").await.json();
        assert_eq!(begun["numImages"], pictures, "{begun}");
        let told = begun["notices"].as_array().unwrap().iter().any(|told| told.as_str().unwrap().contains("paid key"));
        assert_eq!(told, pictures == 1, "{begun}");
    }
    let one = generated(&house, "", "1").await.json();
    assert_eq!(one["notices"], json!([]), "who asks for one gets what was asked for");
}

#[tokio::test]
async fn a_months_budget_is_kept_and_failures_cost_nothing() {
    let house = house_made_by(Maker::generative(3.9)).await;
    let (_, secret) = key(&house, r#"{"name": "shop", "tier": "paid", "monthlyBudgetCents": 16}"#).await;
    let own = bearer(&secret);
    let buys = async |count: &str| generated(&house, &own, count).await;
    let first = buys("3").await;
    assert_eq!((first.status, &first.json()["costCents"]), (StatusCode::ACCEPTED, &json!(11.7)));
    let second = buys("2").await;
    assert_eq!((second.status.as_u16(), second.code().as_str()), (402, "budget_spent"), "{}", second.text());
    assert!(second.text().contains("$0.078") && second.text().contains("$0.117"), "{}", second.text());
    assert_eq!(buys("1").await.status, StatusCode::ACCEPTED, "15.6 of 16 cents");
    assert_eq!(buys("1").await.status.as_u16(), 402);
    let id = JobId::parse(first.json()["jobId"].as_str().unwrap()).unwrap();
    house.studio.cancel(&id).await.unwrap();
    assert_eq!(house.store.job(&id).await.unwrap().unwrap().outcome, Some(Outcome::Canceled));
    assert_eq!(buys("3").await.status, StatusCode::ACCEPTED, "what was canceled costs nothing");
    let used = house.get_with("/api/usage", &[("authorization", &own)]).await;
    assert_eq!(used.json()["monthCostCents"], 15.6, "{}", used.text());
    house.clock.advance(std::time::Duration::from_secs(31 * 24 * 60 * 60));
    assert_eq!(buys("3").await.status, StatusCode::ACCEPTED, "another month");
}

/// The local engine's work has a price here.
const PRICED: Maker = Maker { provenance: Provenance::Photographed, cents_per_image: 3.9 };

async fn again(house: &House, id: &str, authorization: &str) -> Answer {
    let headers = [("content-type", "application/json"), ("authorization", authorization)];
    house.send(request(Method::POST, &format!("/api/jobs/{id}/again"), &headers, Body::from("{}"))).await
}

#[tokio::test]
async fn a_job_that_is_made_again_spends_the_budget_of_the_key_that_asks() {
    let house = house_made_by(PRICED).await;
    let (_, secret) = key(&house, r#"{"name": "shop", "tier": "paid", "monthlyBudgetCents": 16}"#).await;
    let own = bearer(&secret);
    let first = generated(&house, &own, "3").await.json()["jobId"].as_str().unwrap().to_owned();
    let refused = again(&house, &first, &own).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (402, "budget_spent"), "{}", refused.text());
    let listed = house.get_with("/api/jobs", &[("authorization", &own)]).await.json();
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 1, "no job was made");
    assert_eq!(again(&house, &first, &bearer(TOKEN)).await.status, StatusCode::ACCEPTED, "the operator may");

    // A job that belongs to nobody costs whoever has it made again.
    let nobodys = house.job("mug.jpg", "ab");
    house.store.insert(&nobodys).await.unwrap();
    let wish = r#"{"name": "free", "tier": "free", "monthlyBudgetCents": 5}"#;
    let (_, free) = key(&house, wish).await;
    let (free, id) = (bearer(&free), nobodys.id.as_str());
    let made = again(&house, id, &free).await;
    assert_eq!((made.status, &made.json()["numImages"]), (StatusCode::ACCEPTED, &json!(1)), "{}", made.text());
    let path = format!("/api/jobs/{}", made.json()["jobId"].as_str().unwrap());
    assert_eq!(house.get_with(&path, &[("authorization", &free)]).await.json()["costCents"], 3.9);
    assert_eq!(
        house.get_with(&path, &[("authorization", &own)]).await.status,
        StatusCode::NOT_FOUND,
        "it is the key's"
    );
    assert_eq!(again(&house, id, &free).await.code(), "budget_spent");
}

/// A form as a browser posts it.
async fn posted(house: &House, path: &str, form: &str, headers: &[(&str, &str)]) -> Answer {
    let kind = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let all: Vec<_> = kind.into_iter().chain(headers.iter().copied()).collect();
    house.send(request(Method::POST, path, &all, Body::from(form.to_owned()))).await
}

#[tokio::test]
async fn the_operators_page_makes_a_key_shows_its_secret_once_and_revokes_it() {
    let house = closed().await;
    let door = house.get("/keys").await;
    assert_eq!(door.status, StatusCode::UNAUTHORIZED);
    assert!(door.text().contains("name=\"to\" value=\"/keys\""), "{}", door.text());
    let own = [("sec-fetch-site", "same-origin")];
    let signed = posted(&house, "/sign-in", &format!("token={TOKEN}&to=%2Fkeys"), &own).await;
    assert_eq!(signed.header("location"), "/keys");
    let elsewhere = posted(&house, "/sign-in", &format!("token={TOKEN}&to=https%3A%2F%2Fevil.example"), &own).await;
    assert_eq!(elsewhere.header("location"), "/");
    let session = signed.header("set-cookie").split(';').next().unwrap().to_owned();
    let cookie = [("cookie", session.as_str()), own[0]];

    let made = posted(&house, "/keys", "name=%3Cb%3Eshop&tier=paid&budget=5&rate=120", &cookie).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let html = made.text();
    let secret = html.split("data-test=\"secret\"").nth(1).unwrap().split(['>', '<']).nth(1).unwrap().to_owned();
    assert!(secret.starts_with("plantain_") && !html.contains("<b>shop"), "{secret}");
    let page = house.get_with("/keys", &cookie).await.text();
    for part in ["$0.00 of $5.00", "120 calls a minute", "never used", "Paid"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains(&secret) && !page.contains("<script") && !page.contains("style="), "shown once");
    assert!(house.get_with("/keys?lang=hi", &cookie).await.text().contains("प्रोग्रामों के लिए कुंजियाँ"));

    let bearer = bearer(&secret);
    assert_eq!(house.get_with("/api/jobs", &[("authorization", &bearer)]).await.status, StatusCode::OK);
    assert!(house.get_with("/keys", &cookie).await.text().contains("last used on 21 Nov 2026"));
    let told = house.get_with("/api/keys", &cookie).await.json()["keys"][0].clone();
    assert_eq!((&told["lastUsedAt"], &told["spentCents"]), (&json!("2026-11-21T12:00:00Z"), &json!(0.0)));
    let revoke = format!("/keys/{}/revoke", told["id"].as_str().unwrap());
    let gone = posted(&house, &revoke, "", &cookie).await;
    assert_eq!((gone.status, gone.header("location")), (StatusCode::SEE_OTHER, "/keys"));
    assert_eq!(house.get_with("/api/jobs", &[("authorization", &bearer)]).await.status, StatusCode::UNAUTHORIZED);
    assert!(house.get_with("/keys", &cookie).await.text().contains("Revoked on 21 Nov 2026"));
    assert_eq!(posted(&house, "/keys/nothing/revoke", "", &cookie).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nobody_else_makes_or_revokes_keys_by_a_form() {
    let house = closed().await;
    let (id, secret) = key(&house, r#"{"name": "shop"}"#).await;
    let (own, operator) = (bearer(&secret), bearer(TOKEN));
    let signed = posted(&house, "/sign-in", &format!("token={TOKEN}"), &[("sec-fetch-site", "same-origin")]).await;
    let session = signed.header("set-cookie").split(';').next().unwrap().to_owned();
    let foreign = [("cookie", session.as_str()), ("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    for path in ["/keys".to_owned(), format!("/keys/{id}/revoke")] {
        assert_eq!(posted(&house, &path, "name=a", &[]).await.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(posted(&house, &path, "name=a", &[("authorization", &own)]).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(posted(&house, &path, "name=a", &foreign).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    for form in ["", "name=+", "name=a&budget=x", "name=a&budget=-1", "name=a&rate=0", "name=a&tier=gold"] {
        let wrong = posted(&house, "/keys", form, &[("authorization", &operator)]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(wrong.text().contains("data-test=\"error\""), "{form}");
    }
    assert_eq!(house.store.keys().await.unwrap().len(), 1);
}
