//! How good the forecasts must stay, over two years of many kinds of tenants. `cargo bench -p system-tests --bench forecast` prints all.

use domain::api::Confidence;
use system_tests::foresight::tenant::Kind;
use system_tests::foresight::{Score, score};

const TENANTS: u32 = 5;

#[test]
fn forecasts_come_true_as_often_as_their_confidence_says() {
    let score = score(TENANTS, 7);
    holds_confidence(&score);
    holds_warnings(&score);
}

fn holds_confidence(score: &Score) {
    for (level, share, share_of_worst) in [(Confidence::High, 0.95, 0.85), (Confidence::Medium, 0.65, 0.3), (Confidence::Low, 0.6, 0.0)] {
        let (all, worst) = score.level(level);
        assert!(all.came_true > 20, "{level:?}: {all:?} is too little to judge by\n{score}");
        assert!(all.share() >= share, "{level:?}: {all:?}\n{score}");
        assert!(worst.is_some_and(|(_, tally)| tally.share() >= share_of_worst), "{level:?}: {worst:?}\n{score}");
    }
}

fn holds_warnings(score: &Score) {
    for (kind, of_kind) in &score.kinds {
        let sent = of_kind.warnings;
        match kind {
            kind if kind.is_without_evidence() => {
                assert_eq!(sent.came_true + sent.wrong + sent.cut_short, 0, "{kind}: nothing is known\n{score}");
            }
            Kind::RememberMfa(_) | Kind::SignInFrequency(_) | Kind::SinglePage => {
                assert_eq!((of_kind.missed, sent.wrong), (TENANTS, 0), "{kind}: only the first end of each comes unforeseen\n{score}");
            }
            Kind::Credential => assert_eq!((of_kind.in_time, sent.wrong), (of_kind.ends, 0), "{kind}\n{score}"),
            Kind::Changing | Kind::MfaAndResets | Kind::Leavers => assert!(sent.share() >= 0.8, "{kind}: {sent:?}\n{score}"),
            Kind::OddFactors => assert!(sent.wrong * 10 <= of_kind.ends, "{kind}: {sent:?}\n{score}"),
            Kind::Resets | Kind::Deferred | Kind::Quiet => unreachable!("told above"),
        }
    }
}
