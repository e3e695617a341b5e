//! Keeps the shown connection fresh: looks at it, waits, hurries, backs off, and keeps the last good answer.

use std::time::Duration;

use domain::api::{ConnectionStatus, HealthWord, SyncWord};
use domain::ids::ConnectionId;

use super::effect::{Cause, Effect, Request, Urgency};
use super::message::{Purpose, Timer};
use super::{Model, Settings, SyncAsked};
use crate::face;
use crate::moment::Moment;
use crate::trouble::{Code, Trouble};
use crate::words::{Line, Slot};

/// Time between two looks while something is moving.
const QUICK: Duration = Duration::from_secs(2);
/// How long looks stay quick after a consent or a sync was started.
const HURRY: Duration = Duration::from_secs(60);
/// The wait after the first failed look; it doubles with every further one.
const BACKOFF: Duration = Duration::from_secs(5);
/// The longest wait between two failed looks.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// How old a status may be when the page is shown again before it is looked at anew.
const FRESH: Duration = Duration::from_secs(15);
/// How long a short-lived sentence stays.
pub(super) const TOAST: Duration = Duration::from_secs(12);

/// What the card shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Shown {
    /// Nothing is known yet.
    #[default]
    Nothing,
    /// The caller has no connection.
    Empty,
    /// The last good status of a connection.
    Connection(Box<ConnectionStatus>),
}

impl Model {
    pub(super) fn configure(&mut self, settings: Settings) -> Vec<Effect> {
        let is_first = self.last_request == 0;
        let is_other = self.settings.connection != settings.connection;
        let has_new_pace = self.settings.refresh != settings.refresh;
        self.settings = settings;
        if is_first || is_other {
            return self.start_over();
        }
        match has_new_pace {
            true => self.schedule(None),
            false => Vec::new(),
        }
    }

    /// Forgets everything about the connection that was shown before.
    fn start_over(&mut self) -> Vec<Effect> {
        *self = Self {
            settings: self.settings.clone(),
            is_offline: self.is_offline,
            is_hidden: self.is_hidden,
            last_request: self.last_request,
            ..Self::default()
        };
        let mut effects = vec![Effect::CloseWindow, Effect::Stop(Timer::Poll), Effect::Stop(Timer::Toast), Effect::Skeleton(true)];
        effects.extend(self.load());
        effects
    }

    /// The connection that is spoken about, as far as it is known.
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match &self.shown {
            Shown::Connection(status) => Some(status.id.clone()),
            Shown::Nothing | Shown::Empty => self.settings.connection.clone(),
        }
    }

    /// Looks at the status, unless a look is under way.
    pub(super) fn load(&mut self) -> Vec<Effect> {
        if self.is_pending(Purpose::List) || self.is_pending(Purpose::Status) {
            return Vec::new();
        }
        let look = match self.connection() {
            Some(connection) => self.send(Purpose::Status, Request::Status(connection)),
            None => self.send(Purpose::List, Request::List),
        };
        vec![Effect::Stop(Timer::Refresh), look]
    }

    pub(super) fn refresh(&mut self) -> Vec<Effect> {
        let mut effects = vec![Effect::Forgive];
        if self.shown == Shown::Nothing {
            self.trouble = None;
            effects.push(Effect::Skeleton(true));
        }
        effects.extend(self.load());
        effects
    }

    pub(super) fn listed(&mut self, connections: Vec<ConnectionStatus>, now: Moment) -> Vec<Effect> {
        let is_ended = |status: &ConnectionStatus| status.health == HealthWord::Disconnected;
        let place = connections.iter().position(|status| !is_ended(status)).unwrap_or(0);
        match connections.into_iter().nth(place) {
            Some(status) => self.arrived(status, Cause::Poll, now),
            None => {
                let was_known = matches!(self.shown, Shown::Empty);
                self.shown = Shown::Empty;
                self.trouble = None;
                self.failures = 0;
                self.loaded_at = Some(now);
                let mut effects = vec![Effect::Skeleton(false)];
                if !was_known {
                    effects.push(Effect::Announce(Line::of("empty.headline"), Urgency::Polite));
                }
                effects.extend(self.match_claim(now));
                effects.extend(self.schedule(Some(now)));
                effects
            }
        }
    }

    /// Takes a fresh status in.
    pub(super) fn arrived(&mut self, status: ConnectionStatus, cause: Cause, now: Moment) -> Vec<Effect> {
        let previous = match &self.shown {
            Shown::Connection(previous) if previous.id == status.id => Some(previous.health),
            _ => None,
        };
        let mut effects = vec![Effect::Skeleton(false)];
        effects.push(Effect::Publish {
            connection: status.id.clone(),
            previous: previous.map(HealthWord::as_str),
            current: status.health.as_str(),
            cause: match (previous, &self.celebrate) {
                (None, _) => Cause::Load,
                (Some(_), Some(_)) => Cause::Reconnect,
                (Some(_), None) => cause,
            },
        });
        if previous != Some(status.health) {
            effects.push(announce(&status));
        }
        let demand = face::demand(&status, now);
        if self.demand != Some(demand) {
            self.demand = Some(demand);
            effects.push(Effect::Demand(demand));
        }
        self.settle_decision(&status);
        self.shown = Shown::Connection(Box::new(status));
        self.trouble = None;
        self.failures = 0;
        self.loaded_at = Some(now);
        if let Some(attempt) = self.celebrate.take() {
            effects.push(Effect::Reconnected(attempt));
        }
        effects.extend(self.match_claim(now));
        effects.extend(self.schedule(Some(now)));
        effects
    }

    pub(super) fn load_refused(&mut self, trouble: Trouble) -> Vec<Effect> {
        self.failures = self.failures.saturating_add(1);
        let is_news = self.trouble.as_ref().map(|known| known.code) != Some(trouble.code);
        if trouble.code == Code::NotFound {
            self.shown = Shown::Nothing;
        }
        let mut effects = vec![Effect::Skeleton(false)];
        if is_news {
            effects.push(Effect::Failed(trouble.clone(), "load"));
            effects.push(Effect::Announce(trouble.title(), Urgency::Assertive));
        }
        if trouble.code.is_retryable() && !self.is_hidden {
            effects.push(Effect::Wait(Timer::Refresh, backoff(self.failures, trouble.retry_after)));
        }
        self.trouble = Some(trouble);
        effects
    }

    /// Sets the timer to the next look.
    fn schedule(&mut self, now: Option<Moment>) -> Vec<Effect> {
        let is_hurried = match (now, self.hurry_until) {
            (Some(now), Some(until)) => now < until,
            _ => false,
        };
        let is_syncing = matches!(&self.shown, Shown::Connection(status) if status.sync.state == SyncWord::Running);
        let wait = match is_hurried || is_syncing {
            true => QUICK,
            false => self.settings.refresh,
        };
        match self.is_hidden || wait.is_zero() {
            true => vec![Effect::Stop(Timer::Refresh)],
            false => vec![Effect::Wait(Timer::Refresh, wait)],
        }
    }

    /// Looks often for a while: something is about to move.
    pub(super) fn hurry(&mut self, now: Moment) {
        self.hurry_until = Some(now.after(HURRY));
    }

    pub(super) fn went_online(&mut self) -> Vec<Effect> {
        let was_offline = self.is_offline();
        self.is_offline = false;
        match was_offline {
            true => self.load(),
            false => Vec::new(),
        }
    }

    pub(super) fn went_offline(&mut self) -> Vec<Effect> {
        self.is_offline = true;
        Vec::new()
    }

    pub(super) fn became_hidden(&mut self) -> Vec<Effect> {
        self.is_hidden = true;
        vec![Effect::Stop(Timer::Refresh)]
    }

    pub(super) fn became_visible(&mut self, now: Moment) -> Vec<Effect> {
        self.is_hidden = false;
        let mut effects = self.poll_attempt(now);
        let is_old = self.loaded_at.is_none_or(|at| now.since(at) > FRESH);
        let may_help = self.trouble.as_ref().is_none_or(|trouble| trouble.code.is_retryable());
        effects.extend(match is_old && may_help {
            true => self.load(),
            false => self.schedule(Some(now)),
        });
        effects
    }

    pub(super) fn ask_sync(&mut self, now: Moment) -> Vec<Effect> {
        match (self.connection(), &self.sync) {
            (Some(connection), SyncAsked::No | SyncAsked::Refused(_)) => {
                self.sync = SyncAsked::Asking;
                self.hurry(now);
                vec![self.send(Purpose::Sync, Request::Sync(connection))]
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn sync_begun(&mut self, status: ConnectionStatus, now: Moment) -> Vec<Effect> {
        self.sync = SyncAsked::No;
        let mut effects = vec![Effect::Announce(Line::of("sync.asked"), Urgency::Polite)];
        effects.extend(self.arrived(status, Cause::Poll, now));
        effects
    }

    pub(super) fn sync_refused(&mut self, trouble: Trouble) -> Vec<Effect> {
        self.sync = SyncAsked::Refused(trouble.clone());
        vec![Effect::Announce(Line::of("sync.refused"), Urgency::Assertive), Effect::Failed(trouble, "sync")]
    }
}

fn announce(status: &ConnectionStatus) -> Effect {
    let urgency = match status.health {
        HealthWord::Dead | HealthWord::Suspended => Urgency::Assertive,
        _ => Urgency::Polite,
    };
    let key = match status.health {
        HealthWord::AwaitingConsent => Line::of("announce.awaiting-consent"),
        HealthWord::Healthy => Line::of("announce.healthy"),
        HealthWord::Expiring => Line::of("announce.expiring"),
        HealthWord::Suspended => Line::of("announce.suspended"),
        HealthWord::Dead => Line::of("announce.dead"),
        HealthWord::OperatorFault => Line::of("announce.operator-fault"),
        HealthWord::Disconnected => Line::of("announce.disconnected"),
    };
    let name = match face::name(status) {
        Line::Plain(name) => name,
        Line::Message { .. } => "Microsoft 365".to_owned(),
    };
    Effect::Announce(key.with("name", Slot::Text(name)), urgency)
}

fn backoff(failures: u32, retry_after: Option<Duration>) -> Duration {
    let doubled = BACKOFF.saturating_mul(1 << failures.saturating_sub(1).min(6)).min(BACKOFF_MAX);
    retry_after.map_or(doubled, |asked| asked.max(doubled))
}
