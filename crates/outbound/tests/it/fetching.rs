//! Fetches end within their time and size, whatever the other side does.

use plantain_outbound::send::{FetchError, Fetched};
use plantain_outbound::transport::{NoConnection, START_BYTES_MAX};

use crate::receiver::Receiver;
use crate::{HASTY, PATIENT, local, within};

#[tokio::test]
async fn a_file_comes_with_its_type() {
    let receiver = Receiver::start().await;
    let fetched = local().get(&receiver.url("/bytes/1000"), within(1000, PATIENT)).await.unwrap();
    let expected = Fetched { status: 200, content_type: Some("image/png".into()), body: vec![7; 1000].into() };
    assert_eq!(fetched, expected);
}

#[tokio::test]
async fn a_status_is_an_answer_and_a_redirect_is_not_followed() {
    let receiver = Receiver::start().await;
    for (path, status) in [("/status/404", 404), ("/status/500", 500), ("/redirect", 302)] {
        let fetched = local().get(&receiver.url(path), within(100, PATIENT)).await.unwrap();
        assert_eq!(fetched.status, status, "{path}");
    }
    assert_eq!(receiver.seen().len(), 3, "each address was asked exactly once");
}

#[tokio::test]
async fn a_file_of_one_byte_too_many_is_refused_and_what_it_begins_with_is_known() {
    let receiver = Receiver::start().await;
    let refused = local().get(&receiver.url("/bytes/1001"), within(1000, PATIENT)).await;
    assert_eq!(refused, Err(FetchError::TooLarge { max_bytes: 1000, start: vec![7; 1000].into() }));
}

#[tokio::test]
async fn an_endless_body_is_dropped_at_the_bound() {
    let receiver = Receiver::start().await;
    let refused = local().get(&receiver.url("/endless"), within(100_000, PATIENT)).await;
    let start = vec![b'x'; START_BYTES_MAX].into();
    assert_eq!(refused, Err(FetchError::TooLarge { max_bytes: 100_000, start }));
}

#[tokio::test]
async fn a_dripping_or_silent_server_meets_the_deadline() {
    let receiver = Receiver::start().await;
    for path in ["/drip", "/silent"] {
        let late = local().get(&receiver.url(path), within(1000, HASTY)).await.unwrap_err();
        assert_eq!(late, FetchError::TimedOut { deadline: HASTY }, "{path}");
        assert!(late.transient());
    }
}

#[tokio::test]
async fn nothing_is_decompressed() {
    let receiver = Receiver::start().await;
    let fetched = local().get(&receiver.url("/zipped"), within(100, PATIENT)).await.unwrap();
    assert_eq!(fetched.body.as_ref(), b"not really zipped");
}

#[tokio::test]
async fn a_broken_server_is_told_from_an_absent_one() {
    let cut = Receiver::raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    assert_eq!(local().get(&cut.url("/"), within(1000, PATIENT)).await, Err(FetchError::Broken));
    let junk = Receiver::raw(b"SSH-2.0-OpenSSH\r\n").await;
    assert_eq!(local().get(&junk.url("/"), within(1000, PATIENT)).await, Err(FetchError::Broken));
    let gone = cut.url("/");
    drop(cut);
    // The listener's task ends at its next await, so the first tries may still find it.
    let absent = FetchError::Unreachable(NoConnection::Refused);
    for _ in 0..100 {
        if local().get(&gone, within(1000, PATIENT)).await == Err(absent.clone()) {
            return;
        }
    }
    panic!("the closed port kept answering");
}

#[tokio::test]
async fn plain_text_on_an_https_address_is_a_tls_error() {
    let receiver = Receiver::start().await;
    let url = format!("https://127.0.0.1:{}/", receiver.port()).parse().unwrap();
    let refused = local().get(&url, within(1000, PATIENT)).await;
    assert_eq!(refused, Err(FetchError::Unreachable(NoConnection::Tls)));
}
