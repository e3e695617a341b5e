//! What several stories look at.

use domain::ids::ConnectionId;
use system_tests::World;
use system_tests::engine::Item;

/// Everything stored that makes a connection's grant: the connection, its tokens, its notices. In order, to be compared.
pub(crate) async fn grant_items(world: &World, id: &ConnectionId) -> Vec<Item> {
    let text = |item: &Item, name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    let is_grant =
        |item: &Item| text(item, "pk") == format!("connection#{id}") && !["attempt", "walk"].contains(&text(item, "sk").as_str());
    let mut items: Vec<Item> = world.engine.items().await.into_iter().filter(is_grant).collect();
    items.sort_by_key(|item| text(item, "sk"));
    items
}
