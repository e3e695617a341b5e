//! Who hears of a customer's connections: the caller's customer's own, and nobody else's.

use adapters::entropy;
use adapters::outbox::SECRET_PREFIX;
use adapters::store::StoreError;
use adapters::store::audiences::StoredAudience;
use adapters::store::choices::Replaces;
use adapters::vault::{self, Binding, Purpose};
use adapters::zones;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, HeaderName, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::api::{AudienceView, ContactView, Problem, ReplaceAudience, ReplacedAudience, WebhookSecretView};
use domain::ids::ContactId;
use domain::notice::audience::{Draft, Revised};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::callers::Caller;
use crate::problem::ApiError;
use crate::request::{Named, replaces};
use crate::{Portal, Shared};

const CHANGED: ApiError = ApiError::Changed("the audience was changed since it had that tag: read it again");

/// An answer with its tag.
type Tagged<T> = ([(HeaderName, String); 2], Json<T>);

/// Tells who hears of the customer's connections. Until somebody writes, nobody does.
#[utoipa::path(get, path = "/v1/audience", tag = "notices", security(("caller" = []), ("server" = [])), responses(
    (status = 200, body = AudienceView, headers(("ETag" = String, description = "The audience's tag, for If-Match"))),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn read(State(portal): State<Shared>, caller: Caller) -> Result<Tagged<AudienceView>, ApiError> {
    caller.require("status:read")?;
    let stored = portal.ports.store.audience(&caller.customer).await?;
    Ok(tagged(stored.revision, AudienceView::from(&stored.audience)))
}

/// Replaces who hears of the customer's connections; all of it at once. A contact that is kept by its `id` keeps what is known of it. What a
/// new webhook is signed with stands in this answer, and nowhere else.
#[utoipa::path(put, path = "/v1/audience", tag = "notices", security(("caller" = [])), request_body = ReplaceAudience,
    params(
        ("If-Match" = Option<String>, Header, description = "The tag of the audience that this one replaces; without it, or with *, it replaces any"),
    ), responses(
    (status = 200, body = ReplacedAudience, headers(("ETag" = String, description = "The new audience's tag"))),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn replace(
    State(portal): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    asked: Result<Json<ReplaceAudience>, JsonRejection>,
) -> Result<Tagged<ReplacedAudience>, ApiError> {
    caller.require("notices:write")?;
    let Json(asked) = asked.map_err(|rejection| ApiError::Invalid { field: "body", bound: rejection.body_text() })?;
    let stored = portal.ports.store.audience(&caller.customer).await?;
    if matches!(replaces(&headers)?, Replaces::Version(seen) if seen != stored.revision) {
        return Err(CHANGED);
    }
    let chance = || (entropy::bytes16(portal.ports.entropy.as_ref()), entropy::bytes16(portal.ports.entropy.as_ref()));
    let Revised { audience, webhooks } = stored.audience.revise(Draft::from(asked), |zone| zones::rules(zone).is_some(), chance)?;
    let mut next = StoredAudience { audience, secrets: stored.secrets, revision: stored.revision };
    let mut secrets = Vec::new();
    for contact in webhooks {
        let secret = secret(&portal);
        next.secrets.insert(contact.clone(), seal(&portal, &caller, &secret).await?);
        secrets.push(WebhookSecretView { contact, secret: secret.expose_secret().to_owned() });
    }
    next.forget_strangers();
    let revision = match portal.ports.store.put_audience(&caller.customer, &next, Replaces::Version(stored.revision)).await {
        Ok(revision) => revision,
        Err(StoreError::Overtaken { .. }) => return Err(CHANGED),
        Err(error) => return Err(error.into()),
    };
    tracing::info!(customer = %caller.customer, contacts = next.audience.contacts.len(), revision, "audience replaced");
    Ok(tagged(revision, ReplacedAudience { audience: AudienceView::from(&next.audience), secrets }))
}

/// Tries a contact again that could not be reached or was disabled, and tells one everything again that declined.
#[utoipa::path(post, path = "/v1/audience/contacts/{contact}/enable", tag = "notices", security(("caller" = [])),
    params(("contact" = String, Path, description = "The contact")), responses(
    (status = 200, body = ContactView),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn enable(State(portal): State<Shared>, caller: Caller, Named(id): Named) -> Result<Json<ContactView>, ApiError> {
    caller.require("notices:write")?;
    let id: ContactId = id.parse().map_err(|error: domain::ids::InvalidId| ApiError::Invalid { field: "contact", bound: error.bound() })?;
    let contact = portal.ports.store.change_contact(&caller.customer, &id, domain::notice::audience::Contact::enable).await?;
    contact.map(|contact| Json(ContactView::from(&contact))).ok_or(ApiError::NotFound("contact"))
}

fn tagged<T>(revision: u64, body: T) -> Tagged<T> {
    // The answer to a write holds secrets, and the other people's addresses: no cache keeps either.
    ([(header::ETAG, format!("\"{revision}\"")), (header::CACHE_CONTROL, "no-store".to_owned())], Json(body))
}

/// 32 random bytes, as the Standard Webhooks libraries read them.
/// Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md> (section "Signature scheme")
fn secret(portal: &Portal) -> SecretString {
    let mut bytes = Zeroizing::new([0; 32]);
    portal.ports.entropy.fill(&mut *bytes);
    format!("{SECRET_PREFIX}{}", STANDARD.encode(*bytes)).into()
}

async fn seal(portal: &Portal, caller: &Caller, secret: &SecretString) -> Result<Vec<u8>, ApiError> {
    let binding = Binding::of_customer(&caller.customer, Purpose::WebhookSecret);
    let sealed = vault::seal_text(portal.ports.vault.as_ref(), &binding, secret).await;
    sealed.map_err(|error| ApiError::Unavailable(error.into()))
}
