//! What an app-only connection is made of: an administrator's consent, the proof of the tenant, the app's own token, and Graph's word.

use adapters::entra::{Ask, Authority, Invitation};
use adapters::graph::GraphError;
use domain::ids::{ConnectionId, TenantId};
use domain::refusal::{ErrorWord, Failure};
use entra_simulator::{Act, Role};
use secrecy::SecretString;
use serde_json::{Value, json};
use system_tests::answer::redacted;
use system_tests::world::{CLIENT, CUSTOMER, REDIRECT, person};
use system_tests::{Answer, World};
use url::Url;
use uuid::Uuid;

use crate::support::assert_synced;

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

/// Moves a connection to the app's own access, as the browser would: the consent page, our callback, the sign-in, our callback.
async fn move_over(world: &World, id: &ConnectionId, who: Uuid) -> Value {
    let begun = world.begin_with(&json!({"connection": id, "access": "app-only"})).await;
    assert!(begun.url.path().ends_with("/v2.0/adminconsent"), "{}", begun.url);
    let consented = world.simulator.accept(&begun.url, (world.tenant, world.admin)).unwrap();
    sign_in(world, &consented, who).await;
    world.attempt(&begun.attempt).await
}

/// Follows the callback of the consent page to the sign-in, and signs in.
async fn sign_in(world: &World, consented: &Url, who: Uuid) -> Answer {
    let leads_on = world.come_back(consented).await;
    assert_eq!(leads_on.status, 303, "{}", leads_on.text);
    let sign_in: Url = leads_on.headers["location"].to_str().unwrap().parse().unwrap();
    let back = world.simulator.accept(&sign_in, (world.tenant, who)).unwrap();
    world.come_back(&back).await
}

#[tokio::test]
async fn a_connection_moves_to_the_apps_own_access_and_back_and_loses_nothing() {
    let world = World::with_people(12).await;
    let id = world.connect_and_sync().await;
    let people = world.people(&id).await;
    let attempt = move_over(&world, &id, world.admin).await;
    assert_eq!(attempt["state"], "succeeded", "{attempt}");
    let status = world.status(&id).await;
    assert_eq!((&status["id"], &status["access"], &status["health"]), (&json!(id), &json!("app-only"), &json!("healthy")));
    let refreshes = world.refreshes();
    world.work(Act::ChangeJobTitles { count: 4 });
    world.work(Act::ResetAdminPassword { user: world.admin });
    world.sync(&id).await;
    assert_synced(&world, &id).await;
    for _ in 0..3 {
        assert_eq!(world.check(&id).await, "healthy", "no person's password is behind it");
    }
    assert_eq!(world.refreshes(), refreshes, "no refresh token is used any more");
    let back = world.begin_with(&json!({"connection": id, "access": "delegated"})).await;
    world.come_back(&world.accept(&back)).await;
    let status = world.status(&id).await;
    assert_eq!((&status["id"], &status["access"], &status["health"]), (&json!(id), &json!("delegated"), &json!("healthy")));
    assert_eq!(world.check(&id).await, "healthy");
    world.sync(&id).await;
    assert_eq!(world.people(&id).await.len(), people.len());
    assert_eq!(world.notices(&id).await, [""; 0]);
}

#[tokio::test]
async fn a_first_connection_can_be_the_apps_own() {
    let world = World::with_people(3).await;
    let id = world.create(CUSTOMER).await;
    assert_eq!(move_over(&world, &id, world.admin).await["state"], "succeeded");
    world.drain().await;
    assert_synced(&world, &id).await;
    assert_eq!(world.check(&id).await, "healthy");
    // What it is repaired with stays what it is.
    let again = world.begin(&id).await;
    assert!(again.url.path().ends_with("/v2.0/adminconsent"));
}

#[tokio::test]
async fn consent_that_is_gone_is_found_although_tokens_are_given() {
    let world = World::with_people(3).await;
    let id = world.create(CUSTOMER).await;
    move_over(&world, &id, world.admin).await;
    world.drain().await;
    world.work(Act::WithdrawApplicationPermissions);
    assert_eq!(world.check(&id).await, "suspended");
    let status = world.status(&id).await;
    insta::assert_json_snapshot!("app_consent_withdrawn", redacted(&status["diagnosis"]));
    world.work(Act::GrantApplicationPermissions);
    assert_eq!(world.check(&id).await, "healthy");
    assert_eq!(world.notices(&id).await, ["suspended", "recovered"]);
}

#[tokio::test]
async fn nobody_but_an_administrator_leads_a_directory_to_a_customer() {
    let world = World::new().await;
    // Somebody else's consent is there already: tokens are given, and Graph can be read with them.
    world.work(Act::GrantApplicationPermissions);
    let eve = world.simulator.add_user(world.tenant, person("Eve", Role::Member));
    let id = world.create(CUSTOMER).await;
    let begun = world.begin_with(&json!({"connection": id, "access": "app-only"})).await;
    // The callback of the consent page is written by hand, as anybody can.
    let state = told(&begun.url, "state").unwrap();
    let forged: Url = format!("{REDIRECT}?admin_consent=True&tenant={}&state={state}", world.tenant).parse().unwrap();
    sign_in(&world, &forged, eve).await;
    let attempt = world.attempt(&begun.attempt).await;
    assert_eq!((&attempt["state"], &attempt["failure"]["reason"]), (&json!("failed"), &json!("admin-required")));
    assert_eq!(world.health(&id).await, "awaiting-consent");
}

#[tokio::test]
async fn the_tenant_of_the_callback_counts_for_nothing() {
    let world = World::new().await;
    let victim = world.simulator.add_tenant("Fabrikam");
    world.simulator.work(victim, Act::GrantApplicationPermissions).unwrap();
    let id = world.create(CUSTOMER).await;
    let begun = world.begin_with(&json!({"connection": id, "access": "app-only"})).await;
    let state = told(&begun.url, "state").unwrap();
    let forged: Url = format!("{REDIRECT}?admin_consent=True&tenant={victim}&state={state}").parse().unwrap();
    sign_in(&world, &forged, world.admin).await;
    let attempt = world.attempt(&begun.attempt).await;
    assert_eq!(attempt["failure"]["reason"], "missing-permission", "Ada's own tenant allowed nothing: {attempt}");
    assert_eq!(world.health(&id).await, "awaiting-consent");
}

#[tokio::test]
async fn who_declines_the_app_changes_nothing() {
    let world = World::with_people(2).await;
    let id = world.connect_and_sync().await;
    let begun = world.begin_with(&json!({"connection": id, "access": "app-only"})).await;
    world.come_back(&world.simulator.decline(&begun.url).unwrap()).await;
    assert_eq!(world.attempt(&begun.attempt).await["state"], "failed");
    let status = world.status(&id).await;
    assert_eq!((&status["access"], &status["health"]), (&json!("delegated"), &json!("healthy")));
    assert_eq!(world.check(&id).await, "healthy");
}

#[tokio::test]
async fn the_consent_page_may_send_its_callback_twice() {
    let world = World::new().await;
    let id = world.create(CUSTOMER).await;
    let begun = world.begin_with(&json!({"connection": id, "access": "app-only"})).await;
    let consented = world.simulator.accept(&begun.url, (world.tenant, world.admin)).unwrap();
    assert_eq!(world.come_back(&consented).await.status, 303);
    sign_in(&world, &consented, world.admin).await;
    assert_eq!(world.attempt(&begun.attempt).await["state"], "succeeded");
    assert_ne!(world.come_back(&consented).await.status, 303, "an attempt that is over leads nowhere");
}

#[tokio::test]
async fn an_app_that_was_disabled_is_suspended_and_comes_back() {
    let world = World::new().await;
    let id = world.create(CUSTOMER).await;
    move_over(&world, &id, world.admin).await;
    world.work(Act::DisableApp);
    assert_eq!(world.check(&id).await, "suspended");
    world.work(Act::EnableApp);
    assert_eq!(world.check(&id).await, "healthy");
}
