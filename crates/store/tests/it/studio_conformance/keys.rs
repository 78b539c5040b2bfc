//! Keys and budgets.

use futures_util::future::join_all;
use plantain_store::studio::StudioStores;
use plantain_studio::job::key::{Allowed, StudioKey, Tier};
use plantain_studio::job::transition::JobEvent;
use plantain_studio::job::{Finished, Job, JobState, Outcome};
use plantain_studio::store::{Forgotten, JobFilter};

use super::{changed, job, later, now};

pub async fn keys_are_kept_with_all_that_they_hold(stores: &StudioStores) {
    assert_eq!(stores.jobs.keys().await.unwrap(), []);
    let (old, _) = StudioKey::new("n8n कप", Tier::Free, None, now());
    let (young, _) = StudioKey::new("shop", Tier::Paid, Some(u64::MAX / 4), later(5));
    let young = young.paced(Some(1_000_000));
    for key in [&old, &young] {
        stores.jobs.add_key(key).await.unwrap();
    }
    assert_eq!(stores.jobs.keys().await.unwrap(), [young.clone(), old.clone()]);
    assert!(stores.jobs.revoke_key(&old.id, later(7)).await.unwrap());
    assert!(stores.jobs.revoke_key(&old.id, later(9)).await.unwrap());
    assert!(!stores.jobs.revoke_key("nothing", later(9)).await.unwrap());
    let revoked = StudioKey { revoked_at: Some(later(7)), ..old };
    assert_eq!(stores.jobs.keys().await.unwrap(), [young, revoked]);
}

pub async fn two_jobs_never_spend_the_same_money(stores: &StudioStores) {
    let (key, _) = StudioKey::new("shop", Tier::Paid, Some(70), now());
    stores.jobs.add_key(&key).await.unwrap();
    let allowance = key.allowance(later(40)).unwrap();
    // Three pictures of 10 each.
    let of_it = |age: u64| job(age).owned_by(Some(key.owner())).priced(10);
    let jobs: Vec<Job> = (0..8).map(of_it).collect();
    let allowed = join_all(jobs.iter().map(|job| stores.jobs.insert_allowed(job, &allowance))).await;
    let yes = allowed.iter().filter(|allowed| matches!(allowed, Ok(Allowed::Yes))).count();
    assert_eq!(yes, 2, "{allowed:?}");
    let kept = stores.jobs.jobs(&JobFilter { owner: Some(key.owner()), ..JobFilter::default() }).await.unwrap();
    assert_eq!((kept.len(), kept[0].price_micro_usd), (2, Some(10)));
    assert_eq!(stores.jobs.usage(Some(&key.owner()), now()).await.unwrap().cost_micro_usd, 60);

    let ended = changed(stores, &kept[0].id, JobEvent::CancelAsked).await;
    assert_eq!(ended.state(), JobState::Canceled);
    assert_eq!(stores.jobs.insert_allowed(&of_it(9), &allowance).await.unwrap(), Allowed::Yes);
    assert_eq!(stores.jobs.insert_allowed(&of_it(10), &allowance).await.unwrap(), Allowed::Spent(60));
    let epoch = stores.jobs.claim(9, super::LEASE, later(300)).await.unwrap();
    let won = epoch.jobs.iter().find(|job| job.id == kept[1].id).unwrap();
    let made = Outcome::Succeeded(Finished {
        pictures: vec![super::keeping::picture(['2', '3']); 3],
        media: Vec::new(),
        description: None,
        notices: Vec::new(),
        cutout: None,
        tilt_degrees: None,
    });
    changed(stores, &won.id, JobEvent::Ends { epoch: won.epoch, outcome: made }).await;
    assert_eq!(stores.jobs.forget(&won.id, later(301)).await.unwrap(), Forgotten::Gone);
    assert_eq!(
        stores.jobs.insert_allowed(&of_it(302), &allowance).await.unwrap(),
        Allowed::Spent(60),
        "money stays spent"
    );
    let earlier = plantain_studio::job::key::Allowance { since: later(100), ..allowance };
    assert_eq!(stores.jobs.insert_allowed(&of_it(200), &earlier).await.unwrap(), Allowed::Yes, "another month");
}
