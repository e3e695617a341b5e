//! Refusals of the API, as RFC 9457 problem details.

use adapters::store::StoreError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::api::Problem;

/// Why a request is not done; one variant for each thing that a caller does about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// No valid token: get another.
    #[error("the caller's token is not accepted: {0}")]
    Unauthorized(&'static str),
    /// The token does not allow it.
    #[error("the caller's token lacks the scope {0}")]
    Forbidden(&'static str),
    /// There is no such thing, for this caller.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// A field is wrong.
    #[error("{field} {bound}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What it must be.
        bound: String,
    },
    /// It cannot be done in this state.
    #[error("{0}")]
    Conflict(&'static str),
    /// Something on our side failed; trying again may help.
    #[error("something on our side failed")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ApiError {
    fn kind(&self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::Unauthorized(_) => ("unauthorized", "The caller is not known", StatusCode::UNAUTHORIZED),
            Self::Forbidden(_) => ("forbidden", "The caller may not do this", StatusCode::FORBIDDEN),
            Self::NotFound(_) => ("not-found", "Not found", StatusCode::NOT_FOUND),
            Self::Invalid { .. } => ("invalid-field", "A field is not valid", StatusCode::UNPROCESSABLE_ENTITY),
            Self::Conflict(_) => ("conflict", "Not possible now", StatusCode::CONFLICT),
            Self::Unavailable(_) => ("unavailable", "Try again later", StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Self::Unavailable(source) = &self {
            tracing::error!(error = source.as_ref(), "a request failed on our side");
        }
        let (word, title, status) = self.kind();
        let field = match &self {
            Self::Invalid { field, .. } => Some((*field).to_owned()),
            _ => None,
        };
        let mut response = problem(word, title, status, Some(self.to_string()), field);
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

fn problem(word: &str, title: &str, status: StatusCode, detail: Option<String>, field: Option<String>) -> Response {
    let body = Problem { kind: format!("urn:evergrant:problem:{word}"), title: title.to_owned(), status: status.as_u16(), detail, field };
    let mut response = (status, axum::Json(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// The answer to a path that is no route.
pub(crate) async fn no_such_route() -> Response {
    ApiError::NotFound("route").into_response()
}

/// The answer to a method that a route does not have.
pub(crate) async fn no_such_method() -> Response {
    problem("method-not-allowed", "This route does not have that method", StatusCode::METHOD_NOT_ALLOWED, None, None)
}
