//! Leads a consent from the click to the verdict.
//!
//! Microsoft's sign-in pages cut every tie between the portal and the window, so the server is the only witness: the attempt is polled
//! until it ends. A message from the window, a broadcast, or a window that looks closed only make the next poll come sooner.

use std::time::Duration;

use domain::api::{AttemptWord, ConnectionStatus, ReconnectAttempt};
use domain::ids::AttemptId;

use super::Model;
use super::address::is_safe_to_open;
use super::effect::{Cause, Effect, Focus, Request, Urgency};
use super::message::{Opened, Purpose, Timer};
use super::status::{Shown, TOAST};
use crate::goal::Goal;
use crate::moment::Moment;
use crate::trouble::{Code, Trouble};
use crate::words::Line;

/// Polls are this far apart at first, whatever the server says.
const POLL_MIN: Duration = Duration::from_secs(1);
/// After [`POLL_SLOWER_AFTER`] polls.
const POLL_SLOWER: Duration = Duration::from_secs(2);
/// After [`POLL_SLOWEST_AFTER`] polls.
const POLL_SLOWEST: Duration = Duration::from_secs(5);
const POLL_SLOWER_AFTER: u32 = 30;
const POLL_SLOWEST_AFTER: u32 = 75;
/// An attempt that the server should have ended by itself is given up this long after its end.
const GRACE: Duration = Duration::from_secs(60);

/// How a consent stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Consenting {
    /// None is under way.
    #[default]
    Not,
    /// The browser refused to open a window.
    Blocked,
    /// A connection is being created, to be consented to at once.
    Creating {
        /// Where the consent will run.
        place: Place,
    },
    /// The attempt is being begun.
    Beginning {
        /// Where the consent will run.
        place: Place,
    },
    /// The person signs in at Microsoft, or the server verifies.
    Waiting(Waiting),
    /// The new grant is in use.
    Succeeded,
    /// Nothing was changed, and why.
    Failed(Line),
    /// Nothing was changed: a backup must come from another account than the consent in use.
    SameAccount,
}

/// Where a consent runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a window of its own.
    Window,
    /// In the portal's tab.
    Tab,
}

/// An attempt under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// The attempt.
    pub attempt: AttemptId,
    /// Where the sign-in began; unknown for an attempt that was taken up after a reload.
    pub url: Option<String>,
    /// Whether the window may be gone.
    pub window: WindowHint,
    /// Whether the server verifies the new grant.
    pub is_verifying: bool,
    expires_at: Moment,
    polls: u32,
    poll: Duration,
}

/// What is believed about the window. Never more than a hint: `closed` turns true while the window is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowHint {
    /// Nothing speaks against it being open.
    Open,
    /// It looks closed.
    MaybeClosed,
    /// There is none: this tab went to Microsoft and came back, or the page was loaded anew.
    None,
}

impl Model {
    pub(super) fn start_consent(&mut self, goal: Goal, opened: Opened) -> Vec<Effect> {
        let place = match opened {
            Opened::Taken => return Vec::new(),
            Opened::Blocked => {
                self.goal = goal;
                self.consenting = Consenting::Blocked;
                self.focus = Some(Focus::Panel);
                return vec![Effect::Announce(Line::of("consent.blocked.title"), Urgency::Assertive)];
            }
            Opened::Window => Place::Window,
            Opened::InTab => Place::Tab,
        };
        let mut effects = match std::mem::take(&mut self.consenting) {
            Consenting::Waiting(waiting) => vec![Effect::Exited(Some(waiting.attempt), "superseded")],
            _ => Vec::new(),
        };
        self.goal = goal;
        self.focus = Some(Focus::Panel);
        let is_missing = self.trouble.as_ref().is_some_and(|trouble| trouble.code == Code::NotFound);
        effects.push(match self.connection() {
            Some(connection) if !is_missing => {
                self.consenting = Consenting::Beginning { place };
                self.send(Purpose::Begin, Request::Begin { connection, in_tab: place == Place::Tab, goal })
            }
            _ => {
                self.consenting = Consenting::Creating { place };
                self.send(Purpose::Create, Request::Create)
            }
        });
        effects
    }

    pub(super) fn created(&mut self, status: ConnectionStatus, now: Moment) -> Vec<Effect> {
        let connection = status.id.clone();
        let mut effects = self.arrived(status, Cause::Load, now);
        if let Consenting::Creating { place } = self.consenting {
            self.consenting = Consenting::Beginning { place };
            let in_tab = place == Place::Tab;
            effects.push(self.send(Purpose::Begin, Request::Begin { connection, in_tab, goal: Goal::Reconnect }));
        }
        effects
    }

    pub(super) fn begun(&mut self, attempt: ReconnectAttempt) -> Vec<Effect> {
        let Consenting::Beginning { place } = self.consenting else {
            return vec![self.send(Purpose::Withdraw, Request::Withdraw(attempt.id))];
        };
        let Some(url) = attempt.authorize_url.clone().filter(|url| is_safe_to_open(url)) else {
            let mut effects = self.conclude(Some(attempt.id), Line::of("consent.unsafe_address"), "refused");
            effects.push(Effect::Failed(Trouble::bare(Code::Unreadable), "reconnect"));
            return effects;
        };
        let mut effects = vec![Effect::Remember(attempt.id.clone(), self.goal)];
        effects.push(match place {
            Place::Window => Effect::Steer(url.clone()),
            Place::Tab => Effect::Leave(url.clone()),
        });
        self.consenting = Consenting::Waiting(Waiting {
            attempt: attempt.id,
            url: Some(url),
            window: WindowHint::Open,
            is_verifying: false,
            expires_at: attempt.expires_at.into(),
            polls: 0,
            poll: Duration::from_millis(attempt.poll_milliseconds.into()),
        });
        effects.push(Effect::Announce(Line::of("consent.waiting.title"), Urgency::Polite));
        effects.extend(self.wait_to_poll());
        effects
    }

    pub(super) fn begin_refused(&mut self, trouble: Trouble) -> Vec<Effect> {
        let mut effects = vec![Effect::Failed(trouble.clone(), "reconnect")];
        if matches!(self.consenting, Consenting::Beginning { .. } | Consenting::Creating { .. }) {
            effects.extend(self.conclude(None, trouble.text(), "unavailable"));
        }
        effects
    }

    /// Asks the server how the attempt stands, unless it is being asked.
    pub(super) fn poll_attempt(&mut self, now: Moment) -> Vec<Effect> {
        let Consenting::Waiting(waiting) = &mut self.consenting else {
            return Vec::new();
        };
        let attempt = waiting.attempt.clone();
        if now.since(waiting.expires_at) > GRACE {
            return self.conclude(Some(attempt), Line::of("consent.expired"), "timeout");
        }
        waiting.polls = waiting.polls.saturating_add(1);
        if self.is_pending(Purpose::Poll) {
            return Vec::new();
        }
        vec![self.send(Purpose::Poll, Request::Attempt(attempt))]
    }

    fn wait_to_poll(&self) -> Option<Effect> {
        let Consenting::Waiting(waiting) = &self.consenting else {
            return None;
        };
        let pace = match waiting.polls {
            0..POLL_SLOWER_AFTER => POLL_MIN,
            POLL_SLOWER_AFTER..POLL_SLOWEST_AFTER => POLL_SLOWER,
            _ => POLL_SLOWEST,
        };
        Some(Effect::Wait(Timer::Poll, pace.max(waiting.poll.min(POLL_SLOWEST))))
    }

    pub(super) fn polled(&mut self, attempt: &ReconnectAttempt, now: Moment) -> Vec<Effect> {
        match &mut self.consenting {
            Consenting::Waiting(waiting) if waiting.attempt == attempt.id => self.verdict(attempt, now),
            _ => Vec::new(),
        }
    }

    fn verdict(&mut self, attempt: &ReconnectAttempt, now: Moment) -> Vec<Effect> {
        let id = Some(attempt.id.clone());
        match attempt.state {
            AttemptWord::Pending => self.wait_to_poll().into_iter().collect(),
            AttemptWord::Verifying => self.verifying(),
            AttemptWord::Succeeded => self.succeeded(attempt.id.clone(), now),
            AttemptWord::Failed => {
                let failure = attempt.failure.as_ref();
                let reason = exit_reason(failure.map_or("refused", |failure| &failure.reason));
                if reason == "same-account" {
                    let effects = self.conclude(id, Line::of("consent.same_account"), reason);
                    self.consenting = Consenting::SameAccount;
                    return effects;
                }
                let sentence = failure.map_or_else(|| Line::of("consent.refused"), |failure| Line::plain(&failure.sentence));
                self.conclude(id, sentence, reason)
            }
            AttemptWord::Expired => self.conclude(id, Line::of("consent.expired"), "timeout"),
            AttemptWord::Superseded => self.conclude(id, Line::of("consent.superseded"), "superseded"),
        }
    }

    fn verifying(&mut self) -> Vec<Effect> {
        let mut effects: Vec<Effect> = self.wait_to_poll().into_iter().collect();
        if let Consenting::Waiting(waiting) = &mut self.consenting
            && !waiting.is_verifying
        {
            waiting.is_verifying = true;
            effects.push(Effect::Announce(Line::of("consent.verifying.title"), Urgency::Polite));
        }
        effects
    }

    fn succeeded(&mut self, attempt: AttemptId, now: Moment) -> Vec<Effect> {
        self.consenting = Consenting::Succeeded;
        self.celebrate = Some(attempt);
        self.focus = Some(Focus::Panel);
        self.hurry(now);
        // A look that is under way may have been answered before the consent; its answer must not count as the one after.
        self.pending.retain(|(_, purpose)| !matches!(purpose, Purpose::List | Purpose::Status));
        let mut effects = vec![
            Effect::CloseWindow,
            Effect::Forget,
            Effect::Stop(Timer::Poll),
            Effect::Announce(self.goal.succeeded(), Urgency::Polite),
            Effect::Wait(Timer::Toast, TOAST),
        ];
        effects.extend(self.load());
        effects
    }

    /// Ends an attempt that changed nothing.
    fn conclude(&mut self, attempt: Option<AttemptId>, sentence: Line, reason: &'static str) -> Vec<Effect> {
        self.consenting = Consenting::Failed(sentence.clone());
        self.focus = Some(Focus::Panel);
        vec![
            Effect::CloseWindow,
            Effect::Forget,
            Effect::Stop(Timer::Poll),
            Effect::Announce(sentence, Urgency::Assertive),
            Effect::Exited(attempt, reason),
        ]
    }

    pub(super) fn poll_refused(&mut self, trouble: &Trouble, now: Moment) -> Vec<Effect> {
        let Consenting::Waiting(waiting) = &self.consenting else {
            return Vec::new();
        };
        let attempt = waiting.attempt.clone();
        if trouble.code == Code::NotFound {
            return self.conclude(Some(attempt), Line::of("consent.superseded"), "superseded");
        }
        if now > waiting.expires_at {
            return self.conclude(Some(attempt), Line::of("consent.expired"), "timeout");
        }
        let wait = trouble.retry_after.map_or(POLL_SLOWEST, |asked| asked.max(POLL_SLOWEST));
        vec![Effect::Wait(Timer::Poll, wait)]
    }

    pub(super) fn window_closed(&mut self, now: Moment) -> Vec<Effect> {
        match &mut self.consenting {
            Consenting::Waiting(waiting) if waiting.window == WindowHint::Open => {
                waiting.window = WindowHint::MaybeClosed;
                self.poll_attempt(now)
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn reopened(&mut self) -> Vec<Effect> {
        if let Consenting::Waiting(waiting) = &mut self.consenting {
            waiting.window = WindowHint::Open;
        }
        Vec::new()
    }

    pub(super) fn cancel_consent(&mut self) -> Vec<Effect> {
        let mut effects = vec![Effect::CloseWindow, Effect::Stop(Timer::Poll), Effect::Forget];
        match std::mem::take(&mut self.consenting) {
            Consenting::Waiting(waiting) => {
                effects.push(self.send(Purpose::Withdraw, Request::Withdraw(waiting.attempt.clone())));
                effects.push(Effect::Announce(Line::of("consent.cancelled"), Urgency::Polite));
                effects.push(Effect::Exited(Some(waiting.attempt), "user-cancelled"));
            }
            Consenting::Beginning { .. } | Consenting::Creating { .. } | Consenting::Blocked => {
                effects.push(Effect::Exited(None, "user-cancelled"));
            }
            other => {
                self.consenting = other;
                return Vec::new();
            }
        }
        self.focus = Some(Focus::Action(self.goal));
        effects
    }

    pub(super) fn dismiss(&mut self) -> Vec<Effect> {
        if matches!(self.consenting, Consenting::Failed(_) | Consenting::SameAccount | Consenting::Succeeded) {
            self.consenting = Consenting::Not;
            self.focus = Some(Focus::Action(self.goal));
        }
        Vec::new()
    }

    pub(super) fn end_toast(&mut self) -> Vec<Effect> {
        if self.consenting == Consenting::Succeeded {
            self.consenting = Consenting::Not;
        }
        Vec::new()
    }

    /// An attempt that the page's address names: followed only if it belongs to the connection that this element shows.
    pub(super) fn claimed(&mut self, attempt: ReconnectAttempt, now: Moment) -> Vec<Effect> {
        self.claim = Some(attempt);
        match (&self.settings.connection, &self.shown) {
            (None, Shown::Nothing) => Vec::new(),
            _ => self.match_claim(now),
        }
    }

    pub(super) fn match_claim(&mut self, now: Moment) -> Vec<Effect> {
        let Some(attempt) = self.claim.take() else {
            return Vec::new();
        };
        let is_free = !matches!(self.consenting, Consenting::Creating { .. } | Consenting::Beginning { .. } | Consenting::Waiting(_));
        if self.connection().as_ref() != Some(&attempt.connection) || !is_free {
            return Vec::new();
        }
        self.goal = self.claimed;
        self.consenting = Consenting::Waiting(Waiting {
            attempt: attempt.id.clone(),
            url: None,
            window: WindowHint::None,
            is_verifying: false,
            expires_at: attempt.expires_at.into(),
            polls: 0,
            poll: Duration::from_millis(attempt.poll_milliseconds.into()),
        });
        let mut effects = vec![Effect::Forget, Effect::Remember(attempt.id.clone(), self.goal)];
        effects.extend(self.verdict(&attempt, now));
        effects
    }

    pub(super) fn claim_refused(&mut self, trouble: &Trouble) -> Vec<Effect> {
        match trouble.code {
            Code::NotFound => vec![Effect::Forget],
            _ => Vec::new(),
        }
    }
}

/// The word that the host hears for a failed attempt.
fn exit_reason(reason: &str) -> &'static str {
    match reason {
        "denied" => "denied",
        "wrong-tenant" => "wrong-tenant",
        "same-account" => "same-account",
        "admin-required" => "admin-consent-required",
        "missing-permission" => "missing-permission",
        "verification-failed" => "verification-failed",
        "unavailable" => "unavailable",
        _ => "refused",
    }
}
