//! Sellers on a public studio: each sees what is theirs, and nothing of others is found by id, path or list.

use http::{Method, StatusCode};
use plantain_studio::store::JobFilter;

use super::house::{Answer, House, TOKEN, ask, file, house, house_with, photo, report};

/// Open to everybody, and reached from elsewhere.
async fn public() -> House {
    house_with(|config| config.loopback = false).await
}

/// The `name=value` of the cookie that an answer sets for a seller.
fn cookie(answer: &Answer) -> Option<String> {
    let lines = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    lines.filter_map(|line| line.split(';').next()).find(|pair| pair.starts_with("plantain_seller=")).map(str::to_owned)
}

async fn seller(house: &House) -> String {
    cookie(&house.get("/").await).expect("the first page makes a seller of whoever opens it")
}

/// A finished job of whoever has this cookie.
async fn job_of(house: &House, cookie: &str) -> String {
    let answer = house.post_form(&[file("image", "mug.jpg", photo())], &[("cookie", cookie)]).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    answer.json()["jobId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_first_page_makes_a_seller_and_knows_them_again() {
    let house = public().await;
    let first = house.get("/").await;
    let line = first.header("set-cookie").to_owned();
    assert!(line.contains("HttpOnly") && line.contains("SameSite=Lax") && line.contains("Path=/"), "{line}");
    let own = cookie(&first).unwrap();
    let second = house.get_with("/", &[("cookie", &own)]).await;
    assert_eq!(cookie(&second), Some(own.clone()), "the same seller, for as long again");
    let forged = own.replace('.', "0.");
    assert_ne!(cookie(&house.get_with("/", &[("cookie", &forged)]).await), Some(forged));
    let operator = house.get_with("/", &[("authorization", &format!("Bearer {TOKEN}"))]).await;
    assert_eq!(cookie(&operator), None);
    assert_eq!(cookie(&self::house().await.get("/").await), None, "on a machine of one's own there is one person");
}

#[tokio::test]
async fn nothing_of_a_seller_is_found_by_another() {
    let house = public().await;
    let (own, other) = (seller(&house).await, seller(&house).await);
    let id = job_of(&house, &own).await;
    let operator = ("authorization", &*format!("Bearer {TOKEN}"));
    for (method, tail) in [
        (Method::GET, ""),
        (Method::GET, "/events"),
        (Method::GET, "/images/1"),
        (Method::GET, "/raw/1"),
        (Method::GET, "/diff/1"),
        (Method::GET, "/matte/1"),
        (Method::GET, "/matte"),
        (Method::GET, "/sheet"),
        (Method::GET, "/source"),
        (Method::GET, "/source/1"),
        (Method::GET, "/corrected/1/1"),
        (Method::GET, "/strokes"),
        (Method::POST, "/strokes"),
        (Method::PUT, "/strokes"),
        (Method::POST, "/strokes/apply"),
        (Method::POST, "/again"),
        (Method::POST, "/use"),
        (Method::POST, "/share"),
        (Method::GET, "/zip"),
        (Method::DELETE, ""),
    ] {
        let path = format!("/api/jobs/{id}{tail}");
        for cookies in [&[][..], &[("cookie", other.as_str())], &[("cookie", "plantain_seller=0.0")]] {
            let answer = house.send(ask(method.clone(), &path, cookies)).await;
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (StatusCode::NOT_FOUND, r#"{"status":"NOT_FOUND"}"#),
                "{method} {path}"
            );
        }
    }
    let history = house.send(ask(Method::DELETE, &format!("/api/history/{id}"), &[("cookie", &other)])).await;
    assert_eq!(history.status, StatusCode::NOT_FOUND);
    let page = format!("/jobs/{id}");
    assert_eq!(house.get_with(&page, &[("cookie", &other)]).await.status, StatusCode::NOT_FOUND);
    assert!(house.get_with(&page, &[("cookie", &other)]).await.text().contains("<!doctype html>"));
    for headers in [("cookie", own.as_str()), operator] {
        assert_eq!(house.get_with(&page, &[headers]).await.status, StatusCode::OK);
        assert_eq!(house.get_with(&format!("/api/jobs/{id}/source"), &[headers]).await.status, StatusCode::OK);
    }
}

fn sorted(ids: [&String; 2]) -> Vec<String> {
    let mut ids = ids.map(String::clone);
    ids.sort();
    ids.into()
}

#[tokio::test]
async fn a_list_holds_what_is_the_askers() {
    let house = public().await;
    let (own, other) = (seller(&house).await, seller(&house).await);
    let (mine, yours) = (job_of(&house, &own).await, job_of(&house, &other).await);
    let nobodys = house.succeeded(1, report("Size")).await.to_string();
    let listed = async |query: &str, headers: &[(&str, &str)]| {
        let answer = house.get_with(&format!("/api/jobs{query}"), headers).await;
        let jobs = answer.json()["jobs"]
            .as_array()
            .map(|jobs| jobs.iter().map(|job| job["jobId"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
        let mut jobs = jobs.unwrap_or_default();
        // Made in the same moment, they may be listed either way.
        jobs.sort();
        jobs
    };
    let all = format!("?ids={mine},{yours},{nobodys}");
    assert_eq!(listed("", &[("cookie", &own)]).await, std::slice::from_ref(&mine));
    assert_eq!(listed(&all, &[("cookie", &own)]).await, sorted([&nobodys, &mine]));
    assert_eq!(listed(&all, &[]).await, std::slice::from_ref(&nobodys));
    assert_eq!(listed("?q=mug&status=queued", &[("cookie", &other)]).await, std::slice::from_ref(&yours));
    assert_eq!(listed("?q=jar", &[("cookie", &other)]).await, [] as [String; 0]);
    assert_eq!(listed("", &[("authorization", &format!("Bearer {TOKEN}"))]).await.len(), 3);
    assert_eq!(house.get("/api/jobs").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(house.store.jobs(&JobFilter::default()).await.unwrap().len(), 3);
}

#[tokio::test]
async fn whoever_comes_through_a_proxy_is_not_the_operator_of_this_machine() {
    let house = house().await;
    house.succeeded(1, report("Size")).await;
    assert_eq!(house.get("/api/jobs").await.status, StatusCode::OK);
    for brought in [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.9")] {
        assert_eq!(house.get_with("/api/jobs", &[brought]).await.status, StatusCode::UNAUTHORIZED, "{brought:?}");
        assert!(cookie(&house.get_with("/", &[brought]).await).is_some());
    }
}

#[tokio::test]
async fn a_wrong_search_is_told() {
    let house = house().await;
    let long = format!("?q={}", "x".repeat(201));
    for (query, code) in [("?status=DONE", "bad_status"), ("?q=%00", "bad_search"), (&long, "bad_search")] {
        assert_eq!(house.get(&format!("/api/jobs{query}")).await.code(), code, "{query}");
    }
}
