//! The numbers we know, one row each, and the words for those we do not.

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

/// One AADSTS number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) code: u32,
    pub(super) milder: Milder,
    pub(super) words: Words,
    pub(super) source: &'static str,
}

const CODES: &str = "https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes";
const TOKENS: &str = "https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens";

const RECONNECT: &str = "Choose Reconnect and sign in as an administrator.";
const APP_ONLY: &str = "If it keeps happening, use an account that this policy does not cover.";

pub(super) fn find(code: u32) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.code == code)
}

/// The words where no number is known.
pub(super) fn by_words(refusal: &Refusal) -> Words {
    match (&refusal.error, &refusal.suberror) {
        (_, Some(Suberror::BasicAction)) => Words { explanation: "Microsoft wants the person who connected to sign in again.", ..UNKNOWN },
        (_, Some(Suberror::MessageOnly | Suberror::AdditionalAction)) => Words {
            headline: "A policy blocks this connection",
            explanation: "A policy in your Microsoft Entra tenant blocks the sign-in that backs this connection.",
            steps: &["Look up the sign-in in the Entra sign-in logs by the ids below to see which policy blocks it.", RECONNECT],
            ..UNKNOWN
        },
        (
            ErrorWord::InvalidClient
            | ErrorWord::InvalidScope
            | ErrorWord::InvalidRequest
            | ErrorWord::UnsupportedGrantType
            | ErrorWord::UnsupportedResponseType,
            _,
        ) => OUR_REQUEST,
        (ErrorWord::GraphDenied, _) => GRAPH_DENIED,
        (ErrorWord::GraphIdentityNotFound, _) => GRAPH_APP_MISSING,
        (ErrorWord::GraphIdentityDisabled, _) => GRAPH_APP_DISABLED,
        (ErrorWord::GraphTokenInvalid, _) => GRAPH_TOKEN,
        (ErrorWord::TemporarilyUnavailable | ErrorWord::ServerError, _) => OUTAGE,
        _ => UNKNOWN,
    }
}

const UNKNOWN: Words = Words {
    cause: "refused",
    who: CustomerAdmin,
    headline: "Microsoft refuses the connection",
    explanation: "Microsoft Entra refused the connection for a reason that we do not know yet.",
    steps: &[RECONNECT, "If that does not help, give Microsoft's support the ids below."],
};

const OUR_REQUEST: Words = Words {
    cause: "operator-request-malformed",
    who: Operator,
    headline: "A fault on our side",
    explanation: "Microsoft Entra did not accept our request. Your consent is fine.",
    steps: &[],
};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row { code: 50173, milder: Milder::No, source: TOKENS, words: Words {
        cause: "sessions-revoked", who: SignedInPerson,
        headline: "Sign-in revoked by a password reset",
        explanation: "The password of the account that connected was reset, or its sessions were revoked. Microsoft ends all earlier sign-ins then, and with them this connection.",
        steps: &[RECONNECT, "If nobody reset the password on purpose, check the account's audit log."] } },
    Row { code: 700_082, milder: Milder::No, source: TOKENS, words: Words {
        cause: "unused-too-long", who: SignedInPerson,
        headline: "Unused for 90 days",
        explanation: "The connection was not used for so long that Microsoft let it expire.",
        steps: &[RECONNECT] } },
    Row { code: 70_008, milder: Milder::No, source: CODES, words: Words {
        cause: "unused-too-long", who: SignedInPerson,
        headline: "The sign-in expired",
        explanation: "The sign-in behind this connection expired or was revoked.",
        steps: &[RECONNECT] } },
    Row { code: 70_000, milder: Milder::No, source: CODES, words: Words {
        cause: "sessions-revoked", who: SignedInPerson,
        headline: "The sign-in is no longer valid",
        explanation: "Microsoft no longer knows the sign-in behind this connection.",
        steps: &[RECONNECT] } },
    Row { code: 70_043, milder: Milder::No, source: CODES, words: Words {
        cause: "sign-in-frequency", who: CustomerAdmin,
        headline: "Your sign-in frequency policy ended it",
        explanation: "A Conditional Access policy of your tenant asks people to sign in again after a set time. That time is over for the account that connected.",
        steps: &[RECONNECT, "To stop it from happening again, exclude this account or this app from the sign-in frequency policy."] } },
    Row { code: 70_044, milder: Milder::No, source: CODES, words: Words {
        cause: "sign-in-frequency", who: CustomerAdmin,
        headline: "Your sign-in frequency policy ended it",
        explanation: "A Conditional Access policy of your tenant asks people to sign in again after a set time. That time is over for the account that connected.",
        steps: &[RECONNECT, "To stop it from happening again, exclude this account or this app from the sign-in frequency policy."] } },
    Row { code: 50_076, milder: Milder::No, source: CODES, words: Words {
        cause: "mfa-required", who: SignedInPerson,
        headline: "Multi-factor authentication is now required",
        explanation: "Your tenant now asks for multi-factor authentication, and the sign-in behind this connection was made without it.",
        steps: &["Choose Reconnect and sign in with multi-factor authentication.", APP_ONLY] } },
    Row { code: 50_079, milder: Milder::No, source: CODES, words: Words {
        cause: "mfa-required", who: SignedInPerson,
        headline: "Multi-factor authentication must be set up",
        explanation: "Your tenant now asks for multi-factor authentication, and the account that connected has not set it up.",
        steps: &["Set up multi-factor authentication for the account.", RECONNECT] } },
    Row { code: 50_078, milder: Milder::No, source: "https://learn.microsoft.com/en-us/entra/identity/authentication/howto-mfa-mfasettings", words: Words {
        cause: "mfa-too-old", who: SignedInPerson,
        headline: "Multi-factor authentication must be repeated",
        explanation: "Your tenant remembers multi-factor authentication for a set number of days only. They are over for the account that connected.",
        steps: &["Choose Reconnect and sign in with multi-factor authentication.", "To stop it from happening again, raise the number of days in the tenant's multi-factor settings."] } },
    Row { code: 65_001, milder: Milder::No, source: CODES, words: Words {
        cause: "consent-withdrawn", who: CustomerAdmin,
        headline: "Consent was withdrawn",
        explanation: "The permission to read your directory was withdrawn in your Microsoft Entra tenant.",
        steps: &["Choose Reconnect and accept the permissions as an administrator."] } },
    Row { code: 50_105, milder: Milder::Suspend, source: CODES, words: Words {
        cause: "assignment-required", who: CustomerAdmin,
        headline: "The account is not assigned to the app",
        explanation: "Your tenant lets only assigned people use this app, and the account that connected is not assigned.",
        steps: &["In Entra, under Enterprise applications, assign the account to the app, or switch off \"Assignment required\"."] } },
    Row { code: 700_016, milder: Milder::Suspend, source: CODES, words: Words {
        cause: "app-missing", who: CustomerAdmin,
        headline: "The app was removed from your tenant",
        explanation: "The app is no longer among your tenant's enterprise applications.",
        steps: &["Choose Reconnect and accept the permissions as an administrator. That adds the app again."] } },
    Row { code: 7_000_112, milder: Milder::Suspend, source: CODES, words: Words {
        cause: "app-disabled", who: CustomerAdmin,
        headline: "The app is disabled in your tenant",
        explanation: "Sign-in to this app is switched off in your Microsoft Entra tenant.",
        steps: &["In Entra, under Enterprise applications, set \"Enabled for users to sign-in\" to Yes. The connection then comes back by itself."] } },
    Row { code: 53_003, milder: Milder::Suspend, source: CODES, words: Words {
        cause: "blocked-by-policy", who: CustomerAdmin,
        headline: "Blocked by Conditional Access",
        explanation: "A Conditional Access policy of your tenant blocks this connection.",
        steps: &["In Entra, open the policy whose id is shown here and exclude the account that connected, or this app. The connection then comes back by itself."] } },
    Row { code: 50_057, milder: Milder::Suspend, source: CODES, words: Words {
        cause: "account-disabled", who: CustomerAdmin,
        headline: "The account that connected is disabled",
        explanation: "The account whose sign-in backs this connection was disabled in your tenant.",
        steps: &["Enable the account again; the connection then comes back by itself.", "Or choose Reconnect and sign in with another administrator's account."] } },
    Row { code: 500_341, milder: Milder::No, source: CODES, words: Words {
        cause: "account-deleted", who: CustomerAdmin,
        headline: "The account that connected was deleted",
        explanation: "The account whose sign-in backs this connection was deleted from your tenant.",
        steps: &["Choose Reconnect and sign in with another administrator's account."] } },
    Row { code: 50_034, milder: Milder::No, source: CODES, words: Words {
        cause: "account-deleted", who: CustomerAdmin,
        headline: "The account that connected is gone",
        explanation: "The account whose sign-in backs this connection no longer exists in your tenant.",
        steps: &["Choose Reconnect and sign in with another administrator's account."] } },
    Row { code: 50_053, milder: Milder::Suspend, source: CODES, words: Words {
        cause: "account-locked", who: Nobody,
        headline: "The account is locked for now",
        explanation: "Microsoft locked the account that connected after failed sign-ins. It unlocks by itself.",
        steps: &[] } },
    Row { code: 90_002, milder: Milder::No, source: CODES, words: Words {
        cause: "tenant-gone", who: CustomerAdmin,
        headline: "The tenant was not found",
        explanation: "Microsoft does not know this tenant any more: it was deleted, or its subscription ended.",
        steps: &["Restore the tenant, or ask us to connect another one."] } },
    Row { code: 7_000_222, milder: Milder::Operator, source: CODES, words: Words {
        cause: "operator-secret-expired", who: Operator,
        headline: "A fault on our side",
        explanation: "Our own credential for Microsoft has expired. Your consent is fine.",
        steps: &[] } },
    Row { code: 7_000_215, milder: Milder::Operator, source: CODES, words: Words {
        cause: "operator-secret-wrong", who: Operator,
        headline: "A fault on our side",
        explanation: "Microsoft did not accept our own credential. Your consent is fine.",
        steps: &[] } },
    Row { code: 50_196, milder: Milder::Wait, source: "https://learn.microsoft.com/en-us/entra/msal/dotnet/advanced/exceptions/client-and-server-throttling", words: Words {
        cause: "too-many-requests", who: Nobody,
        headline: "Microsoft asks us to slow down",
        explanation: "We asked Microsoft too often within a short time. The connection is fine, and we try again later.",
        steps: &[] } },
    Row { code: 9_002_313, milder: Milder::Operator, source: CODES, words: OUR_REQUEST },
    Row { code: 50_033, milder: Milder::Wait, source: CODES, words: OUTAGE },
    Row { code: 50_087, milder: Milder::Wait, source: CODES, words: OUTAGE },
    Row { code: 90_006, milder: Milder::Wait, source: CODES, words: OUTAGE },
    Row { code: 90_012, milder: Milder::Wait, source: CODES, words: OUTAGE },
    Row { code: 90_024, milder: Milder::Wait, source: CODES, words: OUTAGE },
    Row { code: 90_033, milder: Milder::Wait, source: CODES, words: OUTAGE },
    Row { code: 90_055, milder: Milder::Wait, source: CODES, words: OUTAGE },
    Row { code: 90_090, milder: Milder::Wait, source: CODES, words: OUTAGE },
];

const GRAPH_DENIED: Words = Words {
    cause: "consent-withdrawn",
    who: CustomerAdmin,
    headline: "The permission was withdrawn",
    explanation: "Microsoft Graph no longer lets this app read your directory: an administrator took the permission away.",
    steps: &[
        "In Entra, open Enterprise applications, choose this app, open Permissions, and choose \"Grant admin consent\".",
        "The connection then comes back by itself. Or choose Reconnect and accept the permissions.",
    ],
};

const GRAPH_APP_MISSING: Words = Words {
    cause: "app-missing",
    who: CustomerAdmin,
    headline: "The app was removed from your tenant",
    explanation: "The app is no longer among the enterprise applications of your Microsoft Entra tenant.",
    steps: &["Choose Reconnect and accept the permissions as an administrator. That adds the app again."],
};

const GRAPH_APP_DISABLED: Words = Words {
    cause: "app-disabled",
    who: CustomerAdmin,
    headline: "The app is disabled in your tenant",
    explanation: "This app is switched off in your Microsoft Entra tenant.",
    steps: &[
        "In Entra, open Enterprise applications, choose this app, open Properties, and set \"Enabled for users to sign-in\" to Yes.",
        "The connection then comes back by itself.",
    ],
};

const GRAPH_TOKEN: Words = Words {
    cause: "access-token-refused",
    who: Nobody,
    headline: "Microsoft wants a fresh token",
    explanation: "Microsoft Graph did not accept a token that Microsoft had issued. The connection goes on with the next one.",
    steps: &[],
};

const OUTAGE: Words = Words {
    cause: "outage",
    who: Nobody,
    headline: "Microsoft has a passing problem",
    explanation: "Microsoft Entra could not answer. The connection is fine, and we try again later.",
    steps: &[],
};
