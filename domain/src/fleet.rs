//! Many grants that fail alike at once are one incident, Microsoft's or ours, and not many customers' faults.
//!
//! While an incident is open, verdicts like it are held back: health stays what it was, nobody is told to reconnect, and the grant is
//! tried again soon. It ends by itself: our own credential as soon as Entra accepts it again, everything else when nothing like it was
//! seen for a while. What still fails after a day is no passing incident, and its verdicts stand.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::diagnosis;
use crate::refusal::{ErrorWord, Refusal};

/// When failures are an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// How many grants must fail alike within [`WINDOW`], at least.
    pub alike_min: u32,
    /// What share of all checks of that time they must be, at least, in percent.
    pub share_percent_min: u32,
    /// An incident with nothing like it for so long is over.
    pub quiet: SignedDuration,
    /// An incident that lasts so long is none: verdicts like it stand from then on.
    pub longest: SignedDuration,
}

/// How far back failures are counted.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(10);

impl Default for Guard {
    fn default() -> Self {
        Self { alike_min: 10, share_percent_min: 10, quiet: SignedDuration::from_mins(30), longest: SignedDuration::from_hours(24) }
    }
}

/// What fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trouble", content = "cause", rename_all = "kebab-case")]
pub enum Trouble {
    /// Entra does not accept the operator's own credential.
    Credential,
    /// Many grants are refused for this cause.
    Alike(String),
}

/// One incident, open or the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// What fails.
    pub trouble: Trouble,
    /// Since when it is one.
    pub opened_at: Timestamp,
    /// When something like it was last seen.
    pub seen_at: Timestamp,
    /// When and why it ended.
    pub ended: Option<Ended>,
}

/// The end of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: EndedWhy,
}

/// Why an incident ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndedWhy {
    /// It passed.
    Passed,
    /// It lasts, so it is no incident.
    Lasting,
}

/// What was counted within [`WINDOW`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Grants that failed for the cause in question.
    pub alike: u32,
    /// All checks.
    pub checks: u32,
}

/// What becomes of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It stands.
    Stands,
    /// It is held back.
    Held,
    /// It is held back, and opens an incident.
    Opens,
}

impl Trouble {
    /// The trouble that a refusal would be an instance of.
    #[must_use]
    pub fn of(refusal: &Refusal) -> Self {
        match refusal.error {
            ErrorWord::InvalidClient => Self::Credential,
            _ => Self::Alike(diagnosis::diagnose(refusal).cause),
        }
    }
}

impl Incident {
    /// One that begins now.
    #[must_use]
    pub fn begin(trouble: Trouble, now: Timestamp) -> Self {
        Self { trouble, opened_at: now, seen_at: now, ended: None }
    }

    /// Whether it goes on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }
}

impl Guard {
    /// Decides whether a refusal is the grant's own or part of an incident.
    #[must_use]
    pub fn weigh(&self, last: Option<&Incident>, refusal: &Refusal, tally: Tally, now: Timestamp) -> Weight {
        let trouble = Trouble::of(refusal);
        let alike = last.filter(|incident| incident.trouble == trouble);
        match alike.map(|incident| incident.ended) {
            Some(None) => return Weight::Held,
            Some(Some(Ended { at, why: EndedWhy::Lasting })) if now.duration_since(at) < self.longest => return Weight::Stands,
            _ => {}
        }
        let is_many =
            tally.alike >= self.alike_min && u64::from(tally.alike) * 100 >= u64::from(tally.checks) * u64::from(self.share_percent_min);
        match trouble {
            Trouble::Credential => Weight::Opens,
            Trouble::Alike(_) if is_many => Weight::Opens,
            Trouble::Alike(_) => Weight::Stands,
        }
    }

    /// Whether an open incident is over by now, and why. One about our own credential does not pass by keeping quiet: only Entra's
    /// accepting it ends it.
    #[must_use]
    pub fn ends(&self, incident: &Incident, now: Timestamp) -> Option<Ended> {
        let is_quiet = now.duration_since(incident.seen_at) >= self.quiet;
        let is_lasting = now.duration_since(incident.opened_at) >= self.longest;
        match incident.trouble {
            Trouble::Credential => None,
            Trouble::Alike(_) if is_quiet => Some(Ended { at: now, why: EndedWhy::Passed }),
            Trouble::Alike(_) if is_lasting => Some(Ended { at: now, why: EndedWhy::Lasting }),
            Trouble::Alike(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::{self, Answer, ErrorBody, Failure};

    fn refusal(error: &str, code: u32) -> Refusal {
        let text = Some(format!("AADSTS{code}: text"));
        let body = ErrorBody { error: error.to_owned(), error_description: text, ..ErrorBody::default() };
        match refusal::read(Answer { status: 400, body: Some(body), ..Answer::default() }) {
            Failure::Refused(refusal) => *refusal,
            Failure::Unclear(unclear) => panic!("{unclear:?}"),
        }
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn weigh(last: Option<&Incident>, alike: u32, checks: u32) -> Weight {
        Guard::default().weigh(last, &refusal("invalid_grant", 53003), Tally { alike, checks }, at(0))
    }

    #[test]
    fn few_failures_or_a_small_share_are_the_grants_own() {
        for (alike, checks, expected) in [
            (9, 10, Weight::Stands),
            (10, 100, Weight::Opens),
            (10, 101, Weight::Stands),
            (10_000, 220_000, Weight::Stands),
            (30_000, 220_000, Weight::Opens),
        ] {
            assert_eq!(weigh(None, alike, checks), expected, "{alike} of {checks}");
        }
    }

    #[test]
    fn our_own_credential_needs_no_second_failure() {
        let weight = Guard::default().weigh(None, &refusal("invalid_client", 7_000_222), Tally::default(), at(0));
        assert_eq!(weight, Weight::Opens);
    }

    #[test]
    fn only_verdicts_like_the_incident_are_held() {
        let incident = Incident::begin(Trouble::of(&refusal("invalid_grant", 53003)), at(0));
        assert_eq!(weigh(Some(&incident), 0, 0), Weight::Held);
        let other = Guard::default().weigh(Some(&incident), &refusal("invalid_grant", 50173), Tally::default(), at(0));
        assert_eq!(other, Weight::Stands);
    }

    #[test]
    fn an_incident_passes_when_it_is_quiet_and_is_none_when_it_lasts() {
        let incident = Incident::begin(Trouble::Alike("blocked-by-policy".to_owned()), at(0));
        let guard = Guard::default();
        assert_eq!(guard.ends(&incident, at(29)), None);
        assert_eq!(guard.ends(&incident, at(30)).map(|ended| ended.why), Some(EndedWhy::Passed));
        let lasting = Incident { seen_at: at(24 * 60 - 1), ..incident };
        let ended = guard.ends(&lasting, at(24 * 60)).unwrap();
        assert_eq!(ended.why, EndedWhy::Lasting);
        let over = Incident { ended: Some(ended), ..lasting };
        assert_eq!(
            guard.weigh(Some(&over), &refusal("invalid_grant", 53003), Tally { alike: 99, checks: 99 }, at(24 * 60 + 1)),
            Weight::Stands
        );
    }

    #[test]
    fn our_own_credential_is_not_forgiven_by_waiting() {
        let incident = Incident::begin(Trouble::Credential, at(0));
        assert_eq!(Guard::default().ends(&incident, at(100_000)), None);
    }
}
