//! Why a connection does not work, in plain words.

use adapters::store::connections::Connection;
use domain::api::{DiagnosisView, HealthWord};
use domain::diagnosis;
use domain::ids::ConnectionId;
use domain::refusal::Refusal;
use jiff::Timestamp;
use serde::Serialize;

use crate::console::{Console, at, maybe_at, word};
use crate::desk::Desk;
use crate::{Exit, Fault, found};

/// The answer.
#[derive(Debug, Serialize)]
struct Answer {
    id: ConnectionId,
    health: HealthWord,
    health_since: Timestamp,
    /// What it comes to, in a sentence.
    sentence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnosis: Option<DiagnosisView>,
    /// Entra's answer as it was, for Microsoft's support.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
}

impl Answer {
    fn of(connection: &Connection) -> Self {
        let refusal = connection.body.standing.health.refusal().cloned();
        Self {
            id: connection.id.clone(),
            health: connection.health(),
            health_since: connection.body.standing.since,
            sentence: sentence(connection),
            diagnosis: refusal.as_ref().map(diagnosis::diagnose_for_operator),
            refusal,
        }
    }

    fn text(&self) -> String {
        let mut lines = vec![format!("{} is {} since {}. {}", self.id, word(&self.health), at(self.health_since), self.sentence)];
        if let Some(diagnosis) = &self.diagnosis {
            lines.extend([String::new(), format!("{} ({})", diagnosis.headline, diagnosis.cause), diagnosis.explanation.clone()]);
            lines.push(format!("Who must act: {}.", word(&diagnosis.who)));
            lines.extend(diagnosis.steps.iter().enumerate().map(|(number, step)| format!("  {}. {step}", number + 1)));
            let fact = |fact: &domain::api::FactView| format!("{}: {}", fact.label, fact.text.clone().unwrap_or_else(|| maybe_at(fact.at)));
            lines.extend(diagnosis.facts.iter().map(fact));
            lines.extend(diagnosis.learn_more.iter().map(|page| format!("Microsoft explains it: {page}")));
        }
        if let Some(refusal) = &self.refusal {
            lines.extend([String::new(), "For Microsoft's support:".to_owned()]);
            lines.extend(support(refusal));
        }
        lines.join("\n")
    }
}

fn support(refusal: &Refusal) -> Vec<String> {
    let words: (String, Option<String>) = (refusal.error.clone().into(), refusal.suberror.clone().map(Into::into));
    let codes: Vec<String> = refusal.codes.iter().map(|code| format!("AADSTS{code}")).collect();
    let parts = [
        ("status", Some(refusal.status.to_string())),
        ("error", Some(words.0)),
        ("suberror", words.1),
        ("codes", (!codes.is_empty()).then(|| codes.join(", "))),
        ("trace id", refusal.trace_id.clone()),
        ("correlation id", refusal.correlation_id.clone()),
        ("timestamp", refusal.timestamp.clone()),
        ("description", Some(refusal.description.replace(['\r', '\n'], " ")).filter(|text| !text.is_empty())),
    ];
    parts.into_iter().filter_map(|(name, value)| value.map(|value| format!("  {name:<16}{value}"))).collect()
}

fn sentence(connection: &Connection) -> String {
    let body = &connection.body;
    if let Some(since) = connection.paused_since {
        return format!("It is paused since {}: nothing is asked of Microsoft until `evergrant resume`.", at(since));
    }
    if let Some(since) = body.held_since {
        return format!(
            "Microsoft refuses it as it refuses many others since {}: the verdict is held back as part of an incident.",
            at(since)
        );
    }
    if let Some(since) = body.standing.doubted_since {
        return format!("Microsoft refused it at {}; a second refusal is waited for before it is believed.", at(since));
    }
    let plain = match connection.health() {
        HealthWord::AwaitingConsent => "Nobody has consented yet: the customer's administrator must connect in your portal.",
        HealthWord::Healthy if body.unclear > 0 => "Microsoft's last answers said nothing about it; it is asked again.",
        HealthWord::Healthy => "Nothing is wrong.",
        HealthWord::Expiring => "Microsoft still accepts it, and is expected to stop: `evergrant show` tells when and why.",
        HealthWord::Suspended => "Microsoft refuses it now; it may come back by itself, and is tried again.",
        HealthWord::Dead => "It does not come back by itself: a person must consent again.",
        HealthWord::OperatorFault => "Our own credential or registration is at fault: `evergrant doctor` says which.",
        HealthWord::Disconnected => "It was ended on purpose: only a new consent brings it back.",
    };
    plain.to_owned()
}

/// Says why.
pub(crate) async fn run(desk: &Desk, id: &ConnectionId, console: &mut Console<'_>) -> Result<Exit, Fault> {
    let connection = found(desk, id).await?;
    let answer = Answer::of(&connection);
    console.say(&answer, || answer.text())?;
    let body = &connection.body;
    let is_well =
        body.standing.health.is_working() && body.unclear == 0 && body.held_since.is_none() && body.standing.doubted_since.is_none();
    Ok(if is_well && connection.paused_since.is_none() { Exit::Well } else { Exit::Wrong })
}
