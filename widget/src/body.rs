//! Reads what `JSON.parse` made into the API's types, field by field.
//!
//! Not with serde: its derived code, and the error texts of `jiff` and `uuid` that nobody would see, weigh 30 KB compressed, a third of
//! what the whole widget may weigh. A field that the API gains or loses does not compile here; a test holds the names to serde's.

use domain::api::{
    AccessWord, Actor, AttemptFailureView, AttemptWord, Confidence, ConnectionStatus, DataAge, DeletionsHeld, DiagnosisView, FactView,
    ForecastView, HealthWord, ReconnectAttempt, SpareView, SupportView, SyncView, SyncWord, TenantView,
};
use jiff::Timestamp;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

/// More items than this in one list are not read.
const ITEMS_MAX: u32 = 1_000;

pub(crate) const HEALTHS: [(&str, HealthWord); 7] = [
    ("awaiting-consent", HealthWord::AwaitingConsent),
    ("healthy", HealthWord::Healthy),
    ("expiring", HealthWord::Expiring),
    ("suspended", HealthWord::Suspended),
    ("dead", HealthWord::Dead),
    ("operator-fault", HealthWord::OperatorFault),
    ("disconnected", HealthWord::Disconnected),
];
const ACCESSES: [(&str, AccessWord); 2] = [("delegated", AccessWord::Delegated), ("app-only", AccessWord::AppOnly)];
const ACTORS: [(&str, Actor); 4] = [
    ("customer-admin", Actor::CustomerAdmin),
    ("signed-in-person", Actor::SignedInPerson),
    ("operator", Actor::Operator),
    ("nobody", Actor::Nobody),
];
const CONFIDENCES: [(&str, Confidence); 3] = [("low", Confidence::Low), ("medium", Confidence::Medium), ("high", Confidence::High)];
const SYNCS: [(&str, SyncWord); 4] =
    [("idle", SyncWord::Idle), ("running", SyncWord::Running), ("waiting", SyncWord::Waiting), ("failing", SyncWord::Failing)];
const ATTEMPTS: [(&str, AttemptWord); 6] = [
    ("pending", AttemptWord::Pending),
    ("verifying", AttemptWord::Verifying),
    ("succeeded", AttemptWord::Succeeded),
    ("failed", AttemptWord::Failed),
    ("expired", AttemptWord::Expired),
    ("superseded", AttemptWord::Superseded),
];

#[wasm_bindgen]
extern "C" {
    type Object;
    #[wasm_bindgen(method, indexing_getter)]
    fn field(this: &Object, name: &str) -> JsValue;
    #[wasm_bindgen(method, indexing_getter)]
    fn item(this: &Object, place: u32) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn length(this: &Object) -> Option<u32>;

    #[wasm_bindgen(js_namespace = Date, js_name = parse)]
    fn parse_date(text: &str) -> f64;
}

/// All connections of the caller, or nothing when the answer is not understood.
#[must_use]
pub fn connections(body: &JsValue) -> Option<Vec<ConnectionStatus>> {
    list(&get(body, "connections")?, connection)
}

/// One connection, or nothing when the answer is not understood.
#[must_use]
pub fn connection(body: &JsValue) -> Option<ConnectionStatus> {
    Some(ConnectionStatus {
        id: parsed(body, "id")?,
        customer: parsed(body, "customer")?,
        tenant: optional(body, "tenant", tenant)?,
        health: word(&get(body, "health")?, &HEALTHS)?,
        health_since: time(&get(body, "health_since")?)?,
        diagnosis: optional(body, "diagnosis", diagnosis)?,
        forecast: optional(body, "forecast", forecast)?,
        last_verified_at: optional(body, "last_verified_at", time)?,
        last_synced_at: optional(body, "last_synced_at", time)?,
        data: data(&get(body, "data")?)?,
        sync: sync(&get(body, "sync")?)?,
        photos_problem: optional(body, "photos_problem", JsValue::as_string)?,
        access: optional(body, "access", |value| word(value, &ACCESSES))?,
        spare: optional(body, "spare", spare)?,
        consented_by: optional(body, "consented_by", JsValue::as_string)?,
        consented_at: optional(body, "consented_at", time)?,
        acknowledged_at: optional(body, "acknowledged_at", time)?,
        server_time: time(&get(body, "server_time")?)?,
    })
}

/// One consent attempt, or nothing when the answer is not understood.
#[must_use]
pub fn attempt(body: &JsValue) -> Option<ReconnectAttempt> {
    Some(ReconnectAttempt {
        id: parsed(body, "id")?,
        connection: parsed(body, "connection")?,
        state: word(&get(body, "state")?, &ATTEMPTS)?,
        authorize_url: optional(body, "authorize_url", JsValue::as_string)?,
        expires_at: time(&get(body, "expires_at")?)?,
        poll_milliseconds: u32::try_from(whole(&get(body, "poll_milliseconds")?)?).ok()?,
        failure: optional(body, "failure", failure)?,
    })
}

fn failure(body: &JsValue) -> Option<AttemptFailureView> {
    Some(AttemptFailureView { reason: text(body, "reason")?, sentence: text(body, "sentence")? })
}

fn tenant(body: &JsValue) -> Option<TenantView> {
    Some(TenantView { id: parsed(body, "id")?, name: optional(body, "name", JsValue::as_string)? })
}

fn spare(body: &JsValue) -> Option<SpareView> {
    Some(SpareView {
        consented_by: optional(body, "consented_by", JsValue::as_string)?,
        consented_at: time(&get(body, "consented_at")?)?,
        last_verified_at: time(&get(body, "last_verified_at")?)?,
    })
}

fn diagnosis(body: &JsValue) -> Option<DiagnosisView> {
    Some(DiagnosisView {
        cause: text(body, "cause")?,
        headline: text(body, "headline")?,
        explanation: text(body, "explanation")?,
        who: word(&get(body, "who")?, &ACTORS)?,
        steps: list(&get(body, "steps")?, JsValue::as_string)?,
        facts: facts(body, "facts")?,
        learn_more: optional(body, "learn_more", JsValue::as_string)?,
        support: optional(body, "support", support)?,
    })
}

/// An absent list is an empty one: the API leaves empty lists out.
fn facts(body: &JsValue, name: &str) -> Option<Vec<FactView>> {
    Some(optional(body, name, |facts| list(facts, fact))?.unwrap_or_default())
}

fn fact(body: &JsValue) -> Option<FactView> {
    Some(FactView { label: text(body, "label")?, text: optional(body, "text", JsValue::as_string)?, at: optional(body, "at", time)? })
}

fn support(body: &JsValue) -> Option<SupportView> {
    Some(SupportView {
        code: optional(body, "code", |code| u32::try_from(whole(code)?).ok())?,
        trace_id: optional(body, "trace_id", JsValue::as_string)?,
        correlation_id: optional(body, "correlation_id", JsValue::as_string)?,
        timestamp: optional(body, "timestamp", JsValue::as_string)?,
    })
}

fn forecast(body: &JsValue) -> Option<ForecastView> {
    Some(ForecastView {
        ends_at: time(&get(body, "ends_at")?)?,
        confidence: word(&get(body, "confidence")?, &CONFIDENCES)?,
        reason: text(body, "reason")?,
        evidence: facts(body, "evidence")?,
    })
}

fn data(body: &JsValue) -> Option<DataAge> {
    Some(DataAge {
        as_of: optional(body, "as_of", time)?,
        stale_since: optional(body, "stale_since", time)?,
        people: whole(&get(body, "people")?)?,
        deletions_held: optional(body, "deletions_held", held)?,
        // For the operator: nothing on the card depends on it.
        degraded: Vec::new(),
    })
}

fn held(body: &JsValue) -> Option<DeletionsHeld> {
    Some(DeletionsHeld {
        round: u32::try_from(whole(&get(body, "round")?)?).ok()?,
        people: whole(&get(body, "people")?)?,
        of: whole(&get(body, "of")?)?,
        since: time(&get(body, "since")?)?,
        may_decide: get(body, "may_decide")?.is_truthy(),
    })
}

fn sync(body: &JsValue) -> Option<SyncView> {
    Some(SyncView {
        state: word(&get(body, "state")?, &SYNCS)?,
        people_seen: optional(body, "people_seen", whole)?,
        problem: optional(body, "problem", JsValue::as_string)?,
        next_at: optional(body, "next_at", time)?,
    })
}

fn get(body: &JsValue, name: &str) -> Option<JsValue> {
    body.is_object().then(|| body.unchecked_ref::<Object>().field(name))
}

/// Nothing when the field is there and cannot be read; `Some(None)` when it is absent.
fn optional<T>(body: &JsValue, name: &str, read: impl Fn(&JsValue) -> Option<T>) -> Option<Option<T>> {
    let value = get(body, name)?;
    match value.is_undefined() || value.is_null() {
        true => Some(None),
        false => read(&value).map(Some),
    }
}

fn text(body: &JsValue, name: &str) -> Option<String> {
    get(body, name)?.as_string()
}

fn parsed<T: std::str::FromStr>(body: &JsValue, name: &str) -> Option<T> {
    text(body, name)?.parse().ok()
}

fn word<T: Copy>(value: &JsValue, words: &[(&str, T)]) -> Option<T> {
    let text = value.as_string()?;
    words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning)
}

/// The browser reads the date: `jiff` would bring its parser's messages along.
fn time(value: &JsValue) -> Option<Timestamp> {
    let milliseconds = parse_date(&value.as_string()?);
    match milliseconds.is_finite() {
        true => Timestamp::from_millisecond(milliseconds as i64).ok(),
        false => None,
    }
}

fn whole(value: &JsValue) -> Option<u64> {
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    let number = value.as_f64()?;
    (number.trunc() == number && (0.0..=WHOLE_MAX).contains(&number)).then_some(number as u64)
}

fn list<T>(value: &JsValue, read: impl Fn(&JsValue) -> Option<T>) -> Option<Vec<T>> {
    if !value.is_object() {
        return None;
    }
    let items: &Object = value.unchecked_ref();
    (0..items.length()?.min(ITEMS_MAX)).map(|place| read(&items.item(place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Debug;

    use serde::Serialize;

    fn hold<T: Serialize + Copy + Debug>(words: &[(&str, T)]) {
        for (word, meaning) in words {
            let written = serde_json::to_value(meaning).expect("a word is written as a text");
            assert_eq!(written, *word, "{meaning:?}");
        }
    }

    #[test]
    fn every_word_is_the_one_that_the_server_writes() {
        hold(&HEALTHS);
        hold(&ACCESSES);
        hold(&ACTORS);
        hold(&CONFIDENCES);
        hold(&SYNCS);
        hold(&ATTEMPTS);
    }

    fn names(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(fields) => {
                for (name, value) in fields {
                    found.push(name.clone());
                    names(value, found);
                }
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| names(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_field_that_the_server_writes_is_read_under_its_name() {
        let source = include_str!("body.rs");
        let mut found = Vec::new();
        for health in crate::samples::HEALTHS.into_iter().chain(["held"]) {
            names(&serde_json::to_value(crate::samples::status(health)).expect("a status is written"), &mut found);
        }
        for name in found {
            assert!(source.contains(&format!("\"{name}\"")), "no field is read under the name {name}");
        }
    }
}
