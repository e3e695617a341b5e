//! What a refusal means: what to do about it, and what to say.
//!
//! Two questions, kept apart. [`action`] asks what we do, and looks at `error`, `suberror` and nothing else, with one exception that can
//! only make the verdict milder: a few numbers come as `invalid_grant` although the grant is well (a throttle, an outage, a disabled
//! account that may be enabled again). [`diagnose`] asks what we say, and looks the numbers up in a table.
//!
//! A number that is not in the table is said by its `suberror` or `error`. Where several come at once, the most telling known one speaks.
//! To add a number: see `diagnosis/table.rs`.

mod facts;
mod table;

use crate::api::{Actor, DiagnosisView, SupportView};
use crate::refusal::{ErrorWord, Refusal, Suberror};

use table::{Milder, Row, Words};

/// What we do about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Only a person can repair the grant.
    Bury,
    /// Entra refuses now; the grant may come back by itself. Test again, slowly.
    Suspend,
    /// Our own credential, registration or request is at fault.
    BlameOperator,
    /// Nothing is wrong with the grant. Try again later.
    Wait,
}

/// Decides what to do about a refusal.
#[must_use]
pub fn action(refusal: &Refusal) -> Action {
    let by_words = by_words(&refusal.error, refusal.suberror.as_ref());
    let milder = table::most_telling(&refusal.codes).map(|(_, row)| row.milder);
    match (by_words, milder) {
        (Action::Bury, _) if is_unmistakable(refusal) => Action::Bury,
        (Action::Bury | Action::Suspend, Some(Milder::Wait)) => Action::Wait,
        (Action::Bury, Some(Milder::Suspend)) => Action::Suspend,
        (Action::Bury | Action::Suspend, Some(Milder::Operator)) => Action::BlameOperator,
        (action, _) => action,
    }
}

/// Whether the refusal is Entra's unmistakable word for a dead token: `suberror` is `bad_token`, and nothing softens it. Every other
/// refusal that buries rests on words that have been seen to pass.
/// Source: <https://github.com/AzureAD/microsoft-authentication-library-for-dotnet> (`MsalError`)
#[must_use]
pub fn is_unmistakable(refusal: &Refusal) -> bool {
    refusal.suberror == Some(Suberror::BadToken)
}

/// What `error` and `suberror` say.
/// Source: <https://github.com/AzureAD/microsoft-authentication-library-for-dotnet> (`MsalError`), RFC 6749 section 5.2.
fn by_words(error: &ErrorWord, suberror: Option<&Suberror>) -> Action {
    match error {
        ErrorWord::InvalidGrant | ErrorWord::InteractionRequired => by_suberror(suberror),
        ErrorWord::ConsentRequired | ErrorWord::LoginRequired | ErrorWord::InvalidTenant => Action::Bury,
        ErrorWord::UnauthorizedClient | ErrorWord::InvalidResource | ErrorWord::AccessDenied => Action::Suspend,
        ErrorWord::InvalidClient
        | ErrorWord::InvalidScope
        | ErrorWord::InvalidRequest
        | ErrorWord::UnsupportedGrantType
        | ErrorWord::UnsupportedResponseType => Action::BlameOperator,
        // The next access token may fare better.
        ErrorWord::TemporarilyUnavailable | ErrorWord::ServerError | ErrorWord::GraphTokenInvalid => Action::Wait,
        // They pass as soon as the administrator grants, or enables, again.
        ErrorWord::GraphDenied | ErrorWord::GraphIdentityNotFound | ErrorWord::GraphIdentityDisabled => Action::Suspend,
        ErrorWord::Other(_) => Action::Suspend,
    }
}

fn by_suberror(suberror: Option<&Suberror>) -> Action {
    match suberror {
        Some(
            Suberror::MessageOnly
            | Suberror::AdditionalAction
            | Suberror::DeviceAuthenticationFailed
            | Suberror::ProtectionPolicyRequired
            | Suberror::Other(_),
        ) => Action::Suspend,
        Some(Suberror::ClientMismatch) => Action::BlameOperator,
        Some(
            Suberror::BadToken | Suberror::TokenExpired | Suberror::BasicAction | Suberror::ConsentRequired | Suberror::UserPasswordExpired,
        )
        | None => Action::Bury,
    }
}

/// Says what a refusal means, in words that an administrator of the customer's can act on. Of a fault of the operator's only the cause is
/// told, in one word: no blame, and no details of the operator's.
#[must_use]
pub fn diagnose(refusal: &Refusal) -> DiagnosisView {
    let diagnosis = diagnose_for_operator(refusal);
    match diagnosis.who {
        Actor::Operator => DiagnosisView { cause: diagnosis.cause, ..diagnose_operator_fault() },
        _ => diagnosis,
    }
}

/// Says what a refusal means with everything that is known, for the operator's engineers. Customers must not read it.
#[must_use]
pub fn diagnose_for_operator(refusal: &Refusal) -> DiagnosisView {
    let action = action(refusal);
    let spoken = spoken(refusal, action);
    let words = spoken.map_or_else(|| unnumbered(refusal, action), |(_, row)| row.words);
    let first = refusal.codes.first().copied();
    DiagnosisView {
        cause: words.cause.to_owned(),
        headline: words.headline.to_owned(),
        explanation: words.explanation.to_owned(),
        who: words.who,
        steps: words.steps.iter().map(|step| fitting(step, action).to_owned()).collect(),
        facts: facts::tell(&refusal.facts),
        learn_more: spoken.map(|(_, row)| row.source.to_owned()).or_else(|| first.map(look_up)),
        support: Some(SupportView {
            code: spoken.map(|(code, _)| code).or(first),
            trace_id: refusal.trace_id.clone(),
            correlation_id: refusal.correlation_id.clone(),
            timestamp: refusal.timestamp.clone(),
        }),
    }
}

/// The row of the number that speaks: the most telling one, as long as its words fit what we do. Where the words say that a person must
/// act, a number that says otherwise is passed over, because nobody would act then.
fn spoken(refusal: &Refusal, action: Action) -> Option<(u32, &'static Row)> {
    table::most_telling(&refusal.codes).filter(|(_, row)| fits(action, row.words.who))
}

fn unnumbered(refusal: &Refusal, action: Action) -> &'static Words {
    let words = table::by_words(refusal);
    match action {
        _ if fits(action, words.who) => words,
        Action::Bury | Action::Suspend => &table::DEAD,
        Action::BlameOperator => &table::OUR_REQUEST,
        Action::Wait => &table::OUTAGE,
    }
}

/// Whether somebody who is named acts where somebody must.
fn fits(action: Action, who: Actor) -> bool {
    match action {
        Action::Bury => matches!(who, Actor::CustomerAdmin | Actor::SignedInPerson),
        Action::Suspend => who != Actor::Operator,
        Action::BlameOperator => who == Actor::Operator,
        Action::Wait => who == Actor::Nobody,
    }
}

/// A dead grant does not come back by itself, whatever is set right.
fn fitting(step: &'static str, action: Action) -> &'static str {
    match (step, action) {
        (table::COMES_BACK, Action::Bury) => table::RECONNECT,
        (step, _) => step,
    }
}

/// Microsoft's page about a number. Source: <https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes>
fn look_up(code: u32) -> String {
    format!("https://login.microsoftonline.com/error?code={code}")
}

/// The words for a connection whose operator's credential failed, as a customer may read them: no blame, no numbers of the operator's.
#[must_use]
pub fn diagnose_operator_fault() -> DiagnosisView {
    of_the_operator(
        "operator-fault",
        "A fault on our side",
        "Our own sign-in to Microsoft failed. Your consent is fine, and there is nothing for you to do.",
    )
}

/// The words for a connection whose refusal is part of an incident, Microsoft's or ours.
#[must_use]
pub fn diagnose_incident() -> DiagnosisView {
    of_the_operator(
        "incident",
        "A disturbance that is not yours",
        "Microsoft refuses more than this connection at the moment, so the cause is not yours. We look into it, and there is nothing for you to do.",
    )
}

/// The words for a connection about which no answer could be had for hours.
#[must_use]
pub fn diagnose_silence() -> DiagnosisView {
    of_the_operator(
        "no-answer",
        "Not verified for some hours",
        "We could not find out for some hours whether Microsoft still accepts your consent. We keep trying, and there is nothing for you to do.",
    )
}

fn of_the_operator(cause: &str, headline: &str, explanation: &str) -> DiagnosisView {
    DiagnosisView {
        cause: cause.to_owned(),
        headline: headline.to_owned(),
        explanation: explanation.to_owned(),
        who: Actor::Operator,
        steps: Vec::new(),
        facts: Vec::new(),
        learn_more: None,
        support: None,
    }
}

#[cfg(test)]
mod tests;
