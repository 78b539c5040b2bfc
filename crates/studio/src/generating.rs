//! From a wish to a job: check, decode, keep, insert, and wait a little for the queue's answer.

use crate::error::StudioError;
use crate::job::key::{Allowance, Allowed};
use crate::job::{CallbackToken, Job, JobId, JobSpec, Owner, Phase, Source};
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
}

/// What a job is made again with; `None` stays as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Again {
    pub straighten: Option<bool>,
    pub normalize: Option<bool>,
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
        let inner = &self.0;
        let wish = photo::check(&new, &inner.presets)?;
        let _place = inner.admissions.try_acquire().map_err(|_| StudioError::Busy)?;
        let spec = inner.spec(&new, wish).await?;
        self.begin(spec, new.owner, new.allowance.as_ref()).await
    }

    /// Accepts a job for the photos and wishes of an earlier one; `None` where there is no such job. Only of what the local
    /// engine makes: whoever else would be asked again might bill again.
    pub async fn again(&self, id: &JobId, change: Again) -> Result<Option<Accepted>, StudioError> {
        let Some(Job { mut spec, owner, .. }) = self.0.store.job(id).await? else { return Ok(None) };
        if !self.0.config.makers.of(&spec.endpoint).is_local() {
            return Err(StudioError::NotLocal);
        }
        spec.staging.straighten = change.straighten.unwrap_or(spec.staging.straighten);
        spec.staging.normalize = change.normalize.unwrap_or(spec.staging.normalize);
        self.begin(spec, owner, None).await.map(Some)
    }

    /// The job is durable when this returns `Ok`.
    async fn begin(
        &self,
        spec: JobSpec,
        owner: Option<Owner>,
        allowance: Option<&Allowance>,
    ) -> Result<Accepted, StudioError> {
        let inner = &self.0;
        let now = inner.clock.now();
        let price = inner.config.makers.of(&spec.endpoint).micro_usd_per_image();
        let job = Job::new(JobId::new(now), CallbackToken::random(), spec, now).owned_by(owner).priced(price);
        // Interest is registered before the insert, so that no news is missed.
        let watch = self.watch(&job.id);
        inner.insert(&job, allowance).await?;
        inner.wake.wake();
        tracing::info!(job = %job.id, preset = %job.spec.preset, "job.accepted {}", job.id);
        Ok(Accepted { job, watch })
    }

    /// Waits for the queue's request id, for at most `config.submit_wait`; the job goes on without this caller.
    pub async fn submitted(&self, accepted: Accepted) -> JobView {
        let inner = &self.0;
        let job = inner.until_submitted(accepted.job, accepted.watch).await;
        inner.view(&job, inner.clock.now())
    }
}

impl Inner {
    async fn insert(&self, job: &Job, allowance: Option<&Allowance>) -> Result<(), StudioError> {
        let Some(allowance) = allowance else { return Ok(self.store.insert(job).await?) };
        match self.store.insert_allowed(job, allowance).await? {
            Allowed::Yes => Ok(()),
            Allowed::Spent(spent) => {
                let (cost, budget) = (job.cost_micro_usd(), allowance.budget_micro_usd);
                Err(StudioError::Budget { spent, cost, budget })
            }
        }
    }

    async fn spec(&self, new: &NewJob, wish: Wish<'_>) -> Result<JobSpec, StudioError> {
        let mut sources = Vec::with_capacity(new.photos.len());
        let mut notices = Vec::new();
        // One after the other: memory for one decode at a time.
        for (index, photo) in new.photos.iter().enumerate() {
            let (source, said) = self.admit(photo, index + 1).await?;
            sources.push(source);
            notices.extend(said);
        }
        // What lies elsewhere is first seen by the model, which then says the same.
        if sources.first().is_some_and(|photo: &Source| !new.choice.lies_in(photo.width, photo.height)) {
            return Err(StudioError::ChoiceOutside { width: sources[0].width, height: sources[0].height });
        }
        let pictures = new.photos.len() + new.image_urls.len();
        let endpoint = new.endpoint.clone().unwrap_or_else(|| self.config.endpoint.clone());
        let provenance = self.config.makers.of(&endpoint).provenance;
        let (staging, said) = roles::of_staging(new.staging, wish.preset, provenance);
        notices.extend(roles::of_pictures(pictures, &staging, wish.preset, provenance));
        notices.extend(said);
        notices.extend(roles::of_choice(&new.choice, provenance));
        let (num_images, said) = roles::of_tier(new.num_images, new.tier);
        notices.extend(said);
        notices.extend(roles::of_identifier(wish.identifier.as_deref(), wish.preset));
        Ok(JobSpec {
            preset: wish.preset.id.clone(),
            prompt: prompt::compose(wish.preset, wish.prompt.as_deref()),
            user_prompt: wish.prompt,
            aspect_ratio: prompt::aspect_ratio(wish.preset.canvas),
            endpoint,
            num_images,
            identifier: wish.identifier,
            sources,
            image_urls: new.image_urls.clone(),
            choice: new.choice.clone(),
            notices,
            staging,
        })
    }

    async fn admit(&self, photo: &Photo, number: usize) -> Result<(Source, Vec<String>), StudioError> {
        let (bytes, limits) = (photo.bytes.clone(), self.config.photo_limits);
        let admitted =
            self.admission.run(move || photo::admit(&bytes, &limits)).await.map_err(|_| StudioError::Internal)?;
        let admitted = admitted.map_err(|error| StudioError::Photo { number, error })?;
        let named = photo.file_name.as_deref().and_then(photo::tame_file_name);
        let (bytes, named) = match admitted.instead {
            Some(form) => (form.bytes.into(), named.map(|name| photo::renamed(&name, form.extension))),
            None => (photo.bytes.clone(), named),
        };
        let (length, blob) = (bytes.len() as u64, self.blobs.put(bytes).await?);
        let source = Source {
            blob: blob.as_str().to_owned(),
            file_name: Some(named.unwrap_or_else(|| photo::given_name(number, admitted.content_type))),
            content_type: admitted.content_type.to_owned(),
            bytes: length,
            width: admitted.width,
            height: admitted.height,
        };
        Ok((source, admitted.notices.into_iter().map(str::to_owned).collect()))
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
