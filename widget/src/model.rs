//! Where the card stands, and what it does next. Pure: messages and the time go in, effects come out; `js/` carries them out.
//!
//! [`status`] keeps the shown connection fresh, [`consent`] leads a consent from the click to the verdict, to a safe
//! [`address`] only; [`decision`] asks twice before people are removed; [`message`] and [`effect`] are what goes in and what comes out.

pub mod address;
pub mod consent;
pub mod decision;
pub mod effect;
pub mod message;
pub mod status;

use std::time::Duration;

use domain::api::ReconnectAttempt;
use domain::ids::{AttemptId, ConnectionId};

use crate::face::{Demand, Permits};
use crate::goal::Goal;
use crate::moment::Moment;
use crate::trouble::Trouble;
use crate::words::Line;
use consent::Consenting;
use decision::Deciding;
use effect::{Cause, Effect, Focus, Request, Urgency};
use message::{Answer, Message, Press, Purpose, Timer};
use status::Shown;

/// What the host of the element asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The connection to show; the caller's first where it is absent.
    pub connection: Option<ConnectionId>,
    /// Which buttons there are.
    pub permits: Permits,
    /// Time between two looks at the status; zero looks only when asked.
    pub refresh: Duration,
    /// The rank of the card's heading in the page, 2 to 6.
    pub heading_level: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connection: None,
            permits: Permits { reconnect: false, sync: false, decide: false },
            refresh: Duration::from_secs(300),
            heading_level: 2,
        }
    }
}

/// The state of one card.
#[derive(Debug, Default)]
pub struct Model {
    settings: Settings,
    shown: Shown,
    trouble: Option<Trouble>,
    is_offline: bool,
    is_hidden: bool,
    consenting: Consenting,
    goal: Goal,
    claim: Option<ReconnectAttempt>,
    claimed: Goal,
    celebrate: Option<AttemptId>,
    sync: SyncAsked,
    deciding: Deciding,
    has_copied: bool,
    demand: Option<Demand>,
    failures: u32,
    loaded_at: Option<Moment>,
    hurry_until: Option<Moment>,
    pending: Vec<(u32, Purpose)>,
    last_request: u32,
    focus: Option<Focus>,
}

/// How a sync that was asked for with the button stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum SyncAsked {
    /// None was asked for.
    #[default]
    No,
    /// The request is under way.
    Asking,
    /// The server refused.
    Refused(Trouble),
}

impl Model {
    /// Takes one message and says what is to be done.
    pub fn update(&mut self, message: Message, now: Moment) -> Vec<Effect> {
        let before = self.state();
        let mut effects = match message {
            Message::Configured(settings) => self.configure(settings),
            Message::Claimed(attempt, goal) => {
                self.claimed = goal;
                vec![self.send(Purpose::Claim, Request::Attempt(attempt))]
            }
            Message::Answered(id, answer) => self.answered(id, answer, now),
            Message::Refused(id, trouble) => self.refused(id, trouble, now),
            Message::Elapsed(timer) => self.elapsed(timer, now),
            Message::Online(true) => self.went_online(),
            Message::Online(false) => self.went_offline(),
            Message::Visible(true) => self.became_visible(now),
            Message::Visible(false) => self.became_hidden(),
            Message::Nudged => self.poll_attempt(now),
            Message::WindowClosed => self.window_closed(now),
            Message::Pressed(press) => self.pressed(press, now),
            Message::Ticked => Vec::new(),
        };
        if self.state() != before {
            effects.push(Effect::State(self.state()));
        }
        effects
    }

    fn pressed(&mut self, press: Press, now: Moment) -> Vec<Effect> {
        match press {
            Press::Refresh => self.refresh(),
            Press::Consent { goal, opened } => self.start_consent(goal, opened),
            Press::Reopen => self.reopened(),
            Press::Cancel => self.cancel_consent(),
            Press::Dismiss => self.dismiss(),
            Press::Sync => self.ask_sync(now),
            Press::Approve => self.ask_once_more(),
            Press::Decide(verdict) => self.decide(verdict),
            Press::Undecide => self.undecide(),
            Press::Copy => {
                self.has_copied = true;
                vec![Effect::Copy, Effect::Announce(Line::of("details.copied"), Urgency::Polite), Effect::Wait(Timer::Toast, status::TOAST)]
            }
        }
    }

    fn answered(&mut self, id: u32, answer: Answer, now: Moment) -> Vec<Effect> {
        let Some(purpose) = self.settle(id) else {
            return Vec::new();
        };
        match (purpose, answer) {
            (Purpose::List, Answer::Connections(connections)) => self.listed(connections, now),
            (Purpose::Status, Answer::Connection(status)) => self.arrived(*status, Cause::Poll, now),
            (Purpose::Sync, Answer::Connection(status)) => self.sync_begun(*status, now),
            (Purpose::Create, Answer::Connection(status)) => self.created(*status, now),
            (Purpose::Begin, Answer::Attempt(attempt)) => self.begun(*attempt),
            (Purpose::Poll, Answer::Attempt(attempt)) => self.polled(&attempt, now),
            (Purpose::Claim, Answer::Attempt(attempt)) => self.claimed(*attempt, now),
            (Purpose::Decide, Answer::Nothing) => self.decided(now),
            _ => Vec::new(),
        }
    }

    fn refused(&mut self, id: u32, trouble: Trouble, now: Moment) -> Vec<Effect> {
        match self.settle(id) {
            Some(Purpose::List | Purpose::Status) => self.load_refused(trouble),
            Some(Purpose::Sync) => self.sync_refused(trouble),
            Some(Purpose::Create | Purpose::Begin) => self.begin_refused(trouble),
            Some(Purpose::Poll) => self.poll_refused(&trouble, now),
            Some(Purpose::Claim) => self.claim_refused(&trouble),
            Some(Purpose::Decide) => self.decision_refused(trouble),
            Some(Purpose::Withdraw) | None => Vec::new(),
        }
    }

    fn elapsed(&mut self, timer: Timer, now: Moment) -> Vec<Effect> {
        match timer {
            Timer::Refresh => self.load(),
            Timer::Poll => self.poll_attempt(now),
            Timer::Toast => {
                self.has_copied = false;
                self.end_toast()
            }
        }
    }

    /// Numbers a request and notes what it is for.
    fn send(&mut self, purpose: Purpose, request: Request) -> Effect {
        self.last_request = self.last_request.wrapping_add(1);
        self.pending.push((self.last_request, purpose));
        Effect::Send(self.last_request, request)
    }

    /// What the request was for, once.
    fn settle(&mut self, id: u32) -> Option<Purpose> {
        let place = self.pending.iter().position(|(pending, _)| *pending == id)?;
        Some(self.pending.swap_remove(place).1)
    }

    fn is_pending(&self, purpose: Purpose) -> bool {
        self.pending.iter().any(|(_, pending)| *pending == purpose)
    }

    /// What the request under this number is for, so that its answer can be read.
    #[must_use]
    pub fn purpose(&self, id: u32) -> Option<Purpose> {
        self.pending.iter().find(|(pending, _)| *pending == id).map(|(_, purpose)| *purpose)
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is shown.
    #[must_use]
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    /// Why the last look failed; absent after one that did not.
    #[must_use]
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// When the shown status arrived.
    #[must_use]
    pub fn loaded_at(&self) -> Option<Moment> {
        self.loaded_at
    }

    /// How the consent stands.
    #[must_use]
    pub fn consenting(&self) -> &Consenting {
        &self.consenting
    }

    /// What that consent is to come to; what the last one was, where none is under way.
    #[must_use]
    pub fn goal(&self) -> Goal {
        self.goal
    }

    /// How a sync that was asked for stands.
    #[must_use]
    pub fn sync(&self) -> &SyncAsked {
        &self.sync
    }

    /// How a decision about held deletions stands.
    #[must_use]
    pub fn deciding(&self) -> &Deciding {
        &self.deciding
    }

    /// Whether the support details were copied just now.
    #[must_use]
    pub fn has_copied(&self) -> bool {
        self.has_copied
    }

    /// Whether the browser says that it is offline, or the server cannot be reached.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        use crate::trouble::Code;
        self.is_offline || self.trouble.as_ref().is_some_and(|trouble| trouble.code == Code::Network)
    }

    /// What is to get the focus now, once.
    pub fn take_focus(&mut self) -> Option<Focus> {
        self.focus.take()
    }

    /// The state in one word, for the host's style sheet and for programs.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match (&self.shown, &self.consenting) {
            (Shown::Nothing, _) if self.trouble.is_none() => "loading",
            (Shown::Nothing, _) => "error",
            (_, Consenting::Creating { .. } | Consenting::Beginning { .. } | Consenting::Waiting(_)) => "reconnecting",
            (Shown::Connection(_), _) if self.is_offline() => "offline",
            (Shown::Connection(status), _) => status.health.as_str(),
            (Shown::Empty, _) => "empty",
        }
    }
}

#[cfg(test)]
mod tests;
