//! Every property of Graph's `user`: those that can be synced, and those that cannot, with the reason.
//!
//! Source of names and kinds: <https://learn.microsoft.com/en-us/graph/api/resources/user>. Source of what a delta does not tell:
//! <https://learn.microsoft.com/en-us/graph/api/resources/users> and <https://learn.microsoft.com/en-us/graph/api/user-delta>.

use super::Attribute;
use super::Kind::{self, Flag, List, Moment, Record, Text};

/// The attributes that can be synced, by name. A code is never changed and never given to another: stored people are read by it.
pub const CATALOGUE: &[Attribute] = &[
    default("accountEnabled", "ae", Flag),
    other("ageGroup", "ag", Text),
    other("assignedLicenses", "al", List),
    other("assignedPlans", "ap", List),
    default("businessPhones", "bp", List),
    default("city", "ci", Text),
    default("companyName", "cn", Text),
    other("consentProvidedForMinor", "cm", Text),
    default("country", "co", Text),
    other("createdDateTime", "cd", Moment),
    other("creationType", "ct", Text),
    default("department", "de", Text),
    default("displayName", "dn", Text),
    other("employeeHireDate", "eh", Moment),
    default("employeeId", "ei", Text),
    other("employeeOrgData", "eo", Record),
    other("employeeType", "et", Text),
    other("externalUserState", "es", Text),
    other("externalUserStateChangeDateTime", "ec", Moment),
    default("faxNumber", "fn", Text),
    default("givenName", "gn", Text),
    other("identities", "in", List),
    other("imAddresses", "im", List),
    other("isManagementRestricted", "mr", Flag),
    default("jobTitle", "jt", Text),
    other("lastPasswordChangeDateTime", "lp", Moment),
    other("legalAgeGroupClassification", "lg", Text),
    default("mail", "ma", Text),
    other("mailNickname", "mn", Text),
    default("mobilePhone", "mp", Text),
    default("officeLocation", "ol", Text),
    other("onPremisesDistinguishedName", "pn", Text),
    other("onPremisesDomainName", "pd", Text),
    default("onPremisesExtensionAttributes", "xa", Record),
    other("onPremisesImmutableId", "pi", Text),
    other("onPremisesLastSyncDateTime", "pt", Moment),
    other("onPremisesProvisioningErrors", "pe", List),
    other("onPremisesSamAccountName", "ps", Text),
    other("onPremisesSecurityIdentifier", "px", Text),
    other("onPremisesSyncEnabled", "py", Flag),
    other("onPremisesUserPrincipalName", "pu", Text),
    other("otherMails", "om", List),
    other("passwordPolicies", "pp", Text),
    default("postalCode", "pc", Text),
    other("preferredDataLocation", "dl", Text),
    default("preferredLanguage", "pl", Text),
    other("provisionedPlans", "pv", List),
    other("proxyAddresses", "pa", List),
    other("securityIdentifier", "si", Text),
    other("serviceProvisioningErrors", "se", List),
    other("signInSessionsValidFromDateTime", "sv", Moment),
    default("state", "st", Text),
    default("streetAddress", "sa", Text),
    default("surname", "sn", Text),
    other("usageLocation", "ul", Text),
    default("userPrincipalName", "up", Text),
    default("userType", "ut", Text),
];

/// Properties of Graph's `user` that cannot be chosen, and why.
pub const NOT_SYNCED: &[(&str, &str)] = &[
    ("aboutMe", ELSEWHERE),
    ("authorizationInfo", "it holds credentials"),
    ("birthday", ELSEWHERE),
    ("cloudLicensing", ELSEWHERE),
    ("customSecurityAttributes", "it takes a permission of its own, CustomSecAttributeAssignment.Read.All"),
    ("deletedDateTime", "it is not set on anybody who is there"),
    ("deviceEnrollmentLimit", ELSEWHERE),
    ("directReports", "it follows from everybody's manager"),
    ("employeeLeaveDateTime", "it takes a permission of its own, User-LifeCycleInfo.Read.All"),
    ("hireDate", "it is kept outside the directory, which does not tell of its changes; employeeHireDate is in it"),
    ("id", ALWAYS),
    ("identityParentId", "it is about agents, not about people"),
    ("interests", ELSEWHERE),
    ("isResourceAccount", "Microsoft reserves it and says not to use it"),
    ("licenseAssignmentStates", "the directory does not tell of its changes; assignedLicenses is told"),
    ("mailboxSettings", ELSEWHERE),
    ("manager", ALWAYS),
    ("memberOf", "the directory does not tell of its changes"),
    ("mySite", ELSEWHERE),
    ("passwordProfile", "it is about a password, not about a person"),
    ("pastProjects", ELSEWHERE),
    ("photo", "it is not among the attributes; the directory does not tell of its changes"),
    ("preferredName", ELSEWHERE),
    ("print", ELSEWHERE),
    ("responsibilities", ELSEWHERE),
    ("schools", ELSEWHERE),
    ("showInAddressList", "Microsoft says not to use it"),
    ("signInActivity", ELSEWHERE),
    ("skills", ELSEWHERE),
];

const ELSEWHERE: &str = "it is kept outside the directory, which does not tell of its changes";
const ALWAYS: &str = "it is always synced";

/// An attribute that e-mail signatures are made of, or that tells whether somebody gets one.
const fn default(name: &'static str, code: &'static str, kind: Kind) -> Attribute {
    Attribute { name, code, kind, is_default: true }
}

const fn other(name: &'static str, code: &'static str, kind: Kind) -> Attribute {
    Attribute { name, code, kind, is_default: false }
}

/// One more than the row of each code, by its two letters; 0 where there is none.
static ROWS: [u8; 26 * 26] = rows();

const fn rows() -> [u8; 26 * 26] {
    let mut rows = [0; 26 * 26];
    let mut row = 0;
    while row < CATALOGUE.len() {
        let code = CATALOGUE[row].code.as_bytes();
        row += 1;
        rows[place(code[0], code[1])] = row as u8;
    }
    rows
}

const fn place(first: u8, second: u8) -> usize {
    (first - b'a') as usize * 26 + (second - b'a') as usize
}

/// The attribute of a code.
pub(super) fn of_code(code: &str) -> Option<&'static Attribute> {
    let [first @ b'a'..=b'z', second @ b'a'..=b'z'] = *code.as_bytes() else {
        return None;
    };
    let row = usize::from(*ROWS.get(place(first, second))?).checked_sub(1)?;
    CATALOGUE.get(row)
}
