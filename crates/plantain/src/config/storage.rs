//! Where things are kept: the data folder, the two databases, bytes, the presets file, the network that finds products and the
//! library of ONNX Runtime.

use std::path::PathBuf;

use super::bucket::BlobPlace;
use super::error::ConfigError;
use super::secret::Secret;
use super::source::{Sources, Written};

/// `PLANTAIN_DATA`, `DATABASE_URL`, `QUEUE_DATABASE_URL`, `PLANTAIN_PRESETS`, `PLANTAIN_MODEL` with its checksum,
/// `PLANTAIN_ONNXRUNTIME`.
#[derive(Clone, Debug)]
pub struct Storage {
    pub data: PathBuf,
    pub studio: Database,
    pub queue: Database,
    pub blobs: BlobPlace,
    pub presets: Option<PathBuf>,
    /// Without it the built-in network finds products.
    pub model: Option<ModelFile>,
    /// Without it the built-in runtime finds products.
    pub onnxruntime: Option<PathBuf>,
}

/// Somebody's own network, and what its file must be to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFile {
    pub path: PathBuf,
    pub sha256: [u8; 32],
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
            model: model_file(sources)?,
            onnxruntime: path("PLANTAIN_ONNXRUNTIME"),
        })
    }
}

fn model_file(sources: &Sources) -> Result<Option<ModelFile>, ConfigError> {
    let (path, sha256) = (sources.get("PLANTAIN_MODEL"), sources.get("PLANTAIN_MODEL_SHA256"));
    let (path, sha256) = match (path, sha256) {
        (None, None) => return Ok(None),
        (Some(path), Some(sha256)) => (path, sha256),
        (Some(path), None) => {
            let fix = "set PLANTAIN_MODEL_SHA256 to what `sha256sum` prints of the file that you trust";
            return Err(path.invalid("a model is loaded only by its checksum", fix));
        }
        (None, Some(sha256)) => {
            return Err(sha256.invalid("there is no model for it", "set PLANTAIN_MODEL to its path"));
        }
    };
    let mut digest = [0; 32];
    match hex::decode_to_slice(sha256.text.trim(), &mut digest) {
        Ok(()) => Ok(Some(ModelFile { path: PathBuf::from(path.text.trim()), sha256: digest })),
        Err(_) => Err(sha256.invalid("it has 64 hexadecimal digits", "copy what `sha256sum` prints of the file")),
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
    fn a_model_is_named_with_its_checksum_or_not_at_all() {
        let digest = "0f".repeat(32);
        let (model, sum) = (("PLANTAIN_MODEL", "u2net.onnx"), ("PLANTAIN_MODEL_SHA256", digest.as_str()));
        let named = storage(&[model, sum]).unwrap().model;
        assert_eq!(named, Some(ModelFile { path: "u2net.onnx".into(), sha256: [15; 32] }));
        assert_eq!(storage(&[]).unwrap().model, None);
        for (wrong, blamed) in [
            (&[model][..], "PLANTAIN_MODEL "),
            (&[sum], "PLANTAIN_MODEL_SHA256"),
            (&[model, ("PLANTAIN_MODEL_SHA256", "0f0f")], "PLANTAIN_MODEL_SHA256"),
            (&[model, ("PLANTAIN_MODEL_SHA256", &"zz".repeat(32))], "PLANTAIN_MODEL_SHA256"),
        ] {
            let said = storage(wrong).unwrap_err().to_string();
            assert!(said.starts_with(blamed) && said.contains("sha256sum") != said.contains("its path"), "{said}");
        }
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
