//! What a message says, whatever the channel: taken in the commit that owes it, so that every attempt says the same.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::bulk::batch::{Batch, BatchId, Counts, Refused};
use crate::job::{FinishedPicture, Job, JobError, JobId, Outcome, RawJson};
use crate::view::Which;

/// The status of a batch that never began.
pub const REFUSED: &str = "REFUSED";

/// Paths are from the root of the studio's address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    pub job: Option<JobId>,
    pub batch: Option<BatchId>,
    /// As the job or the batch stands.
    pub status: String,
    pub preset: Option<String>,
    /// The product's number.
    pub sku: Option<String>,
    /// The photo's, or the archive's.
    pub file_name: Option<String>,
    pub pictures: Vec<Pictured>,
    /// The picture that the seller uses, from 1.
    pub chosen: Option<usize>,
    pub cost_micro_usd: u64,
    pub error: Option<JobError>,
    /// Of a batch's items.
    pub counts: Option<Counts>,
    /// Whoever is to see its pictures needs a link.
    pub is_private: bool,
    /// Of what goes to an address or a number that the job's or the batch's maker gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// One finished picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pictured {
    pub path: String,
    pub file_name: String,
    pub content_type: String,
    pub width: u32,
    pub height: u32,
    pub bytes: u64,
    pub passed: bool,
    /// Rules that were measured, and those of them that were met.
    pub rules: usize,
    pub rules_met: usize,
}

impl Facts {
    pub fn of_job(job: &Job) -> Facts {
        let which = |n: usize| match &job.corrected {
            Some(corrected) => Which::Corrected(corrected.revision, n),
            None => Which::Result(n),
        };
        let pictures = (1..).zip(job.shown_pictures());
        Facts {
            job: Some(job.id.clone()),
            status: job.state().as_str().to_owned(),
            preset: Some(job.spec.preset.clone()),
            sku: job.spec.identifier.clone(),
            file_name: job.spec.sources.first().and_then(|source| source.file_name.clone()),
            pictures: pictures.map(|(n, picture)| Pictured::of(which(n).path(&job.id), picture)).collect(),
            chosen: job.chosen,
            cost_micro_usd: job.cost_micro_usd(),
            error: match &job.outcome {
                Some(Outcome::Failed(error)) => Some(error.clone()),
                Some(Outcome::Succeeded(_) | Outcome::Canceled) | None => None,
            },
            is_private: job.owner.is_some(),
            ..Facts::default()
        }
    }

    /// `why`: nothing came of it.
    pub fn of_batch(batch: &Batch, counts: Counts, why: Option<JobError>) -> Facts {
        Facts {
            batch: Some(batch.id.clone()),
            status: batch.state.as_str().to_owned(),
            preset: Some(batch.preset.clone()),
            file_name: batch.file_name.clone(),
            error: why,
            counts: Some(counts),
            is_private: batch.owner.is_some(),
            ..Facts::default()
        }
    }

    pub fn of_refused(refused: &Refused) -> Facts {
        Facts {
            status: REFUSED.to_owned(),
            preset: Some(refused.preset.clone()),
            file_name: refused.file_name.clone(),
            error: Some(refused.why.clone()),
            counts: Some(Counts::default()),
            is_private: refused.owner.is_some(),
            ..Facts::default()
        }
    }

    /// As a message keeps them.
    pub fn to_body(&self) -> Bytes {
        serde_json::to_vec(self).expect("the facts have only text keys and finite numbers").into()
    }

    /// `None` where they make no sense.
    pub fn of_body(body: &[u8]) -> Option<Facts> {
        serde_json::from_slice(body).ok()
    }
}

impl Pictured {
    fn of(path: String, picture: &FinishedPicture) -> Pictured {
        let (rules, rules_met) = measured(&picture.report);
        Pictured {
            path,
            file_name: picture.file_name.clone(),
            content_type: picture.content_type.clone(),
            width: picture.width,
            height: picture.height,
            bytes: picture.bytes,
            passed: picture.passed,
            rules,
            rules_met,
        }
    }
}

/// How many rules were measured, and how many of them were met. What can't be told from a file says neither.
fn measured(report: &RawJson) -> (usize, usize) {
    let results = report.results();
    let count = |outcome: &str| results.iter().filter(|result| result["outcome"] == outcome).count();
    (results.len() - count("not_measured"), count("pass"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn rules_that_were_not_measured_are_not_counted() {
        for (outcomes, told) in [
            (&["pass", "pass", "not_measured"][..], (2, 2)),
            (&["pass", "warn", "fail", "not_measured"], (3, 1)),
            (&["not_measured"], (0, 0)),
            (&[], (0, 0)),
        ] {
            let results: Vec<Value> = outcomes.iter().map(|outcome| json!({ "outcome": outcome })).collect();
            assert_eq!(measured(&RawJson::of(&json!({ "results": results }))), told, "{outcomes:?}");
        }
        assert_eq!(measured(&RawJson::default()), (0, 0), "a report of another shape");
    }
}
