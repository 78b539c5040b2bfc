//! Another marketplace's pictures of what a finished job has kept: no model is asked, and nothing is charged.
//!
//! What the local engine made is laid out anew from the photo and its cut-out, as corrected; what a generative model made is
//! finished anew from the model's own pictures. Like every job this one is durable once it was accepted, and ends.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;

use plantain_blobs::BlobKey;
use plantain_media::compose::{Behind, Recipe, Scene, SceneRules, top_three};
use plantain_media::decode::{self, Limits};
use plantain_media::picture::{Matte, Picture};
use plantain_media::preset::{Background, Preset};
use plantain_wire::models::staging::Staging;

use crate::correcting::CorrectionError;
use crate::correcting::remaking::{self, Known, Lifted, Remade};
use crate::error::StudioError;
use crate::finishing::Unfinished;
use crate::generating::{Accepted, heeded};
use crate::job::making::{Reuse, Reused};
use crate::job::wish::{self, WishKey, Wished};
use crate::job::{
    Finished, FinishedPicture, Job, JobError, JobId, JobSpec, KeptCutout, Making, Outcome, Phase, RawJson,
};
use crate::messages::naming::Naming;
use crate::prompt;
use crate::saving::{self, Raw, Saved, Unsaved, unreadable};
use crate::service::{Inner, Studio};

impl Studio {
    /// Accepts a job that makes another preset's pictures of what a finished one has kept; `None` where there is no such job.
    pub async fn for_preset(
        &self,
        id: &JobId,
        preset: &str,
        key: Option<WishKey>,
    ) -> Result<Option<Accepted>, StudioError> {
        let inner = &self.0;
        let preset = inner.presets.get(preset).map_err(StudioError::UnknownPreset)?;
        let Some(job) = inner.store.job(id).await? else { return Ok(None) };
        let strokes = inner.store.strokes(id).await?;
        let digest = wish::of_preset(id, &preset.id, strokes.revision);
        let wished = key.map(|key| Wished { key, digest });
        if let Some(before) = self.before(wished.as_ref()).await? {
            return Ok(Some(before));
        }
        let Some(Outcome::Succeeded(finished)) = &job.outcome else { return Err(StudioError::NotFinished) };
        // An answer of any endpoint has files, but no product that is known.
        if finished.pictures.is_empty() {
            return Err(StudioError::NotFinished);
        }
        if job.spec.preset == preset.id {
            return Err(StudioError::SamePreset);
        }
        let corrected = match strokes.strokes.is_empty() || finished.cutout.is_none() {
            true => None,
            false => Some(self.corrected(id).await?),
        };
        let spec = inner.respecified(&job, finished, preset, corrected);
        self.begin(spec, job.owner, None, wished, &Naming::default()).await.map(Some)
    }

    /// The matte with all strokes heeded, kept.
    async fn corrected(&self, id: &JobId) -> Result<String, StudioError> {
        let stroked = self.matte(id, None).await.map_err(|error| match error {
            CorrectionError::Studio(error) => error,
            CorrectionError::Busy => StudioError::Busy,
            CorrectionError::NotFound | CorrectionError::NotFinished => StudioError::NotFinished,
            _ => StudioError::Internal,
        })?;
        Ok(self.0.put(stroked.matte).await?.as_str().to_owned())
    }
}

impl Inner {
    /// The same wishes for another preset, and what its pictures are made of.
    fn respecified(&self, job: &Job, finished: &Finished, preset: &Preset, corrected: Option<String>) -> JobSpec {
        let reused = |picture: &FinishedPicture| Reused {
            blob: picture.raw_blob.clone(),
            content_type: picture.raw_content_type.clone(),
            variant: picture.variant.clone(),
        };
        let mut pictures: Vec<Reused> = finished.pictures.iter().map(reused).collect();
        let mut spec = JobSpec {
            preset: preset.id.clone(),
            prompt: prompt::compose(preset, job.spec.user_prompt.as_deref()),
            aspect_ratio: prompt::aspect_ratio(preset.canvas),
            num_images: u8::try_from(pictures.len()).unwrap_or(u8::MAX),
            // They were asked for one end.
            callback: None,
            notify: None,
            whatsapp: None,
            in_batch: false,
            ..job.spec.clone()
        };
        let provenance = self.config.makers.of(&spec.endpoint).provenance;
        (spec.staging, spec.notices) = heeded(&spec, preset, provenance);
        let cutout = finished.cutout.as_ref().filter(|cutout| cutout.scenes.len() == pictures.len());
        let cutout = cutout.filter(|_| !job.spec.sources.is_empty()).map(|cutout| {
            let laid = scenes(&cutout.scenes, preset, &spec.staging);
            for (picture, (title, _)) in pictures.iter_mut().zip(&laid) {
                picture.variant = title.map(str::to_owned).or(picture.variant.take());
            }
            let blob = corrected.unwrap_or_else(|| cutout.matte.blob.clone());
            let scenes = laid.into_iter().map(|(_, recipe)| recipe).collect();
            let matte = crate::job::correction::KeptMatte { blob, ..cutout.matte.clone() };
            KeptCutout { matte, scenes, enlarged: None }
        });
        spec.making = Making::Kept(Box::new(Reuse { of: job.id.clone(), pictures, cutout }));
        spec
    }

    /// The pictures of a job that has all at hand.
    pub(crate) async fn refinished(&self, job: &Job, reuse: &Reuse) -> Result<Outcome, Unsaved> {
        debug_assert_eq!(job.phase, Phase::Save);
        let gone = || Unsaved::Never(saving::preset_gone(&job.spec.preset));
        let preset = self.presets.get(&job.spec.preset).map_err(|_| gone())?;
        let saved = match &reuse.cutout {
            Some(cutout) => self.laid_out(job, preset, reuse, cutout).await?,
            None => self.finished_anew(job, preset, reuse).await,
        };
        let matte = reuse.cutout.as_ref().map(|cutout| cutout.matte.clone());
        Ok(Outcome::Succeeded(saving::finished(saved, None, matte)?))
    }

    async fn finished_anew(&self, job: &Job, preset: &Preset, reuse: &Reuse) -> Vec<Result<Saved, Unsaved>> {
        let original = self.original(job).await;
        let making = (1..).zip(&reuse.pictures).map(|(number, picture)| {
            let original = original.clone();
            async move {
                let variant = picture.variant.clone();
                let bytes = self.at_hand(&picture.blob).await?;
                let raw = Raw { picture: bytes, mask: None, product: None, variant, scene: None };
                self.finish_one(job, preset, number, raw, original).await
            }
        });
        join_all(making).await
    }

    async fn laid_out(
        &self,
        job: &Job,
        preset: &Preset,
        reuse: &Reuse,
        cutout: &KeptCutout,
    ) -> Result<Vec<Result<Saved, Unsaved>>, Unsaved> {
        let photo = job.spec.sources.first().ok_or_else(|| Unsaved::Never(lost()))?;
        let (photo, matte) = (self.at_hand(&photo.blob).await?, self.at_hand(&cutout.matte.blob).await?);
        let backdrop = match cutout.scenes.iter().any(|scene| scene.behind == Behind::Picture) {
            true => {
                let source = job.spec.sources.get(1).ok_or_else(|| Unsaved::Never(lost()))?;
                Some(self.at_hand(&source.blob).await?)
            }
            false => None,
        };
        let (straightened, products) = (cutout.matte.straightened, job.spec.products);
        let limits = self.config.kept_limits();
        let cut =
            self.cpu.run(move || cut_out(&photo, &matte, backdrop.as_ref(), (straightened, products), &limits)).await;
        let (product, backdrop) = cut.map_err(|_| Unsaved::Never(unreadable("laying them out failed")))??;
        let (product, backdrop) = (Arc::new(product), backdrop.map(Arc::new));
        let making = (1..).zip(reuse.pictures.iter().zip(&cutout.scenes)).map(|(number, (picture, recipe))| {
            let file_name = saving::file_name(job, preset, number).path();
            let (product, backdrop, named) = (product.clone(), backdrop.clone(), file_name.clone());
            let (recipe, preset) = (recipe.clone(), preset.clone());
            async move {
                let scene = recipe.clone();
                let made = move || remaking::remake(&product, &recipe, backdrop.as_ref(), &preset, &named);
                let made = self.cpu.run(made).await;
                let remade = made.map_err(|_| Unsaved::Never(unreadable("laying them out failed")))?;
                let remade = remade.map_err(|error| unmade(error, &job.spec.preset, self))?;
                self.kept(picture, file_name, scene, remade).await
            }
        });
        Ok(join_all(making).await)
    }

    async fn kept(&self, picture: &Reused, file_name: String, scene: Recipe, remade: Remade) -> Result<Saved, Unsaved> {
        let picture = FinishedPicture {
            blob: self.keep(remade.bytes.clone()).await?,
            raw_blob: picture.blob.clone(),
            raw_content_type: picture.content_type.clone(),
            diff_blob: None,
            matte_blob: Some(self.keep(remade.matte.clone()).await?),
            file_name,
            content_type: remade.content_type.to_owned(),
            bytes: remade.bytes.len() as u64,
            width: remade.report.width,
            height: remade.report.height,
            // The model's own picture is counted with the job that it was made for.
            bytes_beside: remade.matte.len() as u64,
            variant: picture.variant.clone(),
            passed: remade.report.passed,
            quality: remade.quality,
            repairs: RawJson::of(&remade.repairs),
            report: RawJson::of(&remade.report),
        };
        Ok(Saved { picture, enlargement: remade.enlargement, scene: Some(scene) })
    }

    async fn at_hand(&self, key: &str) -> Result<Bytes, Unsaved> {
        let key = BlobKey::parse(key).ok_or_else(|| Unsaved::Never(lost()))?;
        let bytes = self.blobs.get(&key).await.map_err(|_| Unsaved::Later)?;
        bytes.ok_or_else(|| Unsaved::Never(lost()))
    }
}

/// The product, and what lies behind it. Belongs on `work::Cpu`.
fn cut_out(
    photo: &[u8],
    matte: &[u8],
    backdrop: Option<&Bytes>,
    (straightened, products): (Option<f32>, Option<u32>),
    limits: &Limits,
) -> Result<(Lifted, Option<Picture>), Unsaved> {
    let decoded = |bytes: &[u8]| decode::decode(bytes, limits).map_err(|_| Unsaved::Never(lost()));
    let (photo, matte) = (decoded(photo)?, Matte::of_grey(&decoded(matte)?.picture));
    let known = Known { straightened, products, came_cut_out: photo.own_matte().is_some() };
    let photo = photo.picture;
    if (photo.width(), photo.height()) != (matte.width(), matte.height()) {
        return Err(Unsaved::Never(lost()));
    }
    let product = remaking::cut_out(&photo, &matte, known).map_err(|_| Unsaved::Never(lost()))?;
    let backdrop = backdrop.map(|bytes| decoded(bytes)).transpose()?;
    Ok((product, backdrop.map(|decoded| decoded.picture)))
}

/// How far the fourth picture stands back from the first.
const FURTHER_AWAY: f32 = 0.06;

/// The scenes of another preset: its own three where it rules the background, otherwise those that the seller wished for, on its
/// canvas. With what they are called, where that is new.
fn scenes(before: &[Recipe], preset: &Preset, staging: &Staging) -> Vec<(Option<&'static str>, Recipe)> {
    let wished =
        *staging != Staging { straighten: staging.straighten, normalize: staging.normalize, ..Staging::default() };
    let on_picture = before.iter().any(|recipe| recipe.behind == Behind::Picture);
    if preset.background == Background::F0 && (wished || on_picture) {
        return before.iter().map(|recipe| (None, Recipe { canvas: preset.canvas, ..recipe.clone() })).collect();
    }
    let rules = SceneRules::of(preset, before.first().map_or(0, |recipe| recipe.seed));
    let three = top_three(&rules);
    let fourth = Scene { title: "Further away", fill: three[0].fill - FURTHER_AWAY, ..three[0].clone() };
    let all = three.into_iter().chain([fourth]);
    // The light was evened out by the photo, whatever lies behind the product.
    before
        .iter()
        .zip(all)
        .map(|(old, scene)| (Some(scene.title), Recipe { gains: old.gains, ..Recipe::of(&scene) }))
        .collect()
}

fn unmade(error: CorrectionError, preset: &str, inner: &Inner) -> Unsaved {
    let Ok(preset) = inner.presets.get(preset) else { return Unsaved::Never(saving::preset_gone(preset)) };
    match error {
        CorrectionError::TooSmall(enlargement) => saving::of_unfinished(Unfinished::TooSmall(enlargement), preset),
        CorrectionError::TooLarge { smallest, limit } => {
            saving::of_unfinished(Unfinished::TooLarge { smallest, limit }, preset)
        }
        CorrectionError::NothingLeft => saving::of_unfinished(Unfinished::NoProduct, preset),
        _ => Unsaved::Never(unreadable("laying them out failed")),
    }
}

fn lost() -> JobError {
    JobError::new(
        "photo_lost",
        "The photo or its cut-out is no longer in the studio's storage.",
        "Upload the photo again; whoever runs the studio should look after its disk.",
    )
}

#[cfg(test)]
mod tests {
    use plantain_media::preset::Presets;
    use plantain_wire::models::staging::SceneKind;

    use super::*;

    fn laid(from: &str, to: &str, staging: &Staging) -> Vec<(Option<&'static str>, Recipe)> {
        let presets = Presets::builtin();
        let before: Vec<Recipe> =
            top_three(&SceneRules::of(presets.get(from).unwrap(), 7)).iter().map(Recipe::of).collect();
        scenes(&before, presets.get(to).unwrap(), staging)
    }

    #[test]
    fn another_preset_has_its_own_canvas_and_scenes() {
        let presets = Presets::builtin();
        for preset in presets.iter() {
            let laid = laid("amazon_main", &preset.id, &Staging::default());
            assert_eq!(laid.len(), 3);
            for (title, recipe) in &laid {
                assert!(title.is_some() && recipe.canvas == preset.canvas && recipe.seed == 7, "{}", preset.id);
            }
            let own: Vec<Recipe> = top_three(&SceneRules::of(preset, 7)).iter().map(Recipe::of).collect();
            assert_eq!(laid.into_iter().map(|(_, recipe)| recipe).collect::<Vec<_>>(), own);
        }
    }

    #[test]
    fn a_scene_that_was_wished_for_goes_along_where_the_background_is_free() {
        let studio = Staging { scene: SceneKind::Studio, ..Staging::default() };
        let etsy = laid("shopify", "etsy", &studio);
        let free = Presets::builtin().get("etsy").unwrap().background == Background::F0;
        assert_eq!(etsy.iter().all(|(title, _)| title.is_none()), free);
        let white = laid("shopify", "amazon_main", &Staging::default());
        assert!(white.iter().all(|(title, recipe)| title.is_some() && recipe.behind == Behind::White));
    }

    #[test]
    fn four_pictures_become_four() {
        let presets = Presets::builtin();
        let usual = Recipe::of(&Scene::default());
        let four = scenes(&vec![usual; 4], presets.get("ebay").unwrap(), &Staging::default());
        assert_eq!((four.len(), four[3].0), (4, Some("Further away")));
        assert!(four[3].1.fill < four[0].1.fill);
    }
}
