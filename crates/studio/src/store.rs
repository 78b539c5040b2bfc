//! Where jobs and the webhooks about them are kept. Each method is one whole transaction; two adapters ship.
//!
//! The adapters decide nothing: they load, ask [`crate::job::transition::apply`] or [`crate::job::arrival::judge`], and
//! write what these return.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use plantain_inbox::store::StoreError;
use plantain_media::cutout::Stroke;
use plantain_wire::id::{RequestId, UserId};
use plantain_work::lane::Beat;

use crate::accounts::store::AccountStore;
use crate::bulk::store::BatchStore;
use crate::job::arrival::{Arrival, Arrived};
use crate::job::correction::{Corrected, Kept, Strokes};
use crate::job::key::{Allowance, Allowed, StudioKey};
use crate::job::transition::{JobEvent, Refused};
use crate::job::wish::{Became, Once, WishKey, Wished};
use crate::job::{Fence, Job, JobId, JobResult, JobState, Owner};
use crate::messages::store::MessageStore;
use crate::messages::whatsapp::store::WhatsappStore;
use crate::spending::{Period, Spending};

/// Invariant of every writing method: when it returns `Ok`, the change is durable. What is learnt again anyway need only survive
/// the process: claims, a change of which [`JobEvent::is_learnt_again`] holds, and a batch's items that become jobs or are handed
/// back. Nobody outside may be told of such a one before a durable change followed.
#[async_trait]
pub trait StudioStore: BatchStore + MessageStore + WhatsappStore + AccountStore {
    async fn insert(&self, job: &Job) -> Result<(), StoreError>;

    /// Keeps the job if its cost fits into what its owner may spend; two at once never spend the same money.
    async fn insert_allowed(&self, job: &Job, allowance: &Allowance) -> Result<Allowed, StoreError>;

    /// All keys, revoked ones too, newest first.
    async fn keys(&self) -> Result<Vec<StudioKey>, StoreError>;

    async fn add_key(&self, key: &StudioKey) -> Result<(), StoreError>;

    /// False where there is none. One that was revoked stays so since the first time.
    async fn revoke_key(&self, id: &str, now: Timestamp) -> Result<bool, StoreError>;

    /// Keeps a job and the key of its wish in one commit, unless a wish with this key has become a job since `since`. What is
    /// older may be forgotten. Where there is an allowance, the job's cost has to fit into it.
    async fn insert_once(
        &self,
        job: &Job,
        wished: &Wished,
        since: Timestamp,
        allowance: Option<&Allowance>,
    ) -> Result<Once, StoreError>;

    /// What the wish with this key has become since `since`.
    async fn became(&self, key: &WishKey, since: Timestamp) -> Result<Option<Became>, StoreError>;

    /// `None`: unknown. Not found is not an error.
    async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError>;

    /// Whose the job is; `None`: nobody's, or unknown.
    async fn owner(&self, id: &JobId) -> Result<Option<Owner>, StoreError>;

    /// Newest first, at most `filter.limit`.
    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, StoreError>;

    /// Takes at most `count` jobs whose work is owed ([`Job::is_owed`]) under leases that last `lease`: results before
    /// requests before submits, earlier due first. Each gets the next epoch.
    async fn claim(&self, count: usize, lease: Duration, now: Timestamp) -> Result<Claimed, StoreError>;

    /// Prolongs a lease that is still held.
    async fn heartbeat(&self, fence: &Fence, until: Timestamp) -> Result<Beat, StoreError>;

    /// Lets an event happen to a job. What its end owes others is kept in the same commit.
    async fn apply(&self, id: &JobId, event: &JobEvent, now: Timestamp) -> Result<Applied, StoreError>;

    /// A result came: the webhook's event, the job and the account that is believed, in one commit.
    async fn result_arrived(&self, arrival: &Arrival, now: Timestamp) -> Result<Arrived, StoreError>;

    /// The model's answer; `None` where none has come.
    async fn result(&self, id: &JobId) -> Result<Option<JobResult>, StoreError>;

    /// The strokes on a job's cut-out; none of revision 0 where nobody has drawn any.
    async fn strokes(&self, id: &JobId) -> Result<Strokes, StoreError>;

    /// Keeps strokes in place of those whose revision is `seen` ([`Strokes::replaced`]).
    async fn keep_strokes(&self, id: &JobId, seen: u64, strokes: &[Stroke]) -> Result<Kept, StoreError>;

    /// Keeps pictures that were made of the newest strokes, in place of corrected ones of an earlier revision
    /// ([`Strokes::allow`]); those of the same revision stay, since their addresses are known.
    async fn keep_corrected(&self, id: &JobId, corrected: &Corrected, now: Timestamp) -> Result<Kept, StoreError>;

    /// Notes which picture the seller uses, or that none is, and what that owes others; `None` where there is no such job or
    /// picture.
    async fn choose(&self, id: &JobId, chosen: Option<usize>, now: Timestamp) -> Result<Option<Job>, StoreError>;

    /// Forgets a job that has ended, with its result, its webhooks and its strokes. Its bytes are garbage from then on, those
    /// that another job refers to excepted.
    async fn forget(&self, id: &JobId, now: Timestamp) -> Result<Forgotten, StoreError>;

    /// How much is kept for a seller, or for all.
    async fn kept(&self, owner: Option<&Owner>) -> Result<Holdings, StoreError>;

    /// What the jobs of a period came to, an owner's or everybody's: a line for each day, payer and endpoint, the newest day first,
    /// at most `count` lines.
    async fn spending(&self, owner: Option<&Owner>, period: &Period, count: usize)
    -> Result<Vec<Spending>, StoreError>;

    /// Notes when keys were last used; unknown ones are passed over.
    async fn note_key_uses(&self, uses: &[(String, Timestamp)]) -> Result<(), StoreError>;

    /// Somebody is about to keep these bytes and to refer to them: they are no older garbage than `now`. False where some of
    /// them are being removed.
    async fn touch(&self, blobs: &[String], now: Timestamp) -> Result<bool, StoreError>;

    /// Takes those bytes for garbage that nobody refers to.
    async fn suspect(&self, blobs: &[String], now: Timestamp) -> Result<(), StoreError>;

    /// Garbage that has been so since `before` and that nobody refers to: at most `count` of it may be removed from now on, and
    /// no job can refer to it until [`StudioStore::removed`]. What was doomed before that and not removed comes again.
    async fn doom(&self, count: usize, before: Timestamp, now: Timestamp) -> Result<Vec<String>, StoreError>;

    /// Doomed bytes are gone.
    async fn removed(&self, blob: &str) -> Result<(), StoreError>;

    /// The account whose webhooks are believed, once one is known.
    async fn account(&self) -> Result<Option<UserId>, StoreError>;

    /// The webhooks about a request that were accepted, oldest first.
    async fn events(&self, request: &RequestId) -> Result<Vec<WebhookEvent>, StoreError>;
}

/// Which jobs to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFilter {
    /// Only these; `None` for all.
    pub ids: Option<Vec<JobId>>,
    /// Only those made before this one: the last of the previous page.
    pub before: Option<JobId>,
    /// Only theirs; not asked of jobs by id.
    pub owner: Option<Owner>,
    pub state: Option<JobState>,
    /// Only those that have this in their names, number, words or preset ([`Job::search_text`]), or as their id.
    pub text: Option<String>,
    /// At most [`JOBS_A_PAGE_MAX`].
    pub limit: usize,
}

/// The longest page of jobs, and the most ids of a filter.
pub const JOBS_A_PAGE_MAX: usize = 200;

impl Default for JobFilter {
    fn default() -> JobFilter {
        JobFilter { ids: None, before: None, owner: None, state: None, text: None, limit: 50 }
    }
}

/// What became of a job that was to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    Gone,
    /// It has not ended.
    Open,
    NotFound,
}

/// What is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    pub jobs: u64,
    /// Of photos, pictures and what belongs to them.
    pub bytes: u64,
}

/// Jobs under lease, and when the next one will be due.
#[derive(Debug, Default)]
pub struct Claimed {
    pub jobs: Vec<Job>,
    pub next_due: Option<Timestamp>,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    Changed(Box<Job>),
    Refused(Refused),
    NotFound,
}

/// A webhook that was accepted. Repetitions with the same body are counted, not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEvent {
    pub request_id: RequestId,
    pub job_id: JobId,
    /// The word of [`crate::job::arrival::EventState`].
    pub state: String,
    pub headers: Vec<(String, String)>,
    pub body: bytes::Bytes,
    pub body_sha256: String,
    pub received_at: Timestamp,
    /// How often the same body came.
    pub times: u64,
    pub last_at: Timestamp,
}
