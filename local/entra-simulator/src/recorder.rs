//! Remembers the latest requests, so that a test can count them.

use std::collections::VecDeque;

use aws_lc_rs::digest;
use axum::extract::{Request, State as Shared};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use serde::Serialize;
use url::form_urlencoded;
use uuid::Uuid;

use crate::Simulator;

/// Requests remembered; the oldest go first.
pub(crate) const REQUESTS_MAX: usize = 10_000;

/// One request that was answered. It holds no secret: neither bodies, nor tokens, nor the values of query parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedRequest {
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The names of the query parameters, in their order.
    pub query: Vec<String>,
    /// When it arrived, on the simulator's clock.
    pub at: Timestamp,
    /// The tenant it was about, when that could be told.
    pub tenant: Option<Uuid>,
    /// The `grant_type` of a token request.
    pub grant: Option<String>,
    /// A digest of the `Authorization` header, to tell callers apart.
    pub bearer: Option<String>,
    /// The status it was answered with.
    pub status: u16,
}

/// What a handler tells the recorder about its request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Noted {
    pub(crate) tenant: Option<Uuid>,
    pub(crate) grant: Option<String>,
}

/// Records every request that passes through.
pub(crate) async fn record(Shared(simulator): Shared<Simulator>, request: Request, next: Next) -> Response {
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let query = query.map(|(name, _)| name.into_owned()).collect();
    let bearer = fingerprint(request.headers());
    let at = simulator.now();
    let response = next.run(request).await;
    let Noted { tenant, grant } = response.extensions().get().cloned().unwrap_or_default();
    let status = response.status().as_u16();
    simulator.remember(RecordedRequest { method, path, query, at, tenant, grant, bearer, status });
    response
}

/// Adds to a bounded ring.
pub(crate) fn push(ring: &mut VecDeque<RecordedRequest>, request: RecordedRequest) {
    if ring.len() == REQUESTS_MAX {
        ring.pop_front();
    }
    ring.push_back(request);
}

fn fingerprint(headers: &HeaderMap) -> Option<String> {
    let header = headers.get(AUTHORIZATION)?;
    let digest = digest::digest(&digest::SHA256, header.as_bytes());
    Some(URL_SAFE_NO_PAD.encode(&digest.as_ref()[..12]))
}
