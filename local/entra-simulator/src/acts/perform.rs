//! Carries acts out.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Act, ActError, Reach, photos};
use crate::directory::{Person, Presence, Role};
use crate::faults::{ItemOrder, Quirk, Target, Trouble};
use crate::graph::properties;
use crate::keys::SigningKey;
use crate::licenses;
use crate::moment;
use crate::people;
use crate::registration::CredentialState;
use crate::state::{ServicePrincipal, State, Tenant};

/// Performs one act in a tenant; answers which users it touched. A refused act changes nothing.
pub(crate) fn perform(state: &mut State, tenant: Uuid, act: Act) -> Result<Vec<Uuid>, ActError> {
    if !state.tenants.contains_key(&tenant) {
        return Err(ActError::UnknownTenant(tenant));
    }
    match act {
        Act::AddPeople { count } => Ok(people::add(state, tenant, count)),
        Act::ChangeJobTitles { count } => Ok(people::change_job_titles(state, tenant, count)),
        Act::ChangePeople { count } => Ok(people::change(state, tenant, count)),
        Act::DeletePeople { count } => Ok(delete_people(state, tenant, count)),
        Act::RotateSigningKey => {
            state.signing_key = SigningKey::generate();
            Ok(Vec::new())
        }
        Act::ExpireSecret { reach } => Ok(set_credential(state, tenant, reach, CredentialState::Expired)),
        Act::BreakSecret { reach } => Ok(set_credential(state, tenant, reach, CredentialState::Broken)),
        Act::RestoreSecret { reach } => Ok(set_credential(state, tenant, reach, CredentialState::Sound)),
        Act::GrantConsent => Ok(grant_everything(state, tenant)),
        Act::GrantApplicationPermissions => Ok(grant_roles(state, tenant)),
        Act::BlockByConditionalAccess { policy_id } => {
            let policy_id = policy_id.unwrap_or_else(|| state.chance.guid());
            with_tenant(state, tenant, |world| world.policies.blocked_by = Some(policy_id))
        }
        Act::AssignLicense { user, sku: None } => {
            let sku = *state.chance.pick(licenses::SKUS);
            perform_on_user(state, tenant, Act::AssignLicense { user, sku: Some(sku) })
        }
        Act::FailProperty { property, times, says } => match properties::is_property(&property) {
            true => with_tenant(state, tenant, |world| world.faults.properties.order(property, times, says)),
            false => Err(ActError::UnknownProperty(property)),
        },
        Act::LiftProperty { property } => with_tenant(state, tenant, |world| world.faults.properties.lift(property.as_deref())),
        Act::GivePhotos { count } => Ok(photos::give_some(state, tenant, count)),
        Act::ChangePhotos { count } => Ok(photos::change_some(state, tenant, count)),
        act => perform_on_user(state, tenant, act),
    }
}

/// Acts on one user; everything else goes on.
fn perform_on_user(state: &mut State, tenant: Uuid, act: Act) -> Result<Vec<Uuid>, ActError> {
    let now = state.now;
    let Some(world) = state.tenants.get_mut(&tenant) else { return Err(ActError::UnknownTenant(tenant)) };
    let user = match &act {
        Act::ResetAdminPassword { user }
        | Act::RevokeSessions { user }
        | Act::RequireMfa { user }
        | Act::LiftMfa { user }
        | Act::DisableUser { user }
        | Act::EnableUser { user }
        | Act::DeleteUser { user }
        | Act::RestoreUser { user }
        | Act::PurgeUser { user }
        | Act::AssignUser { user }
        | Act::AssignLicense { user, .. }
        | Act::RemoveLicenses { user }
        | Act::SetManager { user, .. }
        | Act::GivePhoto { user, .. }
        | Act::RemovePhoto { user }
        | Act::ChangeUser { user, .. } => *user,
        _ => return perform_on_tenant(world, act),
    };
    require_user(world, user)?;
    match act {
        Act::ResetAdminPassword { .. } => {
            revoke(world, user, now);
            world.directory.set(user, "lastPasswordChangeDateTime", json!(moment::graph(now)));
        }
        Act::RevokeSessions { .. } => revoke(world, user, now),
        Act::RequireMfa { .. } => with_person(world, user, |person| person.mfa_required_since = Some(now)),
        Act::LiftMfa { .. } => with_person(world, user, |person| person.mfa_required_since = None),
        Act::DisableUser { .. } => world.directory.set(user, "accountEnabled", Value::Bool(false)),
        Act::EnableUser { .. } => world.directory.set(user, "accountEnabled", Value::Bool(true)),
        Act::DeleteUser { .. } => world.directory.set_presence(user, Presence::SoftDeleted),
        Act::RestoreUser { .. } => world.directory.set_presence(user, Presence::Present),
        Act::PurgeUser { .. } => world.directory.set_presence(user, Presence::Purged),
        Act::AssignUser { .. } => with_principals(world, |principal| {
            principal.assigned.insert(user);
        }),
        Act::AssignLicense { sku, .. } => licenses::set(&mut world.directory, user, sku.as_slice()),
        Act::RemoveLicenses { .. } => licenses::set(&mut world.directory, user, &[]),
        Act::SetManager { manager, .. } => {
            manager.map_or(Ok(()), |manager| require_user(world, manager))?;
            world.directory.set_manager(user, manager);
        }
        Act::ChangeUser { properties, .. } => change_user(world, user, properties)?,
        Act::GivePhoto { image, side, place, .. } => photos::give(world, user, image, (side, place)),
        Act::RemovePhoto { .. } => drop(world.photos.remove(&user)),
        _ => {}
    }
    Ok(vec![user])
}

/// Acts on the tenant's policies and its app; everything else goes on.
fn perform_on_tenant(world: &mut Tenant, act: Act) -> Result<Vec<Uuid>, ActError> {
    match act {
        Act::RememberMfaDays { days } => world.policies.remember_mfa_days = days,
        Act::SignInFrequency { seconds, enforced } => {
            world.policies.sign_in_frequency_seconds = seconds;
            world.policies.defers_sign_in_frequency = !enforced;
        }
        Act::DeferSignInFrequency { on } => world.policies.defers_sign_in_frequency = on,
        Act::LiftConditionalAccess => world.policies.blocked_by = None,
        Act::WithdrawConsent => with_principals(world, ServicePrincipal::withdraw),
        Act::WithdrawApplicationPermissions => with_principals(world, |principal| principal.roles.clear()),
        Act::DisableApp => with_principals(world, |principal| principal.is_disabled = true),
        Act::EnableApp => with_principals(world, |principal| principal.is_disabled = false),
        Act::DeleteServicePrincipal => world.service_principals.clear(),
        Act::RequireAssignment => with_principals(world, |principal| principal.requires_assignment = true),
        Act::LiftAssignment => with_principals(world, |principal| principal.requires_assignment = false),
        Act::RemoveTenant => world.exists = false,
        Act::RestoreTenant => world.exists = true,
        Act::DenyPhotos { on } => world.denies_photos = on,
        Act::PlaceholderPhotos { on } => world.has_placeholder_photos = on,
        Act::FailThrottledBatches { on } => world.fails_throttled_batches = on,
        act => order_faults(world, act),
    }
    Ok(Vec::new())
}

/// Acts that put trouble on order; everything else goes on.
fn order_faults(world: &mut Tenant, act: Act) {
    let faults = &mut world.faults;
    match act {
        Act::ThrottleGraph { requests, retry_after } => faults.of(Target::Graph).add(Trouble::Throttle(retry_after), requests),
        Act::ThrottleToken { requests, retry_after } => faults.of(Target::Token).add(Trouble::Throttle(retry_after), requests),
        Act::SlowGraph { milliseconds } => faults.slow_graph_milliseconds = milliseconds,
        Act::FailNext { target, times, fault } => faults.of(target).add(Trouble::Fail(fault), times),
        Act::ClaimsChallengeGraph { times } => faults.of(Target::Graph).add(Trouble::ClaimsChallenge, times),
        Act::FailBatchItems { items, fault, path } => faults.items.add(ItemOrder { path, fault }, items),
        Act::Loop { times } => faults.quirks.add(Quirk::Refuse(50196), times),
        Act::MissingErrorCodes { times } => faults.quirks.add(Quirk::MissingErrorCodes, times),
        Act::StringErrorCodes { times } => faults.quirks.add(Quirk::StringErrorCodes, times),
        Act::TwoCodes { times } => faults.quirks.add(Quirk::TwoCodes, times),
        Act::UnknownCode { code, times } => faults.quirks.add(Quirk::Refuse(code), times),
        Act::UnknownSuberror { times } => faults.quirks.add(Quirk::UnknownSuberror, times),
        Act::NoRefreshToken { times } => faults.quirks.add(Quirk::NoRefreshToken, times),
        Act::ClearFaults => {
            for target in [Target::Token, Target::Graph, Target::Authorize] {
                faults.of(target).clear();
            }
            faults.quirks.clear();
            faults.properties.lift(None);
            faults.items.clear();
            faults.slow_graph_milliseconds = 0;
        }
        act => bend_delta(world, &act),
    }
}

/// Acts on how delta walks behave.
fn bend_delta(world: &mut Tenant, act: &Act) {
    let sequence = world.directory.sequence();
    let delta = &mut world.delta;
    match *act {
        Act::ExpireDeltaTokens => delta.delta_generation += 1,
        Act::ResetDelta => delta.reset_generation += 1,
        Act::ExpireSkipTokens => delta.skip_generation += 1,
        Act::ForeignNextLink { times } => delta.foreign_links = times,
        Act::PageSize { people } => {
            delta.page_size = people.max(1) as usize;
            delta.list_size = Some(delta.page_size);
        }
        Act::RefuseMarks { on } => delta.refuses_marks = on,
        Act::EmptyPages { pages } => delta.empty_pages = pages,
        Act::RepeatPeople { on } => delta.repeats_people = on,
        Act::ShufflePages { on } => delta.shuffles_pages = on,
        Act::LagPolls { polls } => delta.lag = (polls > 0).then_some((sequence, polls)),
        Act::RemovedInFirstRound { on } => delta.removed_in_first_round = on,
        Act::EchoExtensions { on } => delta.echoes_extensions = on,
        _ => {}
    }
}

fn with_tenant(state: &mut State, tenant: Uuid, change: impl FnOnce(&mut Tenant)) -> Result<Vec<Uuid>, ActError> {
    let world = state.tenants.get_mut(&tenant).ok_or(ActError::UnknownTenant(tenant))?;
    change(world);
    Ok(Vec::new())
}

fn require_user(world: &Tenant, user: Uuid) -> Result<(), ActError> {
    match world.directory.person(user) {
        Some(_) => Ok(()),
        None => Err(ActError::UnknownUser { tenant: world.id, user }),
    }
}

fn with_person(world: &mut Tenant, user: Uuid, change: impl FnOnce(&mut Person)) {
    if let Some(person) = world.directory.person_mut(user) {
        change(person);
    }
}

fn with_principals(world: &mut Tenant, change: impl Fn(&mut ServicePrincipal)) {
    world.service_principals.values_mut().for_each(change);
}

/// Source: <https://learn.microsoft.com/en-us/graph/api/user-revokesigninsessions>
fn revoke(world: &mut Tenant, user: Uuid, now: Timestamp) {
    with_person(world, user, |person| person.tokens_valid_from = Some(now));
    world.directory.set(user, "signInSessionsValidFromDateTime", json!(moment::graph(now)));
}

fn change_user(world: &mut Tenant, user: Uuid, changes: Map<String, Value>) -> Result<(), ActError> {
    if let Some(unknown) = changes.keys().find(|name| *name == "id" || !properties::is_property(name)) {
        return Err(ActError::UnknownProperty(unknown.clone()));
    }
    for (name, value) in changes {
        world.directory.set(user, &name, value);
    }
    Ok(())
}

fn set_credential(state: &mut State, tenant: Uuid, reach: Reach, credential: CredentialState) -> Vec<Uuid> {
    match reach {
        Reach::Everywhere => state.apps.values_mut().for_each(|app| app.credential = credential),
        Reach::ThisTenant => {
            if let Some(world) = state.tenants.get_mut(&tenant) {
                world.credential = credential;
            }
        }
    }
    Vec::new()
}

/// Grants what every registered app lists.
fn grant_everything(state: &mut State, tenant: Uuid) -> Vec<Uuid> {
    let State { apps, tenants, .. } = state;
    if let Some(world) = tenants.get_mut(&tenant) {
        for (client_id, registered) in apps {
            let principal = world.service_principals.entry(*client_id).or_default();
            principal.delegated.extend(registered.app.delegated_permissions.iter().cloned());
        }
    }
    grant_roles(state, tenant)
}

/// Grants the application permissions that every registered app lists; a deleted service principal is made anew by that.
fn grant_roles(state: &mut State, tenant: Uuid) -> Vec<Uuid> {
    let State { apps, tenants, .. } = state;
    if let Some(world) = tenants.get_mut(&tenant) {
        for (client_id, registered) in apps {
            let principal = world.service_principals.entry(*client_id).or_default();
            principal.roles.extend(registered.app.application_permissions.iter().cloned());
        }
    }
    Vec::new()
}

fn delete_people(state: &mut State, tenant: Uuid, count: u32) -> Vec<Uuid> {
    let State { tenants, chance, .. } = state;
    let Some(world) = tenants.get_mut(&tenant) else { return Vec::new() };
    let members = world.directory.present().filter(|person| person.role != Role::Admin);
    let mut ids: Vec<Uuid> = members.map(|person| person.id).collect();
    chance.shuffle(&mut ids);
    ids.truncate(count as usize);
    for id in &ids {
        world.directory.set_presence(*id, Presence::SoftDeleted);
    }
    ids
}
