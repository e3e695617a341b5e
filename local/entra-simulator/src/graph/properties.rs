//! The user properties this directory knows.
//!
//! Source: <https://learn.microsoft.com/en-us/graph/api/resources/user>

use serde_json::Value;

/// What is returned when nothing is selected.
/// Source: <https://learn.microsoft.com/en-us/graph/api/resources/users>
pub(crate) const DEFAULT: &[&str] = &[
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];

const OTHER: &[&str] = &[
    "accountEnabled",
    "ageGroup",
    "assignedLicenses",
    "assignedPlans",
    "city",
    "companyName",
    "consentProvidedForMinor",
    "country",
    "createdDateTime",
    "creationType",
    "deletedDateTime",
    "department",
    "employeeHireDate",
    "employeeId",
    "employeeLeaveDateTime",
    "employeeOrgData",
    "employeeType",
    "externalUserState",
    "externalUserStateChangeDateTime",
    "faxNumber",
    "id",
    "identities",
    "imAddresses",
    "isManagementRestricted",
    "lastPasswordChangeDateTime",
    "legalAgeGroupClassification",
    "mailNickname",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesExtensionAttributes",
    "onPremisesImmutableId",
    "onPremisesLastSyncDateTime",
    "onPremisesProvisioningErrors",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "onPremisesUserPrincipalName",
    "otherMails",
    "passwordPolicies",
    "postalCode",
    "preferredDataLocation",
    "provisionedPlans",
    "proxyAddresses",
    "securityIdentifier",
    "serviceProvisioningErrors",
    "showInAddressList",
    "signInSessionsValidFromDateTime",
    "state",
    "streetAddress",
    "usageLocation",
    "userType",
];

/// Those that hold any number of values: never null, but empty.
const COLLECTIONS: &[&str] = &[
    "assignedLicenses",
    "assignedPlans",
    "businessPhones",
    "identities",
    "imAddresses",
    "onPremisesProvisioningErrors",
    "otherMails",
    "provisionedPlans",
    "proxyAddresses",
    "serviceProvisioningErrors",
];

/// What stands for a property that was never set, where all that are asked for are told.
pub(crate) fn unset(name: &str) -> Value {
    match COLLECTIONS.contains(&name) {
        true => Value::Array(Vec::new()),
        false => Value::Null,
    }
}

/// Whether a name can be selected and set; directory extensions are `extension_<app id>_<name>`.
pub(crate) fn is_property(name: &str) -> bool {
    DEFAULT.contains(&name) || OTHER.contains(&name) || is_extension(name)
}

/// Whether two values of directory extensions are of one data type. What was cleared may have been of any.
pub(crate) fn are_of_one_type(one: &Value, other: &Value) -> bool {
    one.is_null() || other.is_null() || std::mem::discriminant(one) == std::mem::discriminant(other)
}

/// Whether a name is that of a directory extension.
pub(crate) fn is_extension(name: &str) -> bool {
    name.strip_prefix("extension_").is_some_and(|rest| rest.contains('_'))
}
