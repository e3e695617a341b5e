//! Licences, as the properties of a user show them.
//!
//! Source: <https://learn.microsoft.com/en-us/graph/api/resources/assignedlicense>,
//! <https://learn.microsoft.com/en-us/graph/api/resources/assignedplan>; ids of products:
//! <https://learn.microsoft.com/en-us/entra/identity/users/licensing-service-plan-reference>

use serde_json::{Value, json};
use uuid::{Uuid, uuid};

use crate::directory::Directory;

/// Products that people are licensed for: Microsoft 365 E3, Microsoft 365 E5, Microsoft 365 Business Premium.
pub(crate) const SKUS: &[Uuid] = &[
    uuid!("05e9a617-0261-4cee-bb44-138d3ef5d965"),
    uuid!("06ebc4ee-1bb5-47dd-8120-11324bc54e06"),
    uuid!("cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"),
];
/// The plan that is in all of them here: Exchange Online.
const EXCHANGE: Uuid = uuid!("efb87545-963c-4e0d-99df-69c6916d9eb0");

/// What a property of licences says of somebody with these products; nothing for another property.
pub(crate) fn property(skus: &[Uuid], property: &str) -> Option<Value> {
    let licenses = || skus.iter().map(|sku| json!({"disabledPlans": [], "skuId": sku})).collect();
    let has_any = !skus.is_empty();
    let plan = |plan: Value| if has_any { json!([plan]) } else { json!([]) };
    match property {
        "assignedLicenses" => Some(Value::Array(licenses())),
        "assignedPlans" => Some(plan(json!({
            "assignedDateTime": "2025-01-07T08:00:00Z", "capabilityStatus": "Enabled", "service": "exchange", "servicePlanId": EXCHANGE,
        }))),
        "provisionedPlans" => Some(plan(json!({"capabilityStatus": "Enabled", "provisioningStatus": "Success", "service": "exchange"}))),
        _ => None,
    }
}

/// Licenses somebody for exactly these products.
pub(crate) fn set(directory: &mut Directory, user: Uuid, skus: &[Uuid]) {
    for name in ["assignedLicenses", "assignedPlans", "provisionedPlans"] {
        if let Some(value) = property(skus, name) {
            directory.set(user, name, value);
        }
    }
}
