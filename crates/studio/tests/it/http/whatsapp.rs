//! WhatsApp's webhook, deaf to whoever can't sign, and where a number may be given.

use axum::body::Body;
use http::{Method, StatusCode};
use plantain_studio::job::JobId;
use plantain_testkit::graph::{self, VERIFY_TOKEN};
use serde_json::json;

use super::house::{House, file, house, house_with_whatsapp, photo, request, text};

const PATH: &str = "/api/whatsapp/webhook";

async fn posted(house: &House, headers: &[(&str, &str)], body: impl Into<Body>) -> (StatusCode, String) {
    let answer = house.send(request(Method::POST, PATH, headers, body.into())).await;
    let code = if answer.status.is_success() { String::new() } else { answer.code() };
    (answer.status, code)
}

#[tokio::test]
async fn the_challenge_is_told_again_to_whoever_knows_the_word() {
    let house = house_with_whatsapp().await;
    for (query, status, said) in [
        (format!("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={VERIFY_TOKEN}"), 200, "1158201444"),
        (format!("hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}"), 422, "bad_challenge"),
        (format!("hub.mode=subscribe&hub.challenge=%3Cb%3E+x&hub.verify_token={VERIFY_TOKEN}"), 422, "bad_challenge"),
        (format!("hub.mode=other&hub.challenge=1&hub.verify_token={VERIFY_TOKEN}"), 403, "wrong_verify_token"),
        ("hub.mode=subscribe&hub.challenge=1&hub.verify_token=another".to_owned(), 403, "wrong_verify_token"),
        ("hub.mode=subscribe&hub.challenge=1&hub.verify_token=".to_owned(), 403, "wrong_verify_token"),
        ("hub.challenge=1".to_owned(), 403, "wrong_verify_token"),
        (String::new(), 403, "wrong_verify_token"),
    ] {
        let answer = house.get(&format!("{PATH}?{query}")).await;
        assert_eq!(answer.status.as_u16(), status, "{query}");
        assert!(answer.text().contains(said), "{query}: {}", answer.text());
        assert!(!answer.text().contains(VERIFY_TOKEN));
    }
    let answer = house.get(&format!("{PATH}?hub.mode=subscribe&hub.challenge=7&hub.verify_token={VERIFY_TOKEN}")).await;
    assert_eq!((answer.header("content-type"), answer.text().as_str()), ("text/plain", "7"));
}

#[tokio::test]
async fn hostile_notices_are_refused_and_strange_ones_change_nothing() {
    let house = house_with_whatsapp().await;
    let (body, signature) = graph::notice(json!({"statuses": [{"id": "wamid.X", "status": "delivered"}]}));
    let signed = |body: &str| graph::signature(body);
    let unknown = json!({"entry": [{"changes": [{"field": "account_update", "value": {"x": 1}}]}]}).to_string();
    let many = json!({"statuses": vec![json!({"id": "w", "status": "sent"}); 1_001]});
    let (many, many_signed) = graph::notice(many);
    for (what, headers, body, status, code) in [
        ("unsigned", vec![], body.clone(), 401, "wrong_signature"),
        ("another's", vec![("x-hub-signature-256", "sha256=00")], body.clone(), 401, "wrong_signature"),
        ("other bytes", vec![("x-hub-signature-256", signature.as_str())], format!("{body}\n"), 401, "wrong_signature"),
        (
            "two signatures",
            vec![("x-hub-signature-256", "sha256=00"), ("x-hub-signature-256", &signature)],
            body.clone(),
            401,
            "wrong_signature",
        ),
        ("no JSON", vec![("x-hub-signature-256", &signed("{"))], "{".into(), 400, "not_json"),
        ("too many", vec![("x-hub-signature-256", &many_signed)], many.clone(), 413, "too_large"),
        ("a message of nobody", vec![("x-hub-signature-256", &signature)], body.clone(), 200, ""),
        ("the same again", vec![("x-hub-signature-256", &signature)], body.clone(), 200, ""),
        ("something else", vec![("x-hub-signature-256", &signed(&unknown))], unknown.clone(), 200, ""),
        ("nothing", vec![("x-hub-signature-256", &signed("{}"))], "{}".into(), 200, ""),
    ] {
        assert_eq!(
            posted(&house, &headers, body).await,
            (StatusCode::from_u16(status).unwrap(), code.into()),
            "{what}"
        );
    }
    let large = vec![b' '; 3 * 1024 * 1024 + 1];
    assert_eq!(posted(&house, &[], large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let foreign = [("x-hub-signature-256", signature.as_str()), ("origin", "https://evil.example")];
    assert_eq!(posted(&house, &foreign, body).await.0, StatusCode::OK, "the signature decides, whoever carries it");
}

#[tokio::test]
async fn where_nothing_goes_by_whatsapp_no_number_is_taken_and_none_is_asked_for() {
    let house = house().await;
    let wish = [file("image", "mug.jpg", photo()), text("notifyWhatsapp", "+91 98765 43210")];
    let answer = house.post_form(&wish, &[]).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "whatsapp_not_offered"));
    for path in ["/", "/bulk"] {
        assert!(!house.get(path).await.text().contains("notifyWhatsapp"), "{path}");
    }
    let (body, signature) = graph::notice(json!({}));
    let headers = [("x-hub-signature-256", signature.as_str())];
    assert_eq!(posted(&house, &headers, body).await, (StatusCode::NOT_FOUND, "whatsapp_not_offered".into()));
    assert_eq!(house.get(PATH).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_number_is_kept_with_the_job_and_shown_to_nobody_who_looks_at_it() {
    let house = house_with_whatsapp().await;
    for path in ["/", "/bulk"] {
        let page = house.get(path).await.text();
        assert!(page.contains("name=\"notifyWhatsapp\"") && page.contains("type=\"tel\""), "{path}");
    }
    assert!(house.get("/?lang=hi").await.text().contains("WhatsApp नंबर"));
    let wish = [file("image", "mug.jpg", photo()), text("notifyWhatsapp", "+91 98765 43210")];
    let answer = house.post_form(&wish, &[("accept-language", "hi")]).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let id = JobId::parse(answer.json()["jobId"].as_str().unwrap()).unwrap();
    let kept = house.store.job(&id).await.unwrap().unwrap().spec.whatsapp.unwrap();
    assert_eq!((kept.digits(), kept.language.as_str()), ("919876543210", "hi"));
    for path in [format!("/api/jobs/{id}"), format!("/jobs/{id}")] {
        assert!(!house.get(&path).await.text().contains("43210"), "{path}");
    }
    for wrong in ["098765 43210", "me", "+1"] {
        let wish = [file("image", "mug.jpg", photo()), text("notifyWhatsapp", wrong)];
        let answer = house.post_form(&wish, &[]).await;
        assert_eq!(answer.code(), "whatsapp_number_unusable", "{wrong}");
    }
    let input = json!({"endpoint": "fal-ai/flux/dev", "input": {}, "notifyWhatsapp": "+91 98765 43210"});
    let asked = [("content-type", "application/json")];
    let answer = house.send(request(Method::POST, "/api/jobs", &asked, Body::from(input.to_string()))).await;
    let id = JobId::parse(answer.json()["jobId"].as_str().unwrap()).unwrap();
    let kept = house.store.job(&id).await.unwrap().unwrap().spec.whatsapp.unwrap();
    assert_eq!((kept.digits(), kept.language.as_str()), ("919876543210", "en"));
}

#[tokio::test]
async fn a_stranger_has_only_so_many_messages_sent_to_a_number() {
    let house = house_with_whatsapp().await;
    let wish =
        json!({"image_urls": ["https://pictures.example/a.jpg"], "notifyWhatsapp": "+91 98765 43210"}).to_string();
    let asked = async |forwarded: &[(&str, &str)]| {
        let headers = [&[("content-type", "application/json")], forwarded].concat();
        house.send(request(Method::POST, "/api/generate", &headers, Body::from(wish.clone()))).await
    };
    let stranger = [("x-forwarded-for", "203.0.113.9")];
    for n in 0..30 {
        assert_eq!(asked(&stranger).await.status, StatusCode::ACCEPTED, "{n}");
    }
    let refused = asked(&stranger).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "too_many_messages"));
    assert_eq!(refused.header("retry-after"), "3600");
    assert_eq!(asked(&[]).await.status, StatusCode::ACCEPTED, "the operator answers for what they send");
}
