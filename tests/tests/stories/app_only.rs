//! What an app-only connection is made of: an administrator's consent, the proof of the tenant, the app's own token, and Graph's word.

use adapters::entra::{Ask, Authority, Invitation};
use adapters::graph::GraphError;
use domain::ids::TenantId;
use domain::refusal::{ErrorWord, Failure};
use entra_simulator::Act;
use secrecy::SecretString;
use system_tests::World;
use system_tests::world::{CLIENT, REDIRECT};
use url::Url;

fn told(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn probe(world: &World) -> Result<(), GraphError> {
    let tokens = world.ports.entra.app_token(TenantId(world.tenant), world.now()).await.unwrap();
    assert!(tokens.refresh_token.is_none() && tokens.id_token.is_none());
    world.ports.graph.probe(&tokens.access_token, world.now()).await
}

#[tokio::test]
async fn an_administrator_grants_and_the_app_reads_by_itself() {
    let world = World::new().await;
    let refused = world.ports.entra.app_token(TenantId(world.tenant), world.now()).await;
    assert!(matches!(refused, Err(Failure::Refused(refusal)) if refusal.error == ErrorWord::UnauthorizedClient), "nobody consented yet");
    let url = world.ports.entra.admin_consent_url(Authority::Organizations, "s");
    assert_eq!(url.path(), "/organizations/v2.0/adminconsent");
    let asked = ["client_id", "scope", "redirect_uri", "state"].map(|name| told(&url, name).unwrap_or_default());
    assert_eq!(asked, [&CLIENT.to_string(), "https://graph.microsoft.com/.default", REDIRECT, "s"]);
    let back = world.simulator.accept(&url, (world.tenant, world.admin)).unwrap();
    assert_eq!((told(&back, "admin_consent"), told(&back, "state")), (Some("True".to_owned()), Some("s".to_owned())));
    assert!(probe(&world).await.is_ok());
}

#[tokio::test]
async fn an_administrator_who_declines_says_so_beside_true() {
    let world = World::new().await;
    let url = world.ports.entra.admin_consent_url(Authority::Tenant(TenantId(world.tenant)), "s");
    assert_eq!(url.path(), format!("/{}/v2.0/adminconsent", world.tenant));
    let back = world.simulator.decline(&url).unwrap();
    assert_eq!(told(&back, "admin_consent").as_deref(), Some("True"));
    assert_eq!(told(&back, "error").as_deref(), Some("consent_required"));
}

#[tokio::test]
async fn a_sign_in_proves_the_tenant_and_gives_nothing_else() {
    let world = World::new().await;
    let verifier = SecretString::from("a-verifier-that-is-long-enough-for-rfc-7636-section-4-1");
    let url = world.ports.entra.authorize_url(&Invitation {
        ask: Ask::Identity,
        authority: Authority::Organizations,
        state: "s",
        nonce: "n",
        verifier: &verifier,
        login_hint: None,
        claims: None,
    });
    assert_eq!(told(&url, "scope").as_deref(), Some("openid profile"));
    assert_eq!(told(&url, "code_challenge_method").as_deref(), Some("S256"));
    let back = world.simulator.accept(&url, (world.tenant, world.admin)).unwrap();
    let code = told(&back, "code").unwrap();
    let tokens = world.ports.entra.redeem(Authority::Organizations, code, &verifier, world.now()).await.unwrap();
    assert!(tokens.refresh_token.is_none());
    let identity = world.ports.entra.identify(&tokens.id_token.unwrap(), "n", world.now()).await.unwrap();
    assert_eq!((identity.tenant, identity.object.0), (TenantId(world.tenant), world.admin));
    assert!(matches!(world.ports.graph.probe(&tokens.access_token, world.now()).await, Err(GraphError::Forbidden { .. })));
}

#[tokio::test]
async fn only_graph_tells_that_the_permission_is_gone() {
    let world = World::new().await;
    world.work(Act::GrantApplicationPermissions);
    assert!(probe(&world).await.is_ok());
    world.work(Act::WithdrawApplicationPermissions);
    let denied = probe(&world).await.unwrap_err();
    let refusal = denied.refusal().expect("a denial is a refusal");
    assert_eq!((refusal.status, refusal.error), (403, ErrorWord::GraphDenied));
    assert!(refusal.trace_id.is_some_and(|id| uuid::Uuid::try_parse(&id).is_ok()), "support asks for the id");
    world.work(Act::GrantApplicationPermissions);
    assert!(probe(&world).await.is_ok());
    world.work(Act::DisableApp);
    let refused = world.ports.entra.app_token(TenantId(world.tenant), world.now()).await;
    assert!(matches!(refused, Err(Failure::Refused(refusal)) if refusal.codes == [7_000_112]));
}
