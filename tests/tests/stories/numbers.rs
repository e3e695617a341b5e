//! The product's own numbers: what is counted when, and that none tells of anybody.

use adapters::metrics::{Metric, Noted, gather};
use domain::api::HealthWord;
use domain::silence;
use entra_simulator::Act;
use jiff::SignedDuration;
use system_tests::World;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What the schedules do within a minute.
async fn minute(world: &World) {
    world.pass(MINUTE);
    world.tick().await;
    attribute_sync::tick(&world.ports).await.unwrap();
    world.drain().await;
}

async fn hours(world: &World, hours: u32) {
    for _ in 0..hours * 60 {
        minute(world).await;
    }
}

fn silent(noted: &Noted) -> f64 {
    noted.sum(&Metric::SilentStaleMinutes).unwrap_or_default()
}

#[tokio::test]
async fn a_death_that_is_found_in_time_leaves_nothing_silently_stale() {
    let world = World::with_people(2).await;
    world.connect_and_sync().await;
    let ((), well) = gather(hours(&world, 3)).await;
    assert_eq!(silent(&well), 0.0);
    assert!(well.sum(&Metric::RefreshesAccepted).is_some_and(|count| count >= 3.0), "{well:?}");
    world.work(Act::RevokeSessions { user: world.admin });
    let ((), dead) = gather(hours(&world, 6)).await;
    assert_eq!(silent(&dead), 0.0);
    assert!(dead.sum(&Metric::Connections(HealthWord::Dead)).is_some_and(|count| count > 10.0), "{dead:?}");
}

#[tokio::test]
async fn a_death_that_is_found_late_is_counted_by_the_minute_and_once() {
    let world = World::with_people(2).await;
    let id = world.connect_and_sync().await;
    world.work(Act::RevokeSessions { user: world.admin });
    let as_of = world.ports.store.walk(&id).await.unwrap().unwrap().0.as_of.unwrap();
    // Nobody ticks.
    world.pass(SignedDuration::from_hours(5));
    let every = domain::attribute::Choice::default().every();
    let broken_at = as_of + silence::promised(every);
    let ((), found) = gather(minute(&world)).await;
    let expected = world.now().duration_since(broken_at).as_secs_f64() / 60.0;
    assert!((silent(&found) - expected).abs() < 0.1, "{} instead of {expected}", silent(&found));
    assert_eq!(world.health(&id).await, "dead");
    let ((), after) = gather(hours(&world, 2)).await;
    assert_eq!(silent(&after), 0.0, "each minute once, and none since it is told");
}

#[tokio::test]
async fn a_sync_that_stands_still_is_counted_when_it_goes_on() {
    let world = World::with_people(2).await;
    world.connect_and_sync().await;
    for _ in 0..10 {
        world.pass(SignedDuration::from_mins(30));
        world.tick().await;
    }
    let ((), noted) = gather(minute(&world)).await;
    assert!((260.0..280.0).contains(&silent(&noted)), "{}", silent(&noted));
    assert!(noted.sum(&Metric::SyncLag).is_some());
    let ((), after) = gather(hours(&world, 1)).await;
    assert_eq!(silent(&after), 0.0);
}

#[tokio::test]
async fn connections_by_health_are_about_as_many_as_there_are() {
    let world = World::new().await;
    let fleet = world.fleet(6).await;
    world.drain().await;
    world.pass(MINUTE);
    world.simulator.work(fleet[0].tenant, Act::RevokeSessions { user: fleet[0].admin }).unwrap();
    hours(&world, 2).await;
    let ((), noted) = gather(hours(&world, 4)).await;
    let quarters = 16.0;
    let count = |health| noted.sum(&Metric::Connections(health)).unwrap_or_default() / quarters;
    assert!((4.4..=5.1).contains(&count(HealthWord::Healthy)), "{}", count(HealthWord::Healthy));
    assert!((0.8..=1.1).contains(&count(HealthWord::Dead)), "{}", count(HealthWord::Dead));
}

#[tokio::test]
async fn an_end_is_foreseen_missed_or_nobodys_to_know() {
    let world = World::new().await;
    let id = world.connect().await;
    world.work(Act::SignInFrequency { seconds: Some(14 * 24 * 3600), enforced: true });
    world.pass(DAY * 14 + MINUTE);
    let (_, first) = gather(world.verdict(&id)).await;
    let ends = |noted: &Noted| [Metric::ForecastHits, Metric::ForecastMisses, Metric::EndsUnforeseeable].map(|metric| noted.sum(&metric));
    assert_eq!(ends(&first), [None, Some(1.0), None], "{first:?}");
    assert_eq!(world.consent(&id).await["state"], "succeeded");
    let ends_at = world.stored(&id).await.body.forecast.unwrap().ends_at;
    world.set_now(ends_at - DAY * 7 + MINUTE);
    assert_eq!(world.check(&id).await, "expiring");
    world.set_now(ends_at + MINUTE);
    let (_, second) = gather(world.verdict(&id)).await;
    assert_eq!(ends(&second), [Some(1.0), None, None], "{second:?}");
    let days = second.sum(&Metric::ForecastLead).unwrap() / DAY.as_secs_f64();
    assert!((6.9..7.1).contains(&days), "{days}");
    assert_eq!(world.consent(&id).await["state"], "succeeded");
    world.work(Act::ResetAdminPassword { user: world.admin });
    let (_, third) = gather(world.verdict(&id)).await;
    assert_eq!(ends(&third), [None, None, Some(1.0)], "{third:?}");
    let causes: Vec<String> = third.names().into_iter().filter(|name| name.starts_with("RefreshesRefused.")).collect();
    assert_eq!(causes.len(), 1, "{causes:?}");
}

#[tokio::test]
async fn throttles_and_late_checks_are_counted() {
    let world = World::with_people(2).await;
    let id = world.connect_and_sync().await;
    world.wire.bend(|uri, response| {
        if uri.path().ends_with("/users/delta") {
            *response.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
        }
    });
    let at = world.stored(&id).await.check_at.unwrap();
    world.set_now(at + SignedDuration::from_mins(7));
    let ((), noted) = gather(minute(&world)).await;
    assert!(noted.sum(&Metric::GraphThrottles).is_some_and(|count| count >= 1.0), "{noted:?}");
    assert_eq!(noted.sum(&Metric::CheckDelay), Some(480.0));
    assert_eq!(noted.sum(&Metric::ChecksLeft), Some(0.0));
}

#[tokio::test]
async fn no_number_tells_of_anybody() {
    let world = World::with_people(3).await;
    let id = world.connect_and_sync().await;
    let story = async {
        hours(&world, 1).await;
        world.work(Act::RevokeSessions { user: world.admin });
        world.verdict(&id).await;
        hours(&world, 1).await;
    };
    let ((), noted) = gather(story).await;
    let names = noted.names().join(" ");
    let mut private: Vec<String> = world.wire.secrets().into_iter().collect();
    private.extend([id.to_string(), world.tenant.to_string(), world.admin.to_string(), "acme".to_owned(), "contoso".to_owned()]);
    for text in private {
        assert!(!names.to_lowercase().contains(&text.to_lowercase()), "{text} in {names}");
    }
    assert!(noted.names().len() >= 6, "{names}");
}
