//! What the API tells, in the language of whoever asks.

use http::{Method, StatusCode};
use plantain_studio::job::{JobError, Outcome, Phase};
use serde_json::{Value, json};

use super::house::{Answer, House, ask, house};

const HINDI: [(&str, &str); 1] = [("accept-language", "hi-IN,hi;q=0.9,en;q=0.8")];

const MISSING: &str = "/api/jobs?limit=0";

/// Of one rule that was broken.
fn report() -> Value {
    json!({"preset": "amazon_main", "results": [{
        "rule": "frame", "title": "Product inside the frame", "required": "nothing of it in the outer 2 %",
        "measured": "31 px of it in the outer 2 %", "outcome": "fail", "source": "AMZ-ES (A, read 2026-11-20)",
        "fix": "leave room around the product; if the photo cuts it off, take another",
    }]})
}

async fn failed(house: &House) -> String {
    let mut job = house.job("none", &"0".repeat(64));
    job.phase = Phase::Done;
    job.finished_at = Some(house.clock.now());
    job.spec.notices = vec!["Another product needs a job of its own.".into(), "Words of its own.".into()];
    let error = JobError::new("picture_empty", "The file is empty.", "Start the job again.");
    job.outcome = Some(Outcome::Failed(error));
    house.store.insert(&job).await.unwrap();
    job.id.to_string()
}

#[track_caller]
fn assert_language(answer: &Answer, lang: &str) {
    assert_eq!(answer.header("content-language"), lang);
    assert!(
        answer.headers.get_all("vary").iter().any(|vary| vary == "accept-language, cookie"),
        "{:?}",
        answer.headers
    );
}

#[tokio::test]
async fn a_refusal_speaks_the_askers_language_and_keeps_its_code() {
    let house = house().await;
    let hindi = "यह limit नहीं चल सकती।";
    for (path, headers, lang, message) in [
        (MISSING, &[][..], "en", "The limit can't be used."),
        (MISSING, &HINDI[..], "hi", hindi),
        (MISSING, &[("accept-language", "de, en")], "en", "The limit can't be used."),
        (MISSING, &[("cookie", "plantain_lang=hi")], "hi", hindi),
        (MISSING, &[("cookie", "plantain_lang=en"), ("accept-language", "hi")], "en", "The limit can't be used."),
        ("/api/jobs?limit=0&lang=hi", &[("accept-language", "en")], "hi", hindi),
        ("/api/jobs?limit=0&lang=en", &HINDI[..], "en", "The limit can't be used."),
    ] {
        let answer = house.get_with(path, headers).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "bad_limit"));
        assert_eq!(answer.json()["error"]["message"], message, "{path} {headers:?}");
        assert_language(&answer, lang);
    }
    let unpacked = house.get_with(MISSING, &HINDI).await;
    assert!(unpacked.headers.get("content-length").is_none_or(|n| n == unpacked.body.len().to_string().as_str()));
    let packed = house.get_with(MISSING, &[HINDI[0], ("accept-encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert_ne!(packed.body, unpacked.body, "told before it is packed");
}

#[tokio::test]
async fn a_job_is_told_in_hindi_and_differs_in_nothing_else() {
    let house = house().await;
    let done = house.succeeded(2, report()).await.to_string();
    let failed = failed(&house).await;
    for id in [&done, &failed] {
        let path = format!("/api/jobs/{id}");
        let (english, hindi) = (house.get(&path).await, house.get_with(&path, &HINDI).await);
        assert_language(&english, "en");
        assert_language(&hindi, "hi");
        let mut told = hindi.text();
        for (words, own) in [
            ("प्रोडक्ट फ़्रेम के अंदर", "Product inside the frame"),
            ("बाहर के 2 % में उसका कुछ नहीं", "nothing of it in the outer 2 %"),
            ("बाहर के 2 % में उसके 31 px", "31 px of it in the outer 2 %"),
            (
                "प्रोडक्ट के चारों ओर जगह छोड़ें; फ़ोटो में कट गया हो तो दूसरी खींचें",
                "leave room around the product; if the photo cuts it off, take another",
            ),
            ("AMZ-ES (A, 2026-11-20 को पढ़ा गया)", "AMZ-ES (A, read 2026-11-20)"),
            ("फ़ाइल ख़ाली है।", "The file is empty."),
            ("काम फिर शुरू करें।", "Start the job again."),
            ("दूसरे प्रोडक्ट के लिए अलग काम शुरू करें।", "Another product needs a job of its own."),
        ] {
            told = told.replace(words, own);
        }
        assert_eq!(told, english.text(), "every other byte is the same");
    }
    let list = house.get_with("/api/jobs", &HINDI).await.text();
    assert!(list.contains("बाहर के 2 % में उसके 31 px") && list.contains("\"sourceName\":\"none\""), "{list}");
}

#[tokio::test]
async fn events_are_told_in_the_language_of_the_stream() {
    let house = house().await;
    let id = failed(&house).await;
    for (headers, lang, message) in [(&[][..], "en", "The file is empty."), (&HINDI, "hi", "फ़ाइल ख़ाली है।")]
    {
        let stream = house.get_with(&format!("/api/jobs/{id}/events"), headers).await;
        assert_language(&stream, lang);
        let data = stream.text();
        let data = data.lines().find_map(|line| line.strip_prefix("data:")).unwrap();
        let job: Value = serde_json::from_str(data).unwrap();
        assert_eq!((&job["error"]["message"], &job["error"]["code"]), (&json!(message), &json!("picture_empty")));
        assert_eq!(job, house.get_with(&format!("/api/jobs/{id}"), headers).await.json());
    }
}

/// A browser that comes back in another language has the newest event all the same.
#[tokio::test]
async fn an_events_id_is_the_same_in_every_language() {
    let house = house().await;
    let path = format!("/api/jobs/{}/events", failed(&house).await);
    let id = |text: String| text.lines().find_map(|line| line.strip_prefix("id:").map(|id| id.trim().to_owned()));
    let english = id(house.get(&path).await.text()).unwrap();
    assert_eq!(id(house.get_with(&path, &HINDI).await.text()).unwrap(), english);
    let again = house.get_with(&path, &[HINDI[0], ("last-event-id", &english)]).await;
    assert_eq!(again.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn pages_tell_failures_notices_and_rules_in_hindi() {
    let house = house().await;
    let (done, failed) = (house.succeeded(1, report()).await.to_string(), failed(&house).await);
    for (path, words, never) in [
        (format!("/jobs/{failed}"), "फ़ाइल ख़ाली है।", "The file is empty"),
        (format!("/jobs/{failed}"), "दूसरे प्रोडक्ट के लिए अलग काम शुरू करें।", "Another product"),
        (format!("/jobs/{failed}"), "Words of its own.", "}}"),
        (format!("/jobs/{done}"), "बाहर के 2 % में उसके 31 px", "px of it"),
        (format!("/jobs/{done}"), "2026-11-20 को पढ़ा गया", "read 2026"),
        ("/history?status=x".to_owned(), "ऐसी स्थिति किसी काम की नहीं होती।", "No job has"),
    ] {
        let html = house.get_with(&path, &[HINDI[0], ("accept", "text/html")]).await.text();
        assert!(html.contains(words) && !html.contains(never), "{path}: {words} or {never}\n{html}");
    }
    let posted = house.send(ask(Method::POST, "/api/generate", &[HINDI[0], ("accept", "text/html")])).await;
    assert_eq!(posted.header("content-language"), "hi");
    assert!(posted.text().contains("अनुरोध न फ़ोटो वाला फ़ॉर्म है, न JSON।"), "{}", posted.text());
}

#[tokio::test]
async fn what_is_for_programs_alone_is_the_same_for_everybody() {
    let house = house().await;
    for path in ["/api/openapi.json", "/healthz"] {
        let (english, hindi) = (house.get(path).await, house.get_with(path, &HINDI).await);
        assert_eq!(english.body, hindi.body, "{path}");
    }
    assert!(!house.get_with("/api/openapi.json", &HINDI).await.headers.contains_key("content-language"));
    let english = house.send(ask(Method::POST, "/api/fal/webhook", &[])).await;
    let hindi = house.send(ask(Method::POST, "/api/fal/webhook", &HINDI)).await;
    assert_eq!(english.text(), hindi.text());
    assert!(!hindi.code().is_empty());
}

#[tokio::test]
async fn presets_and_what_makes_the_pictures_are_named_in_the_language() {
    let house = house().await;
    let id = house.succeeded(1, report()).await;
    let all = house.get_with("/api/presets", &HINDI).await.json();
    let amazon = &all["presets"][0];
    assert_eq!((&amazon["id"], &amazon["title"]), (&"amazon_main".into(), &"Amazon मुख्य तस्वीर".into()));
    assert!(amazon["notes"].as_str().unwrap().starts_with("किनारे तक एकदम सफ़ेद"), "{amazon}");
    let english = house.get("/api/presets").await.json();
    assert_eq!(english["presets"][0]["title"], "Amazon main image");
    for (path, words) in [
        ("/", "<b>Amazon मुख्य तस्वीर</b>"),
        ("/", ">इसी सर्वर की कतार</span>"),
        ("/bulk", "<b>Myntra कपड़े</b>"),
        ("/history", "Amazon मुख्य तस्वीर"),
        (&*format!("/jobs/{id}"), "Amazon मुख्य तस्वीर में पास"),
    ] {
        let html = house.get_with(path, &[HINDI[0], ("accept", "text/html")]).await.text();
        assert!(html.contains(words), "{path}: {words}");
        for english in ["main image", "first image", "listing photo", "embedded queue"] {
            assert!(!html.contains(english), "{path}: {english}");
        }
    }
}
