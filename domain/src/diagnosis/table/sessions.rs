//! Sign-ins that ended: revoked, expired, too old.

use super::{CODES, EXEMPT, Milder, RECONNECT, RECONNECT_MFA, Row, TOKENS, WORK_ACCOUNT, Words, row};
use crate::api::Actor::{CustomerAdmin, Nobody, Operator, SignedInPerson};

const MFA_SETTINGS: &str = "https://learn.microsoft.com/en-us/entra/identity/authentication/howto-mfa-mfasettings";
const SESSION_LIFETIME: &str = "https://learn.microsoft.com/en-us/entra/identity/conditional-access/concept-session-lifetime";
const THROTTLING: &str = "https://learn.microsoft.com/en-us/entra/msal/dotnet/advanced/exceptions/client-and-server-throttling";

pub(super) const ROWS: &[Row] = &[
    row(&[50173], Milder::No, &SESSIONS_REVOKED, TOKENS),
    row(&[70000], Milder::No, &SIGN_IN_INVALID, CODES),
    row(&[70008, 50089], Milder::No, &SIGN_IN_EXPIRED, CODES),
    row(&[700_081], Milder::No, &SIGN_IN_TOO_OLD, TOKENS),
    row(&[700_082], Milder::No, &UNUSED_TOO_LONG, TOKENS),
    row(&[700_084], Milder::No, &LASTS_ONE_DAY, TOKENS),
    row(&[70043, 70044], Milder::No, &SIGN_IN_FREQUENCY, SESSION_LIFETIME),
    row(&[50078], Milder::No, &MFA_TOO_OLD, MFA_SETTINGS),
    row(&[50132, 50133], Milder::No, &PASSWORD_CHANGED, CODES),
    row(&[50085, 50139], Milder::No, &PERSONAL_ACCOUNT, CODES),
    row(&[50058], Milder::No, &NOT_SIGNED_IN, CODES),
    row(&[70019], Milder::No, &SIGN_IN_TOO_SLOW, CODES),
    row(&[81010], Milder::No, &KERBEROS_EXPIRED, CODES),
    row(&[54005], Milder::Operator, &CODE_USED_TWICE, CODES),
    row(&[50196], Milder::Wait, &TOO_MANY_REQUESTS, THROTTLING),
];

const SESSIONS_REVOKED: Words = Words {
    cause: "sessions-revoked",
    who: SignedInPerson,
    headline: "Password reset or sessions revoked",
    explanation: "The password of the account that connected was reset, or its sessions were revoked. Microsoft ends all earlier sign-ins \
                  then, and with them this connection.",
    steps: &[RECONNECT, "If nobody did this on purpose, open Audit logs in Entra and look for changes to the account."],
};

pub(super) const SIGN_IN_INVALID: Words = Words {
    cause: "sign-in-invalid",
    who: SignedInPerson,
    headline: "The sign-in is no longer valid",
    explanation: "Microsoft no longer accepts the sign-in behind this connection.",
    steps: &[RECONNECT],
};

const SIGN_IN_EXPIRED: Words = Words {
    cause: "sign-in-expired",
    who: SignedInPerson,
    headline: "The sign-in expired",
    explanation: "The sign-in behind this connection expired or was revoked.",
    steps: &[RECONNECT],
};

const SIGN_IN_TOO_OLD: Words = Words {
    cause: "sign-in-too-old",
    who: SignedInPerson,
    headline: "The sign-in reached its greatest age",
    explanation: "The sign-in behind this connection is older than Microsoft or your tenant allows.",
    steps: &[RECONNECT],
};

const UNUSED_TOO_LONG: Words = Words {
    cause: "unused-too-long",
    who: SignedInPerson,
    headline: "Unused for 90 days",
    explanation: "The connection was not used for so long that Microsoft let it expire.",
    steps: &[RECONNECT],
};

/// The fault is the operator's, but the token is dead all the same, so the person must sign in once more.
const LASTS_ONE_DAY: Words = Words {
    cause: "sign-in-lasts-one-day",
    who: SignedInPerson,
    headline: "The sign-in was made for one day",
    explanation: "A setting on our side let this sign-in last a single day. You did nothing wrong.",
    steps: &[RECONNECT, "If it ends again after a day, tell us: then our setting is still wrong."],
};

pub(super) const SIGN_IN_FREQUENCY: Words = Words {
    cause: "sign-in-frequency",
    who: CustomerAdmin,
    headline: "Your sign-in frequency policy ended it",
    explanation: "A Conditional Access policy of your tenant asks people to sign in again after a set time. That time is over for the \
                  account that connected.",
    steps: &[
        RECONNECT,
        "To stop it from happening again, open Conditional Access in Entra, and exclude this account or this app from the policy that \
         sets the sign-in frequency.",
    ],
};

const MFA_TOO_OLD: Words = Words {
    cause: "mfa-too-old",
    who: SignedInPerson,
    headline: "Multi-factor authentication must be repeated",
    explanation: "Your tenant remembers multi-factor authentication for a set number of days only. They are over for the account that \
                  connected.",
    steps: &[RECONNECT_MFA, "To stop it from happening again, raise the number of days in the tenant's multi-factor settings.", EXEMPT],
};

const PASSWORD_CHANGED: Words = Words {
    cause: "password-changed",
    who: SignedInPerson,
    headline: "The password expired or was changed",
    explanation: "The password of the account that connected expired or was changed, and Microsoft asks for a new sign-in.",
    steps: &[RECONNECT],
};

const PERSONAL_ACCOUNT: Words = Words {
    cause: "personal-account",
    who: SignedInPerson,
    headline: "The account belongs to another provider",
    explanation: "The account that signed in is kept by another provider, such as Google or a personal Microsoft account, and that \
                  sign-in is over.",
    steps: &[WORK_ACCOUNT],
};

pub(super) const NOT_SIGNED_IN: Words = Words {
    cause: "not-signed-in",
    who: SignedInPerson,
    headline: "Nobody is signed in",
    explanation: "Microsoft found no open session of the account in this browser.",
    steps: &[RECONNECT],
};

const SIGN_IN_TOO_SLOW: Words = Words {
    cause: "sign-in-too-slow",
    who: SignedInPerson,
    headline: "The sign-in took too long",
    explanation: "The time that Microsoft gives for this sign-in was over before it was finished.",
    steps: &["Choose Reconnect and finish the sign-in without a long break."],
};

const KERBEROS_EXPIRED: Words = Words {
    cause: "desktop-session-expired",
    who: SignedInPerson,
    headline: "The desktop session is over",
    explanation: "Microsoft tried to sign in with the Windows session of the computer, and that session has expired.",
    steps: &["Lock and unlock the computer, so that Windows signs in again.", RECONNECT],
};

const CODE_USED_TWICE: Words = Words {
    cause: "operator-code-used-twice",
    who: Operator,
    headline: "An authorization code was redeemed twice",
    explanation: "The callback of a sign-in was carried out a second time. The first time already gave the tokens.",
    steps: &["Check that the consent callback is not called twice, for instance by a proxy that repeats requests."],
};

const TOO_MANY_REQUESTS: Words = Words {
    cause: "too-many-requests",
    who: Nobody,
    headline: "Microsoft asks us to slow down",
    explanation: "We asked Microsoft too often within a short time. The connection is fine, and we try again later.",
    steps: &[],
};
