//! The buttons that decide about held deletions, and the panel that asks once more.

use domain::api::{ConnectionStatus, DeletionsHeld};
use domain::walk::Verdict;
use yew::{Html, html};

use super::Pen;
use super::consent::{control, framed};
use crate::model::decision::{Deciding, open};
use crate::model::message::Press;
use crate::words::{Line, Slot};

const ID: &str = "decision";

pub(super) fn decision(pen: &Pen, status: &ConnectionStatus) -> Html {
    let held = match open(status) {
        Some(held) if pen.model.settings().permits.decide => held,
        _ => return Html::default(),
    };
    let told = |tone, title, text| framed(pen, (ID, tone), (&Line::of(title), &Line::of(text)), Html::default());
    match pen.model.deciding() {
        Deciding::Not => buttons(pen),
        Deciding::Confirming(_) => confirming(pen, held),
        Deciding::Asking(..) => told("busy", "decide.asking.title", "decide.asking.text"),
        Deciding::Decided(_, Verdict::Approve) => told("ok", "decide.approved.title", "decide.approved.text"),
        Deciding::Decided(_, Verdict::Reject) => told("ok", "decide.rejected.title", "decide.rejected.text"),
        Deciding::Refused(_, trouble) => framed(pen, (ID, "danger"), (&Line::of("decide.refused"), &trouble.text()), buttons(pen)),
    }
}

fn buttons(pen: &Pen) -> Html {
    html! {
        <div class="buttons" part="decision">
            <button id="approve" type="button" class="button" part="secondary-button" onclick={pen.press(Press::Approve)}>
                { pen.row("decide.approve") }
            </button>
            { control(pen, "quiet", "decide.reject", Press::Decide(Verdict::Reject)) }
        </div>
    }
}

fn confirming(pen: &Pen, held: &DeletionsHeld) -> Html {
    let counted = |key| Line::of(key).with("count", Slot::Number(held.people));
    let controls = html! {
        <>
            <button type="button" class="button" part="secondary-button" onclick={pen.press(Press::Decide(Verdict::Approve))}>
                { pen.say(&counted("decide.confirm.yes")) }
            </button>
            { control(pen, "quiet", "action.cancel", Press::Undecide) }
        </>
    };
    framed(pen, (ID, "danger"), (&counted("decide.confirm.title"), &Line::of("decide.confirm.text")), controls)
}
