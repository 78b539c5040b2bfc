//! What it means to be a queue store. Each function is one promise; each runs on a fresh SQLite file and on a fresh
//! Postgres schema.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use plantain_queue::model::{
    Caller, ClaimedRequest, DeliveryLease, HostLoad, Idempotency, Lease, NewDelivery, NewRequest, Next, Outcome,
    Priority, RequestView, Settled,
};
use plantain_queue::runner::AnswerHeaders;
use plantain_queue::store::{Enqueued, QueueStore};
use plantain_queue::turns::Turns;
use plantain_store::queue::open_queue;
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::options::RequestOptions;
use plantain_wire::status::{LogEntry, LogLevel};
use plantain_work::clock::after;

use crate::postgres::Fresh;

mod dead_letters;
mod deadlines;
mod deliveries;
mod fairness;
mod files;
mod history;
mod hosts;
mod keys;
mod leases;
mod requests;
mod retention;

/// A store and whatever has to live as long as it.
pub struct Bench {
    pub store: Arc<dyn QueueStore>,
    _home: Home,
}

enum Home {
    Folder { _folder: tempfile::TempDir },
    Schema { _schema: Fresh },
}

async fn sqlite() -> Option<Bench> {
    let folder = tempfile::tempdir().unwrap();
    let store = open_queue(folder.path().join("queue.db").to_str().unwrap()).await.unwrap();
    Some(Bench { store, _home: Home::Folder { _folder: folder } })
}

async fn postgres() -> Option<Bench> {
    let schema = Fresh::schema().await?;
    let store = open_queue(&schema.url()).await.unwrap();
    Some(Bench { store, _home: Home::Schema { _schema: schema } })
}

/// Runs every promise on both databases.
macro_rules! promises {
    ($($module:ident :: $promise:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $promise() {
                let bench = super::sqlite().await.unwrap();
                super::$module::$promise(&bench.store).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let Some(bench) = super::postgres().await else { return };
                super::$module::$promise(&bench.store).await;
            })*
        }
    };
}

promises! {
    requests::a_request_shows_what_was_submitted,
    requests::an_unknown_request_is_none,
    requests::the_answer_is_kept_byte_for_byte,
    requests::a_failure_is_kept_with_its_type,
    requests::fifty_submits_under_one_key_make_one_request,
    requests::a_key_belongs_to_its_account_and_its_content,
    requests::an_id_that_comes_twice_is_one_request,
    requests::older_requests_go_first_and_low_priority_behind_normal,
    requests::the_position_counts_who_waits_before_on_the_same_app,
    requests::a_waiting_request_is_cancelled_at_once_and_its_delivery_owed,
    requests::a_running_request_is_flagged_and_may_still_finish,
    requests::a_cancelled_request_whose_worker_died_comes_back_flagged,
    requests::a_completed_or_unknown_request_can_not_be_cancelled,
    fairness::two_keys_alternate,
    fairness::a_key_at_its_limit_never_blocks_another,
    fairness::a_key_may_have_a_limit_of_its_own,
    fairness::a_limit_holds_for_two_claimers_together,
    fairness::ten_thousand_of_one_key_do_not_hold_up_another,
    fairness::low_priority_is_not_starved,
    fairness::what_waits_on_an_app_is_listed_in_its_order,
    files::a_file_is_found_again,
    files::a_file_never_changes_whoever_puts_another_one,
    files::who_made_a_file_and_who_may_read_it_is_kept,
    files::a_part_that_comes_again_takes_the_place_of_the_first,
    files::parts_are_bounded_together_and_end_with_their_file,
    files::what_has_expired_is_forgotten_in_batches,
    files::an_address_that_may_still_be_used_stays_taken,
    files::bytes_go_when_the_last_reference_has_gone,
    files::a_reference_that_comes_in_time_keeps_the_bytes,
    files::no_reference_is_taken_to_bytes_that_are_being_removed,
    files::a_remover_that_died_is_followed_by_another,
    files::removing_and_referring_at_once_agree,
    leases::a_delayed_request_is_not_claimed_before_its_time,
    leases::each_attempt_has_its_own_number_and_gateway_id,
    leases::what_is_handed_back_costs_nothing_and_keeps_its_place,
    leases::two_claimers_never_get_the_same_request,
    leases::a_lease_that_ran_out_is_claimed_again_and_counts_as_a_failure,
    leases::a_stale_worker_settles_after_its_lease_ran_out_and_changes_nothing,
    leases::an_outcome_is_written_once_even_if_it_is_settled_twice,
    leases::a_heartbeat_keeps_a_lease_and_tells_of_a_cancel_or_a_loss,
    leases::logs_are_kept_in_order_over_all_attempts,
    leases::logs_of_a_lost_lease_are_dropped,
    leases::text_with_a_zero_byte_does_not_block_a_settle,
    deadlines::what_waits_past_its_start_deadline_is_taken_and_nothing_else,
    deadlines::two_claimers_never_end_the_same_request,
    deadlines::a_claimer_that_died_leaves_the_deadline_to_the_next,
    history::what_was_asked_for_in_headers_is_kept,
    history::a_queue_that_is_too_long_takes_nothing_in,
    history::what_a_model_says_beside_its_body_is_kept,
    history::failures_are_counted_by_their_condition,
    history::every_attempt_is_on_record,
    history::a_waiting_request_that_is_cancelled_keeps_its_attempts,
    retention::requests_are_listed_by_what_is_asked,
    retention::pages_follow_each_other_without_gaps,
    retention::payloads_that_are_not_for_the_history_go_once_they_are_delivered,
    retention::what_is_too_old_is_forgotten_with_everything_that_belongs_to_it,
    retention::a_run_is_on_record_once,
    retention::a_note_is_found_by_the_next_attempt_and_nobody_else_writes_it,
    keys::a_key_is_found_as_it_was_added,
    keys::an_id_is_given_out_once,
    keys::a_revoked_key_stays_with_the_time_of_its_end,
    keys::of_changes_of_one_key_at_once_none_is_lost,
    keys::a_revoked_or_unknown_key_is_not_changed,
    deliveries::a_finish_and_its_delivery_are_one_commit,
    deliveries::a_finish_whose_delivery_can_not_be_stored_leaves_neither,
    deliveries::a_delivery_is_claimed_once_until_its_lease_runs_out,
    deliveries::every_attempt_is_recorded_until_the_delivery_ends,
    deliveries::a_stale_attempt_changes_nothing,
    deliveries::a_host_that_hangs_can_not_take_every_slot,
    deliveries::two_claimers_never_get_the_same_delivery,
    hosts::a_broken_host_is_stepped_over_and_then_tried_once,
    hosts::a_quick_host_is_found_behind_a_long_line_of_others_in_every_claim,
    hosts::what_is_held_back_for_too_long_is_given_up_with_the_reason,
    hosts::what_is_handed_back_costs_nothing_of_the_schedule_and_faults_are_kept,
    hosts::a_delivery_comes_with_what_its_key_wants_at_that_moment,
    dead_letters::a_dead_delivery_begins_anew_and_keeps_its_attempts,
    dead_letters::what_is_owed_or_unknown_is_not_redelivered,
    dead_letters::a_recovery_is_paced_and_bounded_by_host_and_time,
    dead_letters::a_recovery_larger_than_a_batch_takes_everything_once,
    dead_letters::deliveries_are_listed_by_what_is_asked,
}

/// Turns that nobody has had, and more room than any of these needs.
pub fn turns() -> Turns {
    Turns::new(1_000)
}

/// How long leases last here.
pub const LEASE: Duration = Duration::from_secs(30);

pub const DELIVERY_LEASE: DeliveryLease = DeliveryLease { first: LEASE, later: Duration::from_secs(120) };

/// The time at which everything begins.
pub fn start() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

pub fn later(seconds: u64) -> Timestamp {
    after(start(), Duration::from_secs(seconds))
}

pub fn id(text: &str) -> RequestId {
    RequestId::parse(text).unwrap()
}

pub fn user(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

pub fn new_request(request: &str) -> NewRequest {
    NewRequest {
        id: id(request),
        endpoint: "fal-ai/nano-banana/edit".parse().unwrap(),
        caller: Caller { user_id: user("user_1"), key_id: "key_1".into() },
        input: Bytes::from_static(br#"{"prompt": "a chair"}"#),
        webhook: None,
        priority: Priority::Normal,
        start_by: None,
        idempotency: None,
        options: RequestOptions::default(),
        max_queue_length: None,
        retry_of: None,
        created_at: start(),
    }
}

pub fn starting_by(request: &str, seconds: u64) -> NewRequest {
    NewRequest { start_by: Some(later(seconds)), ..new_request(request) }
}

pub fn under_key(request: &str, key: &str, content: u8) -> NewRequest {
    let idempotency = Some(Idempotency { key: key.into(), fingerprint: [content; 32] });
    NewRequest { idempotency, ..new_request(request) }
}

pub fn delivery(delivery: &str, request: &str, target: &str) -> NewDelivery {
    NewDelivery {
        id: delivery.into(),
        request_id: id(request),
        user_id: user("user_1"),
        target: target.parse().unwrap(),
        body: Bytes::from_static(b"{\"status\": \"OK\"}"),
        due_at: start(),
    }
}

pub fn answered(body: &'static str) -> Outcome {
    Outcome::Answered {
        http_status: 200,
        body: Bytes::from_static(body.as_bytes()),
        headers: AnswerHeaders::default(),
        inference: Duration::from_millis(3420),
    }
}

pub fn finish(outcome: Outcome) -> Next {
    Next::Finish { outcome, deliveries: Vec::new() }
}

pub fn line(message: &str) -> LogEntry {
    LogEntry::new(message, LogLevel::Info, start())
}

pub async fn submit(store: &Arc<dyn QueueStore>, request: &str) {
    let enqueued = store.enqueue(new_request(request)).await.unwrap();
    assert!(matches!(enqueued, Enqueued::New), "{enqueued:?}");
}

pub async fn claim(store: &Arc<dyn QueueStore>, count: usize, now: Timestamp) -> Vec<ClaimedRequest> {
    store.claim_requests(count, &turns(), LEASE, now).await.unwrap().tasks
}

/// The only request that can be claimed now.
#[track_caller]
pub fn only(mut claimed: Vec<ClaimedRequest>) -> ClaimedRequest {
    assert_eq!(claimed.len(), 1, "{claimed:?}");
    claimed.remove(0)
}

pub async fn claim_names(store: &Arc<dyn QueueStore>, count: usize, now: Timestamp) -> Vec<String> {
    claim(store, count, now).await.iter().map(|claimed| claimed.lease.request_id.to_string()).collect()
}

pub async fn settle(store: &Arc<dyn QueueStore>, lease: &Lease, next: Next) -> Settled {
    store.settle(lease, next, &[], later(5)).await.unwrap()
}

pub async fn view(store: &Arc<dyn QueueStore>, request: &str) -> RequestView {
    store.request(&id(request)).await.unwrap().expect(request)
}

pub async fn claim_deliveries(store: &Arc<dyn QueueStore>, count: usize, now: Timestamp) -> Vec<(String, u32)> {
    let claimed = store.claim_deliveries(count, HostLoad::new(100), DELIVERY_LEASE, now).await.unwrap();
    claimed.tasks.into_iter().map(|task| (task.delivery.id, task.attempt)).collect()
}
