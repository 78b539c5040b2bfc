//! Keys and budgets.

use futures_util::future::join_all;
use plantain_store::studio::StudioStores;
use plantain_studio::job::key::{Allowed, StudioKey, Tier};
use plantain_studio::job::transition::JobEvent;
use plantain_studio::job::{Finished, Job, JobError, JobState, Outcome, Owner};
use plantain_studio::spending::{Payer, Period, Spending, Sum};
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
    assert_eq!(kept.iter().map(Job::cost_micro_usd).sum::<u64>(), 60);

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

pub async fn the_last_use_of_a_key_is_kept(stores: &StudioStores) {
    let (key, _) = StudioKey::new("shop", Tier::Free, None, now());
    stores.jobs.add_key(&key).await.unwrap();
    for (at, kept) in [(5, 5), (9, 9), (7, 9)] {
        let uses = [(key.id.clone(), later(at)), ("nothing".to_owned(), later(at))];
        stores.jobs.note_key_uses(&uses).await.unwrap();
        assert_eq!(stores.jobs.keys().await.unwrap()[0].used_at, Some(later(kept)));
    }
}

/// Ends a job that was inserted just now.
async fn ended(stores: &StudioStores, job: &Job, outcome: Outcome) {
    let claimed = stores.jobs.claim(99, super::LEASE, job.created_at).await.unwrap();
    let epoch = claimed.jobs.iter().find(|claimed| claimed.id == job.id).unwrap().epoch;
    changed(stores, &job.id, JobEvent::Ends { epoch, outcome }).await;
}

pub async fn what_was_spent_is_told_by_day_payer_and_model(stores: &StudioStores) {
    const DAY: u64 = 24 * 60 * 60;
    let made = |pictures: usize| {
        Outcome::Succeeded(Finished {
            pictures: vec![super::keeping::picture(['2', '3']); pictures],
            media: Vec::new(),
            description: None,
            notices: Vec::new(),
            cutout: None,
            tilt_degrees: None,
        })
    };
    let failed = || Outcome::Failed(JobError::new("x", "m", "h"));
    let (key, other) = (Owner::key("1"), Owner::key("2"));
    let mut all = Vec::new();
    // Three pictures of 10 each are asked for; of the second two come.
    for (age, owner, outcome) in [
        (0, Some(&key), Some(made(3))),
        (1, Some(&key), Some(made(2))),
        (2, Some(&key), Some(failed())),
        (3, Some(&key), None),
        (4, Some(&other), None),
        (5, Some(&Owner::session("a")), Some(made(1))),
        (6, Some(&Owner::stored("account:b".into())), Some(made(1))),
        (7, None, Some(made(1))),
        (DAY, Some(&key), Some(made(3))),
        (2 * DAY, Some(&key), None),
    ] {
        let job = job(age).owned_by(owner.cloned()).priced(10);
        stores.jobs.insert(&job).await.unwrap();
        if let Some(outcome) = outcome {
            ended(stores, &job, outcome).await;
        }
        all.push(job);
    }
    let day = |age: u64| later(age).to_zoned(jiff::tz::TimeZone::UTC).date();
    let line = |age: u64, payer: Payer, [jobs, failed, pictures, settled, reserved]: [u64; 5]| Spending {
        day: day(age),
        payer,
        endpoint: "fal-ai/nano-banana/edit".into(),
        sum: Sum { jobs, failed, pictures, settled, reserved },
    };
    let keys = || Payer::Key("1".into());
    let period = Period::new(day(0), day(DAY)).unwrap();
    let expected = [line(DAY, keys(), [1, 0, 3, 30, 0]), line(0, keys(), [4, 1, 5, 50, 30])];
    assert_eq!(stores.jobs.spending(Some(&key), &period, 99).await.unwrap(), expected);
    assert_eq!(stores.jobs.spending(Some(&key), &period, 1).await.unwrap(), expected[..1]);
    let everybody = [
        expected[0].clone(),
        line(0, Payer::Nobody, [1, 0, 1, 10, 0]),
        expected[1].clone(),
        line(0, Payer::Key("2".into()), [1, 0, 0, 0, 30]),
        line(0, Payer::Seller, [2, 0, 2, 20, 0]),
    ];
    assert_eq!(stores.jobs.spending(None, &period, 99).await.unwrap(), everybody);
    // What was paid for stays in the account.
    for job in [&all[0], &all[1], &all[5], &all[7], &all[8]] {
        assert_eq!(stores.jobs.forget(&job.id, later(3 * DAY)).await.unwrap(), Forgotten::Gone);
    }
    assert_eq!(stores.jobs.spending(None, &period, 99).await.unwrap(), everybody);
    assert_eq!(stores.jobs.spending(Some(&key), &period, 99).await.unwrap(), expected);
}
