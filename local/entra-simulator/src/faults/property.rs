//! A property that cannot be given: whoever selects it is given nothing at all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// In which words a call is refused for the sake of one property.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PropertyRefusal {
    /// `Request_BadRequest`, and the message names the property.
    #[default]
    NamesProperty,
    /// `BadRequest`, "Tenant does not have a SPO license.": it does not say which property it is about.
    SharePointLicense,
}

/// A refusal on order.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Ordered {
    says: PropertyRefusal,
    /// How many calls it is still for; for all of them where it stands.
    left: Option<u32>,
}

/// The properties that cannot be given.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Refused(BTreeMap<String, Ordered>);

impl Refused {
    /// Refuses the next `times` calls that select the property, or every one until it is lifted.
    pub(crate) fn order(&mut self, property: String, times: Option<u32>, says: PropertyRefusal) {
        match times {
            Some(0) => drop(self.0.remove(&property)),
            left => drop(self.0.insert(property, Ordered { says, left })),
        }
    }

    /// Gives a property again, or all of them.
    pub(crate) fn lift(&mut self, property: Option<&str>) {
        match property {
            Some(property) => drop(self.0.remove(property)),
            None => self.0.clear(),
        }
    }

    /// The first of the selected properties that cannot be given, which uses its refusal up once.
    pub(crate) fn take<'a>(&mut self, mut selected: impl Iterator<Item = &'a str>) -> Option<(&'a str, PropertyRefusal)> {
        let property = selected.find(|property| self.0.contains_key(*property))?;
        let ordered = self.0.get_mut(property)?;
        let says = ordered.says;
        ordered.left = ordered.left.map(|left| left.saturating_sub(1));
        if ordered.left == Some(0) {
            self.0.remove(property);
        }
        Some((property, says))
    }
}
