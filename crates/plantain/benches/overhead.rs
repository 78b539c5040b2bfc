//! What the system adds to the work: of the queue alone, submit until COMPLETED is seen on the status stream, less the time of
//! a simulated model; of the whole studio, a photo handed in until SUCCEEDED is seen on the job's event stream, less the
//! model's own time and that of finishing its pictures. `cargo xtask bench overhead`.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use plantain::client::{StudioClient, Wish};
use plantain::config::{Config, Sources};
use plantain::system::{Place, Role, System};
use plantain_client::{ApiKey, Endpoints, Logs, QueueClient, SubmitOptions};
use plantain_models::simulated;
use plantain_studio::job::JobState;
use plantain_wire::endpoint::EndpointId;
use plantain_wire::models::nano_banana;
use plantain_wire::status::QueueStatus;
use plantain_work::Clock;

const JOBS: usize = 300;

/// Not counted: connections are made, statements prepared.
const WARM_UP: usize = 20;

/// How long the simulated model takes.
const RUN: Duration = Duration::from_millis(20);

/// Real pictures, a second each.
const PHOTOS: usize = 40;
const PHOTO: &[u8] = include_bytes!("../../../examples/mug.jpg");

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    println!("overhead of the queue around a model of {} ms, {JOBS} requests one after the other", RUN.as_millis());
    show(runtime.block_on(queue()));
    println!("overhead of studio and queue around the picture work, {PHOTOS} photos one after the other");
    show(runtime.block_on(studio()));
}

fn show(mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!("  p50 {:.1} ms   p99 {:.1} ms   worst {:.1} ms", at(0.5), at(0.99), at(1.0));
}

async fn studio() -> Vec<Duration> {
    let config = Config::parse(&Sources::default()).expect("the defaults are valid");
    let system = System::start(&config, Role::All, Place::Temporary, Clock::system()).await.expect("a system starts");
    let url = system.studio_url().expect("the studio has an address").clone();
    let studio = StudioClient::new(url, None, Clock::system()).expect("a client");
    let gateway = system.gateway_url().expect("the queue has an address");
    let key = ApiKey::new(system.keys().api_key.reveal()).expect("a key of its own making");
    let queue = QueueClient::new(Endpoints::under(gateway), Some(key)).expect("a client");
    let mut times = Vec::with_capacity(PHOTOS);
    for number in 0..=PHOTOS {
        let time = photo(&studio, &queue).await;
        // The first one loads the model.
        if number > 0 {
            times.push(time);
        }
    }
    system.stop_at_once().await;
    times
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
async fn photo(studio: &StudioClient, queue: &QueueClient) -> Duration {
    let wish = Wish {
        photo: PHOTO.to_vec(),
        file_name: "mug.jpg".to_owned(),
        preset: "amazon_main".to_owned(),
        prompt: None,
        num_images: 3,
        identifier: None,
        products: None,
        staging: Default::default(),
        backdrop: None,
        choice: Default::default(),
        notify: Default::default(),
    };
    let started = Instant::now();
    let begun = studio.generate(&wish).await.expect("the studio accepts");
    let job = studio.follow(&begun.job_id, |_| {}).await.expect("the stream holds");
    let elapsed = started.elapsed();
    assert_eq!(job.status, JobState::Succeeded, "{:?}", job.error);
    let id = job.request_id.as_deref().expect("it was submitted").parse().expect("a request id");
    let endpoint = nano_banana::EDIT_ENDPOINT.parse().expect("the constant is an endpoint id");
    let status = queue.status(&endpoint, &id, Logs::Without).await.expect("the queue knows it");
    let inference = Duration::from_secs_f64(status.metrics.inference_time.expect("it ran"));
    let finishing = Duration::from_millis(job.timings.saving_ms.expect("it was saved"));
    elapsed.saturating_sub(inference + finishing)
}

async fn queue() -> Vec<Duration> {
    let config = Config::parse(&Sources::default()).expect("the defaults are valid");
    let system = System::start(&config, Role::Queue, Place::Temporary, Clock::system()).await.expect("a system starts");
    let gateway = system.gateway_url().expect("the queue has an address");
    let key = ApiKey::new(system.keys().api_key.reveal()).expect("a key of its own making");
    let client = QueueClient::new(Endpoints::under(gateway), Some(key)).expect("a client");
    let endpoint: EndpointId = simulated::ENDPOINT.parse().expect("the constant is an endpoint id");
    let mut times = Vec::with_capacity(JOBS);
    for number in 0..WARM_UP + JOBS {
        let time = one(&client, &endpoint).await;
        if number >= WARM_UP {
            times.push(time.saturating_sub(RUN));
        }
    }
    system.stop_at_once().await;
    times
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
async fn one(client: &QueueClient, endpoint: &EndpointId) -> Duration {
    let input = format!(r#"{{"duration_ms":{},"output":{{"images":[]}}}}"#, RUN.as_millis());
    let started = Instant::now();
    let reply = client.submit(endpoint, input, &SubmitOptions::default()).await.expect("the queue accepts");
    let mut stream = client.stream(endpoint, &reply.request_id, Logs::Without);
    while let Some(status) = stream.next().await {
        if status.expect("the stream holds").status == QueueStatus::Completed {
            return started.elapsed();
        }
    }
    panic!("the stream ended early");
}
