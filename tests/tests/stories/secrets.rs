//! No secret in the tables, in the logs or in an answer.

use entra_simulator::Act;
use serde_json::json;
use system_tests::{World, log};

#[tokio::test]
async fn no_secret_is_in_a_table_a_log_or_an_answer() {
    log::keep();
    let world = World::with_people(3).await;
    let id = world.create("acme").await;
    let mut answers = vec![world.post("/v1/reconnect-attempts", &json!({"connection": id})).await.text];
    let begun = world.begin(&id).await;
    answers.push(world.come_back(&world.accept(&begun)).await.text);
    world.drain().await;
    world.check(&id).await;
    world.sync(&id).await;
    world.work(Act::RevokeSessions { user: world.admin });
    world.check(&id).await;
    for path in [
        "/v1/connections".to_owned(),
        format!("/v1/connections/{id}"),
        format!("/v1/connections/{id}/people"),
        format!("/v1/reconnect-attempts/{}", begun.attempt),
    ] {
        answers.push(world.get(&path).await.text);
    }
    let secrets = world.wire.secrets();
    // Client secret, verifier, code, id_token, and access and refresh tokens of the consent and of one renewal.
    assert!(secrets.len() >= 8, "{}", secrets.len());
    let items = format!("{:?}", world.engine.items().await);
    let log = log::kept();
    assert!(log.contains("health changed"), "the log is kept");
    for secret in &secrets {
        assert!(!items.contains(secret.as_str()), "{secret} is in a table");
        assert!(!log.contains(secret.as_str()), "{secret} is in the log");
        assert!(answers.iter().all(|answer| !answer.contains(secret.as_str())), "{secret} is in an answer");
    }
    let blobs = world.engine.items().await;
    let blobs: Vec<Vec<u8>> =
        blobs.iter().flat_map(|item| item.values()).filter_map(|value| value.as_b().ok()).map(|blob| blob.as_ref().to_vec()).collect();
    assert!(blobs.len() >= 5, "sealed bytes are there");
    for secret in &secrets {
        let bytes = secret.as_bytes();
        assert!(blobs.iter().all(|blob| !blob.windows(bytes.len()).any(|window| window == bytes)), "{secret} is not sealed");
    }
}
