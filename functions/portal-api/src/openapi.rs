//! The API's description, OpenAPI 3.1, made from the handlers and types themselves.

use domain::api::Problem;
use url::Url;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{Shared, acknowledgements, attributes, audience, callback, connections, declines, deletions, reading, reconnect};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Evergrant",
        description = "Keeps customers' Microsoft Entra grants alive and their people's attributes fresh. Every answer carries X-Request-Id; \
                       every refusal is a problem+json document (RFC 9457). Whoever asks too often is answered 429 with Retry-After."
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
        .routes(routes!(reading::list::list))
        .routes(routes!(reading::one::read))
        .routes(routes!(reading::one::find))
        .routes(routes!(reading::lookup::look_up))
        .routes(routes!(reading::changes::list))
        .routes(routes!(reading::photo::read))
        .routes(routes!(deletions::read, deletions::decide))
        .routes(routes!(attributes::list))
        .routes(routes!(attributes::read, attributes::choose))
        .routes(routes!(acknowledgements::acknowledge))
        .routes(routes!(audience::read, audience::replace))
        .routes(routes!(audience::enable))
        .routes(routes!(declines::ask, declines::decline))
        .routes(routes!(reconnect::begin))
        .routes(routes!(reconnect::read, reconnect::cancel))
        .routes(routes!(callback::receive))
}

/// Adds where the API is and how callers prove themselves.
pub(crate) fn finish(mut document: utoipa::openapi::OpenApi, public_url: &Url) -> utoipa::openapi::OpenApi {
    document.servers = Some(vec![utoipa::openapi::Server::new(public_url.as_str().trim_end_matches('/'))]);
    let components = document.components.get_or_insert_default();
    for (name, description) in [
        ("caller", "A portal user's token: `aud` is `evergrant`, signed by one of EVERGRANT_CALLER_KEYS."),
        (
            "server",
            "A token of the operator's server, which only reads: `aud` is `evergrant-server`, signed by one of EVERGRANT_SERVER_KEYS.",
        ),
    ] {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(description)).build();
        components.security_schemes.insert(name.to_owned(), SecurityScheme::Http(scheme).into());
    }
    document
}
