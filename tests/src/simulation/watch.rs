//! The rules, held against every write and every word with Entra.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use adapters::store::connections::{Body, Grant, Slot};
use domain::api::HealthWord;
use domain::ids::ConnectionId;
use domain::notice::{self, NoticeKind};
use jiff::{SignedDuration, Timestamp};

use super::actor::Actor;
use super::census::Census;
use super::database::Written;
use super::items::{self, Stored};

/// How seldom Entra is asked about a connection when nothing fails.
const SELDOM: SignedDuration = SignedDuration::from_mins(30);
/// The longest that a check may be put off.
const PUT_OFF_MAX: SignedDuration = SignedDuration::from_hours(28);

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// No stored token generation ever decreases.
    I1,
    /// At most one refresh is under way for a connection.
    I2,
    /// Every token that was received and stored can be reached.
    I3,
    /// Dead only where Entra refused for a lasting reason of its own.
    I4,
    /// Healthy within two ticks of being due, once all is well.
    I5,
    /// No token stands anywhere in plain.
    I6,
    /// What is sealed for one connection opens for no other.
    I7,
    /// One notice for each change of health, none without.
    I8,
    /// Due work is neither lost nor starved.
    I9,
    /// What is stored becomes what the directory is, and only what it is; the walk leaves nothing behind.
    I10,
    /// A message that comes again changes nothing.
    I11,
    /// Entra is asked seldom when nothing fails.
    Seldom,
    /// Nothing panics.
    Sound,
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// How.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}: {}", self.rule, self.what)
    }
}

/// What Entra last said about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was never used.
    Unused,
    /// It works.
    Accepted,
    /// It is dead for good.
    Dead,
    /// It is refused for now, or the answer was about something else.
    Otherwise,
}

/// A refresh token that Entra gave out.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its place in the order of all.
    pub number: usize,
    /// The token itself.
    pub text: String,
    /// Whether a person's consent brought it.
    pub is_of_consent: bool,
    /// What Entra last said about it.
    pub verdict: Verdict,
    /// Whether it was ever stored.
    pub is_stored: bool,
    /// Which tokens belong together.
    pub family: usize,
    /// When it was first used, and what came of that.
    pub successor: Option<(Timestamp, usize)>,
}

/// A connection as the rules see it.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Its id.
    pub id: ConnectionId,
    /// What is stored.
    pub body: Option<Box<Body>>,
    /// When its check is due.
    pub due_at: Option<Timestamp>,
    grants: BTreeMap<u8, (Slot, String)>,
    accepted_at: Option<Timestamp>,
}

impl Watched {
    /// Health in one word.
    #[must_use]
    pub fn health(&self) -> HealthWord {
        self.body.as_ref().map_or(HealthWord::AwaitingConsent, |body| body.standing.health.word())
    }
}

/// Everything that the rules need to know.
#[derive(Default)]
pub struct Watch {
    /// What was broken, in order.
    pub violations: Vec<Violation>,
    /// The connections, in their order.
    pub connections: Vec<Watched>,
    /// The people of each, in the same order.
    pub people: Vec<Census>,
    /// How far two clocks may be apart.
    pub apart_max: SignedDuration,
    /// All refresh tokens.
    pub tokens: Vec<Token>,
    by_text: HashMap<String, usize>,
    /// What sealed bytes hold.
    sealed: HashMap<String, usize>,
    asking: Vec<(usize, Arc<Actor>)>,
    /// Whether the rule about seldom asking holds now.
    pub is_calm: bool,
}

impl Watch {
    /// A watch over clocks that are at most so far apart.
    #[must_use]
    pub fn new(apart_max: SignedDuration) -> Self {
        Self { apart_max, ..Self::default() }
    }

    /// Notes a broken rule.
    pub fn broken(&mut self, rule: Rule, what: impl Into<String>) {
        self.violations.push(Violation { rule, what: what.into() });
    }

    /// Begins to watch a connection.
    pub fn add(&mut self, id: ConnectionId) {
        self.connections.push(Watched { id, body: None, due_at: None, grants: BTreeMap::new(), accepted_at: None });
        self.people.push(Census::default());
    }

    /// A token that Entra gave out; `parent` is the one it was given for.
    pub fn issued(&mut self, text: &str, parent: Option<usize>, now: Timestamp) -> usize {
        let number = self.tokens.len();
        let family = parent.map_or(number, |parent| self.tokens[parent].family);
        let verdict = Verdict::Unused;
        self.tokens.push(Token {
            number,
            text: text.to_owned(),
            is_of_consent: parent.is_none(),
            verdict,
            is_stored: false,
            family,
            successor: None,
        });
        if let Some(parent) = parent {
            let parent = &mut self.tokens[parent];
            parent.successor = parent.successor.or(Some((now, number)));
        }
        self.by_text.insert(text.to_owned(), number);
        number
    }

    /// The token with this text.
    #[must_use]
    pub fn token(&self, text: &str) -> Option<usize> {
        self.by_text.get(text).copied()
    }

    /// A token was sealed into these bytes, here as base64.
    pub fn sealed(&mut self, text: &str, sealed: String) {
        if let Some(number) = self.token(text) {
            self.sealed.insert(sealed, number);
        }
    }

    /// Every sealed token that is stored now.
    #[must_use]
    pub fn sealed_now(&self) -> Vec<String> {
        self.connections.iter().flat_map(|connection| connection.grants.values()).map(|(_, sealed)| sealed.clone()).collect()
    }

    /// The token that a connection's pointer leads to.
    #[must_use]
    pub fn current(&self, connection: usize) -> Option<usize> {
        let watched = &self.connections[connection];
        let slot = watched.body.as_ref()?.grant.as_ref()?.current;
        let (stored, sealed) = watched.grants.get(&slot.slot)?;
        (*stored == slot).then(|| self.sealed.get(sealed).copied()).flatten()
    }

    /// Somebody begins to refresh.
    pub fn asks(&mut self, connection: usize, actor: &Arc<Actor>) {
        let is_other = |other: &Arc<Actor>| !Arc::ptr_eq(other, actor);
        let other = self.asking.iter().find(|(place, other)| *place == connection && is_other(other)).map(|(_, other)| other.name.clone());
        if let Some(other) = other {
            self.broken(Rule::I2, format!("{} and {other} ask about connection {connection} at once", actor.name));
        }
        self.asking.push((connection, Arc::clone(actor)));
    }

    /// Somebody ended it, or died.
    pub fn asked(&mut self, connection: usize, actor: &Arc<Actor>) {
        if let Some(place) = self.asking.iter().position(|(other, asking)| *other == connection && Arc::ptr_eq(asking, actor)) {
            self.asking.swap_remove(place);
        }
    }

    /// Whether somebody has a refresh under way, and has not given up.
    #[must_use]
    pub fn is_asking(&self, connection: usize, actor: &Arc<Actor>) -> bool {
        self.asking.iter().any(|(place, other)| *place == connection && Arc::ptr_eq(other, actor))
    }

    /// Entra accepted a token.
    pub fn accepted(&mut self, connection: usize, token: usize, now: Timestamp) {
        self.tokens[token].verdict = Verdict::Accepted;
        let before = self.connections[connection].accepted_at.replace(now);
        let gap = before.map(|before| now.duration_since(before)).filter(|gap| self.is_calm && *gap < SELDOM);
        if let Some(gap) = gap {
            self.broken(Rule::Seldom, format!("connection {connection} was refreshed again after {gap:#}"));
        }
    }

    /// The rule about seldom asking holds from now on.
    pub fn calm_down(&mut self) {
        self.is_calm = true;
        self.connections.iter_mut().for_each(|connection| connection.accepted_at = None);
    }

    /// Looks at what was written, all at once.
    pub fn wrote(&mut self, written: &[Written], now: Timestamp) {
        let mut touched = BTreeMap::<usize, (HealthWord, Option<Box<Body>>)>::new();
        let mut notices = Vec::new();
        for write in written {
            self.wrote_of_people(write, now);
            let Some((id, stored)) = write.after.as_ref().or(write.before.as_ref()).and_then(items::read) else { continue };
            let Some(place) = self.connections.iter().position(|connection| connection.id == id) else { continue };
            let is_gone = write.after.is_none();
            let watched = &mut self.connections[place];
            touched.entry(place).or_insert_with(|| (watched.health(), watched.body.clone()));
            match stored {
                Stored::Connection(body, due_at) => {
                    watched.body = Some(body);
                    watched.due_at = due_at;
                }
                Stored::Grant(slot, sealed) => self.grant_written(place, slot, (!is_gone).then_some(sealed)),
                Stored::Notice(notice) if write.before.is_none() => notices.push((place, notice.kind)),
                Stored::Notice(_) | Stored::Other => {}
            }
        }
        for (place, (health, before)) in touched {
            // What becomes of a spare is told beside health, not in its place.
            let is_about_health =
                |kind: &NoticeKind| !matches!(kind, NoticeKind::SwitchedToSpare | NoticeKind::SpareLost | NoticeKind::DeletionsHeld);
            let told = notices.iter().filter(|(other, _)| *other == place).map(|(_, kind)| *kind);
            let told: Vec<NoticeKind> = told.filter(is_about_health).collect();
            self.check_health(place, health, &told);
            self.check_pointers(place, before.as_deref());
            self.check_due(place, now);
        }
    }

    fn wrote_of_people(&mut self, write: &Written, now: Timestamp) {
        let Some((id, synced)) = write.after.as_ref().or(write.before.as_ref()).and_then(items::read_synced) else { return };
        let Some(place) = self.connections.iter().position(|connection| connection.id == id) else { return };
        if let Some((rule, what)) = self.people[place].wrote(synced, write.after.is_none(), (now, self.apart_max)) {
            self.broken(rule, format!("connection {place}: {what}"));
        }
    }

    fn grant_written(&mut self, place: usize, slot: Slot, sealed: Option<String>) {
        let Some(sealed) = sealed else {
            self.connections[place].grants.remove(&slot.slot);
            return;
        };
        let token = self.sealed.get(&sealed).copied();
        if let Some(token) = token {
            self.tokens[token].is_stored = true;
        }
        let before = self.connections[place].grants.insert(slot.slot, (slot, sealed.clone()));
        let Some((before, old)) = before.filter(|(_, old)| *old != sealed) else { return };
        if before.generation >= slot.generation {
            self.broken(Rule::I1, format!("connection {place}: generation {} was stored over {}", slot.generation, before.generation));
        }
        if let Some(lost) = self.sealed.get(&old).copied().filter(|old| self.is_needed(place, before, *old)) {
            self.broken(Rule::I3, format!("connection {place}: token {lost} was overwritten, the newest of the grant in use"));
        }
    }

    /// Whether a token that was stored in this slot is the newest of the grant in use, and is stored nowhere else: Entra does not give a new
    /// one each time. It is not needed any more when Entra accepted one that was stored after it, nor when Entra said that it is dead.
    fn is_needed(&self, place: usize, slot: Slot, token: usize) -> bool {
        let token = &self.tokens[token];
        let is_of_grant = self.current(place).is_some_and(|current| self.tokens[current].family == token.family);
        let is_newer = |other: &Token| other.family == token.family && other.number > token.number && other.is_stored;
        let grants = self.connections[place].grants.values();
        let mut stored = grants.filter_map(|(other, sealed)| Some((other, &self.tokens[*self.sealed.get(sealed)?])));
        let makes_up = |(other, stored): (&Slot, &Token)| {
            stored.number == token.number || (other.generation > slot.generation && stored.verdict == Verdict::Accepted)
        };
        is_of_grant && token.verdict != Verdict::Dead && !self.tokens.iter().any(is_newer) && !stored.any(makes_up)
    }

    fn check_health(&mut self, place: usize, before: HealthWord, told: &[NoticeKind]) {
        let after = self.connections[place].health();
        let owed = notice::owed(before, after);
        if told != owed.as_slice() {
            self.broken(Rule::I8, format!("connection {place}: {before:?} to {after:?} owes {owed:?}, and {told:?} was written"));
        }
        if after == HealthWord::Dead && before != after {
            let verdict = self.current(place).map(|token| (token, self.tokens[token].verdict));
            if !matches!(verdict, Some((_, Verdict::Dead))) {
                self.broken(Rule::I4, format!("connection {place} is called dead, and of its token Entra said {verdict:?}"));
            }
        }
    }

    fn check_pointers(&mut self, place: usize, before: Option<&Body>) {
        let watched = &self.connections[place];
        let Some(body) = watched.body.as_ref() else { return };
        let is_there = |slot: &Slot| watched.grants.get(&slot.slot).is_some_and(|(stored, _)| stored == slot);
        let missing = items::grants(body).map(|grant| grant.current).find(|slot| !is_there(slot));
        // A spare that takes over has generations of its own, and so has one that was in use before.
        let is_same = |grant: &Grant, old: &Grant| old.consenter == grant.consenter && old.signed_in_at == grant.signed_in_at;
        let back = body.grant.as_ref().and_then(|grant| {
            let before = before?;
            let took_over = before.spare.as_ref().is_some_and(|spare| is_same(grant, &spare.grant));
            let old = before.grant.as_ref().filter(|old| !took_over && old.current.generation > grant.current.generation)?;
            Some((old.current, grant.current))
        });
        let token = self.current(place).map(|token| &self.tokens[token]);
        let is_untried = token.is_some_and(|token| !token.is_of_consent && token.verdict == Verdict::Unused);
        let stored = watched.grants.values().filter_map(|(_, sealed)| self.sealed.get(sealed)).map(|token| &self.tokens[*token]);
        let has_worked = stored.into_iter().any(|token| token.is_of_consent || token.verdict != Verdict::Unused);
        let is_alone = body.grant.as_ref().is_some_and(|grant| is_untried && (grant.previous.is_none() || !has_worked));
        if let Some((from, to)) = back {
            self.broken(Rule::I1, format!("connection {place} points back from {from:?} to {to:?}"));
        }
        if let Some(slot) = missing {
            self.broken(Rule::I3, format!("connection {place} points to {slot:?}, where no such token is"));
        }
        if is_alone {
            self.broken(Rule::I3, format!("connection {place} has only a token that never worked"));
        }
    }

    fn check_due(&mut self, place: usize, now: Timestamp) {
        let watched = &self.connections[place];
        let is_checked =
            matches!(watched.health(), HealthWord::Healthy | HealthWord::Expiring | HealthWord::Suspended | HealthWord::OperatorFault);
        let is_put_off = watched.due_at.is_none_or(|at| at > now + PUT_OFF_MAX);
        if is_checked && is_put_off {
            self.broken(Rule::I9, format!("connection {place} is {:?}, and its next check is {:?}", watched.health(), watched.due_at));
        }
    }
}
