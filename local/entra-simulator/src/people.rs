//! A directory that looks real: names of many scripts, long titles, missing fields, a tree of managers.

mod cultures;
pub(crate) mod dossier;
mod work;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::chance::Chance;
use crate::directory::Role;
use crate::moment;
use crate::state::State;
use cultures::{CULTURES, Culture, Order};
use dossier::Dossier;

/// Reports one manager has at most.
const REPORTS_MAX: usize = 8;

/// Adds people; the first of an empty tenant is an admin at the top of the tree.
pub(crate) fn add(state: &mut State, tenant: Uuid, count: u32) -> Vec<Uuid> {
    let State { tenants, chance, now, .. } = state;
    let Some(world) = tenants.get_mut(&tenant) else { return Vec::new() };
    let created = moment::graph(*now);
    let mut added = Vec::new();
    for _ in 0..count {
        let id = chance.guid();
        let number = world.directory.all().len();
        let is_first = number == 0;
        let guest = !is_first && chance.percent(3);
        let role = match (is_first, guest) {
            (true, _) => Role::Admin,
            (_, true) => Role::Guest,
            _ => Role::Member,
        };
        let place = Place { domain: &world.domain, company: &world.name, number, created: &created };
        let properties = profile(chance, &place, role);
        // The tree: everybody reports to somebody who came earlier, so it has no circle.
        let boss = number.checked_sub(1).map(|earlier| earlier / REPORTS_MAX).filter(|_| !chance.percent(4));
        let boss = boss.and_then(|boss| world.directory.all().get(boss)).map(|boss| boss.id);
        let dossier = Dossier::open(role, &properties);
        world.directory.add(id, role, properties);
        world.directory.add_dossier(id, dossier);
        if boss.is_some() {
            world.directory.set_manager(id, boss);
        }
        added.push(id);
    }
    added
}

/// Gives random people new job titles.
pub(crate) fn change_job_titles(state: &mut State, tenant: Uuid, count: u32) -> Vec<Uuid> {
    change_some(state, tenant, count, |chance, number| vec![("jobTitle", json!(format!("{} {}", work::title(chance), numeral(number))))])
}

/// Changes several properties of random people.
pub(crate) fn change(state: &mut State, tenant: Uuid, count: u32) -> Vec<Uuid> {
    change_some(state, tenant, count, |chance, number| match chance.below(4) {
        0 => vec![("department", json!(chance.pick(work::DEPARTMENTS))), ("officeLocation", Value::Null)],
        1 => vec![("mobilePhone", json!(format!("+49 170 {:07}", chance.below(10_000_000)))), ("faxNumber", Value::Null)],
        2 => vec![("jobTitle", Value::Null), ("employeeType", json!("Contractor"))],
        _ => vec![("jobTitle", json!(format!("{} {}", work::title(chance), numeral(number)))), ("city", json!("Zürich"))],
    })
}

type Changes = Vec<(&'static str, Value)>;

fn change_some(state: &mut State, tenant: Uuid, count: u32, mut changes: impl FnMut(&mut Chance, u64) -> Changes) -> Vec<Uuid> {
    let State { tenants, chance, .. } = state;
    let Some(world) = tenants.get_mut(&tenant) else { return Vec::new() };
    let mut ids: Vec<Uuid> = world.directory.present().map(|person| person.id).collect();
    chance.shuffle(&mut ids);
    ids.truncate(count as usize);
    for id in &ids {
        let number = world.directory.sequence();
        for (property, value) in changes(chance, number) {
            world.directory.set(*id, property, value);
        }
    }
    ids
}

/// A grade that differs from one change to the next, so that a new title never equals the old one.
fn numeral(number: u64) -> String {
    format!("({number})")
}

/// Where somebody works.
struct Place<'a> {
    domain: &'a str,
    company: &'a str,
    number: usize,
    created: &'a str,
}

fn profile(chance: &mut Chance, place: &Place<'_>, role: Role) -> Map<String, Value> {
    let culture = chance.pick(CULTURES);
    let (given, given_latin) = *chance.pick(culture.given);
    let (family, family_latin) = *chance.pick(culture.family);
    let display = match culture.order {
        Order::GivenFirst => format!("{given} {family}"),
        Order::FamilyFirst => format!("{family} {given}"),
        Order::FamilyFirstJoined => format!("{family}{given}"),
    };
    let alias = format!("{given_latin}.{family_latin}{}", place.number).to_lowercase();
    let login = match role {
        Role::Guest => format!("{alias}_partner.example#EXT#@{}", place.domain),
        Role::Admin | Role::Member => format!("{alias}@{}", place.domain),
    };
    let mut person = Map::new();
    let mut put = |name: &str, value: Value| person.insert(name.to_owned(), value);
    put("displayName", json!(display));
    put("givenName", json!(given));
    put("surname", json!(family));
    put("userPrincipalName", json!(login));
    put("mailNickname", json!(alias));
    put("userType", json!(if role == Role::Guest { "Guest" } else { "Member" }));
    put("accountEnabled", json!(role == Role::Admin || !chance.percent(3)));
    put("createdDateTime", json!(place.created));
    if role == Role::Admin || !chance.percent(6) {
        put("mail", json!(if role == Role::Guest { format!("{alias}@partner.example") } else { login }));
    }
    put("preferredLanguage", json!(culture.language));
    put("usageLocation", json!(&culture.language[3..]));
    put("companyName", json!(place.company));
    put("employeeId", json!(format!("E{:06}", place.number)));
    contact(chance, culture, &mut person);
    duties(chance, &mut person);
    person
}

/// Where and how to reach somebody; fields are often missing.
fn contact(chance: &mut Chance, culture: &Culture, person: &mut Map<String, Value>) {
    let mut put = |name: &str, value: Value| person.insert(name.to_owned(), value);
    let city = chance.pick(culture.cities);
    let phone = |chance: &mut Chance| format!("{} {:02} {:06}", culture.dialling, chance.below(90) + 10, chance.below(1_000_000));
    put("businessPhones", if chance.percent(70) { json!([phone(chance)]) } else { json!([]) });
    if chance.percent(60) {
        put("mobilePhone", json!(phone(chance)));
    }
    if chance.percent(85) {
        put("city", json!(city));
        put("country", json!(culture.country));
    }
    if chance.percent(75) {
        let (building, floor, room) = (chance.below(9) + 1, chance.below(12), chance.below(60));
        put("officeLocation", json!(format!("{city} {building}/{floor}.{room:02}")));
    }
    if chance.percent(40) {
        put("postalCode", json!(format!("{:05}", chance.below(100_000))));
        put("streetAddress", json!(format!("{} {}", chance.pick(work::STREETS), chance.below(200) + 1)));
    }
}

/// What somebody does; fields are often missing.
fn duties(chance: &mut Chance, person: &mut Map<String, Value>) {
    let mut put = |name: &str, value: Value| person.insert(name.to_owned(), value);
    if chance.percent(92) {
        put("jobTitle", json!(work::title(chance)));
    }
    if chance.percent(88) {
        put("department", json!(chance.pick(work::DEPARTMENTS)));
    }
    if chance.percent(25) {
        put("employeeType", json!(chance.pick(&["Employee", "Contractor", "Apprentice", "Temporary"])));
    }
    if chance.percent(20) {
        let extension = json!({
            "extensionAttribute1": chance.pick(work::PRONOUNS),
            "extensionAttribute2": format!("CC-{:04}", chance.below(10_000)),
            "extensionAttribute3": null,
        });
        put("onPremisesExtensionAttributes", extension);
        put("onPremisesSyncEnabled", json!(true));
    }
}
