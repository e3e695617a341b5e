//! A world that was saved goes on where it stood.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use entra_simulator::{Act, Simulator};
use http::StatusCode;
use jiff::SignedDuration;

use crate::support::{World, settings};

#[tokio::test]
async fn tokens_and_links_outlive_a_restart() {
    let world = World::new();
    world.simulator.add_people(world.tenant, 30);
    world.work(Act::PageSize { people: 10 });
    let refresh = world.grant();
    let access = world.access().await;
    let (_, delta) = world.walk(&access, "/v1.0/users/delta").await;
    let next = world.graph(&access, "/v1.0/users/delta").await.json()["@odata.nextLink"].as_str().unwrap().to_owned();
    world.pass(SignedDuration::from_mins(5));
    world.work(Act::ChangeJobTitles { count: 3 });
    let text = world.simulator.save().to_string();
    let simulator = Simulator::load(settings(), serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(simulator.save().to_string(), text);
    let restarted = World { simulator, tenant: world.tenant, admin: world.admin };
    assert_eq!(restarted.at(), world.at());
    assert_eq!(restarted.simulator.directory(world.tenant), world.simulator.directory(world.tenant));
    assert_eq!(restarted.refresh(&refresh).await.status, StatusCode::OK);
    assert_eq!(restarted.walk(&access, &delta).await.0.concat().len(), 3);
    assert_eq!(restarted.walk(&access, &next).await.0.concat().len(), 21);
}

#[test]
fn a_saved_value_that_is_none_is_refused() {
    assert!(Simulator::load(settings(), serde_json::json!({"apps": 1})).is_err());
    let mut saved = World::new().simulator.save();
    saved["signing_key"]["pem"] = serde_json::json!("no key");
    assert!(Simulator::load(settings(), saved).is_err());
}

#[tokio::test]
async fn hooks_hear_of_changes_and_not_of_tokens_or_the_clock() {
    let world = World::new();
    let heard = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&heard);
    world.simulator.on_change(move |simulator| {
        assert!(simulator.save().is_object(), "a hook can save");
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let token = world.grant();
    assert_eq!(heard.load(Ordering::SeqCst), 1);
    world.refresh(&token).await;
    world.pass(SignedDuration::from_secs(1));
    assert_eq!(heard.load(Ordering::SeqCst), 1);
    assert!(world.simulator.work(uuid::Uuid::nil(), Act::DisableApp).is_err());
    assert_eq!(heard.load(Ordering::SeqCst), 1, "a refused act is no change");
    world.work(Act::DisableApp);
    assert_eq!(heard.load(Ordering::SeqCst), 2);
}
