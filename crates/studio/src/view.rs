//! A job as API and pages show it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use plantain_wire::models::staging::Staging;
use plantain_work::clock::until;

use crate::config::StudioConfig;
use crate::job::{Corrected, Finished, FinishedPicture, Job, JobError, JobId, JobState, Outcome, Phase, RawJson};
use crate::money;
use crate::view::facts::{Measured, Repair, Staged};
use crate::view::media::MediumView;
use crate::watch::Live;

pub mod facts;
pub mod media;

/// The answer of `GET /api/jobs/{id}` and of each event of its stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    pub job_id: JobId,
    /// The queue's id, once the queue has accepted the job.
    #[schema(examples("019a5d6e-8f00-7cc3-98c4-dc0c0c07398f"))]
    pub request_id: Option<String>,
    pub status: JobState,
    pub stage: Stage,
    /// The newest line of the model's log.
    #[schema(examples("Cutting the product out"))]
    pub stage_detail: Option<String>,
    /// Requests ahead; only while waiting in the queue.
    #[schema(examples(2))]
    pub queue_position: Option<u64>,
    /// Seconds that are left: a guess from the jobs before; nothing where there were none.
    #[schema(examples(12))]
    pub eta_seconds: Option<u64>,
    /// Whose rules the pictures meet; empty where an endpoint was asked as it is.
    #[schema(examples("amazon_main"))]
    pub preset: String,
    /// The seller's own words.
    #[schema(examples("on linen"))]
    pub prompt: Option<String>,
    /// The job whose kept pictures or cut-out these were made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<JobId>,
    /// Who makes the pictures.
    #[schema(examples("fal-ai/nano-banana/edit"))]
    pub endpoint: String,
    /// Pictures that were asked for.
    #[schema(examples(3))]
    pub num_images: u8,
    /// The finished pictures, once the job has succeeded.
    pub images: Vec<ImageView>,
    /// Files that the answer of an endpoint names which was asked as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<MediumView>,
    /// The model's answer as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_url: Option<String>,
    /// The matte of the cut-out, where it can be corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matte_url: Option<String>,
    /// Of the strokes that the pictures were made with; `None` for the first ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<u64>,
    /// All of them on one sheet beside the photo, as a JPEG; once there are pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet_url: Option<String>,
    /// All of them in a ZIP under the marketplace's names; once there are pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zip_url: Option<String>,
    /// The picture that the seller uses, counted from 1.
    #[schema(examples(1))]
    #[serde(default)]
    pub chosen: Option<usize>,
    /// What the product was laid on, as asked for and as far as the preset allows it.
    #[serde(default)]
    #[schema(value_type = Staged)]
    pub staging: Staging,
    /// Degrees that the product leans in the photo, clockwise above 0; only from the local engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tilt_degrees: Option<f64>,
    /// The uploaded photo; `None` where the job has only addresses.
    pub source_url: Option<String>,
    /// As the seller's computer called it.
    #[schema(examples("mug.jpg"))]
    pub source_name: Option<String>,
    /// Why it failed.
    pub error: Option<JobError>,
    /// US cents that making it again costs at most (`POST /api/jobs/{id}/again`); only of what the local engine makes, and of what has
    /// failed: nothing else is made again.
    #[schema(examples(11.7))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_cents: Option<f64>,
    /// What the model said about its work.
    pub description: Option<String>,
    /// US cents: what it costs at most while it runs, and what it did cost once it has ended.
    #[schema(examples(11.7))]
    pub cost_cents: f64,
    /// What makes the pictures, as a person calls it.
    #[schema(examples("Local engine"))]
    pub backend: String,
    /// What the seller should know, in words.
    pub notices: Vec<String>,
    pub timings: Timings,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// Where a job is, finer than its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The photos are on their way to the queue.
    Uploading,
    /// The queue can't be reached or refuses for now; the studio tries again.
    WaitingForQueue,
    /// In the queue.
    Queued,
    Generating,
    /// The model has answered; its pictures are fetched, finished and checked.
    Saving,
    Done,
}

/// One finished picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageView {
    /// From the root of the studio's address; never expires.
    #[schema(examples("/api/jobs/019a5d6e-8f00-7cc3-98c4-dc0c0c07398f/images/1"))]
    pub url: String,
    /// The model's product with every place marked where it strays from the photo; only where that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff_url: Option<String>,
    /// Which pixels are product: white is product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matte_url: Option<String>,
    /// As the marketplace wants it named, with its folder.
    #[schema(examples("amazon_main/B0TEST1234.MAIN.jpg"))]
    pub file_name: String,
    #[schema(examples("image/jpeg"))]
    pub content_type: String,
    /// Pixels.
    #[schema(examples(2000))]
    pub width: u32,
    /// Pixels.
    #[schema(examples(2000))]
    pub height: u32,
    #[schema(examples(284113))]
    pub bytes: u64,
    /// What tells it from the others, in words.
    #[schema(examples("Pure white"))]
    pub variant: Option<String>,
    /// Every rule of the preset was met.
    pub passed: bool,
    /// Of the JPEG, 1 to 100.
    #[schema(examples(92))]
    pub quality: Option<u8>,
    /// What had to be changed on the model's picture to meet the preset.
    #[schema(value_type = Option<Vec<Repair>>)]
    pub repairs: RawJson,
    /// Each rule with its measured value.
    #[schema(value_type = Option<Measured>)]
    pub report: RawJson,
}

/// How long each part took, in milliseconds; `None` while it hasn't ended or was never seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Timings {
    pub queued_ms: Option<u64>,
    pub running_ms: Option<u64>,
    pub saving_ms: Option<u64>,
    pub total_ms: Option<u64>,
}

/// A page of jobs, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobPage {
    pub jobs: Vec<JobView>,
    /// Ask for jobs before this one to get the next page; `None` on the last.
    pub next: Option<JobId>,
}

/// What became of a wish to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CancelView {
    /// The job has ended without reaching the model.
    Canceled,
    /// The queue has been asked; the job may still succeed.
    Requested,
    /// The job had ended, or its result is here already.
    TooLate,
    NotFound,
}

/// Which picture of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// Finished picture, counted from 1.
    Result(usize),
    /// Finished picture of a corrected cut-out, by the revision of its strokes, counted from 1.
    Corrected(u64, usize),
    /// Which pixels of such a picture are product.
    CorrectedMatte(u64, usize),
    /// The model's own picture before finishing, counted from 1.
    Raw(usize),
    /// Where the model's product strays from the photo, counted from 1.
    Diff(usize),
    /// Which pixels of a finished picture are product, counted from 1.
    Matte(usize),
    /// Uploaded photo, counted from 1.
    Source(usize),
}

impl Which {
    /// The path under which the studio serves it.
    pub fn path(self, job: &JobId) -> String {
        let rest = match self {
            Which::Result(n) => format!("images/{n}"),
            Which::Corrected(revision, n) => format!("corrected/{revision}/{n}"),
            Which::CorrectedMatte(revision, n) => format!("corrected/{revision}/{n}/matte"),
            Which::Raw(n) => format!("raw/{n}"),
            Which::Diff(n) => format!("diff/{n}"),
            Which::Matte(n) => format!("matte/{n}"),
            Which::Source(n) => format!("source/{n}"),
        };
        format!("/api/jobs/{job}/{rest}")
    }
}

/// The job as it is now. `run_seconds` is how long jobs ran lately, where any did.
pub fn view(job: &Job, live: &Live, run_seconds: Option<f64>, config: &StudioConfig, now: Timestamp) -> JobView {
    let (finished, error) = match &job.outcome {
        Some(Outcome::Succeeded(finished)) => (Some(finished), None),
        Some(Outcome::Failed(error)) => (None, Some(error.clone())),
        Some(Outcome::Canceled) | None => (None, None),
    };
    let stage = stage(job, live);
    let queue_position = live.queue_position.filter(|_| stage == Stage::Queued);
    JobView {
        job_id: job.id.clone(),
        request_id: job.request_id.as_ref().map(ToString::to_string),
        status: job.state(),
        stage,
        stage_detail: live.detail.clone().filter(|_| stage == Stage::Generating),
        queue_position,
        eta_seconds: eta(stage, queue_position, job.running_at.map(|since| until(since, now)), run_seconds),
        preset: job.spec.preset.clone(),
        prompt: job.spec.user_prompt.clone(),
        made_from: job.spec.making.reuse().map(|reuse| reuse.of.clone()),
        endpoint: job.spec.endpoint.to_string(),
        num_images: job.spec.num_images,
        images: match (&job.corrected, finished) {
            (Some(Corrected { revision, pictures, .. }), Some(_)) => {
                let own = |n| (Which::Corrected(*revision, n), Which::CorrectedMatte(*revision, n));
                images(&job.id, pictures, own)
            }
            (_, finished) => {
                let pictures = finished.map_or(&[][..], |finished| &finished.pictures);
                images(&job.id, pictures, |n| (Which::Result(n), Which::Matte(n)))
            }
        },
        media: MediumView::of(job),
        result_url: finished
            .filter(|_| job.result_at.is_some() && job.spec.making.reuse().is_none())
            .map(|_| format!("/api/jobs/{}/result", job.id)),
        matte_url: finished.filter(|finished| finished.cutout.is_some()).map(|_| format!("/api/jobs/{}/matte", job.id)),
        corrected: job.corrected.as_ref().map(|corrected| corrected.revision),
        sheet_url: finished
            .filter(|finished| !finished.pictures.is_empty())
            .map(|_| format!("/api/jobs/{}/sheet", job.id)),
        zip_url: finished.filter(|finished| !finished.pictures.is_empty()).map(|_| format!("/api/jobs/{}/zip", job.id)),
        chosen: job.chosen,
        staging: job.spec.staging,
        tilt_degrees: finished.and_then(|finished| finished.tilt_degrees),
        source_name: job.spec.sources.first().and_then(|source| source.file_name.clone()),
        source_url: (!job.spec.sources.is_empty()).then(|| Which::Source(1).path(&job.id)),
        error,
        again_cents: again_cents(job, config),
        description: finished.and_then(|finished| finished.description.clone()),
        cost_cents: cost_cents(job, config),
        backend: config.backend_label.clone(),
        notices: notices(job, finished),
        timings: timings(job),
        created_at: job.created_at,
        finished_at: job.finished_at,
    }
}

fn stage(job: &Job, live: &Live) -> Stage {
    match job.phase {
        Phase::Done => Stage::Done,
        Phase::Save => Stage::Saving,
        Phase::Follow if job.running_at.is_some() => Stage::Generating,
        Phase::Follow => Stage::Queued,
        Phase::Submit if job.failures > 0 && !live.uploading => Stage::WaitingForQueue,
        Phase::Submit => Stage::Uploading,
    }
}

/// A guess at the seconds left: the runs ahead and the own one, less what has run. Never less than one second.
fn eta(stage: Stage, ahead: Option<u64>, running_for: Option<Duration>, run_seconds: Option<f64>) -> Option<u64> {
    let run = run_seconds?;
    let left = match stage {
        Stage::Queued => run * (ahead? as f64 + 1.0),
        Stage::Generating => run - running_for?.as_secs_f64(),
        Stage::Uploading | Stage::WaitingForQueue | Stage::Saving | Stage::Done => return None,
    };
    Some(left.ceil().max(1.0) as u64)
}

/// `which` says which picture and which matte has a number.
fn images(job: &JobId, pictures: &[FinishedPicture], which: impl Fn(usize) -> (Which, Which)) -> Vec<ImageView> {
    let image = |(index, picture): (usize, &FinishedPicture)| ImageView {
        url: which(index + 1).0.path(job),
        diff_url: picture.diff_blob.is_some().then(|| Which::Diff(index + 1).path(job)),
        matte_url: picture.matte_blob.is_some().then(|| which(index + 1).1.path(job)),
        file_name: picture.file_name.clone(),
        content_type: picture.content_type.clone(),
        width: picture.width,
        height: picture.height,
        bytes: picture.bytes,
        variant: picture.variant.clone(),
        passed: picture.passed,
        quality: picture.quality,
        repairs: picture.repairs.clone(),
        report: picture.report.clone(),
    };
    pictures.iter().enumerate().map(image).collect()
}

/// By today's price.
fn again_cents(job: &Job, config: &StudioConfig) -> Option<f64> {
    let each = config.makers.of(&job.spec.endpoint).cents_per_image;
    config.may_be_made_again(job).then(|| tenths(f64::from(job.spec.num_images) * each))
}

/// By the price of the day on which the job was accepted.
fn cost_cents(job: &Job, config: &StudioConfig) -> f64 {
    let today = || config.makers.of(&job.spec.endpoint).cents_per_image;
    let cents = job.price_micro_usd.map_or_else(today, money::cents);
    tenths(job.charged_pictures() as f64 * cents)
}

/// Tenths of a cent are all that a price list has; more digits would be rounding noise.
fn tenths(cents: f64) -> f64 {
    (cents * 10.0).round() / 10.0
}

fn notices(job: &Job, finished: Option<&Finished>) -> Vec<String> {
    let corrected = job.corrected.as_ref().map(|corrected| corrected.notices.as_slice());
    let later = corrected.or(finished.map(|finished| finished.notices.as_slice())).unwrap_or_default();
    let photos = job.spec.sources.iter().flat_map(|photo| &photo.notices);
    photos.chain(&job.spec.notices).chain(later).cloned().collect()
}

fn timings(job: &Job) -> Timings {
    let between = |from: Option<Timestamp>, to: Option<Timestamp>| {
        let span = until(from?, to?);
        u64::try_from(span.as_millis()).ok()
    };
    Timings {
        // Of a job that nobody asked about it may never have been learnt when it began to run.
        queued_ms: between(Some(job.created_at), job.running_at),
        running_ms: between(job.running_at, job.result_at),
        saving_ms: between(job.result_at, job.finished_at),
        total_ms: between(Some(job.created_at), job.finished_at),
    }
}
