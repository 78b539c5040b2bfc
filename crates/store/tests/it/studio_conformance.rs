//! What it means to be a studio store. Each function is one promise; each runs on a fresh SQLite file and on a fresh
//! Postgres schema.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use plantain_store::studio::{StudioStores, open_studio};
use plantain_studio::job::arrival::{Arrival, Callback, WebhookFacts};
use plantain_studio::job::transition::JobEvent;
use plantain_studio::job::{CallbackToken, Ended, Job, JobId, JobResult, JobSpec, ResultSource, Source};
use plantain_studio::store::Applied;
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::models::choice::{BoxPrompt, ObjectChoice, PointPrompt};
use plantain_wire::models::nano_banana::{AspectRatio, EDIT_ENDPOINT};

use crate::postgres::Fresh;

mod accounts;
pub mod bulk;
mod corrections;
mod jobs;
mod keeping;
mod keys;
pub mod messages;
mod webhooks;
mod whatsapp;
mod wishes;

/// A store and whatever has to live as long as it.
pub struct Bench {
    pub stores: StudioStores,
    _home: Home,
}

enum Home {
    Folder { _folder: tempfile::TempDir },
    Schema { _schema: Fresh },
}

async fn sqlite() -> Option<Bench> {
    let folder = tempfile::tempdir().unwrap();
    let stores = open_studio(folder.path().join("studio.db").to_str().unwrap()).await.unwrap();
    Some(Bench { stores, _home: Home::Folder { _folder: folder } })
}

async fn postgres() -> Option<Bench> {
    let schema = Fresh::schema().await?;
    let stores = open_studio(&schema.url()).await.unwrap();
    Some(Bench { stores, _home: Home::Schema { _schema: schema } })
}

/// Runs every promise on both databases.
macro_rules! promises {
    ($($module:ident :: $promise:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $promise() {
                let bench = super::sqlite().await.unwrap();
                super::$module::$promise(&bench.stores).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let Some(bench) = super::postgres().await else { return };
                super::$module::$promise(&bench.stores).await;
            })*
        }
    };
}

promises! {
    jobs::a_job_survives_with_everything_that_it_holds,
    jobs::an_unknown_job_is_none_and_nothing_happens_to_it,
    jobs::jobs_are_listed_newest_first_page_by_page,
    jobs::only_the_named_jobs_are_listed,
    jobs::jobs_are_found_by_owner_state_and_words,
    keys::keys_are_kept_with_all_that_they_hold,
    keys::the_last_use_of_a_key_is_kept,
    keys::what_was_spent_is_told_by_day_payer_and_model,
    keys::two_jobs_never_spend_the_same_money,
    keeping::bytes_go_with_the_last_job_that_refers_to_them,
    keeping::only_what_has_ended_is_forgotten_with_all_that_belongs_to_it,
    keeping::pictures_that_are_corrected_again_are_garbage,
    keeping::nobody_refers_to_bytes_that_are_being_removed,
    keeping::what_is_kept_is_counted_for_each_seller,
    keeping::a_picture_that_is_there_can_be_chosen,
    jobs::what_is_owed_is_claimed_once_and_results_go_first,
    jobs::a_lease_that_ran_out_is_taken_by_the_next_and_its_old_holder_changes_nothing,
    jobs::a_claim_says_when_the_next_job_is_due,
    jobs::a_lost_lease_is_not_prolonged,
    jobs::many_claims_at_once_never_share_a_job,
    accounts::links_are_counted_by_mailbox_by_asker_and_in_all,
    accounts::of_many_who_ask_at_once_no_more_than_the_bound_are_heard,
    accounts::a_letter_is_owed_until_it_is_posted_or_its_link_has_expired,
    accounts::a_link_works_once_and_brings_what_its_asker_made,
    accounts::a_link_brings_hooks_and_messages_too_and_the_newest_hooks_stay,
    accounts::who_wants_letters_is_told_of_jobs_alone_and_of_batches_as_a_whole,
    accounts::who_leaves_is_forgotten_as_soon_as_nothing_runs,
    accounts::an_account_is_free_until_it_is_given_more_and_all_are_listed_by_mailbox,
    accounts::closed_accounts_take_turns,
    accounts::a_mailbox_is_silent_until_its_account_wishes_for_letters,
    accounts::who_has_left_is_told_nothing_of_what_is_stopped_for_them,
    accounts::whoever_leaves_while_a_job_ends_is_told_nothing_of_it,
    bulk::a_batch_survives_with_its_items,
    bulk::batches_are_listed_newest_first_page_by_page,
    bulk::items_become_jobs_once_and_a_few_at_a_time,
    bulk::a_batch_is_done_when_its_jobs_are,
    bulk::a_batch_is_paused_resumed_and_canceled,
    bulk::an_items_job_is_whose_the_batch_is_by_then,
    bulk::an_item_that_is_handed_back_is_taken_at_once,
    bulk::a_failed_item_is_made_again_of_what_its_job_kept,
    bulk::bytes_of_a_batch_stay_as_long_as_something_waits_for_them,
    bulk::items_wait_for_money_and_never_spend_the_same,
    bulk::many_processes_never_make_two_jobs_of_an_item,
    bulk::a_batch_that_is_thrown_away_goes_with_all_that_came_of_it,
    corrections::strokes_are_kept_in_order_under_a_rising_revision,
    corrections::of_many_corrections_at_once_one_is_kept_and_the_others_hear_of_it,
    corrections::corrected_pictures_belong_to_the_newest_strokes_and_to_nothing_else,
    messages::hooks_are_kept_up_to_a_limit_and_removed,
    messages::a_jobs_end_and_its_messages_are_one_commit,
    messages::the_end_of_a_batch_owes_a_message,
    messages::a_batch_of_which_every_photo_was_refused_says_why,
    messages::a_batch_that_is_tried_again_writes_one_letter_to_whom_it_names,
    messages::a_batch_that_never_began_is_told,
    messages::nobody_named_with_a_batch_hears_of_it_once_it_is_thrown_away,
    messages::a_letter_to_an_address_that_was_given_with_a_job_goes_with_it,
    messages::what_somebody_who_was_named_wants_is_told_to_the_operator_alone,
    messages::attempts_of_many_messages_are_told_at_once,
    messages::the_end_of_a_canceled_batch_owes_a_message_once,
    messages::trying_a_batch_again_of_which_nothing_failed_changes_nothing,
    messages::a_message_is_sent_by_one_at_a_time_until_it_is_settled,
    messages::one_receiver_leaves_places_to_the_others,
    messages::one_owner_leaves_places_to_the_others,
    messages::a_hook_has_one_test_under_way,
    messages::many_claims_at_once_never_share_a_message,
    messages::messages_are_listed_and_old_ones_forgotten,
    webhooks::a_result_its_event_and_its_account_are_one_commit,
    webhooks::a_webhook_before_the_submit_reply_is_bound_by_its_token,
    webhooks::fifty_webhooks_at_once_are_applied_once,
    webhooks::two_results_at_once_are_one_result,
    webhooks::many_results_at_once_are_each_judged_by_itself,
    webhooks::words_with_a_zero_byte_do_not_keep_a_result_out,
    webhooks::a_result_for_nobody_leaves_nothing_behind,
    webhooks::another_account_is_refused_once_one_is_believed,
    webhooks::refused_webhooks_are_kept_up_to_a_limit,
    whatsapp::an_accepted_message_waits_for_its_notices_and_ends_once,
    whatsapp::a_message_is_known_by_what_was_sent_along_before_its_name_is,
    whatsapp::a_forgotten_job_takes_its_number_along,
    whatsapp::the_newest_word_about_messages_counts,
    wishes::a_wish_and_its_job_are_kept_once_and_together,
    wishes::a_batch_and_its_key_are_kept_once_and_together,
    wishes::keys_of_different_senders_are_different,
    wishes::a_key_is_free_again_after_its_time,
    wishes::of_many_equal_wishes_at_once_one_becomes_a_job,
}

pub const LEASE: Duration = Duration::from_secs(30);

pub fn now() -> Timestamp {
    Timestamp::from_second(1_795_176_000).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn later(by: u64) -> Timestamp {
    plantain_work::clock::after(now(), seconds(by))
}

fn request(id: &str) -> RequestId {
    RequestId::parse(id).unwrap()
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

/// A job made `age` seconds after the start of the test.
pub fn job(age: u64) -> Job {
    let source = Source {
        blob: "ab".repeat(32),
        file_name: Some("jar \"1\".jpg".into()),
        content_type: "image/jpeg".into(),
        bytes: 3,
        width: 640,
        height: 480,
        notices: vec!["Only its first frame is used.".into()],
    };
    let spec = JobSpec {
        preset: "amazon_main".into(),
        user_prompt: Some("on linen".into()),
        prompt: "all of it".into(),
        aspect_ratio: AspectRatio::R3x4,
        endpoint: EDIT_ENDPOINT.parse().unwrap(),
        num_images: 3,
        identifier: Some("B0TEST1234".into()),
        products: Some(2),
        whatsapp: None,
        sources: vec![source],
        image_urls: vec!["https://pictures.test/a.jpg?x=1".parse().unwrap()],
        choice: ObjectChoice {
            box_prompts: vec![BoxPrompt { x_min: 1, y_min: 2, x_max: 300, y_max: 400 }],
            point_prompts: vec![PointPrompt { x: 5, y: 6, label: 0 }],
            keep: Default::default(),
        },
        notices: vec!["A notice.".into()],
        staging: Default::default(),
        making: Default::default(),
        callback: None,
        notify: None,
        in_batch: false,
    };
    Job::new(JobId::new(later(age)), CallbackToken::random(), spec, later(age))
}

pub async fn inserted(stores: &StudioStores, age: u64) -> Job {
    let job = job(age);
    stores.jobs.insert(&job).await.unwrap();
    job
}

async fn changed(stores: &StudioStores, id: &JobId, event: JobEvent) -> Job {
    match stores.jobs.apply(id, &event, now()).await.unwrap() {
        Applied::Changed(job) => *job,
        other => panic!("{event:?}: {other:?}"),
    }
}

/// Claimed, and about to be accepted by the queue.
async fn leaving(stores: &StudioStores) -> Job {
    let job = inserted(stores, 0).await;
    stores.jobs.claim(10, LEASE, now()).await.unwrap();
    changed(stores, &job.id, JobEvent::SubmitBegins { epoch: 1, uploads: Vec::new() }).await
}

async fn followed(stores: &StudioStores, id: &str) -> Job {
    let job = leaving(stores).await;
    changed(stores, &job.id, JobEvent::Submitted { request_id: request(id), told_again: false }).await
}

fn output() -> JobResult {
    let body = Bytes::from_static(b"{\"seed\" : 17454220438242315174000}");
    JobResult { source: ResultSource::Webhook, ended: Ended::Output(body) }
}

fn webhook(job: &Job, id: &str, body: &'static str) -> Arrival {
    let callback = Callback { job: Some(job.id.clone()), token: Some(job.token.reveal().to_owned()) };
    let webhook = WebhookFacts {
        user_id: Some(user("us")),
        callback,
        headers: vec![("x-a".into(), "b".into())],
        body: Bytes::from_static(body.as_bytes()),
        body_sha256: body.to_owned(),
    };
    Arrival { request_id: request(id), result: Some(output()), webhook: Some(webhook) }
}
