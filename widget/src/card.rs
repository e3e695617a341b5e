//! Where the model, the view and the element meet: messages come in from `js/`, effects go out to it.

use std::cell::RefCell;
use std::time::Duration;

use wasm_bindgen::prelude::*;
use yew::{AppHandle, Component, Context, Html, Renderer};

use crate::body;
use crate::face::Permits;
use crate::goal::Goal;
use crate::model::decision;
use crate::model::effect::{Cause, Effect, Focus, Request, Urgency};
use crate::model::message::{Answer, Message, Opened, Press, Purpose, Timer};
use crate::model::{Model, Settings};
use crate::shell::{Attributes, Refusal, Shell, Witness, number};
use crate::trouble::{Code, Trouble};
use crate::view;

/// One card. It outlives the element that it is bound to: Yew never gives its listeners back, so cards are bound again, not made anew.
#[derive(Default)]
pub struct Card {
    model: Model,
    shell: Option<Shell>,
    epoch: u32,
}

/// What reaches a card.
pub enum Input {
    /// An element takes the card.
    Bound(Shell, Settings),
    /// The element has gone.
    Released,
    /// A request was answered with this body.
    Answered(u32, JsValue),
    /// Anything else.
    Told(Message),
}

impl Component for Card {
    type Message = Input;
    type Properties = ();

    fn create(_: &Context<Self>) -> Self {
        Self::default()
    }

    fn update(&mut self, _: &Context<Self>, input: Input) -> bool {
        let message = match input {
            Input::Bound(shell, settings) => {
                self.model = Model::default();
                self.shell = Some(shell);
                Message::Configured(settings)
            }
            Input::Released => {
                self.model = Model::default();
                self.shell = None;
                self.epoch = self.epoch.wrapping_add(1);
                return true;
            }
            Input::Answered(id, json) => self.decode(id, &json),
            Input::Told(message) => message,
        };
        let Some(shell) = self.shell.clone() else {
            return false;
        };
        for effect in self.model.update(message, shell.moment()) {
            self.carry_out(&shell, effect);
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        match &self.shell {
            Some(shell) => view::card(&view::Pen::new(shell, &self.model, ctx.link()), self.epoch),
            None => Html::default(),
        }
    }

    fn rendered(&mut self, _: &Context<Self>, _: bool) {
        if let (Some(shell), Some(focus)) = (&self.shell, self.model.take_focus()) {
            shell.focus(match focus {
                Focus::Panel => "panel",
                Focus::Decision => "decision",
                Focus::Approve => "approve",
                Focus::Action(goal) => goal.word(),
            });
        }
    }
}

impl Card {
    fn decode(&self, id: u32, json: &JsValue) -> Message {
        let answer = match self.model.purpose(id) {
            Some(Purpose::List) => body::connections(json).map(Answer::Connections),
            Some(Purpose::Status | Purpose::Create | Purpose::Sync) => body::connection(json).map(Box::new).map(Answer::Connection),
            Some(Purpose::Begin | Purpose::Poll | Purpose::Claim) => body::attempt(json).map(Box::new).map(Answer::Attempt),
            Some(Purpose::Withdraw | Purpose::Decide) | None => Some(Answer::Nothing),
        };
        match answer {
            Some(answer) => Message::Answered(id, answer),
            None => Message::Refused(id, Trouble::bare(Code::Unreadable)),
        }
    }

    fn carry_out(&self, shell: &Shell, effect: Effect) {
        match effect {
            Effect::Send(id, request) => send(shell, id, &request),
            Effect::Wait(timer, wait) => shell.wait(name(timer), wait.as_secs_f64() * 1000.0),
            Effect::Stop(timer) => shell.stop(name(timer)),
            Effect::Steer(url) => shell.steer(&url),
            Effect::CloseWindow => shell.close_window(),
            Effect::Leave(url) => shell.leave(&url),
            Effect::Remember(attempt, goal) => shell.remember(attempt.as_str(), goal.word()),
            Effect::Forget => shell.forget(),
            Effect::Announce(line, urgency) => shell.announce(&shell.read(&line), urgency == Urgency::Assertive),
            Effect::Publish { connection, previous, current, cause } => {
                shell.publish(connection.as_str(), previous.map(str::to_owned), current, word(cause))
            }
            Effect::Demand(demand) => shell.demand(demand.total, demand.blocking, demand.days_left.map_or(-1.0, number)),
            Effect::Reconnected(attempt) => shell.reconnected(attempt.as_str()),
            Effect::Exited(attempt, reason) => shell.exited(attempt.map(String::from), reason),
            Effect::Failed(trouble, phase) => shell.failed(report(shell, &trouble, phase)),
            Effect::Forgive => shell.forgive(),
            Effect::Copy => shell.copy(&view::support_text(&self.model)),
            Effect::Skeleton(is_shown) => shell.skeleton(is_shown),
            Effect::State(word) => shell.state(word),
        }
    }
}

fn send(shell: &Shell, id: u32, request: &Request) {
    let (method, path) = match request {
        Request::List => ("GET", "connections".to_owned()),
        Request::Create => ("POST", "connections".to_owned()),
        Request::Status(connection) => ("GET", ["connections/", connection.as_str()].concat()),
        Request::Sync(connection) => ("POST", ["connections/", connection.as_str(), "/sync"].concat()),
        Request::Attempt(attempt) => ("GET", ["reconnect-attempts/", attempt.as_str()].concat()),
        Request::Withdraw(attempt) => ("DELETE", ["reconnect-attempts/", attempt.as_str()].concat()),
        Request::Decide { connection, round, verdict } => return shell.decide(id, connection.as_str(), *round, decision::word(*verdict)),
        Request::Begin { connection, in_tab, goal } => return shell.begin(id, connection.as_str(), *in_tab, goal.word()),
    };
    shell.send(id, method, &path);
}

fn name(timer: Timer) -> &'static str {
    match timer {
        Timer::Refresh => "refresh",
        Timer::Poll => "poll",
        Timer::Toast => "toast",
    }
}

fn word(cause: Cause) -> &'static str {
    match cause {
        Cause::Load => "load",
        Cause::Poll => "poll",
        Cause::Reconnect => "reconnect",
    }
}

/// A failure in the order in which `js/element.js` takes it apart: code, message, retryable, request id, phase.
fn report(shell: &Shell, trouble: &Trouble, phase: &str) -> Vec<JsValue> {
    let request_id = trouble.request_id.as_deref().map_or(JsValue::NULL, JsValue::from_str);
    vec![
        JsValue::from_str(trouble.code.word()),
        JsValue::from_str(&shell.read(&trouble.text())),
        JsValue::from_bool(trouble.code.is_retryable()),
        request_id,
        JsValue::from_str(phase),
    ]
}

thread_local! {
    static CARDS: RefCell<Vec<AppHandle<Card>>> = const { RefCell::new(Vec::new()) };
    static WITNESS: RefCell<Option<Witness>> = const { RefCell::new(None) };
}

/// Sets who is told when this code panics; everything in this instance is lost then.
#[wasm_bindgen]
pub fn wake(witness: Witness) {
    WITNESS.with_borrow_mut(|known| *known = Some(witness));
    yew::set_custom_panic_hook(Box::new(|panic| {
        // The place alone: to write the message out would bring the formatting code of every error into the browser.
        let place = panic.location().map_or_else(String::new, |at| [at.file(), ":", &at.line().to_string()].concat());
        WITNESS.with(|witness| {
            if let Ok(witness) = witness.try_borrow()
                && let Some(witness) = witness.as_ref()
            {
                witness.crashed(&place);
            }
        });
        // The next call from outside meets a new instance of the module.
        wasm_bindgen::handler::schedule_reinit();
    }));
}

/// Makes a card that draws into an element of its own, and gives its number.
#[wasm_bindgen]
pub fn mount(host: JsValue) -> usize {
    let handle = Renderer::<Card>::with_root(host.unchecked_into()).render();
    CARDS.with_borrow_mut(|cards| {
        cards.push(handle);
        cards.len() - 1
    })
}

/// Binds a card to an element.
#[wasm_bindgen]
pub fn bind(card: usize, shell: Shell, attributes: &Attributes) {
    tell(card, Input::Bound(shell, settings(attributes)));
}

/// The element's attributes have changed.
#[wasm_bindgen]
pub fn configure(card: usize, attributes: &Attributes) {
    tell(card, Input::Told(Message::Configured(settings(attributes))));
}

/// The element has gone; the card forgets everything it knew.
#[wasm_bindgen]
pub fn release(card: usize) {
    tell(card, Input::Released);
}

/// A request was answered.
#[wasm_bindgen]
pub fn answer(card: usize, id: u32, body: JsValue) {
    tell(card, Input::Answered(id, body));
}

/// A request failed.
#[wasm_bindgen]
pub fn refuse(card: usize, id: u32, refusal: &Refusal) {
    let trouble = Trouble {
        code: Code::named(&refusal.code()),
        detail: refusal.detail(),
        request_id: refusal.request_id(),
        retry_after: refusal.retry_after().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    };
    tell(card, Input::Told(Message::Refused(id, trouble)));
}

/// The page's address or the session names an attempt, and the session what it was for.
#[wasm_bindgen]
pub fn claim(card: usize, attempt: &str, goal: &str) {
    if let Ok(attempt) = attempt.parse() {
        tell(card, Input::Told(Message::Claimed(attempt, Goal::named(goal))));
    }
}

/// The host asked for a consent through a method.
#[wasm_bindgen]
pub fn consent(card: usize, goal: &str, outcome: u8) {
    let (goal, opened) = (Goal::named(goal), opened(outcome));
    tell(card, Input::Told(Message::Pressed(Press::Consent { goal, opened })));
}

/// Something without further facts happened; unknown words are passed over.
#[wasm_bindgen]
pub fn happen(card: usize, what: &str) {
    let message = match what {
        "refresh" => Message::Elapsed(Timer::Refresh),
        "poll" => Message::Elapsed(Timer::Poll),
        "toast" => Message::Elapsed(Timer::Toast),
        "online" => Message::Online(true),
        "offline" => Message::Online(false),
        "visible" => Message::Visible(true),
        "hidden" => Message::Visible(false),
        "nudge" => Message::Nudged,
        "closed" => Message::WindowClosed,
        "tick" => Message::Ticked,
        "reload" => Message::Pressed(Press::Refresh),
        "cancel" => Message::Pressed(Press::Cancel),
        _ => return,
    };
    tell(card, Input::Told(message));
}

fn tell(card: usize, input: Input) {
    CARDS.with_borrow(|cards| {
        if let Some(card) = cards.get(card) {
            card.send_message(input);
        }
    });
}

/// What the element says about the window that it tried to open.
#[must_use]
pub fn opened(outcome: u8) -> Opened {
    match outcome {
        0 => Opened::Window,
        1 => Opened::InTab,
        2 => Opened::Blocked,
        _ => Opened::Taken,
    }
}

fn settings(attributes: &Attributes) -> Settings {
    Settings {
        connection: attributes.connection().and_then(|id| id.parse().ok()),
        permits: Permits { reconnect: attributes.can_reconnect(), sync: attributes.can_sync(), decide: attributes.can_decide() },
        refresh: Duration::try_from_secs_f64(attributes.refresh_interval()).unwrap_or_default(),
        heading_level: attributes.heading_level(),
    }
}
