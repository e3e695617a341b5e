//! What a customer reads about a refusal: one number of each group, met by a connection and read through the API.

use serde_json::{Value, json};
use system_tests::World;
use system_tests::world::CLIENT;

use crate::answers::answer;

/// The connection's status after the token endpoint refused it so, as often as it takes to be believed.
async fn refused(world: &World, id: &domain::ids::ConnectionId, body: &Value) -> Value {
    answer(world, 400, body.to_string());
    world.verdict(id).await;
    world.status(id).await
}

#[tokio::test]
async fn every_group_of_numbers_reaches_the_customer_in_words_of_its_own() {
    let world = World::new().await;
    let id = world.connect().await;
    let mut headlines = Vec::new();
    for (code, health, who, cause) in [
        (70008, "suspended", "signed-in-person", "sign-in-expired"),
        (700_084, "suspended", "signed-in-person", "sign-in-lasts-one-day"),
        (50133, "suspended", "signed-in-person", "password-changed"),
        (50055, "suspended", "signed-in-person", "password-expired"),
        (120_005, "suspended", "signed-in-person", "password-change-failed"),
        (50079, "suspended", "signed-in-person", "mfa-not-set-up"),
        (500_121, "suspended", "signed-in-person", "mfa-not-passed"),
        (53004, "suspended", "customer-admin", "mfa-set-up-blocked"),
        (90094, "suspended", "customer-admin", "administrator-required"),
        (50105, "suspended", "customer-admin", "assignment-required"),
        (500_014, "suspended", "customer-admin", "service-disabled"),
        (7_005_003, "operator-fault", "operator", "operator-fault"),
        (700_213, "operator-fault", "operator", "operator-fault"),
        (500_571, "suspended", "customer-admin", "account-disabled"),
        (50053, "suspended", "nobody", "account-locked"),
        (50014, "suspended", "customer-admin", "account-pending"),
        (53000, "suspended", "customer-admin", "device-required"),
        (530_035, "suspended", "customer-admin", "blocked-by-security-defaults"),
        (500_212, "suspended", "customer-admin", "cross-tenant-blocked"),
        (5_000_224, "suspended", "customer-admin", "tenant-blocked"),
        (900_432, "operator-fault", "operator", "operator-fault"),
        (50020, "suspended", "signed-in-person", "wrong-account"),
        (80001, "suspended", "customer-admin", "on-premises-fault"),
        (50107, "suspended", "customer-admin", "federation-fault"),
        (70011, "operator-fault", "operator", "operator-fault"),
    ] {
        let body = json!({"error": "invalid_grant", "suberror": "message_only", "error_codes": [code]});
        let told = refused(&world, &id, &body).await;
        let diagnosis = &told["diagnosis"];
        let found = (&told["health"], &diagnosis["who"], &diagnosis["cause"]);
        assert_eq!(found, (&json!(health), &json!(who), &json!(cause)), "{code}");
        let must_customer_act = who == "customer-admin" || who == "signed-in-person";
        assert_eq!(diagnosis["steps"].as_array().is_some_and(|steps| !steps.is_empty()), must_customer_act, "{code}");
        assert_eq!(diagnosis["support"]["code"] == json!(code), who != "operator", "{code}");
        if who != "operator" {
            headlines.push(diagnosis["headline"].to_string());
        }
    }
    let count = headlines.len();
    headlines.sort();
    headlines.dedup();
    assert_eq!(headlines.len(), count, "each is told apart");
}

#[tokio::test]
async fn a_passing_problem_under_any_number_moves_nothing() {
    for code in [50033, 90012, 90055, 51005, 40010, 50088] {
        let world = World::new().await;
        let id = world.connect().await;
        let told = refused(&world, &id, &json!({"error": "invalid_grant", "error_codes": [code]})).await;
        assert_eq!((&told["health"], told.get("diagnosis")), (&json!("healthy"), None), "{code}");
        assert_eq!(world.notices(&id).await, [""; 0], "{code}");
    }
}

#[tokio::test]
async fn a_second_factor_says_that_microsoft_graph_asks_for_it() {
    for code in [50076, 50078, 50079] {
        let world = World::new().await;
        let id = world.connect().await;
        let text = format!("AADSTS{code}: you must use multi-factor authentication to access '00000003-0000-0000-c000-000000000000'.");
        let body = json!({"error": "invalid_grant", "suberror": "basic_action", "error_codes": [code], "error_description": text});
        let facts = refused(&world, &id, &body).await["diagnosis"]["facts"].clone();
        assert!(facts.to_string().contains("Microsoft Graph"), "{code} {facts}");
    }
}

#[tokio::test]
async fn our_app_is_named_to_those_who_must_find_it_and_never_in_a_fault_of_ours() {
    for (error, code, text, is_named) in [
        ("invalid_grant", 65001, "not consented to use the application with ID '{app}' named 'Signatures'.", true),
        ("unauthorized_client", 700_016, "Application with identifier '{app}' was not found in the directory 'Contoso'.", true),
        ("invalid_client", 7_000_222, "The provided client secret keys for app '{app}' are expired.", false),
    ] {
        let world = World::new().await;
        let id = world.connect().await;
        let text = format!("AADSTS{code}: {}", text.replace("{app}", &CLIENT.to_string()));
        let suberror = (code == 65001).then_some("consent_required");
        let body = json!({"error": error, "suberror": suberror, "error_codes": [code], "error_description": text});
        let told = refused(&world, &id, &body).await;
        assert_eq!(told.to_string().contains(&CLIENT.to_string()), is_named, "{code} {told}");
        assert_eq!(told.to_string().contains(&code.to_string()), is_named, "{code} {told}");
    }
}

#[tokio::test]
async fn a_dead_token_asks_its_person_to_act_whatever_the_number_says() {
    for code in [50196, 9_002_313, 50053, 53003, 50057] {
        let world = World::new().await;
        let id = world.connect().await;
        let body = json!({"error": "invalid_grant", "suberror": "bad_token", "error_codes": [code]});
        let told = refused(&world, &id, &body).await;
        let steps = told["diagnosis"]["steps"].to_string();
        assert_eq!(told["health"], "dead", "{code}");
        assert!(steps.contains("Reconnect") && !steps.contains("by itself"), "{code} {steps}");
        assert_eq!(world.notices(&id).await, ["dead"], "{code}");
    }
}
