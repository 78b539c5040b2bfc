//! The whole of Plantain as one value: its two roles, wired, listening, working, and stopped in order.
//!
//! The studio meets the queue over HTTP alone, in one process too. Nothing is global: several systems live in one test.

pub mod accept;
mod bytes;
mod listen;
mod patience;
mod queue;
mod runners;
pub(crate) mod segmenter;
mod signing;
mod studio;
pub(crate) mod tls;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use plantain_blobs::Blobs;
use plantain_outbound::{Outbound, Policy};
use plantain_work::{Clock, Cpu, Shutdown, Tasks};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::config::Config;
use crate::config::bucket::BlobPlace;
use crate::config::fal::Backend;
use crate::config::secret::Secret;
use crate::config::storage::Database;
use crate::data::{DataFolder, Keys};
use bytes::Bytes;
use listen::Listening;
use segmenter::SharedSegmenter;
use tls::Tls;

/// What to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    All,
    Queue,
    Studio,
    /// Only models, for queues that share its database.
    Runner,
}

impl Role {
    fn has_queue(self) -> bool {
        matches!(self, Role::All | Role::Queue)
    }

    fn has_studio(self) -> bool {
        matches!(self, Role::All | Role::Studio)
    }
}

/// Where it keeps things and listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// As the configuration says.
    Configured,
    /// On free loopback ports, in a folder that is gone afterwards.
    Temporary,
}

/// A running system. Stop it with [`System::stop`]; dropping it leaves its tasks to the runtime.
pub struct System {
    studio_url: Option<Url>,
    gateway_url: Option<Url>,
    runner_url: Option<Url>,
    encrypted: Option<Encrypted>,
    admin_token: Secret,
    keys: Keys,
    tasks: Tasks,
    shutdown: Shutdown,
    crashed: CancellationToken,
    clock: Clock,
    data: DataFolder,
    _temporary: Option<tempfile::TempDir>,
}

/// The queue's TLS listener, as its operator is told of it.
#[derive(Clone, Debug)]
pub struct Encrypted {
    /// How this machine reaches it.
    pub url: Url,
    /// `None`: the operator gave a certificate.
    pub trust: Option<tls::Trust>,
}

/// What both halves are built from.
struct Ground<'c> {
    config: &'c Config,
    data: &'c DataFolder,
    keys: &'c Keys,
    /// Of the queue.
    blobs: Blobs,
    /// Of the studio.
    pictures: Blobs,
    cpu: Cpu,
    clock: Clock,
    tasks: Tasks,
    shutdown: Shutdown,
    crashed: CancellationToken,
    /// How each half reaches the other, where both are here.
    gateway: Option<Url>,
    studio: Option<Url>,
    /// The port of the queue's TLS listener.
    gateway_tls: Option<u16>,
    outbound: Outbound,
    segmenter: SharedSegmenter,
    admin_token: Secret,
}

/// How long work stays with a process that shows no sign of life, in both halves: three missed heartbeats. The shorter,
/// the sooner a restart takes up what a crash left.
const LEASE: Duration = Duration::from_secs(10);

/// What is aborted may take this long to hand back what it held.
const ABORT: Duration = Duration::from_secs(5);

impl System {
    /// Ready when it returns: both ports answer, and owed work is being done.
    pub async fn start(config: &Config, role: Role, place: Place, clock: Clock) -> anyhow::Result<System> {
        let temporary = match place {
            Place::Configured => None,
            Place::Temporary => Some(tempfile::tempdir().context("no temporary folder can be made")?),
        };
        let config = match &temporary {
            None => config.clone(),
            Some(folder) => on_free_ports(config, folder.path()),
        };
        check(&config, role)?;
        let segmenter = SharedSegmenter::of(&config.storage)?;
        let data = DataFolder::open(&config.storage.data)?;
        let keys = Keys::of(&data)?;
        // Ports first: whoever else wants them is told before any work is claimed.
        let gateway = match role.has_queue() || role == Role::Runner {
            true => Some(Listening::on(config.network.gateway_listen, "GATEWAY_LISTEN").await?),
            false => None,
        };
        let encrypted = match &config.network.gateway_tls {
            Some(tls) if role.has_queue() => {
                let shown = Tls::open(&tls.certificate, &data, clock.clone())?;
                Some((Listening::on(tls.listen, "GATEWAY_TLS_LISTEN").await?, shown))
            }
            _ => None,
        };
        let studio = match role.has_studio() {
            true => Some(Listening::on(config.network.studio_listen, "STUDIO_LISTEN").await?),
            false => None,
        };
        let admin_token = config.access.admin_token.clone().unwrap_or_else(|| keys.admin_token.clone());
        let bytes = Bytes::open(&config.storage.blobs, &data).await?;
        let halves = [&gateway, &studio].into_iter().flatten().map(|half| half.address);
        let ground = Ground {
            blobs: bytes.queue,
            pictures: bytes.studio,
            cpu: Cpu::new(cores()),
            tasks: Tasks::new(),
            shutdown: Shutdown::new(),
            crashed: CancellationToken::new(),
            gateway: gateway.as_ref().map(Listening::url),
            gateway_tls: encrypted.as_ref().map(|(listening, _)| listening.address.port()),
            studio: studio.as_ref().map(Listening::url),
            outbound: Outbound::new(policy(&config, halves))?,
            segmenter,
            config: &config,
            data: &data,
            keys: &keys,
            clock: clock.clone(),
            admin_token: admin_token.clone(),
        };
        let (tasks, shutdown, crashed) = (ground.tasks.clone(), ground.shutdown.clone(), ground.crashed.clone());
        let (gateway_url, studio_url) = (ground.gateway.clone(), ground.studio.clone());
        let told = encrypted.as_ref().map(|(listening, tls)| Encrypted::of(listening, tls));
        match gateway {
            Some(listening) if role == Role::Runner => {
                queue::start_runner(&ground, listening).await.context("the runner can't start")?;
            }
            Some(listening) => queue::start(&ground, listening, encrypted).await.context("the queue can't start")?,
            None => {}
        }
        if let Some(listening) = studio {
            studio::start(&ground, listening).await.context("the studio can't start")?;
        }
        drop(ground);
        Ok(System {
            studio_url,
            gateway_url: gateway_url.clone().filter(|_| role.has_queue()),
            runner_url: gateway_url.filter(|_| role == Role::Runner),
            encrypted: told,
            admin_token,
            keys,
            tasks,
            shutdown,
            crashed,
            clock,
            data,
            _temporary: temporary,
        })
    }

    /// How this machine reaches the studio, if it is part of this system.
    pub fn studio_url(&self) -> Option<&Url> {
        self.studio_url.as_ref()
    }

    pub fn gateway_url(&self) -> Option<&Url> {
        self.gateway_url.as_ref()
    }

    /// Where a runner says whether it lives.
    pub fn runner_url(&self) -> Option<&Url> {
        self.runner_url.as_ref()
    }

    pub fn encrypted(&self) -> Option<&Encrypted> {
        self.encrypted.as_ref()
    }

    pub fn admin_token(&self) -> &Secret {
        &self.admin_token
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    pub fn data_folder(&self) -> &Path {
        self.data.root()
    }

    /// Returns if a part that must live as long as the system has died.
    pub async fn crashed(&self) {
        self.crashed.cancelled().await;
    }

    /// Begins nothing new, lets running work finish for at most `drain`, then aborts it; what it held is handed back.
    pub async fn stop(self, drain: Duration) {
        self.shutdown.begin();
        if self.clock.timeout(drain, self.tasks.wait()).await.is_some() {
            return;
        }
        tracing::info!(tasks = self.tasks.len(), "stop.aborting: {} tasks still run", self.tasks.len());
        self.shutdown.abort();
        if self.clock.timeout(ABORT, self.tasks.wait()).await.is_none() {
            tracing::warn!(
                tasks = self.tasks.len(),
                "stop.left: {} tasks did not end; their leases will",
                self.tasks.len()
            );
        }
    }

    /// For a system whose data nobody will miss.
    pub async fn stop_at_once(self) {
        self.stop(Duration::ZERO).await;
    }
}

impl Encrypted {
    fn of(listening: &Listening, tls: &Tls) -> Encrypted {
        let mut url = listening.url();
        url.set_scheme("https").expect("both are schemes of the web");
        // The other scheme has another port by default, so that it has to be said anew.
        url.set_port(Some(listening.address.port())).expect("the address has a host");
        Encrypted { url, trust: tls.trust.clone() }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

fn on_free_ports(config: &Config, folder: &Path) -> Config {
    let free = std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0));
    let mut config = config.clone();
    config.network.studio_listen = free;
    config.network.gateway_listen = free;
    config.network.gateway_tls = None;
    config.network.public_base_url = None;
    config.network.gateway_public_url = None;
    config.storage.data = folder.join("data");
    config.storage.studio = Database::Sqlite;
    config.storage.queue = Database::Sqlite;
    config.storage.blobs = BlobPlace::Folder;
    config.access.visitors = crate::config::access::Visitors::Welcome;
    config
}

fn check(config: &Config, role: Role) -> anyhow::Result<()> {
    if role == Role::Studio && matches!(config.fal.backend, Backend::Embedded) {
        bail!(
            "--role studio needs a queue elsewhere: set FAL_KEY, and FAL_QUEUE_URL with its siblings if it is not fal.ai's"
        );
    }
    let is_shared = matches!(config.storage.queue, Database::Postgres(_));
    if role == Role::Runner && !is_shared {
        bail!("--role runner needs the database of the queue that it works for: set QUEUE_DATABASE_URL=postgres://…");
    }
    if role == Role::Runner && config.network.gateway_public_url.is_none() {
        bail!("--role runner needs the queue's own address, under which models hand out files: set GATEWAY_PUBLIC_URL");
    }
    if role == Role::Runner && matches!(config.storage.blobs, BlobPlace::Folder) {
        tracing::warn!(
            "serve.runner_files: models that make files keep them here, where no queue finds them; set BLOB_URL"
        );
    }
    let runs_models = role != Role::Studio && (role != Role::Queue || !is_shared);
    if config.work.concurrency == 0 && runs_models {
        bail!(
            "QUEUE_CONCURRENCY=0 is for --role queue whose models run elsewhere (--role runner) on the same Postgres; write 1 or more"
        );
    }
    if let Some(address) = &config.work.alert_url
        && role != Role::Studio
    {
        // The address itself is not repeated: such ones often hold a token.
        let halves = [config.network.gateway_listen, config.network.studio_listen];
        let judged = policy(config, halves).judge_url(address);
        judged.map_err(|refusal| anyhow::anyhow!("WEBHOOK_ALERT_URL would never be posted to: {refusal}"))?;
    }
    Ok(())
}

/// What is configured, and the two halves of this system, wherever they listen.
pub(crate) fn policy(config: &Config, halves: impl IntoIterator<Item = SocketAddr>) -> Policy {
    halves.into_iter().fold(config.network.outbound.clone(), |policy, half| {
        let mut reached = half;
        if let Some(ip) = listen::local_url(half).host_str().and_then(|host| host.trim_matches(['[', ']']).parse().ok())
        {
            reached.set_ip(ip);
        }
        policy.and_own(reached)
    })
}

/// Presets, the operator's own included.
fn presets(config: &Config) -> anyhow::Result<Arc<plantain_media::preset::Presets>> {
    Ok(Arc::new(crate::cli::presets::load(&config.storage)?))
}
