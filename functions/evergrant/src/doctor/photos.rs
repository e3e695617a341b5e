//! The bucket of the photos.

use adapters::objects::S3Objects;
use aws_sdk_s3::Client;

use super::{Finding, Ward};
use crate::told;

pub(super) async fn look(ward: &Ward<'_>) -> Vec<Finding> {
    let bucket = match ward.variable("photos", "EVERGRANT_PHOTO_BUCKET") {
        Ok(bucket) => bucket,
        Err(finding) => return vec![finding],
    };
    let objects = S3Objects::new(Client::from_conf(ward.aws.s3()), bucket.to_owned());
    vec![match objects.check().await {
        Ok(()) => Finding::ok("photos", format!("bucket {bucket} can be listed")),
        Err(error) => Finding::wrong("photos", told(&error), "infra/stage deploy STAGE makes the bucket; you need s3:ListBucket on it"),
    }]
}
