//! A consent as the portal and the admin's browser would do it: over HTTP, by the API's own routes.

use std::time::Duration;

use adapters::clock::Clock as _;
use adapters::transport::{Network, Transport as _};
use anyhow::{Context as _, Result, bail};
use domain::api::{AccessWord, AttemptWord, BeginReconnect, ConnectionList, ConnectionStatus, HealthWord, ReconnectAttempt};
use domain::ids::{ConnectionId, CustomerId};
use entra_simulator::TenantSummary;
use http::header::LOCATION;
use http::{Method, Request};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::customers::Customer;
use crate::passing;
use crate::telling;
use crate::world::World;

/// How often the attempt's end is asked for.
const ASKS_MAX: u32 = 200;
const ASK_EVERY: Duration = Duration::from_millis(25);
/// How many pages of the simulator one consent leads through: the app's own needs a sign-in after it.
const PAGES_MAX: u32 = 2;
/// How often the first sync is waited for.
const ROUNDS_MAX: u32 = 40;

/// Connects a customer, or reconnects it, and waits for its people. One that works already is only waited for.
pub(super) async fn connect(world: &World, customer: Customer) -> Result<()> {
    let client = Client::of(world, customer)?;
    let connection = client.connection().await?;
    if !matches!(connection.health, HealthWord::Healthy | HealthWord::Expiring) {
        client.consent(&plain(connection.id.clone()), client.first_admin()?).await?;
    }
    telling::hear(world, customer).await?;
    client.await_people(&connection.id).await
}

/// Adds the second admin's consent, in reserve, where there is none yet.
pub(super) async fn reinforce(world: &World, customer: Customer) -> Result<()> {
    let client = Client::of(world, customer)?;
    let connection = client.connection().await?;
    if connection.spare.is_some() {
        return Ok(());
    }
    let tenant = client.tenant()?;
    let other = tenant.admins.iter().find(|admin| Some(&admin.user_principal_name) != connection.consented_by.as_ref());
    let other = other.context("the tenant has no second admin")?.id;
    client.consent(&BeginReconnect { spare: true, ..plain(connection.id) }, (tenant.id, other)).await
}

/// Lets the app itself read, where it does not yet.
pub(super) async fn entrust(world: &World, customer: Customer) -> Result<()> {
    let client = Client::of(world, customer)?;
    let connection = client.connection().await?;
    if connection.access == Some(AccessWord::AppOnly) {
        return Ok(());
    }
    client.consent(&BeginReconnect { access: Some(AccessWord::AppOnly), ..plain(connection.id.clone()) }, client.first_admin()?).await?;
    client.await_people(&connection.id).await
}

/// A consent of the same kind as now.
fn plain(connection: ConnectionId) -> BeginReconnect {
    BeginReconnect { connection, return_url: None, choose_account: false, access: None, spare: false }
}

struct Client<'a> {
    world: &'a World,
    network: Network,
    customer: CustomerId,
}

impl<'a> Client<'a> {
    fn of(world: &'a World, customer: Customer) -> Result<Self> {
        let customer = customer.id().context("the customer's id is none")?;
        Ok(Self { world, network: Network::connect()?, customer })
    }

    fn tenant(&self) -> Result<TenantSummary> {
        self.world.tenant_of(&self.customer).context("the customer has no tenant")
    }

    fn first_admin(&self) -> Result<(Uuid, Uuid)> {
        let tenant = self.tenant()?;
        Ok((tenant.id, tenant.admins.first().context("the tenant has no admin")?.id))
    }

    async fn connection(&self) -> Result<ConnectionStatus> {
        let list: ConnectionList = self.ask(Method::GET, "v1/connections", Vec::new()).await?;
        match list.connections.into_iter().next() {
            Some(connection) => Ok(connection),
            None => self.ask(Method::POST, "v1/connections", Vec::new()).await,
        }
    }

    async fn consent(&self, begin: &BeginReconnect, account: (Uuid, Uuid)) -> Result<()> {
        let begun: ReconnectAttempt = self.ask(Method::POST, "v1/reconnect-attempts", serde_json::to_vec(begin)?).await?;
        let mut page = begun.authorize_url;
        for _ in 0..PAGES_MAX {
            let Some(url) = page else { break };
            self.world.tell_simulator_the_time();
            let back = self.world.simulator.accept(&url.parse()?, account)?;
            let answer = self.network.send(Request::get(back.as_str()).body(Vec::new())?).await?;
            page = answer.headers().get(LOCATION).map(|location| location.to_str().map(str::to_owned)).transpose()?;
        }
        for _ in 0..ASKS_MAX {
            let attempt: ReconnectAttempt = self.ask(Method::GET, &format!("v1/reconnect-attempts/{}", begun.id), Vec::new()).await?;
            match attempt.state {
                AttemptWord::Succeeded => return Ok(()),
                AttemptWord::Pending | AttemptWord::Verifying => tokio::time::sleep(ASK_EVERY).await,
                AttemptWord::Failed | AttemptWord::Expired | AttemptWord::Superseded => {
                    bail!("the consent did not succeed: {}", attempt.failure.map_or_else(String::new, |failure| failure.sentence));
                }
            }
        }
        bail!("the consent did not end in time")
    }

    async fn await_people(&self, connection: &ConnectionId) -> Result<()> {
        let store = &self.world.ports.store;
        for _ in 0..ROUNDS_MAX {
            passing::catch_up(self.world).await?;
            let walk = store.walk(connection).await?;
            if walk.is_some_and(|(walk, _)| walk.completed_at.is_some() && !walk.is_under_way()) {
                return Ok(());
            }
            store.hasten_walk(connection, self.world.clock.now()).await?;
            tokio::time::sleep(ASK_EVERY).await;
        }
        bail!("the first sync did not end in time")
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Vec<u8>) -> Result<T> {
        let url = self.world.addresses.api.join(path)?;
        let token = self.world.signer.mint(&self.customer, self.world.clock.now())?;
        let request = Request::builder().method(method).uri(url.as_str()).header("authorization", format!("Bearer {token}"));
        let answer = self.network.send(request.header("content-type", "application/json").body(body)?).await?;
        if !answer.status().is_success() {
            bail!("{path} answered {}: {}", answer.status(), String::from_utf8_lossy(answer.body()));
        }
        serde_json::from_slice(answer.body()).with_context(|| format!("{path} answered something else than it promised"))
    }
}
