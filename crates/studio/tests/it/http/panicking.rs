//! A bug on the way of a request is answered, and a studio whose lane stands still is shown.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{Method, StatusCode};
use jiff::Timestamp;

use plantain_inbox::store::StoreError;
use plantain_mail::address::MailAddress;
use plantain_store::studio::{StudioStores, open_studio};
use plantain_studio::accounts::account::{
    Account, AccountFilter, AccountId, Closed, Followed, Link, LinkBounds, LinkId, Posted,
};
use plantain_studio::accounts::silence::Mailbox;
use plantain_studio::accounts::store::AccountStore;
use plantain_studio::bulk::batch::{Batch, BatchId, Counts, Item, LeftBatch, Refused, Steer};
use plantain_studio::bulk::store::{BatchFilter, BatchStore, ItemFilter, Steered};
use plantain_studio::job::arrival::{Arrival, Arrived};
use plantain_studio::job::correction::{Corrected, Kept, Stroke, Strokes};
use plantain_studio::job::key::{Allowance, Allowed, StudioKey, Tier};
use plantain_studio::job::transition::JobEvent;
use plantain_studio::job::wish::{Became, Once, WishKey, Wished};
use plantain_studio::job::{Fence, Job, JobError, JobId, JobResult, Owner};
use plantain_studio::messages::hook::{Hook, HookId};
use plantain_studio::messages::message::{Attempt, Message, MessageId, Verdict};
use plantain_studio::messages::store::{ClaimedMessages, InHand, MessageFilter, MessageStore, SentAgain};
use plantain_studio::messages::whatsapp::receipt::{Heard, Note};
use plantain_studio::messages::whatsapp::store::WhatsappStore;
use plantain_studio::spending::{Period, Spending};
use plantain_studio::store::{Applied, Claimed, Forgotten, Holdings, JobFilter, StudioStore, WebhookEvent};
use plantain_wire::id::{RequestId, UserId};
use plantain_work::Tasks;
use plantain_work::lane::Beat;

use super::house::{House, house, house_over, request};

/// A store that is nothing but bugs.
struct Broken;

fn bug<T>() -> T {
    panic!("a bug, as the test wants it: password=hunter2")
}

#[async_trait]
impl StudioStore for Broken {
    async fn insert(&self, _: &Job) -> Result<(), StoreError> {
        bug()
    }

    async fn insert_allowed(&self, _: &Job, _: &Allowance) -> Result<Allowed, StoreError> {
        bug()
    }

    async fn keys(&self) -> Result<Vec<StudioKey>, StoreError> {
        bug()
    }

    async fn add_key(&self, _: &StudioKey) -> Result<(), StoreError> {
        bug()
    }

    async fn revoke_key(&self, _: &str, _: Timestamp) -> Result<bool, StoreError> {
        bug()
    }

    async fn insert_once(&self, _: &Job, _: &Wished, _: Timestamp, _: Option<&Allowance>) -> Result<Once, StoreError> {
        bug()
    }

    async fn became(&self, _: &WishKey, _: Timestamp) -> Result<Option<Became>, StoreError> {
        bug()
    }

    async fn job(&self, _: &JobId) -> Result<Option<Job>, StoreError> {
        bug()
    }

    async fn owner(&self, _: &JobId) -> Result<Option<Owner>, StoreError> {
        bug()
    }

    async fn jobs(&self, _: &JobFilter) -> Result<Vec<Job>, StoreError> {
        bug()
    }

    async fn claim(&self, _: usize, _: Duration, _: Timestamp) -> Result<Claimed, StoreError> {
        bug()
    }

    async fn heartbeat(&self, _: &Fence, _: Timestamp) -> Result<Beat, StoreError> {
        bug()
    }

    async fn apply(&self, _: &JobId, _: &JobEvent, _: Timestamp) -> Result<Applied, StoreError> {
        bug()
    }

    async fn result_arrived(&self, _: &Arrival, _: Timestamp) -> Result<Arrived, StoreError> {
        bug()
    }

    async fn result(&self, _: &JobId) -> Result<Option<JobResult>, StoreError> {
        bug()
    }

    async fn strokes(&self, _: &JobId) -> Result<Strokes, StoreError> {
        bug()
    }

    async fn keep_strokes(&self, _: &JobId, _: u64, _: &[Stroke]) -> Result<Kept, StoreError> {
        bug()
    }

    async fn keep_corrected(&self, _: &JobId, _: &Corrected, _: Timestamp) -> Result<Kept, StoreError> {
        bug()
    }

    async fn choose(&self, _: &JobId, _: Option<usize>, _: Timestamp) -> Result<Option<Job>, StoreError> {
        bug()
    }

    async fn forget(&self, _: &JobId, _: Timestamp) -> Result<Forgotten, StoreError> {
        bug()
    }

    async fn kept(&self, _: Option<&Owner>) -> Result<Holdings, StoreError> {
        bug()
    }

    async fn spending(&self, _: Option<&Owner>, _: &Period, _: usize) -> Result<Vec<Spending>, StoreError> {
        bug()
    }

    async fn note_key_uses(&self, _: &[(String, Timestamp)]) -> Result<(), StoreError> {
        bug()
    }

    async fn suspect(&self, _: &[String], _: Timestamp) -> Result<(), StoreError> {
        bug()
    }

    async fn touch(&self, _: &[String], _: Timestamp) -> Result<bool, StoreError> {
        bug()
    }

    async fn doom(&self, _: usize, _: Timestamp, _: Timestamp) -> Result<Vec<String>, StoreError> {
        bug()
    }

    async fn removed(&self, _: &str) -> Result<(), StoreError> {
        bug()
    }

    async fn account(&self) -> Result<Option<UserId>, StoreError> {
        bug()
    }

    async fn events(&self, _: &RequestId) -> Result<Vec<WebhookEvent>, StoreError> {
        bug()
    }
}

#[async_trait]
impl BatchStore for Broken {
    async fn insert_batch(&self, _: &Batch, _: &[Item]) -> Result<(), StoreError> {
        bug()
    }

    async fn insert_batch_once(
        &self,
        _: &Batch,
        _: &[Item],
        _: &Wished,
        _: Timestamp,
    ) -> Result<Option<Became>, StoreError> {
        bug()
    }

    async fn batch(&self, _: &BatchId) -> Result<Option<(Batch, Counts)>, StoreError> {
        bug()
    }

    async fn retryable(&self, _: &BatchId) -> Result<u64, StoreError> {
        bug()
    }

    async fn batches(&self, _: &BatchFilter) -> Result<Vec<Batch>, StoreError> {
        bug()
    }

    async fn items(&self, _: &BatchId, _: &ItemFilter) -> Result<Vec<Item>, StoreError> {
        bug()
    }

    async fn claim_items(
        &self,
        _: usize,
        _: usize,
        _: Duration,
        _: Timestamp,
    ) -> Result<Vec<(Batch, Item)>, StoreError> {
        bug()
    }

    async fn hand_back_item(&self, _: &BatchId, _: u32) -> Result<(), StoreError> {
        bug()
    }

    async fn begin_item(&self, _: &BatchId, _: u32, _: &Job) -> Result<bool, StoreError> {
        bug()
    }

    async fn begin_item_allowed(
        &self,
        _: &BatchId,
        _: u32,
        _: &Job,
        _: &Allowance,
    ) -> Result<Option<Allowed>, StoreError> {
        bug()
    }

    async fn hold_item(&self, _: &BatchId, _: u32, _: &JobError, _: Timestamp) -> Result<bool, StoreError> {
        bug()
    }

    async fn fail_item(&self, _: &BatchId, _: u32, _: &JobError, _: Timestamp) -> Result<bool, StoreError> {
        bug()
    }

    async fn steer(&self, _: &BatchId, _: Steer, _: Timestamp) -> Result<Steered, StoreError> {
        bug()
    }

    async fn discard_batch(&self, _: &BatchId, _: Timestamp) -> Result<bool, StoreError> {
        bug()
    }

    async fn left_batches(&self, _: usize, _: Timestamp) -> Result<Vec<LeftBatch>, StoreError> {
        bug()
    }

    async fn jobs_left(&self, _: &BatchId, _: usize) -> Result<Vec<JobId>, StoreError> {
        bug()
    }

    async fn put_off_batch(&self, _: &BatchId, _: u32, _: Timestamp) -> Result<(), StoreError> {
        bug()
    }

    async fn clear_batch(&self, _: &BatchId, _: usize) -> Result<bool, StoreError> {
        bug()
    }
}

#[async_trait]
impl MessageStore for Broken {
    async fn hooks(&self, _: &Owner) -> Result<Vec<Hook>, StoreError> {
        bug()
    }

    async fn hook(&self, _: &HookId) -> Result<Option<Hook>, StoreError> {
        bug()
    }

    async fn add_hook(&self, _: &Hook, _: usize) -> Result<bool, StoreError> {
        bug()
    }

    async fn remove_hook(&self, _: &HookId) -> Result<bool, StoreError> {
        bug()
    }

    async fn set_settings_hook(&self, _: Option<&Hook>) -> Result<(), StoreError> {
        bug()
    }

    async fn owe(&self, _: &Message) -> Result<bool, StoreError> {
        bug()
    }

    async fn owe_refused(&self, _: &Refused, _: Timestamp) -> Result<(), StoreError> {
        bug()
    }

    async fn attempts(&self, _: &[MessageId]) -> Result<HashMap<MessageId, Vec<Attempt>>, StoreError> {
        bug()
    }

    async fn claim_messages(&self, _: usize, _: &InHand, _: Timestamp) -> Result<ClaimedMessages, StoreError> {
        bug()
    }

    async fn settle_message(
        &self,
        _: &MessageId,
        _: &Attempt,
        _: Verdict,
        _: Timestamp,
    ) -> Result<Option<Message>, StoreError> {
        bug()
    }

    async fn messages(&self, _: &MessageFilter) -> Result<Vec<Message>, StoreError> {
        bug()
    }

    async fn message(&self, _: &MessageId) -> Result<Option<(Message, Vec<Attempt>)>, StoreError> {
        bug()
    }

    async fn send_again(&self, _: &MessageId, _: Timestamp) -> Result<SentAgain, StoreError> {
        bug()
    }
}

#[async_trait]
impl WhatsappStore for Broken {
    async fn note_of_message(&self, _: &MessageId, _: &Note, _: Timestamp) -> Result<Option<Message>, StoreError> {
        bug()
    }

    async fn hear_of_message(&self, _: &Heard, _: Timestamp) -> Result<Option<Message>, StoreError> {
        bug()
    }

    async fn keep_consent(&self, _: &str, _: bool, _: Timestamp) -> Result<(), StoreError> {
        bug()
    }

    async fn has_opted_out(&self, _: &str) -> Result<bool, StoreError> {
        bug()
    }
}

#[async_trait]
impl AccountStore for Broken {
    async fn ask(&self, _: &Link, _: &LinkBounds, _: Timestamp) -> Result<bool, StoreError> {
        bug()
    }

    async fn claim_letters(&self, _: usize, _: Duration, _: Timestamp) -> Result<Vec<Link>, StoreError> {
        bug()
    }

    async fn posted(&self, _: &LinkId, _: Posted) -> Result<(), StoreError> {
        bug()
    }

    async fn link(&self, _: &str, _: Timestamp) -> Result<Option<Link>, StoreError> {
        bug()
    }

    async fn follow(
        &self,
        _: &str,
        _: Option<&Owner>,
        _: &AccountId,
        _: Timestamp,
    ) -> Result<Option<Followed>, StoreError> {
        bug()
    }

    async fn account_of(&self, _: &AccountId) -> Result<Option<Account>, StoreError> {
        bug()
    }

    async fn set_notify(&self, _: &AccountId, _: bool) -> Result<bool, StoreError> {
        bug()
    }

    async fn accounts(&self, _: &AccountFilter) -> Result<Vec<Account>, StoreError> {
        bug()
    }

    async fn set_tier(&self, _: &MailAddress, _: Tier) -> Result<Option<Account>, StoreError> {
        bug()
    }

    async fn close(&self, _: &AccountId, _: Timestamp) -> Result<bool, StoreError> {
        bug()
    }

    async fn closed(&self, _: usize, _: Timestamp) -> Result<Vec<Closed>, StoreError> {
        bug()
    }

    async fn put_off(&self, _: &AccountId, _: u32, _: Timestamp) -> Result<(), StoreError> {
        bug()
    }

    async fn silence(&self, _: &Mailbox, _: Timestamp) -> Result<(), StoreError> {
        bug()
    }

    async fn is_silent(&self, _: &Mailbox) -> Result<bool, StoreError> {
        bug()
    }

    async fn clear(&self, _: &AccountId) -> Result<bool, StoreError> {
        bug()
    }
}

async fn broken() -> House {
    let folder = tempfile::tempdir().unwrap();
    let stores = open_studio(folder.path().join("studio.db").to_str().unwrap()).await.unwrap();
    house_over(StudioStores { jobs: Arc::new(Broken), inbox: stores.inbox }, folder, |_| {}).await
}

#[tokio::test]
async fn a_panic_is_answered_and_says_nothing_of_itself() {
    let house = broken().await;
    let id = JobId::new(house.clock.now());
    for (method, path) in [
        (Method::GET, "/api/jobs".to_owned()),
        (Method::GET, format!("/api/jobs/{id}")),
        (Method::DELETE, format!("/api/jobs/{id}")),
        (Method::GET, format!("/jobs/{id}")),
    ] {
        let answer = house.send(request(method, &path, &[], axum::body::Body::empty())).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert!(!answer.text().contains("hunter2"), "{path}: {}", answer.text());
        assert!(answer.headers.contains_key("x-content-type-options"), "{path}: the usual headers");
    }
    let answer = house.send(request(Method::GET, "/api/jobs", &[], axum::body::Body::empty())).await;
    assert_eq!(answer.code(), "internal");
    let alive = house.send(request(Method::GET, "/healthz", &[], axum::body::Body::empty())).await;
    assert_eq!(alive.status, StatusCode::OK);
}

#[tokio::test]
async fn a_lane_that_stands_still_is_shown() {
    let ready = || request(Method::GET, "/readyz", &[], axum::body::Body::empty());
    let (well, ill) = (house().await, broken().await);
    let tasks = Tasks::new();
    for house in [&well, &ill] {
        house.studio.start(&tasks, &house.shutdown);
    }
    assert_eq!(well.send(ready()).await.status, StatusCode::OK);
    // The loop has to have had its turn.
    while ill.studio.is_working() {
        tokio::task::yield_now().await;
    }
    assert_eq!(ill.send(ready()).await.status, StatusCode::SERVICE_UNAVAILABLE);
    well.shutdown.abort();
    ill.shutdown.abort();
    tasks.wait().await;
}
