//! Where a batch's pictures go: into a ZIP, or out of it into a folder.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use plantain_work::Clock;
use zip::ZipArchive;

use super::archive::Archive;
use crate::cli::generate::save;
use crate::client::{ApiError, StudioClient};

/// The report in a batch's archive.
const REPORT: &str = "report.csv";

/// How often a download is begun, and the pause between: it is made anew each time, and a restart breaks it off.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_secs(2);

/// A ZIP or a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    path: PathBuf,
}

/// Why the pictures are not at home.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("{path} can't be written: {source}; choose another place with --out")]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("the studio's archive can't be read; ask for it again with --batch")]
    Broken,
    #[error(transparent)]
    Name(#[from] save::SaveError),
}

/// Written as a ZIP rather than as a folder.
pub fn is_zip(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"))
}

/// One archive's pictures lie in `out` itself; those of several get a folder each, named after the archive.
pub fn of(out: &Path, archives: &[Archive]) -> Vec<Home> {
    if archives.len() == 1 {
        return vec![Home::only(out)];
    }
    let mut taken = Vec::<String>::new();
    let home = |archive: &Archive| {
        let stem = archive.file_name.rsplit_once('.').map_or(archive.file_name.as_str(), |(stem, _)| stem);
        let free = |name: &String| !taken.contains(&name.to_lowercase());
        let name = (1..).map(|n| if n == 1 { stem.to_owned() } else { format!("{stem}-{n}") }).find(free);
        let name = name.unwrap_or_default();
        taken.push(name.to_lowercase());
        Home { path: out.join(name) }
    };
    archives.iter().map(home).collect()
}

impl Home {
    pub fn only(out: &Path) -> Home {
        Home { path: out.to_owned() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the report lies; `None` in a ZIP.
    pub fn report(&self) -> Option<PathBuf> {
        (!is_zip(&self.path)).then(|| self.path.join(REPORT))
    }

    /// Fetches the archive and puts it, or what is in it, there. Files of the same name are replaced.
    pub async fn take(&self, client: &StudioClient, batch: &str) -> Result<(), HomeError> {
        let folder = if is_zip(&self.path) { self.path.parent().unwrap_or(Path::new("")) } else { &self.path };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        fs::create_dir_all(folder).map_err(|source| self.unwritable(source))?;
        // Beside its place, so that it has room there and can be renamed.
        let mut beside = tempfile::NamedTempFile::new_in(folder).map_err(|source| self.unwritable(source))?;
        self.fetch(client, batch, beside.as_file_mut()).await?;
        if is_zip(&self.path) {
            return beside.persist(&self.path).map(drop).map_err(|error| self.unwritable(error.error));
        }
        let file = beside.reopen().map_err(|source| self.unwritable(source))?;
        unpack(file, &self.path)
    }

    async fn fetch(&self, client: &StudioClient, batch: &str, into: &mut File) -> Result<(), HomeError> {
        for _ in 1..TRIES {
            match self.fetch_once(client, batch, into).await {
                Err(HomeError::Api(error)) if error.transient() => Clock::system().sleep(PAUSE).await,
                fetched => return fetched,
            }
        }
        self.fetch_once(client, batch, into).await
    }

    async fn fetch_once(&self, client: &StudioClient, batch: &str, into: &mut File) -> Result<(), HomeError> {
        into.set_len(0).and_then(|()| io::Seek::rewind(into)).map_err(|source| self.unwritable(source))?;
        let mut answer = client.batch_zip(batch).await?;
        while let Some(piece) = answer.chunk().await.map_err(|_| ApiError::Broken)? {
            into.write_all(&piece).map_err(|source| self.unwritable(source))?;
        }
        Ok(())
    }

    fn unwritable(&self, source: io::Error) -> HomeError {
        HomeError::Unwritable { path: self.path.clone(), source }
    }
}

/// One file after the other, each below the folder.
fn unpack(archive: File, folder: &Path) -> Result<(), HomeError> {
    let mut zip = ZipArchive::new(archive).map_err(|_| HomeError::Broken)?;
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).map_err(|_| HomeError::Broken)?;
        let name = file.name().map_err(|_| HomeError::Broken)?.into_owned();
        let path = save::place(folder, &name)?;
        let unwritable = |source| HomeError::Unwritable { path: path.clone(), source };
        fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(unwritable)?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".part");
        let mut into = File::create(&beside).map_err(unwritable)?;
        io::copy(&mut file, &mut into).map_err(unwritable)?;
        fs::rename(&beside, &path).map_err(unwritable)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(names: &[&str]) -> File {
        let mut zip = ZipWriter::new(tempfile::tempfile().unwrap());
        for name in names {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(name.as_bytes()).unwrap();
        }
        zip.finish().unwrap()
    }

    #[test]
    fn an_archive_is_unpacked_below_its_folder_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        unpack(archive(&["S1/1.jpg", "report.csv"]), folder.path()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("S1/1.jpg")).unwrap(), "S1/1.jpg");
        for name in ["../out.jpg", "/tmp/out.jpg", "a/../../out.jpg"] {
            assert!(unpack(archive(&[name]), folder.path()).is_err(), "{name}");
        }
        assert!(!folder.path().parent().unwrap().join("out.jpg").exists());
    }

    #[test]
    fn several_archives_get_a_folder_each() {
        let folder = tempfile::tempdir().unwrap();
        let look = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "x").unwrap();
            Archive::look(&path, Path::new("none")).unwrap()
        };
        let homes = of(Path::new("out"), &[look("a/shoes.zip"), look("b/SHOES.zip"), look("hats.zip")]);
        let paths: Vec<&Path> = homes.iter().map(Home::path).collect();
        assert_eq!(paths, ["out/shoes", "out/SHOES-2", "out/hats"].map(Path::new));
        assert!(is_zip(Path::new("a.ZIP")) && !is_zip(Path::new("zip")));
    }
}
