//! Bodies of answers that have no type of their own here: put together by hand, or another crate's.
//!
//! A test holds real answers to them, so that a field which is new there has to be described here.
#![allow(dead_code, reason = "only their description is used")]

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// Why a request can't be fulfilled.
#[derive(Serialize, ToSchema)]
pub struct Refusal {
    error: Reason,
    /// The revision that the strokes have now; only with `strokes_changed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples(2))]
    revision: Option<u64>,
}

/// What went wrong and what to do about it.
#[derive(Serialize, ToSchema)]
struct Reason {
    /// Stable, for programs.
    #[schema(examples("unknown_preset"))]
    code: String,
    /// In words for a person, with the value that is wrong.
    #[schema(examples("There is no preset \"amazn_main\"."))]
    message: String,
    /// What to do about it.
    #[schema(examples("Did you mean \"amazon_main\"? GET /api/presets lists all."))]
    hint: String,
}

/// There is no such job for whoever asks.
#[derive(Serialize, ToSchema)]
pub struct JobMissing {
    status: Missing,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Missing {
    NotFound,
}

/// What became of a wish to cancel.
#[derive(Serialize, ToSchema)]
pub struct Cancelled {
    status: Cancelling,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Cancelling {
    /// The job has ended.
    Canceled,
    /// The queue was asked; the job may still succeed.
    Requested,
}

/// One stroke of the brush. It says what it covers and means the thing under it.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StrokeDrawn {
    kind: StrokeSays,
    /// Half the brush's width, in pixels of the photo.
    #[schema(minimum = 0, examples(40))]
    radius: u32,
    /// The brush's way: x and y in pixels of the photo held upright.
    #[schema(value_type = Vec<Vec<u32>>, examples(json!([[640, 250], [700, 450]])))]
    points: Vec<(u32, u32)>,
}

/// `keep`: this is the product. `erase`: this is not.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StrokeSays {
    Keep,
    Erase,
}

/// All strokes on a cut-out.
#[derive(Serialize, ToSchema)]
pub struct StrokesKept {
    /// Raised by each change; 0 where nobody has drawn.
    #[schema(examples(2))]
    revision: u64,
    /// In the order in which they were drawn.
    strokes: Vec<StrokeDrawn>,
    photo: PhotoSize,
}

/// The photo held upright, in pixels.
#[derive(Serialize, ToSchema)]
struct PhotoSize {
    #[schema(examples(1200))]
    width: u32,
    #[schema(examples(900))]
    height: u32,
}

/// The matte after a change, unless the pictures were made anew at once.
#[derive(Serialize, ToSchema)]
pub struct StrokesChanged {
    #[schema(examples(3))]
    revision: u64,
    /// How many strokes there are now.
    #[schema(examples(3))]
    strokes: u64,
    /// Where the matte may have changed.
    changed: Option<Area>,
    photo: PhotoSize,
    /// A grey PNG in base64, white where the product is, no larger than `width` says.
    #[schema(examples("iVBORw0KGgo="))]
    matte: String,
}

/// In pixels of the photo.
#[derive(Serialize, ToSchema)]
struct Area {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

/// Webhooks that were refused, newest first.
#[derive(Serialize, ToSchema)]
pub struct RefusedWebhooks {
    events: Vec<RefusedWebhook>,
    /// The cursor of the next page; null on the last one.
    next: Option<u64>,
}

/// A webhook that was refused, and why. Everything in it came from anybody.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RefusedWebhook {
    #[schema(format = DateTime, examples("2026-11-21T12:00:00Z"))]
    received_at: String,
    #[schema(examples("rejected"))]
    state: String,
    /// The step of the verification that it failed at.
    #[schema(examples("signature"))]
    step: Option<String>,
    #[schema(examples("signature_wrong"))]
    code: String,
    /// In words.
    #[schema(examples("No published key has signed this."))]
    explanation: String,
    /// Names and values, as they came; secrets are left out.
    #[schema(value_type = Vec<Vec<String>>, examples(json!([["content-type", "application/json"]])))]
    headers: Vec<(String, String)>,
    /// How many bytes the whole body had.
    #[schema(examples(312))]
    body_bytes: u64,
    /// Only the first bytes are kept.
    #[schema(examples(false))]
    body_truncated: bool,
    /// The body where it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The body where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

/// A webhook is durable.
#[derive(Serialize, ToSchema)]
pub struct WebhookTaken {
    #[schema(examples(true))]
    ok: bool,
}

/// All keys of the API.
#[derive(Serialize, ToSchema)]
pub struct Keys {
    keys: Vec<KeyShown>,
}

/// A key, without its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct KeyShown {
    id: String,
    #[schema(examples("n8n"))]
    name: String,
    /// `free` or `paid`.
    #[schema(examples("paid"))]
    tier: String,
    /// US cents.
    monthly_budget_cents: Option<f64>,
    /// Calls that make something, in a minute; null: as many as everybody.
    requests_per_minute: Option<u32>,
    /// US cents since the month began by UTC: spent, or kept aside for jobs that run.
    #[schema(examples(35.1))]
    spent_cents: f64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
    /// Some seconds late.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
pub struct KeyMade {
    #[serde(flatten)]
    key: KeyShown,
    /// Not told again.
    secret: String,
}

/// In a word.
#[derive(Serialize, ToSchema)]
pub struct Health {
    #[schema(examples("ok"))]
    status: String,
}

/// All marketplaces' rules.
#[derive(Serialize, ToSchema)]
pub struct AllPresets {
    presets: Vec<Rules>,
}

/// A preset with what its tags stand for.
#[derive(Serialize, ToSchema)]
pub struct RulesExplained {
    #[serde(flatten)]
    rules: Rules,
    /// The public documents that `sources` names, by tag.
    documents: BTreeMap<String, String>,
    /// On what the sources disagree.
    open_questions: Vec<String>,
}

/// One marketplace's rules for one kind of picture. Sizes are pixels.
#[derive(Serialize, ToSchema)]
pub struct Rules {
    #[schema(examples("amazon_main"))]
    id: String,
    #[schema(examples("Amazon main"))]
    title: String,
    #[schema(examples("Amazon"))]
    marketplace: String,
    notes: String,
    /// The size that is made: width and height.
    #[schema(min_items = 2, max_items = 2, examples(json!([2000, 2000])))]
    canvas: Vec<u32>,
    /// Width to height.
    #[schema(examples("1:1"))]
    aspect: String,
    #[schema(examples(0.002))]
    aspect_tolerance: f64,
    fill: FillRule,
    background: BackgroundRule,
    shadow: ShadowAllowed,
    /// What is taken; the first is made.
    formats: Vec<FileFormat>,
    #[schema(examples(10000000))]
    max_bytes: u64,
    /// Above it the marketplace warns.
    #[serde(skip_serializing_if = "Option::is_none")]
    soft_max_bytes: Option<u64>,
    /// Below it the marketplace may complain.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_bytes: Option<u64>,
    #[schema(examples(1000))]
    min_long_side: u32,
    #[schema(examples(500))]
    min_short_side: u32,
    /// Where it is given, only a smaller picture is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    hard_min_long_side: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_long_side: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_megapixels: Option<f64>,
    /// 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_jpeg_quality: Option<u8>,
    /// Dots an inch; a tag alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_dpi: Option<u16>,
    #[schema(examples("sRGB, 8 bit"))]
    colour: String,
    /// A transparent picture is taken.
    #[schema(examples(false))]
    alpha: bool,
    /// `required`: a generated picture has to say so in its metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    ai_tag: Option<String>,
    /// File names have to be plain ASCII.
    #[schema(examples(false))]
    ascii_name: bool,
    /// Pictures of one product.
    #[schema(examples(9))]
    max_images: u32,
    /// How files are named, with `{asin}`, `{sku}`, `{handle}`, `{gtin14}`, `{n}` and `{nn}`.
    #[schema(examples("{asin}.MAIN"))]
    name: String,
    /// How sure the whole is, in words.
    confidence: String,
    /// Questions on which the sources disagree, by id.
    questions: Vec<String>,
    sources: Vec<RuleFrom>,
}

/// How much of the canvas the product takes, as shares.
#[derive(Serialize, ToSchema)]
struct FillRule {
    /// `long_side`: the larger of both sides' shares.
    #[schema(examples("long_side"))]
    metric: String,
    #[schema(examples(0.85))]
    min: f32,
    #[schema(examples(1.0))]
    max: f32,
    /// What is made.
    #[schema(examples(0.9))]
    target: f32,
}

/// `W1` exact white, `W2` white or nearly, `N1` a light neutral, `G1` a light grey, `F0` free.
#[derive(Serialize, ToSchema)]
enum BackgroundRule {
    W1,
    W2,
    N1,
    G1,
    F0,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ShadowAllowed {
    None,
    Contact,
    Soft,
    Any,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FileFormat {
    Jpeg,
    Png,
    Webp,
}

/// Where a rule comes from.
#[derive(Serialize, ToSchema)]
struct RuleFrom {
    #[schema(examples("background"))]
    rule: String,
    /// Tags of public documents; empty where the number is our own choice.
    documents: Vec<String>,
    /// `A` the operator's own page, `B` quoted from it, `C` seller blogs and tools, `D` our own choice.
    #[schema(examples("A"))]
    sure: String,
    /// The day on which the documents were read.
    #[schema(format = Date, examples("2026-11-20"))]
    read: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// It is done, or will be without anybody's help.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountClosed)]
pub struct Done {
    #[schema(examples("CLOSED"))]
    status: String,
}
