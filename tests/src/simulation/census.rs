//! The rules of the sync: what a directory says of its people, what is stored of them, and how a walk moves between the two.
//!
//! Every state of a person has a number. What is stored never goes from a later one to an earlier one, and is never anything that the
//! directory never said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use domain::attribute::Choice;
use domain::ids::ObjectId;
use domain::walk::{Stage, Walk};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::items::{self, Synced, Told};
use super::pages::{Asked, Page, Pages};
use super::watch::Rule;

/// The attributes that are synced.
static SYNCED: LazyLock<BTreeSet<String>> =
    LazyLock::new(|| Choice::default().select(&BTreeSet::new()).into_iter().map(str::to_owned).collect());

/// What was broken, and how.
pub type Broken = (Rule, String);

/// The people of one connection, in the directory and here.
#[derive(Default)]
pub struct Census {
    /// What the directory said of each since when; nothing while they are not there.
    history: BTreeMap<ObjectId, Vec<(Timestamp, Option<Value>)>>,
    stored: BTreeMap<ObjectId, (Told, usize)>,
    gone: BTreeMap<(u32, u32), Vec<(ObjectId, bool)>>,
    pages: Pages,
    /// Where the walk stands.
    pub walk: Option<Box<Walk>>,
    /// When its next step is due.
    pub due_at: Option<Timestamp>,
    /// Where it stood before. A note that comes late may set it back to there, which loses nothing.
    stood: Vec<Walk>,
}

impl Census {
    /// The directory is like this now.
    pub fn look(&mut self, directory: &[Value], now: Timestamp) {
        let real: BTreeMap<ObjectId, Value> = directory.iter().filter_map(real).collect();
        let gone: Vec<ObjectId> = self.history.keys().filter(|id| !real.contains_key(id)).copied().collect();
        let changes = real.into_iter().map(|(id, body)| (id, Some(body))).chain(gone.into_iter().map(|id| (id, None)));
        for (id, state) in changes {
            let states = self.history.entry(id).or_default();
            if states.last().is_none_or(|(_, last)| *last != state) {
                states.push((now, state));
            }
        }
    }

    /// Graph gave a page.
    pub fn page_given(&mut self, asked: Asked, body: &Value) {
        let history = &self.history;
        self.pages.given(asked, body, |id| history.get(&id).and_then(|states| states.len().checked_sub(1)));
    }

    /// Graph wants a full round.
    pub fn reset(&mut self, link: &str) {
        self.pages.reset(link);
    }

    /// Looks at an item that was written, or was deleted where `is_gone`; clocks are at most `skew` off.
    pub fn wrote(&mut self, synced: Synced, is_gone: bool, (now, skew): (Timestamp, SignedDuration)) -> Option<Broken> {
        match synced {
            Synced::Walk(walk, due_at) => self.walk_written(walk, due_at, now + skew),
            Synced::Gone(page, entries) => {
                self.gone.insert(page, entries);
                None
            }
            Synced::Person(id, _) if is_gone => self.removed(id, skew),
            Synced::Person(id, told) => self.person_written(id, told),
        }
    }

    fn person_written(&mut self, id: ObjectId, told: Told) -> Option<Broken> {
        let states = self.history.get(&id).map(Vec::as_slice).unwrap_or_default();
        let Some(version) = states.iter().rposition(|(_, state)| state.as_ref() == Some(&told.body)) else {
            return Some((Rule::I10, format!("{id} is stored as the directory never was: {}", told.body)));
        };
        let is_blank = self.walk.as_ref().is_none_or(|walk| walk.is_blank());
        let changed_at = told.changed_at;
        let (before, old) = self.stored.insert(id, (told, version))?;
        let (told, _) = &self.stored[&id];
        if before.body != told.body {
            let what = || format!("{id} goes back from state {old} to {version}");
            return (version < old).then(|| (Rule::I10, what()));
        }
        // A first load reads nobody, so that a page which is applied again writes the same again.
        let is_bumped = before.changed_at != changed_at && !is_blank;
        is_bumped.then(|| (Rule::I11, format!("{id} is written again although nothing changed")))
    }

    fn removed(&mut self, id: ObjectId, skew: SignedDuration) -> Option<Broken> {
        self.stored.remove(&id)?;
        let since = self.walk.as_ref().and_then(|walk| walk.began_at).unwrap_or(Timestamp::MIN);
        let since = since.saturating_sub(skew).unwrap_or(since);
        let states = self.history.get(&id).map(Vec::as_slice).unwrap_or_default();
        let ends = states.iter().skip(1).map(|(at, _)| *at).chain([Timestamp::MAX]);
        let was_gone = states.iter().zip(ends).any(|((_, state), until)| state.is_none() && until >= since);
        (!was_gone).then(|| (Rule::I10, format!("{id} is removed, and was in the directory all the round long")))
    }

    fn walk_written(&mut self, walk: Box<Walk>, due_at: Option<Timestamp>, latest: Timestamp) -> Option<Broken> {
        let was_due_at = std::mem::replace(&mut self.due_at, due_at);
        let Some(before) = self.walk.replace(walk.clone()) else {
            self.stood.push(*walk);
            return None;
        };
        if self.stood.contains(&*walk) {
            return None;
        }
        self.stood.push((*walk).clone());
        let was_due = was_due_at.is_some_and(|at| at <= latest);
        if before.stage == Stage::Resting && walk.round > before.round && !was_due {
            return Some((Rule::I11, format!("round {} begins, and was due {was_due_at:?}", walk.round)));
        }
        let judged = self.pages.judge((&before, &walk), |page| self.undone(page, [before.round, walk.round]));
        judged.err().map(|astray| (Rule::I10, format!("the walk moves astray: {astray:?}")))
    }

    /// Who on a page is not stored at least as the page says, nor noted as gone.
    fn undone(&self, page: &Page, rounds: [u32; 2]) -> Option<String> {
        let is_done = |(id, state): &&(ObjectId, Option<usize>)| match (state, self.stored.get(id)) {
            // Whoever comes back unchanged is stored already.
            (Some(state), Some((told, version))) => version >= state || self.history[id][*state].1.as_ref() == Some(&told.body),
            (Some(_), None) => false,
            (None, None) => true,
            (None, Some(_)) => rounds.iter().any(|round| self.is_noted_gone(*round, id)),
        };
        let (id, state) = page.people.iter().find(|entry| !is_done(entry))?;
        let stored = self.stored.get(id).map(|(_, version)| version);
        Some(format!("{id} is in state {state:?} on the page, of {}, and in {stored:?} here", self.history[id].len()))
    }

    fn is_noted_gone(&self, round: u32, id: &ObjectId) -> bool {
        let mut notes = self.gone.range((round, 0)..=(round, u32::MAX)).flat_map(|(_, entries)| entries);
        notes.rfind(|(other, _)| other == id).is_some_and(|(_, is_gone)| *is_gone)
    }

    /// Whether the walk rests after a round that began at `since` or later.
    #[must_use]
    pub fn is_complete(&self, since: Timestamp) -> bool {
        let walk = self.walk.as_ref();
        walk.is_some_and(|walk| walk.stage == Stage::Resting && walk.completed_at.is_some() && walk.as_of >= Some(since))
    }

    /// What differs between the directory and what is stored, in the end.
    #[must_use]
    pub fn difference(&self) -> Option<String> {
        let now = self.history.iter().filter_map(|(id, states)| Some((id, states.last()?.1.as_ref()?)));
        let real: BTreeMap<&ObjectId, &Value> = now.collect();
        let missing = real.iter().find(|(id, body)| self.stored.get(id).map(|(told, _)| &told.body) != Some(*body));
        if let Some((id, body)) = missing {
            return Some(format!("{id} is {body}, and stored as {:?}", self.stored.get(id)));
        }
        if let Some(id) = self.stored.keys().find(|id| !real.contains_key(id)) {
            return Some(format!("{id} is stored, and is not in the directory"));
        }
        let hidden = self.stored.iter().find(|(_, (told, _))| !told.is_shown).map(|(id, _)| id);
        let counted = self.walk.as_ref().map(|walk| walk.people);
        match (hidden, counted == Some(real.len() as u64)) {
            (Some(id), _) => Some(format!("{id} is hidden")),
            (None, false) => Some(format!("{} people are counted as {counted:?}", real.len())),
            (None, true) => None,
        }
    }
}

/// A person of the directory as they should be stored.
fn real(person: &Value) -> Option<(ObjectId, Value)> {
    let is_synced = |(name, value): &(&String, &Value)| SYNCED.contains(name.as_str()) && !value.is_null();
    let attributes = person.as_object()?.iter().filter(is_synced).map(|(name, value)| (name.clone(), value.clone()));
    let attributes: Map<String, Value> = attributes.collect();
    Some((person["id"].as_str()?.parse().ok()?, items::said(attributes, &person["manager"]["id"])))
}
