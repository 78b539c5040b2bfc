//! `fal-ai/nano-banana` (text to image) and `fal-ai/nano-banana/edit` (pictures and text to image).
//!
//! Defaults and limits as fal publishes them in 2026. An input that breaks several rules gets all complaints at once.

use serde::{Deserialize, Serialize};

use super::check::check;
use super::choice::{BOXES, KEEP, ObjectChoice, POINTS};
use super::schema::{Field, Kind, Object, Schema};
use super::shared::{IMAGES, SEED, SYNC_MODE, num_images, prompt};
use super::staging::{self, Staging};
use super::values::Values;
use crate::error::Detail;

pub use super::shared::{IMAGE_URLS_MAX, PROMPT_CHARS_MAX};

/// The endpoint of [`TextInput`].
pub const TEXT_ENDPOINT: &str = "fal-ai/nano-banana";
/// The endpoint of [`EditInput`].
pub const EDIT_ENDPOINT: &str = "fal-ai/nano-banana/edit";

/// The most pictures of one request.
pub const NUM_IMAGES_MAX: u8 = 4;

/// The shape of the output, width to height. The names are the wire's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AspectRatio {
    /// That of the first input picture.
    #[serde(rename = "auto")]
    Auto,
    #[serde(rename = "21:9")]
    R21x9,
    #[serde(rename = "16:9")]
    R16x9,
    #[serde(rename = "3:2")]
    R3x2,
    #[serde(rename = "4:3")]
    R4x3,
    #[serde(rename = "5:4")]
    R5x4,
    #[serde(rename = "1:1")]
    R1x1,
    #[serde(rename = "4:5")]
    R4x5,
    #[serde(rename = "3:4")]
    R3x4,
    #[serde(rename = "2:3")]
    R2x3,
    #[serde(rename = "9:16")]
    R9x16,
}

impl AspectRatio {
    /// Width and height; `None` for `auto`.
    pub fn ratio(self) -> Option<(u32, u32)> {
        Some(match self {
            AspectRatio::Auto => return None,
            AspectRatio::R21x9 => (21, 9),
            AspectRatio::R16x9 => (16, 9),
            AspectRatio::R3x2 => (3, 2),
            AspectRatio::R4x3 => (4, 3),
            AspectRatio::R5x4 => (5, 4),
            AspectRatio::R1x1 => (1, 1),
            AspectRatio::R4x5 => (4, 5),
            AspectRatio::R3x4 => (3, 4),
            AspectRatio::R2x3 => (2, 3),
            AspectRatio::R9x16 => (9, 16),
        })
    }
}

/// How output pictures are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    Jpeg,
    Png,
    Webp,
}

impl OutputFormat {
    pub fn content_type(self) -> &'static str {
        match self {
            OutputFormat::Jpeg => "image/jpeg",
            OutputFormat::Png => "image/png",
            OutputFormat::Webp => "image/webp",
        }
    }
}

const RATIOS: [(&str, AspectRatio); 11] = [
    ("auto", AspectRatio::Auto),
    ("21:9", AspectRatio::R21x9),
    ("16:9", AspectRatio::R16x9),
    ("3:2", AspectRatio::R3x2),
    ("4:3", AspectRatio::R4x3),
    ("5:4", AspectRatio::R5x4),
    ("1:1", AspectRatio::R1x1),
    ("4:5", AspectRatio::R4x5),
    ("3:4", AspectRatio::R3x4),
    ("2:3", AspectRatio::R2x3),
    ("9:16", AspectRatio::R9x16),
];

const FORMATS: [(&str, OutputFormat); 3] =
    [("jpeg", OutputFormat::Jpeg), ("png", OutputFormat::Png), ("webp", OutputFormat::Webp)];

const TOLERANCES: [(&str, u8); 6] = [("1", 1), ("2", 2), ("3", 3), ("4", 4), ("5", 5), ("6", 6)];

/// The first word of a table, without its meanings, for a description.
const fn words<T: Copy, const N: usize>(table: [(&'static str, T); N]) -> [&'static str; N] {
    let mut words = [""; N];
    let mut at = 0;
    while at < N {
        words[at] = table[at].0;
        at += 1;
    }
    words
}

const EDIT_WORDS: [&str; 11] = words(RATIOS);

/// All but `auto`, which needs a picture to go by.
const TEXT_WORDS: &[&str] = EDIT_WORDS.split_at(1).1;

pub(super) const TEXT: Schema = Schema {
    endpoint: TEXT_ENDPOINT,
    title: "Nano Banana",
    description: "Generates images from text with Google's Gemini 2.5 Flash Image.",
    category: "text-to-image",
    input: Object::new("Input", TEXT_INPUT),
    output: Object::new("Output", OUTPUT),
};

pub(super) const EDIT: Schema = Schema {
    endpoint: EDIT_ENDPOINT,
    title: "Nano Banana Edit",
    description: "Edits and combines images as a text says, with Google's Gemini 2.5 Flash Image.",
    category: "image-to-image",
    input: Object::new("Input", EDIT_INPUT),
    output: Object::new("Output", OUTPUT),
};

const NUM_IMAGES: Field = num_images("How many images are generated.");
const OUTPUT_FORMAT: Field =
    Field::or("output_format", Kind::Word(&words(FORMATS)), "\"png\"", "The file format of the generated images.");
const SAFETY_TOLERANCE: Field = Field::or(
    "safety_tolerance",
    Kind::Word(&words(TOLERANCES)),
    "\"4\"",
    "How much unsafe content is let through: 1 is the strictest, 6 the most tolerant.",
);
const LIMIT_GENERATIONS: Field = Field::or(
    "limit_generations",
    Kind::Flag,
    "false",
    "Whether each round of prompting gives one image only, even if the prompt asks for more.",
);

const TEXT_INPUT: &[Field] = &[
    prompt("The text that the images are generated from."),
    NUM_IMAGES,
    SEED,
    Field::or("aspect_ratio", Kind::Word(TEXT_WORDS), "\"1:1\"", "The shape of the generated images."),
    OUTPUT_FORMAT,
    SAFETY_TOLERANCE,
    SYNC_MODE,
    LIMIT_GENERATIONS,
];

const EDIT_INPUT: &[Field] = &[
    prompt("What is to be done with the images."),
    Field::required(
        "image_urls",
        Kind::List { of: &Kind::Address, least: 1, most: IMAGE_URLS_MAX },
        "The images to work from: addresses or data URIs.",
    ),
    NUM_IMAGES,
    SEED,
    Field::or(
        "aspect_ratio",
        Kind::Word(&EDIT_WORDS),
        "\"auto\"",
        "The shape of the generated images; auto follows the first input image.",
    ),
    OUTPUT_FORMAT,
    SAFETY_TOLERANCE,
    SYNC_MODE,
    LIMIT_GENERATIONS,
    staging::SCENE,
    staging::BACKDROP,
    staging::STRAIGHTEN,
    staging::NORMALIZE,
    BOXES,
    POINTS,
    KEEP,
];

const OUTPUT: &[Field] = &[
    IMAGES,
    Field::required("description", Kind::Text { least: 0, most: usize::MAX }, "What the model says about its work."),
];

/// What both endpoints share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub num_images: u8,
    /// Any whole number: fal's own seeds exceed 64 bits with sign.
    pub seed: Option<i128>,
    pub aspect_ratio: AspectRatio,
    pub output_format: OutputFormat,
    /// 1 (strict) to 6.
    pub safety_tolerance: u8,
    /// Return pictures as `data:` URIs.
    pub sync_mode: bool,
    /// Ask the model for one picture a round.
    pub limit_generations: bool,
}

impl Settings {
    /// Of an input that was checked, so that each default here stands for what can't happen.
    fn of(values: &Values<'_>) -> Settings {
        Settings {
            num_images: values.integer("num_images").and_then(|number| number.try_into().ok()).unwrap_or(1),
            seed: values.integer("seed"),
            aspect_ratio: values.word("aspect_ratio", &RATIOS).unwrap_or(AspectRatio::Auto),
            output_format: values.word("output_format", &FORMATS).unwrap_or(OutputFormat::Png),
            safety_tolerance: values.word("safety_tolerance", &TOLERANCES).unwrap_or(4),
            sync_mode: values.flag("sync_mode"),
            limit_generations: values.flag("limit_generations"),
        }
    }
}

/// Input of `fal-ai/nano-banana`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextInput {
    pub prompt: String,
    pub settings: Settings,
}

impl TextInput {
    /// Reads the bare input object; unknown fields are ignored. An error is the `detail` of the 422 to answer with.
    pub fn parse(body: &[u8]) -> Result<TextInput, Vec<Detail>> {
        let values = check(&TEXT.input, body)?;
        Ok(TextInput { prompt: values.text("prompt"), settings: Settings::of(&values) })
    }
}

/// Input of `fal-ai/nano-banana/edit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditInput {
    pub prompt: String,
    /// Addresses or `data:` URIs; at least one.
    pub image_urls: Vec<String>,
    /// Which thing in the first picture is the product. Plantain's own extension.
    pub choice: ObjectChoice,
    pub settings: Settings,
    /// What Plantain's own picture engine lays the product on; other models don't look at it.
    pub staging: Staging,
}

impl EditInput {
    /// Reads the bare input object; unknown fields are ignored. An error is the `detail` of the 422 to answer with.
    ///
    /// ```
    /// use plantain_wire::models::nano_banana::EditInput;
    ///
    /// let input = EditInput::parse(br#"{"prompt":"on white","image_urls":["https://x.test/a.jpg"],"num_images":3}"#);
    /// assert_eq!(input.unwrap().settings.num_images, 3);
    /// let complaints = EditInput::parse(br#"{"prompt":"on white"}"#).unwrap_err();
    /// assert_eq!(complaints[0].summary(), "image_urls: Field required");
    /// ```
    pub fn parse(body: &[u8]) -> Result<EditInput, Vec<Detail>> {
        let values = check(&EDIT.input, body)?;
        Ok(EditInput {
            prompt: values.text("prompt"),
            image_urls: values.texts("image_urls"),
            choice: ObjectChoice::of(&values)?,
            settings: Settings::of(&values),
            staging: Staging::of(&values)?,
        })
    }
}
