//! What a tenant does to the grants that it gave, and what the product can see of it.

use std::fmt;

use adapters::entropy::Entropy as _;
use domain::forecast::{Account, Consenter};
use domain::refusal::{self, Answer, ErrorBody, Failure, Refusal};
use domain::schedule::CHECK_PERIOD;
use jiff::{SignedDuration, Timestamp};

use crate::chance::Seeded;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How long a tenant is watched.
const WATCHED: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);
/// How long before somebody leaves the directory says so.
const LEAVE_NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What kind of tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Remembers multi-factor authentication for so many days.
    RememberMfa(u16),
    /// Enforces a sign-in frequency of so many days.
    SignInFrequency(u16),
    /// Remembers multi-factor authentication for 30 days; passwords are reset, and a later sign-in may ride on an older second factor.
    MfaAndResets,
    /// Changes its policy twice in two years: another length, another kind, or none.
    Changing,
    /// Resets passwords and revokes sessions now and then, and nothing else.
    Resets,
    /// Asks single people for a new second factor at odd times, by no rule.
    OddFactors,
    /// Has a sign-in frequency that spares confidential clients; resets passwords.
    Deferred,
    /// Connected through a redirect address of a single-page application.
    SinglePage,
    /// The operator's credential ends every year.
    Credential,
    /// People leave, and most directories say when.
    Leavers,
    /// Nothing ever happens.
    Quiet,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::RememberMfa(7),
        Self::RememberMfa(14),
        Self::RememberMfa(30),
        Self::RememberMfa(60),
        Self::RememberMfa(90),
        Self::SignInFrequency(1),
        Self::SignInFrequency(14),
        Self::SignInFrequency(30),
        Self::MfaAndResets,
        Self::Changing,
        Self::Resets,
        Self::OddFactors,
        Self::Deferred,
        Self::SinglePage,
        Self::Credential,
        Self::Leavers,
        Self::Quiet,
    ];

    pub(super) fn number(self) -> u8 {
        Self::ALL.iter().position(|kind| *kind == self).and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
    }

    /// Whether nothing that happens there can be foreseen, so that every warning would be false.
    #[must_use]
    pub fn is_without_evidence(self) -> bool {
        matches!(self, Self::Resets | Self::Deferred | Self::Quiet)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RememberMfa(days) => write!(out, "remember MFA for {days} days"),
            Self::SignInFrequency(days) => write!(out, "sign-in frequency of {days} days"),
            Self::MfaAndResets => out.write_str("remember MFA for 30 days, password resets"),
            Self::Changing => out.write_str("changing policies"),
            Self::Resets => out.write_str("password resets and revocations only"),
            Self::OddFactors => out.write_str("second factors asked for at odd times"),
            Self::Deferred => out.write_str("sign-in frequency that spares us"),
            Self::SinglePage => out.write_str("single-page application, 24 hours"),
            Self::Credential => out.write_str("our credential ends"),
            Self::Leavers => out.write_str("people leave"),
            Self::Quiet => out.write_str("nothing happens"),
        }
    }
}

/// What ended a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A sign-in frequency of so long.
    Frequency(SignedDuration),
    /// The second factor grew too old.
    SecondFactor,
    /// The fixed life of a single-page application's token.
    SinglePage,
    /// A password reset, or sessions revoked.
    Reset,
    /// The operator's credential ended.
    Credential,
    /// The account was disabled because its person left.
    Left,
}

impl Cause {
    /// Whether the grant's age ended it.
    #[must_use]
    pub fn is_age(self) -> bool {
        matches!(self, Self::Frequency(_) | Self::SecondFactor | Self::SinglePage)
    }

    /// Whether nothing tells it beforehand.
    #[must_use]
    pub fn is_sudden(self) -> bool {
        matches!(self, Self::Reset)
    }

    /// Entra's answer.
    ///
    /// # Panics
    /// When the rules take it for no refusal.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        let (error, text) = match self {
            Self::Frequency(length) => {
                let seconds = length.as_secs();
                let text = format!(
                    "AADSTS70043: The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. The token \
                     was issued on 2026-01-01T00:00:00.0000000Z and the maximum allowed lifetime for this request is {seconds}."
                );
                ("invalid_grant", text)
            }
            Self::SecondFactor => ("invalid_grant", "AADSTS50078: Presented multi-factor authentication has expired.".to_owned()),
            Self::SinglePage => ("invalid_grant", "AADSTS700084: The refresh token was issued to a single page app.".to_owned()),
            Self::Reset => ("invalid_grant", "AADSTS50173: The provided grant has expired due to it being revoked.".to_owned()),
            Self::Credential => ("invalid_client", "AADSTS7000222: The provided client secret keys are expired.".to_owned()),
            Self::Left => ("invalid_grant", "AADSTS50057: The user account is disabled.".to_owned()),
        };
        let body = ErrorBody { error: error.to_owned(), error_description: Some(text), ..ErrorBody::default() };
        match refusal::read(Answer { status: 400, body: Some(body), ..Answer::default() }) {
            Failure::Refused(refusal) => *refusal,
            Failure::Unclear(unclear) => panic!("{unclear:?}"),
        }
    }
}

/// When a grant ends, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// By what.
    pub cause: Cause,
}

#[derive(Debug, Clone, Copy)]
enum Policy {
    None,
    Frequency(SignedDuration),
    RememberMfa(SignedDuration),
}

/// A planned leave: when the directory says it is, and when the account is disabled, if it is.
#[derive(Debug, Clone, Copy)]
struct Leave {
    told_at: Option<Timestamp>,
    disabled_at: Option<Timestamp>,
}

/// One tenant's two years.
pub struct Tenant<'a> {
    /// What kind it is.
    pub kind: Kind,
    chance: &'a Seeded,
    /// From when on which policy holds, in order.
    policies: Vec<(Timestamp, Policy)>,
    resets: Vec<Timestamp>,
    leaves: Vec<Leave>,
    /// Spells in which Entra's answers say nothing.
    outages: Vec<(Timestamp, Timestamp)>,
    /// How much older than the sign-in its second factor is.
    factor_lag: SignedDuration,
}

impl<'a> Tenant<'a> {
    /// A tenant of a kind, by chance.
    pub fn of(kind: Kind, chance: &'a Seeded) -> Self {
        let start = Timestamp::UNIX_EPOCH;
        let mut tenant = Self {
            kind,
            chance,
            policies: Vec::new(),
            resets: Vec::new(),
            leaves: Vec::new(),
            outages: Vec::new(),
            factor_lag: SignedDuration::ZERO,
        };
        let days = |days: u16| DAY * i32::from(days);
        tenant.policies = match kind {
            Kind::RememberMfa(length) => vec![(start, Policy::RememberMfa(days(length)))],
            Kind::MfaAndResets => vec![(start, Policy::RememberMfa(days(30)))],
            Kind::SignInFrequency(length) => vec![(start, Policy::Frequency(days(length)))],
            Kind::Changing => {
                let (first, second) = (tenant.within(WATCHED / 2), WATCHED / 2 + tenant.within(WATCHED / 2));
                vec![(start, tenant.any_policy()), (start + first, tenant.any_policy()), (start + second, tenant.any_policy())]
            }
            _ => vec![(start, Policy::None)],
        };
        if matches!(kind, Kind::Resets | Kind::OddFactors | Kind::Deferred | Kind::MfaAndResets) {
            tenant.resets = tenant.moments(DAY * 100);
        }
        if kind == Kind::Leavers {
            tenant.leaves = tenant.moments(DAY * 250).into_iter().map(|at| tenant.leave(at)).collect();
        }
        tenant.outages = tenant.moments(DAY * 50).into_iter().map(|at| (at, at + tenant.within(HOUR * 12))).collect();
        tenant
    }

    /// When it connects.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + DAY
    }

    /// When the two years are over.
    #[must_use]
    pub fn finish(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + WATCHED
    }

    /// When and by what a grant ends whose person signed in at `signed_in_at`; `None` when it lives longer than it is watched.
    pub fn end_of(&mut self, signed_in_at: Timestamp) -> Option<End> {
        // What reading the consent page takes lies between the sign-in and what we note as such.
        let authenticated_at = signed_in_at - self.within(HOUR / 6);
        let by_policy = (0..self.policies.len()).filter_map(|index| self.end_by_policy(index, authenticated_at));
        let next = |at: &&Timestamp| **at > signed_in_at;
        let sudden = if self.kind == Kind::OddFactors { Cause::SecondFactor } else { Cause::Reset };
        let by_reset = self.resets.iter().find(next).map(|at| End { at: *at, cause: sudden });
        let left = self.leaves.iter().filter_map(|leave| leave.disabled_at).find(|at| *at > signed_in_at);
        let by_leave = left.map(|at| End { at, cause: Cause::Left });
        let by_credential = self.credential_ends_at(signed_in_at).map(|at| End { at, cause: Cause::Credential });
        let is_single_page = self.kind == Kind::SinglePage;
        let by_page = is_single_page.then(|| End { at: authenticated_at + DAY, cause: Cause::SinglePage });
        let ends = by_policy.chain(by_reset).chain(by_leave).chain(by_credential).chain(by_page);
        ends.filter(|end| end.at < self.finish()).min_by_key(|end| end.at)
    }

    fn end_by_policy(&self, index: usize, authenticated_at: Timestamp) -> Option<End> {
        let (from, policy) = self.policies[index];
        let until = self.policies.get(index + 1).map_or(Timestamp::MAX, |(next, _)| *next);
        let (due_at, cause) = match policy {
            Policy::None => return None,
            Policy::Frequency(length) => (authenticated_at + length, Cause::Frequency(length)),
            Policy::RememberMfa(length) => (authenticated_at - self.factor_lag + length, Cause::SecondFactor),
        };
        let at = due_at.max(from);
        (at < until).then_some(End { at, cause })
    }

    /// When somebody repairs the connection after this end: an hour to three days later.
    pub fn repair(&mut self, end: &End) -> Timestamp {
        let at = end.at + HOUR + self.within(DAY * 3);
        // Whose second factor ended the grant gives it anew; another sign-in may ride on one that the browser remembers.
        let is_remembered = self.kind == Kind::MfaAndResets && end.cause == Cause::Reset && self.draw(2) == 0;
        self.factor_lag = if is_remembered { self.within(DAY * 29) } else { SignedDuration::ZERO };
        at
    }

    /// When the check after the one at `now` gets an answer. Far from the end fewer are looked at than are made.
    pub fn next_check(&self, now: Timestamp, end: Option<&End>) -> Timestamp {
        let is_close = end.is_some_and(|end| end.at.duration_since(now).abs() < DAY);
        let wait = if is_close { CHECK_PERIOD + self.within(CHECK_PERIOD / 8) } else { HOUR * 6 };
        let at = now + wait;
        let outage = self.outages.iter().find(|(from, until)| (*from..*until).contains(&at));
        outage.map_or(at, |(_, until)| *until + self.within(HOUR / 2))
    }

    /// What the directory says about the person who signed in at `signed_in_at`.
    #[must_use]
    pub fn consenter(&self, signed_in_at: Timestamp, now: Timestamp) -> Consenter {
        let is_theirs = |leave: &&Leave| leave.disabled_at.is_none_or(|at| at > signed_in_at);
        let is_told = |at: &Timestamp| *at > signed_in_at && *at > now - DAY && *at < now + LEAVE_NOTICE;
        Consenter::Present {
            account: Account::Enabled,
            sessions_valid_from: self.resets.iter().rfind(|at| **at <= now && self.kind != Kind::OddFactors).copied(),
            password_changed_at: None,
            leaves_at: self.leaves.iter().filter(is_theirs).filter_map(|leave| leave.told_at).find(is_told),
        }
    }

    /// When the operator's credential ends: it is replaced just after, every year.
    #[must_use]
    pub fn credential_ends_at(&self, now: Timestamp) -> Option<Timestamp> {
        let ends = [Timestamp::UNIX_EPOCH + DAY * 345, Timestamp::UNIX_EPOCH + DAY * 710];
        ends.into_iter().find(|at| self.kind == Kind::Credential && *at > now)
    }

    fn leave(&self, at: Timestamp) -> Leave {
        let told_at = (self.draw(10) < 6).then_some(at);
        let disabled_at = (self.draw(10) < 9).then(|| at - HOUR * 12 + self.within(DAY));
        Leave { told_at, disabled_at }
    }

    fn any_policy(&self) -> Policy {
        let length = DAY * [7, 14, 30, 60, 90][self.draw(5)];
        match self.draw(5) {
            0 => Policy::None,
            1 | 2 => Policy::Frequency(length),
            _ => Policy::RememberMfa(length),
        }
    }

    /// Moments over the two years, so far apart on average, in order.
    fn moments(&self, apart: SignedDuration) -> Vec<Timestamp> {
        let mut moments = Vec::new();
        let mut at = Timestamp::UNIX_EPOCH + self.within(apart * 2);
        while at < self.finish() {
            moments.push(at);
            at += HOUR + self.within(apart * 2);
        }
        moments
    }

    fn within(&self, longest: SignedDuration) -> SignedDuration {
        let seconds = usize::try_from(longest.as_secs()).unwrap_or(1).max(1);
        SignedDuration::from_secs(i64::try_from(self.draw(seconds)).unwrap_or_default())
    }

    fn draw(&self, below: usize) -> usize {
        let mut bytes = [0; 8];
        self.chance.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % below as u64).unwrap_or_default()
    }
}
