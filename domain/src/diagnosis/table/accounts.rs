//! The state of the account that connected.

use super::{CODES, COMES_BACK, Milder, OR_OTHER_ACCOUNT, OTHER_ACCOUNT, RECONNECT, Row, SIGN_IN_LOGS, Words, row};
use crate::api::Actor::{CustomerAdmin, Nobody, SignedInPerson};

const RESTORE: &str = "https://learn.microsoft.com/en-us/entra/fundamentals/users-restore";
const LOCKOUT: &str = "https://learn.microsoft.com/en-us/entra/identity/authentication/howto-password-smart-lockout";
const GUESTS: &str = "https://learn.microsoft.com/en-us/entra/external-id/redemption-experience";

pub(super) const ROWS: &[Row] = &[
    row(&[50057], Milder::Suspend, &ACCOUNT_DISABLED, CODES),
    row(&[500_571], Milder::Suspend, &GUEST_DISABLED, CODES),
    row(&[50034], Milder::No, &ACCOUNT_GONE, CODES),
    row(&[500_341], Milder::No, &ACCOUNT_DELETED, RESTORE),
    row(&[51004, 16003], Milder::No, &ACCOUNT_NOT_IN_TENANT, CODES),
    row(&[50053], Milder::Suspend, &ACCOUNT_LOCKED, LOCKOUT),
    row(&[53011], Milder::Suspend, &ACCOUNT_AT_RISK_AT_HOME, CODES),
    row(&[530_034], Milder::Suspend, &PARTNER_BLOCKED, CODES),
    row(&[50014], Milder::Suspend, &GUEST_PENDING, GUESTS),
    row(&[54000, 50015], Milder::No, &ACCOUNT_OF_A_MINOR, CODES),
    row(&[50197], Milder::No, &ACCOUNT_AMBIGUOUS, CODES),
];

const ACCOUNT_DISABLED: Words = Words {
    cause: "account-disabled",
    who: CustomerAdmin,
    headline: "The account that connected is disabled",
    explanation: "The account whose sign-in backs this connection was disabled in your tenant.",
    steps: &["In Entra, open Users, choose the account, and enable it.", COMES_BACK, OR_OTHER_ACCOUNT],
};

const GUEST_DISABLED: Words = Words {
    cause: "account-disabled",
    who: CustomerAdmin,
    headline: "The guest account that connected is disabled",
    explanation: "The guest account whose sign-in backs this connection was disabled in your tenant.",
    steps: &["In Entra, open Users, choose the guest, and enable it.", COMES_BACK, OR_OTHER_ACCOUNT],
};

const ACCOUNT_GONE: Words = Words {
    cause: "account-deleted",
    who: CustomerAdmin,
    headline: "The account that connected is gone",
    explanation: "The account whose sign-in backs this connection no longer exists in your tenant.",
    steps: &[OTHER_ACCOUNT],
};

const ACCOUNT_DELETED: Words = Words {
    cause: "account-deleted",
    who: CustomerAdmin,
    headline: "The account that connected was deleted",
    explanation: "The account whose sign-in backs this connection was deleted from your tenant. Signing in as it can never work.",
    steps: &[
        OTHER_ACCOUNT,
        "If the account was deleted by mistake, restore it in Entra under Users, \"Deleted users\", and then choose Reconnect.",
    ],
};

const ACCOUNT_NOT_IN_TENANT: Words = Words {
    cause: "account-not-in-tenant",
    who: CustomerAdmin,
    headline: "The account is not in your tenant",
    explanation: "The account that signed in is not known in this Microsoft Entra tenant.",
    steps: &[
        "Choose Reconnect and sign in with an administrator's account of this tenant.",
        "Or invite the account as a guest in Entra under Users.",
    ],
};

const ACCOUNT_LOCKED: Words = Words {
    cause: "account-locked",
    who: Nobody,
    headline: "The account is locked for now",
    explanation: "Microsoft locked the account that connected after failed sign-ins, or blocks the address they came from. It passes by itself.",
    steps: &[],
};

const ACCOUNT_AT_RISK_AT_HOME: Words = Words {
    cause: "account-at-risk",
    who: CustomerAdmin,
    headline: "The account's home tenant sees a risk",
    explanation: "The account that connected belongs to another tenant, and that tenant's protection says that the account is at risk.",
    steps: &["Ask an administrator of the account's home tenant to clear the risk under ID Protection.", COMES_BACK, OR_OTHER_ACCOUNT],
};

const PARTNER_BLOCKED: Words = Words {
    cause: "account-at-risk",
    who: CustomerAdmin,
    headline: "The partner's account is blocked",
    explanation: "The account belongs to a partner who manages your tenant, and Microsoft blocks it after suspicious activity.",
    steps: &["Ask the partner to clear the account's risk.", COMES_BACK, OR_OTHER_ACCOUNT],
};

const GUEST_PENDING: Words = Words {
    cause: "account-pending",
    who: CustomerAdmin,
    headline: "The guest has not accepted the invitation",
    explanation: "The account that signed in was invited as a guest, and the invitation is not accepted yet.",
    steps: &["Let the guest accept the invitation. In Entra, open Users and choose the guest to send it again.", COMES_BACK],
};

const ACCOUNT_OF_A_MINOR: Words = Words {
    cause: "account-of-a-minor",
    who: CustomerAdmin,
    headline: "The account's age does not allow it",
    explanation: "Microsoft keeps the account as one of a minor, or lacks the consent that its age group needs.",
    steps: &[OTHER_ACCOUNT, "If the age group is wrong, correct it in Entra under Users, in the account's properties."],
};

const ACCOUNT_AMBIGUOUS: Words = Words {
    cause: "account-ambiguous",
    who: SignedInPerson,
    headline: "Microsoft could not find the account",
    explanation: "More than one account answers to the same name, and Microsoft could not tell which one was meant.",
    steps: &[RECONNECT, SIGN_IN_LOGS],
};
