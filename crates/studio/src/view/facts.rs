//! What other crates tell of a job, as the API describes it.
//!
//! A test holds real answers to these descriptions, so that what is new there has to be described here.
#![allow(dead_code, reason = "only their description is used")]

use serde::Serialize;
use utoipa::ToSchema;

/// How the product is shown. `auto` leaves it to prompt and backdrop.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scene {
    Auto,
    White,
    Shadow,
    Studio,
    Reflection,
}

/// What the product was laid on. Nothing is said of what was left as usual.
#[derive(Serialize, ToSchema)]
pub struct Staged {
    #[schema(required = false)]
    scene: Scene,
    /// One colour, or two from top to bottom.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("#f4e9dd,#c9a88c"))]
    backdrop: Option<String>,
    /// A leaning product was to be set upright.
    #[schema(required = false)]
    straighten: bool,
    /// White balance and exposure were to be evened out.
    #[schema(required = false)]
    normalize: bool,
}

/// Every rule of the preset, measured on the file.
#[derive(Serialize, ToSchema)]
pub struct Measured {
    #[schema(examples("amazon_main"))]
    preset: String,
    /// The name that was checked.
    #[schema(examples("B0TEST1234.MAIN.jpg"))]
    file: Option<String>,
    /// Pixels.
    #[schema(examples(2000))]
    width: u32,
    /// Pixels.
    #[schema(examples(2000))]
    height: u32,
    #[schema(examples(284113))]
    bytes: u64,
    /// Where the product's mask came from.
    mask: MaskFrom,
    results: Vec<RuleMeasured>,
    /// No rule failed; warnings don't count.
    #[schema(examples(true))]
    passed: bool,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum MaskFrom {
    Given,
    Found,
    Missing,
}

/// One rule, what it asks, what the file has, and what to do.
#[derive(Serialize, ToSchema)]
struct RuleMeasured {
    #[schema(examples("background"))]
    rule: String,
    #[schema(examples("Background"))]
    title: String,
    #[schema(examples("pure white"))]
    required: String,
    #[schema(examples("pure white"))]
    measured: String,
    outcome: Met,
    /// What can be done; empty where nothing is to be done.
    #[schema(examples(""))]
    fix: String,
    /// The documents behind the rule, how sure it is and when they were read; empty for a rule of ours.
    #[schema(examples("AMZ-ES (A, read 2026-11-20)"))]
    source: String,
}

/// `warn`: taken, with complaints. `not_measured`: can't be told from this file, or there is no such rule.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Met {
    Pass,
    Warn,
    Fail,
    NotMeasured,
}

/// One thing that was changed on the model's picture; which number is told depends on the action.
#[derive(Serialize, ToSchema)]
pub struct Repair {
    action: RepairKind,
    /// By what factor the picture was scaled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples(1.25))]
    scale: Option<f64>,
    /// How many pixels were changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples(5120))]
    pixels: Option<u64>,
    /// The JPEG quality, 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples(88))]
    quality: Option<u8>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RepairKind {
    Reframed,
    RimRemoved,
    Whitened,
    Neutralised,
    ShadowRemoved,
    ShadowReduced,
    QualityLowered,
    ChromaHalved,
}
