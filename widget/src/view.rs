//! The face drawn with Yew. Functions from a [`Pen`] to markup; no state of their own, no `style=`, no markup from the server.

mod consent;
mod decision;
mod details;
mod icons;
mod notice;

use domain::api::ConnectionStatus;
use yew::html::Scope;
use yew::{AttrValue, Callback, Html, MouseEvent, classes, html};

use crate::card::{Card, Input, opened};
use crate::face::{self, Face, Tone};
use crate::goal::{self, Goal};
use crate::model::Model;
use crate::model::message::{Message, Press};
use crate::model::status::Shown;
use crate::moment::Moment;
use crate::shell::Shell;
use crate::trouble::{Code, Trouble};
use crate::words::{Line, Slot};

pub use details::support_text;

/// What every part of the view needs.
pub struct Pen<'a> {
    shell: &'a Shell,
    model: &'a Model,
    link: &'a Scope<Card>,
    now: Moment,
}

impl<'a> Pen<'a> {
    /// A pen for one drawing.
    #[must_use]
    pub fn new(shell: &'a Shell, model: &'a Model, link: &'a Scope<Card>) -> Self {
        let now = shell.moment();
        Self { shell, model, link, now }
    }

    fn say(&self, line: &Line) -> AttrValue {
        AttrValue::from(self.shell.read(line))
    }

    fn row(&self, key: &'static str) -> AttrValue {
        self.say(&Line::of(key))
    }

    /// A time as a distance from now, with the exact time at hand.
    fn distance(&self, at: impl Into<Moment>) -> Html {
        self.time(at.into(), "distance")
    }

    /// A time in full.
    fn moment(&self, at: impl Into<Moment>) -> Html {
        self.time(at.into(), "moment")
    }

    fn time(&self, at: Moment, style: &str) -> Html {
        let write = |style| self.shell.time(at.milliseconds(), style);
        html! { <time datetime={write("iso")} title={write("full")}>{ write(style) }</time> }
    }

    fn press(&self, press: Press) -> Callback<MouseEvent> {
        self.link.callback(move |_: MouseEvent| Input::Told(Message::Pressed(press)))
    }

    /// Opens the window in the click itself: browsers refuse it later.
    fn consent(&self, goal: Goal) -> Callback<MouseEvent> {
        let shell = self.shell.clone();
        self.link.callback(move |_: MouseEvent| {
            let opened = opened(shell.open(goal.word()));
            Input::Told(Message::Pressed(Press::Consent { goal, opened }))
        })
    }

    fn reopen(&self, url: String) -> Callback<MouseEvent> {
        let shell = self.shell.clone();
        self.link.callback(move |_: MouseEvent| {
            shell.reopen(&url);
            Input::Told(Message::Pressed(Press::Reopen))
        })
    }

    /// A heading below the card's own.
    fn subheading(&self, key: &'static str) -> Html {
        let tag = format!("h{}", (self.model.settings().heading_level + 1).min(6));
        html! { <@{tag} class="sub">{ self.row(key) }</@> }
    }
}

/// The whole card; another epoch is another reader's card, of which nothing may remain.
pub fn card(pen: &Pen, epoch: u32) -> Html {
    let body = match (pen.model.shown(), pen.model.trouble()) {
        (Shown::Connection(status), _) => connection(pen, status),
        (Shown::Empty, _) => empty(pen),
        (Shown::Nothing, Some(trouble)) => error(pen, trouble),
        (Shown::Nothing, None) => return Html::default(),
    };
    html! { <div key={epoch}>{ body }</div> }
}

fn connection(pen: &Pen, status: &ConnectionStatus) -> Html {
    let permits = pen.model.settings().permits;
    let face = face::read(status, permits, pen.now);
    html! {
        <section class={classes!("card", "known", face.tone.class())} part="base" aria-labelledby="name">
            { header(pen, status, &face) }
            { banner(pen) }
            <div class="columns">
                <div class="main">
                    { notice::notice(pen, status, &face) }
                    { decision::decision(pen, status) }
                    { notice::access(pen, status) }
                    { consent::consent(pen, face.consent.as_ref(), &goal::choices(status, permits)) }
                </div>
                <div class="side">
                    { details::meta(pen, status) }
                    { details::sync(pen, status, &face) }
                    { notice::background(pen, status) }
                </div>
            </div>
            <div class="foot">
                { details::technical(pen, status) }
                <slot name="support"></slot>
            </div>
        </section>
    }
}

fn header(pen: &Pen, status: &ConnectionStatus, face: &Face) -> Html {
    let since = Line::of("card.since").with("day", Slot::Day(status.health_since.into()));
    html! {
        <header class="head" part="header">
            <span class="emblem" part="icon">{ icons::health(face.shape) }</span>
            <div class="title">
                { heading(pen, &face::name(status)) }
                <p class="health">
                    <span class="word" part="badge">{ pen.say(&face.word) }</span>
                    <span class="since">{ pen.say(&since) }</span>
                </p>
            </div>
        </header>
    }
}

fn heading(pen: &Pen, name: &Line) -> Html {
    let tag = format!("h{}", pen.model.settings().heading_level);
    html! { <@{tag} id="name" class="name" part="heading" dir="auto">{ pen.say(name) }</@> }
}

/// Says that what is shown is not fresh, while the last good status stays on the screen.
fn banner(pen: &Pen) -> Html {
    let as_of = match pen.model.loaded_at() {
        Some(at) => Line::of("banner.as_of").with("time", Slot::Clock(at)),
        None => return Html::default(),
    };
    let (title, text, can_retry) = match pen.model.trouble() {
        _ if pen.model.is_offline() => (Line::of("banner.offline"), Line::of("banner.offline_text"), false),
        Some(trouble) => (trouble.title(), trouble.text(), true),
        None => return Html::default(),
    };
    html! {
        <div class="banner" part="error">
            { icons::offline() }
            <p>
                <strong>{ pen.say(&title) }</strong>
                { " " }{ pen.say(&as_of) }{ " " }{ pen.say(&text) }
            </p>
            if can_retry {
                <button type="button" class="quiet" part="secondary-button" onclick={pen.press(Press::Refresh)}>{ pen.row("action.retry") }</button>
            }
        </div>
    }
}

fn empty(pen: &Pen) -> Html {
    let permits = pen.model.settings().permits;
    html! {
        <section class={classes!("card", Tone::Info.class())} part="base" aria-labelledby="name">
            <header class="head" part="header">
                <span class="emblem" part="icon">{ icons::health(face::Shape::Plus) }</span>
                <div class="title">{ heading(pen, &Line::of("empty.headline")) }</div>
            </header>
            { banner(pen) }
            <div class="columns">
                <div class="main">
                    <p class="explanation" part="message">{ pen.row("empty.explanation") }</p>
                    if permits.reconnect {
                        { consent::consent(pen, Some(&first_consent()), &[]) }
                    }
                </div>
            </div>
            <slot name="support"></slot>
        </section>
    }
}

fn first_consent() -> face::Consent {
    face::Consent { label: Line::of("action.connect"), is_prominent: true, offers_other_account: false, hint: Line::of("hint.sign_in") }
}

fn error(pen: &Pen, trouble: &Trouble) -> Html {
    let can_connect = trouble.code == Code::NotFound && pen.model.settings().permits.reconnect;
    html! {
        <section class={classes!("card", Tone::Neutral.class())} part="base" aria-labelledby="name">
            <header class="head" part="header">
                <span class="emblem" part="icon">{ icons::warning() }</span>
                <div class="title">{ heading(pen, &trouble.title()) }</div>
            </header>
            <div class="columns">
                <div class="main">
                    <p class="explanation" part="error">{ pen.say(&trouble.text()) }</p>
                    <div class="buttons">
                        <button type="button" class="button" part="secondary-button" onclick={pen.press(Press::Refresh)}>
                            { pen.row("action.retry") }
                        </button>
                    </div>
                    if can_connect {
                        { consent::consent(pen, Some(&first_consent()), &[]) }
                    }
                    <p class="reference" part="error-code">{ pen.say(&trouble.reference()) }</p>
                </div>
            </div>
            <slot name="support"></slot>
        </section>
    }
}
