//! The object store of one machine: files in a folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;
use domain::ids::ConnectionId;
use domain::photo::BYTES_MAX;

use super::{LISTED_MAX, Object, ObjectKey, Objects, ObjectsError, Place, home};

/// [`Objects`] in a folder, for one machine and for tests. A file is written beside its name and then renamed, so that there is never half
/// a photo; what a crash leaves beside it is listed like anything else, and removed as a remainder.
#[derive(Debug, Clone)]
pub struct FolderObjects {
    root: PathBuf,
}

impl FolderObjects {
    /// A store in this folder, which is made when the first photo comes.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The file of a key; none for a key that would lead out of the folder.
    fn path(&self, key: &str) -> Option<PathBuf> {
        let is_plain = |component: Component<'_>| matches!(component, Component::Normal(_));
        let relative = Path::new(key.trim_end_matches('/'));
        relative.components().all(is_plain).then(|| self.root.join(relative))
    }

    async fn work<T: Send + 'static>(
        &self,
        what: String,
        key: &str,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, ObjectsError> {
        let Some(path) = self.path(key) else {
            return Err(ObjectsError::unavailable(what, "the key leads out of the folder"));
        };
        match tokio::task::spawn_blocking(move || work(&path)).await {
            Ok(done) => done.map_err(|error| ObjectsError::unavailable(what, error)),
            Err(error) => Err(ObjectsError::unavailable(what, error)),
        }
    }
}

#[async_trait]
impl Objects for FolderObjects {
    async fn put(&self, object: Object) -> Result<(), ObjectsError> {
        let Object { key, bytes, .. } = object;
        self.work(format!("put object {key}"), key.as_str(), move |path| write(path, &bytes)).await
    }

    async fn read(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ObjectsError> {
        let read = self.work(format!("read object {key}"), key.as_str(), read_bounded).await?;
        match read {
            Some(bytes) if bytes.len() > BYTES_MAX => Err(ObjectsError::TooLarge { key: key.to_string(), most_bytes: BYTES_MAX }),
            read => Ok(read),
        }
    }

    async fn remove(&self, key: &ObjectKey) -> Result<(), ObjectsError> {
        self.work(format!("remove object {key}"), key.as_str(), |path| found(fs::remove_file(path)).map(drop)).await
    }

    async fn list(&self, place: &Place) -> Result<Vec<ObjectKey>, ObjectsError> {
        let prefix = place.to_string();
        let names = self.work(format!("list objects in {prefix}"), &prefix, names).await?;
        Ok(names.into_iter().map(|name| ObjectKey::stored(&format!("{prefix}{name}"))).collect())
    }

    async fn list_after(&self, connection: &ConnectionId, after: Option<&ObjectKey>) -> Result<Vec<ObjectKey>, ObjectsError> {
        let prefix = home(connection);
        let names = self.work(format!("list photos of {connection}"), &prefix, names_below).await?;
        let keys = names.into_iter().map(|name| ObjectKey::stored(&format!("{prefix}{name}")));
        Ok(keys.filter(|key| after.is_none_or(|after| key > after)).take(LISTED_MAX).collect())
    }
}

/// Nothing where there is nothing.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder)?;
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
    File::open(folder)?.sync_all()
}

/// At most one byte more than is ever kept.
fn read_bounded(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = found(File::open(path))? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    file.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in found(fs::read_dir(folder))?.into_iter().flatten() {
        names.extend(entry?.file_name().to_str().map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// The names of what lies in each folder of this one, after the folder's.
fn names_below(folder: &Path) -> io::Result<Vec<String>> {
    let mut below = Vec::new();
    for person in names(folder)? {
        below.extend(names(&folder.join(&person))?.into_iter().map(|name| format!("{person}/{name}")));
    }
    Ok(below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::{ConnectionId, ObjectId};
    use domain::photo::Kind;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> (Self, FolderObjects) {
            let path = std::env::temp_dir().join(format!("evergrant-objects-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            (Self(path.clone()), FolderObjects::new(path))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn place() -> Place {
        Place::of(&ConnectionId::mint([1; 16]), ObjectId(uuid::Uuid::from_u128(2)))
    }

    fn object(version: &str, bytes: &[u8]) -> Object {
        Object { key: place().key(version), kind: Kind::Jpeg, bytes: bytes.to_vec() }
    }

    #[tokio::test]
    async fn what_a_crash_left_half_written_is_listed_and_never_read() {
        let (scratch, objects) = Scratch::new("crash");
        objects.put(object("a", b"whole")).await.unwrap();
        let half = scratch.0.join(place().key("b").as_str()).with_extension("new");
        fs::write(&half, b"ha").unwrap();
        assert_eq!(objects.read(&place().key("b")).await.unwrap(), None);
        let keys = objects.list(&place()).await.unwrap();
        assert_eq!(keys.len(), 2, "{keys:?}");
        for key in keys.iter().filter(|key| **key != place().key("a")) {
            objects.remove(key).await.unwrap();
        }
        assert_eq!(objects.list(&place()).await.unwrap(), [place().key("a")]);
        assert!(!half.exists());
    }

    #[tokio::test]
    async fn a_key_that_leads_out_of_the_folder_is_refused() {
        let (_scratch, objects) = Scratch::new("out");
        for key in ["../secret", "photos/../../secret", "/etc/passwd", "photos/./../x"] {
            assert!(objects.read(&ObjectKey::stored(key)).await.is_err(), "{key}");
        }
        let up: ConnectionId = "..".parse().unwrap();
        assert!(objects.list(&Place::of(&up, ObjectId(uuid::Uuid::nil()))).await.is_err());
    }

    #[tokio::test]
    async fn a_file_that_is_larger_than_any_photo_is_not_read_whole() {
        let (scratch, objects) = Scratch::new("large");
        objects.put(object("a", b"x")).await.unwrap();
        fs::write(scratch.0.join(place().key("a").as_str()), vec![0; BYTES_MAX + 5]).unwrap();
        assert!(matches!(objects.read(&place().key("a")).await, Err(ObjectsError::TooLarge { .. })));
    }
}
