//! Which attributes a connection syncs, whom it leaves out, and how often it looks.

use std::collections::BTreeSet;
use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{AttributeName, CATALOGUE, InvalidName};
use crate::person::{Person, Value};
use crate::schedule::{SYNC_PERIOD, hash};

/// The most attributes of one choice.
pub const ATTRIBUTES_MAX: usize = 100;
/// The shortest time between two rounds.
pub const EVERY_MIN: SignedDuration = SignedDuration::from_mins(5);
/// The longest time between two rounds: a delta link is good for seven days, and a day that fails must not matter.
pub const EVERY_MAX: SignedDuration = SignedDuration::from_hours(24);

/// What is read of everybody, whatever was chosen: what people are listed and found by, and what tells whether their account works.
const ALWAYS: [&str; 5] = [ENABLED, "displayName", "mail", USER_TYPE, "userPrincipalName"];
const ENABLED: &str = "accountEnabled";
const LICENSES: &str = "assignedLicenses";
const USER_TYPE: &str = "userType";

/// What a connection syncs. As it is stored, attributes are one text of their codes, and a field that is not there is as in the default
/// choice; unknown fields, which a newer release may have written, are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Choice {
    attributes: BTreeSet<AttributeName>,
    leave_out: LeaveOut,
    every: SignedDuration,
}

/// Whom a connection leaves out; by default nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeaveOut {
    /// People whose account is disabled.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// Guests.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub guests: bool,
    /// People without any licence.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unlicensed: bool,
}

/// A choice as somebody wrote it, not yet looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Names of 1 to [`ATTRIBUTES_MAX`] attributes; a name that comes twice counts once.
    pub attributes: Vec<String>,
    /// Whom to leave out.
    pub leave_out: LeaveOut,
    /// Minutes between the beginnings of two rounds, from [`EVERY_MIN`] to [`EVERY_MAX`].
    pub every_minutes: i64,
}

/// A choice as it is stored: beside the walk, whose every write costs by its item's size.
#[derive(Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    /// Codes, separated by spaces.
    attributes: String,
    leave_out: LeaveOut,
    every_minutes: i64,
}

/// Everything that is wrong with a choice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidChoice(Vec<Fault>);

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where, such as `attributes[3]`.
    pub field: String,
    /// What it must be, or why it is refused.
    pub bound: String,
}

impl InvalidChoice {
    /// Its faults, in the order of the fields; at least one.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for InvalidChoice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<String> = self.0.iter().map(|fault| format!("{}: {}", fault.field, fault.bound)).collect();
        out.write_str(&faults.join("; "))
    }
}

impl Default for Choice {
    fn default() -> Self {
        let defaults = CATALOGUE.iter().filter(|attribute| attribute.is_default);
        Self { attributes: defaults.map(AttributeName::from).collect(), leave_out: LeaveOut::default(), every: SYNC_PERIOD }
    }
}

impl Default for Draft {
    fn default() -> Self {
        Choice::default().into()
    }
}

impl TryFrom<Draft> for Choice {
    type Error = InvalidChoice;
    fn try_from(draft: Draft) -> Result<Self, InvalidChoice> {
        let mut faults = Vec::new();
        let attributes = known(&draft.attributes, &mut faults);
        let every = between(draft.every_minutes).unwrap_or_else(|fault| {
            faults.push(fault);
            SYNC_PERIOD
        });
        match faults.is_empty() {
            true => Ok(Self { attributes, leave_out: draft.leave_out, every }),
            false => Err(InvalidChoice(faults)),
        }
    }
}

/// The attributes of these names. A list that is too long is one fault, and no name on it is looked at.
fn known(names: &[String], faults: &mut Vec<Fault>) -> BTreeSet<AttributeName> {
    if !(1..=ATTRIBUTES_MAX).contains(&names.len()) {
        let bound = format!("must be 1 to {ATTRIBUTES_MAX} names, not {}", names.len());
        faults.push(Fault { field: "attributes".to_owned(), bound });
        return BTreeSet::new();
    }
    let mut known = BTreeSet::new();
    for (place, name) in names.iter().enumerate() {
        match name.parse() {
            Ok(name) => drop(known.insert(name)),
            Err(error) => faults.push(unknown(place, &error)),
        }
    }
    known
}

fn unknown(place: usize, error: &InvalidName) -> Fault {
    Fault { field: format!("attributes[{place}]"), bound: error.to_string() }
}

fn between(minutes: i64) -> Result<SignedDuration, Fault> {
    let (least, most) = (EVERY_MIN.as_mins(), EVERY_MAX.as_mins());
    match (least..=most).contains(&minutes) {
        true => Ok(SignedDuration::from_mins(minutes)),
        false => Err(Fault { field: "every_minutes".to_owned(), bound: format!("must be from {least} to {most}, not {minutes}") }),
    }
}

impl From<Choice> for Draft {
    fn from(choice: Choice) -> Self {
        Self {
            attributes: choice.attributes.iter().map(ToString::to_string).collect(),
            leave_out: choice.leave_out,
            every_minutes: choice.every.as_mins(),
        }
    }
}

impl Default for Stored {
    fn default() -> Self {
        Choice::default().into()
    }
}

impl From<Choice> for Stored {
    fn from(choice: Choice) -> Self {
        let codes: Vec<&str> = choice.attributes.iter().map(|name| super::code(name.as_str())).collect();
        Self { attributes: codes.join(" "), leave_out: choice.leave_out, every_minutes: choice.every.as_mins() }
    }
}

impl TryFrom<Stored> for Choice {
    type Error = InvalidChoice;
    fn try_from(stored: Stored) -> Result<Self, InvalidChoice> {
        let attributes = stored.attributes.split(' ').map(|code| super::name(code).to_owned()).collect();
        Draft { attributes, leave_out: stored.leave_out, every_minutes: stored.every_minutes }.try_into()
    }
}

impl Choice {
    /// The chosen attributes.
    #[must_use]
    pub fn attributes(&self) -> &BTreeSet<AttributeName> {
        &self.attributes
    }

    /// Whom it leaves out.
    #[must_use]
    pub fn leave_out(&self) -> LeaveOut {
        self.leave_out
    }

    /// The time between the beginnings of two rounds.
    #[must_use]
    pub fn every(&self) -> SignedDuration {
        self.every
    }

    /// What to ask of Graph, for `$select`, by name and each once: the chosen attributes, what people are listed and found by, and what
    /// tells whether somebody is left out. Of those, none of `without`, with which Graph answers nothing at all. `id` and `manager` are
    /// not among them, and are always asked.
    #[must_use]
    pub fn select(&self, without: &BTreeSet<AttributeName>) -> Vec<&str> {
        let licenses = self.leave_out.unlicensed.then_some(LICENSES);
        let chosen = self.attributes.iter().map(AttributeName::as_str);
        let wanted: BTreeSet<&str> = chosen.chain(ALWAYS).chain(licenses).collect();
        wanted.into_iter().filter(|name| !lacks(without, name)).collect()
    }

    /// Those of the attributes asked for that a refusal names: Graph fails a call as a whole where one of them cannot be given, and its
    /// message says which.
    #[must_use]
    pub fn blamed(&self, message: &str, without: &BTreeSet<AttributeName>) -> Vec<AttributeName> {
        let words: BTreeSet<&str> = message.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').collect();
        self.asked(without).into_iter().filter(|name| words.contains(name.as_str())).collect()
    }

    /// What is asked of Graph, see [`Choice::select`].
    #[must_use]
    pub fn asked(&self, without: &BTreeSet<AttributeName>) -> Vec<AttributeName> {
        self.select(without).into_iter().filter_map(|name| name.parse().ok()).collect()
    }

    /// A short text that stays the same as long as a full round reads the same and leaves the same people out. How often rounds begin is
    /// no part of it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let LeaveOut { disabled, guests, unlicensed } = self.leave_out;
        let rules = [(disabled, "disabled"), (guests, "guests"), (unlicensed, "unlicensed")];
        let rules = rules.into_iter().filter_map(|(is_on, rule)| is_on.then_some(rule));
        let words: Vec<&str> = self.select(&BTreeSet::new()).into_iter().chain(["-"]).chain(rules).collect();
        format!("{:016x}", hash(&words.join(" ")))
    }

    /// Whether a person is left out. A rule is at rest while what it goes by is one of `without`, because then nobody's is known; so
    /// nobody is hidden for want of knowledge.
    ///
    /// Graph gives everybody `accountEnabled` and a list of licences, which may be empty; without a `userType` somebody is a member.
    /// Source: <https://learn.microsoft.com/en-us/graph/api/resources/user>
    #[must_use]
    pub fn hides(&self, person: &Person, without: &BTreeSet<AttributeName>) -> bool {
        let value = |name: &str| person.attributes.get(name);
        let is_judged = |name: &str| !lacks(without, name);
        let is_disabled = || value(ENABLED) == Some(&Value::Flag(false));
        let is_guest = || value(USER_TYPE).and_then(Value::text).is_some_and(|kind| kind.eq_ignore_ascii_case("Guest"));
        let is_unlicensed = || !matches!(value(LICENSES), Some(Value::List(licenses)) if !licenses.is_empty());
        (self.leave_out.disabled && is_judged(ENABLED) && is_disabled())
            || (self.leave_out.guests && is_judged(USER_TYPE) && is_guest())
            || (self.leave_out.unlicensed && is_judged(LICENSES) && is_unlicensed())
    }
}

fn lacks(without: &BTreeSet<AttributeName>, name: &str) -> bool {
    without.iter().any(|failing| failing.as_str() == name)
}
