//! The little of `$filter` that is understood: equalities joined by `or`.

use uuid::Uuid;

use super::super::Call;
use super::super::answer::Failure;
use crate::directory::Person;

/// One equality.
pub(super) struct Test {
    property: String,
    value: String,
}

/// The filter of a list; none at all accepts everybody.
pub(super) fn of(call: &Call<'_>) -> Result<Vec<Test>, Failure> {
    let Some(filter) = call.parameter("$filter") else { return Ok(Vec::new()) };
    filter.split(" or ").map(|part| test(part).ok_or_else(|| unsupported(filter))).collect()
}

/// The ids a delta filter names.
pub(super) fn ids(call: &Call<'_>, ids_max: usize) -> Result<Vec<Uuid>, Failure> {
    let tests = of(call)?;
    if tests.len() > ids_max {
        return Err(Failure::bad_request(format!("The filter names {} ids; {ids_max} are allowed.", tests.len())));
    }
    let filter = call.parameter("$filter").unwrap_or_default();
    tests.iter().map(|test| id(test).ok_or_else(|| unsupported(filter))).collect()
}

/// Whether any of the tests holds for the person.
pub(super) fn accepts(tests: &[Test], person: &Person) -> bool {
    tests.is_empty() || tests.iter().any(|test| holds(test, person))
}

fn holds(test: &Test, person: &Person) -> bool {
    match test.property.as_str() {
        "id" => test.value.parse() == Ok(person.id),
        property => person.text(property).eq_ignore_ascii_case(&test.value),
    }
}

fn id(test: &Test) -> Option<Uuid> {
    (test.property == "id").then(|| test.value.parse().ok())?
}

fn test(part: &str) -> Option<Test> {
    let (property, value) = part.trim().split_once(" eq ")?;
    let value = value.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    let known = ["id", "mail", "userPrincipalName", "displayName", "department", "employeeId"].contains(&property);
    known.then(|| Test { property: property.to_owned(), value: value.replace("''", "'") })
}

fn unsupported(filter: &str) -> Failure {
    Failure::unsupported(format!("Unsupported or invalid query filter clause: {filter}"))
}
