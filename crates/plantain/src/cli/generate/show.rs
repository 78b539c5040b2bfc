//! What was made, for people and for machines.

use plantain_studio::view::{ImageView, JobView};
use serde_json::json;

use super::{Made, Set};
use crate::cli::rules::{self, Report};
use crate::cli::stdout::{self, Unsaid};

/// Pictures to stdout, failures to stderr.
pub fn text(made: &[Made]) -> Result<(), Unsaid> {
    for made in made {
        match &made.result {
            Ok(set) => stdout::print(set_text(&made.photo.name, set))?,
            Err(failure) => eprintln!("{}: {failure}", made.photo.path.display()),
        }
    }
    Ok(())
}

fn set_text(name: &str, set: &Set) -> String {
    let job = &set.job;
    let passed = job.images.iter().filter(|image| image.passed).count();
    let mut text = format!("{name}: {} of {} pictures meet every rule of {}\n\n", passed, job.images.len(), job.preset);
    let pictures: Vec<(String, Report)> = job.images.iter().filter_map(report).collect();
    text.push_str(&rules::table(&pictures));
    text.push('\n');
    for (number, (file, image)) in set.saved.files.iter().zip(&job.images).enumerate() {
        let (number, width, height) = (number + 1, image.width, image.height);
        let size = image.bytes.div_ceil(1000);
        text.push_str(&format!("  {number}  {}  {width} × {height}, {size} KB\n", file.display()));
    }
    for beside in std::iter::once(&set.saved.report).chain(&set.saved.sheet) {
        text.push_str(&format!("     {}\n", beside.display()));
    }
    if let Some(description) = job.description.as_deref().filter(|text| !text.is_empty()) {
        text.push_str(&format!("\nThe model says: {}\n", printable(description)));
    }
    for notice in &job.notices {
        text.push_str(&format!("Note: {}\n", printable(notice)));
    }
    text.push_str(&format!("\n{}\n\n", took(job)));
    text
}

/// A picture's column: its name without the folder, and its report where the studio sent one.
fn report(image: &ImageView) -> Option<(String, Report)> {
    let name = image.file_name.rsplit('/').next().unwrap_or(&image.file_name);
    Some((printable(name), image.report.read()?))
}

fn took(job: &JobView) -> String {
    let timings = &job.timings;
    let part = |name: &str, millis: Option<u64>| millis.map(|ms| format!("{name} {:.1} s", ms as f64 / 1000.0));
    let parts = [
        part("waited", timings.queued_ms),
        part("generated", timings.running_ms),
        part("finished and checked", timings.saving_ms),
        part("in all", timings.total_ms),
    ];
    format!("Took: {}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// Text from outside must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

pub fn json(made: &[Made]) -> serde_json::Result<String> {
    let photo = |made: &Made| match &made.result {
        Ok(set) => json!({
            "photo": made.photo.path,
            "passed": set.job.images.iter().all(|image| image.passed),
            "files": set.saved.files,
            "report": set.saved.report,
            "sheet": set.saved.sheet,
            "job": set.job,
        }),
        Err(failure) => json!({
            "photo": made.photo.path,
            "error": { "code": failure.code(), "message": failure.to_string() },
        }),
    };
    serde_json::to_string_pretty(&made.iter().map(photo).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_steer_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\nc"), "a [2Jb c");
    }
}
