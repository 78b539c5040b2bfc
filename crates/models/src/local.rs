//! The local picture engine as a runner for `fal-ai/nano-banana/edit` and `fal-ai/nano-banana`.
//!
//! It cuts the product out of the seller's photo and lays it on catalog scenes. It generates nothing, and says so: each
//! output's `description` tells what was done and which words of the prompt could not be followed, and text to image is
//! refused with a sentence on how to configure a model that can. Beside each picture it returns the product's `mask` on
//! that canvas, the scene's name as `variant` and the `scene` itself, and beside all of them the `product`'s size in the
//! photo and the `cutout` on it; these are extensions of fal's schema that other clients skip.

pub(crate) mod complaint;
mod describe;
mod output;
mod paint;
pub mod prompt;
mod room;
mod scenes;
mod size;
mod staged;
mod studied;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::try_join_all;
use plantain_media::cutout::{self, Choice, CutoutError, CutoutOptions, CutoutStage, Keep, Segmenter};
use plantain_media::decode::{self, Decoded, Limits};
use plantain_media::picture::{Cutout, Picture};
use plantain_outbound::Outbound;
use plantain_queue::runner::{Answer, LogSink, RunFailure, RunTask, Runner};
use plantain_wire::error::{Detail, ErrorType, ModelErrorType};
use plantain_wire::models::choice;
use plantain_wire::models::nano_banana::{EDIT_ENDPOINT, EditInput, TextInput};
use plantain_work::Cpu;
use plantain_work::cpu::Panicked;

use crate::files::{Files, FilesError};
use crate::source::Source;
use output::Painted;
pub use room::MEGAPIXELS_MAX;
use room::Room;
use scenes::Wanted;
use studied::Studied;

/// The product and the backdrop; further pictures have no use here and are not fetched.
const PICTURES_USED: usize = 2;

/// Gives the network that finds products, loading it on the first call.
pub type SegmenterSource = Arc<dyn Fn() -> Result<Arc<Segmenter>, CutoutError> + Send + Sync>;

/// What the engine works with. Cheap to clone.
#[derive(Clone)]
pub struct LocalParts {
    /// Where outputs go and uploads come from.
    pub files: Files,
    /// Fetches photos from elsewhere.
    pub outbound: Outbound,
    pub segmenter: SegmenterSource,
    pub cpu: Cpu,
    /// What one photo may cost.
    pub limits: Limits,
}

/// The local picture engine. Cheap to clone.
#[derive(Clone)]
pub struct LocalEngine(LocalParts, Room);

/// Why a run has no output.
pub(crate) enum Stopped {
    /// The input's fault: the model's own 422.
    Refused(Vec<Detail>),
    /// Ours.
    Failed(RunFailure),
}

impl Stopped {
    /// What the queue hears of it.
    pub(crate) fn told(self) -> Result<Answer, RunFailure> {
        match self {
            Stopped::Refused(details) => Ok(crate::refusal(details)),
            Stopped::Failed(failure) => Err(failure),
        }
    }
}

impl From<Vec<Detail>> for Stopped {
    fn from(details: Vec<Detail>) -> Stopped {
        Stopped::Refused(details)
    }
}

impl From<FilesError> for Stopped {
    fn from(error: FilesError) -> Stopped {
        tracing::error!(error = &error as &dyn std::error::Error, "models.files_failed");
        let error_type = match error.retryable() {
            true => ErrorType::RunnerConnectionError,
            false => ErrorType::RunnerServerError,
        };
        Stopped::Failed(crate::failure(error_type, "The picture store could not be used"))
    }
}

impl From<Panicked> for Stopped {
    fn from(_: Panicked) -> Stopped {
        Stopped::Failed(crate::failure(ErrorType::RunnerServerError, "The picture engine stopped in the middle"))
    }
}

#[async_trait]
impl Runner for LocalEngine {
    async fn run(&self, task: RunTask) -> Result<Answer, RunFailure> {
        let work = async {
            match task.endpoint.as_str() {
                EDIT_ENDPOINT => self.edit(&task).await,
                _ => text_to_image(&task.input),
            }
        };
        tokio::select! {
            biased;
            () = task.cancel.cancelled() => Err(crate::cancelled()),
            ended = work => ended.or_else(Stopped::told),
        }
    }
}

/// There is no such model here, and pretending would help nobody.
fn text_to_image(input: &[u8]) -> Result<Answer, Stopped> {
    TextInput::parse(input)?;
    let msg = "This server has no text-to-image model. Set FAL_KEY to use fal.ai, or write into plantain.toml \
               [endpoints.\"fal-ai/nano-banana\"] with runner = \"gemini\" or runner = \"http\". Pictures of your own product \
               are made by fal-ai/nano-banana/edit, which works here.";
    Err(vec![Detail::model(ModelErrorType::FeatureNotSupported, vec!["body".into(), "prompt".into()], msg)].into())
}

impl LocalEngine {
    pub fn new(parts: LocalParts) -> LocalEngine {
        LocalEngine(parts, Room::default())
    }

    /// Each await is a place at which a cancelled run ends; a computation that has begun is finished and dropped.
    async fn edit(&self, task: &RunTask) -> Result<Answer, Stopped> {
        let (input, logs) = (EditInput::parse(&task.input)?, &task.logs);
        let files = self.0.files.on_behalf_of(task);
        let plan = prompt::read(&input.prompt);
        logs.info("Fetching the photo");
        let used = &input.image_urls[..input.image_urls.len().min(PICTURES_USED)];
        let photos = self.source(&files).fetch_all(used).await?;
        // Kept until the last picture is painted: the cut-out is as large as the photo.
        let place = self.1.place(&photos).await;
        logs.info("Decoding");
        let (photo, backdrop) = self.decoded(photos).await?;
        let mut notices: Vec<&'static str> = photo.facts.notices().into_iter().map(|notice| notice.message()).collect();
        let came_cut_out = photo.own_matte().is_some();
        if came_cut_out && !input.choice.is_empty() {
            notices.push("The photo came cut out already, so box, points and keep were not used.");
        }
        let photo = Arc::new(photo);
        let choice = Choice::of(input.choice.corners(), input.choice.points());
        let keep = match input.choice.keep {
            choice::Keep::Auto => Keep::OneProduct,
            choice::Keep::All => Keep::Everything,
        };
        let options = CutoutOptions { choice, keep, ..CutoutOptions::default() };
        let cutout = self.cut_out(photo.clone(), options, logs.clone()).await?;
        let backdrop = backdrop.filter(|_| scenes::takes_backdrop(&plan, &input.staging));
        let (staging, picture) = (input.staging, backdrop.clone());
        // An answer that carries its files is as large as they are, and who asks for such a one wants pictures.
        let (as_data, size) = (input.settings.sync_mode, cutout.photo);
        let photo_frame = cutout.photo_frame(came_cut_out);
        let studying = self.0.cpu.run(move || {
            let matte = (!as_data).then(|| paint::whole_matte(&cutout)).transpose();
            (matte, Studied::of(&photo.picture, cutout, &staging, picture.as_deref()))
        });
        let (matte, studied) = studying.await?;
        let matte = matte?;
        let Studied { cutout, grade, told } = studied;
        let cutout = Arc::new(cutout);
        let images_used = 1 + usize::from(backdrop.is_some());
        let wanted = Wanted { plan: &plan, settings: &input.settings, staging: &input.staging, backdrop, grade };
        let scenes = scenes::of(&wanted);
        size::judge(cutout.product, &scenes).map_err(|small| vec![complaint::of_size(&small)])?;
        logs.info("Composing");
        let format = input.settings.output_format;
        let painting = scenes.into_iter().enumerate().map(|(index, scene)| {
            let cutout = cutout.clone();
            self.0.cpu.run(move || paint::paint(index, &cutout, &scene, format))
        });
        let pictures: Vec<Painted> = try_join_all(painting).await?.into_iter().collect::<Result<_, _>>()?;
        drop(place);
        let description = describe::describe(&describe::Work {
            plan: &plan,
            pictures: &pictures,
            photo_frame,
            notices: &notices,
            studied: &told,
            images_given: input.image_urls.len(),
            images_used,
        });
        logs.info("Saving");
        let product = (cutout.product.width, cutout.product.height);
        let straightened = told.tilt.filter(|_| told.straighten == Some(true));
        let said =
            output::Said { description, product, photo_frame, tilt: told.tilt, matte, photo: size, straightened };
        let body = output::hand_out(&files, pictures, said, as_data).await?;
        Ok(Answer::new(200, body))
    }

    fn source(&self, files: &Files) -> Source {
        let LocalParts { outbound, limits, .. } = &self.0;
        Source { files: files.clone(), outbound: outbound.clone(), max_bytes: limits.max_bytes }
    }

    /// The photo, and the backdrop where there is one.
    async fn decoded(&self, photos: Vec<Bytes>) -> Result<(Decoded, Option<Arc<Picture>>), Stopped> {
        let decoding = photos.into_iter().enumerate().map(|(index, bytes)| {
            let limits = self.0.limits;
            self.0
                .cpu
                .run(move || decode::decode(&bytes, &limits).map_err(|error| vec![complaint::of_picture(index, error)]))
        });
        let mut decoded = Vec::new();
        for photo in try_join_all(decoding).await? {
            decoded.push(photo?);
        }
        let mut decoded = decoded.into_iter();
        let missing = || vec![complaint::no_photo()];
        let photo = decoded.next().ok_or_else(missing)?;
        Ok((photo, decoded.next().map(|backdrop| Arc::new(backdrop.picture))))
    }

    async fn cut_out(&self, photo: Arc<Decoded>, options: CutoutOptions, logs: LogSink) -> Result<Cutout, Stopped> {
        let segmenter = self.0.segmenter.clone();
        let cutout = self.0.cpu.run(move || match photo.own_matte() {
            // A photo that comes cut out already is taken as it is.
            Some(alpha) => cutout::from_alpha(&photo.picture, alpha),
            None => {
                let mut told = |stage| tell(stage, &logs);
                segmenter()?.cut_out_with(&photo.picture, &options, &mut told)
            }
        });
        cutout.await?.map_err(|error| match error.is_input_fault() {
            true => Stopped::Refused(vec![complaint::of_cutout(&error)]),
            false => {
                tracing::error!(error = &error as &dyn std::error::Error, "models.cutout_failed");
                Stopped::Failed(crate::failure(ErrorType::RunnerServerError, "The cut-out model could not be run"))
            }
        })
    }
}

fn tell(stage: CutoutStage, logs: &LogSink) {
    match stage {
        CutoutStage::Locating => logs.info("Cutting out 1/3"),
        CutoutStage::Refining(_) => logs.info("Cutting out 2/3"),
        CutoutStage::Edges => logs.info("Cutting out 3/3"),
        CutoutStage::Colours => {}
    }
}
