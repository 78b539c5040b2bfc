//! What the system adds to a model: submit until COMPLETED is seen on the status stream, less the time that the model took.
//! Everything is real but the model: HTTP, SQLite with full synchronisation, lanes, stream. `cargo xtask bench overhead`.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use plantain::config::{Config, Sources};
use plantain::system::{Place, Role, System};
use plantain_client::{ApiKey, Endpoints, Logs, QueueClient, SubmitOptions};
use plantain_models::simulated;
use plantain_wire::endpoint::EndpointId;
use plantain_wire::status::QueueStatus;
use plantain_work::Clock;

const JOBS: usize = 300;

/// Not counted: connections are made, statements prepared.
const WARM_UP: usize = 20;

/// How long the simulated model takes.
const RUN: Duration = Duration::from_millis(20);

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut times = runtime.block_on(measure());
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!("overhead of the queue around a model of {} ms, {JOBS} requests one after the other", RUN.as_millis());
    println!("  p50 {:.1} ms   p99 {:.1} ms   worst {:.1} ms", at(0.5), at(0.99), at(1.0));
}

async fn measure() -> Vec<Duration> {
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
