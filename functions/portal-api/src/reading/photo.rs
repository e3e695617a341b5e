//! People's photos: the bytes themselves, through the API, so that no address of the object store leaves it.

use adapters::objects::ObjectKey;
use adapters::store::connections::Connection;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use domain::api::Problem;
use domain::ids::{InvalidId, ObjectId};
use domain::photo::{Kept, Photo};

use super::conditional::Held;
use crate::callers::Caller;
use crate::problem::ApiError;
use crate::request::NamedPerson;
use crate::{Portal, Shared, connections};

/// How often a photo is looked for that was replaced while it was read.
const READS_MAX: u32 = 2;

/// Gives a person's photo, as the directory had it when it was last looked at; at most 1 MiB. Answers 404 where there is none.
#[utoipa::path(get, path = "/v1/connections/{connection}/people/{person}/photo", tag = "people", security(("caller" = []), ("server" = [])),
    params(
        ("connection" = String, Path, description = "The connection"),
        ("person" = String, Path, description = "The person's object id"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the photo that the caller holds"),
    ), responses(
    (status = 200, description = "The photo", content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/gif")),
        headers(("ETag" = String, description = "Changes with the photo"))),
    (status = 304, description = "The caller holds it already"),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn read(
    State(portal): State<Shared>,
    caller: Caller,
    NamedPerson(connection, person): NamedPerson,
    held: Held,
) -> Result<Response, ApiError> {
    caller.require("people:read")?;
    let person: ObjectId = person.parse().map_err(|error: InvalidId| ApiError::Invalid { field: "person", bound: error.bound() })?;
    let connection = connections::own(&portal, &caller, &connection).await?;
    // Whoever is removed or hidden has no photo from that moment on; what is stored of it is swept later.
    if !portal.ports.store.is_visible(&connection.id, person).await? {
        return Err(ApiError::NotFound("photo"));
    }
    for _ in 0..READS_MAX {
        let Some(photo) = stored(&portal, &connection, person).await? else {
            return Err(ApiError::NotFound("photo"));
        };
        if held.has(&etag(&photo)) {
            return Ok(answer(&photo, StatusCode::NOT_MODIFIED, Body::empty()));
        }
        let bytes = portal.objects.read(&ObjectKey::stored(&photo.object)).await;
        if let Some(bytes) = bytes.map_err(|error| ApiError::Unavailable(error.into()))? {
            return Ok(answer(&photo, StatusCode::OK, Body::from(bytes)));
        }
    }
    // The entry names an object that is not there: whoever removed it, it is fetched anew.
    tracing::error!(connection = %connection.id, %person, "a photo is missing in the object store");
    portal.ports.store.welcome(&connection.id, &[person], portal.ports.clock.now()).await?;
    Err(ApiError::NotFound("photo"))
}

async fn stored(portal: &Portal, connection: &Connection, person: ObjectId) -> Result<Option<Photo>, ApiError> {
    let kept = portal.ports.store.kept_of(&connection.id, person).await?;
    Ok(kept.as_ref().and_then(Kept::photo).cloned())
}

fn etag(photo: &Photo) -> String {
    format!("\"{}\"", photo.digest)
}

/// A photo is shown only to who may see it, and only for as long: it may be kept, but is asked for anew each time.
fn answer(photo: &Photo, status: StatusCode, body: Body) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(&etag(photo)) {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if status == StatusCode::OK {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(photo.kind.media_type()));
    }
    response
}
