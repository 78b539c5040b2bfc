//! Letters to a real server, which takes them, refuses them, is slow, or goes away.

use std::time::Duration;

use plantain_mail::Mailer;
use plantain_mail::address::{MailAddress, Sender};
use plantain_mail::attempt::{Attempt, Outcome};
use plantain_mail::letter::{File, Letter};
use plantain_mail::server::MailServer;
use plantain_testkit::mail::{self, Moment, Say, Security};
use plantain_work::Clock;

fn mailer(server: &mail::MailServer, login: &str) -> Mailer {
    let named = MailServer::parse(&server.url(login), Some(server.certificate().as_bytes())).unwrap();
    Mailer::new(named, Sender::parse("Studio <photos@studio.example>").unwrap())
}

fn letter() -> Letter {
    Letter {
        id: "msg_1".into(),
        to: MailAddress::parse("asha@example.com").unwrap(),
        subject: "तैयार: three pictures".into(),
        text: "तीन तस्वीरें\n.\nhttps://studio.example/jobs/1\n".into(),
        html: "<p>तीन तस्वीरें</p>".into(),
        files: vec![File {
            name: "a.jpg".into(),
            content_type: "image/jpeg".into(),
            bytes: vec![0xff; 100_000].into(),
        }],
        unsubscribe: None,
    }
}

async fn send(mailer: &Mailer) -> Attempt {
    mailer.send(&letter(), &Clock::system()).await
}

#[tokio::test]
async fn a_letter_arrives_whole_over_every_kind_of_connection() {
    for (security, encrypted) in [(Security::Plain, false), (Security::StartTls, true), (Security::Tls, true)] {
        let server = mail::MailServer::start(security).await;
        let mailer = mailer(&server, "seller%40x:hunter%2F2@");
        let attempt = send(&mailer).await;
        assert_eq!((attempt.outcome, attempt.code), (Outcome::Sent, Some(250)), "{security:?} {attempt:?}");
        assert!(attempt.said.contains("taken as 4711"), "{attempt:?}");
        let mail = server.wait_for(1).await.remove(0);
        assert_eq!(
            (mail.from.as_str(), mail.to.as_slice()),
            ("photos@studio.example", &["asha@example.com".to_owned()][..])
        );
        assert_eq!(mail.login, Some(("seller@x".into(), "hunter/2".into())));
        assert_eq!(mail.encrypted, encrypted, "{security:?}");
        assert_eq!(mail.header("Message-ID"), "<msg_1@studio.example>");
        assert_eq!(mail.part("text/plain").replace("\r\n", "\n").trim_end(), letter().text.trim_end());
        assert!(mail.part("text/html").contains("<p>तीन तस्वीरें</p>"));
        assert!(mail.text.contains("filename=\"a.jpg\""));
        assert_eq!(send(&mailer).await.outcome, Outcome::Sent);
        assert_eq!(server.wait_for(2).await[1].header("Message-ID"), "<msg_1@studio.example>", "the same letter");
    }
}

#[tokio::test]
async fn what_the_server_says_decides_whether_it_is_tried_again() {
    for (moment, say, outcome, code) in [
        (Moment::Greeting, Say::Line("421 too many"), Outcome::Later, Some(421)),
        (Moment::Greeting, Say::HangUp, Outcome::Later, None),
        (Moment::Auth, Say::Line("535 5.7.8 wrong password"), Outcome::Later, Some(535)),
        (Moment::From, Say::Line("550 5.7.1 not from you"), Outcome::Never, Some(550)),
        (Moment::To, Say::Line("450 4.2.0 greylisted"), Outcome::Later, Some(450)),
        (Moment::To, Say::Line("550 5.1.1 nobody here"), Outcome::Never, Some(550)),
        (Moment::To, Say::HangUp, Outcome::Later, None),
        (Moment::Data, Say::Line("452 4.3.1 disk full"), Outcome::Later, Some(452)),
        (Moment::Taken, Say::Line("552 5.3.4 too large"), Outcome::Never, Some(552)),
        (Moment::Taken, Say::HangUp, Outcome::Later, None),
        (Moment::Quit, Say::HangUp, Outcome::Sent, Some(250)),
        (Moment::Quit, Say::Line("500 no"), Outcome::Sent, Some(250)),
    ] {
        let server = mail::MailServer::start(Security::Plain).await;
        server.next(moment, say.clone());
        let attempt = send(&mailer(&server, "u:hunter2@")).await;
        assert_eq!((attempt.outcome, attempt.code), (outcome, code), "{moment:?} {say:?}: {attempt:?}");
        assert!(!attempt.said.is_empty() && !attempt.said.contains("hunter2"), "{attempt:?}");
        let again = send(&mailer(&server, "u:hunter2@")).await;
        assert_eq!(again.outcome, Outcome::Sent, "{moment:?}: the next attempt is none the worse");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    for moment in [Moment::Greeting, Moment::To, Moment::Taken, Moment::Quit] {
        let server = mail::MailServer::start(Security::Plain).await;
        server.next(moment, Say::Silence);
        let clock = Clock::manual("2026-11-21T12:00:00Z".parse().unwrap());
        let (letter, mailer) = (letter(), mailer(&server, ""));
        let sending = mailer.send(&letter, &clock);
        tokio::pin!(sending);
        let attempt = loop {
            tokio::select! {
                biased;
                attempt = &mut sending => break attempt,
                () = Clock::system().sleep(Duration::from_millis(20)) => clock.advance(Duration::from_secs(1)),
            }
        };
        let outcome = if moment == Moment::Quit { Outcome::Sent } else { Outcome::Later };
        assert_eq!(attempt.outcome, outcome, "{moment:?}: {attempt:?}");
    }
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_can_not_be_trusted() {
    let plain = mail::MailServer::start(Security::Plain).await;
    let port = plain.url("").rsplit(':').next().unwrap().split('?').next().unwrap().to_owned();
    let tls = mail::MailServer::start(Security::Tls).await;
    let from = || Sender::parse("photos@studio.example").unwrap();
    for (url, why) in [
        (format!("smtp://u:hunter2@localhost:{port}"), "no STARTTLS"),
        (tls.url("u:hunter2@"), "an unknown certificate"),
        (tls.url("u:hunter2@").replace("localhost", "127.0.0.1"), "another name"),
        ("smtp://localhost:1?tls=none".to_owned(), "nobody there"),
    ] {
        let attempt = send(&Mailer::new(MailServer::parse(&url, None).unwrap(), from())).await;
        assert_eq!((attempt.outcome, attempt.code), (Outcome::Later, None), "{why}: {attempt:?}");
    }
    assert!(plain.mails().is_empty() && tls.mails().is_empty());
}
