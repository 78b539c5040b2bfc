//! Files that a model's answer names, as API and pages show them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::job::Job;
use crate::job::medium::{Kind, Medium};

/// A file that the answer names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MediumView {
    /// From the root of the studio's address, where it is kept here; null where it is only linked.
    #[schema(examples("/api/jobs/019a5d6e-8f00-7cc3-98c4-dc0c0c07398f/media/1"))]
    pub url: Option<String>,
    /// How it can be shown.
    pub kind: Kind,
    /// By its bytes, whatever the model said.
    #[schema(examples("video/mp4"))]
    pub content_type: Option<String>,
    #[schema(examples("fal-ai-kling-video-1.mp4"))]
    pub file_name: String,
    #[schema(examples(2841130))]
    pub bytes: Option<u64>,
    /// Pixels, of pictures.
    pub width: Option<u32>,
    /// Pixels, of pictures.
    pub height: Option<u32>,
    /// Where it stands in the answer: a JSON pointer.
    #[schema(examples("/video/url"))]
    pub at: String,
    /// Where the model put it. Such addresses end; null where it was written into the answer.
    #[schema(examples("https://v3.fal.media/files/x/out.mp4"))]
    pub source_url: Option<String>,
    /// Why it isn't kept here.
    pub note: Option<String>,
}

impl MediumView {
    pub fn of(job: &Job) -> Vec<MediumView> {
        (1..).zip(job.media()).map(|(n, medium)| MediumView::new(job, n, medium)).collect()
    }

    fn new(job: &Job, n: usize, Medium { at, url, kept, note }: &Medium) -> MediumView {
        let size = kept.as_ref().and_then(|kept| kept.size);
        let linked = || url.split(['?', '#']).next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        MediumView {
            url: kept.as_ref().map(|_| format!("/api/jobs/{}/media/{n}", job.id)),
            kind: kept.as_ref().map_or(Kind::File, |kept| kept.kind),
            content_type: kept.as_ref().map(|kept| kept.content_type.clone()),
            file_name: kept.as_ref().map_or_else(|| linked().to_owned(), |kept| kept.file_name.clone()),
            bytes: kept.as_ref().map(|kept| kept.bytes),
            width: size.map(|(width, _)| width),
            height: size.map(|(_, height)| height),
            at: at.clone(),
            source_url: (!url.is_empty()).then(|| url.clone()),
            note: note.clone(),
        }
    }
}
