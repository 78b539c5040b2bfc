//! What can go wrong with a request to the studio, in words for whoever made it.
//!
//! Variants answer what the caller can do; the HTTP code is derived as the last step.

use plantain_blobs::BlobError;
use plantain_inbox::store::StoreError;
use plantain_media::decode::PictureError;
use plantain_media::preset::UnknownPreset;
use plantain_wire::models::choice::{BOX_SIDE_MIN, POINTS_MAX};

use crate::asking::INPUT_BYTES_MAX;
use crate::bulk::error::BulkError;
use crate::messages::message::Channel;
use crate::money;

/// Pictures of one job, uploads and addresses together.
pub const PICTURES_MAX: usize = 8;
/// Characters of a prompt: a page of text, which is more than any model heeds.
pub const PROMPT_CHARS_MAX: usize = 4_000;
/// Characters of a product number.
pub const IDENTIFIER_CHARS_MAX: usize = 64;
/// Bytes of a picture's address.
pub const IMAGE_URL_BYTES_MAX: usize = 2_048;
/// Pieces that a picture may be said to show.
pub const PRODUCTS_MAX: u32 = 99;

/// Where a program reads which presets there are.
pub const PRESETS_AT: &str = "GET /api/presets";

/// A request that can't be fulfilled.
#[derive(Debug, thiserror::Error)]
pub enum StudioError {
    /// A photo can't be used; `number` counts the photos from 1.
    #[error("photo {number}: {error}")]
    Photo { number: usize, error: PictureError },
    #[error("there is no photo")]
    NoPhoto,
    #[error("{given} pictures are too many for one job")]
    TooManyPhotos { given: usize },
    #[error(transparent)]
    UnknownPreset(UnknownPreset),
    #[error("{given} pictures can't be made at once")]
    NumImages { given: i64, most: u8 },
    #[error("the prompt is too long")]
    PromptTooLong { chars: usize },
    #[error("the product number can't be used")]
    Identifier,
    #[error("scene and backdrop contradict each other: {why}")]
    Staging { why: String },
    #[error("{given} points are too many")]
    TooManyPoints { given: usize },
    /// A point lies outside the first photo, which has this size, or too little of the box inside.
    #[error("the box or a point lies outside the photo")]
    ChoiceOutside { width: u32, height: u32 },
    #[error("a picture's address can't be used")]
    ImageUrl { number: usize },
    /// Only what the local engine made is made again by itself.
    #[error("the job was made by a model that goes by words alone")]
    NotLocal,
    /// Nothing to make another preset's pictures of.
    #[error("the job has no pictures")]
    NotFinished,
    #[error("the job's pictures are of this preset")]
    SamePreset,
    #[error("the endpoint can't be used: {why}")]
    Endpoint { why: String },
    #[error("the input is no object")]
    NoInput,
    #[error("the input has {bytes} bytes")]
    InputTooLarge { bytes: usize },
    /// What it costs can't be kept aside.
    #[error("the input's num_images can't be counted")]
    Uncounted,
    /// Only the operator and paid keys choose endpoints.
    #[error("the asker may not choose an endpoint")]
    TierTooLow,
    /// A budget can't be kept where nobody knows what is spent.
    #[error("nobody has said what the endpoint costs")]
    PriceUnknown,
    /// In millionths of a US dollar: spent this month, the job's cost, and what may be spent.
    #[error("the month's budget is spent")]
    Budget { spent: u64, cost: u64, budget: u64 },
    /// The key stands for another wish.
    #[error("the idempotency key was used for another request")]
    KeyUsed,
    /// Whoever is named may be told no more within the hour, or whoever names them may have no more told.
    #[error("too many were to be told within an hour")]
    TooManyNamed(Channel),
    /// Too much is going on; the same request will work later.
    #[error("the studio is busy")]
    Busy,
    /// Nothing can be made of an archive or its list.
    #[error(transparent)]
    Bulk(#[from] BulkError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// A bug of ours.
    #[error("the studio failed inside")]
    Internal,
}

impl StudioError {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            StudioError::Photo { error, .. } => error.code(),
            StudioError::NoPhoto => "photo_missing",
            StudioError::TooManyPhotos { .. } => "too_many_photos",
            StudioError::UnknownPreset(_) => "unknown_preset",
            StudioError::NumImages { .. } => "num_images_out_of_range",
            StudioError::PromptTooLong { .. } => "prompt_too_long",
            StudioError::Identifier => "identifier_unusable",
            StudioError::Staging { .. } => "scene_contradicts_backdrop",
            StudioError::TooManyPoints { .. } => "too_many_points",
            StudioError::ChoiceOutside { .. } => "choice_outside_photo",
            StudioError::ImageUrl { .. } => "image_url_unusable",
            StudioError::NotLocal => "not_the_local_engine",
            StudioError::NotFinished => "not_finished",
            StudioError::SamePreset => "same_preset",
            StudioError::Endpoint { .. } => "endpoint_unusable",
            StudioError::NoInput => "no_input",
            StudioError::InputTooLarge { .. } => "input_too_large",
            StudioError::Uncounted => "num_images_uncounted",
            StudioError::TierTooLow => "tier_too_low",
            StudioError::PriceUnknown => "price_unknown",
            StudioError::Budget { .. } => "budget_spent",
            StudioError::KeyUsed => "idempotency_key_used",
            StudioError::TooManyNamed(Channel::Mail) => "too_many_letters",
            StudioError::TooManyNamed(Channel::Whatsapp | Channel::Webhook) => "too_many_messages",
            StudioError::Busy => "busy",
            StudioError::Bulk(error) => error.code(),
            StudioError::Store(StoreError::Full(_)) | StudioError::Blobs(BlobError::Full(_)) => "storage_full",
            StudioError::Store(StoreError::Unavailable(_)) | StudioError::Blobs(BlobError::Unavailable(_)) => {
                "storage_unavailable"
            }
            StudioError::Store(StoreError::Corrupt { .. }) | StudioError::Internal => "internal",
        }
    }

    /// What is wrong, with the value that is.
    pub fn message(&self) -> String {
        match self {
            StudioError::Photo { number: 1, error } => error.message(),
            StudioError::Photo { number, error } => format!("Photo {number}: {}", error.message()),
            StudioError::NoPhoto => "No photo was sent.".to_owned(),
            StudioError::TooManyPhotos { given } => {
                format!("{given} pictures were sent; one job takes at most {PICTURES_MAX}.")
            }
            StudioError::UnknownPreset(unknown) => format!("There is no preset \"{}\".", shortened(&unknown.id)),
            StudioError::NumImages { given, most } => {
                format!("{given} pictures were asked for; one job makes 1 to {most}.")
            }
            StudioError::PromptTooLong { chars } => {
                format!("The prompt has {chars} characters; at most {PROMPT_CHARS_MAX} are taken.")
            }
            StudioError::TooManyPoints { given } => {
                format!("{given} points were given; at most {POINTS_MAX} are taken.")
            }
            StudioError::ChoiceOutside { width, height } => {
                format!(
                    "The photo has {width} x {height} pixels; a point lies outside it, or less than {BOX_SIDE_MIN} pixels of the box lie inside, across or down."
                )
            }
            StudioError::Identifier => "The product number can't be used.".to_owned(),
            StudioError::Staging { .. } => {
                "This scene has a background of its own, so it can't have a backdrop.".to_owned()
            }
            StudioError::ImageUrl { number } => format!("The address of picture {number} can't be used."),
            StudioError::NotLocal => "The model that made the pictures goes by words alone.".to_owned(),
            StudioError::NotFinished => "The job has no pictures.".to_owned(),
            StudioError::SamePreset => "The job's pictures are made for this preset.".to_owned(),
            StudioError::Endpoint { why } => format!("The endpoint can't be used: {why}."),
            StudioError::NoInput => "The input is no JSON object.".to_owned(),
            StudioError::Uncounted => {
                "The input's num_images is no whole number from 1 to 255, so what it costs can't be kept aside."
                    .to_owned()
            }
            StudioError::InputTooLarge { bytes } => {
                format!("The input has {bytes} bytes; at most {INPUT_BYTES_MAX} are taken.")
            }
            StudioError::TierTooLow => "Only the operator and paid keys choose endpoints.".to_owned(),
            StudioError::PriceUnknown => {
                "Nobody has said what this endpoint costs, and the key has a budget.".to_owned()
            }
            StudioError::Budget { spent, cost, budget } => format!(
                "The job costs {}, and {} of this month's {} are spent or about to be.",
                money::told(*cost),
                money::told(*spent),
                money::told(*budget)
            ),
            StudioError::KeyUsed => "The Idempotency-Key was used for another request.".to_owned(),
            StudioError::TooManyNamed(Channel::Mail) => "Too many letters were asked for within an hour.".to_owned(),
            StudioError::TooManyNamed(Channel::Whatsapp | Channel::Webhook) => {
                "Too many messages by WhatsApp were asked for within an hour.".to_owned()
            }
            StudioError::Bulk(error) => error.message(),
            StudioError::Busy => "The studio has too much to do at the moment.".to_owned(),
            StudioError::Store(StoreError::Full(_)) | StudioError::Blobs(BlobError::Full(_)) => {
                "The studio's disk is full.".to_owned()
            }
            StudioError::Store(StoreError::Unavailable(_)) | StudioError::Blobs(BlobError::Unavailable(_)) => {
                "The studio can't reach its storage at the moment.".to_owned()
            }
            StudioError::Store(StoreError::Corrupt { .. }) | StudioError::Internal => {
                "The studio made a mistake of its own.".to_owned()
            }
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            StudioError::Photo { error, .. } => error.hint().to_owned(),
            StudioError::NoPhoto => {
                "Send at least one photo of the product, in the form field \"image\" or as \"image_urls\".".to_owned()
            }
            StudioError::TooManyPhotos { .. } => {
                "Send the product's photo first, and only what belongs to it.".to_owned()
            }
            StudioError::UnknownPreset(unknown) => match &unknown.nearest {
                Some(nearest) => format!("Did you mean \"{nearest}\"? {PRESETS_AT} lists all."),
                None => format!("{PRESETS_AT} lists all."),
            },
            StudioError::NumImages { .. } => "Ask for three, which is what a catalog page shows.".to_owned(),
            StudioError::PromptTooLong { .. } => "Say what matters most in a few sentences.".to_owned(),
            StudioError::TooManyPoints { .. } => {
                "One or two on the product, and one on each thing beside it, are enough.".to_owned()
            }
            StudioError::ChoiceOutside { .. } => {
                "Count pixels from the upper left corner of the photo held upright, at its full size.".to_owned()
            }
            StudioError::Identifier => {
                format!(
                    "It may hold letters A to Z, digits, spaces and . _ - with at least one letter or digit, {IDENTIFIER_CHARS_MAX} characters at most: an ASIN, a barcode number or your own stock number."
                )
            }
            StudioError::Staging { .. } => {
                "Leave out either scene or backdrop; shadow and reflection go with a backdrop.".to_owned()
            }
            StudioError::ImageUrl { .. } => format!(
                "Give an http or https address without a password, of at most {IMAGE_URL_BYTES_MAX} bytes, or upload the picture."
            ),
            StudioError::NotLocal => "Start a new job, and say in its prompt what you wish.".to_owned(),
            StudioError::NotFinished => "Wait until it has succeeded.".to_owned(),
            StudioError::SamePreset => format!("Name another one; {PRESETS_AT} lists all."),
            StudioError::Endpoint { .. } => "Write it as the queue names it, as in fal-ai/flux/dev.".to_owned(),
            StudioError::NoInput => "Send what the endpoint takes, as in {\"prompt\": \"a linen chair\"}.".to_owned(),
            StudioError::Uncounted => "Give num_images as a whole number, or use a key without a budget.".to_owned(),
            StudioError::InputTooLarge { .. } => "Upload pictures and films to the queue, and give their addresses.".to_owned(),
            StudioError::TierTooLow => "Send the admin token or a paid key as \"Authorization: Bearer\".".to_owned(),
            StudioError::PriceUnknown => {
                "Whoever runs the studio sets a price for it under [endpoints] in plantain.toml.".to_owned()
            }
            StudioError::Budget { .. } => {
                "Ask for fewer pictures, wait for the next month (UTC), or have the key's budget raised.".to_owned()
            }
            StudioError::KeyUsed => {
                "Give each request a key of its own; send the very same request with its key to be answered with its job."
                    .to_owned()
            }
            StudioError::TooManyNamed(Channel::Mail) => {
                "Leave notifyEmail out, or try again in an hour. Sellers with an account can wish for all letters there.".to_owned()
            }
            StudioError::TooManyNamed(Channel::Whatsapp | Channel::Webhook) => {
                "Leave notifyWhatsapp out, or try again in an hour.".to_owned()
            }
            StudioError::Bulk(error) => error.hint().to_owned(),
            StudioError::Busy => "Try again in a few seconds.".to_owned(),
            StudioError::Store(StoreError::Full(_)) | StudioError::Blobs(BlobError::Full(_)) => {
                "Whoever runs the studio has to make room.".to_owned()
            }
            StudioError::Store(StoreError::Unavailable(_)) | StudioError::Blobs(BlobError::Unavailable(_)) => {
                "Try again in a minute; if it stays, tell whoever runs the studio.".to_owned()
            }
            StudioError::Store(StoreError::Corrupt { .. }) | StudioError::Internal => {
                "Tell whoever runs the studio; its log says more.".to_owned()
            }
        }
    }

    pub fn http_status(&self) -> u16 {
        match self {
            StudioError::Photo { error: PictureError::FileTooLarge { .. }, .. } => 413,
            StudioError::Photo { error: PictureError::Unsupported(_) | PictureError::NotAPicture, .. } => 415,
            StudioError::Photo { .. }
            | StudioError::NoPhoto
            | StudioError::TooManyPhotos { .. }
            | StudioError::UnknownPreset(_)
            | StudioError::NumImages { .. }
            | StudioError::PromptTooLong { .. }
            | StudioError::Identifier
            | StudioError::Staging { .. }
            | StudioError::TooManyPoints { .. }
            | StudioError::ChoiceOutside { .. }
            | StudioError::ImageUrl { .. }
            | StudioError::Endpoint { .. }
            | StudioError::NoInput
            | StudioError::InputTooLarge { .. }
            | StudioError::Uncounted
            | StudioError::PriceUnknown
            | StudioError::KeyUsed => 422,
            StudioError::TierTooLow => 403,
            StudioError::Bulk(error) => error.http_status(),
            StudioError::NotLocal | StudioError::NotFinished | StudioError::SamePreset => 409,
            StudioError::Budget { .. } => 402,
            StudioError::TooManyNamed(_) => 429,
            StudioError::Busy | StudioError::Store(StoreError::Unavailable(_)) => 503,
            StudioError::Blobs(BlobError::Unavailable(_)) => 503,
            StudioError::Store(StoreError::Full(_)) | StudioError::Blobs(BlobError::Full(_)) => 507,
            StudioError::Store(StoreError::Corrupt { .. }) | StudioError::Internal => 500,
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
