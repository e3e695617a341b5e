//! What a run is made of: all of it follows from a seed, but for plans that name each fault.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::chance::Seeded;

/// What goes wrong at one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request never arrives, and that is noticed at once.
    LostRequest,
    /// It is carried out, and the answer never arrives, which is noticed at once.
    LostAnswer,
    /// It is carried out, and nothing is ever heard of it.
    Silence,
    /// The invocation dies before it.
    CrashBefore,
    /// The invocation dies after it.
    CrashAfter,
    /// The invocation stands still before it, for longer than any lease.
    Freeze,
    /// It is refused for now: a throttle, an outage, a page of a proxy.
    Throttle,
    /// It is carried out long after the asker gave up.
    Late,
}

/// Every kind of fault.
pub const FAULTS: [Fault; 8] = [
    Fault::LostRequest,
    Fault::LostAnswer,
    Fault::Silence,
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::Freeze,
    Fault::Throttle,
    Fault::Late,
];

/// How often which fault comes, in a thousand.
const OFTEN: [(Fault, u64); 8] = [
    (Fault::LostRequest, 200),
    (Fault::LostAnswer, 200),
    (Fault::Silence, 80),
    (Fault::CrashBefore, 120),
    (Fault::CrashAfter, 120),
    (Fault::Freeze, 90),
    (Fault::Throttle, 100),
    (Fault::Late, 90),
];

/// What becomes of an old refresh token when it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// It stays valid: Entra.
    Lasting,
    /// It is good for 30 s more; later it ends all of its family.
    Grace,
    /// It ends at once, and used again it ends all of its family.
    SingleUse,
}

/// Which faults come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weather {
    /// None.
    Calm,
    /// These, by the number of the step.
    Exact(BTreeMap<u32, Fault>),
    /// So many in a thousand steps.
    Stormy(u64),
}

/// Something that happens in a customer's tenant, or to the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// The admin's password is reset, for good.
    PasswordReset,
    /// The admin's sessions are revoked, for good.
    Revoked,
    /// A second factor is demanded that the grant has not.
    SecondFactor,
    /// A policy blocks the app for a while.
    Block,
    /// The admin's account is disabled for a while.
    Disabled,
    /// Consent is withdrawn.
    Withdrawn,
    /// The operator's secret is refused for a while, in every tenant.
    Secret,
    /// Entra finds that we ask too often.
    Loop,
    /// Entra answers 503, 429 or a page for a while.
    Outage,
    /// Entra gives no new refresh token.
    NoToken,
    /// What blocks is lifted.
    Healed,
    /// The admin consents anew.
    Consent,
    /// The admin begins to consent, and leaves.
    Abandoned,
    /// Two admins consent at once.
    TwoConsents,
}

const HAPPENINGS: [Happening; 14] = [
    Happening::PasswordReset,
    Happening::Revoked,
    Happening::SecondFactor,
    Happening::Block,
    Happening::Disabled,
    Happening::Withdrawn,
    Happening::Secret,
    Happening::Loop,
    Happening::Outage,
    Happening::NoToken,
    Happening::Healed,
    Happening::Consent,
    Happening::Abandoned,
    Happening::TwoConsents,
];

/// What there is to sync at each customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Directory {
    /// How many people there are at first, besides the admin.
    pub people: u32,
    /// How many of them Graph puts on a page.
    pub page_size: u32,
    /// How often something moves there, in a thousand requests for a page: before the answer, and as often after it.
    pub stirs: u64,
}

/// So many runs in a thousand have a directory that moves; the others go on as before, and faster.
const SYNCED: u64 = 100;

/// A run before it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Where its chance comes from.
    pub seed: u64,
    /// How many connections there are.
    pub connections: usize,
    /// What becomes of old tokens.
    pub provider: Provider,
    /// Which faults come.
    pub weather: Weather,
    /// How long they come.
    pub lasts: SignedDuration,
    /// What happens when, to which connection.
    pub happenings: Vec<(SignedDuration, usize, Happening)>,
    /// How many in a thousand ticks are delivered twice.
    pub twice: u64,
    /// How far clocks may be off, either way; two of them are then twice as far apart.
    pub skew_max: SignedDuration,
    /// Whether it goes on when all is well again, to see how often Entra is asked then.
    pub lingers: bool,
    /// What there is to sync, where the sync works too.
    pub directory: Option<Directory>,
}

impl Directory {
    /// The directory of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let chance = Seeded::new(seed ^ 0xd1_4ec7);
        let from = |least: u64, most: u64| u32::try_from(least + chance.below(most - least + 1)).unwrap_or_default();
        let (people, page_size) = (from(3, 12), from(2, 4));
        let stirs = [100, 300, 600][usize::try_from(chance.below(3)).unwrap_or_default()];
        Self { people, page_size, stirs }
    }
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let chance = Seeded::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5eed);
        let minutes = |from: u64, to: u64| SignedDuration::from_mins(i64::try_from(from + chance.below(to - from)).unwrap_or_default());
        let connections = 1 + usize::try_from(chance.below(3)).unwrap_or_default();
        let lasts = minutes(60, 220);
        let weather = match chance.below(10) {
            0 => Weather::Calm,
            1..=4 => Weather::Stormy(15),
            5..=8 => Weather::Stormy(50),
            _ => Weather::Stormy(120),
        };
        let count = chance.below(5);
        let pick = || HAPPENINGS[usize::try_from(chance.below(HAPPENINGS.len() as u64)).unwrap_or_default()];
        let place = || usize::try_from(chance.below(connections as u64)).unwrap_or_default();
        let mut happenings: Vec<_> = (0..count).map(|_| (minutes(0, 200), place(), pick())).collect();
        if chance.happens(400) {
            happenings.push((minutes(0, 200), place(), Happening::Consent));
        }
        happenings.retain(|(at, ..)| *at < lasts);
        happenings.sort_by_key(|(at, ..)| *at);
        let provider = match chance.below(5) {
            0..=2 => Provider::Lasting,
            3 => Provider::Grace,
            _ => Provider::SingleUse,
        };
        let twice = [0, 300, 1000][usize::try_from(chance.below(3)).unwrap_or_default()];
        let skew_max = SignedDuration::from_millis(i64::try_from(chance.below(1_000)).unwrap_or_default());
        let lingers = weather == Weather::Calm || chance.happens(150);
        let directory = chance.happens(SYNCED).then(|| Directory::of(seed));
        Self { seed, connections, provider, weather, lasts, happenings, twice, skew_max, lingers, directory }
    }

    /// The plan of a seed, and a directory in any case.
    #[must_use]
    pub fn with_directory(seed: u64) -> Self {
        Self { directory: Some(Directory::of(seed)), ..Self::of(seed) }
    }

    /// The standard run, in which exactly these faults come: one connection, one check, every tick twice.
    #[must_use]
    pub fn exact(faults: BTreeMap<u32, Fault>, provider: Provider) -> Self {
        Self {
            seed: 1,
            connections: 1,
            provider,
            weather: Weather::Exact(faults),
            lasts: SignedDuration::from_mins(10),
            happenings: Vec::new(),
            twice: 1000,
            skew_max: SignedDuration::ZERO,
            lingers: false,
            directory: None,
        }
    }

    /// The standard run of the sync: the same, and a directory of a few people that is loaded and moves.
    #[must_use]
    pub fn exact_sync(faults: BTreeMap<u32, Fault>) -> Self {
        let directory = Directory { people: 4, page_size: 2, stirs: 300 };
        let lasts = SignedDuration::from_mins(25);
        Self { directory: Some(directory), lasts, ..Self::exact(faults, Provider::Lasting) }
    }

    /// Draws a fault.
    #[must_use]
    pub fn fault(chance: &Seeded) -> Fault {
        chance.among(&OFTEN)
    }
}
