//! The HTTP API of the widget and of the operator's servers.
//!
//! ```text
//! caller's token ─► Caller (customer, kind, scopes; not too often) ─► route ─► store ─► view (domain::api)
//!
//! re-consent:  begin ─► Entra's page, in a popup ─► callback: claim the attempt once ─► redeem the code ─► id_token
//!              ─► same tenant? ─► read Graph with the candidate ─► swap in one conditional write ─► sync at once
//! app-only:    begin ─► the administrator's consent page ─► callback: nothing it says is believed ─► sign-in ─► callback: as above, and
//!              is the person an administrator? ─► the app's own token ─► read Graph with it ─► swap
//! ```
//! Every route but the callback, the declining of notices and the documents is keyed by the caller's customer. The callback's query is
//! anybody's: it binds nothing but through `state` and a validated id_token, and until the swap the working grant is untouched. Whoever
//! declines proves by a key out of a mail that the mail was theirs.
//!
//! | module | routes |
//! |---|---|
//! | `connections` | `/v1/connections`, `/v1/connections/{id}`, `/v1/connections/{id}/sync` |
//! | `reading` | `/v1/connections/{id}/people`, `.../{person}`, `.../{person}/photo`, `.../find`, `.../lookup`, `.../changes` |
//! | `deletions` | `/v1/connections/{id}/held-deletions` |
//! | `attributes` | `/v1/attributes`, `/v1/connections/{id}/attributes` |
//! | `acknowledgements` | `/v1/connections/{id}/acknowledgement` |
//! | `audience` | `/v1/audience`, `/v1/audience/contacts/{id}/enable` |
//! | `declines` | `/v1/notices/decline` |
//! | `reconnect` | `/v1/reconnect-attempts`, `/v1/reconnect-attempts/{id}` |
//! | `callback` | `/v1/consent/callback` |
//! | `openapi` | `/v1/openapi.json` |
//!
//! Deliberately absent: cookies, sessions, and every word to Entra outside a consent.
//!
//! To add a route: a handler with its `utoipa::path` in the module of its noun, `routes!` in [`router`], its type in `domain::api`, a story.

mod acknowledgements;
mod attributes;
mod audience;
mod callback;
mod callers;
mod connections;
mod declines;
mod deletions;
mod install;
mod openapi;
mod pages;
mod problem;
mod proof;
mod rates;
mod reading;
mod reconnect;
mod request;
mod settings;
mod view;

use std::sync::Arc;
use std::time::Duration;

use adapters::Ports;
use adapters::objects::Objects;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware;
use tower_http::cors::{AllowOrigin, CorsLayer};
use url::Url;

pub use callers::{Callers, CallersError};
pub use rates::{Buckets, Rate, Rates};
pub use settings::portal_from_environment;

/// What the API is set up with.
#[derive(Clone)]
pub struct Portal {
    /// Everything outside.
    pub ports: Ports,
    /// People's photos.
    pub objects: Arc<dyn Objects>,
    /// Whose tokens are accepted.
    pub callers: Callers,
    /// How often they may ask.
    pub buckets: Buckets,
    /// Origins of the operator's portal, such as `https://portal.example`: only pages from there may call from a browser, and only there
    /// is a browser led back to.
    pub portal_origins: Vec<String>,
    /// Where this API is.
    pub public_url: Url,
}

type Shared = Arc<Portal>;

/// The API.
pub fn router(portal: Portal) -> Router {
    let cors = cors(&portal.portal_origins);
    let portal = Arc::new(portal);
    let (documented, document) = openapi::documented().split_for_parts();
    let document = openapi::finish(document, &portal.public_url);
    documented
        .route("/v1/openapi.json", axum::routing::get(move || async move { axum::Json(document) }))
        .merge(callback::assets())
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&portal), request::identify))
        .layer(cors)
        .with_state(portal)
}

fn cors(origins: &[String]) -> CorsLayer {
    let allowed: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    let exposed = [header::ETAG, header::RETRY_AFTER, HeaderName::from_static(request::HEADER)];
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(allowed))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_MATCH, header::IF_NONE_MATCH])
        .expose_headers(exposed)
        .max_age(Duration::from_secs(7200))
}
