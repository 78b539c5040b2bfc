//! Which models are served, and by what: the tables `[endpoints."<id>"]` of `plantain.toml`.
//!
//! An id may end in `*` and then stands for all that begin alike. Every key is checked: one that nobody knows is an error that names
//! the nearest. Secrets are named, not written: `env:NAME` is replaced by that environment variable when the file is read.

mod reading;
mod reference;
mod runners;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use axum::http::HeaderValue;
use bytes::Bytes;
use plantain_client::endpoints::ApiKey;
use plantain_models::fal::Repeats;
use plantain_models::gemini::ModelName;
use plantain_models::http::HttpSettings;
use plantain_models::simulated::Script;
use plantain_queue::runner::EndpointSettings;
use plantain_wire::endpoint::EndpointId;
use url::Url;

use super::error::ConfigError;
use super::secret::Secret;
use super::source::Sources;

pub use reference::reference;

/// Before the name of an environment variable.
const FROM_ENVIRONMENT: &str = "env:";

/// The tables as they were written, with the variables that they name. `Debug` shows no value of them.
#[derive(Clone, Default)]
pub struct Tables {
    file: PathBuf,
    tables: BTreeMap<String, toml::Table>,
    environment: BTreeMap<String, Secret>,
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Served {
    /// An endpoint id, or the beginning of several with `*` behind it.
    pub pattern: String,
    pub runner: RunnerConfig,
    pub settings: EndpointSettings,
}

#[derive(Clone, Debug)]
pub enum RunnerConfig {
    Local,
    Http { settings: Box<HttpSettings>, schema: SchemaUse },
    Gemini(GeminiConfig),
    Fal(FalConfig),
    Simulated { script: Script, schema: SchemaUse },
}

impl RunnerConfig {
    pub fn name(&self) -> &'static str {
        match self {
            RunnerConfig::Local => "local",
            RunnerConfig::Http { .. } => "http",
            RunnerConfig::Gemini(_) => "gemini",
            RunnerConfig::Fal(_) => "fal",
            RunnerConfig::Simulated { .. } => "simulated",
        }
    }
}

/// Whether inputs are held against the endpoint's published schema, where one is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaUse {
    Check,
    Ignore,
}

#[derive(Clone, Debug)]
pub struct GeminiConfig {
    pub base: Option<Url>,
    pub model: Option<ModelName>,
    /// Sensitive, so that it is not shown.
    pub key: HeaderValue,
}

#[derive(Clone, Debug)]
pub struct FalConfig {
    /// `None`: fal's own.
    pub queue: Option<Url>,
    pub key: ApiKey,
    pub endpoint: Option<EndpointId>,
    pub repeats: Repeats,
}

/// The output of a simulated model may stand in a file of at most this size.
const OUTPUT_BYTES_MAX: u64 = 10 << 20;

impl Tables {
    /// Takes the value of the key `endpoints`.
    pub(super) fn take(value: &toml::Value, file: &Path) -> Result<Tables, ConfigError> {
        let not_tables = |key: String| ConfigError::NotTables { file: file.to_owned(), key };
        let all = value.as_table().ok_or_else(|| not_tables("endpoints".into()))?;
        let tables = all.iter().map(|(pattern, table)| {
            let table = table.as_table().ok_or_else(|| not_tables(format!("endpoints.\"{pattern}\"")))?;
            Ok((pattern.clone(), table.clone()))
        });
        let tables = tables.collect::<Result<_, ConfigError>>()?;
        Ok(Tables { file: file.to_owned(), tables, environment: BTreeMap::new() })
    }

    /// Keeps the variables that the tables name, and no others.
    pub(super) fn look_up(&mut self, environment: impl Fn(&str) -> Option<std::ffi::OsString>) {
        let mut names = Vec::new();
        for value in self.tables.values().flat_map(|table| table.values()) {
            collect_names(value, &mut names);
        }
        let found = names.into_iter().filter_map(|name| {
            let text = environment(&name)?.into_string().ok().filter(|text| !text.trim().is_empty())?;
            Some((name, Secret::new(text.trim())))
        });
        self.environment = found.collect();
    }
}

fn collect_names(value: &toml::Value, names: &mut Vec<String>) {
    match value {
        toml::Value::String(text) => names.extend(text.strip_prefix(FROM_ENVIRONMENT).map(str::to_owned)),
        toml::Value::Table(table) => table.values().for_each(|value| collect_names(value, names)),
        _ => {}
    }
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tables").field(&self.tables.keys()).finish()
    }
}

/// All entries, in the file's order of ids.
pub fn parse(sources: &Sources) -> Result<Vec<Served>, ConfigError> {
    let tables = sources.endpoints();
    tables.tables.iter().map(|(pattern, table)| runners::served(sources, tables, pattern, table)).collect()
}

/// Reads the output of a simulated model. `name` is relative to the configuration file.
fn output_file(tables: &Tables, name: &str) -> Result<Bytes, std::io::Error> {
    let path = tables.file.parent().unwrap_or(Path::new("")).join(name);
    if std::fs::metadata(&path)?.len() > OUTPUT_BYTES_MAX {
        return Err(std::io::Error::other("it is larger than 10 MB"));
    }
    Ok(std::fs::read(path)?.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plantain_models::http::Style;
    use plantain_models::simulated::Failing;
    use plantain_wire::error::ErrorType;
    use plantain_wire::options::Condition;

    use super::*;

    /// What this file says, where the environment has one token.
    fn read(text: &str) -> Result<Vec<Served>, ConfigError> {
        let environment = |name: &str| (name == "COG_TOKEN").then(|| "Bearer s3cret".into());
        parse(&Sources::of_toml(text, environment)?)
    }

    #[track_caller]
    fn one(lines: &str) -> Served {
        let text = format!("[endpoints.\"me/app\"]\n{lines}");
        read(&text).unwrap_or_else(|error| panic!("{error}")).remove(0)
    }

    #[track_caller]
    fn refuses(lines: &str, words: &str) {
        let text = if lines.starts_with('[') { lines.to_owned() } else { format!("[endpoints.\"me/app\"]\n{lines}") };
        let said = read(&text).expect_err(lines).to_string();
        assert!(said.contains(words), "{words:?} is not in: {said}");
        assert!(!said.contains("s3cret"), "{said}");
    }

    #[test]
    fn a_server_of_ones_own_with_all_its_keys() {
        let lines = "runner = \"http\"\nurl = \"http://127.0.0.1:5000/\"\nstyle = \"cog\"\nrequest_timeout = \"10m\"\n\
                     headers = { Authorization = \"env:COG_TOKEN\", X-Plain = \"1\" }\nanswer_max = \"1MB\"\nprice = 0.039\n\
                     skip_retry = [\"timeout\"]\nschema = \"ignore\"";
        let served = one(lines);
        assert_eq!((served.pattern.as_str(), served.runner.name()), ("me/app", "http"));
        assert_eq!(served.settings.request_timeout, Some(Duration::from_secs(600)));
        assert_eq!(served.settings.skip_retry, [Condition::Timeout]);
        assert_eq!(served.settings.price.map(|price| price.micro_usd), Some(39_000));
        assert!(!format!("{served:?}").contains("s3cret"));
        let RunnerConfig::Http { settings, schema } = served.runner else { panic!("http") };
        assert_eq!((settings.style, settings.answer_bytes_max, schema), (Style::Cog, 1 << 20, SchemaUse::Ignore));
        assert_eq!(settings.request_timeout, Duration::from_secs(600));
        assert_eq!(settings.headers["authorization"], "Bearer s3cret");
    }

    #[test]
    fn the_other_runners() {
        let served = one("runner = \"gemini\"\nkey = \"env:COG_TOKEN\"\nmodel = \"m-1\"");
        assert!(!format!("{served:?}").contains("s3cret"));
        assert!(matches!(served.runner, RunnerConfig::Gemini(GeminiConfig { model: Some(_), base: None, .. })));
        let all = read("fal_key = \"id:key\"\n[endpoints.\"fal-ai/*\"]\nrunner = \"fal\"\nidempotent = true").unwrap();
        let RunnerConfig::Fal(fal) = &all[0].runner else { panic!("fal") };
        assert_eq!((all[0].pattern.as_str(), fal.repeats, fal.queue.is_none()), ("fal-ai/*", Repeats::Safe, true));
        let lines = "runner = \"simulated\"\nduration = \"2s\"\nlogs = 3\nfailure_rate = 0.5\n\
                     failures = [\"runner_disconnected\", 422]\noutput = { images = [], seed = 7 }";
        let RunnerConfig::Simulated { script, .. } = one(lines).runner else { panic!("simulated") };
        assert_eq!((script.duration, script.logs, script.failure_rate), (Duration::from_secs(2), 3, 0.5));
        assert_eq!(script.failures, [Failing::Kind(ErrorType::RunnerDisconnected), Failing::Status(422)]);
        assert_eq!(script.output, r#"{"images":[],"seed":7}"#);
        let local = read("[endpoints.\"fal-ai/nano-banana/edit\"]\nrunner = \"local\"").unwrap();
        assert!(matches!(local[0].runner, RunnerConfig::Local));
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn a_key_that_nobody_knows_is_named_with_the_nearest() {
        refuses(
            "runner = \"http\"\nurl = \"http://a.test/\"\nstyl = \"cog\"",
            "has no key `styl`; did you mean `style`?",
        );
        refuses("runner = \"fal\"\nstyle = \"cog\"", "[endpoints.\"me/app\"] has no key `style`");
        refuses("url = \"http://a.test/\"", "`runner`: it is missing");
        refuses("runner = \"htpp\"", "`htpp` is none; write `local`, `http`");
    }

    #[test]
    fn every_wrong_value_is_refused_with_its_key_and_the_fix() {
        let http = |line: &str| format!("runner = \"http\"\nurl = \"http://a.test/\"\n{line}");
        for (line, words) in [
            ("request_timeout = \"soon\"", "`request_timeout`: it is no such time; write at most 24h"),
            ("request_timeout = \"25h\"", "no such time"),
            ("request_timeout = \"0s\"", "`request_timeout`: nothing can end within this time; write at least 100ms"),
            ("request_timeout = 0", "nothing can end within this time"),
            ("request_timeout = \"99ms\"", "nothing can end within this time"),
            ("request_timeout = -1", "no such time"),
            ("answer_max = 0", "no such size"),
            ("answer_max = \"2GB\"", "no such size"),
            ("style = \"rest\"", "`rest` is none"),
            ("headers = { A = \"env:NOT_SET\" }", "`headers.A`: the environment has no `NOT_SET`"),
            ("headers = { \"a b\" = \"c\" }", "no header has such a name"),
            ("headers = \"x\"", "it is no table"),
            ("skip_retry = [\"luck\"]", "a word of it is unknown"),
            ("price = -1", "no such number"),
            ("schema = true", "it is no text"),
            ("stream_url = \"ftp://a\"", "`stream_url`: it is no http or https address"),
        ] {
            refuses(&http(line), words);
        }
        refuses("runner = \"http\"", "`url`: it is missing");
        refuses("runner = \"fal\"", "set FAL_KEY, or name another variable");
        refuses("runner = \"gemini\"", "set GEMINI_API_KEY");
        refuses("runner = \"fal\"\nkey = \"env:COG_TOKEN\"", "`key`");
        refuses("runner = \"local\"", "the local engine can't be this model");
        refuses("runner = \"simulated\"\nfailures = [200]", "no way to fail");
        refuses("runner = \"simulated\"\nfailure_rate = 1.5", "no such number");
        refuses("runner = \"simulated\"\noutput = \"no-such-file.json\"", "no-such-file.json");
        refuses("[endpoints.\"nonsense\"]\nrunner = \"local\"", "owner/app");
        refuses("[endpoints.\"a b*\"]\nrunner = \"local\"", "no endpoint id begins like this");
        assert!(matches!(read("endpoints = 7"), Err(ConfigError::NotTables { .. })));
        assert!(matches!(read("[endpoints]\n\"a/b\" = 7"), Err(ConfigError::NotTables { .. })));
    }
}
