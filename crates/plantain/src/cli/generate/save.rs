//! The finished pictures on disk, with their report.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use plantain_studio::view::JobView;

use crate::client::{ApiError, StudioClient};

/// Where a set of pictures lies.
#[derive(Clone, Debug)]
pub struct Saved {
    /// In the order of the job's images.
    pub files: Vec<PathBuf>,
    pub report: PathBuf,
    /// Only where it was asked for.
    pub sheet: Option<PathBuf>,
}

/// Why pictures could not be saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("{path} can't be written: {source}; choose another folder with --out")]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("the studio named a picture `{name}`, which is no name for a file")]
    BadName { name: String },
}

/// What the contact sheet is called; no picture is, since theirs have a number or the product's.
const SHEET: &str = "contact-sheet.jpg";

/// Writes every picture, `report.json` and, if wanted, the contact sheet into `folder`; files of the same name are replaced.
pub async fn save(client: &StudioClient, job: &JobView, folder: &Path, sheet: bool) -> Result<Saved, SaveError> {
    let mut files = Vec::with_capacity(job.images.len());
    for image in &job.images {
        let path = place(folder, &image.file_name)?;
        write(&path, &client.picture(&image.url).await?)?;
        files.push(path);
    }
    let report = folder.join("report.json");
    let text = serde_json::to_string_pretty(job).unwrap_or_default();
    write(&report, format!("{text}\n").as_bytes())?;
    let sheet = match job.sheet_url.as_ref().filter(|_| sheet) {
        Some(url) => {
            let path = folder.join(SHEET);
            write(&path, &client.picture(url).await?)?;
            Some(path)
        }
        None => None,
    };
    Ok(Saved { files, report, sheet })
}

/// The name comes from the studio: it must stay below the folder.
pub fn place(folder: &Path, name: &str) -> Result<PathBuf, SaveError> {
    let below = Path::new(name);
    let plain = below.components().all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() || !plain || name.chars().any(|c| c.is_control() || c == '\\') {
        return Err(SaveError::BadName { name: name.escape_debug().take(100).collect() });
    }
    Ok(folder.join(below))
}

/// Written beside and renamed, so that no half picture carries a finished one's name.
fn write(path: &Path, bytes: &[u8]) -> Result<(), SaveError> {
    let unwritable = |source| SaveError::Unwritable { path: path.to_owned(), source };
    fs::create_dir_all(path.parent().unwrap_or(path)).map_err(unwritable)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path)).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_studio_cannot_name_a_file_outside_the_folder() {
        for name in ["", "..", "../x.jpg", "/etc/x.jpg", "a/../../x.jpg", "a\\..\\x.jpg", "a\0.jpg", "a\n.jpg"] {
            assert!(place(Path::new("out"), name).is_err(), "{name:?}");
        }
        let path = place(Path::new("out"), "needs-identifier/mug.MAIN.jpg").unwrap();
        assert_eq!(path, Path::new("out/needs-identifier/mug.MAIN.jpg"));
    }

    #[test]
    fn folders_are_made_and_files_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c.jpg");
        for text in ["one", "two"] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(folder.path().join("a/b")).unwrap().count(), 1);
        let said = write(&path.join("d.jpg"), b"").unwrap_err().to_string();
        assert!(said.contains("--out"), "{said}");
    }
}
