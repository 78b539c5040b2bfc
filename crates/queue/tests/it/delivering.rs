//! From the end of a request to its webhook's arrival.

use std::time::Duration;

use plantain_queue::engine::EngineConfig;
use plantain_queue::model::{DeliveryState, Fault, NewRequest};
use plantain_queue::runner::Runners;
use plantain_testkit::Receiver;
use plantain_testkit::receiver::Answer;
use plantain_wire::header;
use plantain_wire::webhook::{WebhookBody, WebhookStatus};

use crate::bench::{Bench, answer, config, in_time, name, serving};

fn quick() -> Runners {
    serving(|_| async { answer(r#"{"images": [], "seed": 17454220438242315174}"#) })
}

#[tokio::test]
async fn a_job_ends_in_one_webhook_that_verifies() {
    let bench = Bench::start(quick()).await;
    bench.submit("r1").await;
    let delivery = bench.delivered("r1").await;
    let received = bench.receiver.received();
    assert_eq!(received.len(), 1);
    let verified = bench.verified(&received[0], bench.clock.now());
    assert_eq!((verified.request_id, verified.user_id.as_str()), (name("r1"), "user_1"));
    assert_eq!(received[0].headers["content-type"], "application/json");
    assert_eq!(received[0].uri.path(), "/hook");
    let body = WebhookBody::parse(&received[0].body).unwrap();
    assert_eq!((body.status, body.gateway_request_id.as_str()), (WebhookStatus::Ok, "r1"));
    assert_eq!(body.payload.unwrap().get(), r#"{"images": [], "seed": 17454220438242315174}"#);
    assert_eq!((delivery.attempts[0].http_status, delivery.attempts[0].reason.as_str()), (Some(200), ""));
    // Nothing more comes, whatever time passes.
    bench.clock.advance(Duration::from_secs(10_000));
    assert_eq!(bench.stop().await.receiver.received().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_fails_gets_it_again_signed_anew() {
    let bench = Bench::start(quick()).await;
    bench.receiver.answer(Answer::Body(500, "text/html", "<h1>down</h1>".into()));
    bench.submit("r1").await;
    let first = bench.delivery("r1", 1).await;
    assert_eq!((first.state, first.attempts[0].http_status), (DeliveryState::Pending, Some(500)));
    assert_eq!(&first.attempts[0].answer[..], b"<h1>down</h1>");
    assert!(first.attempts[0].reason.contains("500"));
    bench.clock.advance(Duration::from_secs(7));
    assert_eq!(bench.receiver.received().len(), 1, "the schedule says ten seconds, give or take two");
    bench.clock.advance(Duration::from_secs(600));
    let second = bench.delivery("r1", 2).await;
    assert_eq!(second.state, DeliveryState::Delivered);
    let received = bench.receiver.received();
    let signed = |index: usize, name: &str| received[index].headers[name].to_str().unwrap().to_owned();
    assert_eq!(received[0].body, received[1].body);
    assert_ne!(signed(0, header::WEBHOOK_SIGNATURE), signed(1, header::WEBHOOK_SIGNATURE));
    let id = |index: usize| signed(index, header::WEBHOOK_DELIVERY_ID);
    assert!(!id(0).is_empty() && id(0) == id(1), "a receiver can tell that it is the same delivery");
    // Ten minutes later the first signature would be refused as too old; the second one is fresh.
    bench.verified(&received[1], bench.clock.now());
    bench.stop().await;
}

#[tokio::test]
async fn a_redirect_ends_a_delivery_and_is_not_followed() {
    let bench = Bench::start(quick()).await;
    let elsewhere = bench.receiver.url("/elsewhere").to_string();
    bench.receiver.answer(Answer::Header(302, "location", elsewhere));
    bench.submit("r1").await;
    let delivery = bench.delivery("r1", 1).await;
    assert_eq!((delivery.state, delivery.next_at), (DeliveryState::Dead, None));
    assert!(delivery.attempts[0].reason.contains("redirect"), "{delivery:?}");
    assert_eq!(bench.stop().await.receiver.received().len(), 1);
}

#[tokio::test]
async fn nobody_is_told_where_nobody_asked() {
    let bench = Bench::start(quick()).await;
    bench.engine.submit(NewRequest { webhook: None, ..bench.request("r1") }).await.unwrap();
    bench.completed("r1").await;
    assert!(bench.engine.store().deliveries(&name("r1")).await.unwrap().is_empty());
    bench.stop().await;
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_tried_again_and_the_reason_kept() {
    let bench = Bench::start(quick()).await;
    let gone = Receiver::start().await.url("/hook");
    let nobody = NewRequest { webhook: Some(gone), ..bench.request("r1") };
    bench.engine.submit(nobody).await.unwrap();
    let delivery = bench.delivery("r1", 1).await;
    assert_eq!((delivery.state, delivery.attempts[0].http_status), (DeliveryState::Pending, None));
    assert!(!delivery.attempts[0].reason.is_empty());
    bench.stop().await;
}

#[tokio::test]
async fn a_receiver_that_hangs_does_not_keep_the_others_waiting() {
    let narrow = EngineConfig { delivery_slots: 16, deliveries_per_host: 8, ..config() };
    let bench = Bench::start_with(quick(), narrow).await;
    let hanging = Receiver::start().await;
    for number in 0..6 {
        hanging.answer(Answer::Silence);
        let webhook = Some(hanging.url("/hook"));
        let request = NewRequest { webhook, ..bench.request(&format!("hangs{number}")) };
        bench.engine.submit(request).await.unwrap();
        bench.completed(&format!("hangs{number}")).await;
    }
    hanging.wait_for(2).await;
    for number in 0..3 {
        bench.submit(&format!("r{number}")).await;
        bench.delivered(&format!("r{number}")).await;
    }
    assert_eq!(hanging.received().len(), 2);
    bench.stop().await;
}

/// A request whose webhook goes elsewhere, once it has ended.
async fn owing(bench: &Bench, id: &str, webhook: &Receiver) {
    let request = NewRequest { webhook: Some(webhook.url("/hook")), ..bench.request(id) };
    bench.engine.submit(request).await.unwrap();
    bench.completed(id).await;
}

#[tokio::test]
async fn ten_receivers_that_hang_do_not_keep_the_others_waiting() {
    let bench =
        Bench::start_with(quick(), EngineConfig { delivery_slots: 8, deliveries_per_host: 4, ..config() }).await;
    // Known to answer, as any receiver is after its first webhook.
    bench.submit("first").await;
    bench.delivered("first").await;
    let mut hanging = Vec::new();
    for number in 0..10 {
        let receiver = Receiver::start().await;
        for _ in 0..3 {
            receiver.answer(Answer::Silence);
        }
        for copy in 0..3 {
            owing(&bench, &format!("hangs{number}-{copy}"), &receiver).await;
        }
        hanging.push(receiver);
    }
    for number in 0..20 {
        bench.submit(&format!("r{number}")).await;
        bench.delivered(&format!("r{number}")).await;
    }
    let taken: usize = hanging.iter().map(|receiver| receiver.received().len()).sum();
    assert!((1..=4).contains(&taken), "{taken} of 8 places");
    bench.stop().await;
}

#[tokio::test]
async fn a_host_that_fails_in_a_row_rests_is_probed_once_and_comes_back() {
    let bench = Bench::start(quick()).await;
    let failing = Receiver::start().await;
    for number in 0..6 {
        failing.answer(Answer::Status(500));
        owing(&bench, &format!("f{number}"), &failing).await;
        if number < 5 {
            bench.delivery(&format!("f{number}"), 1).await;
        }
    }
    let hosts = bench.engine.failing_hosts();
    assert_eq!((hosts.len(), hosts[0].1.failures, hosts[0].1.is_broken()), (1, 5, true));
    // The others are not held up meanwhile.
    bench.submit("other").await;
    bench.delivered("other").await;
    assert_eq!(failing.received().len(), 5, "the sixth is held back");
    // The first attempt after the rest fails too; the next rest is longer.
    bench.clock.advance(Duration::from_secs(7));
    assert_eq!(failing.received().len(), 5);
    bench.clock.advance(Duration::from_secs(4));
    failing.wait_for(6).await;
    let look = async {
        while bench.engine.failing_hosts()[0].1.failures < 6 {
            tokio::task::yield_now().await;
        }
    };
    in_time(look).await;
    bench.clock.advance(Duration::from_secs(600));
    for number in 0..6 {
        let id = format!("f{number}");
        let look = async {
            while bench.delivery(&id, 1).await.state != DeliveryState::Delivered {
                tokio::task::yield_now().await;
            }
        };
        in_time(look).await;
    }
    assert!(bench.engine.failing_hosts().is_empty());
    bench.stop().await;
}

#[tokio::test]
async fn an_operator_is_told_once_that_a_host_fails_and_once_that_it_is_back() {
    let ear = Receiver::start().await;
    let bench = Bench::start_with(quick(), EngineConfig { alert_url: Some(ear.url("/alert")), ..config() }).await;
    let failing = Receiver::start().await;
    for _ in 0..3 {
        failing.answer(Answer::Status(404));
    }
    owing(&bench, "r1", &failing).await;
    for attempt in 1..=3 {
        bench.delivery("r1", attempt).await;
        bench.clock.advance(Duration::from_secs(450));
    }
    bench.delivery("r1", 4).await;
    let told = ear.wait_for(2).await;
    let said: Vec<serde_json::Value> = told.iter().map(|told| serde_json::from_slice(&told.body).unwrap()).collect();
    assert_eq!(
        (&said[0]["event"], &said[1]["event"]),
        (&"delivery.host_failing".into(), &"delivery.host_recovered".into())
    );
    let host = failing.url("/").port().unwrap();
    assert_eq!(said[0]["host"], format!("127.0.0.1:{host}"));
    assert!(said[0]["reason"].as_str().unwrap().contains("404"), "{said:?}");
    assert_eq!(bench.stop().await.engine.reported_hosts(), 0);
}

#[tokio::test]
async fn every_failure_is_kept_with_whose_fault_it_is() {
    let bench = Bench::start(quick()).await;
    bench.receiver.answer(Answer::Status(500));
    bench.submit("theirs").await;
    assert_eq!(bench.delivery("theirs", 1).await.attempts[0].fault, Some(Fault::Theirs));
    let webhook = Some("http://10.0.0.1/hook".parse().unwrap());
    bench.engine.submit(NewRequest { webhook, ..bench.request("ours") }).await.unwrap();
    let refused = bench.delivery("ours", 1).await;
    assert_eq!((refused.state, refused.attempts[0].fault), (DeliveryState::Dead, Some(Fault::Ours)));
    bench.submit("nobodys").await;
    assert_eq!(bench.delivered("nobodys").await.attempts[0].fault, None);
    bench.stop().await;
}
