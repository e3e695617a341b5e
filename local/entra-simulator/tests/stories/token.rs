//! The token endpoint: every refusal as on the wire, the order they come in, and what is issued.

use entra_simulator::{Act, App, Reach, Role};
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, CLIENT, SECRET, World, user};

fn refused_with(answer: &Answer, code: u32) {
    assert_eq!(answer.json()["error_codes"], json!([code]), "{}", answer.text);
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// What is worth comparing of a refusal, without ids.
fn shape(world: &World, answer: &Answer) -> Value {
    let body = answer.json();
    let description = body["error_description"].as_str().unwrap_or_default();
    let (text, rest) = description.split_once("\r\n").expect("ids follow the text");
    assert_eq!(body["trace_id"], answer.header("x-ms-request-id"));
    assert!(rest.starts_with(&format!("Trace ID: {}\r\nCorrelation ID: ", body["trace_id"].as_str().unwrap_or_default())));
    let named = |text: &str| text.replace(&world.tenant.to_string(), "<tenant>").replace(&world.admin.to_string(), "<admin>");
    json!({
        "status": answer.status.as_u16(), "error": body["error"], "suberror": body["suberror"], "codes": body["error_codes"],
        "text": named(text), "uri": body["error_uri"], "claims": body["claims"], "timestamp": body["timestamp"],
        "clitelem": answer.header("x-ms-clitelem"),
    })
}

/// A refresh an hour after the grant, with `act` ten minutes before.
async fn after(act: impl FnOnce(&World) -> Vec<Act>) -> Value {
    let world = World::new();
    let token = world.grant();
    world.pass(SignedDuration::from_mins(50));
    for act in act(&world) {
        world.work(act);
    }
    world.pass(SignedDuration::from_mins(10));
    shape(&world, &world.refresh(&token).await)
}

#[tokio::test]
async fn a_password_reset_by_an_admin_revokes_earlier_tokens() {
    insta::assert_json_snapshot!(after(|world| vec![Act::ResetAdminPassword { user: world.admin }]).await);
}

#[tokio::test]
async fn a_policy_that_asks_for_a_second_factor_stops_the_refresh() {
    insta::assert_json_snapshot!(after(|world| vec![Act::RequireMfa { user: world.admin }]).await);
}

#[tokio::test]
async fn an_enforced_sign_in_frequency_stops_the_refresh_and_names_its_seconds() {
    insta::assert_json_snapshot!(after(|_| vec![Act::SignInFrequency { seconds: Some(1800), enforced: true }]).await);
}

#[tokio::test]
async fn a_conditional_access_block_names_its_policy_in_the_claims() {
    insta::assert_json_snapshot!(after(|_| vec![Act::BlockByConditionalAccess { policy_id: Some(Uuid::from_u128(5)) }]).await);
}

#[tokio::test]
async fn withdrawn_consent_is_told_as_such() {
    insta::assert_json_snapshot!(after(|_| vec![Act::WithdrawConsent]).await);
}

#[tokio::test]
async fn a_deleted_user_is_told_as_such() {
    insta::assert_json_snapshot!(after(|world| vec![Act::DeleteUser { user: world.admin }]).await);
}

#[tokio::test]
async fn a_purged_user_does_not_exist() {
    insta::assert_json_snapshot!(after(|world| vec![Act::PurgeUser { user: world.admin }]).await);
}

#[tokio::test]
async fn a_disabled_user_is_told_as_such() {
    insta::assert_json_snapshot!(after(|world| vec![Act::DisableUser { user: world.admin }]).await);
}

#[tokio::test]
async fn an_unassigned_user_is_told_as_such() {
    insta::assert_json_snapshot!(after(|_| vec![Act::RequireAssignment]).await);
}

#[tokio::test]
async fn a_deleted_service_principal_is_an_unknown_application() {
    insta::assert_json_snapshot!(after(|_| vec![Act::DeleteServicePrincipal]).await);
}

#[tokio::test]
async fn a_disabled_app_is_told_as_such() {
    insta::assert_json_snapshot!(after(|_| vec![Act::DisableApp]).await);
}

#[tokio::test]
async fn a_removed_tenant_is_not_found() {
    insta::assert_json_snapshot!(after(|_| vec![Act::RemoveTenant]).await);
}

#[tokio::test]
async fn an_expired_secret_is_a_client_failure() {
    insta::assert_json_snapshot!(after(|_| vec![Act::ExpireSecret { reach: Reach::Everywhere }]).await);
}

#[tokio::test]
async fn a_wrong_secret_is_a_client_failure() {
    insta::assert_json_snapshot!(after(|_| vec![Act::BreakSecret { reach: Reach::ThisTenant }]).await);
}

#[tokio::test]
async fn a_loop_is_stopped() {
    insta::assert_json_snapshot!(after(|_| vec![Act::Loop { times: 1 }]).await);
}

#[tokio::test]
async fn ninety_idle_days_end_a_token_and_use_renews_it() {
    let world = World::new();
    let (idle, used) = (world.grant(), world.grant());
    world.pass(hours(24 * 60));
    assert_eq!(world.refresh(&used).await.status, StatusCode::OK);
    world.pass(hours(24 * 31));
    assert_eq!(world.refresh(&used).await.status, StatusCode::OK);
    insta::assert_json_snapshot!(shape(&world, &world.refresh(&idle).await));
}

#[tokio::test]
async fn garbage_in_place_of_a_token_is_malformed() {
    let world = World::new();
    world.grant();
    insta::assert_json_snapshot!(shape(&world, &world.refresh("garbage").await));
}

#[tokio::test]
async fn a_token_of_another_client_is_a_mismatch() {
    let world = World::new();
    world.grant();
    let other = Uuid::from_u128(9);
    world.simulator.add_app(App::web(other, "Other", "https://other.example/", "other"));
    let token = world.simulator.grant((world.tenant, world.admin), other, &["offline_access", "User.Read.All"]).unwrap();
    let answer = world.refresh(&token).await;
    refused_with(&answer, 70000);
    assert_eq!(answer.json()["suberror"], "client_mismatch");
}

#[tokio::test]
async fn a_scope_that_mixes_default_with_others_is_invalid() {
    let world = World::new();
    let token = world.grant();
    let scope = "https://graph.microsoft.com/.default https://graph.microsoft.com/User.Read.All";
    let answer = world.token(&[("grant_type", "refresh_token"), ("refresh_token", &token), ("scope", scope)]).await;
    insta::assert_json_snapshot!(shape(&world, &answer));
}

#[tokio::test]
async fn a_refusal_is_answered_with_the_headers_of_the_token_endpoint() {
    let world = World::new();
    let answer = world.refresh("garbage").await;
    assert_eq!(answer.header("cache-control"), "no-store, no-cache");
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(answer.header("x-ms-ests-server"), "2.1.0 - SIM ProdSlices");
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 3);
}

#[tokio::test]
async fn remembered_mfa_expires_after_its_days() {
    let world = World::new();
    let token = world.grant();
    world.work(Act::RememberMfaDays { days: Some(14) });
    world.pass(hours(24 * 14));
    assert_eq!(world.refresh(&token).await.status, StatusCode::OK);
    world.pass(hours(1));
    refused_with(&world.refresh(&token).await, 50078);
}

#[tokio::test]
async fn a_deferred_sign_in_frequency_spares_the_refresh() {
    let world = World::new();
    let token = world.grant();
    world.work(Act::SignInFrequency { seconds: Some(3600), enforced: false });
    world.pass(hours(2));
    assert_eq!(world.refresh(&token).await.status, StatusCode::OK);
    world.work(Act::DeferSignInFrequency { on: false });
    refused_with(&world.refresh(&token).await, 70043);
}

#[tokio::test]
async fn what_is_looked_at_first_is_answered_first() {
    let world = World::new();
    let token = world.grant();
    world.pass(hours(1));
    let admin = world.admin;
    let mut expected = Vec::new();
    for (act, code) in [
        (Act::SignInFrequency { seconds: Some(60), enforced: true }, 70043),
        (Act::RequireMfa { user: admin }, 50076),
        (Act::BlockByConditionalAccess { policy_id: None }, 53003),
        (Act::WithdrawConsent, 65001),
        (Act::RequireAssignment, 50105),
        (Act::DisableUser { user: admin }, 50057),
        (Act::DeleteUser { user: admin }, 500_341),
        (Act::RevokeSessions { user: admin }, 50173),
        (Act::DisableApp, 7_000_112),
        (Act::DeleteServicePrincipal, 700_016),
        (Act::ExpireSecret { reach: Reach::Everywhere }, 7_000_222),
        (Act::BreakSecret { reach: Reach::Everywhere }, 7_000_215),
        (Act::RemoveTenant, 90002),
    ] {
        world.work(act);
        expected.push((code, world.refresh(&token).await.json()["error_codes"][0].clone()));
    }
    for (code, answered) in expected {
        assert_eq!(answered, json!(code));
    }
}

#[tokio::test]
async fn a_refresh_issues_a_new_token_and_leaves_the_old_one_valid() {
    let world = World::new();
    let old = world.grant();
    let answer = world.refresh(&old).await;
    let body = answer.json();
    let new = body["refresh_token"].as_str().unwrap();
    assert_ne!(old, new);
    assert_eq!(body["scope"], "openid profile https://graph.microsoft.com/User.Read.All");
    let expires_in = body["expires_in"].as_i64().unwrap();
    assert!((3600..=5400).contains(&expires_in), "{expires_in}");
    assert!(answer.header("x-ms-clitelem").starts_with("1,0,0,"));
    for token in [old.as_str(), new] {
        assert_eq!(world.refresh(token).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_refresh_over_organizations_finds_the_tenant_in_the_token() {
    let world = World::new();
    let token = world.grant();
    let client = CLIENT.to_string();
    let fields = [("client_id", client.as_str()), ("client_secret", SECRET), ("grant_type", "refresh_token"), ("refresh_token", &token)];
    assert_eq!(world.post("/organizations/oauth2/v2.0/token", &fields).await.status, StatusCode::OK);
    world.work(Act::WithdrawConsent);
    refused_with(&world.post("/organizations/oauth2/v2.0/token", &fields).await, 65001);
}

#[tokio::test]
async fn missing_fields_and_wrong_verbs_are_named() {
    let world = World::new();
    let path = format!("/{}/oauth2/v2.0/token", world.tenant);
    refused_with(&world.post(&path, &[]).await, 900_144);
    refused_with(&world.get(&path).await, 900_561);
    refused_with(&world.post(&path, &[("grant_type", "password")]).await, 70003);
    let client = CLIENT.to_string();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_id", client.as_str())];
    refused_with(&world.post(&path, &fields).await, 7_000_218);
}

#[tokio::test]
async fn an_app_only_token_is_issued_without_roles_but_reads_nothing() {
    let world = World::new();
    let ask = [("grant_type", "client_credentials"), ("scope", "https://graph.microsoft.com/.default")];
    refused_with(&world.token(&ask).await, 700_016);
    world.work(Act::GrantConsent);
    world.work(Act::WithdrawConsent);
    let answer = world.token(&ask).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.json().get("refresh_token").is_none());
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.graph(&token, "/v1.0/users/delta").await.status, StatusCode::FORBIDDEN);
    world.work(Act::GrantConsent);
    assert_eq!(world.graph(&token, "/v1.0/users/delta").await.status, StatusCode::OK);
}

#[tokio::test]
async fn application_permissions_come_and_go_without_those_in_a_persons_name() {
    let world = World::new();
    let ask = [("grant_type", "client_credentials"), ("scope", "https://graph.microsoft.com/.default")];
    let people = "/v1.0/users?$top=1&$select=id";
    world.work(Act::GrantApplicationPermissions);
    let own = world.token(&ask).await.json()["access_token"].as_str().unwrap().to_owned();
    let answer = world.graph(&own, people).await;
    assert_eq!((answer.status, answer.header("x-ms-resource-unit")), (StatusCode::OK, "1"));
    let refused = world.token(&[("grant_type", "refresh_token"), ("refresh_token", &world.grant()), ("scope", "Mail.Read")]).await;
    refused_with(&refused, 65001);
    world.work(Act::GrantConsent);
    world.work(Act::WithdrawApplicationPermissions);
    for token in [own, world.token(&ask).await.json()["access_token"].as_str().unwrap().to_owned()] {
        let answer = world.graph(&token, people).await;
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (StatusCode::FORBIDDEN, Some("Authorization_RequestDenied")));
        assert!(!answer.header("request-id").is_empty());
    }
    assert_eq!(world.graph(&world.access().await, people).await.status, StatusCode::OK, "the admin's own grant is another one");
}

#[tokio::test]
async fn client_credentials_need_a_tenant_and_the_default_scope() {
    let world = World::new();
    world.work(Act::GrantConsent);
    refused_with(&world.token(&[("grant_type", "client_credentials"), ("scope", "User.Read.All")]).await, 70011);
    let client = CLIENT.to_string();
    let fields = [
        ("client_id", client.as_str()),
        ("client_secret", SECRET),
        ("grant_type", "client_credentials"),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    refused_with(&world.post("/common/oauth2/v2.0/token", &fields).await, 9_001_023);
}

#[tokio::test]
async fn a_member_cannot_grant_what_only_an_admin_may() {
    let world = World::new();
    let member = world.simulator.add_user(world.tenant, user("Max", Role::Member));
    let refused = world.simulator.grant((world.tenant, member), CLIENT, &["User.Read.All"]).unwrap_err();
    assert!(refused.to_string().contains("AADSTS90094"), "{refused}");
    assert!(world.simulator.grant((world.tenant, member), CLIENT, &["User.Read"]).is_ok());
}
