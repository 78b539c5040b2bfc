//! Messages by WhatsApp: real requests to a server that stands in for Meta's, and its signed notices back.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use plantain_outbound::Policy;
use plantain_studio::bulk::receiving::NewBatch;
use plantain_studio::config::StudioConfig;
use plantain_studio::job::{JobId, Owner};
use plantain_studio::messages::message::{Event, MessageState};
use plantain_studio::messages::naming::Naming;
use plantain_studio::messages::store::{MessageFilter, SentAgain};
use plantain_studio::messages::view::{Eyes, MessageView};
use plantain_studio::messages::whatsapp::wish::WhatsappWish;
use plantain_studio::messages::whatsapp::{Patience, Templates, Whatsapp};
use plantain_studio::photo::NewJob;
use plantain_testkit::graph::{self, APP_SECRET, Answer, Graph, SENDER, TOKEN, VERIFY_TOKEN};
use plantain_whatsapp::Secret;

use crate::service::batches::{archive, new_batch};
use crate::service::bench::{Bench, config, new_job};

const NUMBER: &str = "+91 98765 43210";
const DIGITS: &str = "919876543210";

/// How long notices of a lost answer are waited for.
const UNANSWERED: Duration = Duration::from_secs(2);

async fn bench(server: &Graph) -> Bench {
    let door = plantain_whatsapp::Graph::new(&Policy::public(), server.base(), SENDER.to_owned(), Secret::new(TOKEN));
    let whatsapp = Whatsapp {
        graph: door.unwrap(),
        app_secret: Secret::new(APP_SECRET),
        verify_token: Secret::new(VERIFY_TOKEN),
        templates: Templates::default(),
        patience: Patience { unanswered: UNANSWERED, ..Patience::default() },
    };
    Bench::with(StudioConfig { whatsapp: Some(whatsapp), ..config() }).await
}

fn wish() -> Option<WhatsappWish> {
    Some(WhatsappWish::parse(NUMBER).unwrap().in_language("hi"))
}

/// A job whose pictures are ready, and whose seller wants to be told.
async fn made(bench: &Bench) -> JobId {
    let before = bench.backend.submissions();
    let new = NewJob { whatsapp: wish(), owner: Some(Owner::key("shop")), ..new_job() };
    let job = bench.studio.generate(new).await.unwrap().job_id;
    let submission = bench.backend.submitted(before + 1).await.pop().unwrap();
    bench.completes(&submission.request_id);
    bench.succeeds(&job).await;
    job
}

/// The message of a job, once it is like this.
async fn until(bench: &Bench, job: &JobId, what: &str, is: impl Fn(&MessageView) -> bool) -> MessageView {
    let filter = MessageFilter { job: Some(job.clone()), eyes: Eyes::Operators, ..MessageFilter::default() };
    let waiting = async {
        loop {
            let messages = bench.studio.messages(filter.clone()).await.unwrap().messages;
            if let Some(message) = messages.into_iter().find(&is) {
                return message;
            }
            bench.clock.sleep(Duration::from_millis(20)).await;
        }
    };
    bench.clock.timeout(Duration::from_secs(30), waiting).await.unwrap_or_else(|| panic!("{what} never came"))
}

/// The message of a job as whoever made the job is shown it.
async fn shown_to_makers(bench: &Bench, job: &JobId) -> MessageView {
    let filter = MessageFilter { job: Some(job.clone()), ..MessageFilter::default() };
    bench.studio.messages_with_attempts(filter).await.unwrap().messages.remove(0)
}

fn stands(status: &str) -> impl Fn(&MessageView) -> bool {
    move |message| message.receipt.as_ref().is_some_and(|receipt| receipt.status == status)
}

fn is(state: MessageState) -> impl Fn(&MessageView) -> bool {
    move |message| message.state == state
}

/// Hands a notice to the studio without a network between.
async fn hears(bench: &Bench, (body, signature): (String, String)) {
    let heard = bench.studio.hear_whatsapp(Some(&signature), body.as_bytes()).await;
    heard.expect("messages go by WhatsApp").unwrap().unwrap();
}

/// Why the newest attempt failed, once it has.
async fn told(bench: &Bench, message: &MessageView) -> String {
    let waiting = async {
        loop {
            if let Some(Some(why)) = log(bench, message).await.pop() {
                return why;
            }
            bench.clock.sleep(Duration::from_millis(20)).await;
        }
    };
    bench.clock.timeout(Duration::from_secs(30), waiting).await.expect("the attempt ends")
}

async fn log(bench: &Bench, message: &MessageView) -> Vec<Option<String>> {
    let visitor = plantain_studio::job::Visitor::Operator;
    let whole = bench.studio.message(&message.message_id, &visitor).await.unwrap().unwrap();
    whole.log.unwrap().into_iter().map(|attempt| attempt.why).collect()
}

#[tokio::test]
async fn a_finished_job_is_shown_to_its_seller_and_only_a_notice_is_success() {
    let server = Graph::start().await;
    let bench = bench(&server).await;
    let job = made(&bench).await;
    let sent = server.wait_for(1).await.remove(0);
    let template = &sent.body["template"];
    assert_eq!((&template["name"], &template["language"]["code"]), (&"pictures_ready".into(), &"hi".into()));
    assert_eq!((&sent.body["to"], sent.words()), (&DIGITS.into(), vec!["1".to_owned()]));
    assert!(sent.button().starts_with(&format!("share/{job}/")), "{}", sent.button());
    assert_eq!(sent.picture.as_ref().unwrap().content_type, "image/jpeg");
    let accepted = until(&bench, &job, "an accepted message", stands("accepted")).await;
    assert_eq!((accepted.state, accepted.attempts), (MessageState::Pending, 1), "200 is no success");

    // Through the studio's own door, as Meta does it.
    let door = bench.studio.config().public_url.join("api/whatsapp/webhook").unwrap();
    let posts = async |(body, signature): (String, String)| {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-hub-signature-256"),
            HeaderValue::try_from(signature).unwrap(),
        )]);
        bench.posts_with(&door, headers, Bytes::from(body)).await
    };
    assert_eq!(posts(graph::status(&sent, "sent", None)).await, 200);
    assert_eq!(until(&bench, &job, "a sent message", stands("sent")).await.state, MessageState::Pending);
    let (body, signature) = graph::status(&sent, "delivered", None);
    assert_eq!(posts((body.replace("delivered", "read"), signature.clone())).await, 401, "the bytes are signed");
    for _ in 0..3 {
        assert_eq!(posts((body.clone(), signature.clone())).await, 200, "repetitions are taken, and change nothing");
    }
    assert_eq!(posts(graph::status(&sent, "failed", Some(131_047))).await, 200);
    let delivered = until(&bench, &job, "a delivered message", is(MessageState::Delivered)).await;
    assert_eq!(delivered.receipt.unwrap().status, "delivered");
    let shown = shown_to_makers(&bench, &job).await;
    assert_eq!((shown.state, shown.receipt), (MessageState::Delivered, None));
    assert_eq!(server.sent().len(), 1);
}

#[tokio::test]
async fn what_was_accepted_may_fail_and_is_sent_again_when_somebody_asks() {
    let server = Graph::start().await;
    let bench = bench(&server).await;
    let job = made(&bench).await;
    let sent = server.wait_for(1).await.remove(0);
    until(&bench, &job, "an accepted message", stands("accepted")).await;
    hears(&bench, graph::status(&sent, "failed", Some(131_047))).await;
    let dead = until(&bench, &job, "a dead message", is(MessageState::Dead)).await;
    let receipt = dead.receipt.unwrap();
    assert_eq!((receipt.status.as_str(), receipt.code), ("failed", Some(131_047)));
    assert!(receipt.why.unwrap().contains("24 hours"));
    let again = bench.studio.redeliver(&dead.message_id, &plantain_studio::job::Visitor::Operator).await.unwrap();
    assert_eq!(again, SentAgain::Owed);
    let second = server.wait_for(2).await.remove(1);
    until(&bench, &job, "an accepted message", stands("accepted")).await;
    hears(&bench, graph::status(&sent, "delivered", None)).await;
    until(&bench, &job, "nothing new", stands("accepted")).await;
    hears(&bench, graph::status(&second, "read", None)).await;
    until(&bench, &job, "a read message", is(MessageState::Delivered)).await;
}

#[tokio::test]
async fn what_goes_too_fast_waits_and_what_can_not_work_stops() {
    let server = Graph::start().await;
    let bench = bench(&server).await;
    for (answer, state, said) in [
        (Answer::Error(429, 130_429), MessageState::Pending, "too fast"),
        (Answer::Error(401, 190), MessageState::Dead, "WHATSAPP_TOKEN"),
        (Answer::Error(404, 132_001), MessageState::Dead, "no approved template"),
    ] {
        server.answer(answer);
        let job = made(&bench).await;
        let message = until(&bench, &job, "an attempt", |message| message.attempts == 1).await;
        let why = told(&bench, &message).await;
        let message = until(&bench, &job, "its message", |_| true).await;
        assert!(message.state == state && why.contains(said), "{answer:?}: {why}");
    }
    assert_eq!(server.sent().len(), 0);
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_not_sent_twice_once_a_notice_names_it() {
    let server = Graph::start().await;
    let mut bench = bench(&server).await;
    server.answer(Answer::Silence);
    let job = made(&bench).await;
    let sent = server.wait_for(1).await.remove(0);
    bench.restart().await;
    hears(&bench, graph::status(&sent, "sent", None)).await;
    bench.clock.sleep(UNANSWERED + Duration::from_millis(500)).await;
    hears(&bench, graph::status(&sent, "delivered", None)).await;
    until(&bench, &job, "a delivered message", is(MessageState::Delivered)).await;
    assert_eq!(server.sent().len(), 1);
}

#[tokio::test]
async fn a_message_of_which_nothing_is_heard_after_a_restart_is_sent_again_under_the_same_name() {
    let server = Graph::start().await;
    let mut bench = bench(&server).await;
    server.answer(Answer::Silence);
    let job = made(&bench).await;
    server.wait_for(1).await;
    let begun = bench.clock.now();
    bench.restart().await;
    let sent = server.wait_for(2).await;
    let waited = plantain_work::clock::until(begun, bench.clock.now());
    assert!(waited >= UNANSWERED / 2, "notices had time to come: {waited:?}");
    let id =
        |at: usize| sent[at].body["biz_opaque_callback_data"].as_str().unwrap().split('.').next().unwrap().to_owned();
    assert_eq!(id(0), id(1));
    until(&bench, &job, "an accepted message", stands("accepted")).await;
}

#[tokio::test]
async fn whoever_wrote_stop_gets_nothing_until_they_write_start() {
    let server = Graph::start().await;
    let bench = bench(&server).await;
    hears(&bench, graph::text(DIGITS, "STOP", 1_000)).await;
    hears(&bench, graph::text(DIGITS, "START", 900)).await;
    let job = made(&bench).await;
    let dead = until(&bench, &job, "a dead message", is(MessageState::Dead)).await;
    assert!(log(&bench, &dead).await[0].as_ref().unwrap().contains("STOP"));
    assert_eq!(server.sent().len(), 0, "an older word does not undo a newer one");
    let shown = shown_to_makers(&bench, &job).await;
    assert_eq!((shown.state, shown.receipt), (MessageState::Delivered, None), "as any that arrived");
    hears(&bench, graph::text(DIGITS, "start", 1_001)).await;
    bench.studio.redeliver(&dead.message_id, &plantain_studio::job::Visitor::Operator).await.unwrap();
    server.wait_for(1).await;
}

#[tokio::test]
async fn a_job_that_is_forgotten_takes_the_number_along() {
    let server = Graph::start().await;
    let bench = bench(&server).await;
    let job = made(&bench).await;
    until(&bench, &job, "an accepted message", stands("accepted")).await;
    bench.studio.forget(&job).await.unwrap();
    let all =
        bench.stores.jobs.messages(&MessageFilter { eyes: Eyes::Operators, ..MessageFilter::default() }).await.unwrap();
    assert_eq!(all, []);
}

#[tokio::test]
async fn of_a_batch_one_message_tells_how_many_photos_are_ready() {
    let server = Graph::start().await;
    let bench = bench(&server).await;
    let new = NewBatch { whatsapp: wish(), ..new_batch(&bench, archive(1)).await };
    let batch = bench.studio.begin_batch(new, &Naming::default()).await.unwrap();
    let submission = bench.backend.submitted(1).await.pop().unwrap();
    bench.completes(&submission.request_id);
    let sent = server.wait_for(1).await.remove(0);
    assert_eq!(sent.body["template"]["name"], "batch_ready");
    assert_eq!((sent.words(), sent.picture.is_none()), (vec!["1".to_owned(), "0".into(), "1".into()], true));
    assert_eq!(sent.button(), format!("bulk/{}", batch.batch_id));
    let messages = bench.studio.messages(MessageFilter::default()).await.unwrap().messages;
    let events: Vec<_> = messages.iter().map(|message| message.event).collect();
    assert_eq!(events, [Event::BatchDone], "not one for each of its photos");
    let kept = bench.stores.jobs.batch(&batch.batch_id).await.unwrap().unwrap().0;
    assert_eq!(kept.whatsapp, None, "the number is with the message alone");
}

#[tokio::test]
async fn an_archive_that_is_refused_is_told_where_a_number_was_given() {
    let server = Graph::start().await;
    let bench = bench(&server).await;
    let new = NewBatch { whatsapp: wish(), ..new_batch(&bench, b"no archive".to_vec()).await };
    let refused = bench.studio.begin_batch(new, &Naming::default()).await.unwrap_err();
    assert_eq!(refused.code(), "archive_broken");
    let sent = server.wait_for(1).await.remove(0);
    assert_eq!((sent.body["template"]["name"].as_str(), sent.button().as_str()), (Some("batch_ready"), "bulk"));
    assert_eq!(sent.words(), ["0", "0", "0"]);
}
