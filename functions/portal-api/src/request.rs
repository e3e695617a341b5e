//! Each request gets an id that its answer, its problem and its log line share; and here is read what several routes read: the id in a
//! path, and the tag of what is to be replaced.

use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use adapters::entropy;
use adapters::store::choices::Replaces;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Shared;
use crate::problem::ApiError;

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

/// The connection and the person in a path, as they stand there.
pub(crate) struct NamedPerson(pub(crate) String, pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for NamedPerson {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = Path::<(String, String)>::from_request_parts(parts, state).await;
        let read = read.map(|Path((connection, person))| Self(connection, person));
        read.map_err(|rejection| ApiError::Invalid { field: "path", bound: rejection.body_text() })
    }
}

/// The one id in a path, as it stands there.
pub(crate) struct Named(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = Path::<String>::from_request_parts(parts, state).await;
        read.map(|Path(id)| Self(id)).map_err(|rejection| ApiError::Invalid { field: "path", bound: rejection.body_text() })
    }
}

/// Which version the caller means to replace. A tag that was never given, a weak one or a list of tags is that of none.
/// Source: RFC 9110 section 13.1.1.
pub(crate) fn replaces(headers: &HeaderMap) -> Result<Replaces, ApiError> {
    let mut lines = headers.get_all(header::IF_MATCH).iter();
    let Some(line) = lines.next() else {
        return Ok(Replaces::Any);
    };
    let tag = line.to_str().unwrap_or_default().trim();
    let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|digits| digits.parse().ok());
    match (tag, version, lines.next()) {
        ("*", _, None) => Ok(Replaces::Any),
        (_, Some(version), None) => Ok(Replaces::Version(version)),
        _ => Err(ApiError::Changed("If-Match must be the ETag as it was given")),
    }
}
