//! From a wish to a job: check, decode, keep, insert, and wait a little for the queue's answer.

use jiff::Timestamp;

use plantain_blobs::BlobKey;
use plantain_media::encode::Provenance;
use plantain_media::preset::Preset;
use plantain_wire::models::choice::ObjectChoice;
use plantain_wire::models::staging::Staging;
use plantain_work::clock;

use crate::error::StudioError;
use crate::job::key::{Allowance, Allowed, StudioKey, Tier};
use crate::job::wish::{self, Became, KEPT_FOR, Made, Once, WishKey, Wished};
use crate::job::{CallbackToken, Job, JobId, JobSpec, Making, Owner, Phase, Source};
use crate::messages::naming::Naming;
use crate::photo::{self, NewJob, Photo, Wish};
use crate::prompt;
use crate::roles;
use crate::service::{Inner, Studio};
use crate::view::JobView;
use crate::watch::Watch;

/// A job that is durable, and the way to hear of its submit.
#[derive(Debug)]
pub struct Accepted {
    job: Job,
    watch: Watch,
    is_repeated: bool,
}

impl Accepted {
    /// An earlier sending of the same wish has made the job.
    pub fn is_repeated(&self) -> bool {
        self.is_repeated
    }
}

/// What a job is made again with; `None` stays as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Again {
    pub straighten: Option<bool>,
    pub normalize: Option<bool>,
}

/// Who has a job made again, and what they may have.
#[derive(Clone, Debug)]
pub struct Payer {
    /// Whose the new job is; `None`: whose the first one is.
    pub owner: Option<Owner>,
    pub tier: Tier,
    pub allowance: Option<Allowance>,
}

impl Payer {
    /// What a key makes is the key's and spends its budget, whosever the photo was.
    pub fn of(key: Option<&StudioKey>, tier: Tier, now: Timestamp) -> Payer {
        Payer { owner: key.map(StudioKey::owner), tier, allowance: key.and_then(|key| key.allowance(now)) }
    }
}

impl Studio {
    /// [`Studio::accept`], then [`Studio::submitted`].
    pub async fn generate(&self, new: NewJob) -> Result<JobView, StudioError> {
        let accepted = self.accept(new).await?;
        Ok(self.submitted(accepted).await)
    }

    /// Accepts a job: when this returns `Ok`, the job and its photos are durable and the job will end.
    ///
    /// Every photo is decoded to its last pixel first. The photos are out of memory when this returns.
    pub async fn accept(&self, new: NewJob) -> Result<Accepted, StudioError> {
        self.accept_once(new, None, &Naming::default()).await
    }

    /// [`Studio::accept`], or the job that the same wish with this key has become before. Those whom it names are counted for a
    /// new job alone.
    pub async fn accept_once(
        &self,
        new: NewJob,
        key: Option<WishKey>,
        naming: &Naming,
    ) -> Result<Accepted, StudioError> {
        let inner = &self.0;
        let new = inner.config.of_words(new);
        let wish = photo::check(&new, &inner.presets)?;
        let wished = match key {
            Some(key) => {
                let whole = new.clone();
                let digest = inner.admission.run(move || wish::of_new(&whole)).await;
                Some(Wished { key, digest: digest.map_err(|_| StudioError::Internal)? })
            }
            None => None,
        };
        if let Some(before) = self.before(wished.as_ref()).await? {
            return Ok(before);
        }
        let _place = inner.admissions.try_acquire().map_err(|_| StudioError::Busy)?;
        let spec = inner.spec(&new, wish, None).await?;
        self.begin(spec, new.owner, new.allowance.as_ref(), wished, naming).await
    }

    /// Accepts a job for the photos and wishes of an earlier one; `None` where there is no such job. Only of what the local
    /// engine makes, and of what has failed: whoever else would be asked again might bill again.
    pub async fn again(
        &self,
        id: &JobId,
        change: Again,
        payer: Payer,
        key: Option<WishKey>,
    ) -> Result<Option<Accepted>, StudioError> {
        let digest = wish::of_again(id, change.straighten, change.normalize);
        let wished = key.map(|key| Wished { key, digest });
        if let Some(before) = self.before(wished.as_ref()).await? {
            return Ok(Some(before));
        }
        let Some(job) = self.0.store.job(id).await? else { return Ok(None) };
        if !self.0.config.may_be_made_again(&job) {
            return Err(StudioError::NotLocal);
        }
        let Job { mut spec, owner, .. } = job;
        let maker = self.0.config.makers.of(&spec.endpoint);
        let preset = self.0.presets.get(&spec.preset).map_err(StudioError::UnknownPreset)?;
        spec.staging.straighten = change.straighten.unwrap_or(spec.staging.straighten);
        spec.staging.normalize = change.normalize.unwrap_or(spec.staging.normalize);
        (spec.staging, spec.notices) = heeded(&spec, preset, maker.provenance);
        let (num_images, told_of_tier) = roles::of_tier(spec.num_images, payer.tier);
        spec.num_images = num_images;
        spec.notices.extend(told_of_tier);
        spec.making = Making::Asked;
        spec.in_batch = false;
        // It was asked for one end.
        (spec.callback, spec.notify, spec.whatsapp) = (None, None, None);
        // What costs nothing is made whatever was spent.
        let allowance = payer.allowance.filter(|_| maker.micro_usd_per_image() > 0);
        let owner = payer.owner.or(owner);
        self.begin(spec, owner, allowance.as_ref(), wished, &Naming::default()).await.map(Some)
    }

    /// The job is durable when this returns `Ok`.
    pub(crate) async fn begin(
        &self,
        spec: JobSpec,
        owner: Option<Owner>,
        allowance: Option<&Allowance>,
        wished: Option<Wished>,
        naming: &Naming,
    ) -> Result<Accepted, StudioError> {
        let inner = &self.0;
        let now = inner.clock.now();
        let price = inner.config.makers.of(&spec.endpoint).micro_usd_per_image();
        let job = Job::new(JobId::new(now), CallbackToken::random(), spec, now).owned_by(owner);
        let job = match job.spec.making {
            Making::Asked | Making::Any(_) => job.priced(price),
            Making::Kept(_) => job.priced(0).at_hand(),
        };
        // Interest is registered before the insert, so that no news is missed.
        let watch = self.watch(&job.id);
        let counted = match naming.count(now) {
            Ok(counted) => counted,
            // The very same wish may have been counted a moment ago.
            Err(refused) => return self.before(wished.as_ref()).await?.ok_or(refused),
        };
        if let Some(became) = inner.insert(&job, allowance, wished.as_ref()).await? {
            let wished = wished.as_ref().ok_or(StudioError::Internal)?;
            return self.repeated(wished, became).await?.ok_or(StudioError::Busy);
        }
        counted.keep();
        inner.wake.wake();
        tracing::info!(job = %job.id, preset = %job.spec.preset, "job.accepted {}", job.id);
        Ok(Accepted { job, watch, is_repeated: false })
    }

    /// The job that the wish has become before; an error where its key stands for another wish.
    pub(crate) async fn before(&self, wished: Option<&Wished>) -> Result<Option<Accepted>, StudioError> {
        let Some(wished) = wished else { return Ok(None) };
        match self.0.store.became(&wished.key, since(self.0.clock.now())).await? {
            Some(became) => self.repeated(wished, became).await,
            None => Ok(None),
        }
    }

    async fn repeated(&self, wished: &Wished, became: Became) -> Result<Option<Accepted>, StudioError> {
        let Became { made: Made::Job(id), digest } = became else { return Err(StudioError::KeyUsed) };
        if digest != wished.digest {
            return Err(StudioError::KeyUsed);
        }
        let watch = self.watch(&id);
        let job = self.0.store.job(&id).await?;
        Ok(job.map(|job| Accepted { job, watch, is_repeated: true }))
    }

    /// Waits for the queue's request id, for at most `config.submit_wait`; the job goes on without this caller.
    pub async fn submitted(&self, accepted: Accepted) -> JobView {
        let inner = &self.0;
        let job = inner.until_submitted(accepted.job, accepted.watch).await;
        inner.view(&job, inner.clock.now())
    }
}

/// Wishes from before are known no more.
pub(crate) fn since(now: Timestamp) -> Timestamp {
    clock::before(now, KEPT_FOR)
}

impl Inner {
    /// What the wish has become before, and then nothing was kept.
    async fn insert(
        &self,
        job: &Job,
        allowance: Option<&Allowance>,
        wished: Option<&Wished>,
    ) -> Result<Option<Became>, StudioError> {
        let told = match (wished, allowance) {
            (Some(wished), _) => self.store.insert_once(job, wished, since(job.created_at), allowance).await?,
            (None, Some(allowance)) => match self.store.insert_allowed(job, allowance).await? {
                Allowed::Yes => Once::Kept,
                Allowed::Spent(spent) => Once::Spent(spent),
            },
            (None, None) => {
                self.store.insert(job).await?;
                Once::Kept
            }
        };
        match told {
            Once::Kept => Ok(None),
            Once::Before(became) => Ok(Some(became)),
            Once::Spent(spent) => {
                let budget = allowance.map_or(0, |allowance| allowance.budget_micro_usd);
                Err(StudioError::Budget { spent, cost: job.cost_micro_usd(), budget })
            }
        }
    }

    /// `kept`: where the first photo's bytes lie already, which are referred to until the job is made.
    pub(crate) async fn spec(
        &self,
        new: &NewJob,
        wish: Wish<'_>,
        kept: Option<&BlobKey>,
    ) -> Result<JobSpec, StudioError> {
        let mut sources = Vec::with_capacity(new.photos.len());
        // One after the other: memory for one decode at a time.
        let mut choice = new.choice.clone();
        for (index, photo) in new.photos.iter().enumerate() {
            let (source, came) = self.admit(photo, index + 1, kept.filter(|_| index == 0)).await?;
            if index == 0 {
                choice = chosen(&new.choice, came, &source)?;
            }
            sources.push(source);
        }
        let endpoint = new.endpoint.clone().unwrap_or_else(|| self.config.endpoint.clone());
        let provenance = self.config.makers.of(&endpoint).provenance;
        let (num_images, told_of_tier) = roles::of_tier(new.num_images, new.tier);
        let mut spec = JobSpec {
            preset: wish.preset.id.clone(),
            prompt: match new.is_of_words() {
                true => prompt::of_words(wish.preset, wish.prompt.as_deref().unwrap_or_default()),
                false => prompt::compose(wish.preset, wish.prompt.as_deref()),
            },
            user_prompt: wish.prompt,
            aspect_ratio: prompt::aspect_ratio(wish.preset.canvas),
            endpoint,
            num_images,
            identifier: wish.identifier,
            products: new.products,
            whatsapp: new.whatsapp.clone(),
            sources,
            image_urls: new.image_urls.clone(),
            choice,
            notices: Vec::new(),
            staging: new.staging,
            making: Default::default(),
            callback: new.callback.clone(),
            notify: new.notify.clone(),
            in_batch: false,
        };
        (spec.staging, spec.notices) = heeded(&spec, wish.preset, provenance);
        spec.notices.extend(told_of_tier);
        Ok(spec)
    }

    /// The photo as it is kept, and its width and height as it came.
    async fn admit(
        &self,
        photo: &Photo,
        number: usize,
        kept: Option<&BlobKey>,
    ) -> Result<(Source, (u32, u32)), StudioError> {
        let (bytes, limits) = (photo.bytes.clone(), self.config.photo_limits);
        let admitted =
            self.admission.run(move || photo::admit(&bytes, &limits)).await.map_err(|_| StudioError::Internal)?;
        let admitted = admitted.map_err(|error| StudioError::Photo { number, error })?;
        let named = photo.file_name.as_deref().and_then(photo::tame_file_name);
        let (bytes, named, kept) = match admitted.instead {
            Some(form) => (form.bytes.into(), named.map(|name| photo::renamed(&name, form.extension)), None),
            None => (photo.bytes.clone(), named, kept.cloned()),
        };
        let length = bytes.len() as u64;
        let blob = match kept {
            Some(kept) => kept,
            None => self.put(bytes).await?,
        };
        let source = Source {
            blob: blob.as_str().to_owned(),
            file_name: Some(named.unwrap_or_else(|| photo::given_name(number, admitted.content_type))),
            content_type: admitted.content_type.to_owned(),
            bytes: length,
            width: admitted.width,
            height: admitted.height,
            notices: admitted.notices.into_iter().map(str::to_owned).collect(),
        };
        Ok((source, admitted.came))
    }

    /// The job once its first submit has had an outcome, or as it is when the wait is over.
    async fn until_submitted(&self, mut job: Job, mut watch: Watch) -> Job {
        let waiting = async {
            while job.phase == Phase::Submit && job.failures == 0 {
                watch.changed().await;
                // The job is accepted whatever happens here: an unreadable store only ends the waiting.
                match self.store.job(&job.id).await {
                    Ok(Some(newer)) => job = newer,
                    Ok(None) | Err(_) => return,
                }
            }
        };
        self.clock.timeout(self.config.submit_wait, waiting).await;
        job
    }
}

/// The choice in the photo that is kept. What lies elsewhere is first seen by the model, which then says the same.
fn chosen(choice: &ObjectChoice, came: (u32, u32), kept: &Source) -> Result<ObjectChoice, StudioError> {
    match choice.lies_in(came.0, came.1) {
        true if came == (kept.width, kept.height) => Ok(choice.clone()),
        true => Ok(choice.scaled(came, (kept.width, kept.height))),
        false => Err(StudioError::ChoiceOutside { width: came.0, height: came.1 }),
    }
}

/// What of the staging is heeded, and all that is to be told about the wishes.
pub(crate) fn heeded(spec: &JobSpec, preset: &Preset, provenance: Provenance) -> (Staging, Vec<String>) {
    let (staging, said) = roles::of_staging(spec.staging, preset, provenance);
    let pictures = spec.sources.len() + spec.image_urls.len();
    let told = [
        roles::of_pictures(pictures, &staging, preset, provenance),
        said,
        roles::of_choice(&spec.choice, provenance),
        roles::of_identifier(spec.identifier.as_deref(), preset),
    ];
    (staging, told.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use plantain_wire::models::choice::{BoxPrompt, PointPrompt};

    use super::*;

    #[test]
    fn what_was_chosen_in_a_photo_is_chosen_in_its_smaller_copy() {
        let choice = ObjectChoice {
            box_prompts: vec![BoxPrompt { x_min: 100, y_min: 50, x_max: 300, y_max: 390 }],
            point_prompts: vec![PointPrompt { x: 399, y: 10, label: 1 }],
            ..ObjectChoice::default()
        };
        let kept = |width, height| Source {
            blob: String::new(),
            file_name: None,
            content_type: "image/png".into(),
            bytes: 1,
            width,
            height,
            notices: Vec::new(),
        };
        assert_eq!(chosen(&choice, (400, 400), &kept(400, 400)).unwrap(), choice);
        let halved = chosen(&choice, (400, 400), &kept(200, 200)).unwrap();
        assert_eq!(halved.corners(), Some([50, 25, 150, 195]));
        assert_eq!(halved.points().next(), Some(((199, 5), true)));
        let outside = chosen(&choice, (399, 400), &kept(200, 200));
        assert!(matches!(outside, Err(StudioError::ChoiceOutside { width: 399, height: 400 })), "as it came");
    }
}
