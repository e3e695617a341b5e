//! `/users/delta`: a full round, then rounds of changes, in pages whose links carry everything.
//!
//! Source: <https://learn.microsoft.com/en-us/graph/delta-query-overview> and
//! <https://learn.microsoft.com/en-us/graph/api/user-delta>

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;
use uuid::Uuid;

use crate::chance::Chance;
use crate::directory::{Directory, Held, Person, Presence};
use crate::graph::properties;
use crate::moment;
use crate::sealed::{Purpose, Seal};
use crate::state::{DeltaBehaviour, Tenant};

/// How long a delta token of directory objects is accepted.
/// Source: <https://learn.microsoft.com/en-us/graph/delta-query-overview> (token duration)
pub(crate) const DELTA_TOKEN_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a walk looks at; fixed by the request that began it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct View {
    /// Selected properties; the default set when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) select: Vec<String>,
    /// Only these people; everybody when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) only: Vec<Uuid>,
}

impl View {
    fn has(&self, property: &str) -> bool {
        match self.select.as_slice() {
            [] => properties::DEFAULT.contains(&property),
            select => select.iter().any(|selected| selected == property),
        }
    }

    fn has_manager(&self) -> bool {
        self.select.iter().any(|selected| selected == "manager")
    }

    fn covers(&self, id: Uuid) -> bool {
        self.only.is_empty() || self.only.contains(&id)
    }
}

/// Where a walk stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// Everybody, by position in the order of creation.
    Full { position: usize },
    /// Everybody who changed after `since`, by number; `after` is done.
    Changes { since: u64, after: u64 },
}

/// A round under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Round {
    pub(crate) view: View,
    pub(crate) stage: Stage,
    /// The number the next round will begin after.
    pub(crate) upto: u64,
    /// Whether later changes stay hidden.
    #[serde(default)]
    pub(crate) lags: bool,
    /// Who is to appear once more on the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) again: Option<Uuid>,
}

/// What a next link carries.
#[derive(Serialize, Deserialize)]
struct SkipToken {
    tenant: Uuid,
    round: Round,
    skip_generation: u32,
    reset_generation: u32,
}

/// What a delta link carries.
#[derive(Serialize, Deserialize)]
struct DeltaToken {
    tenant: Uuid,
    view: View,
    since: u64,
    at: Timestamp,
    delta_generation: u32,
    reset_generation: u32,
}

/// Why a link is not followed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Not a link of this tenant.
    Malformed,
    /// 400 `syncStateNotFound`.
    DeltaExpired,
    /// 400 `Directory_ExpiredPageToken`.
    SkipExpired,
    /// 410; the view to begin anew with.
    Reset(View),
}

/// Whether unchanged properties come along. Source: <https://learn.microsoft.com/en-us/graph/api/user-delta> (`Prefer`)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Every selected property that was ever set.
    Full,
    /// `Prefer: return=minimal`: only what changed.
    Minimal,
}

/// Begins a full round.
pub(crate) fn begin(tenant: &Tenant, view: View) -> Round {
    Round { view, stage: Stage::Full { position: 0 }, upto: visible(tenant), lags: false, again: None }
}

/// Continues a round from a next link.
pub(crate) fn resume(seal: &Seal, tenant: &Tenant, token: &str) -> Result<Round, Broken> {
    let opened: SkipToken = seal.open(Purpose::SkipToken, token).ok_or(Broken::Malformed)?;
    if opened.tenant != tenant.id {
        return Err(Broken::Malformed);
    }
    if opened.reset_generation != tenant.delta.reset_generation {
        return Err(Broken::Reset(opened.round.view));
    }
    match opened.skip_generation == tenant.delta.skip_generation {
        true => Ok(opened.round),
        false => Err(Broken::SkipExpired),
    }
}

/// Begins a round of changes from a delta link; `select` replaces the tracked properties.
pub(crate) fn poll(seal: &Seal, tenant: &mut Tenant, now: Timestamp, (token, select): (&str, Vec<String>)) -> Result<Round, Broken> {
    let opened: DeltaToken = seal.open(Purpose::DeltaToken, token).ok_or(Broken::Malformed)?;
    if opened.tenant != tenant.id {
        return Err(Broken::Malformed);
    }
    if opened.reset_generation != tenant.delta.reset_generation {
        return Err(Broken::Reset(opened.view));
    }
    let is_current = opened.delta_generation == tenant.delta.delta_generation;
    if !is_current || moment::age(now, opened.at) > DELTA_TOKEN_LIFETIME {
        return Err(Broken::DeltaExpired);
    }
    let mut view = opened.view;
    if !select.is_empty() {
        view.select = select;
    }
    let upto = visible(tenant).max(opened.since);
    let lags = tenant.delta.lag.is_some();
    tenant.delta.lag = tenant.delta.lag.and_then(|(sequence, polls)| (polls > 1).then_some((sequence, polls - 1)));
    Ok(Round { view, stage: Stage::Changes { since: opened.since, after: opened.since }, upto, lags, again: None })
}

/// The number of the latest change that can be seen now.
fn visible(tenant: &Tenant) -> u64 {
    tenant.delta.lag.map_or(tenant.directory.sequence(), |(sequence, _)| sequence)
}

/// What pages are made with besides the tenant.
pub(crate) struct Press<'a> {
    pub(crate) seal: &'a Seal,
    pub(crate) chance: &'a mut Chance,
    pub(crate) graph_base: &'a Url,
    pub(crate) now: Timestamp,
    pub(crate) detail: Detail,
}

impl Press<'_> {
    /// The next page of a round: its people, and a link to go on.
    pub(crate) fn page(&mut self, tenant: &mut Tenant, mut round: Round) -> Value {
        let mut people = Vec::new();
        let is_last = if tenant.delta.empty_pages > 0 {
            tenant.delta.empty_pages -= 1;
            false
        } else {
            self.fill(tenant, &mut round, &mut people)
        };
        if tenant.delta.shuffles_pages {
            self.chance.shuffle(&mut people);
        }
        let mut page = Map::new();
        page.insert("@odata.context".to_owned(), json!(format!("{}v1.0/$metadata#users", self.graph_base)));
        match is_last {
            true => page.insert("@odata.deltaLink".to_owned(), json!(self.delta_link(tenant, &round))),
            false => page.insert("@odata.nextLink".to_owned(), json!(self.next_link(tenant, round))),
        };
        page.insert("value".to_owned(), Value::Array(people));
        Value::Object(page)
    }

    /// The answer to `$deltatoken=latest`: nothing, and a link for later.
    pub(crate) fn latest(&self, tenant: &Tenant, view: View) -> Value {
        let round = begin(tenant, view);
        json!({
            "@odata.context": format!("{}v1.0/$metadata#users", self.graph_base),
            "@odata.deltaLink": self.delta_link(tenant, &round),
            "value": [],
        })
    }

    /// Adds a page of people and moves the round on; true when nothing is left.
    fn fill(&self, tenant: &Tenant, round: &mut Round, people: &mut Vec<Value>) -> bool {
        let Tenant { directory, delta, .. } = tenant;
        if let Some(person) = round.again.take().and_then(|id| directory.person(id)) {
            let extent = match round.stage {
                Stage::Full { .. } => Extent::Everything { begun: round.upto },
                Stage::Changes { since, .. } => Extent::Since(since),
            };
            people.extend(self.show(delta, &round.view, person, extent));
        }
        let (is_last, last) = match &mut round.stage {
            Stage::Full { position } => self.fill_full((directory, delta), &round.view, (position, round.upto), people),
            Stage::Changes { since, after } => {
                // Who changes again while the round is under way still belongs to it, or somebody new would never be shown as new; the
                // next round shows such people once more. Only a lag hides what is later.
                let latest = if round.lags { round.upto } else { directory.sequence() };
                let range = (*since, after, latest);
                self.fill_changes((directory, delta), &round.view, range, people)
            }
        };
        round.again = last.filter(|_| delta.repeats_people);
        is_last
    }

    fn fill_full(
        &self,
        (directory, delta): (&Directory, &DeltaBehaviour),
        view: &View,
        (position, begun): (&mut usize, u64),
        people: &mut Vec<Value>,
    ) -> (bool, Option<Uuid>) {
        let mut last = None;
        let mut shown = 0;
        while let Some(person) = directory.all().get(*position) {
            if shown == delta.page_size {
                return (false, last);
            }
            *position += 1;
            if let Some(object) = self.show(delta, view, person, Extent::Everything { begun }) {
                people.push(object);
                last = Some(person.id);
                shown += 1;
            }
        }
        (true, last)
    }

    fn fill_changes(
        &self,
        (directory, delta): (&Directory, &DeltaBehaviour),
        view: &View,
        (since, after, upto): (u64, &mut u64, u64),
        people: &mut Vec<Value>,
    ) -> (bool, Option<Uuid>) {
        let mut last = None;
        let mut shown = 0;
        for (sequence, person) in directory.changed(*after, upto) {
            if shown == delta.page_size {
                return (false, last);
            }
            *after = sequence;
            if let Some(object) = self.show(delta, view, person, Extent::Since(since)) {
                people.push(object);
                last = Some(person.id);
                shown += 1;
            }
        }
        (true, last)
    }

    /// A person as this round shows them; `None` when there is nothing to show.
    fn show(&self, delta: &DeltaBehaviour, view: &View, person: &Person, extent: Extent) -> Option<Value> {
        if !view.covers(person.id) {
            return None;
        }
        let (is_new, since) = match extent {
            Extent::Everything { begun } => (true, begun),
            Extent::Since(since) => (person.presence_since > since, since),
        };
        match (person.presence, extent) {
            (Presence::Present, _) if !is_new => self.show_change(delta, view, person, since),
            (Presence::Present, _) => Some(Value::Object(full(view, person, since))),
            (_, Extent::Everything { .. }) if !delta.removed_in_first_round => None,
            (Presence::SoftDeleted, _) => is_new.then(|| removed(person.id, "changed")),
            (Presence::Purged, _) => is_new.then(|| removed(person.id, "deleted")),
        }
    }

    fn show_change(&self, delta: &DeltaBehaviour, view: &View, person: &Person, since: u64) -> Option<Value> {
        let changed = |name: &str, at: u64| view.has(name) && at > since;
        let has_changed = person.properties.iter().any(|(name, held)| changed(name, held.since));
        let has_other_manager = view.has_manager() && person.manager_since() > since;
        if !has_changed && !has_other_manager {
            return None;
        }
        let extensions = || person.properties.iter().filter(|(name, _)| delta.echoes_extensions && properties::is_extension(name));
        let echoes = |echoed: &Held| {
            extensions().any(|(name, held)| changed(name, held.since) && properties::are_of_one_type(&held.value, &echoed.value))
        };
        let mut object = person.object(|name, held| match self.detail {
            _ if properties::is_extension(name) && echoes(held) => true,
            Detail::Full => view.has(name),
            Detail::Minimal => changed(name, held.since),
        });
        if has_other_manager {
            object.insert("manager@delta".to_owned(), manager_change(person, since));
        }
        Some(Value::Object(object))
    }

    fn next_link(&self, tenant: &mut Tenant, round: Round) -> String {
        let token = SkipToken {
            tenant: tenant.id,
            round,
            skip_generation: tenant.delta.skip_generation,
            reset_generation: tenant.delta.reset_generation,
        };
        let token = self.seal.seal(Purpose::SkipToken, &token);
        format!("{}v1.0/users/delta?$skiptoken={token}", next_base(tenant, self.graph_base))
    }

    fn delta_link(&self, tenant: &Tenant, round: &Round) -> String {
        let token = DeltaToken {
            tenant: tenant.id,
            view: round.view.clone(),
            since: round.upto,
            at: self.now,
            delta_generation: tenant.delta.delta_generation,
            reset_generation: tenant.delta.reset_generation,
        };
        format!("{}v1.0/users/delta?$deltatoken={}", self.graph_base, self.seal.seal(Purpose::DeltaToken, &token))
    }
}

/// Where the next link leads: to Graph, or where the tenant was told to lead.
pub(crate) fn next_base(tenant: &mut Tenant, graph_base: &Url) -> String {
    match tenant.delta.foreign_links.checked_sub(1) {
        Some(left) => {
            tenant.delta.foreign_links = left;
            "https://graph.attacker.example/".to_owned()
        }
        None => graph_base.to_string(),
    }
}

/// How much a round tells.
#[derive(Clone, Copy)]
enum Extent {
    /// Everybody there is, in a round that began at this number.
    Everything { begun: u64 },
    /// What changed since this number.
    Since(u64),
}

/// Everything selected about a person, in a full round that began at a number, or as somebody who is new since it.
fn full(view: &View, person: &Person, since: u64) -> Map<String, Value> {
    let mut object = person.object(|name, _| view.has(name));
    if view.has_manager() && (person.manager().is_some() || person.manager_since() > since) {
        object.insert("manager@delta".to_owned(), manager_change(person, since));
    }
    object
}

/// The annotation for a change of manager. Assumptions: that a removal comes as its own entry, and that a manager who came and went since
/// is told as removed, because a round shows what changes while it is under way, and so it may speak to somebody who saw them.
fn manager_change(person: &Person, since: u64) -> Value {
    let after = person.manager();
    let before = person.manager_at(since).or(person.latest_manager().filter(|_| after.is_none()));
    let gone = before
        .filter(|before| Some(*before) != after)
        .map(|id| json!({"@odata.type": "#microsoft.graph.user", "id": id, "@removed": {"reason": "deleted"}}));
    let come = after.map(|id| json!({"@odata.type": "#microsoft.graph.user", "id": id}));
    Value::Array(gone.into_iter().chain(come).collect())
}

fn removed(id: Uuid, reason: &str) -> Value {
    json!({"id": id, "@removed": {"reason": reason}})
}
