//! The model from outside: messages in, effects out.

use std::time::Duration;

use domain::api::{AttemptFailureView, AttemptWord, HealthWord, ReconnectAttempt, SyncWord};

use super::address::is_safe_to_open;
use super::consent::{Consenting, WindowHint};
use super::effect::{Cause, Effect, Focus, Request, Urgency};
use super::message::{Answer, Message, Opened, Press, Timer};
use super::status::Shown;
use super::{Model, Settings};
use crate::face::Permits;
use crate::goal::Goal;
use crate::moment::Moment;
use crate::samples;
use crate::trouble::{Code, Trouble};
use crate::words::Line;

const URL: &str = "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize?client_id=1";

/// A card with a clock.
struct Table {
    model: Model,
    now: Moment,
}

impl Table {
    fn laid(connection: Option<&str>) -> (Self, Vec<Effect>) {
        let mut table = Self { model: Model::default(), now: samples::now() };
        let settings = Settings {
            connection: connection.map(|id| id.parse().unwrap()),
            permits: Permits { reconnect: true, sync: true, decide: true },
            ..Settings::default()
        };
        let effects = table.tell(Message::Configured(settings));
        (table, effects)
    }

    /// With a status of this health on the screen.
    fn showing(health: &str) -> Self {
        let (mut table, effects) = Self::laid(None);
        table.answer(&effects, Answer::Connections(vec![samples::status(health)]));
        table
    }

    fn tell(&mut self, message: Message) -> Vec<Effect> {
        self.model.update(message, self.now)
    }

    fn press(&mut self, press: Press) -> Vec<Effect> {
        self.tell(Message::Pressed(press))
    }

    fn answer(&mut self, asked: &[Effect], answer: Answer) -> Vec<Effect> {
        let (id, _) = sent(asked).expect("a request was sent");
        self.tell(Message::Answered(id, answer))
    }

    fn refuse(&mut self, asked: &[Effect], code: Code) -> Vec<Effect> {
        let (id, _) = sent(asked).expect("a request was sent");
        self.tell(Message::Refused(id, Trouble::bare(code)))
    }

    fn begin(&mut self) -> Vec<Effect> {
        let asked = self.press(Press::Consent { goal: Goal::Reconnect, opened: Opened::Window });
        self.answer(&asked, attempt(AttemptWord::Pending, Some(URL)))
    }

    fn poll(&mut self, state: AttemptWord) -> Vec<Effect> {
        let asked = self.tell(Message::Elapsed(Timer::Poll));
        self.answer(&asked, attempt(state, None))
    }
}

fn attempt(state: AttemptWord, authorize_url: Option<&str>) -> Answer {
    Answer::Attempt(Box::new(ReconnectAttempt {
        id: "att-1".parse().unwrap(),
        connection: samples::status("dead").id,
        state,
        authorize_url: authorize_url.map(str::to_owned),
        expires_at: "2026-05-08T10:15:00Z".parse().unwrap(),
        poll_milliseconds: 1000,
        failure: (state == AttemptWord::Failed)
            .then(|| AttemptFailureView { reason: "wrong-tenant".to_owned(), sentence: "You signed in to Fabrikam.".to_owned() }),
    }))
}

fn sent(effects: &[Effect]) -> Option<(u32, &Request)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Send(id, request) => Some((*id, request)),
        _ => None,
    })
}

fn wait_of(effects: &[Effect], timer: Timer) -> Option<Duration> {
    effects.iter().find_map(|effect| match effect {
        Effect::Wait(which, wait) if *which == timer => Some(*wait),
        _ => None,
    })
}

fn exit_of(effects: &[Effect]) -> Option<&'static str> {
    effects.iter().find_map(|effect| match effect {
        Effect::Exited(_, reason) => Some(*reason),
        _ => None,
    })
}

#[test]
fn without_a_connection_the_first_that_is_not_ended_is_shown() {
    let (mut table, asked) = Table::laid(None);
    assert_eq!(sent(&asked).map(|(_, request)| request), Some(&Request::List));
    let both = vec![samples::status("disconnected"), samples::status("dead")];
    let effects = table.answer(&asked, Answer::Connections(both));
    assert_eq!(table.model.state(), "dead");
    let is_published = effects.iter().any(|effect| matches!(effect, Effect::Publish { current: "dead", cause: Cause::Load, .. }));
    assert!(is_published);
}

#[test]
fn a_caller_without_connections_is_offered_one() {
    let (mut table, asked) = Table::laid(None);
    table.answer(&asked, Answer::Connections(Vec::new()));
    assert_eq!(table.model.state(), "empty");
    let asked = table.press(Press::Consent { goal: Goal::Reconnect, opened: Opened::Window });
    assert_eq!(sent(&asked).map(|(_, request)| request), Some(&Request::Create));
    let asked = table.answer(&asked, Answer::Connection(Box::new(samples::status("awaiting-consent"))));
    assert!(matches!(sent(&asked), Some((_, Request::Begin { .. }))));
}

#[test]
fn idle_looks_say_nothing_and_changes_are_said_once() {
    let mut table = Table::showing("healthy");
    let asked = table.tell(Message::Elapsed(Timer::Refresh));
    let effects = table.answer(&asked, Answer::Connection(Box::new(samples::status("healthy"))));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Announce(..))));
    let asked = table.tell(Message::Elapsed(Timer::Refresh));
    let effects = table.answer(&asked, Answer::Connection(Box::new(samples::status("dead"))));
    let spoken: Vec<_> = effects.iter().filter(|effect| matches!(effect, Effect::Announce(_, Urgency::Assertive))).collect();
    assert_eq!(spoken.len(), 1);
}

#[test]
fn looks_are_quick_while_a_sync_runs_and_slow_otherwise() {
    let (mut table, asked) = Table::laid(None);
    let mut status = samples::status("healthy");
    status.sync.state = SyncWord::Running;
    let effects = table.answer(&asked, Answer::Connections(vec![status.clone()]));
    assert_eq!(wait_of(&effects, Timer::Refresh), Some(Duration::from_secs(2)));
    status.sync.state = SyncWord::Idle;
    let asked = table.tell(Message::Elapsed(Timer::Refresh));
    let effects = table.answer(&asked, Answer::Connection(Box::new(status)));
    assert_eq!(wait_of(&effects, Timer::Refresh), Some(Duration::from_secs(300)));
}

#[test]
fn a_failed_look_keeps_the_last_status_and_backs_off() {
    let mut table = Table::showing("healthy");
    let waits: Vec<_> = (0..6)
        .map(|_| {
            let asked = table.tell(Message::Elapsed(Timer::Refresh));
            wait_of(&table.refuse(&asked, Code::Network), Timer::Refresh).map(|wait| wait.as_secs())
        })
        .collect();
    assert_eq!(waits, [Some(5), Some(10), Some(20), Some(40), Some(60), Some(60)]);
    assert_eq!(table.model.state(), "offline");
    assert!(matches!(table.model.shown(), Shown::Connection(status) if status.health == HealthWord::Healthy));
    let asked = table.tell(Message::Online(true));
    table.answer(&asked, Answer::Connection(Box::new(samples::status("healthy"))));
    assert_eq!(table.model.state(), "healthy");
}

#[test]
fn what_cannot_pass_by_itself_is_not_asked_again() {
    let (mut table, asked) = Table::laid(None);
    let effects = table.refuse(&asked, Code::TokenRejected);
    assert_eq!(wait_of(&effects, Timer::Refresh), None);
    assert_eq!(table.model.state(), "error");
}

#[test]
fn a_hidden_page_looks_at_nothing_until_it_is_shown_again() {
    let mut table = Table::showing("healthy");
    assert_eq!(table.tell(Message::Visible(false)), [Effect::Stop(Timer::Refresh)]);
    table.now = table.now.after(Duration::from_secs(600));
    assert!(sent(&table.tell(Message::Visible(true))).is_some());
}

#[test]
fn another_connection_forgets_the_first_one() {
    let mut table = Table::showing("dead");
    table.begin();
    let settings = Settings { connection: Some("con-other".parse().unwrap()), ..table.model.settings().clone() };
    let effects = table.tell(Message::Configured(settings));
    assert!(matches!(sent(&effects), Some((_, Request::Status(_)))));
    assert_eq!((table.model.state(), table.model.consenting()), ("loading", &Consenting::Not));
}

#[test]
fn a_consent_leads_the_window_to_microsoft_and_polls_until_the_verdict() {
    let mut table = Table::showing("dead");
    let effects = table.begin();
    assert!(effects.contains(&Effect::Steer(URL.to_owned())));
    assert_eq!(wait_of(&effects, Timer::Poll), Some(Duration::from_secs(1)));
    table.poll(AttemptWord::Pending);
    table.poll(AttemptWord::Verifying);
    let asked = table.poll(AttemptWord::Succeeded);
    assert!(asked.contains(&Effect::CloseWindow));
    let effects = table.answer(&asked, Answer::Connection(Box::new(samples::status("healthy"))));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Reconnected(_))));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Publish { cause: Cause::Reconnect, .. })));
}

#[test]
fn a_window_that_looks_closed_ends_nothing() {
    let mut table = Table::showing("dead");
    table.begin();
    let effects = table.tell(Message::WindowClosed);
    assert_eq!(exit_of(&effects), None);
    assert!(sent(&effects).is_some(), "the server is asked at once");
    assert!(matches!(table.model.consenting(), Consenting::Waiting(waiting) if waiting.window == WindowHint::MaybeClosed));
    table.press(Press::Reopen);
    assert!(matches!(table.model.consenting(), Consenting::Waiting(waiting) if waiting.window == WindowHint::Open));
}

#[test]
fn every_end_without_success_has_its_reason() {
    for (state, reason) in
        [(AttemptWord::Failed, "wrong-tenant"), (AttemptWord::Expired, "timeout"), (AttemptWord::Superseded, "superseded")]
    {
        let mut table = Table::showing("dead");
        table.begin();
        assert_eq!(exit_of(&table.poll(state)), Some(reason));
        assert!(matches!(table.model.consenting(), Consenting::Failed(_)));
    }
}

#[test]
fn a_cancelled_consent_is_withdrawn_even_when_its_beginning_is_answered_late() {
    let mut table = Table::showing("dead");
    let begun = table.press(Press::Consent { goal: Goal::Reconnect, opened: Opened::Window });
    assert_eq!(exit_of(&table.press(Press::Cancel)), Some("user-cancelled"));
    let effects = table.answer(&begun, attempt(AttemptWord::Pending, Some(URL)));
    assert!(matches!(sent(&effects), Some((_, Request::Withdraw(_)))));
}

#[test]
fn a_silent_server_ends_the_attempt_after_its_time() {
    let mut table = Table::showing("dead");
    table.begin();
    table.now = table.now.after(Duration::from_secs(15 * 60 + 61));
    assert_eq!(exit_of(&table.tell(Message::Elapsed(Timer::Poll))), Some("timeout"));
}

#[test]
fn an_unsafe_address_is_never_opened() {
    let mut table = Table::showing("dead");
    let asked = table.press(Press::Consent { goal: Goal::Reconnect, opened: Opened::InTab });
    let effects = table.answer(&asked, attempt(AttemptWord::Pending, Some("javascript:alert(1)")));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Leave(_) | Effect::Steer(_))));
    assert_eq!(exit_of(&effects), Some("refused"));
}

#[test]
fn only_https_and_this_machine_are_safe_to_open() {
    for url in ["https://login.microsoftonline.com/x", "http://localhost:8080/x", "http://127.0.0.1/x", "http://localhost"] {
        assert!(is_safe_to_open(url), "{url}");
    }
    for url in [
        "http://login.microsoftonline.com/",
        "http://localhost.evil.example/",
        "http://localhost:80@evil.example/",
        "http://localhost@evil.example/",
        "https://",
        "https:///evil",
        "HTTPS//x",
        "javascript:alert(1)",
        "data:text/html,x",
        "",
    ] {
        assert!(!is_safe_to_open(url), "{url}");
    }
}

#[test]
fn an_attempt_of_the_address_is_followed_only_by_the_element_that_shows_its_connection() {
    for (connection, is_ours) in [(samples::status("dead").id.to_string(), true), ("con-other".to_owned(), false)] {
        let (mut table, _) = Table::laid(Some(&connection));
        let asked = table.tell(Message::Claimed("att-1".parse().unwrap(), Goal::Reconnect));
        let effects = table.answer(&asked, attempt(AttemptWord::Verifying, None));
        assert_eq!(effects.contains(&Effect::Forget), is_ours);
        assert_eq!(matches!(table.model.consenting(), Consenting::Waiting(_)), is_ours);
    }
}

#[test]
fn a_blocked_window_offers_this_tab() {
    let mut table = Table::showing("dead");
    let effects = table.press(Press::Consent { goal: Goal::OtherAccount, opened: Opened::Blocked });
    assert!(sent(&effects).is_none());
    assert_eq!(table.model.consenting(), &Consenting::Blocked);
    let asked = table.press(Press::Consent { goal: Goal::OtherAccount, opened: Opened::InTab });
    assert!(matches!(sent(&asked), Some((_, Request::Begin { in_tab: true, goal: Goal::OtherAccount, .. }))));
    let effects = table.answer(&asked, attempt(AttemptWord::Pending, Some(URL)));
    assert!(effects.contains(&Effect::Leave(URL.to_owned())));
}

#[test]
fn a_refused_sync_is_said_and_may_be_asked_again() {
    let mut table = Table::showing("healthy");
    let asked = table.press(Press::Sync);
    assert!(table.press(Press::Sync).is_empty(), "one at a time");
    let effects = table.refuse(&asked, Code::ServerError);
    assert!(effects.contains(&Effect::Announce(Line::of("sync.refused"), Urgency::Assertive)));
    assert!(sent(&table.press(Press::Sync)).is_some());
}

/// A consent of this goal that has been begun in a window.
fn begun(goal: Goal) -> (Table, Vec<Effect>) {
    let mut table = Table::showing("expiring");
    let asked = table.press(Press::Consent { goal, opened: Opened::Window });
    assert!(matches!(sent(&asked), Some((_, Request::Begin { goal: wanted, .. })) if *wanted == goal), "{goal:?}");
    let effects = table.answer(&asked, attempt(AttemptWord::Pending, Some(URL)));
    (table, effects)
}

#[test]
fn every_goal_takes_the_same_way_and_is_told_in_its_own_words() {
    for goal in Goal::ALL {
        let (mut table, effects) = begun(goal);
        assert!(effects.contains(&Effect::Steer(URL.to_owned())), "{goal:?}");
        assert!(effects.contains(&Effect::Remember("att-1".parse().unwrap(), goal)), "{goal:?}");
        let effects = table.poll(AttemptWord::Succeeded);
        assert!(effects.contains(&Effect::Announce(goal.succeeded(), Urgency::Polite)), "{goal:?}");
    }
}

#[test]
fn a_backup_by_the_account_in_use_is_told_apart_and_may_be_tried_again() {
    let (mut table, _) = begun(Goal::Backup);
    let asked = table.tell(Message::Elapsed(Timer::Poll));
    let Answer::Attempt(mut failed) = attempt(AttemptWord::Failed, None) else { unreachable!("an attempt is an attempt") };
    failed.failure = Some(AttemptFailureView { reason: "same-account".to_owned(), sentence: "This account gave it already.".to_owned() });
    let effects = table.answer(&asked, Answer::Attempt(failed));
    assert_eq!(exit_of(&effects), Some("same-account"));
    assert!(effects.contains(&Effect::Announce(Line::of("consent.same_account"), Urgency::Assertive)));
    assert_eq!(table.model.consenting(), &Consenting::SameAccount);
    let asked = table.press(Press::Consent { goal: table.model.goal(), opened: Opened::Window });
    assert!(matches!(sent(&asked), Some((_, Request::Begin { goal: Goal::Backup, .. }))));
}

#[test]
fn the_focus_comes_back_to_the_button_that_was_pressed() {
    for end in [Press::Cancel, Press::Dismiss] {
        let (mut table, _) = begun(Goal::AppOnly);
        if end == Press::Dismiss {
            table.poll(AttemptWord::Failed);
        }
        table.press(end);
        assert_eq!(table.model.take_focus(), Some(Focus::Action(Goal::AppOnly)), "{end:?}");
    }
}

#[test]
fn an_attempt_that_is_taken_up_after_a_reload_keeps_its_goal() {
    let (mut table, _) = Table::laid(Some(samples::status("dead").id.as_str()));
    let asked = table.tell(Message::Claimed("att-1".parse().unwrap(), Goal::AppOnly));
    let effects = table.answer(&asked, attempt(AttemptWord::Pending, None));
    assert!(effects.contains(&Effect::Remember("att-1".parse().unwrap(), Goal::AppOnly)));
    assert_eq!(table.model.goal(), Goal::AppOnly);
}
