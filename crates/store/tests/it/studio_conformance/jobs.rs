//! Jobs, leases and pages.

use std::collections::HashSet;

use futures_util::future::join_all;

use plantain_store::studio::StudioStores;
use plantain_studio::job::transition::{JobEvent, PutOff, Refused};
use plantain_studio::job::{Finished, FinishedPicture, Job, JobError, JobId, JobState, Outcome, Owner, Phase, RawJson};
use plantain_studio::store::{Applied, JobFilter};
use plantain_work::lane::Beat;

use super::{LEASE, changed, followed, inserted, job, later, now, request, seconds, webhook};

pub async fn a_job_survives_with_everything_that_it_holds(stores: &StudioStores) {
    let job = inserted(stores, 0).await;
    assert_eq!(stores.jobs.job(&job.id).await.unwrap(), Some(job.clone()));
    let claimed = stores.jobs.claim(1, LEASE, now()).await.unwrap().jobs.pop().unwrap();
    assert_eq!((claimed.epoch, claimed.leased_until), (1, Some(later(30))));
    let uploads = vec!["http://cdn.test/a".parse().unwrap()];
    changed(stores, &job.id, JobEvent::SubmitBegins { epoch: 1, uploads }).await;
    changed(stores, &job.id, JobEvent::Submitted { request_id: request("r1"), told_again: false }).await;
    changed(stores, &job.id, JobEvent::CancelAsked).await;
    changed(stores, &job.id, JobEvent::Running { epoch: 1 }).await;
    stores.jobs.result_arrived(&webhook(&job, "r1", "b"), now()).await.unwrap();
    let picture = FinishedPicture {
        blob: "a".into(),
        raw_blob: "b".into(),
        diff_blob: None,
        matte_blob: None,
        raw_content_type: "image/png".into(),
        file_name: "needs-identifier/a.jpg".into(),
        content_type: "image/jpeg".into(),
        bytes: u64::from(u32::MAX) + 1,
        bytes_beside: 7,
        width: 2000,
        height: 2000,
        variant: Some("Pure white".into()),
        passed: true,
        quality: Some(92),
        repairs: RawJson::of(&[(); 0]),
        report: RawJson::of(&serde_json::json!({ "results": [1.5, null, "é"] })),
    };
    let finished = Finished {
        pictures: vec![picture],
        media: Vec::new(),
        description: Some("d".into()),
        notices: vec!["n".into()],
        cutout: None,
        tilt_degrees: Some(-2.5),
    };
    let ended = changed(stores, &job.id, JobEvent::Ends { epoch: 2, outcome: Outcome::Succeeded(finished) }).await;
    assert_eq!((ended.state(), ended.phase, ended.finished_at), (JobState::Succeeded, Phase::Done, Some(now())));
    assert_eq!(stores.jobs.job(&job.id).await.unwrap(), Some(ended));
}

pub async fn an_unknown_job_is_none_and_nothing_happens_to_it(stores: &StudioStores) {
    let nobody = JobId::new(now());
    assert_eq!(stores.jobs.job(&nobody).await.unwrap(), None);
    assert_eq!(stores.jobs.result(&nobody).await.unwrap(), None);
    assert_eq!(stores.jobs.apply(&nobody, &JobEvent::CancelAsked, now()).await.unwrap(), Applied::NotFound);
}

pub async fn jobs_are_listed_newest_first_page_by_page(stores: &StudioStores) {
    let mut ids = Vec::new();
    for age in 0..5 {
        ids.push(inserted(stores, age).await.id);
    }
    ids.reverse();
    let page = |before: Option<JobId>| async move {
        let filter = JobFilter { before, limit: 2, ..JobFilter::default() };
        let jobs = stores.jobs.jobs(&filter).await.unwrap();
        jobs.into_iter().map(|job| job.id).collect::<Vec<_>>()
    };
    assert_eq!(page(None).await, ids[..2]);
    assert_eq!(page(Some(ids[1].clone())).await, ids[2..4]);
    assert_eq!(page(Some(ids[3].clone())).await, ids[4..]);
    assert_eq!(page(Some(ids[4].clone())).await, []);
}

pub async fn only_the_named_jobs_are_listed(stores: &StudioStores) {
    let (first, _, third) = (inserted(stores, 0).await, inserted(stores, 1).await, inserted(stores, 2).await);
    let named = async |ids: Vec<JobId>| {
        let filter = JobFilter { ids: Some(ids), ..JobFilter::default() };
        stores.jobs.jobs(&filter).await.unwrap()
    };
    assert_eq!(named(vec![first.id.clone(), JobId::new(now()), third.id.clone()]).await, [third, first]);
    assert_eq!(named(Vec::new()).await, []);
}

pub async fn jobs_are_found_by_owner_state_and_words(stores: &StudioStores) {
    let (mine, yours) = (Owner::session("mine"), Owner::session("yours"));
    let mut ids = Vec::new();
    for (age, owner) in [Some(&mine), Some(&yours), None, Some(&mine)].into_iter().enumerate() {
        let mut job = job(age as u64).owned_by(owner.cloned());
        job.spec.user_prompt = Some(format!("Tasse {age} GRÜN\0 50%_off"));
        stores.jobs.insert(&job).await.unwrap();
        assert_eq!(stores.jobs.job(&job.id).await.unwrap().unwrap().owner.as_ref(), owner);
        ids.push(job.id);
    }
    let fails = JobEvent::CancelAsked;
    changed(stores, &ids[0], fails).await;
    let all = JobFilter::default;
    for (filter, found) in [
        (JobFilter { owner: Some(mine.clone()), ..all() }, &[3, 0][..]),
        (JobFilter { owner: Some(yours), ..all() }, &[1]),
        (JobFilter { owner: Some(Owner::session("nobody")), ..all() }, &[]),
        (JobFilter { owner: Some(mine.clone()), before: Some(ids[3].clone()), ..all() }, &[0]),
        (JobFilter { state: Some(JobState::Canceled), ..all() }, &[0]),
        (JobFilter { state: Some(JobState::Queued), owner: Some(mine.clone()), ..all() }, &[3]),
        (JobFilter { text: Some("tasse 2 grün".into()), ..all() }, &[2]),
        (JobFilter { text: Some("b0test".into()), ..all() }, &[3, 2, 1, 0]),
        (JobFilter { text: Some("%".into()), limit: 1, ..all() }, &[3]),
        (JobFilter { text: Some("5_%".into()), ..all() }, &[]),
        (JobFilter { text: Some(ids[1].to_string()), ..all() }, &[1]),
        (JobFilter { text: Some("tasse 0".into()), owner: Some(mine), ..all() }, &[0]),
    ] {
        let jobs = stores.jobs.jobs(&filter).await.unwrap();
        let expected: Vec<&JobId> = found.iter().map(|at| &ids[*at]).collect();
        assert_eq!(jobs.iter().map(|job| &job.id).collect::<Vec<_>>(), expected, "{filter:?}");
    }
}

pub async fn what_is_owed_is_claimed_once_and_results_go_first(stores: &StudioStores) {
    let early = inserted(stores, 0).await;
    let late = followed(stores, "r9").await;
    stores.jobs.result_arrived(&webhook(&late, "r9", "b"), later(5)).await.unwrap();
    let give_back = JobEvent::PutOff { epoch: 1, pause: seconds(0), why: PutOff::Waiting };
    // `followed` claimed both.
    changed(stores, &early.id, give_back).await;
    let order: Vec<_> =
        stores.jobs.claim(9, LEASE, later(6)).await.unwrap().jobs.into_iter().map(|job| job.id).collect();
    assert_eq!(order, [late.id, early.id]);
    assert_eq!(stores.jobs.claim(9, LEASE, later(6)).await.unwrap().jobs, []);
}

pub async fn a_lease_that_ran_out_is_taken_by_the_next_and_its_old_holder_changes_nothing(stores: &StudioStores) {
    let job = inserted(stores, 0).await;
    stores.jobs.claim(1, LEASE, now()).await.unwrap();
    assert_eq!(stores.jobs.claim(1, LEASE, later(29)).await.unwrap().jobs, []);
    let second = stores.jobs.claim(1, LEASE, later(30)).await.unwrap().jobs.pop().unwrap();
    assert_eq!((&second.id, second.epoch), (&job.id, 2));
    let failure = JobEvent::fails(1, JobError::new("x", "m", "h"));
    for event in [JobEvent::Running { epoch: 1 }, failure] {
        let applied = stores.jobs.apply(&job.id, &event, later(31)).await.unwrap();
        assert_eq!(applied, Applied::Refused(Refused::LeaseLost));
    }
    assert_eq!(stores.jobs.job(&job.id).await.unwrap(), Some(second));
}

pub async fn a_claim_says_when_the_next_job_is_due(stores: &StudioStores) {
    assert_eq!(stores.jobs.claim(1, LEASE, now()).await.unwrap().next_due, None);
    inserted(stores, 20).await;
    assert_eq!(stores.jobs.claim(1, LEASE, now()).await.unwrap().next_due, Some(later(20)));
    stores.jobs.claim(1, LEASE, later(20)).await.unwrap();
    assert_eq!(stores.jobs.claim(1, LEASE, later(20)).await.unwrap().next_due, Some(later(50)));
}

pub async fn a_lost_lease_is_not_prolonged(stores: &StudioStores) {
    let job = inserted(stores, 0).await;
    let held = stores.jobs.claim(1, LEASE, now()).await.unwrap().jobs.pop().unwrap().fence();
    assert_eq!(stores.jobs.heartbeat(&held, later(60)).await.unwrap(), Beat::Held);
    assert_eq!(stores.jobs.claim(1, LEASE, later(59)).await.unwrap().jobs, []);
    stores.jobs.claim(1, LEASE, later(60)).await.unwrap();
    assert_eq!(stores.jobs.heartbeat(&held, later(99)).await.unwrap(), Beat::Lost);
    changed(stores, &job.id, JobEvent::CancelAsked).await;
    let done = stores.jobs.job(&job.id).await.unwrap().unwrap().fence();
    assert_eq!(stores.jobs.heartbeat(&done, later(99)).await.unwrap(), Beat::Lost);
}

pub async fn many_claims_at_once_never_share_a_job(stores: &StudioStores) {
    for age in 0..20 {
        stores.jobs.insert(&Job { due_at: now(), ..job(age) }).await.unwrap();
    }
    let claims = join_all((0..10).map(|_| stores.jobs.claim(3, LEASE, now()))).await;
    let ids: Vec<JobId> = claims.into_iter().flat_map(|claim| claim.unwrap().jobs).map(|job| job.id).collect();
    assert_eq!(ids.len(), 20);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 20);
}
