//! Jobs for tests.

use jiff::Timestamp;

use plantain_wire::models::nano_banana::{AspectRatio, EDIT_ENDPOINT};
use plantain_wire::models::staging::Staging;

use crate::job::{CallbackToken, Job, JobId, JobSpec};

/// A job that was accepted just now.
pub fn job() -> Job {
    let now = Timestamp::from_second(1_795_176_000).unwrap();
    let spec = JobSpec {
        preset: "amazon_main".into(),
        user_prompt: None,
        prompt: "on white".into(),
        aspect_ratio: AspectRatio::R1x1,
        endpoint: EDIT_ENDPOINT.parse().unwrap(),
        num_images: 3,
        identifier: None,
        products: None,
        whatsapp: None,
        sources: Vec::new(),
        image_urls: vec!["https://pictures.test/mug.jpg".parse().unwrap()],
        choice: Default::default(),
        notices: Vec::new(),
        staging: Staging::default(),
        making: Default::default(),
        callback: None,
        notify: None,
        in_batch: false,
    };
    Job::new(JobId::new(now), CallbackToken::random(), spec, now)
}
