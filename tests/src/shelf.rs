//! The object store: a folder of the story's own, in which deeds can be made to fail.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use adapters::objects::{FolderObjects, Object, ObjectKey, Objects, ObjectsError, Place};
use async_trait::async_trait;
use domain::ids::ConnectionId;

pub use crate::engine::Lost;

/// What is asked of an object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// To keep a photo.
    Put,
    /// To give one.
    Read,
    /// To remove one.
    Remove,
    /// To list a person's.
    List,
}

/// An object store that is gone after its story.
pub struct Shelf {
    folder: PathBuf,
    objects: FolderObjects,
    losses: Mutex<Vec<(Deed, u32, Lost)>>,
}

impl Shelf {
    /// An empty one.
    #[must_use]
    pub fn empty() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("evergrant-shelf-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Self { objects: FolderObjects::new(folder.clone()), folder, losses: Mutex::default() }
    }

    /// Loses one deed of a kind, or the word that it was done: the next, or one after `after` others.
    ///
    /// # Panics
    /// Never.
    pub fn lose(&self, deed: Deed, after: u32, lost: Lost) {
        self.losses.lock().expect("nobody panics at the shelf").push((deed, after, lost));
    }

    /// The keys of everything that is there, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        collect(&self.folder, &self.folder, &mut keys);
        keys.sort();
        keys
    }

    /// Takes everything away behind the product's back.
    pub fn clear(&self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    fn lost(&self, deed: Deed) -> Option<Lost> {
        let mut losses = self.losses.lock().expect("nobody panics at the shelf");
        let place = losses.iter().position(|(kind, ..)| *kind == deed)?;
        if losses[place].1 > 0 {
            losses[place].1 -= 1;
            return None;
        }
        Some(losses.remove(place).2)
    }

    async fn attempt<T>(&self, deed: Deed, work: impl Future<Output = Result<T, ObjectsError>>) -> Result<T, ObjectsError> {
        let failed = || ObjectsError::Unavailable { what: format!("{deed:?}"), source: "the story loses it".into() };
        match self.lost(deed) {
            None => work.await,
            Some(Lost::Request) => Err(failed()),
            Some(Lost::Answer) => work.await.and(Err(failed())),
        }
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.clear();
    }
}

fn collect(root: &Path, folder: &Path, keys: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => collect(root, &path, keys),
            false => keys.extend(path.strip_prefix(root).ok().map(|key| key.display().to_string())),
        }
    }
}

#[async_trait]
impl Objects for Shelf {
    async fn put(&self, object: Object) -> Result<(), ObjectsError> {
        self.attempt(Deed::Put, self.objects.put(object)).await
    }

    async fn read(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ObjectsError> {
        self.attempt(Deed::Read, self.objects.read(key)).await
    }

    async fn remove(&self, key: &ObjectKey) -> Result<(), ObjectsError> {
        self.attempt(Deed::Remove, self.objects.remove(key)).await
    }

    async fn list(&self, place: &Place) -> Result<Vec<ObjectKey>, ObjectsError> {
        self.attempt(Deed::List, self.objects.list(place)).await
    }

    async fn list_after(&self, connection: &ConnectionId, after: Option<&ObjectKey>) -> Result<Vec<ObjectKey>, ObjectsError> {
        self.attempt(Deed::List, self.objects.list_after(connection, after)).await
    }
}
