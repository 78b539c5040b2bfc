//! Everything that the studio can do for a caller, as methods of one value.
//!
//! Each method reads or changes jobs through the store and returns values; none knows HTTP. What takes long happens in the
//! tasks that [`Studio::start`] begins.

use std::ops::{Deref, Range};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use plantain_blobs::{BlobKey, Blobs, Opened};
use plantain_client::QueueClient;
use plantain_inbox::receiver::Receiver;
use plantain_media::preset::Presets;
use plantain_outbound::Outbound;
use plantain_work::lane::Wake;
use plantain_work::{Clock, Cpu};

pub use crate::generating::{Accepted, Again, Payer};

use crate::accounts::known::Known;
use crate::config::StudioConfig;
use crate::correcting::desk::Desk;
use crate::error::StudioError;
use crate::finishing::SegmenterSource;
use crate::job::medium::KeptMedium;
use crate::job::{FinishedPicture, Job, JobId, Outcome, Phase, Visitor};
use crate::keys::Keys;
use crate::messages::Outgoing;
use crate::pace::Pace;
use crate::paging;
use crate::store::{JOBS_A_PAGE_MAX, JobFilter, StudioStore};
use crate::view::{self, JobPage, JobView, Which};
use crate::watch::{Hub, Watch, Watches};

/// Photos that are decoded at once when they come in; each may take a few hundred megabytes.
const PHOTOS_LOOKED_AT: usize = 1;

/// Archives that are unpacked at once.
const ARCHIVES_UNPACKED: usize = 2;

/// The studio. Cheap to clone; clones are the same studio.
#[derive(Clone)]
pub struct Studio(pub(crate) Arc<Inner>);

/// What a studio is made of.
pub struct StudioParts {
    pub store: Arc<dyn StudioStore>,
    /// Verifies the webhooks.
    pub receiver: Receiver,
    pub client: QueueClient,
    /// For pictures that the queue made: their addresses come from outside.
    pub outbound: Outbound,
    pub blobs: Blobs,
    /// Shared with whoever else cuts products out.
    pub segmenter: SegmenterSource,
    pub presets: Arc<Presets>,
    pub cpu: Cpu,
    pub clock: Clock,
    pub config: StudioConfig,
    pub messages: Outgoing,
}

pub(crate) struct Inner {
    parts: StudioParts,
    /// Looks at photos that come in, so that a sender never waits for pictures of others to be finished.
    pub admission: Cpu,
    pub hub: Hub,
    /// Tells the lane that work is owed.
    pub wake: Wake,
    /// Tells the lane of batches the same.
    pub bulk: Wake,
    /// Tells the lane of messages the same.
    pub outbox: Wake,
    /// Tells the lane of letters the same.
    pub post: Wake,
    /// Takes photos out of archives, which is mostly waiting for the disk.
    pub unpacking: Cpu,
    pub pace: Pace,
    /// Uploads that are checked at the same time: bounds the memory that waits for a processor.
    pub admissions: Semaphore,
    /// Jobs whose pictures are fetched and finished at once.
    pub saves: Semaphore,
    /// Jobs whose pictures are made anew of a corrected cut-out at once.
    pub remakes: Semaphore,
    /// Where cut-outs are corrected.
    pub desk: Desk,
    pub keys: Keys,
    pub known: Known,
}

impl Deref for Inner {
    type Target = StudioParts;

    fn deref(&self) -> &StudioParts {
        &self.parts
    }
}

/// Jobs whose corrected pictures are made at once, each of a decoded photo; whoever comes then is told to come back, since
/// somebody waits for the answer. Saving has places of its own, so that neither waits for the other.
const REMAKES_MAX: usize = 2;

/// More uploads at once are told to come back.
const ADMISSIONS_MAX: usize = 32;

/// A picture that is kept, with what is needed to serve it. Its bytes stay where they are until they are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureFile {
    key: BlobKey,
    pub content_type: String,
    /// For downloads: without folders.
    pub file_name: String,
    /// Held upright, in pixels, where that is known without a look at the bytes.
    pub width: Option<u32>,
}

impl PictureFile {
    /// Names the bytes, so that a cached copy can be kept for ever.
    pub fn etag(&self) -> &str {
        self.key.as_str()
    }
}

impl Studio {
    pub fn new(parts: StudioParts) -> Studio {
        let saves = Semaphore::new(parts.config.save_slots.max(1));
        Studio(Arc::new(Inner {
            parts,
            admission: Cpu::new(PHOTOS_LOOKED_AT),
            hub: Hub::default(),
            wake: Wake::new(),
            bulk: Wake::new(),
            outbox: Wake::new(),
            post: Wake::new(),
            unpacking: Cpu::new(ARCHIVES_UNPACKED),
            pace: Pace::default(),
            admissions: Semaphore::new(ADMISSIONS_MAX),
            saves,
            remakes: Semaphore::new(REMAKES_MAX),
            desk: Desk::default(),
            keys: Keys::default(),
            known: Known::default(),
        }))
    }

    /// The job as it is now; `None` where there is no such job.
    pub async fn job(&self, id: &JobId) -> Result<Option<JobView>, StudioError> {
        let job = self.0.store.job(id).await?;
        Ok(job.map(|job| self.0.view(&job, self.0.clock.now())))
    }

    /// Whether the visitor may see the job. Unknown jobs are nobody's.
    pub async fn may_see(&self, visitor: &Visitor, id: &JobId) -> Result<bool, StudioError> {
        Ok(visitor.may_see(self.0.store.owner(id).await?.as_ref()))
    }

    /// Jobs by id or all of them, newest first; without those that the visitor may not see.
    pub async fn jobs(&self, filter: JobFilter, visitor: &Visitor) -> Result<JobPage, StudioError> {
        let limit = filter.limit.clamp(1, JOBS_A_PAGE_MAX);
        let mut jobs = self.0.store.jobs(&JobFilter { limit: limit + 1, ..filter }).await?;
        let next = paging::cut(&mut jobs, limit, |job| job.id.clone());
        jobs.retain(|job| visitor.may_see(job.owner.as_ref()));
        let now = self.0.clock.now();
        Ok(JobPage { jobs: jobs.iter().map(|job| self.0.view(job, now)).collect(), next })
    }

    /// Waits for news of a job, known or not.
    pub fn watch(&self, id: &JobId) -> Watch {
        self.0.hub.watch(id, &self.0.clock)
    }

    /// The same for several.
    pub fn watch_all(&self, ids: &[JobId]) -> Watches {
        Watches::new(ids.iter().map(|id| self.watch(id)).collect(), &self.0.clock)
    }

    pub fn presets(&self) -> &Presets {
        &self.0.presets
    }

    pub fn config(&self) -> &StudioConfig {
        &self.0.config
    }

    /// A picture of a job; `None` where there is no such job or picture.
    pub async fn picture(&self, id: &JobId, which: Which) -> Result<Option<PictureFile>, StudioError> {
        Ok(self.0.store.job(id).await?.and_then(|job| kept(&job, which)))
    }

    /// The picture's bytes as a stream, and how many there are; `None` where they are gone.
    pub async fn open(
        &self,
        picture: &PictureFile,
    ) -> Result<Option<Opened<impl Stream<Item = std::io::Result<Bytes>> + Send + use<>>>, StudioError> {
        Ok(self.0.blobs.open(&picture.key).await?)
    }

    /// A file that the answer names, counted from 1; `None` where there is none or it isn't kept.
    pub async fn medium(&self, id: &JobId, n: usize) -> Result<Option<KeptMedium>, StudioError> {
        let job = self.0.store.job(id).await?;
        Ok(job.and_then(|job| job.media().get(n.checked_sub(1)?)?.kept.clone()))
    }

    /// A part of such a file as a stream; `None` where its bytes are gone.
    pub async fn open_part(
        &self,
        medium: &KeptMedium,
        range: Range<u64>,
    ) -> Result<Option<Opened<impl Stream<Item = std::io::Result<Bytes>> + Send + use<>>>, StudioError> {
        let Some(key) = BlobKey::parse(&medium.blob) else { return Ok(None) };
        Ok(self.0.blobs.open_range(&key, range).await?)
    }

    /// All of the picture's bytes; `None` where they are gone.
    pub async fn bytes(&self, picture: &PictureFile) -> Result<Option<Bytes>, StudioError> {
        Ok(self.0.blobs.get(&picture.key).await?)
    }
}

impl Inner {
    pub fn view(&self, job: &Job, now: Timestamp) -> JobView {
        let live = if job.phase == Phase::Done { Default::default() } else { self.hub.live_of(&job.id) };
        view::view(job, &live, self.pace.seconds(), &self.config, now)
    }

    /// Tells watchers that the job has its result, which is to be saved by whoever takes it up next, and the lane that there is work.
    pub fn announce_result(&self, id: &JobId) {
        self.hub.taken(id);
        self.wake.wake();
    }

    /// Tells watchers that the job may have changed, and the lane that there may be work.
    pub fn announce(&self, id: &JobId) {
        self.hub.changed(id);
        self.wake.wake();
    }
}

/// Where the picture lies. Names are cut to their last part, since browsers save into one folder.
fn kept(job: &Job, which: Which) -> Option<PictureFile> {
    let finished = |n: usize| match &job.outcome {
        Some(Outcome::Succeeded(finished)) => finished.pictures.get(n.checked_sub(1)?),
        _ => None,
    };
    let corrected = |revision: u64, n: usize| {
        let corrected = job.corrected.as_ref().filter(|corrected| corrected.revision == revision)?;
        corrected.pictures.get(n.checked_sub(1)?)
    };
    let whole = |picture: &FinishedPicture| {
        let file_name = picture.file_name.rsplit('/').next().unwrap_or_default().to_owned();
        let (key, content_type) = (BlobKey::parse(&picture.blob)?, picture.content_type.clone());
        Some(PictureFile { key, content_type, file_name, width: Some(picture.width) })
    };
    let matte = |picture: &FinishedPicture, n: usize| {
        let (key, content_type) = (BlobKey::parse(picture.matte_blob.as_ref()?)?, "image/png".to_owned());
        Some(PictureFile { key, content_type, file_name: format!("matte-{n}.png"), width: Some(picture.width) })
    };
    match which {
        Which::Result(n) => finished(n).and_then(whole),
        Which::Corrected(revision, n) => corrected(revision, n).and_then(whole),
        Which::CorrectedMatte(revision, n) => corrected(revision, n).and_then(|picture| matte(picture, n)),
        Which::Raw(n) => finished(n).and_then(|picture| {
            let (key, content_type) = (BlobKey::parse(&picture.raw_blob)?, picture.raw_content_type.clone());
            Some(PictureFile { key, content_type, file_name: format!("raw-{n}"), width: None })
        }),
        Which::Diff(n) => finished(n).and_then(|picture| {
            let (key, content_type) = (BlobKey::parse(picture.diff_blob.as_ref()?)?, "image/jpeg".to_owned());
            Some(PictureFile { key, content_type, file_name: format!("diff-{n}.jpg"), width: None })
        }),
        Which::Matte(n) => finished(n).and_then(|picture| matte(picture, n)),
        Which::Source(n) => job.spec.sources.get(n.checked_sub(1)?).and_then(|source| {
            let key = BlobKey::parse(&source.blob)?;
            let file_name = source.file_name.clone().unwrap_or_else(|| format!("photo-{n}"));
            let (content_type, width) = (source.content_type.clone(), Some(source.width));
            Some(PictureFile { key, content_type, file_name, width })
        }),
    }
}
