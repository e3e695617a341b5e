//! When a connection is looked at next, and in which shard of the due index it waits.
//!
//! Work is spread by a hash of the connection's id, so that a million connections never fall due together, and an outage's end is
//! no stampede.

use jiff::{SignedDuration, Timestamp};

use crate::health::{Health, Standing};
use crate::ids::ConnectionId;

/// How many shards the due index has. Each is one key of the index, so the hottest key holds a sixteenth of the work.
pub const SHARDS: u8 = 16;
/// How often a working grant is tried. An access token lives 60 to 90 minutes, so the sync always finds a live one.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens>
pub const CHECK_PERIOD: SignedDuration = SignedDuration::from_mins(45);
/// How often attributes are synced.
pub const SYNC_PERIOD: SignedDuration = SignedDuration::from_mins(15);
/// How often each person's photo is looked at.
pub const PHOTO_PERIOD: SignedDuration = SignedDuration::from_hours(24);
/// The shortest time between two uses of a grant that Entra accepts: it publishes no limit, so ours is far from any.
/// Source: <https://learn.microsoft.com/en-us/entra/msal/dotnet/advanced/exceptions/client-and-server-throttling>
pub const REST: SignedDuration = SignedDuration::from_mins(30);
/// How long before a spare grant is tried again. It only has to be known to work, and Entra forgets it after 90 days unused.
pub const SPARE_PERIOD: SignedDuration = SignedDuration::from_hours(24);
/// A wait is lengthened by up to this part of it, so that connections do not fall due together.
pub const SPREAD: i32 = 8;
/// The longest wait that a server may ask of us.
pub const WAIT_MAX: SignedDuration = SignedDuration::from_hours(1);

/// The wait after the first, second, ... answer that said nothing about the grant.
const UNCLEAR_LADDER: [SignedDuration; 3] = [SignedDuration::from_mins(2), SignedDuration::from_mins(10), SignedDuration::from_mins(30)];
/// The wait before the first, second, ... retest of a suspended grant.
const SUSPENDED_LADDER: [SignedDuration; 3] =
    [SignedDuration::from_hours(1), SignedDuration::from_hours(6), SignedDuration::from_hours(24)];

/// The wait before the second look at a grant that may be dead, a little longer than two verdicts must lie apart.
const SECOND_LOOK: SignedDuration = SignedDuration::from_mins(11);
/// The wait before a spare that could not take over is tried again for a dead grant.
const STAND_IN: SignedDuration = SignedDuration::from_hours(1);
/// The wait before a grant whose verdict is held back during an incident is tried again.
const HELD: SignedDuration = SignedDuration::from_mins(15);

/// Which line a check waits in. Each has its own keys in the due index and its own part of every tick, so that none starves another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// The grant worked when it was last tried.
    Healthy,
    /// It did not, or nothing could be concluded.
    Failing,
    /// It was consented to and never used since.
    First,
}

impl Lane {
    /// All of them, in the order a tick serves them.
    pub const ALL: [Self; 3] = [Self::First, Self::Healthy, Self::Failing];

    /// The kind of work in the due index.
    #[must_use]
    pub fn work(self) -> &'static str {
        match self {
            Self::Healthy => "check",
            Self::Failing => "retry",
            Self::First => "first",
        }
    }
}

/// A part of all shards, so that several ticks share the work: the shards whose number leaves `index` when divided by `parts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    index: u8,
    parts: u8,
}

/// Why two numbers are no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("part must be from 0 to parts - 1, and parts from 1 to {SHARDS}; not {index} of {parts}")]
pub struct InvalidPart {
    index: u8,
    parts: u8,
}

impl Part {
    /// All shards.
    pub const WHOLE: Self = Self { index: 0, parts: 1 };

    /// One of several parts.
    ///
    /// # Errors
    /// [`InvalidPart`] names the bounds.
    pub fn new(index: u8, parts: u8) -> Result<Self, InvalidPart> {
        match (1..=SHARDS).contains(&parts) && index < parts {
            true => Ok(Self { index, parts }),
            false => Err(InvalidPart { index, parts }),
        }
    }

    /// Its shards.
    pub fn shards(self) -> impl Iterator<Item = u8> + Clone {
        (0..SHARDS).filter(move |shard| shard % self.parts == self.index)
    }
}

/// The first of every line, then the second of every line, and so on: whoever runs out of time has served every line alike.
#[must_use]
pub fn in_turn<T>(lines: Vec<Vec<T>>) -> Vec<T> {
    let mut places: Vec<(usize, T)> = lines.into_iter().flat_map(|line| line.into_iter().enumerate()).collect();
    places.sort_by_key(|(place, _)| *place);
    places.into_iter().map(|(_, one)| one).collect()
}

/// The shard of a connection.
#[must_use]
pub fn shard(connection: &ConnectionId) -> u8 {
    let place = hash(connection.as_str()) % u64::from(SHARDS);
    u8::try_from(place).unwrap_or_default()
}

/// When the grant is tried next; `None` when trying again is of no use.
#[must_use]
pub fn next_check(connection: &ConnectionId, standing: &Standing, now: Timestamp) -> Option<Timestamp> {
    let wait = match &standing.health {
        _ if standing.doubted_since.is_some() => SECOND_LOOK,
        Health::Healthy | Health::Expiring => CHECK_PERIOD,
        Health::Suspended { retests, .. } => rung(&SUSPENDED_LADDER, *retests),
        Health::OperatorFault { .. } => SignedDuration::from_mins(30),
        Health::AwaitingConsent | Health::Dead { .. } | Health::Disconnected => return None,
    };
    Some(now + spread(connection, wait))
}

/// The soonest that a grant may be tried again which Entra accepted at `verified_at`.
#[must_use]
pub fn soonest_check(verified_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
    verified_at.map_or(now, |at| now.max(at + REST))
}

/// When to try again after an answer that said nothing: what the server asked for, within bounds, or the next rung of a ladder.
#[must_use]
pub fn after_unclear(connection: &ConnectionId, failures: u32, asked: Option<SignedDuration>, now: Timestamp) -> Timestamp {
    let ladder = rung(&UNCLEAR_LADDER, failures.saturating_sub(1));
    let wait = asked.map_or(ladder, |asked| asked.clamp(SignedDuration::from_secs(1), WAIT_MAX));
    now + spread(connection, wait)
}

/// When a grant is tried next whose verdict was held back during an incident.
#[must_use]
pub fn after_held(connection: &ConnectionId, now: Timestamp) -> Timestamp {
    now + spread(connection, HELD)
}

/// When a spare grant is tried next.
#[must_use]
pub fn next_spare_check(connection: &ConnectionId, now: Timestamp) -> Timestamp {
    now + spread(connection, SPARE_PERIOD)
}

/// When a spare grant is tried next that may take over from a dead one: soon, where a second verdict about it is waited for.
#[must_use]
pub fn next_stand_in(connection: &ConnectionId, doubted_since: Option<Timestamp>, now: Timestamp) -> Timestamp {
    now + spread(connection, if doubted_since.is_some() { SECOND_LOOK } else { STAND_IN })
}

/// When attributes are synced next, where that is wanted `every` so often.
#[must_use]
pub fn next_sync(connection: &ConnectionId, every: SignedDuration, now: Timestamp) -> Timestamp {
    now + spread(connection, every)
}

/// When the next of as many ranges of people has its turn, so that all have had one within about [`PHOTO_PERIOD`].
#[must_use]
pub fn next_photos(connection: &ConnectionId, ranges: u16, now: Timestamp) -> Timestamp {
    now + spread(connection, PHOTO_PERIOD / i32::from(ranges.max(1)))
}

fn rung(ladder: &[SignedDuration; 3], step: u32) -> SignedDuration {
    let index = usize::try_from(step).map_or(ladder.len(), |step| step).min(ladder.len() - 1);
    ladder[index]
}

/// Lengthens a wait by up to the part [`SPREAD`] of it, always by the same part for the same connection.
fn spread(connection: &ConnectionId, wait: SignedDuration) -> SignedDuration {
    let part = i32::try_from(hash(connection.as_str()) >> 8 & 0xff).unwrap_or_default();
    wait + wait / SPREAD * part / 256
}

/// FNV-1a with a final mix: the same on every machine and in every version, which the standard library's hashes do not promise.
/// Source: <https://www.rfc-editor.org/rfc/rfc9923>
pub fn hash(text: &str) -> u64 {
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
        let healthy = Standing::sure(Health::Healthy, Timestamp::UNIX_EPOCH);
        let due = |number| next_check(&connection(number), &healthy, Timestamp::UNIX_EPOCH);
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
            let standing = Standing::sure(health, Timestamp::UNIX_EPOCH);
            assert_eq!(next_check(&connection(1), &standing, Timestamp::UNIX_EPOCH), None);
        }
    }

    #[test]
    fn a_suspicion_is_looked_at_again_when_a_second_verdict_counts() {
        let doubted = Standing { doubted_since: Some(Timestamp::UNIX_EPOCH), ..Standing::sure(Health::Healthy, Timestamp::UNIX_EPOCH) };
        let again = next_check(&connection(1), &doubted, Timestamp::UNIX_EPOCH).unwrap();
        assert!(again.duration_since(Timestamp::UNIX_EPOCH) > crate::health::APART);
    }

    #[test]
    fn parts_share_the_shards_without_overlap() {
        for parts in 1..=SHARDS {
            let mut shards: Vec<u8> = (0..parts).flat_map(|index| Part::new(index, parts).unwrap().shards()).collect();
            shards.sort_unstable();
            assert_eq!(shards, (0..SHARDS).collect::<Vec<_>>());
        }
        for (index, parts) in [(0, 0), (1, 1), (16, 16), (0, 17)] {
            assert!(Part::new(index, parts).is_err(), "{index} of {parts}");
        }
        assert_eq!(Part::new(4, 3).unwrap_err().to_string(), "part must be from 0 to parts - 1, and parts from 1 to 16; not 4 of 3");
    }

    #[test]
    fn every_line_has_its_turn() {
        let lines = vec![vec!["a1", "a2", "a3"], vec![], vec!["c1"], vec!["d1", "d2"]];
        assert_eq!(in_turn(lines), ["a1", "c1", "d1", "a2", "d2", "a3"]);
    }

    #[test]
    fn a_spare_in_doubt_is_tried_again_when_a_second_verdict_counts() {
        let wait =
            |doubted_since| next_stand_in(&connection(1), doubted_since, Timestamp::UNIX_EPOCH).duration_since(Timestamp::UNIX_EPOCH);
        assert!(wait(Some(Timestamp::UNIX_EPOCH)) > crate::health::APART && wait(Some(Timestamp::UNIX_EPOCH)) < STAND_IN);
        assert!(wait(None) >= STAND_IN);
    }

    #[test]
    fn a_servers_wish_is_kept_within_bounds() {
        let wait = |asked| after_unclear(&connection(0), 1, Some(asked), Timestamp::UNIX_EPOCH).duration_since(Timestamp::UNIX_EPOCH);
        assert!(wait(SignedDuration::from_secs(30)) >= SignedDuration::from_secs(30));
        assert!(wait(SignedDuration::from_hours(9_999)) <= WAIT_MAX + WAIT_MAX / 8);
        assert!(wait(SignedDuration::from_secs(-5)) >= SignedDuration::from_secs(1));
    }
}
