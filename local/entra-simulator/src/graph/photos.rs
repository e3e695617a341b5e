//! Photos: what there is, and its bytes, in the sizes that a mailbox has.
//!
//! Source: <https://learn.microsoft.com/en-us/graph/api/profilephoto-get>

use http::HeaderValue;
use serde_json::json;
use uuid::Uuid;

use super::answer::{Answer, Failure};
use super::bearer::Bearer;
use super::users::find;
use crate::Simulator;
use crate::photos::{Photo, Size};
use crate::state::{State, Tenant};

const READ: &[&str] = &["ProfilePhoto.Read.All", "User.Read.All", "User.ReadWrite.All"];

/// `/users/{id}/photo` and `/users/{id}/photos/{size}`, without `$value`.
pub(super) fn metadata(
    simulator: &Simulator,
    state: &mut State,
    bearer: &Bearer,
    (user, size): (&str, Option<&str>),
) -> Result<Answer, Failure> {
    let (tenant, id) = readable(state, bearer, user)?;
    let size = size.map(Size::named).transpose().map_err(no_such_size)?;
    let found = tenant.photos.get(&id).map(|photo| (photo, photo.side(size)));
    let (etag, kind, side) = match found {
        Some((photo, Some(side))) => (photo.etag(id), photo.kind(), side),
        // A size that is not there is told as one of a single pixel, and so, here and there, is a photo that is not there.
        Some((photo, None)) => (photo.etag(id), photo.kind(), 1),
        None if tenant.has_placeholder_photos => (String::new(), "image/gif", 1),
        None => return Err(no_image()),
    };
    let body = json!({
        "@odata.context": format!("{}v1.0/$metadata#users('{id}')/photo/$entity", simulator.settings().graph_base),
        "@odata.id": format!("{}v1.0/users('{id}@{}')/photo", simulator.settings().graph_base, tenant.id),
        "@odata.mediaContentType": kind,
        "@odata.mediaEtag": etag,
        "id": format!("{side}x{side}"),
        "width": side,
        "height": side,
    });
    Ok(Answer::ok(body, 1))
}

/// `/users/{id}/photo/$value` and `/users/{id}/photos/{size}/$value`.
pub(super) fn bytes(state: &mut State, bearer: &Bearer, (user, size): (&str, Option<&str>)) -> Result<Answer, Failure> {
    let (tenant, id) = readable(state, bearer, user)?;
    let size = size.map(Size::named).transpose().map_err(no_such_size)?;
    let photo: &Photo = tenant.photos.get(&id).ok_or_else(no_image)?;
    let side = photo.side(size).ok_or_else(no_image)?;
    let mut answer = Answer::image(photo.bytes(side), photo.kind());
    if let Ok(etag) = HeaderValue::from_str(&photo.etag(id)) {
        answer.headers.insert("etag", etag);
    }
    Ok(answer)
}

fn readable<'a>(state: &'a mut State, bearer: &Bearer, user: &str) -> Result<(&'a Tenant, Uuid), Failure> {
    let tenant = bearer.tenant(state, READ)?;
    if tenant.denies_photos {
        return Err(Failure::new(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."));
    }
    let id = find(tenant, user)?.id;
    Ok((tenant, id))
}

fn no_image() -> Failure {
    Failure::new(404, "ImageNotFound", "Exception of type 'Microsoft.Fast.Profile.Core.Exception.ImageNotFoundException' was thrown.")
}

fn no_such_size(name: &str) -> Failure {
    Failure::bad_request(format!("The photo size '{name}' is not supported."))
}
