//! A batch and its items, as kept. What may be done with a batch is decided here; pure.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::job::{JobError, JobId, Owner};
use crate::messages::letter::LetterTo;
use crate::messages::whatsapp::wish::WhatsappWish;

/// Names a batch: a UUID, like a job's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct BatchId(JobId);

impl BatchId {
    pub fn new(now: Timestamp) -> BatchId {
        BatchId(JobId::new(now))
    }

    /// `None` for anything but a UUID in its usual form.
    pub fn parse(text: &str) -> Option<BatchId> {
        JobId::parse(text).map(BatchId)
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was wanted of many photos at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub id: BatchId,
    pub owner: Option<Owner>,
    pub state: BatchState,
    /// For items that have none of their own.
    pub preset: String,
    pub prompt: Option<String>,
    pub num_images: u8,
    /// How many pieces each photo shows, where its line says nothing else.
    pub products: Option<u32>,
    /// Whom to tell by WhatsApp once all of it is through.
    pub whatsapp: Option<WhatsappWish>,
    /// The archive's, as the seller's computer called it.
    pub file_name: Option<String>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// Whom its maker wants to be told of its end by letter.
    pub notify: Option<LetterTo>,
}

/// A batch that was thrown away, of which something is still kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftBatch {
    pub id: BatchId,
    /// How often in a row it could not be cleared.
    pub failures: u32,
}

/// A batch that never began: its archive or its list can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub owner: Option<Owner>,
    pub preset: String,
    pub file_name: Option<String>,
    pub notify: Option<LetterTo>,
    pub whatsapp: Option<WhatsappWish>,
    pub why: JobError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum BatchState {
    /// Its items become jobs, a few at a time.
    Open,
    /// What runs goes on; nothing new begins.
    Paused,
    Canceled,
    /// Nothing waits or runs any more.
    Done,
}

impl BatchState {
    pub const ALL: [BatchState; 4] = [BatchState::Open, BatchState::Paused, BatchState::Canceled, BatchState::Done];

    pub fn as_str(self) -> &'static str {
        match self {
            BatchState::Open => "OPEN",
            BatchState::Paused => "PAUSED",
            BatchState::Canceled => "CANCELED",
            BatchState::Done => "DONE",
        }
    }

    pub fn parse(word: &str) -> Option<BatchState> {
        BatchState::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// It changes no more by itself.
    pub fn is_over(self) -> bool {
        matches!(self, BatchState::Canceled | BatchState::Done)
    }

    /// The state after a wish that finds something to do; `None` where it comes too late.
    pub fn steered(self, wish: Steer) -> Option<BatchState> {
        match (self, wish) {
            (BatchState::Canceled, Steer::Cancel) => Some(BatchState::Canceled),
            (BatchState::Canceled, _) | (BatchState::Done, Steer::Pause | Steer::Resume | Steer::Cancel) => None,
            (_, Steer::Pause) => Some(BatchState::Paused),
            (_, Steer::Resume | Steer::Retry) => Some(BatchState::Open),
            (_, Steer::Cancel) => Some(BatchState::Canceled),
        }
    }
}

/// What a seller may wish of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steer {
    Pause,
    Resume,
    /// Jobs that failed are made again; where none has, nothing changes.
    Retry,
    /// What waits is given up, and jobs are asked to end.
    Cancel,
}

/// One photo of a batch, for one preset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// From 1, in the order of the archive.
    pub number: u32,
    /// Its path in the archive.
    pub name: String,
    pub sku: Option<String>,
    /// `None`: the batch's.
    pub preset: Option<String>,
    pub prompt: Option<String>,
    /// How many pieces it shows; `None`: what the batch says.
    pub products: Option<u32>,
    /// Where the photo is kept; `None` where there is none.
    pub blob: Option<String>,
    pub state: ItemState,
    pub job: Option<JobId>,
    /// Why it became no job, or waits for money.
    pub error: Option<JobError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    Waiting,
    /// It has a job that hasn't ended.
    Running,
    Succeeded,
    Failed,
    /// It never could become a job.
    Skipped,
    Canceled,
}

impl ItemState {
    pub const ALL: [ItemState; 6] = [
        ItemState::Waiting,
        ItemState::Running,
        ItemState::Succeeded,
        ItemState::Failed,
        ItemState::Skipped,
        ItemState::Canceled,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            ItemState::Waiting => "waiting",
            ItemState::Running => "running",
            ItemState::Succeeded => "succeeded",
            ItemState::Failed => "failed",
            ItemState::Skipped => "skipped",
            ItemState::Canceled => "canceled",
        }
    }

    pub fn parse(word: &str) -> Option<ItemState> {
        ItemState::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// How many items are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    pub waiting: u64,
    pub running: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub skipped: u64,
    pub canceled: u64,
}

impl Counts {
    pub fn of(&mut self, state: ItemState) -> &mut u64 {
        match state {
            ItemState::Waiting => &mut self.waiting,
            ItemState::Running => &mut self.running,
            ItemState::Succeeded => &mut self.succeeded,
            ItemState::Failed => &mut self.failed,
            ItemState::Skipped => &mut self.skipped,
            ItemState::Canceled => &mut self.canceled,
        }
    }

    pub fn total(&self) -> u64 {
        self.waiting + self.running + self.succeeded + self.failed + self.skipped + self.canceled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_that_comes_too_late_changes_nothing() {
        use BatchState::{Canceled, Open, Paused};
        for (wish, after) in [
            (Steer::Pause, [Some(Paused), Some(Paused), None, None]),
            (Steer::Resume, [Some(Open), Some(Open), None, None]),
            (Steer::Retry, [Some(Open), Some(Open), None, Some(Open)]),
            (Steer::Cancel, [Some(Canceled), Some(Canceled), Some(Canceled), None]),
        ] {
            assert_eq!(BatchState::ALL.map(|state| state.steered(wish)), after, "{wish:?}");
        }
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        assert!(BatchState::ALL.into_iter().all(|state| BatchState::parse(state.as_str()) == Some(state)));
        assert!(ItemState::ALL.into_iter().all(|state| ItemState::parse(state.as_str()) == Some(state)));
        let mut counts = Counts::default();
        ItemState::ALL.into_iter().for_each(|state| *counts.of(state) += 1);
        assert_eq!(counts.total(), 6);
    }
}
