//! Decides about held deletions. Removal cannot be undone, so it is asked once more; and a decision is about the wave that was on the screen.

use domain::api::{ConnectionStatus, DeletionsHeld};
use domain::walk::Verdict;

use super::Model;
use super::effect::{Effect, Focus, Request, Urgency};
use super::message::Purpose;
use super::status::Shown;
use crate::moment::Moment;
use crate::trouble::Trouble;
use crate::words::Line;

/// How a decision stands, and about which wave.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Deciding {
    /// None is begun.
    #[default]
    Not,
    /// The reader wants to approve, and is asked once more.
    Confirming(u32),
    /// The request is under way.
    Asking(u32, Verdict),
    /// The server has taken the decision; the sync carries it out.
    Decided(u32, Verdict),
    /// The server refused.
    Refused(u32, Trouble),
}

impl Deciding {
    fn round(&self) -> Option<u32> {
        match self {
            Self::Not => None,
            Self::Confirming(round) | Self::Asking(round, _) | Self::Decided(round, _) | Self::Refused(round, _) => Some(*round),
        }
    }
}

/// The verdict as the API and `js/session.js` know it.
#[must_use]
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "approve",
        Verdict::Reject => "reject",
    }
}

/// The wave that the reader may decide about.
#[must_use]
pub fn open(status: &ConnectionStatus) -> Option<&DeletionsHeld> {
    status.data.deletions_held.as_ref().filter(|held| held.may_decide)
}

impl Model {
    fn wave(&self) -> Option<u32> {
        match &self.shown {
            Shown::Connection(status) if self.settings.permits.decide => open(status).map(|held| held.round),
            _ => None,
        }
    }

    pub(super) fn ask_once_more(&mut self) -> Vec<Effect> {
        if let (Some(round), Deciding::Not | Deciding::Refused(..)) = (self.wave(), &self.deciding) {
            self.deciding = Deciding::Confirming(round);
            self.focus = Some(Focus::Decision);
        }
        Vec::new()
    }

    pub(super) fn undecide(&mut self) -> Vec<Effect> {
        if matches!(self.deciding, Deciding::Confirming(_)) {
            self.deciding = Deciding::Not;
            self.focus = Some(Focus::Approve);
        }
        Vec::new()
    }

    pub(super) fn decide(&mut self, verdict: Verdict) -> Vec<Effect> {
        let (Some(connection), Some(round)) = (self.connection(), self.wave()) else {
            return Vec::new();
        };
        let is_meant = match (verdict, &self.deciding) {
            (Verdict::Approve, Deciding::Confirming(confirmed)) => *confirmed == round,
            (Verdict::Reject, Deciding::Not | Deciding::Confirming(_) | Deciding::Refused(..)) => true,
            _ => false,
        };
        if !is_meant {
            return Vec::new();
        }
        self.deciding = Deciding::Asking(round, verdict);
        self.focus = Some(Focus::Decision);
        vec![self.send(Purpose::Decide, Request::Decide { connection, round, verdict })]
    }

    pub(super) fn decided(&mut self, now: Moment) -> Vec<Effect> {
        let Deciding::Asking(round, verdict) = self.deciding else {
            return Vec::new();
        };
        self.deciding = Deciding::Decided(round, verdict);
        self.focus = Some(Focus::Decision);
        self.hurry(now);
        let line = match verdict {
            Verdict::Approve => Line::of("decide.approved.title"),
            Verdict::Reject => Line::of("decide.rejected.title"),
        };
        let mut effects = vec![Effect::Announce(line, Urgency::Polite)];
        effects.extend(self.load());
        effects
    }

    /// Another wave, or none, may be held by now: the status tells.
    pub(super) fn decision_refused(&mut self, trouble: Trouble) -> Vec<Effect> {
        let Some(round) = self.deciding.round() else {
            return Vec::new();
        };
        self.deciding = Deciding::Refused(round, trouble.clone());
        self.focus = Some(Focus::Decision);
        let mut effects = vec![Effect::Announce(Line::of("decide.refused"), Urgency::Assertive), Effect::Failed(trouble, "decide")];
        effects.extend(self.load());
        effects
    }

    /// A decision is over when its wave is not held any more.
    pub(super) fn settle_decision(&mut self, status: &ConnectionStatus) {
        let held = status.data.deletions_held.as_ref().map(|held| held.round);
        let is_asking = matches!(self.deciding, Deciding::Asking(..));
        if self.deciding.round() != held && !is_asking {
            self.deciding = Deciding::Not;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Permits;
    use crate::model::Settings;
    use crate::model::message::{Answer, Message, Press};
    use crate::samples;
    use crate::trouble::Code;

    fn shown(status: ConnectionStatus) -> Model {
        let permits = Permits { reconnect: true, sync: true, decide: true };
        let mut model = Model::default();
        model.update(Message::Configured(Settings { permits, ..Settings::default() }), samples::now());
        model.update(Message::Answered(1, Answer::Connections(vec![status])), samples::now());
        model
    }

    fn press(model: &mut Model, press: Press) -> Vec<Effect> {
        model.update(Message::Pressed(press), samples::now())
    }

    fn sent(effects: &[Effect]) -> Option<(u32, u32, Verdict)> {
        effects.iter().find_map(|effect| match effect {
            Effect::Send(id, Request::Decide { round, verdict, .. }) => Some((*id, *round, *verdict)),
            _ => None,
        })
    }

    #[test]
    fn approval_is_asked_once_more_and_rejection_is_not() {
        let mut model = shown(samples::status("held"));
        assert_eq!(sent(&press(&mut model, Press::Decide(Verdict::Approve))), None, "one press removes nobody");
        press(&mut model, Press::Approve);
        assert_eq!((model.take_focus(), model.deciding()), (Some(Focus::Decision), &Deciding::Confirming(7)));
        assert!(matches!(sent(&press(&mut model, Press::Decide(Verdict::Approve))), Some((_, 7, Verdict::Approve))));
        assert_eq!(sent(&press(&mut model, Press::Decide(Verdict::Reject))), None, "while one is under way there is no other");
        let mut model = shown(samples::status("held"));
        assert!(matches!(sent(&press(&mut model, Press::Decide(Verdict::Reject))), Some((_, 7, Verdict::Reject))));
    }

    #[test]
    fn whoever_thinks_better_of_it_is_where_they_were() {
        let mut model = shown(samples::status("held"));
        press(&mut model, Press::Approve);
        press(&mut model, Press::Undecide);
        assert_eq!((model.take_focus(), model.deciding()), (Some(Focus::Approve), &Deciding::Not));
    }

    #[test]
    fn another_wave_is_confirmed_anew() {
        let mut model = shown(samples::status("held"));
        press(&mut model, Press::Approve);
        let mut later = samples::status("held");
        later.data.deletions_held = later.data.deletions_held.map(|held| DeletionsHeld { round: 8, ..held });
        let look = model.update(Message::Pressed(Press::Refresh), samples::now());
        let id = look.iter().find_map(|effect| if let Effect::Send(id, _) = effect { Some(*id) } else { None }).expect("a look");
        model.update(Message::Answered(id, Answer::Connection(Box::new(later))), samples::now());
        assert_eq!(model.deciding(), &Deciding::Not);
        assert_eq!(sent(&press(&mut model, Press::Decide(Verdict::Approve))), None);
    }

    #[test]
    fn a_decision_is_shown_until_its_wave_is_gone() {
        let mut model = shown(samples::status("held"));
        let (id, ..) = sent(&press(&mut model, Press::Decide(Verdict::Reject))).expect("a request");
        let effects = model.update(Message::Answered(id, Answer::Nothing), samples::now());
        assert_eq!(model.deciding(), &Deciding::Decided(7, Verdict::Reject));
        let look = effects.iter().find_map(|effect| if let Effect::Send(id, _) = effect { Some(*id) } else { None }).expect("a look");
        model.update(Message::Answered(look, Answer::Connection(Box::new(samples::status("healthy")))), samples::now());
        assert_eq!(model.deciding(), &Deciding::Not);
    }

    #[test]
    fn a_refusal_is_told_and_can_be_tried_again() {
        let mut model = shown(samples::status("held"));
        let (id, ..) = sent(&press(&mut model, Press::Decide(Verdict::Reject))).expect("a request");
        let effects = model.update(Message::Refused(id, Trouble::bare(Code::ServerError)), samples::now());
        assert!(matches!(model.deciding(), Deciding::Refused(7, _)));
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Failed(_, "decide"))));
        assert!(sent(&press(&mut model, Press::Decide(Verdict::Reject))).is_some());
    }

    #[test]
    fn nobody_decides_who_may_not() {
        let mut status = samples::status("held");
        status.data.deletions_held = status.data.deletions_held.map(|held| DeletionsHeld { may_decide: false, ..held });
        let mut model = shown(status);
        press(&mut model, Press::Approve);
        assert_eq!(sent(&press(&mut model, Press::Decide(Verdict::Reject))), None);
        let mut model = shown(samples::status("held"));
        let permits = Permits { reconnect: true, sync: false, decide: false };
        model.update(Message::Configured(Settings { permits, ..Settings::default() }), samples::now());
        assert_eq!(sent(&press(&mut model, Press::Decide(Verdict::Reject))), None, "a card that only shows");
    }
}
