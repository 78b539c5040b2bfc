//! Pictures: shown, saved, cached, made smaller, and never more than pictures.

use http::StatusCode;
use jiff::Timestamp;
use plantain_studio::job::JobId;

use super::house::{house, photo, report};

#[tokio::test]
async fn a_picture_is_shown_and_saved_under_its_marketplace_name() {
    let house = house().await;
    let id = house.succeeded(2, report("Size")).await;
    let shown = house.get(&format!("/api/jobs/{id}/images/2")).await;
    assert_eq!((shown.status, &shown.body), (StatusCode::OK, &photo()));
    assert_eq!(shown.header("content-type"), "image/jpeg");
    assert_eq!(shown.header("content-length"), photo().len().to_string(), "it is streamed, and its size known");
    assert_eq!(shown.header("content-disposition"), "inline; filename=\"B0TEST1234.PT02.jpg\"");
    assert!(shown.header("cache-control").contains("immutable"));
    let saved = house.get(&format!("/api/jobs/{id}/images/2?download")).await;
    assert_eq!(saved.header("content-disposition"), "attachment; filename=\"B0TEST1234.PT02.jpg\"");
}

#[tokio::test]
async fn a_cached_picture_is_not_sent_again() {
    let house = house().await;
    let id = house.succeeded(1, report("Size")).await;
    let path = format!("/api/jobs/{id}/images/1");
    let etag = house.get(&path).await.header("etag").to_owned();
    let again = house.get_with(&path, &[("if-none-match", &etag)]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let kept = plantain_blobs::BlobKey::parse(etag.trim_matches('"')).unwrap();
    let small = house.get(&format!("{path}?w=100")).await.header("etag").to_owned();
    house.blobs.delete(&kept).await.unwrap();
    for (path, etag) in [(path.clone(), &etag), (format!("{path}?w=100"), &small)] {
        let again = house.get_with(&path, &[("if-none-match", etag)]).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{path}: no byte of the picture is needed for that");
    }
    assert_eq!(house.get(&path).await.status, StatusCode::NOT_FOUND);
    house.blobs.put(photo()).await.unwrap();
    assert_eq!(house.get_with(&path, &[("if-none-match", "\"other\"")]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_photo_and_the_models_own_picture_are_there_too() {
    let house = house().await;
    let blob = house.blobs.put(photo()).await.unwrap();
    let id = house.succeeded(1, report("Size")).await;
    assert_eq!(house.get(&format!("/api/jobs/{id}/raw/1")).await.header("content-type"), "image/png");
    for path in ["source", "source/1"] {
        let answer = house.get(&format!("/api/jobs/{id}/{path}")).await;
        assert_eq!(answer.header("content-disposition"), "inline; filename=\"mug.jpg\"", "{path}");
        assert!(answer.header("etag").contains(blob.as_str()));
    }
}

#[tokio::test]
async fn a_preview_is_smaller_and_has_a_tag_of_its_own() {
    let house = house().await;
    let id = house.succeeded(1, report("Size")).await;
    let path = format!("/api/jobs/{id}/images/1");
    let small = house.get(&format!("{path}?w=100")).await;
    assert_eq!((small.status, small.header("content-type")), (StatusCode::OK, "image/jpeg"));
    let decoded = plantain_media::decode::decode(&small.body, &Default::default()).unwrap();
    assert_eq!(decoded.picture.width().max(decoded.picture.height()), 160);
    assert_ne!(small.header("etag"), house.get(&path).await.header("etag"));
    assert_eq!(house.get(&format!("{path}?w=100")).await.body, small.body);
    assert_eq!(house.get(&format!("{path}?w=100000")).await.body, photo(), "no preview is larger than its picture");
}

#[tokio::test]
async fn pictures_that_are_not_there_are_told_so() {
    let house = house().await;
    let (id, unknown) = (house.succeeded(1, report("Size")).await, JobId::new(Timestamp::UNIX_EPOCH));
    for path in [
        format!("/api/jobs/{id}/images/0"),
        format!("/api/jobs/{id}/images/2"),
        format!("/api/jobs/{id}/images/x"),
        format!("/api/jobs/{id}/images/99999999999999999999999"),
        format!("/api/jobs/{id}/source/2"),
        format!("/api/jobs/{unknown}/images/1"),
        "/api/jobs/nonsense/source".to_owned(),
    ] {
        let answer = house.get(&path).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "no_such_picture"), "{path}");
    }
    assert!(house.get(&format!("/api/jobs/{id}/images/1?w=x")).await.status.is_client_error());
}

#[tokio::test]
async fn what_is_no_picture_is_only_ever_saved() {
    let house = house().await;
    let blob = house.blobs.put(bytes::Bytes::from_static(b"<script>alert(1)</script>")).await.unwrap();
    let mut job = house.job("\"><script>.html", blob.as_str());
    job.spec.sources[0].content_type = "text/html".into();
    house.store.insert(&job).await.unwrap();
    let answer = house.get(&format!("/api/jobs/{}/source", job.id)).await;
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert!(answer.header("content-disposition").starts_with("attachment; filename=\"___script_.html\""));
}
