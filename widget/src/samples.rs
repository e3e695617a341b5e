//! Statuses for tests; the browser's tests read the same files.

use crate::moment::Moment;
use domain::api::ConnectionStatus;

/// The server's time in every sample: 8 May 2026, 10:00 UTC.
pub(crate) fn now() -> Moment {
    Moment::from_milliseconds(1_778_234_400_000.0)
}

/// Every health.
pub(crate) const HEALTHS: [&str; 7] = ["awaiting-consent", "healthy", "expiring", "suspended", "dead", "operator-fault", "disconnected"];

/// The sample of one health, or that of a connection which the app itself reads.
pub(crate) fn status(health: &str) -> ConnectionStatus {
    let json = match health {
        "awaiting-consent" => include_str!("../samples/awaiting-consent.json"),
        "healthy" => include_str!("../samples/healthy.json"),
        "expiring" => include_str!("../samples/expiring.json"),
        "suspended" => include_str!("../samples/suspended.json"),
        "dead" => include_str!("../samples/dead.json"),
        "app-only" => include_str!("../samples/app-only.json"),
        "held" => include_str!("../samples/held.json"),
        "operator-fault" => include_str!("../samples/operator-fault.json"),
        _ => include_str!("../samples/disconnected.json"),
    };
    serde_json::from_str(json).expect("the samples are statuses")
}
