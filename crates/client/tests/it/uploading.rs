//! Uploads: in one call with a token of the CDN, or to a place that is asked for with our key and gets the bytes without it.

use axum::http::Method;
use plantain_client::ClientError;
use plantain_client::error::{Fault, Lost};

use crate::client;
use crate::server::{Server, foreign, reply};

fn place(server: &Server) -> String {
    format!(r#"{{"upload_url":"{}","file_url":"https://cdn.test/a.png"}}"#, server.url("/put/here?token=1"))
}

fn token(server: &Server) -> String {
    let cdn = server.url("/elsewhere/cdn");
    format!(r#"{{"token":"t0ken","token_type":"Bearer","base_url":"{cdn}","expires_at":"later"}}"#)
}

const KEPT: &str = r#"{"access_url":"https://cdn.test/b.png"}"#;

#[tokio::test]
async fn many_files_go_with_one_token_in_one_call_each() {
    let server = Server::start([]).await;
    [reply(200, token(&server)), reply(200, KEPT), reply(200, KEPT)]
        .into_iter()
        .for_each(|reply| server.line_up(reply));
    let client = client(&server);
    for name in ["a.png", "b.png"] {
        let url = client.clone().upload(vec![1, 2, 3], "image/png", name).await.unwrap();
        assert_eq!(url.as_str(), "https://cdn.test/b.png");
    }
    let [asked, first, second] = &server.seen()[..] else { panic!("three requests") };
    assert_eq!(
        (&asked.method, asked.uri.to_string().as_str(), &asked.headers["authorization"]),
        (&Method::POST, "/rest/storage/auth/token?storage_type=fal-cdn-v3", &"Key id:secret".parse().unwrap())
    );
    for (post, name) in [(first, "a.png"), (second, "b.png")] {
        assert_eq!((&post.method, post.uri.to_string().as_str()), (&Method::POST, "/elsewhere/cdn/files/upload"));
        assert_eq!(
            (&post.headers["authorization"], &post.headers["x-fal-file-name"]),
            (&"Bearer t0ken".parse().unwrap(), &name.parse().unwrap())
        );
        assert_eq!((&post.headers["content-type"], &post.body[..]), (&"image/png".parse().unwrap(), &[1, 2, 3][..]));
    }
    assert!(!format!("{client:?}").contains("t0ken"));
}

#[tokio::test]
async fn a_token_that_has_run_out_costs_one_upload_its_way_and_the_next_has_another() {
    let server = Server::start([]).await;
    [reply(200, token(&server)), reply(200, KEPT), foreign(401, ""), reply(200, place(&server))]
        .into_iter()
        .for_each(|reply| server.line_up(reply));
    [foreign(200, ""), reply(200, token(&server)), reply(200, KEPT)]
        .into_iter()
        .for_each(|reply| server.line_up(reply));
    let client = client(&server);
    for (url, requests) in [("https://cdn.test/b.png", 2), ("https://cdn.test/a.png", 5), ("https://cdn.test/b.png", 7)]
    {
        assert_eq!(client.upload("x", "text/plain", "x.txt").await.unwrap().as_str(), url);
        assert_eq!(server.seen().len(), requests);
    }
}

#[tokio::test]
async fn whatever_the_cdn_answers_to_a_fresh_token_the_bytes_go_to_places_and_it_is_asked_again_much_later() {
    for refusal in [foreign(401, ""), foreign(403, ""), foreign(503, ""), foreign(302, ""), reply(200, "{}".to_owned())]
    {
        let server = Server::start([]).await;
        let place = || [reply(200, place(&server)), foreign(200, "")];
        [reply(200, token(&server)), refusal].into_iter().for_each(|reply| server.line_up(reply));
        (0..=100).flat_map(|_| place()).for_each(|reply| server.line_up(reply));
        [reply(200, token(&server)), reply(200, KEPT)].into_iter().for_each(|reply| server.line_up(reply));
        let client = client(&server);
        for upload in 0..=100 {
            let url = client.upload("x", "text/plain", "x.txt").await.unwrap();
            assert_eq!((url.as_str(), server.seen().len()), ("https://cdn.test/a.png", 4 + 2 * upload));
        }
        let url = client.upload("x", "text/plain", "x.txt").await.unwrap();
        assert_eq!(url.as_str(), "https://cdn.test/b.png");
    }
}

#[tokio::test]
async fn where_the_cdn_can_not_be_reached_the_bytes_go_to_places() {
    let server = Server::start([]).await;
    let token = r#"{"token":"t0ken","token_type":"Bearer","base_url":"http://127.0.0.1:1/cdn"}"#;
    let place = || reply(200, place(&server));
    [reply(200, token), place(), foreign(200, ""), place(), foreign(200, "")]
        .into_iter()
        .for_each(|reply| server.line_up(reply));
    let client = client(&server);
    for requests in [3, 5] {
        assert_eq!(client.upload("x", "text/plain", "x.txt").await.unwrap().as_str(), "https://cdn.test/a.png");
        assert_eq!(server.seen().len(), requests);
    }
}

#[tokio::test]
async fn a_queue_that_does_not_answer_for_a_token_is_no_queue_without_tokens() {
    let server = Server::start([foreign(500, ""), foreign(500, ""), foreign(500, "")]).await;
    let error = client(&server).upload("x", "text/plain", "x.txt").await.unwrap_err();
    assert_eq!((error, server.seen().len()), (ClientError::Unknown(Lost::ServerError(500)), 3));
}

#[tokio::test]
async fn without_tokens_the_bytes_go_to_a_place_without_our_key() {
    let server = Server::start([foreign(404, "")]).await;
    server.line_up(reply(200, place(&server)));
    server.line_up(foreign(200, ""));
    let url = client(&server).upload(vec![1, 2, 3], "image/png", "a.png").await.unwrap();
    assert_eq!(url.as_str(), "https://cdn.test/a.png");
    let [_, asked, put] = &server.seen()[..] else { panic!("three requests") };
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
    let server = Server::start([foreign(404, ""), foreign(503, "")]).await;
    server.line_up(reply(200, place(&server)));
    server.line_up(foreign(500, ""));
    let client = client(&server);
    let error = client.upload("x", "text/plain", "x.txt").await.unwrap_err();
    assert_eq!((error, server.seen().len()), (ClientError::Unknown(Lost::ServerError(500)), 4));
    // Whoever has no tokens is not asked for one each time.
    server.line_up(reply(200, place(&server)));
    server.line_up(foreign(200, ""));
    client.upload("x", "text/plain", "x.txt").await.unwrap();
    assert_eq!(server.seen().len(), 6);
}

#[tokio::test]
async fn a_place_that_is_no_address_is_refused() {
    let server = Server::start([foreign(404, ""), reply(200, r#"{"upload_url":"nowhere","file_url":""}"#)]).await;
    let error = client(&server).upload("x", "text/plain", "x.txt").await.unwrap_err();
    assert_eq!(error, ClientError::Protocol(Fault::Unreadable));
}
