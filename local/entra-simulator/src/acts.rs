//! What can happen in a tenant, as data: scripted from Rust or posted as JSON.

mod perform;
mod photos;

pub(crate) use perform::perform;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;
use uuid::Uuid;

use crate::faults::{Fault, ItemFault, PropertyRefusal, RetryAfter, Target};
use crate::photos::PhotoPlace;

/// Where a change to the client's credential holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// For the app, in every tenant: what really happens when a secret ends.
    #[default]
    Everywhere,
    /// In this tenant alone, so that one customer can be shown with it.
    ThisTenant,
}

/// Something that happens in a tenant. As JSON: `{"act": "require_mfa", "user": "..."}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each act's sentence names its fields")]
pub enum Act {
    /// An admin resets the user's password in the Entra admin center: earlier tokens end (50173).
    ResetAdminPassword { user: Uuid },
    /// An admin revokes the user's sessions (50173).
    RevokeSessions { user: Uuid },
    /// The user must use a second factor from now on (50076 until a sign-in after this).
    RequireMfa { user: Uuid },
    /// The second factor is no longer required of the user.
    LiftMfa { user: Uuid },
    /// "Remember MFA": the last second factor must not be older than this (50078).
    RememberMfaDays { days: Option<u32> },
    /// A sign-in frequency policy (70043); only `enforced` ones also stop this confidential client's refreshes.
    SignInFrequency {
        seconds: Option<u64>,
        #[serde(default)]
        enforced: bool,
    },
    /// Whether sign-in frequency waits for the next interactive sign-in on confidential clients.
    DeferSignInFrequency { on: bool },
    /// Every permission of the app is taken away (65001).
    WithdrawConsent,
    /// Everything the app's registration lists is granted for the whole tenant.
    GrantConsent,
    /// The app's application permissions alone are taken away: it still gets tokens of its own, and Graph denies them.
    WithdrawApplicationPermissions,
    /// The application permissions that the app's registration lists are granted, and nothing in a person's name.
    GrantApplicationPermissions,
    /// The enterprise app is disabled (7000112).
    DisableApp,
    /// The enterprise app is enabled again.
    EnableApp,
    /// The enterprise app is deleted (700016).
    DeleteServicePrincipal,
    /// A conditional access policy blocks the app (53003); an id is drawn when none is given.
    BlockByConditionalAccess {
        #[serde(default)]
        policy_id: Option<Uuid>,
    },
    /// The blocking policy is lifted.
    LiftConditionalAccess,
    /// The account is disabled (50057).
    DisableUser { user: Uuid },
    /// The account is enabled.
    EnableUser { user: Uuid },
    /// The user is deleted and can be restored (500341).
    DeleteUser { user: Uuid },
    /// A deleted user comes back.
    RestoreUser { user: Uuid },
    /// The user is gone for good (50034).
    PurgeUser { user: Uuid },
    /// Only assigned users may use the app (50105).
    RequireAssignment,
    /// Everybody may use the app again.
    LiftAssignment,
    /// The user is assigned to the app.
    AssignUser { user: Uuid },
    /// The tenant is gone (90002).
    RemoveTenant,
    /// The tenant is back.
    RestoreTenant,
    /// The client's secret has expired (7000222).
    ExpireSecret {
        #[serde(default)]
        reach: Reach,
    },
    /// The client's secret is not the registered one (7000215).
    BreakSecret {
        #[serde(default)]
        reach: Reach,
    },
    /// The client's secret is accepted again.
    RestoreSecret {
        #[serde(default)]
        reach: Reach,
    },
    /// The next token requests meet loop detection (50196).
    Loop { times: u32 },
    /// The next Graph requests are throttled (429).
    ThrottleGraph { requests: u32, retry_after: RetryAfter },
    /// The next token requests are throttled (429).
    ThrottleToken { requests: u32, retry_after: RetryAfter },
    /// Graph takes this long over each answer, in real time, until told otherwise.
    SlowGraph { milliseconds: u32 },
    /// The next requests of an endpoint fail.
    FailNext { target: Target, times: u32, fault: Fault },
    /// Everything still on order by this and the other fault acts is forgotten, and Graph takes no time.
    ClearFaults,
    /// The next refusals have no `error_codes`.
    MissingErrorCodes { times: u32 },
    /// The next refusals have `error_codes` as strings.
    StringErrorCodes { times: u32 },
    /// The next refusals carry two codes.
    TwoCodes { times: u32 },
    /// The next token requests are refused with this code.
    UnknownCode { code: u32, times: u32 },
    /// The next token requests are refused with an unheard-of `suberror`.
    UnknownSuberror { times: u32 },
    /// The next token answers lack a refresh token.
    NoRefreshToken { times: u32 },
    /// Every delta link given out so far has expired (400 syncStateNotFound).
    ExpireDeltaTokens,
    /// Every delta or next link given out so far leads to a reset (410 with Location).
    ResetDelta,
    /// Every next link given out so far has expired (400 Directory_ExpiredPageToken).
    ExpireSkipTokens,
    /// The next Graph requests meet a claims challenge (401).
    ClaimsChallengeGraph { times: u32 },
    /// The next next links point to a foreign host.
    ForeignNextLink { times: u32 },
    /// Random people get new job titles.
    ChangeJobTitles { count: u32 },
    /// Random people change in several properties.
    ChangePeople { count: u32 },
    /// Random people without an admin role are deleted softly.
    DeletePeople { count: u32 },
    /// New people join.
    AddPeople { count: u32 },
    /// The user's manager is set, or cleared by `null`.
    SetManager { user: Uuid, manager: Option<Uuid> },
    /// Properties of the user are set, or cleared by `null`.
    ChangeUser { user: Uuid, properties: Map<String, Value> },
    /// The user is licensed for one product, which is drawn when none is given, and for no other.
    AssignLicense {
        user: Uuid,
        #[serde(default)]
        sku: Option<Uuid>,
    },
    /// The user has no licence any more.
    RemoveLicenses { user: Uuid },
    /// The next calls that select the property are refused as a whole (400), or every one until it is lifted when `times` is not given.
    FailProperty {
        property: String,
        #[serde(default)]
        times: Option<u32>,
        #[serde(default)]
        says: PropertyRefusal,
    },
    /// The property can be selected again, or each that could not when none is given.
    LiftProperty {
        #[serde(default)]
        property: Option<String>,
    },
    /// People per page of the delta, and of the list where more are asked for.
    PageSize { people: u32 },
    /// Whether `$deltatoken=latest` is refused (400).
    RefuseMarks { on: bool },
    /// The next delta pages are empty but have a next link.
    EmptyPages { pages: u32 },
    /// Whether the last person of a page appears on the next one too.
    RepeatPeople { on: bool },
    /// Whether the people of a page come in random order.
    ShufflePages { on: bool },
    /// Changes from now on stay invisible for this many rounds.
    LagPolls { polls: u32 },
    /// Whether deleted people appear as removed in the first round.
    RemovedInFirstRound { on: bool },
    /// Whether all directory extensions of the same type come along when one of them changed.
    EchoExtensions { on: bool },
    /// The user gets a photo, or another one: these bytes in base64, or a portrait that is drawn; 648 pixels wide where nothing is said.
    GivePhoto {
        user: Uuid,
        #[serde(default)]
        image: Option<String>,
        #[serde(default)]
        side: Option<u32>,
        #[serde(default)]
        place: PhotoPlace,
    },
    /// The user's photo is taken away.
    RemovePhoto { user: Uuid },
    /// Random people without a photo get one.
    GivePhotos { count: u32 },
    /// Random people with a photo get another one.
    ChangePhotos { count: u32 },
    /// Whether photos may not be read (403), whatever was consented to.
    DenyPhotos { on: bool },
    /// Whether of people without a photo metadata of a single pixel is given, instead of 404.
    PlaceholderPhotos { on: bool },
    /// The next items of batches whose path contains `path` go wrong by themselves.
    FailBatchItems {
        items: u32,
        fault: ItemFault,
        #[serde(default)]
        path: String,
    },
    /// Whether a batch of which an item is throttled fails as a whole (424).
    FailThrottledBatches { on: bool },
    /// id_tokens are signed with a new key from now on.
    RotateSigningKey,
}

/// An act that cannot be performed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ActError {
    /// There is no such tenant.
    #[error("no tenant {0}")]
    UnknownTenant(Uuid),
    /// There is no such user in the tenant.
    #[error("no user {user} in tenant {tenant}")]
    UnknownUser {
        /// The tenant looked in.
        tenant: Uuid,
        /// The user looked for.
        user: Uuid,
    },
    /// There is no such app registration.
    #[error("no app {0}")]
    UnknownApp(Uuid),
    /// A property that cannot be set, or that nobody can select.
    #[error("property {0} is not one of a user's that can be set or refused")]
    UnknownProperty(String),
}
