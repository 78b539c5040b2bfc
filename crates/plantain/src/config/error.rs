//! Why a configuration can't be used: always the setting's name, where it came from, and what to write instead.

use std::path::PathBuf;

use super::source::Origin;

/// All are the operator's to fix; none goes away by trying again.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{file}: there is no setting `{key}`{}", .nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    UnknownKey { file: PathBuf, key: String, nearest: Option<&'static str> },
    #[error("{file}: [endpoints.\"{endpoint}\"] has no key `{key}`{}", .nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    UnknownEndpointKey { file: PathBuf, endpoint: String, key: String, nearest: Option<&'static str> },
    #[error("{file}: [endpoints.\"{endpoint}\"]{}: {problem}; {fix}", if .key.is_empty() { String::new() } else { format!(" `{}`", .key) })]
    Endpoint { file: PathBuf, endpoint: String, key: String, problem: String, fix: &'static str },
    #[error("{file}: `{key}` must be a table, written as [endpoints.\"owner/app\"]")]
    NotTables { file: PathBuf, key: String },
    #[error("--set {typed}: there is no setting `{typed}`{}", .nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    UnknownFlag { typed: String, nearest: Option<&'static str> },
    #[error("--set {typed}: write NAME=VALUE, for example --set STUDIO_LISTEN=127.0.0.1:9000")]
    NoValue { typed: String },
    #[error("{name} ({origin}): {problem}; {fix}")]
    Invalid { name: &'static str, origin: Origin, problem: String, fix: &'static str },
    #[error("{name} ({origin}) is not valid Unicode text; write it in UTF-8")]
    NotUnicode { name: &'static str, origin: Origin },
    #[error("{file} can't be read: {source}")]
    Unreadable { file: PathBuf, source: std::io::Error },
    #[error("{file} is not TOML: {reason}")]
    NotToml { file: PathBuf, reason: String },
    #[error("{file}: `{key}` must be a text, a number, true or false, or a list of these")]
    NotAValue { file: PathBuf, key: String },
}
