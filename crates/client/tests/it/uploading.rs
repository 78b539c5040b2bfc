//! The upload handshake: a place is asked for with our key, and the bytes go there without it.

use axum::http::Method;
use plantain_client::ClientError;
use plantain_client::error::{Fault, Lost};

use crate::client;
use crate::server::{Server, foreign, reply};

fn place(server: &Server) -> String {
    format!(r#"{{"upload_url":"{}","file_url":"https://cdn.test/a.png"}}"#, server.url("/put/here?token=1"))
}

#[tokio::test]
async fn the_bytes_go_to_the_place_without_our_key() {
    let server = Server::start([]).await;
    server.line_up(reply(200, place(&server)));
    server.line_up(foreign(200, ""));
    let url = client(&server).upload(vec![1, 2, 3], "image/png", "a.png").await.unwrap();
    assert_eq!(url.as_str(), "https://cdn.test/a.png");
    let [asked, put] = &server.seen()[..] else { panic!("two requests") };
    assert_eq!(
        (&asked.method, asked.uri.to_string().as_str()),
        (&Method::POST, "/rest/storage/upload/initiate?storage_type=fal-cdn-v3")
    );
    assert_eq!(
        (&asked.body[..], &asked.headers["authorization"]),
        (&br#"{"content_type":"image/png","file_name":"a.png"}"#[..], &"Key id:secret".parse().unwrap())
    );
    assert_eq!(
        (&put.method, put.uri.to_string().as_str(), &put.body[..]),
        (&Method::PUT, "/put/here?token=1", &[1, 2, 3][..])
    );
    assert_eq!(put.headers["content-type"], "image/png");
    assert!(!put.headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_place_is_asked_for_again_but_the_bytes_go_once() {
    let server = Server::start([foreign(503, "")]).await;
    server.line_up(reply(200, place(&server)));
    server.line_up(foreign(500, ""));
    let error = client(&server).upload("x", "text/plain", "x.txt").await.unwrap_err();
    assert_eq!((error, server.seen().len()), (ClientError::Unknown(Lost::ServerError(500)), 3));
}

#[tokio::test]
async fn a_place_that_is_no_address_is_refused() {
    let server = Server::start([reply(200, r#"{"upload_url":"nowhere","file_url":""}"#)]).await;
    let error = client(&server).upload("x", "text/plain", "x.txt").await.unwrap_err();
    assert_eq!(error, ClientError::Protocol(Fault::Unreadable));
}
