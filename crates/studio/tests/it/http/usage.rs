//! What was spent, as the API, the table and the page tell it.

use http::{Method, StatusCode};
use plantain_studio::config::Maker;
use plantain_studio::job::{JobId, Owner};
use serde_json::{Value, json};

use super::house::{House, TOKEN, file, house, house_made_by, house_with, photo, request, text};

async fn key(house: &House, wish: &str) -> (String, String) {
    let made = house.send(request(Method::POST, "/api/keys", &[], wish.to_owned().into())).await.json();
    (made["id"].as_str().unwrap().to_owned(), format!("Bearer {}", made["secret"].as_str().unwrap()))
}

async fn generated(house: &House, headers: &[(&str, &str)]) -> JobId {
    let made = house.post_form(&[file("image", "mug.jpg", photo()), text("num_images", "3")], headers).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.text());
    JobId::parse(made.json()["jobId"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn what_was_spent_is_told_by_day_and_payer() {
    let house = house_made_by(Maker::generative(3.9)).await;
    let (id, own) = key(&house, r#"{"name": "=shop", "tier": "paid", "monthlyBudgetCents": 50}"#).await;
    let own = [("authorization", own.as_str())];
    generated(&house, &own).await;
    let given_up = generated(&house, &own).await;
    house.studio.cancel(&given_up).await.unwrap();
    generated(&house, &[]).await;

    let told = house.get_with("/api/usage", &own).await.json();
    let line = json!({
        "day": "2026-11-21", "who": "key", "key": id, "keyName": "=shop", "endpoint": "fal-ai/nano-banana/edit",
        "jobs": 2, "failed": 1, "pictures": 0, "settledCents": 0.0, "reservedCents": 11.7,
    });
    assert_eq!(told["days"], json!([line]));
    assert_eq!((&told["from"], &told["to"]), (&json!("2026-11-01"), &json!("2026-11-21")));
    assert_eq!((&told["monthCostCents"], &told["total"]["reservedCents"]), (&json!(11.7), &json!(11.7)));
    let budget = json!({"key": id, "keyName": "=shop", "monthlyBudgetCents": 50.0, "spentCents": 11.7});
    assert_eq!(told["budgets"], json!([budget]));

    let all = house.get("/api/usage").await.json();
    let who: Vec<&str> = all["days"].as_array().unwrap().iter().map(|day| day["who"].as_str().unwrap()).collect();
    assert_eq!(who, ["key", "operator"]);
    let before = house.get_with("/api/usage?from=2026-10-01&to=2026-10-31", &own).await.json();
    assert_eq!((&before["days"], &before["budgets"]), (&json!([]), &json!([budget])), "a budget is this month's");

    let table = house.get("/api/usage.csv").await;
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(table.header("content-disposition"), "attachment; filename=\"usage-2026-11-01-2026-11-21.csv\"");
    let line = format!("2026-11-21,key,{id},'=shop,fal-ai/nano-banana/edit,2,1,0,0.000000,0.117000\n");
    assert!(table.text().contains(&line), "{}", table.text());
}

#[tokio::test]
async fn the_page_shows_the_same_before_any_script() {
    let house = house_made_by(Maker::generative(3.9)).await;
    let (_, own) = key(&house, r#"{"name": "<b>shop", "monthlyBudgetCents": 11.7}"#).await;
    generated(&house, &[("authorization", &own)]).await;
    let page = house.get("/usage?from=2026-11-01&to=2026-11-30").await;
    let html = page.text();
    assert_eq!(page.status, StatusCode::OK, "{html}");
    for part in ["&#60;b&#62;shop", "$0.039 of $0.117", "value=\"33\"", "21 Nov 2026", "usage.csv?from=2026-11-01"] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(!html.contains("<b>shop") && !html.contains("<script") && !html.contains("style="), "{html}");
    let hindi = house.get("/usage?lang=hi").await.text();
    assert!(hindi.contains("कितना ख़र्च हुआ") && !hindi.replace("usage.csv", "").contains("usage."), "{hindi}");
    let wrong = house.get_with("/usage?from=yesterday", &[("accept", "text/html")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn an_account_is_its_owners() {
    let house = house_with(|config| config.loopback = false).await;
    let seller = house.get("/").await.header("set-cookie").split(';').next().unwrap().to_owned();
    let job = house.job("mug.jpg", &"0".repeat(64)).owned_by(Some(Owner::session("somebody else"))).priced(10);
    house.store.insert(&job).await.unwrap();
    generated(&house, &[("cookie", &seller)]).await;
    let lines = |told: Value| told["days"].as_array().unwrap().len();
    let own = house.get_with("/api/usage", &[("cookie", &seller)]).await.json();
    assert_eq!((&own["total"]["jobs"], &own["budgets"]), (&json!(1), &json!([])));
    assert_eq!(own["days"][0]["who"], "seller");
    let operator = format!("Bearer {TOKEN}");
    let all = house.get_with("/api/usage", &[("authorization", &operator)]).await.json();
    assert_eq!((&all["total"]["jobs"], lines(all.clone())), (&json!(2), 1), "sellers are one");
    for path in ["/api/usage", "/api/usage.csv"] {
        assert_eq!(house.get(path).await.code(), "token_needed", "{path}");
    }
    let page = house.get("/usage").await;
    assert!(page.status == StatusCode::OK && page.text().contains("data-test=\"none\""), "{}", page.text());
}

#[tokio::test]
async fn days_that_are_none_are_told() {
    let house = house().await;
    for query in ["from=2026-11-31", "to=today", "from=2026-11-22", "from=2020-01-01", "from=2026-11-01T10:00:00Z"] {
        for path in ["/api/usage", "/api/usage.csv"] {
            let answer = house.get(&format!("{path}?{query}")).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, "bad_period"), "{query}");
        }
    }
}
