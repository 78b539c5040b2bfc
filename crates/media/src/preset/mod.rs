//! What a marketplace asks of a picture, as data: canvas, framing, background, shadow, format, size, name.
//!
//! A [`Preset`] holds one card of rules with the source, the certainty and the reading date of each; [`Presets`] holds
//! the built-in cards and those of the user. Nothing here touches a pixel: `compose` and `finish` obey a preset,
//! `check` measures against it. Every preset that leaves this module is possible to meet (see [`PresetError`]).

mod file_name;
mod library;
mod validate;

pub use file_name::{FileName, NameFault};
pub use library::{PresetError, Presets, UnknownPreset};

use serde::{Deserialize, Serialize};

/// One marketplace's rules for one kind of picture.
///
/// Sizes are pixels, byte counts are bytes, `fill` is a share of the canvas. Every preset also means: sRGB, 8 bits a
/// channel, orientation applied and removed, one product that does not touch the frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    pub id: String,
    /// What a person calls it.
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub marketplace: String,
    #[serde(default)]
    pub notes: String,
    /// The size that is rendered: width, height.
    pub canvas: (u32, u32),
    /// Width to height in words, like `3:4`; the canvas must have it within `aspect_tolerance`.
    pub aspect: String,
    #[serde(default = "usual_aspect_tolerance")]
    pub aspect_tolerance: f64,
    pub fill: Fill,
    pub background: Background,
    pub shadow: ShadowRule,
    /// Accepted formats; the first is written unless another is asked for.
    pub formats: Vec<Format>,
    pub max_bytes: u64,
    /// Above it the marketplace warns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_max_bytes: Option<u64>,
    /// Below it the marketplace may complain. A small product on white can stay under it at any quality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_bytes: Option<u64>,
    pub min_long_side: u32,
    pub min_short_side: u32,
    /// Where it is given, only a smaller picture is refused; one under `min_long_side` is a warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_min_long_side: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_long_side: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_megapixels: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_jpeg_quality: Option<u8>,
    /// A tag only: it changes no pixel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_dpi: Option<u16>,
    #[serde(default = "usual_colour")]
    pub colour: String,
    /// True where a transparent picture is accepted.
    #[serde(default)]
    pub alpha: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ai_tag: Option<AiTag>,
    /// True where the marketplace refuses file names with anything but plain ASCII.
    #[serde(default)]
    pub ascii_name: bool,
    pub max_images: u32,
    /// File name with placeholders `{asin}`, `{sku}`, `{handle}`, `{gtin14}`, `{n}`, `{nn}`.
    pub name: String,
    /// How sure the card as a whole is, in words.
    #[serde(default)]
    pub confidence: String,
    /// Ids of the questions on which the sources disagree; see [`Presets::question`].
    #[serde(default)]
    pub questions: Vec<String>,
    #[serde(default)]
    pub sources: Vec<RuleSource>,
}

/// How much of the canvas the product takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    pub metric: FillMetric,
    pub min: f32,
    pub max: f32,
    /// What we render.
    pub target: f32,
}

impl Fill {
    /// True where the marketplace says anything about framing.
    pub fn is_ruled(&self) -> bool {
        self.min > 0.0
    }
}

/// How fill is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillMetric {
    /// The larger of box width to canvas width and box height to canvas height.
    LongSide,
}

/// What lies behind the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Background {
    /// Exact white: ring and far pixels are 255, nothing dark near the product.
    W1,
    /// White or nearly: channels of 250 and more.
    W2,
    /// A light neutral.
    N1,
    /// A light grey; white is refused.
    G1,
    /// Free.
    F0,
}

impl Background {
    /// True where the rendered background is exact white.
    pub fn is_white(self) -> bool {
        matches!(self, Background::W1 | Background::W2)
    }
}

/// Which shadow may be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShadowRule {
    None,
    Contact,
    Soft,
    Any,
}

/// The bounds that a permitted shadow keeps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShadowLimits {
    /// Share of the canvas that it may cover.
    pub max_area: f64,
    /// No channel is darker.
    pub min_level: u8,
}

impl ShadowRule {
    /// `None` where the rule sets no bounds, because nothing or everything is permitted.
    pub fn limits(self) -> Option<ShadowLimits> {
        match self {
            ShadowRule::Contact => Some(ShadowLimits { max_area: 0.03, min_level: 200 }),
            ShadowRule::Soft => Some(ShadowLimits { max_area: 0.10, min_level: 170 }),
            ShadowRule::None | ShadowRule::Any => None,
        }
    }
}

/// A file format that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Jpeg,
    Png,
    Webp,
}

impl Format {
    /// Lower case, `jpg` and not `jpeg`.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Jpeg => "jpg",
            Format::Png => "png",
            Format::Webp => "webp",
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Format::Jpeg => "image/jpeg",
            Format::Png => "image/png",
            Format::Webp => "image/webp",
        }
    }
}

/// Whether a generated picture must say so in its metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AiTag {
    Required,
}

/// Where one rule comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSource {
    /// Which rule: `background`, `shadow`, `fill`, `size`, `aspect`, `format`, `bytes`, `quality`, `dpi`, `colour`,
    /// `alpha`, `content`, `provenance`, `count` or `name`.
    pub rule: String,
    /// Tags of public documents; see [`Presets::document`]. Empty where the number is our own choice.
    #[serde(default)]
    pub documents: Vec<String>,
    pub sure: Certainty,
    /// The day on which the documents were read.
    pub read: jiff::civil::Date,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How sure a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Certainty {
    /// Read on the operator's own page.
    A,
    /// The operator's words, quoted by several others or by an integrator that works with the operator.
    B,
    /// Seller blogs and tools.
    C,
    /// Our own choice, because nobody states it.
    D,
}

impl Preset {
    /// The source line of a rule for reports, like `AMZ-ES, AMZ-COPY (A, read 2026-11-20)`; empty where none is noted.
    pub fn source_of(&self, rule: &str) -> String {
        let Some(source) = self.sources.iter().find(|s| s.rule == rule) else { return String::new() };
        let documents = if source.documents.is_empty() { "our choice".into() } else { source.documents.join(", ") };
        format!("{documents} ({:?}, read {})", source.sure, source.read)
    }
}

/// One pixel of rounding on a 1,000 px canvas.
fn usual_aspect_tolerance() -> f64 {
    0.002
}

fn usual_colour() -> String {
    "sRGB, 8 bit".into()
}
