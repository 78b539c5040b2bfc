//! The studio's half: its database, the client of its queue, the receiver of its webhooks, API and pages.

use std::sync::Arc;

use anyhow::Context as _;
use plantain_client::{ApiKey, Endpoints, QueueClient};
use plantain_inbox::jwks::JwksCache;
use plantain_inbox::receiver::{Account, HmacSecret, Receiver};
use plantain_inbox::store::InboxStore;
use plantain_outbound::{Outbound, Policy};
use plantain_store::studio::{open_studio, open_studio_alone};
use plantain_studio::accounts::Post;
use plantain_studio::config::{Maker, NANO_BANANA_CENTS, StudioConfig};
use plantain_studio::http::guard::AdminToken;
use plantain_studio::http::{HttpConfig, Pace};
use plantain_studio::messages::{OperatorHook, Outgoing};
use plantain_studio::money;
use plantain_studio::service::{Studio, StudioParts};
use plantain_wire::endpoint::EndpointPattern;
use url::Url;

use super::listen::Listening;
use super::{Ground, LEASE, presets};
use crate::av1;
use crate::config::access::Visitors;
use crate::config::endpoints::{RunnerConfig, Served};
use crate::config::fal::Backend;
use crate::config::storage::Database;

/// In the data folder.
const DATABASE_FILE: &str = "studio.db";

/// Opens the port last, when everything behind it is there.
pub(super) async fn start(ground: &Ground<'_>, listening: Listening) -> anyhow::Result<()> {
    let config = ground.config;
    let public = config.network.public_base_url.clone().unwrap_or_else(|| listening.url());
    let stores = match &config.storage.studio {
        // The folder is locked: nobody else has the file open.
        Database::Sqlite => open_studio_alone(&ground.data.path(DATABASE_FILE)).await,
        Database::Postgres(url) => open_studio(url.reveal()).await,
    }
    .context("DATABASE_URL")?;
    let queue = queue(ground)?;
    let outbound = Outbound::new(trusting(ground.outbound.policy(), &queue))?;
    let segmenter = ground.segmenter.clone();
    let studio = Studio::new(StudioParts {
        store: stores.jobs,
        receiver: receiver(ground, &queue, &outbound, stores.inbox),
        client: QueueClient::new(queue.endpoints, Some(queue.key))?,
        outbound,
        blobs: ground.pictures.clone(),
        segmenter: Arc::new(move || segmenter.get()),
        presets: presets(config)?,
        cpu: ground.cpu.clone(),
        clock: ground.clock.clone(),
        config: studio_config(ground, public)?,
        messages: outgoing(ground)?,
    });
    studio.start(&ground.tasks, &ground.shutdown);
    let router = plantain_studio::http::router(studio, http_config(ground, &listening));
    listening.serve("studio", router, ground);
    Ok(())
}

/// Where requests go, and whose webhooks come back.
struct Queue {
    endpoints: Endpoints,
    key: ApiKey,
    jwks: Url,
    account: Account,
}

fn queue(ground: &Ground<'_>) -> anyhow::Result<Queue> {
    let pinned = ground.config.fal.user_id.clone();
    match &ground.config.fal.backend {
        Backend::Remote(remote) => Ok(Queue {
            endpoints: remote.hosts.clone(),
            key: remote.key.clone(),
            jwks: remote.jwks.clone(),
            account: pinned.map_or(Account::Unknown, Account::Known),
        }),
        Backend::Embedded => {
            let gateway = ground.gateway.as_ref().context("the queue is not part of this system")?;
            let endpoints = Endpoints::under(gateway);
            let jwks = format!("{}/.well-known/jwks.json", endpoints.rest.as_str().trim_end_matches('/'));
            Ok(Queue {
                endpoints,
                key: ApiKey::new(ground.keys.api_key.reveal())?,
                jwks: Url::parse(&jwks)?,
                account: Account::Known(pinned.unwrap_or_else(|| ground.keys.user_id.clone())),
            })
        }
    }
}

/// The studio's own requests go to its queue: for the keys of the webhooks and for results. The operator said where that is,
/// which may be a private address. Nothing that users give addresses to gets this policy.
fn trusting(policy: &Policy, queue: &Queue) -> Policy {
    let Endpoints { queue: requests, run, rest, cdn } = &queue.endpoints;
    [requests, run, rest, cdn, &queue.jwks].into_iter().fold(policy.clone(), Policy::and_configured)
}

fn receiver(ground: &Ground<'_>, queue: &Queue, outbound: &Outbound, inbox: Arc<dyn InboxStore>) -> Receiver {
    let keys = JwksCache::new(vec![queue.jwks.clone()], outbound.clone(), ground.clock.clone());
    let hmac = ground.config.fal.webhook_secret.as_ref().and_then(|secret| HmacSecret::new(secret.reveal()));
    Receiver::new(keys, queue.account.clone(), hmac, inbox, ground.clock.clone())
}

/// Messages go where users' addresses may; only the operator's own receiver may lie elsewhere.
fn outgoing(ground: &Ground<'_>) -> anyhow::Result<Outgoing> {
    let links = AdminToken::new(ground.admin_token.reveal()).link_key();
    let operator = match &ground.config.hooks.operator {
        Some(hook) => Some(OperatorHook {
            url: hook.url.clone(),
            secret: hook.secret.clone(),
            outbound: Outbound::new(ground.outbound.policy().clone().and_configured(&hook.url))?,
        }),
        None => None,
    };
    Ok(Outgoing {
        operator,
        schedule: ground.config.work.schedule.clone(),
        ..Outgoing::new(ground.outbound.clone(), links)
    })
}

fn studio_config(ground: &Ground<'_>, public: Url) -> anyhow::Result<StudioConfig> {
    let config = match &ground.config.fal.backend {
        Backend::Embedded => StudioConfig::embedded(public),
        Backend::Remote(remote) => StudioConfig {
            idempotent_backend: remote.idempotent,
            // Without an address that the internet can reach, no webhook would ever come.
            ..StudioConfig::for_fal(public, ground.config.network.public_base_url.is_some())
        },
    };
    let makers = ground.config.endpoints.iter().fold(config.makers, |makers, served| {
        let maker = maker(served, &ground.config.fal.backend);
        makers.with(EndpointPattern::new(served.pattern.as_str()), maker)
    });
    let post = ground.config.mail.clone().map(|mailer| Post::new(mailer, ground.admin_token.reveal()));
    let photo_limits = av1::limits(ground.config.photo_bytes_max);
    let whatsapp = ground.config.whatsapp.as_ref().map(|account| account.open(ground.outbound.policy())).transpose()?;
    Ok(StudioConfig { lease: LEASE, makers, post, whatsapp, photo_limits, ..config })
}

/// What serves an endpoint decides whose pixels come back, and at what price.
fn maker(served: &Served, backend: &Backend) -> Maker {
    let price = served.settings.price.map(|price| money::cents(price.micro_usd));
    let usual = match (&served.runner, backend) {
        (RunnerConfig::Local, Backend::Embedded) => Maker::LOCAL,
        (RunnerConfig::Local | RunnerConfig::Gemini(_) | RunnerConfig::Fal(_), _) => {
            Maker::generative(NANO_BANANA_CENTS)
        }
        // A server of one's own costs what its owner says.
        (RunnerConfig::Http { .. } | RunnerConfig::Simulated { .. }, _) => Maker::generative(0.0),
    };
    Maker { cents_per_image: price.unwrap_or(usual.cents_per_image), ..usual }
}

fn http_config(ground: &Ground<'_>, listening: &Listening) -> HttpConfig {
    HttpConfig {
        admin_token: AdminToken::new(ground.admin_token.reveal()),
        open: ground.config.access.visitors == Visitors::Welcome,
        loopback: listening.address.ip().is_loopback(),
        shutdown: ground.shutdown.clone(),
        clock: ground.clock.clone(),
        cpu: ground.cpu.clone(),
        pace: Pace::default(),
        cors: ground.config.cors.clone(),
        limits: ground.config.limits.clone(),
        writers: ground.config.writers,
    }
}

#[cfg(test)]
mod tests {
    use plantain_studio::config::Makers;
    use plantain_wire::models::nano_banana;

    use super::*;
    use crate::config::endpoints;
    use crate::config::source::Sources;

    /// The maker of the studio's usual endpoint where the file says this and the queue is the embedded one.
    fn usual_maker(file: &str) -> Maker {
        let environment = |name: &str| (name == "KEY").then(|| "id:secret".into());
        let sources = Sources::of_toml(file, environment).unwrap();
        let all = endpoints::parse(&sources).unwrap();
        let makers = all.iter().fold(Makers::only(Maker::LOCAL), |makers, served| {
            makers.with(EndpointPattern::new(served.pattern.as_str()), maker(served, &Backend::Embedded))
        });
        makers.of(&nano_banana::EDIT_ENDPOINT.parse().unwrap())
    }

    #[test]
    fn what_serves_the_endpoint_decides_whose_pixels_come_and_at_what_price() {
        let all = "[endpoints.\"fal-ai/*\"]\nrunner = \"fal\"\nkey = \"env:KEY\"\n";
        let local = "[endpoints.\"fal-ai/nano-banana/edit\"]\nrunner = \"local\"\n";
        let own = "[endpoints.\"fal-ai/nano-banana*\"]\nrunner = \"http\"\nurl = \"http://127.0.0.1:5000/\"\n";
        for (file, maker) in [
            (String::new(), Maker::LOCAL),
            (all.to_owned(), Maker::generative(3.9)),
            (format!("{all}price = 0.15\n"), Maker::generative(15.0)),
            (format!("{all}{local}"), Maker::LOCAL),
            (format!("{all}{own}"), Maker::generative(0.0)),
            (all.replace("fal-ai/*", "fal-ai/flux/*"), Maker::LOCAL),
        ] {
            assert_eq!(usual_maker(&file), maker, "{file}");
        }
    }

    #[test]
    fn a_private_queue_that_the_operator_named_is_trusted_by_the_studio_alone() {
        let at = |text: &str| Url::parse(text).expect(text);
        let queue = Queue {
            endpoints: Endpoints::under(&at("http://10.0.0.5:8788")),
            key: ApiKey::new("id:secret").unwrap(),
            jwks: at("http://keys.internal:9000/jwks.json"),
            account: Account::Unknown,
        };
        let (shared, studio) = (Policy::public(), trusting(&Policy::public(), &queue));
        let file = at("http://10.0.0.5:8788/cdn/files/b/x/a.png");
        assert!(studio.judge_url(&file).is_ok() && studio.judge_url(&queue.jwks).is_ok());
        assert!(shared.judge_url(&file).is_err(), "what users give addresses to does not reach it");
        for url in ["http://10.0.0.5/", "http://10.0.0.5:9000/", "http://10.0.0.6:8788/"] {
            assert!(studio.judge_url(&at(url)).is_err(), "{url}");
        }
    }
}
