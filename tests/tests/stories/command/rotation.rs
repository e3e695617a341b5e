//! Keys: every secret under another one, nobody's lost, whenever it stops.

use adapters::store::reseal::SealedSecret;
use adapters::vault::Vault as _;
use domain::ids::ConnectionId;
use serde_json::json;
use system_tests::World;
use system_tests::engine::Lost;
use system_tests::world::vault;

use super::one;

async fn secrets(world: &World) -> Vec<SealedSecret> {
    let mut secrets = Vec::new();
    let mut from = None;
    loop {
        let (page, next) = world.ports.store.sealed_secrets(from).await.unwrap();
        secrets.extend(page.into_iter().map(Result::unwrap));
        match next {
            Some(next) => from = Some(next),
            None => return secrets,
        }
    }
}

/// How many secrets open under a key.
async fn sealed_under(world: &World, key: u8) -> usize {
    let mut count = 0;
    for secret in secrets(world).await {
        count += usize::from(vault(key).open(&secret.binding, &secret.sealed).await.is_ok());
    }
    count
}

/// Two connections, one of which was checked, a consent that was begun, and a webhook.
async fn stage() -> (World, ConnectionId) {
    let world = World::new().await;
    let id = world.connect_and_sync().await;
    world.check(&id).await;
    world.fleet(1).await;
    world.begin(&id).await;
    world.hears(&["https://hooks.contoso.example/evergrant"]).await;
    (world, id)
}

#[tokio::test]
async fn every_secret_is_sealed_under_the_new_key_and_works() {
    let (mut world, id) = stage().await;
    let all = secrets(&world).await.len();
    assert!(all >= 9, "refresh and access tokens, before and after a check, verifiers, and what a webhook is signed with: {all}");
    assert_eq!((sealed_under(&world, 7).await, sealed_under(&world, 8).await), (all, 0));
    let said = world.command("rotate-keys --to 8 --json", "").await;
    let told = one(&said.lines()).clone();
    assert_eq!((said.code, &told["left"], &told["resealed"], &told["secrets"]), (0, &json!(0), &json!(all), &json!(all)), "{said:?}");
    assert_eq!((sealed_under(&world, 7).await, sealed_under(&world, 8).await), (0, all), "zero on the old key");
    world.ports.vault = std::sync::Arc::new(vault(8));
    assert_eq!(world.check(&id).await, "healthy");
    let again = world.command("rotate-keys --to 8 --json", "").await;
    assert_eq!((again.code, &one(&again.lines())["resealed"]), (0, &json!(0)));
}

#[tokio::test]
async fn a_rotation_that_stops_at_any_write_goes_on_when_it_is_run_again() {
    let (world, _) = stage().await;
    let all = secrets(&world).await.len();
    for lost in [Lost::Request, Lost::Answer].into_iter().cycle().take(all / 2) {
        world.engine.meter.lose("UpdateItem", 0, lost);
        let said = world.command("rotate-keys --to 8", "").await;
        let under = (sealed_under(&world, 7).await, sealed_under(&world, 8).await);
        assert_eq!(under.0 + under.1, all, "each opens under one of them");
        assert!(said.code == 3 || under.0 == 0, "{said:?}");
        world.engine.meter.lose_no_more();
    }
    assert_eq!(world.command("rotate-keys --to 8", "").await.code, 0);
    assert_eq!((sealed_under(&world, 7).await, sealed_under(&world, 8).await), (0, all));
}

#[tokio::test]
async fn a_secret_that_does_not_open_is_named_and_stays() {
    let (world, id) = stage().await;
    assert_eq!(world.command("rotate-keys --to 9", "").await.code, 0);
    let all = secrets(&world).await;
    // Neither the world's own key nor the new one opens them now.
    let said = world.command("rotate-keys --to 8 --json", "").await;
    let told = one(&said.lines()).clone();
    assert_eq!((said.code, &told["resealed"]), (1, &json!(0)), "{said:?}");
    assert!(told["broken"].to_string().contains(id.as_str()), "{told}");
    assert_eq!(secrets(&world).await, all, "nothing was changed");
}
