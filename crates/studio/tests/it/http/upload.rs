//! Uploads that mean no good: too large, shapeless, endless, slow.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use plantain_media::decode::Limits;
use plantain_studio::config::StudioConfig;
use plantain_studio::http::Pace;
use plantain_work::Tasks;

use super::house::{BOUNDARY, file, form_body, form_request, house, house_that, house_with, in_the_end, photo, text};

const MEGABYTE: usize = 1024 * 1024;

fn opening(head: &str) -> Bytes {
    format!("--{BOUNDARY}\r\n{head}").into()
}

/// `first`, then `again` without end.
fn endless(first: Bytes, again: Vec<u8>) -> Body {
    let again = Bytes::from(again);
    let frames = stream::once(async { first }).chain(stream::repeat_with(move || again.clone()));
    Body::from_stream(frames.map(Ok::<_, Infallible>))
}

#[tokio::test]
async fn an_endless_body_ends() {
    let house = house().await;
    let image = "Content-Disposition: form-data; name=\"image\"; filename=\"x.jpg\"\r\n\r\n";
    let prompt = "Content-Disposition: form-data; name=\"prompt\"\r\n\r\n";
    let block = || vec![b'x'; 64 * 1024];
    let part = form_body(&[text("prompt", "")]);
    let part = part[..part.len() - BOUNDARY.len() - 6].to_vec();
    for (what, body, status) in [
        ("photo", endless(opening(image), block()), 413),
        ("text", endless(opening(prompt), block()), 413),
        ("headers", endless(opening("X-Long: "), block()), 400),
        ("preamble", endless(Bytes::from_static(b"no form at all"), block()), 400),
        ("parts", endless(Bytes::new(), part), 422),
    ] {
        let answer = house.send(form_request(body, &[])).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text());
        assert!(!answer.code().is_empty());
    }
}

#[tokio::test]
async fn a_photo_over_the_limit_is_too_large_whatever_is_in_it() {
    let house = house().await;
    let answer = house.post_form(&[file("image", "big.jpg", vec![0; 12 * MEGABYTE + 1])], &[]).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "file_too_large"));
    let fits = house.post_form(&[file("image", "big.jpg", vec![0; 12 * MEGABYTE])], &[]).await;
    assert_eq!(fits.code(), "not_a_picture", "the limit itself is within it");
}

#[tokio::test]
async fn a_raw_file_is_told_what_it_is_and_not_its_size() {
    let house = house().await;
    // A DNG: a TIFF whose first directory has one entry, its version.
    let dng = b"II*\0\x08\0\0\0\x01\0\x12\xc6\x01\0\x04\0\0\0\x01\x04\0\0\0\0\0\0";
    for (start, name) in
        [(&b"II*\0\x10\0\0\0CR\x02\0"[..], "IMG_1.CR2"), (dng, "IMG_2.DNG"), (b"FUJIFILMCCD-RAW", "a.RAF")]
    {
        for megabytes in [1, 30] {
            let bytes = [start, &vec![0; megabytes * MEGABYTE]].concat();
            let answer = house.post_form(&[file("image", name, bytes)], &[]).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (415, "format_not_supported"),
                "{name}, {megabytes}"
            );
            let hint = answer.json()["error"]["hint"].as_str().unwrap().to_owned();
            assert!(hint.contains("Export the photo as JPEG"), "{hint}");
        }
    }
    let second = house
        .post_form(
            &[
                file("image", "a.jpg", photo()),
                file("image", "b.cr2", [&b"IIRO"[..], &vec![0; 13 * MEGABYTE]].concat()),
            ],
            &[],
        )
        .await;
    assert!(second.text().contains("Photo 2: A camera's raw file can't be read."), "{}", second.text());
}

#[tokio::test]
async fn the_bound_of_a_photo_is_what_the_studio_was_given() {
    let limits = Limits { max_bytes: MEGABYTE, ..Limits::default() };
    let house = house_that(StudioConfig { photo_limits: limits, ..StudioConfig::default() }).await;
    let page = house.get_with("/", &[("accept", "text/html")]).await.text();
    assert!(page.contains("up to 1 MB each") && page.contains("data-bytes-max=\"1048576\""), "{page}");
    let bulk = house.get_with("/bulk", &[("accept", "text/html")]).await.text();
    assert!(bulk.contains("data-photo-bytes-max=\"1048576\""), "{bulk}");
    let large = [&photo()[..], &vec![0; MEGABYTE]].concat();
    let answer = house.post_form(&[file("image", "big.jpg", large)], &[]).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "file_too_large"));
    assert!(answer.text().contains("The photo is larger than 1 MB."), "{}", answer.text());
    assert_eq!(house.post_form(&[file("image", "a.jpg", photo())], &[]).await.status, StatusCode::ACCEPTED);
}

/// `frame` every second of the test's clock.
fn dripping(
    house: &super::house::House,
    first: Bytes,
    frame: &'static [u8],
) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
    let clock = house.clock.clone();
    let drops = stream::unfold(clock, move |clock| async move {
        clock.sleep(Duration::from_secs(1)).await;
        Some((Bytes::from_static(frame), clock))
    });
    stream::once(async { first }).chain(drops).map(Ok)
}

#[tokio::test]
async fn a_body_that_drips_is_not_waited_for() {
    let pace = Pace { deadline: Duration::from_secs(100), ..Pace::default() };
    let house = house_with(|config| config.pace = pace).await;
    let head = || opening("Content-Disposition: form-data; name=\"image\"; filename=\"x.jpg\"\r\n\r\n");
    for (what, frame, seconds) in [
        ("silence", &b""[..], 20..=21),
        ("a byte a second", b"x", 20..=21),
        ("steady for ever", &[b'x'; 8 * 1024], 100..=101),
    ] {
        let begun = house.clock.now();
        let body = Body::from_stream(dripping(&house, head(), frame));
        let answer = in_the_end(&house.clock, house.send(form_request(body, &[]))).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::REQUEST_TIMEOUT, "too_slow"), "{what}");
        let took = house.clock.now().duration_since(begun).as_secs();
        assert!(seconds.contains(&took), "{what} took {took} s");
    }
}

#[tokio::test]
async fn a_slow_but_steady_phone_gets_its_photo_through() {
    let house = house().await;
    let whole = form_body(&[file("image", "mug.jpg", photo())]);
    let clock = house.clock.clone();
    let frames: Vec<Bytes> = whole.chunks(whole.len().div_ceil(60)).map(Bytes::copy_from_slice).collect();
    let slow = stream::iter(frames).then(move |frame| {
        let pause = clock.sleep(Duration::from_millis(10));
        async move {
            pause.await;
            Ok::<_, Infallible>(frame)
        }
    });
    let sent = house.send(form_request(Body::from_stream(slow), &[]));
    let answer = in_the_end(&house.clock, sent).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
}

#[tokio::test]
async fn the_sender_of_a_huge_photo_hears_why_instead_of_a_broken_pipe() {
    let house = house().await;
    let (tasks, listener) = (Tasks::new(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap();
    let (router, shutdown) = (house.router.clone(), house.shutdown.clone());
    tasks.spawn("server", async move {
        axum::serve(listener, router).with_graceful_shutdown(async move { shutdown.begun().await }).await.unwrap();
    });
    let body = form_body(&[file("image", "big.jpg", vec![0; 14 * MEGABYTE])]);
    let head = format!(
        "POST /api/generate HTTP/1.1\r\nHost: {address}\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&body).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("file_too_large"), "{answer}");
    house.shutdown.begin();
    tasks.wait().await;
}
