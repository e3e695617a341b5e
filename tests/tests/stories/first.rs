//! The three stories that everything else is a detail of.

use entra_simulator::Act;
use serde_json::json;
use system_tests::World;
use system_tests::answer::redacted;

#[tokio::test]
async fn an_admin_connects_and_people_can_be_read() {
    let world = World::with_people(3).await;
    let id = world.create("acme").await;
    insta::assert_json_snapshot!("before_consent", redacted(&world.status(&id).await));
    let begun = world.begin(&id).await;
    let page = world.come_back(&world.accept(&begun)).await;
    assert!(page.text.contains("Connected"), "{}", page.text);
    insta::assert_json_snapshot!("attempt_succeeded", redacted(&world.attempt(&begun.attempt).await));
    world.drain().await;
    insta::assert_json_snapshot!("connected", redacted(&world.status(&id).await));
    insta::assert_json_snapshot!("people", world.get(&format!("/v1/connections/{id}/people")).await.snapshot());
}

#[tokio::test]
async fn a_revoked_grant_dies_with_a_diagnosis_and_is_repaired_in_place() {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.work(Act::ResetAdminPassword { user: world.admin });
    assert_eq!(world.verdict(&id).await, "dead");
    insta::assert_json_snapshot!("revoked", redacted(&world.status(&id).await));
    let attempt = world.consent(&id).await;
    assert_eq!(attempt["state"], "succeeded", "{attempt}");
    world.drain().await;
    let status = world.status(&id).await;
    assert_eq!((status["id"].as_str(), status["health"].as_str()), (Some(id.as_str()), Some("healthy")));
    assert_eq!(world.notices(&id).await, ["dead", "recovered"]);
}

#[tokio::test]
async fn a_new_job_title_is_synced() {
    let world = World::with_people(2).await;
    let id = world.connect_and_sync().await;
    let properties = json!({"jobTitle": "Head of Signatures"});
    world.work(Act::ChangeUser { user: world.admin, properties: properties.as_object().cloned().unwrap_or_default() });
    world.sync(&id).await;
    let people = world.people(&id).await;
    let ada = people.iter().find(|person| person["id"] == json!(world.admin)).expect("Ada is stored");
    assert_eq!(ada["attributes"]["jobTitle"], "Head of Signatures");
}
