//! People's photos: the bytes themselves, through the API, so that no address of the object store leaves it.

use adapters::objects::ObjectKey;
use adapters::store::connections::Connection;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use domain::api::Problem;
use domain::ids::{InvalidId, ObjectId};
use domain::photo::{Kept, Photo};

use crate::callers::Caller;
use crate::problem::ApiError;
use crate::{Portal, Shared, connections};

/// How often a photo is looked for that was replaced while it was read.
const READS_MAX: u32 = 2;

/// Gives a person's photo, as the directory had it when it was last looked at; at most 1 MiB. Answers 404 where there is none.
#[utoipa::path(get, path = "/v1/connections/{connection}/people/{person}/photo", tag = "people", security(("caller" = [])),
    params(
        ("connection" = String, Path, description = "The connection"),
        ("person" = String, Path, description = "The person's object id"),
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of the photo that the caller has"),
    ), responses(
    (status = 200, description = "The photo", content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/gif")),
        headers(("ETag" = String, description = "Changes with the photo"))),
    (status = 304, description = "The caller has it already"),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn read(
    State(portal): State<Shared>,
    caller: Caller,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    caller.require("people:read")?;
    let Path((connection, person)) = path.map_err(|rejection| ApiError::Invalid { field: "path", bound: rejection.body_text() })?;
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
        if is_known(&headers, &photo) {
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

/// Whether the caller has this photo already. Source: RFC 9110 section 13.1.2, by weak comparison.
fn is_known(headers: &HeaderMap, photo: &Photo) -> bool {
    let (etag, lists) = (etag(photo), headers.get_all(header::IF_NONE_MATCH));
    let tags = lists.iter().filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(',')).map(str::trim);
    tags.into_iter().any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
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

#[cfg(test)]
mod tests {
    use domain::photo::Kind;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_photo_is_known_by_any_of_the_tags_that_are_named() {
        let photo = Photo { object: "o".into(), kind: Kind::Png, size_bytes: 1, digest: "abc".into(), fetched_at: Timestamp::UNIX_EPOCH };
        for (values, expected) in [
            (&[][..], false),
            (&["\"abc\""], true),
            (&["W/\"abc\""], true),
            (&["*"], true),
            (&["\"x\", \"abc\""], true),
            (&["\"x\"", "\"abc\""], true),
            (&["\"x\""], false),
            (&["abc"], false),
            (&[""], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::IF_NONE_MATCH, HeaderValue::from_static(value));
            }
            assert_eq!(is_known(&headers, &photo), expected, "{values:?}");
        }
    }
}
