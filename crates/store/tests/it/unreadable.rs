//! One row that makes no sense must not stand in the way of all others: it is ended, and its end is shown.

use std::path::PathBuf;
use std::sync::Arc;

use plantain_queue::keys::{ApiKey, KeyLimits, Scope, StatusWords, WebhookOptions};
use plantain_queue::model::{DeliveryState, HostLoad, Next, Outcome};
use plantain_queue::store::QueueStore;
use plantain_store::queue::open_queue;
use plantain_store::studio::{StudioStores, open_studio};
use plantain_studio::bulk::batch::{BatchState, ItemState};
use plantain_studio::bulk::store::{BatchFilter, ItemFilter};
use plantain_studio::job::transition::JobEvent;
use plantain_studio::job::{JobId, JobState, Outcome as JobOutcome, Phase};
use plantain_studio::messages::facts::Facts;
use plantain_studio::messages::hook::{Hook, HookId};
use plantain_studio::messages::message::{Channel, Event};
use plantain_studio::messages::store::MessageFilter;
use plantain_studio::messages::view::Eyes;
use plantain_studio::store::JobFilter;
use plantain_wire::error::ErrorType;
use plantain_wire::status::QueueStatus;

use crate::postgres::{Fresh, execute};
use crate::queue_conformance::{
    DELIVERY_LEASE, answered, claim, claim_names, delivery, id, later, new_request, only, settle, start, submit, turns,
    view,
};
use crate::studio_conformance::{LEASE, bulk, inserted, messages, now};

/// A database that a test can damage.
enum Ground {
    File { path: PathBuf, _folder: tempfile::TempDir },
    Schema(Fresh),
}

impl Ground {
    fn file() -> Ground {
        let folder = tempfile::tempdir().unwrap();
        Ground::File { path: folder.path().join("test.db"), _folder: folder }
    }

    fn address(&self) -> String {
        match self {
            Ground::File { path, .. } => path.to_str().unwrap().to_owned(),
            Ground::Schema(schema) => schema.url(),
        }
    }

    async fn damage(&self, sql: &str) {
        match self {
            Ground::File { path, .. } => rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap(),
            Ground::Schema(schema) => execute(&schema.url(), sql).await,
        }
    }
}

/// Runs every promise on both databases.
macro_rules! promises {
    ($($promise:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(&super::Ground::file()).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let Some(schema) = super::Fresh::schema().await else { return };
                super::$promise(&super::Ground::Schema(schema)).await;
            })*
        }
    };
}

promises! {
    a_request_that_can_not_be_read_ends_and_the_next_one_runs,
    the_end_of_a_request_that_can_not_be_read_is_announced,
    an_overdue_request_that_can_not_be_read_ends_too,
    a_delivery_that_can_not_be_read_is_dead_and_the_next_one_goes_out,
    a_webhook_whose_options_can_not_be_read_goes_out_in_the_official_form,
    a_job_that_can_not_be_read_fails_and_the_next_one_is_driven,
    a_message_that_can_not_be_read_keeps_no_other_out_of_the_list,
    what_was_given_up_is_counted_from_beside,
    a_list_leaves_out_what_can_not_be_read,
    a_batch_that_can_not_be_read_is_given_up_and_the_next_one_goes_on,
    items_that_can_not_be_read_fail_and_the_next_one_goes_on_at_once,
}

async fn queue(ground: &Ground) -> Arc<dyn QueueStore> {
    open_queue(&ground.address()).await.unwrap()
}

async fn studio(ground: &Ground) -> StudioStores {
    open_studio(&ground.address()).await.unwrap()
}

/// Each makes the row of `bad` unreadable in another way.
const DAMAGES: [&str; 5] = [
    "UPDATE queue_requests SET last_error = 'a word of a newer program' WHERE id = 'bad'",
    "UPDATE queue_requests SET webhook = 'no address' WHERE id = 'bad'",
    "UPDATE queue_requests SET start_by = 9223372036854775807 WHERE id = 'bad'",
    "UPDATE queue_requests SET failures = -5 WHERE id = 'bad'",
    "DELETE FROM queue_inputs",
];

async fn a_request_that_can_not_be_read_ends_and_the_next_one_runs(ground: &Ground) {
    let store = queue(ground).await;
    for damage in DAMAGES {
        submit(&store, "bad").await;
        ground.damage(damage).await;
        submit(&store, "good").await;
        let first = store.claim_requests(1, &turns(), LEASE, start()).await.unwrap();
        assert!(first.tasks.is_empty(), "{damage}");
        assert_eq!(first.next_due, Some(start()), "others wait: the lane asks again at once");
        let good = only(claim(&store, 1, start()).await);
        assert_eq!(good.lease.request_id.as_str(), "good", "{damage}");
        let seen = view(&store, "bad").await;
        let Some(Outcome::Failed { error_type, detail }) = seen.outcome else { panic!("{seen:?}") };
        assert_eq!((seen.status, error_type), (QueueStatus::Completed, ErrorType::InternalError), "{damage}");
        assert!(detail.contains("can't be read"), "{detail}");
        assert!(claim_names(&store, 9, later(1)).await.is_empty());
        ground.damage("DELETE FROM queue_requests").await;
    }
}

async fn the_end_of_a_request_that_can_not_be_read_is_announced(ground: &Ground) {
    let store = queue(ground).await;
    let webhook = Some("https://shop.example/hook".parse().unwrap());
    let request = plantain_queue::model::NewRequest { webhook, ..new_request("bad") };
    store.enqueue(request).await.unwrap();
    ground.damage(DAMAGES[0]).await;
    assert!(claim(&store, 1, start()).await.is_empty());
    let owed = store.claim_deliveries(1, HostLoad::new(1), DELIVERY_LEASE, start()).await.unwrap();
    let body = String::from_utf8(owed.tasks[0].delivery.body.to_vec()).unwrap();
    assert!(body.contains("\"ERROR\"") && body.contains("internal_error"), "{body}");
}

async fn an_overdue_request_that_can_not_be_read_ends_too(ground: &Ground) {
    let store = queue(ground).await;
    let request = |name| plantain_queue::model::NewRequest { start_by: Some(later(1)), ..new_request(name) };
    store.enqueue(request("bad")).await.unwrap();
    store.enqueue(request("good")).await.unwrap();
    ground.damage(DAMAGES[0]).await;
    let claimed = store.claim_overdue(9, LEASE, later(1)).await.unwrap();
    assert_eq!(only(claimed.tasks).lease.request_id.as_str(), "good");
    assert_eq!(view(&store, "bad").await.status, QueueStatus::Completed);
}

async fn a_delivery_that_can_not_be_read_is_dead_and_the_next_one_goes_out(ground: &Ground) {
    let store = queue(ground).await;
    submit(&store, "r1").await;
    let claimed = only(claim(&store, 1, start()).await);
    let deliveries = ["bad", "good"].map(|name| delivery(name, "r1", "https://shop.example/hook")).to_vec();
    settle(&store, &claimed.lease, Next::Finish { outcome: answered("{}"), deliveries }).await;
    ground.damage("UPDATE queue_deliveries SET target = 'nowhere' WHERE id = 'bad'").await;
    let first = store.claim_deliveries(1, HostLoad::new(9), DELIVERY_LEASE, start()).await.unwrap();
    assert!(first.tasks.is_empty() && first.next_due == Some(start()), "{first:?}");
    let second = store.claim_deliveries(1, HostLoad::new(9), DELIVERY_LEASE, start()).await.unwrap();
    assert_eq!(second.tasks[0].delivery.id, "good");
    // Repaired by hand, it shows what became of it.
    ground.damage("UPDATE queue_deliveries SET target = 'https://shop.example/hook' WHERE id = 'bad'").await;
    let shown = store.deliveries(&id("r1")).await.unwrap();
    let bad = shown.iter().find(|shown| shown.delivery.id == "bad").unwrap();
    assert_eq!((bad.state, bad.next_at, bad.attempts.len()), (DeliveryState::Dead, None, 1));
    assert!(bad.attempts[0].reason.contains("can't be read"), "{bad:?}");
}

async fn a_webhook_whose_options_can_not_be_read_goes_out_in_the_official_form(ground: &Ground) {
    let store = queue(ground).await;
    let key = ApiKey {
        id: new_request("r1").caller.key_id,
        name: "shop".into(),
        secret_sha256: [7; 32],
        user_id: new_request("r1").caller.user_id,
        scope: Scope::Api,
        limits: KeyLimits::default(),
        webhooks: WebhookOptions { words: StatusWords::Completed, ..WebhookOptions::default() },
        created_at: start(),
        revoked_at: None,
    };
    assert!(store.add_key(key.clone()).await.unwrap());
    submit(&store, "r1").await;
    let claimed = only(claim(&store, 1, start()).await);
    let deliveries = vec![delivery("d1", "r1", "https://shop.example/hook")];
    settle(&store, &claimed.lease, Next::Finish { outcome: answered("{}"), deliveries }).await;
    for (hours, damage) in (0..).step_by(3600).zip([r#"{"words": "of a newer program"}"#, "{", "7"]) {
        ground.damage(&format!("UPDATE queue_keys SET webhooks = '{damage}'")).await;
        let due = store.claim_deliveries(9, HostLoad::new(9), DELIVERY_LEASE, later(hours)).await.unwrap();
        let tasks: Vec<_> = due.tasks.into_iter().map(|task| (task.delivery.id, task.options)).collect();
        assert_eq!(tasks, [("d1".to_owned(), WebhookOptions::default())], "{damage}");
        let shown = store.key(&key.id).await.unwrap().unwrap();
        assert_eq!(shown, ApiKey { webhooks: WebhookOptions::default(), ..key.clone() }, "{damage}");
    }
}

async fn a_job_that_can_not_be_read_fails_and_the_next_one_is_driven(ground: &Ground) {
    let stores = studio(ground).await;
    stores.jobs.set_settings_hook(Some(&settings_hook())).await.unwrap();
    for damage in
        ["spec = '{'", "uploads = 'x'", "epoch = -7", "request_id = 'a/b'", "created_at = 9223372036854775807"]
    {
        let (bad, good) = (inserted(&stores, 0).await, inserted(&stores, 0).await);
        ground.damage(&format!("UPDATE studio_jobs SET due_at = 0, {damage} WHERE id = '{}'", bad.id)).await;
        let first = stores.jobs.claim(1, LEASE, now()).await.unwrap();
        assert!(first.jobs.is_empty(), "{damage}");
        assert_eq!(first.next_due, Some(now()), "others wait: the lane asks again at once");
        let second = stores.jobs.claim(1, LEASE, now()).await.unwrap();
        assert_eq!(second.jobs[0].id, good.id, "{damage}");
        let failed = stores.jobs.job(&bad.id).await.unwrap().unwrap();
        let Some(JobOutcome::Failed(error)) = &failed.outcome else { panic!("{failed:?}") };
        assert_eq!(
            (failed.state(), failed.phase, error.code.as_str()),
            (JobState::Failed, Phase::Done, "job_unreadable")
        );
        assert_eq!(stores.jobs.jobs(&JobFilter::default()).await.unwrap().len(), 2, "{damage}");
        let told = stores.jobs.messages(&of_job(&bad.id)).await.unwrap();
        let facts = Facts::of_body(&told[0].body).unwrap();
        assert_eq!((told.len(), told[0].event, facts.job.as_ref()), (1, Event::JobFailed, Some(&bad.id)), "{damage}");
        assert_eq!(facts.error.as_ref(), Some(error), "{damage}");
        ground.damage("DELETE FROM studio_jobs").await;
    }
}

fn settings_hook() -> Hook {
    Hook {
        id: HookId::settings(),
        owner: None,
        channel: Channel::Webhook,
        target: "https://all.example/".into(),
        events: Vec::new(),
        secret: None,
        created_at: now(),
    }
}

fn of_job(id: &JobId) -> MessageFilter {
    MessageFilter { job: Some(id.clone()), eyes: Eyes::Operators, ..MessageFilter::default() }
}

async fn a_message_that_can_not_be_read_keeps_no_other_out_of_the_list(ground: &Ground) {
    let stores = studio(ground).await;
    stores.jobs.set_settings_hook(Some(&settings_hook())).await.unwrap();
    let (bad, good) = (inserted(&stores, 0).await, inserted(&stores, 0).await);
    for job in [&bad, &good] {
        stores.jobs.apply(&job.id, &JobEvent::CancelAsked, now()).await.unwrap();
    }
    ground.damage(&format!("UPDATE studio_messages SET event = 'job.exploded' WHERE job_id = '{}'", bad.id)).await;
    let listed =
        stores.jobs.messages(&MessageFilter { eyes: Eyes::Operators, ..MessageFilter::default() }).await.unwrap();
    assert_eq!(listed.iter().map(|message| message.job.as_ref()).collect::<Vec<_>>(), [Some(&good.id)]);
}

async fn what_was_given_up_is_counted_from_beside(ground: &Ground) {
    let stores = studio(ground).await;
    messages::what_was_given_up_is_counted_from_beside(&stores, &ground.address()).await;
}

async fn a_list_leaves_out_what_can_not_be_read(ground: &Ground) {
    let stores = studio(ground).await;
    let (bad, good) = (inserted(&stores, 0).await, inserted(&stores, 0).await);
    ground.damage(&format!("UPDATE studio_jobs SET spec = '{{' WHERE id = '{}'", bad.id)).await;
    let listed = stores.jobs.jobs(&JobFilter::default()).await.unwrap();
    assert_eq!(listed.iter().map(|job| &job.id).collect::<Vec<_>>(), [&good.id]);
}

async fn a_batch_that_can_not_be_read_is_given_up_and_the_next_one_goes_on(ground: &Ground) {
    let stores = studio(ground).await;
    for damage in ["num_images = 7000", "created_at = 9223372036854775807"] {
        let hook = settings_hook();
        stores.jobs.set_settings_hook(Some(&hook)).await.unwrap();
        let bad = bulk::inserted(&stores, 0, &[bulk::item(1, "aa")]).await;
        let good = bulk::inserted(&stores, 1, &[bulk::item(1, "bb")]).await;
        ground.damage(&format!("UPDATE studio_batches SET {damage} WHERE id = '{}'", bad.id)).await;
        let listed = stores.jobs.batches(&BatchFilter::default()).await.unwrap();
        assert_eq!(listed.iter().map(|batch| &batch.id).collect::<Vec<_>>(), [&good.id], "{damage}");
        assert_eq!(bulk::claimed(&stores, 9, 9, 2).await, [(good.id.clone(), 1)], "{damage}");
        let (ended, counts) = stores.jobs.batch(&bad.id).await.unwrap().unwrap();
        assert_eq!((ended.state, counts.canceled), (BatchState::Canceled, 1), "{damage}");
        let told =
            stores.jobs.messages(&MessageFilter { eyes: Eyes::Operators, ..MessageFilter::default() }).await.unwrap();
        let facts = Facts::of_body(&told[0].body).unwrap();
        assert_eq!((told.len(), told[0].event, &facts.batch), (1, Event::BatchDone, &Some(bad.id)), "{damage}");
        assert_eq!((facts.counts.unwrap().canceled, facts.error.unwrap().code.as_str()), (1, "batch_unreadable"));
        ground.damage("DELETE FROM studio_messages; DELETE FROM studio_batches; DELETE FROM studio_batch_items").await;
    }
}

async fn items_that_can_not_be_read_fail_and_the_next_one_goes_on_at_once(ground: &Ground) {
    let stores = studio(ground).await;
    for damage in ["job_id = 'a/b'", "error = '{'"] {
        let batch = bulk::inserted(&stores, 0, &[1, 2, 3].map(|number| bulk::item(number, "aa"))).await;
        ground.damage(&format!("UPDATE studio_batch_items SET {damage} WHERE number < 3")).await;
        let all = ItemFilter { limit: 9, ..ItemFilter::default() };
        assert_eq!(stores.jobs.items(&batch.id, &all).await.unwrap().len(), 1, "{damage}: the list goes on without it");
        assert_eq!(bulk::claimed(&stores, 1, 9, 2).await, [(batch.id.clone(), 3)], "{damage}: in the same claim");
        for item in &stores.jobs.items(&batch.id, &all).await.unwrap()[..2] {
            let code = item.error.as_ref().map(|error| error.code.as_str());
            assert_eq!((item.state, code), (ItemState::Failed, Some("item_unreadable")), "{damage}");
        }
        ground.damage("DELETE FROM studio_batches; DELETE FROM studio_batch_items").await;
    }
}
