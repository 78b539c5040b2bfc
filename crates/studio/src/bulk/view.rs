//! A batch as API and pages show it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bulk::batch::{Batch, BatchId, BatchState, Counts, Item, ItemState};
use crate::bulk::table::Line;
use crate::bulk::why::Why;
use crate::job::{Job, JobError, JobId, Outcome};

/// The answer of `GET /api/batches/{id}`, without its items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchView {
    pub batch_id: BatchId,
    pub status: BatchState,
    /// For photos whose line in the list names none.
    #[schema(examples("amazon_main"))]
    pub preset: String,
    pub prompt: Option<String>,
    pub num_images: u8,
    /// How many pieces each photo shows, where its line in the list says nothing else; null: one is looked for.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 99)]
    pub products: Option<u32>,
    pub file_name: Option<String>,
    /// Photos, and files that were skipped.
    pub total: u64,
    pub counts: Counts,
    /// Of the failed ones those that can be tried again. The files of the others can't be used, or are not kept any more.
    #[serde(default)]
    pub retryable: u64,
    pub status_url: String,
    pub events_url: String,
    /// All pictures, and a report.
    pub zip_url: String,
    /// The report alone.
    pub report_url: String,
    /// Shows the batch to a person.
    pub page_url: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
}

/// A page of batches, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = BatchList)]
pub struct BatchPage {
    pub batches: Vec<BatchView>,
    /// Ask for batches before this one to get the next page; `None` on the last.
    #[serde(default)]
    pub next: Option<BatchId>,
}

/// One item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemView {
    pub number: u32,
    pub name: String,
    pub sku: Option<String>,
    pub preset: String,
    pub prompt: Option<String>,
    /// How many pieces it shows, as the list or the batch says; null: one is looked for.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 99)]
    pub products: Option<u32>,
    pub status: ItemState,
    pub job_id: Option<JobId>,
    /// Why it became no job, or waits for money, or why its job failed.
    pub error: Option<JobError>,
    /// Pictures that were made of it.
    pub pictures: usize,
    /// Whether all of them meet the marketplace's rules; null while there are none.
    pub passed: Option<bool>,
    /// A small picture: the first that was made, or the photo while there is none; null before it is a job.
    pub thumb_url: Option<String>,
    /// Shows its job to a person.
    pub page_url: Option<String>,
}

/// A page of items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ItemPage {
    pub items: Vec<ItemView>,
    /// Ask for items after this one; `None` on the last page.
    pub next: Option<u32>,
}

impl BatchView {
    /// So far nothing can be tried again.
    pub fn of(batch: Batch, counts: Counts) -> BatchView {
        let id = &batch.id;
        BatchView {
            status_url: format!("/api/batches/{id}"),
            events_url: format!("/api/batches/{id}/events"),
            zip_url: format!("/api/batches/{id}/zip"),
            report_url: format!("/api/batches/{id}/report.csv"),
            page_url: format!("/bulk/{id}"),
            status: batch.state,
            preset: batch.preset,
            prompt: batch.prompt,
            num_images: batch.num_images,
            products: batch.products,
            file_name: batch.file_name,
            total: counts.total(),
            counts,
            retryable: 0,
            created_at: batch.created_at,
            finished_at: batch.finished_at,
            batch_id: batch.id,
        }
    }
}

impl ItemView {
    /// `job` is the item's own, where it has one that is still kept.
    pub fn of(item: Item, job: Option<&Job>, batch: &Batch) -> ItemView {
        let pictures = job.map(Job::shown_pictures).unwrap_or_default();
        let failed = job.and_then(|job| match &job.outcome {
            Some(Outcome::Failed(error)) => Some(error.clone()),
            _ => None,
        });
        ItemView {
            number: item.number,
            name: item.name,
            sku: item.sku,
            preset: item.preset.unwrap_or_else(|| batch.preset.clone()),
            prompt: item.prompt,
            products: item.products.or(batch.products),
            status: item.state,
            error: item.error.or(failed),
            pictures: pictures.len(),
            passed: (!pictures.is_empty()).then(|| pictures.iter().all(|picture| picture.passed)),
            thumb_url: job.and_then(|job| thumb(job, !pictures.is_empty())),
            page_url: job.map(|job| format!("/jobs/{}", job.id)),
            job_id: item.job,
        }
    }
}

fn thumb(job: &Job, has_pictures: bool) -> Option<String> {
    let id = &job.id;
    match (&job.corrected, has_pictures) {
        (Some(corrected), true) => Some(format!("/api/jobs/{id}/corrected/{}/1?w=160", corrected.revision)),
        (None, true) => Some(format!("/api/jobs/{id}/images/1?w=160")),
        (_, false) => (!job.spec.sources.is_empty()).then(|| format!("/api/jobs/{id}/source?w=160")),
    }
}

/// What a list says, before any photo is sent.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ListView {
    /// Without the heading and empty ones.
    pub lines: usize,
    /// Lines that can't be used, whatever photos come.
    pub wrong: usize,
    /// The first lines.
    pub first: Vec<LineView>,
    /// The first of those that can't be used.
    pub faults: Vec<LineView>,
}

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LineView {
    /// Counted from 1, with the heading.
    pub line: u64,
    pub file: String,
    pub sku: Option<String>,
    pub preset: Option<String>,
    pub prompt: Option<String>,
    /// As it stands there.
    pub products: Option<String>,
    pub error: Option<JobError>,
}

impl LineView {
    pub fn of(line: &Line, wrong: Option<&Why>) -> LineView {
        LineView {
            line: line.number,
            file: line.file.clone(),
            sku: line.sku.clone(),
            preset: line.preset.clone(),
            prompt: line.prompt.clone(),
            products: line.products.clone(),
            error: wrong.map(Why::told),
        }
    }
}
