//! A batch as API and pages show it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::bulk::batch::{Batch, BatchId, BatchState, Counts, Item, ItemState};
use crate::job::{JobError, JobId};

/// The answer of `GET /api/batches/{id}`, without its items.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchView {
    pub batch_id: BatchId,
    pub status: BatchState,
    /// For photos whose line in the list names none.
    #[schema(examples("amazon_main"))]
    pub preset: String,
    pub prompt: Option<String>,
    pub num_images: u8,
    pub file_name: Option<String>,
    /// Photos, and files that were skipped.
    pub total: u64,
    pub counts: Counts,
    pub status_url: String,
    pub events_url: String,
    /// All pictures, and a report.
    pub zip_url: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
}

/// One item.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemView {
    pub number: u32,
    pub name: String,
    pub sku: Option<String>,
    pub preset: String,
    pub prompt: Option<String>,
    pub status: ItemState,
    pub job_id: Option<JobId>,
    /// Why it became no job, or waits for money; a job says itself why it failed.
    pub error: Option<JobError>,
}

/// A page of items.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ItemPage {
    pub items: Vec<ItemView>,
    /// Ask for items after this one; `None` on the last page.
    pub next: Option<u32>,
}

impl BatchView {
    pub fn of(batch: Batch, counts: Counts) -> BatchView {
        let id = &batch.id;
        BatchView {
            status_url: format!("/api/batches/{id}"),
            events_url: format!("/api/batches/{id}/events"),
            zip_url: format!("/api/batches/{id}/zip"),
            status: batch.state,
            preset: batch.preset,
            prompt: batch.prompt,
            num_images: batch.num_images,
            file_name: batch.file_name,
            total: counts.total(),
            counts,
            created_at: batch.created_at,
            finished_at: batch.finished_at,
            batch_id: batch.id,
        }
    }
}

impl ItemView {
    pub fn of(item: Item, usual_preset: &str) -> ItemView {
        ItemView {
            number: item.number,
            name: item.name,
            sku: item.sku,
            preset: item.preset.unwrap_or_else(|| usual_preset.to_owned()),
            prompt: item.prompt,
            status: item.state,
            job_id: item.job,
            error: item.error,
        }
    }
}
