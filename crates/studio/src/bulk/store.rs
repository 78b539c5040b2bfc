//! Where batches are kept. Each method is one whole transaction; the studio's two adapters have both.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use plantain_inbox::store::StoreError;

use crate::bulk::batch::{Batch, BatchId, Counts, Item, ItemState, LeftBatch, Steer};
use crate::job::key::{Allowance, Allowed};
use crate::job::wish::{Became, Wished};
use crate::job::{Job, JobError, JobId, Owner};

/// The longest page of items.
pub const ITEMS_A_PAGE_MAX: usize = 500;

/// Invariant of every writing method: when it returns `Ok`, the change is durable.
#[async_trait]
pub trait BatchStore: Send + Sync + 'static {
    /// Keeps a batch with all its items, and the bytes that they refer to.
    async fn insert_batch(&self, batch: &Batch, items: &[Item]) -> Result<(), StoreError>;

    /// [`BatchStore::insert_batch`] with the key of its wish in one commit, unless a wish with this key has become something since
    /// `since`: then that is told, and nothing is kept. What is older may be forgotten.
    async fn insert_batch_once(
        &self,
        batch: &Batch,
        items: &[Item],
        wished: &Wished,
        since: Timestamp,
    ) -> Result<Option<Became>, StoreError>;

    /// `None`: unknown.
    async fn batch(&self, id: &BatchId) -> Result<Option<(Batch, Counts)>, StoreError>;

    /// How many of a batch's failed items [`Steer::Retry`] would try again: those whose job failed and whose bytes are kept.
    async fn retryable(&self, id: &BatchId) -> Result<u64, StoreError>;

    /// Newest first, at most `filter.limit`. What can't be read is left out.
    async fn batches(&self, filter: &BatchFilter) -> Result<Vec<Batch>, StoreError>;

    /// In their order.
    async fn items(&self, id: &BatchId, filter: &ItemFilter) -> Result<Vec<Item>, StoreError>;

    /// Notes which jobs have ended and which batches are done, or canceled with nothing that runs any more, which owes messages;
    /// then takes at most `count` waiting items of open batches under leases, so that no batch has more than `open` jobs at once
    /// and the one with the fewest goes first. A batch or an item that can't be read ends, and the others go on.
    async fn claim_items(
        &self,
        count: usize,
        open: usize,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<(Batch, Item)>, StoreError>;

    /// Lets the lease of a waiting item end, whose holder makes no job of it.
    async fn hand_back_item(&self, id: &BatchId, number: u32) -> Result<(), StoreError>;

    /// A waiting item gets its job, and the job begins, in one commit; false where the item waits no more, and then there is
    /// no job either. The job is whose the batch is by then. The item's photo is from then on the job's, which may have kept it in another form.
    async fn begin_item(&self, id: &BatchId, number: u32, job: &Job) -> Result<bool, StoreError>;

    /// The same where the job's cost has to fit into what its owner may spend; `None` where the item waits no more. Two items, or
    /// an item and a job, never spend the same money.
    async fn begin_item_allowed(
        &self,
        id: &BatchId,
        number: u32,
        job: &Job,
        allowance: &Allowance,
    ) -> Result<Option<Allowed>, StoreError>;

    /// A waiting item is not claimed before `until`, for this reason, which it is told with. False where it waits no more.
    async fn hold_item(
        &self,
        id: &BatchId,
        number: u32,
        reason: &JobError,
        until: Timestamp,
    ) -> Result<bool, StoreError>;

    /// A waiting item can become no job.
    async fn fail_item(&self, id: &BatchId, number: u32, error: &JobError, now: Timestamp) -> Result<bool, StoreError>;

    /// Does what a seller wishes of a batch ([`crate::bulk::batch::BatchState::steered`]). Trying one again that is done, and of
    /// which nothing failed that could be, changes nothing. Canceling one of which nothing runs owes what its end owes.
    async fn steer(&self, id: &BatchId, wish: Steer, now: Timestamp) -> Result<Steered, StoreError>;

    /// Throws a batch away: from now on there is none, nothing of it begins, and nobody is told of its end. The addresses that
    /// were given with it are forgotten at once, with what was owed to them; jobs, items and bytes are left to be cleared. False
    /// where there is none.
    async fn discard_batch(&self, id: &BatchId, now: Timestamp) -> Result<bool, StoreError>;

    /// Batches that were thrown away, of which something is still kept, and whose turn it is: whoever waits longest first.
    async fn left_batches(&self, count: usize, now: Timestamp) -> Result<Vec<LeftBatch>, StoreError>;

    /// Jobs of a batch that was thrown away, those of items that were made again since among them.
    async fn jobs_left(&self, id: &BatchId, count: usize) -> Result<Vec<JobId>, StoreError>;

    /// It is a left batch's turn again at `at`, after so many failures in a row.
    async fn put_off_batch(&self, id: &BatchId, failures: u32, at: Timestamp) -> Result<(), StoreError>;

    /// Forgets at most `count` items of a batch that was thrown away and has no job any more, and with the last one the batch.
    /// True once nothing of it is kept.
    async fn clear_batch(&self, id: &BatchId, count: usize) -> Result<bool, StoreError>;
}

/// Which batches to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchFilter {
    /// Only theirs.
    pub owner: Option<Owner>,
    /// Only those made before this one: the last of the previous page.
    pub before: Option<BatchId>,
    /// At most [`BATCHES_A_PAGE_MAX`].
    pub limit: usize,
}

/// The longest page of batches: each is counted for it.
pub const BATCHES_A_PAGE_MAX: usize = 100;

impl Default for BatchFilter {
    fn default() -> BatchFilter {
        BatchFilter { owner: None, before: None, limit: 50 }
    }
}

/// Which items of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemFilter {
    /// Only those after this number.
    pub after: u32,
    pub state: Option<ItemState>,
    /// At most [`ITEMS_A_PAGE_MAX`].
    pub limit: usize,
}

/// What became of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steered {
    Done,
    /// The batch had ended.
    TooLate,
    NotFound,
}
