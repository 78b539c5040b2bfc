//! `fal-ai/ernie-image` and its faster and adaptable forms: text to image. Fields and defaults as fal publishes them in 2026.
//!
//! fal publishes no bounds for the guidance and none that differ between the four; the wider ones stand for all.

use super::schema::{Field, Kind, Object, Schema};
use super::shared::{IMAGE_SIZE, IMAGES, JPEG_OR_PNG, PROMPT_CHARS_MAX, SAFETY_CHECKER, SEED, SYNC_MODE, TIMINGS};
use super::shared::{acceleration, num_images, prompt};

pub(super) const IMAGE: Schema = described("fal-ai/ernie-image", "ERNIE Image", "Generates images from text.", INPUT);
pub(super) const TURBO: Schema =
    described("fal-ai/ernie-image/turbo", "ERNIE Image Turbo", "Generates images from text in few steps.", INPUT);
pub(super) const LORA: Schema = described(
    "fal-ai/ernie-image/lora",
    "ERNIE Image LoRA",
    "Generates images from text with adapters of one's own.",
    LORA_INPUT,
);
pub(super) const LORA_TURBO: Schema = described(
    "fal-ai/ernie-image/lora/turbo",
    "ERNIE Image LoRA Turbo",
    "Generates images from text in few steps with adapters of one's own.",
    LORA_INPUT,
);

const fn described(
    endpoint: &'static str,
    title: &'static str,
    description: &'static str,
    input: &'static [Field],
) -> Schema {
    Schema {
        endpoint,
        title,
        description,
        category: "text-to-image",
        input: Object::new("Input", input),
        output: Object::new("Output", OUTPUT),
    }
}

const SIZES: &[&str] = &[
    "square_hd",
    "square",
    "portrait_4_3",
    "portrait_16_9",
    "landscape_4_3",
    "landscape_16_9",
    "square_uhd",
    "portrait_3_2",
    "landscape_3_2",
    "portrait_hd",
    "landscape_hd",
];

const PROMPT: Field = prompt("The text that the image is generated from.");
const NEGATIVE: Field = Field::or(
    "negative_prompt",
    Kind::Text { least: 0, most: PROMPT_CHARS_MAX },
    "\"\"",
    "What the image should not show.",
);
const SIZE: Field = Field::or(
    "image_size",
    Kind::ObjectOrWord(&IMAGE_SIZE, SIZES),
    "\"square_hd\"",
    "The size of the generated image: one of the named sizes, or width and height.",
);
const STEPS: Field =
    Field::or("num_inference_steps", Kind::integer(1, 100), "50", "How many denoising steps are made.");
const GUIDANCE: Field = Field::or(
    "guidance_scale",
    Kind::number(0.0, 100.0),
    "5",
    "How closely the model keeps to the prompt when it looks for an image.",
);
const NUMBER: Field = num_images("How many images are generated.");
const EXPANSION: Field =
    Field::or("enable_prompt_expansion", Kind::Flag, "true", "Whether the prompt is made richer before it is used.");
const SPEED: Field = acceleration("\"regular\"");

const INPUT: &[Field] =
    &[PROMPT, NEGATIVE, SIZE, STEPS, GUIDANCE, NUMBER, SEED, EXPANSION, SAFETY_CHECKER, SPEED, JPEG_OR_PNG, SYNC_MODE];

const LORA_INPUT: &[Field] = &[
    PROMPT,
    NEGATIVE,
    SIZE,
    STEPS,
    GUIDANCE,
    NUMBER,
    SEED,
    EXPANSION,
    SAFETY_CHECKER,
    SPEED,
    JPEG_OR_PNG,
    SYNC_MODE,
    Field::optional(
        "loras",
        Kind::List { of: &Kind::Object(&ADAPTER), least: 0, most: LORAS_MAX },
        "The adapters that are used, each with its weight.",
    ),
];

/// The most adapters. fal publishes no limit; each is a file to fetch.
const LORAS_MAX: usize = 16;

const ADAPTER: Object = Object::new(
    "LoraWeight",
    &[
        Field::required("path", Kind::Address, "The address of the adapter's weights, or its name."),
        Field::or("scale", Kind::Number { least: None, most: None }, "1", "How strongly the adapter is used."),
    ],
);

const OUTPUT: &[Field] = &[
    IMAGES,
    Field::required("prompt", Kind::text(usize::MAX), "The prompt that was used."),
    Field::required("seed", Kind::ANY_INTEGER, "The seed that was used, given or drawn."),
    Field::required("timings", Kind::Object(&TIMINGS), "How long the run took."),
];
