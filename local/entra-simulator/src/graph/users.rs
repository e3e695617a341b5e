//! People: the list, one of them, their managers, and the delta walk.

mod filter;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::answer::{Answer, Failure};
use super::bearer::Bearer;
use super::{Call, properties};
use crate::Simulator;
use crate::delta::{self, Broken, Detail, Press, View};
use crate::directory::{Directory, Person, Presence};
use crate::faults::PropertyRefusal;
use crate::sealed::Purpose;
use crate::state::{State, Tenant};

/// Any of these lets a caller read full profiles.
/// Source: <https://learn.microsoft.com/en-us/graph/permissions-reference>
const READ_PROFILES: &[&str] = &["User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
/// The leave is told to nobody else. Source: <https://learn.microsoft.com/en-us/graph/tutorial-lifecycle-workflows-set-employeeleavedatetime>
const READ_LEAVES: &[&str] = &["User-LifeCycleInfo.Read.All", "User-LifeCycleInfo.ReadWrite.All"];
const READ_ORGANIZATION: &[&str] = &["User.Read", "User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Organization.Read.All"];

/// People per page of a list, when nothing is asked for, and at most.
/// Source: <https://learn.microsoft.com/en-us/graph/api/user-list>
const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 999;

/// Ids a delta filter may name. Source: <https://learn.microsoft.com/en-us/graph/api/user-delta>
const FILTER_IDS_MAX: usize = 50;

/// `/users/delta` in all its forms.
pub(super) fn delta(simulator: &Simulator, state: &mut State, bearer: &Bearer, call: &Call<'_>) -> Result<Answer, Failure> {
    bearer.tenant(state, READ_PROFILES)?;
    check_delta_parameters(call)?;
    let select = call.select()?;
    check_leave(state, bearer, &select)?;
    let graph_base = &simulator.settings().graph_base;
    let State { tenants, seal, chance, now, .. } = state;
    let tenant = tenants.get_mut(&bearer.tenant).ok_or_else(Failure::denied)?;
    let detail = detail_of(call);
    let token = call.parameter("$deltatoken").or_else(|| call.parameter("token"));
    if token == Some("latest") && tenant.delta.refuses_marks {
        return Err(Failure::unsupported("The query parameter '$deltatoken' is not supported with the value 'latest'.".to_owned()));
    }
    let round = match (call.parameter("$skiptoken"), token) {
        (Some(skip), _) => delta::resume(seal, tenant, skip),
        (None, None | Some("" | "latest")) => Ok(delta::begin(tenant, View { select, only: filter::ids(call, FILTER_IDS_MAX)? })),
        (None, Some(token)) => delta::poll(seal, tenant, *now, (token, select)),
    };
    let round = round.map_err(|broken| broken_link(broken, graph_base.as_str()))?;
    check_properties(tenant, &round.view.select)?;
    let mut press = Press { seal, chance, graph_base, now: *now, detail };
    let page = match token {
        Some("latest") => press.latest(tenant, round.view),
        _ => press.page(tenant, round),
    };
    Ok(Answer::ok(page, 1))
}

/// A property that cannot be given fails the whole call. Source of the second form: observed; of the first: assumption.
fn check_properties(tenant: &mut Tenant, select: &[String]) -> Result<(), Failure> {
    let refused = match select {
        [] => tenant.faults.properties.take(properties::DEFAULT.iter().copied()),
        select => tenant.faults.properties.take(select.iter().map(String::as_str)),
    };
    match refused {
        None => Ok(()),
        Some((property, PropertyRefusal::NamesProperty)) => Err(super::unknown_property(property)),
        Some((_, PropertyRefusal::SharePointLicense)) => Err(Failure::new(400, "BadRequest", "Tenant does not have a SPO license.")),
    }
}

fn check_leave(state: &mut State, bearer: &Bearer, select: &[String]) -> Result<(), Failure> {
    match select.iter().any(|name| name == "employeeLeaveDateTime") {
        true => bearer.tenant(state, READ_LEAVES).map(drop),
        false => Ok(()),
    }
}

fn check_delta_parameters(call: &Call<'_>) -> Result<(), Failure> {
    const KNOWN: &[&str] = &["$select", "$filter", "$deltatoken", "$skiptoken", "token"];
    if let Some((name, _)) = call.query.iter().find(|(name, _)| !KNOWN.contains(&name.as_str())) {
        return Err(Failure::unsupported(format!("The query parameter '{name}' is not supported by change tracking on users.")));
    }
    let is_continued = call.parameter("$skiptoken").is_some();
    match is_continued && call.query.len() > 1 {
        true => Err(Failure::bad_request("A skip token must not be combined with other query parameters.".to_owned())),
        false => Ok(()),
    }
}

fn detail_of(call: &Call<'_>) -> Detail {
    let prefers = call.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    match prefers.flat_map(|value| value.split(',')).any(|preference| preference.trim() == "return=minimal") {
        true => Detail::Minimal,
        false => Detail::Full,
    }
}

/// Source: <https://learn.microsoft.com/en-us/graph/delta-query-overview> (token duration, synchronization reset) and
/// <https://devblogs.microsoft.com/microsoft365dev/duration-of-change-tracking-tokens-for-identity-and-education-resources/>
fn broken_link(broken: Broken, graph_base: &str) -> Failure {
    match broken {
        Broken::Malformed => Failure::bad_request("Badly formed token.".to_owned()),
        Broken::DeltaExpired => Failure::new(
            400,
            "syncStateNotFound",
            "The sync state generation is not found. The delta token is expired and data must be synchronized again.",
        ),
        Broken::SkipExpired => Failure::new(400, "Directory_ExpiredPageToken", "The specified page token value has expired."),
        Broken::Reset(view) => {
            let select = match view.select.as_slice() {
                [] => String::new(),
                select => format!("$select={}&", select.join(",")),
            };
            let location = format!("{graph_base}v1.0/users/delta?{select}$deltatoken=");
            Failure::new(410, "resyncRequired", "Resync required. Replace any local items with the server's version.")
                .with_header("location", location)
        }
    }
}

/// What a list's next link carries.
#[derive(Serialize, Deserialize)]
struct ListToken {
    tenant: Uuid,
    position: usize,
    query: Vec<(String, String)>,
    skip_generation: u32,
}

/// `/users`.
pub(super) fn list(simulator: &Simulator, state: &mut State, bearer: &Bearer, call: &Call<'_>) -> Result<Answer, Failure> {
    bearer.tenant(state, READ_PROFILES)?;
    let continued = call.parameter("$skiptoken").map(|token| state.seal.open::<ListToken>(Purpose::SkipToken, token));
    let (skip_generation, list_size) = {
        let delta = &bearer.tenant(state, READ_PROFILES)?.delta;
        (delta.skip_generation, delta.list_size)
    };
    let (position, query) = match continued {
        None => (0, call.query.clone()),
        Some(Some(token)) if (token.tenant, token.skip_generation) == (bearer.tenant, skip_generation) => (token.position, token.query),
        Some(_) => return Err(Failure::new(400, "Directory_ExpiredPageToken", "The specified page token value has expired.")),
    };
    let call = Call { method: call.method, path: call.path, query, headers: call.headers };
    check_list_parameters(&call)?;
    let (select, matches, top) = (call.select()?, filter::of(&call)?, top_of(&call)?);
    check_leave(state, bearer, &select)?;
    check_properties(bearer.tenant(state, READ_PROFILES)?, &select)?;
    let units = units(&select, &call, top);
    let top = list_size.map_or(top, |size| size.min(top));
    let tenant = bearer.tenant(state, READ_PROFILES)?;
    let (people, next) = list_page(tenant, position, (&call, &select), (top, &matches));
    let mut page = Map::new();
    page.insert("@odata.context".to_owned(), json!(format!("{}v1.0/$metadata#users", simulator.settings().graph_base)));
    if let Some(position) = next {
        let token = ListToken { tenant: bearer.tenant, position, query: call.query.clone(), skip_generation };
        let token = state.seal.seal(Purpose::SkipToken, &token);
        let graph_base = &simulator.settings().graph_base;
        let base =
            state.tenants.get_mut(&bearer.tenant).map_or_else(|| graph_base.to_string(), |tenant| delta::next_base(tenant, graph_base));
        page.insert("@odata.nextLink".to_owned(), json!(format!("{base}v1.0/users?$skiptoken={token}")));
    }
    page.insert("value".to_owned(), Value::Array(people));
    Ok(Answer::ok(Value::Object(page), units))
}

fn check_list_parameters(call: &Call<'_>) -> Result<(), Failure> {
    const KNOWN: &[&str] = &["$select", "$filter", "$top", "$expand", "$count", "$skiptoken"];
    match call.query.iter().find(|(name, _)| !KNOWN.contains(&name.as_str())) {
        Some((name, _)) => Err(Failure::unsupported(format!("The query parameter '{name}' is not supported."))),
        None => Ok(()),
    }
}

fn top_of(call: &Call<'_>) -> Result<usize, Failure> {
    match call.parameter("$top").map(str::parse::<usize>) {
        None => Ok(PAGE_DEFAULT),
        Some(Ok(top)) if (1..=PAGE_MAX).contains(&top) => Ok(top),
        Some(_) => Err(Failure::bad_request(format!("Invalid page size specified. Must be between 1 and {PAGE_MAX} inclusive."))),
    }
}

/// Source: <https://learn.microsoft.com/en-us/graph/throttling-limits> (resource unit cost)
fn units(select: &[String], call: &Call<'_>, top: usize) -> u32 {
    let mut units = 2 + u32::from(call.parameter("$expand").is_some());
    units = units.saturating_sub(u32::from(!select.is_empty()));
    units.saturating_sub(u32::from(top < 20)).max(1)
}

fn list_page(
    tenant: &Tenant,
    position: usize,
    (call, select): (&Call<'_>, &[String]),
    (top, matches): (usize, &[filter::Test]),
) -> (Vec<Value>, Option<usize>) {
    let mut people = Vec::new();
    for (position, person) in tenant.directory.all().iter().enumerate().skip(position) {
        if person.presence != Presence::Present || !filter::accepts(matches, person) {
            continue;
        }
        if people.len() == top {
            return (people, Some(position));
        }
        people.push(profile(&tenant.directory, person, (call, select)));
    }
    (people, None)
}

/// A person with the selected properties, and the manager when expanded.
fn profile(directory: &Directory, person: &Person, (call, select): (&Call<'_>, &[String])) -> Value {
    let mut object = person.object(|name, _| match select {
        [] => properties::DEFAULT.contains(&name),
        select => select.iter().any(|selected| selected == name),
    });
    let expands = call.parameter("$expand").is_some_and(|expand| expand.starts_with("manager"));
    if let Some(manager) = person.manager().filter(|_| expands).and_then(|id| directory.person(id)) {
        let mut shown = manager.object(|name, _| properties::DEFAULT.contains(&name));
        shown.insert("@odata.type".to_owned(), json!("#microsoft.graph.user"));
        object.insert("manager".to_owned(), Value::Object(shown));
    }
    // Outside of delta, selected properties that were never set are null, or empty.
    for name in select.iter().filter(|name| *name != "manager") {
        object.entry(name.clone()).or_insert_with(|| properties::unset(name));
    }
    Value::Object(object)
}

/// `/users/{id}` and `/me`.
pub(super) fn one(state: &mut State, bearer: &Bearer, call: &Call<'_>, user: &str) -> Result<Answer, Failure> {
    let select = call.select()?;
    check_leave(state, bearer, &select)?;
    let own = bearer.user.filter(|own| user == "me" || user.parse() == Ok(*own));
    let tenant = match own {
        Some(_) => bearer.tenant(state, READ_ORGANIZATION)?,
        None => bearer.tenant(state, READ_PROFILES)?,
    };
    check_properties(tenant, &select)?;
    let person = match own {
        Some(own) => find(tenant, &own.to_string())?,
        None => find(tenant, user)?,
    };
    Ok(Answer::ok(profile(&tenant.directory, person, (call, &select)), 1))
}

/// `/users/{id}/manager`.
pub(super) fn manager(state: &mut State, bearer: &Bearer, call: &Call<'_>, user: &str) -> Result<Answer, Failure> {
    let select = call.select()?;
    let tenant = bearer.tenant(state, READ_PROFILES)?;
    let manager = find(tenant, user)?.manager().and_then(|id| tenant.directory.person(id));
    let manager = manager.filter(|manager| manager.presence == Presence::Present).ok_or_else(|| Failure::not_found("manager"))?;
    let mut object = profile(&tenant.directory, manager, (call, &select));
    object["@odata.type"] = json!("#microsoft.graph.user");
    Ok(Answer::ok(object, 1))
}

/// `/organization`.
pub(super) fn organization(simulator: &Simulator, state: &mut State, bearer: &Bearer) -> Result<Answer, Failure> {
    let tenant = bearer.tenant(state, READ_ORGANIZATION)?;
    let body = json!({
        "@odata.context": format!("{}v1.0/$metadata#organization", simulator.settings().graph_base),
        "value": [{
            "id": tenant.id,
            "displayName": tenant.name,
            "tenantType": "AAD",
            "verifiedDomains": [{"name": tenant.domain, "isDefault": true, "isInitial": true, "type": "Managed"}],
        }],
    });
    Ok(Answer::ok(body, 1))
}

pub(super) fn find<'a>(tenant: &'a Tenant, user: &str) -> Result<&'a Person, Failure> {
    let person = match user.parse::<Uuid>() {
        Ok(id) => tenant.directory.person(id),
        Err(_) => tenant.directory.present().find(|person| person.text("userPrincipalName").eq_ignore_ascii_case(user)),
    };
    person.filter(|person| person.presence == Presence::Present).ok_or_else(|| Failure::not_found(user))
}
