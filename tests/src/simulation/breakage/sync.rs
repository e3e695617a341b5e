//! Ways to break the sync.

use serde_json::{Value, json};

use super::{Breakage, replace};
use crate::engine::PEOPLE;
use crate::simulation::items;

impl Breakage {
    /// Bends what the sync asks of DynamoDB.
    pub(super) fn bend_sync(self, operation: &str, request: &mut Value) {
        let is_of_walk = operation == "UpdateItem" && request["Key"]["sk"]["S"] == "walk";
        let is_gone = || request["Item"]["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("gone#"));
        match self {
            Self::RemovalsDropped if operation == "PutItem" && is_gone() => {
                let entries = &mut request["Item"]["entries"]["B"];
                *entries = json!(items::without_gone(entries.as_str().unwrap_or_default()));
            }
            Self::WalkShared if is_of_walk => {
                replace(request, "ConditionExpression", " AND lease_until < :now", "");
                replace(request, "ConditionExpression", "fence = :fence", "(fence >= :fence OR fence < :fence)");
                replace(request, "ConditionExpression", " AND lease_until BETWEEN :held AND :until", "");
            }
            _ => {}
        }
    }

    /// Bends what DynamoDB answers to the sync.
    pub(super) fn shows_sync(self, answer: &mut Value) {
        match self {
            Self::RoundAnyTime if answer["Attributes"]["sk"]["S"] == "walk" => answer["Attributes"]["work_at"] = json!({"N": "0"}),
            Self::PeopleUnread if answer["Responses"][PEOPLE].is_array() => answer["Responses"][PEOPLE] = json!([]),
            _ => {}
        }
    }

    /// A request that comes once more after another, as if it were a later one.
    pub(crate) fn follows(self, operation: &str, request: &Value) -> Option<Value> {
        if self != Self::PeopleTwice || operation != "BatchWriteItem" {
            return None;
        }
        let mut again = request.clone();
        for write in again["RequestItems"][PEOPLE].as_array_mut()? {
            let later = write["PutRequest"]["Item"]["changed_at"]["N"].as_str().and_then(|at| at.parse::<i64>().ok()).map(|at| at + 1);
            if let Some(later) = later {
                write["PutRequest"]["Item"]["changed_at"]["N"] = json!(later.to_string());
            }
        }
        Some(again)
    }

    /// Bends a page that Graph gave.
    pub(crate) fn bend_page(self, page: &[u8]) -> Option<Value> {
        let mut page: Value = serde_json::from_slice(page).ok().filter(|_| self == Self::RoundCutShort)?;
        let is_list = page["@odata.nextLink"].as_str().is_some_and(|link| link.contains("/v1.0/users?"));
        page.as_object_mut().filter(|_| is_list)?.remove("@odata.nextLink");
        Some(page)
    }
}
