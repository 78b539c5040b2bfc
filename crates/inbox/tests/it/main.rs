//! The receiver against a real server that publishes keys, with a clock that the test moves.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use jiff::Timestamp;

use plantain_inbox::jwks::JwksCache;
use plantain_inbox::receiver::{Account, Authentic, HmacSecret, Raw, Receiver};
use plantain_inbox::rejected::A_MINUTE_MAX;
use plantain_outbound::{Outbound, Policy};
use plantain_store::studio::{StudioStores, open_studio};
use plantain_testkit::receiver::Answer;
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::jwks;
use plantain_wire::signature::{SignedHeaders, SigningKey, sign_webhook};
use plantain_work::Clock;
use tokio::sync::Notify;

struct Bench {
    keys: plantain_testkit::Receiver,
    clock: Clock,
    stores: StudioStores,
    receiver: Receiver,
    _folder: tempfile::TempDir,
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

const BODY: &[u8] = b"{\"request_id\":\"r1\"}";

impl Bench {
    async fn start() -> Bench {
        Bench::with(Account::Known(user("us")), None).await
    }

    async fn with(account: Account, hmac: Option<HmacSecret>) -> Bench {
        let keys = plantain_testkit::Receiver::start().await;
        let clock = Clock::manual(Timestamp::from_second(1_795_176_000).unwrap());
        let outbound = Outbound::new(Policy::loopback()).unwrap();
        let cache = JwksCache::new(vec![keys.url("/jwks.json")], outbound, clock.clone());
        let folder = tempfile::tempdir().unwrap();
        let stores = open_studio(folder.path().join("studio.db").to_str().unwrap()).await.unwrap();
        let receiver = Receiver::new(cache, account, hmac, stores.inbox.clone(), clock.clone());
        Bench { keys, clock, stores, receiver, _folder: folder }
    }

    /// What the next fetch of the keys gets.
    fn publishes(&self, seeds: &[u8]) {
        let keys: Vec<_> = seeds.iter().map(|seed| key(*seed).verifying_key()).collect();
        self.keys.answer(Answer::Body(200, "application/json", jwks::render(&keys).into()));
    }

    fn is_down(&self) {
        self.keys.answer(Answer::Status(503));
    }

    fn signed(&self, seed: u8, account: &str) -> SignedHeaders {
        let request = RequestId::parse("r1").unwrap();
        sign_webhook(&key(seed), &request, &user(account), self.clock.now().as_second(), BODY)
    }

    async fn verify(&self, headers: &[(&str, &[u8])]) -> Result<Authentic, &'static str> {
        let body = Bytes::from_static(BODY);
        self.receiver.verify(Raw { headers, body: &body }).await.map_err(|refusal| refusal.code())
    }

    /// The verdict on a webhook that was signed just now with this key.
    async fn sent(&self, seed: u8, account: &str) -> Result<Authentic, &'static str> {
        let signed = self.signed(seed, account);
        let headers: Vec<_> = signed.iter().map(|(name, value)| (name, value.as_bytes())).collect();
        self.verify(&headers).await
    }

    fn fetches(&self) -> usize {
        self.keys.received().len()
    }
}

fn authentic() -> Result<Authentic, &'static str> {
    Ok(Authentic::Signed { request_id: RequestId::parse("r1").unwrap(), unchecked: None })
}

#[tokio::test]
async fn keys_are_fetched_once_for_a_day_however_many_ask_at_once() {
    let bench = Bench::start().await;
    bench.publishes(&[1]);
    for verdict in join_all((0..50).map(|_| bench.sent(1, "us"))).await {
        assert_eq!(verdict, authentic());
    }
    bench.clock.advance(Duration::from_secs(23 * 3600 - 1));
    assert_eq!(bench.sent(1, "us").await, authentic());
    assert_eq!(bench.fetches(), 1);
    // Without a webhook in the last hour of the day, the next one waits for the fetch.
    bench.clock.advance(Duration::from_secs(3601));
    bench.publishes(&[1]);
    assert_eq!(bench.sent(1, "us").await, authentic());
    assert_eq!(bench.fetches(), 2);
}

#[tokio::test]
async fn keys_that_grow_old_are_fetched_beside_the_answers_and_nobody_waits() {
    let bench = Bench::start().await;
    bench.publishes(&[1]);
    assert_eq!(bench.sent(1, "us").await, authentic());
    bench.clock.advance(Duration::from_secs(23 * 3600));
    let let_go = Arc::new(Notify::new());
    let newer = jwks::render(&[key(2).verifying_key()]).into();
    bench.keys.answer(Answer::Held(let_go.clone(), Box::new(Answer::Body(200, "application/json", newer))));
    for _ in 0..3 {
        assert_eq!(bench.sent(1, "us").await, authentic());
    }
    bench.keys.wait_for(2).await;
    let_go.notify_one();
    // A webhook by the new key joins the fetch that is under way, or comes after it.
    assert_eq!(bench.sent(2, "us").await, authentic());
    assert_eq!(bench.fetches(), 2);
}

#[tokio::test]
async fn a_rotation_in_the_middle_of_a_webhook_refuses_neither_key() {
    let bench = Bench::start().await;
    bench.publishes(&[1]);
    assert_eq!(bench.sent(1, "us").await, authentic());
    bench.clock.advance(Duration::from_secs(60));
    let let_go = Arc::new(Notify::new());
    let both = jwks::render(&[key(1).verifying_key(), key(2).verifying_key()]).into();
    bench.keys.answer(Answer::Held(let_go.clone(), Box::new(Answer::Body(200, "application/json", both))));
    let new = bench.sent(2, "us");
    tokio::pin!(new);
    tokio::select! {
        _ = &mut new => panic!("the source has not answered yet"),
        _ = bench.keys.wait_for(2) => {}
    }
    // The old key's webhooks do not wait for that; a second one of the new key waits for the same fetch.
    assert_eq!(bench.sent(1, "us").await, authentic());
    let second = bench.sent(2, "us");
    tokio::pin!(second);
    assert!(futures_util::poll!(&mut second).is_pending());
    let_go.notify_one();
    assert_eq!((new.await, second.await), (authentic(), authentic()));
    assert_eq!(bench.fetches(), 2);
}

#[tokio::test]
async fn a_document_that_is_endless_weak_or_no_keys_at_all_is_no_set_and_old_keys_serve() {
    let bench = Bench::start().await;
    bench.publishes(&[1]);
    assert_eq!(bench.sent(1, "us").await, authentic());
    // The neutral element of the curve: for it anybody can sign.
    let weak = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#;
    let many = format!(r#"{{"keys":[{}]}}"#, vec![r#"{"kty":"RSA"}"#; 100_000].join(","));
    for (attempt, document) in [weak.to_owned(), many, "<html>".to_owned()].into_iter().enumerate() {
        bench.clock.advance(Duration::from_secs(24 * 3600));
        bench.keys.answer(Answer::Body(200, "application/json", document.into()));
        assert_eq!(bench.sent(1, "us").await, authentic());
        assert_eq!(bench.fetches(), attempt + 2);
    }
}

#[tokio::test]
async fn who_expects_webhooks_has_the_keys_when_they_come() {
    let bench = Bench::start().await;
    bench.publishes(&[1]);
    bench.receiver.expect_webhooks();
    bench.receiver.expect_webhooks();
    bench.keys.wait_for(1).await;
    assert_eq!(bench.sent(1, "us").await, authentic());
    assert_eq!(bench.fetches(), 1);
}

#[tokio::test]
async fn a_rotated_key_is_learnt_at_once_and_a_flood_of_forgeries_fetches_once_a_minute() {
    let bench = Bench::start().await;
    bench.publishes(&[1]);
    assert_eq!(bench.sent(1, "us").await, authentic());
    bench.clock.advance(Duration::from_secs(60));
    bench.publishes(&[1, 2]);
    assert_eq!(bench.sent(2, "us").await, authentic());
    assert_eq!(bench.fetches(), 2);
    for verdict in join_all((0..200).map(|_| bench.sent(9, "us"))).await {
        assert_eq!(verdict, Err("no_key_fits"));
    }
    assert_eq!(bench.fetches(), 2);
    bench.clock.advance(Duration::from_secs(60));
    bench.publishes(&[1, 2]);
    assert_eq!(bench.sent(9, "us").await, Err("no_key_fits"));
    assert_eq!(bench.fetches(), 3);
}

#[tokio::test]
async fn senders_that_go_away_do_not_end_the_fetch_they_asked_for() {
    let bench = Bench::start().await;
    let let_go = Arc::new(Notify::new());
    let keys = jwks::render(&[key(1).verifying_key()]).into();
    bench.keys.answer(Answer::Held(let_go.clone(), Box::new(Answer::Body(200, "application/json", keys))));
    // The source is slow, and each sender hangs up as soon as the fetch has left.
    for _ in 0..3 {
        let sent = bench.sent(1, "us");
        tokio::pin!(sent);
        tokio::select! {
            _ = &mut sent => panic!("the source has not answered yet"),
            _ = bench.keys.wait_for(1) => {}
        }
    }
    let patient = bench.sent(1, "us");
    tokio::pin!(patient);
    assert!(futures_util::poll!(&mut patient).is_pending(), "whoever stays waits for the same fetch");
    let_go.notify_one();
    assert_eq!(patient.await, authentic());
    assert_eq!(bench.sent(1, "us").await, authentic());
    assert_eq!(bench.fetches(), 1);
}

#[tokio::test]
async fn a_fetch_that_takes_for_ever_keeps_no_sender_waiting_for_a_second() {
    let bench = Bench::start().await;
    bench.keys.answer(Answer::Silence);
    let sent = bench.sent(1, "us");
    tokio::pin!(sent);
    tokio::select! {
        _ = &mut sent => panic!("the source has not answered"),
        _ = bench.keys.wait_for(1) => {}
    }
    bench.clock.advance(Duration::from_millis(800));
    assert_eq!(sent.await, Err("keys_unavailable"));
}

#[tokio::test]
async fn a_rotation_whose_new_keys_come_slowly_asks_the_sender_to_come_again_and_fetches_once() {
    let bench = Bench::start().await;
    bench.publishes(&[1]);
    assert_eq!(bench.sent(1, "us").await, authentic());
    bench.clock.advance(Duration::from_secs(60));
    let let_go = Arc::new(Notify::new());
    let both = jwks::render(&[key(1).verifying_key(), key(2).verifying_key()]).into();
    bench.keys.answer(Answer::Held(let_go.clone(), Box::new(Answer::Body(200, "application/json", both))));
    // Nobody can tell yet which of these the new key made.
    for _ in 0..3 {
        let mut sent: Vec<_> = [2, 9, 9].map(|seed| Box::pin(bench.sent(seed, "us"))).into();
        for sent in &mut sent {
            assert!(futures_util::poll!(sent).is_pending());
        }
        bench.keys.wait_for(2).await;
        bench.clock.advance(Duration::from_millis(800));
        for verdict in join_all(sent).await {
            assert_eq!(verdict, Err("keys_unavailable"));
        }
    }
    let_go.notify_one();
    assert_eq!(bench.sent(2, "us").await, authentic());
    assert_eq!(bench.sent(9, "us").await, Err("no_key_fits"));
    assert_eq!(bench.fetches(), 2);
}

#[tokio::test]
async fn what_no_key_could_save_is_refused_before_any_key_is_fetched() {
    let bench = Bench::start().await;
    bench.is_down();
    let genuine = bench.signed(1, "us");
    let late = SignedHeaders { timestamp: (bench.clock.now().as_second() - 301).to_string(), ..genuine.clone() };
    let date = SignedHeaders { timestamp: "2026-11-20T12:00:00Z".into(), ..genuine.clone() };
    let short = SignedHeaders { signature: "00".into(), ..genuine.clone() };
    let letters = SignedHeaders { signature: "x".repeat(128), ..genuine.clone() };
    for (headers, code) in [
        (late, "timestamp_stale"),
        (date, "timestamp_not_seconds"),
        (short, "signature_length"),
        (letters, "signature_not_hex"),
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name, value.as_bytes())).collect();
        assert_eq!(bench.verify(&headers).await, Err(code));
    }
    assert_eq!(bench.fetches(), 0);
    assert_eq!(bench.sent(1, "us").await, Err("keys_unavailable"));
    assert_eq!(bench.fetches(), 1);
}

#[tokio::test]
async fn old_keys_serve_while_their_source_is_down_but_not_for_ever() {
    let bench = Bench::start().await;
    bench.publishes(&[1]);
    assert_eq!(bench.sent(1, "us").await, authentic());
    for _ in 0..6 {
        bench.clock.advance(Duration::from_secs(24 * 3600));
        bench.is_down();
        assert_eq!(bench.sent(1, "us").await, authentic());
    }
    bench.clock.advance(Duration::from_secs(24 * 3600));
    bench.is_down();
    assert_eq!(bench.sent(1, "us").await, Err("keys_unavailable"));
}

#[tokio::test]
async fn without_any_key_the_sender_is_asked_to_come_again() {
    let bench = Bench::start().await;
    bench.is_down();
    assert_eq!(bench.sent(1, "us").await, Err("keys_unavailable"));
    assert_eq!(bench.sent(1, "us").await, Err("keys_unavailable"));
    assert_eq!(bench.fetches(), 1, "no second fetch within a second");
    bench.clock.advance(Duration::from_secs(1));
    bench.publishes(&[1]);
    assert_eq!(bench.sent(1, "us").await, authentic());
}

#[tokio::test]
async fn authentic_is_not_authorized() {
    let bench = Bench::start().await;
    bench.publishes(&[1]);
    assert_eq!(bench.sent(1, "them").await, Err("other_account"));
    let learning = Bench::with(Account::Unknown, None).await;
    learning.publishes(&[1]);
    let unchecked = Some(user("them"));
    let expected = Authentic::Signed { request_id: RequestId::parse("r1").unwrap(), unchecked };
    assert_eq!(learning.sent(1, "them").await, Ok(expected));
}

#[tokio::test]
async fn the_hmac_form_counts_only_where_a_secret_is_set_and_no_other_form_came() {
    let bench = Bench::with(Account::Known(user("us")), HmacSecret::new("whsec_test")).await;
    let value = plantain_wire::hmac::sign(b"whsec_test", BODY);
    assert_eq!(bench.verify(&[("X-Fal-Signature", value.as_bytes())]).await, Ok(Authentic::Hmac));
    let wrong = plantain_wire::hmac::sign(b"another", BODY);
    assert_eq!(bench.verify(&[("x-fal-signature", wrong.as_bytes())]).await, Err("hmac_mismatch"));
    let twice = [("x-fal-signature", value.as_bytes()), ("X-Fal-Signature", value.as_bytes())];
    assert_eq!(bench.verify(&twice).await, Err("header_repeated"));
    // A right HMAC does not excuse a wrong signature beside it.
    bench.publishes(&[1]);
    let signed = bench.signed(9, "us");
    let mut headers: Vec<_> = signed.iter().map(|(name, value)| (name, value.as_bytes())).collect();
    headers.push(("x-fal-signature", value.as_bytes()));
    assert_eq!(bench.verify(&headers).await, Err("no_key_fits"));
    let without = Bench::start().await;
    assert_eq!(without.verify(&[("x-fal-signature", value.as_bytes())]).await, Err("header_missing"));
    assert!(HmacSecret::new("").is_none());
}

#[tokio::test]
async fn what_is_refused_is_kept_with_its_diagnosis_and_a_flood_is_not() {
    let bench = Bench::start().await;
    let secret = b"Key id:secret".as_slice();
    assert_eq!(bench.verify(&[("authorization", secret)]).await, Err("header_missing"));
    let event = bench.stores.inbox.recent_rejected(1).await.unwrap().pop().unwrap();
    assert_eq!((event.code.as_str(), &event.body[..], event.body_bytes), ("header_missing", BODY, BODY.len() as u64));
    assert!(event.explanation.contains("wasn't sent by fal"), "{}", event.explanation);
    assert!(!format!("{:?}", event.headers).contains("secret"));
    for _ in 0..500 {
        let _ = bench.verify(&[]).await;
    }
    let kept = bench.stores.inbox.recent_rejected(1_000).await.unwrap();
    assert_eq!(kept.len(), A_MINUTE_MAX as usize);
    assert_eq!(bench.fetches(), 0, "garbage costs no fetch");
}

#[tokio::test]
async fn the_diagnosis_says_what_the_second_look_found() {
    let bench = Bench::start().await;
    bench.publishes(&[1]);
    let explained = async |headers: SignedHeaders, body: &'static [u8]| {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let body = Bytes::from_static(body);
        let refusal = bench.receiver.verify(Raw { headers: &headers, body: &body }).await.unwrap_err();
        let event = bench.stores.inbox.recent_rejected(1).await.unwrap().pop().unwrap();
        assert!(event.code == refusal.code() && event.explanation.starts_with(&refusal.explain()));
        event.explanation
    };
    let said = explained(bench.signed(1, "us"), b"{\"request_id\": \"r1\"}").await;
    assert!(said.contains("as JavaScript writes it") && said.contains("raw bytes"), "{said}");
    let said = explained(bench.signed(1, "us"), b"{\"request_id\":\"r1\"}\n").await;
    assert!(said.contains("without the white space at its end"), "{said}");
    let said = explained(bench.signed(9, "us"), BODY).await;
    assert!(said.contains("rather the key"), "{said}");
    let old = bench.signed(1, "us");
    bench.clock.advance(Duration::from_secs(412));
    let said = explained(old, BODY).await;
    assert!(said.contains("412 s behind") && said.contains("nothing but the time is wrong"), "{said}");
}
