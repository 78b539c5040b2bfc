//! Finishing as a loop: repair, measure the file, repair what is still wrong, measure again.
//!
//! It ends after the second file: what that one breaks can't be repaired here, and its report says so.

use super::{FinishError, FinishOptions, Finished, Shadows, finish};
use crate::check::{self, Claims, Generated, Outcome, Report, RuleResult};
use crate::encode::Provenance;
use crate::picture::{Matte, PhotoFrame, Picture};
use crate::preset::Preset;

/// A finished file and what was measured on its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub finished: Finished,
    pub report: Report,
}

/// Finishes the picture, under the name it will have, and measures the file; where it breaks a rule for what lies behind the
/// product, it is finished once more without any shadow. Answers with the better of both.
pub fn finish_measured(
    picture: &Picture,
    matte: &Matte,
    preset: &Preset,
    options: &FinishOptions,
    file_name: Option<&str>,
) -> Result<Measured, FinishError> {
    let measure = |options: &FinishOptions| -> Result<Measured, FinishError> {
        let finished = finish(picture, matte, preset, options)?;
        let claims = Claims {
            file_name,
            content_type: Some(finished.content_type),
            matte: Some(&finished.matte),
            products: options.products,
            generated: generated(options.provenance),
            av1: None,
        };
        let mut report = check::check_claims(&finished.bytes, &claims, preset);
        report.add(whole(&finished, preset, options));
        Ok(Measured { finished, report })
    };
    let first = measure(options)?;
    if !is_repairable(&first.report, options) {
        return Ok(first);
    }
    let second = measure(&FinishOptions { shadows: Shadows::Remove, ..*options })?;
    Ok(if failures(&second.report) < failures(&first.report) { second } else { first })
}

/// Room can be made around a product, but what the photo or the picture did not show can't be brought back.
fn whole(finished: &Finished, preset: &Preset, options: &FinishOptions) -> RuleResult {
    // What a generative model made may show what the photo does not, and nobody can tell whether it is true.
    let cut = if options.provenance == Provenance::Photographed { Outcome::Fail } else { Outcome::Warn };
    let (measured, outcome, fix) = match options.photo_frame {
        PhotoFrame::Cuts => (
            "the photo's edge cuts it off",
            cut,
            "photograph it whole, with room on all sides; if the cut-out reaches too far, correct it with the brush",
        ),
        PhotoFrame::Clear | PhotoFrame::Filled if finished.cut_off => (
            "it runs out of that picture",
            Outcome::Warn,
            "look whether a part is missing; if so, make it again with more room, or take another photo",
        ),
        PhotoFrame::Filled => (
            "it reaches the photo's edges",
            Outcome::Warn,
            "look whether a part is missing; if so, photograph it with room on all sides",
        ),
        PhotoFrame::Clear => ("whole", Outcome::Pass, ""),
    };
    let result = RuleResult::new("whole", "Product not cut off").found(measured);
    // Where a marketplace leaves open how much of the picture the product fills, it takes details as well.
    if !preset.fill.is_ruled() {
        return result.requires("no rule");
    }
    result.requires("the whole product, in the photo and in the picture that was finished").judged(outcome, fix)
}

fn is_repairable(report: &Report, options: &FinishOptions) -> bool {
    let behind = ["background", "shadow", "stray"];
    let failed = |rule: &&str| report.rule(rule).is_some_and(|result| result.outcome == Outcome::Fail);
    options.shadows == Shadows::Keep && behind.iter().any(failed)
}

fn failures(report: &Report) -> usize {
    report.results.iter().filter(|result| result.outcome == Outcome::Fail).count()
}

/// What the check is told about a picture that was tagged like this.
fn generated(provenance: Provenance) -> Generated {
    match provenance {
        Provenance::Photographed => Generated::Nothing,
        Provenance::GeneratedScene => Generated::Scene,
        Provenance::Generated => Generated::Everything,
    }
}
