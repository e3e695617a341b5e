//! The data folder: what a runner keeps, and that only one runner works on it at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::arguments::Past;

/// Everything a runner puts into its folder. `--fresh` removes these and nothing else, whatever else stands there.
const FILES: [&str; 9] = [
    "dynamodb.sqlite",
    "dynamodb.sqlite-wal",
    "dynamodb.sqlite-shm",
    "simulator.json",
    "runner.json",
    "events.json",
    "vault.key",
    "callers.key",
    "servers.key",
];
/// The folder of the object store in it.
const OBJECTS: &str = "objects";

/// A data folder, locked for this process until it ends.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder where it is missing, locks it, and empties it if asked to.
    ///
    /// # Errors
    /// When it cannot be written, or another runner works on it.
    pub fn open(path: &Path, past: Past) -> Result<Self> {
        let shown = path.display();
        fs::create_dir_all(path).with_context(|| format!("the data folder {shown} cannot be made"))?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join("lock"));
        let lock = lock.with_context(|| format!("the data folder {shown} cannot be written"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("another runner works on the data folder {shown}: end it, or take another folder with --data")
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("the data folder {shown} cannot be locked")),
        }
        let folder = Self { path: path.to_owned(), _lock: lock };
        if past == Past::Forgotten {
            folder.forget()?;
        }
        let probe = folder.file("probe");
        write_durably(&probe, b"")
            .and_then(|()| fs::remove_file(&probe))
            .with_context(|| format!("the data folder {shown} cannot be written"))?;
        Ok(folder)
    }

    /// The path of a file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder of the object store in it.
    #[must_use]
    pub fn objects(&self) -> PathBuf {
        self.path.join(OBJECTS)
    }

    /// Makes sure that these files are there: what one of them holds is worth nothing without the others.
    ///
    /// # Errors
    /// Names the first that is missing.
    pub fn require(&self, names: &[&str]) -> Result<()> {
        match names.iter().map(|name| self.file(name)).find(|path| !path.is_file()) {
            Some(missing) => bail!("{} is missing: start with --fresh to begin anew", missing.display()),
            None => Ok(()),
        }
    }

    fn forget(&self) -> Result<()> {
        for name in FILES {
            match fs::remove_file(self.file(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("{} cannot be removed", self.file(name).display()));
                }
                _ => {}
            }
        }
        match fs::remove_dir_all(self.objects()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("{} cannot be removed", self.objects().display()))
            }
            _ => Ok(()),
        }
    }
}

/// Writes a file so that after a crash there is either all of the old or all of the new. Only its owner can read it.
///
/// # Errors
/// When the file system fails; the old file is whole then.
pub fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&draft, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("runner-folder-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_second_runner_on_the_same_folder_is_refused() {
        let path = scratch("twice");
        let first = Folder::open(&path, Past::Kept).unwrap();
        let refused = Folder::open(&path, Past::Forgotten).unwrap_err().to_string();
        assert!(refused.starts_with("another runner works on the data folder"), "{refused}");
        drop(first);
        assert!(Folder::open(&path, Past::Kept).is_ok());
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn forgetting_leaves_what_is_not_the_runners() {
        let path = scratch("fresh");
        let folder = Folder::open(&path, Past::Kept).unwrap();
        fs::write(folder.file("runner.json"), "{}").unwrap();
        fs::write(folder.file("letter.txt"), "dear").unwrap();
        fs::create_dir_all(folder.objects().join("photos")).unwrap();
        drop(folder);
        let folder = Folder::open(&path, Past::Forgotten).unwrap();
        assert!(folder.require(&["letter.txt"]).is_ok() && folder.require(&["letter.txt", "vault.key"]).is_err());
        assert!(!folder.file("runner.json").exists() && !folder.objects().exists() && folder.file("letter.txt").exists());
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_named() {
        let path = scratch("file");
        fs::write(&path, "").unwrap();
        let refused = Folder::open(&path, Past::Kept).unwrap_err().to_string();
        assert!(refused.contains("cannot be made"), "{refused}");
        fs::remove_file(path).unwrap();
    }
}
