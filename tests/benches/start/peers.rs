//! The same hello to DynamoDB as others would write it.

use std::path::{Path, PathBuf};

use system_tests::lambda::Variables;

use crate::Program;

/// Those whose interpreter was named.
pub(crate) fn all((python, node): (Option<PathBuf>, Option<PathBuf>), aws: &str) -> Vec<Program> {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    let python = python.map(|python| peer("Python boto3", python, peers.join("python/hello_dynamodb.py"), aws));
    let node = node.map(|node| peer("Node client-dynamodb", node, peers.join("node/hello_dynamodb.mjs"), aws));
    python.into_iter().chain(node).collect()
}

fn peer(name: &str, path: PathBuf, script: PathBuf, aws: &str) -> Program {
    let text = |name, value: &str| (name, value.to_owned());
    let variables: Variables = vec![
        text("AWS_REGION", "us-east-1"),
        text("AWS_DEFAULT_REGION", "us-east-1"),
        text("AWS_ACCESS_KEY_ID", "local"),
        text("AWS_SECRET_ACCESS_KEY", "local"),
        text("AWS_ENDPOINT_URL", aws),
        // Nothing is found out about a machine in the cloud.
        text("AWS_EC2_METADATA_DISABLED", "true"),
        text("AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED", "true"),
        ("PATH", std::env::var("PATH").unwrap_or_default()),
    ];
    Program { name: name.to_owned(), path, arguments: vec![script], bytes: None, variables }
}
