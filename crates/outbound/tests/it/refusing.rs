//! No request leaves for an address that the policy refuses, by whatever name.

use bytes::Bytes;
use http::HeaderMap;
use plantain_outbound::address::Special;
use plantain_outbound::delivery::{DeadReason, Delivery};
use plantain_outbound::policy::Refusal;
use plantain_outbound::send::{Fault, FetchError, SendError};
use plantain_outbound::transport::NoConnection;
use plantain_outbound::{Outbound, Policy, classify};
use url::Url;

use crate::receiver::Receiver;
use crate::{Bounds, PATIENT, is_refused, local, within};

fn public() -> Outbound {
    Outbound::new(Policy::public()).expect("the transport can be set up")
}

#[tokio::test]
async fn a_name_that_means_this_machine_is_refused_while_connecting() {
    let receiver = Receiver::start().await;
    let url: Url = format!("http://localhost:{}/status/200", receiver.port()).parse().unwrap();
    assert_eq!(Policy::public().judge_url(&url), Ok(()), "the name alone says nothing");
    let refused = public().get(&url, within(100, PATIENT)).await.unwrap_err();
    assert!(matches!(&refused, FetchError::Refused(why) if is_refused(why, Special::Loopback)), "{refused:?}");
    assert!(!refused.transient());
    assert!(receiver.seen().is_empty());
    let allowed = local().get(&url, within(100, PATIENT)).await.unwrap();
    assert_eq!((allowed.status, receiver.seen().len()), (200, 1));
}

#[tokio::test]
async fn a_configured_server_is_reached_by_name_and_nothing_else_beside_it() {
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let at = |port: u16| -> Url { format!("http://localhost:{port}/status/200").parse().unwrap() };
    let outbound = Outbound::new(Policy::public().and_configured(&at(receiver.port()))).unwrap();
    assert_eq!(outbound.get(&at(receiver.port()), within(100, PATIENT)).await.unwrap().status, 200);
    let refused = outbound.get(&at(other.port()), within(100, PATIENT)).await.unwrap_err();
    assert!(matches!(&refused, FetchError::Refused(why) if is_refused(why, Special::Loopback)), "{refused:?}");
    // The same server under a name that nobody configured.
    assert!(matches!(
        outbound.get(&receiver.url("/status/200"), within(100, PATIENT)).await,
        Err(FetchError::Refused(_))
    ));
    assert_eq!((receiver.seen().len(), other.seen().len()), (1, 0));
}

#[tokio::test]
async fn an_address_literal_is_refused_although_no_name_is_resolved() {
    let receiver = Receiver::start().await;
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "[::1]"] {
        let url: Url = format!("http://{host}:{}/status/200", receiver.port()).parse().unwrap();
        let sent = public().post(&url, HeaderMap::new(), Bytes::new(), Bounds::answer_within(PATIENT)).await;
        let Err(SendError::Refused(why)) = &sent else { panic!("{host}: {sent:?}") };
        assert!(is_refused(why, Special::Loopback), "{host}: {why:?}");
        assert_eq!(sent.as_ref().unwrap_err().fault(), Fault::Ours);
        assert_eq!(classify(&sent), Delivery::Dead(DeadReason::Refused(why.clone())));
    }
    assert!(receiver.seen().is_empty());
}

#[tokio::test]
async fn an_address_of_another_scheme_is_refused() {
    let url = "ftp://127.0.0.1/".parse().unwrap();
    assert_eq!(local().get(&url, within(100, PATIENT)).await, Err(FetchError::Refused(Refusal::Scheme)));
}

#[tokio::test]
async fn an_unknown_name_is_the_other_sides_fault() {
    // RFC 6761 keeps this name from ever meaning anything.
    let url = "http://nobody.invalid/".parse().unwrap();
    let unknown = public().get(&url, within(100, PATIENT)).await.unwrap_err();
    assert_eq!(unknown, FetchError::Unreachable(NoConnection::NameUnknown));
    assert!(unknown.transient());
}
