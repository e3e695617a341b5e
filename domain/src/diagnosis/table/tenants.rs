//! Tenants that are gone, and sign-ins that went to the wrong tenant, cloud or account.

use super::{CODES, COMES_BACK, Milder, OR_OTHER_ACCOUNT, OUTAGE, Row, WORK_ACCOUNT, Words, row};
use crate::api::Actor::{CustomerAdmin, Operator, SignedInPerson};

const CLOUDS: &str = "https://learn.microsoft.com/en-us/entra/identity-platform/authentication-national-cloud";

pub(super) const ROWS: &[Row] = &[
    row(&[90002], Milder::No, &TENANT_GONE, CODES),
    row(&[5_000_224], Milder::Suspend, &TENANT_BLOCKED, CODES),
    row(&[90055], Milder::Wait, &OUTAGE, CODES),
    row(&[90038, 90043, 90051, 900_432, 900_382], Milder::Operator, &WRONG_CLOUD, CLOUDS),
    row(&[50020, 16000, 16001], Milder::No, &WRONG_ACCOUNT, CODES),
    row(&[500_207, 500_208, 9_002_332], Milder::No, &WRONG_KIND_OF_ACCOUNT, CODES),
    row(&[50059, 50128, 90019], Milder::Operator, &TENANT_NOT_NAMED, CODES),
    row(&[50194], Milder::Operator, &SINGLE_TENANT_ON_COMMON, CODES),
    row(&[9_001_023, 90130, 90124], Milder::Operator, &COMMON_NOT_SUPPORTED, CODES),
    row(&[700_005], Milder::Operator, &CODE_OF_ANOTHER_TENANT, CODES),
    row(&[90072], Milder::Suspend, &ACCOUNT_NOT_MATCHED, CODES),
];

pub(super) const TENANT_GONE: Words = Words {
    cause: "tenant-gone",
    who: CustomerAdmin,
    headline: "The tenant was not found",
    explanation: "Microsoft does not know this tenant any more: it was deleted, or its subscription ended.",
    steps: &["Restore the tenant, or ask us to connect another one."],
};

const TENANT_BLOCKED: Words = Words {
    cause: "tenant-blocked",
    who: CustomerAdmin,
    headline: "Microsoft has blocked the tenant",
    explanation: "Microsoft has blocked this tenant because it suspects fraud.",
    steps: &["Ask Microsoft's support to lift the block, and give them the ids below.", COMES_BACK],
};

const WRONG_CLOUD: Words = Words {
    cause: "operator-wrong-cloud",
    who: Operator,
    headline: "The tenant is in another Microsoft cloud",
    explanation: "The tenant belongs to another Microsoft cloud than the one that the deployment asks.",
    steps: &["Register the app in that cloud, and connect this customer through a deployment whose cloud setting is that one."],
};

const WRONG_ACCOUNT: Words = Words {
    cause: "wrong-account",
    who: SignedInPerson,
    headline: "The wrong account signed in",
    explanation: "The account that signed in belongs to another tenant, and cannot be used for this one.",
    steps: &["Choose Reconnect, choose \"Use another account\", and sign in with an administrator's account of this tenant."],
};

const WRONG_KIND_OF_ACCOUNT: Words = Words {
    cause: "wrong-account",
    who: SignedInPerson,
    headline: "This kind of account cannot connect",
    explanation: "The account that signed in is a personal one, or its domain is not one of this tenant.",
    steps: &[WORK_ACCOUNT],
};

const TENANT_NOT_NAMED: Words = Words {
    cause: "operator-tenant-not-named",
    who: Operator,
    headline: "Our request names no tenant",
    explanation: "Neither the address of the request nor the account tells Microsoft which tenant is meant.",
    steps: &["Check the tenant's GUID that is stored with the connection."],
};

const SINGLE_TENANT_ON_COMMON: Words = Words {
    cause: "operator-app-single-tenant",
    who: Operator,
    headline: "The app is for one tenant only",
    explanation: "The app registration allows accounts of its own tenant only, and a sign-in for all tenants was begun.",
    steps: &["In Entra, open App registrations, choose the app, open Authentication, and allow accounts of any organizational directory."],
};

const COMMON_NOT_SUPPORTED: Words = Words {
    cause: "operator-tenant-not-named",
    who: Operator,
    headline: "Our request needs a tenant's own address",
    explanation: "The request went to an address for all tenants, which does not serve it.",
    steps: &[
        "Check the tenant's GUID that is stored with the connection.",
        "Check that the app registration allows organizational accounts.",
    ],
};

const CODE_OF_ANOTHER_TENANT: Words = Words {
    cause: "operator-wrong-tenant",
    who: Operator,
    headline: "A code was redeemed at another tenant",
    explanation: "An authorization code was issued for one tenant and presented to another.",
    steps: &["Nothing is to be done: the sign-in was ended, and the person can begin another."],
};

const ACCOUNT_NOT_MATCHED: Words = Words {
    cause: "account-not-in-tenant",
    who: CustomerAdmin,
    headline: "The account does not match your directory",
    explanation: "The account comes from another directory, and is not known in this tenant or not matched to the right person.",
    steps: &["Invite the account as a guest in Entra under Users, or repair the match in Entra Connect.", COMES_BACK, OR_OTHER_ACCOUNT],
};
