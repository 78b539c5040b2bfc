//! Queues and studios in processes of their own, with everything that stands around them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use plantain_wire::jwks::KeySet;
use plantain_wire::signature::SigningKey;
use serde_json::{Value, json};
use url::Url;

use super::balancer::Balancer;
use super::postgres::Postgres;
use super::process::{Half, Process};
use super::sink::Sink;
use crate::bed::repository;

/// The account and its key.
pub const KEY: &str = "drill:a-secret-of-the-drill";
const USER: &str = "user_drill";

/// All processes sign with it.
const SEED: [u8; 32] = [0xd1; 32];

/// The studio's model: simulated, with a real picture in its answer.
const EDIT: &str = "fal-ai/nano-banana/edit";
pub const PRESET: &str = "drill";

/// Enough tries that no schedule ends before the drill does; quick at first, so that the drill is.
fn schedule() -> String {
    let delays = (0..60).map(|number| if number < 10 { "200ms" } else { "1s" });
    format!("WEBHOOK_SCHEDULE={}", delays.collect::<Vec<_>>().join(","))
}

/// What an application is told.
#[derive(Clone, Debug)]
pub struct Addresses {
    queue: Url,
    pub studio: Url,
    /// Of the application's own receiver.
    pub webhook: Url,
}

impl Addresses {
    /// Where simulated requests are submitted.
    pub fn submit(&self) -> Url {
        self.queue.join("/queue/plantain/simulated").unwrap()
    }
}

pub struct Fleet {
    pub queue: Balancer,
    pub studio: Balancer,
    pub processes: Vec<Process>,
    pub sink: Sink,
    pub postgres: Option<Postgres>,
    folder: tempfile::TempDir,
}

impl Fleet {
    /// One queue and one studio, each with a SQLite file of its own.
    pub async fn on_sqlite() -> Fleet {
        Fleet::start(1, None).await
    }

    /// `replicas` of each, on one Postgres.
    pub async fn on_postgres(replicas: usize, postgres: Postgres) -> Fleet {
        Fleet::start(replicas, Some(postgres)).await
    }

    async fn start(replicas: usize, postgres: Option<Postgres>) -> Fleet {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeySet::new(vec![SigningKey::from_seed(SEED).verifying_key()]).unwrap();
        let sink = Sink::start(keys).await;
        fs::write(folder.path().join("presets.json"), presets().to_string()).unwrap();
        let mut processes = Vec::new();
        for half in [Half::Queue, Half::Studio] {
            for number in 1..=replicas {
                let place = folder.path().join(format!("{half:?}-{number}"));
                prepare(&place, folder.path(), replicas > 1);
                processes.push(Process::new(half, &place));
            }
        }
        let addresses = |half: Half| processes.iter().filter(|one| one.half == half).map(|one| one.address).collect();
        let queue = Balancer::before(addresses(Half::Queue)).await;
        let studio = Balancer::before(addresses(Half::Studio)).await;
        let mut fleet = Fleet { queue, studio, processes, sink, postgres, folder };
        for index in 0..fleet.processes.len() {
            let settings = match fleet.processes[index].half {
                Half::Queue => fleet.queue_settings(),
                Half::Studio => fleet.studio_settings(),
            };
            fleet.processes[index].set(settings);
            fleet.processes[index].start().await;
        }
        fleet
    }

    fn queue_settings(&self) -> Vec<String> {
        let mut settings = vec![
            format!("PLANTAIN_KEYS={KEY}"),
            format!("PLANTAIN_SIGNING_KEYS={}", hex::encode(SEED)),
            format!("GATEWAY_PUBLIC_URL={}", self.queue.url),
            schedule(),
        ];
        settings.extend(
            [
                "QUEUE_CONCURRENCY=8",
                "QUEUE_KEY_CONCURRENCY=32",
                "WEBHOOK_TIMEOUT=2s",
                "WEBHOOK_ALLOW_PRIVATE=loopback",
                "STOP_TIMEOUT=2s",
            ]
            .map(str::to_owned),
        );
        settings.extend(self.postgres.iter().map(|server| format!("QUEUE_DATABASE_URL={}", server.url("queue"))));
        settings
    }

    fn studio_settings(&self) -> Vec<String> {
        let face = |name: &str, path: &str| format!("{name}={}", self.queue.url.join(path).unwrap());
        let mut settings = vec![
            format!("PUBLIC_BASE_URL={}", self.studio.url),
            format!("FAL_KEY={KEY}"),
            format!("FAL_USER_ID={USER}"),
            face("FAL_QUEUE_URL", "/queue"),
            face("FAL_RUN_URL", "/run"),
            face("FAL_REST_URL", "/rest"),
            face("FAL_CDN_URL", "/cdn"),
            format!("PLANTAIN_PRESETS={}", self.folder.path().join("presets.json").display()),
        ];
        settings.extend(["FAL_IDEMPOTENT=1", "PLANTAIN_OPEN=1", "STOP_TIMEOUT=2s"].map(str::to_owned));
        settings.extend(self.postgres.iter().map(|server| format!("DATABASE_URL={}", server.url("studio"))));
        settings
    }

    pub fn addresses(&self) -> Addresses {
        Addresses { queue: self.queue.url.clone(), studio: self.studio.url.clone(), webhook: self.sink.url() }
    }

    /// Where a half keeps its rows, once it is stopped or beside it.
    pub fn database(&self, half: Half) -> String {
        let (name, file) = match half {
            Half::Queue => ("queue", "queue.db"),
            Half::Studio => ("studio", "studio.db"),
        };
        match &self.postgres {
            Some(server) => server.url(name),
            None => {
                let process = self.processes.iter().find(|one| one.half == half).expect("one of each");
                process.data().join(file).to_str().unwrap().to_owned()
            }
        }
    }

    pub async fn start_all(&mut self) {
        for process in &mut self.processes {
            if !process.is_up() {
                process.start().await;
            }
        }
    }
}

/// What a process finds when it starts: its model and, where there are several, one secret for uploads and one place for bytes.
fn prepare(place: &Path, shared: &Path, several: bool) {
    let data = place.join("plantain-data");
    fs::create_dir_all(&data).unwrap();
    let table =
        format!("[endpoints.\"{EDIT}\"]\nrunner = \"simulated\"\nduration = \"60ms\"\noutput = \"output.json\"\n");
    fs::write(place.join("plantain.toml"), table).unwrap();
    fs::write(place.join("output.json"), output().to_string()).unwrap();
    fs::write(data.join("cdn-secret"), "5e".repeat(32)).unwrap();
    if several {
        for store in ["cdn", "blobs"] {
            fs::create_dir_all(data.join(store)).unwrap();
            for fan in 0..=u8::MAX {
                // What is being written stays apart; what is finished is everybody's, as in a bucket.
                let fan = format!("{fan:02x}");
                let target = shared.join(store).join(&fan);
                fs::create_dir_all(&target).unwrap();
                symlink(target, data.join(store).join(&fan)).unwrap();
            }
        }
    }
}

const SIDE: u32 = 120;

/// A red ball on nothing: a picture that shows its own product, so that nothing has to be found.
fn picture() -> Vec<u8> {
    let middle = i64::from(SIDE / 2);
    let pixel = |index: u32| {
        let (x, y) = (i64::from(index % SIDE) - middle, i64::from(index / SIDE) - middle);
        let inside = x * x + y * y < (middle - 8) * (middle - 8);
        [200, 30 + u8::try_from(index % SIDE).unwrap_or(0), 40, if inside { 255 } else { 0 }]
    };
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, SIDE, SIDE);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels: Vec<u8> = (0..SIDE * SIDE).flat_map(pixel).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    file
}

fn output() -> Value {
    use base64::Engine as _;
    let url = format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(picture()));
    json!({ "images": [{ "url": url }], "description": "A red ball." })
}

/// Amazon's rules on a small canvas: the drill is about many jobs, not about many pixels.
fn presets() -> Value {
    let file = repository().join("crates/media/src/preset/presets.json");
    let built_in: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let mut preset = built_in["presets"][0].clone();
    preset["id"] = PRESET.into();
    preset["canvas"] = json!([240, 240]);
    preset["min_long_side"] = 100.into();
    preset["min_short_side"] = 100.into();
    json!({ "presets": [preset] })
}
