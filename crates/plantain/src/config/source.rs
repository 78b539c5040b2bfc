//! Where settings are written: flags, environment, `plantain.toml`. Whoever is first in this order wins.
//!
//! Knows texts and their origin, not their meaning; the sections beside this file parse them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::endpoints::Tables;
use super::error::ConfigError;
use super::names::{self, SETTINGS, Setting};

/// The file that is read where it exists.
pub const USUAL_FILE: &str = "plantain.toml";

/// The one key that holds tables.
const ENDPOINTS: &str = "endpoints";

/// A configuration file beyond this is none.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Flag,
    Environment,
    File(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag => f.write_str("from the command line"),
            Origin::Environment => f.write_str("from the environment"),
            Origin::File(path) => write!(f, "from {}", path.display()),
            Origin::Default => f.write_str("by default"),
        }
    }
}

/// A setting as it was written.
#[derive(Clone, Debug)]
pub struct Written {
    pub name: &'static str,
    pub text: String,
    pub origin: Origin,
}

impl Written {
    pub fn invalid(&self, problem: impl Into<String>, fix: &'static str) -> ConfigError {
        ConfigError::Invalid { name: self.name, origin: self.origin.clone(), problem: problem.into(), fix }
    }
}

/// All that was written, each setting once.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<&'static str, Written>, Tables);

/// What was typed on the command line about settings.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// `NAME=VALUE`, from `--set`.
    pub set: Vec<String>,
    /// Settings that have a flag of their own, by name.
    pub flags: Vec<(&'static str, String)>,
    /// `--config`; must exist.
    pub file: Option<PathBuf>,
}

impl Sources {
    /// Reads the file and takes what it needs of the environment, which is handed in.
    pub fn gather(
        typed: &Typed,
        environment: impl Fn(&str) -> Option<std::ffi::OsString>,
    ) -> Result<Sources, ConfigError> {
        let mut sources = Sources::default();
        match &typed.file {
            Some(path) => sources.add_file(path)?,
            None if Path::new(USUAL_FILE).is_file() => sources.add_file(Path::new(USUAL_FILE))?,
            None => {}
        }
        sources.1.look_up(&environment);
        sources.add_environment(environment)?;
        sources.add_typed(typed)?;
        Ok(sources)
    }

    /// Settings from pairs, for systems that are started inside a program.
    pub fn of(pairs: impl IntoIterator<Item = (&'static str, String)>) -> Result<Sources, ConfigError> {
        let mut sources = Sources::default();
        sources.add_typed(&Typed { flags: pairs.into_iter().collect(), ..Typed::default() })?;
        Ok(sources)
    }

    /// What a file says, where the environment holds nothing but what its endpoints name.
    #[cfg(test)]
    pub fn of_toml(
        text: &str,
        environment: impl Fn(&str) -> Option<std::ffi::OsString>,
    ) -> Result<Sources, ConfigError> {
        let mut sources = Sources::default();
        sources.add_toml(text, Path::new("p.toml"))?;
        sources.1.look_up(environment);
        Ok(sources)
    }

    /// The tables of endpoints, which the file alone can have.
    pub fn endpoints(&self) -> &Tables {
        &self.1
    }

    /// `None` where it is not written anywhere, or empty.
    pub fn get(&self, name: &'static str) -> Option<&Written> {
        debug_assert!(names::find(name).is_some(), "{name} is missing from the table of settings");
        self.0.get(name).filter(|written| !written.text.trim().is_empty())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Written> {
        self.0.values()
    }

    fn put(&mut self, setting: &'static Setting, text: String, origin: Origin) {
        self.0.insert(setting.name, Written { name: setting.name, text, origin });
    }

    fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { file: path.to_owned(), source };
        if std::fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
            let reason = "it is larger than 1 MB".into();
            return Err(ConfigError::NotToml { file: path.to_owned(), reason });
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        self.add_toml(&text, path)
    }

    fn add_toml(&mut self, text: &str, path: &Path) -> Result<(), ConfigError> {
        let table: toml::Table = text
            .parse()
            .map_err(|e: toml::de::Error| ConfigError::NotToml { file: path.to_owned(), reason: e.to_string() })?;
        for (key, value) in &table {
            if key == ENDPOINTS {
                self.1 = Tables::take(value, path)?;
                continue;
            }
            let Some(setting) = SETTINGS.iter().find(|setting| setting.key() == *key) else {
                let nearest = names::nearest(key).map(|setting| setting.name);
                return Err(ConfigError::UnknownKey { file: path.to_owned(), key: key.clone(), nearest });
            };
            let text =
                plain(value).ok_or_else(|| ConfigError::NotAValue { file: path.to_owned(), key: key.clone() })?;
            self.put(setting, text, Origin::File(path.to_owned()));
        }
        Ok(())
    }

    fn add_environment(&mut self, environment: impl Fn(&str) -> Option<std::ffi::OsString>) -> Result<(), ConfigError> {
        for setting in SETTINGS {
            if let Some(value) = environment(setting.name).filter(|value| !value.is_empty()) {
                let not_unicode = |_| ConfigError::NotUnicode { name: setting.name, origin: Origin::Environment };
                self.put(setting, value.into_string().map_err(not_unicode)?, Origin::Environment);
            }
        }
        Ok(())
    }

    fn add_typed(&mut self, typed: &Typed) -> Result<(), ConfigError> {
        for (name, value) in &typed.flags {
            let setting = names::find(name).ok_or_else(|| unknown_flag(name))?;
            self.put(setting, value.clone(), Origin::Flag);
        }
        for pair in &typed.set {
            let (name, value) = pair.split_once('=').ok_or_else(|| ConfigError::NoValue { typed: pair.clone() })?;
            let setting = names::find(&name.to_ascii_uppercase()).ok_or_else(|| unknown_flag(name))?;
            self.put(setting, value.to_owned(), Origin::Flag);
        }
        Ok(())
    }
}

fn unknown_flag(typed: &str) -> ConfigError {
    ConfigError::UnknownFlag { typed: typed.to_owned(), nearest: names::nearest(typed).map(|setting| setting.name) }
}

/// A TOML value as the text that the environment would hold: lists with commas, `1` for true.
fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(yes) => Some(if *yes { "1" } else { "0" }.into()),
        toml::Value::Array(items) => Some(items.iter().map(plain).collect::<Option<Vec<_>>>()?.join(",")),
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&'static str, &'static str)]) -> impl Fn(&str) -> Option<std::ffi::OsString> {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
    }

    fn toml(text: &str) -> Result<Sources, ConfigError> {
        let mut sources = Sources::default();
        sources.add_toml(text, Path::new("p.toml"))?;
        Ok(sources)
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let mut sources =
            toml("studio_listen = \"1.1.1.1:1\"\ngateway_listen = \"1.1.1.1:2\"\nlog_format = \"json\"").unwrap();
        let env = environment(&[("STUDIO_LISTEN", "2.2.2.2:1"), ("GATEWAY_LISTEN", "2.2.2.2:2"), ("LOG_FORMAT", "")]);
        sources.add_environment(env).unwrap();
        sources.add_typed(&Typed { set: vec!["studio_listen=3.3.3.3:1".into()], ..Typed::default() }).unwrap();
        let shown = |name| sources.get(name).map(|w| (w.text.as_str(), w.origin.clone()));
        assert_eq!(shown("STUDIO_LISTEN"), Some(("3.3.3.3:1", Origin::Flag)));
        assert_eq!(shown("GATEWAY_LISTEN"), Some(("2.2.2.2:2", Origin::Environment)));
        assert_eq!(shown("LOG_FORMAT"), Some(("json", Origin::File("p.toml".into()))));
        assert_eq!(shown("FAL_KEY"), None);
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest() {
        let said = toml("studio_listn = \"x\"").unwrap_err().to_string();
        assert_eq!(said, "p.toml: there is no setting `studio_listn`; did you mean `STUDIO_LISTEN`?");
        let typed = Typed { set: vec!["COLOUR=blue".into()], ..Typed::default() };
        let said = Sources::default().add_typed(&typed).unwrap_err().to_string();
        assert_eq!(said, "--set COLOUR: there is no setting `COLOUR`");
    }

    #[test]
    fn toml_values_become_the_environments_texts() {
        let sources = toml("plantain_open = true\nqueue_concurrency = 3\nwebhook_schedule = [\"1s\", \"2s\"]").unwrap();
        for (name, text) in [("PLANTAIN_OPEN", "1"), ("QUEUE_CONCURRENCY", "3"), ("WEBHOOK_SCHEDULE", "1s,2s")] {
            assert_eq!(sources.get(name).unwrap().text, text);
        }
        assert!(matches!(toml("fal_key = { a = 1 }"), Err(ConfigError::NotAValue { .. })));
        assert!(matches!(toml("fal_key = "), Err(ConfigError::NotToml { .. })));
    }
}
