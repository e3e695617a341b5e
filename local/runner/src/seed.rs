//! Gives every customer its history, through the public door: consents by the API and the simulator's sign-in, troubles as acts.
//!
//! The runner's first clock begins weeks ago, and the seeding ends now: so everything that is seen has really happened, in order. Each
//! beat is recorded when it is done and may be done twice, so a process that is ended in between goes on where it was.

mod consent;
mod script;

use adapters::clock::Clock as _;
use anyhow::{Context as _, Result};
use entra_simulator::{Act, Role, TenantSummary, UserSeed};
use jiff::SignedDuration;

use crate::customers::{self, Customer};
use crate::journal::Deed;
use crate::panel::Trouble;
use crate::passing;
use crate::world::World;

pub use script::SCRIPT;

/// How long before the present the history begins.
pub const REACHES_BACK: SignedDuration = SignedDuration::from_hours(24 * 117);
/// The step in which history passes: it is told more coarsely than what somebody watches.
const STEP: SignedDuration = SignedDuration::from_hours(48);
/// Of a large customer, photos are drawn for so many people.
const PHOTOS_MAX: u32 = 600;
/// How often a beat is tried.
const TRIES_MAX: u32 = 3;

/// One thing that happens in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// A customer's directory comes to be.
    Found(&'static str),
    /// The customer's admin consents, for the first time or again, and the people are synced.
    Connect(&'static str),
    /// The customer's second admin consents too, in reserve.
    Reinforce(&'static str),
    /// The customer's admin lets the app itself read.
    Entrust(&'static str),
    /// Something happens in the customer's directory.
    Work(&'static str, Trouble),
    /// Time passes until so many hours before the present, with the product at work.
    Until(i64),
    /// Time passes until so many hours before the present, with the product switched off.
    Sleep(i64),
}

impl Beat {
    /// What is happening, for who watches.
    #[must_use]
    pub fn sentence(&self) -> String {
        let name = |id: &str| customers::all().find(|customer| customer.id == id).map_or("a customer", |customer| customer.name);
        match self {
            Self::Found(id) => format!("Hiring people for {}", name(id)),
            Self::Connect(id) => format!("Connecting {}", name(id)),
            Self::Reinforce(id) => format!("Adding a backup at {}", name(id)),
            Self::Entrust(id) => format!("Letting the app itself read {}", name(id)),
            Self::Work(id, _) => format!("Causing trouble at {}", name(id)),
            Self::Until(_) | Self::Sleep(_) => "Letting weeks pass".to_owned(),
        }
    }
}

/// Plays what is left of the script's first `beats`.
///
/// # Errors
/// When a beat fails again and again. It is played once more at the next start.
pub async fn play(world: &World, beats: usize) -> Result<()> {
    for (index, beat) in SCRIPT.iter().enumerate().take(beats).skip(world.journal.notes().beats_done) {
        let mut tries = 1;
        let deeds = loop {
            let _alone = world.turn.write().await;
            match perform(world, *beat).await {
                // Somebody may be working on the same connection in the portal.
                Err(error) if tries < TRIES_MAX => tracing::warn!(error = format!("{error:#}"), index, ?beat, "a beat is played again"),
                other => break other.with_context(|| format!("the demonstration could not be prepared, at beat {index}, {beat:?}"))?,
            }
            tries += 1;
        };
        world.journal.change(|notes| {
            notes.beats_done = index + 1;
            deeds.into_iter().for_each(|deed| notes.tell(deed));
        })?;
    }
    Ok(())
}

async fn perform(world: &World, beat: Beat) -> Result<Option<Deed>> {
    world.tell_simulator_the_time();
    match beat {
        Beat::Found(id) => {
            found(world, known(id)?);
            Ok(None)
        }
        Beat::Connect(id) => {
            consent::connect(world, known(id)?).await?;
            Ok(None)
        }
        Beat::Reinforce(id) => {
            consent::reinforce(world, known(id)?).await?;
            Ok(None)
        }
        Beat::Entrust(id) => {
            consent::entrust(world, known(id)?).await?;
            Ok(None)
        }
        Beat::Work(id, trouble) => {
            let customer = known(id)?.id().context("the customer's id is none")?;
            let what = trouble.happen(world, &customer).await?;
            passing::catch_up(world).await?;
            Ok(Some(Deed { at: world.clock.now(), customer: Some(customer), what: what.to_owned() }))
        }
        Beat::Until(hours) => {
            while let Some(by) = left(world, hours) {
                passing::step(world, by.min(STEP)).await?;
            }
            Ok(None)
        }
        Beat::Sleep(hours) => {
            left(world, hours).map_or(Ok(()), |by| passing::shift(world, by))?;
            passing::catch_up(world).await?;
            Ok(None)
        }
    }
}

fn known(id: &str) -> Result<Customer> {
    customers::all().find(|customer| customer.id == id).with_context(|| format!("the script names {id}, who is no customer"))
}

/// The time left until so many hours before the present.
fn left(world: &World, hours: i64) -> Option<SignedDuration> {
    let left = -SignedDuration::from_hours(hours) - world.clock.offset();
    left.is_positive().then_some(left)
}

/// Makes the customer's tenant where it is missing, and its people; the first of them is its admin, the last one a second admin.
fn found(world: &World, customer: Customer) {
    let simulator = &world.simulator;
    let existing = simulator.tenants().into_iter().find(|tenant| tenant.name == customer.name);
    let tenant = existing.map_or_else(|| simulator.add_tenant(customer.name), |tenant| tenant.id);
    if simulator.people_count(tenant) == 0 {
        let people = customer.people.unwrap_or(world.people);
        simulator.add_people(tenant, people.saturating_sub(1));
        give_photos(world, tenant, people.min(PHOTOS_MAX) / 3 * 2);
    }
    if let Some(tenant) = simulator.tenants().into_iter().find(|known| known.id == tenant) {
        hire_second_admin(world, &tenant);
    }
}

/// Two of three people have a photo, as far as somebody would look.
fn give_photos(world: &World, tenant: uuid::Uuid, count: u32) {
    if let Err(error) = world.simulator.work(tenant, Act::GivePhotos { count }) {
        tracing::warn!(error = &error as &dyn std::error::Error, "nobody has a photo");
    }
}

/// Somebody who can consent when the first admin cannot any more, and beside the first admin.
fn hire_second_admin(world: &World, tenant: &TenantSummary) {
    if tenant.admins.len() < 2 {
        let name = format!("it.admin@{}", tenant.domain);
        let seed = UserSeed {
            display_name: "Robin Okafor".to_owned(),
            user_principal_name: name.clone(),
            mail: Some(name),
            job_title: Some("IT Administrator".to_owned()),
            department: Some("IT".to_owned()),
            role: Role::Admin,
        };
        world.simulator.add_user(tenant.id, seed);
    }
}
