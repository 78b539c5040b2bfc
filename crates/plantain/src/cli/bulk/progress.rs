//! What is shown on a terminal while an archive is sent and its photos are made: one line.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use plantain_studio::bulk::batch::BatchState;
use plantain_studio::bulk::view::BatchView;

use super::archive::Archive;

/// Nothing is drawn where stderr is no terminal.
pub struct Progress {
    bar: ProgressBar,
}

const TICK: Duration = Duration::from_millis(200);

const SENDING: &str = "{spinner} {prefix}  {bytes} of {total_bytes}  {msg}";
const MAKING: &str = "{spinner} {prefix}  {bar:24} {pos} of {len}  {msg}";

impl Progress {
    pub fn new() -> Progress {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.enable_steady_tick(TICK);
        Progress { bar }
    }

    /// The bar, to be told the bytes that have left.
    pub fn sending(&self, archive: &Archive) -> ProgressBar {
        self.styled(SENDING, &archive.file_name);
        self.bar.set_length(archive.bytes);
        self.bar.set_position(0);
        self.bar.set_message("sending");
        self.bar.clone()
    }

    pub fn show(&self, batch: &BatchView) {
        self.styled(MAKING, batch.file_name.as_deref().unwrap_or("photos"));
        self.bar.set_length(batch.total);
        self.bar.set_position(batch.total - batch.counts.waiting - batch.counts.running);
        self.bar.set_message(words(batch));
    }

    fn styled(&self, template: &str, prefix: &str) {
        // The templates are constants; a spinner without text is still a sign of life.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
        self.bar.set_style(style);
        // Its name comes from outside.
        self.bar.set_prefix(prefix.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>());
    }

    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// How far a batch is, as a person says it.
fn words(batch: &BatchView) -> String {
    let counts = &batch.counts;
    let some = |count: u64, word: &str| (count > 0).then(|| format!("{count} {word}"));
    let paused = (batch.status == BatchState::Paused).then(|| "paused".to_owned());
    let all =
        [some(counts.failed, "failed"), some(counts.skipped, "skipped"), some(counts.canceled, "cancelled"), paused];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
