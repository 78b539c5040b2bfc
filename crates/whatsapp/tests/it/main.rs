//! The client against a server that stands in for Meta's: real HTTP, real forms.

use std::time::Duration;

use plantain_outbound::Policy;
use plantain_testkit::graph::{self, Answer, SENDER, TOKEN};
use plantain_testkit::photo;
use plantain_whatsapp::graph::{Failed, Form, Graph, Picture, What};
use plantain_whatsapp::template::Template;
use plantain_whatsapp::trouble::{Next, TOO_FAST_PAUSE};
use plantain_whatsapp::{Number, Secret};

/// Nothing but the server that was named may be reached.
fn door(server: &graph::Graph, token: &str) -> Graph {
    Graph::new(&Policy::public(), server.base(), SENDER.to_owned(), Secret::new(token)).unwrap()
}

fn number() -> Number {
    Number::parse("+91 98765 43210").unwrap()
}

fn template(name: &str) -> Template {
    Template { name: name.into(), language: "en".into(), picture: None, words: vec!["3".into()], button: None }
}

fn jpeg() -> Picture {
    Picture { bytes: photo::jpeg().into(), form: Form::Jpeg }
}

#[tokio::test]
async fn a_picture_is_uploaded_and_a_message_shows_it() {
    let server = graph::Graph::start().await;
    let door = door(&server, TOKEN);
    let picture = door.upload(&jpeg()).await.unwrap();
    let template = Template { picture: Some(picture), button: Some("jobs/1".into()), ..template("pictures_ready") };
    let accepted = door.send(&number(), &template, "m.1").await.unwrap();
    let sent = server.wait_for(1).await.remove(0);
    assert_eq!((accepted.wamid.as_str(), accepted.status), (sent.wamid.as_str(), 200));
    assert_eq!((sent.words(), sent.button()), (vec!["3".to_owned()], "jobs/1".to_owned()));
    assert_eq!((&sent.body["to"], &sent.body["biz_opaque_callback_data"]), (&"919876543210".into(), &"m.1".into()));
    let shown = sent.picture.unwrap();
    assert_eq!((shown.content_type.as_str(), shown.bytes.to_vec()), ("image/jpeg", photo::jpeg()));
    let png = Picture { bytes: photo::png().into(), form: Form::Png };
    assert!(door.upload(&png).await.is_ok());
}

#[tokio::test]
async fn a_refusal_says_what_is_wrong_and_whether_to_try_again() {
    let server = graph::Graph::start().await;
    let door = door(&server, TOKEN);
    let later = What::Refused(Next::Later(TOO_FAST_PAUSE));
    let never = What::Refused(Next::Never);
    for (answer, what, said) in [
        (Answer::Error(400, 131_047), never, "24 hours"),
        (Answer::Error(400, 131_026), never, "can't be reached"),
        (Answer::Error(429, 130_429), later, "too fast"),
        (Answer::Error(400, 131_056), later, "short time"),
        (Answer::Error(400, 132_000), never, "number of words"),
        (Answer::Error(404, 132_001), never, "no approved template"),
        (Answer::Error(401, 190), never, "WHATSAPP_TOKEN"),
        (Answer::Error(500, 131_000), What::Refused(Next::Later(Duration::ZERO)), "not available"),
        (Answer::Bare(429), later, "without a reason"),
        (Answer::Bare(404), never, "without a reason"),
        (Answer::Bare(200), What::Unknown, "can't be understood"),
        (Answer::Bare(502), What::Unknown, "can't be understood"),
    ] {
        server.answer(answer);
        let failed = door.send(&number(), &template("batch_ready"), "m.1").await.unwrap_err();
        assert_eq!(failed.what, what, "{answer:?}");
        assert!(failed.why.contains(said) && !failed.why.contains(TOKEN), "{answer:?}: {}", failed.why);
    }
    assert_eq!(server.sent().len(), 0);
    let failed = door.send(&number(), &template("nobody_approved"), "m.1").await.unwrap_err();
    assert_eq!((failed.what, failed.status), (never, Some(404)));
    let pdf = Picture { bytes: bytes::Bytes::from_static(b"%PDF"), form: Form::Jpeg };
    assert_eq!(door.upload(&pdf).await.unwrap_err().what, never);
}

#[tokio::test]
async fn without_the_token_or_the_server_nothing_is_sent() {
    let server = graph::Graph::start().await;
    let stranger = door(&server, "another");
    let failed = stranger.upload(&jpeg()).await.unwrap_err();
    assert_eq!((failed.what, failed.status), (What::Refused(Next::Never), Some(401)));
    assert!(!format!("{stranger:?}{failed:?}").contains("another"));
    let nobody = "http://127.0.0.1:1/v25.0".parse().unwrap();
    let gone = Graph::new(&Policy::public(), nobody, SENDER.to_owned(), Secret::new(TOKEN)).unwrap();
    let soon = What::Refused(Next::Later(Duration::ZERO));
    let Failed { what, status, .. } = gone.send(&number(), &template("batch_ready"), "m.1").await.unwrap_err();
    assert_eq!((what, status), (soon, None), "it surely was not sent");
    assert_eq!(gone.upload(&jpeg()).await.unwrap_err().what, soon);
    let unsendable = Graph::new(&Policy::public(), server.base(), SENDER.to_owned(), Secret::new("a\nb")).unwrap();
    let failed = unsendable.send(&number(), &template("batch_ready"), "m.1").await.unwrap_err();
    assert_eq!(failed.what, What::Refused(Next::Never));
}
