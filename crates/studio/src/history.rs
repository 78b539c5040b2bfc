//! What a seller does with jobs that have ended: choose a picture, take all of them home, forget the job.

use bytes::Bytes;
use futures_util::Stream;

use plantain_blobs::BlobKey;

use crate::error::StudioError;
use crate::job::{FinishedPicture, Job, JobId, Owner};
use crate::packing::{self, Packed};
use crate::service::Studio;
use crate::spending::{Period, Spending};
use crate::store::{Forgotten, Holdings};
use crate::view::JobView;

/// Lines of the longest account: a year of fifty keys.
const LINES_MAX: usize = 20_000;

/// A ZIP that is made while it is sent.
pub struct Archive<S> {
    pub file_name: String,
    pub stream: S,
}

impl Studio {
    /// Notes that the seller uses picture `chosen`, counted from 1, or none; `None` where there is no such job or picture.
    pub async fn choose(&self, id: &JobId, chosen: Option<usize>) -> Result<Option<JobView>, StudioError> {
        let inner = &self.0;
        let Some(job) = inner.store.choose(id, chosen, inner.clock.now()).await? else { return Ok(None) };
        inner.hub.changed(id);
        inner.outbox.wake();
        tracing::info!(job = %id, chosen, "job.chosen {id}");
        Ok(Some(inner.view(&job, inner.clock.now())))
    }

    /// Forgets a job that has ended. Its photos and pictures can't be had from then on, and their bytes are removed within
    /// about an hour.
    pub async fn forget(&self, id: &JobId) -> Result<Forgotten, StudioError> {
        let forgotten = self.0.store.forget(id, self.0.clock.now()).await?;
        if forgotten == Forgotten::Gone {
            self.0.desk.clear(id);
            self.0.hub.changed(id);
            tracing::info!(job = %id, "job.forgotten {id}");
        }
        Ok(forgotten)
    }

    /// How much is kept for a seller, or for all.
    pub async fn kept(&self, owner: Option<&Owner>) -> Result<Holdings, StudioError> {
        Ok(self.0.store.kept(owner).await?)
    }

    /// What the jobs of a period came to, a seller's or everybody's, the newest day first; `None` where that is too long to be told.
    pub async fn spending(&self, owner: Option<&Owner>, period: &Period) -> Result<Option<Vec<Spending>>, StudioError> {
        let lines = self.0.store.spending(owner, period, LINES_MAX + 1).await?;
        Ok(Some(lines).filter(|lines| lines.len() <= LINES_MAX))
    }

    /// All pictures of a job in one ZIP, as they are now; `None` where there are none. One picture is in memory at a time.
    pub async fn archive(
        &self,
        id: &JobId,
    ) -> Result<Option<Archive<impl Stream<Item = std::io::Result<Bytes>> + Send + use<>>>, StudioError> {
        let Some(job) = self.0.store.job(id).await? else { return Ok(None) };
        let names = packing::distinct(job.shown_pictures().iter().map(|picture| picture.file_name.as_str()));
        let files = job.shown_pictures().iter().zip(names).filter_map(|(picture, name)| packed(&job, picture, name));
        let files: Vec<Packed> = files.collect();
        if files.is_empty() {
            return Ok(None);
        }
        Ok(Some(Archive { file_name: archive_name(&job), stream: packing::stream(self.0.blobs.clone(), files) }))
    }
}

fn packed(job: &Job, picture: &FinishedPicture, name: String) -> Option<Packed> {
    Some(Packed { key: BlobKey::parse(&picture.blob)?, name, at: job.finished_at.unwrap_or(job.created_at) })
}

/// After the product's number or the photo, and the preset.
fn archive_name(job: &Job) -> String {
    let photo = job.spec.sources.first().and_then(|source| source.file_name.as_deref());
    let stem = photo.map(|name| name.rsplit_once('.').map_or(name, |(stem, _)| stem));
    let product = job.spec.identifier.as_deref().or(stem).unwrap_or("pictures");
    format!("{product}-{}.zip", job.spec.preset)
}
