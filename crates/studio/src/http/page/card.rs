//! A job as a card on a page. The page's script fills the same places from the same facts.

use plantain_media::preset::Preset;

use crate::http::page::result::ResultCard;
use crate::http::page::rule;
use crate::http::words::Words;
use crate::job::{JobError, JobState};
use crate::view::media::MediumView;
use crate::view::{JobView, Stage};

/// The steps of the progress line: uploading, waiting, finding the product, composing, checking.
const STEPS: usize = 5;

#[derive(Default)]
pub struct JobCard {
    pub id: String,
    pub state: &'static str,
    /// There is news to come.
    pub is_open: bool,
    pub title: String,
    pub label: String,
    pub preset: String,
    pub page: String,
    pub thumb: Option<String>,
    /// The page of the job that this one was made of.
    pub made_from: Option<String>,
    pub stage: String,
    pub time: String,
    /// The class of each step of the progress line.
    pub steps: [&'static str; STEPS],
    pub trouble: Option<JobError>,
    pub results: Vec<ResultCard>,
    /// All pictures on one sheet.
    pub sheet: Option<String>,
    /// All pictures in a ZIP.
    pub zip: Option<String>,
    pub notices: Vec<String>,
    /// Files that an answer names.
    pub media: Vec<MediumView>,
    /// The answer as it came, where nothing else was made of it.
    pub answer: Option<String>,
}

/// Characters of a prompt that make a title.
const TITLE_CHARS_MAX: usize = 80;

/// What a job is called: after its photo, or after its words.
pub fn title(job: &JobView, words: &Words) -> String {
    let said = job.prompt.as_ref().map(|prompt| prompt.chars().take(TITLE_CHARS_MAX).collect());
    job.source_name.clone().or(said).unwrap_or_else(|| words.get("jobs.untitled").to_owned())
}

/// Whose rules its pictures meet, or what was asked as it is.
pub fn made_for(job: &JobView, preset: Option<&Preset>, words: &Words) -> String {
    let named = if job.preset.is_empty() { &job.endpoint } else { &job.preset };
    preset.map_or_else(|| named.clone(), |preset| rule::title(preset, words))
}

impl JobCard {
    pub fn new(job: &JobView, preset: Option<&Preset>, words: &Words) -> JobCard {
        let (title, preset_title) = (title(job, words), made_for(job, preset, words));
        let canvas = preset.map_or((1000, 1000), |preset| preset.canvas);
        let results = if job.status == JobState::Succeeded {
            job.images
                .iter()
                .enumerate()
                .map(|(i, image)| ResultCard::new(i + 1, image, &preset_title, words).beside(job))
                .collect()
        } else {
            let waiting = if job.preset.is_empty() { 0 } else { job.num_images };
            (1..=usize::from(waiting)).map(|n| ResultCard::waiting(n, canvas, words)).collect()
        };
        JobCard {
            id: job.job_id.to_string(),
            state: job.status.as_str(),
            is_open: !job.status.is_final(),
            label: words.fill("job.region", &[("name", &title)]),
            title,
            preset: preset_title,
            page: format!("/jobs/{}", job.job_id),
            made_from: job.made_from.as_ref().map(|from| format!("/jobs/{from}")),
            thumb: job.source_url.as_ref().map(|url| format!("{url}?w=160")),
            stage: stage(job, words),
            time: time(job, words),
            steps: steps(job),
            trouble: job.error.as_ref().map(|error| error_in(error, words)),
            results,
            sheet: job.sheet_url.clone(),
            zip: job.zip_url.clone(),
            media: job.media.clone(),
            answer: job.result_url.clone().filter(|_| job.preset.is_empty()),
            notices: job.notices.iter().chain(&job.description).map(|said| words.told(said).into_owned()).collect(),
        }
    }

    pub fn trouble_message(&self) -> &str {
        self.trouble.as_ref().map_or("", |trouble| &trouble.message)
    }

    pub fn trouble_hint(&self) -> &str {
        self.trouble.as_ref().map_or("", |trouble| &trouble.hint)
    }

    pub fn trouble_code(&self) -> &str {
        self.trouble.as_ref().map_or("", |trouble| &trouble.code)
    }
}

fn error_in(error: &JobError, words: &Words) -> JobError {
    JobError {
        message: words.told(&error.message).into_owned(),
        hint: words.told(&error.hint).into_owned(),
        ..error.clone()
    }
}

/// The stage in words.
fn stage(job: &JobView, words: &Words) -> String {
    match (job.status, job.stage) {
        (JobState::Succeeded, _) if job.preset.is_empty() => words.get("stage.answered").to_owned(),
        (JobState::Succeeded, _) => words.many("stage.done", job.images.len(), &[]),
        (JobState::Failed, _) => words.get("stage.failed").to_owned(),
        (JobState::Canceled, _) => words.get("stage.canceled").to_owned(),
        (_, Stage::Uploading) => words.get("stage.submitting").to_owned(),
        (_, Stage::WaitingForQueue) => words.get("stage.unreachable").to_owned(),
        (_, Stage::Queued) => match job.queue_position {
            Some(0) => words.get("stage.queued.next").to_owned(),
            Some(ahead) => words.fill("stage.queued.place", &[("n", &(ahead + 1).to_string())]),
            None => words.get("stage.queued").to_owned(),
        },
        (_, Stage::Generating) => match (detail_key(job), &job.stage_detail) {
            (None, Some(said)) => words.told(said).into_owned(),
            (key, _) => words.get(key.unwrap_or("stage.finding")).to_owned(),
        },
        (_, Stage::Saving | Stage::Done) => words.get("stage.saving").to_owned(),
    }
}

/// What the local engine says it does, as a key of our words. Other models speak for themselves.
fn detail_key(job: &JobView) -> Option<&'static str> {
    let said = job.stage_detail.as_deref()?.to_ascii_lowercase();
    let known =
        [("decoding", "stage.checkingPhoto"), ("cutting out", "stage.finding"), ("composing", "stage.composing")];
    known.into_iter().find(|(opening, _)| said.starts_with(opening)).map(|(_, key)| key)
}

fn time(job: &JobView, words: &Words) -> String {
    let total = job.timings.total_ms.filter(|_| job.status == JobState::Succeeded);
    let seconds = |ms: u64| words.fill("unit.seconds", &[("n", &format!("{:.1}", ms as f64 / 1000.0))]);
    let told = |ms: u64| words.fill("job.done", &[("time", &seconds(ms))]);
    total.map(told).unwrap_or_default()
}

fn steps(job: &JobView) -> [&'static str; STEPS] {
    let now = match job.stage {
        Stage::Uploading | Stage::WaitingForQueue => 0,
        Stage::Queued => 1,
        Stage::Generating if detail_key(job) == Some("stage.composing") => 3,
        Stage::Generating => 2,
        Stage::Saving => 4,
        Stage::Done => STEPS,
    };
    std::array::from_fn(|step| match step.cmp(&now) {
        std::cmp::Ordering::Less => "is-done",
        std::cmp::Ordering::Equal => "is-now",
        std::cmp::Ordering::Greater => "",
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(status: &str, stage: &str, changes: serde_json::Value) -> JobView {
        let mut job = json!({
            "jobId": "019d9e0b-6eb0-7920-827a-868d042ec76e", "requestId": null, "status": status, "stage": stage,
            "stageDetail": null, "queuePosition": null, "etaSeconds": null, "preset": "own", "prompt": null,
            "endpoint": "fal-ai/nano-banana/edit", "numImages": 3, "images": [], "sourceUrl": null, "sourceName": null,
            "error": null, "description": null, "costCents": 0.0, "backend": "", "notices": [],
            "timings": {"queuedMs": null, "runningMs": null, "savingMs": null, "totalMs": null},
            "createdAt": "2026-11-21T12:00:00Z", "finishedAt": null,
        });
        for (name, value) in changes.as_object().unwrap() {
            job[name] = value.clone();
        }
        serde_json::from_value(job).unwrap()
    }

    #[test]
    fn each_stage_has_its_words_and_its_step() {
        for (status, stage, changes, words, step) in [
            ("QUEUED", "uploading", json!({}), "Handing over", Some(0)),
            ("QUEUED", "waiting_for_queue", json!({}), "Waiting for the queue to answer", Some(0)),
            ("QUEUED", "queued", json!({}), "Waiting in the queue", Some(1)),
            ("QUEUED", "queued", json!({"queuePosition": 0}), "Next in the queue", Some(1)),
            ("QUEUED", "queued", json!({"queuePosition": 2}), "Place 3 in the queue", Some(1)),
            ("RUNNING", "generating", json!({}), "Finding the product", Some(2)),
            ("RUNNING", "generating", json!({"stageDetail": "Cutting out 2/3"}), "Finding the product", Some(2)),
            ("RUNNING", "generating", json!({"stageDetail": "Composing"}), "Composing", Some(3)),
            ("RUNNING", "generating", json!({"stageDetail": "Step 7"}), "Step 7", Some(2)),
            ("RUNNING", "saving", json!({}), "Checking the rules", Some(4)),
            ("FAILED", "done", json!({}), "It did not work", None),
            ("CANCELED", "done", json!({}), "Canceled", None),
            ("SUCCEEDED", "done", json!({}), "0 pictures are ready", None),
        ] {
            let card = JobCard::new(&job(status, stage, changes), None, Words::english());
            let now = card.steps.iter().position(|step| *step == "is-now");
            assert_eq!((card.stage.as_str(), now), (words, step), "{status} {stage}");
        }
    }

    #[test]
    fn a_job_of_a_preset_that_is_gone_still_has_a_card() {
        let card = JobCard::new(&job("QUEUED", "queued", json!({})), None, Words::english());
        assert_eq!((card.preset.as_str(), card.title.as_str(), card.results.len()), ("own", "Product photo", 3));
        assert!(card.is_open && card.results.iter().all(|result| result.waiting));
    }
}
