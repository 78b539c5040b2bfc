//! The pages before any script runs.

use http::{Method, StatusCode};
use jiff::Timestamp;
use plantain_studio::job::{JobError, JobId, Outcome, Phase};

use plantain_studio::config::{Maker, Makers};
use plantain_wire::endpoint::EndpointPattern;

use super::house::{House, ask, house, house_made_by, house_of, house_with, report};

async fn page(house: &House, path: &str) -> String {
    let answer = house.get_with(path, &[("accept", "text/html")]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.text()
}

#[tokio::test]
async fn the_first_page_is_a_form_that_works_without_scripts() {
    let house = house().await;
    let html = page(&house, "/").await;
    for part in [
        "action=\"/api/generate\"",
        "enctype=\"multipart/form-data\"",
        "name=\"image\"",
        "name=\"preset\"",
        "name=\"prompt\"",
        "value=\"amazon_main\"",
        "Pure white, no shadow",
        "<input type=\"radio\" name=\"preset\" value=\"etsy\"",
        "Rules read 20 Nov 2026",
        "role=\"group\" aria-label=\"Myntra\"",
    ] {
        assert!(html.contains(part), "{part}");
    }
    for mark in
        ["drop-zone", "file-input", "preset", "prompt", "generate", "job-card", "stage", "badge", "download", "error"]
    {
        assert!(html.contains(&format!("data-test=\"{mark}\"")), "{mark}");
    }
}

#[tokio::test]
async fn pages_hold_no_inline_script_or_style_and_name_no_foreign_host() {
    let house = house().await;
    let id = house.succeeded(3, report("Size")).await;
    for path in ["/", "/history", "/bulk", "/usage", "/keys", &format!("/jobs/{id}")] {
        let html = page(&house, path).await;
        assert!(!html.contains("style=") && !html.contains("<style") && !html.contains("javascript:"), "{path}");
        assert!(!html.contains("http://") && !html.contains("https://"), "{path}");
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" type=\"module\" src=\"/assets/") && script.contains("\"></script>"), "{path}");
        }
        let handlers = [" onclick", " onerror", " onload", " onsubmit"];
        assert!(handlers.iter().all(|handler| !html.contains(handler)), "{path}");
    }
}

#[tokio::test]
async fn the_price_and_the_number_of_pictures_are_said_before_the_click() {
    let free = page(&house().await, "/").await;
    assert!(free.contains("Free: made on this server") && free.contains("data-words=\"no\""));
    assert!(
        free.contains("<option value=\"3\" selected>3</option>") && free.contains("<option value=\"4\">4</option>")
    );
    let paid = page(&house_made_by(Maker::generative(3.9)).await, "/").await;
    assert!(paid.contains("Costs at most $0.12") && paid.contains("data-cents=\"3.9\""));
    assert!(paid.contains("data-words=\"yes\"") && paid.contains("data-test=\"anything\""));
    let hindi = page(&house_made_by(Maker::generative(3.9)).await, "/?lang=hi").await;
    assert!(hindi.contains("ज़्यादा से ज़्यादा $0.12"));
    let stranger = page(&house_with(|config| config.loopback = false).await, "/").await;
    assert!(stranger.contains("<option value=\"1\" selected>1</option>") && !stranger.contains("<option value=\"2\""));
    assert!(!stranger.contains("data-test=\"anything\""), "only for whoever may");
}

#[tokio::test]
async fn words_to_begin_with_are_such_as_the_maker_follows() {
    for (maker, example, shown, waiting) in [
        (Maker::LOCAL, "bright light", "data-name=\"bright\" data-kind=\"light\">Bright light", "data-name=\"beige\""),
        (
            Maker::generative(3.9),
            "soft light from the left",
            "data-name=\"left\" data-kind=\"light\">Soft light",
            "data-name=\"table\"",
        ),
    ] {
        let house = house_made_by(maker).await;
        let html = page(&house, "/").await;
        assert!(html.contains(&format!("placeholder=\"For example: {example}\"")) && html.contains(shown), "{example}");
        assert!(html.contains(&format!("{waiting} data-kind=\"background\" hidden")), "{example}");
        assert!(page(&house, "/bulk").await.contains(&format!("placeholder=\"For example: {example}\"")), "{example}");
        assert!(page(&house, "/?lang=hi").await.contains(&format!("placeholder=\"जैसे: {example}\"")), "{example}");
    }
}

/// `edit` makes pictures of photos, `words` of words alone.
async fn two_makers(edit: Maker, words: Maker) -> House {
    let makers = Makers::only(Maker::LOCAL)
        .with(EndpointPattern::new("fal-ai/nano-banana/edit"), edit)
        .with(EndpointPattern::new("fal-ai/nano-banana"), words);
    house_of(makers).await
}

#[tokio::test]
async fn words_alone_have_a_price_of_their_own() {
    let (cheap, dear) = (Maker::generative(3.9), Maker::generative(50.0));
    for (edit, words, said) in [
        (cheap, dear, Some(("data-cents=\"3.9\" data-words-cents=\"50\"", "without a photo: Costs at most $1.50"))),
        (
            Maker::LOCAL,
            dear,
            Some(("data-cents=\"0\" data-words-cents=\"50\"", "without a photo: Costs at most $1.50")),
        ),
        (dear, dear, None),
        (cheap, Maker::LOCAL, None),
    ] {
        let html = page(&two_makers(edit, words).await, "/").await;
        assert_eq!(html.contains("data-words-cents"), said.is_some(), "{said:?}");
        assert_eq!(html.contains("without a photo:"), said.is_some(), "{said:?}");
        assert!(said.is_none_or(|(data, sentence)| html.contains(data) && html.contains(sentence)), "{said:?}");
    }
}

#[tokio::test]
async fn what_many_photos_cost_is_said_before_they_are_sent() {
    for (maker, said) in [
        (Maker::LOCAL, "data-cents=\"0\" aria-live=\"polite\">Free: made on this server"),
        (Maker::generative(3.9), "data-cents=\"3.9\" aria-live=\"polite\">Costs at most $0.04 for each photo"),
    ] {
        let html = page(&house_made_by(maker).await, "/bulk").await;
        assert!(html.contains(said), "{said}");
    }
}

#[tokio::test]
async fn what_a_page_names_is_served_and_may_be_kept_for_ever() {
    let house = house().await;
    let html = page(&house, "/").await;
    let paths: Vec<&str> = html.split('"').filter(|part| part.starts_with("/assets/")).collect();
    assert!(paths.len() > 10);
    for path in paths {
        let asset = house.get(path).await;
        assert_eq!(asset.status, StatusCode::OK, "{path}");
        assert!(asset.header("cache-control").contains("immutable"), "{path}");
        assert!(!asset.header("content-type").starts_with("text/html"), "{path}");
    }
    assert!(house.get("/favicon.ico").await.header("location").ends_with("mark.svg"));
}

#[tokio::test]
async fn the_first_view_is_small_on_a_phones_network() {
    let house = house().await;
    for first in ["/?lang=en", "/?lang=hi"] {
        let mut paths: Vec<String> = vec![first.to_owned()];
        let html = page(&house, first).await;
        paths.extend(html.split('"').filter(|part| part.starts_with("/assets/")).map(str::to_owned));
        paths.sort();
        paths.dedup();
        let mut bytes = 0;
        for path in &paths {
            let answer = house.get_with(path, &[("accept", "text/html"), ("accept-encoding", "gzip")]).await;
            assert_eq!(answer.header("content-encoding"), "gzip", "{path}");
            bytes += answer.body.len();
        }
        assert!(bytes < 50_000, "{first}: {bytes}");
    }
}

#[tokio::test]
async fn pictures_and_archives_are_not_packed_again() {
    let house = house().await;
    let id = house.succeeded(1, report("Size")).await;
    for path in ["images/1", "zip"] {
        let answer = house.get_with(&format!("/api/jobs/{id}/{path}"), &[("accept-encoding", "gzip")]).await;
        assert!(!answer.headers.contains_key("content-encoding"), "{path}");
    }
}

#[tokio::test]
async fn the_history_finds_opens_and_deletes_without_scripts() {
    let house = house().await;
    assert!(page(&house, "/history").await.contains("Nothing here yet"));
    let (ready, open) = (house.succeeded(3, report("Size")).await, house.generate().await);
    let html = page(&house, "/history").await;
    assert!(html.contains("2 jobs, ") && html.contains(&format!("/api/jobs/{ready}/zip")), "{html}");
    assert_eq!(html.matches("data-test=\"past-job\"").count(), 2);
    assert_eq!(html.matches("data-test=\"delete\"").count(), 1, "what runs is canceled first");
    for (query, found) in
        [("?q=MUG", 2), ("?status=QUEUED", 1), ("?q=jar", 0), (&*format!("?q={open}"), 1), ("?q=&status=", 2)]
    {
        let html = page(&house, &format!("/history{query}")).await;
        assert_eq!(html.matches("data-test=\"past-job\"").count(), found, "{query}");
        assert_eq!(html.contains("Nothing was found"), found == 0, "{query}");
    }
    let answer = house.send(ask(Method::POST, &format!("/api/history/{ready}"), &[("accept", "text/html")])).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/history"));
    assert_eq!(page(&house, "/history").await.matches("data-test=\"past-job\"").count(), 1);
    let tagged = house.get_with("/history?q=%3Cscript%3Ealert(1)%3C/script%3E", &[("accept", "text/html")]).await;
    assert!(!tagged.text().contains("<script>alert"), "{}", tagged.text());
}

#[tokio::test]
async fn the_page_of_a_finished_job_shows_its_pictures_and_rules() {
    let house = house().await;
    let id = house.succeeded(3, report("Canvas size")).await;
    let html = page(&house, &format!("/jobs/{id}")).await;
    assert!(html.contains("3 pictures are ready") && html.contains("Passes Amazon main"));
    assert_eq!(html.matches("data-test=\"result-card\"").count(), 3);
    assert!(html.contains("Canvas size") && html.contains("2,000 px"));
    assert!(html.contains(&format!("/api/jobs/{id}/images/2?download")) && html.contains("B0TEST1234.PT02.jpg"));
    assert!(!html.contains("http-equiv=\"refresh\""));
    for part in
        ["sheet?picture=2\"", "matte/2\"", "/sheet\"", "images/2?w=320 320w, ", "width=\"2000\" height=\"2000\""]
    {
        assert!(html.contains(part), "{part}");
    }
}

#[tokio::test]
async fn the_page_of_a_running_job_comes_back_by_itself() {
    let house = house().await;
    let id = house.generate().await;
    let html = page(&house, &format!("/jobs/{id}")).await;
    assert!(html.contains("<noscript><meta http-equiv=\"refresh\""));
    assert!(html.contains("mug.jpg") && html.contains("data-state=\"QUEUED\""));
}

#[tokio::test]
async fn a_failure_names_cause_and_next_step() {
    let house = house().await;
    let mut job = house.job("mug.jpg", &"0".repeat(64));
    job.phase = Phase::Done;
    job.finished_at = Some(house.clock.now());
    job.outcome = Some(Outcome::Failed(JobError::new("no_product", "No product could be found.", "Move closer.")));
    house.store.insert(&job).await.unwrap();
    let html = page(&house, &format!("/jobs/{}", job.id)).await;
    assert!(
        html.contains("No product could be found.") && html.contains("Move closer.") && html.contains("no_product")
    );
}

#[tokio::test]
async fn text_from_outside_is_never_html() {
    const EVIL: &str = "\"><img src=x onerror=alert(1)>'</title><script>alert(2)</script>";
    let house = house().await;
    let mut job = house.job(EVIL, &"0".repeat(64));
    job.spec.user_prompt = Some(EVIL.into());
    job.spec.preset = EVIL.into();
    job.spec.notices = vec![EVIL.into()];
    let mut failed = job.clone();
    failed.id = JobId::new(house.clock.now());
    failed.phase = Phase::Done;
    failed.finished_at = Some(house.clock.now());
    failed.outcome = Some(Outcome::Failed(JobError::new(EVIL, EVIL, EVIL)));
    let made = house.succeeded(1, report(EVIL)).await;
    let mut done = house.store.job(&made).await.unwrap().unwrap();
    done.id = JobId::new(house.clock.now());
    if let Some(Outcome::Succeeded(finished)) = &mut done.outcome {
        finished.description = Some(EVIL.into());
        finished.notices = vec![EVIL.into()];
        finished.pictures[0].variant = Some(EVIL.into());
        finished.pictures[0].file_name = EVIL.into();
    }
    for job in [job, failed, done] {
        house.store.insert(&job).await.unwrap();
        let html = page(&house, &format!("/jobs/{}", job.id)).await;
        assert!(!html.contains("<img src=x") && !html.contains("<script>alert"), "{html}");
        assert!(html.contains("&#60;img src=x") || html.contains("&lt;img src=x"));
    }
}

#[tokio::test]
async fn a_job_that_is_not_there_has_a_page_that_says_so() {
    let house = house().await;
    for id in [JobId::new(Timestamp::UNIX_EPOCH).to_string(), "%3Cscript%3E".into()] {
        let answer = house.get_with(&format!("/jobs/{id}"), &[("accept", "text/html")]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.text().contains("This job is not here") && !answer.text().contains("<script>"));
    }
}

#[tokio::test]
async fn a_page_speaks_what_its_address_asks_for_then_what_was_chosen_then_what_the_browser_prefers() {
    let house = house().await;
    for (path, cookie, accepts, lang, kept) in [
        ("/", "", "", "en", false),
        ("/", "", "hi-IN,hi;q=0.9,en;q=0.8", "hi", false),
        ("/", "", "de,fr;q=0.9", "en", false),
        ("/", "plantain_lang=hi", "en", "hi", false),
        ("/", "plantain_lang=xx", "hi", "hi", false),
        ("/?lang=hi", "", "en", "hi", true),
        ("/?lang=en", "plantain_lang=hi", "hi", "en", true),
        ("/?lang=%3Cscript%3E", "", "hi", "hi", false),
        ("/jobs/none?lang=hi", "", "", "hi", true),
        ("/nowhere?lang=hi", "", "", "hi", true),
    ] {
        let asked = [("accept", "text/html"), ("cookie", cookie), ("accept-language", accepts)];
        let answer = house.get_with(path, &asked).await;
        let html = answer.text();
        assert!(html.contains(&format!("<html lang=\"{lang}\"")), "{path} {cookie} {accepts}");
        assert_eq!(answer.header("content-language"), lang, "{path}");
        let mut vary = answer.headers.get_all("vary").iter().map(|names| names.to_str().unwrap());
        assert!(vary.any(|names| names.contains("accept-language")), "{path}");
        let mut cookies = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
        assert_eq!(cookies.any(|cookie| cookie.starts_with(&format!("plantain_lang={lang};"))), kept, "{path}");
        let other = if lang == "en" { ("hi", "हिन्दी") } else { ("en", "English") };
        assert!(
            html.contains(&format!("?lang={}\" hreflang", other.0)) && html.contains(other.1),
            "{path}: the way over"
        );
        assert!(!html.contains("<script>"), "{path}");
    }
}

#[tokio::test]
async fn a_page_in_hindi_is_hindi_and_so_is_its_script() {
    let house = house().await;
    let id = house.succeeded(3, report("Shadow")).await;
    let html = page(&house, "/?lang=hi").await;
    assert!(html.contains("तस्वीरें बनाएँ") && html.contains("एकदम सफ़ेद, परछाईं नहीं"));
    let job = page(&house, &format!("/jobs/{id}?lang=hi")).await;
    assert!(job.contains("3 तस्वीरें तैयार हैं") && job.contains("में पास"));
    assert!(!job.contains("pictures are ready"));
    let script = html.split('"').find(|part| part.ends_with("/text.js")).unwrap();
    let text = house.get(script).await.text();
    assert!(text.starts_with("export const lang = \"hi\"") && text.contains("फिर कोशिश करें"));
    let english = script.replace("-hi/", "-en/");
    assert!(house.get(&english).await.text().starts_with("export const lang = \"en\""));
    for wrong in [script.replace("-hi/", "-xx/"), script.replace("-hi/", "/"), script.replace("-hi/", "-/")] {
        assert_eq!(house.get(&wrong).await.status, StatusCode::NOT_FOUND, "{wrong}");
    }
}
