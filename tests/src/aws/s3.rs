//! S3, as far as a bucket of photos needs it: objects are put, given, removed and listed.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>, <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Front, Mood, lock, note};

/// The only bucket there is.
pub const BUCKET: &str = "evergrant-photos";

/// An object: what it is called, and its bytes.
pub type Object = (String, Vec<u8>);

/// Whether a request is for S3: whatever names something in its path.
pub(super) fn is_meant(uri: &Uri) -> bool {
    uri.path() != "/"
}

pub(super) async fn answer(front: &Front, (method, uri): (&Method, &Uri), headers: &HeaderMap, body: &Bytes) -> Response {
    let operation = format!("{method} object");
    match note(front, &operation) {
        Mood::Well => {}
        Mood::Denying => return refused(StatusCode::FORBIDDEN, "AccessDenied"),
        Mood::Failing => return refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        Mood::Silent => return std::future::pending().await,
    }
    let path = uri.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    if bucket != BUCKET {
        return refused(StatusCode::NOT_FOUND, "NoSuchBucket");
    }
    let mut kept = lock(&front.kept);
    match (method, key) {
        (&Method::GET, "") => list(&kept.objects, uri),
        (&Method::GET, key) => match kept.objects.get(key) {
            Some((kind, bytes)) => ([(header::CONTENT_TYPE, kind.clone())], bytes.clone()).into_response(),
            None => refused(StatusCode::NOT_FOUND, "NoSuchKey"),
        },
        (&Method::PUT, key) => {
            let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
            // What came is what was sent.
            if text("x-amz-checksum-sha256") != STANDARD.encode(digest::digest(&digest::SHA256, body)) {
                return refused(StatusCode::BAD_REQUEST, "BadDigest");
            }
            kept.objects.insert(key.to_owned(), (text("content-type"), body.to_vec()));
            StatusCode::OK.into_response()
        }
        (&Method::DELETE, key) => {
            kept.objects.remove(key);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => refused(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
    }
}

fn list(objects: &BTreeMap<String, Object>, uri: &Uri) -> Response {
    let query: BTreeMap<String, String> = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let word = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let most = word("max-keys").parse().unwrap_or(1_000);
    let rest: Vec<&String> =
        objects.keys().filter(|key| key.starts_with(word("prefix")) && key.as_str() > word("continuation-token")).collect();
    let page = &rest[..rest.len().min(most)];
    let contents: String = page.iter().map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect();
    let next = match (page.last(), page.len() < rest.len()) {
        (Some(last), true) => format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>"),
        _ => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    spoken(StatusCode::OK, &format!("<ListBucketResult>{contents}{next}</ListBucketResult>"))
}

fn refused(status: StatusCode, code: &str) -> Response {
    spoken(status, &format!("<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>"))
}

fn spoken(status: StatusCode, xml: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "application/xml")], format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{xml}")).into_response()
}
