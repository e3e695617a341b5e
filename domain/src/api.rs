//! What the HTTP API says: shared by the server that writes it and the widget that reads it.
//!
//! The shapes are flat on purpose (a word and optional facts, no tagged unions): they are read in the browser straight from
//! `JSON.parse`, and by servers in any language. Times are RFC 3339 in UTC. Absent optional fields are left out.

mod attributes;
mod audience;
mod deletions;
mod people;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{AttemptId, ConnectionId, CustomerId, ObjectId, TenantId};

pub use attributes::*;
pub use audience::*;
pub use deletions::{DecideDeletions, DeletionsHeld, HeldPage};
pub use people::*;

/// One connection as the widget shows it. Four facts stand side by side and are never derived from one another:
/// health, last verified, last synced, age of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConnectionStatus {
    /// The connection.
    pub id: ConnectionId,
    /// The operator's customer that it belongs to.
    pub customer: CustomerId,
    /// The Entra tenant, once the first consent has proved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantView>,
    /// Health in one word.
    pub health: HealthWord,
    /// Since when health is what it is.
    pub health_since: Timestamp,
    /// Why the grant does not work; present when health is `suspended`, `dead` or `operator-fault`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<DiagnosisView>,
    /// When the grant is expected to stop; absent when nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<ForecastView>,
    /// When Entra last accepted the grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_verified_at: Option<Timestamp>,
    /// When the last complete round of the sync ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_synced_at: Option<Timestamp>,
    /// How old the people's attributes are.
    pub data: DataAge,
    /// What the sync is doing.
    pub sync: SyncView,
    /// Why people's photos are not read, in one sentence; absent while they are. It says nothing about anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photos_problem: Option<String>,
    /// How people's attributes are read; absent before the first consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessWord>,
    /// Another person's consent, which takes over when the one in use stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spare: Option<SpareView>,
    /// Who gave the consent that is in use, as a user principal name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consented_by: Option<String>,
    /// When that consent was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consented_at: Option<Timestamp>,
    /// When somebody said that they know of the trouble as it is now; reminders stay away since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Timestamp>,
    /// The server's time, so that a browser with a wrong clock still counts right.
    pub server_time: Timestamp,
}

/// The Entra tenant of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TenantView {
    /// The tenant's GUID.
    pub id: TenantId,
    /// Its display name, as the directory gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How people's attributes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AccessWord {
    /// On behalf of the person who consented: what happens to that account can end it.
    Delegated,
    /// By the app itself, as an administrator allowed: no person's sign-in is behind it.
    AppOnly,
}

/// A second consent, in reserve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SpareView {
    /// Who gave it, as a user principal name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consented_by: Option<String>,
    /// When it was given.
    pub consented_at: Timestamp,
    /// When Entra last accepted it.
    pub last_verified_at: Timestamp,
}

/// Health in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HealthWord {
    /// Nobody has consented yet.
    AwaitingConsent,
    /// Entra accepts the grant.
    Healthy,
    /// Entra accepts the grant, and is expected to stop soon.
    Expiring,
    /// Entra refuses now; the grant may come back by itself.
    Suspended,
    /// Only a person can repair the grant.
    Dead,
    /// The operator's own credential or registration is at fault.
    OperatorFault,
    /// Ended on purpose.
    Disconnected,
}

/// Who must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// An administrator of the customer's Entra tenant.
    CustomerAdmin,
    /// The person whose sign-in backs the connection.
    SignedInPerson,
    /// The operator.
    Operator,
    /// Nobody: it passes by itself.
    Nobody,
}

/// Why a grant does not work, in words that an administrator can act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiagnosisView {
    /// The cause, as a stable word for programs, such as `session-revoked`.
    pub cause: String,
    /// What happened, as a headline of at most eight words.
    pub headline: String,
    /// What happened, in one or two sentences.
    pub explanation: String,
    /// Who must act.
    pub who: Actor,
    /// What to do, in order.
    pub steps: Vec<String>,
    /// Details that Entra gave, such as the time of a password reset.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<FactView>,
    /// Where Microsoft explains the refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learn_more: Option<String>,
    /// What Microsoft's support asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<SupportView>,
}

/// One detail that Entra gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FactView {
    /// What it is, such as `Sessions revoked`.
    pub label: String,
    /// Its value where it is a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its value where it is a point in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// What Microsoft's support asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SupportView {
    /// Microsoft's number of the refusal, such as 50173 in `AADSTS50173`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// Entra's trace id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Entra's correlation id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Entra's time of the refusal, as Entra wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
}

/// When the grant is expected to stop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ForecastView {
    /// The expected end.
    pub ends_at: Timestamp,
    /// How sure.
    pub confidence: Confidence,
    /// Why, in one sentence.
    pub reason: String,
    /// What the forecast rests on, oldest first.
    pub evidence: Vec<FactView>,
}

/// How sure a forecast is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Seen once, and indirectly: shown early, sent late.
    Low,
    /// Seen or told once, as Entra stated it; a planned leave; or seen often, with a doubt.
    Medium,
    /// Seen repeatedly, or certain by rule.
    High,
}

/// How old the people's attributes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DataAge {
    /// The directory's state that the data shows; absent before the first complete round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// Since when the data falls behind because the sync fails; absent while it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_since: Option<Timestamp>,
    /// How many people are stored.
    pub people: u64,
    /// Deletions that wait for somebody's approval, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletions_held: Option<DeletionsHeld>,
    /// Attributes that Microsoft Graph fails to give: they keep the values they had, and all others are synced without them. They are tried
    /// again with each full round.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
}

/// What the sync is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SyncView {
    /// In one word.
    pub state: SyncWord,
    /// People seen in the round that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people_seen: Option<u64>,
    /// Why the sync waits or fails, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// When the next round is due; absent while a repair is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
}

/// The sync in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SyncWord {
    /// Nothing to do until the next round.
    Idle,
    /// A round is under way.
    Running,
    /// Graph asked us to wait.
    Waiting,
    /// The sync cannot go on until something is repaired.
    Failing,
}

/// The caller's connections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConnectionList {
    /// All of the caller's customer, oldest first.
    pub connections: Vec<ConnectionStatus>,
}

/// Asks to begin a consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BeginReconnect {
    /// The connection to repair, or to connect for the first time.
    pub connection: ConnectionId,
    /// Where to lead the browser afterwards when the consent runs in the portal's own tab instead of a popup. Its origin must be one
    /// of the portal origins that the operator configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<String>,
    /// Lets the person choose another account than the one that consented last.
    #[serde(default)]
    pub choose_account: bool,
    /// How attributes are to be read afterwards. Absent means as now, or delegated for the first consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessWord>,
    /// Keeps the consent in use and adds this one as its spare. It must be another person's, and delegated.
    #[serde(default)]
    pub spare: bool,
}

/// One try to consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReconnectAttempt {
    /// The attempt, to be polled.
    pub id: AttemptId,
    /// The connection it repairs.
    pub connection: ConnectionId,
    /// How it stands.
    pub state: AttemptWord,
    /// Where to send the browser; only in the answer that began the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorize_url: Option<String>,
    /// When an unfinished attempt ends by itself.
    pub expires_at: Timestamp,
    /// How long to wait before asking again.
    pub poll_milliseconds: u32,
    /// Why it failed; present when `state` is `failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<AttemptFailureView>,
}

/// A consent attempt in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AttemptWord {
    /// The person has not come back from Entra yet.
    Pending,
    /// The person came back; the new grant is being verified.
    Verifying,
    /// The new grant works and is in use.
    Succeeded,
    /// Nothing was changed; `failure` says why.
    Failed,
    /// The person never came back; nothing was changed.
    Expired,
    /// Withdrawn, or replaced by a newer attempt; nothing was changed.
    Superseded,
}

/// Why a consent attempt failed. Nothing was changed by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttemptFailureView {
    /// A stable word for programs: `denied`, `wrong-tenant`, `same-account`, `admin-required`, `missing-permission`, `verification-failed`, `refused`, `unavailable`.
    pub reason: String,
    /// What happened and what to do, in a sentence or two.
    pub sentence: String,
}

/// Why a request was refused. Source: RFC 9457.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// A stable URI of the kind of problem, such as `urn:evergrant:problem:invalid-field`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What exactly is wrong here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The field or parameter at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Everything that is wrong, where several fields may be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultView>,
    /// Object ids of the people who are meant by what was to name one; present where several are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<ObjectId>,
}
