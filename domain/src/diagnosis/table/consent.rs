//! Consent, and the app's state in the customer's tenant.

use super::{ADMIN_CONSENT, APP_BACK, CODES, COMES_BACK, ENABLE_APP, Milder, RECONNECT, Row, TELL_US, Words, row};
use crate::api::Actor::{CustomerAdmin, Operator, SignedInPerson};

const WORKFLOW: &str = "https://learn.microsoft.com/en-us/entra/identity/enterprise-apps/review-admin-consent-requests";
const ASSIGNMENT: &str = "https://learn.microsoft.com/en-us/entra/identity/enterprise-apps/assign-user-or-group-access-portal";
const REVOKED: &str = "https://learn.microsoft.com/en-us/entra/workload-id/troubleshoot-revoked-credentials";
const DISABLE: &str = "https://learn.microsoft.com/en-us/entra/identity/enterprise-apps/disable-user-sign-in-portal";
const GRAPH_ERRORS: &str = "https://learn.microsoft.com/en-us/graph/resolve-auth-errors";

pub(super) const ROWS: &[Row] = &[
    row(&[65001], Milder::No, &CONSENT_WITHDRAWN, CODES),
    row(&[65004], Milder::No, &CONSENT_DECLINED, CODES),
    row(&[90008, 650_056], Milder::No, &CONSENT_MISSING, CODES),
    row(&[90094], Milder::No, &ADMIN_REQUIRED, CODES),
    row(&[90095], Milder::No, &APPROVAL_PENDING, WORKFLOW),
    row(&[90099], Milder::No, &PARTNER_CONSENT_MISSING, CODES),
    row(&[50150], Milder::No, &CONSENT_UNCLEAR, CODES),
    row(&[9_002_341], Milder::No, &SINGLE_SIGN_ON_DECLINED, CODES),
    row(&[50105], Milder::Suspend, &ASSIGNMENT_REQUIRED, ASSIGNMENT),
    row(&[700_016, 700_011], Milder::Suspend, &APP_MISSING, CODES),
    row(&[7_000_112, 70001], Milder::Suspend, &APP_DISABLED, DISABLE),
    row(&[1_000_031], Milder::Suspend, &APP_OUT_OF_REACH, CODES),
    row(&[500_011, 650_052], Milder::Suspend, &GRAPH_MISSING, GRAPH_ERRORS),
    row(&[500_014], Milder::Suspend, &GRAPH_DISABLED, CODES),
    row(&[65005, 650_054, 650_057, 50001], Milder::Operator, &PERMISSIONS_WRONG, CODES),
    row(&[650_059], Milder::Operator, &SINGLE_TENANT, CODES),
    row(&[50013, 500_133], Milder::Operator, &ASSERTION_OF_A_PERSON, CODES),
    row(&[7_000_114], Milder::Operator, &ON_BEHALF_OF, CODES),
    row(&[7_005_006], Milder::Operator, &TOKENS_BLOCKED, REVOKED),
];

pub(super) const CONSENT_WITHDRAWN: Words = Words {
    cause: "consent-withdrawn",
    who: CustomerAdmin,
    headline: "Consent was withdrawn",
    explanation: "The permission to read your directory was withdrawn in your Microsoft Entra tenant.",
    steps: &[ADMIN_CONSENT],
};

pub(super) const CONSENT_DECLINED: Words = Words {
    cause: "consent-declined",
    who: CustomerAdmin,
    headline: "Consent was declined",
    explanation: "Microsoft asked for the permission to read your directory, and somebody declined it.",
    steps: &["Choose Reconnect and choose Accept when Microsoft shows the permissions."],
};

const CONSENT_MISSING: Words = Words {
    cause: "consent-missing",
    who: CustomerAdmin,
    headline: "Consent is missing",
    explanation: "The app does not have the permissions that it needs in your Microsoft Entra tenant.",
    steps: &[ADMIN_CONSENT, TELL_US],
};

const ADMIN_REQUIRED: Words = Words {
    cause: "administrator-required",
    who: CustomerAdmin,
    headline: "Only an administrator can consent",
    explanation: "Your tenant lets only administrators accept these permissions, and the person who signed in is none.",
    steps: &["Let a Privileged Role Administrator or Global Administrator choose Reconnect and accept the permissions."],
};

const APPROVAL_PENDING: Words = Words {
    cause: "approval-pending",
    who: CustomerAdmin,
    headline: "A request waits for your approval",
    explanation: "Your tenant lets people ask for an app, and the request for this one waits for an administrator.",
    steps: &["In Entra, open Enterprise applications, open \"Admin consent requests\", and approve this app.", RECONNECT],
};

const PARTNER_CONSENT_MISSING: Words = Words {
    cause: "consent-missing",
    who: CustomerAdmin,
    headline: "A partner's consent does not count here",
    explanation: "The account belongs to a partner who manages your tenant, and the app has no permission in your tenant itself.",
    steps: &["Let an administrator of your own tenant choose Reconnect and accept the permissions."],
};

const CONSENT_UNCLEAR: Words = Words {
    cause: "consent-missing",
    who: SignedInPerson,
    headline: "The consent was not recorded",
    explanation: "Microsoft has no valid record that the person who connected accepted the permissions.",
    steps: &["Choose Reconnect and accept the permissions again."],
};

const SINGLE_SIGN_ON_DECLINED: Words = Words {
    cause: "single-sign-on-declined",
    who: SignedInPerson,
    headline: "Microsoft asks whether it may sign in",
    explanation: "Microsoft wants the person's permission to use the account of the device for this sign-in.",
    steps: &["Choose Reconnect and choose Continue when Microsoft asks."],
};

const ASSIGNMENT_REQUIRED: Words = Words {
    cause: "assignment-required",
    who: CustomerAdmin,
    headline: "The account is not assigned to the app",
    explanation: "Your tenant lets only assigned people use this app, and the account that connected is not assigned.",
    steps: &[
        "In Entra, open Enterprise applications, choose this app, open \"Users and groups\", and add the account.",
        "Or open Properties there, and set \"Assignment required?\" to No.",
        COMES_BACK,
    ],
};

pub(super) const APP_MISSING: Words = Words {
    cause: "app-missing",
    who: CustomerAdmin,
    headline: "The app was removed from your tenant",
    explanation: "The app is no longer among the enterprise applications of your Microsoft Entra tenant.",
    steps: &[APP_BACK],
};

pub(super) const APP_DISABLED: Words = Words {
    cause: "app-disabled",
    who: CustomerAdmin,
    headline: "The app is disabled in your tenant",
    explanation: "Sign-in to this app is switched off in your Microsoft Entra tenant.",
    steps: &[ENABLE_APP, COMES_BACK],
};

const APP_OUT_OF_REACH: Words = Words {
    cause: "app-disabled",
    who: CustomerAdmin,
    headline: "The app cannot be used now",
    explanation: "Microsoft does not let this app be used in your Microsoft Entra tenant at present.",
    steps: &[ENABLE_APP, COMES_BACK, TELL_US],
};

pub(super) const GRAPH_MISSING: Words = Words {
    cause: "service-missing",
    who: CustomerAdmin,
    headline: "A Microsoft service is missing",
    explanation: "Your tenant does not have the Microsoft service that this app reads, or no subscription to it.",
    steps: &["Check in the Microsoft 365 admin center, under Billing, that your subscription is active.", COMES_BACK, TELL_US],
};

const GRAPH_DISABLED: Words = Words {
    cause: "service-disabled",
    who: CustomerAdmin,
    headline: "A Microsoft service is switched off",
    explanation: "The Microsoft service that this app reads is disabled in your tenant, or its subscription has lapsed.",
    steps: &[
        "In Entra, open Enterprise applications, show all applications, choose the service, and set \"Enabled for users to sign-in\" to Yes.",
        "Check in the Microsoft 365 admin center, under Billing, that your subscription is active.",
        COMES_BACK,
    ],
};

const PERMISSIONS_WRONG: Words = Words {
    cause: "operator-permissions-wrong",
    who: Operator,
    headline: "The app registration lacks a permission",
    explanation: "The scope that we ask for does not fit the permissions of the app registration, or names a service that does not exist.",
    steps: &["In Entra, open App registrations, choose the app, open \"API permissions\", and add User.Read.All of Microsoft Graph."],
};

const SINGLE_TENANT: Words = Words {
    cause: "operator-app-single-tenant",
    who: Operator,
    headline: "The app is for one tenant only",
    explanation: "The app registration allows accounts of its own tenant only, so no customer can use it.",
    steps: &["In Entra, open App registrations, choose the app, open Authentication, and allow accounts of any organizational directory."],
};

const ASSERTION_OF_A_PERSON: Words = Words {
    cause: "operator-assertion-invalid",
    who: Operator,
    headline: "A token that we present is invalid",
    explanation: "An assertion that we present to Microsoft is not valid, or outside the time in which it is.",
    steps: &["Check the clock of the machines that sign assertions.", "Check which service the presented token was issued for."],
};

const ON_BEHALF_OF: Words = Words {
    cause: "operator-request-malformed",
    who: Operator,
    headline: "The app may not act for people",
    explanation: "The on-behalf-of flow was used, which the app registration does not allow.",
    steps: &["Use the refresh token or the app's own token instead: Evergrant never needs the on-behalf-of flow."],
};

const TOKENS_BLOCKED: Words = Words {
    cause: "operator-tokens-blocked",
    who: Operator,
    headline: "Microsoft issues no tokens to the app",
    explanation: "The issuance of tokens is blocked for the app registration, usually after its credentials were found to be stolen.",
    steps: &["Look for revocations of the app in Entra, replace every credential of it, and ask Microsoft's support to lift the block."],
};
