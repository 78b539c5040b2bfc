//! What is known of requests beyond their status: how they came, how they ended, what was tried, how they are listed.
//!
//! A request that has ended never changes; trying it again makes a new request that names the old one.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::ErrorType;
use plantain_wire::id::{GatewayRequestId, RequestId, UserId};
use plantain_wire::options::{Labels, Payloads, RequestOptions};
use plantain_wire::status::LogEntry;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::{Caller, Lease, Outcome, Settled};
use crate::store::StoreError;

/// How a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Submitted; it waited for its turn.
    Queue,
    /// Answered on the caller's own connection; it is on record only.
    Run,
}

impl Origin {
    pub fn as_str(self) -> &'static str {
        match self {
            Origin::Queue => "queue",
            Origin::Run => "run",
        }
    }

    pub fn parse(word: &str) -> Option<Origin> {
        [Origin::Queue, Origin::Run].into_iter().find(|known| known.as_str() == word)
    }
}

/// How long the JSON of a request is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// As long as the request.
    Keep,
    /// Until the result was delivered, or for a short while.
    Drop,
    /// As [`Payload::Drop`], for the output alone.
    DropOutput,
    /// It is gone.
    Dropped,
}

impl Payload {
    const ALL: [Payload; 4] = [Payload::Keep, Payload::Drop, Payload::DropOutput, Payload::Dropped];

    /// What is to become of a new request's JSON. An output that was asked for as data within the answer (`sync_mode`) is not
    /// for the history.
    pub fn of(options: &RequestOptions, input: &[u8]) -> Payload {
        #[derive(Deserialize)]
        struct Asked<'a> {
            #[serde(borrow)]
            sync_mode: Option<&'a RawValue>,
        }
        let asked = || serde_json::from_slice::<Asked<'_>>(input).ok()?.sync_mode;
        match options.payloads {
            Payloads::Drop => Payload::Drop,
            Payloads::Keep if asked().is_some_and(|value| value.get() == "true") => Payload::DropOutput,
            Payloads::Keep => Payload::Keep,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Payload::Keep => "keep",
            Payload::Drop => "drop",
            Payload::DropOutput => "drop_output",
            Payload::Dropped => "dropped",
        }
    }

    pub fn parse(word: &str) -> Option<Payload> {
        Payload::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// How a request ended, in one word, for lists and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    Succeeded,
    /// The model refused the input: an answer from 400 to 499.
    Refused,
    /// The model or the infrastructure failed.
    Failed,
    /// Its caller wanted it no more.
    Cancelled,
}

impl Ending {
    pub const ALL: [Ending; 4] = [Ending::Succeeded, Ending::Refused, Ending::Failed, Ending::Cancelled];

    pub fn of(outcome: &Outcome) -> Ending {
        match outcome {
            Outcome::Answered { http_status: ..=399, .. } => Ending::Succeeded,
            Outcome::Answered { http_status: 400..=499, .. } => Ending::Refused,
            Outcome::Answered { .. } => Ending::Failed,
            Outcome::Failed { error_type: ErrorType::ClientCancelled | ErrorType::ClientDisconnected, .. } => {
                Ending::Cancelled
            }
            Outcome::Failed { .. } => Ending::Failed,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Ending::Succeeded => "succeeded",
            Ending::Refused => "refused",
            Ending::Failed => "failed",
            Ending::Cancelled => "cancelled",
        }
    }

    pub fn parse(word: &str) -> Option<Ending> {
        Ending::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// One run of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    pub gateway_request_id: GatewayRequestId,
    /// `None` where it began under a version that did not say.
    pub started_at: Option<Timestamp>,
    /// `None` while it runs.
    pub ended_at: Option<Timestamp>,
    pub how: AttemptHow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptHow {
    Running,
    /// With this status.
    Answered(u16),
    Failed(ErrorType),
    /// The process that ran it was stopped; it counts for nothing.
    HandedBack,
    /// Nothing more was heard of who ran it.
    Lapsed,
}

/// Where a request stands, as lists are filtered and counted by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    Waiting,
    Running,
    Ended(Ending),
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Waiting => "waiting",
            Stage::Running => "running",
            Stage::Ended(ending) => ending.as_str(),
        }
    }

    pub fn parse(word: &str) -> Option<Stage> {
        match word {
            "waiting" => Some(Stage::Waiting),
            "running" => Some(Stage::Running),
            word => Ending::parse(word).map(Stage::Ended),
        }
    }
}

/// A run on the caller's own connection that is over.
#[derive(Clone, Debug)]
pub struct FinishedRun {
    pub id: RequestId,
    pub endpoint: EndpointId,
    pub caller: Caller,
    pub input: Bytes,
    pub options: RequestOptions,
    pub started_at: Timestamp,
    pub finished_at: Timestamp,
    pub outcome: Outcome,
    pub logs: Vec<LogEntry>,
}

/// How long an output that is not for the history can be fetched where no webhook was asked for: fal's own time.
pub const DROPPED_AFTER: Duration = Duration::from_secs(60 * 60);

/// As [`DROPPED_AFTER`], where a webhook carries it: fal's shorter time, so that who polls as well still finds it.
pub const DELIVERED_DROPPED_AFTER: Duration = Duration::from_secs(6 * 60);

/// How long a payload waits on for a webhook that is not delivered yet, before it is looked at again.
pub const DROP_POSTPONED: Duration = Duration::from_secs(5 * 60);

/// Requests that are looked at for one page. Where few of them match, the page is short and the next one goes on.
pub const PAGE_LOOK_MAX: usize = 5_000;

/// Entries of one page of a list at most.
pub const PAGE_MAX: usize = 200;

/// Which requests to list, newest first. What is left out doesn't matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub stage: Option<Stage>,
    pub user_id: Option<UserId>,
    pub key_id: Option<String>,
    /// With its path, or without: then all paths of the app.
    pub endpoint: Option<EndpointId>,
    /// A label that it has, key and value.
    pub label: Option<(String, String)>,
    /// Created then or later.
    pub from: Option<Timestamp>,
    /// Created before then.
    pub to: Option<Timestamp>,
    pub before: Option<Cursor>,
    /// At most [`PAGE_MAX`].
    pub limit: usize,
}

/// Where the next page begins. Only to be handed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub i64);

/// Some of the requests that were asked for. A page may be short, even empty, and still have a next one: how much is looked
/// at for one page is bounded.
#[derive(Clone, Debug)]
pub struct Page {
    pub requests: Vec<Summary>,
    /// `None`: there are no more.
    pub next: Option<Cursor>,
}

/// A request in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub id: RequestId,
    pub endpoint: EndpointId,
    pub caller: Caller,
    pub stage: Stage,
    pub origin: Origin,
    pub attempts: u32,
    pub failures: u32,
    pub labels: Labels,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub retry_of: Option<RequestId>,
}

/// How many requests there are. Counting stops at [`COUNT_MAX`]: of those that wait, that run, and that have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub waiting: u64,
    pub running: u64,
    /// Of those that ended within the time that was asked for.
    pub succeeded: u64,
    pub refused: u64,
    pub failed: u64,
    pub cancelled: u64,
}

/// How far is counted: a number that a person no longer tells from a larger one.
pub const COUNT_MAX: u64 = 100_000;

/// What the store knows beside the queue itself.
#[async_trait]
pub trait HistoryStore: Send + Sync {
    /// All attempts of a request, the first one first; none for an unknown one.
    async fn attempts(&self, id: &RequestId) -> Result<Vec<Attempt>, StoreError>;

    /// The JSON that was submitted. `None`: the request is unknown, or its input is not kept.
    async fn input(&self, id: &RequestId) -> Result<Option<Bytes>, StoreError>;

    /// One page of requests, newest first. What it costs does not depend on how many there are.
    async fn list(&self, filter: &Filter) -> Result<Page, StoreError>;

    /// How many wait, run, and have ended since then.
    async fn counts(&self, since: Timestamp) -> Result<Counts, StoreError>;

    /// Puts a run that is over on record. Nothing is owed for it, so it need only survive the process.
    async fn record(&self, run: FinishedRun) -> Result<(), StoreError>;

    /// Replaces what an attempt leaves for the next one; nothing where the lease is lost. Durable when it returns.
    async fn remember(&self, lease: &Lease, note: &str) -> Result<Settled, StoreError>;

    /// Empties input and output of at most `count` requests whose time for that has come, and says how many it looked at. What
    /// is still owed to a webhook waits.
    async fn drop_payloads(&self, count: usize, now: Timestamp) -> Result<usize, StoreError>;

    /// Forgets at most `count` requests that ended then or earlier, with everything that belongs to them, and says how many
    /// these were. What is still owed to a webhook waits.
    async fn forget(&self, count: usize, ended_by: Timestamp) -> Result<usize, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::AnswerHeaders;

    #[test]
    fn what_is_not_for_the_history_is_known_from_the_start() {
        let keep = RequestOptions::default();
        let drop = RequestOptions { payloads: Payloads::Drop, ..RequestOptions::default() };
        for (options, input, expected) in [
            (&keep, "{}", Payload::Keep),
            (&keep, r#"{"sync_mode":false}"#, Payload::Keep),
            (&keep, r#"{"sync_mode":"true"}"#, Payload::Keep),
            (&keep, r#"{"x":{"sync_mode":true}}"#, Payload::Keep),
            (&keep, "[]", Payload::Keep),
            (&keep, r#"{"prompt":"a","sync_mode": true}"#, Payload::DropOutput),
            (&drop, r#"{"sync_mode": true}"#, Payload::Drop),
            (&drop, "[]", Payload::Drop),
        ] {
            assert_eq!(Payload::of(options, input.as_bytes()), expected, "{input}");
        }
    }

    #[test]
    fn every_outcome_has_its_word() {
        let answered = |http_status| {
            let (headers, inference) = (AnswerHeaders::default(), Duration::ZERO);
            Outcome::Answered { http_status, body: "{}".into(), headers, inference }
        };
        let failed = |error_type| Outcome::Failed { error_type, detail: String::new() };
        for (outcome, expected) in [
            (answered(200), Ending::Succeeded),
            (answered(302), Ending::Succeeded),
            (answered(422), Ending::Refused),
            (answered(500), Ending::Failed),
            (answered(799), Ending::Failed),
            (failed(ErrorType::RunnerDisconnected), Ending::Failed),
            (failed(ErrorType::RequestTimeout), Ending::Failed),
            (failed(ErrorType::ClientCancelled), Ending::Cancelled),
            (failed(ErrorType::ClientDisconnected), Ending::Cancelled),
        ] {
            assert_eq!(Ending::of(&outcome), expected, "{outcome:?}");
        }
    }

    #[test]
    fn words_are_read_back() {
        let stages = [Stage::Waiting, Stage::Running].into_iter().chain(Ending::ALL.map(Stage::Ended));
        for stage in stages {
            assert_eq!(Stage::parse(stage.as_str()), Some(stage));
        }
        for payload in Payload::ALL {
            assert_eq!(Payload::parse(payload.as_str()), Some(payload));
        }
        assert_eq!(Origin::parse("run"), Some(Origin::Run));
        assert_eq!((Stage::parse("FAILED"), Payload::parse(""), Origin::parse("x")), (None, None, None));
    }
}
