//! `fal-ai/nano-banana` (text to image) and `fal-ai/nano-banana/edit` (pictures and text to image).
//!
//! Defaults and limits as fal publishes them in 2026. An input that breaks several rules gets all complaints at once.

use serde::{Deserialize, Serialize};

use crate::error::Detail;
use crate::models::fields::Fields;

/// The endpoint of [`TextInput`].
pub const TEXT_ENDPOINT: &str = "fal-ai/nano-banana";
/// The endpoint of [`EditInput`].
pub const EDIT_ENDPOINT: &str = "fal-ai/nano-banana/edit";

/// The most pictures of one request.
pub const NUM_IMAGES_MAX: u8 = 4;

/// The longest prompt, in characters. fal publishes no limit; the model underneath reads about as much.
pub const PROMPT_CHARS_MAX: usize = 50_000;

/// The most input pictures. fal publishes no limit; this one keeps a request's memory bounded.
pub const IMAGE_URLS_MAX: usize = 16;

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

const EDIT_RATIOS: [(&str, AspectRatio); 11] = [
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
    fn read(fields: &mut Fields<'_>, ratios: &[(&str, AspectRatio)], ratio: AspectRatio) -> Settings {
        let num_images = fields.integer_within("num_images", 1, i128::from(NUM_IMAGES_MAX), 1);
        Settings {
            num_images: u8::try_from(num_images).unwrap_or(1),
            seed: fields.integer("seed"),
            aspect_ratio: fields.one_of("aspect_ratio", ratios, ratio),
            output_format: fields.one_of("output_format", &FORMATS, OutputFormat::Png),
            safety_tolerance: fields.one_of("safety_tolerance", &TOLERANCES, 4),
            sync_mode: fields.flag("sync_mode", false),
            limit_generations: fields.flag("limit_generations", false),
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
        let mut fields = Fields::read(body)?;
        let prompt = fields.text("prompt", PROMPT_CHARS_MAX);
        let settings = Settings::read(&mut fields, &EDIT_RATIOS[1..], AspectRatio::R1x1);
        fields.finish(TextInput { prompt, settings })
    }
}

/// Input of `fal-ai/nano-banana/edit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditInput {
    pub prompt: String,
    /// Addresses or `data:` URIs; at least one.
    pub image_urls: Vec<String>,
    pub settings: Settings,
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
        let mut fields = Fields::read(body)?;
        let prompt = fields.text("prompt", PROMPT_CHARS_MAX);
        let image_urls = fields.texts("image_urls", IMAGE_URLS_MAX);
        let settings = Settings::read(&mut fields, &EDIT_RATIOS, AspectRatio::Auto);
        fields.finish(EditInput { prompt, image_urls, settings })
    }
}
