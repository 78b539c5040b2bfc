//! Uploading the photos and handing the request to the queue, at most once.
//!
//! Before the submit leaves, it is written down that it leaves, with the addresses of the photos. Whatever then happens, the
//! next holder knows that it may have arrived, and a repetition (only where the queue honours idempotency keys) is the same
//! to the byte.

use std::time::Duration;

use serde::Serialize;
use url::Url;

use plantain_blobs::{BlobError, BlobKey};
use plantain_client::{ClientError, Priority, SubmitOptions};
use plantain_inbox::store::StoreError;
use plantain_wire::id::RequestId;
use plantain_wire::models::choice::ObjectChoice;
use plantain_wire::models::nano_banana::{AspectRatio, OutputFormat};
use plantain_wire::models::staging::Staging;
use plantain_work::lane::Left;
use plantain_work::random;

use crate::job::transition::{JobEvent, PutOff, Refused};
use crate::job::{Job, JobError, Source, failure, step};
use crate::service::Inner;
use crate::store::Applied;
use crate::watch::{Live, Watch};
use crate::working::Then;

impl Inner {
    /// Uploads and submits. The job that comes back is to be followed.
    pub(crate) async fn submit(&self, job: Job, watch: &mut Watch) -> Result<Then, StoreError> {
        self.hub.live(&job.id, Live { uploading: true, ..Live::default() });
        let then = self.upload_and_submit(job, watch).await;
        self.hub.live(watch.id(), Live::default());
        then
    }

    async fn upload_and_submit(&self, job: Job, watch: &mut Watch) -> Result<Then, StoreError> {
        // An earlier submit may have arrived, so nothing that happens to this one proves that none did.
        let first = job.submit_started_at.is_none();
        let uploads = match self.uploads(&job).await {
            Ok(uploads) => uploads,
            Err(stop) => return self.stop(&job, stop).await,
        };
        let begins = JobEvent::SubmitBegins { epoch: job.epoch, uploads };
        let job = match self.settle(&job, begins).await? {
            Then::GoOn(job) => *job,
            let_go @ Then::LetGo(_) => return Ok(let_go),
        };
        if self.config.webhook {
            self.receiver.expect_webhooks();
        }
        let reply = self.client.submit(&job.spec.endpoint, input(&job), &self.options(&job)).await;
        match verdict(reply.map(|reply| reply.request_id), first, job.failures, random::jitter()) {
            Verdict::Accepted(request_id) => self.accepted(&job, request_id, watch).await,
            Verdict::Stop(stop) => self.stop(&job, stop).await,
        }
    }

    /// The queue has the request: a fact, whoever holds the job by now.
    async fn accepted(&self, job: &Job, request_id: RequestId, watch: &mut Watch) -> Result<Then, StoreError> {
        tracing::info!(job = %job.id, request = %request_id, "job.submitted {} as {request_id}", job.id);
        let event = JobEvent::Submitted { request_id, told_again: self.config.idempotent_backend };
        let before = watch.before_change();
        match self.store.apply(&job.id, &event, self.clock.now()).await? {
            Applied::Changed(next) => {
                // Nothing is owed but by whoever holds the job, so that the lane need not look.
                self.hub.changed(&job.id);
                watch.knows(before);
                Ok(if next.epoch == job.epoch { Then::GoOn(next) } else { Then::LetGo(Left::More) })
            }
            Applied::Refused(Refused::OtherRequest) => {
                tracing::error!(job = %job.id, "job.submitted_twice {}: the queue does not honour idempotency keys", job.id);
                Ok(Then::LetGo(Left::More))
            }
            Applied::Refused(_) | Applied::NotFound => Ok(Then::LetGo(Left::Nothing)),
        }
    }

    async fn stop(&self, job: &Job, stop: Stop) -> Result<Then, StoreError> {
        // Before the change is told: whoever reads the job then must not find it uploading.
        self.hub.live(&job.id, Live::default());
        match stop {
            Stop::Later { pause, why } => {
                tracing::warn!(job = %job.id, ?pause, ?why, "job.put_off {}", job.id);
                self.put_off(job, pause, why).await
            }
            Stop::Fail(error) => self.settle(job, JobEvent::fails(job.epoch, error)).await,
        }
    }

    fn options(&self, job: &Job) -> SubmitOptions {
        SubmitOptions {
            webhook: self.config.webhook.then(|| callback(&self.config.public_url, job)),
            idempotency_key: Some(job.id.to_string()),
            priority: self.priority(job),
            ..SubmitOptions::default()
        }
    }

    /// Who waits for one picture does not wait for a batch. A queue that is not ours may be shared with strangers, behind whom a low
    /// priority would put the batch as well.
    fn priority(&self, job: &Job) -> Priority {
        match job.spec.in_batch && self.config.idempotent_backend {
            true => Priority::Low,
            false => Priority::Normal,
        }
    }

    async fn uploads(&self, job: &Job) -> Result<Vec<Url>, Stop> {
        if job.uploads.len() == job.spec.sources.len() {
            return Ok(job.uploads.clone());
        }
        let mut urls = Vec::with_capacity(job.spec.sources.len());
        for (index, source) in job.spec.sources.iter().enumerate() {
            urls.push(self.upload(job, source, index + 1).await?);
        }
        Ok(urls)
    }

    async fn upload(&self, job: &Job, source: &Source, number: usize) -> Result<Url, Stop> {
        let later = |asked| Stop::later(job.failures, asked, random::jitter());
        let key = BlobKey::parse(&source.blob).ok_or_else(photo_lost)?;
        let bytes = match self.blobs.get(&key).await {
            Ok(bytes) => bytes.ok_or_else(photo_lost)?,
            Err(BlobError::Unavailable(_) | BlobError::Full(_)) => return Err(later(None)),
        };
        // The seller's own name for the file is nobody else's business.
        let name = format!("photo-{number}.{}", source.content_type.rsplit('/').next().unwrap_or("bin"));
        match self.client.upload(bytes, &source.content_type, &name).await {
            Ok(url) => Ok(url),
            Err(ClientError::Rejected { status, body }) => Err(Stop::Fail(failure::of_rejection(status, &body))),
            Err(ClientError::Busy { retry_after, .. }) => Err(later(retry_after)),
            Err(ClientError::NotSent(_) | ClientError::Unknown(_) | ClientError::Protocol(_)) => Err(later(None)),
        }
    }
}

fn photo_lost() -> Stop {
    Stop::Fail(JobError::new(
        "photo_lost",
        "The uploaded photo is no longer in the studio's storage.",
        "Upload it again; whoever runs the studio should look after its disk.",
    ))
}

/// Why there is nothing to follow yet, or never.
#[derive(Clone, Debug, PartialEq)]
enum Stop {
    Later { pause: Duration, why: PutOff },
    Fail(JobError),
}

impl Stop {
    fn later(failures: u32, asked: Option<Duration>, jitter: u32) -> Stop {
        Stop::Later { pause: step::backoff(failures, asked, jitter), why: PutOff::Failed }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Verdict {
    Accepted(RequestId),
    Stop(Stop),
}

/// The only refusal that is temporary and surely kept nothing.
const TOO_MANY: u16 = 429;

/// What a submit's outcome means. `first`: no earlier submit of this job can have arrived.
fn verdict(reply: Result<RequestId, ClientError>, first: bool, failures: u32, jitter: u32) -> Verdict {
    let (asked, surely_nowhere) = match reply {
        Ok(request_id) => return Verdict::Accepted(request_id),
        // Refusing a repetition says nothing about the submit before it, which may have been accepted.
        Err(ClientError::Rejected { status, body }) if first => {
            return Verdict::Stop(Stop::Fail(failure::of_rejection(status, &body)));
        }
        Err(ClientError::Rejected { .. }) => (None, false),
        Err(ClientError::Busy { status: TOO_MANY, retry_after }) => (retry_after, true),
        // Other busy answers may come from a proxy behind which the submit was accepted.
        Err(ClientError::Busy { retry_after, .. }) => (retry_after, false),
        Err(ClientError::NotSent(_)) => (None, true),
        Err(ClientError::Unknown(_) | ClientError::Protocol(_)) => (None, false),
    };
    let why = if surely_nowhere && first { PutOff::Failed } else { PutOff::SubmitUnknown };
    Verdict::Stop(Stop::Later { pause: step::backoff(failures, asked, jitter), why })
}

#[derive(Serialize)]
struct Input<'a> {
    prompt: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    image_urls: Vec<&'a Url>,
    num_images: u8,
    aspect_ratio: AspectRatio,
    output_format: OutputFormat,
    #[serde(flatten)]
    staging: Staging,
    #[serde(flatten)]
    choice: &'a ObjectChoice,
}

/// The request's input. The same job always gives the same bytes, which is what makes a repetition recognisable.
fn input(job: &Job) -> String {
    let spec = &job.spec;
    if let Some(own) = spec.making.own_input() {
        return own.to_owned();
    }
    let input = Input {
        prompt: &spec.prompt,
        image_urls: job.uploads.iter().chain(&spec.image_urls).collect(),
        num_images: spec.num_images,
        aspect_ratio: spec.aspect_ratio,
        output_format: OutputFormat::Png,
        staging: spec.staging,
        choice: &spec.choice,
    };
    serde_json::to_string(&input).expect("strings and numbers always serialise")
}

/// Where the queue reports. The job id is for people and logs; the token proves.
fn callback(public_url: &Url, job: &Job) -> Url {
    let mut url = public_url.clone();
    url.set_path(&format!("{}/api/fal/webhook", public_url.path().trim_end_matches('/')));
    url.set_fragment(None);
    url.set_query(None);
    url.query_pairs_mut().append_pair("jobId", job.id.as_str()).append_pair("token", job.token.reveal());
    url
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use plantain_client::error::{Fault, Lost, NotSent};
    use plantain_wire::models::staging::SceneKind;

    use super::*;
    use crate::job::sample;

    #[track_caller]
    fn meaning(error: ClientError, first: bool) -> String {
        match verdict(Err(error), first, 1, u32::MAX / 2) {
            Verdict::Accepted(_) => "accepted".into(),
            Verdict::Stop(Stop::Fail(error)) => error.code,
            Verdict::Stop(Stop::Later { pause, why }) => format!("{why:?} {}s", pause.as_secs_f64().round()),
        }
    }

    #[test]
    fn only_what_surely_reached_nobody_is_forgotten() {
        let busy = |seconds| ClientError::Busy { status: 429, retry_after: Some(Duration::from_secs(seconds)) };
        let rejected = |status| ClientError::Rejected { status, body: Bytes::from_static(b"{\"detail\":\"no\"}") };
        for (error, first, expected) in [
            (ClientError::NotSent(NotSent::Unsendable), true, "Failed 1s"),
            (ClientError::NotSent(NotSent::Unsendable), false, "SubmitUnknown 1s"),
            (busy(60), true, "Failed 60s"),
            (busy(60), false, "SubmitUnknown 60s"),
            (ClientError::Busy { status: 503, retry_after: None }, true, "SubmitUnknown 1s"),
            (ClientError::Busy { status: 408, retry_after: None }, true, "SubmitUnknown 1s"),
            (rejected(401), false, "SubmitUnknown 1s"),
            (ClientError::Unknown(Lost::TimedOut), true, "SubmitUnknown 1s"),
            (ClientError::Unknown(Lost::ServerError(502)), false, "SubmitUnknown 1s"),
            (ClientError::Protocol(Fault::Unreadable), true, "SubmitUnknown 1s"),
            (rejected(401), true, "queue_refused_key"),
            (rejected(400), true, "model_error"),
        ] {
            assert_eq!(meaning(error.clone(), first), expected, "{error} {first}");
        }
    }

    #[test]
    fn the_input_is_what_the_model_reads_and_always_the_same() {
        let mut job = Job { uploads: vec!["http://cdn.test/a.jpg".parse().unwrap()], ..sample::job() };
        let read = plantain_wire::models::nano_banana::EditInput::parse(input(&job).as_bytes()).unwrap();
        assert_eq!(read.image_urls, ["http://cdn.test/a.jpg", "https://pictures.test/mug.jpg"]);
        assert_eq!((read.settings.num_images, read.settings.aspect_ratio), (3, AspectRatio::R1x1));
        assert_eq!(input(&job), input(&job.clone()));
        assert!(!input(&job).contains("scene"), "what is usual is not sent");
        job.spec.staging = Staging { scene: SceneKind::Reflection, straighten: true, ..Staging::default() };
        let read = plantain_wire::models::nano_banana::EditInput::parse(input(&job).as_bytes()).unwrap();
        assert_eq!(read.staging, job.spec.staging);
        assert!(!input(&job).contains("prompts"), "who chose nothing sends nothing that fal does not know");
        let mut chosen = job;
        chosen.spec.choice.box_prompts = vec!["10,20,30,40".parse().unwrap()];
        let read = plantain_wire::models::nano_banana::EditInput::parse(input(&chosen).as_bytes()).unwrap();
        assert_eq!(read.choice, chosen.spec.choice);
    }

    #[test]
    fn the_callback_carries_the_proof() {
        let job = sample::job();
        for base in ["https://studio.test", "https://studio.test/", "https://studio.test/?x=1#y"] {
            let url = callback(&base.parse().unwrap(), &job);
            let expected = format!("https://studio.test/api/fal/webhook?jobId={}&token={}", job.id, job.token.reveal());
            assert_eq!(url.as_str(), expected);
        }
    }
}
