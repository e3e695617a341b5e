//! Refusals of the API, as RFC 9457 problem details.

use adapters::store::StoreError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::api::{FaultView, Problem};
use domain::attribute::InvalidChoice;

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
    /// Fields of a choice are wrong.
    #[error("{0}")]
    Faulty(InvalidChoice),
    /// What the caller means to replace is not what is there: read it again.
    #[error("{0}")]
    Changed(&'static str),
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
            Self::Faulty(_) => ("invalid-fields", "Fields are not valid", StatusCode::UNPROCESSABLE_ENTITY),
            Self::Changed(_) => ("changed", "It was changed meanwhile", StatusCode::PRECONDITION_FAILED),
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
        let mut body = Problem { detail: Some(self.to_string()), ..problem(word, title, status) };
        match self {
            Self::Invalid { field, .. } => body.field = Some(field.to_owned()),
            Self::Faulty(choice) => body.faults = choice.faults().iter().map(FaultView::from).collect(),
            _ => {}
        }
        let mut response = answer(&body, status);
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

fn problem(word: &str, title: &str, status: StatusCode) -> Problem {
    let kind = format!("urn:evergrant:problem:{word}");
    Problem { kind, title: title.to_owned(), status: status.as_u16(), detail: None, field: None, faults: Vec::new() }
}

fn answer(body: &Problem, status: StatusCode) -> Response {
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
    let status = StatusCode::METHOD_NOT_ALLOWED;
    answer(&problem("method-not-allowed", "This route does not have that method", status), status)
}
