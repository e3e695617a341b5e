//! The buttons that start a consent, and the panel that leads through it.

use yew::{Html, classes, html};

use super::{Pen, icons};
use crate::card::Input;
use crate::face::Consent;
use crate::model::consent::{Consenting, Waiting, WindowHint};
use crate::model::message::{Account, Message, Opened, Press};
use crate::words::Line;

pub(super) fn consent(pen: &Pen, consent: Option<&Consent>) -> Html {
    match pen.model.consenting() {
        Consenting::Not => consent.map(|consent| buttons(pen, consent)).unwrap_or_default(),
        Consenting::Blocked { account } => blocked(pen, *account),
        Consenting::Creating { .. } | Consenting::Beginning { .. } => preparing(pen),
        Consenting::Waiting(waiting) => leading(pen, waiting),
        Consenting::Succeeded => html! {
            <>
                { panel(pen, "ok", "consent.succeeded.title", &Line::of("consent.succeeded.text"), dismiss(pen)) }
                { consent.map(|consent| buttons(pen, consent)).unwrap_or_default() }
            </>
        },
        Consenting::Failed(sentence) => html! {
            <>
                { panel(pen, "danger", "consent.failed.title", sentence, dismiss(pen)) }
                { consent.map(|consent| buttons(pen, consent)).unwrap_or_default() }
            </>
        },
    }
}

fn buttons(pen: &Pen, consent: &Consent) -> Html {
    let class = if consent.is_prominent { "primary" } else { "secondary" };
    html! {
        <div class="actions">
            <div class="buttons">
                <button id="action" type="button" class={classes!("button", class)} part="reconnect-button" aria-describedby="hint" onclick={pen.consent(Account::Suggested)}>
                    { pen.say(&consent.label) }
                </button>
                if consent.offers_other_account {
                    <button type="button" class="quiet" part="secondary-button" aria-describedby="hint" onclick={pen.consent(Account::Chosen)}>
                        { pen.row("action.other_account") }
                    </button>
                }
            </div>
            <p id="hint" class="hint">{ icons::lock() }<span>{ pen.say(&consent.hint) }</span></p>
        </div>
    }
}

fn panel(pen: &Pen, tone: &'static str, title: &'static str, text: &Line, controls: Html) -> Html {
    html! {
        <div id="panel" tabindex="-1" class={classes!("panel", tone)} part={if tone == "busy" { "progress" } else { "toast" }} aria-labelledby="panel-title" role="group">
            if tone == "busy" {
                <span class="spinner" aria-hidden="true"></span>
            } else {
                { icons::verdict(tone) }
            }
            <div>
                <p id="panel-title" class="panel-title">{ pen.row(title) }</p>
                <p>{ pen.say(text) }</p>
                <div class="buttons">{ controls }</div>
            </div>
        </div>
    }
}

fn control(pen: &Pen, class: &'static str, label: &'static str, press: Press) -> Html {
    html! { <button type="button" {class} part="secondary-button" onclick={pen.press(press)}>{ pen.row(label) }</button> }
}

fn dismiss(pen: &Pen) -> Html {
    control(pen, "quiet", "action.dismiss", Press::Dismiss)
}

fn preparing(pen: &Pen) -> Html {
    let cancel = control(pen, "quiet", "action.cancel", Press::Cancel);
    panel(pen, "busy", "consent.preparing.title", &Line::of("consent.preparing.text"), cancel)
}

fn leading(pen: &Pen, waiting: &Waiting) -> Html {
    if waiting.is_verifying {
        let cancel = control(pen, "quiet", "action.cancel", Press::Cancel);
        return panel(pen, "busy", "consent.verifying.title", &Line::of("consent.verifying.text"), cancel);
    }
    match (waiting.window, &waiting.url) {
        (WindowHint::Open, _) => {
            let cancel = control(pen, "quiet", "action.cancel", Press::Cancel);
            panel(pen, "busy", "consent.waiting.title", &Line::of("consent.waiting.text"), cancel)
        }
        (WindowHint::MaybeClosed, Some(url)) => {
            let controls = html! {
                <>
                    <button type="button" class="button secondary" part="secondary-button" onclick={pen.reopen(url.clone())}>{ pen.row("action.reopen") }</button>
                    { control(pen, "quiet", "action.closed_it", Press::Cancel) }
                </>
            };
            panel(pen, "busy", "consent.waiting.title", &Line::of("consent.maybe_closed.text"), controls)
        }
        _ => {
            let controls = html! {
                <>
                    <button type="button" class="button secondary" part="secondary-button" onclick={pen.consent(Account::Suggested)}>{ pen.row("action.start_again") }</button>
                    { control(pen, "quiet", "action.cancel", Press::Cancel) }
                </>
            };
            panel(pen, "busy", "consent.unfinished.title", &Line::of("consent.unfinished.text"), controls)
        }
    }
}

/// The browser refused the window: the consent can run in this tab.
fn blocked(pen: &Pen, account: Account) -> Html {
    let here = pen.link.callback(move |_| Input::Told(Message::Pressed(Press::Consent { account, opened: Opened::InTab })));
    let controls = html! {
        <>
            <button type="button" class="button secondary" part="secondary-button" onclick={here}>{ pen.row("action.continue_here") }</button>
            { control(pen, "quiet", "action.cancel", Press::Cancel) }
        </>
    };
    panel(pen, "warn", "consent.blocked.title", &Line::of("consent.blocked.text"), controls)
}
