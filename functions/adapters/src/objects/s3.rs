//! The object store of the cloud: a bucket of Amazon S3.
//!
//! Encryption at rest is the bucket's default. Each object carries its kind and a SHA-256 that S3 checks before it accepts it. Permissions
//! that are used: `s3:PutObject`, `s3:GetObject`, `s3:DeleteObject` on the objects and `s3:ListBucket` on the bucket; with the last one a
//! missing object is told as missing and not as denied.
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use domain::ids::ConnectionId;
use domain::photo::BYTES_MAX;

use super::{Object, ObjectKey, Objects, ObjectsError, Place, home};

/// The most pages of a listing; a person's place holds a few objects.
const PAGES_MAX: usize = 10;

/// [`Objects`] in a bucket.
#[derive(Debug, Clone)]
pub struct S3Objects {
    client: Client,
    bucket: String,
}

impl S3Objects {
    /// A store in this bucket.
    #[must_use]
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    /// Tries out whether the bucket is there and may be listed.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn check(&self) -> Result<(), ObjectsError> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix("photos/").max_keys(1);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(ObjectsError::unavailable(format!("list bucket {}", self.bucket), error)),
        }
    }
}

#[async_trait]
impl Objects for S3Objects {
    async fn put(&self, object: Object) -> Result<(), ObjectsError> {
        let Object { key, kind, bytes } = object;
        let request = self.client.put_object().bucket(&self.bucket).key(key.as_str()).content_type(kind.media_type());
        let request = request.checksum_algorithm(ChecksumAlgorithm::Sha256).body(ByteStream::from(bytes));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(ObjectsError::unavailable(format!("put object {key}"), error)),
        }
    }

    async fn read(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, ObjectsError> {
        let what = || format!("read object {key}");
        let answer = match self.client.get_object().bucket(&self.bucket).key(key.as_str()).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => return Ok(None),
            Err(error) => return Err(ObjectsError::unavailable(what(), error)),
        };
        let mut body = answer.body;
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            bytes.extend_from_slice(&chunk.map_err(|error| ObjectsError::unavailable(what(), error))?);
            if bytes.len() > BYTES_MAX {
                return Err(ObjectsError::TooLarge { key: key.to_string(), most_bytes: BYTES_MAX });
            }
        }
        Ok(Some(bytes))
    }

    async fn remove(&self, key: &ObjectKey) -> Result<(), ObjectsError> {
        match self.client.delete_object().bucket(&self.bucket).key(key.as_str()).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(ObjectsError::unavailable(format!("remove object {key}"), error)),
        }
    }

    async fn list(&self, place: &Place) -> Result<Vec<ObjectKey>, ObjectsError> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(place.to_string());
        let mut pages = request.into_paginator().send();
        let mut keys = Vec::new();
        for _ in 0..PAGES_MAX {
            let Some(page) = pages.next().await else { break };
            let page = page.map_err(|error| ObjectsError::unavailable(format!("list objects in {place}"), error))?;
            keys.extend(page.contents().iter().filter_map(|object| object.key()).map(ObjectKey::stored));
        }
        Ok(keys)
    }

    async fn list_after(&self, connection: &ConnectionId, after: Option<&ObjectKey>) -> Result<Vec<ObjectKey>, ObjectsError> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(home(connection));
        let request = request.set_start_after(after.map(|key| key.as_str().to_owned())).send().await;
        match request {
            Ok(page) => Ok(page.contents().iter().filter_map(|object| object.key()).map(ObjectKey::stored).collect()),
            Err(error) => Err(ObjectsError::unavailable(format!("list photos of {connection}"), error)),
        }
    }
}
