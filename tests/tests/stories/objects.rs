//! The promises of an object store, kept alike by the folder and by S3.

use adapters::objects::{FolderObjects, Object, ObjectKey, Objects, Place, S3Objects};
use adapters::settings::Aws as Settings;
use domain::ids::{ConnectionId, ObjectId};
use domain::photo::{BYTES_MAX, Kind};
use system_tests::aws::{Aws, BUCKET, Mood};
use uuid::Uuid;

fn place(number: u128) -> Place {
    Place::of(&ConnectionId::mint([4; 16]), ObjectId(Uuid::from_u128(number)))
}

async fn put(objects: &dyn Objects, key: &ObjectKey, bytes: &[u8]) {
    objects.put(Object { key: key.clone(), kind: Kind::Png, bytes: bytes.to_vec() }).await.unwrap();
}

async fn keep_the_promises(objects: &dyn Objects) {
    let (ada, bob) = (place(1), place(2));
    let [first, second] = ["a", "b"].map(|version| ada.key(version));
    assert_eq!(objects.read(&first).await.unwrap(), None, "what is not there is not there");
    assert!(objects.list(&ada).await.unwrap().is_empty());
    objects.remove(&first).await.unwrap();
    put(objects, &first, b"one").await;
    put(objects, &first, b"one").await;
    put(objects, &second, b"two").await;
    put(objects, &bob.key("a"), &vec![7; BYTES_MAX]).await;
    assert_eq!(objects.read(&first).await.unwrap().as_deref(), Some(&b"one"[..]));
    assert_eq!(objects.read(&bob.key("a")).await.unwrap().map(|bytes| bytes.len()), Some(BYTES_MAX));
    let mut both = vec![first.clone(), second.clone()];
    both.sort();
    assert_eq!(objects.list(&ada).await.unwrap(), both, "nobody else's");
    objects.remove(&first).await.unwrap();
    objects.remove(&first).await.unwrap();
    assert_eq!(objects.list(&ada).await.unwrap(), [second]);
    assert_eq!(objects.list(&bob).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_folder_keeps_the_promises() {
    let folder = std::env::temp_dir().join(format!("evergrant-promises-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    keep_the_promises(&FolderObjects::new(folder.clone())).await;
    std::fs::remove_dir_all(folder).unwrap();
}

async fn bucket() -> (Aws, S3Objects) {
    let aws = Aws::start("http://127.0.0.1:1").await.unwrap();
    let client = aws_sdk_s3::Client::from_conf(Settings::stand_in(&aws.endpoint).s3());
    (aws, S3Objects::new(client, BUCKET.to_owned()))
}

#[tokio::test]
async fn s3_keeps_the_promises() {
    let (aws, objects) = bucket().await;
    keep_the_promises(&objects).await;
    let kinds: Vec<String> = aws.objects().into_values().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["image/png", "image/png"]);
}

#[tokio::test]
async fn an_s3_that_denies_is_no_empty_store() {
    let (aws, objects) = bucket().await;
    put(&objects, &place(1).key("a"), b"one").await;
    aws.set_mood(Mood::Denying);
    assert!(objects.read(&place(1).key("a")).await.is_err());
    assert!(objects.list(&place(1)).await.is_err());
    assert!(objects.check().await.is_err());
}
