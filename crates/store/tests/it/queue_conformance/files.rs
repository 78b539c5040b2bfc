//! Files, their parts, and the bytes that nobody refers to any more.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use plantain_queue::files::{PartKept, PartRecord, UNUSED_KEPT};
use plantain_queue::model::FileRecord;
use plantain_queue::store::{QueueStore, StoreError};
use plantain_wire::id::UserId;
use plantain_work::clock::after;

use super::{later, start};

type Store = Arc<dyn QueueStore>;

const LEASE: Duration = Duration::from_secs(60);

fn file(id: &str, blob: &str) -> FileRecord {
    FileRecord {
        id: id.into(),
        name: "my chair.png".into(),
        content_type: "image/png".into(),
        blob: blob.into(),
        size: 5_000_000_000,
        created_at: start(),
        expires_at: Some(later(3600)),
        owner: None,
        access: None,
    }
}

fn part(number: u16, blob: &str, size: u64) -> PartRecord {
    PartRecord { file_id: "f".into(), number, blob: blob.into(), size, expires_at: later(86_400) }
}

async fn put_part(store: &Store, part: PartRecord) -> PartKept {
    store.put_part(part, 100, start()).await.unwrap()
}

/// What may be removed at `at`, in order.
async fn unused(store: &Store, at: Timestamp) -> Vec<String> {
    let mut blobs = store.claim_unused(10, LEASE, at).await.unwrap().tasks;
    blobs.sort();
    blobs
}

pub async fn a_file_is_found_again(store: &Store) {
    let file = file("b/8f2a", "00ff");
    assert_eq!(store.put_file(file.clone()).await.unwrap(), file);
    assert_eq!(store.file("b/8f2a").await.unwrap(), Some(file));
    assert_eq!(store.file("b/\0").await.unwrap(), None);
    store.forget_file("b/8f2a").await.unwrap();
    assert_eq!(store.file("b/8f2a").await.unwrap(), None);
}

pub async fn a_file_never_changes_whoever_puts_another_one(store: &Store) {
    let others: Vec<_> = (0..20).map(|number| file("b/8f2a", &format!("{number:02x}"))).collect();
    let kept = futures_util::future::join_all(others.iter().map(|other| store.put_file(other.clone()))).await;
    let kept: Vec<_> = kept.into_iter().map(Result::unwrap).collect();
    assert!(kept.iter().all(|file| *file == kept[0]), "each is told of the same one: {kept:?}");
    let late = FileRecord { name: "chair.png".into(), expires_at: None, ..file("b/8f2a", "ffff") };
    assert_eq!(store.put_file(late).await.unwrap(), kept[0]);
    assert_eq!(store.file("b/8f2a").await.unwrap().as_ref(), Some(&kept[0]));
    // The bytes that came for nothing are not kept for ever.
    assert!(!store.claim_unused(10, LEASE, after(start(), UNUSED_KEPT)).await.unwrap().tasks.contains(&kept[0].blob));
}

pub async fn who_made_a_file_and_who_may_read_it_is_kept(store: &Store) {
    let list = r#"{"default":"hide","rules":[{"user":"ann\u0000","decision":"forbid"}]}"#;
    let file = FileRecord {
        owner: Some(UserId::parse("user_shop").unwrap()),
        access: Some(serde_json::from_str(list).unwrap()),
        ..file("f", "aa")
    };
    store.put_file(file.clone()).await.unwrap();
    assert_eq!(store.file("f").await.unwrap(), Some(file));
}

pub async fn a_part_that_comes_again_takes_the_place_of_the_first(store: &Store) {
    assert_eq!(put_part(store, part(2, "bb", 10)).await, PartKept::Kept);
    assert_eq!(put_part(store, part(1, "aa", 10)).await, PartKept::Kept);
    assert_eq!(put_part(store, part(2, "cc", 20)).await, PartKept::Kept);
    assert_eq!(put_part(store, part(2, "cc", 20)).await, PartKept::Kept);
    assert_eq!(store.parts("f").await.unwrap(), [part(1, "aa", 10), part(2, "cc", 20)]);
    assert_eq!(store.parts("g").await.unwrap(), []);
    assert_eq!(unused(store, after(start(), UNUSED_KEPT)).await, ["bb"]);
}

pub async fn parts_are_bounded_together_and_end_with_their_file(store: &Store) {
    assert_eq!(put_part(store, part(1, "aa", 60)).await, PartKept::Kept);
    assert_eq!(put_part(store, part(2, "bb", 41)).await, PartKept::TooLarge);
    assert_eq!(put_part(store, part(1, "cc", 100)).await, PartKept::Kept);
    assert_eq!(put_part(store, part(3, "dd", u64::MAX)).await, PartKept::TooLarge);
    store.put_file(file("f", "whole")).await.unwrap();
    assert_eq!(store.parts("f").await.unwrap(), []);
    assert_eq!(put_part(store, part(2, "ee", 1)).await, PartKept::Finished);
    assert_eq!(unused(store, after(start(), UNUSED_KEPT)).await, ["aa", "bb", "cc", "dd", "ee"]);
}

pub async fn what_has_expired_is_forgotten_in_batches(store: &Store) {
    for number in 0..3 {
        store.put_file(file(&format!("f{number}"), &format!("a{number}"))).await.unwrap();
    }
    store.put_file(FileRecord { expires_at: None, ..file("kept", "bb") }).await.unwrap();
    store.put_part(PartRecord { file_id: "unfinished".into(), ..part(1, "cc", 1) }, 100, start()).await.unwrap();
    let forget = async |at| store.forget_expired(2, at, at).await.unwrap();
    assert_eq!(forget(later(3599)).await, 0);
    assert_eq!(forget(later(3600)).await, 2);
    assert_eq!(forget(later(3600)).await, 1);
    assert_eq!(forget(later(86_399)).await, 0);
    assert_eq!(forget(later(86_400)).await, 1);
    assert_eq!(forget(later(86_400)).await, 0);
    assert_eq!(store.file("f0").await.unwrap(), None);
    assert!(store.file("kept").await.unwrap().is_some());
    assert_eq!(unused(store, after(later(86_400), UNUSED_KEPT)).await, ["a0", "a1", "a2", "cc"]);
}

pub async fn an_address_that_may_still_be_used_stays_taken(store: &Store) {
    store.put_file(FileRecord { expires_at: Some(later(1)), ..file("f", "aa") }).await.unwrap();
    let before = start().checked_sub(Duration::from_secs(1)).unwrap();
    assert_eq!(store.forget_expired(10, before, later(60)).await.unwrap(), 0);
    assert_eq!(store.forget_expired(10, start(), later(60)).await.unwrap(), 1);
}

pub async fn bytes_go_when_the_last_reference_has_gone(store: &Store) {
    store.put_file(file("f", "aa")).await.unwrap();
    store.put_file(FileRecord { expires_at: Some(later(7200)), ..file("g", "aa") }).await.unwrap();
    store.forget_expired(10, start(), later(3600)).await.unwrap();
    assert_eq!(unused(store, after(later(3600), UNUSED_KEPT)).await, Vec::<String>::new());
    store.forget_expired(10, start(), later(7200)).await.unwrap();
    let due = after(later(7200), UNUSED_KEPT);
    let waiting = store.claim_unused(10, LEASE, later(7200)).await.unwrap();
    assert_eq!((waiting.tasks.len(), waiting.next_due), (0, Some(due)), "somebody may still read them");
    assert_eq!(unused(store, due).await, ["aa"]);
    store.removed("aa").await.unwrap();
    assert_eq!(unused(store, after(due, LEASE)).await, Vec::<String>::new());
}

pub async fn a_reference_that_comes_in_time_keeps_the_bytes(store: &Store) {
    let suspects = ["aa", "bb", "cc"].map(str::to_owned).to_vec();
    store.suspect(suspects.clone(), start()).await.unwrap();
    store.suspect(suspects, start()).await.unwrap();
    store.put_file(file("g", "aa")).await.unwrap();
    assert_eq!(put_part(store, part(1, "bb", 1)).await, PartKept::Kept);
    assert_eq!(unused(store, later(1)).await, ["cc"]);
    // What is in use is not even noted.
    store.suspect(["aa", "bb", "dd"].map(str::to_owned).to_vec(), later(2)).await.unwrap();
    let claimed = store.claim_unused(1, LEASE, later(2)).await.unwrap();
    assert_eq!(claimed.tasks, ["dd"]);
}

pub async fn no_reference_is_taken_to_bytes_that_are_being_removed(store: &Store) {
    store.suspect(vec!["aa".into()], start()).await.unwrap();
    assert_eq!(unused(store, start()).await, ["aa"]);
    let refused = store.put_file(file("f", "aa")).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let refused = store.put_part(part(1, "aa", 1), 100, start()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(store.file("f").await.unwrap(), None);
    store.removed("aa").await.unwrap();
    store.put_file(file("f", "aa")).await.unwrap();
}

pub async fn a_remover_that_died_is_followed_by_another(store: &Store) {
    store.suspect(vec!["aa".into()], start()).await.unwrap();
    assert_eq!(unused(store, start()).await, ["aa"]);
    assert_eq!(unused(store, later(59)).await, Vec::<String>::new());
    assert_eq!(unused(store, later(60)).await, ["aa"]);
    let refused = store.put_file(file("f", "aa")).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "the mark outlives its holder: {refused:?}");
}

pub async fn removing_and_referring_at_once_agree(store: &Store) {
    for round in 0..20 {
        let (id, blob) = (format!("f{round}"), format!("{round:02x}"));
        store.suspect(vec![blob.clone()], start()).await.unwrap();
        let (claimed, kept) =
            futures_util::future::join(store.claim_unused(10, LEASE, start()), store.put_file(file(&id, &blob))).await;
        let marked = claimed.unwrap().tasks.contains(&blob);
        assert_ne!(marked, kept.is_ok(), "round {round}: either the bytes go or the file is kept");
        assert_eq!(store.file(&id).await.unwrap().is_some(), !marked, "round {round}");
    }
}
