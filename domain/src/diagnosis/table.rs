//! The numbers we know, and the words for those we do not.
//!
//! To add a number: find the file of its group below, and the [`Words`] there that say the right thing; add the number to their row, or a
//! row and new [`Words`] where the reader must act differently. Then put the number into the list of the test
//! `every_code_of_the_reference_has_a_row`.
//!
//! - `milder`: how the number softens what `error` and `suberror` say. A number never makes a verdict harsher, because Microsoft may change
//!   it at any time. [`Milder::Suspend`] where the grant works again once somebody changes a setting, [`Milder::Operator`] where we are at
//!   fault, [`Milder::Wait`] where it passes by itself, and else [`Milder::No`].
//! - `cause`: a word for programs. Numbers after which the same is to be done share it; once published it stays.
//! - `who`: an administrator or the person who signed in reads what happened, and where in Entra to click. Rows of [`Operator`] speak to
//!   the operator's engineers; customers never read them. Rows of [`Nobody`] have no steps.
//! - `headline`: at most eight words. `explanation`: one or two sentences, what happened and in whose hands it is.

mod accounts;
mod consent;
mod credentials;
mod factors;
mod outages;
mod passwords;
mod policies;
mod requests;
mod sessions;
mod tenants;

use crate::api::Actor::{self, CustomerAdmin, Nobody, Operator, SignedInPerson};
use crate::refusal::{ErrorWord, Refusal, Suberror};

/// How a number softens what `error` and `suberror` say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Milder {
    /// Not at all.
    No,
    /// The grant may come back by itself.
    Suspend,
    /// It is about us, not about the grant.
    Operator,
    /// It says nothing about the grant.
    Wait,
}

/// What we say about a refusal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    pub(super) cause: &'static str,
    pub(super) who: Actor,
    pub(super) headline: &'static str,
    pub(super) explanation: &'static str,
    pub(super) steps: &'static [&'static str],
}

/// AADSTS numbers that mean the same to the reader.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) codes: &'static [u32],
    pub(super) milder: Milder,
    pub(super) words: &'static Words,
    pub(super) source: &'static str,
}

const fn row(codes: &'static [u32], milder: Milder, words: &'static Words, source: &'static str) -> Row {
    Row { codes, milder, words, source }
}

const GROUPS: [&[Row]; 10] = [
    sessions::ROWS,
    passwords::ROWS,
    factors::ROWS,
    consent::ROWS,
    credentials::ROWS,
    accounts::ROWS,
    policies::ROWS,
    tenants::ROWS,
    outages::ROWS,
    requests::ROWS,
];

/// Numbers that Entra puts around a more telling one, as in `70002, 70008`.
const WRAPPERS: [u32; 4] = [70002, 70000, 50000, 50012];

const CODES: &str = "https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes";
const TOKENS: &str = "https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens";

pub(super) const RECONNECT: &str = "Choose Reconnect and sign in as an administrator.";
const RECONNECT_MFA: &str = "Choose Reconnect and sign in with multi-factor authentication.";
const OTHER_ACCOUNT: &str = "Choose Reconnect and sign in with another administrator's account.";
const OR_OTHER_ACCOUNT: &str = "Or choose Reconnect and sign in with another administrator's account.";
const WORK_ACCOUNT: &str = "Choose Reconnect and sign in with a work account of this tenant.";
const ADMIN_CONSENT: &str = "Choose Reconnect and accept the permissions as an administrator.";
const APP_BACK: &str = "Choose Reconnect and accept the permissions as an administrator. That adds the app again.";
const ENABLE_APP: &str =
    "In Entra, open Enterprise applications, choose this app, open Properties, and set \"Enabled for users to sign-in\" to Yes.";
const EXCLUDE: &str = "In Entra, open Conditional Access, and exclude the account that connected, or this app, from the policy.";
const EXEMPT: &str = "If it keeps happening, connect with an account that this policy does not cover.";
const SIGN_IN_LOGS: &str = "In Entra, open Sign-in logs, and find this sign-in by the correlation id below to see the reason.";
/// Replaced by [`RECONNECT`] where Entra says that the token is dead for good.
pub(super) const COMES_BACK: &str = "The connection then comes back by itself.";
const TELL_US: &str = "If that does not help, tell us the ids below.";

/// Every row.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    GROUPS.into_iter().flatten()
}

/// The row of a number.
pub(super) fn find(code: u32) -> Option<&'static Row> {
    rows().find(|row| row.codes.contains(&code))
}

/// The most telling of the numbers that the table knows, and its row.
pub(super) fn most_telling(codes: &[u32]) -> Option<(u32, &'static Row)> {
    let known = codes.iter().filter_map(|code| find(*code).map(|row| (*code, row)));
    known.reduce(|best, next| if is_more_telling(next.0, best.0) { next } else { best })
}

/// A wrapper tells less than what it is put around, and a number less than the longer one that begins with it, as 70008 and 700082.
fn is_more_telling(next: u32, best: u32) -> bool {
    let is_detail = [10, 100].into_iter().any(|power| next / power == best);
    let is_unwrapped = WRAPPERS.contains(&best) && !WRAPPERS.contains(&next);
    is_detail || is_unwrapped
}

/// The words where no number is known.
pub(super) fn by_words(refusal: &Refusal) -> &'static Words {
    match &refusal.error {
        ErrorWord::InvalidGrant | ErrorWord::InteractionRequired => by_suberror(refusal.suberror.as_ref()),
        ErrorWord::ConsentRequired => &consent::CONSENT_WITHDRAWN,
        ErrorWord::LoginRequired => &sessions::NOT_SIGNED_IN,
        ErrorWord::InvalidTenant => &tenants::TENANT_GONE,
        ErrorWord::UnauthorizedClient if refusal.suberror == Some(Suberror::ProtectionPolicyRequired) => &policies::APPROVED_APP_REQUIRED,
        ErrorWord::UnauthorizedClient => &APP_NOT_ALLOWED,
        ErrorWord::InvalidResource => &consent::GRAPH_MISSING,
        ErrorWord::AccessDenied => &consent::CONSENT_DECLINED,
        ErrorWord::InvalidClient => &OUR_CREDENTIAL,
        ErrorWord::InvalidScope | ErrorWord::InvalidRequest | ErrorWord::UnsupportedGrantType | ErrorWord::UnsupportedResponseType => {
            &OUR_REQUEST
        }
        ErrorWord::TemporarilyUnavailable | ErrorWord::ServerError => &OUTAGE,
        ErrorWord::GraphDenied => &GRAPH_DENIED,
        ErrorWord::GraphIdentityNotFound => &consent::APP_MISSING,
        ErrorWord::GraphIdentityDisabled => &consent::APP_DISABLED,
        ErrorWord::GraphTokenInvalid => &GRAPH_TOKEN,
        ErrorWord::Other(_) => &UNKNOWN,
    }
}

fn by_suberror(suberror: Option<&Suberror>) -> &'static Words {
    match suberror {
        Some(Suberror::BadToken) => &sessions::SIGN_IN_INVALID,
        Some(Suberror::TokenExpired) => &sessions::SIGN_IN_FREQUENCY,
        Some(Suberror::BasicAction) => &SIGN_IN_AGAIN,
        Some(Suberror::ConsentRequired) => &consent::CONSENT_WITHDRAWN,
        Some(Suberror::UserPasswordExpired) => &passwords::PASSWORD_EXPIRED,
        Some(Suberror::MessageOnly | Suberror::AdditionalAction) => &policies::BLOCKED_BY_SOME_POLICY,
        Some(Suberror::DeviceAuthenticationFailed) => &policies::DEVICE_REQUIRED,
        Some(Suberror::ProtectionPolicyRequired) => &policies::APPROVED_APP_REQUIRED,
        Some(Suberror::ClientMismatch) => &OUR_REQUEST,
        Some(Suberror::Other(_)) | None => &UNKNOWN,
    }
}

/// The words for a dead grant whose number would say that the customer need not act.
pub(super) const DEAD: Words = sessions::SIGN_IN_INVALID;

const UNKNOWN: Words = Words {
    cause: "refused",
    who: CustomerAdmin,
    headline: "Microsoft refuses the connection",
    explanation: "Microsoft Entra refused the connection for a reason that we do not know yet.",
    steps: &[RECONNECT, "If that does not help, give Microsoft's support the ids below."],
};

const SIGN_IN_AGAIN: Words = Words {
    cause: "sign-in-again",
    who: SignedInPerson,
    headline: "Microsoft asks for a new sign-in",
    explanation: "Microsoft wants the person who connected to sign in again, usually with multi-factor authentication.",
    steps: &[RECONNECT],
};

const APP_NOT_ALLOWED: Words = Words {
    cause: "app-not-allowed",
    who: CustomerAdmin,
    headline: "The app may not sign in",
    explanation: "The app is disabled in your Microsoft Entra tenant, or is no longer among its enterprise applications.",
    steps: &[ENABLE_APP, "If the app is not there, choose Reconnect and accept the permissions as an administrator."],
};

const GRAPH_DENIED: Words = Words {
    cause: "consent-withdrawn",
    who: CustomerAdmin,
    headline: "The permission was withdrawn",
    explanation: "Microsoft Graph no longer lets this app read your directory: an administrator took the permission away.",
    steps: &["In Entra, open Enterprise applications, choose this app, open Permissions, and choose \"Grant admin consent\".", COMES_BACK],
};

const GRAPH_TOKEN: Words = Words {
    cause: "access-token-refused",
    who: Nobody,
    headline: "Microsoft wants a fresh token",
    explanation: "Microsoft Graph did not accept a token that Microsoft had issued. The connection goes on with the next one.",
    steps: &[],
};

pub(super) const OUTAGE: Words = Words {
    cause: "outage",
    who: Nobody,
    headline: "Microsoft has a passing problem",
    explanation: "Microsoft Entra could not answer. The connection is fine, and we try again later.",
    steps: &[],
};

const OUR_CREDENTIAL: Words = Words {
    cause: "operator-credential-refused",
    who: Operator,
    headline: "Microsoft does not accept our credential",
    explanation: "The client credential of the app registration was refused, which stops every connection.",
    steps: &["In Entra, open App registrations, choose the app, and compare \"Certificates & secrets\" with what is configured."],
};

pub(super) const OUR_REQUEST: Words = Words {
    cause: "operator-request-malformed",
    who: Operator,
    headline: "Microsoft does not understand our request",
    explanation: "Microsoft did not accept the form of our request. For one connection alone, the stored token may be damaged.",
    steps: &["Report it as a fault of Evergrant, with the refusal that is stored."],
};
