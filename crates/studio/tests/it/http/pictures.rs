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
    let small = house.get(&format!("{path}?w=160")).await.header("etag").to_owned();
    house.blobs.delete(&kept).await.unwrap();
    for (path, etag) in [(path.clone(), &etag), (format!("{path}?w=160"), &small)] {
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
    let small = house.get(&format!("{path}?w=160")).await;
    assert_eq!((small.status, small.header("content-type")), (StatusCode::OK, "image/jpeg"));
    let decoded = plantain_media::decode::decode(&small.body, &Default::default()).unwrap();
    assert_eq!(decoded.picture.width(), 160);
    assert!(small.header("cache-control").contains("immutable"));
    assert_ne!(small.header("etag"), house.get(&path).await.header("etag"));
    assert_eq!(house.get(&format!("{path}?w=160")).await.body, small.body);
    assert_eq!(house.get(&format!("{path}?w=1280")).await.body, photo(), "no preview is larger than its picture");
    let saved = house.get(&format!("{path}?w=160&download")).await;
    assert_eq!(saved.body, photo(), "what is saved is the original");
    for width in ["100", "161", "0", "100000"] {
        let refused = house.get(&format!("{path}?w={width}")).await;
        let told = (refused.status, refused.code());
        assert_eq!(told, (StatusCode::UNPROCESSABLE_ENTITY, "width_not_offered".to_owned()), "{width}");
    }
}

#[tokio::test]
async fn drawings_are_sent_as_webp_to_whoever_takes_it() {
    let house = house().await;
    let id = house.succeeded(1, report("Size")).await;
    let path = format!("/api/jobs/{id}/matte/1");
    let whole = house.get(&path).await;
    assert_eq!((whole.status, whole.header("content-type")), (StatusCode::OK, "image/png"));
    let (plain, webp) = (format!("{path}?w=160"), &[("accept", "image/avif,image/webp,*/*")]);
    let (jpeg, webp) = (house.get(&plain).await, house.get_with(&plain, webp).await);
    assert_eq!((jpeg.header("content-type"), webp.header("content-type")), ("image/jpeg", "image/webp"));
    assert!(webp.body.len() < jpeg.body.len());
    for answer in [&jpeg, &webp] {
        assert_eq!(answer.header("vary"), "accept", "a cache must not mix them up");
    }
    assert_ne!(jpeg.header("etag"), webp.header("etag"));
}

#[tokio::test]
async fn photo_and_pictures_come_on_one_sheet_or_side_by_side() {
    let house = house().await;
    let id = house.succeeded(3, report("Size")).await;
    let path = format!("/api/jobs/{id}/sheet");
    let sheet = house.get(&path).await;
    assert_eq!((sheet.status, sheet.header("content-type")), (StatusCode::OK, "image/jpeg"));
    assert_eq!(sheet.header("content-disposition"), "inline; filename=\"mug-contact-sheet.jpg\"");
    let size = |bytes: &[u8]| {
        let picture = plantain_media::decode::decode(bytes, &Default::default()).unwrap().picture;
        (picture.width(), picture.height())
    };
    let (of_four, of_two) = (size(&sheet.body), size(&house.get(&format!("{path}?picture=2")).await.body));
    assert!(of_four.0 == of_two.0 && of_four.1 > of_two.1, "two rows of two, and one: {of_four:?} {of_two:?}");
    let again = house.get_with(&path, &[("if-none-match", sheet.header("etag"))]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(sheet.header("cache-control"), "private, no-cache", "it is drawn from what the job has now");
    for lost in [format!("{path}?picture=4"), format!("{path}?picture=0"), "/api/jobs/x/sheet".to_owned()] {
        let answer = house.get(&lost).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "no_such_picture"), "{lost}");
    }
    let job = house.get(&format!("/api/jobs/{id}")).await.json();
    assert_eq!(job["sheetUrl"], path);
    assert_eq!(job["images"][1]["matteUrl"], format!("/api/jobs/{id}/matte/2"));
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
