//! The facts beside the notice: how fresh everything is, what the sync does, and what support asks for.

use domain::api::{ConnectionStatus, SyncWord};
use yew::{Html, classes, html};

use super::{Pen, icons};
use crate::face::Face;
use crate::model::message::Press;
use crate::model::status::Shown;
use crate::model::{Model, SyncAsked};
use crate::words::{Line, Slot};

/// The four facts that are never derived from one another, and how many people there are.
pub(super) fn meta(pen: &Pen, status: &ConnectionStatus) -> Html {
    let never = || html! { <span class="never">{ pen.row("meta.never") }</span> };
    let stale = status.data.stale_since;
    let time = |at: Option<jiff::Timestamp>| at.map_or_else(never, |at| pen.distance(at));
    html! {
        <dl class="meta" part="meta">
            { item("", pen.row("meta.verified"), time(status.last_verified_at)) }
            { item("", pen.row("meta.synced"), time(status.last_synced_at)) }
            { item(if stale.is_some() { "stale" } else { "" }, pen.row("meta.as_of"), html! {
                <>
                    { time(status.data.as_of) }
                    if let Some(since) = stale {
                        <span class="behind" part="freshness">{ icons::warning() }{ pen.say(&Line::of("meta.stale").with("moment", Slot::Moment(since.into()))) }</span>
                    }
                </>
            }) }
            { item("", pen.row("meta.people"), html! { { pen.say(&Line::of("meta.people_count").with("count", Slot::Number(status.data.people))) } }) }
        </dl>
    }
}

fn item(class: &'static str, label: yew::AttrValue, value: Html) -> Html {
    html! { <div {class} part="meta-item"><dt>{ label }</dt><dd>{ value }</dd></div> }
}

/// What the sync is doing, and the button that starts it.
pub(super) fn sync(pen: &Pen, status: &ConnectionStatus, face: &Face) -> Html {
    let asked = pen.model.sync();
    let is_asking = *asked == SyncAsked::Asking;
    html! {
        <div class="sync">
            { progress(pen, status) }
            if let SyncAsked::Refused(trouble) = asked {
                <p class="problem" part="error">{ icons::warning() }<span>{ pen.row("sync.refused") }{ " " }{ pen.say(&trouble.text()) }</span></p>
            }
            if face.can_sync {
                <button type="button" class="quiet" part="secondary-button" aria-disabled={is_asking.to_string()} onclick={pen.press(Press::Sync)}>
                    { icons::arrows() }{ pen.row("action.sync") }
                </button>
            }
        </div>
    }
}

fn progress(pen: &Pen, status: &ConnectionStatus) -> Html {
    let sync = &status.sync;
    let problem = |key| {
        let text = sync.problem.as_deref().map_or_else(|| Line::of(key), Line::plain);
        let next = sync.next_at.map(|at| Line::of("sync.next").with("distance", Slot::Distance(at.into())));
        html! {
            <p class="problem">
                { icons::warning() }
                <span>{ pen.say(&text) }if let Some(next) = next { { " " }{ pen.say(&next) } }</span>
            </p>
        }
    };
    match sync.state {
        SyncWord::Idle => Html::default(),
        SyncWord::Waiting => problem("sync.waiting"),
        SyncWord::Failing => problem("sync.failing"),
        SyncWord::Running => {
            let seen = sync.people_seen.filter(|seen| *seen > 0);
            let text =
                seen.map_or_else(|| Line::of("sync.running"), |seen| Line::of("sync.running_seen").with("count", Slot::Number(seen)));
            html! {
                <div class="running">
                    <p id="sync-text">{ pen.say(&text) }</p>
                    <div class="bar" role="progressbar" aria-labelledby="sync-text" part="progress"><span></span></div>
                </div>
            }
        }
    }
}

/// Ids and, after a refusal, what Microsoft's support asks for.
pub(super) fn technical(pen: &Pen, status: &ConnectionStatus) -> Html {
    let copy = if pen.model.has_copied() { "details.copied" } else { "details.copy" };
    html! {
        <details class="disclosure technical" part="details">
            <summary><span class="why">{ pen.row("details.summary") }</span>{ icons::chevron() }</summary>
            <dl class="facts ids">
                if let (Some(person), Some(at)) = (&status.consented_by, status.consented_at) {
                    <div><dt>{ pen.row("details.consented") }</dt><dd>{ person.clone() }{ " · " }{ pen.moment(at) }</dd></div>
                }
                { for rows(status).into_iter().map(|(key, value)| html! {
                    <div><dt>{ pen.row(key) }</dt><dd><code dir="ltr">{ value }</code></dd></div>
                }) }
            </dl>
            <button type="button" class={classes!("quiet")} part="secondary-button" onclick={pen.press(Press::Copy)}>{ icons::copy() }{ pen.row(copy) }</button>
        </details>
    }
}

fn rows(status: &ConnectionStatus) -> Vec<(&'static str, String)> {
    let support = status.diagnosis.as_ref().and_then(|diagnosis| diagnosis.support.as_ref());
    let mut rows = Vec::new();
    let mut add = |key, value: Option<String>| rows.extend(value.map(|value| (key, value)));
    add("details.code", support.and_then(|support| support.code).map(|code| ["AADSTS", &code.to_string()].concat()));
    add("details.trace", support.and_then(|support| support.trace_id.clone()));
    add("details.correlation", support.and_then(|support| support.correlation_id.clone()));
    add("details.timestamp", support.and_then(|support| support.timestamp.clone()));
    add("details.tenant", status.tenant.as_ref().map(|tenant| tenant.id.to_string()));
    add("details.connection", Some(status.id.as_str().to_owned()));
    add("details.customer", Some(status.customer.as_str().to_owned()));
    rows
}

/// The same as a text for the clipboard, in English whatever the page speaks: it goes to Microsoft's and the operator's support.
#[must_use]
pub fn support_text(model: &Model) -> String {
    let Shown::Connection(status) = model.shown() else {
        return String::new();
    };
    let mut text = String::new();
    for (key, value) in rows(status) {
        let label = match key {
            "details.code" => "Code",
            "details.trace" => "Trace ID",
            "details.correlation" => "Correlation ID",
            "details.timestamp" => "Timestamp",
            "details.tenant" => "Tenant ID",
            "details.connection" => "Connection ID",
            _ => "Customer ID",
        };
        text.push_str(&[label, ": ", &value, "\n"].concat());
    }
    text
}
