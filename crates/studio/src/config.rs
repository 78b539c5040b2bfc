//! What an operator may set about the studio, already parsed.

use std::time::Duration;

use url::Url;

use plantain_media::decode::Limits;
use plantain_media::encode::Provenance;
use plantain_wire::endpoint::{EndpointId, EndpointPattern};
use plantain_wire::models::nano_banana;

use crate::accounts::Post;
use crate::job::{Job, Outcome};
use crate::messages::whatsapp::Whatsapp;
use crate::money;
use crate::photo::NewJob;

/// Every field has a default that fits the embedded queue; see [`StudioConfig::for_fal`].
#[derive(Clone, Debug)]
pub struct StudioConfig {
    /// Where queues and browsers reach this studio.
    pub public_url: Url,
    /// Ask for webhooks. Without them the studio asks for each result itself.
    pub webhook: bool,
    /// The queue honours `Idempotency-Key`, so that a submit whose outcome is unknown may be repeated.
    pub idempotent_backend: bool,
    /// What the queue is called on pages.
    pub backend_label: String,
    /// The model that is asked where a job names none.
    pub endpoint: EndpointId,
    /// Who makes the pictures of each endpoint, and for how much.
    pub makers: Makers,
    /// Jobs that are submitted or followed at once.
    pub slots: usize,
    /// Jobs whose pictures are fetched and finished at once: bounds memory.
    pub save_slots: usize,
    /// How long a job stays with a process that doesn't show signs of life.
    pub lease: Duration,
    /// How long the webhook alone is waited for where nobody asks how a job stands, as most jobs of a batch are never asked about. Then
    /// the status stream tells.
    pub look_after: Duration,
    /// How long a webhook may lag behind the status stream before the studio asks for the result.
    pub grace: Duration,
    /// How long a job waits for a queue that can't be reached before it fails.
    pub patience: Duration,
    /// How long a callback is waited for after a submit whose outcome is unknown and that may not be repeated.
    pub unknown_patience: Duration,
    /// How long `generate` waits for the queue's request id before it answers without one.
    pub submit_wait: Duration,
    /// Sends letters, and so gives sellers accounts; `None`: there are none.
    pub post: Option<Post>,
    /// Sends messages by WhatsApp; `None`: none go that way.
    pub whatsapp: Option<Whatsapp>,
    /// What an uploaded photo may cost.
    pub photo_limits: Limits,
    /// What a picture from the model may cost.
    pub result_limits: Limits,
    /// How long one picture may take to arrive.
    pub result_timeout: Duration,
}

impl StudioConfig {
    /// What a photo that is kept already may cost: a bound that was lowered since makes none of them unreadable.
    pub fn kept_limits(&self) -> Limits {
        Limits { max_bytes: self.photo_limits.max_bytes.max(Limits::MB_MAX << 20), ..self.photo_limits }
    }
}

/// What makes the pictures of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Maker {
    /// Which pixels the model makes; marketplaces and law ask for a tag in generated pictures.
    pub provenance: Provenance,
    /// What one picture costs, in US cents.
    pub cents_per_image: f64,
}

impl Maker {
    /// The image engine of this process: the seller's own pixels, for nothing.
    pub const LOCAL: Maker = Maker { provenance: Provenance::Photographed, cents_per_image: 0.0 };

    /// A generative model at this price.
    pub const fn generative(cents_per_image: f64) -> Maker {
        Maker { provenance: Provenance::Generated, cents_per_image }
    }

    /// What one picture costs, in millionths of a US dollar.
    pub fn micro_usd_per_image(&self) -> u64 {
        money::micro_usd(self.cents_per_image)
    }

    /// It keeps to the seller's own pixels, heeds scenes and chosen products, and may be asked again for nothing.
    pub fn is_local(&self) -> bool {
        self.provenance == Provenance::Photographed
    }
}

/// The maker of each endpoint.
#[derive(Clone, Debug)]
pub struct Makers {
    named: Vec<(EndpointPattern, Maker)>,
    otherwise: Maker,
}

impl Makers {
    /// One maker for all.
    pub fn only(otherwise: Maker) -> Makers {
        Makers { named: Vec::new(), otherwise }
    }

    /// As before, but for the endpoints that a pattern names; the most specific pattern counts.
    pub fn with(mut self, pattern: EndpointPattern, maker: Maker) -> Makers {
        self.named.push((pattern, maker));
        self
    }

    /// Somebody has said who serves this endpoint, and so what it costs.
    pub fn knows(&self, endpoint: &EndpointId) -> bool {
        EndpointPattern::best(&self.named, endpoint).is_some()
    }

    /// Who makes this endpoint's pictures.
    pub fn of(&self, endpoint: &EndpointId) -> Maker {
        EndpointPattern::best(&self.named, endpoint).copied().unwrap_or(self.otherwise)
    }
}

/// US cents that fal and Google charge for a picture of nano-banana.
pub const NANO_BANANA_CENTS: f64 = 3.9;

/// The largest picture that is fetched from a model: four 4K PNGs' worth.
const RESULT_BYTES_MAX: usize = 30 * 1024 * 1024;

impl StudioConfig {
    /// Who makes the pictures where a job names no endpoint.
    pub fn usual_maker(&self) -> Maker {
        self.makers.of(&self.endpoint)
    }

    /// The endpoint that makes pictures of words alone, where somebody is there who can.
    pub fn words_endpoint(&self) -> Option<EndpointId> {
        let endpoint = nano_banana::TEXT_ENDPOINT.parse().expect("the constant is an endpoint id");
        (!self.makers.of(&endpoint).is_local()).then_some(endpoint)
    }

    /// The same photos and wishes may become a new job: the local engine is asked for nothing, and a failure is not billed.
    pub fn may_be_made_again(&self, job: &Job) -> bool {
        let has_failed = matches!(job.outcome, Some(Outcome::Failed(_)));
        job.spec.making.own_input().is_none() && (has_failed || self.makers.of(&job.spec.endpoint).is_local())
    }

    /// The wish, which goes to that endpoint where it has words and no picture.
    pub fn of_words(&self, new: NewJob) -> NewJob {
        let worded = new.prompt.as_deref().is_some_and(|words| !words.trim().is_empty());
        match new.endpoint.is_none() && worded && new.photos.is_empty() && new.image_urls.is_empty() {
            true => NewJob { endpoint: self.words_endpoint(), ..new },
            false => new,
        }
    }

    /// For the queue in the same process, where nothing but the local engine is configured.
    pub fn embedded(public_url: Url) -> StudioConfig {
        StudioConfig {
            public_url,
            webhook: true,
            idempotent_backend: true,
            backend_label: "embedded queue".to_owned(),
            endpoint: nano_banana::EDIT_ENDPOINT.parse().expect("the constant is an endpoint id"),
            makers: Makers::only(Maker::LOCAL),
            slots: 64,
            save_slots: 4,
            lease: Duration::from_secs(30),
            look_after: Duration::from_secs(5),
            grace: Duration::from_secs(2),
            patience: Duration::from_secs(24 * 60 * 60),
            unknown_patience: Duration::from_secs(2 * 60 * 60),
            submit_wait: Duration::from_secs(10),
            post: None,
            whatsapp: None,
            photo_limits: Limits::default(),
            result_limits: Limits { max_bytes: RESULT_BYTES_MAX, ..Limits::default() },
            result_timeout: Duration::from_secs(60),
        }
    }

    /// For fal.ai: no idempotency, a real price, a wider grace since its webhooks travel the internet.
    pub fn for_fal(public_url: Url, webhook: bool) -> StudioConfig {
        StudioConfig {
            webhook,
            idempotent_backend: false,
            backend_label: "fal.ai".to_owned(),
            makers: Makers::only(Maker::generative(NANO_BANANA_CENTS)),
            grace: Duration::from_secs(30),
            ..StudioConfig::embedded(public_url)
        }
    }
}

impl Default for StudioConfig {
    fn default() -> StudioConfig {
        StudioConfig::embedded("http://127.0.0.1:8787".parse().expect("the constant is a URL"))
    }
}
