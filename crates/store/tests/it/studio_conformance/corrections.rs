//! Strokes on a cut-out, and the pictures that are made of them.

use plantain_store::studio::StudioStores;
use plantain_studio::job::correction::{Corrected, Kept, Stroke, Strokes};
use plantain_studio::job::transition::{JobEvent, Refused};
use plantain_studio::job::{JobId, Outcome};
use plantain_studio::store::Applied;

use super::{LEASE, changed, inserted, now};

fn stroke(text: &str) -> Stroke {
    serde_json::from_str(text).unwrap()
}

fn two() -> Vec<Stroke> {
    vec![
        stroke(r#"{"kind": "keep", "radius": 12, "points": [[1, 2], [4000000000, 3]]}"#),
        stroke(r#"{"kind": "erase", "radius": 1, "points": [[7, 7]]}"#),
    ]
}

fn of(revision: u64) -> Corrected {
    Corrected { revision, pictures: Vec::new(), notices: vec![format!("made of {revision}")] }
}

pub async fn strokes_are_kept_in_order_under_a_rising_revision(stores: &StudioStores) {
    let (job, other) = (inserted(stores, 0).await, inserted(stores, 1).await);
    assert_eq!(stores.jobs.strokes(&job.id).await.unwrap(), Strokes::default());
    assert_eq!(stores.jobs.keep_strokes(&job.id, 0, &two()).await.unwrap(), Kept::Under(1));
    assert_eq!(stores.jobs.strokes(&job.id).await.unwrap(), Strokes { revision: 1, strokes: two() });
    assert_eq!(stores.jobs.keep_strokes(&job.id, 1, &two()[..1]).await.unwrap(), Kept::Under(2));
    assert_eq!(stores.jobs.keep_strokes(&job.id, 2, &[]).await.unwrap(), Kept::Under(3));
    assert_eq!(stores.jobs.strokes(&job.id).await.unwrap(), Strokes { revision: 3, strokes: Vec::new() });
    assert_eq!(stores.jobs.strokes(&other.id).await.unwrap(), Strokes::default());
    let nobody = JobId::new(now());
    assert_eq!(stores.jobs.keep_strokes(&nobody, 0, &two()).await.unwrap(), Kept::NotFound);
    assert_eq!(stores.jobs.keep_corrected(&nobody, &of(0), now()).await.unwrap(), Kept::NotFound);
}

pub async fn of_many_corrections_at_once_one_is_kept_and_the_others_hear_of_it(stores: &StudioStores) {
    let job = inserted(stores, 0).await;
    let strokes: Vec<Vec<Stroke>> = (1..=20)
        .map(|radius| vec![stroke(&format!(r#"{{"kind": "keep", "radius": {radius}, "points": [[1, 1]]}}"#))])
        .collect();
    let all = strokes.iter().map(|strokes| stores.jobs.keep_strokes(&job.id, 0, strokes));
    let kept: Vec<Kept> = futures_util::future::join_all(all).await.into_iter().map(Result::unwrap).collect();
    let won: Vec<usize> = (0..kept.len()).filter(|at| kept[*at] == Kept::Under(1)).collect();
    assert_eq!(won.len(), 1, "{kept:?}");
    assert!(kept.iter().all(|kept| matches!(kept, Kept::Under(1) | Kept::Conflict(1))), "{kept:?}");
    assert_eq!(stores.jobs.strokes(&job.id).await.unwrap().strokes, strokes[won[0]]);
}

pub async fn corrected_pictures_belong_to_the_newest_strokes_and_to_nothing_else(stores: &StudioStores) {
    let job = inserted(stores, 0).await;
    stores.jobs.claim(1, LEASE, now()).await.unwrap();
    let ended = changed(stores, &job.id, JobEvent::Ends { epoch: 1, outcome: Outcome::Canceled }).await;
    stores.jobs.keep_strokes(&job.id, 0, &two()).await.unwrap();
    assert_eq!(stores.jobs.keep_corrected(&job.id, &of(0), now()).await.unwrap(), Kept::Conflict(1));
    assert_eq!(stores.jobs.job(&job.id).await.unwrap().unwrap().corrected, None);
    let later = Corrected { notices: vec!["made once more".into()], ..of(1) };
    for corrected in [of(1), of(1), later] {
        assert_eq!(stores.jobs.keep_corrected(&job.id, &corrected, now()).await.unwrap(), Kept::Under(1));
    }
    let mut shown = stores.jobs.job(&job.id).await.unwrap().unwrap();
    assert_eq!(shown.corrected.take(), Some(of(1)));
    assert_eq!(shown, ended, "nothing else of the job changes");
    let listed = stores.jobs.jobs(&Default::default()).await.unwrap();
    assert_eq!(listed[0].corrected, Some(of(1)));
    let again = stores.jobs.apply(&job.id, &JobEvent::CancelAsked, now()).await.unwrap();
    assert_eq!(again, Applied::Refused(Refused::Ended));
    stores.jobs.keep_strokes(&job.id, 1, &[]).await.unwrap();
    assert_eq!(stores.jobs.keep_corrected(&job.id, &of(2), now()).await.unwrap(), Kept::Under(2));
    assert_eq!(stores.jobs.job(&job.id).await.unwrap().unwrap().corrected, Some(of(2)));
}
