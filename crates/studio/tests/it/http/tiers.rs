//! What sellers with an account get, and who says so.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::accounts::{Browser, link, posted, start};
use super::house::{Answer, House, TOKEN, ask, file, photo, request, text};

async fn sets(house: &House, headers: &[(&str, &str)], wish: &str) -> Answer {
    let all: Vec<_> = [("content-type", "application/json")].into_iter().chain(headers.iter().copied()).collect();
    house.send(request(Method::POST, "/api/accounts/tier", &all, wish.to_owned().into())).await
}

async fn generated(house: &House, cookie: &str) -> Value {
    let parts = [file("image", "mug.jpg", photo()), text("num_images", "3")];
    let answer = house.post_form(&parts, &[("cookie", cookie)]).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn the_operator_gives_an_account_more_pictures_and_takes_them_again() {
    let (server, house) = start().await;
    let admin = format!("Bearer {TOKEN}");
    let operator = [("authorization", admin.as_str())];
    let mut browser = Browser::new(&house).await;
    let wish = r#"{"email": "ASHA@shop.example", "tier": "paid"}"#;
    assert_eq!(sets(&house, &operator, wish).await.code(), "no_such_account");
    browser.asks("Asha@shop.example").await;
    browser.follows(&link(&posted(&house, &server, 1).await)).await;
    let free = generated(&house, &browser.cookie).await;
    assert_eq!(free["numImages"], 1);
    assert!(free["notices"].to_string().contains("paid key or account"), "{free}");
    assert!(browser.get("/").await.text().contains("one at a time without a paid account"));

    let set = sets(&house, &operator, wish).await;
    assert_eq!((set.status, &set.json()["tier"]), (StatusCode::OK, &json!("paid")), "{}", set.text());
    let own = browser.send(Method::GET, "/api/account", &[], "").await.json();
    assert_eq!((&own["email"], &own["tier"]), (&json!("Asha@shop.example"), &json!("paid")));
    assert_eq!(generated(&house, &browser.cookie).await["numImages"], 3, "from the next job on");
    let page = browser.get("/").await.text();
    assert!(!page.contains("one at a time without") && !page.contains("data-test=\"anything\""), "no endpoints");
    let any = [("content-type", "application/json")];
    let asked = browser.send(Method::POST, "/api/jobs", &any, r#"{"endpoint": "a/b", "input": {}}"#).await;
    assert_eq!(asked.code(), "tier_too_low", "pictures, and nothing else that is paid for");
    let listed = house.get_with("/api/accounts?tier=paid", &operator).await.json();
    assert_eq!((&listed["accounts"][0]["email"], &listed["next"]), (&json!("Asha@shop.example"), &Value::Null));

    let page = house.get_with("/keys", &operator).await.text();
    assert!(page.contains("Asha@shop.example") && page.contains("Paid: up to 4 pictures"), "{page}");
    let form = [operator[0], ("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let back = request(Method::POST, "/api/accounts/tier", &form, "email=asha%40shop.example&tier=free".into());
    let back = house.send(back).await;
    assert_eq!((back.status, back.header("location")), (StatusCode::SEE_OTHER, "/keys"), "{}", back.text());
    assert_eq!(generated(&house, &browser.cookie).await["numImages"], 1);
    assert!(!house.get_with("/keys", &operator).await.text().contains("Asha@shop.example"), "paid ones are listed");
    assert_eq!(house.get_with("/api/accounts", &operator).await.json()["accounts"][0]["tier"], "free");
}

#[tokio::test]
async fn nobody_else_lists_accounts_or_says_what_they_get() {
    let (server, house) = start().await;
    let mut browser = Browser::new(&house).await;
    browser.asks("asha@shop.example").await;
    browser.follows(&link(&posted(&house, &server, 1).await)).await;
    let wish = r#"{"email": "asha@shop.example", "tier": "paid"}"#;
    let admin = format!("Bearer {TOKEN}");
    for (headers, code) in [
        (&[][..], "token_needed"),
        (&[("cookie", browser.cookie.as_str())], "token_needed"),
        (&[("authorization", "Bearer plantain_guess")], "key_unknown"),
    ] {
        let listed = house.send(ask(Method::GET, "/api/accounts", headers)).await;
        assert_eq!((listed.status, listed.code().as_str()), (StatusCode::UNAUTHORIZED, code), "{headers:?}");
        assert_eq!(sets(&house, headers, wish).await.status, StatusCode::UNAUTHORIZED, "{headers:?}");
    }
    let operator = [("authorization", admin.as_str())];
    for wrong in ["", "{}", r#"{"email": "asha", "tier": "paid"}"#, r#"{"email": "asha@shop.example", "tier": "gold"}"#]
    {
        let refused = sets(&house, &operator, wrong).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (422, "wrong_field"), "{wrong}");
    }
    for (query, code) in [("tier=gold", "bad_tier"), ("limit=0", "bad_limit")] {
        assert_eq!(house.get_with(&format!("/api/accounts?{query}"), &operator).await.code(), code);
    }
    assert_eq!(house.get_with("/api/accounts", &operator).await.json()["accounts"][0]["tier"], "free");
}
