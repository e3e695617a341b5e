//! The API's description, OpenAPI 3.1, made from the handlers and types themselves.

use domain::api::Problem;
use url::Url;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{Shared, attributes, callback, connections, deletions, people, photos, reconnect};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Evergrant",
        description = "Keeps customers' Microsoft Entra grants alive and their people's attributes fresh. Every answer carries X-Request-Id; \
                       every refusal is a problem+json document (RFC 9457)."
    ),
    components(schemas(Problem))
)]
struct Description;

/// The documented routes.
pub(crate) fn documented() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(connections::list, connections::create))
        .routes(routes!(connections::read))
        .routes(routes!(connections::sync))
        .routes(routes!(people::list))
        .routes(routes!(photos::read))
        .routes(routes!(deletions::read, deletions::decide))
        .routes(routes!(attributes::list))
        .routes(routes!(attributes::read, attributes::choose))
        .routes(routes!(reconnect::begin))
        .routes(routes!(reconnect::read, reconnect::cancel))
        .routes(routes!(callback::receive))
}

/// Adds where the API is and how callers prove themselves.
pub(crate) fn finish(mut document: utoipa::openapi::OpenApi, public_url: &Url) -> utoipa::openapi::OpenApi {
    document.servers = Some(vec![utoipa::openapi::Server::new(public_url.as_str().trim_end_matches('/'))]);
    let caller = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.security_schemes.insert("caller".to_owned(), SecurityScheme::Http(caller).into());
    document
}
