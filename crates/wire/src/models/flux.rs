//! `fal-ai/flux/dev`: text to image. Fields and defaults as fal publishes them in 2026.

use super::schema::{Field, Kind, Object, Schema};
use super::shared::{IMAGE_SIZE, IMAGES, JPEG_OR_PNG, SAFETY_CHECKER, SEED, SYNC_MODE, TIMINGS};
use super::shared::{acceleration, num_images, prompt};

pub(super) const DEV: Schema = Schema {
    endpoint: "fal-ai/flux/dev",
    title: "FLUX.1 [dev]",
    description: "Generates images from text with a 12 billion parameter flow transformer.",
    category: "text-to-image",
    input: Object::new("Input", INPUT),
    output: Object::new("Output", OUTPUT),
};

const SIZES: &[&str] = &["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"];

const INPUT: &[Field] = &[
    prompt("The text that the image is generated from."),
    Field::or(
        "image_size",
        Kind::ObjectOrWord(&IMAGE_SIZE, SIZES),
        "\"landscape_4_3\"",
        "The size of the generated image: one of the named sizes, or width and height.",
    ),
    Field::or("num_inference_steps", Kind::integer(1, 50), "28", "How many denoising steps are made."),
    SEED,
    Field::or(
        "guidance_scale",
        Kind::number(1.0, 20.0),
        "3.5",
        "How closely the model keeps to the prompt when it looks for an image.",
    ),
    SYNC_MODE,
    num_images("How many images are generated."),
    SAFETY_CHECKER,
    JPEG_OR_PNG,
    acceleration("\"none\""),
];

const OUTPUT: &[Field] = &[
    IMAGES,
    Field::required("timings", Kind::Object(&TIMINGS), "How long the run took."),
    Field::required("seed", Kind::ANY_INTEGER, "The seed that was used, given or drawn."),
    Field::required("has_nsfw_concepts", Kind::list(&Kind::Flag), "For each image, whether its content is unsafe."),
    Field::required("prompt", Kind::text(usize::MAX), "The prompt that was used."),
];
