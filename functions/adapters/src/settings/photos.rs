//! Where photos are kept, and the queue of the tours over them. Only the functions that have to do with photos ask for these.

use std::time::Duration;

use super::{Aws, Environment};
use crate::objects::{ObjectsError, S3Objects};
use crate::queue::{LaneUrls, SqsQueue};

/// The longest wait for the bucket; Lambda gives a start ten seconds.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html> (init phase)
const TRIAL_MAX: Duration = Duration::from_secs(6);
const BUCKET: &str = "EVERGRANT_PHOTO_BUCKET";

/// Reads the URL of an SQS queue.
pub fn queue(environment: &mut Environment<impl Fn(&str) -> Option<String>>, name: &str) -> Option<SqsQueue> {
    let url = environment.required(name);
    let aws = aws(environment)?;
    (!url.is_empty()).then(|| SqsQueue::new(aws_sdk_sqs::Client::from_conf(aws.sqs()), LaneUrls::one(url)))
}

/// Reads the name of the photos' bucket, and tries it out by listing at most one object.
pub async fn photo_bucket(environment: &mut Environment<impl Fn(&str) -> Option<String>>) -> Option<S3Objects> {
    let bucket = environment.required(BUCKET);
    if bucket.is_empty() {
        return None;
    }
    if !is_bucket(&bucket) {
        environment.fault(format!("{BUCKET} must be 3 to 63 characters of a-z 0-9 . -, not {bucket:?}"));
        return None;
    }
    let objects = S3Objects::new(aws_sdk_s3::Client::from_conf(aws(environment)?.s3()), bucket);
    let fault = match tokio::time::timeout(TRIAL_MAX, objects.check()).await {
        Ok(Ok(())) => return Some(objects),
        Ok(Err(error)) => format!("{BUCKET}: {}", told(&error)),
        Err(_) => format!("{BUCKET}: S3 gave no answer within {} seconds", TRIAL_MAX.as_secs()),
    };
    environment.fault(fault);
    None
}

/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
fn is_bucket(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.chars().all(|letter| is_letter(letter) || ".-".contains(letter))
        && name.starts_with(is_letter)
        && name.ends_with(is_letter)
}

/// The error with its causes, in one line.
fn told(error: &ObjectsError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Where AWS is. What is wrong about that, every function tells for itself.
fn aws(environment: &Environment<impl Fn(&str) -> Option<String>>) -> Option<Aws> {
    Aws::read(&mut Environment::new(|name: &str| environment.optional(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_a_buckets_name() {
        for name in ["photos", "a-b.c", "0ab", &"x".repeat(63)] {
            assert!(is_bucket(name), "{name}");
        }
        for name in ["", "ab", "Photos", "-photos", "photos.", "ph/otos", "ph otos", &"x".repeat(64)] {
            assert!(!is_bucket(name), "{name}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_bucket_and_queue_is_told_at_once() {
        let variables = std::collections::HashMap::from([("EVERGRANT_PHOTO_BUCKET", "Photos")]);
        let mut environment = Environment::new(|name: &str| variables.get(name).map(|value| (*value).to_owned()));
        assert!(queue(&mut environment, "EVERGRANT_PHOTO_QUEUE_URL").is_none());
        assert!(photo_bucket(&mut environment).await.is_none());
        let told = environment.finish(None::<()>).unwrap_err().to_string();
        for part in ["2 fault(s)", "EVERGRANT_PHOTO_QUEUE_URL is missing", "EVERGRANT_PHOTO_BUCKET must be 3 to 63 characters"] {
            assert!(told.contains(part), "{told}");
        }
    }
}
