//! Correcting the cut-out of a finished job with strokes of a brush, and making its pictures anew of it.
//!
//! No model is asked and nothing is charged: the photo, the matte and the scenes are kept since the job ended. Strokes are
//! durable when they are answered; the pictures change in one commit, or not at all.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::try_join_all;

use plantain_blobs::BlobKey;
use plantain_media::compose::Behind;
use plantain_media::cutout::{self, STROKE_POINTS_MAX, STROKES_MAX};
use plantain_media::decode;
use plantain_media::encode;
use plantain_media::picture::{Matte, Picture, Rect};
use plantain_media::thumbnail;

use crate::correcting::desk::Material;
use crate::correcting::remaking::{Known, Remade};
use crate::job::correction::{Corrected, Kept, KeptCutout, Stroke, Strokes};
use crate::job::{Finished, FinishedPicture, Job, JobId, Outcome, RawJson};
use crate::service::{Inner, Studio};
use crate::view::JobView;

pub(crate) mod desk;
mod error;
pub(crate) mod remaking;
mod session;

pub use error::CorrectionError;

/// A change of a job's strokes, by somebody who has seen the revision `seen`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub seen: u64,
    pub strokes: Vec<Stroke>,
    /// Whether they stand in place of all that were there; otherwise they follow them.
    pub instead: bool,
}

/// The matte after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stroked {
    pub revision: u64,
    pub strokes: usize,
    /// Where it may have changed, in pixels of the photo.
    pub changed: Option<Rect>,
    pub photo: (u32, u32),
    /// A grey PNG, no larger than was asked for.
    pub matte: Bytes,
}

/// A finished job's photo and what its pictures were made of.
struct Subject {
    job: Job,
    cutout: Box<KeptCutout>,
    first: Vec<FinishedPicture>,
    /// Of the job's end.
    notices: Vec<String>,
    strokes: Strokes,
}

impl Studio {
    /// The strokes on a job's cut-out, in order, and width and height of its photo held upright.
    pub async fn strokes(&self, id: &JobId) -> Result<(Strokes, (u32, u32)), CorrectionError> {
        let subject = self.0.subject(id).await?;
        let photo = size(&subject.job);
        Ok((subject.strokes, photo))
    }

    /// The matte as it is corrected now, its longer side at most `side`.
    pub async fn matte(&self, id: &JobId, side: Option<u32>) -> Result<Stroked, CorrectionError> {
        let subject = self.0.subject(id).await?;
        let strokes = subject.strokes.strokes.clone();
        self.0.shown(&subject, &strokes, side).await
    }

    /// Changes the strokes, and gives the matte that they lead to. The same change sent once more, because its answer got
    /// lost, is answered as the first time and changes nothing.
    pub async fn correct(&self, id: &JobId, change: Change, side: u32) -> Result<Stroked, CorrectionError> {
        let subject = self.0.subject(id).await?;
        let Change { seen, strokes: new, instead } = change;
        if subject.strokes.hold(seen, &new, instead) {
            return self.0.again(&subject, &new, instead, side).await;
        }
        if subject.strokes.revision != seen {
            return Err(CorrectionError::Conflict(subject.strokes.revision));
        }
        let earlier = if instead { Vec::new() } else { subject.strokes.strokes.clone() };
        let strokes: Vec<Stroke> = earlier.into_iter().chain(new.iter().cloned()).collect();
        let photo = size(&subject.job);
        check(&strokes, photo)?;
        let changed = cutout::reached(&subject.strokes.differing(&strokes), photo);
        let shown = self.0.shown(&subject, &strokes, Some(side)).await?;
        match self.0.store.keep_strokes(id, seen, &strokes).await? {
            Kept::Conflict(now) => {
                // The first of two of the same may just have been kept.
                let subject = Subject { strokes: self.0.store.strokes(id).await?, ..subject };
                match subject.strokes.hold(seen, &new, instead) {
                    true => self.0.again(&subject, &new, instead, side).await,
                    false => Err(CorrectionError::Conflict(now)),
                }
            }
            kept => Ok(Stroked { revision: settled(kept)?, changed, ..shown }),
        }
    }

    /// Makes the job's pictures anew of the strokes of revision `seen`. Where they are there already, they stay: what was
    /// served under their addresses never changes.
    pub async fn remake(&self, id: &JobId, seen: u64) -> Result<JobView, CorrectionError> {
        let subject = self.0.subject(id).await?;
        if subject.strokes.revision != seen {
            return Err(CorrectionError::Conflict(subject.strokes.revision));
        }
        if subject.job.corrected.as_ref().is_none_or(|corrected| corrected.revision != seen) {
            let corrected = self.0.remade(&subject).await?;
            settled(self.0.store.keep_corrected(id, &corrected, self.0.clock.now()).await?)?;
            self.0.desk.clear(id);
            self.0.announce(id);
        }
        self.job(id).await?.ok_or(CorrectionError::NotFound)
    }
}

impl Inner {
    async fn subject(&self, id: &JobId) -> Result<Subject, CorrectionError> {
        let job = self.store.job(id).await?.ok_or(CorrectionError::NotFound)?;
        let Some(Outcome::Succeeded(Finished { pictures, cutout, notices, .. })) = &job.outcome else {
            return Err(CorrectionError::NotFinished);
        };
        let cutout = cutout.clone().filter(|cutout| cutout.scenes.len() == pictures.len());
        let cutout = cutout.ok_or(CorrectionError::NoMatte)?;
        let (first, notices) = (pictures.clone(), notices.clone());
        let strokes = self.store.strokes(id).await?;
        Ok(Subject { job, cutout, first, notices, strokes })
    }

    /// The answer to a change that was made before. What there was before that one isn't known any more.
    async fn again(
        &self,
        subject: &Subject,
        new: &[Stroke],
        instead: bool,
        side: u32,
    ) -> Result<Stroked, CorrectionError> {
        let (width, height) = size(&subject.job);
        let all = Rect { x: 0, y: 0, width, height };
        let changed = if instead { Some(all) } else { cutout::reached(new, (width, height)) };
        let shown = self.shown(subject, &subject.strokes.strokes, Some(side)).await?;
        Ok(Stroked { changed, ..shown })
    }

    async fn shown(
        &self,
        subject: &Subject,
        strokes: &[Stroke],
        side: Option<u32>,
    ) -> Result<Stroked, CorrectionError> {
        let work = move |session: &session::Session| {
            let (photo, matte) = (session.photo(), session.matte());
            let small = side.and_then(|side| thumbnail::matte_within(matte, side));
            let png = encode::matte(small.as_ref().unwrap_or(matte));
            ((photo.width(), photo.height()), png)
        };
        let (photo, png) = self.desk.at(&subject.job.id, strokes, self.material(subject), work).await?;
        let matte = png.map_err(|_| CorrectionError::Internal)?.into();
        Ok(Stroked { revision: subject.strokes.revision, strokes: strokes.len(), changed: None, photo, matte })
    }

    async fn material(&self, subject: &Subject) -> Result<Material, CorrectionError> {
        let photo = subject.job.spec.sources.first().ok_or(CorrectionError::NoMatte)?;
        let (photo, matte) = tokio::try_join!(self.held(&photo.blob), self.held(&subject.cutout.matte.blob))?;
        let (width, height) = size(&subject.job);
        Ok(Material { photo, matte, pixels: u64::from(width) * u64::from(height), limits: self.config.kept_limits() })
    }

    async fn held(&self, key: &str) -> Result<Bytes, CorrectionError> {
        let key = BlobKey::parse(key).ok_or(CorrectionError::Gone)?;
        self.blobs.get(&key).await?.ok_or(CorrectionError::Gone)
    }

    async fn remade(&self, subject: &Subject) -> Result<Corrected, CorrectionError> {
        let Subject { job, cutout, first, notices, strokes } = subject;
        let preset = self.presets.get(&job.spec.preset).map_err(|_| CorrectionError::SceneElsewhere)?;
        let _place = self.remakes.try_acquire().map_err(|_| CorrectionError::Busy)?;
        let work =
            |session: &session::Session| (session.photo().clone(), session.matte().clone(), session.came_cut_out());
        let (photo, matte, came_cut_out): (Arc<Picture>, Matte, bool) =
            self.desk.at(&job.id, &strokes.strokes, self.material(subject), work).await?;
        // After the desk was free, so that nothing lies decoded while others draw there.
        let backdrop = self.backdrop(subject).await?;
        let known = Known { straightened: cutout.matte.straightened, products: job.spec.products, came_cut_out };
        let product = self.cpu.run(move || remaking::cut_out(&photo, &matte, known)).await;
        let product = Arc::new(product.map_err(|_| CorrectionError::Internal)??);
        let making = cutout.scenes.iter().zip(first).map(|(recipe, picture)| {
            let (product, backdrop) = (product.clone(), backdrop.clone());
            let (recipe, preset, file_name) = (recipe.clone(), preset.clone(), picture.file_name.clone());
            async move {
                let made = move || remaking::remake(&product, &recipe, backdrop.as_ref(), &preset, &file_name);
                let remade = self.cpu.run(made).await.map_err(|_| CorrectionError::Internal)??;
                let blob = self.put(remade.bytes.clone()).await?.as_str().to_owned();
                let matte = self.put(remade.matte.clone()).await?.as_str().to_owned();
                Ok::<_, CorrectionError>((replaced(picture, blob, matte, &remade), remade.enlargement))
            }
        });
        let (pictures, enlarged): (Vec<_>, Vec<_>) = try_join_all(making).await?.into_iter().unzip();
        let worst = enlarged.into_iter().flatten().max_by(|a, b| a.times().total_cmp(&b.times()));
        let kept = notices.iter().filter(|notice| cutout.enlarged.as_ref() != Some(notice)).cloned();
        let notices = kept.chain(worst.and_then(|enlarged| enlarged.notice())).collect();
        Ok(Corrected { revision: strokes.revision, pictures, notices })
    }

    /// The picture behind the product, where a scene has one.
    async fn backdrop(&self, subject: &Subject) -> Result<Option<Arc<Picture>>, CorrectionError> {
        if subject.cutout.scenes.iter().all(|scene| scene.behind != Behind::Picture) {
            return Ok(None);
        }
        let source = subject.job.spec.sources.get(1).ok_or(CorrectionError::SceneElsewhere)?;
        let (bytes, limits) = (self.held(&source.blob).await?, self.config.kept_limits());
        let decoded = self.cpu.run(move || decode::decode(&bytes, &limits)).await;
        let decoded = decoded.map_err(|_| CorrectionError::Internal)?.map_err(|_| CorrectionError::Gone)?;
        Ok(Some(Arc::new(decoded.picture)))
    }
}

/// The model's own picture stays what it was; only the finished one is new.
fn replaced(first: &FinishedPicture, blob: String, matte: String, remade: &Remade) -> FinishedPicture {
    FinishedPicture {
        blob,
        diff_blob: None,
        matte_blob: Some(matte),
        // The model's own picture is counted with the first one.
        bytes_beside: remade.matte.len() as u64,
        content_type: remade.content_type.to_owned(),
        bytes: remade.bytes.len() as u64,
        width: remade.report.width,
        height: remade.report.height,
        passed: remade.report.passed,
        quality: remade.quality,
        repairs: RawJson::of(&remade.repairs),
        report: RawJson::of(&remade.report),
        ..first.clone()
    }
}

fn settled(kept: Kept) -> Result<u64, CorrectionError> {
    match kept {
        Kept::Under(revision) => Ok(revision),
        Kept::Conflict(now) => Err(CorrectionError::Conflict(now)),
        Kept::NotFound => Err(CorrectionError::NotFound),
    }
}

fn size(job: &Job) -> (u32, u32) {
    job.spec.sources.first().map_or((0, 0), |photo| (photo.width, photo.height))
}

/// All strokes of a job are bounded together, so that they can be drawn anew in bounded time after a restart.
fn check(strokes: &[Stroke], (width, height): (u32, u32)) -> Result<(), CorrectionError> {
    let points: usize = strokes.iter().map(|stroke| stroke.path.len()).sum();
    if strokes.len() > STROKES_MAX || points > STROKE_POINTS_MAX {
        return Err(CorrectionError::TooMany { given: strokes.len() });
    }
    let usable = |stroke: &Stroke| {
        let inside = |(x, y): &(u32, u32)| *x < width && *y < height;
        !stroke.path.is_empty() && stroke.path.iter().all(inside) && (1..=width.max(height)).contains(&stroke.radius)
    };
    if !strokes.iter().all(usable) {
        return Err(CorrectionError::Stroke);
    }
    if cutout::drawn_soon(strokes, (width, height)) { Ok(()) } else { Err(CorrectionError::TooBroad) }
}
