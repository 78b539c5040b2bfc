//! The pages for many photos at once, before any script runs, and what they ask.

use std::io::{Cursor, Write as _};

use http::{Method, StatusCode};
use plantain_blobs::BlobKey;
use plantain_studio::bulk::batch::BatchId;
use plantain_studio::bulk::store::ItemFilter;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::house::{Answer, BOUNDARY, House, ask, file, form_body, house, house_with, photo, request, text};

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml");

fn zip() -> Vec<u8> {
    zip_of(&[("a<b>.jpg".to_owned(), photo().to_vec()), ("notes.txt".to_owned(), b"hello".to_vec())])
}

fn zip_of(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// As a browser posts the page's form by itself, its list left empty.
async fn posted(house: &House, cookie: &str) -> Answer {
    posted_with(house, cookie, zip()).await
}

async fn posted_with(house: &House, cookie: &str, zip: Vec<u8>) -> Answer {
    let parts = [
        file("zip", "shoes.zip", zip),
        text("preset", "ebay"),
        text("prompt", ""),
        text("num_images", "1"),
        file("csv", "", ""),
    ];
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let headers = [("content-type", kind.as_str()), HTML, ("cookie", cookie)];
    house.send(request(Method::POST, "/api/batches", &headers, form_body(&parts).into())).await
}

#[tokio::test]
async fn a_form_leads_to_the_batchs_page_and_its_buttons_lead_back() {
    let house = house().await;
    let form = house.get_with("/bulk", &[HTML]).await.text();
    for part in [
        "action=\"/api/batches\"",
        "name=\"zip\"",
        "name=\"csv\"",
        "name=\"preset\"",
        "name=\"products\"",
        "download=\"photos.csv\"",
    ] {
        assert!(form.contains(part), "{part}");
    }
    let answer = posted(&house, "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    let page = answer.header("location").to_owned();
    let html = house.get_with(&page, &[HTML]).await.text();
    for part in ["shoes.zip", "a&#60;b&#62;.jpg", "notes.txt", "http-equiv=\"refresh\"", "data-state=\"skipped\""] {
        assert!(html.contains(part), "{part}: {html}");
    }
    let skipped = house.get_with(&format!("{page}?status=skipped"), &[HTML]).await.text();
    assert!(skipped.contains("notes.txt") && !skipped.contains("a&#60;b&#62;.jpg"));
    let id = page.rsplit('/').next().unwrap();
    for (wish, word) in [("pause", "Paused"), ("resume", "Being made"), ("cancel", "Canceled")] {
        let answer = house.send(ask(Method::POST, &format!("/api/batches/{id}/{wish}"), &[HTML])).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, page.as_str()), "{wish}");
        let html = house.get_with(&page, &[HTML]).await.text();
        assert!(html.contains(&format!("data-test=\"batch-state\">{word}<")), "{wish}");
    }
    let list = house.get_with("/bulk", &[HTML]).await.text();
    assert!(list.contains(&page) && list.contains("Canceled"));
    let report = house.get(&format!("/api/batches/{id}/report.csv")).await;
    assert_eq!(report.header("content-disposition"), "attachment; filename=\"shoes-ebay.csv\"");
    assert!(report.text().contains("notes.txt,,ebay,skipped"), "{}", report.text());
}

#[tokio::test]
async fn what_can_not_be_used_is_a_page_for_a_person_and_another_sellers_batch_is_not_there() {
    let house = house_with(|config| config.loopback = false).await;
    let visit = house.get_with("/bulk", &[HTML]).await;
    let own = visit.header("set-cookie").split(';').next().unwrap().to_owned();
    let page = posted(&house, &own).await.header("location").to_owned();
    assert_eq!(house.get_with(&page, &[HTML, ("cookie", &own)]).await.status, StatusCode::OK);
    for path in [page.as_str(), "/bulk/nothing"] {
        let answer = house.get_with(path, &[HTML]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.text().contains("This batch is not here"), "{path}");
    }
    assert!(!house.get_with("/bulk", &[HTML]).await.text().contains(&page), "others see nothing of it");
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let body = form_body(&[file("zip", "a.zip", "no archive")]);
    let headers = [("content-type", kind.as_str()), HTML];
    let refused = house.send(request(Method::POST, "/api/batches", &headers, body.into())).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.text().contains("data-test=\"error\"") && refused.text().contains("no ZIP"), "{}", refused.text());
}

#[tokio::test]
async fn of_many_photos_each_keeps_its_place_and_its_bytes() {
    // More than are taken out at once, with what is no picture and what is no photo in between.
    let file = |number: u32| match number {
        50 => ("050.jpg".to_owned(), b"no picture".to_vec()),
        90 => ("090.txt".to_owned(), b"hello".to_vec()),
        _ => (format!("{number:03}.png"), plantain_testkit::photo::png_of_size(63 + number, 64)),
    };
    let files: Vec<_> = (1..=150).map(file).collect();
    let house = house().await;
    let page = posted_with(&house, "", zip_of(&files)).await.header("location").to_owned();
    let id = BatchId::parse(page.rsplit('/').next().unwrap()).unwrap();
    let all = ItemFilter { after: 0, state: None, limit: 200 };
    let items = house.store.items(&id, &all).await.unwrap();
    assert_eq!(items.len(), files.len());
    for (item, (name, bytes)) in items.iter().zip(&files) {
        let skipped = ["050.jpg", "090.txt"].contains(&name.as_str());
        let kept = (!skipped).then(|| BlobKey::of(bytes).as_str().to_owned());
        assert_eq!((&item.name, &item.blob), (name, &kept));
    }
}

#[tokio::test]
async fn a_list_is_read_before_anything_is_sent() {
    let house = house().await;
    let read = async |list: &str| {
        let headers = [("content-type", "text/csv")];
        house.send(request(Method::POST, "/api/batches/list", &headers, list.to_owned().into())).await
    };
    let list = format!("file;sku;preset\n1.jpg;S 1;\n2.jpg;;amazon_mian\n3.jpg;मग;\n{}", "4.jpg;;\n".repeat(20));
    let told = read(&list).await.json();
    assert_eq!((&told["lines"], &told["wrong"]), (&json!(23), &json!(2)));
    assert_eq!(told["first"].as_array().map(Vec::len), Some(10));
    assert_eq!(told["first"][0]["sku"], "S 1");
    let faults: Vec<&Value> = told["faults"].as_array().unwrap().iter().map(|line| &line["error"]["code"]).collect();
    assert_eq!(faults, ["unknown_preset", "identifier_unusable"]);
    let told = read("file,products\n1.jpg,2\n2.jpg,a pair\n").await.json();
    assert_eq!((&told["wrong"], &told["first"][0]["products"]), (&json!(1), &json!("2")));
    assert_eq!(told["faults"][0]["error"]["message"], "Line 3: \"a pair\" is not a number of pieces.");
    for list in ["", "file,color\n", "\0"] {
        assert_eq!(
            (read(list).await.status, read(list).await.code().as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, "list_unusable")
        );
    }
    let example = house.get_with("/bulk", &[HTML]).await.text();
    let path = example.split('"').find(|part| part.ends_with("/photos.csv")).unwrap().to_owned();
    let example = house.get(&path).await;
    assert!(example.header("content-type").starts_with("text/csv"));
    let told = read(&example.text()).await.json();
    assert_eq!((&told["lines"], &told["wrong"]), (&json!(3), &json!(0)), "the example is one");
}

#[tokio::test]
async fn an_item_shows_what_its_job_made_or_why_it_failed() {
    let house = house().await;
    let made = house.succeeded(2, super::house::report("Size")).await;
    let page = posted(&house, "").await.header("location").to_owned();
    let id = BatchId::parse(page.rsplit('/').next().unwrap()).unwrap();
    let mut job = house.store.job(&made).await.unwrap().unwrap();
    job.id = plantain_studio::job::JobId::new(house.clock.now());
    assert!(house.store.begin_item(&id, 1, &job).await.unwrap());
    let item = house.get(&format!("/api/batches/{id}")).await.json()["items"][0].clone();
    assert_eq!((&item["pictures"], &item["passed"]), (&json!(2), &json!(true)));
    assert_eq!(item["thumbUrl"], json!(format!("/api/jobs/{}/images/1?w=160", job.id)));
    assert_eq!(item["pageUrl"], json!(format!("/jobs/{}", job.id)));
}
