//! Batches: their items become jobs once each, in turn, and their bytes stay until then.

use std::time::Duration;

use plantain_store::studio::StudioStores;
use plantain_studio::accounts::account::AccountId;
use plantain_studio::bulk::batch::{Batch, BatchId, BatchState, Counts, Item, ItemState, LeftBatch, Steer};
use plantain_studio::bulk::store::{BatchFilter, ItemFilter, Steered};
use plantain_studio::job::key::{Allowed, StudioKey, Tier};
use plantain_studio::job::transition::JobEvent;
use plantain_studio::job::{JobError, Outcome, Owner};
use plantain_studio::store::Forgotten;

use super::{LEASE, changed, job, later, now};

fn batch(owner: Option<&str>, age: u64) -> Batch {
    Batch {
        id: BatchId::new(later(age)),
        owner: owner.map(Owner::session),
        state: BatchState::Open,
        preset: "ebay".into(),
        prompt: Some("on linen".into()),
        num_images: 2,
        products: Some(2),
        file_name: Some("shoes.zip".into()),
        created_at: later(age),
        finished_at: None,
        notify: None,
        whatsapp: None,
    }
}

pub fn item(number: u32, blob: &str) -> Item {
    Item {
        number,
        name: format!("shoes/{number}.jpg"),
        sku: Some("S 1".into()),
        preset: None,
        prompt: Some("red".into()),
        products: Some(number),
        blob: Some(blob.repeat(32)),
        state: ItemState::Waiting,
        job: None,
        error: None,
    }
}

/// A batch of one item.
pub fn lone(owner: Option<Owner>) -> (Batch, Item) {
    (Batch { owner, ..batch(None, 0) }, item(1, "aa"))
}

fn skipped(number: u32) -> Item {
    let error = Some(JobError::new("damaged", "It is damaged.", "Pack it again."));
    Item { blob: None, state: ItemState::Skipped, error, ..item(number, "") }
}

/// A batch of these items.
pub async fn inserted(stores: &StudioStores, age: u64, items: &[Item]) -> Batch {
    let batch = batch(Some("a"), age);
    stores.jobs.insert_batch(&batch, items).await.unwrap();
    batch
}

pub async fn claimed(stores: &StudioStores, count: usize, open: usize, age: u64) -> Vec<(BatchId, u32)> {
    let claimed = stores.jobs.claim_items(count, open, Duration::from_secs(60), later(age)).await.unwrap();
    claimed.into_iter().map(|(batch, item)| (batch.id, item.number)).collect()
}

async fn states(stores: &StudioStores, batch: &Batch) -> Vec<ItemState> {
    let all = ItemFilter { limit: 100, ..ItemFilter::default() };
    stores.jobs.items(&batch.id, &all).await.unwrap().into_iter().map(|item| item.state).collect()
}

pub async fn a_batch_survives_with_its_items(stores: &StudioStores) {
    let items = [item(1, "aa"), skipped(2), item(3, "bb")];
    let (mine, other) = (inserted(stores, 0, &items).await, batch(None, 1));
    stores.jobs.insert_batch(&other, &[]).await.unwrap();
    let counts = Counts { waiting: 2, skipped: 1, ..Counts::default() };
    assert_eq!(stores.jobs.batch(&mine.id).await.unwrap(), Some((mine.clone(), counts)));
    assert_eq!(stores.jobs.batch(&BatchId::new(now())).await.unwrap(), None);
    let page = |after, state, limit| ItemFilter { after, state, limit };
    assert_eq!(stores.jobs.items(&mine.id, &page(0, None, 100)).await.unwrap(), items);
    assert_eq!(stores.jobs.items(&mine.id, &page(1, None, 1)).await.unwrap(), items[1..2]);
    assert_eq!(stores.jobs.items(&mine.id, &page(1, Some(ItemState::Waiting), 9)).await.unwrap(), items[2..]);
    let of_mine = BatchFilter { owner: mine.owner.clone(), ..BatchFilter::default() };
    assert_eq!(stores.jobs.batches(&of_mine).await.unwrap(), std::slice::from_ref(&mine));
    assert_eq!(stores.jobs.batches(&BatchFilter::default()).await.unwrap(), [other, mine]);
}

pub async fn batches_are_listed_newest_first_page_by_page(stores: &StudioStores) {
    let mut all = Vec::new();
    for age in 0..4 {
        let batch = batch(["a", "b"].into_iter().cycle().nth(age), age as u64);
        stores.jobs.insert_batch(&batch, &[]).await.unwrap();
        all.insert(0, batch);
    }
    let listed = async |owner: Option<&str>, before: Option<&Batch>, limit| {
        let before = before.map(|batch| batch.id.clone());
        let filter = BatchFilter { owner: owner.map(Owner::session), before, limit };
        stores.jobs.batches(&filter).await.unwrap()
    };
    assert_eq!(listed(None, None, 2).await, all[..2]);
    assert_eq!(listed(None, Some(&all[1]), 2).await, all[2..]);
    assert_eq!(listed(None, Some(&all[3]), 2).await, []);
    assert_eq!(listed(Some("b"), None, 1).await, all[..1]);
    assert_eq!(listed(Some("b"), Some(&all[0]), 9).await, all[2..3]);
}

pub async fn items_become_jobs_once_and_a_few_at_a_time(stores: &StudioStores) {
    let first = inserted(stores, 0, &[item(1, "aa"), item(2, "bb"), item(3, "cc")]).await;
    let second = inserted(stores, 1, &[item(1, "dd")]).await;
    assert_eq!(claimed(stores, 1, 2, 2).await, [(first.id.clone(), 1)]);
    // The one with fewer jobs goes first, and no more than two of a batch are open.
    assert_eq!(claimed(stores, 9, 2, 3).await, [(second.id.clone(), 1), (first.id.clone(), 2)]);
    assert_eq!(claimed(stores, 9, 2, 4).await, []);
    let made = job(5).owned_by(first.owner.clone());
    assert!(stores.jobs.begin_item(&first.id, 1, &made).await.unwrap());
    assert!(!stores.jobs.begin_item(&first.id, 1, &job(6)).await.unwrap(), "whoever comes second makes nothing");
    assert_eq!(stores.jobs.jobs(&Default::default()).await.unwrap(), std::slice::from_ref(&made));
    assert_eq!(claimed(stores, 9, 2, 30).await, []);
    // Whoever held the leases is gone.
    assert_eq!(claimed(stores, 9, 2, 90).await, [(second.id.clone(), 1), (first.id.clone(), 2)]);
    let waiting = ItemFilter { state: Some(ItemState::Running), limit: 9, after: 0 };
    assert_eq!(stores.jobs.items(&first.id, &waiting).await.unwrap()[0].job, Some(made.id));
}

pub async fn a_batch_is_done_when_its_jobs_are(stores: &StudioStores) {
    let batch = inserted(stores, 0, &[item(1, "aa"), item(2, "bb"), skipped(3)]).await;
    let error = JobError::new("not_a_picture", "No.", "Do.");
    let made = job(1);
    assert!(stores.jobs.begin_item(&batch.id, 1, &made).await.unwrap());
    assert!(stores.jobs.fail_item(&batch.id, 2, &error, later(1)).await.unwrap());
    assert!(!stores.jobs.fail_item(&batch.id, 1, &error, later(1)).await.unwrap(), "it has a job");
    claimed(stores, 9, 2, 2).await;
    assert_eq!(states(stores, &batch).await, [ItemState::Running, ItemState::Failed, ItemState::Skipped]);
    stores.jobs.claim(9, LEASE, later(2)).await.unwrap();
    changed(stores, &made.id, JobEvent::Ends { epoch: 1, outcome: Outcome::Failed(error) }).await;
    claimed(stores, 9, 2, 3).await;
    assert_eq!(states(stores, &batch).await, [ItemState::Failed, ItemState::Failed, ItemState::Skipped]);
    let (done, _) = stores.jobs.batch(&batch.id).await.unwrap().unwrap();
    assert_eq!((done.state, done.finished_at), (BatchState::Done, Some(later(3))));
    // Their bytes are nobody's any more.
    assert_eq!(stores.jobs.steer(&batch.id, Steer::Retry, later(4)).await.unwrap(), Steered::Done);
    let other = [ItemState::Failed, ItemState::Failed, ItemState::Skipped];
    assert_eq!(states(stores, &batch).await[1..], other[1..]);
}

pub async fn a_batch_is_paused_resumed_and_canceled(stores: &StudioStores) {
    let batch = inserted(stores, 0, &[item(1, "aa"), item(2, "aa"), item(3, "bb")]).await;
    let steer = async |wish| stores.jobs.steer(&batch.id, wish, later(1)).await.unwrap();
    assert_eq!(steer(Steer::Pause).await, Steered::Done);
    assert_eq!(claimed(stores, 9, 9, 2).await, []);
    assert_eq!(steer(Steer::Retry).await, Steered::Done);
    let (batch_now, _) = stores.jobs.batch(&batch.id).await.unwrap().unwrap();
    assert_eq!(batch_now.state, BatchState::Paused, "nothing has failed, so nothing is made again");
    assert_eq!(claimed(stores, 9, 9, 2).await, []);
    assert_eq!(steer(Steer::Resume).await, Steered::Done);
    assert_eq!(claimed(stores, 1, 9, 2).await, [(batch.id.clone(), 1)]);
    assert!(stores.jobs.begin_item(&batch.id, 1, &job(2)).await.unwrap());
    assert_eq!(steer(Steer::Cancel).await, Steered::Done);
    assert_eq!(states(stores, &batch).await, [ItemState::Running, ItemState::Canceled, ItemState::Canceled]);
    assert!(!stores.jobs.begin_item(&batch.id, 2, &job(3)).await.unwrap());
    for wish in [Steer::Pause, Steer::Resume, Steer::Retry] {
        assert_eq!(steer(wish).await, Steered::TooLate, "{wish:?}");
    }
    let nobody = BatchId::new(now());
    assert_eq!(stores.jobs.steer(&nobody, Steer::Pause, now()).await.unwrap(), Steered::NotFound);
}

pub async fn an_items_job_is_whose_the_batch_is_by_then(stores: &StudioStores) {
    let (session, id) = (Owner::session("a"), AccountId::random());
    let batch = inserted(stores, 0, &[item(1, "aa")]).await;
    let (as_claimed, _) = stores.jobs.claim_items(1, 8, LEASE, later(1)).await.unwrap().remove(0);
    assert_eq!(as_claimed.owner.as_ref(), Some(&session));
    // Meanwhile its seller signs in.
    let link = super::accounts::link("1", "asha@example.com", Some(&session));
    assert!(stores.jobs.ask(&link, &Default::default(), now()).await.unwrap());
    stores.jobs.follow("1", Some(&session), &id, now()).await.unwrap().unwrap();
    let made = job(2).owned_by(as_claimed.owner);
    assert!(stores.jobs.begin_item(&batch.id, 1, &made).await.unwrap());
    assert_eq!(stores.jobs.owner(&made.id).await.unwrap(), Some(Owner::account(&id)));
}

pub async fn bytes_of_a_batch_stay_as_long_as_something_waits_for_them(stores: &StudioStores) {
    let (a, b) = ("aa".repeat(32), "bb".repeat(32));
    let batch = inserted(stores, 0, &[item(1, "aa"), item(2, "aa"), item(3, "bb")]).await;
    stores.jobs.suspect(&[a.clone(), b.clone()], now()).await.unwrap();
    assert_eq!(stores.jobs.doom(9, later(100), later(100)).await.unwrap(), [] as [String; 0]);
    let error = JobError::new("no", "No.", "Do.");
    stores.jobs.fail_item(&batch.id, 1, &error, now()).await.unwrap();
    assert_eq!(
        stores.jobs.doom(9, later(100), later(100)).await.unwrap(),
        [] as [String; 0],
        "the second still waits for them"
    );
    stores.jobs.fail_item(&batch.id, 2, &error, now()).await.unwrap();
    assert_eq!(stores.jobs.doom(9, later(100), later(100)).await.unwrap(), std::slice::from_ref(&a));
    let again = batch_of_doomed(stores, &a).await;
    assert!(again.is_err(), "nobody refers to bytes that are being removed");
    stores.jobs.removed(&a).await.unwrap();
    stores.jobs.steer(&batch.id, Steer::Cancel, now()).await.unwrap();
    assert_eq!(stores.jobs.doom(9, later(100), later(100)).await.unwrap(), [b]);
}

async fn batch_of_doomed(stores: &StudioStores, blob: &str) -> Result<(), plantain_inbox::store::StoreError> {
    stores.jobs.insert_batch(&batch(None, 1), &[Item { blob: Some(blob.to_owned()), ..item(1, "") }]).await
}

pub async fn items_wait_for_money_and_never_spend_the_same(stores: &StudioStores) {
    let (key, _) = StudioKey::new("shop", Tier::Paid, Some(70), now());
    stores.jobs.add_key(&key).await.unwrap();
    let allowance = key.allowance(later(40)).unwrap();
    let items: Vec<Item> = (1..=4).map(|number| item(number, "aa")).collect();
    let batch = Batch { owner: Some(key.owner()), ..batch(None, 0) };
    stores.jobs.insert_batch(&batch, &items).await.unwrap();
    assert_eq!(claimed(stores, 4, 4, 1).await.len(), 4);
    // Three pictures of 10 each.
    let jobs: Vec<_> = (1..=4).map(|age| job(age).owned_by(Some(key.owner())).priced(10)).collect();
    let begun =
        (1..).zip(&jobs).map(|(number, job)| stores.jobs.begin_item_allowed(&batch.id, number, job, &allowance));
    let begun = futures_util::future::join_all(begun).await;
    let yes = begun.iter().filter(|begun| matches!(begun, Ok(Some(Allowed::Yes)))).count();
    assert_eq!(yes, 2, "{begun:?}");
    let spent = begun.iter().filter(|begun| matches!(begun, Ok(Some(Allowed::Spent(60))))).count();
    assert_eq!(spent, 2, "{begun:?}");
    let first = states(stores, &batch).await.iter().position(|state| *state == ItemState::Running).unwrap();
    let number = u32::try_from(first).unwrap() + 1;
    let again = stores.jobs.begin_item_allowed(&batch.id, number, &job(9), &allowance).await.unwrap();
    assert_eq!(again, None, "it waits no more");

    let waiting = ItemFilter { after: 0, state: Some(ItemState::Waiting), limit: 9 };
    let held = stores.jobs.items(&batch.id, &waiting).await.unwrap();
    let reason = JobError::new("budget_spent", "No money.", "Wait.");
    for item in &held {
        assert!(stores.jobs.hold_item(&batch.id, item.number, &reason, later(500)).await.unwrap());
    }
    assert!(!stores.jobs.hold_item(&batch.id, number, &reason, later(500)).await.unwrap(), "it has a job");
    let told = stores.jobs.items(&batch.id, &waiting).await.unwrap();
    assert!(told.iter().all(|item| item.error.as_ref() == Some(&reason)), "{told:?}");
    assert_eq!(claimed(stores, 9, 9, 499).await, []);
    assert_eq!(claimed(stores, 9, 9, 501).await.len(), 2);
    let other = plantain_studio::job::key::Allowance { since: later(500), ..allowance };
    let next = job(501).owned_by(Some(key.owner())).priced(10);
    let begun = stores.jobs.begin_item_allowed(&batch.id, held[0].number, &next, &other).await.unwrap();
    assert_eq!(begun, Some(Allowed::Yes), "another month");
    let page = ItemFilter { after: held[0].number - 1, state: None, limit: 1 };
    let item = stores.jobs.items(&batch.id, &page).await.unwrap().remove(0);
    assert_eq!((item.state, item.error, item.job), (ItemState::Running, None, Some(next.id)));
}

pub async fn many_processes_never_make_two_jobs_of_an_item(stores: &StudioStores) {
    let items: Vec<Item> = (1..=10).map(|number| item(number, "aa")).collect();
    let batch = inserted(stores, 0, &items).await;
    let claims = (0..8).map(|_| claimed(stores, 3, 10, 1));
    let mut numbers: Vec<u32> =
        futures_util::future::join_all(claims).await.into_iter().flatten().map(|(_, number)| number).collect();
    numbers.sort_unstable();
    let distinct: std::collections::BTreeSet<u32> = numbers.iter().copied().collect();
    assert_eq!(numbers.len(), distinct.len(), "{numbers:?}");
    let jobs: Vec<_> = (0..8).map(job).collect();
    let begun = jobs.iter().map(|job| stores.jobs.begin_item(&batch.id, 1, job));
    let begun = futures_util::future::join_all(begun).await;
    assert_eq!(begun.into_iter().filter(|begun| *begun.as_ref().unwrap()).count(), 1);
    assert_eq!(stores.jobs.jobs(&Default::default()).await.unwrap().len(), 1);
}

pub async fn an_item_that_is_handed_back_is_taken_at_once(stores: &StudioStores) {
    let batch = inserted(stores, 0, &[item(1, "aa"), item(2, "bb")]).await;
    assert_eq!(claimed(stores, 1, 9, 1).await, [(batch.id.clone(), 1)]);
    stores.jobs.hand_back_item(&batch.id, 1).await.unwrap();
    let both = [(batch.id.clone(), 1), (batch.id.clone(), 2)];
    assert_eq!(claimed(stores, 2, 9, 1).await, both, "without waiting for the lease");
    assert!(stores.jobs.begin_item(&batch.id, 1, &job(1)).await.unwrap());
    stores.jobs.hand_back_item(&batch.id, 1).await.unwrap();
    assert_eq!(
        states(stores, &batch).await,
        [ItemState::Running, ItemState::Waiting],
        "whoever comes late undoes nothing"
    );
}

/// The job's photo is `ab…`, as if it had been kept in another form.
pub async fn a_failed_item_is_made_again_of_what_its_job_kept(stores: &StudioStores) {
    let batch = inserted(stores, 0, &[item(1, "aa"), item(2, "ab")]).await;
    let made = job(1);
    assert!(stores.jobs.begin_item(&batch.id, 1, &made).await.unwrap());
    assert_eq!(
        stores.jobs.doom(9, later(100), later(100)).await.unwrap(),
        ["aa".repeat(32)],
        "nobody needs the first form"
    );
    stores.jobs.claim(9, LEASE, later(2)).await.unwrap();
    let error = JobError::new("no", "No.", "Do.");
    changed(stores, &made.id, JobEvent::Ends { epoch: 1, outcome: Outcome::Failed(error) }).await;
    let damaged = JobError::new("not_a_picture", "No.", "Do.");
    assert!(stores.jobs.fail_item(&batch.id, 2, &damaged, later(3)).await.unwrap());
    assert_eq!(stores.jobs.retryable(&batch.id).await.unwrap(), 0, "its end was not noted");
    claimed(stores, 9, 9, 3).await;
    assert_eq!(
        stores.jobs.retryable(&batch.id).await.unwrap(),
        1,
        "what had no job fails again, whoever keeps its bytes"
    );
    assert_eq!(stores.jobs.steer(&batch.id, Steer::Retry, later(4)).await.unwrap(), Steered::Done);
    assert_eq!(stores.jobs.retryable(&batch.id).await.unwrap(), 0);
    let again = stores.jobs.claim_items(9, 9, LEASE, later(5)).await.unwrap();
    assert_eq!(again[0].1.blob, Some(made.spec.sources[0].blob.clone()));
    assert_eq!(again.len(), 1);
}

/// One of its photos was tried in vain and then again, so that it has a job more than its items know.
pub async fn a_batch_that_is_thrown_away_goes_with_all_that_came_of_it(stores: &StudioStores) {
    let gone = inserted(stores, 0, &[item(1, "aa"), item(2, "bb"), skipped(3)]).await;
    let kept = inserted(stores, 1, &[item(1, "cc")]).await;
    let (first, second) = (job(1), job(5));
    assert!(stores.jobs.begin_item(&gone.id, 1, &first).await.unwrap());
    stores.jobs.claim(9, LEASE, later(2)).await.unwrap();
    let failed = Outcome::Failed(JobError::new("no", "No.", "Do."));
    changed(stores, &first.id, JobEvent::Ends { epoch: 1, outcome: failed }).await;
    claimed(stores, 9, 9, 3).await;
    stores.jobs.steer(&gone.id, Steer::Retry, later(4)).await.unwrap();
    assert!(stores.jobs.begin_item(&gone.id, 1, &second).await.unwrap());

    assert!(stores.jobs.discard_batch(&gone.id, later(6)).await.unwrap());
    assert!(!stores.jobs.discard_batch(&gone.id, later(6)).await.unwrap(), "it is thrown away once");
    assert_eq!(stores.jobs.batch(&gone.id).await.unwrap(), None);
    assert_eq!(stores.jobs.batches(&BatchFilter::default()).await.unwrap(), std::slice::from_ref(&kept));
    assert!(!stores.jobs.begin_item(&gone.id, 2, &job(7)).await.unwrap(), "nothing of it begins");
    let left = async |age| stores.jobs.left_batches(9, later(age)).await.unwrap();
    assert_eq!(left(6).await, [LeftBatch { id: gone.id.clone(), failures: 0 }]);

    let mut jobs = stores.jobs.jobs_left(&gone.id, 9).await.unwrap();
    jobs.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    assert_eq!(jobs, [first.id.clone(), second.id.clone()]);
    assert_eq!(stores.jobs.jobs_left(&gone.id, 1).await.unwrap().len(), 1);
    assert_eq!(stores.jobs.forget(&second.id, later(7)).await.unwrap(), Forgotten::Open);
    changed(stores, &second.id, JobEvent::CancelAsked).await;
    assert_eq!(stores.jobs.forget(&first.id, later(7)).await.unwrap(), Forgotten::Gone);
    assert!(!stores.jobs.clear_batch(&gone.id, 9).await.unwrap(), "a job of it is still there");
    assert_eq!(stores.jobs.forget(&second.id, later(7)).await.unwrap(), Forgotten::Gone);

    stores.jobs.put_off_batch(&gone.id, 2, later(20)).await.unwrap();
    assert_eq!(left(19).await, []);
    assert_eq!(left(20).await, [LeftBatch { id: gone.id.clone(), failures: 2 }]);
    assert!(!stores.jobs.clear_batch(&gone.id, 2).await.unwrap(), "piece by piece");
    assert_eq!(states(stores, &gone).await.len(), 1);
    assert!(stores.jobs.clear_batch(&gone.id, 2).await.unwrap());
    assert!(!stores.jobs.clear_batch(&gone.id, 2).await.unwrap());
    assert_eq!((left(99).await, states(stores, &gone).await), (vec![], vec![]));
    assert!(!stores.jobs.clear_batch(&kept.id, 9).await.unwrap(), "which nobody threw away");
    assert_eq!(states(stores, &kept).await, [ItemState::Waiting]);
    let doomed = stores.jobs.doom(9, later(100), later(100)).await.unwrap();
    for (blob, is_garbage) in [("aa", true), ("bb", true), ("ab", true), ("cc", false)] {
        assert_eq!(doomed.contains(&blob.repeat(32)), is_garbage, "{blob}");
    }
}
