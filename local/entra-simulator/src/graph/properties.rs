//! The user properties this directory knows.
//!
//! Source: <https://learn.microsoft.com/en-us/graph/api/resources/user>

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
    "faxNumber",
    "id",
    "identities",
    "imAddresses",
    "lastPasswordChangeDateTime",
    "mailNickname",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesExtensionAttributes",
    "onPremisesImmutableId",
    "onPremisesLastSyncDateTime",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "onPremisesUserPrincipalName",
    "otherMails",
    "passwordPolicies",
    "postalCode",
    "preferredDataLocation",
    "proxyAddresses",
    "securityIdentifier",
    "showInAddressList",
    "signInSessionsValidFromDateTime",
    "state",
    "streetAddress",
    "usageLocation",
    "userType",
];

/// Whether a name can be selected and set; directory extensions are `extension_<app id>_<name>`.
pub(crate) fn is_property(name: &str) -> bool {
    DEFAULT.contains(&name) || OTHER.contains(&name) || is_extension(name)
}

/// Whether a name is that of a directory extension.
pub(crate) fn is_extension(name: &str) -> bool {
    name.strip_prefix("extension_").is_some_and(|rest| rest.contains('_'))
}
