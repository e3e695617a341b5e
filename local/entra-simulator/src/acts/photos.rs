//! Acts on people's photos.

use uuid::Uuid;

use crate::chance::scatter;
use crate::photos::{Photo, PhotoPlace, Picture};
use crate::state::{State, Tenant};

/// The largest size of a mailbox.
const SIDE: u32 = 648;

/// Gives somebody a photo, or another one.
pub(super) fn give(world: &mut Tenant, user: Uuid, image: Option<String>, (side, place): (Option<u32>, PhotoPlace)) {
    world.photo_changes += 1;
    let version = world.photo_changes;
    let picture = match image {
        Some(text) => Picture::Given(text),
        None => Picture::Drawn(scatter(user.as_u64_pair().0 ^ version)),
    };
    world.photos.insert(user, Photo { picture, side: side.unwrap_or(SIDE), place, version });
}

/// Gives photos to people who have none.
pub(super) fn give_some(state: &mut State, tenant: Uuid, count: u32) -> Vec<Uuid> {
    draw_for(state, tenant, count, |world, user| !world.photos.contains_key(&user))
}

/// Gives other photos to people who have one.
pub(super) fn change_some(state: &mut State, tenant: Uuid, count: u32) -> Vec<Uuid> {
    draw_for(state, tenant, count, |world, user| world.photos.contains_key(&user))
}

/// The choice follows from who there is and what was changed before, so that it draws nothing that others are made of.
fn draw_for(state: &mut State, tenant: Uuid, count: u32, suits: impl Fn(&Tenant, Uuid) -> bool) -> Vec<Uuid> {
    let Some(world) = state.tenants.get_mut(&tenant) else { return Vec::new() };
    let mut users: Vec<Uuid> = world.directory.present().map(|person| person.id).filter(|user| suits(world, *user)).collect();
    users.sort_by_key(|user| scatter(user.as_u64_pair().1 ^ world.photo_changes));
    users.truncate(count as usize);
    for user in &users {
        give(world, *user, None, (None, PhotoPlace::Mailbox));
    }
    users
}
