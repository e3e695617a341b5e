//! Passwords that are wrong, missing, expired or must be changed.

use super::{CODES, Milder, RECONNECT, Row, Words, row};
use crate::api::Actor::{CustomerAdmin, SignedInPerson};

const SELF_SERVICE_RESET: &str = "https://learn.microsoft.com/en-us/entra/identity/authentication/concept-sspr-howitworks";

/// Every number that Microsoft gives to a failed change of a password.
const CHANGE_FAILED_CODES: &[u32] = &[
    120_000, 120_001, 120_002, 120_003, 120_004, 120_005, 120_006, 120_007, 120_008, 120_009, 120_010, 120_011, 120_012, 120_013, 120_014,
    120_015, 120_016, 120_017, 120_018, 120_019, 120_020, 120_021,
];

pub(super) const ROWS: &[Row] = &[
    row(&[50055], Milder::No, &PASSWORD_EXPIRED, CODES),
    row(&[50144], Milder::No, &PASSWORD_EXPIRED_ON_PREMISES, CODES),
    row(&[50125], Milder::No, &RESET_NOT_SET_UP, SELF_SERVICE_RESET),
    row(&[50126, 50064], Milder::No, &PASSWORD_WRONG, CODES),
    row(&[50056], Milder::No, &PASSWORD_MISSING, CODES),
    row(&[50135], Milder::No, &PASSWORD_AT_RISK, CODES),
    row(&[50137, 50142], Milder::No, &PASSWORD_CHANGE_REQUIRED, CODES),
    row(CHANGE_FAILED_CODES, Milder::No, &PASSWORD_CHANGE_FAILED, CODES),
];

pub(super) const PASSWORD_EXPIRED: Words = Words {
    cause: "password-expired",
    who: SignedInPerson,
    headline: "The password has expired",
    explanation: "The password of the account that connected has expired.",
    steps: &[
        "Choose Reconnect, set a new password when Microsoft asks for it, and finish the sign-in.",
        "To stop it from happening again, connect with an account whose password does not expire.",
    ],
};

const PASSWORD_EXPIRED_ON_PREMISES: Words = Words {
    cause: "password-expired",
    who: SignedInPerson,
    headline: "The password has expired",
    explanation: "The password of the account that connected has expired in your own Active Directory.",
    steps: &["Change the password in your Active Directory, or with self-service password reset.", RECONNECT],
};

const RESET_NOT_SET_UP: Words = Words {
    cause: "password-reset-interrupts",
    who: SignedInPerson,
    headline: "Microsoft wants recovery details first",
    explanation: "The sign-in stopped because the account must set or confirm how its password can be recovered.",
    steps: &["Sign in at https://aka.ms/mysecurityinfo and complete what Microsoft asks for.", RECONNECT],
};

const PASSWORD_WRONG: Words = Words {
    cause: "password-wrong",
    who: SignedInPerson,
    headline: "The password was not accepted",
    explanation: "Microsoft did not accept the user name or the password.",
    steps: &["Choose Reconnect and enter the password again.", "If you do not remember it, reset it at https://aka.ms/sspr first."],
};

const PASSWORD_MISSING: Words = Words {
    cause: "password-missing",
    who: CustomerAdmin,
    headline: "The account has no usable password",
    explanation: "Microsoft holds no password, or no valid one, for the account that connected.",
    steps: &["In Entra, open Users, choose the account, and choose \"Reset password\".", RECONNECT],
};

const PASSWORD_AT_RISK: Words = Words {
    cause: "password-at-risk",
    who: SignedInPerson,
    headline: "The password must be changed: risk",
    explanation: "Microsoft suspects that the password of the account that connected is known to others, and asks for a new one.",
    steps: &[
        "Choose Reconnect, set a new password when Microsoft asks for it, and finish the sign-in.",
        "An administrator can see the reason in Entra under ID Protection, \"Risky users\".",
    ],
};

const PASSWORD_CHANGE_REQUIRED: Words = Words {
    cause: "password-change-required",
    who: SignedInPerson,
    headline: "A policy asks for a new password",
    explanation: "A policy of your tenant asks the account that connected to change its password.",
    steps: &["Choose Reconnect, set a new password when Microsoft asks for it, and finish the sign-in."],
};

const PASSWORD_CHANGE_FAILED: Words = Words {
    cause: "password-change-failed",
    who: SignedInPerson,
    headline: "The password change was not finished",
    explanation: "Microsoft asked for a new password during the sign-in, and the change did not succeed.",
    steps: &[
        "Change the password at https://aka.ms/sspr, or let an administrator reset it in Entra under Users.",
        "Then choose Reconnect and sign in with the new password.",
    ],
};
