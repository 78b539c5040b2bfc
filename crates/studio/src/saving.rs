//! From the model's answer to finished pictures in our own store.
//!
//! SUCCEEDED is said only when every byte is here: a queue's addresses expire. Downloads that fail are tried again for as
//! long as queues keep files; a picture that can't be used at all is left out, and a job without any picture fails.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use plantain_blobs::BlobKey;
use plantain_inbox::store::StoreError;
use plantain_media::check::enlargement::Enlargement;
use plantain_media::compose::Recipe;
use plantain_media::preset::{FileName, Preset};
use plantain_work::clock::until;
use plantain_work::lane::Left;
use plantain_work::random;

use crate::finishing::{self, Material, NotCompared, Original, Unfinished};
use crate::job::correction::KeptMatte;
use crate::job::transition::{JobEvent, PutOff};
use crate::job::{Finished, FinishedPicture, Job, JobError, JobResult, KeptCutout, Making, Outcome, RawJson, step};
use crate::output::{InPhoto, ModelCutout, ModelImage, ModelOutput};
use crate::service::Inner;
use crate::working::Then;

/// How long pictures are tried to be had after the result came: queues keep them for about as long.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Why a picture isn't here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Unsaved {
    /// It may work later.
    Later,
    Never(JobError),
}

/// A picture that is here.
pub(crate) struct Saved {
    pub picture: FinishedPicture,
    pub enlargement: Option<Enlargement>,
    pub scene: Option<Recipe>,
}

/// A model's picture before it is finished.
pub(crate) struct Raw {
    pub picture: Bytes,
    pub mask: Option<Bytes>,
    /// The product in the photo, where the model told of it.
    pub product: Option<InPhoto>,
    pub variant: Option<String>,
    pub scene: Option<Recipe>,
}

impl Inner {
    /// Saves the pictures of a job whose result is here, and ends it.
    pub(crate) async fn save(&self, job: Job) -> Result<Then, StoreError> {
        // The semaphore lives as long as the studio and is never closed.
        let Ok(_place) = self.saves.acquire().await else { return Ok(Then::LetGo(Left::More)) };
        if let Making::Kept(reuse) = &job.spec.making {
            return self.end_with(&job, self.refinished(&job, reuse).await).await;
        }
        let result = match self.store.result(&job.id).await {
            Ok(Some(result)) => result,
            // It was written in the commit that made it owed: it won't come any more, and nobody can be asked again.
            Ok(None) => return self.without_result(&job, "there is none").await,
            Err(error @ StoreError::Corrupt { .. }) => return self.without_result(&job, &error.to_string()).await,
            Err(error) => return Err(error),
        };
        let outcome = match job.spec.making {
            Making::Any(_) => self.answered(&job, &result).await,
            Making::Asked | Making::Kept(_) => self.outcome(&job, &result).await,
        };
        self.end_with(&job, outcome).await
    }

    /// Ends the job, or puts its saving off.
    async fn end_with(&self, job: &Job, outcome: Result<Outcome, Unsaved>) -> Result<Then, StoreError> {
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(Unsaved::Never(error)) => Outcome::Failed(error),
            Err(Unsaved::Later) if self.may_wait(job) => {
                let pause = step::backoff(job.failures, None, random::jitter());
                tracing::warn!(job = %job.id, ?pause, "job.save_put_off {}", job.id);
                return self.put_off(job, pause, PutOff::Failed).await;
            }
            Err(Unsaved::Later) => Outcome::Failed(unreadable("they could not be downloaded")),
        };
        self.settle(job, JobEvent::Ends { epoch: job.epoch, outcome }).await
    }

    async fn without_result(&self, job: &Job, why: &str) -> Result<Then, StoreError> {
        tracing::error!(job = %job.id, why, "job.result_missing {}: a bug or a damaged database", job.id);
        self.settle(job, JobEvent::fails(job.epoch, result_lost())).await
    }

    pub(crate) fn may_wait(&self, job: &Job) -> bool {
        until(job.result_at.unwrap_or(job.created_at), self.clock.now()) < PATIENCE
    }

    async fn outcome(&self, job: &Job, result: &JobResult) -> Result<Outcome, Unsaved> {
        let output = match result.ended.output(job) {
            Ok(output) => output,
            Err(outcome) => return Ok(outcome),
        };
        let output = ModelOutput::parse(&output).map_err(Unsaved::Never)?;
        let preset = self.presets.get(&job.spec.preset).map_err(|_| Unsaved::Never(preset_gone(&job.spec.preset)))?;
        let original = self.original(job).await;
        let saving = output
            .images
            .iter()
            .enumerate()
            .map(|(index, image)| self.save_one(job, preset, index + 1, image, output.product, original.clone()));
        let (saved, matte) = tokio::join!(join_all(saving), self.matte(job, output.cutout.as_ref()));
        let finished = finished(saved, output.description, matte)?;
        Ok(Outcome::Succeeded(Finished { tilt_degrees: output.tilt_degrees, ..finished }))
    }

    /// The matte of the cut-out, for corrections of the photo that is kept here. The pictures are saved without it as well.
    async fn matte(&self, job: &Job, cutout: Option<&ModelCutout>) -> Option<KeptMatte> {
        job.spec.sources.first()?;
        let cutout = cutout?;
        let bytes = self.fetch(&cutout.matte).await.inspect_err(|_| {
            tracing::warn!(job = %job.id, "job.matte_missing {}: its cut-out can't be corrected", job.id);
        });
        Some(KeptMatte { blob: self.keep(bytes.ok()?).await.ok()?, straightened: cutout.straightened })
    }

    /// The seller's own product, where a generative model may have changed it. Without it pictures are saved all the same.
    pub(crate) async fn original(&self, job: &Job) -> Result<Arc<Original>, NotCompared> {
        if self.config.makers.of(&job.spec.endpoint).is_local() {
            return Err(NotCompared::PhotosOwn);
        }
        let key =
            job.spec.sources.first().and_then(|source| BlobKey::parse(&source.blob)).ok_or(NotCompared::NoPhoto)?;
        let photo = self.blobs.get(&key).await.ok().flatten().ok_or(NotCompared::NoPhoto)?;
        let (limits, segmenter, choice) = (self.config.kept_limits(), self.segmenter.clone(), job.spec.choice.clone());
        let found = self.cpu.run(move || finishing::original(&photo, &choice, &limits, &segmenter)).await;
        found.unwrap_or(Err(NotCompared::NotFound)).map(Arc::new)
    }

    async fn save_one(
        &self,
        job: &Job,
        preset: &Preset,
        number: usize,
        image: &ModelImage,
        product: Option<InPhoto>,
        original: Result<Arc<Original>, NotCompared>,
    ) -> Result<Saved, Unsaved> {
        let picture = self.fetch(&image.url).await?;
        let mask = match &image.mask {
            Some(url) => Some(self.fetch(url).await?),
            None => None,
        };
        let raw = Raw { picture, mask, product, variant: image.variant.clone(), scene: image.scene.clone() };
        self.finish_one(job, preset, number, raw, original).await
    }

    /// Finishes a model's picture and keeps all that belongs to it.
    pub(crate) async fn finish_one(
        &self,
        job: &Job,
        preset: &Preset,
        number: usize,
        Raw { picture, mask, product, variant, scene }: Raw,
        original: Result<Arc<Original>, NotCompared>,
    ) -> Result<Saved, Unsaved> {
        let material = Material {
            picture: picture.clone(),
            mask,
            product,
            preset: preset.clone(),
            file_name: file_name(job, preset, number),
            limits: self.config.result_limits,
            products: job.spec.products,
            provenance: self.config.makers.of(&job.spec.endpoint).provenance,
            segmenter: self.segmenter.clone(),
            original,
        };
        let done = self.cpu.run(move || finishing::finish(&material)).await;
        let done = done
            .map_err(|_| Unsaved::Never(unreadable("finishing them failed")))?
            .map_err(|why| of_unfinished(why, preset))?;
        let (bytes, width, height) = (done.bytes.len() as u64, done.report.width, done.report.height);
        let passed = done.report.passed;
        let report = RawJson::of(&done.report);
        let beside = [Some(&picture), done.diff.as_ref(), done.matte.as_ref()];
        let bytes_beside = beside.into_iter().flatten().map(|bytes| bytes.len() as u64).sum();
        let all = [Some(picture), Some(done.bytes), done.diff, done.matte];
        // As many names come as bytes were given.
        let [Some(raw_blob), Some(blob), diff_blob, matte_blob] = self.keep_all(all).await? else {
            return Err(Unsaved::Later);
        };
        let picture = FinishedPicture {
            raw_blob,
            raw_content_type: done.raw_content_type.to_owned(),
            blob,
            diff_blob,
            matte_blob,
            file_name: done.file_name,
            content_type: done.content_type.to_owned(),
            bytes,
            bytes_beside,
            width,
            height,
            variant,
            passed,
            quality: done.quality,
            repairs: RawJson::of(&done.repairs),
            report,
        };
        Ok(Saved { picture, enlargement: done.enlargement, scene })
    }

    pub(crate) async fn keep(&self, bytes: Bytes) -> Result<String, Unsaved> {
        let [kept] = self.keep_all([Some(bytes)]).await?;
        kept.ok_or(Unsaved::Later)
    }

    /// Keeps what there is of these, in one go.
    async fn keep_all<const N: usize>(&self, all: [Option<Bytes>; N]) -> Result<[Option<String>; N], Unsaved> {
        let kept = self.put_all(all.iter().flatten().cloned().collect()).await;
        let kept = kept.inspect_err(|error| tracing::error!(%error, "job.save: a picture could not be stored"));
        let mut keys = kept.map_err(|_| Unsaved::Later)?.into_iter();
        Ok(all.map(|bytes| bytes.and_then(|_| keys.next()).map(|key| key.as_str().to_owned())))
    }
}

/// All pictures that could be had; an error where there are none, or where another one may come later.
pub(crate) fn finished(
    pictures: Vec<Result<Saved, Unsaved>>,
    description: Option<String>,
    matte: Option<KeptMatte>,
) -> Result<Finished, Unsaved> {
    if pictures.iter().any(|picture| matches!(picture, Err(Unsaved::Later))) {
        return Err(Unsaved::Later);
    }
    let asked = pictures.len();
    let mut failures = Vec::new();
    let saved: Vec<Saved> =
        pictures.into_iter().filter_map(|saved| saved.map_err(|why| failures.push(why)).ok()).collect();
    if saved.is_empty() {
        return Err(failures.into_iter().next().unwrap_or_else(|| Unsaved::Never(no_pictures())));
    }
    let left_out = (!failures.is_empty())
        .then(|| format!("{} of {asked} pictures could not be used and were left out.", failures.len()));
    let enlarged = saved.iter().filter_map(|saved| saved.enlargement).max_by(|a, b| a.times().total_cmp(&b.times()));
    let enlarged = enlarged.and_then(|enlarged| enlarged.notice());
    let notices = left_out.into_iter().chain(enlarged.clone()).collect();
    let scenes: Option<Vec<Recipe>> = saved.iter().map(|saved| saved.scene.clone()).collect();
    let cutout = matte.zip(scenes).map(|(matte, scenes)| Box::new(KeptCutout { matte, scenes, enlarged }));
    let pictures = saved.into_iter().map(|saved| saved.picture).collect();
    Ok(Finished { pictures, media: Vec::new(), description, notices, cutout, tilt_degrees: None })
}

/// What the finished picture of this number is called.
pub(crate) fn file_name(job: &Job, preset: &Preset, number: usize) -> FileName {
    preset.file_name(job.spec.identifier.as_deref(), number, &stem(job))
}

/// What a file is called after where the seller gave no product number.
fn stem(job: &Job) -> String {
    let uploaded = job.spec.sources.first().and_then(|source| source.file_name.as_deref());
    let addressed = job.spec.image_urls.first().and_then(|url| url.path_segments()?.next_back());
    let name = uploaded.or(addressed).unwrap_or_default();
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}

pub(crate) fn of_unfinished(why: Unfinished, preset: &Preset) -> Unsaved {
    Unsaved::Never(match why {
        Unfinished::Unreadable(error) => unreadable(&error.message()),
        Unfinished::NoProduct => JobError::new(
            "no_product_found",
            "No product could be found in the model's picture.",
            "Take the photo with one product that stands out clearly from a plain background.",
        ),
        Unfinished::TooSmall(enlargement) => too_small(&enlargement, preset),
        Unfinished::TooLarge { smallest, limit } => too_large(smallest, limit, preset),
        Unfinished::Failed => unreadable("finishing them failed"),
    })
}

fn too_small(enlargement: &Enlargement, preset: &Preset) -> JobError {
    let (width, height) = enlargement.in_photo;
    JobError::new(
        "picture_too_small",
        format!(
            "The photo is too small: its product is {width} x {height} px, and {} needs at least {} px on its longer side.",
            preset.id,
            enlargement.least()
        ),
        format!(
            "Send the original photo, not a thumbnail, or go closer; {} px look sharp in this preset.",
            enlargement.enough()
        ),
    )
}

fn too_large(smallest: u64, limit: u64, preset: &Preset) -> JobError {
    JobError::new(
        "file_too_large",
        format!(
            "The finished picture needs {smallest} bytes at the lowest quality that may be used, and {} takes {limit}.",
            preset.id
        ),
        "Choose a preset with a smaller canvas or a higher limit, or a calmer background.",
    )
}

pub(crate) fn unreadable(why: &str) -> JobError {
    JobError::new(
        "result_unreadable",
        format!("The model made pictures, but {why}."),
        "Start the job again. If it happens again, tell whoever runs the studio.",
    )
}

fn no_pictures() -> JobError {
    JobError::new(
        "no_pictures",
        "The model answered without any picture.",
        "Start the job again, perhaps with another photo or a simpler prompt.",
    )
}

fn result_lost() -> JobError {
    JobError::new(
        "result_lost",
        "The model's answer came, but the studio's database does not hold it any more.",
        "Start the job again, and tell whoever runs the studio that its database is damaged.",
    )
}

pub(crate) fn preset_gone(id: &str) -> JobError {
    JobError::new(
        "preset_gone",
        format!("The preset \"{id}\" was removed while the job ran."),
        "Choose another preset and start the job again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Source, sample};

    fn picture() -> FinishedPicture {
        FinishedPicture {
            blob: "b".into(),
            raw_blob: "r".into(),
            diff_blob: None,
            matte_blob: None,
            raw_content_type: "image/png".into(),
            file_name: "a.jpg".into(),
            content_type: "image/jpeg".into(),
            bytes: 1,
            bytes_beside: 0,
            width: 1,
            height: 1,
            variant: None,
            passed: true,
            quality: Some(90),
            repairs: RawJson::default(),
            report: RawJson::default(),
        }
    }

    fn saved(in_photo: Option<(u32, u32)>) -> Saved {
        let enlargement = in_photo.map(|in_photo| Enlargement { in_photo, in_picture: (1760, 900) });
        Saved { picture: picture(), enlargement, scene: None }
    }

    #[test]
    fn an_enlargement_that_shows_is_told_once() {
        let notices = |pictures: Vec<_>| finished(pictures, None, None).unwrap().notices;
        assert_eq!(notices(vec![Ok(saved(Some((1700, 900)))), Ok(saved(None))]), Vec::<String>::new());
        let told = notices(vec![Ok(saved(Some((800, 400)))), Ok(saved(Some((700, 400))))]);
        assert!(told.len() == 1 && told[0].contains("enlarged 2.5 times"), "{told:?}");
    }

    #[test]
    fn a_product_that_is_too_small_is_told_what_its_preset_needs() {
        let presets = plantain_media::preset::Presets::builtin();
        let ruined = Enlargement { in_photo: (90, 110), in_picture: (1440, 1760) };
        let Unsaved::Never(error) = of_unfinished(Unfinished::TooSmall(ruined), presets.get("amazon_main").unwrap())
        else {
            panic!("it will never be larger")
        };
        assert_eq!(error.code, "picture_too_small");
        assert!(error.message.contains("90 x 110 px, and amazon_main needs at least 440 px"), "{}", error.message);
    }

    #[test]
    fn a_file_that_fits_at_no_quality_is_told_what_it_needs() {
        let presets = plantain_media::preset::Presets::builtin();
        let large = Unfinished::TooLarge { smallest: 1_200_000, limit: 1_000_000 };
        let Unsaved::Never(error) = of_unfinished(large, presets.get("myntra_main").unwrap()) else {
            panic!("it will never be smaller")
        };
        assert_eq!(error.code, "file_too_large");
        assert!(error.message.contains("needs 1200000 bytes") && error.message.contains("takes 1000000"));
    }

    #[test]
    fn one_bad_picture_is_left_out_and_one_late_picture_is_waited_for() {
        let bad = || Err(Unsaved::Never(unreadable("x")));
        let some = finished(vec![Ok(saved(None)), bad(), Ok(saved(None))], None, None).unwrap();
        assert_eq!((some.pictures.len(), some.notices.len()), (2, 1));
        assert_eq!(finished(vec![Ok(saved(None)), Err(Unsaved::Later), bad()], None, None), Err(Unsaved::Later));
        assert_eq!(finished(vec![bad(), bad()], None, None), Err(Unsaved::Never(unreadable("x"))));
        assert_eq!(finished(vec![], None, None), Err(Unsaved::Never(no_pictures())));
        assert!(finished(vec![Ok(saved(None))], None, None).unwrap().notices.is_empty());
    }

    #[test]
    fn files_are_called_after_the_photo() {
        let mut job = sample::job();
        assert_eq!(stem(&job), "mug");
        let source = |name: Option<&str>| Source {
            blob: String::new(),
            file_name: name.map(str::to_owned),
            content_type: "image/jpeg".into(),
            bytes: 1,
            width: 1,
            height: 1,
            notices: Vec::new(),
        };
        job.spec.sources = vec![source(Some("blue.cup.jpeg"))];
        assert_eq!(stem(&job), "blue.cup");
        job.spec.image_urls.clear();
        job.spec.sources = vec![source(None)];
        assert_eq!(stem(&job), "");
    }
}
