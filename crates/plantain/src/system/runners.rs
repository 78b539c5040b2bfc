//! Which models this machine serves: what the operator configured, and behind it what is built in.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use plantain_client::{Endpoints, QueueClient};
use plantain_media::decode::Limits;
use plantain_models::fal::{self, FalSettings};
use plantain_models::gemini::{Gemini, GeminiSettings};
use plantain_models::source::Source;
use plantain_models::{Checked, FalRunner, Files, HttpRunner, Simulated, simulated};
use plantain_queue::runner::{Endpoint, Runner, Runners};
use plantain_wire::models::nano_banana;

use super::Ground;
use crate::config::endpoints::{FalConfig, GeminiConfig, RunnerConfig, SchemaUse, Served};

/// How long the built-in simulated model takes where its input doesn't say.
const SIMULATED_DURATION: Duration = Duration::from_secs(1);

/// A configured pattern that fits comes before anything built in, however unspecific it is: it is what the operator said.
pub(super) fn of(ground: &Ground<'_>, files: Files, local: Arc<dyn Runner>) -> anyhow::Result<Runners> {
    let models = Models { ground, files, local: local.clone() };
    let configured = ground.config.endpoints.iter().try_fold(Runners::default(), |runners, served| {
        let runner = models.runner(served).with_context(|| format!("[endpoints.\"{}\"]", served.pattern))?;
        anyhow::Ok(runners.with_endpoint(&served.pattern, Endpoint { runner, settings: served.settings.clone() }))
    })?;
    let simulated = Arc::new(Simulated::new(ground.clock.clone(), SIMULATED_DURATION));
    let built_in: [(&str, Arc<dyn Runner>); 3] = [
        (nano_banana::EDIT_ENDPOINT, local.clone()),
        (nano_banana::TEXT_ENDPOINT, local),
        (simulated::ENDPOINT, simulated),
    ];
    Ok(built_in.into_iter().fold(configured, |runners, (id, runner)| {
        let taken = id.parse().is_ok_and(|id| runners.find(&id).is_some());
        if taken { runners } else { runners.with(id, runner) }
    }))
}

struct Models<'g, 'c> {
    ground: &'g Ground<'c>,
    files: Files,
    local: Arc<dyn Runner>,
}

impl Models<'_, '_> {
    fn runner(&self, served: &Served) -> anyhow::Result<Arc<dyn Runner>> {
        let clock = self.ground.clock.clone();
        Ok(match &served.runner {
            RunnerConfig::Local => self.local.clone(),
            RunnerConfig::Http { settings, schema } => {
                checked(*schema, Arc::new(HttpRunner::new((**settings).clone(), clock)?))
            }
            RunnerConfig::Gemini(gemini) => Arc::new(self.gemini(gemini, served)?),
            RunnerConfig::Fal(config) => Arc::new(FalRunner::new(fal_settings(config, served)?, clock)),
            RunnerConfig::Simulated { script, schema } => {
                checked(*schema, Arc::new(Simulated::scripted(clock, script.clone())))
            }
        })
    }

    fn gemini(&self, config: &GeminiConfig, served: &Served) -> anyhow::Result<Gemini> {
        let Ground { outbound, cpu, clock, .. } = self.ground;
        // Up to eight pictures are in one call's body, as text: a larger bound for photos is not theirs.
        let max_bytes = self.ground.config.photo_bytes_max.min(Limits::default().max_bytes);
        let source = Source { files: self.files.clone(), outbound: outbound.clone(), max_bytes };
        let usual = GeminiSettings::new(config.key.clone(), source, cpu.clone());
        let settings = GeminiSettings {
            base: config.base.clone().unwrap_or_else(|| usual.base.clone()),
            model: config.model.clone().unwrap_or_else(|| usual.model.clone()),
            request_timeout: served.settings.request_timeout.unwrap_or(usual.request_timeout),
            ..usual
        };
        Ok(Gemini::new(settings, clock.clone())?)
    }
}

fn checked(schema: SchemaUse, runner: Arc<dyn Runner>) -> Arc<dyn Runner> {
    match schema {
        SchemaUse::Check => Arc::new(Checked::new(runner)),
        SchemaUse::Ignore => runner,
    }
}

fn fal_settings(config: &FalConfig, served: &Served) -> anyhow::Result<FalSettings> {
    let usual = Endpoints::fal();
    let endpoints = Endpoints { queue: config.queue.clone().unwrap_or_else(|| usual.queue.clone()), ..usual };
    Ok(FalSettings {
        client: QueueClient::new(endpoints, Some(config.key.clone()))?,
        endpoint: config.endpoint.clone(),
        repeats: config.repeats,
        request_timeout: served.settings.request_timeout.unwrap_or(fal::REQUEST_TIMEOUT),
    })
}
