//! Jobs, departments and streets.

use crate::chance::Chance;

pub(super) const DEPARTMENTS: &[&str] = &[
    "Accounting",
    "Arbeits- und Gesundheitsschutz",
    "Customer Success",
    "Direction générale",
    "Engineering",
    "Facilities",
    "Forschung & Entwicklung",
    "Human Resources",
    "Legal & Compliance",
    "Logística",
    "Marketing",
    "Product Management",
    "Quality Assurance",
    "Sales EMEA",
    "IT Operations / 24x7",
    "営業部",
];

pub(super) const STREETS: &[&str] = &["Hafenstraße", "Rue de la Paix", "Market Street", "Via Garibaldi", "Østergade", "Calle Mayor"];

pub(super) const PRONOUNS: &[&str] = &["she/her", "he/him", "they/them"];

const GRADES: &[&str] = &["", "", "", "Junior ", "Senior ", "Lead ", "Principal ", "Deputy "];

const TITLES: &[&str] = &[
    "Account Manager",
    "Architect",
    "Büroleiterin",
    "Chargée de communication",
    "Controller",
    "Customer Support Specialist",
    "Data Analyst",
    "Designer",
    "Electrician",
    "Geschäftsführer",
    "HR Business Partner",
    "Ingénieur d’études",
    "Kundenberater (m/w/d)",
    "Nurse",
    "Office Manager",
    "Product Owner",
    "Project Engineer",
    "Software Developer",
    "Warehouse Supervisor",
    "Wissenschaftliche Mitarbeiterin",
    "Head of Cross-Functional Digital Transformation, Sustainability Reporting and Regulatory Affairs (Interim)",
    "Beauftragte für Datenschutz, Informationssicherheit und Geschäftskontinuitätsmanagement",
    "課長代理",
    "مدير المشاريع",
    "Главный бухгалтер",
];

/// A job title, within Graph's 128 characters.
pub(super) fn title(chance: &mut Chance) -> String {
    let grade = chance.pick(GRADES);
    let title = chance.pick(TITLES);
    format!("{grade}{title}")
}
