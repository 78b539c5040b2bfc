//! Where things are kept: the data folder, the two databases, bytes, the presets file, the library of ONNX Runtime.

use std::path::PathBuf;

use super::bucket::BlobPlace;
use super::error::ConfigError;
use super::secret::Secret;
use super::source::{Sources, Written};

/// `PLANTAIN_DATA`, `DATABASE_URL`, `QUEUE_DATABASE_URL`, `PLANTAIN_PRESETS`, `PLANTAIN_ONNXRUNTIME`.
#[derive(Clone, Debug)]
pub struct Storage {
    pub data: PathBuf,
    pub studio: Database,
    pub queue: Database,
    pub blobs: BlobPlace,
    pub presets: Option<PathBuf>,
    /// Without it the built-in runtime finds products.
    pub onnxruntime: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// One file in the data folder.
    Sqlite,
    /// The whole address, password included.
    Postgres(Secret),
}

impl Storage {
    pub fn parse(sources: &Sources) -> Result<Storage, ConfigError> {
        let path = |name| sources.get(name).map(|written| PathBuf::from(written.text.trim()));
        Ok(Storage {
            data: path("PLANTAIN_DATA").unwrap_or_else(|| "plantain-data".into()),
            studio: database(sources.get("DATABASE_URL"))?,
            queue: database(sources.get("QUEUE_DATABASE_URL"))?,
            blobs: BlobPlace::parse(sources)?,
            presets: path("PLANTAIN_PRESETS"),
            onnxruntime: path("PLANTAIN_ONNXRUNTIME"),
        })
    }
}

fn database(written: Option<&Written>) -> Result<Database, ConfigError> {
    let Some(written) = written else { return Ok(Database::Sqlite) };
    let text = written.text.trim();
    match text.split_once("://") {
        Some(("postgres" | "postgresql", rest)) if !rest.is_empty() => Ok(Database::Postgres(Secret::new(text))),
        _ => {
            let fix = "write postgres://user:password@host/database, or leave it out for SQLite in the data folder";
            Err(written.invalid("only Postgres addresses are understood", fix))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(pairs: &[(&'static str, &str)]) -> Result<Storage, ConfigError> {
        Storage::parse(&Sources::of(pairs.iter().map(|(name, value)| (*name, (*value).to_owned()))).unwrap())
    }

    #[test]
    fn sqlite_in_the_data_folder_is_the_default() {
        let storage = storage(&[]).unwrap();
        assert_eq!(
            (storage.data, storage.studio, storage.queue),
            ("plantain-data".into(), Database::Sqlite, Database::Sqlite)
        );
    }

    #[test]
    fn only_postgres_addresses_are_databases_and_none_is_printed() {
        let good = storage(&[("DATABASE_URL", "postgres://u:hunter2@h/d")]).unwrap();
        assert!(matches!(good.studio, Database::Postgres(_)));
        assert!(!format!("{good:?}").contains("hunter2"));
        for bad in ["mysql://u:hunter2@h/d", "postgres://", "hunter2"] {
            let said = storage(&[("QUEUE_DATABASE_URL", bad)]).unwrap_err().to_string();
            assert!(said.starts_with("QUEUE_DATABASE_URL") && !said.contains("hunter2"), "{said}");
        }
    }
}
