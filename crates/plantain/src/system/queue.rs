//! The queue's half: its database, its models, its engine, the gateway; or, for a runner, these without a gateway.

use std::sync::Arc;

use anyhow::Context as _;
use plantain_client::Endpoints;
use plantain_gateway::face::{self, Face};
use plantain_gateway::keys::{self, KeySettings, Keys};
use plantain_gateway::memory::Memory;
use plantain_gateway::{CdnSecret, Encrypted, Gateway, Limits, PAYLOAD_BYTES_MAX, Proxy, collecting};
use plantain_models::{Files, LocalEngine, LocalParts};
use plantain_queue::engine::{Engine, EngineConfig};
use plantain_queue::keys::Scope;
use plantain_queue::runner::Runners;
use plantain_queue::store::QueueStore;
use plantain_store::queue::{open_queue, open_queue_alone};
use plantain_wire::id::UserId;
use url::Url;

use super::listen::Listening;
use super::tls::Tls;
use super::{Ground, LEASE, signing};
use crate::av1;
use crate::config::storage::Database;

/// In the data folder.
const DATABASE_FILE: &str = "queue.db";

/// Opens the port last, when everything behind it is there.
pub(super) async fn start(
    ground: &Ground<'_>,
    listening: Listening,
    encrypted: Option<(Listening, Tls)>,
) -> anyhow::Result<()> {
    let gateway = gateway(ground).await?;
    gateway.engine.start(&ground.tasks, &ground.shutdown);
    let collecting = collecting::run(gateway.clone(), ground.tasks.clone(), ground.shutdown.clone());
    ground.tasks.spawn("files.collect", collecting);
    let router = plantain_gateway::router(gateway);
    if let Some((listening, tls)) = encrypted {
        let router = router.clone().layer(axum::Extension(Encrypted));
        listening.serve_tls("gateway.tls", router, tls.config, ground);
    }
    listening.serve("gateway", router, ground);
    Ok(())
}

/// Executes models for the queues that share the database. Whoever asks at the port learns whether it lives and can work.
pub(super) async fn start_runner(ground: &Ground<'_>, listening: Listening) -> anyhow::Result<()> {
    let gateway = gateway(ground).await?;
    gateway.engine.start_running(&ground.tasks, &ground.shutdown);
    listening.serve("runner", plantain_gateway::health_router(gateway), ground);
    Ok(())
}

async fn gateway(ground: &Ground<'_>) -> anyhow::Result<Gateway> {
    let engine = engine(ground).await?;
    let keys = keys(ground, engine.store().clone())?;
    Ok(Gateway {
        engine,
        blobs: ground.blobs.clone(),
        keys,
        cdn_secret: CdnSecret::new(ground.keys.cdn.reveal().as_bytes()),
        public_url: ground.config.network.gateway_public_url.clone(),
        proxy: Proxy::None,
        keyless: ground.config.network.keyless,
        clock: ground.clock.clone(),
        shutdown: ground.shutdown.clone(),
        limits: Limits::default(),
        memory: Memory::new(PAYLOAD_BYTES_MAX, ground.clock.clone()),
    })
}

async fn engine(ground: &Ground<'_>) -> anyhow::Result<Engine> {
    let work = &ground.config.work;
    let store = match &ground.config.storage.queue {
        // The folder is locked: nobody else has the file open.
        Database::Sqlite => open_queue_alone(&ground.data.path(DATABASE_FILE), ground.clock.now()).await,
        Database::Postgres(url) => open_queue(url.reveal()).await,
    }
    .context("QUEUE_DATABASE_URL")?;
    let config = EngineConfig {
        slots: work.concurrency,
        key_concurrency: usize::try_from(work.key_concurrency).unwrap_or(usize::MAX),
        lease: LEASE,
        schedule: work.schedule.clone(),
        first_delivery_timeout: work.first_timeout,
        alert_url: work.alert_url.clone(),
        run_slots: work.concurrency,
        retention: work.retention,
        ..EngineConfig::default()
    };
    let runners = runners(ground, store.clone())?;
    let signer = signing::start(ground);
    Ok(Engine::new(store, runners, signer, ground.outbound.clone(), ground.clock.clone(), config))
}

/// The models that this machine serves.
fn runners(ground: &Ground<'_>, store: Arc<dyn QueueStore>) -> anyhow::Result<Runners> {
    let here = ground.gateway.as_ref().context("the queue has no address")?;
    let public = ground.config.network.gateway_public_url.as_ref().unwrap_or(here);
    let files = Files::new(ground.blobs.clone(), store, Endpoints::under(public).cdn, ground.clock.clone())
        .also_known_as(Endpoints::under(here).cdn);
    let files = fals_names(ground).into_iter().fold(files, Files::in_place_of);
    let segmenter = ground.segmenter.clone();
    let local = Arc::new(LocalEngine::new(LocalParts {
        files: files.clone(),
        outbound: ground.outbound.clone(),
        segmenter: Arc::new(move || segmenter.get()),
        cpu: ground.cpu.clone(),
        limits: av1::limits(ground.config.photo_bytes_max),
    }));
    super::runners::of(ground, files, local)
}

/// The studio's own key, and those that the operator gave out. Each of these is an account of its own.
fn keys(ground: &Ground<'_>, store: Arc<dyn QueueStore>) -> anyhow::Result<Keys> {
    let own = keys::configured(ground.keys.api_key.reveal(), ground.keys.user_id.clone(), Scope::Api);
    let own = own.context("the file api-key in the data folder does not hold id:secret")?;
    let given = ground.config.access.keys.iter().map(|key| {
        let user = UserId::parse(&format!("user_{}", key.id)).context("PLANTAIN_KEYS: an id is too long")?;
        let credential = format!("{}:{}", key.id, key.secret.reveal());
        keys::configured(&credential, user, Scope::Api).context("PLANTAIN_KEYS: a key is not id:secret")
    });
    let settings = KeySettings {
        keys: std::iter::once(Ok(own)).chain(given).collect::<anyhow::Result<Vec<_>>>()?,
        operator_sha256: Some(keys::hash(ground.admin_token.reveal())),
        per_minute: ground.config.work.key_per_minute,
    };
    Ok(Keys::new(settings, store, ground.clock.clone()))
}

/// How the CDN is called by programs that take this queue for fal: behind TLS, and by the Host header alone.
fn fals_names(ground: &Ground<'_>) -> Vec<Url> {
    let ports = [Some(443), Some(80), ground.gateway.as_ref().and_then(Url::port), ground.gateway_tls];
    let hosts = face::HOSTS.iter().filter(|(_, face)| *face == Face::Cdn).map(|(host, _)| *host);
    let at = |host: &str, port: u16| Url::parse(&format!("https://{host}:{port}")).ok();
    hosts.flat_map(|host| ports.into_iter().flatten().filter_map(move |port| at(host, port))).collect()
}
