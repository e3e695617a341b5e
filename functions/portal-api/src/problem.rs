//! Refusals of the API, as RFC 9457 problem details.

use adapters::store::StoreError;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::api::{FaultView, Problem};
use domain::attribute::{Fault, InvalidChoice};
use domain::ids::ObjectId;
use domain::notice::audience::InvalidAudience;

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
    /// Several fields may be wrong, and each is told.
    #[error("{told}")]
    Faulty {
        /// All of it in a sentence.
        told: String,
        /// Field by field.
        faults: Vec<Fault>,
    },
    /// What the caller means to replace is not what is there: read it again.
    #[error("{0}")]
    Changed(&'static str),
    /// It cannot be done in this state.
    #[error("{0}")]
    Conflict(&'static str),
    /// Several people are meant by what was to name one: ask by object id.
    #[error("several people have this {what}, by object id: {}", listed(candidates))]
    Ambiguous {
        /// Which address.
        what: &'static str,
        /// Whom it may mean.
        candidates: Vec<ObjectId>,
    },
    /// What the caller goes on from is not there any more: begin anew.
    #[error("{0}")]
    Gone(&'static str),
    /// The caller asks too often.
    #[error("this customer's requests come too often: wait {seconds} second(s)")]
    TooMany {
        /// How long to wait.
        seconds: u64,
    },
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
            Self::Faulty { .. } => ("invalid-fields", "Fields are not valid", StatusCode::UNPROCESSABLE_ENTITY),
            Self::Changed(_) => ("changed", "It was changed meanwhile", StatusCode::PRECONDITION_FAILED),
            Self::Conflict(_) => ("conflict", "Not possible now", StatusCode::CONFLICT),
            Self::Ambiguous { .. } => ("ambiguous", "More than one person is meant", StatusCode::CONFLICT),
            Self::Gone(_) => ("gone", "Not there any more", StatusCode::GONE),
            Self::TooMany { .. } => ("too-many-requests", "Too many requests", StatusCode::TOO_MANY_REQUESTS),
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
        let mut body = problem(word, title, status);
        body.detail = Some(self.to_string());
        let mut headers = HeaderMap::new();
        match self {
            Self::Invalid { field, .. } => body.field = Some(field.to_owned()),
            Self::Faulty { faults, .. } => body.faults = faults.iter().map(FaultView::from).collect(),
            Self::Ambiguous { candidates, .. } => body.candidates = candidates,
            Self::Unauthorized(_) => drop(headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::TooMany { seconds } => drop(headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds))),
            Self::Unavailable(_) => drop(headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"))),
            Self::Forbidden(_) | Self::NotFound(_) | Self::Conflict(_) | Self::Changed(_) | Self::Gone(_) => {}
        }
        (headers, answer(&body, status)).into_response()
    }
}

impl From<InvalidChoice> for ApiError {
    fn from(invalid: InvalidChoice) -> Self {
        Self::Faulty { told: invalid.to_string(), faults: invalid.faults().to_vec() }
    }
}

impl From<InvalidAudience> for ApiError {
    fn from(invalid: InvalidAudience) -> Self {
        Self::Faulty { told: invalid.to_string(), faults: invalid.faults().to_vec() }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

fn problem(word: &str, title: &str, status: StatusCode) -> Problem {
    let kind = format!("urn:evergrant:problem:{word}");
    Problem {
        kind,
        title: title.to_owned(),
        status: status.as_u16(),
        detail: None,
        field: None,
        faults: Vec::new(),
        candidates: Vec::new(),
    }
}

/// No refusal is kept by a cache, which may keep some of them by default (RFC 9110 section 15.1).
fn answer(body: &Problem, status: StatusCode) -> Response {
    let mut response = (status, axum::Json(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn listed(ids: &[ObjectId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
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
