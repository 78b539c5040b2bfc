//! A wish that is sent more than once.

use jiff::Timestamp;

use plantain_store::studio::StudioStores;
use plantain_studio::bulk::batch::{Batch, Item};
use plantain_studio::bulk::store::{BatchFilter, ItemFilter};
use plantain_studio::job::wish::{Became, Made, Once, WishKey, Wished};
use plantain_studio::store::JobFilter;

use super::{job, later, now};

fn wished(whose: &str, word: &str, digest: &str) -> Wished {
    Wished { key: WishKey { whose: whose.into(), word: word.into() }, digest: digest.into() }
}

async fn jobs(stores: &StudioStores) -> usize {
    stores.jobs.jobs(&JobFilter::default()).await.unwrap().len()
}

pub async fn a_wish_and_its_job_are_kept_once_and_together(stores: &StudioStores) {
    let (wish, first, second) = (wished("operator", "k", "d"), job(0), job(1));
    let key = &wish.key;
    assert_eq!(stores.jobs.became(key, Timestamp::UNIX_EPOCH).await.unwrap(), None);
    assert_eq!(stores.jobs.insert_once(&first, &wish, Timestamp::UNIX_EPOCH, None).await.unwrap(), Once::Kept);
    let before = Became { made: Made::Job(first.id.clone()), digest: "d".into() };
    assert_eq!(stores.jobs.became(key, Timestamp::UNIX_EPOCH).await.unwrap(), Some(before.clone()));
    for digest in ["d", "other"] {
        let again = wished("operator", "k", digest);
        let told = stores.jobs.insert_once(&second, &again, Timestamp::UNIX_EPOCH, None).await.unwrap();
        assert_eq!(told, Once::Before(before.clone()), "what it asked for is told, for the caller to judge");
    }
    assert_eq!(stores.jobs.job(&first.id).await.unwrap(), Some(first));
    assert_eq!(jobs(stores).await, 1, "the second job was not kept");
}

async fn kept_once(stores: &StudioStores, (batch, item): &(Batch, Item), wish: &Wished) -> Option<Became> {
    stores.jobs.insert_batch_once(batch, std::slice::from_ref(item), wish, now()).await.unwrap()
}

pub async fn a_batch_and_its_key_are_kept_once_and_together(stores: &StudioStores) {
    let (wish, other) = (wished("a", "k", "d"), wished("a", "l", "d"));
    let batches: Vec<_> = (0..8).map(|_| super::bulk::lone(None)).collect();
    let told = futures_util::future::join_all(batches.iter().map(|one| kept_once(stores, one, &wish))).await;
    let won: Vec<usize> = (0..told.len()).filter(|at| told[*at].is_none()).collect();
    assert_eq!(won.len(), 1, "{told:?}");
    let (kept, item) = &batches[won[0]];
    let before = Became { made: Made::Batch(kept.id.clone()), digest: "d".into() };
    assert!(told.iter().flatten().all(|told| *told == before), "{told:?}");
    assert_eq!(stores.jobs.became(&wish.key, now()).await.unwrap(), Some(before.clone()));
    assert_eq!(stores.jobs.batches(&BatchFilter::default()).await.unwrap(), std::slice::from_ref(kept));
    let items = stores.jobs.items(&kept.id, &ItemFilter { limit: 9, ..ItemFilter::default() }).await.unwrap();
    assert_eq!(items, std::slice::from_ref(item));

    let made = job(0);
    let told = stores.jobs.insert_once(&made, &wish, now(), None).await.unwrap();
    assert_eq!(told, Once::Before(before), "a key stands for one wish of any kind");
    assert_eq!(stores.jobs.insert_once(&made, &other, now(), None).await.unwrap(), Once::Kept);
    let before = Became { made: Made::Job(made.id), digest: "d".into() };
    assert_eq!(kept_once(stores, &super::bulk::lone(None), &other).await, Some(before));
    assert_eq!(stores.jobs.batches(&BatchFilter::default()).await.unwrap().len(), 1);
}

pub async fn keys_of_different_senders_are_different(stores: &StudioStores) {
    for (age, (whose, word)) in [("a", "k"), ("b", "k"), ("a", "l"), ("a", "K")].into_iter().enumerate() {
        let told = stores.jobs.insert_once(&job(age as u64), &wished(whose, word, "d"), now(), None).await.unwrap();
        assert_eq!(told, Once::Kept, "{whose} {word}");
    }
    assert_eq!(jobs(stores).await, 4);
}

pub async fn a_key_is_free_again_after_its_time(stores: &StudioStores) {
    let (wish, first, second) = (wished("a", "k", "d"), job(0), job(100));
    stores.jobs.insert_once(&first, &wish, now(), None).await.unwrap();
    stores.jobs.insert_once(&job(1), &wished("a", "l", "d"), now(), None).await.unwrap();
    assert!(stores.jobs.became(&wish.key, now()).await.unwrap().is_some());
    assert_eq!(stores.jobs.became(&wish.key, later(50)).await.unwrap(), None);
    assert_eq!(stores.jobs.insert_once(&second, &wish, later(50), None).await.unwrap(), Once::Kept);
    let became = stores.jobs.became(&wish.key, now()).await.unwrap();
    assert_eq!(became.map(|became| became.made), Some(Made::Job(second.id)));
    let forgotten = WishKey { whose: "a".into(), word: "l".into() };
    assert_eq!(stores.jobs.became(&forgotten, now()).await.unwrap(), None, "what is too old is not kept");
}

pub async fn of_many_equal_wishes_at_once_one_becomes_a_job(stores: &StudioStores) {
    let (wish, all) = (wished("a", "k", "d"), (0..20).map(job).collect::<Vec<_>>());
    let kept = all.iter().map(|job| stores.jobs.insert_once(job, &wish, now(), None));
    let told: Vec<Once> = futures_util::future::join_all(kept).await.into_iter().map(Result::unwrap).collect();
    let won: Vec<usize> = (0..told.len()).filter(|at| told[*at] == Once::Kept).collect();
    assert_eq!(won.len(), 1, "{told:?}");
    let winner = Once::Before(Became { made: Made::Job(all[won[0]].id.clone()), digest: "d".into() });
    assert!(told.iter().all(|told| matches!(told, Once::Kept) || *told == winner), "{told:?}");
    assert_eq!(jobs(stores).await, 1);
}
