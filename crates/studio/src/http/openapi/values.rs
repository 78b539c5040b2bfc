//! What addresses are made of, and what requests bring.
#![allow(dead_code, reason = "only their description is used")]

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::bulk::batch::BatchId;
use crate::job::JobId;
use crate::messages::hook::HookId;
use crate::messages::message::MessageId;
use crate::view::facts::Scene;

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfJobId {
    /// The job's id, as `jobId` tells it.
    pub id: JobId,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfNumber {
    /// The job's id, as `jobId` tells it.
    pub id: JobId,
    /// Which one, counted from 1.
    #[param(minimum = 1, example = 1)]
    pub n: u32,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfRevision {
    /// The job's id, as `jobId` tells it.
    pub id: JobId,
    /// The revision of the strokes that the picture was made with, as `corrected` tells it.
    #[param(example = 1)]
    pub revision: u64,
    /// Which one, counted from 1.
    #[param(minimum = 1, example = 1)]
    pub n: u32,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfPreset {
    /// The preset's id.
    #[param(example = "amazon_main")]
    pub id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfKey {
    /// The key's id, as the list tells it.
    #[param(example = "key_1")]
    pub key: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfHook {
    /// The hook's id, as `hookId` tells it.
    pub hook: HookId,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfMessage {
    /// The message's id, as `messageId` tells it and `webhook-id` brought it.
    pub message: MessageId,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfBatch {
    /// The batch's id, as `batchId` tells it.
    pub id: BatchId,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfLink {
    /// The job's id.
    pub id: JobId,
    /// When the link ends, and its proof.
    #[param(example = "1795176000.00")]
    pub token: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfSignIn {
    /// The link's word, as the letter has it.
    #[param(example = "5f1c2a7be0d94c315f1c2a7be0d94c315f1c2a7be0d94c315f1c2a7be0d94c31")]
    pub token: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfUnsubscribe {
    /// The word of the letter's link: a digest of the mailbox, and a proof.
    #[param(example = "5f1c2a7b.e0d94c31")]
    pub token: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfAsset {
    /// The digest of all files, as pages name it.
    #[param(example = "0011223344556677")]
    pub edition: String,
    #[param(example = "studio.css")]
    pub name: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Resumed {
    /// The id of the newest event that the asker has; browsers send it by themselves.
    #[param(rename = "Last-Event-ID", example = "5f1c2a7be0d94c31")]
    pub last_event_id: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Named {
    /// Printable ASCII, such as a UUID. For 24 hours the same request with the same key is answered with the job or batch that the
    /// first one made, with `Idempotency-Replayed: true`; another request with it is refused.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        example = "8e03978e-40d5-43dd-bc93-6894a57f9324"
    )]
    pub idempotency_key: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Linked {
    /// Lets whoever has it look at this job until it ends; webhooks bring it in their addresses.
    #[param(example = "1795176000.00")]
    pub link: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Known {
    /// The `ETag` of the copy that the asker has.
    #[param(rename = "If-None-Match", example = "\"5f1c\"")]
    pub if_none_match: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Signed {
    /// Names the request.
    #[param(rename = "X-Fal-Webhook-Request-Id", example = "019a5d6e-8f00-7cc3-98c4-dc0c0c07398f")]
    pub request_id: Option<String>,
    /// The account that the webhook is for.
    #[param(rename = "X-Fal-Webhook-User-Id", example = "u_2f6c")]
    pub user_id: Option<String>,
    /// Seconds since 1970, at most 300 off.
    #[param(rename = "X-Fal-Webhook-Timestamp", example = "1795176000")]
    pub timestamp: Option<String>,
    /// Ed25519 over the other three and the body's digest: 128 hex digits.
    #[param(rename = "X-Fal-Webhook-Signature", example = "6ae1f00b")]
    pub signature: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Callback {
    /// A hint, never a proof.
    #[param(rename = "jobId")]
    pub job_id: Option<String>,
    /// What proves that a webhook is about a job whose request is not known yet.
    pub token: Option<String>,
}

/// Bytes of a file.
#[derive(Serialize, ToSchema)]
#[schema(format = Binary)]
pub struct File(String);

/// A wish as a form. A field that is not listed is refused.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FormWish {
    /// The photo of the product, JPEG, PNG, WebP, HEIC, AVIF, TIFF or GIF, at most 12 MB where nothing else is set (`PHOTO_MB_MAX`), and 50 megapixels. A second one is the backdrop.
    #[schema(min_items = 1, max_items = 8)]
    image: Vec<File>,
    /// Another picture's address, after the photos. May be repeated; eight pictures in all.
    #[schema(examples("https://pictures.example/mug.jpg"))]
    image_url: Option<String>,
    /// What else matters, in words.
    #[schema(max_length = 4000, examples("on linen, soft light from the left"))]
    prompt: Option<String>,
    /// Whose rules the pictures meet; `GET /api/presets` lists them. Usually `amazon_main`.
    #[schema(examples("amazon_main"))]
    preset: Option<String>,
    /// How many pictures, usually 3.
    #[schema(minimum = 1, maximum = 4, examples(3))]
    num_images: Option<u8>,
    /// The product's number, from which files are named.
    #[schema(max_length = 64, examples("B0TEST1234"))]
    identifier: Option<String>,
    /// How many pieces the picture shows, such as 2 for a pair; otherwise the check looks for one.
    #[schema(minimum = 1, maximum = 99, examples(2))]
    products: Option<u32>,
    /// Told by WhatsApp once the pictures are ready: a number with its country code.
    #[serde(rename = "notifyWhatsapp")]
    #[schema(max_length = 40, examples("+91 98765 43210"))]
    notify_whatsapp: Option<String>,
    /// What the product is laid on, usually `auto`.
    #[schema(examples("shadow"))]
    scene: Option<Scene>,
    /// A colour, or two from top to bottom, written `#rrggbb` or `#rrggbb,#rrggbb`.
    #[schema(examples("#f4e9dd"))]
    backdrop: Option<String>,
    /// Set a leaning product upright.
    #[schema(examples(true))]
    straighten: Option<bool>,
    /// Even out white balance and exposure.
    #[schema(examples(true))]
    normalize: Option<bool>,
    /// Around the product: `x,y,width,height` in pixels of the photo held upright.
    #[schema(examples("120,80,900,700"))]
    r#box: Option<String>,
    /// A point on the product: `x,y`. May be repeated.
    #[schema(examples("640,480"))]
    include: Option<String>,
    /// A point beside the product: `x,y`. May be repeated.
    #[schema(examples("20,20"))]
    exclude: Option<String>,
    /// Posted to once the job has ended. Its query stays as it is.
    #[serde(rename = "webhookUrl")]
    #[schema(max_length = 2048, examples("https://n8n.example/webhook-waiting/7?signature=5f1c"))]
    webhook_url: Option<String>,
    /// What that post is signed with; without it it is not.
    #[serde(rename = "webhookSecret")]
    #[schema(min_length = 16, max_length = 200)]
    webhook_secret: Option<String>,
    /// Gets a letter once the job has succeeded or failed, where the studio sends any.
    #[serde(rename = "notifyEmail")]
    #[schema(max_length = 254, examples("asha@shop.example"))]
    notify_email: Option<String>,
}

/// What an account's form holds: a box that is ticked, or nothing.
#[derive(Serialize, ToSchema)]
pub struct AccountForm {
    /// A letter when a job or a batch is done.
    #[schema(examples("on"))]
    notify: Option<String>,
}

/// What the form for an account's tier holds.
#[derive(Serialize, ToSchema)]
pub struct TierForm {
    #[schema(max_length = 254, examples("asha@shop.example"))]
    email: String,
    /// `free` or `paid`.
    #[schema(examples("paid"))]
    tier: String,
}

/// What the sign-in form holds.
#[derive(Serialize, ToSchema)]
pub struct SignInForm {
    /// The operator's token.
    token: String,
    /// The page to go on to, `/keys` or `/usage`; the first page otherwise.
    #[schema(examples("/keys"))]
    to: Option<String>,
}

/// What the form for a key holds. An empty field bounds nothing.
#[derive(Serialize, ToSchema)]
pub struct KeyForm {
    #[schema(max_length = 80, examples("n8n"))]
    name: String,
    /// `free` or `paid`.
    #[schema(examples("paid"))]
    tier: Option<String>,
    /// US dollars a month.
    #[schema(examples("5"))]
    budget: Option<String>,
    /// Calls that make something, in a minute.
    #[schema(examples("120"))]
    rate: Option<String>,
}

/// A queue's webhook about a request.
#[derive(Serialize, ToSchema)]
pub struct Announcement {
    /// Names the request.
    #[schema(examples("019a5d6e-8f00-7cc3-98c4-dc0c0c07398f"))]
    request_id: String,
    #[schema(examples("019a5d6e-8f00-7cc3-98c4-dc0c0c07398f"))]
    gateway_request_id: Option<String>,
    #[schema(examples("OK"))]
    status: String,
    /// The model's answer, or why it has none.
    payload: Option<serde_json::Value>,
    /// In words, where it failed.
    error: Option<String>,
}
