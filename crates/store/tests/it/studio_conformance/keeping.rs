//! What is kept for whom, what is forgotten, and which bytes may be removed.

use plantain_store::studio::StudioStores;
use plantain_studio::job::correction::Corrected;
use plantain_studio::job::transition::JobEvent;
use plantain_studio::job::{Finished, FinishedPicture, Job, JobError, JobId, Outcome, Owner};
use plantain_studio::store::{Forgotten, Holdings};

use super::{LEASE, changed, followed, job, later, now, webhook};

/// A key of bytes, made of one digit.
fn blob(digit: char) -> String {
    digit.to_string().repeat(64)
}

pub fn picture(blobs: [char; 2]) -> FinishedPicture {
    FinishedPicture {
        blob: blob(blobs[0]),
        raw_blob: blob(blobs[1]),
        raw_content_type: "image/png".into(),
        diff_blob: None,
        matte_blob: None,
        file_name: "a.jpg".into(),
        content_type: "image/jpeg".into(),
        bytes: 100,
        width: 1,
        height: 1,
        bytes_beside: 10,
        variant: None,
        passed: true,
        quality: None,
        repairs: Default::default(),
        report: Default::default(),
    }
}

/// A job of one photo, `photo`, of 1 kB.
async fn taken(stores: &StudioStores, age: u64, photo: char, owner: Option<&Owner>) -> Job {
    let mut job = job(age).owned_by(owner.cloned());
    job.spec.sources[0].blob = blob(photo);
    job.spec.sources[0].bytes = 1_000;
    stores.jobs.insert(&job).await.unwrap();
    job
}

/// The same, with one picture.
async fn finished(stores: &StudioStores, age: u64, photo: char, pictures: [char; 2], owner: Option<&Owner>) -> Job {
    let job = taken(stores, age, photo, owner).await;
    let epoch = stores.jobs.claim(1, LEASE, later(age)).await.unwrap().jobs.pop().unwrap().epoch;
    let made = Finished {
        pictures: vec![picture(pictures)],
        media: Vec::new(),
        description: None,
        notices: Vec::new(),
        cutout: None,
        tilt_degrees: None,
    };
    changed(stores, &job.id, JobEvent::Ends { epoch, outcome: Outcome::Succeeded(made) }).await
}

/// The digits of what is doomed among garbage older than a second, and takes it as removed.
async fn removed(stores: &StudioStores, at: u64) -> String {
    let mut doomed = stores.jobs.doom(100, later(at), later(at)).await.unwrap();
    doomed.sort();
    for blob in &doomed {
        stores.jobs.removed(blob).await.unwrap();
    }
    doomed.iter().map(|blob| blob.chars().next().unwrap()).collect()
}

pub async fn bytes_go_with_the_last_job_that_refers_to_them(stores: &StudioStores) {
    let first = finished(stores, 0, '1', ['2', '3'], None).await;
    let second = finished(stores, 1, '1', ['4', '3'], None).await;
    assert_eq!(removed(stores, 9_000).await, "", "nothing is garbage yet");
    assert_eq!(stores.jobs.forget(&first.id, later(10)).await.unwrap(), Forgotten::Gone);
    assert_eq!(stores.jobs.job(&first.id).await.unwrap(), None);
    assert_eq!(removed(stores, 9).await, "", "it is too young");
    assert_eq!(removed(stores, 10).await, "2", "the other job keeps the rest");
    assert_eq!(stores.jobs.forget(&second.id, later(20)).await.unwrap(), Forgotten::Gone);
    assert_eq!(removed(stores, 20).await, "134");
    assert_eq!(removed(stores, 9_000).await, "");
    assert_eq!(stores.jobs.forget(&second.id, later(20)).await.unwrap(), Forgotten::NotFound);
}

pub async fn only_what_has_ended_is_forgotten_with_all_that_belongs_to_it(stores: &StudioStores) {
    let open = followed(stores, "r1").await;
    assert_eq!(stores.jobs.forget(&open.id, now()).await.unwrap(), Forgotten::Open);
    stores.jobs.result_arrived(&webhook(&open, "r1", "b"), now()).await.unwrap();
    let epoch = stores.jobs.job(&open.id).await.unwrap().unwrap().epoch;
    changed(stores, &open.id, JobEvent::fails(epoch, JobError::new("x", "m", "h"))).await;
    assert_eq!(stores.jobs.forget(&open.id, now()).await.unwrap(), Forgotten::Gone);
    assert_eq!(stores.jobs.result(&open.id).await.unwrap(), None);
    assert_eq!(stores.jobs.events(&super::request("r1")).await.unwrap(), []);
}

pub async fn pictures_that_are_corrected_again_are_garbage(stores: &StudioStores) {
    let job = finished(stores, 0, '1', ['2', '3'], None).await;
    for (revision, made, gone) in [(1, '5', ""), (2, '6', "5")] {
        stores.jobs.keep_strokes(&job.id, revision - 1, &[]).await.unwrap();
        let corrected = Corrected { revision, pictures: vec![picture([made, '3'])], notices: Vec::new() };
        stores.jobs.keep_corrected(&job.id, &corrected, later(revision)).await.unwrap();
        assert_eq!(removed(stores, revision).await, gone, "{revision}");
    }
    let kept = Holdings { jobs: 1, bytes: 1_000 + 2 * 110 };
    assert_eq!(stores.jobs.kept(None).await.unwrap(), kept);
}

pub async fn nobody_refers_to_bytes_that_are_being_removed(stores: &StudioStores) {
    stores.jobs.suspect(&[blob('7'), blob('8')], now()).await.unwrap();
    let kept = taken(stores, 0, '7', None).await;
    stores.jobs.suspect(&[blob('7')], now()).await.unwrap();
    assert_eq!(stores.jobs.doom(100, later(1), later(1)).await.unwrap(), [blob('8')]);
    let mut late = job(1);
    late.spec.sources[0].blob = blob('8');
    assert!(stores.jobs.insert(&late).await.is_err(), "its bytes are about to be gone");
    assert_eq!(stores.jobs.job(&late.id).await.unwrap(), None);
    assert_eq!(
        stores.jobs.doom(100, later(1), later(1)).await.unwrap(),
        [blob('8')],
        "whoever doomed it may have died"
    );
    let two = [blob('6'), blob('8'), blob('6')];
    assert!(!stores.jobs.touch(&two, later(1)).await.unwrap(), "whoever puts them anew has to wait");
    stores.jobs.removed(&blob('8')).await.unwrap();
    assert!(stores.jobs.touch(&two, later(1)).await.unwrap());
    assert!(stores.jobs.touch(&[], later(1)).await.unwrap());
    assert_eq!(
        stores.jobs.doom(100, later(0), later(5)).await.unwrap(),
        [] as [String; 0],
        "what was touched is young"
    );
    stores.jobs.insert(&late).await.unwrap();
    assert_eq!(removed(stores, 9).await, "6", "nobody came to refer to it");
    assert!(stores.jobs.job(&kept.id).await.unwrap().is_some());
}

pub async fn what_is_kept_is_counted_for_each_seller(stores: &StudioStores) {
    let (mine, yours) = (Owner::session("mine"), Owner::session("yours"));
    let first = finished(stores, 0, '1', ['2', '3'], Some(&mine)).await;
    taken(stores, 1, '4', Some(&mine)).await;
    taken(stores, 2, '5', None).await;
    for (owner, jobs, bytes) in [(Some(&mine), 2, 2_110), (Some(&yours), 0, 0), (None, 3, 3_110)] {
        assert_eq!(stores.jobs.kept(owner).await.unwrap(), Holdings { jobs, bytes }, "{owner:?}");
    }
    stores.jobs.forget(&first.id, now()).await.unwrap();
    for (owner, jobs, bytes) in [(Some(&mine), 1, 1_000), (Some(&yours), 0, 0), (None, 2, 2_000)] {
        assert_eq!(stores.jobs.kept(owner).await.unwrap(), Holdings { jobs, bytes }, "{owner:?}");
    }
}

pub async fn a_picture_that_is_there_can_be_chosen(stores: &StudioStores) {
    let job = finished(stores, 0, '1', ['2', '3'], None).await;
    let chosen = async |n: Option<usize>| stores.jobs.choose(&job.id, n, now()).await.unwrap().map(|job| job.chosen);
    assert_eq!(chosen(Some(1)).await, Some(Some(1)));
    assert_eq!(chosen(Some(2)).await, None);
    assert_eq!(chosen(Some(0)).await, None);
    assert_eq!(stores.jobs.job(&job.id).await.unwrap().unwrap().chosen, Some(1));
    assert_eq!(chosen(None).await, Some(None));
    assert_eq!(stores.jobs.choose(&JobId::new(now()), None, now()).await.unwrap(), None);
}
