//! Each request gets an id that its answer, its problem and its log line share.

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;

use adapters::entropy;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Shared;

/// Name of the header with the id.
pub(crate) const HEADER: &str = "x-request-id";

pub(crate) async fn identify(State(portal): State<Shared>, request: Request, next: Next) -> Response {
    let id = URL_SAFE_NO_PAD.encode(entropy::bytes16(portal.ports.entropy.as_ref()));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    tracing::info!(request = id, %method, path, status = response.status().as_u16(), "request");
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
