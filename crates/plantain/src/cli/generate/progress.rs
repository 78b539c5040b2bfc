//! What is shown on a terminal while photos are on their way: a line each.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use plantain_studio::view::{JobView, Stage};

use super::photos::Photo;

/// Nothing is drawn where stderr is no terminal.
pub struct Progress {
    all: MultiProgress,
    lines: HashMap<PathBuf, ProgressBar>,
}

const TICK: Duration = Duration::from_millis(100);

impl Progress {
    pub fn new(photos: &[Photo]) -> Progress {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{spinner} {prefix}  {msg}").unwrap_or_else(|_| {
            // The template is a constant; a spinner without text is still a sign of life.
            ProgressStyle::default_spinner()
        });
        let line = |photo: &Photo| {
            let line = all.add(ProgressBar::new_spinner().with_style(style.clone()).with_prefix(photo.name.clone()));
            line.set_message("starting");
            line.enable_steady_tick(TICK);
            (photo.folder.clone(), line)
        };
        let lines = photos.iter().map(line).collect();
        Progress { all, lines }
    }

    pub fn say(&self, photo: &Photo, text: impl Into<String>) {
        if let Some(line) = self.lines.get(&photo.folder) {
            line.set_message(text.into());
        }
    }

    pub fn show(&self, photo: &Photo, job: &JobView) {
        self.say(photo, words(job));
    }

    pub fn done(&self, photo: &Photo) {
        if let Some(line) = self.lines.get(&photo.folder) {
            line.finish_and_clear();
        }
    }

    pub fn clear(&self) {
        // A terminal that is gone is no reason to fail.
        let _ = self.all.clear();
    }
}

/// Where a job is, as a person says it.
fn words(job: &JobView) -> String {
    let stage = match (job.stage, job.queue_position) {
        (Stage::Uploading, _) => "uploading the photo".into(),
        (Stage::WaitingForQueue, _) => "waiting for the queue".into(),
        (Stage::Queued, None | Some(0)) => "next in the queue".into(),
        (Stage::Queued, Some(1)) => "in the queue, 1 ahead".into(),
        (Stage::Queued, Some(ahead)) => format!("in the queue, {ahead} ahead"),
        (Stage::Generating, _) => job.stage_detail.clone().unwrap_or_else(|| "making pictures".into()),
        (Stage::Saving, _) => "finishing and checking the pictures".into(),
        (Stage::Done, _) => "done".into(),
    };
    match job.eta_seconds {
        Some(seconds) => format!("{stage} (about {seconds} s)"),
        None => stage,
    }
}
