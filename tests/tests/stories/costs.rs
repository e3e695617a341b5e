//! What a sync asks of DynamoDB, by the benchmark's own judge at a small size: requests and units are the same on every machine.

use system_tests::contest::toll::About;
use system_tests::contest::{Control, Ours, Outside, Round, rounds};

#[tokio::test]
async fn each_round_writes_whoever_changed_and_nobody_else() {
    let outside = Outside::start(&[300]).await.expect("ports are free");
    let control = Control::of(outside.base.clone()).expect("a client");
    let tenancy = &outside.tenancies[0];
    let mut ours = Ours::start(&outside, tenancy).await.expect("a connection");
    let outcomes = rounds::live(&mut ours, &control, tenancy).await.expect("everybody is stored, and written once");
    assert_eq!(outcomes.iter().map(|outcome| outcome.round).collect::<Vec<_>>(), Round::ALL);
    for outcome in outcomes {
        let (people, round) = (outcome.dynamodb.about(About::People), outcome.round.name());
        let changed = outcome.changed as f64;
        match outcome.round {
            // An item, and entries in the indexes.
            Round::FirstLoad => assert!(people.writes - people.indexes >= changed && people.indexes > 0.0, "{round}: {people:?}"),
            Round::Unchanged => assert!(people.calls == 0 && outcome.dynamodb.write_calls(About::Control) > 0, "{round}: {people:?}"),
            Round::Changed | Round::ResyncChanged => assert_eq!((people.writes, people.indexes), (changed, 0.0), "{round}"),
            Round::ResyncUnchanged => assert_eq!(people.writes, 0.0, "{round}"),
        }
        assert!(outcome.graph.requests > 0 && outcome.graph.bytes > 0, "{round}: {:?}", outcome.graph);
    }
}
