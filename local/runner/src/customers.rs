//! Letterhead's customers. Letterhead makes e-mail signatures; neither it nor any of them exists.

use domain::ids::CustomerId;

/// A customer of the fictional operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Customer {
    /// The operator's id of it.
    pub id: &'static str,
    /// Its name, and its tenant's.
    pub name: &'static str,
    /// What it shows.
    pub story: &'static str,
    /// People in its directory; `None` for as many as the runner was asked for.
    #[serde(skip)]
    pub people: Option<u32>,
}

impl Customer {
    /// The id as a type.
    #[must_use]
    pub fn id(&self) -> Option<CustomerId> {
        self.id.parse().ok()
    }
}

const fn customer(id: &'static str, name: &'static str, story: &'static str, people: u32) -> Customer {
    Customer { id, name, story, people: Some(people) }
}

const CUSTOMERS: [Customer; 12] = [
    Customer { people: None, ..customer("harbor-finch", "Harbor & Finch Logistics", "healthy", 0) },
    customer("alder-clinics", "Alder Clinic Group", "ends in a few days", 48),
    customer("brightwater", "Brightwater Schools", "password was reset", 60),
    customer("juniper-rail", "Juniper Rail", "read by the app itself", 33),
    customer("kestrel", "Kestrel Aerodynamics", "sign-in too old", 36),
    customer("lumen-legal", "Lumen Legal", "second factor missing", 24),
    customer("marigold", "Marigold Foods", "consent withdrawn", 31),
    customer("oakline", "Oakline Property", "unused for 90 days", 18),
    customer("pemberton", "Pemberton & Rye", "has a backup", 29),
    customer("quill-sons", "Quill & Sons Publishing", "blocked by a policy", 27),
    customer("sable", "Sable Robotics", "our own secret expired", 42),
    customer("tern-coffee", "Tern Coffee Roasters", "not connected yet", 12),
];

/// All customers, in the order in which the portal shows them.
pub fn all() -> impl Iterator<Item = Customer> {
    CUSTOMERS.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_customer_has_a_valid_id_and_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = all().map(|customer| customer.name).collect();
        assert_eq!(names.len(), CUSTOMERS.len());
        assert!(all().all(|customer| customer.id().is_some()));
    }
}
