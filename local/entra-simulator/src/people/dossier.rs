//! The rest of what a directory knows about somebody: licences, the on-premises account, dates, addresses for machines.
//!
//! It is worked out each time it is asked for, from the person's object id and beginnings, and not kept, so that half a million people stay
//! small. It never changes by itself; whatever is set takes its place.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::chance::Chance;
use crate::directory::Role;
use crate::licenses;

/// What somebody began with, as far as the dossier goes by it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dossier {
    role: Role,
    login: String,
    mail: Option<String>,
    city: Option<String>,
    is_synced: bool,
}

/// The properties that a dossier may have, by name.
pub(crate) const PROPERTIES: &[&str] = &[
    "ageGroup",
    "assignedLicenses",
    "assignedPlans",
    "consentProvidedForMinor",
    "creationType",
    "employeeHireDate",
    "employeeOrgData",
    "externalUserState",
    "externalUserStateChangeDateTime",
    "faxNumber",
    "identities",
    "imAddresses",
    "isManagementRestricted",
    "lastPasswordChangeDateTime",
    "legalAgeGroupClassification",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesImmutableId",
    "onPremisesLastSyncDateTime",
    "onPremisesProvisioningErrors",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesUserPrincipalName",
    "otherMails",
    "passwordPolicies",
    "preferredDataLocation",
    "provisionedPlans",
    "proxyAddresses",
    "securityIdentifier",
    "serviceProvisioningErrors",
    "signInSessionsValidFromDateTime",
    "state",
];

/// Percent of the members who have a licence.
const LICENSED: u64 = 88;
/// Where data may rest. Source: <https://learn.microsoft.com/en-us/microsoft-365/enterprise/microsoft-365-multi-geo>
const GEOGRAPHIES: &[&str] = &["EUR", "NAM", "APC", "JPN"];

impl Dossier {
    /// Of somebody with these properties.
    pub(crate) fn open(role: Role, properties: &Map<String, Value>) -> Self {
        let text = |name: &str| properties.get(name).and_then(Value::as_str).map(str::to_owned);
        let is_synced = properties.get("onPremisesSyncEnabled") == Some(&Value::Bool(true));
        Self { role, login: text("userPrincipalName").unwrap_or_default(), mail: text("mail"), city: text("city"), is_synced }
    }

    /// What it says about a property; nothing for a property that was never set.
    pub(crate) fn value(&self, id: Uuid, property: &str) -> Option<Value> {
        let mut chance = Chance::seeded(seed(id, property));
        let is_guest = self.role == Role::Guest;
        match property {
            "creationType" => is_guest.then(|| json!("Invitation")),
            "externalUserState" => is_guest.then(|| json!(if chance.percent(80) { "Accepted" } else { "PendingAcceptance" })),
            "externalUserStateChangeDateTime" => is_guest.then(|| json!(day(&mut chance))),
            "faxNumber" => chance.percent(20).then(|| json!(format!("+49 69 {:06}", chance.below(1_000_000)))),
            "state" => self.city.as_ref().filter(|_| chance.percent(40)).map(|city| json!(format!("{city} Region"))),
            "employeeHireDate" => chance.percent(60).then(|| json!(day(&mut chance))),
            "employeeOrgData" => chance.percent(30).then(|| unit(&mut chance)),
            "ageGroup" => chance.percent(10).then(|| json!(chance.pick(&["Adult", "NotAdult", "Minor"]))),
            "consentProvidedForMinor" => chance.percent(5).then(|| json!("NotRequired")),
            "legalAgeGroupClassification" => chance.percent(10).then(|| json!("Adult")),
            "isManagementRestricted" => chance.percent(3).then_some(json!(true)),
            "lastPasswordChangeDateTime" | "signInSessionsValidFromDateTime" => Some(json!(day(&mut chance))),
            "passwordPolicies" => chance.percent(20).then(|| json!("DisablePasswordExpiration")),
            "preferredDataLocation" => chance.percent(8).then(|| json!(chance.pick(GEOGRAPHIES))),
            "otherMails" => Some(Value::from_iter(chance.percent(15).then(|| format!("{}@home.example", self.alias())))),
            "imAddresses" => Some(Value::from_iter((!is_guest).then(|| self.login.clone()))),
            "proxyAddresses" => Some(self.proxies()),
            "identities" => Some(self.identities()),
            "securityIdentifier" => Some(json!(cloud_sid(id))),
            "onPremisesProvisioningErrors" | "serviceProvisioningErrors" => Some(json!([])),
            "assignedLicenses" | "assignedPlans" | "provisionedPlans" => licenses::property(&self.skus(id), property),
            _ => self.is_synced.then(|| self.on_premises(id, property)).flatten(),
        }
    }

    fn alias(&self) -> &str {
        self.login.split('@').next().unwrap_or_default()
    }

    fn domain(&self) -> &str {
        self.login.rsplit('@').next().unwrap_or_default()
    }

    /// Source: <https://learn.microsoft.com/en-us/troubleshoot/entra/entra-id/user-prov-sync/proxyaddresses-attribute-populate>
    fn proxies(&self) -> Value {
        match &self.mail {
            None => json!([]),
            Some(mail) => json!([format!("SMTP:{mail}"), format!("smtp:{}@mail.{}", self.alias(), self.domain())]),
        }
    }

    /// Source: <https://learn.microsoft.com/en-us/graph/api/resources/objectidentity>
    fn identities(&self) -> Value {
        json!([{"signInType": "userPrincipalName", "issuer": self.domain(), "issuerAssignedId": self.login}])
    }

    /// What somebody is licensed for.
    fn skus(&self, id: Uuid) -> Vec<Uuid> {
        let mut chance = Chance::seeded(seed(id, "assignedLicenses"));
        match self.role != Role::Guest && chance.percent(LICENSED) {
            true => vec![*chance.pick(licenses::SKUS)],
            false => Vec::new(),
        }
    }

    /// What came along with an account that is synced from on-premises.
    fn on_premises(&self, id: Uuid, property: &str) -> Option<Value> {
        let mut chance = Chance::seeded(seed(id, property));
        let (alias, domain) = (self.alias(), self.domain());
        match property {
            "onPremisesDistinguishedName" => {
                let parts: Vec<String> = domain.split('.').map(|part| format!("DC={part}")).collect();
                Some(json!(format!("CN={alias},OU=Staff,{}", parts.join(","))))
            }
            "onPremisesDomainName" => Some(json!(format!("corp.{domain}"))),
            "onPremisesImmutableId" => Some(json!(STANDARD.encode(id.as_bytes()))),
            "onPremisesLastSyncDateTime" => Some(json!(day(&mut chance))),
            "onPremisesSamAccountName" => Some(json!(alias.chars().take(20).collect::<String>())),
            "onPremisesSecurityIdentifier" => Some(json!(format!("S-1-5-21-1004336348-1177238915-682003330-{}", chance.below(100_000)))),
            "onPremisesUserPrincipalName" => Some(json!(self.login)),
            _ => None,
        }
    }
}

/// FNV-1a over the id and the property: the same for ever. Source: RFC 9923.
fn seed(id: Uuid, property: &str) -> u64 {
    let bytes = id.as_bytes().iter().copied().chain(property.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A morning in one of the three years before 2026.
fn day(chance: &mut Chance) -> String {
    let (year, month, day) = (2023 + chance.below(3), 1 + chance.below(12), 1 + chance.below(28));
    format!("{year}-{month:02}-{day:02}T{:02}:{:02}:00Z", 6 + chance.below(5), chance.below(60))
}

fn unit(chance: &mut Chance) -> Value {
    let division = chance.pick(&["EMEA", "Americas", "Asia-Pacific", "Zentrale"]);
    json!({"costCenter": format!("CC-{:04}", chance.below(10_000)), "division": division})
}

/// A cloud account's SID: the object id, four bytes a number, little end first. Observed.
fn cloud_sid(id: Uuid) -> String {
    let guid = id.to_bytes_le();
    let number = |part: &[u8]| part.iter().rev().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    let parts: Vec<String> = guid.chunks(4).map(|part| number(part).to_string()).collect();
    format!("S-1-12-1-{}", parts.join("-"))
}
