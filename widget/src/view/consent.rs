//! The buttons that start a consent, and the panel that leads through it.

use yew::{AttrValue, Html, classes, html};

use super::{Pen, icons};
use crate::card::Input;
use crate::face::Consent;
use crate::goal::{Choice, Goal};
use crate::model::consent::{Consenting, Waiting, WindowHint};
use crate::model::message::{Message, Opened, Press};
use crate::words::Line;

pub(super) fn consent(pen: &Pen, consent: Option<&Consent>, choices: &[Choice]) -> Html {
    let goal = pen.model.goal();
    let result = match pen.model.consenting() {
        Consenting::Not => Html::default(),
        Consenting::Blocked => return blocked(pen, goal),
        Consenting::Creating { .. } | Consenting::Beginning { .. } => return preparing(pen),
        Consenting::Waiting(waiting) => return leading(pen, waiting, goal),
        Consenting::Succeeded => panel(pen, "ok", &goal.succeeded(), &goal.meaning(), dismiss(pen)),
        Consenting::Failed(sentence) => panel(pen, "danger", &goal.failed(), sentence, dismiss(pen)),
        Consenting::SameAccount => panel(pen, "danger", &goal.failed(), &Line::of("consent.same_account"), way_out(pen, goal)),
    };
    html! {
        <>
            { result }
            { consent.map(|consent| buttons(pen, consent)).unwrap_or_default() }
            { ways(pen, choices) }
        </>
    }
}

fn buttons(pen: &Pen, consent: &Consent) -> Html {
    let class = if consent.is_prominent { "primary" } else { "secondary" };
    html! {
        <div class="actions">
            <div class="buttons">
                <button id={Goal::Reconnect.word()} type="button" class={classes!("button", class)} part="reconnect-button" aria-describedby="hint" onclick={pen.consent(Goal::Reconnect)}>
                    { pen.say(&consent.label) }
                </button>
                if consent.offers_other_account {
                    <button id={Goal::OtherAccount.word()} type="button" class="quiet" part="secondary-button" aria-describedby="hint" onclick={pen.consent(Goal::OtherAccount)}>
                        { pen.row("action.other_account") }
                    </button>
                }
            </div>
            <p id="hint" class="hint">{ icons::lock() }<span>{ pen.say(&consent.hint) }</span></p>
        </div>
    }
}

/// The ways to make the connection depend on less, folded away: nobody has to take them.
fn ways(pen: &Pen, choices: &[Choice]) -> Html {
    let summary = match choices {
        [] => return Html::default(),
        [Choice { goal: Goal::Delegated, .. }] => "choice.other",
        _ => "choice.robust",
    };
    html! {
        <details class="disclosure choices" part="choices">
            <summary>{ icons::shield() }<span class="why">{ pen.row(summary) }</span>{ icons::chevron() }</summary>
            { for choices.iter().map(|choice| way(pen, choice)) }
        </details>
    }
}

fn way(pen: &Pen, choice: &Choice) -> Html {
    let id = choice.goal.word();
    let text = AttrValue::from([id, "-text"].concat());
    html! {
        <div class="choice">
            <p id={text.clone()}>{ pen.say(&choice.sentence) }</p>
            <button {id} type="button" class="button" part="secondary-button" aria-describedby={text} onclick={pen.consent(choice.goal)}>
                { pen.say(&choice.label) }
            </button>
        </div>
    }
}

fn panel(pen: &Pen, tone: &'static str, title: &Line, text: &Line, controls: Html) -> Html {
    framed(pen, ("panel", tone), (title, text), controls)
}

/// A panel under an id of its own.
pub(super) fn framed(pen: &Pen, (id, tone): (&'static str, &'static str), (title, text): (&Line, &Line), controls: Html) -> Html {
    let title_id = AttrValue::from([id, "-title"].concat());
    html! {
        <div {id} tabindex="-1" class={classes!("panel", tone)} part={if tone == "busy" { "progress" } else { "toast" }} aria-labelledby={title_id.clone()} role="group">
            if tone == "busy" {
                <span class="spinner" aria-hidden="true"></span>
            } else {
                { icons::verdict(tone) }
            }
            <div>
                <p id={title_id} class="panel-title">{ pen.say(title) }</p>
                <p>{ pen.say(text) }</p>
                <div class="buttons">{ controls }</div>
            </div>
        </div>
    }
}

pub(super) fn control(pen: &Pen, class: &'static str, label: &'static str, press: Press) -> Html {
    html! { <button type="button" {class} part="secondary-button" onclick={pen.press(press)}>{ pen.row(label) }</button> }
}

fn dismiss(pen: &Pen) -> Html {
    control(pen, "quiet", "action.dismiss", Press::Dismiss)
}

/// The same once more, by another account; the person chooses it at Microsoft.
fn way_out(pen: &Pen, goal: Goal) -> Html {
    html! {
        <>
            <button type="button" class="button secondary" part="secondary-button" onclick={pen.consent(goal)}>{ pen.row("action.other_backup") }</button>
            { dismiss(pen) }
        </>
    }
}

fn preparing(pen: &Pen) -> Html {
    let cancel = control(pen, "quiet", "action.cancel", Press::Cancel);
    panel(pen, "busy", &Line::of("consent.preparing.title"), &Line::of("consent.preparing.text"), cancel)
}

fn leading(pen: &Pen, waiting: &Waiting, goal: Goal) -> Html {
    if waiting.is_verifying {
        let cancel = control(pen, "quiet", "action.cancel", Press::Cancel);
        return panel(pen, "busy", &Line::of("consent.verifying.title"), &goal.verifying(), cancel);
    }
    match (waiting.window, &waiting.url) {
        (WindowHint::Open, _) => {
            let cancel = control(pen, "quiet", "action.cancel", Press::Cancel);
            panel(pen, "busy", &Line::of("consent.waiting.title"), &goal.waiting(), cancel)
        }
        (WindowHint::MaybeClosed, Some(url)) => {
            let controls = html! {
                <>
                    <button type="button" class="button secondary" part="secondary-button" onclick={pen.reopen(url.clone())}>{ pen.row("action.reopen") }</button>
                    { control(pen, "quiet", "action.closed_it", Press::Cancel) }
                </>
            };
            panel(pen, "busy", &Line::of("consent.waiting.title"), &Line::of("consent.maybe_closed.text"), controls)
        }
        _ => {
            let controls = html! {
                <>
                    <button type="button" class="button secondary" part="secondary-button" onclick={pen.consent(goal)}>{ pen.row("action.start_again") }</button>
                    { control(pen, "quiet", "action.cancel", Press::Cancel) }
                </>
            };
            panel(pen, "busy", &Line::of("consent.unfinished.title"), &Line::of("consent.unfinished.text"), controls)
        }
    }
}

/// The browser refused the window: the consent can run in this tab.
fn blocked(pen: &Pen, goal: Goal) -> Html {
    let here = pen.link.callback(move |_| Input::Told(Message::Pressed(Press::Consent { goal, opened: Opened::InTab })));
    let controls = html! {
        <>
            <button type="button" class="button secondary" part="secondary-button" onclick={here}>{ pen.row("action.continue_here") }</button>
            { control(pen, "quiet", "action.cancel", Press::Cancel) }
        </>
    };
    panel(pen, "warn", &Line::of("consent.blocked.title"), &Line::of("consent.blocked.text"), controls)
}
