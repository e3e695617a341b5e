//! Multi-factor authentication, and the pages that Microsoft shows in the middle of a sign-in.

use super::{CODES, EXEMPT, Milder, OUTAGE, RECONNECT, RECONNECT_MFA, Row, SIGN_IN_LOGS, Words, row};
use crate::api::Actor::{CustomerAdmin, Nobody, SignedInPerson};

const TAP: &str = "https://learn.microsoft.com/en-us/entra/identity/authentication/howto-authentication-temporary-access-pass";

pub(super) const ROWS: &[Row] = &[
    row(&[50076], Milder::No, &MFA_REQUIRED, CODES),
    row(&[50079, 50072], Milder::No, &MFA_NOT_SET_UP, CODES),
    row(&[50074, 500_121], Milder::No, &MFA_NOT_PASSED, CODES),
    row(&[50158], Milder::No, &EXTERNAL_CHALLENGE, CODES),
    row(&[50087], Milder::Wait, &OUTAGE, CODES),
    row(&[50086], Milder::No, &MFA_FAULTY, CODES),
    row(&[50088], Milder::Wait, &MFA_PHONE_LIMIT, CODES),
    row(&[53004], Milder::No, &MFA_SET_UP_BLOCKED_BY_RISK, CODES),
    row(&[53010], Milder::No, &MFA_SET_UP_BLOCKED_HERE, TAP),
    row(&[50140, 50199], Milder::No, &SIGN_IN_INTERRUPTED, CODES),
    row(&[50157, 50160], Milder::No, &SIGN_IN_ELSEWHERE, CODES),
];

const MFA_REQUIRED: Words = Words {
    cause: "mfa-required",
    who: SignedInPerson,
    headline: "Multi-factor authentication is now required",
    explanation: "Your tenant now asks for multi-factor authentication, and the sign-in behind this connection was made without it.",
    steps: &[RECONNECT_MFA, EXEMPT],
};

const MFA_NOT_SET_UP: Words = Words {
    cause: "mfa-not-set-up",
    who: SignedInPerson,
    headline: "Multi-factor authentication must be set up",
    explanation: "Your tenant now asks for multi-factor authentication, and the account that connected has not set it up.",
    steps: &["Sign in with the account at https://aka.ms/mfasetup and add a sign-in method.", RECONNECT],
};

const MFA_NOT_PASSED: Words = Words {
    cause: "mfa-not-passed",
    who: SignedInPerson,
    headline: "Multi-factor authentication was not completed",
    explanation: "Microsoft asked for a second factor and did not get it, or it was declined.",
    steps: &[
        "Choose Reconnect and confirm the request on your phone or security key.",
        "If no request arrives, check the account's methods at https://aka.ms/mysecurityinfo.",
    ],
};

const EXTERNAL_CHALLENGE: Words = Words {
    cause: "external-challenge",
    who: SignedInPerson,
    headline: "An extra step is missing",
    explanation: "Your tenant asks for one more step at sign-in, such as accepting terms of use or another vendor's second factor.",
    steps: &["Choose Reconnect and complete every step that is shown.", EXEMPT],
};

const MFA_FAULTY: Words = Words {
    cause: "mfa-faulty",
    who: CustomerAdmin,
    headline: "Multi-factor authentication fails",
    explanation: "Microsoft could not carry out multi-factor authentication for the account that connected, and trying again does not help.",
    steps: &["In Entra, open Users, choose the account, open \"Authentication methods\", and repair or replace them.", RECONNECT],
};

const MFA_PHONE_LIMIT: Words = Words {
    cause: "mfa-phone-limit",
    who: Nobody,
    headline: "Too many calls and messages for now",
    explanation: "Microsoft has sent as many phone calls and messages as it allows for now. This passes within minutes.",
    steps: &[],
};

const MFA_SET_UP_BLOCKED_BY_RISK: Words = Words {
    cause: "mfa-set-up-blocked",
    who: CustomerAdmin,
    headline: "Risk blocks setting up multi-factor authentication",
    explanation: "The account that connected must set up multi-factor authentication, and Microsoft does not allow it because the sign-in \
                  looks risky.",
    steps: &["In Entra, open ID Protection, choose \"Risky users\", and review and dismiss the risk.", RECONNECT],
};

const MFA_SET_UP_BLOCKED_HERE: Words = Words {
    cause: "mfa-set-up-blocked",
    who: CustomerAdmin,
    headline: "Multi-factor set-up is not allowed here",
    explanation: "A policy of your tenant lets people set up multi-factor authentication only at certain places or devices.",
    steps: &[
        "Set it up at a place or on a device that the policy allows, or give the account a Temporary Access Pass in Entra.",
        RECONNECT,
    ],
};

const SIGN_IN_INTERRUPTED: Words = Words {
    cause: "sign-in-interrupted",
    who: SignedInPerson,
    headline: "The sign-in was not finished",
    explanation: "Microsoft showed a question during the sign-in, such as \"Stay signed in?\", and it was not answered.",
    steps: &["Choose Reconnect and answer every question until you are back here."],
};

const SIGN_IN_ELSEWHERE: Words = Words {
    cause: "sign-in-redirected",
    who: SignedInPerson,
    headline: "Microsoft sends the sign-in elsewhere",
    explanation: "The account signs in somewhere else, and the sign-in was not continued there.",
    steps: &["Choose Reconnect and follow every page until you are back here.", SIGN_IN_LOGS],
};
