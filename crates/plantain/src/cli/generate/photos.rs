//! The photos that were named on the command line, and a folder for each one's pictures.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A photo to be read when its turn comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// As it was typed.
    pub path: PathBuf,
    /// The last part of the path.
    pub name: String,
    /// Where its pictures go, without the preset.
    pub folder: PathBuf,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    #[error("there is no file {path}; check the name")]
    Missing { path: PathBuf },
    #[error("{path} is a folder; name the photos in it")]
    Folder { path: PathBuf },
    #[error("{path} is larger than {} MB, which no photo for a catalog is; choose a smaller one", PHOTO_BYTES_MAX >> 20)]
    TooLarge { path: PathBuf },
    #[error("{path} can't be read: {source}")]
    Unreadable { path: PathBuf, source: io::Error },
}

/// Whatever the studio's own limit is, it is below this. Keeps a wrongly named video out of memory.
const PHOTO_BYTES_MAX: u64 = 64 << 20;

/// One photo's pictures lie in `out` itself; several get a folder each, named after the photo.
pub fn named(paths: &[PathBuf], out: &Path) -> Vec<Photo> {
    let mut taken: Vec<String> = Vec::new();
    let folder = |path: &Path, taken: &mut Vec<String>| {
        if paths.len() == 1 {
            return out.to_owned();
        }
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let free = |name: &String| !taken.iter().any(|other| other.to_lowercase() == name.to_lowercase());
        let name = (1..).map(|n| if n == 1 { stem.clone() } else { format!("{stem}-{n}") }).find(free);
        let name = name.unwrap_or(stem);
        taken.push(name.clone());
        out.join(name)
    };
    paths
        .iter()
        .map(|path| Photo {
            path: path.clone(),
            name: path.file_name().map_or_else(|| "photo".into(), |name| name.to_string_lossy().into_owned()),
            folder: folder(path, &mut taken),
        })
        .collect()
}

impl Photo {
    pub fn read(&self) -> Result<Vec<u8>, PhotoError> {
        read(&self.path)
    }
}

/// The whole file, where it is of a size that a photo may have.
pub fn read(path: &Path) -> Result<Vec<u8>, PhotoError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => PhotoError::Missing { path: path.to_owned() },
        io::ErrorKind::IsADirectory => PhotoError::Folder { path: path.to_owned() },
        _ => PhotoError::Unreadable { path: path.to_owned(), source },
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    // One byte more than the limit tells a file at the limit from one beyond it, devices and pipes included.
    file.take(PHOTO_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > PHOTO_BYTES_MAX {
        return Err(PhotoError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn folders(paths: &[&str], expected: &[&str]) {
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let given: Vec<PathBuf> = named(&paths, Path::new("out")).into_iter().map(|photo| photo.folder).collect();
        assert_eq!(given, expected.iter().map(PathBuf::from).collect::<Vec<_>>());
    }

    #[test]
    fn several_photos_get_a_folder_each_and_never_the_same() {
        folders(&["a/mug.jpg"], &["out"]);
        folders(&["a/mug.jpg", "b/MUG.png", "mug.jpg", "pot.jpg"], &["out/mug", "out/MUG-2", "out/mug-3", "out/pot"]);
        folders(&["मग.jpg", "杯子.jpg", "a/杯子.png"], &["out/मग", "out/杯子", "out/杯子-2"]);
        folders(&["É.jpg", "é.jpg", "é-2.jpg"], &["out/É", "out/é-2", "out/é-2-2"]);
    }

    #[test]
    fn what_is_no_readable_photo_is_said_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let said = |path: &Path| read(path).unwrap_err().to_string();
        assert!(said(&folder.path().join("none.jpg")).contains("there is no file"));
        assert!(said(folder.path()).contains("is a folder"));
        assert!(said(Path::new("/dev/zero")).contains("larger than 64 MB"));
    }
}
