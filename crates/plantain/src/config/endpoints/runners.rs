//! What each kind of runner takes from its table.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use plantain_client::endpoints::ApiKey;
use plantain_models::fal::Repeats;
use plantain_models::gemini::ModelName;
use plantain_models::http::{HttpSettings, Style, Template};
use plantain_models::simulated::{Failing, Script};
use plantain_queue::runner::{EndpointSettings, Price};
use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::ErrorType;
use plantain_wire::models::nano_banana;
use plantain_wire::options::Condition;
use url::Url;

use super::reading::Entry;
use super::{FalConfig, GeminiConfig, RunnerConfig, SchemaUse, Served, Tables, output_file};
use crate::config::error::ConfigError;
use crate::config::secret::Secret;
use crate::config::source::Sources;

/// Keys that every runner takes.
pub(super) const COMMON: [&str; 4] = ["runner", "request_timeout", "skip_retry", "price"];

/// Each runner with the keys of its own.
pub(super) const RUNNERS: [(&str, &[&str]); 5] = [
    ("local", &[]),
    ("http", &["url", "style", "headers", "stream_url", "answer_max", "schema"]),
    ("gemini", &["url", "model", "key"]),
    ("fal", &["url", "key", "endpoint", "idempotent"]),
    ("simulated", &["duration", "logs", "partials", "output", "failure_rate", "failures", "seed", "schema"]),
];

/// More would be held in memory for each running request.
const ANSWER_MAX: usize = 1 << 30;

/// A billable unit that costs more is a slip.
const PRICE_MAX: f64 = 10_000.0;

pub(super) fn served(
    sources: &Sources,
    tables: &Tables,
    pattern: &str,
    table: &toml::Table,
) -> Result<Served, ConfigError> {
    let entry = Entry { tables, pattern, table };
    check_pattern(&entry)?;
    let fix = "write `local`, `http`, `gemini`, `fal` or `simulated`";
    let name = entry.text("runner")?.ok_or_else(|| entry.wrong("runner", "it is missing", fix))?;
    let known = RUNNERS.iter().find(|(known, _)| *known == name);
    let (_, keys) = known.ok_or_else(|| entry.wrong("runner", format!("`{name}` is none"), fix))?;
    let all: Vec<&'static str> = COMMON.iter().chain(*keys).copied().collect();
    entry.only(&all)?;
    let settings = settings(&entry)?;
    let runner = match name {
        "http" => http(&entry, settings.request_timeout)?,
        "gemini" => RunnerConfig::Gemini(gemini(&entry, sources)?),
        "fal" => RunnerConfig::Fal(fal(&entry, sources)?),
        "simulated" => simulated(&entry)?,
        _ => local(&entry)?,
    };
    Ok(Served { pattern: pattern.to_owned(), runner, settings })
}

fn check_pattern(entry: &Entry<'_>) -> Result<(), ConfigError> {
    let fix = "write owner/app, owner/app/path, or the beginning of such ids and a *";
    match entry.pattern.strip_suffix('*') {
        None => EndpointId::parse(entry.pattern).map(drop).map_err(|error| entry.wrong("", error.to_string(), fix)),
        Some(start) => {
            let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
            let usable = start.bytes().all(safe) && !start.starts_with('/');
            usable.then_some(()).ok_or_else(|| entry.wrong("", "no endpoint id begins like this", fix))
        }
    }
}

fn settings(entry: &Entry<'_>) -> Result<EndpointSettings, ConfigError> {
    let fix = "write a list of `server_error`, `timeout` and `connection_error`";
    let words = match entry.table.get("skip_retry") {
        None => Vec::new(),
        Some(value) => value.as_array().cloned().ok_or_else(|| entry.wrong("skip_retry", "it is no list", fix))?,
    };
    let condition = |word: &toml::Value| word.as_str().and_then(Condition::parse);
    let skip_retry: Option<Vec<Condition>> = words.iter().map(condition).collect();
    let price = entry.fraction("price", PRICE_MAX)?;
    Ok(EndpointSettings {
        request_timeout: entry.patience("request_timeout")?,
        skip_retry: skip_retry.ok_or_else(|| entry.wrong("skip_retry", "a word of it is unknown", fix))?,
        price: price.map(|dollars| Price { micro_usd: (dollars * 1e6).round() as u64 }),
    })
}

fn local(entry: &Entry<'_>) -> Result<RunnerConfig, ConfigError> {
    let serves = entry.pattern.starts_with(nano_banana::TEXT_ENDPOINT);
    let fix = "use it for fal-ai/nano-banana/edit, and another runner for this endpoint";
    serves
        .then_some(RunnerConfig::Local)
        .ok_or_else(|| entry.wrong("runner", "the local engine can't be this model", fix))
}

fn http(entry: &Entry<'_>, request_timeout: Option<Duration>) -> Result<RunnerConfig, ConfigError> {
    let fix = "write the address of the model's server, such as \"http://127.0.0.1:5000/\"";
    let template = |key: &str| {
        let text = entry.text(key)?;
        text.map(|text| Template::parse(text).map_err(|error| entry.wrong(key, error.to_string(), fix))).transpose()
    };
    let url = template("url")?.ok_or_else(|| entry.wrong("url", "it is missing", fix))?;
    let style = match entry.text("style")? {
        None | Some("fal") => Style::Fal,
        Some("cog") => Style::Cog,
        Some(other) => return Err(entry.wrong("style", format!("`{other}` is none"), "write `fal` or `cog`")),
    };
    let usual = HttpSettings::new(url);
    let settings = HttpSettings {
        stream_url: template("stream_url")?,
        style,
        headers: headers(entry)?,
        request_timeout: request_timeout.unwrap_or(usual.request_timeout),
        answer_bytes_max: entry.size("answer_max", ANSWER_MAX)?.unwrap_or(usual.answer_bytes_max),
        url: usual.url,
    };
    Ok(RunnerConfig::Http { settings: Box::new(settings), schema: schema(entry)? })
}

fn headers(entry: &Entry<'_>) -> Result<HeaderMap, ConfigError> {
    let fix = "write headers = { Name = \"value\" }, or \"env:NAME\" for a secret";
    let mut headers = HeaderMap::new();
    let Some(value) = entry.table.get("headers") else { return Ok(headers) };
    let table = value.as_table().ok_or_else(|| entry.wrong("headers", "it is no table", fix))?;
    for (name, value) in table {
        let key = format!("headers.{name}");
        let text = value.as_str().ok_or_else(|| entry.wrong(&key, "it is no text", fix))?;
        let secret = entry.revealed(&key, text)?;
        let name = HeaderName::try_from(name).map_err(|_| entry.wrong(&key, "no header has such a name", fix))?;
        headers.insert(name, header_value(entry, &key, &secret)?);
    }
    Ok(headers)
}

fn header_value(entry: &Entry<'_>, key: &str, secret: &Secret) -> Result<HeaderValue, ConfigError> {
    let fix = "use visible ASCII characters";
    let value = HeaderValue::try_from(secret.reveal());
    let mut value = value.map_err(|_| entry.wrong(key, "it has characters that a header can't carry", fix))?;
    value.set_sensitive(true);
    Ok(value)
}

fn schema(entry: &Entry<'_>) -> Result<SchemaUse, ConfigError> {
    match entry.text("schema")? {
        None | Some("check") => Ok(SchemaUse::Check),
        Some("ignore") => Ok(SchemaUse::Ignore),
        Some(other) => Err(entry.wrong("schema", format!("`{other}` is no choice"), "write `check` or `ignore`")),
    }
}

/// A secret from the table, else from the setting of this name.
fn key(entry: &Entry<'_>, sources: &Sources, setting: &'static str, fix: &'static str) -> Result<Secret, ConfigError> {
    let usual = || sources.get(setting).map(|written| Secret::new(written.text.trim()));
    entry.secret("key")?.or_else(usual).ok_or_else(|| entry.wrong("key", "it is missing", fix))
}

fn base(entry: &Entry<'_>) -> Result<Option<Url>, ConfigError> {
    let fix = "write an http or https address without a password, such as \"https://queue.example.com\"";
    let Some(text) = entry.text("url")? else { return Ok(None) };
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none()
    });
    url.map(Some).ok_or_else(|| entry.wrong("url", "it is no such address", fix))
}

fn gemini(entry: &Entry<'_>, sources: &Sources) -> Result<GeminiConfig, ConfigError> {
    let secret =
        key(entry, sources, "GEMINI_API_KEY", "set GEMINI_API_KEY, or name another variable: key = \"env:NAME\"")?;
    let model = entry.text("model")?.map(|text| {
        let fix = "write it as Google does, such as \"gemini-2.5-flash-image\"";
        ModelName::parse(text).ok_or_else(|| entry.wrong("model", "no model has such a name", fix))
    });
    Ok(GeminiConfig { base: base(entry)?, model: model.transpose()?, key: header_value(entry, "key", &secret)? })
}

fn fal(entry: &Entry<'_>, sources: &Sources) -> Result<FalConfig, ConfigError> {
    let fix = "set FAL_KEY, or name another variable: key = \"env:NAME\"";
    let secret = key(entry, sources, "FAL_KEY", fix)?;
    let endpoint = entry.text("endpoint")?.map(|text| {
        let fix = "write owner/app or owner/app/path";
        EndpointId::parse(text).map_err(|error| entry.wrong("endpoint", error.to_string(), fix))
    });
    Ok(FalConfig {
        queue: base(entry)?,
        key: ApiKey::new(secret.reveal()).map_err(|error| entry.wrong("key", error.to_string(), fix))?,
        endpoint: endpoint.transpose()?,
        repeats: if entry.flag("idempotent")? { Repeats::Safe } else { Repeats::Unsafe },
    })
}

/// How long a simulated run takes where nothing is said.
const SIMULATED_DURATION: Duration = Duration::from_secs(1);

/// The most lines, and the most partial outputs, of a simulated run.
const STEPS_MAX: u64 = 1000;

fn simulated(entry: &Entry<'_>) -> Result<RunnerConfig, ConfigError> {
    let usual = Script::lasting(entry.time("duration")?.unwrap_or(SIMULATED_DURATION));
    let steps = |key| entry.number(key, STEPS_MAX).map(|number| number.and_then(|n| n.try_into().ok()).unwrap_or(0));
    let failures = failures(entry)?;
    // Who lists ways to fail and no rate wants every run to fail.
    let rate = if failures.is_empty() { 0.0 } else { 1.0 };
    let script = Script {
        logs: steps("logs")?,
        partials: steps("partials")?,
        output: output(entry)?.unwrap_or(usual.output),
        failure_rate: entry.fraction("failure_rate", 1.0)?.unwrap_or(rate),
        failures,
        seed: entry.number("seed", u64::MAX)?.unwrap_or(0),
        duration: usual.duration,
    };
    Ok(RunnerConfig::Simulated { script, schema: schema(entry)? })
}

fn failures(entry: &Entry<'_>) -> Result<Vec<Failing>, ConfigError> {
    let fix = "write a list of error types and of status codes from 400 to 599, such as [\"runner_disconnected\", 422]";
    let Some(value) = entry.table.get("failures") else { return Ok(Vec::new()) };
    let entries = value.as_array().ok_or_else(|| entry.wrong("failures", "it is no list", fix))?;
    let failing = |value: &toml::Value| match value {
        toml::Value::String(word) => ErrorType::parse(word).map(Failing::Kind),
        toml::Value::Integer(code @ 400..=599) => u16::try_from(*code).ok().map(Failing::Status),
        _ => None,
    };
    let failures: Option<Vec<Failing>> = entries.iter().map(failing).collect();
    failures.ok_or_else(|| entry.wrong("failures", "an entry of it is no way to fail", fix))
}

/// A table, or the name of a JSON file.
fn output(entry: &Entry<'_>) -> Result<Option<Bytes>, ConfigError> {
    let fix = "write a table, or the name of a JSON file beside this one";
    match entry.table.get("output") {
        None => Ok(None),
        Some(toml::Value::String(name)) => {
            let json = output_file(entry.tables, name)
                .map_err(|error| entry.wrong("output", format!("{name}: {error}"), fix))?;
            let read = serde_json::from_slice::<serde::de::IgnoredAny>(&json);
            read.map_err(|error| entry.wrong("output", format!("{name} is not JSON: {error}"), fix))?;
            Ok(Some(json))
        }
        Some(toml::Value::Table(table)) => {
            let json = serde_json::to_vec(table).map_err(|error| entry.wrong("output", error.to_string(), fix))?;
            Ok(Some(json.into()))
        }
        Some(_) => Err(entry.wrong("output", "it is neither", fix)),
    }
}

/// Keys by runner, for the reference page.
pub(super) fn keys_of(runner: &str) -> &'static [&'static str] {
    let all: BTreeMap<_, _> = RUNNERS.into_iter().collect();
    all.get(runner).copied().unwrap_or_default()
}
