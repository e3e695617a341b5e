//! When a connection is looked at next, and in which shard of the due index it waits.
//!
//! Work is spread by a hash of the connection's id, so that a million connections never fall due together, and an outage's end is
//! no stampede.

use jiff::{SignedDuration, Timestamp};

use crate::health::Health;
use crate::ids::ConnectionId;

/// How many shards the due index has. Each is one key of the index, so the hottest key holds a sixteenth of the work.
pub const SHARDS: u8 = 16;
/// How often a working grant is tried. An access token lives 60 to 90 minutes, so the sync always finds a live one.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens>
pub const CHECK_PERIOD: SignedDuration = SignedDuration::from_mins(45);
/// How often attributes are synced.
pub const SYNC_PERIOD: SignedDuration = SignedDuration::from_mins(15);
/// The longest wait that a server may ask of us.
pub const WAIT_MAX: SignedDuration = SignedDuration::from_hours(1);

/// The wait after the first, second, ... answer that said nothing about the grant.
const UNCLEAR_LADDER: [SignedDuration; 3] = [SignedDuration::from_mins(2), SignedDuration::from_mins(10), SignedDuration::from_mins(30)];
/// The wait before the first, second, ... retest of a suspended grant.
const SUSPENDED_LADDER: [SignedDuration; 3] =
    [SignedDuration::from_hours(1), SignedDuration::from_hours(6), SignedDuration::from_hours(24)];

/// The shard of a connection.
#[must_use]
pub fn shard(connection: &ConnectionId) -> u8 {
    let place = hash(connection.as_str()) % u64::from(SHARDS);
    u8::try_from(place).unwrap_or_default()
}

/// When the grant is tried next; `None` when trying again is of no use.
#[must_use]
pub fn next_check(connection: &ConnectionId, health: &Health, now: Timestamp) -> Option<Timestamp> {
    let wait = match health {
        Health::Healthy | Health::Expiring => CHECK_PERIOD,
        Health::Suspended { retests, .. } => rung(&SUSPENDED_LADDER, *retests),
        Health::OperatorFault { .. } => SignedDuration::from_mins(30),
        Health::AwaitingConsent | Health::Dead { .. } | Health::Disconnected => return None,
    };
    Some(now + spread(connection, wait))
}

/// When to try again after an answer that said nothing: what the server asked for, within bounds, or the next rung of a ladder.
#[must_use]
pub fn after_unclear(connection: &ConnectionId, failures: u32, asked: Option<SignedDuration>, now: Timestamp) -> Timestamp {
    let ladder = rung(&UNCLEAR_LADDER, failures.saturating_sub(1));
    let wait = asked.map_or(ladder, |asked| asked.clamp(SignedDuration::from_secs(1), WAIT_MAX));
    now + spread(connection, wait)
}

/// When attributes are synced next.
#[must_use]
pub fn next_sync(connection: &ConnectionId, now: Timestamp) -> Timestamp {
    now + spread(connection, SYNC_PERIOD)
}

fn rung(ladder: &[SignedDuration; 3], step: u32) -> SignedDuration {
    let index = usize::try_from(step).map_or(ladder.len(), |step| step).min(ladder.len() - 1);
    ladder[index]
}

/// Lengthens a wait by up to an eighth, always by the same part for the same connection.
fn spread(connection: &ConnectionId, wait: SignedDuration) -> SignedDuration {
    let part = i32::try_from(hash(connection.as_str()) >> 8 & 0xff).unwrap_or_default();
    wait + wait / 8 * part / 256
}

/// FNV-1a with a final mix: the same on every machine and in every version, which the standard library's hashes do not promise.
/// Source: <https://www.rfc-editor.org/rfc/rfc9923>
fn hash(text: &str) -> u64 {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let folded = text.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    folded ^ (folded >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(number: u32) -> ConnectionId {
        ConnectionId::mint(u128::from(number).to_be_bytes())
    }

    #[test]
    fn connections_spread_evenly_over_the_shards() {
        let mut counts = [0_u32; SHARDS as usize];
        for number in 0..16_000 {
            counts[usize::from(shard(&connection(number)))] += 1;
        }
        for count in counts {
            assert!((800..1200).contains(&count), "{counts:?}");
        }
    }

    #[test]
    fn checks_of_many_connections_do_not_fall_due_together() {
        let due = |number| next_check(&connection(number), &Health::Healthy, Timestamp::UNIX_EPOCH);
        let times: std::collections::BTreeSet<_> = (0..1000).map(due).collect();
        assert!(times.len() > 200, "{}", times.len());
        for at in times.into_iter().flatten() {
            let wait = at.duration_since(Timestamp::UNIX_EPOCH);
            assert!(wait >= CHECK_PERIOD && wait <= CHECK_PERIOD + CHECK_PERIOD / 8);
        }
    }

    #[test]
    fn the_dead_are_not_asked_again() {
        for health in [Health::AwaitingConsent, Health::Disconnected] {
            assert_eq!(next_check(&connection(1), &health, Timestamp::UNIX_EPOCH), None);
        }
    }

    #[test]
    fn a_servers_wish_is_kept_within_bounds() {
        let wait = |asked| after_unclear(&connection(0), 1, Some(asked), Timestamp::UNIX_EPOCH).duration_since(Timestamp::UNIX_EPOCH);
        assert!(wait(SignedDuration::from_secs(30)) >= SignedDuration::from_secs(30));
        assert!(wait(SignedDuration::from_hours(9_999)) <= WAIT_MAX + WAIT_MAX / 8);
        assert!(wait(SignedDuration::from_secs(-5)) >= SignedDuration::from_secs(1));
    }
}
