//! Results, their events, and what is refused.

use bytes::Bytes;
use futures_util::future::join_all;

use plantain_inbox::store::RejectedEvent;
use plantain_store::studio::StudioStores;
use plantain_studio::job::arrival::{Arrival, Arrived, NotOurs};
use plantain_studio::job::{Ended, Job, JobResult, Phase, ResultSource};

use super::{followed, job, later, leaving, now, output, request, user, webhook};

pub async fn a_result_its_event_and_its_account_are_one_commit(stores: &StudioStores) {
    let job = followed(stores, "r1").await;
    assert_eq!(stores.jobs.account().await.unwrap(), None);
    let arrived = stores.jobs.result_arrived(&webhook(&job, "r1", "body"), later(1)).await.unwrap();
    assert_eq!(arrived, Arrived::Applied(job.id.clone()));
    let kept = stores.jobs.job(&job.id).await.unwrap().unwrap();
    assert_eq!((kept.phase, kept.epoch, kept.result_at, kept.due_at), (Phase::Save, 2, Some(later(1)), later(1)));
    assert_eq!(stores.jobs.result(&job.id).await.unwrap(), Some(output()));
    assert_eq!(stores.jobs.account().await.unwrap(), Some(user("us")));
    let event = stores.jobs.events(&request("r1")).await.unwrap().pop().unwrap();
    assert_eq!((event.state.as_str(), event.times, &event.body[..]), ("applied", 1, &b"body"[..]));
    assert_eq!((event.headers, event.job_id), (vec![("x-a".to_owned(), "b".to_owned())], job.id));
}

pub async fn a_webhook_before_the_submit_reply_is_bound_by_its_token(stores: &StudioStores) {
    let job = leaving(stores).await;
    let arrived = stores.jobs.result_arrived(&webhook(&job, "r1", "b"), now()).await.unwrap();
    assert_eq!(arrived, Arrived::Applied(job.id.clone()));
    let kept = stores.jobs.job(&job.id).await.unwrap().unwrap();
    assert_eq!((kept.request_id, kept.phase), (Some(request("r1")), Phase::Save));
}

pub async fn fifty_webhooks_at_once_are_applied_once(stores: &StudioStores) {
    let job = leaving(stores).await;
    let arrival = webhook(&job, "r1", "b");
    let all = join_all((0..50).map(|_| stores.jobs.result_arrived(&arrival, now()))).await;
    let applied = all.iter().filter(|arrived| matches!(arrived, Ok(Arrived::Applied(_)))).count();
    let duplicate = all.iter().filter(|arrived| matches!(arrived, Ok(Arrived::Duplicate(_)))).count();
    assert_eq!((applied, duplicate), (1, 49), "{all:?}");
    let events = stores.jobs.events(&request("r1")).await.unwrap();
    assert_eq!((events.len(), events[0].times, events[0].state.as_str()), (1, 50, "applied"));
}

pub async fn two_results_at_once_are_one_result(stores: &StudioStores) {
    let job = followed(stores, "r1").await;
    let error = Ended::Error { body: Some(Bytes::from_static(b"{}")), said: None };
    let reconciled = JobResult { source: ResultSource::Reconciler, ended: error };
    let asked = Arrival { request_id: request("r1"), result: Some(reconciled.clone()), webhook: None };
    let sent = webhook(&job, "r1", "b");
    let (first, second) =
        tokio::join!(stores.jobs.result_arrived(&asked, now()), stores.jobs.result_arrived(&sent, now()));
    let by_asking = matches!(first.unwrap(), Arrived::Applied(_));
    assert_eq!(matches!(second.unwrap(), Arrived::Applied(_)), !by_asking);
    let expected = if by_asking { reconciled } else { output() };
    assert_eq!(stores.jobs.result(&job.id).await.unwrap(), Some(expected));
}

/// Whatever of it shares a commit.
pub async fn many_results_at_once_are_each_judged_by_itself(stores: &StudioStores) {
    const JOBS: u64 = 24;
    let mut jobs = Vec::new();
    for number in 0..JOBS {
        let id = format!("r{number}");
        let job =
            Job { phase: Phase::Follow, request_id: Some(request(&id)), submit_started_at: Some(now()), ..job(number) };
        stores.jobs.insert(&job).await.unwrap();
        jobs.push((id, job));
    }
    stores.jobs.result_arrived(&webhook(&jobs[0].1, "r0", "b"), now()).await.unwrap();
    let (jobs, taken) = (&jobs[1..], &jobs[0]);
    let nobody = webhook(&job(99), "nobody", "b");
    let misdirected = webhook(&taken.1, &jobs[0].0, "b");
    let mut foreign = webhook(&jobs[1].1, &jobs[1].0, "foreign");
    foreign.webhook.as_mut().unwrap().user_id = Some(user("them"));
    let noted = Arrival { result: None, ..webhook(&jobs[2].1, &jobs[2].0, "noted") };
    let wrong = [nobody, misdirected, foreign, noted];
    let right: Vec<Arrival> = jobs.iter().map(|(id, job)| webhook(job, id, "b")).collect();
    // Each right one comes three times.
    let all = wrong.iter().chain(&right).chain(&right).chain(&right);
    let arrived = join_all(all.map(|arrival| stores.jobs.result_arrived(arrival, later(1)))).await;
    let arrived: Vec<Arrived> = arrived.into_iter().map(Result::unwrap).collect();
    assert_eq!(arrived[0], Arrived::UnknownRequest);
    assert_eq!(arrived[1], Arrived::NotOurs(NotOurs::OtherJob));
    assert_eq!(arrived[2], Arrived::NotOurs(NotOurs::OtherAccount));
    assert!(matches!(&arrived[3], Arrived::Noted(id) | Arrived::Duplicate(id) if *id == jobs[2].1.id));
    for (id, job) in jobs {
        let of = |arrived: &&Arrived| matches!(arrived, Arrived::Applied(id) if *id == job.id);
        assert_eq!(arrived.iter().filter(of).count(), 1, "{id}");
        let kept = stores.jobs.job(&job.id).await.unwrap().unwrap();
        assert_eq!((kept.phase, kept.epoch, kept.result_at), (Phase::Save, job.epoch + 1, Some(later(1))), "{id}");
        assert_eq!((kept.spec, kept.created_at, kept.token), (job.spec.clone(), job.created_at, job.token.clone()));
        assert_eq!(stores.jobs.result(&job.id).await.unwrap(), Some(output()));
        let events = stores.jobs.events(&request(id)).await.unwrap();
        let times: Vec<u64> = events.iter().filter(|event| event.body_sha256 == "b").map(|event| event.times).collect();
        assert_eq!(times, [3], "{id}: {events:?}");
    }
    assert_eq!(stores.jobs.events(&request("nobody")).await.unwrap(), []);
}

pub async fn words_with_a_zero_byte_do_not_keep_a_result_out(stores: &StudioStores) {
    let job = followed(stores, "r1").await;
    let ended = Ended::Error { body: None, said: Some("a\0b".into()) };
    let result = JobResult { source: ResultSource::Webhook, ended };
    let arrival = Arrival { result: Some(result), ..webhook(&job, "r1", "b") };
    let arrived = stores.jobs.result_arrived(&arrival, now()).await.unwrap();
    assert_eq!(arrived, Arrived::Applied(job.id.clone()));
    let kept = stores.jobs.result(&job.id).await.unwrap().unwrap();
    let Ended::Error { said: Some(said), .. } = kept.ended else { panic!("{kept:?}") };
    assert!(["a\0b", "a\u{FFFD}b"].contains(&said.as_str()), "{said:?}");
}

pub async fn a_result_for_nobody_leaves_nothing_behind(stores: &StudioStores) {
    let job = followed(stores, "r1").await;
    let stranger = webhook(&job, "r2", "b");
    let arrived = stores.jobs.result_arrived(&stranger, now()).await.unwrap();
    assert_eq!(arrived, Arrived::NotOurs(NotOurs::OtherJob));
    let nobody = Arrival { webhook: None, ..stranger };
    assert_eq!(stores.jobs.result_arrived(&nobody, now()).await.unwrap(), Arrived::UnknownRequest);
    assert_eq!(stores.jobs.job(&job.id).await.unwrap(), Some(job));
    assert_eq!(stores.jobs.events(&request("r2")).await.unwrap(), []);
    assert_eq!(stores.jobs.account().await.unwrap(), None);
}

pub async fn another_account_is_refused_once_one_is_believed(stores: &StudioStores) {
    let first = followed(stores, "r1").await;
    stores.jobs.result_arrived(&webhook(&first, "r1", "b"), now()).await.unwrap();
    let second = followed(stores, "r2").await;
    let mut arrival = webhook(&second, "r2", "b");
    arrival.webhook.as_mut().unwrap().user_id = Some(user("them"));
    let arrived = stores.jobs.result_arrived(&arrival, now()).await.unwrap();
    assert_eq!(arrived, Arrived::NotOurs(NotOurs::OtherAccount));
    assert_eq!(stores.jobs.account().await.unwrap(), Some(user("us")));
}

pub async fn refused_webhooks_are_kept_up_to_a_limit(stores: &StudioStores) {
    let event = |number: u64| RejectedEvent {
        received_at: later(number),
        code: format!("code_{number}"),
        explanation: "Because.".into(),
        headers: vec![("a".into(), "\u{fffd}".into())],
        body: Bytes::from_static(b"\x00\xff"),
        body_bytes: number,
    };
    for number in 0..8 {
        stores.inbox.record_rejected(&event(number), 5).await.unwrap();
    }
    let kept = stores.inbox.recent_rejected(100).await.unwrap();
    assert_eq!(kept, [event(7), event(6), event(5), event(4), event(3)]);
    assert_eq!(stores.inbox.recent_rejected(1).await.unwrap(), [event(7)]);
    let first = stores.inbox.rejected_before(None, 3).await.unwrap();
    let second = stores.inbox.rejected_before(Some(first[2].0), 3).await.unwrap();
    let told: Vec<RejectedEvent> = first.into_iter().chain(second.clone()).map(|(_, event)| event).collect();
    assert_eq!(told, kept, "page by page");
    assert_eq!(stores.inbox.rejected_before(Some(second[1].0), 3).await.unwrap(), []);
}
