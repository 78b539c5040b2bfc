//! A job: what the seller asked for, how far it is, and what is owed for it.
//!
//! `phase` says which work is owed ([`Phase`]); the state that people see is derived from the same facts, so the two can't
//! contradict each other. Invariant: a job that has an [`Outcome`] never changes again, but for what a seller corrects
//! ([`Corrected`]), which stands beside the outcome.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use plantain_wire::endpoint::EndpointId;
use plantain_wire::id::RequestId;
use plantain_wire::models::choice::ObjectChoice;
use plantain_wire::models::nano_banana::AspectRatio;
use plantain_wire::models::staging::Staging;

pub use crate::job::correction::{Corrected, KeptCutout};
pub use crate::job::id::{CallbackToken, JobId};
pub use crate::job::making::Making;
pub use crate::job::owner::{Owner, Visitor};
pub use crate::job::raw::RawJson;
use crate::messages::hook::Callback;
use crate::messages::letter::LetterTo;
use crate::messages::whatsapp::wish::WhatsappWish;

use crate::job::making::Reuse;
use crate::job::medium::{KeptMedium, Medium};

pub mod arrival;
pub mod correction;
pub mod failure;
mod id;
pub mod key;
pub mod making;
pub mod medium;
#[cfg(test)]
mod orders;
pub mod owner;
mod raw;
#[cfg(test)]
pub(crate) mod sample;
pub mod step;
pub mod transition;
pub mod wish;

/// One job, as kept. Times are the studio's own clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub id: JobId,
    /// Goes into the callback address and proves that whoever calls it learnt it from our submit.
    pub token: CallbackToken,
    /// Never changes; `None` where whoever knows the id may have to do with it.
    pub owner: Option<Owner>,
    pub spec: JobSpec,
    pub phase: Phase,
    /// Raised by every claim and by every arriving result: writes of an older holder change nothing.
    pub epoch: u64,
    /// The owed work isn't begun before.
    pub due_at: Timestamp,
    /// Somebody works on it until then, unless the lease is prolonged.
    pub leased_until: Option<Timestamp>,
    /// Failed tries in a row of the owed work.
    pub failures: u32,
    /// Where the queue keeps the photos, once uploaded. A repeated submit must send the same addresses.
    pub uploads: Vec<Url>,
    /// Set before a submit leaves, cleared when it surely wasn't accepted.
    pub submit_started_at: Option<Timestamp>,
    pub request_id: Option<RequestId>,
    pub cancel_asked_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// When the queue was first seen to run it.
    pub running_at: Option<Timestamp>,
    /// When the model's answer arrived; it is kept beside the job, since it can be large.
    pub result_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub outcome: Option<Outcome>,
    /// Its pictures made again of a cut-out that the seller has corrected. Comes and changes after the end.
    pub corrected: Option<Corrected>,
    /// The picture that the seller uses, counted from 1. Comes and changes after the end.
    pub chosen: Option<usize>,
    /// What one picture costs, in millionths of a US dollar, as it was said when the job was accepted; jobs of older versions
    /// have none.
    pub price_micro_usd: Option<u64>,
}

/// What the seller asked for. Never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobSpec {
    pub preset: String,
    /// The seller's own words.
    pub user_prompt: Option<String>,
    /// What the model is asked: the preset's rules and the seller's words.
    pub prompt: String,
    /// The model's shape nearest to the preset's canvas.
    pub aspect_ratio: AspectRatio,
    pub endpoint: EndpointId,
    pub num_images: u8,
    /// The product's number or stock-keeping unit, for file names.
    pub identifier: Option<String>,
    /// How many pieces the seller says there are, for the check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub products: Option<u32>,
    /// Whom to tell by WhatsApp once its pictures are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whatsapp: Option<WhatsappWish>,
    /// The uploaded photos, the product first.
    pub sources: Vec<Source>,
    /// Further pictures, by address; they follow the uploads.
    pub image_urls: Vec<Url>,
    /// Which thing in the first photo is the product.
    #[serde(default, skip_serializing_if = "ObjectChoice::is_empty")]
    pub choice: ObjectChoice,
    /// What the seller should know about the wishes.
    pub notices: Vec<String>,
    /// What the product is laid on; jobs of older versions have the usual.
    #[serde(default)]
    pub staging: Staging,
    /// How its pictures come about.
    #[serde(default, skip_serializing_if = "Making::is_asked")]
    pub making: Making,
    /// Who is told of the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<Callback>,
    /// The same by letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<LetterTo>,
    /// One of the many photos of a batch, which let a single photo pass.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_batch: bool,
}

/// A photo as it was uploaded, untouched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Key in the blob store.
    pub blob: String,
    /// As the seller's computer called it.
    pub file_name: Option<String>,
    /// By content, whatever the upload claimed.
    pub content_type: String,
    pub bytes: u64,
    /// Upright, in pixels.
    pub width: u32,
    pub height: u32,
    /// What the seller should know about it; a job of an older version has that among its own notices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// Which work is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Upload the photos and submit the request.
    Submit,
    /// See the request through until its result is here.
    Follow,
    /// Fetch, finish, check and keep the pictures.
    Save,
    /// Nothing.
    Done,
}

impl Phase {
    pub const ALL: [Phase; 4] = [Phase::Submit, Phase::Follow, Phase::Save, Phase::Done];

    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Submit => "submit",
            Phase::Follow => "follow",
            Phase::Save => "save",
            Phase::Done => "done",
        }
    }

    pub fn parse(word: &str) -> Option<Phase> {
        Phase::ALL.into_iter().find(|phase| phase.as_str() == word)
    }
}

/// What people see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum JobState {
    Queued,
    Running,
    Succeeded,
    Failed,
    Canceled,
}

impl JobState {
    pub const ALL: [JobState; 5] =
        [JobState::Queued, JobState::Running, JobState::Succeeded, JobState::Failed, JobState::Canceled];

    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Queued => "QUEUED",
            JobState::Running => "RUNNING",
            JobState::Succeeded => "SUCCEEDED",
            JobState::Failed => "FAILED",
            JobState::Canceled => "CANCELED",
        }
    }

    pub fn parse(word: &str) -> Option<JobState> {
        JobState::ALL.into_iter().find(|state| state.as_str() == word)
    }

    pub fn is_final(self) -> bool {
        matches!(self, JobState::Succeeded | JobState::Failed | JobState::Canceled)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The model's answer, byte for byte, and how it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobResult {
    pub source: ResultSource,
    pub ended: Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultSource {
    Webhook,
    /// The studio asked for it, because no webhook was wanted or none came.
    Reconciler,
}

/// How the request ended at the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The output's JSON text.
    Output(Bytes),
    /// The error body where there was one, and the sender's own words.
    Error { body: Option<Bytes>, said: Option<String> },
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded(Finished),
    Failed(JobError),
    Canceled,
}

/// The pictures that a job made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    pub pictures: Vec<FinishedPicture>,
    /// Files that an answer of any other shape names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Medium>,
    /// What the model said about its work.
    pub description: Option<String>,
    pub notices: Vec<String>,
    /// What the pictures were made of, where the model said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutout: Option<Box<KeptCutout>>,
    /// Degrees that the product leans in the photo, clockwise above 0, where the model says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tilt_degrees: Option<f64>,
}

/// One finished picture, in our own blob store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinishedPicture {
    pub blob: String,
    /// The model's own picture before finishing.
    pub raw_blob: String,
    pub raw_content_type: String,
    /// Where the product strays from the photo, as a JPEG; only where a generative model made it and it could be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff_blob: Option<String>,
    /// Which of its pixels are product, as a grey picture; jobs of older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matte_blob: Option<String>,
    /// Under the marketplace's naming; may begin with a folder.
    pub file_name: String,
    pub content_type: String,
    pub bytes: u64,
    pub width: u32,
    pub height: u32,
    /// Of what is kept beside it: the model's own picture, the differences, the matte. 0 in jobs of older versions.
    #[serde(default)]
    pub bytes_beside: u64,
    /// Which of its compositions the model says this is.
    pub variant: Option<String>,
    /// Every rule was met.
    pub passed: bool,
    /// Of the encoder, where it has such a thing.
    pub quality: Option<u8>,
    /// What had to be changed to meet the preset.
    pub repairs: RawJson,
    /// The measured rules, as the check wrote them.
    pub report: RawJson,
}

/// Why a job failed, in a seller's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobError {
    /// Stable, for programs.
    pub code: String,
    pub message: String,
    /// What the seller can do.
    pub hint: String,
}

impl JobError {
    pub fn new(code: &str, message: impl Into<String>, hint: impl Into<String>) -> JobError {
        JobError { code: code.to_owned(), message: message.into(), hint: hint.into() }
    }
}

/// The right to change a job on behalf of its owed work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    pub id: JobId,
    pub epoch: u64,
}

impl Job {
    /// A job whose submit is owed from now on.
    pub fn new(id: JobId, token: CallbackToken, spec: JobSpec, now: Timestamp) -> Job {
        Job {
            id,
            token,
            owner: None,
            spec,
            phase: Phase::Submit,
            epoch: 0,
            due_at: now,
            leased_until: None,
            failures: 0,
            uploads: Vec::new(),
            submit_started_at: None,
            request_id: None,
            cancel_asked_at: None,
            created_at: now,
            running_at: None,
            result_at: None,
            finished_at: None,
            outcome: None,
            corrected: None,
            chosen: None,
            price_micro_usd: None,
        }
    }

    /// As before, and this one's.
    pub fn owned_by(self, owner: Option<Owner>) -> Job {
        Job { owner, ..self }
    }

    /// As before, at this price for a picture.
    pub fn priced(self, micro_usd: u64) -> Job {
        Job { price_micro_usd: Some(micro_usd), ..self }
    }

    /// As before, with all that its pictures are made of here: nobody is asked, and it is only to be saved.
    pub fn at_hand(self) -> Job {
        Job { phase: Phase::Save, result_at: Some(self.created_at), ..self }
    }

    /// Pictures that are charged: those that came, or those asked for while the job runs; none for failures, which fal
    /// doesn't bill.
    pub fn charged_pictures(&self) -> usize {
        match &self.outcome {
            // An answer that isn't understood costs what was asked for.
            Some(Outcome::Succeeded(_)) if self.spec.making.own_input().is_some() => usize::from(self.spec.num_images),
            Some(Outcome::Succeeded(finished)) => finished.pictures.len(),
            Some(Outcome::Failed(_) | Outcome::Canceled) => 0,
            None => usize::from(self.spec.num_images),
        }
    }

    /// What the job costs, estimated until its end, in millionths of a US dollar.
    pub fn cost_micro_usd(&self) -> u64 {
        self.price_micro_usd.unwrap_or_default().saturating_mul(self.charged_pictures() as u64)
    }

    /// All pictures that are kept for the job, the first ones and the corrected ones.
    fn pictures(&self) -> impl Iterator<Item = &FinishedPicture> {
        let first = match &self.outcome {
            Some(Outcome::Succeeded(finished)) => &finished.pictures[..],
            Some(Outcome::Failed(_) | Outcome::Canceled) | None => &[],
        };
        let corrected = self.corrected.iter().flat_map(|corrected| &corrected.pictures);
        first.iter().chain(corrected)
    }

    /// Files of an answer that are kept.
    fn kept_media(&self) -> impl Iterator<Item = &KeptMedium> {
        self.media().iter().filter_map(|medium| medium.kept.as_ref())
    }

    /// Files that the answer names.
    pub fn media(&self) -> &[Medium] {
        match &self.outcome {
            Some(Outcome::Succeeded(finished)) => &finished.media,
            Some(Outcome::Failed(_) | Outcome::Canceled) | None => &[],
        }
    }

    /// Keys of all bytes that the job refers to; some may come twice.
    pub fn blobs(&self) -> Vec<&str> {
        let matte = match &self.outcome {
            Some(Outcome::Succeeded(finished)) => finished.cutout.as_ref().map(|cutout| cutout.matte.blob.as_str()),
            Some(Outcome::Failed(_) | Outcome::Canceled) | None => None,
        };
        let photos = self.spec.sources.iter().map(|source| source.blob.as_str());
        let reused = self.spec.making.reuse().into_iter().flat_map(Reuse::blobs);
        let pictures = self.pictures().flat_map(|picture| {
            let beside = [picture.diff_blob.as_deref(), picture.matte_blob.as_deref()];
            [picture.blob.as_str(), picture.raw_blob.as_str()].into_iter().chain(beside.into_iter().flatten())
        });
        let media = self.kept_media().map(|medium| medium.blob.as_str());
        photos.chain(reused).chain(pictures).chain(matte).chain(media).collect()
    }

    /// Bytes of the photos and of all that was made of them.
    pub fn stored_bytes(&self) -> u64 {
        let photos: u64 = self.spec.sources.iter().map(|source| source.bytes).sum();
        let media: u64 = self.kept_media().map(|medium| medium.bytes).sum();
        photos + media + self.pictures().map(|picture| picture.bytes + picture.bytes_beside).sum::<u64>()
    }

    /// The pictures to choose from: the corrected ones where there are any.
    pub fn shown_pictures(&self) -> &[FinishedPicture] {
        match (&self.corrected, &self.outcome) {
            (Some(corrected), _) => &corrected.pictures,
            (None, Some(Outcome::Succeeded(finished))) => &finished.pictures,
            (None, _) => &[],
        }
    }

    /// What the job is found by: the photos' names, the product's number, the seller's words, the preset. In small letters.
    pub fn search_text(&self) -> String {
        let JobSpec { preset, user_prompt, identifier, sources, .. } = &self.spec;
        let names = sources.iter().filter_map(|source| source.file_name.as_deref());
        let endpoint = self.spec.making.own_input().map(|_| self.spec.endpoint.as_str());
        let words = [Some(preset.as_str()), identifier.as_deref(), user_prompt.as_deref(), endpoint];
        let all: Vec<&str> = words.into_iter().flatten().chain(names).collect();
        // Some databases keep no NUL.
        all.join("\n").to_lowercase().replace('\0', " ")
    }

    pub fn state(&self) -> JobState {
        match &self.outcome {
            Some(Outcome::Succeeded(_)) => JobState::Succeeded,
            Some(Outcome::Failed(_)) => JobState::Failed,
            Some(Outcome::Canceled) => JobState::Canceled,
            None if self.running_at.is_some() || self.result_at.is_some() => JobState::Running,
            None => JobState::Queued,
        }
    }

    pub fn fence(&self) -> Fence {
        Fence { id: self.id.clone(), epoch: self.epoch }
    }

    /// Somebody should take the owed work up now.
    pub fn is_owed(&self, now: Timestamp) -> bool {
        self.phase != Phase::Done && self.due_at <= now && self.leased_until.is_none_or(|until| until <= now)
    }
}
