//! Whether files can be written where they are to go, asked before the work whose fruit they are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why nothing can be written there.
#[derive(Debug, thiserror::Error)]
#[error("{path} can't be written: {source}; choose another place with --out")]
pub struct Unwritable {
    path: PathBuf,
    source: io::Error,
}

/// Whether files can be made below `folder`, which may not be there yet. Leaves nothing behind.
pub fn folder(folder: &Path) -> Result<(), Unwritable> {
    let unwritable = |source| Unwritable { path: folder.to_owned(), source };
    let existing = folder.ancestors().find(|ancestor| !ancestor.as_os_str().is_empty() && ancestor.exists());
    let existing = existing.unwrap_or_else(|| Path::new("."));
    if !existing.is_dir() {
        let what = format!("{} is a file", existing.display());
        return Err(unwritable(io::Error::new(io::ErrorKind::NotADirectory, what)));
    }
    tempfile::tempfile_in(existing).map(drop).map_err(unwritable)
}

/// Whether the file can be made or replaced. Its folder must be there.
pub fn file(file: &Path) -> Result<(), Unwritable> {
    let unwritable = |source| Unwritable { path: file.to_owned(), source };
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    if file.is_dir() {
        return Err(unwritable(io::ErrorKind::IsADirectory.into()));
    }
    fs::metadata(parent).and_then(|_| tempfile::tempfile_in(parent)).map(drop).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_judged_without_a_trace() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("taken"), "").unwrap();
        for (name, as_folder, as_file) in [
            ("new", true, true),
            ("new/deep", true, false),
            ("taken", false, true),
            ("taken/below", false, false),
            ("", true, false),
        ] {
            let path = root.path().join(name);
            assert_eq!((folder(&path).is_ok(), file(&path).is_ok()), (as_folder, as_file), "{name:?}");
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        let said = folder(&root.path().join("taken/below")).unwrap_err().to_string();
        assert!(said.contains("taken is a file") && said.contains("--out"), "{said}");
    }
}
