//! Conditional Access, risk, devices and cross-tenant rules: the customer's own policies block. All of them pass when the policy does.

use super::{CODES, COMES_BACK, EXCLUDE, Milder, OR_OTHER_ACCOUNT, Row, SIGN_IN_LOGS, Words, row};
use crate::api::Actor::CustomerAdmin;

const CONDITIONAL_ACCESS: &str = "https://learn.microsoft.com/en-us/entra/identity/conditional-access/troubleshoot-conditional-access";
const DEFAULTS: &str = "https://learn.microsoft.com/en-us/entra/fundamentals/security-defaults";
const CROSS_TENANT: &str = "https://learn.microsoft.com/en-us/entra/external-id/cross-tenant-access-overview";
const RESTRICTIONS: &str = "https://learn.microsoft.com/en-us/entra/external-id/tenant-restrictions-v2";
const DEVICES: &str = "https://learn.microsoft.com/en-us/entra/identity/devices/manage-device-identities";

pub(super) const ROWS: &[Row] = &[
    row(&[53003], Milder::Suspend, &BLOCKED_BY_POLICY, CONDITIONAL_ACCESS),
    row(&[530_032], Milder::Suspend, &BLOCKED_BY_SECURITY_POLICY, CODES),
    row(&[530_035], Milder::Suspend, &BLOCKED_BY_DEFAULTS, DEFAULTS),
    row(&[50131], Milder::Suspend, &BLOCKED_BY_CIRCUMSTANCES, CODES),
    row(&[50005], Milder::Suspend, &PLATFORM_UNSUPPORTED, CODES),
    row(&[50097, 50155, 50187, 50129], Milder::Suspend, &DEVICE_REQUIRED, CONDITIONAL_ACCESS),
    row(&[53000], Milder::Suspend, &DEVICE_NOT_COMPLIANT, CONDITIONAL_ACCESS),
    row(&[53001], Milder::Suspend, &DEVICE_NOT_JOINED, CONDITIONAL_ACCESS),
    row(&[530_003], Milder::Suspend, &DEVICE_NOT_MANAGED, CONDITIONAL_ACCESS),
    row(&[53002, 50127], Milder::Suspend, &APPROVED_APP_REQUIRED, CONDITIONAL_ACCESS),
    row(&[135_011, 130_007], Milder::Suspend, &DEVICE_DISABLED, DEVICES),
    row(&[700_003], Milder::Suspend, &DEVICE_GONE, DEVICES),
    row(&[500_212, 500_213], Milder::Suspend, &CROSS_TENANT_BLOCKED, CROSS_TENANT),
    row(&[500_021, 500_022, 50002], Milder::Suspend, &TENANT_RESTRICTED, RESTRICTIONS),
];

const BLOCKED_BY_POLICY: Words = Words {
    cause: "blocked-by-policy",
    who: CustomerAdmin,
    headline: "Blocked by Conditional Access",
    explanation: "A Conditional Access policy of your tenant blocks this connection.",
    steps: &[
        "In Entra, open Conditional Access and find the policy: by its id where one is shown here, or in the sign-in log.",
        "Exclude the account that connected, or this app, from that policy.",
        COMES_BACK,
    ],
};

/// Where Entra says by its words only that a policy blocks.
pub(super) const BLOCKED_BY_SOME_POLICY: Words = Words {
    headline: "A policy blocks this connection",
    explanation: "A policy in your Microsoft Entra tenant blocks the sign-in that backs this connection.",
    steps: &[SIGN_IN_LOGS, EXCLUDE, COMES_BACK],
    ..BLOCKED_BY_POLICY
};

const BLOCKED_BY_SECURITY_POLICY: Words = Words {
    headline: "Blocked by a security policy",
    explanation: "A security policy of your tenant blocks this connection.",
    ..BLOCKED_BY_SOME_POLICY
};

const BLOCKED_BY_DEFAULTS: Words = Words {
    cause: "blocked-by-security-defaults",
    who: CustomerAdmin,
    headline: "Blocked by security defaults",
    explanation: "Your tenant uses Microsoft's security defaults, and they block the sign-in that backs this connection.",
    steps: &[
        "Set up multi-factor authentication for the account at https://aka.ms/mfasetup, and choose Reconnect.",
        "Or replace security defaults by Conditional Access policies in Entra, under Overview, Properties.",
    ],
};

const BLOCKED_BY_CIRCUMSTANCES: Words = Words {
    cause: "blocked-by-policy",
    who: CustomerAdmin,
    headline: "A policy does not trust this sign-in",
    explanation: "A policy of your tenant blocks the connection because of the device, the place or suspicious activity.",
    steps: &[SIGN_IN_LOGS, EXCLUDE, COMES_BACK],
};

const PLATFORM_UNSUPPORTED: Words = Words {
    cause: "device-required",
    who: CustomerAdmin,
    headline: "A policy does not allow this platform",
    explanation: "A Conditional Access policy of your tenant allows only certain platforms, and this connection runs on a server.",
    steps: &[EXCLUDE, COMES_BACK],
};

pub(super) const DEVICE_REQUIRED: Words = Words {
    cause: "device-required",
    who: CustomerAdmin,
    headline: "A policy asks for a known device",
    explanation: "A Conditional Access policy of your tenant asks for a registered device. This connection runs on a server, and can never \
                  show one.",
    steps: &[EXCLUDE, COMES_BACK],
};

const DEVICE_NOT_COMPLIANT: Words = Words {
    headline: "A policy asks for a compliant device",
    explanation: "A Conditional Access policy of your tenant asks for a device that Intune calls compliant. This connection runs on a server, \
                  and can never show one.",
    ..DEVICE_REQUIRED
};

const DEVICE_NOT_JOINED: Words = Words {
    headline: "A policy asks for a joined device",
    explanation: "A Conditional Access policy of your tenant asks for a device that is joined to your domain. This connection runs on a \
                  server, and can never show one.",
    ..DEVICE_REQUIRED
};

const DEVICE_NOT_MANAGED: Words = Words {
    headline: "A policy asks for a managed device",
    explanation: "A Conditional Access policy of your tenant asks for a managed device. This connection runs on a server, and can never \
                  show one.",
    ..DEVICE_REQUIRED
};

pub(super) const APPROVED_APP_REQUIRED: Words = Words {
    cause: "approved-app-required",
    who: CustomerAdmin,
    headline: "A policy allows only approved apps",
    explanation: "A policy of your tenant lets only approved or protected apps sign in, and this one is not among them.",
    steps: &[EXCLUDE, COMES_BACK],
};

const DEVICE_DISABLED: Words = Words {
    cause: "device-disabled",
    who: CustomerAdmin,
    headline: "The device was disabled",
    explanation: "The device on which the sign-in behind this connection was made was disabled in your tenant.",
    steps: &["In Entra, open Devices, choose the device, and enable it.", COMES_BACK],
};

const DEVICE_GONE: Words = Words {
    cause: "device-gone",
    who: CustomerAdmin,
    headline: "The device is no longer registered",
    explanation: "The device on which the sign-in behind this connection was made is no longer registered in your tenant.",
    steps: &["Choose Reconnect and sign in on a device that is registered, or on none that your tenant knows."],
};

const CROSS_TENANT_BLOCKED: Words = Words {
    cause: "cross-tenant-blocked",
    who: CustomerAdmin,
    headline: "A cross-tenant rule blocks the account",
    explanation: "The account that connected belongs to another tenant, and the cross-tenant access settings do not let it in.",
    steps: &[
        "In Entra, open External Identities, \"Cross-tenant access settings\", and allow the account's home tenant and this app.",
        COMES_BACK,
        OR_OTHER_ACCOUNT,
    ],
};

const TENANT_RESTRICTED: Words = Words {
    cause: "tenant-restricted",
    who: CustomerAdmin,
    headline: "Tenant restrictions block the sign-in",
    explanation: "Your network or your tenant allows sign-in to certain tenants only, and this one is not among them.",
    steps: &["Allow this tenant in your tenant restrictions, or in the proxy that sets them.", COMES_BACK],
};
