//! Batches through the API: what is taken, what is told, and who may see it.

use std::io::{Cursor, Write as _};
use std::time::Duration;

use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use plantain_studio::bulk::batch::{BatchId, ItemState};
use plantain_studio::bulk::store::ItemFilter;
use plantain_studio::config::Maker;
use plantain_studio::job::{Job, JobId};
use plantain_studio::store::JobFilter;
use plantain_work::Tasks;

use super::house::{
    Answer, House, Part, TOKEN, ask, file, form_body, house, house_made_by, house_with, in_the_end, photo, request,
    text,
};

/// A ZIP of these files.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn sent(parts: &[Part], headers: &[(&str, &str)]) -> Request<axum::body::Body> {
    let kind = format!("multipart/form-data; boundary={}", super::house::BOUNDARY);
    let all: Vec<(&str, &str)> = headers.iter().copied().chain([("content-type", kind.as_str())]).collect();
    request(Method::POST, "/api/batches", &all, form_body(parts).into())
}

async fn begun(house: &House, parts: &[Part], headers: &[(&str, &str)]) -> Answer {
    house.send(sent(parts, headers)).await
}

async fn shown(house: &House, id: &str, query: &str) -> Value {
    let answer = house.get(&format!("/api/batches/{id}{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn an_archive_becomes_items_and_what_is_no_photo_is_told() {
    let house = house().await;
    let photo = photo();
    let other = plantain_testkit::photo::png();
    let archive = zip(&[
        ("shoes/1.jpg", &photo),
        ("shoes/2.png", &other),
        ("copy.jpg", &photo),
        ("notes.txt", b"hello"),
        ("list.csv", b"file;sku;preset\n1.jpg;S 1;\n2.png;S 2;shopify\nno.jpg;;\n"),
    ]);
    // The words may come after the archive.
    let parts = [file("zip", "shoes.zip", archive), text("preset", "ebay"), text("num_images", "1")];
    let answer = begun(&house, &parts, &[]).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let id = answer.json()["batchId"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), format!("/api/batches/{id}"));
    let batch = shown(&house, &id, "").await;
    assert_eq!(batch["status"], "OPEN");
    assert_eq!((&batch["total"], &batch["fileName"]), (&json!(5), &json!("shoes.zip")));
    assert_eq!((&batch["counts"]["waiting"], &batch["counts"]["skipped"]), (&json!(2), &json!(3)));
    let told = |item: &Value| {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        (text("name"), text("sku"), text("preset"), item["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    let items: Vec<_> = batch["items"].as_array().unwrap().iter().map(told).collect();
    let own = |(a, b, c, d): (&str, &str, &str, &str)| (a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned());
    let expected = [
        ("shoes/1.jpg", "S 1", "ebay", ""),
        ("shoes/2.png", "S 2", "shopify", ""),
        ("copy.jpg", "", "ebay", "same_picture"),
        ("notes.txt", "", "ebay", "not_a_picture"),
        ("no.jpg", "", "ebay", "no_such_file"),
    ];
    assert_eq!(items, expected.map(own));
    let page = shown(&house, &id, "?status=skipped&limit=1&cursor=3").await;
    assert_eq!((&page["items"][0]["name"], &page["next"]), (&json!("notes.txt"), &json!(4)));
    assert_eq!(house.get("/api/batches").await.json()["batches"][0]["batchId"], json!(id));
}

#[tokio::test]
async fn an_archive_that_is_sent_again_with_its_key_is_the_same_batch() {
    let house = house().await;
    let archive = zip(&[("1.jpg", &photo())]);
    let parts = |archive: &[u8], preset: &str| [file("zip", "a.zip", archive), text("preset", preset)];
    let send = async |parts: &[Part], key: &str| begun(&house, parts, &[("idempotency-key", key)]).await;
    let first = send(&parts(&archive, "ebay"), "k").await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text());
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let again = send(&parts(&archive, "ebay"), "k").await;
    assert_eq!((again.status, again.json()), (first.status, first.json()));
    assert_eq!((again.header("idempotency-replayed"), again.header("location")), ("true", first.header("location")));
    let other = zip(&[("1.jpg", &plantain_testkit::photo::png())]);
    let listed = || file("csv", "l.csv", "file\n1.jpg\n");
    let [whole, preset] = parts(&archive, "ebay");
    for (what, other) in [
        ("another archive", parts(&other, "ebay").into()),
        ("another preset", parts(&archive, "shopify").into()),
        ("another number", vec![file("zip", "a.zip", &archive), text("preset", "ebay"), text("num_images", "1")]),
        ("another name", vec![file("zip", "b.zip", &archive), text("preset", "ebay")]),
        ("a list", vec![whole, preset, listed()]),
        ("pieces", vec![file("zip", "a.zip", &archive), text("preset", "ebay"), text("products", "2")]),
    ] {
        let refused = send(&other, "k").await;
        let told = (refused.status.as_u16(), refused.code());
        assert_eq!(told, (422, "idempotency_key_used".to_owned()), "{what}");
    }
    let job = house.post_form(&[file("image", "mug.jpg", photo())], &[("idempotency-key", "k")]).await;
    assert_eq!(job.code(), "idempotency_key_used", "a key stands for one wish of any kind");
    assert_eq!(send(&parts(&archive[..200], "ebay"), "l").await.code(), "archive_broken");
    let next = send(&parts(&archive, "ebay"), "l").await;
    assert_eq!(next.status, StatusCode::ACCEPTED, "what was refused has used no key: {}", next.text());
    assert_ne!(next.json()["batchId"], first.json()["batchId"]);
    assert_eq!(house.get("/api/batches").await.json()["batches"].as_array().unwrap().len(), 2);
    assert_eq!(send(&parts(&archive, "ebay"), "").await.code(), "bad_idempotency_key");
}

#[tokio::test]
async fn batches_are_listed_page_by_page() {
    let house = house().await;
    let archive = zip(&[("1.jpg", &photo())]);
    let mut ids = Vec::new();
    for number in 0..25 {
        let name = format!("{number}.zip");
        let begun = begun(&house, &[file("zip", &name, &archive), text("preset", "ebay")], &[]).await;
        ids.insert(0, begun.json()["batchId"].clone());
        house.clock.advance(Duration::from_secs(1));
    }
    let list = async |query: &str| house.get(&format!("/api/batches{query}")).await;
    let told = |answer: &Answer| {
        let page = answer.json();
        let ids: Vec<Value> = page["batches"].as_array().unwrap().iter().map(|one| one["batchId"].clone()).collect();
        (ids, page["next"].clone())
    };
    assert_eq!(told(&list("").await), (ids.clone(), Value::Null), "the last page says so");
    let first = list("?limit=20").await;
    assert_eq!(told(&first), (ids[..20].to_vec(), ids[19].clone()));
    let cursor = first.json()["next"].as_str().unwrap().to_owned();
    assert_eq!(told(&list(&format!("?limit=20&cursor={cursor}")).await), (ids[20..].to_vec(), Value::Null));
    assert_eq!(told(&list("?limit=25").await).1, Value::Null, "a full page need not have a next one");
    for (query, code) in [("?limit=0", "bad_limit"), ("?limit=101", "bad_limit"), ("?cursor=7", "bad_cursor")] {
        assert_eq!(list(query).await.code(), code, "{query}");
    }

    let page = house.get("/bulk").await.text();
    let next = page.split("rel=\"next\"").next().unwrap().rsplit("href=\"").next().unwrap();
    let next = next.split('"').next().unwrap();
    assert!(page.contains("24.zip") && !page.contains(">0.zip<") && next.starts_with("/bulk?cursor="), "{next}");
    let older = house.get(next).await.text();
    assert!(older.contains(">0.zip<") && !older.contains(">24.zip<") && !older.contains("rel=\"next\""), "{older}");

    // A row that can't be read makes its page shorter, and ends no list.
    house
        .database(&format!("UPDATE studio_batches SET state = 'BROKEN' WHERE id = '{}'", ids[1].as_str().unwrap()))
        .await;
    let shorter = (vec![ids[0].clone(), ids[2].clone()], ids[2].clone());
    assert_eq!(told(&list("?limit=2").await), shorter);
}

#[tokio::test]
async fn what_can_not_become_a_batch_is_refused_with_a_reason() {
    let house = house().await;
    let good = || zip(&[("1.jpg", &photo())]);
    let whole = |archive: Vec<u8>| vec![file("zip", "a.zip", archive)];
    let with = |part: Part| vec![file("zip", "a.zip", good()), part];
    for (what, parts, status, code) in [
        ("no archive", vec![text("preset", "ebay")], 422, "archive_missing"),
        ("a photo", whole(photo().to_vec()), 400, "archive_broken"),
        ("cut off", whole(good()[..200].to_vec()), 400, "archive_broken"),
        ("empty", whole(zip(&[])), 422, "archive_empty"),
        ("an unknown preset", with(text("preset", "amazon")), 422, "unknown_preset"),
        ("too many pictures", with(text("num_images", "9")), 422, "num_images_out_of_range"),
        ("a pair in words", with(text("products", "two")), 422, "products_unusable"),
        ("too many pieces", with(text("products", "100")), 422, "products_unusable"),
        ("an unknown field", with(text("identifier", "x")), 422, "unknown_field"),
        ("two archives", with(file("zip", "b.zip", good())), 422, "repeated_field"),
        ("a strange column", with(file("csv", "l.csv", "file,color\n")), 422, "list_unusable"),
        ("a strange list inside", whole(zip(&[("1.jpg", &photo()), ("l.csv", b"\xff")])), 422, "list_unusable"),
    ] {
        let answer = begun(&house, &parts, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{what}: {}", answer.text());
    }
    assert_eq!(house.get("/api/batches").await.json()["batches"], json!([]));
}

#[tokio::test]
async fn pieces_are_declared_for_a_whole_batch_and_for_single_photos() {
    let house = house().await;
    let list = "file,products\n1.jpg,3\n2.png,\n3.jpg,0\n";
    let files: &[(&str, &[u8])] =
        &[("1.jpg", &photo()), ("2.png", &plantain_testkit::photo::png()), ("3.jpg", b"x"), ("l.csv", list.as_bytes())];
    let mut told = Vec::new();
    for pieces in ["2", ""] {
        let parts = [text("products", pieces), file("zip", "a.zip", zip(files)), text("preset", "ebay")];
        let answer = begun(&house, &parts, &[]).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        let batch = shown(&house, answer.json()["batchId"].as_str().unwrap(), "").await;
        let items = batch["items"].as_array().unwrap();
        told.push(json!([batch["products"], items.iter().map(|item| &item["products"]).collect::<Vec<_>>()]));
        let wrong = &items[2]["error"];
        assert_eq!((&items[2]["status"], &wrong["code"]), (&json!("skipped"), &json!("not_a_picture")), "{batch:#}");
    }
    assert_eq!(told, [json!([2, [3, 2, 2]]), json!([null, [3, null, null]])]);
}

#[tokio::test]
async fn a_batch_is_steered_and_its_archive_holds_a_report() {
    let house = house().await;
    let archive = zip(&[("1.jpg", &photo()), ("notes.txt", b"hello")]);
    let answer = begun(&house, &[file("zip", "a.zip", archive), text("preset", "ebay")], &[]).await;
    let id = answer.json()["batchId"].as_str().unwrap().to_owned();
    let steer =
        async |method: Method, tail: &str| house.send(ask(method, &format!("/api/batches/{id}{tail}"), &[])).await;
    for (tail, status) in [("/pause", "PAUSED"), ("/pause", "PAUSED"), ("/resume", "OPEN"), ("/retry", "OPEN")] {
        assert_eq!(steer(Method::POST, tail).await.json()["status"], status, "{tail}");
    }
    assert_eq!(steer(Method::DELETE, "").await.json()["status"], "CANCELED");
    assert_eq!(steer(Method::POST, "/resume").await.code(), "too_late");
    let events = house.get(&format!("/api/batches/{id}/events")).await;
    assert!(events.header("content-type").starts_with("text/event-stream"));
    assert!(events.text().contains("\"CANCELED\""), "{}", events.text());
    let answer = house.get(&format!("/api/batches/{id}/zip")).await;
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"a-ebay.zip\"");
    let mut zip = zip::ZipArchive::new(Cursor::new(answer.body.to_vec())).unwrap();
    let report = std::io::read_to_string(zip.by_name("report.csv").unwrap()).unwrap();
    assert!(
        report.contains("1.jpg,,ebay,canceled,,,,,,,,,\n") && report.contains("notes.txt,,ebay,skipped,,,,"),
        "{report}"
    );
}

#[tokio::test]
async fn a_file_that_can_not_be_used_is_not_offered_to_be_tried_again() {
    let house = house().await;
    let whole = photo();
    let archive = zip(&[("half.jpg", &whole[..whole.len() / 2])]);
    let answer = begun(&house, &[file("zip", "a.zip", archive), text("preset", "ebay")], &[]).await;
    assert_eq!(answer.json()["retryable"], 0, "{}", answer.text());
    let id = answer.json()["batchId"].as_str().unwrap().to_owned();
    let tasks = Tasks::new();
    house.studio.start(&tasks, &house.shutdown);
    let batch = BatchId::parse(&id).unwrap();
    let ends = async {
        while !house.studio.batch(&batch).await.unwrap().unwrap().status.is_over() {
            house.clock.sleep(Duration::from_millis(200)).await;
        }
    };
    in_the_end(&house.clock, ends).await;
    house.shutdown.abort();
    tasks.wait().await;
    let done = shown(&house, &id, "").await;
    assert_eq!((&done["counts"]["failed"], &done["retryable"]), (&json!(1), &json!(0)), "{done:#}");
    let error = &done["items"][0]["error"];
    assert!(error["message"].as_str().is_some_and(|words| !words.is_empty()), "{done:#}");
    let page = house.get(&format!("/bulk/{id}")).await.text();
    assert!(page.contains("data-act=\"retry\" hidden"), "{page}");
    assert!(page.contains("1 photo that did not work can") && page.contains("data-test=\"unfit\">"), "{page}");
    let retried = house.send(ask(Method::POST, &format!("/api/batches/{id}/retry"), &[])).await;
    assert_eq!((retried.status, &retried.json()["status"]), (StatusCode::OK, &json!("DONE")), "{}", retried.text());
}

#[tokio::test]
async fn nothing_of_a_batch_is_found_by_another_seller() {
    let house = house_with(|config| config.loopback = false).await;
    let first = house.get("/").await;
    let own = first.header("set-cookie").split(';').next().unwrap().to_owned();
    let second = house.get("/").await;
    let other = second.header("set-cookie").split(';').next().unwrap().to_owned();
    let answer = begun(&house, &[file("zip", "a.zip", zip(&[("1.jpg", &photo())]))], &[("cookie", &own)]).await;
    let id = answer.json()["batchId"].as_str().unwrap().to_owned();
    for (method, tail) in [
        (Method::GET, ""),
        (Method::GET, "/events"),
        (Method::GET, "/zip"),
        (Method::POST, "/pause"),
        (Method::POST, "/resume"),
        (Method::POST, "/retry"),
        (Method::DELETE, ""),
        (Method::DELETE, "thrown away"),
        (Method::POST, "thrown away"),
    ] {
        let path = match tail {
            "thrown away" => format!("/api/history/batches/{id}"),
            _ => format!("/api/batches/{id}{tail}"),
        };
        for headers in [&[][..], &[("cookie", other.as_str())]] {
            let answer = house.send(ask(method.clone(), &path, headers)).await;
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (StatusCode::NOT_FOUND, r#"{"status":"NOT_FOUND"}"#),
                "{method} {path}"
            );
        }
    }
    for headers in [("cookie", own.clone()), ("authorization", format!("Bearer {TOKEN}"))] {
        let headers = [(headers.0, headers.1.as_str())];
        assert_eq!(house.get_with(&format!("/api/batches/{id}"), &headers).await.status, StatusCode::OK);
        assert_eq!(house.get_with("/api/batches", &headers).await.json()["batches"].as_array().unwrap().len(), 1);
    }
    let none = house.get_with("/api/batches", &[("cookie", &other)]).await;
    assert_eq!(none.json()["batches"], json!([]));
}

#[tokio::test]
async fn a_batch_is_deleted_with_its_jobs_and_what_runs_is_stopped_first() {
    let house = house().await;
    let archive = zip(&[("1.jpg", &photo()), ("2.png", &plantain_testkit::photo::png())]);
    let answer = begun(&house, &[file("zip", "a.zip", archive), text("preset", "ebay")], &[]).await;
    let id = BatchId::parse(answer.json()["batchId"].as_str().unwrap()).unwrap();
    let other = house.succeeded(1, json!({})).await;
    let (done, running) = (house.succeeded(1, json!({})).await, house.job("2.png", &"0".repeat(64)));
    let ended = house.store.job(&done).await.unwrap().unwrap();
    assert!(house.store.begin_item(&id, 1, &Job { id: JobId::new(house.clock.now()), ..ended }).await.unwrap());
    assert!(house.store.begin_item(&id, 2, &running).await.unwrap());
    let page = house.get_with(&format!("/bulk/{id}"), &[("accept", "text/html")]).await.text();
    assert!(page.contains(&format!("action=\"/api/history/batches/{id}\"")), "{page}");

    let delete = async || house.send(ask(Method::DELETE, &format!("/api/history/batches/{id}"), &[])).await.status;
    assert_eq!(delete().await, StatusCode::NO_CONTENT);
    assert_eq!(delete().await, StatusCode::NOT_FOUND);
    assert_eq!(house.get(&format!("/api/batches/{id}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.get("/api/batches").await.json()["batches"], json!([]));
    assert_eq!(house.studio.clear_batches().await.unwrap(), 0, "what ran is told to stop");
    assert_eq!(house.studio.clear_batches().await.unwrap(), 1);
    assert_eq!(house.studio.clear_batches().await.unwrap(), 0);
    let mut left: Vec<String> =
        house.store.jobs(&JobFilter::default()).await.unwrap().into_iter().map(|job| job.id.to_string()).collect();
    let mut others = [other.to_string(), done.to_string()];
    left.sort();
    others.sort();
    assert_eq!(left, others, "what is not the batch's stays");
}

#[tokio::test]
async fn a_browser_deletes_a_batch_by_a_form_and_one_that_is_stuck_keeps_no_other() {
    let house = house().await;
    let mut ids = Vec::new();
    for name in ["a.zip", "b.zip"] {
        let answer = begun(&house, &[file("zip", name, zip(&[("1.jpg", &photo())]))], &[]).await;
        let id = answer.json()["batchId"].as_str().unwrap().to_owned();
        let path = format!("/api/history/batches/{id}");
        let answer = house.send(ask(Method::POST, &path, &[("accept", "text/html")])).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/bulk"));
        ids.push(id);
        house.clock.advance(Duration::from_secs(1));
    }
    let stuck = format!(
        "CREATE TRIGGER stuck BEFORE DELETE ON studio_batch_items WHEN OLD.batch_id = '{}'
         BEGIN SELECT RAISE(ABORT, 'no'); END",
        ids[0]
    );
    house.database(&stuck).await;
    assert_eq!(house.studio.clear_batches().await.unwrap(), 1, "the second is gone");
    house.database("DROP TRIGGER stuck").await;
    assert_eq!(house.studio.clear_batches().await.unwrap(), 0, "the first waits for its turn");
    house.clock.advance(Duration::from_secs(10));
    assert_eq!(house.studio.clear_batches().await.unwrap(), 1);
}

#[tokio::test]
async fn a_batch_waits_where_its_keys_budget_ends_and_goes_on_in_the_next_month() {
    let house = house_made_by(Maker::generative(3.9)).await;
    let wish = r#"{"name": "shop", "tier": "paid", "monthlyBudgetCents": 5}"#;
    let key = house.send(request(Method::POST, "/api/keys", &[], wish.into())).await.json();
    let own = format!("Bearer {}", key["secret"].as_str().unwrap());
    let archive = zip(&[("1.jpg", &photo()), ("2.png", &plantain_testkit::photo::png())]);
    let parts = [file("zip", "a.zip", archive), text("num_images", "1"), text("preset", "ebay")];
    let answer = begun(&house, &parts, &[("authorization", &own)]).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let id = answer.json()["batchId"].as_str().unwrap().to_owned();
    let tasks = Tasks::new();
    house.studio.start(&tasks, &house.shutdown);
    // Not through the API, whose answers would be late by a clock that runs ahead like this.
    let batch = BatchId::parse(&id).unwrap();
    let all = ItemFilter { limit: 9, ..ItemFilter::default() };
    let items = async || house.studio.items(&batch, all).await.unwrap().unwrap().items;
    let waits = async {
        loop {
            let items = items().await;
            if let Some(item) = items.iter().find(|item| item.error.is_some()) {
                let reason = item.error.as_ref().unwrap();
                assert_eq!((reason.code.as_str(), item.status), ("budget_spent", ItemState::Waiting));
                assert!(reason.message.contains("$0.039"), "{reason:?}");
                return assert_eq!(items.iter().filter(|item| item.job_id.is_some()).count(), 1, "{items:?}");
            }
            house.clock.sleep(Duration::from_millis(200)).await;
        }
    };
    in_the_end(&house.clock, waits).await;
    house.clock.advance(Duration::from_secs(11 * 24 * 60 * 60));
    let goes_on = async {
        while items().await.iter().any(|item| item.job_id.is_none()) {
            house.clock.sleep(Duration::from_millis(200)).await;
        }
    };
    in_the_end(&house.clock, goes_on).await;
    // Its job may have waited too long for a queue by then, which is another reason.
    let waited = |item: &plantain_studio::bulk::view::ItemView| {
        item.error.as_ref().is_some_and(|error| error.code == "budget_spent")
    };
    assert!(!items().await.iter().any(waited), "what it waited for is over");
    house.shutdown.abort();
    tasks.wait().await;
}
