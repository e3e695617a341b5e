//! What is going on, why, and what to do about it.

use domain::api::{AccessWord, ConnectionStatus, DiagnosisView, FactView, ForecastView, HealthWord};
use yew::{Html, html};

use super::{Pen, icons};
use crate::face::{self, Face};
use crate::goal;
use crate::words::Line;

pub(super) fn notice(pen: &Pen, status: &ConnectionStatus, face: &Face) -> Html {
    let diagnosis = spoken(status);
    html! {
        <div class="notice" part="message">
            <p class="headline">{ pen.say(&face.headline) }</p>
            if let Some(explanation) = &face.explanation {
                <p class="explanation">{ pen.say(explanation) }</p>
            }
            { forecast(pen, status) }
            if let Some(who) = &face.who {
                <p class="who">{ icons::person() }<span>{ pen.say(who) }</span></p>
            }
            { diagnosis.map(|diagnosis| steps(pen, diagnosis)).unwrap_or_default() }
        </div>
    }
}

/// On whose behalf a working connection reads, and who stands in when that ends.
pub(super) fn access(pen: &Pen, status: &ConnectionStatus) -> Html {
    let line = |icon: Html, line: Line| html! { <p>{ icon }<span>{ pen.say(&line) }</span></p> };
    let Some(access) = goal::access(status) else {
        return Html::default();
    };
    html! {
        <div class="access" part="access">
            { line(if status.access == Some(AccessWord::AppOnly) { icons::shield() } else { icons::person() }, access) }
            { goal::backup(status).map(|backup| line(icons::shield(), backup)).unwrap_or_default() }
        </div>
    }
}

/// The diagnosis, while it is about something that lasts.
fn spoken(status: &ConnectionStatus) -> Option<&DiagnosisView> {
    let is_working = matches!(status.health, HealthWord::Healthy | HealthWord::Expiring);
    status.diagnosis.as_ref().filter(|_| !is_working)
}

fn steps(pen: &Pen, diagnosis: &DiagnosisView) -> Html {
    if diagnosis.steps.is_empty() {
        return Html::default();
    }
    html! {
        <>
            { pen.subheading("notice.steps") }
            <ol class="steps" part="steps">
                { for diagnosis.steps.iter().map(|step| html! { <li part="step"><span>{ step.clone() }</span></li> }) }
            </ol>
        </>
    }
}

/// What is known about the cause, after what to do about it.
pub(super) fn background(pen: &Pen, status: &ConnectionStatus) -> Html {
    let Some(diagnosis) = spoken(status) else {
        return Html::default();
    };
    let learn_more = diagnosis.learn_more.clone().filter(|url| url.starts_with("https://"));
    if diagnosis.facts.is_empty() && learn_more.is_none() {
        return Html::default();
    }
    html! {
        <div class="background">
            { pen.subheading("notice.facts") }
            { facts(pen, &diagnosis.facts) }
            if let Some(url) = learn_more {
                <p><a class="link" part="link" href={url} target="_blank" rel="noopener noreferrer">{ pen.say(&Line::of("notice.learn_more")) }</a></p>
            }
        </div>
    }
}

fn facts(pen: &Pen, facts: &[FactView]) -> Html {
    html! { <dl class="facts">{ for facts.iter().map(|fact| row(pen, fact)) }</dl> }
}

fn row(pen: &Pen, fact: &FactView) -> Html {
    html! {
        <div>
            <dt>{ fact.label.clone() }</dt>
            <dd>
                if let Some(at) = fact.at { { pen.moment(at) } }
                if fact.at.is_some() && fact.text.is_some() { { " · " } }
                if let Some(text) = &fact.text { { text.clone() } }
            </dd>
        </div>
    }
}

/// The forecast: the headline of an expiring grant, a quiet remark on one that works.
fn forecast(pen: &Pen, status: &ConnectionStatus) -> Html {
    match (&status.forecast, status.health) {
        (Some(forecast), HealthWord::Expiring) => html! {
            <div class="forecast" part="forecast">{ evidence(pen, forecast) }</div>
        },
        (Some(forecast), HealthWord::Healthy) => html! {
            <div class="forecast quiet-forecast" part="forecast">
                <p class="remark">
                    { icons::calendar() }
                    <span><strong>{ pen.say(&face::stops(forecast, pen.now)) }</strong>{ " " }{ forecast.reason.clone() }</span>
                </p>
                { evidence(pen, forecast) }
            </div>
        },
        _ => Html::default(),
    }
}

fn evidence(pen: &Pen, forecast: &ForecastView) -> Html {
    let confidence = pen.say(&face::confidence(forecast.confidence));
    if forecast.evidence.is_empty() {
        return html! { <p class="confidence">{ confidence }</p> };
    }
    html! {
        <details class="disclosure">
            <summary><span class="confidence">{ confidence }</span><span class="why">{ pen.say(&Line::of("forecast.evidence")) }</span>{ icons::chevron() }</summary>
            { facts(pen, &forecast.evidence) }
        </details>
    }
}
