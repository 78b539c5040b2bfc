//! From the end of a request to its webhook's arrival.

use std::time::Duration;

use plantain_queue::engine::EngineConfig;
use plantain_queue::model::{DeliveryState, NewRequest};
use plantain_queue::runner::Runners;
use plantain_testkit::Receiver;
use plantain_testkit::receiver::Answer;
use plantain_wire::header;
use plantain_wire::webhook::{WebhookBody, WebhookStatus};

use crate::bench::{Bench, answer, config, name, serving};

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
    let narrow = EngineConfig { delivery_slots: 4, deliveries_per_host: 2, ..config() };
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
