//! Messages out: real posts to a real receiver, signed, tried again, and never lost.

use plantain_outbound::Bounds;
use plantain_studio::job::{JobId, Owner};
use plantain_studio::messages::hook::{Callback, HookSecret};
use plantain_studio::messages::managing::NewHook;
use plantain_studio::messages::message::{Event, MessageState};
use plantain_studio::messages::store::MessageFilter;
use plantain_studio::messages::view::MessageView;
use plantain_studio::photo::NewJob;
use plantain_testkit::receiver::{Answer, Received, Receiver};
use plantain_wire::{hmac, standard};
use plantain_work::Clock;
use serde_json::Value;
use std::time::Duration;

use crate::service::bench::{Bench, new_job};

const SECRET: &str = "a-secret-that-n8n-has";

/// A job of this owner's, with a callback, whose pictures are ready.
async fn made(bench: &Bench, owner: &Owner, receiver: &Receiver) -> JobId {
    let url = receiver.url("/webhook-waiting/7?signature=a%2Fb&x").to_string();
    let callback = Some(Callback { url, secret: HookSecret::given(SECRET) });
    let before = bench.backend.submissions();
    let new = NewJob { callback, owner: Some(owner.clone()), identifier: Some("B0TEST1234".into()), ..new_job() };
    let job = bench.studio.generate(new).await.unwrap().job_id;
    let submission = bench.backend.submitted(before + 1).await.pop().unwrap();
    bench.completes(&submission.request_id);
    bench.succeeds(&job).await;
    job
}

fn header(received: &Received, name: &str) -> String {
    received.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap().to_owned()
}

#[track_caller]
fn is_signed_with(received: &Received, secret: &str) {
    let (id, at) = (header(received, "webhook-id"), header(received, "webhook-timestamp").parse().unwrap());
    hmac::verify(secret.as_bytes(), &header(received, "x-studio-signature"), &received.body).unwrap();
    let key = HookSecret::given(secret).unwrap().standard_key();
    assert_eq!(header(received, "webhook-signature"), standard::sign(&key, &id, at, &received.body));
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    assert_eq!(body["id"], id.as_str());
}

/// All messages of a job, once none is pending any more.
async fn settled(bench: &Bench, job: &JobId) -> Vec<MessageView> {
    let filter = MessageFilter { job: Some(job.clone()), ..MessageFilter::default() };
    let settled = async {
        loop {
            let messages = bench.studio.messages(filter.clone()).await.unwrap().messages;
            if messages.iter().all(|message| message.state != MessageState::Pending) {
                return messages;
            }
            bench.clock.sleep(Duration::from_millis(20)).await;
        }
    };
    Clock::system().timeout(Duration::from_secs(30), settled).await.expect("the messages are settled")
}

#[tokio::test]
async fn the_end_of_a_job_is_told_with_pictures_that_can_be_fetched() {
    let bench = Bench::start().await;
    let (receiver, owner) = (Receiver::start().await, Owner::key("shop"));
    let events = vec![Event::JobSucceeded, Event::PictureUsed];
    let hook = NewHook { url: receiver.url("/hook").to_string(), events, secret: None, owner: owner.clone() };
    let (_, made_secret) = bench.studio.add_hook(hook).await.unwrap().unwrap();
    let job = made(&bench, &owner, &receiver).await;
    let received = receiver.wait_for(2).await;
    let (hooked, called): (Vec<_>, Vec<_>) = received.iter().partition(|one| one.uri.path() == "/hook");
    assert_eq!(called[0].uri, "/webhook-waiting/7?signature=a%2Fb&x", "its query stays as it was given");
    is_signed_with(called[0], SECRET);
    is_signed_with(hooked[0], made_secret.reveal());
    let body: Value = serde_json::from_slice(&called[0].body).unwrap();
    assert_eq!((&body["type"], &body["jobId"]), (&"job.succeeded".into(), &job.as_str().into()));
    assert_eq!((&body["sku"], &body["status"]), (&"B0TEST1234".into(), &"SUCCEEDED".into()));
    let picture = body["pictures"][0]["url"].as_str().unwrap();
    let bounds = Bounds { max_bytes: 9_000_000, deadline: Duration::from_secs(30) };
    let fetched = bench.outbound.get(&picture.parse().unwrap(), bounds).await.unwrap();
    assert_eq!((fetched.status, fetched.content_type.as_deref()), (200, Some("image/jpeg")));

    bench.studio.choose(&job, Some(1)).await.unwrap().unwrap();
    let used = receiver.wait_for(3).await.pop().unwrap();
    let body: Value = serde_json::from_slice(&used.body).unwrap();
    assert_eq!((used.uri.path(), &body["type"], &body["chosen"]), ("/hook", &"picture.used".into(), &1.into()));
    let states: Vec<_> = settled(&bench, &job).await.iter().map(|message| message.state).collect();
    assert_eq!(states, [MessageState::Delivered; 3]);
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_again_and_every_attempt_is_seen() {
    let bench = Bench::start().await;
    let (receiver, owner) = (Receiver::start().await, Owner::key("shop"));
    receiver.answer(Answer::Body(503, "text/html", "<b>down</b>".into()));
    let job = made(&bench, &owner, &receiver).await;
    let received = receiver.wait_for(2).await;
    assert_eq!(header(&received[0], "webhook-id"), header(&received[1], "webhook-id"));
    assert_eq!(received[0].body, received[1].body);
    let message = settled(&bench, &job).await.remove(0);
    assert_eq!((message.state, message.attempts), (MessageState::Delivered, 2));
    let visitor = plantain_studio::job::Visitor::Seller(owner);
    let log = bench.studio.message(&message.message_id, &visitor).await.unwrap().unwrap().log.unwrap();
    assert_eq!(log.iter().map(|attempt| attempt.status).collect::<Vec<_>>(), [Some(503), Some(200)]);
    assert_eq!(log[0].answer, "<b>down</b>");
}

#[tokio::test]
async fn a_redirect_is_final_and_a_schedule_ends() {
    let bench = Bench::start().await;
    let (receiver, owner) = (Receiver::start().await, Owner::key("shop"));
    receiver.answer(Answer::Header(307, "location", "http://127.0.0.1:1/".into()));
    let job = made(&bench, &owner, &receiver).await;
    let message = settled(&bench, &job).await.remove(0);
    assert_eq!((message.state, message.attempts), (MessageState::Dead, 1));
    for _ in 0..4 {
        receiver.answer(Answer::Status(500));
    }
    let job = made(&bench, &owner, &receiver).await;
    let message = settled(&bench, &job).await.remove(0);
    assert_eq!((message.state, message.attempts), (MessageState::Dead, 4), "the first and three more");
}

#[tokio::test]
async fn a_restart_in_the_middle_of_an_attempt_sends_the_message_again() {
    let mut bench = Bench::start().await;
    let (receiver, owner) = (Receiver::start().await, Owner::key("shop"));
    receiver.answer(Answer::Silence);
    let job = made(&bench, &owner, &receiver).await;
    receiver.wait_for(1).await;
    bench.restart().await;
    let received = receiver.wait_for(2).await;
    assert_eq!(header(&received[0], "webhook-id"), header(&received[1], "webhook-id"));
    is_signed_with(&received[1], SECRET);
    let message = settled(&bench, &job).await.remove(0);
    assert_eq!((message.state, message.attempts), (MessageState::Delivered, 2));
}

#[tokio::test]
async fn a_job_that_is_made_of_anothers_pictures_does_not_call_back_again() {
    let bench = Bench::start().await;
    let (receiver, owner) = (Receiver::start().await, Owner::key("shop"));
    let job = made(&bench, &owner, &receiver).await;
    receiver.wait_for(1).await;
    let accepted = bench.studio.for_preset(&job, "myntra_square", None).await.unwrap().expect("the job exists");
    let other = bench.studio.submitted(accepted).await.job_id;
    bench.succeeds(&other).await;
    assert_eq!(settled(&bench, &other).await, []);
}
